"""One yes-or-no question a class or label."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mapsto._imports import torch
from mapsto.tasks.losses._one_vs_rest import OneVsRest, flags

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.encoders.base import Spec


class Binary(OneVsRest):
    """`−log s[true class] − Σ log(1 − s[other class])`, with `s = sigmoid(outputs)`: one classifier a class.

    Of several labels a row, each counts as a true class does. Classes do not compete for one sum, which suits classes
    that overlap; a row may look like none of them. Rifkin and
    Klautau, "In defense of one-vs-all classification", JMLR 2004.

    Example:
        >>> Binary().name
        'binary'
    """

    def rows(self, outputs: Tensor, targets: Tensor, spec: Spec) -> Tensor:
        true = flags(targets, outputs, spec).to(outputs.dtype)
        return torch.nn.functional.binary_cross_entropy_with_logits(outputs, true, reduction="none").sum(1)
