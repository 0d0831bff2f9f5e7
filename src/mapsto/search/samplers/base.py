"""The contract of every sampler."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from mapsto.recipe.ranges import Range
    from mapsto.search.outcome import Outcome
    from mapsto.search.problem import Problem, Proposal


class Sampler(ABC):
    """One public class a file, named as the file is.

    `build` is called anew for each trial with a seed that depends on the study's seed and the trial's number alone.
    All that a proposal follows from is that seed and the trials that Optuna's study holds then, so that a study which
    was interrupted, or which several processes work on, proposes what it would have proposed.
    """

    title: ClassVar[str]
    """What a person calls it."""

    many_objectives: ClassVar[bool] = False
    """Whether it can search for several objectives at once."""

    @abstractmethod
    def build(self, problem: Problem, seed: int) -> BaseSampler:
        """Makes Optuna's sampler for a problem.

        Raises:
            RecipeError: it cannot search such ranges or objectives.
        """

    def size(self, ranges: Mapping[str, Range]) -> int | None:
        """Proposals after which there is nothing new, or None where there is no end."""
        return None

    def propose(self, problem: Problem, history: Sequence[Outcome], number: int, seed: int) -> Proposal | None:
        """A proposal of its own making, or None where Optuna's sampler is to be asked, as most do.

        Args:
            problem: what is searched.
            history: the trials that may be known, in the order of their numbers.
            number: of the trial to be proposed.
            seed: as for `build`.
        """
        return None

    def interval(self, problem: Problem) -> int | None:
        """Epochs that a trial trains from where it begins; None: as many as its recipe says, as most do."""
        return None

    def why(self, problem: Problem) -> str:
        """Why it was chosen, in a sentence; empty where the user named it."""
        return ""
