"""Names of columns in messages: listed, and the one that was probably meant."""

from __future__ import annotations

from collections.abc import Sequence

from mapsto.recipe.family import did_you_mean


def listed(names: Sequence[str], limit: int = 20) -> str:
    """The first names in quotation marks, and how many more there are."""
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return (", ".join(f'"{name}"' for name in names[:limit]) or "none") + more


def nearest(name: str, names: Sequence[str]) -> str:
    """`did_you_mean`, with a name that differs only in case always found."""
    same = [known for known in names if known.casefold() == name.casefold()]
    return did_you_mean(name, names) if not same else f' Did you mean "{same[0]}"?'
