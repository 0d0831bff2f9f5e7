"""Population based training: settings change while the networks are trained."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto.recipe.leaves import split
from mapsto.recipe.ranges import Choice, Range, Uniform
from mapsto.recipe.seeds import derive
from mapsto.search.problem import Problem, Proposal
from mapsto.search.samplers._scales import check_objectives, controls, nth_value, num_values
from mapsto.search.samplers.base import Sampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from mapsto.search.outcome import Outcome

GENERATIONS = 10
"""What a whole training is divided into, where the number of trials is not known."""

FACTORS = (0.8, 1.2)
RESAMPLED = 0.25
"""How settings are changed: numbers by a factor, a choice anew with this probability; as in the paper."""


class PBT(Sampler):
    """Members that do badly take over the weights of those that do well, with changed settings.

    Jaderberg et al., "Population based training of neural networks", 2017, arXiv:1711.09846. A trial is one step: it
    trains a member of the population for `interval` units of fidelity, beginning with the checkpoint of an earlier
    trial. With a population of P, trial n is a step of member n mod P. The first P trials are random. After that a
    member that stands in the worst quarter of the last step, or failed, takes over checkpoint and settings of a member
    in the best quarter, numbers times 0.8 or 1.2 and choices drawn anew with probability 0.25; any other goes on with
    its own. Once a population has been trained for as long as a whole training, the next one begins.

    What is found is a schedule of settings along with the weights, not one recipe. P is at least `search.lookahead`,
    since a step has to know the one before. Only what may change in mid-training does: numbers
    of the optimizer, and settings of training, schedule, augmentation and loss. The model, the data, the task, and
    every member of a family are inherited with the weights. No pruner is needed (`search.pruner: off`).
    """

    title: ClassVar[str] = "population based training"

    def build(self, problem: Problem, seed: int) -> BaseSampler:
        check_objectives(problem, "pbt")
        from optuna.samplers import RandomSampler  # here, since optuna takes a quarter of a second to import

        return RandomSampler(seed=seed)

    def population(self, problem: Problem) -> int:
        """Members: the square root of the number of trials, from 4 to 40, so that there are as many steps; else 10.

        As many as trials that are made ahead, if these are more.
        """
        members = 10 if problem.n_trials is None else max(4, min(40, round(math.sqrt(problem.n_trials))))
        return max(members, problem.lookahead)

    def interval(self, problem: Problem) -> int:
        """Units of fidelity in one step, such that the last trials of the study end whole trainings."""
        steps = GENERATIONS if problem.n_trials is None else max(1, problem.n_trials // self.population(problem))
        return max(1, math.ceil(problem.max_fidelity / steps))

    def propose(self, problem: Problem, history: Sequence[Outcome], number: int, seed: int) -> Proposal | None:
        size, steps = self.population(problem), math.ceil(problem.max_fidelity / self.interval(problem))
        step = number // size % steps
        if step == 0:
            return None
        known = {outcome.number: outcome for outcome in history}
        before = range((number // size - 1) * size, number // size * size)
        ranked = _ranked([known[peer] for peer in before if peer in known], problem)
        own = known.get(number - size)
        if own is None or not ranked:
            return None
        quarter = max(1, len(ranked) // 4)
        is_good = own in ranked and (own not in ranked[-quarter:] or own is ranked[0])
        if is_good:
            return Proposal(dict(own.chosen), starts_from=own.number)
        rng = random.Random(derive(seed, "pbt"))
        parent = rng.choice(ranked[:quarter])
        return Proposal(_changed(problem.ranges, parent.chosen, rng), starts_from=parent.number)


def _ranked(outcomes: list[Outcome], problem: Problem) -> list[Outcome]:
    """Those that have weights and a score to go on with, the best first."""
    sign = -1 if problem.directions[0] == "maximize" else 1
    usable = [o for o in outcomes if o.state in ("complete", "stopped", "pruned") and o.score is not None]
    return sorted(usable, key=lambda o: (sign * (o.score or 0.0), o.number))


def _changed(ranges: Mapping[str, Range], chosen: Mapping[str, Any], rng: random.Random) -> dict[str, Any]:
    return {
        name: _perturbed(ranges[name], value, rng) if _may_change(ranges, name) else value
        for name, value in sorted(chosen.items())
    }


def _may_change(ranges: Mapping[str, Range], name: str) -> bool:
    """Whether weights and the optimizer's state can live with another value, and no other range depends on it."""
    section, field = split(name)
    range_ = ranges[name]
    if section in ("model", "data", "task", "seed") or field == "name":
        return False
    if any(name in controls(ranges, other) for other in ranges):
        return False
    is_number = not isinstance(range_, Choice) or all(type(option) in (int, float) for option in range_.options)
    return is_number or section != "optimizer"


def _perturbed(range_: Range, value: Any, rng: random.Random) -> Any:
    """Another value in the range: 0.8 or 1.2 times as large, a step farther where that is the same one."""
    if isinstance(range_, Choice):
        return rng.choice(range_.options) if rng.random() < RESAMPLED else value
    factor = rng.choice(FACTORS)
    moved = _nearest(range_, value * factor)
    if moved == value:  # zero, or a number of steps too small for a fifth of it
        width = range_.high - range_.low
        stride = width / 10 if isinstance(range_, Uniform) and range_.step is None else getattr(range_, "step", 0.0)
        moved = _nearest(range_, value + math.copysign(stride, factor - 1))
    return moved


def _nearest(range_: Range, value: float) -> Any:
    """The value of a numeric range that lies nearest to a number."""
    assert not isinstance(range_, Choice)
    count = num_values(range_)
    if count is None:
        return min(max(value, range_.low), range_.high)
    step = getattr(range_, "step", None) or 1
    return nth_value(range_, min(max(round((value - range_.low) / step), 0), count - 1))
