"""Any image network of the package timm, by name, with weights from a file or fresh ones."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto._imports import require, torch
from mapsto.errors import RecipeError
from mapsto.models.base import Model
from mapsto.recipe.family import did_you_mean

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mapsto.data.encoders.base import Spec

HUB = "hub"


class Timm(Model):
    """A network of timm (Wightman 2019, PyTorch Image Models), its last layer sized to the task.

    Stored values are scaled as for every other family. Vision transformers and others of a fixed size are made for
    the size of the images; the first layer takes as many channels as they have. Weights come from a safetensors file
    in timm's own names, or from the hub if, and only if, `weights` is `hub`; the last layer always starts anew.

    Example:
        >>> Timm(architecture="convnext_atto").weights is None
        True
    """

    inputs: ClassVar[tuple[str, ...]] = ("image", "spectrogram")

    architecture: str = Field("resnet18", description="name in timm, such as resnet50 or vit_tiny_patch16_224")
    weights: str | None = Field(
        None,
        description="safetensors file with weights to start from; hub: timm's own are downloaded; null: fresh ones",
    )
    zero_last: bool = Field(False, description="the last layer starts at zero, so that all answers start alike")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of the vector before the last layer set to zero")
    stochastic_depth: float = Field(
        0.0, ge=0, lt=1, description="share of rows for which the last block is left out; earlier blocks less"
    )

    def build(self, inputs: Spec, num_outputs: int) -> nn.Module:
        from torch import nn  # here, since the class itself must load without torch

        from mapsto.models import _layers

        timm = self._package()
        channels, height, width = inputs.shape
        options: dict[str, Any] = {"num_classes": num_outputs, "in_chans": channels}
        if timm.get_pretrained_cfg(self.architecture, allow_unregistered=True).fixed_input_size:
            options["img_size"] = (height, width)
        if self.dropout:
            options["drop_rate"] = self.dropout
        if self.stochastic_depth:
            options["drop_path_rate"] = self.stochastic_depth
        try:
            own = timm.create_model(self.architecture, pretrained=False, **options)
            self._try(own, inputs, num_outputs)
        except (TypeError, ValueError, RuntimeError, AssertionError) as error:
            cause = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
            raise RecipeError(
                f"timm's {self.architecture} cannot be made for {channels} channels of {height}×{width} pixels with "
                f"these settings: {cause}. Try another "
                f"`model.architecture`, another `data.image_size`, or without dropout and stochastic depth."
            ) from error
        if self.zero_last:
            for parameter in own.get_classifier().parameters():
                nn.init.zeros_(parameter)
        return nn.Sequential(_layers.Scale(inputs), own)

    def load_weights(self, network: nn.Module) -> None:
        if self.weights is None:
            return
        own: Any = network[1]  # type: ignore[index]
        path = self._from_hub(own) if self.weights == HUB else Path(self.weights).expanduser()
        state = self._adapted(_read(path), own, path)
        head = _head(own)
        wanted = {name: t for name, t in own.state_dict().items() if not name.startswith(head)}
        state = {name: t for name, t in state.items() if not name.startswith(head)}
        missing, unknown = sorted(set(wanted) - set(state)), sorted(set(state) - set(wanted))
        unlike = [name for name in wanted if name in state and wanted[name].shape != state[name].shape]
        for what, names in (("lacks", missing), ("has beyond it", unknown), ("has in another shape", unlike)):
            if names:
                raise RecipeError(
                    f"`model.weights`: {path} does not fit timm's {self.architecture}: of its weights the file {what} "
                    f"{', '.join(names[:5])}{f' and {len(names) - 5} more' if len(names) > 5 else ''}. Name the "
                    f"architecture that the file was saved from in `model.architecture`."
                )
        own.load_state_dict(state, strict=False)

    def _package(self) -> Any:
        timm = require("timm", extra="vision", purpose="`model.name: timm`")
        if not timm.is_model(self.architecture):
            raise RecipeError(
                f'`model.architecture`: timm has no network called "{self.architecture}".'
                f"{did_you_mean(self.architecture, timm.list_models())} `timm.list_models()` lists its "
                f"{len(timm.list_models()):,} networks."
            )
        return timm

    def _try(self, network: Any, inputs: Spec, num_outputs: int) -> None:
        """Runs the network once, since timm says only then that images are too small for it."""
        network.eval()
        with torch.inference_mode():
            shape = tuple(network(torch.zeros(1, *inputs.shape)).shape)
        network.train()
        if shape != (1, num_outputs):
            raise ValueError(f"it answers with shape {shape}")

    def _adapted(self, state: dict[str, Tensor], own: Any, path: Path) -> dict[str, Tensor]:
        """Weights of an image size and a number of channels as those of this network, as timm itself does it."""
        from timm.models import adapt_input_conv  # here, since timm is optional

        channels = own.pretrained_cfg.get("first_conv") or ()
        for first in (channels,) if isinstance(channels, str) else channels:
            name = f"{first}.weight"
            wanted = own.state_dict().get(name)
            if wanted is not None and name in state and wanted.shape[1] != state[name].shape[1] == 3:
                state[name] = adapt_input_conv(wanted.shape[1], state[name])
        convert = getattr(sys.modules[type(own).__module__], "checkpoint_filter_fn", None)
        if convert is None:
            return state
        try:
            return dict(convert(state, own))
        except (KeyError, RuntimeError, TypeError, IndexError) as error:
            raise RecipeError(
                f"`model.weights`: timm cannot fit {path} to its {self.architecture} ({error}). Name the architecture "
                f"that the file was saved from in `model.architecture`."
            ) from error

    def _from_hub(self, own: Any) -> Path:
        from huggingface_hub import hf_hub_download  # here, since it comes with timm, which is optional
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

        place = own.pretrained_cfg.get("hf_hub_id")
        if not place:
            raise RecipeError(
                f"`model.weights: hub`: timm names no weights for {self.architecture}. Give a file, or null."
            )
        try:
            return Path(hf_hub_download(place, "model.safetensors"))
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
            raise RecipeError(
                f"`model.weights: hub`: the weights of {self.architecture} ({place}) could not be downloaded: "
                f"{type(error).__name__}. Give the path of a safetensors file, or null."
            ) from error


def _read(path: Path) -> dict[str, Tensor]:
    """Tensors of a safetensors file; nothing else is opened, a pickle least of all."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(os.fspath(path))
    except (OSError, SafetensorError) as error:
        raise RecipeError(
            f"`model.weights`: {path} is no file of weights in the safetensors format ({error}). Pickled weights "
            f"(.pt, .pth, .bin) are not opened; save them with `safetensors.torch.save_file` where you trust them."
        ) from error


def _head(own: Any) -> tuple[str, ...]:
    """What the names of the last layer's weights start with."""
    heads = own.pretrained_cfg.get("classifier") or ()
    return tuple(f"{head}." for head in ((heads,) if isinstance(heads, str) else heads))
