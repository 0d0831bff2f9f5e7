"""The learning rate as it is, after the warm-up."""

from __future__ import annotations

from mapsto.training.schedules.base import Schedule


class Constant(Schedule):
    """The factor is 1.

    Example:
        >>> Constant(warmup_steps=1).factor(0, 100), Constant().factor(99, 100)
        (0.5, 1.0)
    """

    def decay(self, progress: float) -> float:
        return 1.0
