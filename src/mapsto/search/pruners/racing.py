"""Stops a recipe that is clearly worse than the best after some folds or seeds, before it is given all of them.

For a fidelity whose units are repeats: the points of a curve are running means m(k) over the first k folds, which give
the score on each, s(k) = k·m(k) - (k - 1)·m(k - 1). The score of recipe i on fold f is taken to be

    s(i, f) = recipe(i) + fold(f) + error,    error of variance v,

as in the analysis of variance of a table with two ways. From the n recipes that were given all K folds come the folds'
means, v with (n - 1)(K - 1) degrees of freedom, and how much each recipe deviates from the others. The candidate's
deviation is its mean difference from the folds' means, over the same folds: that pairs it with all that were there. Its
own differences say something of v too, with k - 1 degrees of freedom. Two folds alone would leave the interval as wide
as a quantile of Student's distribution with one degree of freedom is.

The best of n recipes is partly the luckiest, and a recipe as good as it would mostly look worse. So its deviation is
shrunk by what is luck in the spread of all, b = 1 - (n - 3) / (n - 1) · (v / K) / var(deviations), not below 0 (James
and Stein, as Efron and Morris 1973 have it; with three or fewer b = 1). The difference, candidate minus best, has the
variance

    v · ((1 + 1/n) / k + b · (1 - 1/n) / K),

and a candidate is stopped where it is worse by more than Student's quantile times the root of that. The level of 10 %
is shared out among the looks. Simulated with five folds, a recipe as good as the best is stopped in 5 to 12 % of the
races; with three in 8 to 22 %, the most where all recipes are equal and nothing is lost; with ten in 3 to 7 %.

References:
    Maron and Moore, 1994, "Hoeffding races". Birattari et al., 2002, "A racing algorithm for configuring
    metaheuristics".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto.search.pruners import _pareto
from mapsto.search.pruners._known import RECENT, curve_losses, trainings
from mapsto.search.pruners.base import Pruner

if TYPE_CHECKING:
    from mapsto.search.outcome import Outcome, Point
    from mapsto.search.problem import Problem

LEVEL = 0.1
"""Chance that a recipe as good as the best is stopped, by all looks together, if the spread were known."""

FEWEST_FOLDS = 2
"""That a candidate is given."""

FEWEST_OTHERS = 2
"""Recipes with all folds: of one alone the spread is not known."""

MOST_FREEDOM = 20
"""Degrees of freedom that the others' spread counts for, at most, as each recipe has one of its own."""


class Racing(Pruner):
    """Compares a recipe with the best on the folds or seeds that both were given, by a one-sided t interval.

    It needs a fidelity whose units are repeats, at least three of them. With several objectives a recipe is stopped
    where one on the Pareto front is clearly better in all of them. The last 300 recipes with all folds are looked at.
    """

    title: ClassVar[str] = "racing over folds or seeds"

    def knows(self, problem: Problem, history: Sequence[Outcome], number: int) -> dict[str, Any] | None:
        whole = problem.max_fidelity
        others = [outcome.curve for outcome in trainings(history) if len(outcome.curve) == whole]
        found = [_folds(problem, curve) for curve in others[-RECENT:]]
        table = np.array([scores for scores in found if scores is not None and np.isfinite(scores).all()])
        if len(table) < FEWEST_OTHERS or whole <= FEWEST_FOLDS:
            return None
        n, folds = len(table), table.mean(axis=0)
        deviations = (table - folds).mean(axis=1)
        freedom = (n - 1) * (whole - 1)
        variance = ((table - folds - deviations[:, None]) ** 2).sum(axis=(0, 1)) / freedom
        spread = np.maximum(deviations.var(axis=0, ddof=1), 1e-300)
        shrink = np.clip(1 - max(0, n - 3) / (n - 1) * (variance / whole) / spread, 0, 1)
        best = deviations[_pareto.fronts(deviations) == 0] * shrink
        return {
            "others": n,
            "folds": folds.tolist(),
            "best": best.tolist(),
            "shrink": shrink.tolist(),
            "variance": variance.tolist(),
        }

    def stops(self, problem: Problem, known: dict[str, Any], curve: Sequence[Point]) -> bool:
        if not np.isfinite(curve_losses(problem, curve[-1:])).all():
            return True
        whole, n, k = problem.max_fidelity, known["others"], len(curve)
        scores = _folds(problem, curve)
        if scores is None or not FEWEST_FOLDS <= k < whole:
            return False
        from scipy.special import stdtrit  # a tenth of a second, and few studies race

        differences = scores - np.array(known["folds"])[:k]
        mean = differences.mean(axis=0)
        prior = min((n - 1) * (whole - 1), MOST_FREEDOM)
        own = ((differences - mean) ** 2).sum(axis=0) / (1 + 1 / n)
        variance = (prior * np.array(known["variance"]) + own) / (prior + k - 1)
        scaled = variance * ((1 + 1 / n) / k + np.array(known["shrink"]) * (1 - 1 / n) / whole)
        t = float(stdtrit(prior + k - 1, 1 - LEVEL / (whole - FEWEST_FOLDS)))
        excess = mean - np.array(known["best"]) - t * np.sqrt(scaled)
        return bool(((excess >= 0).all(axis=1) & (excess > 0).any(axis=1)).any())


def _folds(problem: Problem, curve: Sequence[Point]) -> NDArray[np.float64] | None:
    """The losses on each fold, `(folds, objectives)`, from the running means; None if one is missing."""
    units = np.arange(1, len(curve) + 1)
    if [unit for unit, _ in curve] != units.tolist():
        return None
    with np.errstate(invalid="ignore"):  # a fold without a score leaves none to the means after it
        return np.diff(curve_losses(problem, curve) * units[:, None], axis=0, prepend=0.0)
