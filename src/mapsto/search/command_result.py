"""What came of a study of a program."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mapsto.adapters.free_space import variable
from mapsto.adapters.template import Template, as_text
from mapsto.search.free_study import Definition
from mapsto.search.outcome import Outcome, ranked


@dataclass(frozen=True)
class Finalist:
    """Settings that may win.

    Attributes:
        number: of their trial.
        settings: all of them, by name.
        explored_score: the metric in that trial.
        scores: the metric with each further seed that all finalists were run with to the end, in the order of seeds.
    """

    number: int
    settings: dict[str, Any]
    explored_score: float
    scores: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over the further seeds; the explored score where there are none."""
        return math.fsum(self.scores) / len(self.scores) if self.scores else self.explored_score


@dataclass(frozen=True)
class CommandStudyResult:
    """A study of a program, as far as it has come.

    Attributes:
        folder: the run folder.
        definition: of the study.
        trials: what was tried, by number.
        finalists: the best of them, those with the best mean first.
        verdict: whether the winner is better than the settings that the user started with, judged by runs with the same
            seeds; None where nothing was given to start with, or there are no two seeds to compare.
        seconds: that were worked on it.
    """

    folder: Path
    definition: Definition
    trials: tuple[Outcome, ...]
    finalists: tuple[Finalist, ...]
    verdict: str | None
    seconds: float

    @classmethod
    def of(
        cls,
        folder: Path,
        definition: Definition,
        explored: Sequence[Outcome],
        confirmed: Mapping[str, Outcome],
        seconds: float,
    ) -> CommandStudyResult:
        """Gathers what the trials came to.

        Args:
            folder: the run folder.
            definition: of the study.
            explored: the trials, by number.
            confirmed: runs with further seeds, by name, such as `"0007-seed1"`.
            seconds: that were worked on it.
        """
        assert definition.plan is not None
        numbers = finalist_numbers(explored, definition)
        names = [[f"{number:04d}-seed{seed + 1}" for number in numbers] for seed in range(definition.plan.num_seeds)]
        complete = {name: o.score for name, o in confirmed.items() if o.state == "complete" and o.score is not None}
        shared = [seed for seed, row in enumerate(names) if all(name in complete for name in row)]
        by_number = {outcome.number: outcome for outcome in explored}
        found = [
            Finalist(
                number,
                definition.space.complete(by_number[number].chosen),
                float(by_number[number].score or 0.0),
                tuple(complete[names[seed][place]] for seed in shared),
            )
            for place, number in enumerate(numbers)
        ]
        sign = -1 if definition.direction == "maximize" else 1
        finalists = tuple(sorted(found, key=lambda finalist: sign * finalist.mean))
        return cls(folder, definition, tuple(explored), finalists, _verdict(finalists, definition), seconds)

    @property
    def winner(self) -> Finalist:
        """The settings with the best mean."""
        return self.finalists[0]

    @property
    def best(self) -> dict[str, Any]:
        """The winner's settings."""
        return self.winner.settings

    @property
    def line(self) -> str:
        """A command line that runs the program with the winner's settings."""
        assert self.definition.plan is not None
        template = Template.read(self.definition.plan.command, self.definition.space)
        own = {"seed": self.definition.trial_seed(self.winner.number), "trial": self.winner.number}
        folder = str(self.folder / "trials" / f"{self.winner.number:04d}")
        words = shlex.join(template.words({**self.best, **own, "folder": folder}))
        if template.places & set(self.best):
            return words
        variables = [f"{variable(name)}={shlex.quote(as_text(value))}" for name, value in self.best.items()]
        return " ".join([*variables, words])

    def to_json(self) -> dict[str, Any]:
        """The result in JSON's types; `results.json` holds it."""
        definition = self.definition
        assert definition.plan is not None
        return {
            "format": 1,
            "run": str(self.folder),
            "command": definition.plan.command,
            "space": list(definition.settings),
            "metric": definition.metric,
            "direction": definition.direction,
            "sampler": definition.sampler,
            "seed": definition.seed,
            "seconds": self.seconds,
            "winner": {**_finalist(self.winner), "line": self.line},
            "verdict": self.verdict,
            "finalists": [_finalist(finalist) for finalist in self.finalists],
            "trials": [_trial(outcome, definition) for outcome in self.trials],
        }


def finalist_numbers(explored: Sequence[Outcome], definition: Definition) -> list[int]:
    """The best trials with different settings, the best first; the first trial too where the user gave its settings."""
    assert definition.plan is not None
    first: dict[str, int] = {}  # settings that were proposed twice stand once, under their first number
    for outcome in explored:
        if outcome.state in ("complete", "stopped") and outcome.score is not None:
            first.setdefault(json.dumps(outcome.chosen, sort_keys=True), outcome.number)
    distinct = [o.number for o in ranked(list(explored), definition.direction) if o.number in first.values()]
    numbers = distinct[: definition.plan.finalists]
    return [*numbers, 0] if definition.start and 0 in distinct and 0 not in numbers else numbers


def _verdict(finalists: Sequence[Finalist], definition: Definition) -> str | None:
    first = next((finalist for finalist in finalists if finalist.number == 0), None)
    if not definition.start or first is None or len(first.scores) < 2:
        return None
    if finalists[0] is first:
        return "default is best"
    from mapsto.evaluation.comparison import compare  # here, since numpy is needed for nothing else

    # The winner is the best of the finalists, so the level is that of as many comparisons (Bonferroni).
    level = 1 - 0.05 / max(1, len(finalists) - 1)
    return compare(finalists[0].scores, first.scores, definition.direction, level=level).verdict


def _finalist(finalist: Finalist) -> dict[str, Any]:
    return {
        "trial": finalist.number,
        "settings": finalist.settings,
        "explored": finalist.explored_score,
        "scores": list(finalist.scores),
        "mean": finalist.mean,
    }


def _trial(outcome: Outcome, definition: Definition) -> dict[str, Any]:
    return {
        "trial": outcome.number,
        "state": outcome.state,
        "cause": outcome.cause,
        "value": outcome.score,
        "values": outcome.values,
        "steps": outcome.epochs,
        "seconds": outcome.seconds,
        "seed": outcome.seed,
        "settings": definition.space.complete(outcome.chosen),
    }
