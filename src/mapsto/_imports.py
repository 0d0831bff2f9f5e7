"""Heavy packages, loaded when first used.

`import mapsto`, `mapsto --help` and every check of a recipe must answer at once, so no module imports torch at
its top. Modules write `from mapsto._imports import torch` and use `torch` as always; the first attribute asked
of it imports the real package (about two seconds).
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mapsto.errors import MissingPackage

if TYPE_CHECKING:
    import torch as torch

    keras: Any
else:

    class _LazyModule(ModuleType):
        def __getattr__(self, name: str) -> Any:
            if name == "__wrapped__":  # asked by whoever looks through a module's names, such as doctest
                raise AttributeError(name)
            try:
                module = importlib.import_module(self.__name__)
            except ImportError as error:
                raise _missing(self.__name__) from error
            self.__dict__.update(module.__dict__)  # later look-ups cost nothing
            return getattr(module, name)

    torch = _LazyModule("torch")
    keras = _LazyModule("keras")


def _missing(package: str) -> MissingPackage:
    return MissingPackage(
        f"This needs the package `{package}`, which is not installed, or cannot be imported. "
        f"Install it with `pip install 'mapsto[{package}]'`."
    )


def require(package: str, *, extra: str, purpose: str) -> ModuleType:
    """Imports an optional package, or says how to install it.

    Args:
        package: the module's name, such as `"plotly"`.
        extra: the extra of mapsto that brings it, as in `pip install 'mapsto[extra]'`.
        purpose: what it is needed for, as the subject of a sentence.

    Raises:
        MissingPackage: it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingPackage(
            f"{purpose} needs the package `{package}`, which is not installed. "
            f"Install it with `pip install 'mapsto[{extra}]'`."
        ) from error
