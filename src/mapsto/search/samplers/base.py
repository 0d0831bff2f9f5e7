"""The contract of every sampler."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from mapsto.recipe.ranges import Range


class Sampler(ABC):
    """One public class a file, named as the file is.

    `build` is called anew for each trial with a seed that depends on the study's seed and the trial's number alone, so
    that a study which was interrupted proposes what it would have proposed.
    """

    title: ClassVar[str]
    """What a person calls it."""

    @abstractmethod
    def build(self, ranges: Mapping[str, Range], seed: int) -> BaseSampler:
        """Makes Optuna's sampler for these ranges.

        Raises:
            RecipeError: it cannot search such ranges.
        """

    def size(self, ranges: Mapping[str, Range]) -> int | None:
        """Proposals after which there is nothing new, or None where there is no end."""
        return None
