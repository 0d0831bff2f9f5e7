"""What the measurements share: the data sets, a recipe made ready for one of them, and where results go."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from mapsto import _environment
from mapsto._given import completed, first_look, first_recipe, given_as_space
from mapsto.data.prepare import Prepared, prepare
from mapsto.recipe.schema import Recipe
from mapsto.recipe.space import Space
from mapsto.search.making import default_values

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("MAPSTO_DATA", ROOT.parent / "shared" / "data"))
RESULTS = Path(__file__).parent / "results"

FSDD = r"data.label_pattern='(?P<label>\d)_[a-z]+_((?P<test>[0-4])|\d+)\.wav$'"
"""The digit is the class; indexes 0 to 4 are the test part, as the set's authors advise."""


def ready(
    source: str, target: str | None, settings: list[str], folder: Path, *, searching: bool = False
) -> tuple[Space, dict[str, Any], Recipe, Prepared]:
    """A source prepared in a folder: the space that is searched by default, the defaults, their recipe, and the data.

    A source that is no named set lies under `DATA`.
    """
    path = DATA / source if (DATA / source).exists() else source
    given = given_as_space(settings=settings, source=path, target=target)
    table, defaults = first_look(given, path)
    first = first_recipe(given, defaults)
    prepared = prepare(table, task=first.task, recipe_data=first.data, seed=first.seed, folder=folder)
    given, defaults = completed(given, defaults, prepared, searching=searching)
    return given, defaults, given.recipe(default_values(given, defaults), defaults), prepared


def keep(name: str, rows: list[dict[str, Any]], key: str, **more: Any) -> None:
    """Writes rows to `results/<name>.json`, beside those of other cases that were measured before."""
    path = RESULTS / f"{name}.json"
    RESULTS.mkdir(exist_ok=True)
    old = json.loads(path.read_text())["rows"] if path.is_file() else []
    done = {row[key] for row in rows}
    document = {
        "machine": _environment.describe(), **more, "rows": [*(row for row in old if row[key] not in done), *rows]
    }  # fmt: skip
    path.write_text(json.dumps(document, indent=2) + "\n")


def workers_of(leader: int) -> list[int]:
    """Process numbers of the workers that a study has started."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has just ended
            continue
        if parent == leader and b"mapsto.search.executors._worker" in command:
            found.append(int(entry.name))
    return found
