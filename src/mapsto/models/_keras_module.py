"""A Keras model as the rest of mapsto knows networks: called with a batch of tensors, its weights tensors by name."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mapsto._imports import keras, torch
from mapsto.models._handed import handed
from mapsto.models._own_module import INPUTS, TARGETS, scores_of

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.encoders.base import Spec
    from mapsto.models.own import OutputForm


class KerasModule(torch.nn.Module):
    """Answers by Keras, on whatever backend it runs; `mapsto.adapters.keras` trains it, not gradients of torch.

    Args:
        model: the user's, compiled or not; one that is not built is built by its first batch.
        reference: the builder's name.
        inputs: the first array that it reads.
        num_outputs: classes, or values.
        form: what it returns for classes.
    """

    def __init__(self, model: Any, reference: str, inputs: Spec, num_outputs: int, form: OutputForm) -> None:
        super().__init__()
        self._kept = [model]  # not as a part: on the torch backend a model is a module, and would be registered
        self.own = handed(reference)
        self._form, self._num_outputs = form, num_outputs
        self._first = inputs.array or INPUTS
        self._is_image = inputs.encoder in ("image", "spectrogram")
        self._shift, self._scale = inputs.shift, inputs.scale

    @property
    def module(self) -> Any:
        """The user's model."""
        return self._kept[0]

    # -- arrays -----------------------------------------------------------------------------------------------------

    def inputs(self, batch: Mapping[str, Tensor]) -> Any:
        """The inputs of a batch as the model takes them: an array, a dict by its input's names, or a tuple."""
        further = {n.partition(".")[2]: t.numpy() for n, t in batch.items() if n.startswith(f"{INPUTS}.")}
        arrays = {self._first: self._channels_last(batch[INPUTS].numpy()), **further}
        if len(arrays) == 1:
            return arrays[self._first]
        names = {tensor.name for tensor in getattr(self.module, "inputs", None) or ()}
        if "lengths" in arrays and "lengths" not in names and len(names) == 1:
            return arrays[self._first]
        return arrays if set(arrays) <= names else tuple(arrays.values())

    def targets(self, batch: Mapping[str, Tensor]) -> Any:
        """The targets as the compiled loss takes them: one array, or one for each output."""
        arrays = {n.partition(".")[2]: t.numpy() for n, t in batch.items() if n.startswith(TARGETS)}
        if len(arrays) > 1:
            names = list(getattr(self.module, "output_names", None) or ())
            first = next((name for name in names if name not in arrays), None)
            if first is not None and set(arrays) - {""} <= set(names):
                return {name or first: array for name, array in arrays.items()}
            return list(arrays.values())
        return self._one_hot(arrays[""])

    def _channels_last(self, array: NDArray[Any]) -> NDArray[Any]:
        """Pixels as mapsto's image tasks store them, the way that Keras reads them: scaled, channels last."""
        if not self._is_image:
            return array
        scaled = array.astype(np.float32)
        if self._scale:
            shape = (1, -1, *(1,) * (array.ndim - 2))
            scaled = (scaled - np.reshape(self._shift, shape)) * np.reshape(self._scale, shape)
        return np.ascontiguousarray(np.moveaxis(scaled, 1, -1), dtype=np.float32)

    def _one_hot(self, targets: NDArray[Any]) -> NDArray[Any]:
        return np.eye(self._num_outputs, dtype=np.float32)[targets] if self.wants_one_hot else targets

    @functools.cached_property
    def wants_one_hot(self) -> bool:
        """Whether the compiled loss compares with one-hot rows, and not with class numbers."""
        loss = getattr(self.module, "loss", None)
        name = loss if isinstance(loss, str) else getattr(loss, "name", None) or getattr(loss, "__name__", "")
        return str(name) in ("categorical_crossentropy", "categorical_focal_crossentropy")

    # -- answers ----------------------------------------------------------------------------------------------------

    def forward(self, batch: Tensor | Mapping[str, Tensor]) -> Tensor:
        """Raw scores of a batch, or of its one array; apart from any gradient."""
        return self.scored(self.predicted({INPUTS: batch} if isinstance(batch, torch.Tensor) else batch))

    @property
    def answers_once(self) -> bool:
        """Whether the model returns one score a row where there are two classes."""
        shape = getattr(self.module, "output_shape", None)
        return self._num_outputs == 2 and isinstance(shape, tuple) and shape[-1] == 1

    def scored(self, answer: Any) -> Tensor:
        """What the model returned as raw scores, its first output."""
        outputs = torch.from_numpy(np.array(first_of(answer), dtype=np.float32))
        return scores_of(outputs, self._form, self._num_outputs)

    def predicted(self, batch: Mapping[str, Tensor]) -> Any:
        """All that the model returns for a batch, as arrays."""
        return self.module.predict_on_batch(self.inputs(batch))

    # -- weights ----------------------------------------------------------------------------------------------------

    def variables(self) -> Iterator[tuple[str, Any]]:
        """Everything that the model remembers, by its place: names of layers count how many were made before."""
        for place, variable in enumerate(self.module.variables):
            yield f"{place:04d}.{variable.name}", variable

    @property
    def num_trained(self) -> int:
        """Trainable numbers."""
        return sum(math.prod(variable.shape) for variable in self.module.trainable_variables)

    def state_dict(self, *args: Any, **options: Any) -> dict[str, Tensor]:  # type: ignore[override]
        """Copies of all variables."""
        del args, options
        return {name: tensor_of(variable) for name, variable in self.variables()}

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **options: Any) -> Any:
        """Puts values into the variables.

        Raises:
            KeyError: one is missing.
        """
        del args, options
        for name, variable in self.variables():
            variable.assign(array_of(state_dict[name], variable))
        return torch.nn.modules.module._IncompatibleKeys([], [])

    @property
    def is_unbuilt(self) -> bool:
        """Whether the model finds its sizes from the first batch."""
        return not self.module.built


def first_of(answer: Any) -> Any:
    """The first of several outputs."""
    if isinstance(answer, Mapping):
        return next(iter(answer.values()))
    return answer[0] if isinstance(answer, (list, tuple)) else answer


def tensor_of(variable: Any) -> Tensor:
    """A copy of a Keras variable; types that torch has not are kept as their bits."""
    array = np.array(keras.ops.convert_to_numpy(variable.value))
    unsigned = {"uint32": np.int32, "uint16": np.int16, "uint64": np.int64}
    return torch.from_numpy(array.view(unsigned.get(array.dtype.name, array.dtype)).copy())


def array_of(tensor: Tensor, variable: Any) -> NDArray[Any]:
    """What `tensor_of` gave, as the variable takes it."""
    array = tensor.detach().cpu().numpy()
    wanted = np.dtype(str(variable.dtype).removeprefix("torch.")) if str(variable.dtype) != "bfloat16" else array.dtype
    return array.view(wanted) if wanted.kind == "u" and array.dtype.itemsize == wanted.itemsize else array
