"""L1, L2 and gradient clipping: what is done to gradients before a step and to weights after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mapsto._imports import torch

if TYPE_CHECKING:
    from torch import nn

    from mapsto.recipe.schema import TrainingOptions


class Regularization:
    """Penalties on the weights (matrices and kernels, not biases or normalization) and a bound on the gradient.

    - L2: `l2 · Σ w²` is added to the loss, through its gradient `2 · l2 · w`.
    - L1: after each step `w ← sign(w) · max(|w| − learning_rate · l1, 0)`, the proximal step of `l1 · Σ |w|`, so that
      zeros are exact (Duchi and Singer, "Efficient online and batch learning using forward backward splitting", JMLR
      10, 2009).
    - `max_grad_norm`: all gradients are scaled so that their common norm is at most this (Pascanu, Mikolov and Bengio
      2012, arXiv:1211.5063).
    """

    def __init__(self, options: TrainingOptions, network: nn.Module) -> None:
        self.l1, self.l2, self.max_grad_norm = options.l1, options.l2, options.max_grad_norm
        self.parameters = list(network.parameters())
        self.weights = [parameter for parameter in self.parameters if parameter.ndim > 1]

    def before_step(self) -> None:
        """Changes the gradients; call it between `backward` and the optimizer's step."""
        if self.l2:
            with torch.no_grad():
                pairs = [(w.grad, w) for w in self.weights if w.grad is not None]
                torch._foreach_add_([g for g, _ in pairs], [w for _, w in pairs], alpha=2 * self.l2)
        if self.max_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.max_grad_norm)

    def after_step(self, learning_rate: float) -> None:
        """Changes the weights; call it after the optimizer's step, with the rate of that step."""
        if self.l1:
            with torch.no_grad():
                for weight in self.weights:
                    weight.copy_(torch.nn.functional.softshrink(weight, learning_rate * self.l1))
