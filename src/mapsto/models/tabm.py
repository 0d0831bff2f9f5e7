"""TabM: many multilayer perceptrons in one, that share nearly all of their weights, for tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from mapsto.models._options import Activation
from mapsto.models.base import Model

if TYPE_CHECKING:
    from torch import nn

    from mapsto.data.encoders.base import Spec


class TabM(Model):
    """`num_members` networks that share their matrices; each has its own scales, biases and last layer.

    Member `i` computes `s_i ∘ (W (r_i ∘ x)) + b_i` in each layer: `W` belongs to all, the vectors `r_i`, `s_i` and
    `b_i` to it alone (Wen, Tran and Ba, "BatchEnsemble", 2020, arXiv:2002.06715). The members are trained at once, each
    on its own loss, and their predictions are averaged. They differ at the start by the first `r_i`: random signs, or
    normal numbers behind a numeric embedding; all other scales start at 1. `sharing: mini` keeps that first `r_i` and
    the last layers, and nothing else that is a member's own. Gorishniy, Kotelnikov and Babenko, "TabM: advancing
    tabular deep learning with parameter-efficient ensembling", 2024, arXiv:2410.24210.

    The paper's recipe: 32 members, 3 layers of 512 (2 behind an embedding), dropout 0.1; `optimizer: adamw` at 2e-3
    with `weight_decay` 3e-4 and a constant rate, `training.batch_size` 256, stopped after 16 epochs without
    improvement; `data.scale: quantile`, and `data.numbers: piecewise_linear` or `numeric_embedding: periodic` for its
    best variant. The defaults here are smaller, for CPUs.

    The network returns `(num_members · rows, outputs)`, member after member, and says so by its `num_members`.

    Example:
        >>> TabM(num_members=8).sharing
        'full'
    """

    inputs: ClassVar[tuple[str, ...]] = ("features",)

    num_members: int = Field(16, ge=1, le=256, description="networks whose predictions are averaged")
    sharing: Literal["full", "mini"] = Field(
        "full", description="what members own: scales and biases of each layer, or (mini) a scale of the inputs only"
    )
    hidden_dim: int = Field(256, ge=1, le=65536, description="units in each hidden layer of a member")
    num_layers: int = Field(2, ge=1, le=64, description="hidden layers")
    activation: Activation = Field("relu", description="nonlinearity after each hidden layer")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of hidden units set to zero in each training step")
    zero_last: bool = Field(False, description="the last layer starts at zero, so that all answers start alike")
    embedding_dim: int | None = Field(
        None, ge=1, le=1024, description="numbers in the vector of a category's level; null: by the number of levels"
    )
    numeric_embedding: Literal["none", "periodic"] = Field(
        "none", description="a vector of learned sines and cosines for each number of a table"
    )
    numeric_dim: int = Field(8, ge=1, le=256, description="numbers in that vector")
    num_frequencies: int = Field(16, ge=1, le=512, description="frequencies of each number")
    frequency_scale: float = Field(
        0.1, gt=0, le=1000, description="deviation of the frequencies at the start; higher sees finer differences"
    )

    def build(self, inputs: Spec, num_outputs: int) -> nn.Module:
        from torch import nn  # here, since the class itself must load without torch

        from mapsto.models import _layers, _members
        from mapsto.models._tables import TableInputs

        embedded = self.numeric_embedding == "periodic"
        table = TableInputs(
            inputs,
            self.embedding_dim,
            (self.num_frequencies, self.frequency_scale, self.numeric_dim) if embedded else None,
        )
        count, width = self.num_members, table.width
        layers: list[nn.Module] = [table, _members.MemberScale(count, width, signs=not embedded)]
        for number in range(self.num_layers):
            if self.sharing == "full":
                layers.append(_members.SharedLinear(count, width, self.hidden_dim, scale_inputs=number > 0))
            else:
                layers.append(nn.Linear(width, self.hidden_dim))
            layers += [_layers.activation(self.activation), *_layers.dropout(self.dropout)]
            width = self.hidden_dim
        last = _members.MemberLinear(count, width, num_outputs, zero=self.zero_last)
        return _members.Members(count, *layers, last)
