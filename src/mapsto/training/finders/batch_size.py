"""The batch size: what memory holds, what the machine is fast at, and what the gradient's noise makes worth it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mapsto.training.finders.probe import BatchCost

MEMORY_SHARE = 0.8
"""Of the free memory, as much is used; the rest is a margin for what a short probe does not see."""

MIN_STEPS_AN_EPOCH = 10
"""A batch is never so large that an epoch has fewer steps: early stopping and schedules need them."""

SMALLEST, LARGEST = 8, 4096


@dataclass(frozen=True)
class FoundBatch:
    """What the finder says.

    Attributes:
        size: the pick: rows a step.
        accumulate_steps: pieces in which such a batch goes through the network, so that it fits into memory.
        noise_scale: the gradient's, in rows.
        costs: what each size that was tried needs.
        memory_limit: bytes that a step may take.
    """

    size: int
    accumulate_steps: int
    noise_scale: float
    costs: tuple[BatchCost, ...]
    memory_limit: int


def sizes_for(rows: int) -> list[int]:
    """Powers of two that leave enough steps in an epoch of so many rows.

    Example:
        >>> sizes_for(1500)
        [8, 16, 32, 64, 128]
    """
    most = max(SMALLEST, min(LARGEST, rows // MIN_STEPS_AN_EPOCH))
    return [2**power for power in range(int(math.log2(SMALLEST)), int(math.log2(most)) + 1)]


def choose(costs: Sequence[BatchCost], noise_scale: float, sizes: Sequence[int], limit: int) -> FoundBatch:
    """The size with which a training ends soonest.

    With batches of `B` rows a training needs about `S · (1 + noise_scale / B)` steps (McCandlish et al. 2018,
    arXiv:1812.06162, equation 2.7), each of which takes the measured time `t(B)`: the size with the smallest
    `(1 + noise_scale / B) · t(B)` is the pick. A size that does not fit into memory is run in pieces of the largest
    that does, in as many times the time.

    Args:
        costs: of the sizes that could be tried, ascending; at least one.
        noise_scale: in rows.
        sizes: all that may be picked.
        limit: bytes that a step may take.
    """
    fitting = [cost for cost in costs if cost.memory <= limit] or list(costs[:1])
    largest = fitting[-1]

    def seconds(size: int) -> float:
        own = next((cost.seconds for cost in fitting if cost.size == size), None)
        return largest.seconds * math.ceil(size / largest.size) if own is None else own

    def time_to_end(size: int) -> float:
        return (1 + noise_scale / size) * seconds(size) if math.isfinite(noise_scale) else seconds(size) / size

    # A size that was not tried for want of time would be guessed at: only want of memory makes pieces.
    tried = {cost.size for cost in costs}
    ran_out = len(tried) < len(sizes) and bool(_foreseen_too_much(costs, sizes[len(tried)], limit))
    allowed = [size for size in sizes if size in tried or ran_out]
    best = min(allowed, key=time_to_end)
    return FoundBatch(best, math.ceil(best / largest.size), noise_scale, tuple(costs), limit)


def _foreseen_too_much(costs: Sequence[BatchCost], size: int, limit: int) -> bool:
    if len(costs) < 2:
        return False
    first, last = costs[-2:]
    return last.memory + (last.memory - first.memory) / (last.size - first.size) * (size - last.size) > limit
