"""Which finalist wins, and what can be claimed of it although it was picked as the best of several.

A `Race` is driven by a study: the finalists (see `mapsto.evaluation.heats`) and the default recipe are run with seeds
that all share, round by round, until all is clear, or further rounds can hardly make it so. Each decision is a function
of the scores so far alone, so that a study which trains one recipe after the other and one that trains several at once
take the same way.

The interval of the winner beside the default is that of `mapsto.evaluation.comparison`, at a level that is adjusted.
With α = (1 - level) / 2, each of m finalists gets α / m (Bonferroni), of which the looks up to round r of R have spent
the share c · (r / R)³: a power family, which keeps most of it for the last looks, where Student's quantile is small. By
Bonferroni's rule c would be 1; since the looks share most of their runs it is larger, and found by a simulation of
Student's statistic under equal means, which depends on nothing else. Such intervals hold their level together over all
rounds, whatever made the race end (repeated confidence intervals).

What rows add to the interval is another matter. All K recipes were compared on the same rows while exploring, and one
that suits them by luck comes into the final; so that part is taken at α / K. Looking again does not change it. Without
it, where rows matter as much as seeds do, one of 20 equal recipes is called better in 14 % of all studies (simulated).

References:
    Kim and DeMets, 1987, "Design and analysis of group sequential tests based on the type I error spending rate
    function". Jennison and Turnbull, 1989, "Interim analyses: the repeated confidence interval approach".
    Spiegelhalter, Freedman and Blackburn, 1986, "Monitoring clinical trials: conditional or predictive power?". Cawley
    and Talbot, 2010, "On over-fitting in model selection and subsequent selection bias in performance evaluation".
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mapsto.evaluation.comparison import Comparison, compare
from mapsto.metrics.base import Direction

Reason = Literal["few rounds", "open", "clear", "hopeless", "all rounds"]

HOPE = 0.1
"""A race goes on while the chance that it becomes clear is at least this."""

SPENDING = 3.0
"""Exponent of the share of the error that may be spent up to a round."""

PATHS = 100_000
"""Simulated races behind the level of a round."""

DRAWS = 20_000
"""Simulated finals behind the optimism."""


@dataclass(frozen=True)
class Decision:
    """Where a race stands after a round.

    Attributes:
        alive: who runs in the next round, or ran in the last one; the default is among them as long as it has scores.
        is_over: whether there is no next round.
        leader: the best mean of those alive; the winner once it is over.
        reason: `"few rounds"` or `"open"`: it goes on. `"clear"`: the leader is clearly better than the default and
            every other one is out. `"hopeless"`: what is unclear would hardly become clear in the rounds that are
            left. `"all rounds"`: there are none left.
    """

    alive: tuple[int, ...]
    is_over: bool
    leader: int
    reason: Reason


@dataclass(frozen=True)
class Judgment:
    """What can be said of a winner.

    Attributes:
        comparison: the winner beside the default, its interval adjusted; None if there is no other recipe to compare.
        probability_better: that the winner's mean over seeds and rows is better than the default's, in [0, 1], under a
            flat prior, the optimism taken off; None where the spread is not known.
        optimism: how much the winner's mean flatters, having been picked as the best, in the metric's unit: positive,
            whichever direction is better; None where the spread is not known. It is the luck with seeds; that with
            the validation rows, on which all recipes were explored, only other rows can show.
        corrected_mean: the winner's mean without it.
        std: standard deviation of the winner's scores over the seeds; None for one.
    """

    comparison: Comparison | None
    probability_better: float | None
    optimism: float | None
    corrected_mean: float
    std: float | None


Scores = Mapping[int, Sequence[float]]
"""One score a round by the number of the recipe, in the order of the rounds; NaN for a run without one. Who is out has
fewer."""

Rows = Mapping[int, NDArray[np.float64]]
"""Each finalist's `row_differences` from the default (see `mapsto.evaluation.comparison`), over the rounds so far."""


