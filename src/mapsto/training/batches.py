"""The prepared arrays as tensors, lying where the network is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mapsto._imports import torch
from mapsto.recipe.sizes import parse_size

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.prepare import Prepared

IN_MEMORY_BYTES = 4 * 2**30
"""Up to this size, and `data.memory`, arrays are copied to the device once; beyond, batches come from the map."""


class Tensors:
    """One tensor a stream, all rows; made once and shared by all recipes that are trained on the same data.

    Args:
        prepared: the data.
        device: torch's name of the place, such as `"cpu"` or `"cuda"`.

    Example:
        `Tensors(prepared, "cpu").take(torch.tensor([0, 5]))["inputs"].shape[0]` is 2.
    """

    def __init__(self, prepared: Prepared, device: str) -> None:
        self.device = device
        self._maps = prepared.arrays
        self._tensors: dict[str, Tensor] | None = None
        most = min(IN_MEMORY_BYTES, parse_size(prepared.preprocessing.options.memory))
        if sum(array.nbytes for array in self._maps.values()) <= most:
            self._tensors = {name: torch.from_numpy(np.array(a)).to(device) for name, a in self._maps.items()}

    def take(self, rows: Tensor) -> dict[str, Tensor]:
        """The batch of these row numbers (int64, on the device)."""
        if self._tensors is not None:
            return {name: tensor.index_select(0, rows) for name, tensor in self._tensors.items()}
        index = rows.cpu().numpy()
        return {name: torch.from_numpy(array[index]).to(self.device) for name, array in self._maps.items()}
