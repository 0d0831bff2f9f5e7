"""Several labels a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from mapsto.tasks._multilabel import Multilabel
from mapsto.tasks.text_classification import TextClassification


class MultilabelText(Multilabel, TextClassification):
    """Texts to any number of labels (topics, genres), by a recurrent network over words.

    Example:
        >>> MultilabelText().streams["targets"]
        'labels'
    """

    title: ClassVar[str] = "multi-label text classification"
    streams: ClassVar[Mapping[str, str]] = {"inputs": "tokens", "targets": "labels"}
