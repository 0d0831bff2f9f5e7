"""Networks that the user has handed over in this process: the only code that a recipe can make run.

A recipe names its builder, and a run folder holds recipes; but a name alone runs nothing. What it names must have been
handed over by the program itself, so that whoever is given a run folder runs no code of it.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto.errors import RunError
from mapsto.metrics.base import Direction, Form, Metric
from mapsto.recipe.families import METRICS

if TYPE_CHECKING:
    from numpy.typing import NDArray

Loss = Callable[[Any, Any], Any]
"""Takes what the network returns and the targets of a batch, and gives a scalar."""

Score = Callable[[Any, Any], float]
"""Takes probabilities or values, and class numbers or values, of many rows as arrays of numpy; gives a number."""


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
        loss: of the network's own outputs and the targets of a batch, a scalar; None: the recipe's. Of a network with
            several outputs one each, by name or in their order; None there: cross-entropy for whole numbers, squared
            error for others.
        loss_weights: of the losses of several outputs, by name or in their order; None: alike.
        metrics: numbers to be reported beside the task's, by name; the first is what is optimized, unless
            `search.metric` says otherwise. A pair `(function, "minimize")` where less is better.
        optimizer: makes one from groups of parameters; None: the recipe's.
        step: the loss of a batch `{"inputs": ..., "targets": ...}`, given the network and it, where a training step is
            more than outputs and a loss; None: it is not.
    """

    build: Any
    loss: Loss | Mapping[str, Loss] | Sequence[Loss] | None = None
    loss_weights: Mapping[str, float] | Sequence[float] | None = None
    metrics: Mapping[str, Score | tuple[Score, Direction]] = field(default_factory=dict)
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


def hand_over(network: Network, name: str | None = None) -> str:
    """Lets recipes of this process run it; returns the name by which they do.

    Args:
        network: the user's.
        name: by which a recipe knows it already; None: its own, with a number behind it where another one has that.
    """
    if name is None:
        name, number = network.reference, 1
        while _handed.get(name, network) != network:
            number += 1
            name = f"{network.reference}#{number}"
    _handed[name] = network
    add_metrics(network)
    return name


def add_metrics(network: Network) -> None:
    """Lets recipes of this process name the metrics of a network."""
    for name, made in network.metrics.items():
        score, direction = made if isinstance(made, tuple) else (made, "maximize")
        METRICS.add(name, _metric(name, score, direction))


def _metric(name: str, score: Score, direction: Direction) -> type[Metric]:
    """A function of the user's as a metric."""

    class Own(Metric):
        takes: ClassVar[Form] = "values"
        bounds: ClassVar[tuple[float, float]] = (-math.inf, math.inf)

        def __call__(self, predictions: NDArray[Any], targets: NDArray[Any]) -> float:
            return float(score(predictions, targets))

    Own.title, Own.direction = name, direction
    return Own


def handed(reference: str) -> Network:
    """The network of this name.

    Raises:
        RunError: this program has handed over none of this name.
    """
    if reference not in _handed:
        raise RunError(
            f"The network is your own code, `{reference}`, and no run folder makes code run: hand it over in Python, "
            f"as in `mapsto.resume(run, network=build)` or `mapsto.load(run, network=build)`, or "
            f"name it, as in `mapsto predict RUN DATA --network train.py:build`."
        )
    return _handed[reference]
