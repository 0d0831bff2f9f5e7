"""The fitted encoders of a data set, as a model keeps them: raw tables in, arrays out, with nothing else at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from numpy.typing import NDArray

from mapsto.data.audit._clean import Respelled, respelled
from mapsto.data.encoders.base import Encoder, Spec
from mapsto.data.table import Kind, Note, Table
from mapsto.errors import RunError
from mapsto.recipe.families import ENCODERS
from mapsto.recipe.schema import DataOptions

VERSION = 1
TARGETS = "targets"
"""The stream that a new table need not have; those that begin with it and a dot are further targets, all others
inputs."""


def is_target(stream: str) -> bool:
    """Whether a stream holds what is to be predicted."""
    return stream.partition(".")[0] == TARGETS


@dataclass(frozen=True)
class Preprocessing:
    """What turns a table into the arrays of a task's streams.

    Example:
        >>> from mapsto.data.encoders.values import Values
        >>> fitted = Preprocessing({"targets": Values(["price"], DataOptions())}, DataOptions(), {"price": "numeric"})
        >>> Preprocessing.from_json(fitted.to_json()).specs["targets"].dtype
        'float32'

    Attributes:
        encoders: the fitted encoder of each stream, `"inputs"` first.
        options: the settings that they were fitted with.
        kinds: the kind of each column that they read, as it was in training.
        spellings: by column, spellings that are read as another (`data.clean`).
        number_formats: by column, how its numbers were written (see `mapsto.data.number_formats`).
    """

    encoders: Mapping[str, Encoder]
    options: DataOptions
    kinds: Mapping[str, Kind]
    spellings: Respelled = field(default_factory=dict)
    number_formats: Mapping[str, str] = field(default_factory=dict)

    @property
    def specs(self) -> dict[str, Spec]:
        """What each stream's array holds."""
        return {stream: encoder.spec for stream, encoder in self.encoders.items()}

    @property
    def reading_options(self) -> DataOptions:
        """Options for reading new data: columns have the kinds and number formats that they had in training."""
        formats = {**self.options.number_formats, **self.number_formats}
        known = {"columns": {**self.options.columns, **self.kinds}, "number_formats": formats}
        return self.options.model_copy(update=known)

    def encode(self, table: Table, streams: Iterable[str] | None = None) -> dict[str, NDArray[Any]]:
        """The array of each stream, all rows in order; without `streams` all but the targets.

        Raises:
            DataError: the table lacks a column, or a value cannot be encoded (an image is damaged).
        """
        table = respelled(table, self.spellings)
        wanted = [stream for stream in self.encoders if not is_target(stream)] if streams is None else streams
        return {stream: self.encoders[stream].encode(table) for stream in wanted}

    def unseen(self, table: Table) -> list[Note]:
        """What inputs of new rows hold that training did not."""
        table = respelled(table, self.spellings)
        return [
            note for stream, encoder in self.encoders.items() if not is_target(stream) for note in encoder.unseen(table)
        ]

    def to_json(self) -> dict[str, Any]:
        """Everything, as values that JSON holds exactly."""
        streams = {
            stream: {"encoder": encoder.spec.encoder, "columns": list(encoder.columns), "state": encoder.state()}
            for stream, encoder in self.encoders.items()
        }
        options = self.options.model_dump(mode="json")
        spellings = {name: dict(same) for name, same in self.spellings.items()}
        plain = {"version": VERSION, "options": options, "kinds": dict(self.kinds), "spellings": spellings}
        return {**plain, "number_formats": dict(self.number_formats), "streams": streams}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Takes what `to_json` gave.

        Raises:
            RunError: another version of mapsto wrote it, or it is damaged.
        """
        found = value.get("version")
        if found != VERSION:
            raise RunError(
                f"The preprocessing was saved in format {found!r}; this version of mapsto reads format {VERSION}. "
                f"Use the version that saved it (see environment.json), or train again."
            )
        try:
            options = DataOptions.model_validate(value["options"])
            encoders = {}
            for stream, saved in value["streams"].items():
                encoder: Encoder = ENCODERS.get(saved["encoder"])(saved["columns"], options)
                encoder.load(saved["state"])
                encoders[stream] = encoder
            return cls(encoders, options, value["kinds"], value.get("spellings", {}), value.get("number_formats", {}))
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"The preprocessing is damaged ({error}). Restore its file, or train again.") from error
