"""Commands that go on from a run, as a shell reads them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mapsto.report.study import Study
    from mapsto.report.text import Texts


def continuing(run: Path, setting: object) -> str:
    """The command that searches on with one setting changed; empty where there is no setting.

    The setting is as a shell reads it, and is quoted anew: a results file may come from a stranger.

    Example:
        >>> continuing(Path("runs/digits"), "model.dropout='uniform(0, 0.7)'")
        "mapsto tune --continue runs/digits --set 'model.dropout=uniform(0, 0.7)'"
    """
    try:
        words = shlex.split(str(setting or ""))
    except ValueError:  # a quotation mark without its partner
        return ""
    return shlex.join(["mapsto", "tune", "--continue", str(run), "--set", *words]) if len(words) == 1 else ""


def predicting(run: Path, *, ensemble: bool = False) -> str:
    """The command that answers new rows."""
    return f"mapsto predict {shlex.quote(str(run))} NEW_DATA{' --ensemble' if ensemble else ''}"


def commands(study: Study, say: Texts) -> list[tuple[str, str]]:
    """(command, what it does) to repeat or use what is shown."""
    folder = shlex.quote(str(study.folder))
    if study.finished is None:
        return [(f"mapsto resume {folder}", say.plain("recipe.resume"))]
    return [
        (f"mapsto tune {shlex.quote(str(study.folder / 'study.yaml'))}", say.plain("recipe.study")),
        (f"mapsto tune --continue {folder} --trials 20", say.plain("recipe.continue")),
        (f"mapsto train {shlex.quote(str(study.folder / 'best' / 'recipe.yaml'))}", say.plain("recipe.train")),
        (f"mapsto evaluate {folder}", say.plain("recipe.evaluate")),
        (predicting(study.folder), say.plain("recipe.predict")),
    ]
