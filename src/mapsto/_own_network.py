"""A network of the user's own, looked at before a study begins: what it asks for, and what is wrong with it."""

from __future__ import annotations

import copy
import importlib
import inspect
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mapsto._imports import torch
from mapsto.adapters.trainers import uses_keras
from mapsto.data.own_arrays import is_arrays, table_of_arrays
from mapsto.errors import RecipeError
from mapsto.models._handed import Network, add_metrics, hand_over, handed
from mapsto.models._own_module import OwnModule, first_output, made, plain
from mapsto.models.own import OutputForm
from mapsto.recipe.families import AUGMENTATIONS
from mapsto.recipe.family import OWN
from mapsto.recipe.hyperparameters import SECTION, Discovered, HyperParameters, discover
from mapsto.recipe.ranges import Choice
from mapsto.recipe.space import Space
from mapsto.training.batches import Tensors

if TYPE_CHECKING:
    from mapsto.data.prepare import Prepared
    from mapsto.recipe.schema import Recipe

logger = logging.getLogger("mapsto")

LOOKED_AT = 8
"""Rows that the network is tried on before a study."""


def network_of(source: Any) -> Network | None:
    """The network that was given in the place of data, or None where data were."""
    if isinstance(source, Network):
        return source
    is_network = callable(source) or (hasattr(source, "build") and hasattr(source, "fit") is False)
    return Network(source) if is_network and not hasattr(source, "__array__") else None


def data_and_network(source: Any, data: Any) -> tuple[Any, Network | None]:
    """What to learn from, and the user's own network where one was given in its place."""
    network = network_of(source)
    if network is None:
        if data is not None:
            raise RecipeError(
                f"`data` is for a network of your own, which stands first: `tune(build, data=(x, y))`. Received: "
                f"{type(source).__name__} and data."
            )
        return source, None
    if data is None:
        raise RecipeError(
            f"`{network.reference}` has no data to learn from: `tune(build, data=(x, y))`. An objective that trains "
            f"by itself and returns a number is searched by `tune_objective(objective)`."
        )
    return (table_of_arrays(*data) if is_arrays(data) else data), network


def settings_of(network: Network) -> dict[str, Any]:
    """Hands a network over, and says which settings make a recipe train it, by dotted name."""
    metric = {"search.metric": next(iter(network.metrics))} if network.metrics else {}
    return {"model.name": OWN, "model.builder": hand_over(network), **metric}


def hand_over_for(folder: Path, network: Any) -> None:
    """Hands over the network of a run, or of a fitted model, under the name by which its recipe knows it.

    Args:
        folder: of either.
        network: the user's; None: there is none.

    Raises:
        RecipeError: it is no network, or the folder's network is not the user's own.
    """
    if network is None:
        return
    given = network_of(network)
    files = [path for path in (folder / "study.yaml", folder / "recipe.yaml") if path.exists()]
    if given is None or not files:
        raise RecipeError(
            f"A network is a builder, a module or a `mapsto.Network`. Received: {type(network).__name__}."
        )
    add_metrics(given)  # the recipe, which is read next, may name one
    builder = Space.from_file(files[0]).leaves.get("model.builder")
    if not builder:
        raise RecipeError(f"The network of {folder} is one of mapsto's own, so none is handed over. Leave it out.")
    hand_over(given, str(builder))


def network_from(reference: str) -> Network:
    """The network that a user names on the command line: `train.py:build`, or `package.module:build`.

    Its file is run, as `python train.py` would, but not as the main program.

    Raises:
        RecipeError: there is no such file, module or name in it, or it fails.
    """
    place, _, name = reference.rpartition(":")
    if not place or not name:
        raise RecipeError(f"A network is named as in `train.py:build`. Received: {reference}.")
    sys.path.insert(0, str(Path(place).resolve().parent) if place.endswith(".py") else str(Path.cwd()))
    try:
        module = importlib.import_module(Path(place).stem if place.endswith(".py") else place)
        found = getattr(module, name)
    except Exception as error:
        raise RecipeError(
            f"The network `{reference}` cannot be had: {type(error).__name__}: {' '.join(str(error).split())[:300]}."
        ) from error
    network = network_of(found)
    if network is None:
        raise RecipeError(f"`{reference}` is no builder and no network. Received: {type(found).__name__}.")
    return network


