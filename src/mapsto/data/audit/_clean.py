"""What of the findings is safe to mend without asking, done (`data.clean: auto`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto._messages import Message, count, listing, say
from mapsto.data.audit._subject import Rows, Subject, shown
from mapsto.data.audit.constant import Constant
from mapsto.data.audit.duplicates import OFTEN, across_training, by_chance, row_keys
from mapsto.data.audit.identifiers import Identifiers
from mapsto.data.audit.spellings import forms, level_counts, plain_form
from mapsto.data.stored import Words
from mapsto.data.table import Note, Part, Table

MOST_IMAGES = 20_000
"""More files are not read only to find equal ones."""

MORE_THAN_CHANCE = 10
"""Rows are removed where so many times more are repeated than chance explains; columns are seldom independent."""

Respelled = Mapping[str, Mapping[str, str]]
"""By column, each spelling that is read as another."""


def cleaned(table: Table) -> tuple[Table, Respelled]:
    """The table with every level in its plain form, and constant columns and identifiers put aside.

    Columns whose kind the user stated stay inputs, and so does the last input there is. Each change is a note. How an
    input's level is read depends on that level alone, so that no row decides how another is read; classes keep their
    names unless two of them have the same plain form.

    Returns:
        The table, and the spellings, which `respelled` applies to new data.
    """
    spellings: dict[str, Mapping[str, str]] = {}
    notes = []
    for column in table.columns.values():
        if column.kind != "category" or column.values.dtype != object:
            continue
        is_target = column.name == table.target
        # Of an input only levels that are not in their plain form matter; all of them may be too many for memory.
        counts = level_counts(column.values, only=None if is_target else _is_written_otherwise)
        same = forms(counts, shared=is_target)
        if same:
            spellings[column.name] = same
            message = say('"{column}": {forms} (`data.clean`).', column=column.name, forms=_shown(same))
            notes.append(Note("warning" if is_target else "info", message, column.name))
    table = respelled(table, spellings)
    subject = Subject(table)
    useless = {
        str(finding.column): finding.message
        for check in (Constant(np.inf), Identifiers(np.inf))
        for finding in check.run(subject)
        if finding.safe
    }
    columns = dict(table.columns)
    for name, why in useless.items():
        left = sum(column.kind != "ignore" for column in columns.values() if column.name != table.target)
        if columns[name].kind != "ignore" and columns[name].inferred and left > 1:
            columns[name] = replace(columns[name], kind="ignore")
            put = say('"{name}" is put aside (`data.clean`).', name=name)
            notes.append(Note("info", listing([put, why], " "), name))
    return replace(table, columns=columns, notes=(*table.notes, *notes)), spellings


def respelled(table: Table, spellings: Respelled) -> Table:
    """The table with the spellings applied to the columns that it has."""
    columns = {}
    for name, same in spellings.items():
        column = table.columns.get(name)
        if column is not None and column.values.dtype == object and same:
            values: Any = column.values
            plain = partial(_respelled, same=same)
            # What lies in a file is read so where it is asked for.
            values = values.converted(plain) if isinstance(values, Words) else plain(values)
            columns[name] = replace(column, values=values)
    return replace(table, columns={**table.columns, **columns}) if columns else table


def _respelled(values: NDArray[Any], same: Mapping[str, str]) -> NDArray[Any]:
    codes, unique = pd.factorize(values)
    better: Any = np.array([*(same.get(value, value) for value in unique), None], dtype=object)
    return np.asarray(better[codes])


def _is_written_otherwise(level: str) -> bool:
    return plain_form(level) != level


def without_repeats(table: Table, parts: Mapping[Part, Rows]) -> tuple[Rows, list[Note]]:
    """The training rows that are not also, letter by letter, in the validation or test part, and a note.

    Where columns are so few that rows are alike by chance, or more than `OFTEN` of the rows are, none is left out.
    """
    train = parts["train"]
    if table.of_kind("image") and len(table) > MOST_IMAGES:
        return train, []
    subject = Subject(table, parts)
    keys = row_keys(subject)
    repeated = train[:0] if keys is None else across_training(keys, subject)
    if not len(repeated):
        return train, []
    if len(repeated) < MORE_THAN_CHANCE * by_chance(subject):
        return train, []
    said = say(
        "{rows} of {total:,} the same as a row of validation or test",
        rows=count(len(repeated), "training row"),
        total=len(train),
    )
    if len(repeated) > OFTEN * len(train):
        return train, [Note("warning", say("{rows}. So many rows are alike that they are kept.", rows=said))]
    message = say("{rows}; left out of training (`data.clean`).", rows=said)
    return np.setdiff1d(train, repeated), [Note("warning", message)]


def _shown(same: Mapping[str, str]) -> Message:
    first = list(same.items())[:5]
    words = [say("{wrong} is read as {right}", wrong=shown(a), right=shown(b)) for a, b in first]
    return listing([*words, *([say("and {more:,} more", more=len(same) - 5)] if len(same) > 5 else [])], "; ")
