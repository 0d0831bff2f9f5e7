"""When a worker counts as lost, though nobody has said that it is gone."""

from __future__ import annotations

from dataclasses import dataclass

SILENCE_SECONDS = 60.0
"""Without a sign of life: a worker that is at work gives one every few seconds, whatever it is busy with."""
BUSY_SECONDS = 3600.0
"""Without a step, though with signs of life: longer than any validation or compilation should take."""
START_SECONDS = 300.0
"""Importing torch on a busy machine may take that long."""
GRACE_SECONDS, GRACE_SHARE = 20.0, 0.5
"""A job whose time is up ends itself after a step, or after its first validation. One that is still there so many
seconds later, or so large a share of its time where that is longer, is ended."""


@dataclass
class Watch:
    """Counts the seconds in which one worker was listened to.

    Time in which nobody listened counts for nothing: where the whole study was stopped for a while, its workers are not
    to blame.

    Attributes:
        is_ready: it has begun, and can be given jobs.
        at_work: since it was given its job.
        silent: since it was heard of.
        without_step: since it told of a step.
    """

    is_ready: bool = False
    at_work: float = 0.0
    silent: float = 0.0
    without_step: float = 0.0

    def begin(self) -> None:
        """It is given a job."""
        self.at_work = self.silent = self.without_step = 0.0

    def heard(self, *, is_step: bool) -> None:
        """It has said something."""
        self.silent = 0.0
        if is_step:
            self.without_step = 0.0

    def listened(self, seconds: float) -> None:
        """It was listened to for so long."""
        self.at_work += seconds
        self.silent += seconds
        self.without_step += seconds

    def complaint(self, allowed: float) -> str:
        """Why it counts as lost, in words; empty as long as all is well.

        Args:
            allowed: seconds that its job may take.

        Example:
            >>> watch = Watch(is_ready=True)
            >>> watch.listened(75.0)
            >>> watch.complaint(allowed=600.0)
            'nothing was heard of it for 75 s'
        """
        if not self.is_ready:
            return f"it had not begun after {self.silent:.0f} s" if self.silent > START_SECONDS else ""
        if self.silent > SILENCE_SECONDS:
            return f"nothing was heard of it for {self.silent:.0f} s"
        if self.without_step > BUSY_SECONDS:
            return f"it was busy for {self.without_step:.0f} s without a step"
        if self.at_work > allowed + max(GRACE_SECONDS, GRACE_SHARE * allowed):
            return "it did not end when its time was up"
        return ""
