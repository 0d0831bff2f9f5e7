"""A quick matrix of numbers from any table, for the checks that train a model of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto.data.audit._coded import codes
from mapsto.data.audit._pictures import thumbnails
from mapsto.data.audit._subject import SEED, Rows, Subject

MOST_COLUMNS = 300
_WORDS = 2**14
_TEXT_PARTS, _PICTURE_PARTS = 100, 60


def is_dense(subject: Subject) -> bool:
    """Whether images or texts are what there is to learn from."""
    return bool(subject.columns("image", "text"))


def plain(subject: Subject, rows: Rows) -> NDArray[np.float64]:
    """Numbers as they are, NaN for missing, and levels by how frequent they are, of shape `(rows, columns)`."""
    columns = [c for c in subject.columns("numeric", "category") if c.values.ndim == 1]
    columns = [c for c in columns if c.name not in subject.identifiers]
    if len(columns) > MOST_COLUMNS:
        places = np.linspace(0, len(columns) - 1, MOST_COLUMNS).astype(int)
        columns = [columns[place] for place in places]
    found = np.zeros((len(rows), len(columns)))
    for place, column in enumerate(columns):
        values = column.values[rows]
        if values.dtype.kind in "fiub":
            found[:, place] = np.where(np.isfinite(values), np.clip(values, -1e30, 1e30), np.nan)
        else:
            coded = codes(values)
            order = np.argsort(np.argsort(-np.bincount(coded), kind="stable"))
            found[:, place] = order[coded]
    return found


def matrix(subject: Subject, rows: Rows) -> NDArray[np.float64]:
    """Everything as finite numbers of mean 0 and deviation 1: plain columns, texts and thumbnails by their principal
    components.
    """
    parts: list[NDArray[np.float64]] = []
    numbers = plain(subject, rows)
    if numbers.size:
        with np.errstate(all="ignore"):
            middle = np.nan_to_num(pd.DataFrame(numbers).median().to_numpy())
        parts.append(np.where(np.isnan(numbers), middle, numbers))
    parts += [_texts(column.values[rows]) for column in subject.columns("text")]
    parts += [_pixels(subject, column.name, rows) for column in subject.columns("image")]
    if not parts:
        return np.zeros((len(rows), 0))
    joined = np.concatenate(parts, axis=1)
    spread = joined.std(axis=0)
    useful = spread > 0
    return np.asarray((joined[:, useful] - joined[:, useful].mean(axis=0)) / spread[useful])


def _texts(values: NDArray[Any]) -> NDArray[np.float64]:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

    texts = ["" if value is None else str(value)[:2000] for value in values]
    letters = any(ord(letter) > 0x2E80 for text in texts[:100] for letter in text)
    split: dict[str, Any] = {"analyzer": "char", "ngram_range": (1, 2)} if letters else {"ngram_range": (1, 2)}
    counted = HashingVectorizer(n_features=_WORDS, alternate_sign=False, norm=None, **split).transform(texts)
    if not counted.nnz:
        return np.zeros((len(texts), 0))
    weighted = TfidfTransformer(sublinear_tf=True).fit_transform(counted)
    parts = min(_TEXT_PARTS, len(texts) - 1)
    found = TruncatedSVD(parts, n_iter=2, random_state=SEED).fit_transform(weighted)
    return np.asarray(found, dtype=np.float64)


def _pixels(subject: Subject, name: str, rows: Rows) -> NDArray[np.float64]:
    from sklearn.decomposition import PCA

    column = subject.table.columns[name]
    if column.values.dtype != object and np.prod(column.values.shape[1:]) <= 1024:
        flat = column.values[rows].reshape(len(rows), -1).astype(np.float64)
    else:
        small = thumbnails(subject, column)
        if not len(small.rows):
            return np.zeros((len(rows), 0))
        places = np.searchsorted(small.rows, rows).clip(0, len(small.rows) - 1)
        known = small.rows[places] == rows
        flat = np.where(known[:, None], small.color[places].reshape(len(rows), -1), 0).astype(np.float64)
    parts = min(_PICTURE_PARTS, *flat.shape)
    return np.asarray(PCA(parts, svd_solver="randomized", random_state=SEED).fit_transform(flat))
