"""Sets that have a name: digits, which comes with scikit-learn, and others that are looked for on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mapsto.data.sources import _arrays
from mapsto.data.sources.base import NamedSet, Source
from mapsto.errors import DataError
from mapsto.recipe.families import SOURCES

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions

ROOT = "MAPSTO_DATA"
"""Environment variable with the folder in which named sets are looked for first."""

DEFAULT_ROOT = Path("../shared/data")


@dataclass(frozen=True)
class _Known:
    """A named set: what it is, and the places below a root where it may lie; none for what scikit-learn brings."""

    description: str
    rows: int
    places: tuple[str, ...] = ()


_SETS = {
    "digits": _Known("handwritten digits, 8×8 gray pixels, 10 classes (comes with scikit-learn)", 1797),
    "mnist": _Known(
        "handwritten digits, 28×28 gray pixels, 10 classes",
        70_000,
        ("mnist/mnist.npz", "mnist.npz", "mnist", "MNIST/raw"),
    ),
    "cifar10": _Known(
        "photographs, 32×32 pixels in color, 10 classes", 60_000, ("cifar10/cifar10.zip", "cifar10.zip", "cifar10")
    ),
}


class Named(Source):
    """A set by its name alone. A file or folder of the same name is meant by `./digits` or a `Path`."""

    reads: ClassVar[str] = f"the sets {', '.join(_SETS)}"

    def accepts(self, source: Any) -> bool:
        return isinstance(source, str) and source in _SETS

    def read(self, source: str, options: DataOptions, *, target_needed: bool) -> Table:
        if not _SETS[source].places:
            return _digits(options, target_needed)
        path, looked = _find(source)
        if path is None:
            raise DataError(
                f"The set {source} is not there. Looked for: {', '.join(looked)}. Put it into one of these places, or "
                f"set the environment variable {ROOT} to the folder that holds it."
            )
        kind = next(name for name in ("npz", "idx", "images") if SOURCES.get(name)().accepts(path))
        table: Table = SOURCES.get(kind)().read(path, options, target_needed=target_needed)
        return replace(table, name=source)


def datasets() -> list[NamedSet]:
    """Every named set, and whether it is there.

    Example:
        >>> [found.name for found in datasets() if found.is_present][:1]
        ['digits']
    """
    found = []
    for name, known in _SETS.items():
        path, looked = _find(name)
        found.append(NamedSet(name, known.description, known.rows, path, path is not None or not known.places, looked))
    return found


def _roots() -> Iterator[Path]:
    if os.environ.get(ROOT):
        yield Path(os.environ[ROOT]).expanduser()
    yield DEFAULT_ROOT


def _find(name: str) -> tuple[Path | None, tuple[str, ...]]:
    """Where the set lies, if it does, and all places where it may lie."""
    places = [root / place for root in _roots() for place in _SETS[name].places]
    there = next((place for place in places if place.exists()), None)
    return there, tuple(str(place) for place in places)


def _digits(options: DataOptions, target_needed: bool) -> Table:
    from sklearn.datasets import load_digits  # a second to import, needed by this set alone

    images, classes = load_digits(return_X_y=True)
    pixels = np.rint(images.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)  # 17 shades, 0 to 16
    return _arrays.to_table(
        _arrays.Arrays(pixels, classes), name="digits", options=options, target_needed=target_needed
    )
