"""One class a recording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto.recipe.ranges import Choice, Log, Range, Uniform
from mapsto.tasks._classification import Classification, has_classes, only, target_of

if TYPE_CHECKING:
    from mapsto.data.prepare import Facts
    from mapsto.data.table import Table


class AudioClassification(Classification):
    """Recordings to exclusive classes (keywords, sounds, speakers), by a convolutional network on spectrograms.

    Example:
        >>> AudioClassification().streams["inputs"]
        'spectrogram'
    """

    title: ClassVar[str] = "audio classification"
    streams: ClassVar[Mapping[str, str]] = {"inputs": "spectrogram", "targets": "classes"}
    models: ClassVar[tuple[str, ...]] = ("cnn", "resnet", "convnext", "vit", "timm", "mlp")

    @classmethod
    def suits(cls, table: Table) -> float:
        return 0.9 if table.of_kind("audio") and has_classes(table) else 0.0

    def columns(self, table: Table) -> dict[str, tuple[str, ...]]:
        return {"inputs": only(table, "audio", self.title), "targets": target_of(table)}

    def defaults(self, facts: Facts) -> dict[str, Any]:
        rows = facts.part_counts["train"]
        # About 60,000 recordings are seen, in 8 to 30 epochs: small sets need many passes, large ones few.
        epochs = max(8, min(30, round(60_000 / rows)))
        side = min(facts.input_shape[-2:])
        return {
            "model.name": "cnn",
            "model.channels": 16,
            "model.num_blocks": max(1, min(4, side.bit_length() - 3)),
            "model.normalization": "batch",
            "model.head": "flatten",  # which keeps where on the scale of frequencies something is
            "model.dropout": 0.2,
            "optimizer.name": "adamw",
            "optimizer.learning_rate": 3e-3,
            "schedule.name": "one_cycle",
            "training.batch_size": 32 if rows < 5_000 else 128,
            "training.max_epochs": epochs,
            "training.patience": max(6, epochs // 2),
        }

    def space(self, facts: Facts) -> dict[str, Range]:
        return {
            "optimizer.learning_rate": Log(5e-4, 2e-2),
            "optimizer.weight_decay": Log(1e-4, 1e-1),
            "model.channels": Choice(8, 16, 32),
            "model.head": Choice("average", "flatten"),
            "model.dropout": Uniform(0.0, 0.5),
            "loss.label_smoothing": Choice(0.0, 0.1),
        }
