"""How much each row counts in the training loss: the column that `data.weight_column` names."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapsto.data.encoders._columns import numbers
from mapsto.data.table import Table
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions


def weights_of(table: Table, rows: NDArray[np.int64], options: DataOptions) -> NDArray[np.float32] | None:
    """The weight of each row of the table; None where no column is named.

    Only their ratios matter in a mean, so they are divided by their mean: huge and tiny ones are as good as others.
    What is no number above 0 is NaN; outside of training nobody asks for it, so a test part need not have weights.

    Args:
        table: with every row that is used.
        rows: that are trained on; their weights have the mean 1.
        options: the data section of the recipe.

    Raises:
        DataError: the weight of a training row is no number above 0; the first such rows are named.
    """
    name = options.weight_column
    if name is None:
        return None
    weights = numbers(table, name)
    is_usable = np.isfinite(weights) & (weights > 0)
    wrong = rows[~is_usable[rows]]
    if len(wrong):
        named = ", ".join(str(row) for row in table.row_names[wrong[:5]])
        value = str(table.columns[name].values[int(wrong[0])])[:80]
        raise DataError(
            f'"{name}" (`data.weight_column`) of {table.name} must be a finite number above 0 in every training row, '
            f"and is not in {len(wrong):,} of {len(rows):,} (rows {named}). Received: {value}. Mend them, or leave "
            f"these rows out of the file."
        )
    largest = weights[rows].max()  # by which all are divided first, so that their sum is finite
    scaled = np.where(is_usable, weights, np.nan) / largest
    return np.asarray(scaled / scaled[rows].mean(), dtype=np.float32)
