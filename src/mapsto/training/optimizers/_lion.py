"""The steps of Lion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mapsto._imports import torch
from mapsto.training.optimizers._foreach import Foreach

if TYPE_CHECKING:
    from torch import Tensor


class LionSteps(Foreach):
    """`w ← w·(1 − lr·weight_decay) − lr·sign(beta1·m + (1 − beta1)·g)`, then `m ← beta2·m + (1 − beta2)·g`."""

    def __init__(self, parameters: Any, *, lr: float, beta1: float, beta2: float, weight_decay: float) -> None:
        defaults = {"lr": lr, "beta1": beta1, "beta2": beta2, "weight_decay": weight_decay}
        super().__init__(parameters, defaults, ("exp_avg",))

    def update(
        self, group: dict[str, Any], step: int, parameters: list[Tensor], gradients: list[Tensor], *slots: list[Tensor]
    ) -> None:
        del step
        (means,) = slots
        directions = torch._foreach_lerp(means, gradients, 1 - group["beta1"])
        torch._foreach_sign_(directions)
        if group["weight_decay"]:
            torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(parameters, directions, alpha=-group["lr"])
        torch._foreach_lerp_(means, gradients, 1 - group["beta2"])
