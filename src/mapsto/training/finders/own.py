"""The learning-rate finder for any torch module and optimizer, outside of mapsto's own training."""

from __future__ import annotations

import copy
import itertools
import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from mapsto._imports import torch
from mapsto.errors import DataError
from mapsto.training.finders.learning_rate import SEEDS, FoundRate, find_rate

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

HELD_OUT = 0.2
"""Share of the batches that the short runs are judged by."""

MAX_BATCHES = 2_000
"""Batches that are taken at most, since they are kept in memory."""


def find_learning_rate(
    model: nn.Module,
    optimizer: Optimizer,
    loss: Callable[[nn.Module, Any], Tensor],
    batches: Iterable[Any],
    *,
    total_steps: int,
    seeds: Sequence[int] = SEEDS,
) -> FoundRate:
    """Finds the learning rate for a training of your own, and leaves everything as it was.

    The range test and the short runs are those of `mapsto find` (see `mapsto.training.finders.learning_rate`), at a
    constant rate. Rates of parameter groups keep their proportions: the rate that is found is that of the first group.
    Afterwards weights, buffers, optimizer, modes and the random generators of Python, NumPy and torch are bit for bit
    what they were.

    Args:
        model: any torch module.
        optimizer: over its parameters.
        loss: `loss(model, batch)`, the mean loss of a batch, which runs the model.
        batches: at least five; the last fifth is not trained on and decides between the candidates.
        total_steps: of the training that the rate is for.
        seeds: of the order of the batches, one sweep each.

    Raises:
        DataError: fewer than five batches.

    Example:
        >>> import torch
        >>> model = torch.nn.Linear(4, 1)
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> inputs = torch.randn(60, 8, 4)
        >>> def loss(model, inputs):
        ...     return (model(inputs) - inputs.sum(-1, keepdim=True)).square().mean()
        >>> found = find_learning_rate(model, optimizer, loss, inputs, total_steps=400)
        >>> 1e-3 < found.rate < 1.0
        True
    """
    with _everything_kept(model, optimizer) as begin:
        kept = list(itertools.islice(batches, MAX_BATCHES))  # inside, since a loader that shuffles draws numbers
        if len(kept) < 5:
            raise DataError(
                f"A learning rate cannot be judged by {len(kept)} batches: at least five are needed, of which one is "
                f"kept apart. Give more of them, or smaller ones."
            )

        def start(seed: int) -> _OwnTraining:
            begin()
            return _OwnTraining(model, optimizer, loss, kept, seed)

        return find_rate(start, lambda step, steps: 1.0, total_steps, seeds=seeds)


class _OwnTraining:
    """A user's training, as the finders need to know it."""

    def __init__(
        self, model: nn.Module, optimizer: Optimizer, loss: Callable[[nn.Module, Any], Tensor], batches: list[Any],
        seed: int,
    ) -> None:  # fmt: skip
        self.model, self.optimizer, self.loss = model, optimizer, loss
        held_out = max(1, round(HELD_OUT * len(batches)))
        self.batches, self.judges = batches[:-held_out], batches[-held_out:]
        first = float(optimizer.param_groups[0]["lr"])
        self.scales = [float(group["lr"]) / first if first else 1.0 for group in optimizer.param_groups]
        torch.manual_seed(seed)
        self._order = self._orders(torch.Generator().manual_seed(seed))

    def _orders(self, generator: torch.Generator) -> Iterator[int]:
        while True:
            yield from torch.randperm(len(self.batches), generator=generator).tolist()

    def train_steps(self, rates: Sequence[float]) -> list[float]:
        self.model.train()
        losses: list[float] = []
        for rate in rates:
            for group, scale in zip(self.optimizer.param_groups, self.scales, strict=True):
                group["lr"] = rate * scale
            self.optimizer.zero_grad()
            loss = self.loss(self.model, self.batches[next(self._order)])
            loss.backward()
            self.optimizer.step()
            losses.append(loss.item())
            if not math.isfinite(losses[-1]):
                break
        return losses

    def validation_loss(self) -> float:
        self.model.eval()
        with torch.no_grad():
            return sum(float(self.loss(self.model, batch)) for batch in self.judges) / len(self.judges)


@contextmanager
def _everything_kept(model: nn.Module, optimizer: Optimizer) -> Iterator[Callable[[], None]]:
    """Gives a function that brings model and optimizer back to the start; leaving brings back all generators too."""
    weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
    slots = copy.deepcopy(optimizer.state_dict())
    gradients = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
    modes = {module: module.training for module in model.modules()}
    noise = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002 - the user's, not ours
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []

    def begin() -> None:
        model.load_state_dict(weights)
        optimizer.load_state_dict(copy.deepcopy(slots))

    try:
        yield begin
    finally:
        begin()
        for parameter, gradient in zip(model.parameters(), gradients, strict=True):
            parameter.grad = gradient
        for module, mode in modes.items():
            module.training = mode
        torch.set_rng_state(noise[0])
        np.random.set_state(noise[1])  # noqa: NPY002
        random.setstate(noise[2])
        if devices:
            torch.cuda.set_rng_state_all(devices)
