"""The number of epochs: from where the best one fell in a training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LATE, EARLY = 0.75, 0.1
"""A best epoch in the last quarter asks for a longer training, one in the first tenth for a shorter one."""

LONGER = 2.0


@dataclass(frozen=True)
class Advice:
    """What a training's best epoch says about its length.

    Attributes:
        verdict: whether it should be longer, shorter, or stays.
        max_epochs: what to set.
    """

    verdict: Literal["longer", "shorter", "kept"]
    max_epochs: int


def advise(best_epoch: int, max_epochs: int) -> Advice:
    """Says how long to train, given which epoch, counted from 1, of how many was the best.

    In the last quarter, the score was still rising: twice as long. In the first tenth, most of the training was in
    vain, and a schedule of that length was cut off near its start: so short that the same epoch is in the middle.

    Example:
        >>> advise(29, 30).verdict, advise(2, 30), advise(15, 30).max_epochs
        ('longer', Advice(verdict='shorter', max_epochs=4), 30)
    """
    if best_epoch > LATE * max_epochs:
        return Advice("longer", max(max_epochs + 1, round(LONGER * max_epochs)))
    if best_epoch <= EARLY * max_epochs:
        return Advice("shorter", max(1, 2 * best_epoch))
    return Advice("kept", max_epochs)
