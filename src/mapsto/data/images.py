"""Images in files: checked when the data are read, decoded when they are prepared.

Only formats that Pillow decodes by itself are opened (PostScript would start another program), the size is known from
the header before a pixel is decoded, and an image is never larger than `MAX_PIXELS`.
"""

from __future__ import annotations

import base64
import hashlib
import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from mapsto._messages import listing, opening, say
from mapsto.data.parallel import on_every_core
from mapsto.data.table import Note
from mapsto.data.trees import Tree
from mapsto.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
MAX_PIXELS = 100_000_000
BROKEN_SHARE = 0.1
"""More broken images than this share of all, and more than one, is an error; fewer are left out with a warning."""

LOOKED_INTO = 100_000
"""Of more images than this only the headers are read at first; what else is wrong is found when they are decoded."""

_HEADER_BYTES = 2**16
_GRAY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N")
_SEVERAL = ("GIF", "PNG", "TIFF", "WEBP")  # formats whose files may have frames or pages
_ORIENTATION = 0x0112  # the Exif tag; values 5 to 8 swap width and height
_TURNED = (5, 6, 7, 8)
_JPEG_END = b"\xff\xd9"
_FRAME_HEADERS = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive
_PLAIN_SEGMENTS = (0xC4, 0xDB, 0xDD, 0xE0, 0xE2, 0xED, 0xFE)  # tables, JFIF, color profile, Photoshop, comment; no Exif