@dataclass(frozen=True)
class Seen:
    """What a look at a network gave, by dotted name.

    Attributes:
        defaults: values of open settings.
        ranges: what the builder asks for.
    """

    defaults: dict[str, Any]
    ranges: dict[str, Any]


def look_at(given: Space, recipe: Recipe, prepared: Prepared) -> Seen:
    """Builds the network, runs it on some training rows, and finds what it asks for.

    Args:
        given: what the user gave.
        recipe: enough to build it.
        prepared: the data.

    Raises:
        RecipeError: the builder or its network cannot be trained; the one paragraph says what is wrong.
    """
    reference = recipe.model.builder
    found = asked_for(reference, recipe.leaves())
    _refuse_unused(given, found, reference)
    leaves = {**recipe.leaves(), **found.defaults, **given_values(given)}
    built = _built(reference, leaves)
    defaults: dict[str, Any] = dict(found.defaults)
    if _is_keras(built):
        defaults |= _look_at_keras(recipe, built, prepared)
    elif isinstance(built, torch.nn.Module):
        defaults |= _look_at_module(recipe, built, prepared)
        idle = unchanging(reference, leaves, found)
        if idle:
            logger.warning(
                "`%s` asks for %s, and both ends of its range give the same network: the search may be for nothing.",
                reference,
                " and ".join(f"`{leaf}`" for leaf in idle),
            )
    else:
        raise RecipeError(
            f"`{reference}` must return a torch module or a Keras model. Received: {type(built).__name__}."
        )
    return Seen(defaults, found.ranges)


def refuse_keras(recipe: Recipe, verb: str) -> None:
    """Refuses what works on torch's steps alone.

    Raises:
        RecipeError: the network is a Keras model.
    """
    if uses_keras(recipe):
        raise RecipeError(
            f"`{verb}` measures single steps of torch, and a Keras model takes its steps inside Keras. Search the "
            f"settings with `tune` instead, such as `optimizer.learning_rate`."
        )


def asked_for(reference: str, leaves: Mapping[str, Any]) -> Discovered:
    """What a builder asks for: of `hp`, or by the arguments of a function or a class that have a default.

    Raises:
        RecipeError: the builder fails with its own defaults.
    """
    arguments = handed(reference).arguments()
    free = {name: one.default for name, one in arguments.items() if one.default is not inspect.Parameter.empty}
    needed = [name for name in arguments if name not in free]
    if not needed and free:
        plain = {f"{SECTION}.{n}": v for n, v in free.items() if v is None or isinstance(v, str | int | float)}
        return Discovered({}, plain)

    def run(hp: HyperParameters) -> object:
        with torch.random.fork_rng(devices=[]):
            return made(reference, leaves, hp)

    try:
        return discover(run)
    except Exception as error:
        raise _failed(reference, "fails with its own defaults", error) from error


def given_values(given: Space) -> dict[str, Any]:
    """The values of hyperparameters that the user gave."""
    return {leaf: v for leaf, v in given.leaves.items() if leaf.startswith(f"{SECTION}.") and leaf not in given.ranges}


def _refuse_unused(given: Space, found: Discovered, reference: str) -> None:
    """A hyperparameter that nobody asks for would be searched for nothing."""
    known = [leaf.partition(".")[2] for leaf in found.defaults]
    for leaf in given.leaves:
        name = leaf.partition(".")[2]
        if leaf.startswith(f"{SECTION}.") and found.is_whole and name not in known:
            asks = f"it asks for {', '.join(known)}" if known else "it asks for nothing"
            raise RecipeError(
                f"`{leaf}` is given, and `{reference}` never asks for it: {asks}. Ask for it in the builder, as in "
                f'`hp.int("{name}", 32, 512)`, or leave it out.'
            )


