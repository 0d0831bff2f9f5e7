"""Answers that are images (masks), as one PNG file a row."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mapsto import _files
from mapsto.data.encoders._pixels import at, resized
from mapsto.data.images import png
from mapsto.errors import RunError

if TYPE_CHECKING:
    from mapsto.data.encoders.base import Encoder
    from mapsto.data.table import Table
    from mapsto.tasks.base import Task


def write_images(table: Table, predictions: NDArray[Any], task: Task, targets: Encoder, folder: Path) -> list[str]:
    """Writes each prediction as large as its input was, in the values of the user's own masks.

    Args:
        table: the rows as they were read.
        predictions: one a row.
        task: says how a prediction becomes an image.
        targets: the fitted encoder of the targets.
        folder: new or empty.

    Returns:
        The files' paths in `folder`, one a row.

    Raises:
        RunError: the answers are no images, or the folder holds something.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"{folder} is there and not empty. Give a new or an empty folder for the images.")
    inputs = table.of_kind("image")
    names = _file_names([str(name) for name in table.row_names])
    for row, name in enumerate(names):
        pixels = task.image(predictions[row], targets)
        if pixels is None:
            raise RunError(f"The answers in {task.title} are no images, so none can be written to {folder}.")
        whole = resized(pixels, at(inputs[0].values, row).shape[:2], smooth=False) if inputs else pixels
        with _files.writing(folder / name) as temporary:
            temporary.write_bytes(png(np.ascontiguousarray(whole)))
    return names


def _file_names(row_names: list[str]) -> list[str]:
    """Names of files for rows, which may be paths; none of them leads out of the folder, and no two are the same."""
    inside = [Path(*[part for part in Path(name).parts if part not in ("/", "..")]) for name in row_names]
    short = [path.with_suffix(".png") for path in inside]
    seen = Counter(short)
    return [
        (s if seen[s] == 1 else p.with_name(f"{p.name}.png")).as_posix() for s, p in zip(short, inside, strict=True)
    ]
