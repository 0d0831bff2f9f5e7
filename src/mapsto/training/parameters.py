"""Parameters in groups: which of them decay, how fast each layer learns, and which are frozen."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from mapsto._imports import torch
from mapsto.errors import RecipeError

if TYPE_CHECKING:
    from torch import nn

    from mapsto.recipe.schema import TrainingOptions
    from mapsto.training.optimizers.base import Optimizer


def groups(network: nn.Module, options: TrainingOptions, optimizer: Optimizer) -> list[dict[str, Any]]:
    """The network's parameters as torch's optimizers take them, those that are treated alike together.

    Each group has `params`, `lr_scale` (what the scheduled rate is multiplied with), `matrix` (hidden dense and
    convolution kernels: no embedding, bias, normalization or last layer; said only where `optimizer.by_matrix`) and,
    where they do not decay, `weight_decay: 0`: biases and normalizations, unless `training.decay_all`, and what a
    model marks with `parameter.no_decay = True`.

    `lr_scale` is the product of a model's own mark `parameter.lr_scale`, of the factors of `training.learning_rates`
    whose patterns fit the name, and of `training.layer_decay` to the number of layers above (Clark et al., "ELECTRA",
    2020, arXiv:2003.10555; see `layers`).

    Raises:
        RecipeError: a pattern of `training.learning_rates` fits no parameter.
    """
    names = [name for name, _ in network.named_parameters()]
    for pattern in options.learning_rates:
        _matching(pattern, names, "learning_rates")
    layered = _layer_scales(network, options.layer_decay)
    undecayed = undecayed_parameters(network) if not options.decay_all else set()
    hidden = hidden_matrices(network) if optimizer.by_matrix else set()
    has_decay = getattr(optimizer, "weight_decay", 0.0) > 0
    made: dict[tuple[float, bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        scale = float(getattr(parameter, "lr_scale", 1.0)) * layered.get(parameter, 1.0)
        for pattern, factor in options.learning_rates.items():
            scale *= factor if fnmatchcase(name, pattern) else 1.0
        still = has_decay and (parameter in undecayed or getattr(parameter, "no_decay", False))
        made.setdefault((scale, still, parameter in hidden), []).append(parameter)
    return [
        {"params": members, "lr_scale": scale, "matrix": matrix, **({"weight_decay": 0.0} if still else {})}
        for (scale, still, matrix), members in made.items()
    ]


def undecayed_parameters(network: nn.Module) -> set[nn.Parameter]:
    """Biases, and whatever belongs to a normalization, the lengths of weight normalization too."""
    found = set()
    for module in network.modules():
        lengths = isinstance(module, torch.nn.utils.parametrize.ParametrizationList)
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.ndim <= 1 or is_normalization(module) or (lengths and name == "original0"):
                found.add(parameter)
    return found


def hidden_matrices(network: nn.Module) -> set[nn.Parameter]:
    """Weights of dense, convolutional, recurrent and attention layers, but for the last layer's.

    A dense layer that is not torch's own says so by an attribute `is_dense`.
    """
    nn = torch.nn
    kinds = (nn.Linear, nn.modules.conv._ConvNd, nn.RNNBase, nn.MultiheadAttention)
    found: dict[nn.Module, list[nn.Parameter]] = {}
    for module in network.modules():
        if isinstance(module, kinds) or getattr(module, "is_dense", False):
            found[module] = [p for p in module.parameters(recurse=False) if p.ndim > 1]
    last = next(reversed(found), None)
    return {parameter for module, members in found.items() if module is not last for parameter in members}


def is_normalization(module: nn.Module) -> bool:
    """Whether a module normalizes activations: batch, layer, group, RMS or instance normalization."""
    nn = torch.nn
    return isinstance(module, nn.modules.batchnorm._NormBase | nn.LayerNorm | nn.GroupNorm | nn.RMSNorm)


def layers(network: nn.Module) -> list[list[nn.Parameter]]:
    """The parameters of each layer, from the inputs to the outputs, in the order in which the network registers them.

    The network and the sequences in it are opened; every other module with parameters is one layer, a residual or
    attention block as a whole. What has vectors only (a normalization) belongs to the layer before it, and what a
    network holds directly, such as positions, to the first one.
    """
    network = unwrapped(network)
    found = [unit for unit in units(network) if any(True for _ in unit.parameters())]
    direct = list(network.parameters(recurse=False))
    made: list[list[nn.Parameter]] = []
    early: list[nn.Parameter] = direct
    for unit in found:
        members = list(unit.parameters())
        if any(parameter.ndim > 1 for parameter in members):
            made.append(early + members)
            early = []
        elif made:
            made[-1] += members
        else:
            early = early + members
    return made or [early]


def unwrapped(network: nn.Module) -> nn.Module:
    """The module that holds all layers: a network is opened while it has one unit with parameters only."""
    while len(found := [unit for unit in units(network) if any(True for _ in unit.parameters())]) == 1:
        if not any(True for _ in found[0].children()):
            break
        network = found[0]
    return network


def units(network: nn.Module) -> Iterator[nn.Module]:
    """The modules that a network is made of; sequences are opened, and modules that say `is_sequence`."""
    for child in network.children():
        if isinstance(child, torch.nn.Sequential | torch.nn.ModuleList) or getattr(child, "is_sequence", False):
            yield from units(child)
        else:
            yield child


def _layer_scales(network: nn.Module, decay: float) -> dict[nn.Parameter, float]:
    if decay == 1.0:
        return {}
    found = layers(network)
    return {parameter: decay ** (len(found) - 1 - depth) for depth, own in enumerate(found) for parameter in own}


def _matching(pattern: str, names: list[str], setting: str) -> list[str]:
    """The names that a pattern fits, as a shell would.

    Raises:
        RecipeError: there are none.
    """
    found = [name for name in names if fnmatchcase(name, pattern)]
    if not found:
        raise RecipeError(
            f"`training.{setting}`: no parameter of the network is called like {pattern!r}. Its parameters: "
            f"{', '.join(names[:12])}{' …' if len(names) > 12 else ''}. `*` stands for any characters."
        )
    return found


class Freezing:
    """Parameters that are not trained: for good by name, or until their turn comes, from the top.

    A frozen parameter has no gradient, so no optimizer touches it, its decay and L1 neither; a normalization whose
    parameters are all frozen keeps its running statistics. Gradual unfreezing: Howard and Ruder, "Universal language
    model fine-tuning for text classification", 2018, arXiv:1801.06146.

    Args:
        network: whose parameters.
        options: `freeze`, patterns of names parted by commas, and `unfreeze_epochs`: the last layer is trained from
            the start, each further one after so many epochs more.

    Raises:
        RecipeError: a pattern fits no parameter, or nothing is left to train.
    """

    def __init__(self, network: nn.Module, options: TrainingOptions) -> None:
        self.network = network
        self.first_epoch: dict[nn.Parameter, float] = {}
        if options.unfreeze_epochs:
            own = layers(network)
            for depth, members in enumerate(reversed(own)):
                self.first_epoch |= dict.fromkeys(members, depth * options.unfreeze_epochs)
        named = dict(network.named_parameters())
        for pattern in (options.freeze or "").split(","):
            if pattern := pattern.strip():
                never = _matching(pattern, list(named), "freeze")
                self.first_epoch |= {named[name]: float("inf") for name in never}
        if min((self.first_epoch.get(p, 0) for p in named.values()), default=0) == float("inf"):
            raise RecipeError(f"`training.freeze: {options.freeze}` leaves nothing to train. Freeze fewer layers.")

    def trained(self) -> Iterator[nn.Parameter]:
        """The parameters that are trained at some time."""
        return (p for p in self.network.parameters() if self.first_epoch.get(p, 0) < float("inf"))

    def begin(self, epoch: int) -> None:
        """Freezes what is not trained in an epoch, counted from 0; call it after `network.train()`."""
        if not self.first_epoch:
            return
        for parameter, first in self.first_epoch.items():
            parameter.requires_grad_(epoch >= first)
        for module in self.network.modules():
            if is_normalization(module):
                own = list(module.parameters(recurse=False))
                if own and not any(parameter.requires_grad for parameter in own):
                    module.eval()