@dataclass(frozen=True)
class Race:
    """The final: finalists and the default, run with the same seeds until it is clear who is best.

    Args:
        direction: of the metric.
        num_finalists: recipes beside the default that may be called better.
        min_rounds: nothing is decided before.
        max_rounds: there are no more.
        num_explored: recipes that the finalists were picked from on the validation rows; 1 where the rows are others.
        level: confidence of the interval of the winner, in (0, 1).

    Example:
        >>> race = Race("maximize", num_finalists=2)
        >>> race.decide({7: [0.95, 0.96, 0.95], 4: [0.80, 0.79, 0.81], 0: [0.90, 0.92, 0.90]}, default=0)
        Decision(alive=(7, 0), is_over=False, leader=7, reason='open')
    """

    direction: Direction
    num_finalists: int
    min_rounds: int = 3
    max_rounds: int = 10
    num_explored: int = 1
    level: float = 0.95

    def __post_init__(self) -> None:
        if min(self.num_finalists, self.min_rounds, self.num_explored) < 1 or not 0 < self.level < 1:
            raise ValueError(
                "`num_finalists`, `min_rounds` and `num_explored` must be at least 1 and `level` in (0, 1). "
                f"Received: num_finalists={self.num_finalists}, min_rounds={self.min_rounds}, "
                f"num_explored={self.num_explored}, level={self.level}."
            )
        if self.max_rounds < self.min_rounds:
            raise ValueError(
                "`max_rounds` must not be below `min_rounds`. "
                f"Received: max_rounds={self.max_rounds}, min_rounds={self.min_rounds}."
            )

    def decide(self, scores: Scores, default: int | None, rows: Rows | None = None) -> Decision:
        """Who is still in, and whether it is over, after a round that all who were in have run.

        Who is clearly worse than the leader is out, at the plain level; so is who has no score in a round, and with
        the default there is then nothing to compare with. The default is never out for being worse.

        Args:
            scores: of all that ran so far; those that are out may be left in.
            default: number of the default recipe; None if it could not be trained.
            rows: so far; None where the runs have no rows to compare.

        Raises:
            ValueError: nobody has run every round with a score.
        """
        done = max((len(found) for found in scores.values()), default=0)
        alive = [n for n, found in scores.items() if len(found) == done > 0 and np.isfinite(found).all()]
        if not alive:
            raise ValueError(f"Nobody has a score in every round. Received: {dict(scores)}.")
        leader = max(alive, key=lambda n: (self._sign * math.fsum(scores[n]), -n))
        if done < self._looks()[0]:
            return Decision(tuple(alive), False, leader, "few rounds")
        plain = (self.level, self.level)
        pairs = {n: _pair(scores, leader, n, default, rows) for n in alive if n != leader}
        out = [n for n, pair in pairs.items() if n != default and self._compared(pair, plain).verdict == "better"]
        alive = [n for n in alive if n not in out]
        if done >= self.max_rounds:
            return Decision(tuple(alive), True, leader, "all rounds")
        states = {self._state(pairs[n], is_claim=n == default) for n in alive if n != leader}
        if "open" in states:
            return Decision(tuple(alive), False, leader, "open")
        return Decision(tuple(alive), True, leader, "hopeless" if "hopeless" in states else "clear")

    def judge(
        self,
        scores: Scores,
        winner: int,
        default: int | None,
        rows: Rows | None = None,
        *,
        is_cut: bool = False,
        num_folds: int = 0,
    ) -> Judgment:
        """What can be said of the winner once the race is over.

        Args:
            scores: of all that ran.
            winner: the leader of the last decision.
            default: as for `decide`.
            rows: as for `decide`.
            is_cut: whether it ended for want of time, not for what the scores said: the share of the error that was
                kept for further rounds is then spent now.
            num_folds: as for `compare`.
        """
        own = np.array(scores[winner], dtype=np.float64)
        std = float(own.std(ddof=1)) if len(own) > 1 else None
        flattery = _flattery(scores, winner, default, self._sign)
        optimism, of_lead = flattery or (None, 0.0)
        corrected = float(own.mean()) - self._sign * (optimism or 0.0)
        if default is None or winner == default or default not in scores:
            return Judgment(None, None, optimism, corrected, std)
        pair = _pair(scores, winner, default, default, rows)
        found = self._compared(pair, self._levels(len(pair.one), is_cut), num_folds)
        method = found.method
        if math.isfinite(found.low):
            looks = sum(look <= len(pair.one) for look in self._looks())
            counts = (self.num_finalists, "finalist"), (max(looks, 1), "look"), (self.num_explored, "recipe")
            method += "; adjusted for {}, {} and {} explored".format(*(_count(*count) for count in counts))
        chance = self._chance(pair, of_lead)
        return Judgment(replace(found, level=self.level, method=method), chance, optimism, corrected, std)

    def seed_level(self, done: int, *, is_cut: bool = False) -> float:
        """The level, in (0, 1), at which what seeds make of the interval is taken after so many rounds."""
        error = (1 - self.level) / 2 / self.num_finalists
        looks = self._looks()
        if done < looks[0]:  # only time ends a race so early, and nobody has looked
            return 1 - 2 * error
        factor = _factor(looks, error)
        before = (done - 1) / self.max_rounds if done > looks[0] else 0.0
        spent: float = factor * before**SPENDING
        share: float = factor * (done / self.max_rounds) ** SPENDING - spent
        if is_cut:
            share = max(share, 1 - spent)
        return 1 - 2 * error * min(share, 1.0)

    def _looks(self) -> range:
        """The rounds after which there is a decision; one run has no spread over seeds."""
        return range(min(max(2, self.min_rounds), self.max_rounds), self.max_rounds + 1)

    @property
    def _sign(self) -> int:
        return 1 if self.direction == "maximize" else -1

    def _levels(self, done: int, is_cut: bool = False) -> tuple[float, float]:
        """Of seeds and of rows."""
        return self.seed_level(done, is_cut=is_cut), 1 - (1 - self.level) / self.num_explored

    def _compared(self, pair: _Pair, levels: tuple[float, float], num_folds: int = 0) -> Comparison:
        """`compare` with one level for seeds and another for rows: these are spread as far as its quantile asks."""
        of_seeds, of_rows = levels
        rows = pair.rows
        if rows is not None:
            rows = rows * (_quantile(len(rows) - 1, of_rows) / _quantile(len(rows) - 1, of_seeds))
        return compare(pair.one, pair.other, self.direction, row_differences=rows, level=of_seeds, num_folds=num_folds)

    def _state(self, pair: _Pair, *, is_claim: bool) -> Literal["clear", "hopeless", "open"]:
        """Whether the first is clearly better than the other, and if not, whether it can still become clear."""
        done = len(pair.one)
        now, then = (self._levels(r) if is_claim else (self.level, self.level) for r in (done, self.max_rounds))
        if self._compared(pair, now).verdict == "better":
            return "clear"
        variance = float(pair.differences.var(ddof=1))
        if not variance > 0:
            # The same difference each time: a coincidence of few rounds, unless both always have the same score.
            return "open" if pair.differences.any() else "hopeless"
        of_rows = 0.0 if pair.rows is None else _quantile(len(pair.rows) - 1, then[1]) ** 2 * _error(pair.rows)
        needed = math.sqrt(_quantile(self.max_rounds - 1, then[0]) ** 2 * variance / self.max_rounds + of_rows)
        # The mean after all rounds lies around that of the rounds done, as Student's distribution says.
        mean, moves = float(pair.differences.mean()), math.sqrt(variance * (1 / done - 1 / self.max_rounds))
        chance = sum(_below(done - 1, (side * mean - needed) / moves) for side in (-1, 1))
        return "open" if chance >= HOPE else "hopeless"

    def _chance(self, pair: _Pair, flattery: float) -> float | None:
        """That the first is better: Student's distribution around the difference, with Welch's degrees of freedom."""
        of_seeds, of_rows, freedom = _error(pair.differences), 0.0, 1
        if not of_seeds > 0:
            return None
        if pair.rows is not None:  # as much wider as in the interval, for the recipes that these rows chose from
            freedom = len(pair.rows) - 1
            of_rows = (_quantile(freedom, self._levels(0)[1]) / _quantile(freedom, self.level)) ** 2 * _error(pair.rows)
        welch = (of_seeds + of_rows) ** 2 / (of_seeds**2 / (len(pair.one) - 1) + of_rows**2 / freedom)
        lead = self._sign * float(pair.differences.mean()) - flattery
        return _below(welch, lead / math.sqrt(of_seeds + of_rows))


