"""Arrays to tables: what npz files, IDX files, named sets and objects in memory have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto._messages import say
from mapsto.data import fingerprint
from mapsto.data.frames import table_of
from mapsto.data.given_parts import PART_WORDS
from mapsto.data.table import Column, Kind, Note
from mapsto.errors import DataError

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions

WHOLE = (("x", "y"), ("X", "y"), ("data", "target"))
"""Names of inputs and targets in one piece."""

IN_PARTS = (("x_{}", "y_{}"), ("X_{}", "y_{}"), ("{}_images", "{}_labels"))
"""Names of inputs and targets with a word for the part."""

_CHANNELS = (1, 3, 4)
_VOID = 255


@dataclass(frozen=True)
class Arrays:
    """Inputs, targets if there are any, and the parts where the source has them apart.

    `inputs` has one row an example: features `(rows, features)`, images `(rows, height, width[, channels])` or with
    the channels first, or text `(rows,)`. `targets` are classes or values `(rows,)`, classes one-hot `(rows, classes)`,
    or masks `(rows, height, width)`. `names` are those of the features.
    """

    inputs: NDArray[Any]
    targets: Any = None
    given_parts: NDArray[np.str_] | None = None
    names: Sequence[str] | None = None


def find(arrays: Mapping[str, Any], where: str) -> Arrays | None:
    """Inputs and targets among named arrays, by the names that people use; None where there are no such names.

    Raises:
        DataError: a part has inputs but no targets, or the parts do not fit together.
    """
    for inputs, targets in IN_PARTS:
        words = [word for word in PART_WORDS if inputs.format(word) in arrays]
        if words:
            labelled = [word for word in words if targets.format(word) in arrays]
            if labelled and labelled != words:
                bare = next(word for word in words if word not in labelled)
                raise DataError(f"{where} has {inputs.format(bare)}, but no {targets.format(bare)}.")
            pieces = [np.asarray(arrays[inputs.format(word)]) for word in words]
            parts = np.repeat([PART_WORDS[word] for word in words], [len(np.atleast_1d(piece)) for piece in pieces])
            answers = [np.asarray(arrays[targets.format(word)]) for word in labelled]
            joined = _joined(answers, targets, words, where) if labelled else None
            return Arrays(_joined(pieces, inputs, words, where), joined, parts)
    for inputs, targets in WHOLE:
        if inputs in arrays and (targets in arrays or len(arrays) == 1):
            names = arrays.get("feature_names")
            return Arrays(np.asarray(arrays[inputs]), arrays.get(targets), names=None if names is None else list(names))
    return None


def to_table(
    arrays: Arrays,
    *,
    name: str,
    options: DataOptions,
    target_needed: bool,
    target: str = "target",
    digest: str | None = None,
) -> Table:
    """A table of features x0, x1, ..., or of one column called image or text, and a target.

    Raises:
        DataError: the shapes are those of no task, or do not fit together.
    """
    inputs = arrays.inputs
    if inputs.ndim == 0 or inputs.dtype.kind == "c":
        raise DataError(
            f"{name} holds neither features, images nor text. Received: {inputs.dtype} of shape {inputs.shape}."
        )
    ready: dict[str, Column] = {}
    notes: list[Note] = []
    frame, kinds = pd.DataFrame(index=pd.RangeIndex(len(inputs))), dict[str, Kind]()
    if inputs.ndim > 2:
        ready["image"] = Column("image", "image", images_of(inputs, name))
    elif inputs.ndim == 1 and _is_text(inputs):
        frame, kinds = pd.DataFrame({"text": _texts(inputs)}), {"text": "text"}
    else:
        frame = _features(inputs, arrays.names)
    if arrays.targets is not None:
        targets = _plain_targets(arrays.targets, len(inputs), name)
        if np.ndim(targets) == 3:
            values, notes = masks_of(np.asarray(targets), ready.get("image"), name)
            ready[target := "mask"] = Column("mask", "mask", values)
        else:
            target = free_name(target, frame.columns)
            frame[target] = targets
    return table_of(
        frame,
        name=name,
        options=options,
        target_needed=target_needed,
        target=target if arrays.targets is not None else None,
        ready=ready,
        kinds=kinds,
        given_parts=arrays.given_parts,
        digest=digest,
        notes=notes,
    )


def free_name(target: str, taken: Iterable[Any]) -> str:
    """The target's name, or another where a column of the inputs has it: a target without a name is called by us."""
    names = {str(name) for name in taken}
    return next(name for name in (target, "y", *(f"y{place}" for place in range(len(names)))) if name not in names)


def _joined(pieces: Sequence[NDArray[Any]], pattern: str, words: Sequence[str], where: str) -> NDArray[Any]:
    shapes = {piece.shape[1:] for piece in pieces}
    if len(shapes) > 1 or any(piece.ndim == 0 for piece in pieces):
        shown = ", ".join(f"{pattern.format(word)} {piece.shape}" for word, piece in zip(words, pieces, strict=True))
        raise DataError(
            f"The parts of {where} do not fit together: {shown}. Rows must have the same shape in all of them."
        )
    return np.concatenate(pieces)


