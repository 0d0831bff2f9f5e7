"""All augmentations of a recipe in their order: what a training step and a test-time average call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Self

from mapsto._imports import torch
from mapsto.recipe.families import AUGMENTATIONS
from mapsto.recipe.seeds import derive
from mapsto.training.augmentations._draws import Draws
from mapsto.training.augmentations._geometry import inverse, visible, warp
from mapsto.training.augmentations.base import Augmentation, Geometric, Rows

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mapsto.data.encoders.base import Encoder
    from mapsto.recipe.schema import Recipe
    from mapsto.tasks.base import Batch, Task

MIXING = 4
"""The stage of augmentations that mix rows: one of them a step."""

VOID = 255
"""What masks hold where there is nothing, unless their encoder says otherwise."""

PARTNERS, PARTNER, SHARE = "partners", "partner_", "share"
"""What a mixed batch has beside its streams: each row's partner, by its place in the batch; the partner's targets and
weights, under their names after this prefix; and the weight of a row's own targets."""


class Augmenter:
    """The augmentations of one training, in their order, with their own stream of random numbers.

    Args:
        members: augmentations with their strengths, all of them above 0.
        probability: the chance of each row to be augmented at all.
        encoders: fitted; those of images, masks and boxes are moved together.
        seed: of the random numbers.
    """

    def __init__(
        self,
        members: Iterable[tuple[Augmentation, float]],
        *,
        probability: float,
        encoders: Mapping[str, Encoder],
        seed: int,
    ) -> None:
        ordered = sorted(members, key=lambda pair: (pair[0].stage, type(pair[0]).__name__))
        self.moving = [(one, strength) for one, strength in ordered if isinstance(one, Geometric)]
        self.changing = [(o, s) for o, s in ordered if not isinstance(o, Geometric) and o.stage < MIXING]
        self.mixing = [(one, strength) for one, strength in ordered if one.stage == MIXING]
        self.probability = probability
        self._dtype = torch.int32 if encoders["inputs"].spec.encoder == "tokens" else torch.float32
        self._is_image = encoders["inputs"].spec.encoder == "image"
        self._masks = encoders["targets"].spec.encoder == "masks"
        ignored = encoders["targets"].spec.ignore
        self._void = VOID if ignored is None else ignored
        self.generator = torch.Generator().manual_seed(seed)

    @classmethod
    def of(cls, recipe: Recipe, encoders: Mapping[str, Encoder], seed: int) -> Self | None:
        """That of a recipe; None where nothing is augmented.

        Args:
            recipe: with every setting filled in.
            encoders: fitted, by stream.
            seed: of the random numbers.

        Raises:
            RecipeError: an augmentation lacks what it needs.
        """
        members = chosen(recipe, encoders)
        probability = recipe.augment.probability
        return cls(members, probability=probability, encoders=encoders, seed=seed) if members and probability else None

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """The batch augmented; where rows were mixed, with what `SHARE` tells beside the streams."""
        inputs = batch["inputs"]
        draws = Draws(self.generator, len(inputs), inputs.device)
        if self.probability < 1:
            draws.chosen = draws.uniform() < self.probability
        rows = self._rows(batch)
        rows = _where(draws.chosen, self.changed(rows, draws, self.matrix(rows, draws)), rows)
        if self.mixing:
            number = int(draws.number() * len(self.mixing)) if len(self.mixing) > 1 else 0
            member, strength = self.mixing[number]
            rows = member.apply(rows, strength, draws)
        augmented = {**batch, "inputs": rows.inputs}
        if rows.masks is not None:
            augmented["targets"] = rows.masks
        if rows.boxes is not None:
            augmented["boxes"] = rows.boxes
        if rows.partners is not None:
            augmented[PARTNERS] = rows.partners
            augmented |= {PARTNER + n: augmented[n][rows.partners] for n in ("targets", "weights") if n in augmented}
            augmented[SHARE] = torch.tensor(rows.share)
        return augmented

    def matrix(self, rows: Rows, draws: Draws) -> Tensor | None:
        """Where the pixels of each row go, by all that move them; None where nothing does."""
        whole: Tensor | None = None
        for member, strength in self.moving:
            matrix = member.matrix((rows.inputs.shape[-2], rows.inputs.shape[-1]), strength, draws)
            whole = matrix if whole is None else matrix @ whole
        return whole

    def changed(self, rows: Rows, draws: Draws, matrix: Tensor | None) -> Rows:
        """The rows moved, and through every augmentation that does not mix them."""
        rows = rows if matrix is None else rows.warped(matrix)
        for member, strength in self.changing:
            rows = member.apply(rows, strength, draws)
        return replace(rows, inputs=rows.inputs.clamp(0, 255)) if self._is_image else rows

    def loss(self, task: Task, outputs: Tensor, batch: Batch) -> Tensor:
        """The loss of a batch by the task; of a mixed one `share` of it, and the rest by the partners' targets."""
        own = task.loss(outputs, batch)
        if SHARE not in batch:
            return own
        share = float(batch[SHARE])
        partners = {n.removeprefix(PARTNER): tensor for n, tensor in batch.items() if n.startswith(PARTNER)}
        return share * own + (1 - share) * task.loss(outputs, {**batch, **partners})

    def _rows(self, batch: Batch) -> Rows:
        masks = batch["targets"] if self._masks and "targets" in batch else None
        return Rows(batch["inputs"].to(self._dtype), masks=masks, boxes=batch.get("boxes"), void=self._void)


