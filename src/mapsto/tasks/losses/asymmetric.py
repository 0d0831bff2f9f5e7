"""One yes-or-no question a class or label, in which easy answers of no count little or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from mapsto._imports import torch
from mapsto.tasks.losses._one_vs_rest import OneVsRest, flags

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.encoders.base import Spec

SMALLEST = 1e-7
"""Of the bases of powers, whose slope at 0 is infinite for exponents under 1."""


class Asymmetric(OneVsRest):
    """`−(1 − s)^gamma_positive · log s` for the true class, `−m^gamma_negative · log(1 − m)` for each other one.

    Here `s = sigmoid(outputs)` and `m = max(s − margin, 0)`: of the many classes that a row is not of, those that the
    network already rejects add nothing, so the one that it is of (or its labels) is not outvoted. Ridnik et al.,
    "Asymmetric loss for multi-label classification", 2020 (arXiv:2009.14119).

    Example:
        >>> Asymmetric().gamma_negative
        4.0
    """

    gamma_positive: float = Field(0.0, ge=0, le=10, description="how little a true class counts that is known")
    gamma_negative: float = Field(4.0, ge=0, le=10, description="how little another class counts that is rejected")
    margin: float = Field(0.05, ge=0, lt=1, description="probability up to which another class counts as rejected")

    def rows(self, outputs: Tensor, targets: Tensor, spec: Spec) -> Tensor:
        log_sigmoid = torch.nn.functional.logsigmoid
        yes, no = torch.sigmoid(outputs), torch.sigmoid(-outputs)
        true = no.clamp(min=SMALLEST) ** self.gamma_positive * log_sigmoid(outputs)
        log_rejected = log_sigmoid(-outputs) if self.margin == 0 else (no + self.margin).clamp(max=1).log()
        other = (yes - self.margin).clamp(min=SMALLEST) ** self.gamma_negative * log_rejected
        return -torch.where(flags(targets, outputs, spec), true, other).sum(1)
