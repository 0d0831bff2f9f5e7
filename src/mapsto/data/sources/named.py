"""Sets that have a name: digits, which comes with scikit-learn, and others that are looked for on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mapsto.data.download import fetch
from mapsto.data.sources import _arrays
from mapsto.data.sources._catalog import SETS
from mapsto.data.sources.base import NamedSet, Source
from mapsto.errors import DataError
from mapsto.recipe.families import SOURCES
from mapsto.recipe.family import did_you_mean

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions

ROOT = "MAPSTO_DATA"
"""Environment variable with the folder in which named sets are looked for first."""


DOWNLOADED = Path("~/.cache/mapsto/data")
"""Where downloads go unless `data.root`, `--root` or the environment names another folder."""

_READERS = ("npz", "idx", "cifar", "imagenet", "webdataset", "audio", "texts", "csv", "images")
"""Sources that may read a named set; the first that accepts what is there does."""


class Named(Source):
    """A set by its name alone. A file or folder of the same name is meant by `./digits` or a `Path`."""

    reads: ClassVar[str] = f"the sets {', '.join(SETS)}"

    def accepts(self, source: Any) -> bool:
        return isinstance(source, str) and source in SETS

    def read(self, source: str, options: DataOptions, *, target_needed: bool) -> Table:
        known = SETS[source]
        if not known.places:
            return _digits(options, target_needed)
        path, looked = _find(source, options.root)
        if path is None:
            hint = f" `mapsto datasets --download {source}` fetches it." if known.downloads else ""
            raise DataError(
                f"The set {source} is not there. Looked for: {', '.join(looked)}. Put it into one of these places, or "
                f"set `data.root` or the environment variable {ROOT} to the folder that holds it.{hint}"
            )
        own = {key: value for key, value in known.options.items() if getattr(options, key) is None}
        readers: list[Source] = [SOURCES.get(name)() for name in _READERS]
        reader = next(reader for reader in readers if reader.accepts(path))
        table = reader.read(path, options.model_copy(update=own), target_needed=target_needed)
        return replace(table, name=source)


def datasets(root: str | None = None) -> list[NamedSet]:
    """Every named set, and whether it is there.

    Args:
        root: a folder to look in first.

    Example:
        >>> [found.name for found in datasets() if found.is_present][:1]
        ['digits']
    """
    found = []
    for name, known in SETS.items():
        path, looked = _find(name, root)
        found.append(NamedSet(name, known.description, known.rows, path, path is not None or not known.places, looked))
    return found


def download(name: str, root: str | None = None) -> Path:
    """Fetches a named set from where its authors offer it, and returns the folder of named sets that it is in.

    Args:
        name: of the set.
        root: the folder; None is that of the environment, or `DOWNLOADED`.

    Raises:
        DataError: there is no such set, it cannot be downloaded, or what came is not what it should be.
    """
    if name not in SETS:
        raise DataError(f'No set is called "{name}".{did_you_mean(name, SETS)} Sets: {", ".join(SETS)}.')
    files = SETS[name].downloads
    if not files:
        free = ", ".join(known for known, entry in SETS.items() if entry.downloads)
        raise DataError(f"The set {name} cannot be downloaded by mapsto; these can: {free}.")
    folder = Path(root or os.environ.get(ROOT) or DOWNLOADED).expanduser()
    for file in files:
        fetch(file, folder)
    return folder


def _roots(root: str | None) -> Iterator[Path]:
    for named in (root, os.environ.get(ROOT)):
        if named:
            yield Path(named).expanduser()
    yield DOWNLOADED.expanduser()


def _find(name: str, root: str | None) -> tuple[Path | None, tuple[str, ...]]:
    """Where the set lies, if it does, and all places where it may lie."""
    places = list(dict.fromkeys(folder / place for folder in _roots(root) for place in SETS[name].places))
    there = next((place for place in places if place.exists()), None)
    return there, tuple(str(place) for place in places)


def _digits(options: DataOptions, target_needed: bool) -> Table:
    from sklearn.datasets import load_digits  # a second to import, needed by this set alone

    images, classes = load_digits(return_X_y=True)
    pixels = np.rint(images.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)  # 17 shades, 0 to 16
    return _arrays.to_table(
        _arrays.Arrays(pixels, classes), name="digits", options=options, target_needed=target_needed
    )
