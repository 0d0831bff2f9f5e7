"""A recipe's `model` section to a network: the contract of every model family."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from mapsto.recipe.options import Options

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mapsto.data.encoders.base import Spec


class Model(Options):
    """One public class a file, named as the file is; its fields are the family's settings (`model.<field>`).

    The class is plain data and imports no torch; `build` makes the network.
    """

    inputs: ClassVar[tuple[str, ...]]
    """Encoders whose arrays the family reads, such as `("image",)`."""

    @abstractmethod
    def build(self, inputs: Spec, num_outputs: int) -> nn.Module:
        """Makes the network, with fresh random weights drawn from torch's default generator.

        Args:
            inputs: the array that the network reads, of shape `(batch, *inputs.shape)`, as it is stored; the
                network scales it by `inputs.shift` and `inputs.scale` where these are given.
            num_outputs: size of the last layer: classes, or values.

        Returns:
            A module whose output has shape `(batch, num_outputs)`, or `(batch, num_outputs, height, width)` for
            dense outputs: raw scores, with no activation after the last layer.

        Raises:
            RecipeError: these settings make no network for such inputs (five poolings of an 8×8 image).
        """

    def of_recipe(self, leaves: Mapping[str, Any]) -> Self:
        """The family with the whole recipe at hand, by dotted name, where its network depends on more than itself."""
        del leaves
        return self

    def load_weights(self, network: nn.Module) -> None:
        """Puts trained weights into a network from `build`, before training; families that name no file do nothing.

        Raises:
            RecipeError: the weights cannot be read, or do not fit.
        """

    def initialize_on(self, network: nn.Module, inputs: Tensor) -> None:
        """Sets weights by data, once before training; does so where the family's `initialization` is `lsuv`.

        Args:
            network: from `build`, on the device of the inputs.
            inputs: the first training batch, as the network reads it.
        """
        if getattr(self, "initialization", None) == "lsuv":
            from mapsto.models import _initialization  # here, since the class itself must load without torch

            _initialization.lsuv(network, inputs)
