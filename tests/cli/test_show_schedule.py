"""`mapsto show --schedule`: the learning rates of a recipe, as a curve and as numbers."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from mapsto.cli._chart import chart

ASKED = ("show", "digits", "--schedule", "--set", "schedule.name=cosine", "--set", "optimizer.learning_rate=0.01")


def test_json_has_a_rate_for_each_step_of_the_training(mapsto):
    done = mapsto(*ASKED, "--set", "training.max_epochs=4", "--set", "training.batch_size=100", "--json")
    assert done.exit_code == 0, done.stderr
    curve = json.loads(done.stdout)
    assert len(curve["learning_rates"]) == 4 * curve["steps_per_epoch"]
    assert 10 <= curve["steps_per_epoch"] <= 15  # of 1,797 rows most are for training
    assert curve["learning_rates"][0] == 0.01
    assert curve["learning_rates"][2 * curve["steps_per_epoch"]] == pytest.approx(0.005)


def test_the_curve_fits_a_terminal_and_has_labels(mapsto):
    done = mapsto(*ASKED)
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.rstrip("\n").splitlines()
    assert "schedule cosine" in lines[0]
    assert lines[1].startswith(" 0.01 ┤")
    assert lines[-1].endswith(" steps")
    assert max(map(len, lines)) <= 80


def test_model_and_schedule_together_are_refused(mapsto):
    assert mapsto(*ASKED, "--model").exit_code == 2


def test_a_falling_line_goes_from_the_upper_left_to_the_lower_right():
    lines = chart([1 - step / 999 for step in range(1000)], title="rate", unit="steps", width=60, height=8).splitlines()
    rows = [line.split("┤")[1] for line in lines[1:9]]
    places = [[column for column, dot in enumerate(row) if dot != "\u2800"] for row in rows]
    assert places[0][0] == 0
    assert places[-1][-1] == len(rows[-1]) - 1
    assert all(before[0] < after[0] for before, after in pairwise(places))


@pytest.mark.parametrize("values", [[0.3], [0.0, 0.0], [1e-9] * 3])
def test_short_and_flat_curves_are_drawn(values):
    assert max(map(len, chart(values, title="rate", unit="steps").splitlines())) <= 80
