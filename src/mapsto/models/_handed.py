"""Networks that the user has handed over in this process: the only code that a recipe can make run.

A recipe names its builder, and a run folder holds recipes; but a name alone runs nothing. What it names must have been
handed over by the program itself, so that whoever is given a run folder runs no code of it.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mapsto.errors import RunError

Loss = Callable[[Any, Any], Any]
"""Takes what the network returns and the targets of a batch, and gives a scalar."""


@dataclass(frozen=True)
class Network:
    """A network of your own, and what else of its training is your own.

    Example:
        ```python
        network = mp.Network(build, loss=torch.nn.HuberLoss(), optimizer=lambda parameters: torch.optim.SGD(parameters))
        mp.tune(network, data=(x, y), budget="10m")
        ```

    Attributes:
        build: a function of one argument, `hp` (see `mapsto.recipe.hyperparameters`) or `recipe`; a function or a
            class whose arguments are the hyperparameters; a KerasTuner `HyperModel`; or a network, of which each
            training gets a copy.
        loss: of the network's own outputs and the targets of a batch, a scalar; None: the recipe's.
        optimizer: makes one from groups of parameters; None: the recipe's.
        step: the loss of a batch `{"inputs": ..., "targets": ...}`, given the network and it, where a training step is
            more than outputs and a loss; None: it is not.
    """

    build: Any
    loss: Loss | None = None
    optimizer: Callable[[Any], Any] | None = None
    step: Callable[[Any, Any], Any] | None = None

    @property
    def reference(self) -> str:
        """What a recipe calls it: `train.py:build`, or `package.module:Class`."""
        build = self.build if hasattr(self.build, "__qualname__") else type(self.build)
        module = str(build.__module__)
        if module == "__main__":
            file = getattr(sys.modules["__main__"], "__file__", None)
            module = "notebook" if file is None else Path(file).name
        return f"{module}:{build.__qualname__}"

    def arguments(self) -> dict[str, inspect.Parameter]:
        """The arguments of the builder; none where it is a network."""
        return {} if self.call is None else dict(inspect.signature(self.call).parameters)

    @property
    def call(self) -> Callable[..., Any] | None:
        """What makes the network; None where `build` is one already."""
        if inspect.isclass(self.build) or inspect.isroutine(self.build):
            return self.build
        return self.build.build if _is_hypermodel(self.build) else None


def _is_hypermodel(build: Any) -> bool:
    """Whether it is what KerasTuner calls a hypermodel: an object with a method `build(hp)`."""
    arguments = getattr(getattr(build, "build", None), "__code__", None)
    return not inspect.isclass(build) and arguments is not None and arguments.co_varnames[1:2] == ("hp",)


_handed: dict[str, Network] = {}


def hand_over(network: Network) -> str:
    """Lets recipes of this process run it; returns the name by which they do."""
    _handed[network.reference] = network
    return network.reference


def handed(reference: str) -> Network:
    """The network of this name.

    Raises:
        RunError: this program has handed over none of this name.
    """
    if reference not in _handed:
        raise RunError(
            f"The network is your own code, `{reference}`, and no run folder makes code run: hand it over in Python, "
            f"as in `mapsto.resume(run, network=build)` or `mapsto.load(run, network=build)`."
        )
    return _handed[reference]
