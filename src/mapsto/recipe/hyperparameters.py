"""What a user's own builder asks for its numbers: `hp.int("width", 32, 512)`.

One object answers in three dialects, so that builders that people already have run as they are: mapsto's
(`hp.int`, `hp.float`, `hp.choice`, `hp.boolean`), KerasTuner's (`hp.Int`, `hp.Choice`, `hp.conditional_scope`) and
Optuna's (`trial.suggest_int`, `trial.suggest_categorical`). Whatever the dialect, a name that is asked for is the
setting `hp.<name>` of a recipe, its range a range of the space, and what it depends on a condition.
"""

from __future__ import annotations

import logging
import math
import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from mapsto.errors import RecipeError
from mapsto.recipe.ranges import Choice, Condition, Int, Log, Range, Uniform
from mapsto.recipe.scalars import Scalar, same

logger = logging.getLogger("mapsto")

SECTION = "hp"

Whole: TypeAlias = int
Real: TypeAlias = float
"""The types, in a class whose methods are called as these are."""

MOST_VALUES = 8
"""Of a parameter with at most so many values each is tried, to see which further ones it brings with it."""

MOST_RUNS = 48
"""A builder is run at most so often before a study, to find what it asks for."""


class HyperParameters:
    """The values of one recipe, asked for by name; what is asked for and not given has its default.

    Example:
        >>> hp = HyperParameters({"width": 64})
        >>> hp.int("width", 32, 512), hp.Float("dropout", 0.0, 0.5), hp.suggest_categorical("act", ["relu", "tanh"])
        (64, 0.0, 'relu')
        >>> str(hp.asked["width"].range)
        'int(32, 512)'

    Args:
        values: by name, as in the section `hp` of a recipe.

    Attributes:
        asked: what was asked for so far, by its name in the recipe.
    """

    def __init__(self, values: Mapping[str, Scalar] | None = None) -> None:
        self._given = dict(values or {})
        self._scopes: list[Condition] = []
        self._prefixes: list[str] = []
        self._names: dict[str, str] = {}
        self.asked: dict[str, Asked] = {}

    # -- mapsto's own words -----------------------------------------------------------------------------------------

    def int(
        self, name: str, low: Whole, high: Whole, *, log: bool = False, step: Whole = 1, default: Whole | None = None
    ) -> Any:
        """A whole number in [low, high]; the default is the middle, the geometric one where `log`."""
        range_ = Int(low, high - (high - low) % step, log, step)
        return self._value(name, range_, range_.center() if default is None else default)

    def float(
        self, name: str, low: Real, high: Real, *, log: bool = False, step: Real | None = None,
        default: Real | None = None,
    ) -> Any:  # fmt: skip
        """A number in [low, high]; the default is the middle, the geometric one where `log`.

        Raises:
            RecipeError: `log` and `step` are both given.
        """
        if log and step is not None:
            raise RecipeError(f'hp.float("{name}", ...) takes `log` or `step`, not both. Received: step={step}.')
        range_ = Log(low, high) if log else Uniform(low, high, step)
        return self._value(name, range_, range_.center() if default is None else default)

    def choice(self, name: str, options: Sequence[Scalar], *, default: Scalar = None) -> Any:
        """One of the options, each a text, a number, true, false or None; the default is the first."""
        found = Choice(*dict.fromkeys(options))
        return self._value(name, found, found.options[0] if default is None else default)

    def boolean(self, name: str, *, default: bool = False) -> Any:
        """True or False."""
        return self._value(name, Choice(False, True), default)

    # -- KerasTuner's -------------------------------------------------------------------------------------------------

    def Int(  # noqa: N802 - KerasTuner's name, as are those below
        self, name: str, min_value: Whole, max_value: Whole, step: Whole | None = None, sampling: str | None = "linear",
        default: Whole | None = None, parent_name: str | None = None, parent_values: Any = None,
    ) -> Any:  # fmt: skip
        """As KerasTuner has it: the default is `min_value`; with `sampling="log"` a step multiplies."""
        if sampling == "log" and step not in (None, 1):
            range_: Range = Choice(*_powers(min_value, max_value, step))
        else:
            step = step or 1
            range_ = Int(min_value, max_value - (max_value - min_value) % step, sampling == "log", step)
        return self._value(name, range_, min_value if default is None else default, parent_name, parent_values)

    def Float(  # noqa: N802
        self, name: str, min_value: Real, max_value: Real, step: Real | None = None, sampling: str | None = "linear",
        default: Real | None = None, parent_name: str | None = None, parent_values: Any = None,
    ) -> Any:  # fmt: skip
        """As KerasTuner has it: the default is `min_value`; with `sampling="log"` a step multiplies."""
        if sampling == "log" and step is not None:
            range_: Range = Choice(*_powers(min_value, max_value, step))
        else:
            range_ = Log(min_value, max_value) if sampling == "log" else Uniform(min_value, max_value, step)
        start = float(min_value) if default is None else default
        return self._value(name, range_, start, parent_name, parent_values)

    def Choice(  # noqa: N802
        self, name: str, values: Sequence[Scalar], ordered: bool | None = None, default: Scalar = None,
        parent_name: str | None = None, parent_values: Any = None,
    ) -> Any:  # fmt: skip
        """As KerasTuner has it: the default is the first value; whether they are ordered is not asked for here."""
        del ordered
        found = Choice(*dict.fromkeys(values))
        start = found.options[0] if default is None else default
        return self._value(name, found, start, parent_name, parent_values)

    def Boolean(  # noqa: N802
        self, name: str, default: bool = False, parent_name: str | None = None, parent_values: Any = None
    ) -> Any:
        """As KerasTuner has it."""
        return self._value(name, Choice(False, True), default, parent_name, parent_values)

    def Fixed(  # noqa: N802
        self, name: str, value: Scalar, parent_name: str | None = None, parent_values: Any = None
    ) -> Any:
        """As KerasTuner has it: the value, which nothing searches."""
        return self._value(name, Choice(value), value, parent_name, parent_values)

    @contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Any) -> Iterator[None]:
        """What is asked for inside is searched only while the parent has one of the values; else it is None."""
        self._scopes.append(self._condition(parent_name, parent_values))
        try:
            yield
        finally:
            self._scopes.pop()

    @contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """Names that are asked for inside begin with this one."""
        self._prefixes.append(name)
        try:
            yield
        finally:
            self._prefixes.pop()

    def get(self, name: str) -> Any:
        """The value of a name that was asked for before.

        Raises:
            KeyError: it was not.
        """
        return self.values[self._name(name)]

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __contains__(self, name: str) -> bool:
        return self._name(name) in self.asked

    # -- Optuna's -----------------------------------------------------------------------------------------------------

    def suggest_int(self, name: str, low: Whole, high: Whole, *, step: Whole = 1, log: bool = False) -> Any:
        """As Optuna has it; the default is the middle."""
        return self.int(name, low, high, log=log, step=step)

    def suggest_float(self, name: str, low: Real, high: Real, *, step: Real | None = None, log: bool = False) -> Any:
        """As Optuna has it; the default is the middle."""
        return self.float(name, low, high, log=log, step=step)

    def suggest_categorical(self, name: str, choices: Sequence[Scalar]) -> Any:
        """As Optuna has it; the default is the first choice."""
        return self._value(name, Choice(*choices), choices[0])

    # -- what all of them share ---------------------------------------------------------------------------------------

    @property
    def values(self) -> dict[str, Scalar]:
        """The values that were asked for and are active, by name."""
        return {name: asked.value for name, asked in self.asked.items() if asked.is_active}

    params = values
    """Optuna's name for them."""

    def _name(self, name: str) -> str:
        """What a name is called in a recipe: letters, digits and underscores."""
        whole = "/".join([*self._prefixes, name])
        plain = re.sub(r"\W", "_", whole)
        if self._names.setdefault(plain, whole) != whole:
            raise RecipeError(
                f'The hyperparameters "{self._names[plain]}" and "{whole}" would both be the setting `hp.{plain}`. '
                f"Rename one of them."
            )
        return plain

    def _open(self, name: str, range_: Range, default: Scalar) -> Scalar:
        """The value of what was not given."""
        del name, range_
        return default

    def _condition(self, parent: str, values: Any) -> Condition:
        listed = values if isinstance(values, (list, tuple)) else [values]
        return Condition(f"{SECTION}.{self._name(parent)}", tuple(listed))

    def _holds(self, condition: Condition) -> bool:
        parent = self.asked.get(condition.leaf.partition(".")[2])
        return parent is not None and parent.is_active and condition.holds(parent.value)

    def _value(
        self, name: str, range_: Range, default: Scalar, parent_name: str | None = None, parent_values: Any = None
    ) -> Any:
        plain = self._name(name)
        if plain in self.asked:  # asked for twice it is one setting still
            return self.asked[plain].value if self.asked[plain].is_active else None
        scopes = [*self._scopes, *([] if parent_name is None else [self._condition(parent_name, parent_values)])]
        is_active = all(map(self._holds, scopes))
        value = self._given[plain] if plain in self._given else self._open(plain, range_, default)
        if scopes:
            range_ = range_.only_if(scopes[-1].leaf, *scopes[-1].values)
        self.asked[plain] = Asked(range_, default, value, is_active)
        return value if is_active else None


