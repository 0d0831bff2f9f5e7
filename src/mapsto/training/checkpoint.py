"""Tensors and plain values in one file, whole or not there: safetensors, with the values in its header."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto import _files
from mapsto.errors import RunError

if TYPE_CHECKING:
    from torch import Tensor


def write(path: Path, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
    """Writes tensors with JSON values beside them; replaces the file in one step."""
    from safetensors.torch import save  # here, since it imports torch

    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    content = save(plain, metadata={"values": json.dumps(values)})
    with _files.writing(path) as temporary:
        temporary.write_bytes(content)


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Reads what `write` wrote. No code is loaded, whatever the file holds.

    Raises:
        RunError: the file is not there or damaged.
    """
    from safetensors import SafetensorError, safe_open  # here, since it imports torch

    try:
        with safe_open(path, framework="pt") as file:
            values = json.loads((file.metadata() or {}).get("values", "{}"))
            return {name: file.get_tensor(name) for name in file.keys()}, values  # noqa: SIM118
    except FileNotFoundError as error:
        raise RunError(f"{path} is not there; nothing was saved under that name.") from error
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise RunError(f"{path} is damaged ({error}). Delete it to train that recipe again from its start.") from error
