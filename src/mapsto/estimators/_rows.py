"""Rows of scikit-learn's form as mapsto reads them: weighted, in an order of their own, under names of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import check_array

from mapsto.data.cell_texts import MISSING, text_of

MOST_COPIES = 20
"""Whole weights are counts of rows up to so many times the rows; beyond, they weigh the loss as all others do."""

LEAST_DIFFERENT = 10
"""With fewer different rows, parts that hold whole groups of copies would be far from their shares."""

WEIGHT, COPIES = "sample weight", "copies of a row"


@dataclass(frozen=True)
class Rows:
    """A frame with its target, and the settings that its weights and its copies ask for, by dotted name."""

    frame: pd.DataFrame
    target: str
    settings: dict[str, Any]


def frame_of(X: Any) -> pd.DataFrame:
    """Validated inputs as a frame; arrays have columns x0, x1, ..., and numbers in arrays of objects are numbers.

    Raises:
        TypeError: an array holds objects that are neither numbers nor text.
    """
    if hasattr(X, "to_pandas"):
        X = X.to_pandas()
    if isinstance(X, pd.DataFrame):
        return X.reset_index(drop=True)
    array = np.asarray(X)
    frame = pd.DataFrame(array, columns=[f"x{place}" for place in range(array.shape[1])])
    if array.dtype != object:
        return frame
    if not all(cell is None or isinstance(cell, (str, bool, int, float, np.generic)) for cell in array.flat):
        check_array(array, dtype="numeric")  # says what is wrong with the objects
    return frame.infer_objects()


def rows_of(X: pd.DataFrame, y: NDArray[Any], weights: NDArray[np.float64] | None, *, seldom: bool) -> Rows:
    """The rows that a network learns from, in an order that depends on their content alone.

    A row of weight 0 is left out, and one of weight 3 stands three times: whole weights are counts, and fitting with
    them is the same as fitting on rows that are repeated. Other weights weigh the loss (`data.weight_column`).
    All copies of a row are trained on or all scored by, since a score on rows that were learned says nothing.

    Args:
        X: inputs.
        y: targets of shape `(rows,)`, numbers or text.
        weights: of shape `(rows,)`, 0 or more; None: all alike.
        seldom: whether targets are classes, of which every part is to have its share.
    """
    target = _free("target", X)
    frame = X.assign(**{target: y})
    settings: dict[str, Any] = {}
    if weights is not None:
        is_count = bool(np.all(weights == np.rint(weights))) and weights.sum() <= MOST_COPIES * len(weights)
        if is_count:
            frame = frame.loc[frame.index.repeat(weights.astype(np.int64))]
        elif len(np.unique(used := weights[weights > 0])) > 1:
            column = _free(WEIGHT, frame)
            frame = frame.loc[weights > 0].assign(**{column: used})
            settings["data.weight_column"] = column
        else:
            frame = frame.loc[weights > 0]
    keys = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    order = np.argsort(keys, kind="stable")
    frame, keys = frame.iloc[order].reset_index(drop=True), keys[order]
    different, copies = np.unique(keys, return_inverse=True)
    if LEAST_DIFFERENT <= len(different) < len(frame) and _are_copies(frame, len(different)):
        column = _free(COPIES, frame)
        frame = frame.assign(**{column: copies})
        settings |= {"data.group_column": column, "data.split": "stratified_group" if seldom else "group"}
    return Rows(frame, target, settings)


def _are_copies(frame: pd.DataFrame, different: int) -> bool:
    """Whether rows that are alike are copies: columns whose values were independent would make no pair by chance.

    Of n rows, n²/2 pairs are alike with a chance of one in the number of possible rows each (the birthday problem).
    """
    possible = sum(math.log(max(1, frame[name].nunique())) for name in frame.columns)
    return possible > 2 * math.log(different)


def class_names(classes: Sequence[Any]) -> list[str]:
    """A text for each class: its own where texts tell all classes apart and none reads as a missing value."""
    texts = [text_of(value) for value in classes]
    return texts if len({*texts} - MISSING) == len(texts) else [f"class {place}" for place in range(len(texts))]


def _free(name: str, frame: pd.DataFrame) -> str:
    taken = {str(column) for column in frame.columns}
    while name in taken:
        name += "_"
    return name
