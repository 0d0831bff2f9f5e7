"""What optimizers of our own share: torch's interface, and one call for many tensors."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mapsto._imports import torch

if TYPE_CHECKING:
    from torch import Tensor


class Foreach(torch.optim.Optimizer):
    """A torch optimizer that updates all tensors of a group that have made the same number of steps in one call.

    Tensors of a group may differ in their steps: one that is frozen has no gradient and rests.

    Args:
        parameters: or groups of them.
        defaults: of each group; `lr` among them.
        slots: names of what is remembered for each tensor, in its shape, zero at first.
    """

    def __init__(self, parameters: Any, defaults: dict[str, Any], slots: tuple[str, ...]) -> None:
        self.slots = slots
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            alike: dict[float, list[Tensor]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    alike.setdefault(self._count(parameter), []).append(parameter)
            for count, parameters in alike.items():
                states = [self.state[parameter] for parameter in parameters]
                gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
                slots = [[state[name] for state in states] for name in self.slots]
                self.update(group, int(count), parameters, gradients, *slots)
        return loss

    @abstractmethod
    def update(
        self, group: dict[str, Any], step: int, parameters: list[Tensor], gradients: list[Tensor], *slots: list[Tensor]
    ) -> None:
        """Changes the parameters in place. `step` counts theirs, from 1; gradients are left as they are."""

    def start(self, parameter: Tensor) -> dict[str, Tensor]:
        """The slots of a tensor before its first step."""
        return {name: torch.zeros_like(parameter, memory_format=torch.preserve_format) for name in self.slots}

    def _count(self, parameter: Tensor) -> float:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros(())  # on the CPU, where it is read; torch leaves a slot of this name there
            state.update(self.start(parameter))
        state["step"] += 1
        return float(state["step"])
