"""What every optimizer must do. `check_optimizer(MyOptimizer)` tests one of your own."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from mapsto._imports import torch
from mapsto.training.optimizers.base import Optimizer


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
    made = optimizer(**{"learning_rate": 0.02, **settings})
    losses = minimize(made, 300)
    assert losses[-1] < 0.05 * losses[0], f"after 300 steps the loss is {losses[-1]:.3g} of {losses[0]:.3g}"
    assert losses == minimize(made, 300), "two runs from the same start differ"
    slower = minimize(optimizer(**{**settings, "learning_rate": 1e-4}), 20)
    assert slower[-1] > losses[19], "a smaller learning rate is not slower"

    weights = torch.nn.Parameter(torch.ones(3))
    stepper = made.build([weights])
    weights.grad = torch.tensor([1.0, -2.0, 0.5])
    stepper.step()
    copy = torch.nn.Parameter(weights.detach().clone())
    other = made.build([copy])
    other.load_state_dict(deepcopy(stepper.state_dict()))
    weights.grad, copy.grad = torch.tensor([0.3, 0.1, -1.0]), torch.tensor([0.3, 0.1, -1.0])
    stepper.step()
    other.step()
    assert torch.equal(weights, copy), "the state does not survive a save and a load"
