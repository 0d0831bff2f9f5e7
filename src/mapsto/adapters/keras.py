"""Training of Keras 3 models through Keras itself: `fit` takes every step, so that all that a model does still happens.

The same code trains on TensorFlow, JAX and torch, whichever backend the program runs Keras on. Each call of `fit` is
given the rows of an epoch in the training's own order, so that a checkpoint is exact also within an epoch: what came
before it is not given again, and weights, optimizer and random generators are the model's own variables.
"""

from __future__ import annotations

import gc
import importlib
import logging
import math
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mapsto._imports import keras, torch
from mapsto.data.prepared import WEIGHTS
from mapsto.errors import RecipeError, RunError
from mapsto.models._keras_module import KerasModule, array_of, first_of, tensor_of
from mapsto.recipe.family import OWN
from mapsto.recipe.seeds import derive
from mapsto.training import checkpoint, epochs, members
from mapsto.training.base import Tick
from mapsto.training.epochs import EpochTrainer
from mapsto.training.parts import Noise, Part, Weights, distribute
from mapsto.training.trace import Trace

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from torch import Tensor

    from mapsto.data.prepare import Prepared
    from mapsto.recipe.schema import Recipe
    from mapsto.training.batches import Tensors

OPTIMIZERS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "adam": ("Adam", {"beta1": "beta_1", "beta2": "beta_2", "eps": "epsilon", "amsgrad": "amsgrad"}),
    "adamw": ("AdamW", {"beta1": "beta_1", "beta2": "beta_2", "eps": "epsilon", "weight_decay": "weight_decay"}),
    "nadam": ("Nadam", {"beta1": "beta_1", "beta2": "beta_2", "eps": "epsilon"}),
    "sgd": ("SGD", {"momentum": "momentum", "nesterov": "nesterov"}),
    "rmsprop": ("RMSprop", {"alpha": "rho", "momentum": "momentum", "eps": "epsilon", "centered": "centered"}),
    "adagrad": ("Adagrad", {"eps": "epsilon"}),
    "adadelta": ("Adadelta", {"rho": "rho", "eps": "epsilon"}),
    "lion": ("Lion", {"beta1": "beta_1", "beta2": "beta_2", "weight_decay": "weight_decay"}),
}
"""Keras's optimizers by ours, and what Keras calls their settings."""

ROWS_AT_ONCE = 256
"""Rows that are answered in one batch: on TensorFlow, 750 rows of a small convolutional network take half as long again
in one batch, whose maps do not fit the cache."""

NOT_READ: Mapping[str, Any] = {
    "l1": 0.0, "l2": 0.0, "max_weight_norm": None, "max_grad_norm": None, "max_grad_value": None,
    "grad_percentile": None, "layer_decay": 1.0, "learning_rates": {}, "freeze": None, "unfreeze_epochs": 0,
    "averaging": "none", "sam_rho": 0.0, "accumulate_steps": 1, "num_processes": 1, "precision": "float32",
    "checkpoint_activations": False, "compile": False, "tta": 0,
}  # fmt: skip
"""Settings of `training` that say what mapsto's own loop does in a step, and the values at which they do nothing."""


