"""How like two data sets are, as far as their facts tell: what decides which past studies speak for a new one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mapsto.data.prepared import Facts


@dataclass(frozen=True)
class Description:
    """A data set in a few numbers, all of one scale: counts in their decimal logarithms, shares as they are.

    Attributes:
        task: its name; data of different tasks are not compared.
        values: by name. Of every set `rows` (training rows); of classes their number and `balance`, the entropy of
            their shares over its maximum (1: all alike); of tables `features`, and the shares of columns that are
            categories and of cells that are missing; of pictures and spectrograms `side` (of a square with as many
            pixels) and `channels`; of texts `length` and `vocabulary`, in tokens.
    """

    task: str
    values: Mapping[str, float]

    @classmethod
    def of(cls, facts: Facts) -> Description:
        """Describes a data set by what was counted when it was prepared."""
        values = {"rows": _log(facts.part_counts["train"])}
        if facts.num_classes is not None:
            values |= {"classes": _log(facts.num_classes), "balance": _balance(facts.class_counts)}
        shape = facts.input_shape
        if facts.vocabulary_size is not None:
            values |= {"length": _log(shape[0]), "vocabulary": _log(facts.vocabulary_size)}
        elif len(shape) == 3:
            values |= {"channels": _log(shape[0]), "side": _log(shape[1] * shape[2]) / 2}
        else:
            used = [column for column in facts.columns if column["used_as"] not in ("target", "not used")]
            cells = max(1, facts.num_rows * len(used))
            values |= {
                "features": _log(facts.num_features),
                "categories": sum(column["kind"] == "category" for column in used) / max(1, len(used)),
                "missing": sum(column["missing"] for column in used) / cells,
            }
        return cls(facts.task, values)


def distance(first: Description, second: Description) -> float:
    """The Euclidean distance of two descriptions; 1 is, for instance, ten times as many rows.

    What only one of them has is left out; infinite where the tasks differ.

    Example:
        >>> small = Description("tabular_regression", {"rows": 2.0, "missing": 0.0})
        >>> distance(small, Description("tabular_regression", {"rows": 3.0, "missing": 0.0}))
        1.0
    """
    if first.task != second.task:
        return math.inf
    both = first.values.keys() & second.values.keys()
    return math.sqrt(math.fsum((first.values[name] - second.values[name]) ** 2 for name in both))


def _log(count: int) -> float:
    return math.log10(max(1, count))


def _balance(counts: Sequence[int]) -> float:
    shares = [count / sum(counts) for count in counts if count > 0]
    return -math.fsum(share * math.log(share) for share in shares) / math.log(len(counts)) if len(shares) > 1 else 0.0
