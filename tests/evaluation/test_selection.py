"""The winner of several is called better no oftener than the level allows, however often one looked."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import stdtr, stdtrit

from mapsto.evaluation.comparison import compare
from mapsto.evaluation.selection import Judgment, Race
from mapsto.metrics.base import Direction


def raced(race: Race, truth: list[float], rng: np.random.Generator, noise: float = 1.0) -> tuple[int, Judgment, int]:
    """Runs a race of recipes with these means, the default first: the winner, the judgment, the runs."""
    scores: dict[int, list[float]] = {number: [] for number in range(len(truth))}
    alive = tuple(scores)
    while True:
        for number in alive:
            scores[number].append(truth[number] + noise * rng.normal())
        decision = race.decide({number: scores[number] for number in alive}, 0)
        alive = decision.alive
        if decision.is_over:
            return decision.leader, race.judge(scores, decision.leader, 0), sum(map(len, scores.values()))


def test_nothing_is_decided_in_few_rounds() -> None:
    race = Race("maximize", num_finalists=2, min_rounds=4)
    decision = race.decide({1: [9.0, 9.1, 9.2], 2: [5.0, 5.1, 5.3], 0: [1.0, 1.2, 1.1]}, 0)
    assert (decision.alive, decision.is_over, decision.leader, decision.reason) == ((1, 2, 0), False, 1, "few rounds")


@pytest.mark.parametrize(("direction", "sign"), [("maximize", 1), ("minimize", -1)])
def test_who_is_clearly_worse_is_out_but_the_default(direction: Direction, sign: int) -> None:
    race = Race(direction, num_finalists=2)
    scores = {1: [9.0, 9.1, 9.2, 9.0], 2: [5.0, 5.1, 5.3, 5.0], 0: [1.0, 1.2, 1.1, 1.3]}
    decision = race.decide({n: [sign * s for s in found] for n, found in scores.items()}, 0)
    assert (decision.alive, decision.is_over, decision.reason) == ((1, 0), True, "clear")


def test_a_failed_run_puts_a_finalist_out_and_the_default_too() -> None:
    race = Race("maximize", num_finalists=2)
    scores = {1: [9.0, 9.1, math.nan], 2: [5.0, 5.1, 5.3], 0: [1.0, 1.2, 1.1]}
    assert race.decide(scores, 0).alive == (2, 0)
    scores = {1: [9.0, 9.2, 9.1], 2: [5.0, 5.1, 5.3], 0: [1.0, math.nan, 1.1]}
    assert race.decide(scores, 0).alive == (1,)
    judgment = race.judge(scores, 1, 0)
    assert judgment.comparison is not None
    assert (judgment.comparison.verdict, judgment.probability_better) == ("not distinguishable", None)
    with pytest.raises(ValueError, match="Nobody has a score in every round"):
        race.decide({1: [math.nan], 0: [math.nan]}, 0)


def test_a_race_ends_with_its_rounds_or_its_hope() -> None:
    race = Race("maximize", num_finalists=1, max_rounds=5)
    first, other = [1.0, 2.0, 3.0, 2.0, 1.0], [1.1, 1.8, 3.2, 1.9, 0.9]
    assert race.decide({1: first, 0: other}, 0).reason == "all rounds"
    assert race.decide({1: first[:4], 0: other[:4]}, 0).reason == "hopeless"
    assert race.decide({1: [2.0, 3.0, 4.0], 0: [1.0, 2.5, 2.6]}, 0).reason == "open"
    assert race.decide({1: [2.0, 2.0, 2.0], 0: [2.0, 2.0, 2.0]}, 0).reason == "hopeless"


def test_rows_that_leave_no_hope_end_it() -> None:
    race = Race("maximize", num_finalists=1)
    scores = {1: [1.0, 1.2, 1.4], 0: [0.8, 0.9, 1.0]}
    unclear = np.random.default_rng(0).normal(0.3, 20.0, 400)
    assert race.decide(scores, 0, {1: unclear}).reason == "hopeless"
    assert race.decide(scores, 0, {1: unclear / 100}).reason == "open"


def test_leaders_of_equal_means_are_the_first_trial() -> None:
    assert Race("minimize", num_finalists=2).decide({5: [1.0, 2.0, 3.0], 3: [3.0, 2.0, 1.0]}, None).leader == 3


@pytest.mark.parametrize(("min_rounds", "max_rounds"), [(2, 6), (3, 10), (5, 5)])
def test_all_looks_together_err_as_often_as_one_may(min_rounds: int, max_rounds: int) -> None:
    race = Race("maximize", num_finalists=1, min_rounds=min_rounds, max_rounds=max_rounds)
    drawn = np.random.default_rng(1).normal(size=(60_000, max_rounds))
    wrong = np.zeros(len(drawn), dtype=bool)
    for done in range(min_rounds, max_rounds + 1):
        seen = drawn[:, :done]
        p = 1 - stdtr(done - 1, seen.mean(axis=1) / seen.std(axis=1, ddof=1) * math.sqrt(done))
        wrong |= p < (1 - race.seed_level(done)) / 2
    assert 0.022 <= wrong.mean() <= 0.028


@pytest.mark.parametrize("cut", [2, 3, 6, 9])
def test_what_is_kept_for_later_rounds_may_be_spent_where_time_ends_them(cut: int) -> None:
    race = Race("maximize", num_finalists=1)
    drawn = np.random.default_rng(2).normal(size=(60_000, cut))
    wrong = np.zeros(len(drawn), dtype=bool)
    for done in range(min(3, cut), cut + 1):
        seen = drawn[:, :done]
        p = 1 - stdtr(done - 1, seen.mean(axis=1) / seen.std(axis=1, ddof=1) * math.sqrt(done))
        wrong |= p < (1 - race.seed_level(done, is_cut=done == cut)) / 2
    assert wrong.mean() <= 0.0265


def test_levels_of_more_finalists_are_stricter_and_those_of_later_looks_wider() -> None:
    one, four = (Race("maximize", num_finalists=m) for m in (1, 4))
    levels = [one.seed_level(done) for done in range(3, 11)]
    assert levels == sorted(levels, reverse=True)
    assert all(four.seed_level(done) > one.seed_level(done) > 0.95 for done in range(3, 11))
    assert one.seed_level(5, is_cut=True) < one.seed_level(5)
    assert math.isclose(one.seed_level(2), 0.95)  # time ended it before the first look


def test_one_planned_look_is_the_plain_comparison() -> None:
    race = Race("maximize", num_finalists=1, min_rounds=4, max_rounds=4)
    candidate, default = [0.91, 0.93, 0.95, 0.92], [0.90, 0.91, 0.90, 0.91]
    found, plain = race.judge({1: candidate, 0: default}, 1, 0).comparison, compare(candidate, default, "maximize")
    assert found is not None
    np.testing.assert_allclose([found.low, found.high], [plain.low, plain.high])
    assert found.method == f"{plain.method}; adjusted for 1 finalist, 1 look and 1 recipe explored"


def test_recipes_explored_on_the_same_rows_widen_the_part_of_the_rows_only() -> None:
    candidate, default = [0.91, 0.93, 0.95], [0.90, 0.91, 0.90]
    rows = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], size=200, p=[0.05, 0.87, 0.08])
    widths = []
    for explored in (1, 40):
        race = Race("maximize", num_finalists=1, min_rounds=3, max_rounds=3, num_explored=explored)
        found = race.judge({1: candidate, 0: default}, 1, 0, {1: rows}).comparison
        assert found is not None
        widths.append((found.high - found.low) / 2)
    plain = compare(candidate, default, "maximize", row_differences=rows)
    assert math.isclose(widths[0], (plain.high - plain.low) / 2)
    of_rows = rows.std(ddof=1) / math.sqrt(200)
    strict, usual = (float(stdtrit(199, 1 - 0.025 / explored)) for explored in (40, 1))
    assert math.isclose(widths[1] ** 2 - widths[0] ** 2, (strict**2 - usual**2) * of_rows**2)


def test_equal_recipes_are_rarely_called_better() -> None:
    rng, wrong = np.random.default_rng(0), 0
    race = Race("maximize", num_finalists=3)
    for _ in range(120):
        _, judgment, _ = raced(race, [0.0] * 4, rng)
        wrong += judgment.comparison is not None and judgment.comparison.verdict == "better"
    assert wrong <= 8  # 1.5 % in the long run


def test_a_recipe_that_is_better_by_two_deviations_is_named_and_claimed() -> None:
    rng, named, claimed, runs = np.random.default_rng(0), 0, 0, 0
    for _ in range(60):
        winner, judgment, used = raced(Race("maximize", num_finalists=2), [0.0, 2.0, 0.0], rng)
        named += winner == 1
        claimed += judgment.comparison is not None and judgment.comparison.verdict == "better"
        runs += used
    assert named >= 57
    assert claimed >= 45  # 89 % in the long run
    assert runs / 60 <= 25


def test_the_optimism_is_what_the_best_of_equal_recipes_flatters_by() -> None:
    rng, raw, corrected = np.random.default_rng(0), [], []
    race = Race("minimize", num_finalists=3, min_rounds=5, max_rounds=5)
    for _ in range(100):
        winner, judgment, _ = raced(race, [0.0] * 4, rng)
        assert judgment.optimism is not None
        assert judgment.optimism >= 0
        corrected.append(judgment.corrected_mean)
        raw.append(judgment.corrected_mean - judgment.optimism)
        assert winner == 0 or judgment.probability_better is not None
    assert np.mean(raw) < -0.3  # 1.03 / √5 = 0.46 in the long run
    assert abs(np.mean(corrected)) < 0.15


def test_a_clear_winner_flatters_nobody() -> None:
    scores = {1: [9.0, 9.3, 9.1], 2: [5.0, 5.1, 5.3], 0: [1.0, 1.2, 1.1]}
    judgment = Race("maximize", num_finalists=2).judge(scores, 1, 0)
    assert judgment.optimism is not None
    assert abs(judgment.optimism) < 0.01
    assert judgment.probability_better is not None
    assert judgment.probability_better > 0.99
    assert judgment.std is not None
    assert math.isclose(judgment.std, np.std(scores[1], ddof=1))


def test_a_default_that_wins_is_compared_with_nothing() -> None:
    judgment = Race("maximize", num_finalists=1).judge({1: [1.0, 2.0, 1.5], 0: [3.0, 3.1, 3.3]}, 0, 0)
    assert (judgment.comparison, judgment.probability_better) == (None, None)
    assert Race("maximize", num_finalists=1).judge({1: [1.0]}, 1, None).optimism is None


def test_a_race_is_a_function_of_the_scores() -> None:
    rng = np.random.default_rng(0)
    scores = {n: rng.normal(n, 1, 6).tolist() for n in (0, 1, 2)}
    results = [
        (race.decide(scores, 0), race.judge(scores, 2, 0))
        for race in (Race("maximize", num_finalists=2) for _ in range(2))
    ]
    assert results[0] == results[1]


def test_impossible_races_are_refused() -> None:
    with pytest.raises(ValueError, match="Received: max_rounds=4, min_rounds=5"):
        Race("maximize", num_finalists=1, min_rounds=5, max_rounds=4)
    with pytest.raises(ValueError, match="Received: num_finalists=0"):
        Race("maximize", num_finalists=0)