class KerasTrainer(EpochTrainer):
    """Trains a Keras model through `fit`.

    A compiled model keeps its optimizer, loss and metrics; another one is compiled from the recipe. Where the recipe
    states a learning rate, it is assigned to the model's optimizer, as the schedule has it.

    Args:
        recipe: with every setting filled in, `training.seed` too.
        prepared: the data.
        tensors: the same data on the CPU; shared among trainers.
        trace: where to record; None records nothing.

    Raises:
        RecipeError: a setting is on that only mapsto's own loop knows.
    """

    network: KerasModule
    model: Any

    def __init__(self, recipe: Recipe, prepared: Prepared, tensors: Tensors, *, trace: Trace | None = None) -> None:
        _refuse_unread(recipe)
        with _generators(derive(recipe.training.seed or recipe.seed, "keras")):
            super().__init__(recipe, prepared, tensors, trace=trace)
            self.model = self.network.module
            if not getattr(self.model, "compiled", False):
                compile_model(self.model, recipe, self.network)
            self.model.optimizer.build(self.model.trainable_variables)
        self._states_rate = recipe.optimizer.learning_rate is not None
        self.base_rate = float(recipe.optimizer.learning_rate) if self._states_rate else rate_of(self.model)
        # On the torch backend dropout draws from torch's own generators; elsewhere all that is random is a variable.
        self._noise = Noise(tensors.device, derive(self.seed, "noise"))
        _quiet()

    @property
    def num_parameters(self) -> int:
        return self.network.num_trained

    @property
    def parts(self) -> dict[str, Part]:
        return {
            "network": Weights(self.network), "optimizer": _Slots(self.model), "order": self._order,
            "noise": self._noise,
        }  # fmt: skip

    # -- an epoch -----------------------------------------------------------------------------------------------------

    def _train_epoch(self, deadline: float, on_tick: Callable[[Tick], None] | None) -> bool:
        size = self.recipe.training.batch_size
        rows = self.balance.rows.epoch(self._order.begin())[self.step_in_epoch * size : self.steps_per_epoch * size]
        batch = self._batch(rows)
        watch = _watch(self, deadline, on_tick)
        weights = batch.get(WEIGHTS)
        with self._noise.drawn():
            self.model.fit(
                self.network.inputs(batch),
                self.network.targets(batch),
                sample_weight=None if weights is None else weights.numpy(),
                batch_size=size,
                initial_epoch=self.epoch,
                epochs=self.epoch + 1,
                shuffle=False,
                verbose=0,
                callbacks=[watch],
            )
        if self.ending is None and watch.in_time:
            self._has_diverged(0, self.step_in_epoch)
        return bool(watch.in_time)

    def rewind(self) -> None:
        """Forgets random numbers that were drawn before the first step."""
        self._noise.rewind()

    def took_step(self, loss: float, rate: float) -> None:
        """Takes note of a step.

        Args:
            loss: the mean over its batch.
            rate: the learning rate.
        """
        self._losses[self.step_in_epoch] = loss
        self._rates.append(rate)
        self.step_in_epoch += 1
        self._has_diverged(self.step_in_epoch - 1, self.step_in_epoch)

    def rate(self) -> float:
        """The learning rate of the next step."""
        return self._learning_rate() if self._states_rate or self.recipe.schedule.name != "constant" else self.base_rate

    @property
    def sets_rate(self) -> bool:
        """Whether the rate is assigned before each step; else the model's own is left alone."""
        return self._states_rate or self.recipe.schedule.name != "constant"

    # -- answers ------------------------------------------------------------------------------------------------------

    def _rows_at_once(self) -> int:
        return min(super()._rows_at_once(), ROWS_AT_ONCE)

    def _answering(self) -> AbstractContextManager[None]:
        return nullcontext()

    def _answered(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        answer = self.network.predicted(batch)
        outputs = self.network.scored(answer)
        if self.recipe.loss.name != OWN:
            return outputs, self.task.loss(outputs, members.for_loss(self.network, batch))
        return outputs, torch.tensor(own_loss(self.network, batch, answer))

    # -- going on -----------------------------------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        _sync(self.model)
        super().save(path)

    def inherit(self, path: Path) -> None:
        tensors, values = checkpoint.read(path)
        try:
            distribute({name: part for name, part in self.parts.items() if name not in ("order", "noise")}, tensors)
        except (KeyError, ValueError, RuntimeError) as error:
            raise RunError(
                f"{path} holds the weights of a network of another shape, so a training cannot begin with them. Search "
                f"only settings that leave the network as it is."
            ) from error
        self._take_position(tensors, values)
        self.best, self._best_weights = None, None  # these were another recipe's
        if self.epoch < self.recipe.training.max_epochs:
            self.ending = None

    def close(self) -> None:
        del self.network, self.model, self._best_weights
        keras.backend.clear_session()
        gc.collect()
        if keras.backend.backend() == "jax":
            # Compiled steps of every model so far: megabytes each.
            importlib.import_module("jax").clear_caches()


def compile_model(model: Any, recipe: Recipe, network: KerasModule) -> None:
    """Gives a model that is not compiled the recipe's optimizer and loss.

    Raises:
        RecipeError: Keras has none of these.
    """
    name = recipe.optimizer.name
    if name not in OPTIMIZERS:
        raise RecipeError(
            f"`optimizer.name` is {name}, which Keras does not have; it has {', '.join(OPTIMIZERS)}. Take one of "
            f"these, or compile the model."
        )
    kind, names = OPTIMIZERS[name]
    own = recipe.optimizer.model_dump()
    settings = {theirs: own[ours] for ours, theirs in names.items() if ours in own}
    optimizer = getattr(keras.optimizers, kind)(learning_rate=recipe.optimizer.learning_rate, **settings)
    model.compile(optimizer=optimizer, loss=loss_for(recipe, network))


def loss_for(recipe: Recipe, network: KerasModule) -> Any:
    """Keras's loss for the recipe's, on what the network returns.

    Raises:
        RecipeError: there is none.
    """
    name, losses = recipe.loss.name, keras.losses
    if recipe.loss != type(recipe.loss)():
        raise RecipeError(
            "`loss` has settings beside its name, which Keras knows nothing of. Leave them out, or compile the model "
            "with a loss that does so."
        )
    if name == "cross_entropy":
        from_logits = recipe.model.outputs == "logits"
        if network.answers_once:
            return losses.BinaryCrossentropy(from_logits=from_logits)
        return losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    known = {"mse": "MeanSquaredError", "mae": "MeanAbsoluteError", "huber": "Huber"}
    if name not in known:
        raise RecipeError(
            f"`loss.name` is {name}, which Keras does not have as mapsto means it; it has cross_entropy, "
            f"{', '.join(known)}. Take one of these, or compile the model."
        )
    return getattr(losses, known[name])()


def own_loss(network: KerasModule, batch: Mapping[str, Tensor], answer: Any) -> float:
    """The compiled loss of answers to a batch; of a model with a training step of its own, what `evaluate` says."""
    model, targets = network.module, network.targets(batch)
    try:
        found = model.compute_loss(x=None, y=_converted(targets), y_pred=_converted(answer), training=False)
    except Exception:  # noqa: BLE001 - a loss of its own may need the inputs
        found = first_of(model.test_on_batch(network.inputs(batch), targets))
    return float(keras.ops.convert_to_numpy(found))


def rate_of(model: Any) -> float:
    """The rate that a compiled model begins with."""
    return float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))


