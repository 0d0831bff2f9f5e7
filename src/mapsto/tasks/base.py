"""What to predict, and everything that follows from it: the contract of every task.

The interface was read against tasks whose output is not one label a row: detection and sequence-to-sequence have more
streams than two (`streams`, `forward` and `loss` see the whole batch), dense tasks predict arrays, generation and
speech decode step by step (`predict` may run the network as often as it likes), and a reinforcement-learning task has
a source of episodes as its data. None of them needs a change outside its own file.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from mapsto.recipe.options import Options
from mapsto.tasks._augmentations import suggested
from mapsto.tasks.losses.base import Loss

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from mapsto.data.encoders.base import Encoder, Spec
    from mapsto.data.prepare import Facts
    from mapsto.data.table import Table
    from mapsto.recipe.ranges import Range

Batch = Mapping[str, "Tensor"]
"""One tensor a stream, all with the same first axis; always `"inputs"` and, in training, `"targets"`.

`"weights"` is there where rows do not count alike in the loss (`training.balance`, `data.weight_column`).
"""

BOUND = "bound"
"""Where a task that is trained keeps its loss and what its targets are."""


class Task(Options):
    """One public class a file, named as the file is; its fields are the task's settings (`task.<field>`)."""

    title: ClassVar[str]
    """What a person calls it: `"image classification"`."""

    streams: ClassVar[Mapping[str, str]]
    """Encoder of each array in a batch, `"inputs"` first: `{"inputs": "image", "targets": "classes"}`."""

    models: ClassVar[tuple[str, ...]]
    """Model families that fit, the default first."""

    losses: ClassVar[tuple[str, ...]]
    """Losses that fit, the default first."""

    metrics: ClassVar[tuple[str, ...]]
    """Metrics that are reported; the first is the objective unless the recipe says otherwise."""

    data_defaults: ClassVar[Mapping[str, Any]] = {}
    """Values for leaves of `data` left `auto`, by dotted name: known before data are prepared, unlike `defaults`."""

    can_balance: ClassVar[bool] = False
    """Whether each row has one class: what `training.balance` needs."""

    def trained_by(self, loss: Loss, targets: Spec) -> Self:
        """The task with a loss and what its targets are, as `loss` and `predict` need them.

        Args:
            loss: the recipe's.
            targets: of the fitted encoder.
        """
        bound = self.model_copy()
        # Read in every step, where pydantic's own way to private attributes would take microseconds.
        bound.__dict__[BOUND] = loss, targets
        return bound

    @classmethod
    @abstractmethod
    def suits(cls, table: Table) -> float:
        """How well the task fits such a table, in [0, 1]; 0 where it cannot be done. The highest wins."""

    @abstractmethod
    def columns(self, table: Table) -> dict[str, tuple[str, ...]]:
        """The columns that each stream reads; what is named nowhere is not used, and the report says so.

        Raises:
            DataError: the table lacks what the task needs.
        """

    @abstractmethod
    def defaults(self, facts: Facts) -> dict[str, Any]:
        """Values for leaves left `auto`, by dotted name, that suit these data; the first trial uses them."""

    @abstractmethod
    def space(self, facts: Facts) -> dict[str, Range]:
        """Ranges that are searched when the user gave none, by dotted name."""

    def augmentations(self, facts: Facts) -> dict[str, Range]:
        """What `augment: auto` searches, by dotted name: what does not change what most inputs of the kind mean.

        - Images: shift, rotate, scale, color, mixup, each off or small; flips never, since digits, letters and many
          objects have a side. Without mixup where the answer is a mask.
        - Texts: word_dropout, word_swap.
        - Tables: feature_noise, feature_mask, mixup.
        - Recordings: spec_augment, time_stretch, noise.
        """
        return suggested(self.streams["inputs"], self.streams.get("targets", ""))

    @abstractmethod
    def num_outputs(self, specs: Mapping[str, Spec]) -> int:
        """Size of the network's last layer."""

    def forward(self, network: nn.Module, batch: Batch) -> Tensor:
        """Runs the network on a batch; its output goes to `loss` and `predict`."""
        return network(batch["inputs"])  # type: ignore[no-any-return]

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """The mean loss over the batch, a scalar that can be differentiated; rows count by `weights` if there are."""
        loss, targets = self._bound()
        return loss.mean(_wide(self.raw(outputs)), batch["targets"], batch.get("weights"), targets)

    def raw(self, outputs: Tensor) -> Tensor:
        """The network's outputs in the shape that losses take (see `mapsto.tasks.losses.base.Loss`)."""
        return outputs

    def linked(self, outputs: Tensor) -> Tensor:
        """The network's outputs as probabilities or values, by the loss's own link."""
        loss, targets = self._bound()
        return loss.link(_wide(self.raw(outputs)), targets)

    def _bound(self) -> tuple[Loss, Spec]:
        found: tuple[Loss, Spec] | None = self.__dict__.get(BOUND)
        if found is None:
            raise ValueError(f"The task {self.name} has no loss yet: `task.trained_by(recipe.loss, specs['targets'])`.")
        return found

    @abstractmethod
    def predict(self, outputs: Tensor) -> Tensor:
        """The network's outputs as predictions, one entry a row, still a tensor: probabilities, values, class ids."""

    def measured(self, predictions: NDArray[Any], targets: Encoder) -> NDArray[Any]:
        """Predictions as the metrics take them (see `mapsto.metrics.base.Metric`): in the target's own unit."""
        return predictions

    def truth(self, encoded: NDArray[Any], targets: Encoder) -> NDArray[Any]:
        """Stored targets as the metrics take them: class ids, values in their own unit, -1 where not scored."""
        return encoded

    @abstractmethod
    def answers(self, predictions: NDArray[Any], targets: Encoder) -> dict[str, NDArray[Any]]:
        """Predictions in the user's words, as named columns: `answer` (the class, the value), then details.

        Args:
            predictions: as the metrics take them, one a row.
            targets: the fitted encoder of the targets, which knows class names.
        """

    @abstractmethod
    def shown_truth(self, targets: NDArray[Any], encoder: Encoder) -> list[str]:
        """True targets, as the metrics take them, in the user's words: what stands beside an answer in a report."""

    def picture(self, values: NDArray[Any], targets: Encoder) -> NDArray[np.uint8] | None:
        """One prediction, or one truth, as colors `(3, height, width)` to look at; None where words say it all."""
        return None

    def colors(self, targets: Encoder) -> dict[str, str]:
        """What the colors of a picture mean: a name for each `#rrggbb`; empty where there are no pictures."""
        return {}

    def image(self, prediction: NDArray[Any], targets: Encoder) -> NDArray[np.uint8] | None:
        """One prediction as an image file holds it, `(height, width)` in the user's own values; None if it is none."""
        return None

    @abstractmethod
    def badness(self, predictions: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
        """How wrong each row is, higher is worse: picks the worst errors that a report shows."""


def _wide(outputs: Tensor) -> Tensor:
    """Half-precision outputs as float32: exponentials and sums over many rows need its digits."""
    return outputs.float() if outputs.dtype.itemsize < 4 else outputs
