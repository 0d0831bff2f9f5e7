"""What losses share that ask of each class, or label, whether it is one of the row's, by a sigmoid of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mapsto._imports import torch
from mapsto.tasks.losses._classes import one_hot
from mapsto.tasks.losses.base import Loss

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.encoders.base import Spec


class OneVsRest(Loss):
    """Each output answers yes or no for its class or label.

    Probabilities are the sigmoids; those of classes, of which a row has one, are divided by their sum.
    """

    def link(self, outputs: Tensor, spec: Spec) -> Tensor:
        if spec.encoder == "labels":
            return super().link(outputs, spec)
        # A softmax of log-sigmoids is just that, and where all sigmoids are too small to be seen it still is.
        return torch.softmax(torch.nn.functional.logsigmoid(outputs), dim=1)


def flags(targets: Tensor, outputs: Tensor, spec: Spec) -> Tensor:
    """Which outputs shall answer yes, bool of the outputs' shape: a row's class, or all of its labels."""
    return targets.bool() if spec.encoder == "labels" else one_hot(targets, outputs.shape[1])
