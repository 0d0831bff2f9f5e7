"""One update of the weights, and everything that decides what becomes of them in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from mapsto._imports import torch
from mapsto.errors import RecipeError
from mapsto.recipe.family import OWN
from mapsto.training import members
from mapsto.training.augmenter import Augmenter, cut
from mapsto.training.averaging import averaging, statistics_kept
from mapsto.training.memory import Layout, checkpoint_activations
from mapsto.training.parameters import Freezing, groups
from mapsto.training.parts import Part, Slots, Weights, generators_kept
from mapsto.training.precision import Precision
from mapsto.training.regularization import Regularization

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mapsto.data.encoders.base import Spec
    from mapsto.recipe.schema import Recipe
    from mapsto.tasks.base import Task
    from mapsto.training.processes import Processes

Batch = dict[str, "Tensor"]


class Step:
    """Gradients of a batch, what is done to them, the optimizer, and what is done to the weights afterwards.

    - `training.accumulate_steps`: the batch goes through the network in so many pieces, whose gradients add up to
      those of the whole; it costs the memory of a piece. Batch normalization sees the pieces one by one.
    - `training.sam_rho`: the gradients are those at the worst weights nearby, `w + rho · g / ‖g‖`, for a second pass
      over the batch (Foret et al., "Sharpness-aware minimization", 2020, arXiv:2010.01412). Batch normalization counts
      the first pass alone.

    Args:
        recipe: with every setting filled in.
        task: with its loss.
        network: on the device.
        device: torch's name of it.
        augmenter: changes each batch; None: none.
        targets: what the targets' array holds.
        processes: that share the work; None: this one does it alone.
    """

    def __init__(
        self,
        recipe: Recipe,
        task: Task,
        network: nn.Module,
        device: str,
        augmenter: Augmenter | None,
        targets: Spec,
        processes: Processes | None = None,
    ) -> None:
        options = recipe.training
        self.recipe, self.task, self.network, self.device = recipe, task, network, device
        self.augmenter, self.targets, self.processes = augmenter, targets, processes
        self.epoch = 0
        self.accumulate_steps, self.sam_rho = options.accumulate_steps, options.sam_rho
        self.layout = Layout(network, options.memory_format)
        self.freezing = Freezing(network, options)
        self.optimizer: Any
        self.optimizer, self.base_rate = optimizer_of(recipe, network)
        self.regularization = Regularization(options, network, self.optimizer.param_groups)
        self.precision = Precision(options.precision, device)
        self.averaging = averaging(options, network, lambda batch: task.forward(network, batch))
        if options.checkpoint_activations:
            checkpoint_activations(network)
        self._running: Any = torch.compile(network) if options.compile else network
        self._parameters: list[Tensor] = list(network.parameters())

    @property
    def parts(self) -> dict[str, Part]:
        """What a checkpoint must hold; the layout first, since weights and slots are laid out by it."""
        parts: dict[str, Part] = {
            "layout": self.layout,
            "network": Weights(self.network),
            "optimizer": Slots(self.optimizer),
            "regularization": self.regularization,
            "precision": self.precision,
        }
        return parts if self.averaging is None else {**parts, "averaging": self.averaging}

    def begin(self, epoch: int) -> None:
        """Puts the network into training, as it is trained in an epoch, counted from 0."""
        self.epoch = epoch
        self.network.train()
        members.set_progress(self.network, epoch / self.recipe.training.max_epochs)
        self.freezing.begin(epoch)

    def end(self, epoch: int) -> None:
        """Takes note that an epoch, counted from 1, is over."""
        if self.averaging is not None:
            self.averaging.after_epoch(epoch)

    def prepare(self, batch: Batch) -> None:
        """Does what needs the first batch of the training: weights that depend on data, and the measured layout."""
        self.recipe.model.initialize_on(self.network, batch["inputs"])
        with generators_kept(self.device):
            self.layout.choose(lambda: self.backward(batch))
        self.forget()

    def __call__(self, batch: Batch, rate: float) -> Tensor:
        """Changes the weights by one batch; returns its mean loss, apart from the graph.

        Args:
            batch: on the device.
            rate: the learning rate, which each group of parameters scales by its own factor.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["lr_scale"]
        if self.augmenter is not None:
            batch = self.augmenter(batch)
        self.forget()
        loss = self._backward(batch)
        if self.sam_rho:
            self._sharpen(batch)
        self.precision.unscale(self.optimizer)
        self.regularization.before_step()
        if self.precision.step(self.optimizer):
            self.regularization.after_step(rate)
        if self.averaging is not None:
            self.averaging.after_step()
        return loss

    def gradients(self, batch: Batch) -> list[Tensor]:
        """The gradients of a batch, augmented, as a step would have them before any bound; nothing is changed."""
        if self.augmenter is not None:
            batch = self.augmenter(batch)
        self.forget()
        with statistics_kept(self.network):
            self._backward(batch)
        found = [parameter.grad / self.precision.scale for parameter in self._parameters if parameter.grad is not None]
        self.forget()
        return found

    @contextmanager
    def answering(self, batches: Callable[[], Iterable[Batch]]) -> Iterator[None]:
        """Inside, the network has the weights that answers come from, averaged or as the optimizer says.

        Afterwards it has those that are trained again, bit for bit.

        Args:
            batches: the training rows, which some averages need.
        """
        averaged = nullcontext() if self.averaging is None else self.averaging.applied(batches)
        with self._evaluated(), averaged:
            self.network.eval()
            yield

    @contextmanager
    def _evaluated(self) -> Iterator[None]:
        """Schedule-free optimizers train at one point and answer at another."""
        if not hasattr(self.optimizer, "eval"):
            yield
            return
        self.optimizer.eval()
        try:
            yield
        finally:
            self.optimizer.train()

    def forget(self) -> None:
        """Drops all gradients."""
        for parameter in self._parameters:  # what zero_grad does, without its bookkeeping of 20 microseconds
            parameter.grad = None

    def backward(self, batch: Batch, share: float = 1.0) -> Tensor:
        """Adds the gradients of the batch's mean loss, times a share, to the weights' own; returns that loss."""
        if self.accumulate_steps == 1:
            loss = self._loss(batch) if share == 1.0 else self._loss(batch) * share
            self.precision.backward(loss)
            return loss.detach()
        total = torch.zeros((), device=self.device)
        for piece, own in self.shared(batch, self.accumulate_steps):
            loss = self._loss(piece) * own * share
            self.precision.backward(loss)
            total += loss.detach()
        return total

    def shared(self, batch: Batch, count: int) -> list[tuple[Batch, Tensor]]:
        """The batch in so many pieces, fewer where they had a single row, each with its share in the mean loss."""
        pieces = cut(batch, min(count, max(1, len(batch["inputs"]) // 2)))
        counts = torch.stack([self._count(piece) for piece in pieces])
        return list(zip(pieces, counts / counts.sum().clamp(min=torch.finfo(counts.dtype).tiny), strict=True))

    def _backward(self, batch: Batch) -> Tensor:
        """As `backward`, by all processes if there are several."""
        if self.processes is not None and self.processes.connected:
            return self.processes.backward(self, batch)
        return self.backward(batch)

    def _loss(self, batch: Batch) -> Tensor:
        if brings_loss(self.recipe, self.network):
            with self.precision.forward():
                return self.network.loss(batch)[0]  # type: ignore[no-any-return, operator]
        with self.precision.forward():
            outputs = self.task.forward(self._running, batch)
        whole = members.for_loss(self.network, batch)
        outputs = outputs.float()
        return (
            self.task.loss(outputs, whole) if self.augmenter is None else self.augmenter.loss(self.task, outputs, whole)
        )

    def _count(self, piece: Batch) -> Tensor:
        """How much a piece counts in the mean loss of its batch."""
        counts = torch.ones(len(piece["inputs"]), device=self.device)
        for factors in (self.recipe.loss.sizes(piece["targets"], self.targets), piece.get("weights")):
            counts = counts if factors is None else counts * factors
        return counts.sum()

    def _sharpen(self, batch: Batch) -> None:
        """Replaces the gradients by those a step of length `sam_rho` uphill."""
        trained = [parameter for parameter in self._parameters if parameter.grad is not None]
        gradients = [parameter.grad for parameter in trained if parameter.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if self.precision.scaler is not None and not torch.isfinite(norm):
            return  # the step will be left out; a second pass would leave NaN in the statistics of batch normalization
        with torch.no_grad():
            present = [parameter.detach().clone() for parameter in trained]
            uphill = self.sam_rho / (norm + 1e-12)
            torch._foreach_mul_(gradients, uphill)
            torch._foreach_add_(trained, gradients)
        self.forget()
        with statistics_kept(self.network):
            self._backward(batch)
        with torch.no_grad():
            torch._foreach_copy_(trained, present)


def brings_loss(recipe: Recipe, network: nn.Module) -> bool:
    """Whether the loss is the user's own, which came with the network.

    Raises:
        RecipeError: it should be, and the network brings none.
    """
    if recipe.loss.name != OWN:
        return False
    if not hasattr(network, "loss"):
        raise RecipeError(
            "`loss.name` is own, and the network brings no loss: hand one over with it, "
            "`mapsto.Network(build, loss=...)`, or take one of the task's."
        )
    return True


def optimizer_of(recipe: Recipe, network: nn.Module) -> tuple[torch.optim.Optimizer, float]:
    """The recipe's optimizer for a network, or the one that came with it, and the rate that the schedule scales.

    Raises:
        RecipeError: it should have come with the network, and has not.
    """
    options = recipe.optimizer
    if options.name != OWN:
        return options.build(groups(network, recipe.training, options)), options.learning_rate
    if not getattr(network, "brings_optimizer", False):
        raise RecipeError(
            "`optimizer.name` is own, and the network brings no optimizer: hand one over with it, "
            "`mapsto.Network(build, optimizer=...)`, or take another optimizer."
        )
    optimizer: torch.optim.Optimizer = network.optimizer()  # type: ignore[operator]
    rate = float(optimizer.param_groups[0]["lr"])
    for group in optimizer.param_groups:
        group["lr_scale"] = float(group["lr"]) / rate
    return optimizer, rate if options.learning_rate is None else options.learning_rate
