"""The steps of Muon for matrices and of AdamW for the rest, as one torch optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from mapsto._imports import torch

if TYPE_CHECKING:
    from torch import Tensor


class MuonSteps(torch.optim.AdamW):
    """torch's AdamW for groups whose `matrix` is false, and torch's Muon for those where it is true.

    A kernel of more than two dimensions is stepped as the matrix `(out, in·height·width)`. Parameters that come without
    groups are parted by their dimensions.

    Args:
        parameters: or groups of them.
        lr: of AdamW's groups; those of matrices take `matrix_ratio` times theirs.
        momentum: Muon's.
        nesterov: whether Muon looks one step ahead.
        weight_decay: of both.
        adamw: further arguments of `torch.optim.AdamW`.
    """

    def __init__(
        self, parameters: Any, *, lr: float, matrix_ratio: float, momentum: float, nesterov: bool, weight_decay: float,
        **adamw: Any,
    ) -> None:  # fmt: skip
        self.matrix_ratio, self.momentum, self.nesterov = matrix_ratio, momentum, nesterov
        super().__init__(list(_groups(parameters)), lr=lr, weight_decay=weight_decay, fused=True, **adamw)
        self._step_supports_amp_scaling = False  # of fused AdamW alone: Muon does not see that a step overflowed

    def __setstate__(self, state: dict[str, Any]) -> None:
        torch.optim.Optimizer.__setstate__(self, state)  # Adam's own asks all for its slots, to mend those of old files

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        groups = self.param_groups
        try:
            self.param_groups = [group for group in groups if not group["matrix"]]
            super().step()
        finally:
            self.param_groups = groups
        for group in groups:
            if group["matrix"]:
                self._step_matrices(group)
        return loss

    def _step_matrices(self, group: dict[str, Any]) -> None:
        trained = [parameter for parameter in group["params"] if parameter.grad is not None]
        for parameter in trained:
            if not self.state[parameter]:
                start = torch.zeros_like(parameter, memory_format=torch.preserve_format)
                self.state[parameter]["momentum_buffer"] = start
        torch.optim._muon.muon(
            [_matrix(parameter, parameter) for parameter in trained],
            [_matrix(parameter.grad, parameter) for parameter in trained],
            [_matrix(self.state[parameter]["momentum_buffer"], parameter) for parameter in trained],
            lr=group["lr"] * self.matrix_ratio,
            weight_decay=group["weight_decay"],
            momentum=self.momentum,
            nesterov=self.nesterov,
            ns_coefficients=(3.4445, -4.775, 2.0315),
            ns_steps=5,
            eps=1e-7,
            adjust_lr_fn="match_rms_adamw",
            has_complex=False,
        )


def _groups(parameters: Iterable[Any]) -> Iterable[dict[str, Any]]:
    """Groups that each are of matrices or of others alone."""
    members = list(parameters)
    for group in members if members and isinstance(members[0], dict) else [{"params": members}]:
        if "matrix" in group:
            yield group
            continue
        own = list(group["params"])
        for matrix in (False, True):
            part = [parameter for parameter in own if (parameter.ndim > 1) == matrix]
            if part:
                yield {**group, "params": part, "matrix": matrix}


def _matrix(tensor: Tensor, parameter: Tensor) -> Tensor:
    """A view with a row an output, its columns as the parameter lies in memory; Muon is the same in any order."""
    if tensor.ndim == 4 and not parameter.is_contiguous():  # channels last
        tensor = tensor.permute(0, 2, 3, 1)
    return tensor.flatten(1)
