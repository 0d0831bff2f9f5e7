"""`mapsto audit`: what is wrong with data, before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mapsto.cli import _options
from mapsto.cli._terminal import Terminal

if TYPE_CHECKING:
    from rich.console import Console

EXAMPLES = (
    "mapsto audit churn.csv --target churned",
    "mapsto audit photos/ --only corrupt_images --only near_duplicates",
    "mapsto audit digits --json",
    "mapsto audit digits --show-augmented sheet.png --set augment.rotate=20",
)
MOST_OF_A_CHECK = 10


def audit(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="The data, as `mapsto tune` takes them.", show_default=False)
    ],
    target: _options.Target = None,
    settings: _options.Settings = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="CHECK", help="Run this check alone. Can be repeated.", show_default=False),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", metavar="N", min=0.1, help="Time for all checks (default: 60).", show_default=False),
    ] = None,
    show_augmented: Annotated[
        Path | None,
        typer.Option(
            "--show-augmented",
            metavar="FILE",
            help="Audit nothing; draw training images beside augmented versions into this PNG.",
            show_default=False,
        ),
    ] = None,
    as_json: _options.Json = False,
    quiet: _options.Quiet = False,
    debug: _options.Debug = False,
) -> None:
    """Show what is wrong with data: missing, twice, misspelled, mislabeled, leaking the answer.

    Nothing is changed. What is marked safe is what `data.clean: auto` mends in `tune` and `train`.
    """
    with Terminal(as_json=as_json, quiet=quiet, debug=debug) as terminal:
        from mapsto import preview  # here, so that --help does not load it

        if show_augmented is not None:
            sheet = preview.show_augmented(source, out=show_augmented, target=target, settings=settings or ())
            terminal.answer({"sheet": str(sheet)}, line=str(sheet))
            return
        findings = [
            found.to_json()
            for found in preview.audit(source, target=target, settings=settings or (), seconds=seconds, only=only)
        ]
        line = "\n".join(_line(found) for found in findings) or "nothing was found"
        terminal.answer(findings, line=line, show=lambda console: _show(console, findings))


def _line(found: dict[str, Any]) -> str:
    """One finding in one line."""
    where = f" in {found['column']}" if found["column"] else ""
    return f"{found['check']}{where}: {found['message']}"


def _show(console: Console, findings: list[dict[str, Any]]) -> None:
    """Prints findings for a person, a few of each check."""
    from rich.text import Text

    if not findings:
        console.print("Nothing was found that is wrong.")
    seen: dict[str, int] = {}
    for found in findings:
        seen[found["check"]] = seen.get(found["check"], 0) + 1
        if seen[found["check"]] > MOST_OF_A_CHECK:
            continue
        head = Text("! " if found["level"] == "warning" else "  ", style="yellow")
        head.append(found["check"].replace("_", " "), style="bold")
        head.append(f"  {found['column']}" if found["column"] else "", style="cyan")
        console.print(head)
        console.print(Text(f"    {found['message']}"))
        console.print(Text(f"    {found['action']}" + (" (data.clean: auto)" if found["safe"] else ""), style="dim"))
    folded = sum(max(0, n - MOST_OF_A_CHECK) for n in seen.values())
    if folded:
        console.print(Text(f"  and {folded:,} more; --json has all.", style="dim"))
