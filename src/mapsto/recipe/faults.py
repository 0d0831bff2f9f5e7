"""Faults of a recipe, gathered so that all are told at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mapsto.errors import RecipeError


@dataclass(frozen=True)
class Fault:
    """What is wrong, and where: `"recipe.yaml, line 3"`, `"--set optimizer.momentum"`, or `""` for Python."""

    text: str
    origin: str = ""

    def __str__(self) -> str:
        return f"{self.origin}: {self.text}" if self.origin else self.text


def refuse(faults: Iterable[Fault]) -> None:
    """Raises one error that tells all faults, each once; without faults it does nothing.

    Raises:
        RecipeError: there is a fault.
    """
    texts = list(dict.fromkeys(str(fault) for fault in faults))
    if len(texts) == 1:
        raise RecipeError(texts[0])
    if texts:
        raise RecipeError(f"{len(texts)} settings are at fault.\n" + "\n".join(f"  - {text}" for text in texts))
