"""Arrays in numpy's files."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto.data import fingerprint
from mapsto.data.sources import _arrays
from mapsto.data.sources.base import Source
from mapsto.errors import DataError

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions

MAX_BYTES = 64 * 2**30
"""Arrays that are larger together, uncompressed, are refused."""


class NPZ(Source):
    """An `.npz` file of arrays called x and y, or x_train, y_train, x_test, y_test; an `.npy` file of inputs alone.

    Also X for x, data and target, x_val, y_val, and train_images, train_labels and so on. Arrays of two axes are
    features, of three or four images, of text texts. Files with Python objects in them are refused: reading such a
    file can run what its author wrote into it.
    """

    reads: ClassVar[str] = "numpy (.npz, .npy)"

    def accepts(self, source: Any) -> bool:
        return isinstance(source, Path) and source.suffix.lower() in (".npz", ".npy")

    def read(self, source: Path, options: DataOptions, *, target_needed: bool) -> Table:
        arrays = _load(source)
        found = _arrays.find(arrays, source.name)
        if found is None and (len(arrays) != 1 or target_needed):
            held = ", ".join(f"{key} {array.shape}" for key, array in arrays.items()) or "nothing"
            raise DataError(
                f"{source} must hold arrays called x and y, or x_train, y_train, x_test, y_test (x_val, y_val). It "
                f"holds: {held}."
            )
        return _arrays.to_table(
            found or _arrays.Arrays(next(iter(arrays.values()))),
            name=source.name,
            options=options,
            target_needed=target_needed,
            digest=fingerprint.of_file(source),
        )


def _load(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of the file; that of an `.npy` file is called `x`."""
    if path.is_dir():
        raise DataError(f"{path} is a folder, not a file of numpy's.")
    if not path.stat().st_size:
        raise DataError(f"{path} is empty.")
    try:
        if path.suffix.lower() == ".npz":
            with zipfile.ZipFile(path) as archive:
                size = sum(member.file_size for member in archive.infolist())
            if size > MAX_BYTES:
                raise DataError(f"{path} holds {size / 2**30:,.0f} GiB of arrays, more than {MAX_BYTES // 2**30} GiB.")
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"x": loaded}
        with loaded:
            return {key: loaded[key] for key in loaded.files}
    except DataError:
        raise
    except Exception as error:  # numpy parses headers as Python, and a damaged one raises whatever that raises
        if "allow_pickle" in str(error):
            raise DataError(
                f"{path} holds Python objects, which are not loaded: such a file can run any program. Save text as "
                f"arrays of type str, and numbers as numbers."
            ) from error
        raise DataError(
            f"{path} cannot be read as numpy's file ({str(error).rstrip('.')}). If it was downloaded or copied, it is "
            f"probably not whole: fetch it again."
        ) from error
