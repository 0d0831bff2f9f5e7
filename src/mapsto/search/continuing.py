"""A new run that goes on with the trials of another one, in a space that may have been edited.

What a trial has is linked, not copied, so that the new run costs no disk; files that something may be added to are
copied, so that the old run stays as it is. The data are the old run's too, with the same rows in the same parts, so
that scores can be compared.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto import _files
from mapsto.errors import RunError
from mapsto.recipe.schema import Recipe
from mapsto.recipe.space import Space
from mapsto.search.costs import directions
from mapsto.search.editing import Kept, placed, seed_study
from mapsto.search.making import default_values
from mapsto.search.outcome import Outcome
from mapsto.search.run import AUDIT, RESULTS, STATE, STUDY, check_is_run
from mapsto.search.storage import study_of

if TYPE_CHECKING:
    from mapsto.search.run import Run

GROWING = ("log.txt", "trace.jsonl")
"""Files that are written to in place; all others are replaced as a whole."""

DEFAULT_FURTHER = 20
"""Trials beside those that there are, where neither a time nor a number is given."""


def state_of(old: Path) -> dict[str, Any]:
    """What a run knew of itself.

    Raises:
        RunError: it is no run, or had not come as far as its first trial.
    """
    check_is_run(old)
    state: dict[str, Any] = _files.read_json(old / STATE)
    if "advised" not in state:
        raise RunError(f"{old} has no trials yet, so there is nothing to go on with. Start with the data instead.")
    return state


def edited_space(state: Mapping[str, Any], changes: Space) -> Space:
    """What was given to the old run, with the changes; how long to search is said anew, trials being further ones."""
    old = Space.from_yaml(state["given"], where=STUDY)
    kept = {leaf: value for leaf, value in old.leaves.items() if leaf not in ("search.budget", "search.n_trials")}
    return Space(kept, old.opened, old.origins).merged(changes)


def take_over(run: Run, old: Path, given: Space) -> Space:
    """Gives a fresh run the data and the trials of another one.

    Args:
        run: new and empty.
        old: the run that is continued.
        given: what the user gave then, with the changes of now.

    Returns:
        What is given to the new run: a number of trials counts those that were taken over too.
    """
    state = state_of(old)
    defaults: dict[str, Any] = state["defaults"]
    space = Space.from_yaml(state["advised"], where=str(old / STUDY)).merged(given)
    _link(old / "data", run.path / "data")
    if (old / AUDIT).exists():
        shutil.copyfile(old / AUDIT, run.path / AUDIT)
    kept = [_taken(folder, run, space, defaults) for folder in sorted((old / "trials").glob("[0-9]*"))]
    found = [one for one in kept if one is not None]
    default = default_values(space, defaults)
    recipe = space.recipe(default, defaults)
    study = study_of(run, recipe.search, directions(recipe), alone=False)
    seed_study(study, found, space.ranges)
    count = len(study.trials)
    same = [one.outcome.number for one in found if one.chosen == default]
    if "pace" in state:
        run.save_state(pace=state["pace"])
    run.save_state(
        data=state["data"],
        defaults=defaults,
        advised=state["advised"],
        default_trial=same[0] if same else count,
        continued={
            "run": str(old),
            "count": count,
            "kept": sum(one.chosen is not None for one in found),
            "dropped": [{"number": o.outcome.number, "reason": str(o.reason)} for o in found if o.chosen is None],
            "test_looks": state.get("continued", {}).get("test_looks", 0) + (old / RESULTS).exists(),
        },
    )
    further = given.leaves.get("search.n_trials")
    if further is None and "search.budget" not in given.leaves:
        further = DEFAULT_FURTHER
    return given if further is None else given.merged(Space.from_mapping({"search.n_trials": count + further}))


def _taken(folder: Path, run: Run, space: Space, defaults: Mapping[str, Any]) -> Kept | None:
    """A trial that was explored, linked into the new run under its own number; None for anything else."""
    outcome = Outcome.read(folder)
    if outcome is None or outcome.phase != "explore":
        return None
    recipe = Recipe.from_yaml((folder / "recipe.yaml").read_bytes(), where=str(folder / "recipe.yaml"))
    own_seed = space.leaves.get("training.seed")  # else it was derived from the trial's number, and is no setting
    chosen, reason = placed(recipe.replace({"training.seed": own_seed}), space, defaults)
    target = run.trial(folder.name)
    _link(folder, target)
    told = replace(outcome, chosen=chosen) if chosen is not None else _dropped(outcome, reason)
    told.write(target)  # to a new file: the old run's stays as it is
    return Kept(told, chosen, reason)


def _dropped(outcome: Outcome, reason: str) -> Outcome:
    """A trial that is none of the new space's: its number stays taken."""
    return replace(outcome, state="failed", cause=str(reason), chosen={})


def _link(source: Path, target: Path) -> None:
    with _files.explained(target):
        shutil.copytree(source, target, copy_function=_linked)


def _linked(source: str, target: str) -> None:
    if Path(source).name in GROWING:
        shutil.copy2(source, target)
        return
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
