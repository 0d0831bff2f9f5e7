"""Each pruner against its rule, and what it saves on curves that are played through as a study does."""

import json
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from mapsto.recipe.families import PRUNERS
from mapsto.search.outcome import State
from mapsto.search.problem import Problem
from mapsto.search.pruners import _pareto, _rungs
from mapsto.search.pruners._known import firsts, trainings
from mapsto.search.pruners.extrapolate import Extrapolate
from mapsto.search.pruners.halving import Halving
from mapsto.search.pruners.hyperband import Hyperband, bracket, shares
from mapsto.search.pruners.median import Median
from mapsto.search.pruners.racing import Racing
from mapsto.testing.pruners import check_pruner, outcome, sample_curve, stopped_at

PROBLEM = Problem({}, max_fidelity=27)
BOTH = Problem({}, ("maximize", "minimize"), max_fidelity=9)
LOOKAHEAD = 4
STATES: tuple[State, State] = ("complete", "pruned")


@pytest.mark.parametrize("name", PRUNERS.names())
def test_conformance(name):
    check_pruner(PRUNERS.get(name))


def constant(*scores, units=27):
    return tuple((unit, scores) for unit in range(1, units + 1))


# ------------------------------------------------------------------------------------------ studies played through


@cache
def recorded(seed=0, count=60, units=27):
    """Curves that rise at different paces to different ends, some of which cross."""
    rng = np.random.default_rng(seed)
    units_ = np.arange(1, units + 1)
    curves = []
    for _ in range(count):
        end, pace = rng.beta(4, 2), rng.uniform(1, 5)
        scores = end * (1 - 0.7 * np.exp(-units_ / pace)) + rng.normal(0, 0.005, units)
        curves.append(tuple((int(unit), (float(score),)) for unit, score in zip(units_, scores, strict=True)))
    return tuple(curves)


def played(pruner, curves, problem=PROBLEM):
    """The trials of a study that tries these curves in turn, trial n knowing trials 0 to n - 4, and units trained."""
    history, untried, spent = [], list(range(len(curves))), 0
    while untried:
        number = len(history)
        known = history[: max(0, number - LOOKAHEAD + 1)]
        thawed = pruner.thaws(problem, known, [one.starts_from for one in history[len(known) :] if one.starts_from])
        earlier = None if thawed is None else history[thawed]
        recipe = untried.pop(0) if earlier is None else earlier.chosen["number"]
        done = 0 if earlier is None else earlier.epochs
        facts = pruner.knows(problem, known, number if earlier is None else thawed)
        curve, state = curves[recipe], STATES[0]
        for unit in range(done + 1, len(curve)):
            if facts is not None and pruner.stops(problem, facts, curve[:unit]):
                curve, state = curve[:unit], STATES[1]
                break
        spent += len(curve) - done
        told = {"chosen": {"number": recipe}, "seed": recipe, "starts_from": thawed}
        history.append(outcome(number, curve if number % 2 else curve[done:], state, **told))
        history[-1] = replace(history[-1], epochs=len(curve))
    return history, spent


@pytest.mark.parametrize(
    ("name", "share", "loss"),
    [("median", 0.7, 0.005), ("halving", 0.45, 0.005), ("hyperband", 0.65, 0.005), ("extrapolate", 0.6, 0.005)],
)
def test_much_less_is_trained_and_the_best_found(name, share, loss):
    spent, lost = [], []
    for seed in range(4):
        curves = recorded(seed)
        history, units = played(PRUNERS.get(name)(), curves)
        spent.append(units / (27 * len(curves)))
        best = max(max(values[0] for _, values in curve) for curve in curves)
        lost.append(best - max(one.score for one in history))
    assert np.mean(spent) < share
    assert np.mean(lost) < loss


@pytest.mark.parametrize("name", PRUNERS.names())
def test_a_study_played_again_is_the_same(name):
    first, second = (played(PRUNERS.get(name)(), recorded(1, 24))[0] for _ in range(2))
    assert first == second