def _built(reference: str, leaves: Mapping[str, Any]) -> Any:
    try:
        with torch.random.fork_rng(devices=[]):
            return made(reference, leaves)
    except Exception as error:
        raise _failed(reference, "fails", error) from error


# -- torch ---------------------------------------------------------------------------------------------------------


def _look_at_module(recipe: Recipe, module: torch.nn.Module, prepared: Prepared) -> dict[str, Any]:
    reference = recipe.model.builder
    _refuse_unregistered(module, reference)
    num_outputs = recipe.task.num_outputs(prepared.specs)
    network = OwnModule(module, reference, prepared.specs["inputs"], num_outputs, "logits")
    rows = torch.from_numpy(prepared.parts["train"][:LOOKED_AT].astype(np.int64))
    batch = Tensors(prepared, "cpu").take(rows)
    with torch.random.fork_rng(devices=[]):
        scores = _tried(network, batch, prepared, reference)
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise RecipeError(f"`{reference}` returns a network without a weight that could be trained.")
    is_classification = bool(prepared.specs["targets"].names)
    form: OutputForm = output_form(scores) if is_classification else "logits"
    if form == "probabilities" and scores.shape[1] == 1 and not _is_bounded(network, batch):
        form = "logits"
    _refuse_shape(scores, batch, num_outputs, is_classification, reference)
    found: dict[str, Any] = {"model.framework": "torch", "model.outputs": form}
    if network.brings_loss_for(batch):
        _try_loss(network, batch, form, reference)
        found["loss.name"] = OWN
    if network.brings_optimizer:
        found |= {"optimizer.name": OWN, "schedule.name": "constant"}
    return found


def _tried(network: OwnModule, batch: Mapping[str, torch.Tensor], prepared: Prepared, reference: str) -> torch.Tensor:
    """The network's own first output for some rows, in evaluation."""
    network.eval()
    try:
        with torch.no_grad():
            return plain(first_output(network.answer(batch)))
    except RecipeError:
        raise
    except Exception as error:
        hint = ""
        if any(spec.dtype == "uint8" and spec.encoder == "array" for spec in prepared.specs.values()):
            hint = " The inputs are whole numbers from 0 to 255: divide them by 255 first, or begin with `x.float()`."
        shown = _shown(prepared)
        raise _failed(reference, f"returns a network that fails on the inputs ({shown})", error, hint) from error


def output_form(scores: torch.Tensor) -> OutputForm:
    """What a network returns for classes, by its answers to some rows.

    Example:
        >>> output_form(torch.tensor([[0.2, 0.8], [0.5, 0.5]])), output_form(torch.tensor([[2.0, -1.0]]))
        ('probabilities', 'logits')
    """
    scores = scores.detach().double()
    if scores.shape[1] == 1:
        # One score a row: a sigmoid never leaves (0, 1), and raw scores of a fresh network lie about zero.
        return "probabilities" if bool(((scores >= 0) & (scores <= 1)).all()) and len(scores) > 1 else "logits"
    if bool((scores >= 0).all()) and bool((scores.sum(1) - 1).abs().max() < 1e-3):
        return "probabilities"
    return "log_probabilities" if bool(scores.logsumexp(1).abs().max() < 1e-3) else "logits"


def _is_bounded(network: OwnModule, batch: Mapping[str, torch.Tensor]) -> bool:
    """Whether one score a row stays in [0, 1] however large the weights: raw scores may lie there by chance."""
    if isinstance(list(network.module.modules())[-1], torch.nn.Sigmoid):
        return True
    larger = copy.deepcopy(network).eval()
    with torch.no_grad():
        for parameter in larger.parameters():
            parameter.copy_(10 * parameter + 1)
        scores = plain(first_output(larger.answer(batch)))
    return bool(((scores >= 0) & (scores <= 1)).all())


