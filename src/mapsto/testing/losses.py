"""What every loss must do. `check_loss(MyLoss, "classes")` tests one of your own."""

from __future__ import annotations

from typing import Any, Literal

from mapsto._imports import torch
from mapsto.data.encoders.base import Spec
from mapsto.tasks.losses.base import Loss

Targets = Literal["array", "classes", "labels", "masks", "values"]

NUM_CLASSES, ROWS, VOID = 3, 12, 255

EXTREMES = (0.0, 1.0, -1.0, 1e4, -1e4)
"""Outputs at which a network that errs badly, or is very sure, may stand."""


def sample_targets(kind: Targets) -> tuple[torch.Tensor, Spec]:
    """Targets of a batch, and what they are; masks have void pixels, one has no others; no value is below 0."""
    generator = torch.Generator().manual_seed(0)
    names = tuple("abc")
    if kind == "array":  # as they are
        return torch.rand(ROWS, generator=generator) * 20, Spec("array", (), "float32", array="y")
    if kind == "values":
        values = torch.rand(ROWS, generator=generator) * 20  # with mean 10 and deviation 4 elsewhere
        return (values - 10) / 4, Spec("values", (), "float32", shift=(-10 / 4,), scale=(4.0,))
    if kind == "classes":
        return torch.arange(ROWS) % NUM_CLASSES, Spec("classes", (), "int64", names=names)
    if kind == "labels":
        flags = torch.arange(ROWS).unsqueeze(1) >> torch.arange(NUM_CLASSES) & 1  # all sets, none and every among them
        return flags.to(torch.uint8), Spec("labels", (NUM_CLASSES,), "uint8", names=names)
    masks = torch.randint(NUM_CLASSES, (ROWS, 6, 8), generator=generator)
    masks[torch.rand(masks.shape, generator=generator) < 0.2] = VOID
    masks[-1] = VOID
    return masks.to(torch.uint8), Spec("masks", (6, 8), "uint8", names=names, ignore=VOID)


def sample_outputs(targets: torch.Tensor, kind: Targets, seed: int = 1) -> torch.Tensor:
    """Random outputs of a network for such targets, in double precision."""
    dense = targets.shape[1:] if kind == "masks" else ()
    shape = (len(targets),) if kind in ("array", "values") else (len(targets), NUM_CLASSES, *dense)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def check_loss(loss: type[Loss], targets: Targets, **settings: Any) -> None:
    """Checks the contract of `Loss` on targets of a kind.

    It has a loss for each row, and its mean is their weighted mean; weights matter by their ratios alone; void pixels
    have no say; slopes agree with differences, and are finite wherever outputs are; steps down the slope lower it; and
    what is answered is finite, and probabilities for classes and labels.

    Raises:
        AssertionError: the loss breaks the contract.
    """
    made = loss(**settings)
    stored, spec = sample_targets(targets)
    outputs = sample_outputs(stored, targets)
    _check_mean(made, outputs, stored, spec)
    _check_slopes(made, outputs, stored, spec)
    _check_descent(made, outputs, stored, spec)
    if targets == "masks":
        changed = torch.where((stored == VOID).unsqueeze(1), -5 * outputs, outputs)
        same = torch.allclose(made.rows(outputs, stored, spec), made.rows(changed, stored, spec))
        assert same, "void pixels change the loss"
        assert float(made.mean(outputs[-1:], stored[-1:], None, spec)) == 0, "a batch of void pixels has a loss"
    else:
        _check_answers(made, outputs, spec)


def _check_mean(made: Loss, outputs: torch.Tensor, stored: torch.Tensor, spec: Spec) -> None:
    rows = made.rows(outputs, stored, spec)
    assert rows.shape == (len(stored),), f"one loss a row. Received: {tuple(rows.shape)} for {len(stored)} rows"
    assert torch.isfinite(rows).all(), "a row's loss is not finite"
    sizes = made.sizes(stored, spec)
    sizes = torch.ones_like(rows) if sizes is None else sizes.to(rows.dtype)
    weights = torch.linspace(0.1, 3, len(rows), dtype=rows.dtype)
    for given, used in ((None, sizes), (weights, sizes * weights), (1000 * weights, sizes * weights)):
        mean = made.mean(outputs, stored, given, spec)
        assert mean.shape == (), f"the mean is a scalar. Received: {tuple(mean.shape)}"
        expected = (rows * used).sum() / used.sum()
        assert torch.allclose(mean, expected), f"the mean is {float(mean)}, but that of the rows {float(expected)}"


def _check_slopes(made: Loss, outputs: torch.Tensor, stored: torch.Tensor, spec: Spec) -> None:
    few = outputs[:4].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda o: made.mean(o, stored[:4], None, spec), few, raise_exception=False), (
        "slopes do not agree with differences"
    )
    for value in EXTREMES:
        for sign in (1.0, torch.sign(outputs)):
            extreme = (torch.full_like(outputs, value) * sign).float().requires_grad_()
            mean = made.mean(extreme, stored, None, spec)
            mean.backward()
            assert torch.isfinite(mean), f"the loss of outputs of size {value:g} is not finite"
            assert extreme.grad is not None, "the loss has no slope"
            assert torch.isfinite(extreme.grad).all(), f"slopes at outputs of size {value:g} are not finite"


def _check_descent(made: Loss, outputs: torch.Tensor, stored: torch.Tensor, spec: Spec) -> None:
    moved = outputs.float().requires_grad_()
    stepper = torch.optim.Adam([moved], lr=0.05)
    losses = []
    for _ in range(100):
        stepper.zero_grad()
        mean = made.mean(moved, stored, None, spec)
        mean.backward()
        stepper.step()
        losses.append(float(mean.detach()))
    assert losses[-1] < losses[0], f"steps down the slope raise the loss from {losses[0]:g} to {losses[-1]:g}"


def _check_answers(made: Loss, outputs: torch.Tensor, spec: Spec) -> None:
    for scale in (1.0, 1e4):
        answers = made.link((outputs * scale).float(), spec)
        assert torch.isfinite(answers).all(), f"answers to outputs of size {scale:g} are not finite"
        assert len(answers) == len(outputs), "one answer a row"
        if spec.encoder == "classes":
            assert torch.allclose(answers.sum(1), torch.ones(len(answers)), atol=1e-5), "probabilities have the sum 1"
        if spec.encoder in ("classes", "labels"):
            assert answers.shape == outputs.shape, "one probability a class or label"
            assert ((answers >= 0) & (answers <= 1)).all(), "a probability is not in [0, 1]"
