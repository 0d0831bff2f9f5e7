"""What was tried twice counts twice, and recipes are repeated until the finalists are clear."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from mapsto.evaluation.heats import HEAT, contenders, finalists, grouped, seed_variance
from mapsto.metrics.base import Direction
from mapsto.search.outcome import Outcome, State


def run(number: int, recipe: int, score: float | None, state: State = "complete", seed: int | None = None) -> Outcome:
    chosen: dict[str, Any] = {"model.width": recipe}
    return Outcome(
        number, "explore", state, "", score, 1, 1, 1, 1.0, 1, chosen, seed=number if seed is None else seed
    )  # fmt: skip


def ran(*scores: float) -> list[Outcome]:
    return [run(number, number, score) for number, score in enumerate(scores)]


def test_without_repeats_the_order_is_that_of_the_scores() -> None:
    runs = ran(0.7, 0.9, 0.8)
    assert [group.number for group in grouped(runs, "maximize")] == [1, 2, 0]
    assert [group.number for group in grouped(runs, "minimize")] == [0, 2, 1]
    assert [group.estimate for group in grouped(runs, "maximize")] == [0.9, 0.8, 0.7]


def test_one_lucky_run_does_not_beat_a_solid_mean() -> None:
    runs = [run(0, 0, 0.90), run(1, 1, 0.93), run(2, 2, 0.91)]
    assert grouped(runs, "maximize")[0].number == 1
    again = [run(3, 2, 0.93), run(4, 2, 0.93), run(5, 2, 0.94), run(6, 0, 0.94), run(7, 0, 0.88)]
    found = grouped([*runs, *again], "maximize")
    assert (found[0].number, found[0].scores) == (2, (0.91, 0.93, 0.93, 0.94))
    assert found[0].mean < found[1].mean == 0.93 > found[1].estimate


def test_a_training_that_went_on_is_one_run_with_its_last_score() -> None:
    found = grouped([run(0, 5, 0.6, "stopped", seed=3), run(1, 5, 0.8, seed=3), run(2, 5, 0.7)], "maximize")
    assert [(group.number, group.scores) for group in found] == [(0, (0.8, 0.7))]


def test_what_time_cut_counts_only_where_nothing_is_complete() -> None:
    runs = [run(0, 0, 0.1, "stopped"), run(1, 0, 0.8), run(2, 1, 0.7, "stopped"), run(3, 2, 0.99, "pruned")]
    assert [(group.number, group.scores) for group in grouped(runs, "maximize")] == [(0, (0.8,)), (2, (0.7,))]


def test_who_failed_with_another_seed_comes_last_and_is_not_repeated() -> None:
    groups = grouped([*ran(0.9, 0.8, 0.7), run(3, 0, None, "failed")], "maximize")
    assert [group.number for group in groups] == [1, 2, 0]
    assert 0 not in contenders(groups, "maximize", num_finalists=1)


def test_the_noise_of_a_seed_is_pooled_over_repeats() -> None:
    groups = grouped([*ran(1.0, 5.0, 7.0), run(3, 0, 3.0), run(4, 1, 5.0)], "maximize")
    assert seed_variance(groups) == 1.0
    assert math.isnan(seed_variance(grouped(ran(1.0, 2.0), "maximize")))


def test_the_first_heat_is_the_best_few() -> None:
    groups = grouped(ran(*np.arange(10.0)), "maximize")
    assert contenders(groups, "maximize", num_finalists=2) == [9, 8, 7, 6]
    assert contenders(groups, "maximize", num_finalists=2, max_repeats=3) == [9, 8, 7]
    assert contenders(groups, "maximize", num_finalists=2, max_repeats=0) == []
    assert contenders(groups[:2], "maximize", num_finalists=2) == []


@pytest.mark.parametrize(("direction", "sign"), [("maximize", 1), ("minimize", -1)])
def test_recipes_far_apart_need_no_second_heat(direction: Direction, sign: int) -> None:
    best = [10.0, 8.0, 6.0, 4.0, 2.0, 1.0]
    runs = [run(i, i, sign * score) for i, score in enumerate(best)]
    runs += [run(6 + i, i, sign * (score + 0.1)) for i, score in enumerate(best[:HEAT])]
    groups = grouped(runs, direction)
    assert contenders(groups, direction, num_finalists=2) == []
    assert finalists(groups, 2, default=5) == [0, 1, 5]
    assert finalists(groups, 2, default=0) == [0, 1]
    assert finalists(groups, 2, default=99) == [0, 1]


def test_who_is_within_reach_of_the_leader_is_repeated() -> None:
    runs = [*ran(1.0, 1.1, 0.9, 1.0, 0.95, -9.0), run(6, 0, 0.0), run(7, 1, 0.1), run(8, 2, 1.9), run(9, 3, 0.2)]
    groups = grouped(runs, "maximize")
    assert contenders(groups, "maximize", num_finalists=1) == [4]
    assert contenders(groups, "maximize", num_finalists=2) == []  # there is a place for it


def test_heats_find_the_better_recipe_more_often_than_one_run_does() -> None:
    rng, found, single, repeats = np.random.default_rng(0), 0, 0, 0
    for _ in range(60):
        truth = np.zeros(20)
        truth[7] = 2.0
        runs = ran(*(truth + rng.normal(size=20)))
        groups = grouped(runs, "maximize")
        single += 7 in finalists(groups, 2)
        while again := contenders(groups, "maximize", num_finalists=2):
            runs += [run(len(runs) + i, number, truth[number] + rng.normal()) for i, number in enumerate(again)]
            groups = grouped(runs, "maximize")
        found += 7 in finalists(groups, 2)
        repeats += len(runs) - 20
    assert found >= 51 > 48 >= single  # 95 % and fewer than 75 % in the long run
    assert repeats / 60 <= 15