def _refuse_shape(
    scores: torch.Tensor, batch: Mapping[str, torch.Tensor], num_outputs: int, is_classification: bool, reference: str
) -> None:
    rows = len(batch["inputs"])
    fits = [num_outputs, 1] if is_classification and num_outputs == 2 else [num_outputs]
    if scores.ndim == 2 and len(scores) == rows and scores.shape[1] in fits:
        return
    wanted = f"({rows}, {num_outputs})" + (f", or ({rows}, 1) for yes and no," if len(fits) > 1 else "")
    what = f"one score for each of the {num_outputs} classes" if is_classification else "one number a row"
    raise RecipeError(
        f"`{reference}` returns a network whose output for {rows} rows has the shape {tuple(scores.shape)}; {wanted} "
        f"is needed, {what}. Change its last layer."
    )


# -- Keras ---------------------------------------------------------------------------------------------------------


def _look_at_keras(recipe: Recipe, model: Any, prepared: Prepared) -> dict[str, Any]:
    from mapsto.adapters.keras import NOT_READ, own_loss
    from mapsto.models._keras_module import KerasModule, first_of

    reference = recipe.model.builder
    num_outputs = recipe.task.num_outputs(prepared.specs)
    network = KerasModule(model, reference, prepared.specs["inputs"], num_outputs, "logits")
    rows = torch.from_numpy(prepared.parts["train"][:LOOKED_AT].astype(np.int64))
    batch = Tensors(prepared, "cpu").take(rows)
    try:
        answer = network.predicted(batch)
    except Exception as error:
        raise _failed(reference, f"returns a model that fails on the inputs ({_shown(prepared)})", error) from error
    scores = plain(torch.from_numpy(np.array(first_of(answer), dtype=np.float32)))
    is_classification = bool(prepared.specs["targets"].names)
    _refuse_shape(scores, batch, num_outputs, is_classification, reference)
    if not model.trainable_variables:
        raise RecipeError(f"`{reference}` returns a network without a weight that could be trained.")
    form = _keras_form(model, scores) if is_classification else "logits"
    off = {f"training.{name}": value for name, value in NOT_READ.items()}
    off |= {f"augment.{name}": 0.0 for name in AUGMENTATIONS.names()}
    found: dict[str, Any] = {"model.framework": "keras", "model.outputs": form, **off}
    if not getattr(model, "compiled", False):
        return found
    _refuse_mismatch(model, form, reference)
    try:
        own_loss(network, batch, answer)
    except Exception as error:
        raise _failed(reference, "has a loss that fails on a batch", error) from error
    return found | {"loss.name": OWN, "optimizer.name": OWN, "schedule.name": "constant"}


def _keras_form(model: Any, scores: torch.Tensor) -> OutputForm:
    """What a model returns for classes, by its last activation, or else by its answers."""
    layers = getattr(model, "layers", None) or [None]
    last = getattr(getattr(layers[-1], "activation", None), "__name__", "")
    if last in ("sigmoid", "softmax"):
        return "probabilities"
    if last == "log_softmax":
        return "log_probabilities"
    return "logits" if last == "linear" else output_form(scores)


def _refuse_mismatch(model: Any, form: OutputForm, reference: str) -> None:
    """A loss that takes raw scores for probabilities, or the other way round, learns badly without a word."""
    loss = getattr(model, "loss", None)
    name = str(loss if isinstance(loss, str) else getattr(loss, "name", None) or getattr(loss, "__name__", ""))
    if not name.endswith("crossentropy"):
        return
    takes_logits = bool(getattr(loss, "_fn_kwargs", {}).get("from_logits", False))
    if takes_logits and form == "probabilities":
        raise RecipeError(
            f"`{reference}` ends in probabilities, and its loss {name} is compiled with from_logits=True, which "
            f"applies a softmax or sigmoid once more. Leave out one of the two."
        )
    if not takes_logits and form == "logits":
        raise RecipeError(
            f"`{reference}` ends in raw scores, and its loss {name} takes them for probabilities. Compile it with "
            f"from_logits=True, or end the network in a softmax or sigmoid."
        )


def _shown(prepared: Prepared) -> str:
    """The inputs of a network, in words."""
    specs = [spec for stream, spec in prepared.specs.items() if stream.partition(".")[0] == "inputs"]
    return ", ".join(f"{spec.dtype} of shape (rows, {', '.join(map(str, spec.shape))})" for spec in specs)


