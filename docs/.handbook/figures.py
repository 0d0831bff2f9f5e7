"""What a figure of the handbook is, and how a chapter states a claim."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

from markupsafe import Markup


class Figure(NamedTuple):
    """What one function of a chapter makes.

    `picture` is a whole SVG (see `handbook.drawing.sheet`); `printed` are the lines with the numbers that the text
    speaks of, which the build puts below the picture in every language.
    """

    picture: Markup
    printed: tuple[str, ...]


class Maker(NamedTuple):
    """A figure that can be made: its name is that of its function and of the file of its picture."""

    name: str
    make: Callable[[], Figure]
    quick: bool


class ClaimFails(AssertionError):
    """A claim of the handbook does not hold in the run that shall show it."""


def figure(*, quick: bool = False) -> Callable[[Callable[[], Figure]], Callable[[], Figure]]:
    """Marks a function of a chapter as one that makes a figure; the tests make the quick ones (under two seconds)."""

    def mark(make: Callable[[], Figure]) -> Callable[[], Figure]:
        make.handbook_figure = Maker(make.__name__, make, quick)  # type: ignore[attr-defined]
        return make

    return mark


def claim(holds: object, text: str) -> None:
    """Ends the build where a claim does not hold.

    Args:
        holds: whether it does.
        text: the claim, with the numbers that were measured.
    """
    if not holds:
        raise ClaimFails(f"The handbook claims what its run does not show: {text}")


def makers(chapter: ModuleType) -> list[Maker]:
    """The figures of a chapter, in the order of its file."""
    found = [value for _, value in inspect.getmembers(chapter) if hasattr(value, "handbook_figure")]
    own = [value for value in found if value.__module__ == chapter.__name__]
    return [value.handbook_figure for value in sorted(own, key=lambda value: value.__code__.co_firstlineno)]
