"""Where data come from: the contract of every source."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions


class Source(ABC):
    """One kind of data. One public class a file, named as the file is; no state.

    `mapsto.data.read.read` asks every source whether it accepts what it was given, and lets one of them read it. A path
    that reaches a source exists.
    """

    reads: ClassVar[str]
    """What it reads, for the message about what nothing reads: `"Parquet (.parquet, .pq)"`."""

    priority: ClassVar[int] = 0
    """Of several sources that accept the same, the one of highest priority reads it."""

    @abstractmethod
    def accepts(self, source: Any) -> bool:
        """Whether this is the source's kind of data, told from names and types; contents are not read.

        Args:
            source: a `Path`, the name of a set as text, or an object in memory.

        Raises:
            DataError: a folder or an archive cannot be listed.
        """

    @abstractmethod
    def read(self, source: Any, options: DataOptions, *, target_needed: bool) -> Table:
        """Reads all of it, images excepted, which are checked now and decoded later.

        Args:
            source: what was accepted.
            options: of which a source obeys `target`, `columns` and `split_column`.
            target_needed: whether a target must be there; without it, data to predict for are read.

        Raises:
            DataError: it is not readable; the message says where and how to mend it.
        """


class NamedSet(NamedTuple):
    """A set of data that has a name of its own.

    Attributes:
        name: as in `mapsto tune NAME`.
        description: what it holds.
        rows: number of examples.
        path: where it lies; None where it comes with a package, or is not there.
        is_present: whether it can be read here and now.
        looked: the places where it was looked for.
    """

    name: str
    description: str
    rows: int
    path: Path | None
    is_present: bool
    looked: tuple[str, ...]
