"""The negative log-probability of the true class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from mapsto._imports import torch
from mapsto.tasks.losses._classes import OfClasses, ignored, per_row

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.encoders.base import Spec


class CrossEntropy(OfClasses):
    """`−log p[true class]`, with `p = softmax(outputs)`.

    With label smoothing ε the target is `1 − ε` on the true class and `ε / classes` more on every class, which keeps
    the network from growing surer without end (Szegedy et al., "Rethinking the Inception architecture", CVPR 2016).

    Example:
        >>> CrossEntropy(label_smoothing=0.1).name
        'cross_entropy'
    """

    label_smoothing: float = Field(0.0, ge=0, lt=1, description="share of each target spread over all classes")

    def rows(self, outputs: Tensor, targets: Tensor, spec: Spec) -> Tensor:
        return per_row(self._losses(outputs, targets, spec, "none"), targets, spec)

    def mean(self, outputs: Tensor, targets: Tensor, weights: Tensor | None, spec: Spec) -> Tensor:
        if weights is not None:
            return super().mean(outputs, targets, weights, spec)
        if spec.ignore is None:  # one call of torch's, the fastest there is
            return self._losses(outputs, targets, spec, "mean")
        # A batch of void pixels only has no loss, where torch's own mean would be NaN.
        return self._losses(outputs, targets, spec, "sum") / (targets != spec.ignore).sum().clamp(min=1)

    def _losses(self, outputs: Tensor, targets: Tensor, spec: Spec, reduction: str) -> Tensor:
        return torch.nn.functional.cross_entropy(
            outputs,
            targets.long(),
            ignore_index=ignored(spec),
            label_smoothing=self.label_smoothing,
            reduction=reduction,
        )
