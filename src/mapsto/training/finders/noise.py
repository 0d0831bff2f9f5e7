"""The gradient noise scale: up to which batch size more rows a step still pay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mapsto._imports import torch

if TYPE_CHECKING:
    from torch import Tensor


def noise_scale(gradients: Iterable[Sequence[Tensor]], rows: int) -> float:
    """The batch size, in rows, at which noise and signal of the mean gradient are equally strong.

    `tr(Σ) / |G|²`, with the covariance `Σ` of one row's gradient and the true gradient `G`, both without bias from the
    gradients of equal batches and their mean. McCandlish, Kaplan, Amodei et al., "An empirical model of large-batch
    training", 2018, arXiv:1812.06162, appendix A.

    Args:
        gradients: of at least two batches at the same weights; of each, the gradient of every parameter.
        rows: of each batch.

    Returns:
        Rows; infinite where no signal is seen above the noise.

    Example:
        >>> import torch
        >>> noise_scale([[torch.tensor([3.0])], [torch.tensor([1.0])]], rows=8)
        5.333333333333333
    """
    count, squares = 0, 0.0
    total: list[Tensor] = []
    for gradient in gradients:
        squares += _square(gradient)
        if total:
            torch._foreach_add_(total, list(gradient))
        else:
            total = [part.clone() for part in gradient]
        count += 1
    small, large = squares / count, _square(total) / count**2
    signal = (count * large - small) / (count - 1)
    noise = rows * (small - large) * count / (count - 1)
    return noise / signal if signal > 0 else float("inf")


def _square(parts: Sequence[Tensor]) -> float:
    return float(torch.stack(torch._foreach_norm(list(parts))).square().sum())
