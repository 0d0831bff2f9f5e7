"""Networks that hold several members: each is trained on the whole batch, and their predictions are averaged.

Such a network has an attribute `num_members` and returns `(num_members · rows, ...)`, member after member. What a task
makes of outputs (probabilities, values) is what is averaged, not the raw scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mapsto.tasks.base import Task


def num_members(network: nn.Module) -> int:
    """How many answers the network gives for each row; 1 unless it says otherwise."""
    return int(getattr(network, "num_members", 1))


def for_loss(network: nn.Module, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The batch as long as the network's outputs are, so that the mean loss is the mean of the members' losses.

    The inputs are left as they are: no loss looks at them.
    """
    count = num_members(network)
    if count == 1:
        return batch
    return {
        name: tensor if name == "inputs" or tensor.ndim == 0 else tensor.repeat(count, *(1,) * (tensor.ndim - 1))
        for name, tensor in batch.items()
    }


def predict(task: Task, network: nn.Module, outputs: Tensor) -> Tensor:
    """The task's predictions, one a row: the mean of the members'."""
    predictions = task.predict(outputs)
    count = num_members(network)
    if count == 1:
        return predictions
    return predictions.view(count, -1, *predictions.shape[1:]).mean(0)


def set_progress(network: nn.Module, progress: float) -> None:
    """Tells the modules that change with the training (those with a `set_progress`) which share of it is done."""
    for module in network.modules():
        follow: Callable[[float], None] | None = getattr(module, "set_progress", None)
        if follow is not None:
            follow(progress)
