"""Words replaced by others of the same meaning."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto._imports import torch
from mapsto.errors import RecipeError
from mapsto.training.augmentations.base import Augmentation

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.encoders.base import Encoder
    from mapsto.recipe.sections import AugmentOptions
    from mapsto.training.augmentations._draws import Draws
    from mapsto.training.augmentations.base import Rows

MAX_BYTES = 64 * 2**20
MAX_SYNONYMS = 16
"""Words kept that may stand for one word; of more, the first."""


class Synonyms(Augmentation):
    """Replaces each word that has synonyms by one of them with a chance of `strength`; the others stay as they are.

    `augment.synonyms_file` is a text in UTF-8 with one group of words a line, parted by commas or tabs: `big, large,
    huge`. Words that the vocabulary does not hold are passed over. After the synonym replacement of Wei and Zou,
    "EDA", 2019, arXiv:1901.11196.
    """

    kinds: ClassVar[tuple[str, ...]] = ("tokens",)
    strength: ClassVar[Any] = Field(
        0.0, ge=0, le=1, description="share of words with synonyms replaced by one (see synonyms_file); 0: off"
    )
    typical: ClassVar[float] = 0.2

    def __init__(self, inputs: Encoder, options: AugmentOptions) -> None:
        super().__init__(inputs, options)
        path = Path(options.synonyms_file or "")
        found = _read(path, inputs.spec.names)
        if not found:
            raise RecipeError(
                f"No line of {path} holds two words of the vocabulary, so `augment.synonyms` has nothing to replace. "
                f"Write one group of words a line, in lower case, parted by commas."
            )
        self._counts = torch.zeros(len(inputs.spec.names), dtype=torch.int64)
        self._others = torch.zeros(len(inputs.spec.names), max(map(len, found.values())), dtype=torch.int64)
        for word, others in found.items():
            self._counts[word] = len(others)
            self._others[word, : len(others)] = torch.tensor(others)

    def apply(self, rows: Rows, strength: float, draws: Draws) -> Rows:
        self._counts, self._others = self._counts.to(draws.device), self._others.to(draws.device)
        ids, length = rows.inputs.long(), rows.inputs.shape[1]
        counts = self._counts[ids]
        chosen = (draws.field(length) * counts).long()
        other: Tensor = self._others[ids, chosen].to(rows.inputs.dtype)
        replaced = (draws.field(length) < strength) & (counts > 0)
        return replace(rows, inputs=torch.where(replaced, other, rows.inputs))


def _read(path: Path, names: tuple[str, ...]) -> dict[int, list[int]]:
    """The words that may stand for each word, by their ids."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise RecipeError(f"`augment.synonyms_file`: {path} is larger than {MAX_BYTES >> 20} MiB. Shorten it.")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(
            f"`augment.synonyms_file`: {path} cannot be read ({error}). Give a text file in UTF-8."
        ) from error
    ids = {name: number for number, name in enumerate(names)}
    found: dict[int, list[int]] = {}
    for line in text.splitlines():
        group = [ids[word] for word in (part.strip().lower() for part in re.split(r"[,\t]", line)) if word in ids]
        for word in group:
            others = found.setdefault(word, [])
            others += [other for other in group if other != word and other not in others]
    return {word: others[:MAX_SYNONYMS] for word, others in found.items() if others}
