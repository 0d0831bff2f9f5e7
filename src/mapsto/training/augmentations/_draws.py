"""Random numbers for the rows of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mapsto._imports import torch

if TYPE_CHECKING:
    from torch import Generator, Tensor


class Draws:
    """What a step draws, row by row, from one generator on the CPU.

    Few numbers decide what happens to a row; they are drawn on the CPU, so that nothing waits for a GPU and every
    device gets the same ones. Whole fields of noise are drawn on the device, from a seed that the generator gives.

    Args:
        generator: on the CPU; its state is all that a checkpoint needs.
        rows: how many rows the batch has.
        device: where the results are wanted.
        common: every row gets the same draw, so that an answer does not depend on a row's neighbors.
    """

    def __init__(self, generator: Generator, rows: int, device: torch.device | str, *, common: bool = False) -> None:
        self.generator, self.rows, self.device, self.common = generator, rows, torch.device(device), common
        self.chosen: Tensor | None = None
        """The rows that are augmented at all, as booleans on the device; None: all."""

    def number(self, low: float = 0.0, high: float = 1.0) -> float:
        """One number for the whole batch."""
        return low + (high - low) * float(torch.rand((), generator=self.generator))

    def beta(self, alpha: float) -> float:
        """One number from Beta(alpha, alpha), by the inverse of its distribution function."""
        from scipy.special import betaincinv  # here, since importing it takes time

        return float(betaincinv(alpha, alpha, self.number()))

    def pick(self, count: int) -> Tensor:
        """A whole number in [0, count) for each row, on the CPU, to index by without waiting for a GPU."""
        return self._spread(torch.randint(count, (self._count,), generator=self.generator))

    def uniform(self, low: float = 0.0, high: float = 1.0, columns: int | None = None) -> Tensor:
        """Numbers in [low, high), of shape `(rows,)`, or `(rows, columns)`."""
        shape = (self._count,) if columns is None else (self._count, columns)
        drawn = torch.rand(shape, generator=self.generator) * (high - low) + low
        return self._spread(drawn).to(self.device, non_blocking=True)

    def sign(self) -> Tensor:
        """1 or -1 for each row."""
        return (self.uniform() < 0.5) * 2.0 - 1.0

    def noise(self, *shape: int) -> Tensor:
        """Standard normal numbers of shape `(rows, *shape)`."""
        return self._spread(torch.randn(self._count, *shape, generator=self._near(), device=self.device))

    def field(self, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1) of shape `(rows, *shape)`."""
        return self._spread(torch.rand(self._count, *shape, generator=self._near(), device=self.device))

    def partners(self) -> Tensor:
        """For each row the number of another one, by a random order; its own where the row is not augmented."""
        order = torch.randperm(self.rows, generator=self.generator).to(self.device, non_blocking=True)
        if self.chosen is None:
            return order
        return torch.where(self.chosen, order, torch.arange(self.rows, device=self.device))

    @property
    def _count(self) -> int:
        return 1 if self.common else self.rows

    def _spread(self, drawn: Tensor) -> Tensor:
        return drawn.expand(self.rows, *drawn.shape[1:]) if self.common else drawn

    def _near(self) -> Generator:
        """A generator on the device."""
        if self.device.type == "cpu":
            return self.generator
        seed = int(torch.randint(2**62, (), generator=self.generator))
        return torch.Generator(self.device).manual_seed(seed)
