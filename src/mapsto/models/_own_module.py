"""The user's module as the training loop knows networks: one call, one kind of output."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mapsto._imports import torch
from mapsto.errors import RecipeError
from mapsto.models._handed import Network, handed
from mapsto.models._layers import Scale
from mapsto.recipe.hyperparameters import SECTION, HyperParameters

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.encoders.base import Spec
    from mapsto.models.own import OutputForm

INPUTS, TARGETS, LENGTHS = "inputs", "targets", "lengths"
FURTHER_TARGETS = f"{TARGETS}."
_TINY = 1e-7
"""Probabilities nearer to 0 or 1 are taken as so near, as Keras does, so that their logarithms are finite."""


def made(reference: str, leaves: Mapping[str, Any], hp: HyperParameters | None = None) -> Any:
    """What a builder that was handed over returns for the values of a recipe.

    Args:
        reference: its name.
        leaves: the recipe by dotted name.
        hp: asked instead of the recipe's own values, to see what it asks for.
    """
    network = handed(reference)
    values = {leaf.partition(".")[2]: value for leaf, value in leaves.items() if leaf.startswith(f"{SECTION}.")}
    hp = HyperParameters(values) if hp is None else hp
    call, arguments = network.call, network.arguments()
    if call is None:
        return copy.deepcopy(network.build)
    needed = [name for name, argument in arguments.items() if argument.default is inspect.Parameter.empty]
    if len(needed) == 1:
        return call(_recipe(leaves) if needed == ["recipe"] else hp)
    return call(**{name: value for name, value in values.items() if name in arguments})


def _recipe(leaves: Mapping[str, Any]) -> Any:
    from mapsto.recipe.schema import Recipe

    return Recipe.from_leaves(dict(leaves))


class OwnModule(torch.nn.Module):
    """The user's module, called with one tensor, with several, or by their names, as its `forward` wants them.

    What it returns for classes is made raw scores (see `scores_of`).

    Args:
        module: the user's.
        reference: the builder's name, for its own loss and optimizer.
        inputs: the first array that it reads.
        num_outputs: classes, or values.
        form: what it returns for classes.
    """

    def __init__(self, module: Any, reference: str, inputs: Spec, num_outputs: int, form: OutputForm) -> None:
        super().__init__()
        if not isinstance(module, torch.nn.Module):
            raise RecipeError(
                f"`{reference}` must return a torch module or a Keras model. Received: {type(module).__name__}."
            )
        self.module: Any = module
        self._form, self._num_outputs = form, num_outputs
        # Pixels and spectrograms are stored in few bits; a network reads them scaled, as mapsto's own ones do.
        self._scale = Scale(inputs) if inputs.encoder in ("image", "spectrogram") else torch.nn.Identity()
        self._first = inputs.array or INPUTS
        arguments = inspect.signature(module.forward).parameters
        self._arguments = tuple(arguments)
        self._packed = any("PackedSequence" in str(argument.annotation) for argument in arguments.values())
        self._takes_any = any(argument.kind is argument.VAR_KEYWORD for argument in arguments.values())
        self.own = handed(reference)

    def forward(self, batch: Tensor | Mapping[str, Tensor]) -> Tensor:
        """Raw scores of a batch, or of its one array."""
        return self.scores(self.answer(batch))

    def answer(self, batch: Tensor | Mapping[str, Tensor]) -> Any:
        """What the user's module returns."""
        arrays = self._arrays({INPUTS: batch} if isinstance(batch, torch.Tensor) else batch)
        if len(arrays) == 1:
            return self.module(next(iter(arrays.values())))
        if self._packed:
            packed = torch.nn.utils.rnn.pack_padded_sequence(
                arrays[self._first], arrays[LENGTHS].cpu(), batch_first=True, enforce_sorted=False
            )
            return self.module(packed)
        if self._takes_any or set(arrays) <= set(self._arguments):
            return self.module(**arrays)
        if len(self._arguments) == 1:
            return self.module(arrays)
        return self.module(*list(arrays.values())[: len(self._arguments)])

    def scores(self, answer: Any) -> Tensor:
        """The first output as raw scores `(rows, outputs)`."""
        return scores_of(first_output(answer), self._form, self._num_outputs)

    # -- what of the training is the user's own ---------------------------------------------------------------------

    @property
    def brings_loss(self) -> bool:
        """Whether the loss of a batch is computed by the user's own code."""
        return self.own.loss is not None or self.own.step is not None or hasattr(self.module, "training_step")

    def brings_loss_for(self, streams: Iterable[str]) -> bool:
        """The same, for a batch of these streams: several outputs are learned by a loss each."""
        return self.brings_loss or any(stream.startswith(FURTHER_TARGETS) for stream in streams)

    @property
    def brings_optimizer(self) -> bool:
        """Whether the user's own code makes the optimizer."""
        return self.own.optimizer is not None or hasattr(self.module, "configure_optimizers")

    def loss(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor | None]:
        """The user's own loss of a batch, and the raw scores where the network has given them on the way."""
        if self.own.step is not None:
            return self.own.step(self.module, self._named(batch)), None
        if self.own.loss is None and hasattr(
            self.module, "training_step"
        ):  # as Lightning calls it: a batch, and its number
            arrays = list(self._arrays(batch).values())
            inputs = arrays[0] if len(arrays) == 1 else tuple(arrays)
            found = self.module.training_step((inputs, batch["targets"]), 0)
            return (found["loss"] if isinstance(found, Mapping) else found), None
        answer = self.answer(batch)
        targets = {name.partition(".")[2]: tensor for name, tensor in batch.items() if name.startswith(TARGETS)}
        if len(targets) > 1 or not callable(self.own.loss):
            return _weighted(self.own, answer, targets), self.scores(answer)
        return self.own.loss(_matching(answer, batch[TARGETS]), batch[TARGETS]), self.scores(answer)

    def optimizer(self) -> torch.optim.Optimizer:
        """The user's own optimizer for the present weights."""
        if self.own.optimizer is not None:
            made: torch.optim.Optimizer = self.own.optimizer([p for p in self.module.parameters() if p.requires_grad])
            return made
        found: Any = self.module.configure_optimizers()
        while not isinstance(found, torch.optim.Optimizer):
            # Lightning takes one, a list, a pair of lists, or a dict; a schedule is the recipe's matter here.
            found = found["optimizer"] if isinstance(found, Mapping) else found[0]
        return found

    def _named(self, batch: Mapping[str, Tensor]) -> dict[str, Any]:
        arrays = self._arrays(batch)
        inputs = next(iter(arrays.values())) if len(arrays) == 1 else arrays
        return {INPUTS: inputs, "targets": batch["targets"]}

    def _arrays(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        further = {name.partition(".")[2]: tensor for name, tensor in batch.items() if name.startswith(f"{INPUTS}.")}
        arrays = {self._first: self._scale(batch[INPUTS]), **further}
        if LENGTHS in arrays and not self._packed and LENGTHS not in self._arguments:
            del arrays[LENGTHS]
        return arrays


def _weighted(own: Network, answer: Any, targets: Mapping[str, Tensor]) -> Tensor:
    """The weighted sum of the losses of several outputs, which belong to the targets by name or in their order."""
    if hasattr(answer, "logits") and not isinstance(answer, Mapping):
        answer = (answer.logits,)
    outputs = answer if isinstance(answer, Mapping) else dict(zip(targets, answer, strict=False))
    names = list(targets)
    if isinstance(answer, Mapping) and set(answer) != set(names):  # the first target has no name of its own in a batch
        names = [*(name for name in answer if name not in names), *(name for name in names if name)]
        targets = dict(zip(names, targets.values(), strict=True))
    if len(outputs) < len(targets):
        raise RecipeError(f"There are {len(targets)} targets, and the network returns {len(outputs)} outputs.")
    total: Tensor = torch.zeros((), device=next(iter(targets.values())).device)
    for place, (name, target) in enumerate(targets.items()):
        loss = _of(own.loss, name, place) or _usual_loss(target)
        weight = _of(own.loss_weights, name, place)
        total = total + (1.0 if weight is None else float(weight)) * loss(_matching(outputs[name], target), target)
    return total


def _of(given: Any, name: str, place: int) -> Any:
    """What was given for one of several outputs, by its name or in its place."""
    if given is None or callable(given):
        return given
    return given.get(name) if isinstance(given, Mapping) else given[place]


def _usual_loss(target: Tensor) -> Any:
    return torch.nn.functional.mse_loss if target.is_floating_point() else torch.nn.functional.cross_entropy


def _matching(answer: Any, targets: Tensor) -> Any:
    """A column of outputs as plain as the targets are, since losses would stretch the two to a square."""
    if isinstance(answer, torch.Tensor) and answer.ndim == 2 and answer.shape[1] == 1 and targets.ndim == 1:
        return answer.squeeze(1)
    return answer


def scores_of(outputs: Tensor, form: OutputForm, num_outputs: int) -> Tensor:
    """Raw scores `(rows, outputs)` of what a network returns.

    Probabilities `p` become `log p`, whose softmax is `p`; one score `z` a row, of yes against no, becomes `(0, z)`,
    whose softmax is `sigmoid(z)`.
    """
    outputs = plain(outputs)
    if form == "probabilities":
        outputs = outputs.clamp(_TINY, 1 - _TINY)
        outputs = outputs.logit() if outputs.shape[1] == 1 else outputs.log()
    if outputs.shape[1] == 1 and num_outputs == 2:
        outputs = torch.cat([torch.zeros_like(outputs), outputs], dim=1)
    return outputs


def plain(outputs: Tensor) -> Tensor:
    """Outputs with a column each, `(rows, outputs)`."""
    return outputs.unsqueeze(1) if outputs.ndim == 1 else outputs


def first_output(answer: Any) -> Tensor:
    """The tensor that a network is scored by: its output, the first of several, or what transformers call logits.

    Raises:
        RecipeError: there is none.
    """
    found = answer
    if hasattr(found, "logits"):
        found = found.logits
    elif isinstance(found, Mapping):
        found = next(iter(found.values()), None)
    elif isinstance(found, (tuple, list)) and found:
        found = found[0]
    if not isinstance(found, torch.Tensor):
        raise RecipeError(
            f"A network must return a tensor, a tuple or a dict whose first entry is one, or an object with `logits`. "
            f"Received: {type(answer).__name__}."
        )
    return found
