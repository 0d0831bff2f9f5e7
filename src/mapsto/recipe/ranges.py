"""Ranges: what may stand in a space where a recipe has a value, and their notation.

    log(1e-4, 1e-1)              a number, evenly in its logarithm
    uniform(0, 0.5)              a number, evenly; uniform(0, 0.5, step=0.1) in steps
    int(32, 512, log=True)       a whole number; int(8, 64, step=8) in steps
    choice(relu, gelu)           one of these

Both ends are part of a range. Each may carry a condition: `uniform(0, 0.99) if optimizer.name == sgd`, or
`... if model.name in (mlp, cnn)`. `str(range)` writes the notation, `parse` reads it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from mapsto.errors import RecipeError
from mapsto.recipe.scalars import Scalar, read_scalar, same, unquote, write_scalar

# Characters that would end an unquoted YAML scalar or an argument; inside quotes they are written as escapes.
_SPECIAL = "#:,()[]{}"
_R = TypeVar("_R", "Log", "Uniform", "Int", "Choice")
_INFINITE = (math.inf, -math.inf)


@dataclass(frozen=True)
class Condition:
    """A range is searched only while the setting `leaf` has one of `values`."""

    leaf: str
    values: tuple[Scalar, ...]

    def holds(self, value: object) -> bool:
        """Whether `value` is one of the values asked for."""
        return any(same(value, allowed) for allowed in self.values)

    def __str__(self) -> str:
        texts = [write_scalar(value, escape=_SPECIAL) for value in self.values]
        return f" if {self.leaf} == {texts[0]}" if len(texts) == 1 else f" if {self.leaf} in ({', '.join(texts)})"


@dataclass(frozen=True)
class Log:
    """A number in [low, high], drawn evenly in its logarithm; both ends are positive."""

    low: float
    high: float
    when: Condition | None = None

    def __post_init__(self) -> None:
        _check_ends(self, "log", positive=True)
        _make_floats(self, "low", "high")

    def contains(self, value: object) -> bool:
        """Whether `value` is a number in the range."""
        return _is_number(value) and self.low <= value <= self.high  # type: ignore[operator]

    def center(self) -> float:
        """The geometric mean of the ends."""
        return min(max(math.sqrt(self.low) * math.sqrt(self.high), self.low), self.high)

    def only_if(self, leaf: str, *values: Scalar) -> Log:
        """The same range, searched only while the setting `leaf` has one of `values`."""
        return _conditioned(self, leaf, values)

    def __str__(self) -> str:
        return f"log({_number(self.low)}, {_number(self.high)}){self.when or ''}"


@dataclass(frozen=True)
class Uniform:
    """A number in [low, high], drawn evenly, in steps from `low` where a step is given."""

    low: float
    high: float
    step: float | None = None
    when: Condition | None = None

    def __post_init__(self) -> None:
        _check_ends(self, "uniform")
        _make_floats(self, "low", "high", "step")
        if self.step is not None and not 0 < self.step < math.inf:
            raise RecipeError(f"The step of uniform(low, high) must be positive. Received: step={self.step}.")

    def contains(self, value: object) -> bool:
        """Whether `value` is a number in the range, and on one of its steps up to rounding."""
        if not (_is_number(value) and self.low <= value <= self.high):  # type: ignore[operator]
            return False
        steps = 0.0 if self.step is None else (value - self.low) / self.step  # type: ignore[operator]
        return math.isclose(steps, round(steps), abs_tol=1e-6)

    def center(self) -> float:
        """The middle, or the step nearest to it."""
        middle = self.low / 2 + self.high / 2
        if self.step is None:
            return middle
        return self.low + math.floor((middle - self.low) / self.step + 1e-9) * self.step

    def only_if(self, leaf: str, *values: Scalar) -> Uniform:
        """The same range, searched only while the setting `leaf` has one of `values`."""
        return _conditioned(self, leaf, values)

    def __str__(self) -> str:
        step = "" if self.step is None else f", step={_number(self.step)}"
        return f"uniform({_number(self.low)}, {_number(self.high)}{step}){self.when or ''}"


@dataclass(frozen=True)
class Int:
    """A whole number in [low, high]: evenly, in steps from `low`, or evenly in its logarithm."""

    low: int
    high: int
    log: bool = False
    step: int = 1
    when: Condition | None = None

    def __post_init__(self) -> None:
        _check_ends(self, "int", positive=self.log is True)
        for name in ("low", "high", "step"):
            if not _is_whole(getattr(self, name)):
                raise RecipeError(f"{name} of int(low, high) must be whole. Received: {getattr(self, name)!r}.")
        if not isinstance(self.log, bool):
            raise RecipeError(f"log of int(low, high, log=...) must be True or False. Received: {self.log!r}.")
        if self.step < 1 or (self.log and self.step != 1):
            raise RecipeError(
                f"The step of int(low, high) must be at least 1, and is 1 beside log=True. Received: step={self.step}."
            )

    def contains(self, value: object) -> bool:
        """Whether `value` is a whole number in the range, and on one of its steps."""
        return _is_whole(value) and self.low <= value <= self.high and (value - self.low) % self.step == 0  # type: ignore[operator]

    def center(self) -> int:
        """The middle (the geometric one where `log`), rounded to a step."""
        if self.log:
            return min(max(round(math.exp((math.log(self.low) + math.log(self.high)) / 2)), self.low), self.high)
        return self.low + (self.high - self.low) // 2 // self.step * self.step

    def only_if(self, leaf: str, *values: Scalar) -> Int:
        """The same range, searched only while the setting `leaf` has one of `values`."""
        return _conditioned(self, leaf, values)

    def __str__(self) -> str:
        extras = (", log=True" if self.log else "") + (f", step={self.step}" if self.step != 1 else "")
        return f"int({self.low}, {self.high}{extras}){self.when or ''}"


@dataclass(frozen=True, init=False)
class Choice:
    """One of the options, each a text, a number, true, false or null.

    Example:
        >>> str(Choice("relu", "gelu"))
        'choice(relu, gelu)'
    """

    options: tuple[Scalar, ...]
    when: Condition | None = None

    def __init__(self, *options: Scalar, when: Condition | None = None) -> None:
        object.__setattr__(self, "options", options)
        object.__setattr__(self, "when", when)
        if not options:
            raise RecipeError("choice(...) needs at least one option. Received none.")
        _check_scalars("choice(...)", options)

    def contains(self, value: object) -> bool:
        """Whether `value` is one of the options."""
        return any(same(value, option) for option in self.options)

    def center(self) -> Scalar:
        """The first option."""
        return self.options[0]

    def only_if(self, leaf: str, *values: Scalar) -> Choice:
        """The same range, searched only while the setting `leaf` has one of `values`."""
        return Choice(*self.options, when=_condition(leaf, values))

    def __repr__(self) -> str:
        condition = f", when={self.when!r}" if self.when else ""
        return f"Choice({', '.join(map(repr, self.options))}{condition})"

    def __str__(self) -> str:
        return f"choice({', '.join(write_scalar(option, escape=_SPECIAL) for option in self.options)}){self.when or ''}"


Range = Log | Uniform | Int | Choice


def log(low: float, high: float) -> Log:
    """A number in [low, high], evenly in its logarithm: for what spans powers of ten, such as a learning rate.

    Example:
        >>> str(log(1e-4, 1e-1))
        'log(0.0001, 0.1)'
    """
    return Log(low, high)


def uniform(low: float, high: float, step: float | None = None) -> Uniform:
    """A number in [low, high], evenly, or in steps from `low`.

    Example:
        >>> str(uniform(0, 0.5, step=0.1))
        'uniform(0, 0.5, step=0.1)'
    """
    return Uniform(low, high, step)


def integer(low: int, high: int, log: bool = False, step: int = 1) -> Int:
    """A whole number in [low, high], evenly, in steps from `low`, or evenly in its logarithm.

    Example:
        >>> str(integer(32, 512, log=True))
        'int(32, 512, log=True)'
    """
    return Int(low, high, log, step)


def choice(*options: Scalar) -> Choice:
    """One of the options.

    Example:
        >>> str(choice("sgd", "adam").only_if("model.name", "mlp"))
        'choice(sgd, adam) if model.name == mlp'
    """
    return Choice(*options)


_CALL = re.compile(r"\s*+(log|uniform|int|choice)\s*+\(")
_ARGUMENT = re.compile(
    r"""\s*+(?:(\w++)\s*+=\s*+)?("(?:[^"\\]|\\.)*+"|'(?:[^']|'')*+'|[^(),"'=]++)\s*+([,)])""", re.DOTALL
)
_CONDITION = re.compile(r"\s*+if\s++([\w.]++)\s*+(?:==\s*+(?P<one>.*)|in\s*+\((?P<many>.*))", re.DOTALL)
_PARAMETERS = {"log": ("low", "high"), "uniform": ("low", "high", "step"), "int": ("low", "high", "log", "step")}
_FORMS = "log(low, high), uniform(low, high, step=...), int(low, high, log=True, step=...) or choice(a, b, ...)"


