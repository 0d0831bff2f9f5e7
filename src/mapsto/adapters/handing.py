"""The user's own code on its way to a worker: pickled here, unpickled there, and never read from a disk."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

import cloudpickle

from mapsto.adapters.trainers import uses_keras
from mapsto.errors import RecipeError
from mapsto.models._handed import Network, hand_over, handed
from mapsto.models.own import Own

if TYPE_CHECKING:
    from mapsto.recipe.schema import Recipe

MODELS_A_WORKER = 20
"""TensorFlow leaks 6 to 9 MB a model whatever is cleared, and JAX up to as much: a worker ends before that matters."""


def packed(recipe: Recipe) -> str:
    """The network of a recipe as text, with where Python looks for modules; nothing where it is mapsto's own.

    Raises:
        RecipeError: it cannot be pickled.
    """
    if not isinstance(recipe.model, Own):
        return ""
    name = recipe.model.builder
    network = handed(name)
    try:
        with _by_value(network):
            content = cloudpickle.dumps((name, network))
    except Exception as error:
        cause = " ".join(str(error).split())[:300]
        raise RecipeError(
            f"`{name}` cannot be handed to worker processes: {type(error).__name__}: {cause}. It holds something that "
            f"belongs to this process, such as an open file, a lock or a generator: make that inside the builder, or "
            f"train in this process (`search.executor: in_process`, one worker)."
        ) from error
    return json.dumps({"path": sys.path, "network": base64.b64encode(content).decode()})


@contextmanager
def _by_value(network: Network) -> Iterator[None]:
    """Inside, code of modules that a worker could not import by their names is pickled itself."""
    parts = (network.build, network.loss, network.optimizer, network.step, *network.metrics.values())
    names = {str(getattr(part if hasattr(part, "__module__") else type(part), "__module__", "")) for part in parts}
    modules = [sys.modules[name] for name in names if name in sys.modules and not _is_findable(name)]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)


def _is_findable(name: str) -> bool:
    """Whether another process finds the module on its path."""
    top = name.partition(".")[0]
    return (
        top == "__main__"
        or any(PathFinder.find_spec(top, [place]) is not None for place in sys.path)
        or (top in sys.builtin_module_names)
    )


def unpack(text: str) -> None:
    """Takes what `packed` gave, from the process that leads this one."""
    if not text:
        return
    told = json.loads(text)
    sys.path[:] = told["path"]  # what is unpickled next may be imported from there
    name, network = cloudpickle.loads(base64.b64decode(told["network"]))
    hand_over(network, name)


def models_a_worker(recipe: Recipe) -> int | None:
    """How many trainings a worker process may take before another one takes its place; None: any number."""
    if not uses_keras(recipe):
        return None
    from mapsto._imports import keras

    return None if keras.backend.backend() == "torch" else MODELS_A_WORKER
