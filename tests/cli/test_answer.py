from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from mapsto.cli import _answer

ACCURACY = {"title": "accuracy", "value": 0.9889, "low": 0.968, "high": 0.996, "percent": True}
LOSS = {"title": "log loss", "value": 0.0512, "low": 0.03, "high": 0.08, "percent": False}
SUMMARY: dict[str, Any] = {
    "name": "demo",
    "task": {"title": "image classification"},
    "facts": {"name": "digits", "num_rows": 1797},
    "objective": {"name": "accuracy", "title": "accuracy", "direction": "maximize", "percent": True},
    "winner": {"number": 5, "chosen": {"optimizer.learning_rate": 0.0031}, "validation": {"mean": 0.9912, "n": 3}},
    "default": {"validation": {"mean": 0.9792, "n": 3}},
    "verdict": "better",
    "verdict_text": "The winner is better than the default recipe: +1.2 points.",
    "trials": [
        {"phase": "explore", "state": "complete"},
        {"phase": "explore", "state": "pruned"},
        {"phase": "confirm", "state": "complete"},
    ],
    "budget": {"seconds": 60.0, "used": 58.2},
    "scorecard": {"part": "test", "rows": 270, "metrics": {"accuracy": ACCURACY, "log_loss": LOSS}},
    "baselines": [
        {"title": "majority class", "metrics": {"accuracy": {"value": 0.1, "low": 0.07, "high": 0.14}}},
        {"title": "out of time", "metrics": {}},
        {"title": "trees", "metrics": {"accuracy": {"value": 0.99, "low": 0.97, "high": 0.997}}},
    ],
}


def shown(summary: dict[str, Any], run: Path = Path("runs/digits")) -> list[str]:
    paper = io.StringIO()
    _answer.show_result(Console(file=paper, width=120), summary, run)
    return [line.strip() for line in paper.getvalue().split("\n")]


def test_the_answer_in_one_line():
    line = _answer.result_line(SUMMARY, Path("runs/digits"))
    assert line == "runs/digits: accuracy 98.9% (96.8% to 99.6%) on 270 test rows"


def test_the_answer_names_winner_verdict_and_effort():
    lines = shown(SUMMARY)
    assert "digits · image classification · 1,797 rows" in lines
    assert "winner      trial 5  learning_rate 0.0031" in lines
    assert "validation  accuracy 99.12%, mean of 3 runs; the default 97.92%" in lines
    assert "verdict     The winner is better than the default recipe: +1.2 points." in lines
    assert "trials      2: 1 complete, 1 stopped early · 0:58 of 1:00" in lines


def test_baselines_stand_beside_the_network_the_best_first():
    rows = [line.split() for line in shown(SUMMARY) if "% to" in line or line.endswith("–")]
    assert [row[0] for row in rows] == ["trees", "the", "majority", "out"]
    assert rows[1] == ["the", "network", "98.9%", "96.8%", "to", "99.6%"]
    assert rows[-1] == ["out", "of", "time", "–"]


def test_lower_is_better_where_the_objective_says_so():
    objective = {"name": "accuracy", "title": "error", "direction": "minimize", "percent": True}
    rows = [line.split()[0] for line in shown({**SUMMARY, "objective": objective}) if "% to" in line]
    assert rows == ["majority", "the", "trees"]


def test_the_report_is_named_when_it_is_there(tmp_path: Path):
    assert not any(line.startswith("report") for line in shown(SUMMARY, tmp_path))
    (tmp_path / "report.html").touch()
    assert any(line.startswith("report") for line in shown(SUMMARY, tmp_path))


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("winner", "trial 5"),
        ("verdict_text", "verdict"),
        ("default", "97.92"),
        ("scorecard", "network"),
        ("baselines", "trees"),
        ("budget", "0:58"),
    ],
)
def test_what_is_not_known_is_left_out(missing: str, said: str):
    assert said in "\n".join(shown(SUMMARY))
    assert said not in "\n".join(shown({**SUMMARY, missing: None}))


FOUND: dict[str, Any] = {
    "judgment": {"probability_better": 0.973, "optimism": 0.0007, "corrected_mean": 0.9905},
    "continued": {"test_looks": 1},
    "health": [
        {"message": f"The best trial has `x{i}` at the upper end.", "setting": f"x{i}='log(1, {i + 5})'"}
        for i in range(4)
    ],
    "ensemble": {
        "members": [{"number": 5}, {"number": 1}],
        "metrics": {"accuracy": {"value": 0.9912, "low": 0.97, "high": 0.997}},
        "difference": {"value": 0.0023, "low": -0.001, "high": 0.006},
        "parameters": 8400,
        "best_parameters": 4000,
    },
}


def test_what_the_search_found_is_said_in_a_few_lines():
    lines = shown(SUMMARY | FOUND)
    assert (
        "validation  accuracy 99.12%, mean of 3 runs (99.05% without the luck of being picked); the default 97.92%"
        in lines
    )
    assert (
        "verdict     The winner is better than the default recipe: +1.2 points. Probability that it is better: 97%."
        in lines
    )
    assert "ensemble    2 networks: accuracy 99.1% (+0.23 points, −0.10 to +0.60), 2.1× the weights" in lines
    assert "careful     The run that this one continues was tested on the same rows: scores flatter a little." in lines
    assert any(line.startswith("on 270 test rows, looked at before") for line in lines)
    assert "space       The best trial has x0 at the upper end." in lines
    assert "mapsto tune --continue runs/digits --set 'x2=log(1, 7)'" in lines
    assert not any("x3" in line for line in lines)
    assert "1 more in the report" in lines
    assert any(line.endswith("mapsto predict runs/digits NEW_DATA --ensemble") for line in lines)


def test_trials_beyond_a_limit_are_counted():
    trials = [*SUMMARY["trials"], {"phase": "explore", "state": "infeasible"}]
    assert "3: 1 complete, 1 stopped early, 1 beyond a limit" in "\n".join(shown({**SUMMARY, "trials": trials}))


def test_markup_in_names_is_text():
    lines = shown(
        {**SUMMARY, "facts": {"name": "[red]x[/red]"}, "winner": {"number": 1, "chosen": {"model.name": "[b]"}}}
    )
    assert "[red]x[/red] · image classification" in lines
    assert "winner   trial 1  model [b]" in lines


@pytest.mark.parametrize(
    ("metric", "value", "interval"),
    [
        (ACCURACY, "98.9%", "96.8% to 99.6%"),
        ({**ACCURACY, "low": 0.985, "high": 0.992}, "98.89%", "98.50% to 99.20%"),
        (LOSS, "0.0512", "0.03 to 0.08"),
        ({"value": 48320.5}, "48,320", ""),
        ({"value": None, "percent": True}, "–", ""),
    ],
)
def test_numbers_have_the_decimals_that_their_interval_bears(metric: dict[str, Any], value: str, interval: str):
    assert (_answer.value_text(metric), _answer.interval_text(metric)) == (value, interval)
