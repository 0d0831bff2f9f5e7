"""Penalties and bounds: what is done to gradients before a step and to weights after it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mapsto._imports import torch
from mapsto.training.parameters import undecayed_parameters

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mapsto.recipe.schema import TrainingOptions

RECENT_NORMS = 1_000
"""Lengths of gradients that `grad_percentile` looks back on."""


class Regularization:
    """Penalties on the weights (matrices and kernels, not biases or normalizations) and bounds on gradients.

    - L2: `l2 · Σ w²` is added to the loss, through its gradient `2 · l2 · w`.
    - L1: after each step `w ← sign(w) · max(|w| − learning_rate · l1, 0)`, the proximal step of `l1 · Σ |w|`, so that
      zeros are exact (Duchi and Singer, "Efficient online and batch learning using forward backward splitting", JMLR
      10, 2009). They are those of the last weights: a mean over steps or epochs (`training.averaging`, schedule-free
      AdamW) is near zero there, and seldom zero.
    - `max_grad_value`: each number of a gradient is cut to `[-max_grad_value, max_grad_value]`.
    - `grad_percentile`: all gradients are scaled so that their common norm is at most this percentile of the last
      1,000 norms, the present one among them (Seetharaman et al., "AutoClip", 2020, arXiv:2007.14469).
    - `max_grad_norm`: all gradients are scaled so that their common norm is at most this (Pascanu, Mikolov and Bengio
      2012, arXiv:1211.5063).
    - `max_weight_norm`: after each step the weights into each unit or channel are scaled so that their norm is at most
      this (Srivastava et al., "Dropout", JMLR 15, 2014).

    Args:
        options: of the recipe.
        network: whose weights.
        groups: of its parameters, whose `lr_scale` L1 follows; without them all have 1.
    """

    def __init__(self, options: TrainingOptions, network: nn.Module, groups: Iterable[dict[str, Any]] = ()) -> None:
        self.options = options
        self.parameters = list(network.parameters())
        vectors = undecayed_parameters(network)
        self.weights = [w for w in self.parameters if w not in vectors and not getattr(w, "no_decay", False)]
        # Weight normalization keeps the length of each unit's weights apart from their direction.
        self.lengths = [own.get_parameter("original0") for own in network.modules() if _is_weight_norm(own)]
        self._scales = {parameter: group["lr_scale"] for group in groups for parameter in group["params"]}
        self._norms = torch.zeros(0)
        self._count = 0

    def before_step(self) -> None:
        """Changes the gradients; call it between `backward` and the optimizer's step."""
        options = self.options
        if options.l2:
            with torch.no_grad():
                pairs = [(w.grad, w) for w in self.weights if w.grad is not None]
                torch._foreach_add_([g for g, _ in pairs], [w for _, w in pairs], alpha=2 * options.l2)
        if options.max_grad_value is not None:
            torch.nn.utils.clip_grad_value_(self.parameters, options.max_grad_value)
        if options.grad_percentile is not None:
            self._clip_to_percentile(options.grad_percentile)
        if options.max_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, options.max_grad_norm)

    def after_step(self, learning_rate: float) -> None:
        """Changes the weights; call it after the optimizer's step, with the rate of that step."""
        options = self.options
        if not options.l1 and options.max_weight_norm is None:
            return
        with torch.no_grad():
            for weight in self.weights:
                if not weight.requires_grad:  # it is frozen
                    continue
                if options.l1:
                    rate = learning_rate * self._scales.get(weight, 1.0)
                    weight.copy_(torch.nn.functional.softshrink(weight, rate * options.l1))
                if options.max_weight_norm is not None:
                    lengths = torch.linalg.vector_norm(weight, dim=tuple(range(1, weight.ndim)), keepdim=True)
                    weight.mul_((options.max_weight_norm / lengths.clamp(min=1e-12)).clamp(max=1))
            if (most := options.max_weight_norm) is not None:
                for lengths in self.lengths:
                    if lengths.requires_grad:
                        lengths.clamp_(-most, most)

    def _clip_to_percentile(self, percentile: float) -> None:
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if not len(self._norms):
            self._norms = torch.full((RECENT_NORMS,), torch.nan, device=norm.device)
        # What is not finite stays out of the history: it would bound nothing ever after.
        self._norms[self._count % RECENT_NORMS] = torch.where(torch.isfinite(norm), norm, torch.nan)
        self._count += 1
        bound = torch.nanquantile(self._norms[: self._count], percentile / 100)
        torch._foreach_mul_(gradients, (bound / (norm + 1e-6)).clamp(max=1))

    def state(self) -> dict[str, Tensor]:
        return {"norms": self._norms, "count": torch.tensor(self._count)} if self._count else {}

    def restore(self, state: dict[str, Tensor]) -> None:
        if state:
            self._norms, self._count = state["norms"].to(self.parameters[0].device), int(state["count"])


def _is_weight_norm(module: nn.Module) -> bool:
    """Whether a module holds the two parts of weights, length and direction."""
    utils = torch.nn.utils
    return isinstance(module, utils.parametrize.ParametrizationList) and isinstance(
        module[0], utils.parametrizations._WeightNorm
    )
