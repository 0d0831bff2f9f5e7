"""RealMLP: a multilayer perceptron with everything that was found to help on tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from mapsto.models._options import Activation
from mapsto.models.base import Model

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mapsto.data.encoders.base import Spec


class RealMLP(Model):
    """Numeric embeddings, a scale for each input, then dense layers in the neural tangent parametrization.

    - Each number `x` becomes `(x, W cos(2π c x + b) + d)`, with `c`, `b`, `W` and `d` of its own (PBLD).
    - Each input is multiplied with a learned scale, a soft choice of features, that learns `scale_rate` times as fast.
    - A dense layer of `n` inputs computes `W x / √n + b` with `W` of unit variance, so that one learning rate suits
      all widths; it is far higher than elsewhere, and biases learn `bias_rate` times as fast.
    - The activation is `(1 − a) x + a σ(x)` with an `a` for each unit, 1 at the start.
    - Dropout stays as it is for half of the training, then falls to 0 by half a cosine.
    - At the start each unit is scaled to a deviation of 1 over the first batch, and its bias put amidst its values
      there, so that it bends where the data are.

    Holzmüller, Grinsztajn and Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on tabular data",
    2024, arXiv:2407.04491. What of the paper's recipe is not in the network: `data.scale: smooth_clip`; levels of up
    to 8 kinds one-hot, others embedded; `optimizer: adamw` with `learning_rate` 0.04 for classes and 0.2 for numbers,
    `beta2` 0.95, `weight_decay` 0.02; label smoothing 0.1; batches of 256, 256 epochs without early stopping, a rate
    that falls in four cosines whose lengths double; the weights of the best epoch.

    Example:
        >>> RealMLP().num_layers
        3
    """

    inputs: ClassVar[tuple[str, ...]] = ("features",)

    hidden_dim: int = Field(256, ge=1, le=65536, description="units in each hidden layer")
    num_layers: int = Field(3, ge=1, le=64, description="hidden layers")
    activation: Literal["auto", Activation] = Field(
        "auto", description="nonlinearity after each hidden layer; auto: selu for classes, mish for one number"
    )
    learned_activation: bool = Field(True, description="each unit learns how much of the nonlinearity it takes")
    initialization: Literal["data", "normal"] = Field(
        "data", description="weights and biases fitted to the first batch, or normal numbers"
    )
    zero_last: bool = Field(False, description="the last layer starts at zero, so that all answers start alike")
    dropout: float = Field(0.15, ge=0, lt=1, description="share of hidden units set to zero in each training step")
    dropout_schedule: Literal["constant", "flat_cos"] = Field(
        "flat_cos", description="dropout over the training: as it is, or falling to 0 over the second half"
    )
    embedding_dim: int | None = Field(
        8, ge=1, le=1024, description="numbers in the vector of a category's level; null: by the number of levels"
    )
    numeric_embedding: Literal["none", "periodic", "pbld"] = Field(
        "pbld", description="a vector for each number of a table: learned sines and cosines, or cosines and the number"
    )
    numeric_dim: int = Field(4, ge=2, le=256, description="numbers in that vector")
    num_frequencies: int = Field(16, ge=1, le=512, description="frequencies of each number")
    frequency_scale: float = Field(
        0.1, gt=0, le=1000, description="deviation of the frequencies at the start; higher sees finer differences"
    )
    scale_rate: float = Field(6.0, gt=0, le=1000, description="learning rate of the inputs' scales, times the others'")
    bias_rate: float = Field(0.1, gt=0, le=1000, description="learning rate of biases, times the others'")
    activation_rate: float = Field(0.1, gt=0, le=1000, description="learning rate of activations, times the others'")
    embedding_rate: float = Field(
        0.1, gt=0, le=1000, description="learning rate of the numeric embedding, times the others'"
    )

    def build(self, inputs: Spec, num_outputs: int) -> nn.Module:
        from torch import nn  # here, since the class itself must load without torch

        from mapsto.models import _layers, _realmlp
        from mapsto.models._marks import mark
        from mapsto.models._tables import TableInputs

        periodic = (self.num_frequencies, self.frequency_scale, self.numeric_dim)
        table = TableInputs(
            inputs,
            self.embedding_dim,
            periodic if self.numeric_embedding != "none" else None,
            with_number=self.numeric_embedding == "pbld",
        )
        if table.periodic is not None:
            for parameter in table.periodic.parameters():
                mark(parameter, lr_scale=self.embedding_rate)
        name: Activation = ("mish" if num_outputs == 1 else "selu") if self.activation == "auto" else self.activation
        layers: list[nn.Module] = [table, _realmlp.InputScale(table.width, self.scale_rate)]
        width = table.width
        for _ in range(self.num_layers):
            nonlinearity = _layers.activation(name)
            if self.learned_activation:
                nonlinearity = _realmlp.LearnedActivation(nonlinearity, self.hidden_dim, self.activation_rate)
            layers += [_realmlp.TangentLinear(width, self.hidden_dim, self.bias_rate), nonlinearity]
            if self.dropout > 0:
                layers.append(_realmlp.ScheduledDropout(self.dropout, flat=self.dropout_schedule == "constant"))
            width = self.hidden_dim
        last = _realmlp.TangentLinear(width, num_outputs, self.bias_rate, zero=self.zero_last)
        return nn.Sequential(*layers, last)

    def initialize_on(self, network: nn.Module, inputs: Tensor) -> None:
        if self.initialization == "data":
            from mapsto.models import _realmlp  # here, since the class itself must load without torch

            _realmlp.fit_to(network, inputs, but_last=self.zero_last)