# ------------------------------------------------------------------------------------------ joined trials


def test_a_continued_trial_counts_once_with_the_curve_of_both():
    curve = sample_curve(0.6)
    whole = [outcome(0, curve[:3], "pruned"), outcome(1, curve, seed=0, chosen={"number": 0}, starts_from=0)]
    rest = [whole[0], replace(whole[1], curve=curve[3:])]
    assert [one.curve for one in trainings(whole)] == [one.curve for one in trainings(rest)] == [curve]
    assert firsts(rest) == {0: 0, 1: 0}


def test_a_step_of_population_based_training_is_a_training_of_its_own():
    curve = sample_curve(0.6)
    history = [outcome(0, curve[:9]), outcome(1, curve[9:], starts_from=0)]
    assert trainings(history) == history


# ------------------------------------------------------------------------------------------ median


def test_median_is_that_of_the_best_so_far():
    spiked = (*constant(0.2, units=4), (5, (0.7,)), *constant(0.2)[5:])
    history = [outcome(number, curve) for number, curve in enumerate([constant(0.5), constant(0.6), spiked])]
    known = Median().knows(PROBLEM, history, 4)
    assert known["medians"]["5"] == -0.6
    assert stopped_at(Median(), PROBLEM, known, constant(0.59)) == 5
    assert stopped_at(Median(), PROBLEM, known, constant(0.6)) is None


def test_median_waits_for_four_trials_and_three_others_that_came_as_far():
    history = [outcome(number, constant(0.5), "complete") for number in range(3)]
    assert Median().knows(PROBLEM, history, 3) is None
    assert Median().knows(PROBLEM, history[:2], 4) is None
    short = [*history[:2], outcome(2, constant(0.5, units=9), "pruned")]
    assert max(map(int, Median().knows(PROBLEM, short, 4)["medians"])) == 9


# ------------------------------------------------------------------------------------------ halving


def halved(scores, units=3):
    return [outcome(number, constant(score, units=units), "pruned") for number, score in enumerate(scores)]


def test_halving_lets_the_best_third_go_on():
    known = Halving().knows(PROBLEM, halved([0.1, 0.2, 0.3, 0.4, 0.5]), 5)
    assert known == {"cutoffs": {"3": -0.4}}
    ends = [stopped_at(Halving(), PROBLEM, known, constant(score)) for score in (0.39, 0.4, 0.41)]
    assert ends == [3, None, None]


def test_halving_judges_at_the_first_point_at_or_beyond_a_rung():
    known = Halving().knows(PROBLEM, halved([0.5] * 3), 3)
    sparse = [(unit, (0.1,)) for unit in (2, 4, 6)]
    assert known is not None
    assert [Halving().stops(PROBLEM, known, sparse[:count]) for count in (1, 2, 3)] == [False, True, False]


def test_halving_does_not_judge_a_continued_trial_at_the_rung_it_was_stopped_at():
    known = Halving().knows(PROBLEM, halved([0.5] * 3), 0)
    assert known is not None
    assert not Halving().stops(PROBLEM, known, [(4, (0.1,))])


def test_halving_thaws_the_best_of_the_best_third_first_and_each_once():
    history = halved([0.6, 0.4, 0.8, 0.3, 0.2, 0.5])
    assert Halving().thaws(PROBLEM, history) == 2
    assert Halving().thaws(PROBLEM, history, going_on=[2]) == 0
    assert Halving().thaws(PROBLEM, history, going_on=[2, 0]) is None
    gone_on = outcome(6, constant(0.8, units=9), "pruned", seed=2, chosen={"number": 2}, starts_from=2)
    assert Halving().thaws(PROBLEM, [*history, gone_on]) == 0


def test_halving_thaws_at_the_highest_rung_first():
    high = [outcome(number, constant(0.3 + number / 100, units=9), "pruned") for number in range(3)]
    low = [outcome(number, constant(0.2 + number / 100, units=3), "pruned") for number in range(3, 9)]
    assert Halving().thaws(PROBLEM, high + low) == 2


