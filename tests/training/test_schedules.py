"""Each schedule against its closed form."""

import math

import pytest

from mapsto.recipe.families import SCHEDULES
from mapsto.training.schedules.constant import Constant
from mapsto.training.schedules.cosine import Cosine
from mapsto.training.schedules.one_cycle import OneCycle


@pytest.mark.parametrize("name", SCHEDULES.names())
def test_every_schedule_warms_up_in_a_line_and_stays_in_range(name):
    schedule = SCHEDULES.get(name)(warmup_steps=9)
    assert [schedule.factor(step, 100) for step in range(9)] == pytest.approx([(s + 1) / 10 for s in range(9)])
    factors = [schedule.factor(step, 100) for step in range(200)]
    assert all(0 <= factor <= 1 for factor in factors)


def test_constant_stays():
    assert {Constant().factor(step, 50) for step in range(50)} == {1.0}


def test_cosine_is_half_a_cosine():
    for step in range(100):
        expected = 0.1 + 0.9 * (1 + math.cos(math.pi * step / 100)) / 2
        assert Cosine(end=0.1).factor(step, 100) == pytest.approx(expected)


def test_cosine_begins_after_the_warmup():
    assert Cosine(warmup_steps=20).factor(20, 100) == 1.0
    assert Cosine(warmup_steps=20).factor(60, 100) == pytest.approx(0.5)


def test_one_cycle_agrees_with_torch():
    import torch

    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0, momentum=0.9)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1.0, total_steps=101, pct_start=0.3, div_factor=25, final_div_factor=400
    )
    ours = OneCycle(rise=0.3, start=1 / 25, end=1 / 10_000)
    # torch's cycle has 101 points on 100 intervals, and its peak at 0.3 * 101 - 1 = 29.3 of them.
    for step in range(101):
        progress = step / 29.3 * 0.3 if step < 29.3 else 0.3 + (step - 29.3) / 70.7 * 0.7
        assert ours.decay(progress) == pytest.approx(theirs.get_last_lr()[0], abs=1e-6)
        optimizer.step()
        if step < 100:
            theirs.step()


def test_one_cycle_rises_then_falls():
    factors = [OneCycle().factor(step, 100) for step in range(101)]
    assert factors.index(max(factors)) == 30
    assert factors[-1] == pytest.approx(1e-4)
