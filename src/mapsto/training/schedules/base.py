"""The contract of every learning-rate schedule."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from mapsto.recipe.options import Options


class Schedule(Options):
    """One public class a file, named as the file is; its fields are the settings (`schedule.<field>`).

    A schedule is a pure function of the step, and of the losses so far, so that it needs no state in a checkpoint and
    can be drawn. A class defines `decay`, or `after_warmup` where the share of the training that is done does not tell.
    """

    warmup_steps: int = Field(0, ge=0, le=10_000_000, description="steps over which the rate first rises from zero")

    def factor(self, step: int, total_steps: int, losses: Sequence[float] = ()) -> float:
        """What the learning rate is multiplied with at a step.

        Args:
            step: steps done before this one, from 0.
            total_steps: steps of the whole training, if nothing stops it earlier; at least 1.
            losses: validation losses of the epochs so far, the first one first.

        Returns:
            A number in [0, 1]: rising in a line during the warm-up, then `after_warmup`.
        """
        if step < self.warmup_steps:
            return (step + 1) / (self.warmup_steps + 1)
        return self.after_warmup(step - self.warmup_steps, max(1, total_steps - self.warmup_steps), losses)

    def after_warmup(self, step: int, steps: int, losses: Sequence[float]) -> float:
        """The factor at a step after the warm-up, counted from its end.

        Args:
            step: from 0.
            steps: from the end of the warm-up to that of the training; at least 1.
            losses: as in `factor`.
        """
        del losses
        return self.decay(min(1.0, step / steps))

    def decay(self, progress: float) -> float:
        """The factor after the warm-up, by the share of it that is done, in [0, 1]."""
        raise NotImplementedError(f"{type(self).__name__} must define `decay` or `after_warmup`.")
