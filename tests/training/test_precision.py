"""Half precision by its effect: formats in the forward pass, the scale of fp16, and float32 everywhere else."""

import logging

import pytest
import torch

from mapsto.training import precision as precisions
from mapsto.training.precision import Precision


def one_step(made, rate=0.1):
    rows = torch.from_numpy(made.prepared.parts["train"][:16].astype("int64"))
    made.step.begin(0)
    return made.step(made._batch(rows), rate)


@pytest.mark.parametrize(("name", "dtype"), [("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_the_forward_pass_is_in_the_format_and_all_else_in_float32(small, name, dtype):
    plain, made = small(), small(f"training.precision={name}")
    seen = []
    made.network[0].register_forward_hook(lambda module, inputs, outputs: seen.append((module.training, outputs.dtype)))
    losses = [float(one_step(trainer)) for trainer in (plain, made)]
    list(made.advance(1))
    assert {dtype_seen for training, dtype_seen in seen if training} == {dtype}
    assert {dtype_seen for training, dtype_seen in seen if not training} == {torch.float32}  # answers
    assert losses[0] == pytest.approx(losses[1], rel=0.02)
    assert losses[0] != losses[1]
    assert {parameter.dtype for parameter in made.network.parameters()} == {torch.float32}


def test_the_scale_of_fp16_does_not_change_the_step(small):
    plain = small("optimizer.name=sgd", "training.precision=fp16")
    scaled = small("optimizer.name=sgd", "training.precision=fp16")
    plain.step.precision.scaler.load_state_dict({**plain.step.precision.scaler.state_dict(), "scale": 1.0})
    for made in (plain, scaled):
        one_step(made)
    for first, second in zip(plain.network.parameters(), scaled.network.parameters(), strict=True):
        assert torch.allclose(first, second, atol=1e-4)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
def test_a_step_whose_gradient_overflows_is_left_out_and_the_scale_halved(small, optimizer):
    made = small("training.precision=fp16", "training.l1=0.1", f"optimizer.name={optimizer}")
    one_step(made, rate=0.001)
    before, scale = {n: t.clone() for n, t in made.network.state_dict().items()}, made.step.precision.scaler.get_scale()
    handle = made.network[0].weight.register_hook(lambda gradient: gradient * torch.inf)
    one_step(made, rate=0.001)
    assert made.step.precision.scaler.get_scale() == scale / 2
    assert all(torch.equal(tensor, before[name]) for name, tensor in made.network.state_dict().items())
    handle.remove()
    one_step(made, rate=0.001)
    assert made.step.precision.scaler.get_scale() == scale / 2
    assert not any(torch.equal(p, before[name]) for name, p in made.network.named_parameters())


def test_a_device_without_kernels_is_named(monkeypatch, caplog):
    monkeypatch.setattr(precisions, "is_native", lambda name, device: False)
    with caplog.at_level(logging.WARNING, logger="mapsto"):
        Precision("float32", "cpu")
        assert not caplog.records
        Precision("bf16", "cpu")
    assert "bf16 is slower than float32 on this device (cpu)" in caplog.text


def test_what_the_processor_can_do_is_asked_of_torch():
    assert precisions.is_native("bf16", "cpu") == torch.ops.mkldnn._is_mkldnn_bf16_supported()
    assert precisions.is_native("fp16", "cpu") == torch.ops.mkldnn._is_mkldnn_fp16_supported()
