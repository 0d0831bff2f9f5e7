"""The answer of a study and of a test, as a person reads them on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mapsto.cli._board import choices, clock
from mapsto.report.commands import continuing, predicting
from mapsto.report.format import chance, decimals, number, points

MOST_FINDINGS = 3
"""Findings about the space that a terminal shows; the report has all."""
VERDICT_STYLES = {"better": "green", "not distinguishable": "yellow", "default is best": "yellow"}


def value_text(metric: Mapping[str, Any]) -> str:
    """A metric's value.

    Example:
        >>> value_text({"value": 0.9832, "low": 0.96, "high": 0.99, "percent": True})
        '98.3%'
    """
    return number(metric.get("value"), _unit(metric), digits=decimals(metric.get("low"), metric.get("high")))


def interval_text(metric: Mapping[str, Any]) -> str:
    """A metric's interval, or nothing where it has none.

    Example:
        >>> interval_text({"value": 0.9832, "low": 0.96, "high": 0.99, "percent": True})
        '96.0% to 99.0%'
    """
    low, high = metric.get("low"), metric.get("high")
    if low is None or high is None:
        return ""
    digits = decimals(low, high)
    return f"{number(low, _unit(metric), digits=digits)} to {number(high, _unit(metric), digits=digits)}"


def result_line(summary: Mapping[str, Any], run: Path) -> str:
    """The whole answer of a study in one line."""
    card, objective = summary.get("scorecard") or {}, summary["objective"]
    metric = (card.get("metrics") or {}).get(objective["name"], {})
    interval = f" ({interval_text(metric)})" if interval_text(metric) else ""
    return (
        f"{run}: {objective['title']} {value_text(metric)}{interval} on {card.get('rows', 0):,} {card.get('part')} rows"
    )


def show_result(console: Console, summary: Mapping[str, Any], run: Path) -> None:
    """Prints the answer of a study: the winner, its test, what it was compared with, and what can be done next."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column()
    winner = summary.get("winner") or {}
    if winner:
        facts.add_row(
            "winner",
            Text(f"trial {winner['number']}", style="bold").append(f"  {choices(winner['chosen'])}", style="not bold"),
        )
    if _validated(summary):
        facts.add_row("validation", _validated(summary))
    if summary.get("verdict_text"):
        verdict = " ".join([summary["verdict_text"], *_likely(summary)])
        facts.add_row("verdict", Text(verdict, style=VERDICT_STYLES.get(summary["verdict"], "")))
    if _looks(summary):
        facts.add_row(
            "careful", "The run that this one continues was tested on the same rows: scores flatter a little."
        )
    facts.add_row("trials", _effort(summary))
    if summary.get("ensemble"):
        facts.add_row("ensemble", _ensemble(summary, summary["ensemble"]))
    for label, words in _space(summary, run):
        facts.add_row(label, words)
    console.print(Padding(Text(_title(summary), style="bold"), (1, 2, 0, 2)))
    console.print(Padding(facts, (1, 2, 0, 2)))
    card = summary.get("scorecard") or {}
    if card:
        console.print(Padding(_comparison(summary, card), (1, 2, 0, 2)))
    console.print(Padding(_next(summary, run), (1, 2)))


def show_scorecard(console: Console, card: Mapping[str, Any]) -> None:
    """Prints a scorecard: every metric with its interval, and every class."""
    metrics = Table(box=None, padding=(0, 3, 0, 0), header_style="dim", title_justify="left")
    metrics.add_column(f"{card['part']} part, {card['rows']:,} rows")
    metrics.add_column("value", justify="right")
    metrics.add_column("95% interval")
    for metric in card["metrics"].values():
        metrics.add_row(metric["title"], Text(value_text(metric), style="bold"), interval_text(metric))
    console.print(Padding(metrics, (1, 2)))
    if card.get("per_class"):
        console.print(Padding(_classes(card["per_class"]), (0, 2, 1, 2)))


def _unit(metric: Mapping[str, Any]) -> Any:
    return "percent" if metric.get("percent") else "number"


def _title(summary: Mapping[str, Any]) -> str:
    facts = summary.get("facts") or {}
    size = f" · {facts['num_rows']:,} rows" if facts.get("num_rows") else ""
    return f"{facts.get('name') or summary['name']} · {summary['task']['title']}{size}"


def _validated(summary: Mapping[str, Any]) -> str:
    """What the winner reached in its repeated runs, and the default recipe beside it; nothing without such runs."""
    winner, default = ((summary.get(key) or {}).get("validation") or {} for key in ("winner", "default"))
    if not winner.get("n"):
        return ""
    unit = _unit(summary["objective"])
    runs = f"{summary['objective']['title']} {number(winner['mean'], unit, digits=2)}, mean of {winner['n']} runs"
    judged = summary.get("judgment") or {}
    if judged.get("optimism") is not None and judged.get("corrected_mean") is not None:
        runs += f" ({number(judged['corrected_mean'], unit, digits=2)} without the luck of being picked)"
    return f"{runs}; the default {number(default['mean'], unit, digits=2)}" if default.get("n") else runs


