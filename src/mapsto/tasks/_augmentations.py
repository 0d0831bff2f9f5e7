"""The augmentations that suit a kind of input, whatever the task."""

from __future__ import annotations

from mapsto.recipe.ranges import Choice, Range

_SUGGESTED: dict[str, dict[str, Range]] = {
    "image": {
        "augment.shift": Choice(0.0, 0.05, 0.1),
        "augment.rotate": Choice(0.0, 8.0, 15.0),
        "augment.scale": Choice(0.0, 0.1),
        "augment.color": Choice(0.0, 0.2),
        "augment.mixup": Choice(0.0, 0.2),
    },
    "tokens": {"augment.word_dropout": Choice(0.0, 0.1, 0.2), "augment.word_swap": Choice(0.0, 0.1)},
    "features": {
        "augment.feature_noise": Choice(0.0, 0.05, 0.1),
        "augment.feature_mask": Choice(0.0, 0.1),
        "augment.mixup": Choice(0.0, 0.2),
    },
    "spectrogram": {
        "augment.spec_augment": Choice(0.0, 0.1, 0.2),
        "augment.time_stretch": Choice(0.0, 0.1),
        "augment.noise": Choice(0.0, 0.1),
    },
}


def suggested(inputs: str, targets: str) -> dict[str, Range]:
    """The ranges that suit inputs and targets of these encoders, by dotted name; none for others."""
    found = dict(_SUGGESTED.get(inputs, {}))
    if targets == "masks":
        found.pop("augment.mixup", None)
    return found