def _try_loss(network: OwnModule, batch: Mapping[str, torch.Tensor], form: OutputForm, reference: str) -> None:
    loss = network.own.loss
    if form != "logits" and isinstance(loss, torch.nn.CrossEntropyLoss | torch.nn.BCEWithLogitsLoss):
        last = "softmax" if isinstance(loss, torch.nn.CrossEntropyLoss) else "sigmoid"
        raise RecipeError(
            f"`{reference}` returns {form.replace('_', ' ')}, and {type(loss).__name__} applies a {last} of its own, "
            f"so that the network would learn from flattened gradients. Leave the {last} out of the network, or the "
            f"loss out of `mapsto.Network`."
        )
    network.train()
    with torch.random.fork_rng(devices=[]):
        try:
            value, _ = network.loss(batch)
        except Exception as error:
            raise _failed(reference, "has a loss that fails on a batch", error) from error
    if not isinstance(value, torch.Tensor) or value.ndim or not value.requires_grad:
        shown = tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
        raise RecipeError(
            f"The loss of `{reference}` must be a scalar tensor that depends on the weights. Received: {shown}."
        )


def _refuse_unregistered(module: torch.nn.Module, reference: str) -> None:
    """Layers in a plain list are no part of the network: they are never trained, moved or saved."""
    for name, part in module.named_modules():
        for attribute, value in vars(part).items():
            if attribute.startswith("_"):
                continue
            inside = list(_modules_in(value))
            if inside:
                kind, cure = ("dict", "ModuleDict") if isinstance(value, dict) else ("list", "ModuleList")
                where = f"{name}.{attribute}" if name else attribute
                raise RecipeError(
                    f"`{reference}` keeps {len(inside)} layer{'s' if len(inside) > 1 else ''} in the plain {kind} "
                    f"`{where}`, where torch does not see them: they would never be trained. Write "
                    f"`self.{attribute} = torch.nn.{cure}(...)`."
                )


def _modules_in(value: Any) -> Iterator[torch.nn.Module]:
    if isinstance(value, list | tuple | dict):
        for one in value.values() if isinstance(value, dict) else value:
            if isinstance(one, torch.nn.Module):
                yield one


def _is_keras(module: object) -> bool:
    return any(cls.__module__.startswith("keras.") for cls in type(module).__mro__)


def _failed(reference: str, how: str, error: Exception, hint: str = "") -> RecipeError:
    text = re.sub(r"\x1b\[[\d;]*m", "", str(error))  # Keras writes in bold
    cause = " ".join(text.partition("Arguments received by")[0].split())[:300] or type(error).__name__
    return RecipeError(f"`{reference}` {how}: {type(error).__name__}: {cause.rstrip('.')}.{hint}")


def unchanging(reference: str, leaves: Mapping[str, Any], found: Discovered) -> list[str]:
    """Hyperparameters that are asked for and change nothing of the network: the ends of their ranges give the same.

    Args:
        reference: the builder.
        leaves: the recipe that is varied, by dotted name.
        found: what it asks for.
    """
    idle = []
    for leaf, range_ in found.ranges.items():
        if range_.when is not None:
            continue
        ends = (range_.options[0], range_.options[-1]) if isinstance(range_, Choice) else (range_.low, range_.high)
        try:
            shapes = [_shape_of(_built(reference, {**leaves, leaf: end})) for end in ends]
        except RecipeError:  # its trial will say so
            continue
        if shapes[0] == shapes[1]:
            idle.append(leaf)
    return idle


def _shape_of(module: Any) -> str:
    """All that tells two networks apart before they are trained."""
    lazy = torch.nn.parameter.is_lazy
    parts = [f"{n} {'lazy' if lazy(tensor) else tuple(tensor.shape)}" for n, tensor in module.state_dict().items()]
    plain = {
        f"{name}.{attribute}": value
        for name, part in module.named_modules()
        for attribute, value in vars(part).items()
        if isinstance(value, str | int | float | bool | None)
    }
    return f"{module} {parts} {sorted(plain.items())}"
