"""Each schedule against its closed form, or torch's own."""

import math
from typing import Any

import pytest
import torch

from mapsto.recipe.families import SCHEDULES
from mapsto.testing.schedules import check_schedule
from mapsto.training.schedules.base import Schedule
from mapsto.training.schedules.constant import Constant
from mapsto.training.schedules.cosine import Cosine
from mapsto.training.schedules.exponential import Exponential
from mapsto.training.schedules.inverse_sqrt import InverseSqrt
from mapsto.training.schedules.one_cycle import OneCycle
from mapsto.training.schedules.plateau import Plateau
from mapsto.training.schedules.polynomial import Polynomial
from mapsto.training.schedules.step import Step
from mapsto.training.schedules.warmup_stable_decay import WarmupStableDecay

CLOSED: dict[str, Any] = {
    "constant": (Constant, {}, lambda p: 1.0, 1.0),
    "cosine": (Cosine, {"end": 0.1}, lambda p: 0.1 + 0.45 * (1 + math.cos(math.pi * p)), 0.1),
    "exponential": (Exponential, {"end": 0.02}, lambda p: math.exp(p * math.log(0.02)), 0.02),
    "polynomial": (Polynomial, {"end": 0.2, "power": 3}, lambda p: 0.2 + 0.8 * (1 - p) ** 3, 0.2),
    "line": (Polynomial, {}, lambda p: 1 - p, 0.0),
    "step": (Step, {"drops": 3, "gamma": 0.5}, lambda p: 0.5 ** min(3, math.floor(round(p * 4, 9))), 0.125),
    "wsd": (WarmupStableDecay, {"decay_share": 0.25, "end": 0.1},
            lambda p: 1.0 if p < 0.75 else 0.1 + 0.9 * (1 - math.sqrt((p - 0.75) / 0.25)), 0.1),
    "wsd line": (WarmupStableDecay, {"decay_share": 0.5, "shape": "linear"}, lambda p: min(1.0, 2 - 2 * p), 0.0),
    "one_cycle": (OneCycle, {"rise": 0.5, "start": 0.2, "end": 0.0},
                  lambda p: 0.2 + 0.4 * (1 - math.cos(2 * math.pi * p)) if p < 0.5
                  else (1 - math.cos(2 * math.pi * p)) / 2, 0.0),
}  # fmt: skip


class Told(Schedule):
    """A schedule of a user's own that is not finished."""


@pytest.mark.parametrize("name", SCHEDULES.names())
def test_conformance(name):
    check_schedule(SCHEDULES.get(name))


@pytest.mark.parametrize("warmup", [0, 20])
@pytest.mark.parametrize("name", CLOSED)
def test_every_step_is_as_the_closed_form_says(name, warmup):
    schedule, settings, formula, end = CLOSED[name]
    made = schedule(**settings, warmup_steps=warmup)
    for step in range(120):
        expected = (step + 1) / (warmup + 1) if step < warmup else formula((step - warmup) / (120 - warmup))
        assert made.factor(step, 120) == pytest.approx(expected, abs=1e-6), step
    for step in (120, 121, 500):
        assert made.factor(step, 120) == pytest.approx(end, abs=1e-12)


@pytest.mark.parametrize("growth", [1.0, 2.0, 2.5])
def test_cosine_restarts_at_the_full_rate_and_its_cycles_grow(growth):
    lengths = [40 * growth**cycle for cycle in range(3)]
    total = round(sum(lengths))
    made = Cosine(cycles=3, growth=growth, end=0.05, warmup_steps=5)
    for step in range(total):
        begin, cycle = 0.0, 0
        while step - begin >= lengths[cycle]:
            begin, cycle = begin + lengths[cycle], cycle + 1
        expected = 0.05 + 0.475 * (1 + math.cos(math.pi * (step - begin) / lengths[cycle]))
        assert made.factor(step + 5, total + 5) == pytest.approx(expected, abs=1e-9), step
    assert made.factor(total + 5, total + 5) == 0.05


def test_cosine_restarts_agree_with_torch():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=10, T_mult=2)
    for step in range(70):
        assert Cosine(cycles=3, growth=2).factor(step, 70) == pytest.approx(theirs.get_last_lr()[0], abs=1e-9)
        optimizer.step()
        theirs.step()


@pytest.mark.parametrize("seed", range(4))
def test_plateau_agrees_with_torch(seed):
    generator = torch.Generator().manual_seed(seed)
    losses = (torch.linspace(2, 1, 60).clamp(min=1.4) + 0.1 * torch.randn(60, generator=generator)).tolist()
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=2, threshold=0.01, min_lr=0.01, eps=0
    )
    made = Plateau(gamma=0.5, patience=2, threshold=0.01, end=0.01)
    found = [made.factor(7, 100, losses[:epochs]) for epochs in range(61)]
    expected = [1.0]
    for loss in losses:
        theirs.step(loss)
        expected.append(optimizer.param_groups[0]["lr"])
    assert found == pytest.approx(expected)
    assert found[-1] < 0.1


def test_plateau_knows_better_from_worse_below_zero():
    assert Plateau(patience=0).factor(0, 10, [-1.0, -2.0, -3.0]) == 1.0
    assert Plateau(patience=0).factor(0, 10, [-3.0, -3.0]) == pytest.approx(0.1)


def test_inverse_sqrt_is_that_of_vaswani():
    warmup = 40
    made = InverseSqrt(warmup_steps=warmup - 1)
    for step in range(500):
        count = step + 1
        expected = min(count**-0.5, count * warmup**-1.5) / warmup**-0.5
        assert made.factor(step, 500) == pytest.approx(expected)


def test_one_cycle_agrees_with_torch():
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


def test_an_unfinished_schedule_says_what_it_lacks():
    with pytest.raises(NotImplementedError, match="Told must define `decay` or `after_warmup`"):
        Told().factor(0, 10)


def test_cosine_of_many_cycles_that_grow_fast_stays_a_number():
    many, few = Cosine(cycles=1000, growth=10), Cosine(cycles=12, growth=10)
    for step in range(101):
        assert many.factor(step, 100) == pytest.approx(few.factor(step, 100), abs=1e-6)
