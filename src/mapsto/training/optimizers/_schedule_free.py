"""The steps of schedule-free AdamW."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mapsto._imports import torch
from mapsto.training.optimizers._foreach import Foreach

if TYPE_CHECKING:
    from torch import Tensor


class ScheduleFreeSteps(Foreach):
    """Gradients are taken at `y = (1 − beta1)·z + beta1·x`; `z` is stepped by them, and `x` is the mean of all `z`.

    The parameters hold `y` in training and `x` between `eval()` and `train()`. Slots: `z`; `exp_avg_sq`; `weight`,
    the sum of the squared rates so far, in which the mean is weighted; and only while the parameters hold `x`, the
    `y` that they will be again, to the bit. The largest rate so far is the group's number `peak`.
    """

    def __init__(
        self, parameters: Any, *, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float, warmup: int
    ) -> None:
        defaults = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps, "weight_decay": weight_decay}
        super().__init__(parameters, {**defaults, "warmup": warmup, "peak": 0.0, "training": True}, ("exp_avg_sq", "z"))
        self.register_load_state_dict_post_hook(_numbers_to_cpu)

    def start(self, parameter: Tensor) -> dict[str, Tensor]:
        zeros = torch.zeros_like(parameter, memory_format=torch.preserve_format)
        return {"exp_avg_sq": zeros, "z": parameter.detach().clone(), "weight": torch.zeros(())}

    def update(
        self, group: dict[str, Any], step: int, parameters: list[Tensor], gradients: list[Tensor], *slots: list[Tensor]
    ) -> None:
        if not group["training"]:
            raise RuntimeError("Schedule-free weights are stepped in training alone. Call the optimizer's `train()`.")
        squares, points = slots
        rate = group["lr"] * min(1.0, step / max(1, group["warmup"]))
        group["peak"] = max(rate, group["peak"])
        shares = self._shares(parameters, group["peak"] ** 2)
        torch._foreach_mul_(squares, group["beta2"])
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - group["beta2"])
        sizes = torch._foreach_sqrt(squares)
        torch._foreach_div_(sizes, (1 - group["beta2"] ** step) ** 0.5)
        torch._foreach_add_(sizes, group["eps"])
        directions = torch._foreach_div(gradients, sizes)
        if group["weight_decay"]:
            torch._foreach_add_(directions, parameters, alpha=group["weight_decay"])
        # y moves with the mean, by its share of z, and with the step of z, by what of it reaches y.
        torch._foreach_lerp_(parameters, points, shares)
        torch._foreach_add_(points, directions, alpha=-rate)
        torch._foreach_mul_(directions, [rate * (group["beta1"] * (1 - share) - 1) for share in shares])
        torch._foreach_add_(parameters, directions)

    def _shares(self, parameters: list[Tensor], weight: float) -> list[float]:
        """How much the newest point counts in the mean of each tensor; tensors frozen for a while have seen fewer."""
        shares = []
        for parameter in parameters:
            total = self.state[parameter]["weight"]
            total += weight
            shares.append(min(1.0, weight / float(total)) if weight > 0 else 0.0)
        return shares

    @torch.no_grad()
    def eval(self) -> None:
        """Makes the parameters the mean `x`, to answer with."""
        for group in self.param_groups:
            if group["training"]:
                own = [parameter for parameter in group["params"] if self.state[parameter]]
                for parameter in own:
                    self.state[parameter]["y"] = parameter.detach().clone()
                if own and group["beta1"] > 0:
                    torch._foreach_lerp_(own, [self.state[p]["z"] for p in own], 1 - 1 / group["beta1"])
                group["training"] = False

    @torch.no_grad()
    def train(self) -> None:
        """Makes the parameters `y` again, bit for bit as they were before `eval()`."""
        for group in self.param_groups:
            if not group["training"]:
                for parameter in group["params"]:
                    if "y" in self.state[parameter]:
                        parameter.copy_(self.state[parameter].pop("y"))
                group["training"] = True


def _numbers_to_cpu(optimizer: torch.optim.Optimizer) -> None:
    """What is loaded lies beside the parameters; numbers are read each step, and belong on the CPU."""
    for state in optimizer.state.values():
        state["weight"] = state["weight"].cpu().float()
