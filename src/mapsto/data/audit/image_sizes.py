"""Images of another size or shape than the rest."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto._messages import count, say
from mapsto.data.audit._pictures import thumbnails
from mapsto.data.audit._spread import z_scores
from mapsto.data.audit._subject import Subject
from mapsto.data.audit.base import Check, Finding
from mapsto.data.table import Kind

_TINY = 8
_FACTOR = 3.0


class ImageSizes(Check):
    """Finds images with a side under 8 pixels where others are larger, and images `_FACTOR` times as large, small, long
    or wide as most, if that is also far beyond how sizes differ in this set.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("image",)

    def run(self, subject: Subject) -> list[Finding]:
        found = []
        for column in self.within(subject.columns("image")):
            if column.values.dtype != object:
                continue  # an array has one size
            small = thumbnails(subject, column)
            sizes, rows = small.sizes[small.whole].astype(np.float64), small.rows[small.whole]
            if len(rows) < 20:
                continue
            sides = np.log(np.sqrt(sizes.prod(axis=1)))
            shapes = np.log(sizes[:, 0] / sizes[:, 1])
            odd = _far(sides) | _far(shapes) | ((sizes.min(axis=1) < _TINY) & (np.median(sizes) >= 2 * _TINY))
            if odd.any():
                usual = " × ".join(f"{side:.0f}" for side in np.median(sizes, axis=0))
                odd_rows = rows[odd]
                examples = tuple(
                    f"{subject.example(row)} ({h:.0f} × {w:.0f})"
                    for row, (h, w) in zip(odd_rows[:10], sizes[odd][:10], strict=True)
                )
                message = say(
                    "{images} of odd size or shape; the middle one is {usual} (height × width){sample}.",
                    images=count(len(odd_rows), "image"),
                    usual=usual,
                    sample=subject.said(small.rows),
                )
                action = say("Crop or remove them; all images are brought to one size.")
                found.append(
                    self.finding(subject, message, action, column=column.name, rows=odd_rows, examples=examples)
                )
        return found


def _far(values: NDArray[Any]) -> NDArray[Any]:
    away = np.abs(values - np.median(values)) > np.log(_FACTOR)
    scores = z_scores(values)
    flat = float(np.quantile(values, 0.95)) == float(np.quantile(values, 0.05))
    return np.asarray(away & ((np.abs(scores) > 6.0) | flat | (scores == 0)))
