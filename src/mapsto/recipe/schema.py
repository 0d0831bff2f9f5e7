"""A recipe: everything that decides one run, as frozen, validated data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from mapsto.recipe.check import problems
from mapsto.recipe.decode import decode
from mapsto.recipe.families import TASKS
from mapsto.recipe.faults import Fault, refuse
from mapsto.recipe.leaves import exists, order, plain, split, unknown
from mapsto.recipe.notation import read_yaml, write_yaml
from mapsto.recipe.options import Options
from mapsto.recipe.ranges import Range
from mapsto.recipe.sections import (
    DEFAULT_NAMES,
    FAMILIES,
    GROUPS,
    SECTIONS,
    AugmentOptions,
    DataOptions,
    HyperparameterOptions,
    SearchOptions,
    TrainingOptions,
)

__all__ = ["AugmentOptions", "DataOptions", "Recipe", "SearchOptions", "TrainingOptions"]


class Recipe(BaseModel):
    """Every setting of one run, each with a value.

    `task`, `model`, `loss`, `optimizer` and `schedule` are members of their families (an `SGD`, say) with their
    settings as fields. Every setting has one dotted name: `recipe.get("optimizer.learning_rate")`.

    Example:
        >>> recipe = Recipe.from_leaves({"task.name": "tabular_regression", "optimizer.name": "sgd"})
        >>> recipe.model.name, recipe.optimizer.momentum, recipe.get("training.batch_size")
        ('mlp', 0.9, 128)
        >>> recipe.replace({"training.batch_size": 32}).training.batch_size
        32
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int
    task: Any
    data: DataOptions
    augment: AugmentOptions
    model: Any
    hp: HyperparameterOptions
    loss: Any
    optimizer: Any
    schedule: Any
    training: TrainingOptions
    search: SearchOptions

    @classmethod
    def from_leaves(cls, leaves: Mapping[str, Any], origins: Mapping[str, str] | None = None) -> Self:
        """Builds a recipe from values by dotted name; what is not given has its default.

        Args:
            leaves: values, `task.name` among them. The default model and loss are the first that the task names.
            origins: where each was given, for messages.

        Raises:
            RecipeError: a name, a value or a combination is wrong; all faults are told at once.
        """
        origins = origins or {}
        leaves = with_names({leaf: plain(value) for leaf, value in leaves.items()})
        faults = [Fault(unknown(leaf), origins.get(leaf, "")) for leaf in leaves if not exists(leaf)]
        faults += [
            Fault(f"`{leaf}` must be one value in a recipe. Received: {value}.", origins.get(leaf, ""))
            for leaf, value in leaves.items()
            if isinstance(value, Range)
        ]
        if "task.name" not in leaves:
            faults.append(Fault(f"`task.name` is not given. Name one of {', '.join(TASKS.names())}."))
        known = {leaf: value for leaf, value in leaves.items() if exists(leaf) and not isinstance(value, Range)}
        refuse([*faults, *problems(known, origins)])
        return cls(seed=leaves.get("seed", 0), **_sections(leaves))

    def leaves(self) -> dict[str, Any]:
        """Every setting by dotted name, in JSON's types, in the order in which a recipe is written."""
        found: dict[str, Any] = {"seed": self.seed}
        for section in SECTIONS[1:]:
            options: Options = getattr(self, section)
            if section in FAMILIES:
                found[f"{section}.name"] = options.name
            found |= {f"{section}.{field}": value for field, value in options.model_dump(mode="json").items()}
        return found

    def get(self, leaf: str) -> Any:
        """The value of a setting by dotted name.

        Raises:
            RecipeError: this recipe has no such setting.
        """
        leaves = self.leaves()
        if leaf not in leaves:
            name = leaves.get(f"{split(leaf)[0]}.name", "")
            refuse([Fault(f"`{leaf}` is not a setting of {name}." if exists(leaf) else unknown(leaf))])
        return leaves[leaf]

    def replace(self, changes: Mapping[str, Any]) -> Self:
        """The recipe with other values for some settings, validated anew.

        Where a change names another member of a family, settings that the new member does not have are dropped.

        Raises:
            RecipeError: a change is wrong; all faults are told at once.
        """
        return self.from_leaves({**without_strangers(self.leaves(), changes), **changes})

    def to_yaml(self) -> str:
        """The recipe as YAML, every setting written out."""
        return write_yaml(self.leaves())

    @classmethod
    def from_yaml(cls, text: str | bytes, where: str = "recipe") -> Self:
        """Reads a recipe in YAML; what is not there has its default.

        Raises:
            RecipeError: it is not YAML, or a setting is wrong or a range; `where` and the lines are named.
        """
        decoded = decode(*read_yaml(text, where))
        refuse(decoded.faults)
        return cls.from_leaves(decoded.leaves, decoded.origins)


def with_names(leaves: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with a member for every family, the defaults where none is named; a task is never guessed."""
    found = {f"{section}.name": name for section, name in DEFAULT_NAMES.items()} | dict(leaves)
    task = found.get("task.name")
    if isinstance(task, str) and task in TASKS.names():
        found = {"model.name": TASKS.get(task).models[0], "loss.name": TASKS.get(task).losses[0]} | found
    return dict(
        sorted(found.items(), key=lambda item: order(item[0]) if exists(item[0]) else (len(SECTIONS), True, ""))
    )


def without_strangers(leaves: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`leaves` without the settings of members that `changes` replaces by others which do not have them."""
    kept = dict(leaves)
    for section, family in FAMILIES.items():
        name = changes.get(f"{section}.name")
        if not isinstance(name, str) or name == leaves.get(f"{section}.name") or name not in family.names():
            continue
        fields = {"name", *family.get(name).model_fields}
        kept = {leaf: v for leaf, v in kept.items() if split(leaf)[0] != section or split(leaf)[1] in fields}
    return kept


def _sections(leaves: Mapping[str, Any]) -> dict[str, Options]:
    """The sections as objects, from settings that are valid."""
    made: dict[str, Options] = {}
    for section in SECTIONS[1:]:
        fields = {split(leaf)[1]: value for leaf, value in leaves.items() if split(leaf)[0] == section}
        cls = GROUPS[section] if section in GROUPS else FAMILIES[section].get(fields.pop("name"))
        made[section] = cls.model_validate_json(json.dumps(fields), strict=True)
    model: Any = made["model"]
    return {**made, "model": model.of_recipe(leaves)}