def _converted(value: Any) -> Any:
    return keras.tree.map_structure(keras.ops.convert_to_tensor, value)


def _sync(model: Any) -> None:
    """On JAX, variables are brought up to date within `fit` only where somebody asks."""
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()


def _watch(trainer: KerasTrainer, deadline: float, on_tick: Callable[[Tick], None] | None) -> Any:
    """A callback that keeps the books of an epoch, sets the rate, and ends it where it must end."""

    class Watch(keras.callbacks.Callback):  # type: ignore[misc]
        in_time = True

        def __init__(self) -> None:
            super().__init__()
            self._sum, self._count, self._next, self._rate = 0.0, 0, 0.0, math.nan

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if not self._count:  # `fit` has drawn for its loader, and to run the model once for its shapes
                trainer.rewind()
            if not trainer.sets_rate:
                return
            rate = trainer.rate()
            if rate != self._rate:
                _sync(self.model)
                self.model.optimizer.learning_rate = self._rate = rate

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            # Keras tells the mean over the epoch so far.
            mean = float(logs["loss"] if logs and "loss" in logs else next(iter((logs or {}).values()), math.nan))
            self._count += 1
            trainer.took_step(mean * self._count - self._sum, trainer.rate())
            self._sum = mean * self._count
            now = time.perf_counter()
            if trainer.ending is not None:
                self.model.stop_training = True
            elif now >= self._next:
                self._next = now + epochs.TICK_SECONDS
                if on_tick is not None:
                    steps = trainer.steps_per_epoch
                    most = trainer.recipe.training.max_epochs
                    on_tick(Tick(trainer.epoch + 1, most, trainer.step_in_epoch, steps))
                if now >= deadline and trainer.step_in_epoch < trainer.steps_per_epoch:
                    self.in_time, self.model.stop_training = False, True

    return Watch()


class _Slots:
    """What the optimizer of a model remembers."""

    def __init__(self, model: Any) -> None:
        self._variables = list(model.optimizer.variables)

    def state(self) -> dict[str, Tensor]:
        return {f"{place:04d}": tensor_of(variable) for place, variable in enumerate(self._variables)}

    def restore(self, state: dict[str, Tensor]) -> None:
        for place, variable in enumerate(self._variables):
            variable.assign(array_of(state[f"{place:04d}"], variable))


@contextmanager
def _generators(seed: int) -> Iterator[None]:
    """Inside, every generator that Keras may draw from begins with the seed; Python's and numpy's are kept."""
    python, numpy_state, torch_state = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    keras.utils.set_random_seed(seed % 2**32)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy_state)  # noqa: NPY002
        torch.set_rng_state(torch_state)


def _quiet() -> None:
    """A study makes many models, each of which TensorFlow has to trace: it need not warn of that."""
    logger = logging.getLogger("tensorflow")
    if not logger.filters:
        logger.addFilter(lambda record: "triggered tf.function retracing" not in record.getMessage())


def _refuse_unread(recipe: Recipe) -> None:
    on = [name for name, off in NOT_READ.items() if getattr(recipe.training, name) not in (off, ())]
    on = [f"training.{name}" for name in on]
    on += [f"augment.{name}" for name, value in recipe.augment.model_dump().items() if _is_on(name, value)]
    if on:
        raise RecipeError(
            f"`{on[0]}` is something that mapsto's own training loop does, and a Keras model is trained by Keras. "
            f"Leave it out, or do it in the model."
        )


def _is_on(name: str, value: Any) -> bool:
    from mapsto.recipe.families import AUGMENTATIONS

    return name in AUGMENTATIONS.names() and value != 0
