"""Rows to train, validation and test parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapsto.data.encoders._columns import counted
from mapsto.data.table import PARTS, Part, Table
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions

ENOUGH = 20
"""From this many rows on, no part that is drawn has fewer than two."""

Rows = NDArray[np.int64]


def split(table: Table, strata: Rows | None, options: DataOptions, seed: int) -> dict[Part, Rows]:
    """Divides the rows into parts: seeded, the same on every machine, with the same share of each group in each part.

    Parts that the source gives are kept as they are. Of the others, test and then validation rows are drawn from
    what is given as training, or as nothing; what remains is training. A group of one row goes to training.

    Args:
        table: only its length and `given_parts` are looked at.
        strata: the group of each row, from 0 on; None where any row will do.
        options: `validation_share` and `test_share`, shares of the rows that parts are drawn from.
        seed: decides which rows; from the same seed come the same rows.

    Returns:
        Ascending row numbers of each part.

    Raises:
        DataError: a part would have no row.
    """
    given = np.full(len(table), "") if table.given_parts is None else table.given_parts
    parts: dict[Part, Rows] = {part: np.flatnonzero(given == part).astype(np.int64) for part in PARTS}
    pool = np.flatnonzero((given == "train") | (given == "")).astype(np.int64)
    shares: list[tuple[Part, float]] = [("test", options.test_share), ("validation", options.validation_share)]
    missing = [(part, share) for part, share in shares if not len(parts[part])]
    _check(table, parts, pool, len(missing))
    groups = np.zeros(len(table), dtype=np.int64) if strata is None else strata
    rng = np.random.Generator(np.random.PCG64(seed))
    size, rest = len(pool), pool
    for place, (part, share) in enumerate(missing):
        least = 2 if size >= ENOUGH else 1
        most = len(rest) - (len(missing) - place)  # one row for each part that is still to come, training among them
        drawn = _draw(groups[rest], min(max(least, round(share * size)), most), rng)
        parts[part], rest = rest[drawn], rest[~drawn]
    return {"train": rest, "validation": parts["validation"], "test": parts["test"]}


def _check(table: Table, parts: dict[Part, Rows], pool: Rows, num_missing: int) -> None:
    if len(pool) > num_missing:
        return
    given = [f"{counted(len(rows), 'row')} for {part}" for part, rows in parts.items() if len(rows)]
    if not given:
        raise DataError(
            f"{table.name} has {counted(len(table), 'row')} that can be used; at least {num_missing + 1} are needed, "
            f"one each for training, validation and test, and a useful result needs hundreds. Add rows."
        )
    raise DataError(
        f"{table.name} gives {' and '.join(given)}; at least {num_missing + 1} outside of validation and test are "
        f"needed, one for training and one for each part that is not given. Add training rows, or leave the column "
        f"or the folders out that name the parts."
    )


def _draw(groups: Rows, total: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Marks `total` rows, of each group its share, by the method of the largest remainder."""
    _, groups, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    quotas = _quotas(sizes, total)
    # Shuffled, then brought together by group: the first rows of each group are drawn.
    order = rng.permutation(len(groups))
    order = order[np.argsort(groups[order], kind="stable")]
    starts = np.cumsum(sizes) - sizes
    rank = np.arange(len(groups)) - np.repeat(starts, sizes)
    drawn = np.zeros(len(groups), dtype=np.bool_)
    drawn[order[rank < np.repeat(quotas, sizes)]] = True
    return drawn


def _quotas(sizes: Rows, total: int) -> Rows:
    """How many rows of each group are drawn, `total` in all; each group keeps one row as long as that is possible."""
    exact = sizes * (total / sizes.sum())
    most = np.maximum(sizes - 1, 0)
    quotas = np.minimum(np.floor(exact).astype(np.int64), most)
    for limit in (most, sizes):
        while quotas.sum() < total and (quotas < limit).any():
            remainders = np.where(quotas < limit, exact - quotas, -np.inf)
            # Ties go to the first groups; a stable sort, so that every machine agrees.
            largest = np.argsort(-remainders, kind="stable")[: total - int(quotas.sum())]
            quotas[[group for group in largest if quotas[group] < limit[group]]] += 1
    return np.asarray(quotas, dtype=np.int64)
