"""Every setting that there is: which class holds it, what it may be, and what is wrong with a given value.

A setting ("leaf") has a dotted name, `section.field`. In a section that names a member of a family, the fields are
those of the member's class; so they are read off the classes, and there is no second list of them.
"""

from __future__ import annotations

import difflib
import json
import os
import types
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo

from mapsto.errors import RecipeError
from mapsto.recipe.family import MemberOf
from mapsto.recipe.options import Options
from mapsto.recipe.ranges import Choice, Int, Log, Range, Uniform
from mapsto.recipe.scalars import write_scalar
from mapsto.recipe.sections import FAMILIES, GROUPS, NOT_SEARCHED, SECTIONS

ENUMERATED = 64
"""Whole-number ranges up to this many values are checked value by value, longer ones at their ends."""


FREE_VALUE = "a text, a number, true, false or null"
"""What a setting may be whose name is of the user's choosing."""


class Seed(Options):
    """The one setting that stands in no section."""

    seed: int = Field(0, ge=0, lt=2**63, description="all randomness of the study comes from it")


@lru_cache(maxsize=4096)
def split(leaf: str) -> tuple[str, str]:
    """Section and field of a dotted name; `seed` is its own section."""
    section, _, field = leaf.partition(".")
    return section, field or section


def join(section: str, field: str) -> str:
    """The dotted name of a field."""
    return section if section == field == "seed" else f"{section}.{field}"


def holders(leaf: str, members: Iterable[str] | None = None) -> dict[str, type[Options]]:
    """The classes that have this setting, by the member's name (`""` where the section is no family).

    Args:
        leaf: dotted name.
        members: members of the family to look at, all of them if None; ignored in other sections.
    """
    section, field = split(leaf)
    if section in FAMILIES:
        names = FAMILIES[section].names() if members is None else members
        classes = {name: FAMILIES[section].get(name) for name in names}
    else:
        groups: dict[str, type[Options]] = {**GROUPS, "seed": Seed}
        classes = {"": groups[section]} if section in groups else {}
    return {name: cls for name, cls in classes.items() if cls.has(field)}


def is_name(leaf: str) -> bool:
    """Whether the setting names a member of a family."""
    section, field = split(leaf)
    return field == "name" and section in FAMILIES


@lru_cache(maxsize=4096)
def exists(leaf: str) -> bool:
    """Whether there is such a setting, in whichever member."""
    return is_name(leaf) or bool(holders(leaf))


def every_leaf() -> list[str]:
    """Dotted names of all settings of all members, in the order of sections and fields."""
    found: dict[str, None] = {}
    for section in SECTIONS:
        if section in FAMILIES:
            found[f"{section}.name"] = None
            classes = [FAMILIES[section].get(name) for name in FAMILIES[section].names()]
        else:
            classes = [Seed if section == "seed" else GROUPS[section]]
        found |= {join(section, field): None for cls in classes for field in cls.model_fields}
    return list(found)


def order(leaf: str) -> tuple[int, bool, str]:
    """Sort key: sections in their order, a member's name before its settings, these by the alphabet."""
    section, field = split(leaf)
    return SECTIONS.index(section), not is_name(leaf), field


def unknown(leaf: str) -> str:
    """Says that there is no such setting, and which there is with a similar name."""
    known = every_leaf()
    if leaf in SECTIONS:
        own = [name for name in known if split(name)[0] == leaf]
        return f"`{leaf}` is a section and takes no value itself. Its settings: {', '.join(own)}."
    field = leaf.rpartition(".")[2]
    fields = {name.rpartition(".")[2]: name for name in reversed(known)}
    initials = {"".join(word[0] for word in name.split("_")): name for name in fields if "_" in name}
    if field in initials:  # `lr` is written by habit, and no spelling is near it
        return f"There is no setting `{leaf}`. Did you mean `{fields[initials[field]]}`?"
    near = difflib.get_close_matches(leaf, known, n=1, cutoff=0.8)
    if not near and "." not in leaf:
        near = difflib.get_close_matches(leaf, SECTIONS, n=1, cutoff=0.6)
    if not near:
        near = [fields[name] for name in difflib.get_close_matches(field, list(fields), n=1, cutoff=0.6)]
    if near:
        return f"There is no setting `{leaf}`. Did you mean `{near[0]}`?"
    return f"There is no setting `{leaf}`. Sections: {', '.join(SECTIONS)}; `mapsto schema` lists every setting."


def plain(value: Any) -> Any:
    """`value` in types that JSON has: numpy numbers, paths and tuples are turned into numbers, texts and lists."""
    if isinstance(value, Range):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        return value.item()
    return value


def value_fault(leaf: str, value: Any, cls: type[Options] | None) -> str | None:
    """What is wrong with one value of a setting, or None.

    Args:
        leaf: dotted name.
        value: what was given, in JSON's types.
        cls: the class that holds the setting; None for the name of a family's member.
    """
    if isinstance(value, str | int | float) or value is None:
        return _known_fault(leaf, value, cls)
    return _value_fault(leaf, value, cls)


