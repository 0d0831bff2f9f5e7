"""A space of settings with names of the user's choosing: those of a program, or of whoever asks and tells.

The notation is that of `mapsto.recipe.ranges`; what a recipe knows of its own settings is not known here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mapsto.errors import RecipeError
from mapsto.recipe.family import did_you_mean
from mapsto.recipe.faults import Fault, refuse
from mapsto.recipe.notation import MAX_DEPTH, read_file
from mapsto.recipe.ranges import Range, parse
from mapsto.recipe.scalars import Scalar, read_scalar, unquote, write_scalar

NAME = re.compile(r"[A-Za-z_]\w*(\.\w+)*", re.ASCII)
RESERVED = ("seed", "trial", "folder", "settings", "report")
"""What a program is told beside its settings; see `mapsto.adapters.command`."""

_CONDITIONED = re.compile(r"\S.* if [\w.]+ (==|in) .*", re.DOTALL)


@dataclass(frozen=True)
class FreeSpace:
    """Values and ranges by name. A range with a condition is searched only while its condition holds.

    Make one by `from_settings`, `from_mapping` or `from_file`. Names have letters, digits, `_` and dots.

    Example:
        >>> space = FreeSpace.from_settings(
        ...     ["optimizer=choice(sgd, adam)", "momentum=uniform(0, 0.99) if optimizer == sgd", "epochs=3"]
        ... )
        >>> space.walk(lambda name, range_: range_.center())
        {'optimizer': 'sgd', 'momentum': 0.495}
        >>> space.complete({"optimizer": "adam"})
        {'optimizer': 'adam', 'epochs': 3}

    Attributes:
        settings: a `Range`, text, finite number, true or false by name, in the order in which they were given.

    Raises:
        RecipeError: a name or a value cannot be used, or a condition can never hold; all faults are told at once.
    """

    settings: Mapping[str, Range | Scalar]

    def __post_init__(self) -> None:
        refuse(Fault(text) for name in self.settings for text in self._faults(name))
        list(map(self._check_no_circle, self.ranges))

    @classmethod
    def from_settings(cls, texts: Iterable[str]) -> FreeSpace:
        """From texts such as `"lr=log(1e-4, 1e-1)"`; of two for one name the last counts."""
        pairs: dict[str, str] = {}
        for text in texts:
            name, equals, value = text.partition("=")
            if not equals:
                raise RecipeError(f"A setting is written name=value, such as 'lr=log(1e-4, 1e-1)'. Received: {text}.")
            pairs[name.strip()] = value.strip()
        return cls.from_mapping(pairs)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> FreeSpace:
        """From values and ranges by name; a text is read as `--set` reads it, so that a range may be a text."""
        found: dict[str, Any] = {}
        faults: list[Fault] = []
        for name, value in mapping.items():
            try:
                found[str(name)] = _read(value) if isinstance(value, str) else value
            except (RecipeError, ValueError) as error:
                faults.append(Fault(f"`{name}`: {error}"))
        refuse(faults)
        return cls(found)

    @classmethod
    def from_file(cls, path: Path) -> FreeSpace:
        """From a YAML or JSON file of at most 1 MiB; a mapping in a mapping makes dotted names."""
        try:
            text = read_file(path).decode("utf-8-sig")
            if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
                raise RecipeError(f"{path}: a space has no anchors or aliases. Write the values out.")
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except UnicodeDecodeError as error:
            raise RecipeError(f"{path} is not UTF-8 text. Save it as UTF-8.") from error
        except yaml.YAMLError as error:
            raise RecipeError(f"{path} is not YAML: {error}. A setting is written `name: value`.") from error
        pairs: dict[str, str] = {}
        _flatten(node, (), pairs, path)
        return cls.from_mapping(pairs)

    def to_settings(self) -> list[str]:
        """The space as `name=value` texts; `from_settings` takes them back."""
        return [
            f"{name}={value if isinstance(value, Range) else write_scalar(value)}"
            for name, value in self.settings.items()
        ]

    @property
    def ranges(self) -> dict[str, Range]:
        """The settings that are searched."""
        return {name: value for name, value in self.settings.items() if isinstance(value, Range)}

    @property
    def conditional(self) -> frozenset[str]:
        """The settings that have no value in some trials."""
        return frozenset(name for name, range_ in self.ranges.items() if range_.when is not None)

    def walk(self, suggest: Callable[[str, Range], Any]) -> dict[str, Any]:
        """Asks for a value of each range whose condition holds; what a range depends on is asked first."""
        chosen: dict[str, Any] = {}
        for name in self._order():
            if self._is_active(name, chosen):
                chosen[name] = suggest(name, self.ranges[name])
        return chosen

    def complete(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Every setting that has a value, given those of the ranges, in the order of the space."""
        fixed = {name: value for name, value in self.settings.items() if not isinstance(value, Range)}
        return {name: {**fixed, **chosen}[name] for name in self.settings if name in chosen or name in fixed}

    def start(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Values to begin with: those given, and the middle of every other range.

        Raises:
            RecipeError: a given value is not in its range, or there is no such range then.
        """
        chosen = self.walk(lambda name, range_: given.get(name, range_.center()))
        strangers = [name for name in given if name not in chosen]
        refuse(Fault(f"`{name}` is not searched at the start.{did_you_mean(name, chosen)}") for name in strangers)
        wrong = [name for name, value in chosen.items() if not self.ranges[name].contains(value)]
        refuse(
            Fault(f"`{name}` is searched in {self.ranges[name]}. Received: {given[name]!r}, to start with.")
            for name in wrong
        )
        return chosen

    def _is_active(self, name: str, chosen: Mapping[str, Any]) -> bool:
        when = self.ranges[name].when
        known = self.complete(chosen)
        return when is None or (when.leaf in known and when.holds(known[when.leaf]))

    def _needs(self, name: str) -> str | None:
        """The range that decides whether this one is searched."""
        when = self.ranges[name].when
        return when.leaf if when is not None and when.leaf in self.ranges else None

    def _order(self) -> list[str]:
        """The ranges, each after the one that it depends on."""
        done: dict[str, None] = {}
        for name in self.ranges:
            line = [name]
            while (other := self._needs(line[-1])) is not None:
                line.append(other)
            done |= dict.fromkeys(reversed(line))
        return list(done)

    def _check_no_circle(self, name: str) -> None:
        line = [name]
        while (other := self._needs(line[-1])) is not None:
            line.append(other)
            if other in line[:-1]:
                raise RecipeError(f"The conditions of {' and '.join(line[:-1])} go in a circle. Remove one of them.")

    def _faults(self, name: str) -> Iterable[str]:
        value = self.settings[name]
        if not NAME.fullmatch(name):
            yield f"`{name}` is no name of a setting: letters, digits and _, with dots between parts, no digit first."
        if name.casefold() in RESERVED:
            yield f"`{name}` is what a program is told in any case, so no setting has that name. Choose another."
        twins = [other for other in self.settings if other != name and variable(other) == variable(name)]
        if twins:
            yield f"`{name}` and `{twins[0]}` would both be {variable(name)} in the environment. Rename one."
        if isinstance(value, Range):
            yield from self._range_faults(name, value)
        elif not isinstance(value, str | int | float) or not (isinstance(value, str) or math.isfinite(value)):
            yield f"`{name}` must be a range, a text, a finite number, true or false. Received: {value!r}."
        elif isinstance(value, str) and _CONDITIONED.fullmatch(value):
            yield f"`{name}`: only a range has a condition. Write choice(...) around the value. Received: {value}."

    def _range_faults(self, name: str, range_: Range) -> Iterable[str]:
        if None in getattr(range_, "options", ()):
            yield f"`{name}`: null is no value for a program. Leave the setting out by a condition. Received: {range_}."
        if range_.when is None:
            return
        leaf, values = range_.when.leaf, range_.when.values
        other = self.settings.get(leaf)
        if leaf not in self.settings:
            yield f"`{name}` depends on `{leaf}`, which is no setting.{did_you_mean(leaf, self.settings)}"
        elif isinstance(other, Range):
            never = [value for value in values if not other.contains(value)]
            if never:
                yield f"`{name}` depends on `{leaf}`, which is never {write_scalar(never[0])}: it is {other}."
        elif not range_.when.holds(other):
            yield f"`{name}` is never searched, since `{leaf}` is {write_scalar(other)}."


def variable(name: str) -> str:
    """The environment variable that a setting is handed over in.

    Example:
        >>> variable("optimizer.learning_rate")
        'MAPSTO_OPTIMIZER_LEARNING_RATE'
    """
    return f"MAPSTO_{name.replace('.', '_').upper()}"


def _read(text: str) -> Range | Scalar:
    if len(text) > 1 and text[0] in "\"'" and text[-1] == text[0]:
        return unquote(text)
    range_ = parse(text)
    return read_scalar(text) if range_ is None else range_


def _flatten(node: Any, name: tuple[str, ...], into: dict[str, str], path: Path) -> None:
    """Settings below a node of YAML; every scalar as the text that `--set` would be given."""
    if isinstance(node, yaml.ScalarNode) and name:
        dotted = ".".join(name)
        if dotted in into:
            raise RecipeError(f"{path}, line {node.start_mark.line + 1}: `{dotted}` is given twice. Keep one.")
        is_text = node.style in ("'", '"') and "(" not in node.value  # a range may stand in quotes
        into[dotted] = write_scalar(node.value) if is_text else node.value
    elif isinstance(node, yaml.MappingNode) and len(name) < MAX_DEPTH:
        for key, value in node.value:
            _flatten(value, (*name, str(key.value)), into, path)
    else:
        line = "" if node is None else f", line {node.start_mark.line + 1}"
        raise RecipeError(
            f"{path}{line}: a space is a mapping of names to values and ranges, such as `lr: log(1e-4, 1)`."
        )
