"""Items that come one after another, to a table: what generators, loaders and other frameworks' data have in common.

An item is a pair `(x, y)`, a dict of named values, or an input alone. Inputs are vectors of features, images (arrays of
two or three axes, or Pillow's), text, or dicts of these; targets are classes, numbers, one-hot vectors or masks. They
are read once, in their order, and kept in memory up to an eighth of `data.memory` and in a temporary file beyond.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from mapsto.data import cells, fingerprint
from mapsto.data.frames import table_of_pieces
from mapsto.data.sources import _arrays
from mapsto.data.spool import Arrays, Frames
from mapsto.data.table import Column, Kind, Note
from mapsto.errors import DataError, MapstoError
from mapsto.recipe.sizes import parse_size

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions

PIECE_ITEMS = 4096

_SHARE = 8  # of `data.memory`, for what is kept as it comes; making a table of it takes several times as much


@dataclass(frozen=True)
class Picture:
    """An image in an array; a `mapsto.data.table.LazyImage`, for images of different sizes."""

    name: str
    pixels: NDArray[np.uint8] = field(repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def decode(self, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        """The pixels, brought to a height and width if so asked."""
        if size is None or size == self.size:
            return np.asarray(self.pixels)
        image = Image.fromarray(np.asarray(self.pixels))
        return np.asarray(image.resize((size[1], size[0]), Image.Resampling.BILINEAR), dtype=np.uint8)


def table_of_items(
    items: Iterable[Any],
    *,
    name: str,
    options: DataOptions,
    target_needed: bool,
    classes: list[str] | None = None,
    given_parts: list[str] | None = None,
    notes: Iterable[Note] = (),
) -> Table:
    """A table of all items.

    Args:
        items: read once.
        name: of the table, for messages.
        options: whose `target`, `columns`, `split_column` and `memory` are obeyed.
        target_needed: whether a target must be there.
        classes: names of the target's classes, by their numbers.
        given_parts: which part each item belongs to, where the source knows; filled while the items are read.
        notes: what the source noticed.

    Raises:
        DataError: there is no item, or the items are no rows of one table.
    """
    found = _Collected(parse_size(options.memory) // _SHARE, classes)
    try:
        for item in items:
            found.add(item)
    except MapstoError:
        raise
    except Exception as error:  # the user's own code makes the items
        raise DataError(
            f"{name} failed after {len(found):,} items: {type(error).__name__}: {error}. Mend the code that makes them."
        ) from error
    if not len(found):
        raise DataError(f"{name} gave no items. A generator gives them once only: make a new one.")
    found.flush()
    ready, more = found.ready(name)
    return table_of_pieces(
        found.frames,
        name=name,
        options=options,
        target_needed=target_needed,
        given_parts=None if given_parts is None else np.array(given_parts),
        kinds={"text": "text"} if found.texts else None,
        notes=[*notes, *more],
        first_row=0,
        target="mask" if "mask" in ready else found.target,
        ready=ready,
        digest=found.digest.hexdigest(),
    )


def rows_of(batches: Iterable[Any]) -> Iterator[Any]:
    """The items of batches: every array of a batch, in pairs and dicts too, has one entry an item."""
    for batch in batches:
        if isinstance(batch, (tuple, list)) and len(batch) == 3:
            batch = tuple(batch)[:2]  # the third are weights of the rows, which mapsto does not take
        leaves = _leaves(batch)
        lengths = {len(leaf) if np.ndim(leaf) or isinstance(leaf, (list, tuple)) else -1 for leaf in leaves}
        if len(lengths) != 1 or -1 in lengths:
            raise DataError(f"A batch must hold arrays of equal length. Received: {_described(batch)}.")
        yield from (_entry(batch, place) for place in range(lengths.pop()))


def are_batches(item: Any) -> bool:
    """Whether an item is a batch: all its arrays have one length, and the targets one class or value for each."""
    if not isinstance(item, (tuple, list)) or len(item) not in (2, 3):
        leaves = [np.asarray(leaf) for leaf in _leaves(item)] if isinstance(item, Mapping) else []
        return bool(leaves) and all(leaf.ndim for leaf in leaves) and len({len(leaf) for leaf in leaves}) == 1
    x, y = ([np.asarray(leaf) for leaf in _leaves(part)] for part in item[:2])
    same = all(leaf.ndim for leaf in (*x, *y)) and len({len(leaf) for leaf in (*x, *y)}) == 1
    return same and (any(leaf.ndim > 1 or leaf.dtype.kind in "OSU" for leaf in x) or isinstance(item[0], Mapping))


def unbatched(items: Iterable[Any]) -> Iterator[Any]:
    """Items as they are, or those of the batches that they are, as the first tells."""
    rest = iter(items)
    first = list(islice(rest, 1))
    whole = chain(first, rest)
    return rows_of(whole) if first and are_batches(first[0]) else whole


def _leaves(batch: Any) -> list[Any]:
    if isinstance(batch, Mapping):
        return [leaf for value in batch.values() for leaf in _leaves(value)]
    if isinstance(batch, tuple) or (isinstance(batch, list) and len(batch) == 2 and np.ndim(batch[0])):
        return [leaf for value in batch for leaf in _leaves(value)]
    return [batch]


def _entry(batch: Any, place: int) -> Any:
    if isinstance(batch, Mapping):
        return {key: _entry(value, place) for key, value in batch.items()}
    if isinstance(batch, tuple) or (isinstance(batch, list) and len(batch) == 2 and np.ndim(batch[0])):
        return tuple(_entry(value, place) for value in batch)
    return batch[place]


class _Collected:
    """What the items hold, as it comes."""

    def __init__(self, limit: int, classes: list[str] | None) -> None:
        self.frames, self._limit, self._classes = Frames(limit), limit, classes
        self.digest = hashlib.sha256()
        self.images: dict[str, Arrays] = {}
        self.target: str | None = None
        self.texts = False
        self._rows: list[dict[str, Any]] = []
        self._vectors: list[NDArray[Any]] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, item: Any) -> None:
        row: dict[str, Any] = {}
        if isinstance(item, Mapping):
            self._named(item, row)
        elif isinstance(item, (tuple, list)) and len(item) == 2 and _is_pair(item):
            if isinstance(item[0], Mapping):
                self._named(item[0], row)
            else:
                self._input(_plain(item[0]), row)
            self._answer(_plain(item[1]), row)
        else:
            self._input(_plain(item), row)
        self._rows.append(row)
        self._count += 1
        if any(len(images) not in (0, self._count) for images in self.images.values()):
            raise DataError(f"Item {self._count - 1:,} lacks the image that others have. Received: {_described(item)}.")
        if len(self._rows) == PIECE_ITEMS:
            self.flush()

    def _named(self, item: Mapping[Any, Any], row: dict[str, Any]) -> None:
        for key, value in item.items():
            plain = _plain(value)
            if isinstance(plain, np.ndarray) and plain.ndim in (2, 3):
                self._image(str(key), plain)
            elif isinstance(plain, np.ndarray) and plain.ndim == 1 and plain.dtype.kind in "biuf":
                row |= {f"{key}{place}": number for place, number in enumerate(plain.tolist())}
            else:
                row[str(key)] = plain

    def _input(self, x: Any, row: dict[str, Any]) -> None:
        if isinstance(x, np.ndarray) and x.ndim in (2, 3) and x.dtype.kind in "biuf":
            self._image("image", x)
        elif isinstance(x, np.ndarray) and x.ndim == 1:
            self._vectors.append(x)
        elif isinstance(x, str):
            row["text"], self.texts = x, True
        elif isinstance(x, (bool, int, float, np.generic)):
            row["x0"] = x
        else:
            raise DataError(
                f"Inputs must be numbers, vectors, images, text or dicts of these. Received: {_described(x)}, in item "
                f"{self._count:,} (counted from 0)."
            )

    def _answer(self, y: Any, row: dict[str, Any]) -> None:
        if isinstance(y, np.ndarray) and y.ndim == 3 and 1 in (y.shape[0], y.shape[-1]):
            y = y[0] if y.shape[0] == 1 else y[..., 0]
        if isinstance(y, np.ndarray) and y.ndim == 2:
            self._image("mask", y)
            return
        if isinstance(y, np.ndarray) and y.ndim == 1:
            is_one_hot = len(y) > 1 and bool(((y == 0) | (y == 1)).all()) and y.sum() == 1
            if len(y) != 1 and not is_one_hot:
                raise DataError(
                    f"Item {self._count:,} has {len(y)} targets. One value or class an item is predicted, or one class "
                    f"a pixel; classes may be one-hot (a single 1)."
                )
            y = int(y.argmax()) if is_one_hot else y[0].item()
        if isinstance(y, Mapping) or (y is not None and not np.isscalar(y)):
            raise DataError(f"A target must be a class, a number or a mask. Received: {_described(y)}.")
        if self.target is None:
            self.target = _arrays.free_name("target", row)
        classes = self._classes or []
        row[self.target] = classes[int(y)] if isinstance(y, (int, np.integer)) and 0 <= y < len(classes) else y

    def _image(self, key: str, pixels: NDArray[Any]) -> None:
        self.digest.update(f"{key} {pixels.dtype} {pixels.shape}\n".encode())
        self.digest.update(np.ascontiguousarray(pixels).reshape(-1).view(np.uint8).data)
        self.images.setdefault(key, Arrays(self._limit)).append(pixels)

    def flush(self) -> None:
        """Brings the collected rows to a frame."""
        frame = pd.DataFrame(self._rows, index=pd.RangeIndex(len(self._rows)))
        if self._vectors:
            if len(self._vectors) != len(self._rows) or len({vector.shape for vector in self._vectors}) > 1:
                raise DataError("Inputs must be vectors of one length. Those of some items have another, or are none.")
            matrix = np.stack(self._vectors)
            names = [f"x{place}" for place in range(matrix.shape[1])]
            frame = pd.concat([pd.DataFrame(matrix, columns=pd.Index(names)), frame], axis="columns")
        if len(frame.columns):
            held = {str(key): cells.read(series).values for key, series in frame.items()}
            self.digest.update(fingerprint.of_arrays(held).encode())
            self.frames.append(frame)
        self._rows, self._vectors = [], []

    def ready(self, name: str) -> tuple[dict[str, Column], list[Note]]:
        """Images and masks as columns."""
        found: dict[str, Column] = {}
        for key, arrays in self.images.items():
            one = arrays.one()
            if key == "mask" and self.images.keys() > {"mask"}:
                continue
            values = _arrays.images_of(one, name) if one is not None else _pictures(arrays.each(), name)
            found[key] = Column(key, "image", values)
        if "mask" not in self.images or "mask" in found:
            return found, []
        masks = self.images["mask"].one()
        if masks is None or len(masks) != self._count:
            raise DataError(f"The masks of {name} have different sizes, or are not there for all items.")
        values, notes = _arrays.masks_of(masks, next(iter(found.values()), None), name)
        kind: Kind = "mask"
        return {**found, "mask": Column("mask", kind, values)}, notes


def _is_pair(item: Any) -> bool:
    """Whether two entries are an input and a target, and not a vector of two numbers in a list."""
    return isinstance(item, tuple) or not all(isinstance(entry, (int, float)) for entry in item)


def _plain(value: Any) -> Any:
    """Tensors and Pillow's images as arrays, arrays without axes as numbers, bytes as text."""
    torch = sys.modules.get("torch")  # whoever has a tensor has imported it
    if torch is not None and isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    elif isinstance(value, Image.Image):
        is_gray = value.mode in ("1", "L", "I", "I;16", "F")
        value = np.asarray(value.convert("L" if value.mode in ("1", "L") else value.mode if is_gray else "RGB"))
    elif isinstance(value, (list, tuple)) or (hasattr(value, "__array__") and not isinstance(value, np.ndarray)):
        value = np.asarray(value)
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _pictures(pieces: list[NDArray[Any]], where: str) -> NDArray[Any]:
    """Images of different sizes: in color if one of them is."""
    plain = [np.moveaxis(p, 0, -1) if p.ndim == 3 and p.shape[-1] > 4 and p.shape[0] in (1, 3) else p for p in pieces]
    plain = [pixels[..., 0] if pixels.ndim == 3 and pixels.shape[-1] == 1 else pixels for pixels in plain]
    in_color = any(pixels.ndim == 3 for pixels in plain)
    values = np.empty(len(plain), dtype=object)
    for place, pixels in enumerate(plain):
        if pixels.dtype != np.uint8 or 0 in pixels.shape or (pixels.ndim == 3 and pixels.shape[-1] not in (3, 4)):
            raise DataError(
                f"Images of different sizes in {where} must be of type uint8, gray or with 3 channels. Received: "
                f"{pixels.dtype} of shape {pixels.shape}. Bring them to one size, or to uint8."
            )
        if in_color and pixels.ndim == 2:
            pixels = np.broadcast_to(pixels[..., np.newaxis], (*pixels.shape, 3))
        values[place] = Picture(str(place), pixels[..., :3] if pixels.ndim == 3 else pixels)
    return values


def _described(value: Any) -> str:
    if isinstance(value, (tuple, list)) and len(value) <= 4:
        return f"({', '.join(map(_described, value))})"
    shape = getattr(value, "shape", None)
    return type(value).__name__ + (f" of shape {tuple(shape)}" if shape is not None else "")
