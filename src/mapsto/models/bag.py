"""Bag of n-grams: the mean of learned vectors of words and of their neighbors, for texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from mapsto.models._options import Activation, Initialization
from mapsto.models.base import Model

if TYPE_CHECKING:
    from torch import nn

    from mapsto.data.encoders.base import Spec


class Bag(Model):
    """Mean of the vectors of tokens and n-grams, dropout, hidden layers if any, dense.

    What words stand in a text, and which pairs of them, says most of its topic and mood, and a few thousand texts teach
    it: beyond that order matters little, and a step costs a small part of a recurrent network's. Joulin, Grave,
    Bojanowski and Mikolov, "Bag of tricks for efficient text classification", 2016, arXiv:1607.01759 (fastText).

    Example:
        >>> Bag(ngrams=1).embed_dim
        64
    """

    inputs: ClassVar[tuple[str, ...]] = ("tokens",)

    embed_dim: int = Field(64, ge=1, le=4096, description="numbers that stand for a token or an n-gram")
    ngrams: int = Field(2, ge=1, le=5, description="most neighboring tokens that have a vector together")
    buckets: int = Field(65_536, ge=2, le=16_777_216, description="vectors that n-grams share, by a hash")
    num_layers: int = Field(0, ge=0, le=16, description="hidden layers before the last; 0 is linear in the mean")
    hidden_dim: int = Field(128, ge=1, le=65_536, description="units in each hidden layer")
    activation: Activation = Field("relu", description="nonlinearity after each hidden layer")
    initialization: Initialization = Field("auto", description="how weights of the dense layers are drawn")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of the mean and of hidden units set to zero")
    zero_last: bool = Field(False, description="the last layer starts at zero, so that all answers start alike")

    def build(self, inputs: Spec, num_outputs: int) -> nn.Module:
        from torch import nn  # here, since the class itself must load without torch

        from mapsto.models import _initialization, _layers, _ngrams

        bag = _ngrams.NgramBag(len(inputs.names), self.embed_dim, self.ngrams, self.buckets)
        layers: list[nn.Module] = [bag, *_layers.dropout(self.dropout)]
        width = self.embed_dim
        for _ in range(self.num_layers):
            layers += [nn.Linear(width, self.hidden_dim), _layers.activation(self.activation)]
            layers += _layers.dropout(self.dropout)
            width = self.hidden_dim
        network = nn.Sequential(*layers, nn.Linear(width, num_outputs))
        return _initialization.initialize(network, self.initialization, self.activation, zero_last=self.zero_last)
