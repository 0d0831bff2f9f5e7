"""Real trainings for the figures: mapsto's own trainer, on data that are always there or made by the chapter."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mapsto.data.prepare import prepare
from mapsto.data.prepared import Prepared
from mapsto.data.read import read
from mapsto.recipe.schema import Recipe
from mapsto.recipe.space import Space
from mapsto.training.base import Measurement
from mapsto.training.batches import Tensors
from mapsto.training.finders.trial import Trial

DIGITS = (
    "task.name=image_classification",
    "model.name=mlp",
    "model.hidden_dim=64",
    "training.batch_size=64",
    "training.max_epochs=15",
    "training.patience=0",
    "training.seed=0",
    "training.device=cpu",
    "schedule.name=constant",
)
"""The recipe from which the figures on handwritten digits (1,797 images of 8×8 pixels) start."""


def recipe(*settings: str, base: Iterable[str] = DIGITS) -> Recipe:
    """A recipe from settings in the command line's notation; later ones win."""
    given = {setting.partition("=")[0]: setting for setting in (*base, *settings)}
    return Space.from_settings(list(given.values())).recipe({})


def trial(*settings: str, base: Iterable[str] = DIGITS, data: str | tuple[Any, Any] = "digits") -> Trial:
    """A training that has not begun: `advance` trains epochs, `train_steps` single steps at given rates.

    Args:
        settings: beside those of the base.
        base: settings to start from.
        data: a named set, or arrays `(x, y)`.
    """
    made = recipe(*settings, base=base)
    return Trial(made, *_prepared(made, data))


def trained(*settings: str, base: Iterable[str] = DIGITS, data: str | tuple[Any, Any] = "digits") -> list[Measurement]:
    """Trains to the end and returns what was measured after each epoch; a run that diverges ends earlier."""
    made = trial(*settings, base=base, data=data)
    return list(made.advance(made.recipe.training.max_epochs))


@functools.cache
def wrong_labels(share: float) -> tuple[NDArray[np.uint8], NDArray[np.str_]]:
    """The digits as `data`, with so many of the labels, in all parts, replaced by another at random."""
    from sklearn.datasets import load_digits  # here, since it takes a second

    rng = np.random.default_rng(41)  # not 0, from which the split is drawn: they would be the test part
    images, labels = load_digits(return_X_y=True)
    wrong = rng.random(len(labels)) < share
    labels = np.where(wrong, (labels + rng.integers(1, 10, len(labels))) % 10, labels)
    return images.reshape(-1, 8, 8).astype(np.uint8), labels.astype(str)


def answers(made: Trial) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Class probabilities that the last weights give the validation rows, and the rows' classes."""
    rows = made.prepared.parts["validation"]
    made.network.eval()
    with torch.no_grad():
        logits = made.task.forward(made.network, made.tensors.take(torch.from_numpy(rows)))
    probabilities = logits.double().softmax(dim=1).numpy()
    return probabilities, np.asarray(made.prepared.arrays["targets"][rows]).ravel().astype(np.int64)


def _prepared(made: Recipe, data: str | tuple[Any, Any]) -> tuple[Prepared, Tensors]:
    if isinstance(data, str):
        return _named(data, made.task.name, made.data.model_dump_json())
    return _made(made, data)


@functools.cache
def _named(name: str, task: str, options: str) -> tuple[Prepared, Tensors]:
    made = recipe(f"task.name={task}", base=())
    data = type(made.data).model_validate_json(options)
    return _tensors(lambda folder: prepare(
        read(name, options=data), task=made.task, recipe_data=data, seed=0, folder=folder
    ))  # fmt: skip


_arrays: dict[tuple[int, int, str, str], tuple[Any, tuple[Prepared, Tensors]]] = {}


def _made(made: Recipe, data: tuple[Any, Any]) -> tuple[Prepared, Tensors]:
    """Prepared once as long as the same arrays are given; they are kept, so that no other can have their place."""
    key = (id(data[0]), id(data[1]), made.task.name, made.data.model_dump_json())
    if key not in _arrays:
        _arrays[key] = data, _tensors(lambda folder: prepare(
            read(data, options=made.data), task=made.task, recipe_data=made.data, seed=0, folder=folder
        ))  # fmt: skip
    return _arrays[key][1]


def _tensors(make: Callable[[Path], Prepared]) -> tuple[Prepared, Tensors]:
    folder = Path(tempfile.mkdtemp(prefix="handbook-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    prepared = make(folder)
    return prepared, Tensors(prepared, "cpu")
