"""Number formats of a step: float32, or the forward pass in half the bits."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Literal

from mapsto._imports import torch

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

logger = logging.getLogger("mapsto")

Name = Literal["float32", "bf16", "fp16"]


class Precision:
    """Runs the forward pass in a format, and keeps small gradients of fp16 from vanishing.

    Weights, gradients and the optimizer stay in float32, and answers are computed in it. With fp16 the loss is
    multiplied with a scale that is halved, and the step left out, whenever a gradient overflows, and doubled after
    2,000 steps without one (Micikevicius et al., "Mixed precision training", 2017, arXiv:1710.03740). bf16 has the
    range of float32 and needs no scale.

    Args:
        name: the format.
        device: where the network is; a warning tells where it has no kernels for the format.
    """

    def __init__(self, name: Name, device: str) -> None:
        self.name, self.device = name, device
        self.scaler = torch.amp.GradScaler(device) if name == "fp16" else None
        if name != "float32" and not is_native(name, device):
            logger.warning(
                "training.precision: %s is slower than float32 on this device (%s), which has no kernels for it. "
                "Set it to float32 unless that is meant.", name, device,
            )  # fmt: skip

    def forward(self) -> AbstractContextManager[object]:
        """Inside, the network's matrix products and convolutions are done in the format."""
        if self.name == "float32":
            return nullcontext()
        return torch.autocast(self.device, dtype=torch.bfloat16 if self.name == "bf16" else torch.float16)

    def backward(self, loss: Tensor) -> None:
        """Adds the loss's gradients to the weights' own, scaled where there is a scale."""
        (loss if self.scaler is None else self.scaler.scale(loss)).backward()

    @property
    def scale(self) -> float:
        """What the gradients are multiplied with after `backward`."""
        return 1.0 if self.scaler is None else float(self.scaler.get_scale())

    def unscale(self, optimizer: Optimizer) -> None:
        """Makes the gradients what they are without the scale; call it before they are clipped."""
        if self.scaler is not None:
            self.scaler.unscale_(optimizer)

    def step(self, optimizer: Optimizer) -> bool:
        """Steps; False where a gradient had overflowed, so that no weight was changed."""
        if self.scaler is None:
            optimizer.step()
            return True
        before = self.scaler.get_scale()
        self.scaler.step(optimizer)
        self.scaler.update()
        return bool(self.scaler.get_scale() >= before)

    def state(self) -> dict[str, Tensor]:
        if self.scaler is None:
            return {}
        saved = self.scaler.state_dict()
        return {name: torch.tensor(saved[name], dtype=torch.float64) for name in ("scale", "_growth_tracker")}

    def restore(self, state: dict[str, Tensor]) -> None:
        if self.scaler is not None:
            numbers = {"scale": float(state["scale"]), "_growth_tracker": int(state["_growth_tracker"])}
            self.scaler.load_state_dict({**self.scaler.state_dict(), **numbers})


def is_native(name: Name, device: str) -> bool:
    """Whether a device has fast kernels for a format."""
    if device == "cpu":
        kernels = torch.ops.mkldnn
        return bool(kernels._is_mkldnn_bf16_supported() if name == "bf16" else kernels._is_mkldnn_fp16_supported())
    if device.startswith("cuda") and name == "bf16":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return True