def _features(inputs: NDArray[Any], names: Sequence[str] | None) -> pd.DataFrame:
    matrix = inputs[:, np.newaxis] if inputs.ndim == 1 else inputs
    if names is None or len(names) != matrix.shape[1]:
        names = [f"x{place}" for place in range(matrix.shape[1])]
    return pd.DataFrame(matrix, columns=pd.Index(list(names)))


def _is_text(inputs: NDArray[Any]) -> bool:
    return inputs.dtype.kind in "US" or (inputs.dtype == object and any(isinstance(value, str) for value in inputs))


def _texts(inputs: NDArray[Any]) -> NDArray[Any]:
    """Text as objects; bytes are read as UTF-8."""
    return (np.char.decode(inputs, "utf-8", "replace") if inputs.dtype.kind == "S" else inputs).astype(object)


def images_of(inputs: NDArray[Any], where: str) -> NDArray[Any]:
    """Images with the channels last, or without a channel axis where there is one only."""
    expected = "(rows, height, width), with 1, 3 or 4 channels as last or second axis, if any"
    if inputs.dtype.kind not in "buif":
        raise DataError(f"Images in {where} must be numbers. Received: {inputs.dtype}.")
    if inputs.ndim == 4:
        if inputs.shape[-1] not in _CHANNELS and inputs.shape[1] in _CHANNELS:
            inputs = np.moveaxis(inputs, 1, -1)  # as torch has them
        if inputs.shape[-1] not in _CHANNELS:
            raise DataError(f"Images in {where} must have shape {expected}. Received: {inputs.shape}.")
        inputs = inputs[..., 0] if inputs.shape[-1] == 1 else inputs
    elif inputs.ndim != 3:
        raise DataError(f"Images in {where} must have shape {expected}. Received: {inputs.shape}.")
    if 0 in inputs.shape[1:]:
        raise DataError(f"Images in {where} have no pixels. Received: {inputs.shape}.")
    return inputs


def _plain_targets(targets: Any, rows: int, where: str) -> Any:
    """One class or value a row, or masks of three axes; one-hot classes become class ids."""
    shape = np.shape(targets)
    if not shape or shape[0] != rows:
        count = f"{shape[0]:,}" if shape else "one"
        raise DataError(
            f"{where} has {rows:,} rows of inputs, but {count} of targets. Give one target a row, in the same order."
        )
    if len(shape) == 1:
        return targets.array if isinstance(targets, pd.Series) else targets  # declared categories stay such
    array = np.asarray(targets)
    if len(shape) == 2:
        return array[:, 0] if shape[1] == 1 else _class_ids(array, where)
    if len(shape) == 4 and 1 in (shape[1], shape[-1]):
        array = array[:, 0] if shape[1] == 1 else array[..., 0]
    if array.ndim != 3:
        raise DataError(f"{where} has targets of shape {shape}; masks have shape (rows, height, width).")
    return array


def _class_ids(array: NDArray[Any], where: str) -> NDArray[np.int64]:
    """Which place of each row has the single 1."""
    is_one_hot = array.dtype.kind in "buif" and ((array == 0) | (array == 1)).all() and (array.sum(axis=1) == 1).all()
    if not is_one_hot:
        raise DataError(
            f"{where} has {array.shape[1]} targets a row, of shape {array.shape}. One value or class a row is "
            f"predicted, or one class a pixel; classes may be one-hot (a single 1 a row)."
        )
    return np.asarray(array.argmax(axis=1), dtype=np.int64)


def masks_of(masks: NDArray[Any], images: Column | None, where: str) -> tuple[NDArray[np.uint8], list[Note]]:
    """Class ids as uint8; -1, which torch's users take for void, becomes 255."""
    if images is None or images.values.shape[1:3] != masks.shape[1:3]:
        shape = None if images is None else images.values.shape[1:3]
        raise DataError(
            f"Masks in {where} are {masks.shape[1:3]} pixels, but the images {shape}. They must have the same size."
        )
    void = masks == -1 if masks.dtype.kind in "if" else np.zeros(1, dtype=bool)
    plain = np.where(void, _VOID, masks) if void.any() else masks
    if plain.dtype.kind not in "buif" or (plain != np.clip(np.floor(plain), 0, 255)).any():
        raise DataError(
            f"Masks in {where} must hold whole numbers from 0 to 255, one class id a pixel. Received: {masks.dtype}."
        )
    if not void.any():
        return plain.astype(np.uint8), []
    message = say(
        "Mask values of -1 are stored as {void}. Set `data.ignore_class` to {void} if they mean void.", void=_VOID
    )
    return plain.astype(np.uint8), [Note("info", message, "mask")]


def digest_of(files: Sequence[Any]) -> str:
    """One fingerprint of several files."""
    return fingerprint.of_text(f"{file.name} {fingerprint.of_file(file)}" for file in files)
