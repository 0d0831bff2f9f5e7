"""The contract of every learning-rate schedule."""

from __future__ import annotations

from abc import abstractmethod

from pydantic import Field

from mapsto.recipe.options import Options


class Schedule(Options):
    """One public class a file, named as the file is; its fields are the settings (`schedule.<field>`).

    A schedule is a pure function of the step, so that it needs no state in a checkpoint and can be drawn.
    """

    warmup_steps: int = Field(0, ge=0, le=10_000_000, description="steps over which the rate first rises from zero")

    def factor(self, step: int, total_steps: int) -> float:
        """What the learning rate is multiplied with at a step.

        Args:
            step: steps done before this one, from 0.
            total_steps: steps of the whole training, if nothing stops it earlier; at least 1.

        Returns:
            A number in [0, 1]: rising in a line during the warm-up, then `decay` over what is left.
        """
        if step < self.warmup_steps:
            return (step + 1) / (self.warmup_steps + 1)
        left = max(1, total_steps - self.warmup_steps)
        return self.decay(min(1.0, (step - self.warmup_steps) / left))

    @abstractmethod
    def decay(self, progress: float) -> float:
        """The factor after the warm-up, by the share of it that is done, in [0, 1]."""
