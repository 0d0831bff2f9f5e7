"""The sampler that suits the space and the budget, by a rule of our own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from mapsto._messages import say
from mapsto.recipe.families import SAMPLERS
from mapsto.recipe.ranges import Choice, Int, Range
from mapsto.search.problem import Problem, Proposal
from mapsto.search.samplers._near import near
from mapsto.search.samplers._scales import is_conditional, num_values
from mapsto.search.samplers._tpe import startup_trials
from mapsto.search.samplers.base import Sampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from mapsto._messages import Message
    from mapsto.search.outcome import Outcome

SMALL_GRID = 64
"""Combinations that are tried one and all."""

MODELS = ("tpe", "gp")
"""Samplers whose first proposals are random if they are left to them."""

FEW, MANY, VERY_MANY = 100, 300, 2000
"""Trials up to which a Gaussian process pays, from which CMA-ES does, and from which TPE thinks too long about several
objectives, although it finds the better front in as many trials."""


class Auto(Sampler):
    """Looks at the ranges, the number of objectives and the number of trials, if that is known, and at nothing else:
    the choice is the same for all trials of a study, and for an interrupted one.

    In this order: a space of at most 64 combinations is searched as a grid, if there are as many trials. Fewer trials
    than a model needs are spread by QMC. Several objectives are for TPE, and from 2,000 trials on for NSGA-II, or
    NSGA-III where there are four and more. Of one objective, a Gaussian process proposes where there are at most 100
    trials and 20 ranges, at least half of them numeric and none conditional; CMA-ES where there are at least 300
    trials, and 50 a range, all numeric and none conditional. Everything else is TPE's, which can do with anything, also
    where only the clock ends the study.

    Before TPE or the Gaussian process knows enough to propose, two of three recipes are drawn near the default one,
    which is seldom bad, or near those that did well on other data, where the study knows such; the third is drawn from
    the whole space, where the best may lie.
    """

    title: ClassVar[str] = "chosen for the space and the budget"
    many_objectives: ClassVar[bool] = True

    def build(self, problem: Problem, seed: int) -> BaseSampler:
        made: Sampler = SAMPLERS.get(self.choice(problem))()
        return made.build(problem, seed)

    def propose(self, problem: Problem, history: Sequence[Outcome], number: int, seed: int) -> Proposal | None:
        until = startup_trials(problem) + len(problem.learned)
        if self.choice(problem) not in MODELS or not 1 <= number <= until or number % 3 == 0:
            return None
        return Proposal(near(problem, seed))

    def size(self, ranges: Mapping[str, Range]) -> int | None:
        size = _grid_size(ranges)
        return size if size is not None and size <= SMALL_GRID else None

    def why(self, problem: Problem) -> str:
        return _chosen(problem)[1]

    def choice(self, problem: Problem) -> str:
        """Name of the sampler that proposes.

        Example:
            >>> from mapsto.recipe.ranges import log
            >>> Auto().choice(Problem({"optimizer.learning_rate": log(1e-4, 1e-1)}, n_trials=30))
            'gp'
        """
        return _chosen(problem)[0]


def _chosen(problem: Problem) -> tuple[str, Message]:
    ranges, trials = problem.ranges, problem.n_trials
    dimensions, objectives = len(ranges), len(problem.directions)
    numeric = sum(not isinstance(range_, Choice) for range_ in ranges.values())
    size = _grid_size(ranges)
    if size is not None and size <= SMALL_GRID and (trials is None or trials >= size):
        return "grid", say("Grid search, since there are only {size:,} combinations.", size=size)
    if trials is not None and trials <= max(10, dimensions):
        return "qmc", say("Quasi-random search, since {trials:,} trials are too few for a model.", trials=trials)
    if objectives > 1:
        return _chosen_for(objectives, trials)
    if is_conditional(ranges):
        return "tpe", say("TPE, since some settings are searched only beside some values of others.")
    if trials is not None and trials <= FEW and dimensions <= 20 and 2 * numeric >= dimensions:
        return "gp", say("A Gaussian process, which makes the most of {trials:,} trials.", trials=trials)
    if trials is not None and trials >= max(MANY, 50 * dimensions) and 1 < numeric == dimensions:
        return "cmaes", say("CMA-ES, since all settings are numbers and there are {trials:,} trials.", trials=trials)
    return "tpe", say("TPE, which can do with every kind of setting and any number of trials.")


def _chosen_for(objectives: int, trials: int | None) -> tuple[str, Message]:
    if trials is None or trials < VERY_MANY:
        return "tpe", say("TPE, which finds good trade-offs of {number} objectives in few trials.", number=objectives)
    if objectives < 4:
        return "nsgaii", say("NSGA-II, since there are several objectives and {trials:,} trials.", trials=trials)
    return "nsgaiii", say("NSGA-III, since there are many objectives and {trials:,} trials.", trials=trials)


def _grid_size(ranges: Mapping[str, Range]) -> int | None:
    """Combinations of values, or None where there is no end of them, or more than a grid is tried for."""
    counts = [num_values(range_) for range_ in ranges.values()]
    is_listed = not any(isinstance(range_, Int) and range_.log for range_ in ranges.values())
    if not is_listed or not all(count is not None and count <= SMALL_GRID for count in counts):
        return None
    grid: Sampler = SAMPLERS.get("grid")()
    return grid.size(ranges)
