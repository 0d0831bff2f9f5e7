"""Open families of classes, with the folder as the registry.

A new optimizer, task or sampler is one new file with one public class; nothing else has to be edited. Names come
from file names, so listing a family imports none of its members, and looking one up imports only that one.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from mapsto.errors import RecipeError

OWN = "own"
"""The member of a family that stands for code of the user's own: a network, and the loss and optimizer with it."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`' Did you mean "sgd"?'`, or nothing where no known name is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f' Did you mean "{near[0]}"?' if near else ""


@cache
def _members(package: str) -> tuple[str, ...]:
    """The members in a folder; looked for once, since a check of a recipe asks for them hundreds of times."""
    spec = importlib.util.find_spec(package)
    places = spec.submodule_search_locations if spec else None
    found = (module.name for module in pkgutil.iter_modules(places or []) if not module.ispkg)
    return tuple(sorted(name for name in found if name != "base" and not name.startswith("_")))


@cache
def _member(package: str, name: str) -> type[Any]:
    """The class called as the file is, whatever its case: `sgd.py` has `SGD`, `one_cycle.py` has `OneCycle`."""
    module = importlib.import_module(f"{package}.{name}")
    for attribute, value in vars(module).items():
        is_own = isinstance(value, type) and value.__module__ == module.__name__
        if is_own and attribute.casefold() == name.replace("_", "").casefold():
            return value  # type: ignore[no-any-return]
    expected = name.title().replace("_", "")
    raise TypeError(f"{module.__name__} must define one public class called {expected}; it defines none.")


_added: dict[tuple[str, str], type[Any]] = {}


@dataclass(frozen=True)
class Family:
    """The classes of one folder, by the names of their files.

    Example:
        >>> optimizers = Family(kind="optimizer", package="mapsto.training.optimizers")
        >>> "sgd" in optimizers.names()
        True
        >>> optimizers.get("sgd").__name__
        'SGD'

    Attributes:
        kind: what one member is called in messages, singular.
        package: dotted name of the folder.
    """

    kind: str
    package: str

    def names(self) -> tuple[str, ...]:
        """Every member's name, sorted; `base`, folders and names that start with `_` are not members."""
        return _members(self.package) + self.added()

    def added(self) -> tuple[str, ...]:
        """Members that this program has added, in that order."""
        return tuple(name for package, name in _added if package == self.package)

    def add(self, name: str, member: type[Any]) -> None:
        """Adds a member of the user's own, for this process; a later one of the same name stands in its place.

        Raises:
            RecipeError: one that comes with mapsto is called so.
        """
        if name in _members(self.package):
            raise RecipeError(f'A {self.kind} called "{name}" comes with mapsto. Choose another name.')
        _added[self.package, name] = member

    def built_in(self) -> tuple[str, ...]:
        """Every member's name but `own`, whose code is the user's."""
        return tuple(name for name in self.names() if name != OWN)

    def get(self, name: str | type[Any]) -> type[Any]:
        """Imports the member's file and returns its class; a class passes through as it is.

        Raises:
            RecipeError: no member has this name; the message lists those there are, the nearest first.
            TypeError: the file does not define the one class that its name promises.
        """
        if isinstance(name, type):
            return name
        if (self.package, name) in _added:
            return _added[self.package, name]
        self.check(name)
        return _member(self.package, name)

    def check(self, name: str) -> None:
        """Refuses an unknown name without importing any member.

        Raises:
            RecipeError: no member has this name.
        """
        names = self.names()
        if name not in names:
            hint = did_you_mean(name, names)
            listed = ", ".join(names) or "none are installed"
            kinds = self.kind.capitalize() + ("es" if self.kind.endswith("s") else "s")
            raise RecipeError(f'No {self.kind} is called "{name}".{hint} {kinds}: {listed}.')


@dataclass(frozen=True)
class MemberOf:
    """Marks a setting that names a member of a family: `scale: Annotated[str, MemberOf(SCALERS)]`.

    Such a setting takes the names of the files that are there, and says so in messages, lists and JSON Schema.
    """

    family: Family
    also: tuple[str, ...] = ()
    """Words that are no member but may stand in the place of one, such as `auto`."""

    @property
    def allowed(self) -> tuple[str, ...]:
        """All that such a setting takes."""
        return (*self.also, *self.family.names())

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "enum": list(self.allowed)}

    def _checked(self, name: str) -> str:
        if name not in self.also:
            self.family.check(name)
        return name
