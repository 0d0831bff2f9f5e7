"""Samplers of OptunaHub, a public collection that is fetched over the network."""

from __future__ import annotations

import functools
import inspect
import re
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto._imports import require
from mapsto.errors import RecipeError
from mapsto.recipe.sections import HUB
from mapsto.search.problem import Problem
from mapsto.search.samplers.base import Sampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class OptunaHub(Sampler):
    """A sampler from https://hub.optuna.org, by the name of its package: `search.sampler: optunahub/auto_sampler`.

    The package is fetched from GitHub the first time and kept in OptunaHub's cache. It is code of others, and runs in
    this process; what it keeps in the study, and whether it repeats, is up to it.

    Args:
        package: name of a folder in the collection's `samplers`.

    Raises:
        RecipeError: it cannot be such a name.
    """

    title: ClassVar[str] = "a sampler of OptunaHub"
    many_objectives: ClassVar[bool] = True

    def __init__(self, package: str) -> None:
        if not re.fullmatch(r"\w+", package, re.ASCII):
            raise RecipeError(
                f"A sampler of OptunaHub is named by its folder, as `{HUB}auto_sampler`. Received: `{HUB}{package}`."
            )
        self.package = package

    def build(self, problem: Problem, seed: int) -> BaseSampler:
        made = _sampler_class(self.package)
        parameters = inspect.signature(made).parameters
        needed = [
            name
            for name, parameter in parameters.items()
            if parameter.default is parameter.empty
            and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        ]
        if needed:
            raise RecipeError(
                f"The sampler `{HUB}{self.package}` has to be told {', '.join(needed)}, which a recipe cannot. Choose "
                f"another, such as `search.sampler: auto`."
            )
        sampler: BaseSampler = made(seed=seed) if "seed" in parameters else made()
        return sampler


@functools.cache
def _sampler_class(package: str) -> type[Any]:
    """The first sampler among the public names of a package, loaded once in a process."""
    optunahub = require("optunahub", extra="search", purpose=f"The sampler `{HUB}{package}`")
    from optuna.samplers import BaseSampler  # here, since optuna takes a quarter of a second to import

    try:
        module = optunahub.load_module(f"samplers/{package}")
    except Exception as error:
        raise RecipeError(
            f"The sampler `{HUB}{package}` could not be fetched from OptunaHub ({_first_line(error)}). It needs the "
            f"network the first time, and the name of a package under https://hub.optuna.org. Without the network, "
            f"`search.sampler: auto` chooses among the samplers that come with mapsto."
        ) from error
    public = [getattr(module, name) for name in getattr(module, "__all__", vars(module))]
    for member in public:
        if isinstance(member, type) and issubclass(member, BaseSampler) and member is not BaseSampler:
            return member
    raise RecipeError(
        f"The package `{package}` of OptunaHub has no sampler among its public names. Choose another one."
    )


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1][:200]}" if lines else type(error).__name__
