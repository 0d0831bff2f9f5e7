"""A space: a recipe in which any leaf may be a range, and any leaf may be left open.

What a user says, in YAML, in `--set` or in Python, is one of these; the three notations turn into each other without
loss. A space without ranges, with its open leaves filled, is a recipe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from mapsto.recipe.check import Leaves, needs, nobody_has, problems
from mapsto.recipe.decode import Decoded, decode
from mapsto.recipe.families import TASKS
from mapsto.recipe.family import OWN
from mapsto.recipe.faults import Fault, refuse
from mapsto.recipe.leaves import exists, holders, is_name, order, plain, split, unknown
from mapsto.recipe.ludwig import is_ludwig, read_ludwig
from mapsto.recipe.notation import read_file, read_mapping, read_settings, read_yaml, write_settings, write_yaml
from mapsto.recipe.ranges import Range
from mapsto.recipe.scalars import AUTO
from mapsto.recipe.schema import Recipe, without_strangers
from mapsto.recipe.sections import DEFAULT_NAMES, FAMILIES


@dataclass(frozen=True, repr=False)
class Space:
    """Values and ranges by dotted name; what is not named is open.

    Make one by `from_mapping`, `from_yaml`, `from_file` or `from_settings`. In any of them a range may be written in
    its notation, and `auto` leaves a setting open.

    Example:
        >>> space = Space.from_settings(["task=tabular_regression", "model.dropout=uniform(0, 0.5)"])
        >>> space.ranges
        {'model.dropout': Uniform(low=0.0, high=0.5, step=None, when=None)}
        >>> space.recipe({"model.dropout": 0.1}).model.dropout
        0.1

    Attributes:
        leaves: values and `Range`s by dotted name, sections in their order.
        opened: leaves that were expressly left open; merged over another space, they are open again.
        origins: where each leaf was written, for messages.
    """

    leaves: Leaves = field(default_factory=dict)
    opened: frozenset[str] = frozenset()
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        given = {leaf: plain(value) for leaf, value in self.leaves.items()}
        faults = [Fault(unknown(leaf), self.origins.get(leaf, "")) for leaf in given if not exists(leaf)]
        known = {leaf: given[leaf] for leaf in sorted((leaf for leaf in given if exists(leaf)), key=order)}
        refuse([*faults, *problems(known, self.origins)])
        object.__setattr__(self, "leaves", known)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Self:
        """From a mapping, nested by section or with dotted names; ranges as objects or in their notation.

        Raises:
            RecipeError: a name, a value or a combination is wrong; all faults are told at once.
        """
        return cls._from(decode(*read_mapping(mapping)))

    @classmethod
    def from_yaml(cls, text: str | bytes, where: str = "recipe") -> Self:
        """From YAML; messages name `where` and the line.

        Raises:
            RecipeError: it is not YAML, or a setting is wrong; all faults are told at once.
        """
        return cls._from(decode(*read_yaml(text, where)))

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """From a YAML file of at most 1 MiB: a space, or a configuration of Ludwig.

        Raises:
            RecipeError: it cannot be read, is not YAML, or a setting is wrong; all faults are told at once.
        """
        text = read_file(path)
        if is_ludwig(text):
            return cls.from_mapping(read_ludwig(text, where=str(path)))
        return cls.from_yaml(text, where=str(path))

    @classmethod
    def from_settings(cls, settings: Iterable[str]) -> Self:
        """From texts such as `"optimizer.learning_rate=log(1e-4, 1e-1)"`; of two for one leaf the last counts.

        Raises:
            RecipeError: a setting is wrong; all faults are told at once.
        """
        return cls._from(decode(*read_settings(settings)))

    @classmethod
    def _from(cls, decoded: Decoded) -> Self:
        if decoded.faults:  # told together with what is wrong with the other settings
            refuse([*decoded.faults, *problems(decoded.leaves, decoded.origins)])
        return cls(decoded.leaves, frozenset(decoded.opened), decoded.origins)

    def to_mapping(self) -> dict[str, Any]:
        """Values and ranges nested by section, open leaves as `auto`; `from_mapping` takes it back."""
        nested: dict[str, Any] = {}
        for leaf, value in self._written().items():
            section, name = split(leaf)
            if section == leaf:
                nested[section] = value
            else:
                nested.setdefault(section, {})[name] = value
        return nested

    def to_yaml(self) -> str:
        """The space as YAML; `from_yaml` takes it back."""
        return write_yaml(self._written())

    def to_settings(self) -> list[str]:
        """The space as `name=value` texts; `from_settings` takes them back."""
        return write_settings(self._written())

    def merged(self, other: Space) -> Space:
        """Both spaces in one; where both name a leaf, `other` wins. Mappings such as `data.columns` are joined.

        Where `other` names another member of a family, settings that the new member does not have are dropped; what
        `other` leaves open (`auto`) is open.

        Raises:
            RecipeError: the two cannot stand beside each other.
        """
        mine = {leaf: v for leaf, v in without_strangers(self.leaves, other.leaves).items() if leaf not in other.opened}
        leaves = {**mine, **{leaf: _joined(mine.get(leaf), value) for leaf, value in other.leaves.items()}}
        return Space(leaves, (self.opened - set(other.leaves)) | other.opened, {**self.origins, **other.origins})

    @property
    def ranges(self) -> dict[str, Range]:
        """The leaves that are ranges."""
        return {leaf: value for leaf, value in self.leaves.items() if isinstance(value, Range)}

    def active(self, chosen: Leaves, defaults: Leaves | None = None) -> dict[str, Range]:
        """The ranges that are searched, given values chosen so far.

        A range is active while its condition holds and the chosen member of its family has such a setting. One that
        depends on a range without a value is not active yet.
        """
        return {leaf: range_ for leaf, range_ in self.ranges.items() if self._is_active(leaf, chosen, defaults or {})}

    def walk(self, suggest: Callable[[str, Range], Any], defaults: Leaves | None = None) -> dict[str, Any]:
        """Asks for a value of each active range; what a range depends on is asked first.

        Args:
            suggest: gives a value for a leaf and its range.
            defaults: values of open leaves.

        Returns:
            The values by dotted name, of active ranges only.
        """
        chosen: dict[str, Any] = {}
        for leaf in self._order():
            if self._is_active(leaf, chosen, defaults or {}):
                chosen[leaf] = plain(suggest(leaf, self.leaves[leaf]))
        return chosen

    def recipe(self, chosen: Leaves | None = None, defaults: Leaves | None = None) -> Recipe:
        """The recipe with the given values for the ranges.

        Args:
            chosen: values of the active ranges, as `walk` returns them.
            defaults: values of open leaves, from the task; those that the chosen members do not have are left out,
                and so are those that were meant for another member than the chosen one.

        Raises:
            RecipeError: a range is left without a value, or the settings do not go together.
        """
        chosen, defaults = chosen or {}, defaults or {}
        active = self.active(chosen, defaults)
        faults = [
            Fault(f"`{leaf}` is searched in {range_} and has no value yet.", self.origins.get(leaf, ""))
            for leaf, range_ in active.items()
            if leaf not in chosen
        ]
        faults += [
            Fault(f"`{leaf}` was chosen, but is not searched here. Received: {value!r}.")
            for leaf, value in chosen.items()
            if leaf not in active
        ]
        names = {f"{section}.name": self._value(f"{section}.name", chosen, defaults) for section in FAMILIES}
        values = {leaf: value for leaf, value in names.items() if value is not None}
        faults += [Fault(self._stranger(leaf, names), self.origins.get(leaf, "")) for leaf in self._strangers(names)]
        refuse(faults)
        fixed = {leaf: value for leaf, value in self._fixed().items() if _has_place(leaf, names)}
        fitting = {leaf: value for leaf, value in defaults.items() if _suits(leaf, names, defaults)}
        return Recipe.from_leaves({**fitting, **fixed, **chosen, **values}, self.origins)

    def field_default(self, leaf: str, defaults: Leaves | None = None) -> Any:
        """The value that a leaf would have if it were neither given nor searched; None if no member has it.

        Args:
            leaf: dotted name.
            defaults: values of open leaves, from the task.
        """
        return self._default(leaf, {}, defaults or {})

    def __hash__(self) -> int:
        return hash(self.to_yaml())

    def __repr__(self) -> str:
        return f"Space.from_settings({self.to_settings()!r})"

    # -- what depends on what ------------------------------------------------------------------------------------

    def _written(self) -> dict[str, Any]:
        opened = dict.fromkeys(self.opened, AUTO)
        return dict(sorted({**self.leaves, **opened}.items(), key=lambda item: order(item[0])))

    def _fixed(self) -> dict[str, Any]:
        return {leaf: value for leaf, value in self.leaves.items() if not isinstance(value, Range)}

    def _value(self, leaf: str, chosen: Leaves, defaults: Leaves) -> Any:
        """What a leaf's value is once some ranges have theirs; None while it is not known, or there is no such leaf."""
        if leaf in chosen:
            return chosen[leaf]
        if leaf in self.ranges and self._is_active(leaf, chosen, defaults) is not False:
            return None
        if not self._fits(leaf, chosen, defaults):
            return None
        return self._fixed().get(leaf, self._default(leaf, chosen, defaults))

    def _default(self, leaf: str, chosen: Leaves, defaults: Leaves) -> Any:
        section, name = split(leaf)
        if is_name(leaf):
            return self._open_name(section, chosen, defaults)
        member = f"{section}.name"
        names = {member: self._value(member, chosen, defaults)} if section in FAMILIES else {}
        if leaf in defaults and _suits(leaf, names, defaults):
            return defaults[leaf]
        classes = holders(leaf, None if names.get(member) is None else [names[member]])
        return next((cls.default(name) for cls in classes.values()), None)

    def _open_name(self, section: str, chosen: Leaves, defaults: Leaves) -> Any:
        """The member of a family that is neither given nor searched."""
        name = defaults.get(f"{section}.name", DEFAULT_NAMES.get(section))
        if section not in ("model", "loss"):
            return name
        task = self._value("task.name", chosen, defaults)
        if not isinstance(task, str) or task not in TASKS.names():
            return name
        fitting = TASKS.get(task).models if section == "model" else TASKS.get(task).losses
        return name if name in (*fitting, OWN) else fitting[0]

    def _is_active(self, leaf: str, chosen: Leaves, defaults: Leaves) -> bool | None:
        """Whether a range is searched; None while that depends on a range without a value."""
        for other in needs(self.leaves, leaf):
            if other not in chosen and self._is_active(other, chosen, defaults) is not False:
                return None
        condition = self.leaves[leaf].when
        if condition is not None and not condition.holds(self._value(condition.leaf, chosen, defaults)):
            return False
        return self._fits(leaf, chosen, defaults)

    def _fits(self, leaf: str, chosen: Leaves, defaults: Leaves) -> bool:
        """Whether the section's member, as far as it is chosen, has such a setting."""
        section = split(leaf)[0]
        if section not in FAMILIES or is_name(leaf):
            return True
        return _has_place(leaf, {f"{section}.name": self._value(f"{section}.name", chosen, defaults)})

    def _order(self) -> list[str]:
        """The ranges, each after those that it depends on; else in the order of the leaves."""
        done: dict[str, None] = {}

        def visit(leaf: str) -> None:
            for other in needs(self.leaves, leaf):
                visit(other)
            done[leaf] = None

        for leaf in self.ranges:
            visit(leaf)
        return list(done)

    def _strangers(self, names: Leaves) -> list[str]:
        """Leaves that the chosen member does not have, where the space does not itself say that members vary."""
        return [
            leaf
            for leaf, value in self.leaves.items()
            if not _has_place(leaf, names)
            and names[f"{split(leaf)[0]}.name"] is not None
            and f"{split(leaf)[0]}.name" not in self.leaves
            and not (isinstance(value, Range) and value.when is not None)
        ]

    def _stranger(self, leaf: str, names: Leaves) -> str:
        name = f"{split(leaf)[0]}.name"
        return f"`{name}` is left open and becomes {names[name]}. {nobody_has(leaf, [str(names[name])])}"


def _has_place(leaf: str, names: Leaves) -> bool:
    """Whether the chosen members have such a setting."""
    section = split(leaf)[0]
    if section not in FAMILIES or is_name(leaf):
        return True
    name = names.get(f"{section}.name")
    return name is not None and bool(holders(leaf, [name]))


def _suits(leaf: str, names: Leaves, defaults: Leaves) -> bool:
    """Whether a default was meant for the chosen member: a step size for AdamW says nothing about SGD's."""
    name = f"{split(leaf)[0]}.name"
    return _has_place(leaf, names) and defaults.get(name, names.get(name)) == names.get(name)


def _joined(old: Any, new: Any) -> Any:
    return {**old, **new} if isinstance(old, dict) and isinstance(new, dict) else new
