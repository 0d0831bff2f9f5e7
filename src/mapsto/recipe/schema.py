"""A recipe: everything that decides one run, as frozen, validated data."""

from __future__ import annotations

from mapsto.recipe.sections import DataOptions, SearchOptions, TrainingOptions

__all__ = ["DataOptions", "SearchOptions", "TrainingOptions"]
