"""One class a pixel."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mapsto._imports import torch
from mapsto.errors import DataError
from mapsto.recipe.ranges import Choice, Log, Range, Uniform
from mapsto.tasks._classification import only, target_of
from mapsto.tasks.base import Task

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from mapsto.data.encoders.base import Encoder, Spec
    from mapsto.data.prepare import Facts
    from mapsto.data.table import Table

IGNORED = 255
"""What the masks encoder stores for pixels that are neither trained nor scored."""


def _palette(size: int) -> NDArray[np.uint8]:
    """Colors of so many classes, `(size, 3)`: hues a golden angle apart, so that neighbors differ most."""
    hues = (np.arange(size) * 0.618034) % 1.0
    values = np.where(np.arange(size) % 2, 0.65, 0.95)
    colors = [colorsys.hsv_to_rgb(hue, 0.6, value) for hue, value in zip(hues, values, strict=True)]
    return np.asarray(np.rint(np.asarray(colors) * 255), dtype=np.uint8)


class SemanticSegmentation(Task):
    """Images to masks of class ids, by a U-Net; void pixels are neither trained nor scored.

    Example:
        >>> SemanticSegmentation().metrics
        ('mean_iou', 'pixel_accuracy')
    """

    title: ClassVar[str] = "semantic segmentation"
    streams: ClassVar[Mapping[str, str]] = {"inputs": "image", "targets": "masks"}
    models: ClassVar[tuple[str, ...]] = ("unet",)
    losses: ClassVar[tuple[str, ...]] = ("cross_entropy", "dice", "lovasz", "focal")
    metrics: ClassVar[tuple[str, ...]] = ("mean_iou", "pixel_accuracy")

    @classmethod
    def suits(cls, table: Table) -> float:
        is_mask = table.target is not None and table.columns[table.target].kind == "mask"
        return 1.0 if is_mask and table.of_kind("image") else 0.0

    def columns(self, table: Table) -> dict[str, tuple[str, ...]]:
        images, targets = only(table, "image", self.title), target_of(table)
        if (kind := table.columns[targets[0]].kind) != "mask":
            raise DataError(
                f'{self.title} needs a target of kind mask, and "{targets[0]}" of {table.name} is of kind {kind}. Name '
                f"another with `--target`, or choose another task with `--task`."
            )
        return {"inputs": images, "targets": targets}

    def defaults(self, facts: Facts) -> dict[str, Any]:
        return {
            "model.name": "unet",
            "optimizer.name": "adamw",
            "optimizer.learning_rate": 4e-3,
            "schedule.name": "one_cycle",
            "training.batch_size": 8,
            "training.max_epochs": max(15, min(60, round(10_000 / facts.part_counts["train"]))),
            "training.patience": 10,
        }

    def space(self, facts: Facts) -> dict[str, Range]:
        return {
            "optimizer.learning_rate": Log(5e-4, 2e-2),
            "optimizer.weight_decay": Log(1e-4, 1e-1),
            "model.channels": Choice(16, 24, 32),
            "model.dropout": Uniform(0.0, 0.4),
        }

    def num_outputs(self, specs: Mapping[str, Spec]) -> int:
        return len(specs["targets"].names)

    def predict(self, outputs: Tensor) -> Tensor:
        return outputs.argmax(dim=1).to(torch.uint8)

    def truth(self, encoded: NDArray[Any], targets: Encoder) -> NDArray[Any]:
        wide = encoded.astype(np.int16)
        wide[encoded == IGNORED] = -1
        return wide

    def answers(self, predictions: NDArray[Any], targets: Encoder) -> dict[str, NDArray[Any]]:
        """The classes in each image and the share of each; the masks themselves are the predictions."""
        names = targets.spec.names
        found = [", ".join(names[index] for index in np.unique(mask)) for mask in predictions]
        shares = {f"share({n})": (predictions == index).mean(axis=(1, 2)) for index, n in enumerate(names)}
        return {"answer": np.asarray(found, dtype=object), **shares}

    def shown_truth(self, targets: NDArray[Any], encoder: Encoder) -> list[str]:
        names = encoder.spec.names
        return [", ".join(names[index] for index in np.unique(mask[mask >= 0])) for mask in targets]

    def picture(self, values: NDArray[Any], targets: Encoder) -> NDArray[np.uint8]:
        """A mask in the colors of its classes; pixels that are not scored are black."""
        palette = np.vstack([_palette(len(targets.spec.names)), np.zeros(3, np.uint8)])
        return np.moveaxis(palette[values.astype(np.int16)], -1, 0)  # -1, not scored, is the last row

    def colors(self, targets: Encoder) -> dict[str, str]:
        names = targets.spec.names
        return {n: "#{:02x}{:02x}{:02x}".format(*color) for n, color in zip(names, _palette(len(names)), strict=True)}

    def image(self, prediction: NDArray[Any], targets: Encoder) -> NDArray[np.uint8]:
        """The predicted mask in the values that the user's own masks have."""
        return np.asarray(targets.decode(prediction), dtype=np.uint8)

    def badness(self, predictions: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
        scored = targets >= 0
        wrong = ((predictions != targets) & scored).sum(axis=(1, 2))
        return np.asarray(wrong / np.maximum(1, scored.sum(axis=(1, 2))), dtype=np.float64)
