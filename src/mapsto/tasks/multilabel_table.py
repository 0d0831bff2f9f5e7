"""Several labels a row of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from mapsto.tasks._multilabel import Multilabel
from mapsto.tasks.tabular_classification import TabularClassification


class MultilabelTable(Multilabel, TabularClassification):
    """Numbers, categories and dates to any number of labels, by a dense network.

    Example:
        >>> MultilabelTable().streams["targets"]
        'labels'
    """

    title: ClassVar[str] = "multi-label tabular classification"
    streams: ClassVar[Mapping[str, str]] = {"inputs": "features", "targets": "labels"}