@dataclass(frozen=True)
class _Pair:
    """The scores of two recipes in the rounds that both have run, and what each row says their difference is."""

    one: tuple[float, ...]
    other: tuple[float, ...]
    rows: NDArray[np.float64] | None

    @property
    def differences(self) -> NDArray[np.float64]:
        return np.subtract(self.one, self.other, dtype=np.float64)


def _pair(scores: Scores, one: int, other: int, default: int | None, rows: Rows | None) -> _Pair:
    done = min(len(scores[one]), len(scores[other]))
    between = None
    if rows is not None and all(n in rows for n in (one, other) if n != default):
        left, right = (rows[n] if n != default else 0.0 for n in (one, other))
        between = np.asarray(left - right, dtype=np.float64)
        between = between if len(between) > 1 else None
    return _Pair(tuple(scores[one][:done]), tuple(scores[other][:done]), between)


def _flattery(scores: Scores, winner: int, default: int | None, sign: int) -> tuple[float, float] | None:
    """How much the winner's mean, and how much its lead over the default, is too good; None where it cannot be known.

    A final is drawn again and again, from means that are drawn together as far as chance made them differ, with the
    noise of a seed that is left when what it does to all recipes alike is taken off. The best of each is looked at.
    """
    table = {n: sign * np.array(s, dtype=np.float64) for n, s in scores.items() if len(s) and np.isfinite(s).all()}
    shared = min(len(found) for found in table.values())
    if shared < 2:
        return None
    if len(table) < 2:
        return 0.0, 0.0
    cells = np.stack([found[:shared] for found in table.values()])
    noise = cells - cells.mean(axis=0) - cells.mean(axis=1, keepdims=True) + cells.mean()
    variance = float((noise**2).sum()) / ((len(cells) - 1) * (shared - 1))
    means = np.array([found.mean() for found in table.values()])
    errors = variance / np.array([len(found) for found in table.values()])
    spread = float(means.var(ddof=1))
    kept = max(0.0, 1 - float(errors.mean()) / spread) if spread else 0.0
    truth = means.mean() + kept * (means - means.mean())
    drawn = np.random.default_rng(0).normal(size=(DRAWS, len(means))) * np.sqrt(errors)
    best = (truth + drawn).argmax(axis=1)
    flattered = drawn[np.arange(DRAWS), best]
    if default not in table or winner == default:
        return float(flattered.mean()), 0.0
    reference = list(table).index(default)
    lead = (flattered - drawn[:, reference])[best != reference]
    return float(flattered.mean()), float(lead.mean()) if len(lead) else 0.0


