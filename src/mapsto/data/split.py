"""Rows to train, validation and test parts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mapsto._messages import Message, say
from mapsto.data.encoders._columns import column, counted
from mapsto.data.splitters.base import Rows, Splitter
from mapsto.data.table import PARTS, Note, Part, Table
from mapsto.errors import DataError, RecipeError
from mapsto.recipe.families import SPLITTERS
from mapsto.recipe.schema import DataOptions

ENOUGH = 20
"""From this many rows on, no part that is drawn has fewer than two."""

COLUMNS = {
    "group_column": say("says which rows belong together"),
    "time_column": say("says when a row was measured"),
    "weight_column": say("says how much a row counts in the training loss"),
}
"""Settings that name a column which decides about rows, and is no input."""


def split(table: Table, strata: Rows | None, options: DataOptions, seed: int) -> tuple[dict[Part, Rows], list[Note]]:
    """Divides the rows into parts: seeded, the same on every machine.

    Parts that the source gives are kept as they are. Of the others, test and then validation rows are drawn from
    what is given as training, or as nothing; what remains is training. With `data.num_folds`, all rows outside of the
    test part are divided into folds, and fold `data.fold` is the validation part.

    Args:
        table: only its length, its `given_parts` and the columns that the splitter names are looked at.
        strata: what parts shall hold in equal shares, see `mapsto.data.splitters.base.Splitter`.
        options: which splitter, shares of the rows that parts are drawn from, folds.
        seed: decides which rows; from the same seed come the same rows.

    Returns:
        Ascending row numbers of each part, and what is to be said about them.

    Raises:
        DataError: a part would have no row.
        RecipeError: settings do not fit each other.
    """
    check(options)
    splitter: Splitter = SPLITTERS.get(options.split)(table, strata, options, np.random.PCG64(seed))
    usable = splitter.placeable()
    given = np.full(len(table), "") if table.given_parts is None else table.given_parts
    parts: dict[Part, Rows] = {part: np.flatnonzero((given == part) & usable).astype(np.int64) for part in PARTS}
    is_free = (given == "train") | (given == "") | ((given == "validation") & (options.num_folds > 0))
    rest = np.flatnonzero(is_free & usable).astype(np.int64)
    if options.num_folds:
        parts["validation"] = rest[:0]
    wanted: tuple[Part, ...] = ("test", "validation") if options.test_share else ("validation",)
    missing = [part for part in wanted if not len(parts[part])]
    _check_rows(table, parts, rest, len(missing))
    size = len(rest)
    for place, part in enumerate(missing):
        if part == "validation" and options.num_folds:
            rest, parts[part] = splitter.folds(rest, options.num_folds)[options.fold]
            continue
        least = 2 if size >= ENOUGH else 1
        share = options.test_share if part == "test" else options.validation_share
        keep = len(missing) - place  # parts that are still to come, training among them
        total = min(max(least, round(share * size)), len(rest) - keep)
        # The folds that follow a test part need as many groups, or times.
        further = options.num_folds + (options.split == "time") if options.num_folds else keep
        parts[part], rest = splitter.hold_out(rest, total, max(keep, min(further, len(rest) - total)))
    parts = {part: np.sort(rows) for part, rows in (parts | {"train": rest}).items()}
    return parts, [*splitter.notes({str(part): rows for part, rows in parts.items()}), *_notes(parts, options)]


def check(options: DataOptions) -> None:
    """Refuses settings of the split that do not fit each other.

    Raises:
        RecipeError: the message names them.
    """
    splitter = SPLITTERS.get(options.split)
    for name in splitter.needs:
        if getattr(options, name) is None:
            raise RecipeError(f"`data.split: {options.split}` needs `data.{name}`, the name of a column.")
    for name in ("group_column", "time_column", "gap"):
        if getattr(options, name) and name not in (*splitter.needs, *splitter.takes):
            fits = [other for other in SPLITTERS.names() if name in _settings_of(other)]
            raise RecipeError(
                f"`data.{name}` is given, but `data.split: {options.split}` does not look at it. Set `data.split` to "
                f"{' or '.join(fits)}, or leave it out."
            )
    if options.num_folds == 1:
        raise RecipeError("`data.num_folds` must be 0 (no folds) or at least 2. Received: 1.")
    if options.fold >= max(1, options.num_folds):
        raise RecipeError(
            f"`data.fold` counts from 0 and must be below `data.num_folds` ({options.num_folds}). "
            f"Received: {options.fold}."
        )


def set_aside(table: Table, options: DataOptions) -> Table:
    """The table with the columns that decide about rows as no inputs, each said in a note.

    Raises:
        RecipeError: one of them is the target.
    """
    for setting in COLUMNS:
        name = getattr(options, setting)
        if name is None or name not in table.columns or table.columns[name].kind == "ignore":
            continue
        if name == table.target:
            raise RecipeError(f'`data.{setting}` names "{name}", which is the target. Name another column.')
        columns = {**table.columns, name: replace(table.columns[name], kind="ignore")}
        note = Note("info", _aside(name, setting), name)
        table = replace(table, columns=columns, notes=(*table.notes, note))
    return table


def _aside(name: str, setting: str) -> Message:
    return say('"{name}" {meaning} (`data.{setting}`) and is not an input.', name=name, meaning=COLUMNS[setting],
               setting=setting)  # fmt: skip


def check_columns(table: Table, options: DataOptions) -> None:
    """Refuses names of columns that the table does not have.

    Raises:
        DataError: the message names the nearest one.
    """
    for setting in COLUMNS:
        if getattr(options, setting) is not None:
            column(table, getattr(options, setting))


def _settings_of(name: str) -> tuple[str, ...]:
    splitter = SPLITTERS.get(name)
    return (*splitter.needs, *splitter.takes)


def _notes(parts: dict[Part, NDArray[np.int64]], options: DataOptions) -> list[Note]:
    if not options.num_folds:
        return []
    return [
        Note(
            "info",
            say(
                "Fold {fold} of {folds} (counted from 0): {validate:,} rows validate, {train:,} train; the test part "
                "is in no fold.",
                fold=options.fold,
                folds=options.num_folds,
                validate=len(parts["validation"]),
                train=len(parts["train"]),
            ),
        )
    ]


def _check_rows(table: Table, parts: dict[Part, Rows], pool: Rows, num_missing: int) -> None:
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
