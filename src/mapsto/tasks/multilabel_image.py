"""Several labels an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from mapsto.tasks._multilabel import Multilabel
from mapsto.tasks.image_classification import ImageClassification


class MultilabelImage(Multilabel, ImageClassification):
    """Images to any number of labels (what is seen in them), by a convolutional network.

    Example:
        >>> MultilabelImage().streams["targets"]
        'labels'
    """

    title: ClassVar[str] = "multi-label image classification"
    streams: ClassVar[Mapping[str, str]] = {"inputs": "image", "targets": "labels"}