def test_what_became_of_a_trial_does_not_matter_to_the_rung_that_it_reached():
    known = [
        Halving().knows(PROBLEM, [outcome(0, constant(0.5, units=5), state)], 1)
        for state in ("complete", "pruned", "stopped", "failed", "infeasible")
    ]
    assert all(one == {"cutoffs": {"3": -0.5}} for one in known)


# ------------------------------------------------------------------------------------------ hyperband


def test_hyperband_deals_trials_out_by_the_formula_s_shares():
    assert shares(5) == pytest.approx([n / 143 for n in (5, 8, 15, 34, 81)])
    for start in (0, 1000):
        dealt = np.bincount([bracket(number, 5) for number in range(start, start + 143)])
        np.testing.assert_allclose(dealt, [5, 8, 15, 34, 81], atol=3)


def test_hyperband_s_brackets_begin_at_different_rungs():
    problem = Problem({}, max_fidelity=81)
    history = [outcome(number, constant(0.5, units=81)) for number in range(143)]
    rungs = {bracket(n, 5): set(Hyperband().knows(problem, history, n)["cutoffs"]) for n in range(143) if bracket(n, 5)}
    assert rungs == {1: {"27"}, 2: {"9", "27"}, 3: {"3", "9", "27"}, 4: {"1", "3", "9", "27"}}
    assert Hyperband().knows(problem, history, 0) is None  # of the bracket without a rung


def test_hyperband_compares_within_a_bracket_and_keeps_it_when_a_trial_goes_on():
    mates = [number for number in range(90) if bracket(number, 4) == 3]
    stranger = next(number for number in range(1, 30) if bracket(number, 4) == 2)
    history = [outcome(mates[0], constant(0.4)), outcome(stranger, constant(0.9))]
    assert Hyperband().knows(PROBLEM, history, mates[1])["cutoffs"]["3"] == -0.4
    going = next(number for number in range(stranger + 1, 60) if bracket(number, 4) == 3)
    same: dict[str, Any] = {"seed": stranger, "chosen": {"number": stranger}, "starts_from": stranger}
    known = Hyperband().knows(PROBLEM, [*history, outcome(going, constant(0.8), **same)], mates[-1])
    assert known["cutoffs"]["3"] == -0.4


# ------------------------------------------------------------------------------------------ several objectives


def by_definition(points):
    """Fronts by taking away, again and again, those that nothing left dominates."""
    left, found, front = list(range(len(points))), {}, 0
    while left:
        best = [
            i for i in left if not any((points[j] <= points[i]).all() and (points[j] < points[i]).any() for j in left)
        ]
        found.update(dict.fromkeys(best, front))
        left, front = [i for i in left if i not in best], front + 1
    return [found[i] for i in range(len(points))]


@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_fronts_are_as_defined(objectives):
    points = np.random.default_rng(objectives).integers(0, 6, (40, objectives)).astype(float)
    assert _pareto.fronts(points).tolist() == by_definition(points)


@pytest.mark.parametrize("best", [1, 4, 10, 20])
def test_the_boiled_down_bar_decides_as_the_ranks_of_all_would(best):
    rng = np.random.default_rng(best)
    for _ in range(60):
        points = rng.normal(size=(31, 2))
        others, ours = points[:-1], points[-1]
        fronts = _pareto.fronts(points)
        before, level = points[fronts < fronts[-1]], points[fronts == fronts[-1]]
        apart = _pareto.crowding(level)
        rank = len(before) + int((apart > apart[-1]).sum())
        assert _rungs.passes(_rungs.bar(others, best), ours) == (rank < best)


def test_a_small_network_goes_on_though_it_scores_less():
    history = [outcome(number, constant(0.8 + number / 100, 1000.0, units=1)) for number in range(6)]
    known = Halving().knows(BOTH, history, 6)
    assert stopped_at(Halving(), BOTH, known, constant(0.5, 10.0, units=9)) is None
    assert stopped_at(Halving(), BOTH, known, constant(0.5, 1000.0, units=9)) == 1


