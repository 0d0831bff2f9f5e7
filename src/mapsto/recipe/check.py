"""Whether settings can stand beside each other, in a recipe or in a space."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from mapsto.recipe.families import AUGMENTATIONS, METRICS, TASKS
from mapsto.recipe.family import OWN
from mapsto.recipe.faults import Fault
from mapsto.recipe.leaves import exists, holders, is_name, range_fault, split, unknown, value_fault
from mapsto.recipe.options import Options
from mapsto.recipe.ranges import Choice, Range
from mapsto.recipe.sections import FAMILIES, GROUPS

Leaves = Mapping[str, Any]
"""Values and ranges by dotted name."""


def members(leaves: Leaves, section: str) -> tuple[str, ...]:
    """Members of the section's family that the settings leave possible; names that do not exist are passed over."""
    names = FAMILIES[section].names()
    chosen = leaves.get(f"{section}.name")
    wanted = chosen.options if isinstance(chosen, Choice) else names if chosen is None else (chosen,)
    # After a wrong name all are taken for possible, so that one slip does not make faults of its neighbors.
    return tuple(name for name in names if name in wanted) or names


def problems(leaves: Leaves, origins: Mapping[str, str]) -> list[Fault]:
    """Everything that is wrong with settings taken together; nothing where they are a valid space.

    Args:
        leaves: values and ranges of the settings that are given; the others are open.
        origins: where each was written, for messages.
    """
    alone = {leaf: _alone(leaves, leaf, value) for leaf, value in leaves.items()}
    faults = [
        Fault(text, origins.get(leaf, ""))
        for leaf, value in leaves.items()
        for text in (*alone[leaf], *_condition(leaves, leaf, value))
    ]
    guilty = {split(leaf)[0] for leaf, texts in alone.items() if texts}
    for section in dict.fromkeys(split(leaf)[0] for leaf in leaves):
        if section not in guilty:
            first = next(leaf for leaf in leaves if split(leaf)[0] == section)
            faults += [Fault(text, origins.get(first, "")) for text in _together(leaves, section)]
    faults += [Fault(text, origins.get(leaf, "")) for leaf, text in _beside_the_task(leaves)]
    return faults


def needs(leaves: Leaves, leaf: str) -> list[str]:
    """Other ranges that decide whether a range is searched: its condition's, and the name of its section's member."""
    value = leaves[leaf]
    wanted = [value.when.leaf] if isinstance(value, Range) and value.when is not None else []
    if not is_name(leaf):
        wanted.append(f"{split(leaf)[0]}.name")
    return [name for name in wanted if isinstance(leaves.get(name), Range)]


def nobody_has(leaf: str, names: Iterable[str]) -> str:
    """Says which members of the family have a setting that none of `names` has."""
    having = list(holders(leaf))
    if not having:
        return unknown(leaf)
    return (
        f"`{leaf}` is not a setting of {_listed(names, 'or')}, but of {_listed(having, 'and')}. "
        f"Leave it out, or change `{split(leaf)[0]}.name`."
    )


