"""Images in IDX files, the format of MNIST (http://yann.lecun.com/exdb/mnist).

A file starts with two zero bytes, a byte for the type of its numbers and one for the number of axes, then the length
of each axis as four bytes, highest first, then the numbers.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto.data.sources import _arrays
from mapsto.data.sources.base import Source
from mapsto.errors import DataError

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions

MAX_BYTES = 8 * 2**30
_UNSIGNED_BYTES = 0x08
_FOLDERS = (".", "raw", "MNIST/raw")  # torchvision puts them into the last


class IDX(Source):
    """A folder with `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and, for the test part, `t10k-...`.

    The files may be compressed (`.gz`), and called `train-images.idx3-ubyte`.
    """

    reads: ClassVar[str] = "IDX (a folder with train-images-idx3-ubyte and so on)"

    def accepts(self, source: Any) -> bool:
        return isinstance(source, Path) and source.is_dir() and _find(source, "train", "images", 3) is not None

    def read(self, source: Path, options: DataOptions, *, target_needed: bool) -> Table:
        files: list[Path] = []
        arrays: dict[str, NDArray[Any]] = {}
        for part, word in (("train", "train"), ("t10k", "test"), ("test", "test")):
            images, labels = _find(source, part, "images", 3), _find(source, part, "labels", 1)
            if images is None or f"x_{word}" in arrays:
                continue
            if labels is None:
                raise DataError(f"{source} has {images.name}, but no {part}-labels-idx1-ubyte.")
            files += [images, labels]
            arrays |= {f"x_{word}": _read(images, 3), f"y_{word}": _read(labels, 1)}
            if len(arrays[f"x_{word}"]) != len(arrays[f"y_{word}"]):
                counts = f"{len(arrays[f'x_{word}']):,} images, but {len(arrays[f'y_{word}']):,} labels"
                raise DataError(f"{images} and {labels.name} do not belong together: {counts}.")
        found = _arrays.find(arrays, source.name)
        assert found is not None  # `accepts` saw the training images
        digest = _arrays.digest_of(files)
        return _arrays.to_table(found, name=source.name, options=options, target_needed=target_needed, digest=digest)


def _find(folder: Path, part: str, what: str, axes: int) -> Path | None:
    for below in _FOLDERS:
        for separator in ("-", "."):
            for suffix in ("", ".gz"):
                path = folder / below / f"{part}-{what}{separator}idx{axes}-ubyte{suffix}"
                if path.is_file():
                    return path
    return None


def _read(path: Path, axes: int) -> NDArray[np.uint8]:
    """The bytes in one file, shape as its header says."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            header = file.read(4 + 4 * axes)
            if len(header) < 4 + 4 * axes or header[:4] != bytes((0, 0, _UNSIGNED_BYTES, axes)):
                raise DataError(
                    f"{path} is not an IDX file of bytes with {axes} axes; its first bytes are {header[:4].hex()}."
                )
            shape = struct.unpack(f">{axes}I", header[4:])
            size = int(np.prod([int(length) for length in shape], dtype=object))
            if size > MAX_BYTES:
                raise DataError(
                    f"{path} says that it holds {size / 2**30:,.0f} GiB, more than {MAX_BYTES // 2**30} GiB."
                )
            data = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}). It is probably not whole: fetch it again.") from error
    if len(data) != size:
        raise DataError(
            f"{path} must hold {size:,} bytes for shape {shape}, but holds {min(len(data), size + 1):,} or more."
        )
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)
