"""One class an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto.recipe.ranges import Choice, Log, Range, Uniform
from mapsto.tasks._classification import Classification, has_classes, only, target_of

if TYPE_CHECKING:
    from mapsto.data.prepare import Facts
    from mapsto.data.table import Table


FEW = 5_000
"""Training images below which each step has a small batch, and images are shifted a little."""


class ImageClassification(Classification):
    """Images to exclusive classes, by a convolutional network.

    Example:
        >>> ImageClassification().models
        ('cnn', 'resnet', 'convnext', 'vit', 'timm', 'mlp')
    """

    title: ClassVar[str] = "image classification"
    streams: ClassVar[Mapping[str, str]] = {"inputs": "image", "targets": "classes"}
    models: ClassVar[tuple[str, ...]] = ("cnn", "resnet", "convnext", "vit", "timm", "mlp")

    @classmethod
    def suits(cls, table: Table) -> float:
        return 0.9 if table.of_kind("image") and has_classes(table) else 0.0

    def columns(self, table: Table) -> dict[str, tuple[str, ...]]:
        return {"inputs": only(table, "image", self.title), "targets": target_of(table)}

    def defaults(self, facts: Facts) -> dict[str, Any]:
        rows = facts.part_counts["train"]
        # Small sets need many passes, large ones few: about 300,000 images are seen, in 8 to 20 epochs.
        epochs = max(8, min(20, round(300_000 / rows)))
        return {
            # Few images are seen many times, and better never twice the same; of many, a step learns more unchanged.
            "augment.shift": 0.06 if rows < FEW else 0.0,
            "model.name": "cnn",
            "model.num_blocks": 2 if min(facts.input_shape[-2:]) <= 32 else 3,
            "model.normalization": "batch",
            "model.dropout": 0.25,
            "optimizer.name": "adamw",
            "optimizer.learning_rate": 2e-3,
            "schedule.name": "one_cycle",
            "training.batch_size": 32 if rows < FEW else 128,
            "training.max_epochs": epochs,
            "training.patience": max(4, epochs // 2),
        }

    def space(self, facts: Facts) -> dict[str, Range]:
        return {
            "optimizer.learning_rate": Log(3e-4, 2e-2),
            "optimizer.weight_decay": Log(1e-4, 1e-1),
            "model.channels": Choice(16, 32, 64),
            "model.hidden_dim": Choice(0, 128),
            "model.dropout": Uniform(0.0, 0.5),
            "loss.label_smoothing": Choice(0.0, 0.1),
            "augment.shift": Choice(0.0, 0.06),
            "augment.rotate": Choice(0.0, 8.0),
        }
