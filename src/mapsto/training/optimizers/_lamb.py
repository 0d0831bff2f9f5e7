"""The steps of LAMB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mapsto._imports import torch
from mapsto.training.optimizers._foreach import Foreach

if TYPE_CHECKING:
    from torch import Tensor


class LambSteps(Foreach):
    """`w ← w − lr·(‖w‖ / ‖r‖)·r` with AdamW's direction `r = m̂ / (√v̂ + eps) + weight_decay·w`.

    The ratio is 1 where one of the norms is 0, and for vectors (biases, normalizations), as in the authors' code.
    """

    def __init__(
        self, parameters: Any, *, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float
    ) -> None:
        defaults = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps, "weight_decay": weight_decay}
        super().__init__(parameters, defaults, ("exp_avg", "exp_avg_sq"))

    def update(
        self, group: dict[str, Any], step: int, parameters: list[Tensor], gradients: list[Tensor], *slots: list[Tensor]
    ) -> None:
        means, squares = slots
        torch._foreach_lerp_(means, gradients, 1 - group["beta1"])
        torch._foreach_mul_(squares, group["beta2"])
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - group["beta2"])
        directions = torch._foreach_sqrt(squares)
        torch._foreach_div_(directions, (1 - group["beta2"] ** step) ** 0.5)
        torch._foreach_add_(directions, group["eps"])
        torch._foreach_reciprocal_(directions)
        torch._foreach_mul_(directions, means)
        torch._foreach_div_(directions, 1 - group["beta1"] ** step)
        if group["weight_decay"]:
            torch._foreach_add_(directions, parameters, alpha=group["weight_decay"])
        matrices = [place for place, parameter in enumerate(parameters) if parameter.ndim > 1]
        if matrices:
            self._trust([parameters[place] for place in matrices], [directions[place] for place in matrices])
        torch._foreach_add_(parameters, directions, alpha=-group["lr"])

    def _trust(self, parameters: list[Tensor], directions: list[Tensor]) -> None:
        """Makes each direction as long as the weights are."""
        weights = torch.stack(torch._foreach_norm(parameters))
        steps = torch.stack(torch._foreach_norm(directions))
        ratios = torch.where((weights > 0) & (steps > 0), weights / steps, torch.ones_like(steps))
        torch._foreach_mul_(directions, ratios.unbind())
