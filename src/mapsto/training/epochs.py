"""A training in epochs, whatever it is that takes a step: positions, measurements, the best weights, the end."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mapsto._imports import torch
from mapsto.data.prepared import WEIGHTS
from mapsto.errors import DataError
from mapsto.recipe.families import METRICS
from mapsto.recipe.sections import COSTS
from mapsto.recipe.seeds import derive
from mapsto.training import checkpoint, members
from mapsto.training.augmenter import Versions
from mapsto.training.balance import Balance
from mapsto.training.base import Ending, Measurement, Tick, Trainer
from mapsto.training.fitted import Fitted, evaluation_batch, restored
from mapsto.training.networks import network_for
from mapsto.training.parts import Order, Part, distribute, gather, generators_kept
from mapsto.training.stopping import EarlyStopping
from mapsto.training.trace import Trace

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.prepare import Prepared
    from mapsto.metrics.base import Metric
    from mapsto.recipe.schema import Recipe
    from mapsto.training.batches import Tensors

TICK_SECONDS = 0.1

DIVERGED_FACTOR = 1e4
"""A loss so many times that of the first step (taken as 1 at least) is no noise, and no training comes back from it."""


class EpochTrainer(Trainer):
    """What trainings of every framework share; members say how an epoch is trained, and what a checkpoint must hold.

    Args:
        recipe: with every setting filled in, `training.seed` too.
        prepared: the data.
        tensors: the same data on the device; shared among trainers.
        trace: where to record; None records nothing.
    """

    def __init__(self, recipe: Recipe, prepared: Prepared, tensors: Tensors, *, trace: Trace | None = None) -> None:
        self.recipe, self.prepared, self.tensors, self.trace = recipe, prepared, tensors, trace
        self.task = recipe.task.trained_by(recipe.loss, prepared.specs["targets"])
        check_targets(recipe, prepared)
        settings, device = recipe.training, tensors.device
        self.seed = settings.seed if settings.seed is not None else recipe.seed
        self.metric: Metric = METRICS.get(recipe.search.metric or self.task.metrics[0])()
        self.other_metrics: list[Metric] = [METRICS.get(n)() for n in recipe.search.objectives if n not in COSTS]
        self.stopping = EarlyStopping(
            self.metric.direction, settings.patience, settings.min_delta, by_loss=recipe.loss.picks_epochs
        )
        with generators_kept(device):
            torch.manual_seed(derive(self.seed, "weights"))
            self.network = build_network(recipe, prepared).to(device)
        self.versions = Versions.of(recipe, prepared.encoders)
        self.balance = Balance(settings.balance, prepared, tensors)
        self._order = Order(derive(self.seed, "order"))
        self.base_rate = 0.0

        self.steps_per_epoch = steps_per_epoch(self.balance.rows.num_rows, settings.batch_size)
        self.total_steps = settings.max_epochs * self.steps_per_epoch
        self.epoch, self.step_in_epoch, self.seconds = 0, 0, 0.0
        self._next_tick = 0.0
        self._first_loss: float | None = None
        self._losses = torch.zeros(self.steps_per_epoch, device=device)
        self._rates: list[float] = []
        self._validation_losses: list[float] = []
        self._best_weights: dict[str, Tensor] | None = None

    @property
    @abstractmethod
    def num_parameters(self) -> int:
        """Trainable numbers in the network."""

    @property
    @abstractmethod
    def parts(self) -> dict[str, Part]:
        """What a checkpoint must hold, beside the position of the training and its best weights."""

    @abstractmethod
    def _train_epoch(self, deadline: float, on_tick: Callable[[Tick], None] | None) -> bool:
        """Trains to the end of the epoch, from the step that it stands at; False if the deadline came first."""

    @abstractmethod
    def _answering(self) -> AbstractContextManager[None]:
        """Inside, the network has the weights that answers come from."""

    @abstractmethod
    def _answered(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The network's outputs for a batch, and the mean loss."""

    def _running(self) -> AbstractContextManager[None]:
        """What holds while epochs are trained."""
        return nullcontext()

    def _rows_at_once(self) -> int:
        """Rows that are answered in one batch."""
        return evaluation_batch(self.prepared.specs["inputs"])

    def _end_epoch(self) -> None:
        """Called when an epoch has been trained to its end, before it is measured."""

    def advance(
        self, until: int, *, deadline: float = float("inf"), on_tick: Callable[[Tick], None] | None = None
    ) -> Iterator[Measurement]:
        if self.ending is not None or self.epoch >= until:
            return
        with self._running():
            while self.ending is None and self.epoch < until:
                started = time.perf_counter()
                in_time = self._train_epoch(deadline, on_tick)
                self.seconds += time.perf_counter() - started
                if self.ending is None and (in_time or self.best is None):
                    yield self._measure(whole=in_time)
                if self.ending is None and (not in_time or time.perf_counter() >= deadline):
                    self.ending = Ending.TIME

    def _batch(self, rows: Tensor) -> dict[str, Tensor]:
        return self.balance.weighted(self.tensors.take(rows))

    def _training_batches(self) -> Iterator[dict[str, Tensor]]:
        """The training rows in their order, apart from any random number."""
        rows = torch.from_numpy(self.prepared.parts["train"].astype(np.int64)).to(self.tensors.device)
        batches = rows.split(self.recipe.training.batch_size)
        return map(self._batch, batches[: steps_per_epoch(len(rows), self.recipe.training.batch_size)])

    def _learning_rate(self) -> float:
        step = self.epoch * self.steps_per_epoch + self.step_in_epoch
        factor = self.recipe.schedule.factor(step, self.total_steps, self._validation_losses)
        return float(self.base_rate * factor)

    def _has_diverged(self, start: int, end: int) -> bool:
        """Whether one of these steps of the epoch had a loss from which a training does not come back."""
        losses = self._losses[start:end]
        worst = float(losses[0] if end - start == 1 else losses.abs().max())
        if self._first_loss is None:
            self._first_loss = abs(float(losses[0]))
        if not abs(worst) <= DIVERGED_FACTOR * max(1.0, self._first_loss):  # NaN is not
            self.ending = Ending.DIVERGED
        return self.ending is Ending.DIVERGED

    def _measure(self, *, whole: bool) -> Measurement:
        """Scores the weights on the validation part, keeps them if they are the best, and closes the epoch."""
        started = time.perf_counter()
        losses = self._losses[: self.step_in_epoch].tolist()
        first = self.epoch * self.steps_per_epoch
        if whole:
            self._end_epoch()
        with self._answering():
            rows = self.prepared.parts["validation"]
            predictions, validation_loss = self._evaluate(rows)
            score, *others = self._scores(predictions, rows)
            measurement = Measurement(
                epoch=self.epoch + 1,
                step=first + len(losses),
                seconds=self.seconds + time.perf_counter() - started,
                train_loss=float(np.mean(losses)),
                validation_loss=validation_loss,
                score=score,
                learning_rate=self._rates[-1],
                others=tuple(others),
            )
            if np.isfinite(validation_loss) and self.stopping.is_better(measurement, self.best):
                self.best = measurement
                self._best_weights = {name: t.detach().clone() for name, t in self.network.state_dict().items()}
        self.seconds = measurement.seconds
        if self.trace is not None:
            self.trace.steps(first, losses, self._rates)
            self.trace.epoch(measurement)
        self._close(measurement, whole=whole)
        return measurement

    def _close(self, measurement: Measurement, *, whole: bool) -> None:
        """Goes on to the next epoch, or says why there is none."""
        if whole:
            self.epoch, self.step_in_epoch, self._rates = self.epoch + 1, 0, []
            self._validation_losses.append(measurement.validation_loss)
            self._order.end()
        if not np.isfinite(measurement.validation_loss):
            self.ending = Ending.DIVERGED
        elif self.epoch >= self.recipe.training.max_epochs:
            self.ending = Ending.COMPLETE
        elif self.stopping.is_over(self.epoch, self.best):
            self.ending = Ending.EARLY

    def _scores(self, predictions: NDArray[Any], rows: NDArray[np.int64]) -> list[float]:
        """The objective, and then the further metrics."""
        encoder = self.prepared.encoders["targets"]
        truth = self.task.truth(np.asarray(self.prepared.arrays["targets"][rows]), encoder)
        measured = self.task.measured(predictions, encoder)
        scores = [float(metric(measured, truth)) for metric in (self.metric, *self.other_metrics)]
        if not np.isfinite(scores).all() and np.isfinite(predictions).all():
            titles = [
                m.title for m, s in zip((self.metric, *self.other_metrics), scores, strict=True) if not np.isfinite(s)
            ]
            raise DataError(
                f"The {titles[0]} of the {len(rows):,} validation rows is not defined, so recipes cannot be "
                f"compared by it; often a class has no validation row. Choose another `search.metric`, or a larger "
                f"`data.validation_share`."
            )
        return scores

    def _evaluate(self, rows: NDArray[np.int64]) -> tuple[NDArray[Any], float]:
        """Predictions of the present weights for rows, and the mean loss."""
        pieces, total = [], 0.0
        self.network.eval()
        with torch.inference_mode():
            index = torch.from_numpy(rows.astype(np.int64)).to(self.tensors.device)
            for piece in index.split(self._rows_at_once()):
                batch = self.tensors.take(piece)
                batch.pop(WEIGHTS, None)  # those of rows are for training alone
                outputs, loss = self._answered(batch)
                total += float(loss) * len(piece)
                pieces.append(members.predict(self.task, self.network, outputs).cpu().numpy())
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
        tensors = gather(self.parts)
        tensors |= {f"best.{name}": tensor for name, tensor in (self._best_weights or {}).items()}
        tensors["losses"] = self._losses[: self.step_in_epoch].clone()
        values = {
            "recipe": self.recipe.leaves(),
            "epoch": self.epoch,
            "step_in_epoch": self.step_in_epoch,
            "seconds": self.seconds,
            "rates": self._rates,
            "validation_losses": self._validation_losses,
            "best": None if self.best is None else asdict(self.best),
            "ending": None if self.ending is None else self.ending.name,
            "first_loss": self._first_loss,
            "trace_bytes": 0 if self.trace is None else self.trace.size,
        }
        checkpoint.write(path, tensors, values)

    def restore(self, path: Path) -> None:
        tensors, values = checkpoint.read(path)
        restored(path, values["recipe"], self.recipe)
        distribute(self.parts, tensors)
        self._take_position(tensors, values)
        if self.trace is not None:
            self.trace.cut(values["trace_bytes"])

    def _take_position(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """How far the training was when these were saved."""
        best = {name.removeprefix("best."): tensor for name, tensor in tensors.items() if name.startswith("best.")}
        self._best_weights = {name: tensor.to(self.tensors.device) for name, tensor in best.items()} or None
        self.epoch, self.step_in_epoch = values["epoch"], values["step_in_epoch"]
        self._losses[: self.step_in_epoch] = tensors["losses"]
        self._rates, self.seconds = values["rates"], values["seconds"]
        self._validation_losses = values["validation_losses"]
        self._first_loss = values["first_loss"]
        best_one = values["best"]
        self.best = None if best_one is None else Measurement(**{**best_one, "others": tuple(best_one["others"])})
        self.ending = None if values["ending"] is None else Ending[values["ending"]]
        if self.ending is Ending.TIME:  # more time has been given
            self.ending = None


def steps_per_epoch(rows: int, batch_size: int) -> int:
    """Batches in an epoch; a last batch of a single row is left out, since batch normalization cannot use it.

    Example:
        >>> steps_per_epoch(100, 32), steps_per_epoch(97, 32), steps_per_epoch(1, 32)
        (4, 3, 1)
    """
    steps, rest = divmod(rows, batch_size)
    return max(1, steps + (rest > 1 or (rest == 1 and batch_size == 1)))


def check_targets(recipe: Recipe, prepared: Prepared) -> None:
    """Asks the loss whether it can do with the training targets.

    Raises:
        DataError: it cannot.
    """
    stored = np.asarray(prepared.arrays["targets"][prepared.parts["train"]])
    recipe.loss.check(torch.from_numpy(stored), prepared.encoders["targets"])


def build_network(recipe: Recipe, prepared: Prepared) -> torch.nn.Module:
    """The recipe's network for these data, with fresh weights, or those that its model starts from."""
    network = network_for(recipe, prepared.specs)
    recipe.model.load_weights(network)
    return network