# ------------------------------------------------------------------------------------------ extrapolation


def test_extrapolation_stops_what_levels_out_and_not_what_still_rises():
    history = [outcome(number, sample_curve(0.9)) for number in range(4)]
    known = Extrapolate().knows(PROBLEM, history, 8)
    rising = tuple((unit, (0.2 + 0.03 * unit,)) for unit in range(1, 28))
    assert stopped_at(Extrapolate(), PROBLEM, known, sample_curve(0.6)) in range(5, 14)
    assert stopped_at(Extrapolate(), PROBLEM, known, rising) is None


def test_extrapolation_thaws_once_others_turned_out_to_rise_late():
    late = tuple((unit, (0.6 + (0.3 if unit > 18 else 0) + 0.001 * unit,)) for unit in range(1, 28))
    stopped = [outcome(0, sample_curve(0.8)), outcome(1, late[:9], "pruned")]
    assert Extrapolate().thaws(PROBLEM, stopped) is None
    risen = [outcome(number, tuple((u, (v - 0.1,)) for u, (v,) in late)) for number in range(2, 12)]
    assert Extrapolate().thaws(PROBLEM, stopped + risen) == 1


# ------------------------------------------------------------------------------------------ racing


def raced(scores):
    """The curve of running means over these folds' scores."""
    return tuple((k, (float(np.mean(scores[:k])),)) for k in range(1, len(scores) + 1))


def stops_of_races(lack, repeats=300, folds=5, recipes=10, seed=0):
    """Share of the races that end early for a recipe that is worse than the best by `lack` errors of one fold."""
    rng, problem, stopped = np.random.default_rng(seed), Problem({}, max_fidelity=folds), 0
    for _ in range(repeats):
        recipe, fold = rng.normal(0, 1, recipes), rng.normal(0, 3, folds)
        table = recipe[:, None] + fold + rng.normal(size=(recipes, folds))
        known = Racing().knows(problem, [outcome(n, raced(scores)) for n, scores in enumerate(table)], recipes)
        own = recipe[table.mean(axis=1).argmax()] - lack + fold + rng.normal(size=folds)
        stopped += stopped_at(Racing(), problem, known, raced(own)) is not None
    return stopped / repeats


def test_racing_seldom_stops_what_is_as_good_as_the_best():
    assert stops_of_races(0) <= 0.1


def test_racing_stops_what_is_clearly_worse():
    assert stops_of_races(2) > 0.8
    assert stops_of_races(4) > 0.99


def test_racing_does_not_take_hard_folds_for_a_poor_recipe():
    problem = Problem({}, max_fidelity=5)
    folds = np.array([0.2, 0.3, 0.9, 0.9, 0.9])
    history = [outcome(n, raced(folds + 0.01 * np.sin(n + np.arange(5)))) for n in range(5)]
    known = Racing().knows(problem, history, 5)
    assert stopped_at(Racing(), problem, known, raced(folds)) is None
    assert stopped_at(Racing(), problem, known, raced(folds - 0.1)) == 2


def test_racing_waits_for_two_recipes_with_all_folds():
    problem = Problem({}, max_fidelity=5)
    history = [outcome(0, raced([0.5] * 5)), outcome(1, raced([0.5] * 3), "pruned")]
    assert Racing().knows(problem, history, 2) is None


# ------------------------------------------------------------------------------------------ cost


@pytest.mark.parametrize("name", PRUNERS.names())
def test_what_a_trial_knows_of_5000_others_is_small(name):
    rng = np.random.default_rng(0)
    history = []
    for number in range(5000):
        units = int(rng.choice([3, 9, 27]))
        history.append(outcome(number, constant(rng.random(), units=units), "complete" if units == 27 else "pruned"))
    known = PRUNERS.get(name)().knows(PROBLEM, history, 5000)
    assert len(json.dumps(known)) < 3000
