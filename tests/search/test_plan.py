"""The budget's division."""

import math

import pytest

from mapsto.search.plan import SHARE_AFTER_EXPLORING, Plan

PLAN = Plan(seconds=100, n_trials=None, finalists=2, num_seeds=3, test_seconds=5)


def test_short_runs_leave_most_of_the_time_for_exploring():
    heats, final, last = 1.2 * 4, 1.2 * 3 * 3, 1.2
    assert PLAN.explore_until(1.0) == pytest.approx(100 - heats - final - last - 5)


def test_exploring_always_has_its_share():
    assert PLAN.explore_until(50.0) == 100 * (1 - SHARE_AFTER_EXPLORING)


@pytest.mark.parametrize("run_seconds", [0.1, 1.0, 5.0, 20.0, 100.0])
def test_phases_end_in_order_and_within_the_budget(run_seconds):
    ends = [
        PLAN.explore_until(run_seconds),
        PLAN.heats_until(run_seconds),
        PLAN.confirm_until(run_seconds),
        PLAN.final_until(),
        100.0,
    ]
    assert ends == sorted(ends)


def test_without_a_budget_nothing_ends():
    plan = Plan(None, 20, 2, 3, 0.0)
    assert {plan.explore_until(5), plan.confirm_until(5), plan.final_until(), plan.first_until()} == {math.inf}