def _likely(summary: Mapping[str, Any]) -> list[str]:
    """How probable it is that the winner is better than the default, where that was estimated."""
    probability = (summary.get("judgment") or {}).get("probability_better")
    return [] if probability is None else [f"Probability that it is better: {chance(probability)}."]


def _looks(summary: Mapping[str, Any]) -> int:
    """How often the test part had been looked at before."""
    return int((summary.get("continued") or {}).get("test_looks") or 0)


def _ensemble(summary: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """The ensemble in a line: its score, by how much it differs from the winner's, and what it costs."""
    objective = summary["objective"]
    metric = {**objective, **((found.get("metrics") or {}).get(objective["name"]) or {})}
    difference = found.get("difference") or {}
    unit = " points" if objective.get("percent") else ""
    value, low, high = (
        points(difference.get(key), percent=bool(objective.get("percent"))) for key in ("value", "low", "high")
    )
    interval = "" if "–" in (low, high) else f", {low} to {high}"
    weights = found["parameters"] / max(1, found["best_parameters"])
    return (
        f"{len(found['members'])} networks: {objective['title']} {value_text(metric)} ({value}{unit}{interval}), "
        f"{weights:.2g}× the weights"
    )


def _space(summary: Mapping[str, Any], run: Path) -> list[tuple[str, Text]]:
    """What the trials say about the space, each with the command that acts on it."""
    findings = list(summary.get("health") or ())
    rows: list[tuple[str, Text]] = []
    for found in findings[:MOST_FINDINGS]:
        rows.append(("" if rows else "space", Text(str(found["message"]).replace("`", ""))))
        command = continuing(run, found.get("setting"), str(summary.get("recipe_yaml") or ""))
        if command:
            rows.append(("", Text(command, style="cyan")))
    left = len(findings) - MOST_FINDINGS
    return [*rows, ("", Text(f"{left} more in the report", style="dim"))] if left > 0 else rows


def _effort(summary: Mapping[str, Any]) -> str:
    explored = [trial for trial in summary.get("trials") or () if trial["phase"] == "explore"]
    words = {
        "complete": "complete",
        "stopped": "cut by time",
        "pruned": "stopped early",
        "infeasible": "beyond a limit",
        "failed": "failed",
    }
    counts = [f"{n} {word}" for state, word in words.items() if (n := sum(t["state"] == state for t in explored))]
    budget = summary.get("budget") or {}
    used = f" · {clock(budget['used'])}" if budget.get("used") is not None else ""
    of = f" of {clock(budget['seconds'])}" if budget.get("seconds") else ""
    return f"{len(explored)}: {', '.join(counts)}{used}{of}"


def _comparison(summary: Mapping[str, Any], card: Mapping[str, Any]) -> Table:
    """The network beside the plain baselines, on the same rows."""
    objective = summary["objective"]
    own = card["metrics"].get(objective["name"], {})
    rows: list[tuple[str, Mapping[str, Any], str]] = [("the network", own, "bold green")]
    for baseline in summary.get("baselines") or ():
        measured = (baseline.get("metrics") or {}).get(objective["name"], {"value": None})
        metric: Mapping[str, Any] = {**own, "low": None, "high": None, **measured}
        rows.append((str(baseline.get("title") or baseline["name"]), metric, ""))
    sign = -1 if objective["direction"] == "maximize" else 1
    rows.sort(key=lambda row: (row[1].get("value") is None, sign * (row[1].get("value") or 0.0)))
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    use = "looked at before" if _looks(summary) else "used for nothing else"
    table.add_column(f"on {card['rows']:,} {card['part']} rows, {use}")
    table.add_column(objective["title"], justify="right")
    table.add_column("95% interval")
    for name, metric, style in rows:
        table.add_row(Text(name, style=style), Text(value_text(metric), style=style), interval_text(metric))
    return table


def _classes(classes: list[Mapping[str, Any]]) -> Table:
    columns = [key for key in ("precision", "recall", "f1", "iou") if key in classes[0]]
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("class")
    for name in ("rows", *columns):
        table.add_column("F1" if name == "f1" else "IoU" if name == "iou" else name, justify="right")
    for row in classes:
        shares = [number(row.get(key), "percent") for key in columns]
        table.add_row(Text(str(row["name"])), number(row.get("rows"), "whole"), *shares)
    return table


def _next(summary: Mapping[str, Any], run: Path) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column(overflow="fold")
    if (run / "report.html").exists():
        grid.add_row("report", Text(str(run / "report.html"), style="cyan"))
    recipe = str(summary.get("recipe_yaml") or "")
    grid.add_row("use it", Text(predicting(run, recipe)))
    if summary.get("ensemble"):
        grid.add_row("or all", Text(predicting(run, recipe, ensemble=True)))
    return grid