class Versions:
    """Test-time augmentation: the outputs for a batch and for some changed versions of it, averaged.

    Versions are the same in every batch and for every row, so an answer is repeatable and does not depend on a row's
    neighbors. They use the augmentations of the recipe that hide nothing, add no noise and mix no rows. Where answers
    are masks, those for moved images are moved back, and a pixel counts only versions in which it is seen.

    Args:
        augmenter: of the augmentations that may be used.
        seeds: one for each version.
        dense: whether outputs lie on the pixels of the inputs.
    """

    def __init__(self, augmenter: Augmenter, seeds: list[int], *, dense: bool) -> None:
        self.augmenter, self.seeds, self.dense = augmenter, seeds, dense

    @classmethod
    def of(cls, recipe: Recipe, encoders: Mapping[str, Encoder]) -> Self | None:
        """Those of a recipe (`training.tta`); None where answers are not averaged."""
        if not recipe.training.tta:
            return None
        members = chosen(recipe, encoders, for_answers=True)
        if not members:
            return None
        augmenter = Augmenter(members, probability=1.0, encoders=encoders, seed=0)
        seeds = [derive(recipe.seed, "tta", number) for number in range(recipe.training.tta)]
        return cls(augmenter, seeds, dense=encoders["targets"].spec.encoder == "masks")

    def forward(self, task: Task, network: nn.Module, batch: Batch) -> Tensor:
        """The mean of the task's raw outputs for the batch as it is and for every version."""
        total = task.forward(network, batch)
        count: Tensor | float = 1.0
        for seed in self.seeds:
            inputs = batch["inputs"].to(torch.float32)
            draws = Draws(torch.Generator().manual_seed(seed), len(inputs), inputs.device, common=True)
            matrix = self.augmenter.matrix(Rows(inputs), draws)
            rows = self.augmenter.changed(Rows(inputs), draws, matrix)
            outputs = task.forward(network, {**batch, "inputs": rows.inputs})
            if matrix is None or not self.dense:
                total, count = total + outputs, count + 1
            else:
                seen = visible(matrix, *outputs.shape[-2:])
                total, count = total + seen * warp(outputs, inverse(matrix)), count + seen
        return total / count


def cut(batch: Batch, count: int) -> list[dict[str, Tensor]]:
    """A batch in so many pieces of consecutive rows, their lengths equal or one apart."""
    rows = len(batch["inputs"])
    bounds = [rows * place // count for place in range(count + 1)]
    return [
        {name: tensor[first:last] if tensor.ndim else tensor for name, tensor in batch.items()}
        for first, last in pairwise(bounds)
    ]


def forward(task: Task, network: nn.Module, batch: Batch, versions: Versions | None) -> Tensor:
    """The task's raw outputs for a batch to be answered, averaged over versions of it where there are such."""
    return task.forward(network, batch) if versions is None else versions.forward(task, network, batch)


def chosen(
    recipe: Recipe, encoders: Mapping[str, Encoder], *, for_answers: bool = False
) -> list[tuple[Augmentation, float]]:
    """The augmentations that a recipe turns on, with their strengths.

    Args:
        recipe: with every setting filled in.
        encoders: fitted, by stream.
        for_answers: only those that may be used for answers.
    """
    strengths = {name: float(getattr(recipe.augment, name)) for name in AUGMENTATIONS.names()}
    classes = {name: AUGMENTATIONS.get(name) for name, strength in strengths.items() if strength > 0}
    return [
        (cls(encoders["inputs"], recipe.augment), strengths[name])
        for name, cls in classes.items()
        if cls.for_answers or not for_answers
    ]


def _where(chosen_rows: Tensor | None, new: Rows, old: Rows) -> Rows:
    """The new rows where they are chosen, the old ones elsewhere."""
    if chosen_rows is None:
        return new

    def pick(first: Tensor | None, second: Tensor | None) -> Tensor | None:
        if first is None or second is None:
            return first
        return torch.where(chosen_rows.view(-1, *(1,) * (first.ndim - 1)), first, second)

    inputs = torch.where(chosen_rows.view(-1, *(1,) * (new.inputs.ndim - 1)), new.inputs, old.inputs)
    return replace(new, inputs=inputs, masks=pick(new.masks, old.masks), boxes=pick(new.boxes, old.boxes))