@functools.lru_cache(maxsize=32)
def _factor(looks: range, error: float) -> float:
    """How much more each look may spend than by Bonferroni's rule, so that all together err as often as `error`.

    Simulated, under equal means, for errors down to 0.5 %; the factor falls slowly with the error, and for more
    finalists what Bonferroni's rule leaves unused is more than that.
    """
    if len(looks) == 1:
        return 1.0
    from scipy.special import stdtr  # a tenth of a second, and only the end of a study needs it

    error, rng, last = max(error, 0.005), np.random.default_rng(0), looks[-1]
    total, squares, least = np.zeros(PATHS), np.zeros(PATHS), np.full(PATHS, np.inf)
    before = 0.0
    for done in range(1, last + 1):
        drawn = rng.normal(size=PATHS)
        total += drawn
        squares += drawn * drawn
        if done not in looks:
            continue
        variance = (squares - total * total / done) / (done - 1)
        p = stdtr(done - 1, -total / np.sqrt(variance * done))
        spent = (done / last) ** SPENDING
        np.minimum(least, p / (spent - before), out=least)
        before = spent
    return max(1.0, float(np.quantile(least, error) / error))


def _error(values: NDArray[np.float64]) -> float:
    """Variance of their mean; NaN for one."""
    return float(values.var(ddof=1)) / len(values) if len(values) > 1 else math.nan


def _quantile(freedom: float, level: float) -> float:
    """Half the width of Student's central interval."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))


def _below(freedom: float, value: float) -> float:
    """Student's distribution function."""
    from scipy.special import stdtr

    return float(stdtr(freedom, value))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
