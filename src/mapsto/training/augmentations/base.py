"""What changes the rows of a batch at random: the contract of every augmentation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto.training.augmentations._draws import Draws
from mapsto.training.augmentations._geometry import move_boxes, warp, warp_masks

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.encoders.base import Encoder
    from mapsto.recipe.sections import AugmentOptions


@dataclass(frozen=True)
class Rows:
    """The rows of a batch on their way through the augmentations.

    Attributes:
        inputs: images as float32 in [0, 255] of shape `(rows, channels, height, width)`, spectrograms as float32
            `(rows, 1, bands, frames)`, features as float32 `(rows, features)`, or word ids `(rows, length)`.
        masks: class ids `(rows, height, width)` that lie on the images, or None.
        boxes: `(rows, boxes, 4)`, left, top, right and bottom in pixels of the image, or None.
        void: what masks hold where there is nothing.
        partners: for each row the row whose targets count too, `share` of the loss being its own; None: none.
        share: weight of a row's own targets, in [0, 1].
    """

    inputs: Tensor
    masks: Tensor | None = None
    boxes: Tensor | None = None
    void: int = 255
    partners: Tensor | None = None
    share: float = 1.0

    def warped(self, matrix: Tensor) -> Rows:
        """Images, masks and boxes moved by the same matrices `(rows, 3, 3)` (see `_geometry`)."""
        height, width = self.inputs.shape[-2:]
        return replace(
            self,
            inputs=warp(self.inputs, matrix),
            masks=None if self.masks is None else warp_masks(self.masks, matrix, self.void),
            boxes=None if self.boxes is None else move_boxes(self.boxes, matrix, height, width),
        )


class Augmentation(ABC):
    """One public class a file, named as the file is; its strength is the setting `augment.<file>`, 0 being off.

    A trainer makes one for each strength above 0 and calls `apply` at every step, with rows on the network's device.
    Every row gets draws of its own, all of them from `draws`, so that a seed repeats a training and a checkpoint
    continues it. Rows come and go as they are; nothing is changed in place.

    Example:
        >>> from mapsto.recipe.schema import Recipe
        >>> Recipe.from_leaves({"task.name": "image_classification", "augment.rotate": 15}).get("augment.rotate")
        15.0

    Args:
        inputs: the fitted encoder of the inputs; `inputs.spec` says what is stored.
        options: the section `augment`.
    """

    kinds: ClassVar[tuple[str, ...]]
    """Encoders whose arrays it works on: `"image"`, `"features"`, `"tokens"`, `"spectrogram"`."""

    strength: ClassVar[Any]
    """pydantic's `Field` of the setting: default 0, range, and a description that names the unit."""

    typical: ClassVar[float]
    """A strength that many data take well; `augment: auto` trains with it where nothing is searched."""

    stage: ClassVar[int] = 2
    """When its turn comes: 0 moves pixels, 1 is a policy of many changes, 2 changes values, 3 hides, 4 mixes rows."""

    for_answers: ClassVar[bool] = False
    """Whether versions made by it may be averaged for an answer (`training.tta`): nothing is hidden, mixed or noisy."""

    def __init__(self, inputs: Encoder, options: AugmentOptions) -> None:
        self.inputs, self.options = inputs, options

    @abstractmethod
    def apply(self, rows: Rows, strength: float, draws: Draws) -> Rows:
        """The rows changed.

        Args:
            rows: with values in the scale in which the inputs are stored.
            strength: above 0, in the range of the setting.
            draws: random numbers for these rows.
        """


class Geometric(Augmentation):
    """One that moves pixels by an affine map. All of a recipe are multiplied into one map, so images are read once."""

    kinds: ClassVar[tuple[str, ...]] = ("image",)
    stage: ClassVar[int] = 0
    for_answers: ClassVar[bool] = True

    @abstractmethod
    def matrix(self, size: tuple[int, int], strength: float, draws: Draws) -> Tensor:
        """Where each pixel goes: matrices `(rows, 3, 3)` on `(x, y, 1)` in pixels from the middle, y downward."""

    def apply(self, rows: Rows, strength: float, draws: Draws) -> Rows:
        height, width = rows.inputs.shape[-2:]
        return rows.warped(self.matrix((height, width), strength, draws))
