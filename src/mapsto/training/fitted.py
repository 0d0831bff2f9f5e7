"""A trained network with its preprocessing and its recipe: predicts from raw inputs, lies in one folder."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from mapsto import _files
from mapsto._imports import torch
from mapsto.data.audit._clean import respelled
from mapsto.data.own_arrays import is_pair, table_of_arrays
from mapsto.data.preprocessing import Preprocessing, is_target
from mapsto.data.read import read
from mapsto.data.table import Table
from mapsto.errors import DataError, RunError
from mapsto.recipe.schema import Recipe
from mapsto.training import checkpoint, members
from mapsto.training.augmenter import Versions, forward
from mapsto.training.image_files import write_images
from mapsto.training.networks import network_for

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from mapsto.data.encoders.base import Spec

logger = logging.getLogger("mapsto")

PIECE_ROWS = 8192
"""Rows that are encoded at once, at most; of a table that lies in a file no more are in memory."""

WEIGHTS, RECIPE, PREPROCESSING, CARD = "model.safetensors", "recipe.yaml", "preprocessing.json", "card.md"


class Fitted:
    """A trained model that needs nothing else; saved without pickle, loaded to the same predictions bit for bit.

    Args:
        recipe: with every setting filled in.
        preprocessing: fitted on the training rows.
        weights: the network's state by name.
    """

    def __init__(self, recipe: Recipe, preprocessing: Preprocessing, weights: Mapping[str, Tensor]) -> None:
        self.recipe, self.preprocessing = recipe, preprocessing
        specs = preprocessing.specs
        self.task = recipe.task.trained_by(recipe.loss, specs["targets"])
        state = torch.get_rng_state()
        self.network = network_for(recipe, specs)
        torch.set_rng_state(state)  # the random weights drawn above are replaced at once
        self.network.load_state_dict(weights)
        self.network.eval()
        self.versions = Versions.of(recipe, preprocessing.encoders)
        self._is_double = False

    def in_double(self) -> Self:
        """The same model, which from now on computes in float64.

        What it says of a row then depends on no other row: kernels of float32 add in another order where a batch has
        another size, and differ in the last digits.
        """
        self.network.double()
        self._is_double = True
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Plain texts and arrays, so that a pickle holds none of the network's classes."""
        return {
            "recipe": self.recipe.to_yaml(),
            "preprocessing": json.dumps(self.preprocessing.to_json()),
            "weights": {name: tensor.cpu().numpy() for name, tensor in self.network.state_dict().items()},
            "is_double": self._is_double,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        weights = {name: torch.from_numpy(np.array(array)) for name, array in state["weights"].items()}
        preprocessing = Preprocessing.from_json(json.loads(state["preprocessing"]))
        vars(self).update(vars(Fitted(Recipe.from_yaml(state["recipe"]), preprocessing, weights)))
        if state["is_double"]:  # they were trained in float32, so nothing is lost on the way
            self.in_double()

    def predict(self, source: Any, *, images: str | Path | None = None) -> pd.DataFrame:
        """Answers for raw inputs, one row each, in their order.

        Args:
            source: anything that `mapsto.tune` reads, with or without the target.
            images: a folder for the answers that are images (masks): a PNG each, in the values of the user's own
                masks; the column `image` names it.

        Returns:
            A frame with the column `answer` (a class's name, or a number) and one `p(...)` a class.

        Raises:
            DataError: the inputs lack a column that the model was trained on.
            RunError: images are asked for, and the answers are none.
        """
        import pandas as pd  # here, since loading a model needs no pandas

        if images is None:
            frames = list(self.predict_pieces(source))
            return frames[0] if len(frames) == 1 else pd.concat(frames)
        table = self._read_with_warnings(source)
        predictions, targets = self.predictions(table), self.preprocessing.encoders["targets"]
        answers = self._answers(table, predictions)
        files = write_images(table, predictions, self.recipe.task, targets, Path(images))
        answers["image"] = np.asarray(files, dtype=object)
        return answers

    def predict_pieces(self, source: Any) -> Iterator[pd.DataFrame]:
        """The same answers in frames of some thousand rows, made when they are asked for: no more need be in memory.

        Args:
            source: as for `predict`.
        """
        for table, predictions in self._pieces(self._read_with_warnings(source)):
            yield self._answers(table, predictions)

    def _read_with_warnings(self, source: Any) -> Table:
        """Rows to be answered; what the user should know of them is logged."""
        table = self.read(source)
        for note in (*table.notes, *self.preprocessing.unseen(table)):
            if note.level == "warning":
                logger.warning("%s: %s", table.name, note.message)
        return table

    def _answers(self, table: Table, predictions: NDArray[Any]) -> pd.DataFrame:
        """Predictions in the user's own words, by the rows' names."""
        import pandas as pd  # here, since loading a model needs no pandas

        answers = self.recipe.task.answers(predictions, self.preprocessing.encoders["targets"])
        return pd.DataFrame(answers, index=pd.Index(table.row_names, name="row"))

    @property
    def model(self) -> Any:
        """The network with its trained weights: a module of torch, or what the user's own builder returned."""
        return getattr(self.network, "module", self.network)

    def read(self, source: Any) -> Table:
        """Reads a source the way the model's own data were read; the target may be missing."""
        if self.reads_arrays and not isinstance(source, Table):
            names = [
                encoder.columns[0] for stream, encoder in self.preprocessing.encoders.items() if not is_target(stream)
            ]
            x, y = source if is_pair(source, names) else (source, None)
            return table_of_arrays(x, y, names)
        return read(source, options=self.preprocessing.reading_options, target_needed=False)

    def read_with_target(self, source: Any, target: str | None = None) -> Table:
        """Reads rows to be scored; `target` names their target where it is called otherwise than in training."""
        if self.reads_arrays:
            return self.read(source)
        name = target or self.preprocessing.encoders["targets"].columns[0]
        options = self.preprocessing.reading_options.model_copy(update={"target": name})
        table = read(source, options=options, target_needed=False)
        if table.target is None:
            raise DataError(
                f'{table.name} has no column "{name}", so its rows cannot be scored. Columns: '
                f"{', '.join(list(table.columns)[:12])}. Name it with `--target`."
            )
        return respelled(table, self.preprocessing.spellings)

    @property
    def reads_arrays(self) -> bool:
        """Whether the network is the user's own and reads arrays as they are."""
        return self.preprocessing.specs["inputs"].encoder == "array"

    def truth(self, table: Table) -> NDArray[Any]:
        """The targets of a table as the metrics take them.

        Raises:
            DataError: a target is missing or of a class that was not there in training.
        """
        encoder = self.preprocessing.encoders["targets"]
        unusable = encoder.unusable(table)
        if unusable.any():
            first = ", ".join(str(name) for name in table.row_names[unusable][:5])
            raise DataError(
                f"{int(unusable.sum()):,} of {len(table):,} rows of {table.name} cannot be scored: their target "
                f'"{encoder.columns[0]}" is missing or was not there in training (rows {first}). Leave them out.'
            )
        return np.asarray(self.recipe.task.truth(encoder.encode(table), encoder))

    def predictions(self, table: Table) -> NDArray[Any]:
        """Predictions as the metrics take them: probabilities, values, or masks of class ids."""
        return np.concatenate([predictions for _, predictions in self._pieces(table)])

    def _pieces(self, table: Table) -> Iterator[tuple[Table, NDArray[Any]]]:
        """Up to about `PIECE_ROWS` rows at a time, and their predictions."""
        size = evaluation_batch(self.preprocessing.specs["inputs"])
        step = size * max(1, PIECE_ROWS // size)  # whole batches, so that a row's neighbors are the same ones
        for start in range(0, len(table), step):
            piece = table if len(table) <= step else table.take(np.arange(start, min(start + step, len(table))))
            yield piece, self._predicted(piece, size)

    def _predicted(self, table: Table, size: int) -> NDArray[Any]:
        """Predictions for a table that is encoded at once, `size` rows a batch."""
        arrays = self.preprocessing.encode(table)
        task, pieces = self.task, []
        with torch.inference_mode():
            for first in range(0, len(table), size):
                batch = {name: self._tensor(array[first : first + size]) for name, array in arrays.items()}
                outputs = forward(task, self.network, batch, self.versions)
                pieces.append(members.predict(task, self.network, outputs).numpy())
        return np.asarray(task.measured(np.concatenate(pieces), self.preprocessing.encoders["targets"]))

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        tensor = torch.from_numpy(array)
        return tensor.double() if self._is_double and tensor.is_floating_point() else tensor

    def save(self, folder: Path, *, card: str = "") -> None:
        """Writes the folder whole; one that is there is replaced when the new one is complete."""
        temporary = folder.with_name(f".{folder.name}.{os.getpid()}.new")
        old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
        with _files.explained(folder):
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            try:
                checkpoint.write(temporary / WEIGHTS, dict(self.network.state_dict()), {})
                _files.write_text(temporary / RECIPE, self.recipe.to_yaml())
                _files.write_json(temporary / PREPROCESSING, self.preprocessing.to_json())
                _files.write_text(temporary / CARD, card)
                if folder.exists():
                    os.replace(folder, old)
                os.replace(temporary, folder)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
                shutil.rmtree(old, ignore_errors=True)

    @classmethod
    def load(cls, folder: Path) -> Fitted:
        """Loads a saved model; runs no code from the folder.

        Raises:
            RunError: the folder holds no model, or a damaged one.
        """
        if not (folder / WEIGHTS).exists():
            raise RunError(f"{folder} holds no fitted model ({WEIGHTS} is not there). Give a run or its `best` folder.")
        recipe = Recipe.from_yaml((folder / RECIPE).read_text(encoding="utf-8"))
        preprocessing = Preprocessing.from_json(_files.read_json(folder / PREPROCESSING))
        weights, _ = checkpoint.read(folder / WEIGHTS)
        return cls(recipe, preprocessing, weights)


def evaluation_batch(inputs: Spec) -> int:
    """Rows that are predicted at once: about four million input numbers, at most 1,024 rows."""
    return max(1, min(1024, 2**22 // max(1, int(np.prod(inputs.shape)))))


def restored(path: Path, saved: dict[str, Any], recipe: Recipe) -> None:
    """Checks that a checkpoint belongs to a recipe.

    How long a study may search is no part of a training, nor in how many pieces a batch fits the memory.

    Raises:
        RunError: it was written by another one.
    """
    different = sorted(
        name
        for name, value in recipe.leaves().items()
        if saved.get(name, value) != value
        and name != "training.accumulate_steps"
        and (name in ("search.metric", "search.objectives") or not name.startswith("search."))
    )
    if different:
        raise RunError(
            f"{path} was written with other settings ({', '.join(different[:5])}), so it cannot go on with these. "
            f"Start a new run, or undo the change."
        )