@dataclass(frozen=True)
class Asked:
    """One thing that a builder asked for.

    Attributes:
        range: where its values lie, with the condition that was stated.
        default: its value where nothing else is said.
        value: what it was given.
        is_active: whether its conditions hold.
    """

    range: Range
    default: Scalar
    value: Scalar
    is_active: bool = True


@dataclass
class Discovered:
    """All that a builder asks for.

    Attributes:
        ranges: by dotted name, with conditions.
        defaults: by dotted name.
        is_whole: whether every branch was looked into.
    """

    ranges: dict[str, Range] = field(default_factory=dict)
    defaults: dict[str, Scalar] = field(default_factory=dict)
    is_whole: bool = True


def discover(run: Callable[[HyperParameters], object]) -> Discovered:
    """What a builder asks for, whatever branch it takes.

    It is run with its defaults, then with each other value of every parameter that has few: what is asked for under
    some of its values only depends on it. A branch in which the builder fails is passed over; its trial will say why.

    Args:
        run: the builder.

    Raises:
        Exception: whatever the first run raises.
    """
    return _Discovery(run).found


class _Discovery:
    """The runs of a builder, and what they showed.

    Attributes:
        found: what it asks for.
    """

    def __init__(self, run: Callable[[HyperParameters], object]) -> None:
        self._run, self._runs = run, 0
        self._known: dict[str, Asked] = {}
        self._parents: dict[str, tuple[str, list[Scalar]]] = {}
        self._waiting: deque[tuple[str, dict[str, Scalar], dict[str, Asked]]] = deque()
        self.found = Discovered()
        first = HyperParameters()
        run(first)
        self._take(first.asked, {})
        while self._waiting:
            self._vary(*self._waiting.popleft())
        for name, asked in self._known.items():
            range_ = asked.range
            if range_.when is None and name in self._parents:
                parent, values = self._parents[name]
                range_ = range_.only_if(f"{SECTION}.{parent}", *values)
            self.found.defaults[f"{SECTION}.{name}"] = asked.default
            if not (isinstance(range_, Choice) and len(range_.options) == 1):
                self.found.ranges[f"{SECTION}.{name}"] = range_

    def _take(self, asked: Mapping[str, Asked], values: Mapping[str, Scalar]) -> None:
        """Takes note of what is asked for, and not known yet or for the first time active, under these values."""
        for name, one in asked.items():
            known = self._known.get(name)
            if known is None or (one.is_active and not known.is_active):
                self._known[name] = one
                if one.is_active:
                    self._waiting.append((name, dict(values), dict(asked)))

    def _vary(self, name: str, values: dict[str, Scalar], base: dict[str, Asked]) -> None:
        """Tries each value of a parameter that has few, beside `values`, under which `base` is asked for."""
        options = few_values(base[name].range)
        if len(options) < 2:
            return
        under: dict[str, list[Scalar]] = defaultdict(list)
        tried = 0
        for option in options:
            own = {**values, name: option}
            asked = base if same(option, base[name].value) else self._asked(own)
            if asked is None:
                continue
            tried += 1
            self._take(asked, own)
            for other in asked:
                under[other].append(option)
        for other, some in under.items():
            if len(some) < tried:
                self._parents.setdefault(other, (name, some))

    def _asked(self, values: Mapping[str, Scalar]) -> dict[str, Asked] | None:
        """What is asked for under these values; None where the builder fails, or has been run often enough."""
        if self._runs >= MOST_RUNS:
            self.found.is_whole = False
            return None
        self._runs += 1
        hp = HyperParameters(values)
        try:
            self._run(hp)
        except Exception:  # which of the values go together is the trials' to say
            logger.debug("the builder failed for %s", dict(values), exc_info=True)
            return None
        return hp.asked


def few_values(range_: Range) -> list[Scalar]:
    """Every value of a range, where there are few; else none."""
    match range_:
        case Choice():
            return list(range_.options) if len(range_.options) <= MOST_VALUES else []
        case Int() if (range_.high - range_.low) // range_.step < MOST_VALUES:
            return list(range(range_.low, range_.high + 1, range_.step))
        case _:
            return []


def _powers(low: Any, high: Any, factor: Any) -> list[Any]:
    """From `low` on, each so many times the one before, up to `high`."""
    count = int(math.log(high / low) / math.log(factor) + 1e-9)
    return [low * factor**power for power in range(count + 1)]
