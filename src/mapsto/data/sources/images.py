"""Images in a folder for each class, in a folder or a .zip archive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto._messages import say
from mapsto.data.images import SUFFIXES, is_image, look
from mapsto.data.sources._classes import Files, table_of_files
from mapsto.data.sources.base import Source

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions

_FILES = Files("image", say("images"), SUFFIXES, look)


class Images(Source):
    """A folder (or .zip archive) with a folder for each class; to predict, images may lie anywhere in it.

    Folders called train, validation (val, valid, dev) and test at the top give the parts. `data.label_pattern` takes
    the class from the paths in another way. Images are gray if all of them are, else all are read in color. Rows are
    called by the images' paths.
    """

    reads: ClassVar[str] = "images in a folder for each class (a folder or .zip)"
    priority: ClassVar[int] = -1  # any folder that no other source knows is taken for one of images

    def accepts(self, source: Any) -> bool:
        return isinstance(source, Path) and (
            source.is_dir() or source.suffix.lower() == ".zip" or is_image(source.name)
        )

    def read(self, source: Path, options: DataOptions, *, target_needed: bool) -> Table:
        return table_of_files(source, _FILES, options, target_needed=target_needed)
