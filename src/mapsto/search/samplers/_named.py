"""Samplers by the name that a recipe gives them."""

from __future__ import annotations

from mapsto.recipe.families import SAMPLERS
from mapsto.recipe.sections import HUB
from mapsto.search.samplers.base import Sampler


def named(name: str) -> Sampler:
    """The sampler of `search.sampler`: a member of the family, or `optunahub/` and the name of a package.

    Example:
        >>> named("tpe").title
        'Bayesian search (TPE)'

    Raises:
        RecipeError: there is no such sampler. Whether OptunaHub has a package is known only once it is built.
    """
    if name.startswith(HUB):
        from mapsto.search.samplers._optunahub import OptunaHub  # here, since hardly anyone asks for it

        return OptunaHub(name.removeprefix(HUB))
    made: Sampler = SAMPLERS.get(name)()
    return made
