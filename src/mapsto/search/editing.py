"""A study goes on in another space, and keeps the trials that are recipes of that space too.

Optuna lets no categorical range of a study change, so an edited study is a fresh one in Optuna's eyes. It is given the
earlier trials as finished ones, under their own numbers: what lies on disk under a number stays what it was. A trial
that has no place in the new space holds its number as a failed one, which no sampler looks at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mapsto._messages import say
from mapsto.errors import RecipeError
from mapsto.recipe.leaves import shown
from mapsto.recipe.ranges import Choice, Int, Log, Range, Uniform
from mapsto.recipe.scalars import same
from mapsto.search.outcome import Outcome

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

    from mapsto.recipe.schema import Recipe
    from mapsto.recipe.space import Space

OF_NO_EFFECT = frozenset(
    {"seed", "data.memory", "data.root", "training.device"}
    | {f"training.{name}" for name in ("num_processes", "memory_format", "checkpoint_activations", "compile")}
    | {"training.accumulate_steps", "training.deterministic"}
)
"""Settings that decide where and how fast a recipe is trained, and not what is learned."""

MEASURING = frozenset(
    f"search.{name}"
    for name in ("metric", "objectives", "fairness_column", "fidelity", "max_parameters", "max_latency", "max_memory")
)
"""Settings of the search under different values of which scores, or what is feasible, cannot be compared."""


@dataclass(frozen=True)
class Kept:
    """An earlier trial, seen from the edited space.

    Attributes:
        outcome: as it is on record.
        chosen: its values of the new space's active ranges, by dotted name; None where it has no place there.
        reason: why not; empty where it has.
    """

    outcome: Outcome
    chosen: dict[str, Any] | None
    reason: str = ""


def edited(old: Space, new: Space, outcomes: Sequence[Outcome], defaults: Mapping[str, Any]) -> list[Kept]:
    """Which trials of a space are trials of another one.

    A trial is kept if the new space holds the very recipe that was trained. So levels may be added and ranges widened;
    of a narrowed range or a setting that is now fixed, trials with other values go; where a setting is added, the
    earlier trials have the value that it had all along, its default, if the range holds it; and where one is taken out,
    those stay that have what it falls back to.

    Args:
        old: the space whose `chosen` the outcomes hold. After a second edit, `placed` with the recipe that lies beside
            each trial does for all of them what this does for one.
        new: the edited space.
        outcomes: trials, in the order of their numbers.
        defaults: values of leaves that both spaces leave open, by dotted name.

    Returns:
        One for each outcome, in their order.

    Raises:
        RecipeError: an outcome holds values that are not of the old space.
    """
    found = []
    for outcome in outcomes:
        chosen, reason = placed(old.recipe(outcome.chosen, defaults), new, defaults)
        found.append(Kept(outcome, chosen, reason))
    return found


def placed(recipe: Recipe, space: Space, defaults: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """What a space would have to choose to give a recipe; None, and why, where it cannot.

    Example:
        >>> from mapsto.recipe.space import Space
        >>> space = Space.from_settings(["task=tabular_regression", "model.dropout=uniform(0, 0.5)"])
        >>> placed(space.recipe({"model.dropout": 0.1}), space, {})
        ({'model.dropout': 0.1}, '')
        >>> placed(space.recipe({"model.dropout": 0.4}), Space.from_settings(["task=tabular_regression"]), {})
        (None, '`model.dropout` is 0.0 now; the trial had 0.4.')
    """
    had = recipe.leaves()
    chosen = space.walk(lambda leaf, _: had.get(leaf), defaults)
    for leaf, value in chosen.items():
        range_ = space.ranges[leaf]
        if leaf not in had:
            return None, say("`{leaf}` is searched now; the trial had no such setting.", leaf=leaf)
        if not range_.contains(value):
            return None, say(
                "`{leaf}` is searched in {range} now; the trial had {value}.",
                leaf=leaf,
                range=str(range_),
                value=shown(value),
            )
    try:
        has = space.recipe(chosen, defaults).leaves()
    except RecipeError as error:  # a rule of several settings, as that Nesterov needs momentum
        return None, str(error)
    for leaf in [*has, *(leaf for leaf in had if leaf not in has)]:
        if _matters(leaf) and not (leaf in had and leaf in has and same(had[leaf], has[leaf])):
            return None, _difference(leaf, had, has)
    return chosen, ""


def _matters(leaf: str) -> bool:
    return leaf in MEASURING if leaf.startswith("search.") else leaf not in OF_NO_EFFECT


def _difference(leaf: str, had: Mapping[str, Any], has: Mapping[str, Any]) -> str:
    if leaf not in had:
        return say("`{leaf}` is {now} now; the trial had no such setting.", leaf=leaf, now=shown(has[leaf]))
    if leaf not in has:
        return say("There is no `{leaf}` now; the trial had {value}.", leaf=leaf, value=shown(had[leaf]))
    return say("`{leaf}` is {now} now; the trial had {value}.", leaf=leaf, now=shown(has[leaf]), value=shown(had[leaf]))


def distribution(range_: Range) -> BaseDistribution:
    """Optuna's distribution for a range: the one under which a trial of a study records its value.

    Where the upper end is not on a step, it is the last step before it, as in Optuna.

    Example:
        >>> distribution(Log(1e-4, 1e-1))
        FloatDistribution(high=0.1, log=True, low=0.0001, step=None)
    """
    import optuna.distributions as kinds  # here, since it takes a quarter of a second to import

    match range_:
        case Log():
            return kinds.FloatDistribution(range_.low, range_.high, log=True)
        case Uniform():
            return kinds.FloatDistribution(range_.low, _last_step(range_), step=range_.step)
        case Int():
            high = range_.high - (range_.high - range_.low) % range_.step
            return kinds.IntDistribution(range_.low, high, log=range_.log, step=range_.step)
        case Choice():
            return kinds.CategoricalDistribution(range_.options)


def _last_step(range_: Uniform) -> float:
    from decimal import Decimal  # as Optuna counts, so that 0.3 is three steps of 0.1

    if range_.step is None:
        return range_.high
    low, high, step = (Decimal(str(number)) for number in (range_.low, range_.high, range_.step))
    return float(low + (high - low) // step * step)


def seed_study(study: optuna.Study, kept: Sequence[Kept], ranges: Mapping[str, Range]) -> None:
    """Gives a fresh study of Optuna the earlier trials, under their own numbers.

    Args:
        study: without trials, with the directions of the old one.
        kept: of `edited`, in the order of the numbers; a number that is missing is held by a failed trial.
        ranges: of the edited space.

    Raises:
        ValueError: the study has trials, or the numbers do not rise.
    """
    if study.get_trials(deepcopy=False):
        raise ValueError("`study` must be without trials, for those that are kept are numbered from 0.")
    distributions = {leaf: distribution(range_) for leaf, range_ in ranges.items()}
    number = 0
    for one in kept:
        if one.outcome.number < number:
            raise ValueError(f"`kept` must be in the order of their numbers. Received: {one.outcome.number} late.")
        for _ in range(number, one.outcome.number):
            study.add_trial(_placeholder("never finished"))
        study.add_trial(finished_trial(one, distributions, len(study.directions)))
        number = one.outcome.number + 1


def finished_trial(kept: Kept, distributions: Mapping[str, BaseDistribution], num_objectives: int) -> FrozenTrial:
    """The trial as Optuna would have recorded it: complete with its values; pruned, or infeasible with what it exceeds,
    with its curve; else failed.

    Args:
        kept: the trial.
        distributions: of all ranges of the space, by dotted name.
        num_objectives: that the study has. Optuna knows no curves of several, so none is recorded then.
    """
    from optuna.trial import TrialState, create_trial

    outcome, chosen = kept.outcome, kept.chosen
    values = _values(outcome, num_objectives)
    if chosen is None:
        return _placeholder(kept.reason)
    if outcome.state in ("complete", "stopped") and values is not None:
        state = TrialState.COMPLETE
    elif outcome.state in ("pruned", "infeasible"):
        state, values = TrialState.PRUNED, None
    else:
        state, values = TrialState.FAIL, None
    curve = {unit: point[0] for unit, point in outcome.curve} if num_objectives == 1 else {}
    return create_trial(
        state=state,
        values=values,
        params=chosen,
        distributions={leaf: distributions[leaf] for leaf in chosen},
        intermediate_values=curve,
        constraints=dict(outcome.violations) if outcome.state == "infeasible" else None,
        user_attrs={"cause": outcome.cause} if state == TrialState.FAIL else None,
    )


def _values(outcome: Outcome, num_objectives: int) -> list[float] | None:
    """Every objective, the first one first; None where one was not measured."""
    found = list(outcome.values.values()) if num_objectives > 1 else [outcome.score]
    if len(found) != num_objectives:
        return None
    numbers = [value for value in found if value is not None and not math.isnan(value)]
    return numbers if len(numbers) == num_objectives else None


def _placeholder(cause: str) -> FrozenTrial:
    from optuna.trial import TrialState, create_trial

    return create_trial(state=TrialState.FAIL, user_attrs={"cause": str(cause)})
