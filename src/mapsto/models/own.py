"""A network of the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr

from mapsto.models.base import Model

if TYPE_CHECKING:
    from torch import nn

    from mapsto.data.encoders.base import Spec

OutputForm = Literal["logits", "probabilities", "log_probabilities"]


class Own(Model):
    """What the user's builder returns; its hyperparameters are the section `hp` of the recipe.

    The code is not part of a recipe: `builder` is its name, and only a program that hands over a network of this name
    (`mapsto.tune(build, ...)`) makes it run.

    Example:
        >>> Own(builder="train.py:build").framework
        'torch'
    """

    inputs: ClassVar[tuple[str, ...]] = ("array", "features", "image", "spectrogram", "tokens")

    builder: str = Field("", max_length=1000, description="what the builder is called; the program hands it over")
    framework: Literal["torch", "keras"] = Field("torch", description="what the builder's network is made of")
    outputs: OutputForm = Field(
        "logits", description="what the network returns for classes: raw scores, probabilities or their logarithms"
    )

    _leaves: Mapping[str, Any] = PrivateAttr(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Own) and self.model_dump() == other.model_dump()  # not by the recipe that it is in

    def __hash__(self) -> int:
        return hash((self.builder, self.framework, self.outputs))

    def of_recipe(self, leaves: Mapping[str, Any]) -> Self:
        bound = self.model_copy()
        bound._leaves = dict(leaves)
        return bound

    def made(self) -> Any:
        """What the builder returns for this recipe: a module, a Keras model."""
        from mapsto.models._own_module import made

        return made(self.builder, self._leaves)

    def build(self, inputs: Spec, num_outputs: int) -> nn.Module:
        # Here, since the class itself must load without torch, and a torch network without Keras.
        if self.framework == "keras":
            from mapsto.models._keras_module import KerasModule

            return KerasModule(self.made(), self.builder, inputs, num_outputs, self.outputs)
        from mapsto.models._own_module import OwnModule

        return OwnModule(self.made(), self.builder, inputs, num_outputs, self.outputs)
