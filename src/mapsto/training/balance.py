"""Classes of unlike size in training: weights in the loss, or rows drawn more or less often.

Evaluation knows nothing of it.

Repeating rows and weighting the loss ask for the same optimum; they differ in how noisy the steps are, and in the
length of an epoch. Probabilities that a network learned so are those of the balanced classes, not of the data.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mapsto._imports import torch
from mapsto.data.prepared import WEIGHTS
from mapsto.errors import RecipeError

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from mapsto.data.prepare import Prepared
    from mapsto.training.batches import Tensors


class Rows(ABC):
    """The rows of each epoch.

    Args:
        rows: int64, of the training part.
        classes: the class of each, int64; None where rows have none.
    """

    def __init__(self, rows: Tensor, classes: Tensor | None) -> None:
        self.rows = rows
        self.by_class: list[Tensor] = []
        if classes is not None:
            self.by_class = [rows[classes == number] for number in torch.unique(classes)]

    @property
    @abstractmethod
    def num_rows(self) -> int:
        """How many an epoch has; the same in each."""

    @abstractmethod
    def epoch(self, generator: Generator) -> Tensor:
        """The rows of the next epoch in their order, batch after batch; the generator alone decides which."""


class Every(Rows):
    """Each row once an epoch, in random order."""

    @property
    def num_rows(self) -> int:
        return len(self.rows)

    def epoch(self, generator: Generator) -> Tensor:
        return self.rows[torch.randperm(len(self.rows), generator=generator)]


class Oversampled(Rows):
    """Rows of each class are repeated until it has as many as the largest class; no row more than once more often."""

    @property
    def num_rows(self) -> int:
        return len(self.by_class) * max(map(len, self.by_class))

    def epoch(self, generator: Generator) -> Tensor:
        count = max(map(len, self.by_class))
        drawn = torch.cat([_drawn(rows, count, generator) for rows in self.by_class])
        return drawn[torch.randperm(len(drawn), generator=generator)]


class Undersampled(Rows):
    """Of each class as many rows as the smallest class has, others in every epoch."""

    @property
    def num_rows(self) -> int:
        return len(self.by_class) * min(map(len, self.by_class))

    def epoch(self, generator: Generator) -> Tensor:
        count = min(map(len, self.by_class))
        drawn = torch.cat([_drawn(rows, count, generator) for rows in self.by_class])
        return drawn[torch.randperm(len(drawn), generator=generator)]


class BalancedBatches(Rows):
    """As many rows as without balance, and any stretch of them has classes in numbers that differ by one at most."""

    @property
    def num_rows(self) -> int:
        return len(self.rows)

    def epoch(self, generator: Generator) -> Tensor:
        size = len(self.by_class)
        turns = torch.randperm(size, generator=generator)  # which class comes first, second, ... in each round
        drawn = torch.empty_like(self.rows)
        for place, number in enumerate(turns.tolist()):
            places = drawn[place::size]
            places.copy_(_drawn(self.by_class[number], len(places), generator))
        return drawn


KINDS: Mapping[str, type[Rows]] = {
    "none": Every,
    "class_weights": Every,
    "oversample": Oversampled,
    "undersample": Undersampled,
    "balanced_batches": BalancedBatches,
}


class Balance:
    """What `training.balance` says: which rows an epoch has, and how much each counts in the loss.

    Args:
        kind: a key of `KINDS`.
        prepared: the data; of the targets only the training rows are looked at.
        tensors: whose batches are weighted.

    Raises:
        RecipeError: the targets are no classes.
    """

    def __init__(self, kind: str, prepared: Prepared, tensors: Tensors) -> None:
        rows = torch.from_numpy(prepared.parts["train"].astype("int64"))
        classes: Tensor | None = None
        if kind != "none":
            if prepared.specs["targets"].encoder != "classes":
                raise RecipeError(
                    f"`training.balance: {kind}` balances the classes of rows, and the rows of {prepared.facts.name} "
                    f'have none: the target "{prepared.facts.target}" is not a column of classes. Set it to none.'
                )
            classes = torch.from_numpy(prepared.arrays["targets"][prepared.parts["train"]].astype("int64"))
        self.rows = KINDS[kind](rows, classes)
        self.weights: Tensor | None = None
        if kind == "class_weights" and classes is not None:
            self.weights = class_weights(classes, len(prepared.specs["targets"].names)).to(tensors.device)

    def weighted(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The batch with a stream `weights`, one a row, where rows do not count alike.

        Rows that have a weight of their own (`data.weight_column`) count by the product of both.
        """
        if self.weights is None:
            return batch
        of_class = self.weights[batch["targets"]]
        return {**batch, WEIGHTS: of_class * batch[WEIGHTS] if WEIGHTS in batch else of_class}


def class_weights(classes: Tensor, num_classes: int) -> Tensor:
    """A weight for each class, inversely proportional to its rows; over all rows their mean is 1.

    Example:
        >>> class_weights(torch.tensor([0, 0, 0, 1]), 2).tolist()
        [0.6666666865348816, 2.0]
    """
    counts = torch.bincount(classes, minlength=num_classes)
    return len(classes) / (int((counts > 0).sum()) * counts.clamp(min=1).to(torch.float32))


def _drawn(rows: Tensor, count: int, generator: Generator) -> Tensor:
    """So many of the rows: all of them in random order, again and again, so that none is drawn twice more often."""
    rounds = -(-count // len(rows))
    return rows[torch.cat([torch.randperm(len(rows), generator=generator) for _ in range(rounds)])[:count]]
