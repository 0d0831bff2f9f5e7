"""A group of settings: the base of every section of a recipe and of every member of a family."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """Frozen, validated settings; an unknown name or a value out of range is refused.

    A subclass declares one field a setting, with its default, its range (`Field(ge=..., lt=...)`) and a
    `description`, which `mapsto init` writes as the comment beside it. No field is called `name`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    @property
    def name(self) -> str:
        """What a recipe calls it: the name of the file that its class is defined in."""
        return type(self).__module__.rpartition(".")[2]

    @classmethod
    def has(cls, field: str) -> bool:
        """Whether there is such a setting."""
        return field in cls.model_fields

    @classmethod
    def default(cls, field: str) -> Any:
        """The value of a setting where nothing is said."""
        return cls.model_fields[field].get_default()
