"""Every trial runs to its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto.search.pruners.base import Pruner

if TYPE_CHECKING:
    from mapsto.search.outcome import Outcome, Point
    from mapsto.search.problem import Problem


class Off(Pruner):
    """Stops nothing."""

    title: ClassVar[str] = "no pruning"

    def knows(self, problem: Problem, history: Sequence[Outcome], number: int) -> dict[str, Any] | None:
        return None

    def stops(self, problem: Problem, known: dict[str, Any], curve: Sequence[Point]) -> bool:
        return False
