"""The heats and the final: which recipes are run again, how often, and which of them wins.

The rules are `mapsto.evaluation.heats` and `mapsto.evaluation.selection`; here they are given real trainings. A round
is decided when all who are in it have run, so the way taken is the same however many train at once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mapsto.evaluation.comparison import fold_differences
from mapsto.evaluation.heats import contenders
from mapsto.evaluation.selection import Decision, Judgment, Race
from mapsto.recipe.seeds import derive
from mapsto.search.standing import Candidate, confirm_name, heat_name
from mapsto.search.training_run import VALIDATION

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mapsto.search.jobs import Job
    from mapsto.search.study import Study


class Confirming:
    """Runs the heats and the final of a study, or reads what they were.

    Args:
        study: whose recipes are run again.

    Attributes:
        scores: of the finalists, one a round that all who were in it completed.
        decision: the last one; None where there was no round.
    """

    def __init__(self, study: Study) -> None:
        self.study, self.standing, self.plan = study, study.standing, study.plan
        self.scores: dict[int, list[float]] = {}
        self.decision: Decision | None = None
        self._rows: dict[int, NDArray[np.float64]] | None = None
        self._predictions: dict[tuple[int, int], NDArray[Any]] = {}
        self._targets: dict[int, NDArray[Any]] = {}

    def heats(self) -> None:
        """Runs recipes that may belong among the finalists once more, until it is clear which do."""
        if self.study.default_recipe.search.repeats:
            return  # explored scores are means of several trainings already, and one more is not to be mixed with them
        until = self.plan.heats_until(self.study.run_seconds)
        for number in itertools.count():  # each follows from the whole heats before it, also after an interruption
            groups = self.standing.groups(before=number)
            again = contenders(groups, self.standing.direction, num_finalists=self.plan.finalists)
            names = {recipe: heat_name(recipe, number) for recipe in again}
            self.study.run_all(  # each is made when it begins, with the time that is left then
                self._heat(recipe, number, until)
                for recipe, name in names.items()
                if name not in self.standing.outcomes and self._in_time(until)
            )
            if not names or any(self._score(name) is None for name in names.values()):
                return  # it is clear, the time was up, or a recipe that once could be trained cannot now

    def final(self) -> None:
        """Runs the finalists, and the default recipe beside them, with fresh seeds that all of them share.

        Where the data have folds, the fold changes with the seed, so that a run differs from the next in all that
        chance decides. The folds that selected nothing come first.
        """
        self.scores = {number: [] for number in self.standing.finalist_numbers()}
        until = self.plan.confirm_until(self.study.run_seconds)
        alive, number = tuple(self.scores), 0
        race = self._race()
        while len(self.scores) > 1 and len(alive) > 1 and number < race.max_rounds:
            names = {finalist: confirm_name(finalist, number) for finalist in alive}
            self.study.run_all(
                self._confirming_job(finalist, number, until)
                for finalist, name in names.items()
                if not self._is_done(name) and self._in_time(until)
            )
            if not all(map(self._is_done, names.values())):
                return  # the time was up in the middle of a round, which then decides nothing
            for finalist, name in names.items():
                score = self._score(name)
                self.scores[finalist].append(math.nan if score is None else score)
            if not any(math.isfinite(self.scores[finalist][-1]) for finalist in alive):
                return
            number += 1
            self._rows = self._row_differences(number)
            self.decision = race.decide(self.scores, self.default, self._rows)
            if self.decision.is_over:
                return
            alive = self.decision.alive

    @property
    def default(self) -> int | None:
        """The trial of the default recipe, if it could be trained."""
        return self.standing.default if self.standing.default in self.scores else None

    def candidates(self) -> list[Candidate]:
        """The finalists with their scores, the winner first, then those that were in the final longest."""
        explored = self.standing.explored
        found = [
            Candidate(n, explored[n].chosen, float(explored[n].score or 0.0), tuple(s for s in scores if s == s))
            for n, scores in (self.scores or {self.standing.ranked(1)[0].number: []}).items()
        ]
        sign = -1 if self.standing.direction == "maximize" else 1
        leader = None if self.decision is None else self.decision.leader
        return sorted(found, key=lambda c: (c.number != leader, -len(c.scores), sign * c.mean))

    def judgment(self) -> Judgment | None:
        """What can be said of the winner; None where nothing was run again."""
        if self.decision is None:
            return None
        folds = {self.study.fold(seed) for seed in range(len(self.scores[self.decision.leader]))}
        return self._race().judge(
            self.scores,
            self.decision.leader,
            self.default,
            self._rows,
            is_cut=not self.decision.is_over,
            num_folds=len(folds) if self.study.default_recipe.data.num_folds else 0,
        )

    # -- rounds ---------------------------------------------------------------------------------------------------

    def _race(self) -> Race:
        """The rules of the final; without a budget in time it takes no more runs than exploring did."""
        explored, alive = len(self.standing.groups()), len(self.scores)
        most = self.plan.max_seeds
        if self.plan.seconds is None:
            most = max(self.plan.num_seeds, min(most, explored // max(1, alive)))
        return Race(
            self.standing.direction,
            num_finalists=max(1, alive - (self.default is not None)),
            min_rounds=self.plan.num_seeds,
            max_rounds=max(most, self.plan.num_seeds),
            num_explored=max(1, explored),
        )

    def _in_time(self, until: float) -> bool:
        return self.study.run.elapsed < until

    def _score(self, name: str) -> float | None:
        outcome = self.standing.outcomes.get(name)
        return None if outcome is None or outcome.state != "complete" else outcome.score

    def _is_done(self, name: str) -> bool:
        """Whether a run has come to an end that more time would not change."""
        outcome = self.standing.outcomes.get(name)
        if outcome is None or outcome.state == "stopped":
            return False
        return outcome.state != "complete" or (self.study.run.trial(name) / VALIDATION).exists()

    def _heat(self, recipe: int, number: int, until: float) -> Job:
        """A recipe's run in a heat, with a fresh seed."""
        seed = derive(self.study.default_recipe.seed, "heat", recipe, number)
        return self.study.maker.again(
            heat_name(recipe, number), self.standing.explored[recipe].chosen, number=recipe, phase="heat", seed=seed,
            seconds=self.study.left(until),
        )  # fmt: skip

    def _confirming_job(self, number: int, seed_number: int, until: float) -> Job:
        return self.study.maker.again(
            confirm_name(number, seed_number),
            self.standing.explored[number].chosen,
            number=number,
            phase="confirm",
            seed=derive(self.study.default_recipe.seed, "confirm", seed_number),
            seconds=self.study.left(until),
            fold=self.study.fold(seed_number),
        )

    # -- rows -----------------------------------------------------------------------------------------------------

    def _row_differences(self, rounds: int) -> dict[int, NDArray[np.float64]] | None:
        """What each validation row says of each finalist beside the default, over the rounds so far."""
        default = self.default
        if default is None or len(self.scores[default]) < rounds or not np.isfinite(self.scores[default]).all():
            return None  # a run of the default that failed has no answers
        found = {}
        for number, scores in self.scores.items():
            if number == default or not np.isfinite(scores).all():
                continue
            count = len(scores)
            folds = [self.study.fold(seed) for seed in range(count)]
            pairs = [[self._answers(n, seed) for seed in range(count)] for n in (number, default)]
            targets = [self._truth(fold) for fold in folds]
            if not _match(pairs, targets):
                return None  # a setting that leaves rows out was searched, and the two have other validation rows
            found[number] = fold_differences(self.study.metric, pairs[0], pairs[1], targets, folds)
        return found

    def _answers(self, number: int, seed: int) -> NDArray[Any]:
        key = (number, seed)
        if key not in self._predictions:
            path = self.study.run.trial(confirm_name(number, seed)) / VALIDATION
            self._predictions[key] = np.load(path, allow_pickle=False)
        return self._predictions[key]

    def _truth(self, fold: int) -> NDArray[Any]:
        if fold not in self._targets:
            recipe = self.study.default_recipe.replace({"data.fold": fold})
            prepared, _ = self.study.store.get(recipe)
            rows = prepared.parts["validation"]
            stored = np.asarray(prepared.arrays["targets"][rows])
            self._targets[fold] = recipe.task.truth(stored, prepared.encoders["targets"])
        return self._targets[fold]


def _match(pairs: Sequence[Sequence[NDArray[Any]]], targets: Sequence[NDArray[Any]]) -> bool:
    return all(len(p) == len(t) for answers in pairs for p, t in zip(answers, targets, strict=True))
