"""Keeps TensorFlow and torch from crashing each other: whichever is imported first, triton is loaded before TensorFlow.

TensorFlow makes the symbols of its LLVM global, and triton, which torch loads with its first optimizer, brings an LLVM
of its own: loaded after TensorFlow it crashes the process (https://github.com/tensorflow/tensorflow/issues/124205).
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class _BeforeTensorFlow:
    """Stands in the way of the first import of TensorFlow, and loads triton before it."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        if name == "tensorflow":
            sys.meta_path.remove(self)
            if importlib.util.find_spec("triton") is not None:
                importlib.import_module("triton")
        return None


def keep_apart() -> None:
    """Does what the order of imports so far leaves to be done; once is enough."""
    if "tensorflow" in sys.modules:
        if "triton" not in sys.modules:
            modules: dict[str, Any] = sys.modules
            modules["triton"] = None  # too late: torch goes on without it
    elif not any(isinstance(finder, _BeforeTensorFlow) for finder in sys.meta_path):
        sys.meta_path.insert(0, _BeforeTensorFlow())
