"""The Poisson likelihood of counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mapsto.errors import DataError
from mapsto.tasks.losses.base import Loss

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.encoders.base import Encoder, Spec

HIGHEST = 20.0
"""Logarithm of a rate, in mean targets, beyond which it grows no more, and the loss linearly: e^20 is 485 million."""

ROUNDING = 1e-6
"""How far below 0 a stored target may be that is none, relative to its mean or its deviation."""


class Poisson(Loss):
    """`rate − y·log rate`, with `rate = mean·e^output`: counts, or amounts that are 0 or more, by their rate.

    `y` is the target in its own unit and `mean` its mean over the training rows, so that a new network starts at that
    rate; the loss is divided by it, so that a learning rate means the same for ones and for thousands. Up to a constant
    it is half the Poisson deviance. Effects multiply, and no answer is negative. Nelder and Wedderburn, "Generalized
    linear models", 1972.

    Example:
        >>> Poisson().own_unit
        True
    """

    own_unit: ClassVar[bool] = True

    def rows(self, outputs: Tensor, targets: Tensor, spec: Spec) -> Tensor:
        share = (1 - targets / spec.shift[0]).clamp(min=0)  # y / mean, where 0 may be rounded to less
        capped = outputs.clamp(max=HIGHEST)
        rate = capped.exp() * (1 + (outputs - HIGHEST).clamp(min=0))
        return rate - share * outputs

    def link(self, outputs: Tensor, spec: Spec) -> Tensor:
        return -spec.shift[0] * spec.scale[0] * outputs.double().clamp(max=HIGHEST).exp()

    def check(self, targets: Tensor, encoder: Encoder) -> None:
        shift, scale = encoder.spec.shift[0], encoder.spec.scale[0]
        value = (float(targets.min()) - shift) * scale
        if value < -ROUNDING * scale * max(1.0, abs(shift)):
            raise DataError(
                f'`loss.name: poisson` is for targets that are 0 or more, and the target "{encoder.columns[0]}" goes '
                f"down to {value:.6g}. Choose another loss, such as mse or huber."
            )
