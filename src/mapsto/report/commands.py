"""Commands that go on from a run, as a shell reads them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mapsto.report.study import Study
    from mapsto.report.text import Texts


def network_words(recipe_yaml: str) -> list[str]:
    """What a command needs beside a run whose network is the user's own: its name, as the recipe has it.

    A network of a notebook has no file that a command could run.

    Example:
        >>> lines = ["model:", "  name: own", "  builder: train.py:build"]
        >>> network_words(chr(10).join(lines)), network_words("model: {name: mlp}")
        (['--network', 'train.py:build'], [])
    """
    found = re.search(r"""^ +builder: ['"]?([^\s'"#]+)""", recipe_yaml, re.MULTILINE)
    return ["--network", found[1]] if found and not found[1].startswith("notebook:") else []


def continuing(run: Path, setting: object, recipe_yaml: str = "") -> str:
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
    if len(words) != 1:
        return ""
    return shlex.join(["mapsto", "tune", "--continue", str(run), *network_words(recipe_yaml), "--set", *words])


def predicting(run: Path, recipe_yaml: str = "", *, ensemble: bool = False) -> str:
    """The command that answers new rows."""
    words = ["mapsto", "predict", str(run), "NEW_DATA", *network_words(recipe_yaml)]
    return shlex.join([*words, "--ensemble"] if ensemble else words)


def commands(study: Study, say: Texts) -> list[tuple[str, str]]:
    """(command, what it does) to repeat or use what is shown."""
    run, network = str(study.folder), network_words(study.recipe_yaml)
    if study.finished is None:
        return [(shlex.join(["mapsto", "resume", run, *network]), say.plain("recipe.resume"))]
    whole, winner = str(study.folder / "study.yaml"), str(study.folder / "best" / "recipe.yaml")
    return [
        (shlex.join(["mapsto", "tune", whole, *network]), say.plain("recipe.study")),
        (shlex.join(["mapsto", "tune", "--continue", run, *network, "--trials", "20"]), say.plain("recipe.continue")),
        (shlex.join(["mapsto", "train", winner, *network]), say.plain("recipe.train")),
        (shlex.join(["mapsto", "evaluate", run]), say.plain("recipe.evaluate")),
        (predicting(study.folder, study.recipe_yaml), say.plain("recipe.predict")),
    ]