def _value_fault(leaf: str, value: Any, cls: type[Options] | None) -> str | None:
    if cls is None:
        return _name_fault(leaf, value)
    field = split(leaf)[1]
    try:
        # JSON's strict rules are what a person expects: no "32" for 32 and no 1 for true, but a list for a tuple.
        options = cls.model_validate_json(json.dumps({field: value}), strict=True)
        if isinstance(value, bool) != isinstance(getattr(options, field), bool):
            return _refusal(leaf, cls, value)  # Literal[1, 3] takes true for 1
    except (TypeError, RecursionError):
        return _refusal(leaf, cls, value)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            if detail["type"] == "json_invalid":
                return _refusal(leaf, cls, value)
            if detail["loc"][:1] == (field,):
                cause = detail.get("ctx", {}).get("error")
                return f"`{leaf}`: {cause}" if cause is not None else _refusal(leaf, cls, value)
    return None


# Most settings of a recipe are those of the recipe before it.
_known_fault = lru_cache(maxsize=4096, typed=True)(_value_fault)


def range_fault(leaf: str, range_: Range, cls: type[Options] | None) -> str | None:
    """What is wrong with a range for a setting, or None: its kind, its ends, or one of its options."""
    if leaf in NOT_SEARCHED:
        return (
            f"`{leaf}` cannot be a range: it says what is measured, or how, and scores under different values of it "
            f"cannot be compared. Received: {range_}."
        )
    for value in _probes(range_):
        fault = value_fault(leaf, value, cls)
        if fault is not None:
            return f"{fault} It stands in {range_}."
    return None


def allowed(field: FieldInfo) -> str:
    """What a field accepts, in words: `"a whole number, at least 1"`, `"one of relu, gelu"`."""
    return _in_words(field.annotation, tuple(field.metadata))


def shown(value: Any) -> str:
    """A value as a message shows it: in the notation, and never longer than a line."""
    text = write_value(value)
    return text if len(text) <= 120 else text[:117] + "..."


def write_value(value: Any) -> str:
    """A value or range as one line of YAML.

    Example:
        >>> write_value([128, 64]), write_value({"age": "category"}), write_value(Log(1e-4, 1e-1))
        ('[128, 64]', '{age: category}', 'log(0.0001, 0.1)')
    """
    if isinstance(value, Range):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{write_scalar(str(k))}: {write_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(write_value(item) for item in value) + "]"
    return write_scalar(value) if value is None or isinstance(value, str | int | float) else repr(value)


def _name_fault(leaf: str, value: Any) -> str | None:
    family = FAMILIES[split(leaf)[0]]
    if not isinstance(value, str):
        return f"`{leaf}` must be one of {', '.join(family.names())}. Received: {shown(value)}."
    try:
        family.check(value)
    except RecipeError as error:
        return f"`{leaf}`: {error}"
    return None


def _refusal(leaf: str, cls: type[Options], value: Any) -> str:
    field = split(leaf)[1]
    wants = allowed(cls.model_fields[field]) if field in cls.model_fields else FREE_VALUE
    wants_text = value_fault(leaf, "text", cls) is None if not isinstance(value, str) else False
    hint = " Write a text that looks like something else in quotes." if wants_text else ""
    if isinstance(value, str) and "(" in value:
        hint = " Ranges are log(low, high), uniform(low, high), int(low, high) and choice(a, b, ...)."
    return f"`{leaf}` must be {wants}. Received: {shown(value)}.{hint}"


def _probes(range_: Range) -> Iterable[Any]:
    match range_:
        case Choice():
            return range_.options
        case Int() if (range_.high - range_.low) // range_.step < ENUMERATED:
            return range(range_.low, range_.high + 1, range_.step)
        case Log() | Uniform() | Int():
            return (range_.low, range_.high)


def _in_words(annotation: Any, bounds: tuple[Any, ...]) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    for bound in bounds:
        if isinstance(bound, MemberOf):
            return "one of " + ", ".join(bound.allowed)
    if origin is Annotated:
        return _in_words(arguments[0], bounds + tuple(arguments[1:]))
    if origin in (Union, types.UnionType):
        parts = [_in_words(part, bounds) for part in arguments if part is not types.NoneType]
        return " or ".join(parts) + (" or null" if types.NoneType in arguments else "")
    if origin is Literal:
        return "one of " + ", ".join(write_scalar(option) for option in arguments)
    if origin is dict:
        return f"a mapping, each entry {_in_words(arguments[1], ())}"
    if origin in (list, tuple):
        return f"a list, each entry {_in_words(arguments[0], ())}"
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    return words.get(annotation, str(annotation)) + _interval(bounds)


def _interval(bounds: tuple[Any, ...]) -> str:
    """Bounds in words: `" in [0, 1)"`, `", at least 1"`, `" above 0"`."""
    limits = {key: getattr(bound, key) for bound in bounds for key in ("ge", "gt", "le", "lt") if hasattr(bound, key)}
    low = next(((key, limits[key]) for key in ("ge", "gt") if key in limits), None)
    high = next(((key, limits[key]) for key in ("le", "lt") if key in limits), None)
    if low and high:
        return f" in {'[('[low[0] == 'gt']}{low[1]}, {high[1]}{'])'[high[0] == 'lt']}"
    words = {"ge": ", at least ", "gt": " above ", "le": ", at most ", "lt": " below "}
    return "".join(words[end[0]] + str(end[1]) for end in (low, high) if end)
