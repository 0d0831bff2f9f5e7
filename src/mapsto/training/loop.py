"""The training loop: tensors in, better weights out, with nothing in a step that need not be there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mapsto._imports import torch
from mapsto.errors import DataError
from mapsto.recipe.families import METRICS
from mapsto.recipe.seeds import derive
from mapsto.training import checkpoint
from mapsto.training.augmenter import Augmenter, Versions, forward
from mapsto.training.balance import Balance
from mapsto.training.base import Ending, Measurement, Tick, Trainer
from mapsto.training.fitted import Fitted, evaluation_batch, restored
from mapsto.training.regularization import Regularization
from mapsto.training.stopping import EarlyStopping
from mapsto.training.trace import Trace

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.prepare import Prepared
    from mapsto.metrics.base import Metric
    from mapsto.recipe.schema import Recipe
    from mapsto.training.batches import Tensors

TICK_SECONDS = 0.1


class TorchTrainer(Trainer):
    """Trains a built-in network on prepared tensors.

    Weights, data order and dropout each depend on `recipe.training.seed` alone, not on what ran before; torch's global
    generator is left as it was found.

    Args:
        recipe: with every setting filled in, `training.seed` too.
        prepared: the data.
        tensors: the same data on the device; shared among trainers.
        trace: where to record; None records nothing.
    """

    def __init__(self, recipe: Recipe, prepared: Prepared, tensors: Tensors, *, trace: Trace | None = None) -> None:
        self.recipe, self.prepared, self.tensors, self.trace = recipe, prepared, tensors, trace
        self.task = recipe.task
        settings = recipe.training
        seed = settings.seed if settings.seed is not None else recipe.seed
        self.metric: Metric = METRICS.get(recipe.search.metric or self.task.metrics[0])()
        self.stopping = EarlyStopping(self.metric.direction, settings.patience, settings.min_delta)

        with _generator_kept():
            torch.manual_seed(derive(seed, "weights"))
            self.network = build_network(recipe, prepared).to(tensors.device)
            torch.manual_seed(derive(seed, "noise"))
            self._noise = torch.get_rng_state()
        self._in_epoch, self._next_tick = False, 0.0
        self._parameters = list(self.network.parameters())
        self.optimizer = recipe.optimizer.build(self._parameters)
        self.regularization = Regularization(settings, self.network)
        self._order = torch.Generator().manual_seed(derive(seed, "order"))

        self.augmenter = Augmenter.of(recipe, prepared.encoders, derive(seed, "augment"))
        self.versions = Versions.of(recipe, prepared.encoders)
        self.balance = Balance(settings.balance, prepared, tensors)
        self.steps_per_epoch = steps_per_epoch(self.balance.rows.num_rows, settings.batch_size)
        self.total_steps = settings.max_epochs * self.steps_per_epoch
        self.epoch, self.step_in_epoch, self.seconds = 0, 0, 0.0
        self._order_state = self._order.get_state()
        self._losses = torch.zeros(self.steps_per_epoch, device=tensors.device)
        self._rates: list[float] = []
        self._best_weights: dict[str, Tensor] | None = None

    @property
    def num_parameters(self) -> int:
        """Trainable numbers in the network."""
        return sum(parameter.numel() for parameter in self._parameters)

    def advance(
        self, until: int, *, deadline: float = float("inf"), on_tick: Callable[[Tick], None] | None = None
    ) -> Iterator[Measurement]:
        while self.ending is None and self.epoch < until:
            started = time.perf_counter()
            with self._own_noise():
                in_time = self._train_epoch(deadline, on_tick)
            self.seconds += time.perf_counter() - started
            if self.ending is None and (in_time or self.best is None):
                yield self._measure(whole=in_time)
            if self.ending is None and (not in_time or time.perf_counter() >= deadline):
                self.ending = Ending.TIME

    def _train_epoch(self, deadline: float, on_tick: Callable[[Tick], None] | None) -> bool:
        """Trains to the end of the epoch; False if the deadline came first."""
        batch_size = self.recipe.training.batch_size
        self._order_state = self._order.get_state()
        batches = self.balance.rows.epoch(self._order).to(self.tensors.device).split(batch_size)
        self.network.train()
        for step in range(self.step_in_epoch, self.steps_per_epoch):
            self._losses[step] = self._train_step(self.balance.weighted(self.tensors.take(batches[step])))
            self.step_in_epoch = step + 1
            now = time.perf_counter()
            if now < self._next_tick:
                continue
            self._next_tick = now + TICK_SECONDS
            if self._has_diverged(step + 1):
                return True
            if on_tick is not None:
                on_tick(Tick(self.epoch + 1, self.recipe.training.max_epochs, step + 1, self.steps_per_epoch))
            if now >= deadline and self.step_in_epoch < self.steps_per_epoch:
                self._order.set_state(self._order_state)
                return False
        self._has_diverged(self.steps_per_epoch)
        return True

    def _train_step(self, batch: dict[str, Tensor]) -> Tensor:
        rate = self._learning_rate()
        self._rates.append(rate)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        for parameter in self._parameters:  # what zero_grad does, without its bookkeeping of 20 microseconds
            parameter.grad = None
        if self.augmenter is None:
            loss: Tensor = self.task.loss(self.task.forward(self.network, batch), batch)
        else:
            batch = self.augmenter(batch)
            loss = self.augmenter.loss(self.task, self.task.forward(self.network, batch), batch)
        loss.backward()
        self.regularization.before_step()
        self.optimizer.step()
        self.regularization.after_step(rate)
        return loss.detach()

    def _learning_rate(self) -> float:
        step = self.epoch * self.steps_per_epoch + self.step_in_epoch
        return float(self.recipe.optimizer.learning_rate * self.recipe.schedule.factor(step, self.total_steps))

    def _has_diverged(self, steps: int) -> bool:
        if not bool(torch.isfinite(self._losses[:steps]).all()):
            self.ending = Ending.DIVERGED
        return self.ending is Ending.DIVERGED

    def _measure(self, *, whole: bool) -> Measurement:
        """Scores the weights on the validation part, keeps them if they are the best, and closes the epoch."""
        started = time.perf_counter()
        losses = self._losses[: self.step_in_epoch].tolist()
        first = self.epoch * self.steps_per_epoch
        rows = self.prepared.parts["validation"]
        predictions, validation_loss = self._evaluate(rows)
        score = self._score(predictions, rows)
        self.seconds += time.perf_counter() - started
        measurement = Measurement(
            epoch=self.epoch + 1,
            step=first + len(losses),
            seconds=self.seconds,
            train_loss=float(np.mean(losses)),
            validation_loss=validation_loss,
            score=score,
            learning_rate=self._rates[-1],
        )
        if self.trace is not None:
            self.trace.steps(first, losses, self._rates)
            self.trace.epoch(measurement)
        if whole:
            self.epoch, self.step_in_epoch, self._rates = self.epoch + 1, 0, []
        if not np.isfinite(validation_loss):
            self.ending = Ending.DIVERGED
            return measurement
        if self.stopping.is_better(measurement, self.best):
            self.best = measurement
            self._best_weights = {name: t.detach().clone() for name, t in self.network.state_dict().items()}
        if self.epoch >= self.recipe.training.max_epochs:
            self.ending = Ending.COMPLETE
        elif self.stopping.is_over(self.epoch, self.best):
            self.ending = Ending.EARLY
        return measurement

    def _score(self, predictions: NDArray[Any], rows: NDArray[np.int64]) -> float:
        encoder = self.prepared.encoders["targets"]
        truth = self.task.truth(np.asarray(self.prepared.arrays["targets"][rows]), encoder)
        score = float(self.metric(self.task.measured(predictions, encoder), truth))
        if not np.isfinite(score) and np.isfinite(predictions).all():
            raise DataError(
                f"The {self.metric.title} of the {len(rows):,} validation rows is not defined, so recipes cannot be "
                f"compared by it; often a class has no validation row. Choose another `search.metric`, or a larger "
                f"`data.validation_share`."
            )
        return score

    def _evaluate(self, rows: NDArray[np.int64]) -> tuple[NDArray[Any], float]:
        """Predictions of the present weights for rows, and the mean loss."""
        pieces, total = [], 0.0
        self.network.eval()
        with torch.inference_mode():
            index = torch.from_numpy(rows.astype(np.int64)).to(self.tensors.device)
            for piece in index.split(evaluation_batch(self.prepared.specs["inputs"])):
                batch = self.tensors.take(piece)
                outputs = forward(self.task, self.network, batch, self.versions)
                total += float(self.task.loss(outputs, batch)) * len(piece)
                pieces.append(self.task.predict(outputs).cpu().numpy())
        return np.concatenate(pieces), total / len(rows)

    def predict(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        present = {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}
        self.network.load_state_dict(self._best_weights or present)
        predictions, _ = self._evaluate(rows)
        self.network.load_state_dict(present)
        return np.asarray(self.task.measured(predictions, self.prepared.encoders["targets"]))

    def fitted(self) -> Fitted:
        return Fitted(self.recipe, self.prepared.preprocessing, self._best_weights or self.network.state_dict())

    def save(self, path: Path) -> None:
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in (self._best_weights or {}).items()}
        for number, slots in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{slot}": value for slot, value in slots.items() if value is not None}
        in_epoch = self.step_in_epoch > 0
        tensors["order"] = self._order_state if in_epoch else self._order.get_state()
        tensors["noise"] = torch.get_rng_state() if self._in_epoch else self._noise
        if self.augmenter is not None:
            tensors["augment"] = self.augmenter.generator.get_state()
        tensors["losses"] = self._losses[: self.step_in_epoch].clone()
        values = {
            "recipe": self.recipe.leaves(),
            "epoch": self.epoch,
            "step_in_epoch": self.step_in_epoch,
            "seconds": self.seconds,
            "rates": self._rates,
            "best": None if self.best is None else asdict(self.best),
            "ending": None if self.ending is None else self.ending.name,
            "trace_bytes": 0 if self.trace is None else self.trace.size,
        }
        checkpoint.write(path, tensors, values)

    def restore(self, path: Path) -> None:
        tensors, values = checkpoint.read(path)
        restored(path, values["recipe"], self.recipe)
        groups: dict[str, dict[str, Tensor]] = {"network": {}, "best": {}, "optimizer": {}}
        for name, tensor in tensors.items():
            group, _, rest = name.partition(".")
            if rest:
                groups[group][rest] = tensor
        self.network.load_state_dict(groups["network"])
        self._best_weights = {n: t.to(self.tensors.device) for n, t in groups["best"].items()} or None
        self._restore_optimizer(groups["optimizer"])
        self._noise = tensors["noise"]
        self._order.set_state(tensors["order"])
        if self.augmenter is not None:
            self.augmenter.generator.set_state(tensors["augment"])
        self.epoch, self.step_in_epoch = values["epoch"], values["step_in_epoch"]
        self._losses[: self.step_in_epoch] = tensors["losses"]
        self._rates, self.seconds = values["rates"], values["seconds"]
        self.best = None if values["best"] is None else Measurement(**values["best"])
        self.ending = None if values["ending"] is None else Ending[values["ending"]]
        if self.ending is Ending.TIME:  # more time has been given
            self.ending = None
        if self.trace is not None:
            self.trace.cut(values["trace_bytes"])

    def _restore_optimizer(self, slots: dict[str, Tensor]) -> None:
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in slots.items():
            number, _, slot = name.partition(".")
            parameter = self._parameters[int(number)]
            if value.shape == parameter.shape:
                # The slots must lie in memory as the weights do (channels last), or fused steps mix them up.
                value = torch.empty_like(parameter, requires_grad=False).copy_(value)
            state.setdefault(int(number), {})[slot] = value
        self.optimizer.load_state_dict({"state": state, "param_groups": self.optimizer.state_dict()["param_groups"]})

    def close(self) -> None:
        del self.network, self._parameters, self.optimizer, self.regularization, self._best_weights

    @contextmanager
    def _own_noise(self) -> Iterator[None]:
        """Dropout draws from this training's own stream of random numbers."""
        with _generator_kept():
            torch.set_rng_state(self._noise)
            self._in_epoch = True
            try:
                yield
            finally:
                self._in_epoch = False
                self._noise = torch.get_rng_state()


@contextmanager
def _generator_kept() -> Iterator[None]:
    """Gives torch's global generator back as it was."""
    state = torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_rng_state(state)


def steps_per_epoch(rows: int, batch_size: int) -> int:
    """Batches in an epoch; a last batch of a single row is left out, since batch normalization cannot use it.

    Example:
        >>> steps_per_epoch(100, 32), steps_per_epoch(97, 32), steps_per_epoch(1, 32)
        (4, 3, 1)
    """
    steps, rest = divmod(rows, batch_size)
    return max(1, steps + (rest > 1 or (rest == 1 and batch_size == 1)))


def build_network(recipe: Recipe, prepared: Prepared) -> torch.nn.Module:
    """The recipe's network for these data, with fresh weights."""
    network: torch.nn.Module = recipe.model.build(prepared.specs["inputs"], recipe.task.num_outputs(prepared.specs))
    return network
