"""What every model family must do. `check_model(MyModel)` tests a family of your own."""

from __future__ import annotations

import math
from typing import Any

from mapsto._imports import torch
from mapsto.data.encoders.base import Spec
from mapsto.models.base import Model


def sample_spec(encoder: str) -> Spec:
    """A small array of that encoder, such as a model may be given."""
    specs = {
        "features": Spec("features", (7,), "float32", names=tuple("abcdefg")),
        "image": Spec("image", (3, 32, 32), "uint8", shift=(120.0, 110.0, 100.0), scale=(0.02, 0.02, 0.02)),
        "spectrogram": Spec("spectrogram", (1, 24, 40), "float16"),
        "tokens": Spec("tokens", (12,), "int32", names=tuple(f"w{index}" for index in range(50))),
    }
    return specs[encoder]


def sample_inputs(spec: Spec, rows: int) -> torch.Tensor:
    """Random stored inputs that fit a spec."""
    generator = torch.Generator().manual_seed(0)
    if spec.encoder in ("features", "spectrogram"):
        return torch.randn(rows, *spec.shape, generator=generator).to(getattr(torch, spec.dtype))
    high = 256 if spec.encoder == "image" else len(spec.names)
    drawn = torch.randint(0, high, (rows, *spec.shape), generator=generator)
    return drawn.to(getattr(torch, spec.dtype))


def check_model(model: type[Model], **settings: Any) -> None:
    """Builds the family's network for every input it claims to read, and checks the contract of `Model.build`.

    The output has one raw score a class for each row (or pixel), of each member where the network holds several
    (`num_members`, one member after the other); the same seed gives the same weights; every weight gets a gradient; in
    evaluation a row's answer does not depend on its neighbours.

    Raises:
        AssertionError: the family breaks the contract.
    """
    for encoder in model.inputs:
        spec = sample_spec(encoder)
        torch.manual_seed(0)
        network = model(**settings).build(spec, 5)
        torch.manual_seed(0)
        again = model(**settings).build(spec, 5)
        for (name, first), second in zip(network.state_dict().items(), again.state_dict().values(), strict=True):
            assert torch.equal(first, second), f"{name} differs between two builds from the same seed"

        inputs = sample_inputs(spec, 6)
        outputs = network(inputs)
        dense = outputs.ndim == 4
        members = getattr(network, "num_members", 1)
        expected = (6, 5, *spec.shape[1:]) if dense else (6 * members, 5)
        assert tuple(outputs.shape) == expected, f"output shape {tuple(outputs.shape)}, expected {expected}"

        outputs.square().mean().backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, f"{name} gets no gradient"
            assert math.isfinite(float(parameter.grad.abs().sum())), f"{name} has a gradient that is not finite"

        network.eval()
        with torch.inference_mode():
            together, alone = network(inputs), network(inputs[2:3])
        assert torch.allclose(together[2::6], alone, atol=1e-5), "a row's answer depends on its neighbours"
