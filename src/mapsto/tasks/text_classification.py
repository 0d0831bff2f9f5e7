"""One class a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto.recipe.ranges import Choice, Log, Range, Uniform
from mapsto.tasks._classification import Classification, has_classes, only, target_of

if TYPE_CHECKING:
    from mapsto.data.prepare import Facts
    from mapsto.data.table import Table


MANY_COLUMNS = 4
"""Numbers and categories beside a text from which on the table's own tasks suit better."""


SHORT = 80
"""Tokens of the longest text up to which pairs of words are seen too seldom to be learned: single ones did better."""


class TextClassification(Classification):
    """Texts to exclusive classes (sentiment, topic), by learned vectors of words and of word pairs.

    Reads the first column of text; other columns are not used.

    Example:
        >>> TextClassification().streams["inputs"]
        'tokens'
    """

    title: ClassVar[str] = "text classification"
    streams: ClassVar[Mapping[str, str]] = {"inputs": "tokens", "targets": "classes"}
    models: ClassVar[tuple[str, ...]] = ("bag", "rnn", "transformer")

    @classmethod
    def suits(cls, table: Table) -> float:
        if not table.of_kind("text") or not has_classes(table):
            return 0.0
        # A remark beside many numbers is a small part of what is known; a date beside a review is not.
        return 0.4 if len(table.of_kind("numeric", "category", "date")) >= MANY_COLUMNS else 0.8

    def columns(self, table: Table) -> dict[str, tuple[str, ...]]:
        return {"inputs": only(table, "text", self.title), "targets": target_of(table)}

    def defaults(self, facts: Facts) -> dict[str, Any]:
        pairs = facts.input_shape[0] > SHORT
        return {
            "model.name": "bag",
            "model.ngrams": 2 if pairs else 1,
            "model.dropout": 0.3,
            "augment.word_dropout": 0.2,
            "optimizer.name": "adamw",
            "optimizer.learning_rate": 1e-2 if pairs else 5e-3,
            "optimizer.weight_decay": 0.1,
            "schedule.name": "one_cycle",
            "training.batch_size": 64,
            "training.max_epochs": 5,
            "training.patience": 3,
        }

    def space(self, facts: Facts) -> dict[str, Range]:
        return {
            "optimizer.learning_rate": Log(1e-3, 2e-2),
            "optimizer.weight_decay": Log(1e-3, 1.0),
            "model.ngrams": Choice(1, 2, 3),
            "model.embed_dim": Choice(32, 64, 128),
            "model.dropout": Uniform(0.1, 0.6),
            "augment.word_dropout": Uniform(0.0, 0.5),
        }
