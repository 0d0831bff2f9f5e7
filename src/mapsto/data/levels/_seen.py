"""Which levels training had, rare ones too, small enough to lie beside the model."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Self

import pandas as pd

from mapsto.data.encoders._columns import meaning
from mapsto.data.levels.base import Labels, missing

MOST = 100_000
"""Of a column with more levels, no level is called new."""

_BYTES = 4  # of a hash: of 100,000 new levels, two or three are taken for known ones


@dataclass(frozen=True)
class Seen:
    """The levels of training as hashes of what they mean ("1.0" means 1); None where they are more than `MOST`.

    Example:
        >>> import numpy as np
        >>> seen = Seen.of([np.array(["red", "1"], dtype=object)])
        >>> seen.new(np.array(["1.0", "red", "blue", None], dtype=object))
        ['blue']
    """

    hashes: frozenset[bytes] | None

    @classmethod
    def of(cls, parts: Iterable[Labels]) -> Self:
        """The levels of rows that come in parts."""
        found: set[bytes] = set()
        meanings: set[str | float] = set()
        for labels in parts:
            known = {meaning(level) for level in pd.unique(labels[~missing(labels)])}
            found |= {_hash(one) for one in known}
            meanings |= known if len(meanings) < 3 else set()
            if len(found) > MOST:
                return cls(None)
        for pair in (("True", "False"), (1.0, 0.0)):
            if meanings <= set(pair):  # files and frames write these differently
                found |= {_hash(other) for other in ("True", "False", 1.0, 0.0)}
        return cls(frozenset(found))

    def new(self, labels: Labels) -> list[str]:
        """The different levels that training did not have, by the alphabet; none where that is not known."""
        if self.hashes is None:
            return []
        levels = pd.unique(labels[~missing(labels)])
        return sorted(level for level in levels if _hash(meaning(level)) not in self.hashes)

    def to_json(self) -> str | None:
        """The hashes one after another, in base 64."""
        return None if self.hashes is None else base64.b64encode(b"".join(sorted(self.hashes))).decode("ascii")

    @classmethod
    def from_json(cls, value: str | None) -> Self:
        """Takes what `to_json` gave."""
        data = b"" if value is None else base64.b64decode(value)
        places = range(0, len(data), _BYTES)
        return cls(None if value is None else frozenset(data[place : place + _BYTES] for place in places))


def _hash(value: str | float) -> bytes:
    # Texts from damaged files may hold halves of characters, which plain UTF-8 refuses.
    return blake2b(repr(value).encode("utf-8", "surrogatepass"), digest_size=_BYTES).digest()