def parse(text: str) -> Range | None:
    """The range that a text stands for, or None where it does not look like one.

    Example:
        >>> parse("uniform(0, 0.99) if optimizer.name == sgd")
        Uniform(low=0.0, high=0.99, step=None, when=Condition(leaf='optimizer.name', values=('sgd',)))
        >>> parse("relu") is None
        True

    Raises:
        RecipeError: it begins like a range and is none.
    """
    call = _CALL.match(text)
    if call is None:
        return None
    try:
        arguments, rest = _arguments(text, call.end())
        range_ = _made(call[1], arguments)
        return range_ if not text[rest:].strip() else _with_condition(range_, text[rest:])
    except (ValueError, TypeError) as error:
        if isinstance(error, RecipeError):
            raise
        raise RecipeError(
            f"{text.strip()} is not a range. Ranges are {_FORMS}, and may end in a condition such as "
            f"`if optimizer.name == sgd` or `if model.name in (mlp, cnn)`."
        ) from error


def _arguments(text: str, start: int) -> tuple[list[tuple[str | None, Scalar]], int]:
    """The arguments from after an opening bracket, each with its keyword, and where the closing one ends."""
    found: list[tuple[str | None, Scalar]] = []
    while True:
        match = _ARGUMENT.match(text, start)
        if match is None:
            raise ValueError("an argument was expected")
        keyword, raw, end = match[1], match[2].strip(), match[3]
        found.append((keyword, _option(raw)))
        start = match.end()
        if end == ")":
            return found, start