def section_faults(section: str, cls: type[Options], fields: Mapping[str, Any]) -> list[str]:
    """What a section's own rules for several of its fields say against these values."""
    try:
        cls.model_validate_json(json.dumps(fields), strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        return [f"`{section}`: {_cause(detail)}" for detail in details if not detail["loc"]]
    return []


def _alone(leaves: Leaves, leaf: str, value: Any) -> list[str]:
    """What is wrong with one setting, given which members are possible."""
    if is_name(leaf):
        fault = range_fault(leaf, value, None) if isinstance(value, Range) else value_fault(leaf, value, None)
        return [] if fault is None else [fault]
    section = split(leaf)[0]
    if section not in FAMILIES:
        classes, is_open = holders(leaf), False
    else:
        names = _members_under(leaves, section, value)
        classes, is_open = holders(leaf, names), f"{section}.name" not in leaves
        if not classes:
            return [nobody_has(leaf, names)]
    if not classes:
        return [unknown(leaf)]
    check = range_fault if isinstance(value, Range) else value_fault
    found = [check(leaf, value, cls) for cls in classes.values()]
    faults = [fault for fault in found if fault is not None]
    # While the member is open, one that takes the value is enough.
    return [] if is_open and len(faults) < len(found) else faults[:1]


def _members_under(leaves: Leaves, section: str, value: Any) -> tuple[str, ...]:
    """Members that are possible while the range's own condition holds."""
    if isinstance(value, Range) and value.when is not None and value.when.leaf == f"{section}.name":
        wanted = value.when.values
        return tuple(name for name in FAMILIES[section].names() if name in wanted) or members(leaves, section)
    return members(leaves, section)


def _condition(leaves: Leaves, leaf: str, value: Any) -> list[str]:
    """What is wrong with the condition that a range carries."""
    if not isinstance(value, Range) or value.when is None:
        return []
    other = value.when.leaf
    if not exists(other):
        return [f"{unknown(other)} It stands in the condition of `{leaf}`."]
    faults = []
    for wanted in value.when.values:
        classes = [None] if is_name(other) else list(holders(other).values())
        found = [value_fault(other, wanted, cls) for cls in classes]
        if all(found):
            faults.append(f"{found[0]} It stands in the condition of `{leaf}`.")
    circle = _circle(leaves, leaf)
    return [*faults, *([f"Conditions go in a circle: {' -> '.join(circle)}."] if circle else [])]


def _circle(leaves: Leaves, leaf: str) -> list[str]:
    """The shortest way from a range, through what it depends on, back to itself, if there is one."""
    ways = [[leaf]]
    seen = {leaf}
    for way in ways:
        for other in needs(leaves, way[-1]):
            if other == leaf:
                return [*way, other]
            if other not in seen:
                seen.add(other)
                ways.append([*way, other])
    return []


def _together(leaves: Leaves, section: str) -> list[str]:
    """What a section's class says against its values together; only asked where all of them are known."""
    fields = {split(leaf)[1]: value for leaf, value in leaves.items() if split(leaf)[0] == section}
    if any(isinstance(value, Range) for value in fields.values()):
        return []
    if section in GROUPS:
        return section_faults(section, GROUPS[section], fields)
    name = fields.pop("name", None)
    return section_faults(section, FAMILIES[section].get(name), fields) if isinstance(name, str) else []


def _beside_the_task(leaves: Leaves) -> list[tuple[str, str]]:
    """Models, losses, metrics and kinds of balance that the named task has no use for."""
    name = leaves.get("task.name")
    if not isinstance(name, str) or name not in TASKS.names():
        return []
    task = TASKS.get(name)
    metric = leaves.get("search.metric")
    models, losses = (*task.models, OWN), (*task.losses, OWN)
    faults = [*_unfit(leaves, "model", name, models), *_unfit(leaves, "loss", name, losses)]
    if isinstance(metric, str) and metric not in (*task.metrics, *METRICS.added()):
        fits = ", ".join(task.metrics)
        faults.append(("search.metric", f"`search.metric` is {metric}, which {name} does not report; it has {fits}."))
    balance = leaves.get("training.balance", "none")
    kinds = [kind for kind in (balance.options if isinstance(balance, Choice) else (balance,)) if kind != "none"]
    if kinds and not task.can_balance:
        cause = f"{name} cannot do: its rows have no classes. Leave it out."
        faults.append(("training.balance", f"`training.balance` is {kinds[0]}, which {cause}"))
    return [*faults, *_idle_augmentations(leaves, task.streams["inputs"], name)]


def _unfit(leaves: Leaves, section: str, task: str, fitting: tuple[str, ...]) -> Iterable[tuple[str, str]]:
    """Members of a family that are named and that the task cannot use."""
    named = leaves.get(f"{section}.name")
    for one in named.options if isinstance(named, Choice) else (named,):
        if one in FAMILIES[section].names() and one not in fitting:
            leaf = f"{section}.name"
            yield leaf, f"`{leaf}` is {one}, which does not fit {task}; what fits: {', '.join(fitting)}."


def _idle_augmentations(leaves: Leaves, encoder: str, task: str) -> Iterable[tuple[str, str]]:
    """Augmentations that are on, or searched, and have nothing to change in what the task reads."""
    if leaves.get("training.tta", 0) != 0 and not any(
        encoder in member.kinds and member.for_answers for member in map(AUGMENTATIONS.get, AUGMENTATIONS.names())
    ):
        yield (
            "training.tta",
            f"`training.tta` averages versions of images or recordings, and {task} reads {encoder}. Leave it out.",
        )
    for leaf, value in leaves.items():
        section, field = split(leaf)
        if section != "augment" or field not in AUGMENTATIONS.names() or value == 0:
            continue
        kinds = AUGMENTATIONS.get(field).kinds
        if encoder not in kinds:
            fits = [name for name in AUGMENTATIONS.names() if encoder in AUGMENTATIONS.get(name).kinds]
            yield (
                leaf,
                f"`{leaf}` changes {_listed(kinds, 'and')} arrays, and {task} reads {encoder}; "
                f"what fits: {', '.join(fits) or 'none'}.",
            )


def _cause(detail: Any) -> str:
    return str(detail.get("ctx", {}).get("error", detail["msg"]))


def _listed(names: Iterable[str], word: str) -> str:
    *most, last = names
    return f"{', '.join(most)} {word} {last}" if most else str(last)
