"""Recipes explained: every setting with its meaning, a commented recipe to start from, and JSON Schema for editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel

from mapsto.recipe import leaves as names
from mapsto.recipe.notation import write_yaml
from mapsto.recipe.ranges import Range
from mapsto.recipe.sections import AUTO_SECTIONS, FAMILIES, GROUPS, NOT_SEARCHED, SECTIONS
from mapsto.recipe.space import Space

RANGE_PATTERN = r"^\s*(log|uniform|int|choice)\s*\(.*\)(\s+if\s+.+)?\s*$"
"""What a range looks like to an editor; `mapsto show` checks it in full."""

MATTERS = ("task.name", "model.", "loss.", "optimizer.", "schedule.", "training.", "data.scale", "data.target",
           "data.source", "search.budget", "search.n_trials", "search.sampler", "seed")  # fmt: skip
"""What a starting recipe shows, beside what is worth searching; the rest is in `mapsto show`."""


class Setting(NamedTuple):
    """One setting of one member.

    `member` is empty in sections that are always the same; `allowed` and `description` are in words.
    """

    leaf: str
    member: str
    default: Any
    allowed: str
    description: str


def listing() -> list[Setting]:
    """Every setting that there is, in the order of sections."""
    found = []
    for leaf in names.every_leaf():
        if names.is_name(leaf):
            section = names.split(leaf)[0]
            allowed = "one of " + ", ".join(FAMILIES[section].names())
            found.append(Setting(leaf, "", None, allowed, f"which {FAMILIES[section].kind}"))
            continue
        for member, cls in names.holders(leaf).items():
            field = cls.model_fields[names.split(leaf)[1]]
            text = field.description or ""
            found.append(Setting(leaf, member, field.get_default(), names.allowed(field), text))
    return found


def init_text(space: Space, ranges: Mapping[str, Range]) -> str:
    """A recipe to start from: what matters, with its meaning beside it and ranges worth searching as comments.

    Args:
        space: with every setting filled in.
        ranges: by dotted name, proposed for the search.
    """
    shown = {leaf: value for leaf, value in space.leaves.items() if leaf.startswith(MATTERS) or leaf in ranges}
    members = {section: space.leaves.get(f"{section}.name") for section in FAMILIES}
    comments = {}
    for setting in listing():
        if setting.leaf not in shown or setting.member not in ("", members.get(names.split(setting.leaf)[0])):
            continue
        meaning = setting.allowed if names.is_name(setting.leaf) else setting.description
        worth = f"; worth searching: {ranges[setting.leaf]}" if setting.leaf in ranges else ""
        comments[setting.leaf] = meaning + worth
    head = (
        "# A recipe for mapsto. Any value may be a range: log(1e-4, 1e-1), uniform(0, 0.5), int(32, 512, log=True),\n"
        "# choice(relu, gelu). `mapsto tune` searches the ranges that are here, or good ones of its own if there are\n"
        "# none; `mapsto show` prints every setting; `mapsto train` trains the recipe as it stands.\n"
    )
    return head + write_yaml(shown, comments)


def json_schema() -> dict[str, Any]:
    """JSON Schema of recipes and spaces: each leaf takes its type, a range as text, or `auto`."""
    properties: dict[str, Any] = {"seed": _section(names.Seed)["properties"]["seed"]}
    for section in SECTIONS[1:]:
        if section in GROUPS:
            group = _section(GROUPS[section], section)
            properties[section] = {"anyOf": [_AUTO, group]} if section in AUTO_SECTIONS else group
            continue
        family = FAMILIES[section]
        members = [_section(family.get(name), section, name) for name in family.names()]
        anyone: dict[str, Any] = {}
        for member in members:
            for field, schema in member["properties"].items():
                anyone.setdefault(field, {"anyOf": []})["anyOf"].append(schema)
        # Where the name is open or searched, settings of every member may stand.
        is_open = {"anyOf": [_RANGE, _AUTO]} if f"{section}.name" not in NOT_SEARCHED else _AUTO
        open_section = {
            "type": "object", "properties": {**anyone, "name": is_open}, "additionalProperties": False,
        }  # fmt: skip
        short = {"enum": list(family.names())}
        properties[section] = {"anyOf": [short, _AUTO, *members, open_section]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mapsto recipe",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


_RANGE = {"type": "string", "pattern": RANGE_PATTERN}
_AUTO = {"const": "auto"}


def _section(cls: type[BaseModel], section: str = "", member: str = "") -> dict[str, Any]:
    schema = cls.model_json_schema()
    properties = {}
    for field, own in schema.get("properties", {}).items():
        leaf = f"{section}.{field}" if section else field
        also = [_AUTO] if leaf in NOT_SEARCHED else [_RANGE, _AUTO]
        described = {key: own.pop(key) for key in ("description", "default", "title") if key in own}
        properties[field] = {**described, "anyOf": [own, *also]}
    required = {}
    if member:
        properties["name"] = {"const": member}
        required = {"required": ["name"]}
    return {"type": "object", "properties": properties, "additionalProperties": False, **required}
