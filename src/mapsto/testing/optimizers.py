"""What every optimizer must do. `check_optimizer(MyOptimizer)` tests one of your own."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from mapsto._imports import torch
from mapsto.training.optimizers.base import Optimizer

RATES = (0.02, 0.2, 2.0, 20.0)
"""Learning rates, one of which must do; what a rate means differs from one optimizer to another."""


def quadratic(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """A well-conditioned quadratic `(A w - b)²`: the matrix and the target, whose minimum is 0."""
    generator = torch.Generator().manual_seed(seed)
    matrix = torch.eye(5) + 0.1 * torch.randn(5, 5, generator=generator)
    return matrix, torch.randn(5, generator=generator)


def minimize(optimizer: Optimizer, steps: int) -> list[float]:
    """Losses of an optimizer on the quadratic, from weights of zero."""
    matrix, target = quadratic()
    weights = torch.nn.Parameter(torch.zeros(5))
    stepper = optimizer.build([weights])
    losses = []
    for _ in range(steps):
        stepper.zero_grad()
        loss = (matrix @ weights - target).square().sum()
        loss.backward()
        stepper.step()
        losses.append(loss.item())
    return losses


def check_optimizer(optimizer: type[Optimizer], **settings: Any) -> None:
    """Checks the contract of `Optimizer`: it goes down, it uses its learning rate, it repeats, its state round-trips.

    Raises:
        AssertionError: the optimizer breaks the contract.
    """
    runs = {rate: minimize(optimizer(**{"learning_rate": rate, **settings}), 300) for rate in RATES}
    ends = {rate: losses[-1] / losses[0] for rate, losses in runs.items()}
    assert min(ends.values()) < 0.05, f"after 300 steps these shares of the loss are left, by learning rate: {ends}"
    rate = next(rate for rate, share in ends.items() if share < 0.05)
    made = optimizer(**{"learning_rate": rate, **settings})
    assert runs[rate] == minimize(made, 300), "two runs from the same start differ"
    slower = minimize(optimizer(**{**settings, "learning_rate": rate / 200}), 20)
    assert slower[-1] > runs[rate][19], "a smaller learning rate is not slower"

    weights = torch.nn.Parameter(torch.ones(3))
    stepper = made.build([weights])
    weights.grad = torch.tensor([1.0, -2.0, 0.5])
    stepper.step()
    for name, slot in stepper.state[weights].items():
        assert slot is None or isinstance(slot, torch.Tensor), f"the slot {name} is no tensor: it cannot be saved"
    copy = torch.nn.Parameter(weights.detach().clone())
    other = made.build([copy])
    other.load_state_dict(deepcopy(stepper.state_dict()))
    weights.grad, copy.grad = torch.tensor([0.3, 0.1, -1.0]), torch.tensor([0.3, 0.1, -1.0])
    stepper.step()
    other.step()
    assert torch.equal(weights, copy), "the state does not survive a save and a load"
