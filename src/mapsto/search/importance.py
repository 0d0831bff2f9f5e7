"""How much each setting that was searched decides about the score.

Two answers to two questions, both by Optuna. fANOVA: which share of the spread of the scores, over the whole space, is
due to the setting alone. A forest of trees is fitted to the scores, and its variance is taken apart. PED-ANOVA: how
much the values of the better half of the trials are distributed unlike those of all of them. Where the sampler has
gathered its trials in one corner, the first answer speaks mostly of that corner, and the second is unsure.

References:
    Hutter, Hoos and Leyton-Brown, 2014, "An Efficient Approach for Assessing Hyperparameter Importance". Watanabe,
    Bansal and Hutter, 2023, "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces".
"""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mapsto._messages import say
from mapsto.recipe.ranges import Int, Log, Range, Uniform
from mapsto.recipe.seeds import derive
from mapsto.search.editing import distribution

if TYPE_CHECKING:
    import optuna

    from mapsto.search.outcome import Outcome
    from mapsto.search.problem import Problem

MIN_TRIALS = 10
"""PED-ANOVA asks for five trials in its better half."""

MAX_TRIALS = 300
"""Of more, a part is drawn, so that it takes seconds at most."""

NUM_TREES = 32


@dataclass(frozen=True)
class Importance:
    """Importances of the settings, the greatest first; those of one kind are shares that sum to 1.

    Attributes:
        fanova: by dotted name, by fANOVA; None where there are too few trials, or nothing to explain.
        ped_anova: by dotted name, by PED-ANOVA; None likewise.
        num_trials: complete trials that they follow from.
        note: why there are none, or what they follow from.
    """

    fanova: dict[str, float] | None
    ped_anova: dict[str, float] | None
    num_trials: int
    note: str


def importances(problem: Problem, history: Sequence[Outcome]) -> Importance:
    """The importances of all settings that were searched, for the first objective.

    They follow from complete trials alone: the score of a trial that was stopped early is one of fewer epochs, and
    would let the stopping look like an effect of the settings. Of more than `MAX_TRIALS`, a part is drawn, the same
    each time.

    A setting with a condition is missing in some trials. fANOVA needs trials in which all settings are there; so it is
    asked for each group of settings that are active together, over the trials in which they are, and what a setting
    explains there counts by the share of these trials, as the law of total variance has it. PED-ANOVA looks at each
    setting over the trials that have it, and takes account of their number itself.
    """
    trials = [o for o in history if o.state == "complete" and o.score is not None and math.isfinite(o.score)]
    found = len(trials)
    if found < MIN_TRIALS:
        note = say("Importance needs {least} complete trials; there are {found}.", least=MIN_TRIALS, found=found)
        return Importance(None, None, found, note)
    if len({o.score for o in trials}) == 1:
        note = say("All {found} complete trials have the same score.", found=found)
        return Importance(None, None, found, note)
    if found > MAX_TRIALS:
        rng = random.Random(derive(problem.seed, "importance"))
        trials = [trials[index] for index in sorted(rng.sample(range(found), MAX_TRIALS))]
    study = _study(problem, trials)
    names = sorted({name for o in trials for name in o.chosen})
    note = say("Over {used:,} of {found:,} complete trials.", used=len(trials), found=found)
    return Importance(_fanova(problem, study, trials, names), _ped_anova(study, names), len(trials), note)


def _study(problem: Problem, trials: Sequence[Outcome]) -> optuna.Study:
    """A study in memory that holds the trials, with the first objective.

    Numbers of logarithmic ranges are entered by their logarithm: Optuna's fANOVA would otherwise take learning rates in
    [1e-4, 1e-1] for spread evenly, and nine tenths of what it says of them would be said of those above 1e-2.
    """
    import optuna  # here, since it takes a quarter of a second to import

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction=problem.directions[0])
    every = {name: distribution(_straightened(range_)) for name, range_ in problem.ranges.items()}
    for outcome in trials:
        params = {
            name: math.log(value) if _is_logarithmic(problem.ranges[name]) else value
            for name, value in outcome.chosen.items()
        }
        study.add_trial(
            optuna.trial.create_trial(
                value=outcome.score, params=params, distributions={name: every[name] for name in params}
            )
        )
    return study


def _is_logarithmic(range_: Range) -> bool:
    return isinstance(range_, Log) or (isinstance(range_, Int) and range_.log)


def _straightened(range_: Range) -> Range:
    """A logarithmic range as an even one of the logarithms; any other as it is."""
    match range_:
        case Log() | Int(log=True):
            return Uniform(math.log(range_.low), math.log(range_.high))
    return range_


def _fanova(
    problem: Problem, study: optuna.Study, trials: Sequence[Outcome], names: Sequence[str]
) -> dict[str, float] | None:
    from optuna.importance import FanovaImportanceEvaluator

    whole = float(np.var([o.score or 0.0 for o in trials]))
    together: dict[tuple[int, ...], list[str]] = {}
    for name in names:
        together.setdefault(tuple(i for i, o in enumerate(trials) if name in o.chosen), []).append(name)
    found: dict[str, float] = {}
    for index, group in together.items():
        here = float(np.var([trials[i].score or 0.0 for i in index]))
        if len(index) < MIN_TRIALS or here == 0:
            found |= dict.fromkeys(group, 0.0)
            continue
        always = [name for name in names if all(name in trials[i].chosen for i in index)]
        evaluator = FanovaImportanceEvaluator(n_trees=NUM_TREES, seed=derive(problem.seed, "fanova"))
        shares = evaluator.evaluate(study, params=always)
        found |= {name: float(shares[name]) * len(index) / len(trials) * here / whole for name in group}
    return _as_shares(found)


def _ped_anova(study: optuna.Study, names: Sequence[str]) -> dict[str, float] | None:
    from optuna.importance import PedAnovaImportanceEvaluator

    with warnings.catch_warnings():
        # It warns where a setting is active in a single trial, whose importance is then taken to be 0.
        warnings.simplefilter("ignore")
        found = PedAnovaImportanceEvaluator(target_quantile=0.5).evaluate(study)
    return _as_shares({name: float(found.get(name, 0.0)) for name in names})


def _as_shares(found: Mapping[str, float]) -> dict[str, float] | None:
    """Scaled to sum to 1, the greatest first; None where none explains anything."""
    total = math.fsum(found.values())
    if not (total > 0 and math.isfinite(total)):
        return None
    return {name: found[name] / total for name in sorted(found, key=lambda name: (-found[name], name))}