def _option(raw: str) -> Scalar:
    if not raw:
        raise ValueError("an argument is empty")
    return unquote(raw) if raw[0] in "\"'" else read_scalar(raw)


def _made(kind: str, arguments: list[tuple[str | None, Scalar]]) -> Range:
    positional: list[Any] = [value for keyword, value in arguments if keyword is None]
    keywords: dict[str, Any] = {keyword: value for keyword, value in arguments if keyword is not None}
    if len(positional) + len(keywords) != len(arguments):
        raise ValueError("a keyword is given twice")
    if kind == "choice":
        if keywords:
            raise ValueError("choice takes no keywords")
        return Choice(*positional)
    if len(positional) > len(_PARAMETERS[kind]) or set(keywords) - set(_PARAMETERS[kind]):
        raise ValueError("an unknown argument")
    makers: dict[str, type[Log] | type[Uniform] | type[Int]] = {"log": Log, "uniform": Uniform, "int": Int}
    return makers[kind](*positional, **keywords)


def _with_condition(range_: Range, text: str) -> Range:
    condition = _CONDITION.fullmatch(text)
    if condition is None:
        raise ValueError("a condition was expected")
    if condition["one"] is not None:
        return range_.only_if(condition[1], _option(condition["one"].strip()))
    values, end = _arguments(text, condition.start("many"))
    if text[end:].strip() or any(keyword is not None for keyword, _ in values):
        raise ValueError("a list of values was expected")
    return range_.only_if(condition[1], *(value for _, value in values))


def _condition(leaf: str, values: tuple[Scalar, ...]) -> Condition:
    if not values:
        raise RecipeError(f"A condition on {leaf} needs at least one value. Received none.")
    _check_scalars(f"the condition on {leaf}", values)
    return Condition(leaf, values)


def _conditioned(range_: _R, leaf: str, values: tuple[Scalar, ...]) -> _R:
    return replace(range_, when=_condition(leaf, values))


def _check_scalars(what: str, values: tuple[Any, ...]) -> None:
    for index, value in enumerate(values):
        if not (value is None or isinstance(value, str | int | float)) or value != value or value in _INFINITE:
            raise RecipeError(
                f"{what[0].upper()}{what[1:]} takes texts, finite numbers, true, false or null, each as an argument of "
                f'its own, as in choice("relu", "gelu"). Received: {value!r}.'
            )
        if any(same(value, earlier) for earlier in values[:index]):
            raise RecipeError(f"{what[0].upper()}{what[1:]} has {write_scalar(value)} twice.")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_ends(range_: Log | Uniform | Int, name: str, *, positive: bool = False) -> None:
    low, high = range_.low, range_.high
    if not (_is_number(low) and _is_number(high) and -math.inf < low <= high < math.inf):
        raise RecipeError(f"{name}(low, high) takes two finite numbers, low <= high. Received: {low!r}, {high!r}.")
    if positive and low <= 0:
        raise RecipeError(f"A logarithmic range {name}(low, high) must lie above zero. Received: low={low!r}.")


def _make_floats(range_: Log | Uniform, *names: str) -> None:
    for name in names:
        value = getattr(range_, name)
        object.__setattr__(range_, name, None if value is None else float(value))


def _number(value: float) -> str:
    """Shortest text that reads back as the same number: `0`, `0.5`, `1e-05`."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 and str(value) != "-0.0" else repr(value)