@dataclass(frozen=True)
class ImageFile:
    """An image in a folder or an archive; a `mapsto.data.table.LazyImage`.

    Attributes:
        name: its path in the tree, which is the row's name.
        tree: where it lies.
        size: height and width in pixels, after rotation by Exif.
        gray: whether `decode` gives one channel; the same for every image of a set.
        mask: whether the values are class ids, which are never rescaled or mixed.
        bits: how many of a gray value's bits are in use where it has more than 8, as in all such images of a set
            together: 12 for values up to 4095. `decode` brings them to 8. None where there are none.
        has_more: whether further frames or pages follow the one that is read, the first.
    """

    name: str
    tree: Tree
    size: tuple[int, int]
    gray: bool = False
    mask: bool = False
    bits: int | None = None
    has_more: bool = False

    def decode(self, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        """The pixels: `(height, width)` for gray and masks, `(height, width, 3)` for color.

        Args:
            size: height and width to bring it to (no mask); cheaper than later, since a large JPEG is then decoded at
                a fraction of its size.

        Raises:
            DataError: the file is no longer there, or is damaged.
        """
        image = _opened(self.tree.read(self.name), self.name)
        try:
            return _class_ids(image, self.name) if self.mask else _pixels(image, self, size)
        except DataError:
            raise
        except Exception as error:  # Pillow's decoders raise many kinds of error on damaged files
            raise _broken(self.name, error) from error


@dataclass(frozen=True)
class _Looked:
    """What the header of a good image says."""

    size: tuple[int, int]
    gray: bool
    bits: int | None = None
    has_more: bool = False


def is_image(path: str) -> bool:
    """Whether a file's suffix is that of an image that can be read."""
    return path.lower().endswith(SUFFIXES)


def look(tree: Tree, paths: Sequence[str], *, mask: bool = False) -> list[ImageFile | DataError]:
    """Checks every image and returns a handle to it, or, in its place, what is wrong with it.

    PNG files are checked by their checksums, JPEG files by their end mark, others are decoded once. Of more than
    `LOOKED_INTO` images only the headers are read.

    Args:
        tree: where the images lie.
        paths: which, in this order.
        mask: whether their values are class ids.
    """
    is_whole = len(paths) <= LOOKED_INTO

    def look_at(place: int) -> tuple[_Looked | DataError, str]:
        """What is found, and the digest of what was read where it will be asked for."""
        path = paths[place]
        try:
            if not is_whole:
                return _glance(tree, path, mask), ""
            data = tree.read(path)
        except DataError as error:
            return error, ""
        return _look(data, path, mask), hashlib.sha256(data).hexdigest() if tree.is_hashed else ""

    done = list(on_every_core(look_at, range(len(paths))))
    looked = [one for one, _ in done]
    tree.digests |= {path: digest for path, (_, digest) in zip(paths, done, strict=True) if digest}
    good = [one for one in looked if isinstance(one, _Looked)]
    gray = all(one.gray for one in good) and not mask
    bits = max((one.bits for one in good if one.bits is not None), default=None)
    return [
        one if isinstance(one, DataError) else ImageFile(path, tree, one.size, gray, mask, bits, one.has_more)
        for path, one in zip(paths, looked, strict=True)
    ]


def without_broken(
    name: str, images: Sequence[object], what: str = say("images")
) -> tuple[NDArray[np.bool_], list[Note]]:
    """Which images (or recordings: `what`) are whole, a warning that names those that are not, and a note where files
    have more frames or pages than the one that is read.

    Raises:
        DataError: more than `BROKEN_SHARE` of them are broken, or all are.
    """
    faults = [image for image in images if isinstance(image, DataError)]
    whole = np.array([not isinstance(image, DataError) for image in images], dtype=bool)
    several = [image.name for image in images if isinstance(image, ImageFile) and image.has_more]
    notes = []
    if several:
        message = say(
            "{images} with more than one frame or page; the first alone is read.",
            images=opening(len(several), "image"),
        )
        notes.append(Note("info", message, details=tuple(several)))
    if not faults:
        return whole, notes
    more = [say("And {more:,} more.", more=len(faults) - 5)] if len(faults) > 5 else []
    named = listing([*(str(fault) for fault in faults[:5]), *more], " ")
    count = say(
        "{broken:,} of {total:,} {what} in {name} cannot be read",
        broken=len(faults),
        total=len(images),
        what=what,
        name=name,
    )
    if not whole.any() or len(faults) > max(1, BROKEN_SHARE * len(images)):
        raise DataError(f"{count}, too many to go on without them: {named} Replace or remove these files.")
    check = {"recordings": "broken_recordings", "images": "corrupt_images"}.get(what.split()[0])
    details = tuple(str(fault) for fault in faults)
    message = say("{count} and were left out: {named}", count=count, named=named)
    return whole, [Note("warning", message, check=check, details=details), *notes]


def as_objects(images: Sequence[object]) -> NDArray[Any]:
    """The handles to whole images or recordings, in their order, as a column's values."""
    whole = [image for image in images if not isinstance(image, DataError)]
    values = np.empty(len(whole), dtype=object)
    values[:] = whole
    return values


def _jpeg_header(data: bytes) -> _Looked | None:
    """What the frame header of a plain JPEG says; None for all that Pillow should look at: Exif, other color models.

    For thousands of photographs this is five times as fast as to open them. ITU-T T.81, annex B: segments are a marker,
    two bytes of length, and content; a frame header holds precision, height, width, and the number of components.
    """
    place = 2
    while data[:2] == b"\xff\xd8" and place + 10 < len(data) and data[place] == 0xFF:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if marker in _FRAME_HEADERS:
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            components = data[place + 9]
            is_plain = data[place + 4] == 8 and components in (1, 3) and 0 < height * width <= MAX_PIXELS
            return _Looked((height, width), components == 1) if is_plain else None
        if marker not in _PLAIN_SEGMENTS:
            return None
        place += 2 + length
    return None


def _look(data: bytes, path: str, mask: bool) -> _Looked | DataError:
    try:
        header = None if mask or _JPEG_END not in data[-64:] else _jpeg_header(data)
        if header is not None:
            return header
        image = _opened(data, path)
        if image.mode == "F":
            return DataError(f"{path} has floating-point pixels; save it with 8 bits a channel.")
        has_more = image.format in _SEVERAL and bool(getattr(image, "is_animated", False))
        bits = _bits(_opened(data, path)) if image.mode.startswith("I") and not mask else None
        found = _Looked(_size(image), image.mode in _GRAY_MODES, bits, has_more)
        if mask:
            _class_ids(image, path)
        elif image.format == "PNG" and "exif" not in image.info:
            image.verify()  # the last that can be done with it; refused once it was decoded, as to read Exif
        elif image.format != "JPEG" or _JPEG_END not in data[-64:]:
            image.load()
        return found
    except DataError as error:
        return error
    except Exception as error:  # noqa: BLE001 - Pillow's decoders raise many kinds of error on damaged files
        return _broken(path, error)


def _glance(tree: Tree, path: str, mask: bool) -> _Looked | DataError:
    """What the header alone says; the whole file is read only where that is not enough."""
    try:
        image = _opened(tree.head(path, _HEADER_BYTES), path)
    except DataError:
        return _look(tree.read(path), path, mask)
    if image.mode.startswith("I") or image.format in ("GIF", "TIFF"):  # their bits, or their pages, are further on
        return _look(tree.read(path), path, mask)
    has_more = image.format in _SEVERAL and bool(getattr(image, "is_animated", False))
    return _Looked(_size(image), image.mode in _GRAY_MODES, has_more=has_more)


def _bits(image: Image.Image) -> int:
    """How many bits the greatest value of a gray image takes, 8 at least. Cameras and scanners store 10 or 12 bits in
    files of 16, and no header is sure to say so.
    """
    return max(8, int(np.asarray(image).max()).bit_length())


def _size(image: Image.Image) -> tuple[int, int]:
    """Height and width after rotation by Exif, which is asked only where there is some: asking decodes a PNG."""
    is_turned = "exif" in image.info and image.getexif().get(_ORIENTATION) in _TURNED
    return (image.width, image.height) if is_turned else (image.height, image.width)


def _opened(data: bytes, path: str) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_large(path) from error
    except UnidentifiedImageError as error:
        found = "is empty" if not data else "is not an image that can be read"
        raise DataError(f"{path} {found}.") from error
    except Exception as error:  # Pillow's decoders raise many kinds of error on damaged files
        raise _broken(path, error) from error
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(path)
    return image


def _too_large(path: str) -> DataError:
    return DataError(f"{path} has more than {MAX_PIXELS // 10**6} megapixels, which is more than is read.")


def _broken(path: str, error: Exception) -> DataError:
    return DataError(f"{path} is damaged ({str(error).rstrip('.') or type(error).__name__}).")


def _pixels(image: Image.Image, file: ImageFile, size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """Decodes, turned as Exif says, 16 bits brought to 8, on white where it is transparent; resized if so asked."""
    if size is not None and image.format == "JPEG":
        longest = max(size)  # twice the size is decoded, so that what is left to do is as smooth as from the whole
        image.draft(None, (2 * longest, 2 * longest))
    image = image if {"exif", "xmp", "transparency"}.isdisjoint(image.info) else ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # Pillow's own conversion clips at 255 instead of scaling
        wide = np.asarray(image).astype(np.int64)
        image = Image.fromarray(np.clip(wide >> ((file.bits or 16) - 8), 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        ground = Image.new("RGBA", image.size, "white")
        ground.alpha_composite(image.convert("RGBA"))
        image = ground
    mode = "L" if file.gray else "RGB"
    image = image if image.mode == mode else image.convert(mode)
    if size is not None and image.size != size[::-1]:
        image = image.resize(size[::-1], Image.Resampling.BILINEAR)
    return np.array(image)


def _class_ids(image: Image.Image, path: str) -> NDArray[np.uint8]:
    """A mask's values as they are: palette indexes, not the palette's colors."""
    image = ImageOps.exif_transpose(image)
    values = np.asarray(image)
    if values.ndim == 3:
        if (values[..., :3] != values[..., :1]).any():
            raise DataError(
                f"{path} is a mask in colors. A mask must have one channel whose value is the class id (8 bits)."
            )
        values = values[..., 0]
    if values.dtype != np.bool_ and (values.min() < 0 or values.max() > 255):
        raise DataError(f"{path} is a mask with values up to {values.max()}; class ids must lie between 0 and 255.")
    return values.astype(np.uint8)


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Pixels of shape `(height, width)` or `(1 or 3, height, width)` as a PNG file."""
    planes = pixels[0] if pixels.ndim == 3 and len(pixels) == 1 else pixels
    image = Image.fromarray(np.ascontiguousarray(planes if planes.ndim == 2 else np.moveaxis(planes, 0, -1)))
    file = io.BytesIO()
    image.save(file, format="PNG")
    return file.getvalue()


def png_uri(pixels: NDArray[np.uint8]) -> str:
    """The same as the data URI that a page shows."""
    return f"data:image/png;base64,{base64.b64encode(png(pixels)).decode('ascii')}"
