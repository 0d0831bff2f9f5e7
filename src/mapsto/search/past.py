"""Past studies, as far as a new one can learn from them: the data they were about, and what came of each recipe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mapsto.data.prepared import Facts
from mapsto.errors import RunError
from mapsto.recipe.notation import read_yaml
from mapsto.recipe.sections import FAMILIES
from mapsto.search.likeness import Description
from mapsto.search.outcome import Outcome
from mapsto.search.results import read_results
from mapsto.search.run import RESULTS, STUDY


@dataclass(frozen=True)
class PastTrial:
    """A recipe that was tried.

    Attributes:
        number: of the trial in its study.
        values: of the whole recipe, by dotted name.
        regret: share of the other trials that did better, those that did as well counted by half; 0 for the winner,
            which further seeds named. What was stopped early or failed did worse than what ran to its end.
    """

    number: int
    values: dict[str, Any]
    regret: float


@dataclass(frozen=True)
class PastStudy:
    """A finished run: its folder, its data, the name of its objective, and its trials that began with fresh weights."""

    run: Path
    description: Description
    objective: str
    trials: tuple[PastTrial, ...]

    @classmethod
    def read(cls, run: Path) -> PastStudy:
        """Reads a finished run.

        Raises:
            RunError: it is damaged, or was written by a version of mapsto that wrote other things.
        """
        results = read_results(run) or {}
        try:
            description = Description.of(Facts.from_json(results["facts"]))
            return cls(run, description, results["objective"]["name"], _trials(results, str(run)))
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise RunError(
                f"{run / RESULTS} is damaged, or was written by another version of mapsto ({type(error).__name__}: "
                f"{error}). Nothing can be learned from it: move the run elsewhere, or leave it out of "
                f"search.learn_from."
            ) from error


def finished_runs(paths: Iterable[str | Path]) -> list[Path]:
    """Folders of finished runs, each once, in the order of the paths and of the names in them.

    Args:
        paths: runs, or folders that hold runs; of these the unfinished ones are passed over.

    Raises:
        RunError: a folder is not there, holds other things than runs, or is an unfinished run.
    """
    found: dict[Path, Path] = {}
    for path in map(Path, paths):
        if not path.is_dir():
            raise RunError(
                f"search.learn_from names {path}, and there is no such folder. Name folders of finished runs."
            )
        runs = [path] if _is_run(path) else _runs_in(path)
        if runs == [path] and not (path / RESULTS).exists():
            raise RunError(
                f"search.learn_from names {path}, which is unfinished. End it by `mapsto resume {path}`, or leave it "
                f"out."
            )
        for run in runs:
            if (run / RESULTS).exists():
                found.setdefault(run.resolve(), run)
    return list(found.values())


def _is_run(path: Path) -> bool:
    return (path / STUDY).exists() or (path / RESULTS).exists()


def _runs_in(path: Path) -> list[Path]:
    """Runs that lie in a folder; an empty one is the store of somebody who has only begun."""
    inside = sorted(child for child in path.iterdir() if not child.name.startswith("."))
    runs = [child for child in inside if _is_run(child)]
    if inside and not runs:
        raise RunError(
            f"search.learn_from names {path}, which neither is a run of mapsto nor holds any: there is no {STUDY}. "
            f"Name the folder of a finished run, or one in which runs lie."
        )
    return runs


def _trials(results: Mapping[str, Any], where: str) -> tuple[PastTrial, ...]:
    counted = _from_fresh_weights([o for o in map(Outcome.from_json, results["trials"]) if o.phase == "explore"])
    regrets = _regrets(counted, 1.0 if results["objective"]["direction"] == "maximize" else -1.0)
    fixed = {entry.leaf: entry.value for entry in read_yaml(results["recipe_yaml"], where)[0]}
    searched = {leaf for outcome in counted for leaf in outcome.chosen}
    winner = results["winner"]["number"]
    return tuple(
        PastTrial(o.number, _whole(fixed, searched, o.chosen), 0.0 if o.number == winner else regret)
        for o, regret in zip(counted, regrets, strict=True)
    )


def _from_fresh_weights(explored: list[Outcome]) -> list[Outcome]:
    """Each recipe with the last of its training: one that was stopped and went on stands under its later number.

    What began with the weights of another recipe tells little about its own, and is left out.
    """
    chosen = {outcome.number: outcome.chosen for outcome in explored}
    going_on = {
        outcome.number: outcome.starts_from
        for outcome in explored
        if outcome.starts_from in chosen and chosen[outcome.starts_from] == outcome.chosen
    }
    return [
        outcome
        for outcome in explored
        if outcome.number not in going_on.values() and (outcome.starts_from is None or outcome.number in going_on)
    ]


def _regrets(outcomes: list[Outcome], sign: float) -> list[float]:
    scores = np.array(
        [
            sign * outcome.score if outcome.state in ("complete", "stopped") and outcome.score is not None else -np.inf
            for outcome in outcomes
        ]
    )
    better, equal = scores[:, None] < scores[None], scores[:, None] == scores[None]
    regrets = (better.sum(axis=1) + (equal.sum(axis=1) - 1) / 2) / max(1, len(scores) - 1)
    return [float(regret) for regret in regrets]


def _whole(fixed: Mapping[str, Any], searched: set[str], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """A trial's recipe, from the winner's: what was searched is its own, and so are the settings of other members."""
    names = {f"{section}.name" for section in FAMILIES}
    others = tuple(name.removesuffix("name") for name in names if chosen.get(name, fixed.get(name)) != fixed.get(name))
    kept = {leaf: v for leaf, v in fixed.items() if leaf not in searched and not (others and leaf.startswith(others))}
    return {**kept, **chosen}
