"""Averages of the weights over the steps or the epochs: what is scored and kept instead of the last weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mapsto._imports import torch

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mapsto.recipe.schema import TrainingOptions


class Averaging(ABC):
    """An average of the weights; a part of a training (see `mapsto.training.parts`)."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.count = 0
        """Weights that the average is of."""
        self.mean: dict[str, Tensor] = {}
        """The averaged tensors by their names in the network's state; none before the first weights."""
        self._weights: list[Tensor] = []

    def after_step(self) -> None:  # noqa: B027
        """Takes the weights that a step has made; as it stands, does not."""

    def after_epoch(self, epoch: int) -> None:  # noqa: B027
        """Takes the weights at the end of an epoch, counted from 1; as it stands, does not."""

    @abstractmethod
    def finish(self, batches: Callable[[], Iterable[dict[str, Tensor]]]) -> None:
        """Mends what an average of tensors does not give, with the averaged weights in the network.

        Args:
            batches: the training rows.
        """

    @contextmanager
    def applied(self, batches: Callable[[], Iterable[dict[str, Tensor]]]) -> Iterator[None]:
        """Inside, the network has the averaged weights; afterwards its own again, bit for bit."""
        if not self.count:
            yield
            return
        present = {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}
        _copy(self.network, self.mean)
        try:
            self.finish(batches)
            yield
        finally:
            _copy(self.network, present)

    def state(self) -> dict[str, Tensor]:
        return {"count": torch.tensor(self.count), **{f"mean.{name}": tensor for name, tensor in self.mean.items()}}

    def restore(self, state: dict[str, Tensor]) -> None:
        self.count = int(state["count"])
        present = self.network.state_dict()
        means = {name.removeprefix("mean."): tensor for name, tensor in state.items() if name.startswith("mean.")}
        self.mean = {name: torch.empty_like(present[name]).copy_(tensor) for name, tensor in means.items()}

    def _take(self, share: float) -> None:
        """`mean ← mean + share · (weights − mean)`; the first weights are the mean."""
        self.count += 1
        if not self.mean:
            present = self.network.state_dict()
            self.mean = {
                name: tensor.detach().clone() for name, tensor in present.items() if tensor.is_floating_point()
            }
            return
        if not self._weights:  # looked up once, since it takes longer than the sum itself
            own = self.network.state_dict(keep_vars=True)
            self._weights = [own[name] for name in self.mean]
        with torch.no_grad():
            torch._foreach_lerp_(list(self.mean.values()), self._weights, share)


class EMA(Averaging):
    """The exponential moving average of the weights after each step, `a ← d·a + (1 − d)·w`.

    `d = min(ema_decay, (1 + t) / (10 + t))` at the t-th step from 0, so that the first, poor weights are soon
    forgotten; the first average is the weights after the first step. The running statistics of batch normalization are
    averaged in the same way. Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992;
    the warm-up is that of TensorFlow's `ExponentialMovingAverage`.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        super().__init__(network)
        self.decay = decay

    def after_step(self) -> None:
        self._take(1 - min(self.decay, (1 + self.count) / (10 + self.count)))

    def finish(self, batches: Callable[[], Iterable[dict[str, Tensor]]]) -> None:
        """Nothing is left to do: the statistics are averaged too."""


class SWA(Averaging):
    """The mean of the weights at the ends of the last epochs. Izmailov et al., 2018, arXiv:1803.05407.

    The running statistics of batch normalization are no average of the epochs' own: they are computed anew, dropout
    off, from all training rows by the averaged weights.
    """

    def __init__(self, network: nn.Module, first_epoch: int, forward: Callable[[dict[str, Tensor]], Tensor]) -> None:
        super().__init__(network)
        self.first_epoch, self.forward = first_epoch, forward

    def after_epoch(self, epoch: int) -> None:
        if epoch >= self.first_epoch:
            self._take(1 / (self.count + 1))

    def finish(self, batches: Callable[[], Iterable[dict[str, Tensor]]]) -> None:
        norms = [m for m in batch_norms(self.network) if m.track_running_stats]
        if not norms:
            return
        momenta = [norm.momentum for norm in norms]
        self.network.eval()
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean over the batches
            norm.train()
        try:
            with torch.no_grad():
                for batch in batches():
                    self.forward(batch)
        finally:
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum
            self.network.eval()


def averaging(
    options: TrainingOptions, network: nn.Module, forward: Callable[[dict[str, Tensor]], Tensor]
) -> Averaging | None:
    """What `training.averaging` says; None where the last weights are used.

    Args:
        options: of the recipe.
        network: whose weights.
        forward: runs the network on a batch.
    """
    if options.averaging == "ema":
        return EMA(network, options.ema_decay)
    if options.averaging == "swa":
        return SWA(network, max(1, round(options.swa_start * options.max_epochs)), forward)
    return None


def batch_norms(network: nn.Module) -> list[nn.modules.batchnorm._BatchNorm]:
    """The batch normalizations of a network."""
    return [module for module in network.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]


@contextmanager
def statistics_kept(network: nn.Module) -> Iterator[None]:
    """Inside, a forward pass leaves the running statistics of batch normalization as they are."""
    norms = [norm for norm in batch_norms(network) if norm.track_running_stats and norm.training]
    kept = [(norm.momentum, norm.num_batches_tracked.clone()) for norm in norms]  # type: ignore[union-attr]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, kept, strict=True):
            norm.momentum = momentum
            norm.num_batches_tracked.copy_(count)  # type: ignore[union-attr]


def _copy(network: nn.Module, tensors: dict[str, Tensor]) -> None:
    present = network.state_dict()
    with torch.no_grad():
        for name, tensor in tensors.items():
            present[name].copy_(tensor)
