"""The contract of every loss."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from mapsto._imports import torch
from mapsto.recipe.options import Options

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.encoders.base import Encoder, Spec


class Loss(Options):
    """One public class a file, named as the file is; its fields are the settings (`loss.<field>`).

    A task names the losses that fit it (`Task.losses`). Outputs and targets are those of a batch:

    - classes: outputs `(rows, classes)`, targets int64 `(rows,)`;
    - labels: outputs `(rows, labels)`, targets uint8 of the same shape, 1 for each label that a row has;
    - masks: outputs `(rows, classes, height, width)`, targets uint8 `(rows, height, width)`, `spec.ignore` for void;
    - values: outputs `(rows,)`, targets float32 `(rows,)`, standardized; `(targets - spec.shift) * spec.scale` is the
      value in its own unit.

    Gradients are finite wherever the outputs are, since a network that errs badly must be able to learn from it.
    """

    own_unit: ClassVar[bool] = False
    """Whether `link` gives values in the target's own unit, and not standardized ones."""

    picks_epochs: ClassVar[bool] = False
    """Whether the best epoch is the one with the least validation loss, whatever the metric: its answers are not what
    the task's metrics look for."""

    @abstractmethod
    def rows(self, outputs: Tensor, targets: Tensor, spec: Spec) -> Tensor:
        """The loss of each row, shape `(rows,)`.

        Args:
            outputs: of the network, as above.
            targets: as they are stored.
            spec: what the targets' array holds.
        """

    def sizes(self, targets: Tensor, spec: Spec) -> Tensor | None:
        """How much each row counts in a mean by itself, as by its scored pixels; None where rows count alike."""
        return None

    def mean(self, outputs: Tensor, targets: Tensor, weights: Tensor | None, spec: Spec) -> Tensor:
        """The weighted mean over the rows, a scalar; override it where there is a faster way to the same number.

        Args:
            outputs: of the network, as above.
            targets: as they are stored.
            weights: how much each row counts, `(rows,)`; None: alike.
            spec: what the targets' array holds.
        """
        rows, sizes = self.rows(outputs, targets, spec), self.sizes(targets, spec)
        if sizes is not None:
            weights = sizes if weights is None else weights * sizes
        if weights is None:
            return rows.mean()
        return (rows * weights).sum() / weights.sum().clamp(min=torch.finfo(torch.float32).tiny)

    def link(self, outputs: Tensor, spec: Spec) -> Tensor:
        """Outputs as probabilities or values: softmax for classes, sigmoid for labels, else as they are.

        A loss says else where its outputs mean something else.
        """
        if spec.encoder == "labels":
            return torch.sigmoid(outputs)
        return torch.softmax(outputs, dim=1) if spec.encoder == "classes" else outputs

    def check(self, targets: Tensor, encoder: Encoder) -> None:
        """Refuses training targets that it has no use for; called once before training.

        Args:
            targets: of the training rows, as they are stored.
            encoder: of the targets, fitted.

        Raises:
            DataError: they do not suit the loss.
        """
