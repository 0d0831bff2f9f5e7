"""The training loop of torch: tensors in, better weights out, with nothing in a step that need not be there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from mapsto._imports import torch
from mapsto.errors import RunError
from mapsto.recipe.seeds import derive
from mapsto.training import checkpoint, epochs, members
from mapsto.training.augmenter import Augmenter, forward
from mapsto.training.base import Tick
from mapsto.training.epochs import EpochTrainer, build_network
from mapsto.training.memory import deterministic
from mapsto.training.parts import Drawing, Noise, Part, distribute
from mapsto.training.processes import Processes
from mapsto.training.step import Step, brings_loss
from mapsto.training.trace import Trace

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.prepare import Prepared
    from mapsto.recipe.schema import Recipe
    from mapsto.training.batches import Tensors


class TorchTrainer(EpochTrainer):
    """Trains a network of torch on prepared tensors.

    Weights, data order and dropout each depend on `recipe.training.seed` alone, not on what ran before; torch's global
    generators are left as they were found.

    Args:
        recipe: with every setting filled in, `training.seed` too.
        prepared: the data.
        tensors: the same data on the device; shared among trainers.
        trace: where to record; None records nothing.
    """

    def __init__(self, recipe: Recipe, prepared: Prepared, tensors: Tensors, *, trace: Trace | None = None) -> None:
        super().__init__(recipe, prepared, tensors, trace=trace)
        device = tensors.device
        self.augmenter = Augmenter.of(recipe, prepared.encoders, derive(self.seed, "augment"))
        self._processes = None
        if recipe.training.num_processes > 1:
            self._processes = Processes(recipe, prepared.folder, device)
        self.step = Step(
            recipe, self.task, self.network, device, self.augmenter, prepared.specs["targets"], self._processes
        )
        self.optimizer, self.base_rate = self.step.optimizer, self.step.base_rate
        self._noise = Noise(device, derive(self.seed, "noise"))
        # On an accelerator, a look at each loss would wait for the step that it comes from.
        self._looks_at_each_loss = torch.device(device).type == "cpu"

    @property
    def num_parameters(self) -> int:
        """Trainable numbers in the network."""
        return sum(parameter.numel() for parameter in self.step.freezing.trained())

    @property
    def parts(self) -> dict[str, Part]:
        """What a checkpoint must hold, beside the position of the training and its best weights."""
        parts = {**self.step.parts, "order": self._order, "noise": self._noise}
        return parts if self.augmenter is None else {**parts, "augment": Drawing(self.augmenter.generator)}

    def _running(self) -> AbstractContextManager[None]:
        return nullcontext() if self._processes is None else self._processes.running()

    def _train_epoch(self, deadline: float, on_tick: Callable[[Tick], None] | None) -> bool:
        with self._noise.drawn(), deterministic(self.recipe.training.deterministic):
            return self._steps(deadline, on_tick)

    def _steps(self, deadline: float, on_tick: Callable[[Tick], None] | None) -> bool:
        """Takes the steps to the end of the epoch; False if the deadline came first."""
        rows = self.balance.rows.epoch(self._order.begin()).to(self.tensors.device)
        batches = rows.split(self.recipe.training.batch_size)
        self.step.begin(self.epoch)
        if self.epoch == self.step_in_epoch == 0:
            self.step.prepare(self._batch(batches[0]))
        for step in range(self.step_in_epoch, self.steps_per_epoch):
            self._rates.append(self._learning_rate())
            self._losses[step] = self.step(self._batch(batches[step]), self._rates[-1])
            self.step_in_epoch = step + 1
            if self._looks_at_each_loss and self._has_diverged(step, step + 1):
                return True
            now = time.perf_counter()
            if now < self._next_tick:
                continue
            self._next_tick = now + epochs.TICK_SECONDS
            if self._has_diverged(0, step + 1):
                return True
            if on_tick is not None:
                on_tick(Tick(self.epoch + 1, self.recipe.training.max_epochs, step + 1, self.steps_per_epoch))
            if now >= deadline and self.step_in_epoch < self.steps_per_epoch:
                return False
        self._has_diverged(0, self.steps_per_epoch)
        return True

    def _end_epoch(self) -> None:
        self.step.end(self.epoch + 1)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        with self.step.answering(self._training_batches), deterministic(self.recipe.training.deterministic):
            yield

    def _answered(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The network's outputs for a batch, and the mean loss."""
        if brings_loss(self.recipe, self.network):
            loss, outputs = self.network.loss(batch)  # type: ignore[operator]
            return (forward(self.task, self.network, batch, self.versions) if outputs is None else outputs), loss
        outputs = forward(self.task, self.network, batch, self.versions)
        return outputs, self.task.loss(outputs, members.for_loss(self.network, batch))

    def inherit(self, path: Path) -> None:
        tensors, values = checkpoint.read(path)
        settings = [{name: group[name] for name in self.optimizer.defaults} for group in self.optimizer.param_groups]
        try:
            distribute(self.step.parts, tensors)
        except (RuntimeError, KeyError) as error:
            raise RunError(
                f"{path} holds the weights of a network of another shape, so a training cannot begin with them. Search "
                f"only settings that leave the network as it is."
            ) from error
        for group, own in zip(self.optimizer.param_groups, settings, strict=True):
            group.update(own)  # the other recipe's came with its memory
        self._take_position(tensors, values)
        self.best, self._best_weights = None, None  # these were another recipe's
        if self.epoch < self.recipe.training.max_epochs:
            self.ending = None

    def close(self) -> None:
        del self.network, self.optimizer, self.step, self._best_weights


def build_step(recipe: Recipe, prepared: Prepared, device: str) -> Step:
    """The recipe's network with all that changes its weights, for a process that helps another one."""
    task = recipe.task.trained_by(recipe.loss, prepared.specs["targets"])
    augmenter = Augmenter.of(recipe, prepared.encoders, seed=0)
    network = build_network(recipe, prepared).to(device)
    return Step(recipe, task, network, device, augmenter, prepared.specs["targets"])
