"""The contract of every pruner."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from mapsto.search.outcome import Outcome, Point
    from mapsto.search.problem import Problem


class Pruner(ABC):
    """One public class a file, named as the file is: decides from others' curves when a trial is not worth going on.

    A trial may know only the trials that were over by their numbers when it was proposed, whatever others have done
    since, so that a study on many processes stops what a serial one would have stopped. What it must know of them is
    boiled down once, by `knows`, to plain data that travel with the trial; `stops` is then asked wherever it is
    trained.
    """

    title: ClassVar[str]
    """What a person calls it."""

    @abstractmethod
    def knows(self, problem: Problem, history: Sequence[Outcome], number: int) -> dict[str, Any] | None:
        """What a trial has to know of the others, in JSON's types; None: it is never stopped.

        Args:
            problem: what is searched.
            history: the trials that may be known, in the order of their numbers.
            number: of the trial; of the one that it continues, where it does.
        """

    @abstractmethod
    def stops(self, problem: Problem, known: dict[str, Any], curve: Sequence[Point]) -> bool:
        """Whether a trial with this curve so far (at least one point) should end now.

        It is asked after each point; a trial at `problem.max_fidelity` is over by itself. The curve of a trial that
        continues another begins with that one's points.
        """

    def thaws(self, problem: Problem, history: Sequence[Outcome], going_on: Collection[int] = ()) -> int | None:
        """The stopped trial that should go on, in the light of what came after it; None: none.

        A trial that has been continued stands in the history as the `starts_from` of a later one, and is not asked for
        again.

        Args:
            problem: what is searched.
            history: the trials that may be known, in the order of their numbers.
            going_on: trials that are being continued by trials which are not known yet, and are not asked for either.
        """
        return None
