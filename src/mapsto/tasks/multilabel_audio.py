"""Several labels a recording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from mapsto.tasks._multilabel import Multilabel
from mapsto.tasks.audio_classification import AudioClassification


class MultilabelAudio(Multilabel, AudioClassification):
    """Recordings to any number of labels (what is heard in them), by a convolutional network on spectrograms.

    Example:
        >>> MultilabelAudio().streams["targets"]
        'labels'
    """

    title: ClassVar[str] = "multi-label audio classification"
    streams: ClassVar[Mapping[str, str]] = {"inputs": "spectrogram", "targets": "labels"}
