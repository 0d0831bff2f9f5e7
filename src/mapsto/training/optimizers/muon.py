"""Muon: hidden matrices are stepped with orthogonal matrices, everything else by AdamW."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto.training.optimizers.base import Optimizer

if TYPE_CHECKING:
    import torch
    from torch import nn


class Muon(Optimizer):
    """The momentum of each hidden matrix is made orthogonal (all singular values near 1) before the step.

    `m ← momentum·m + (1 − momentum)·g`, `W ← W·(1 − rate·weight_decay) − rate·0.2·√max(rows, columns)·NS(m)`, where NS
    is five Newton-Schulz iterations. Hidden matrices are the kernels of dense, convolutional, recurrent and attention
    layers but the last; a convolution's is taken as the matrix `(out, in·height·width)`. Embeddings, the last layer,
    biases and normalizations are AdamW's. The factor before NS makes steps as large as AdamW's, so that both take the
    same learning rate. Jordan et al., "Muon", 2024, kellerjordan.github.io/posts/muon; Liu et al., "Muon is scalable
    for LLM training", 2025, arXiv:2502.16982.

    Example:
        >>> Muon().matrix_ratio
        1.0
    """

    by_matrix: ClassVar[bool] = True

    learning_rate: float = Field(1e-3, gt=0, le=100, description="step size, before the schedule")
    matrix_ratio: float = Field(
        1.0, gt=0, le=1000, description="the rate of hidden matrices, which Muon steps, as a multiple of the others'"
    )
    momentum: float = Field(0.95, ge=0, lt=1, description="memory of the gradient of hidden matrices")
    nesterov: bool = Field(True, description="look one step ahead with hidden matrices")
    beta1: float = Field(0.9, ge=0, lt=1, description="memory of the gradient, in AdamW's part")
    beta2: float = Field(0.999, ge=0, lt=1, description="memory of the squared gradient, in AdamW's part")
    eps: float = Field(1e-8, gt=0, le=1, description="keeps the division finite")
    weight_decay: float = Field(
        0.01, ge=0, le=10, description="pull of the weights toward zero, apart from the gradient"
    )

    def build(self, parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]]) -> torch.optim.Optimizer:
        from mapsto.training.optimizers._muon import MuonSteps  # here, since it needs torch

        return MuonSteps(
            parameters,
            lr=self.learning_rate,
            matrix_ratio=self.matrix_ratio,
            momentum=self.momentum,
            nesterov=self.nesterov,
            weight_decay=self.weight_decay,
            betas=(self.beta1, self.beta2),
            eps=self.eps,
        )
