"""Recordings in a folder for each class, or with the class in their names, in a folder or a .zip archive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto._messages import say
from mapsto.data.audio import SUFFIXES, look, silence_notes
from mapsto.data.sources._classes import Files, holds, table_of_files
from mapsto.data.sources.base import Source

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions

_FILES = Files("audio", say("recordings"), SUFFIXES, look, silence_notes)


class Audio(Source):
    r"""A folder (or .zip archive) with a folder for each class; to predict, recordings may lie anywhere in it.

    Folders called train, validation (val, valid, dev) and test at the top give the parts. `data.label_pattern` takes
    class and part from the paths: `(?P<label>\d)_\w+_((?P<test>[0-4])|\d+)\.wav` reads `7_george_3.wav` as a 7 to
    test with. WAV files need nothing else; FLAC, Ogg, MP3 and others need the extra `audio`. Rows are called by the
    recordings' paths.
    """

    reads: ClassVar[str] = "recordings in a folder for each class (a folder or .zip of .wav, .flac, .ogg, .mp3)"
    priority: ClassVar[int] = 1  # an archive of recordings may hold a table that tells about them

    def accepts(self, source: Any) -> bool:
        return holds(source, _FILES)

    def read(self, source: Path, options: DataOptions, *, target_needed: bool) -> Table:
        return table_of_files(source, _FILES, options, target_needed=target_needed)
