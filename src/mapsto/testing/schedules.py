"""What every schedule must do. `check_schedule(MySchedule)` tests one of your own."""

from __future__ import annotations

import math
from typing import Any

from mapsto.training.schedules.base import Schedule

FALLING = [1.0 / epoch for epoch in range(1, 11)]
STUCK = [1.0] * 10


def check_schedule(schedule: type[Schedule], **settings: Any) -> None:
    """Checks the contract of `Schedule`: a warm-up in a line, factors in [0, 1], and no memory.

    The warm-up is the same in all; it may be longer than the training; the same step and losses give the same factor,
    in any order of the calls; a training of any length, and steps beyond its end, have a factor.

    Raises:
        AssertionError: the schedule breaks the contract.
    """
    made = schedule(**{**settings, "warmup_steps": 9})
    for step in range(9):
        factor = made.factor(step, 100)
        assert math.isclose(factor, (step + 1) / 10), f"at step {step} of the warm-up the factor is {factor}"
    assert schedule(**{**settings, "warmup_steps": 50}).factor(7, 10) == 8 / 51, "a long warm-up is cut"
    for total in (1, 2, 9, 10, 11, 100):
        for losses in ((), FALLING, STUCK):
            factors = [made.factor(step, total, losses) for step in range(2 * total)]
            assert all(0 <= factor <= 1 for factor in factors), f"a factor is not in [0, 1]: {factors}"
            again = [made.factor(step, total, losses) for step in reversed(range(2 * total))]
            assert factors == again[::-1], "a factor depends on what was asked before"
    plain = schedule(**{**settings, "warmup_steps": 0})
    assert max(plain.factor(step, 1000) for step in range(1000)) > 0.99, "the full rate is never reached"
