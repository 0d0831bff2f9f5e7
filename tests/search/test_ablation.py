"""The path from the default to the winner changes what belongs together, and its gains are those of the recipes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ttest_rel

from mapsto.recipe.space import Space
from mapsto.search.ablation import Path, changes

NAME, MOMENTUM, NESTEROV, DROPOUT, WIDTH, BATCH = (
    "optimizer.name", "optimizer.momentum", "optimizer.nesterov", "model.dropout", "model.hidden_dim",
    "training.batch_size",
)  # fmt: skip
SPACE = Space.from_settings(
    [
        "task=tabular_classification",
        "optimizer.name=choice(adamw, sgd)",
        "optimizer.momentum=uniform(0, 0.95)",
        "optimizer.nesterov=choice(false, true) if optimizer.name == sgd",
        "model.dropout=uniform(0, 0.5)",
        "model.hidden_dim=int(32, 512, log=True)",
        "training.batch_size=int(16, 256, log=True)",
    ]
)
DEFAULT = {NAME: "adamw", DROPOUT: 0.0, WIDTH: 128, BATCH: 128}
WINNER = {NAME: "sgd", MOMENTUM: 0.9, NESTEROV: True, DROPOUT: 0.2, WIDTH: 256, BATCH: 128}
SEEDS = [0.00, 0.02, -0.01]
"""What the luck of each seed adds to every score."""


def score(chosen):
    """Dropout helps, width helps a little once there is dropout, and the other optimizer harms."""
    found = 0.1 * (chosen[DROPOUT] > 0) + 0.02 * (chosen[WIDTH] > 128) * (chosen[DROPOUT] > 0)
    return found - 0.03 * (chosen[NAME] == "sgd")


def scores(chosen, sign=1):
    return [sign * (score(chosen) + luck) for luck in SEEDS]


def gone(path, sign=1):
    """Runs a path to its end; the recipes that were trained."""
    trained = []
    while recipes := path.next_recipes():
        trained += recipes
        path.add([scores(chosen, sign) for chosen in recipes])
    return trained


def path(sign=1, **more):
    return Path(
        SPACE, DEFAULT, WINNER, default_scores=scores(DEFAULT, sign), winner_scores=scores(WINNER, sign), **more
    )


def test_what_comes_with_a_member_goes_with_it():
    assert changes(SPACE, DEFAULT, WINNER) == [(DROPOUT,), (WIDTH,), (NAME, MOMENTUM, NESTEROV)]
    assert changes(SPACE, WINNER, WINNER) == []


def test_a_setting_that_both_have_changes_alone():
    other = {**WINNER, MOMENTUM: 0.5}
    assert changes(SPACE, other, WINNER) == [(MOMENTUM,)]


def test_a_greedy_path_takes_the_best_change_first():
    greedy = path()
    trained = gone(greedy)
    assert len(trained) == 3 + 2
    assert [step.settings[0] for step in greedy.steps] == [DROPOUT, WIDTH, NAME]
    np.testing.assert_allclose([step.gain for step in greedy.steps], [0.10, 0.02, -0.03])
    assert [step.tried for step in greedy.steps] == [3, 2, 1]
    last = greedy.steps[-1]
    assert (last.before, last.after) == ({NAME: "adamw"}, {NAME: "sgd", MOMENTUM: 0.9, NESTEROV: True})


def test_every_recipe_on_the_way_is_one_of_the_space():
    for chosen in gone(path()):
        assert SPACE.recipe(chosen).leaves()["task.name"] == "tabular_classification"


def test_where_less_is_better_a_gain_is_positive_too():
    greedy = path(sign=-1, direction="minimize")
    gone(greedy, sign=-1)
    np.testing.assert_allclose([step.gain for step in greedy.steps], [0.10, 0.02, -0.03])


def test_few_runs_go_the_way_of_importance():
    importance = {WIDTH: 0.6, DROPOUT: 0.3, NAME: 0.05, MOMENTUM: 0.05}
    fixed = path(max_runs=6, importance=importance)
    assert not fixed.is_greedy
    assert [chosen[WIDTH] for chosen in fixed.next_recipes()] == [256]
    assert len(gone(fixed)) == 2
    assert [step.settings[0] for step in fixed.steps] == [WIDTH, DROPOUT, NAME]
    np.testing.assert_allclose([step.gain for step in fixed.steps], [0.0, 0.12, -0.03], atol=1e-12)


@pytest.mark.parametrize(("max_runs", "trained", "steps"), [(15, 5, 3), (14, 2, 3), (5, 1, 2), (2, 0, 1), (0, 0, 1)])
def test_no_more_runs_than_there_is_time_for(max_runs, trained, steps):
    some = path(max_runs=max_runs)
    assert len(gone(some)) == trained <= max_runs / len(SEEDS)
    assert len(some.steps) == steps
    assert {leaf for step in some.steps for leaf in step.settings} == {DROPOUT, WIDTH, NAME, MOMENTUM, NESTEROV}


def test_gains_are_paired_and_sum_to_the_whole_difference():
    rng = np.random.default_rng(0)
    first, last = rng.normal(size=4), rng.normal(size=4)
    noisy = Path(SPACE, DEFAULT, WINNER, default_scores=list(first), winner_scores=list(last), max_runs=8)
    ways = [first]
    while recipes := noisy.next_recipes():
        ways.append(rng.normal(size=4))
        noisy.add([list(ways[-1])] * len(recipes))
    ways.append(last)
    assert math.isclose(sum(step.gain for step in noisy.steps), last.mean() - first.mean())
    for step, before, after in zip(noisy.steps, ways, ways[1:], strict=False):
        interval = ttest_rel(after, before).confidence_interval()
        np.testing.assert_allclose([step.low, step.high], [interval.low, interval.high])


def test_a_failed_recipe_is_passed_over():
    failing = path()
    recipes = failing.next_recipes()
    failing.add([[math.nan] * 3 if chosen[DROPOUT] > 0 else scores(chosen) for chosen in recipes])
    assert failing.steps[0].settings != (DROPOUT,)
    assert math.isfinite(failing.steps[0].gain)


def test_equal_recipes_have_no_path():
    nothing = Path(SPACE, DEFAULT, DEFAULT, default_scores=[0.5], winner_scores=[0.5])
    assert (nothing.next_recipes(), nothing.steps) == ([], [])


def test_scores_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"3 scores for each of 3 recipes. Received: \[3, 1\]"):
        path().add([[0.1] * 3, [0.1]])


def test_a_setting_that_only_the_way_has_is_given_a_value():
    """In the middle of the path SGD meets relu, and its momentum is searched, though neither end has it."""
    space = Space.from_settings(
        [
            "task=tabular_classification",
            "model.activation=choice(relu, gelu)",
            "optimizer.name=choice(sgd, adamw)",
            "optimizer.momentum=uniform(0, 0.9) if model.activation == relu",
        ]
    )
    default = {"model.activation": "relu", NAME: "adamw"}
    winner = {"model.activation": "gelu", NAME: "sgd"}
    way = Path(space, default, winner, default_scores=[0.5], winner_scores=[0.6], importance={NAME: 1.0}, max_runs=1)
    assert way.next_recipes() == [{"model.activation": "relu", NAME: "sgd", MOMENTUM: 0.45}]
