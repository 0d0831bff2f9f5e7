"""Samples in .tar shards (WebDataset, https://github.com/webdataset/webdataset), read without unpacking."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from mapsto._messages import say
from mapsto.data import audio, images
from mapsto.data.frames import TARGET_NAMES, table_of
from mapsto.data.given_parts import PART_WORDS
from mapsto.data.sources import _layout
from mapsto.data.sources.base import Source
from mapsto.data.table import Column, Kind, Note
from mapsto.data.tars import TarTree
from mapsto.errors import DataError

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions

MAX_SHARDS = 100_000
MAX_LABEL_BYTES = 2**16
"""A label's file (.cls, .json, .txt) larger than this is refused."""

_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
_LABELS = ("cls", "json", "txt")


@dataclass
class _Sample:
    """The files of one key: the path of its image or recording, and those of its label by their suffix."""

    key: str
    data: str = ""
    labels: dict[str, str] = field(default_factory=dict)


class Webdataset(Source):
    """A .tar file, a folder of them, or many by one name: `shards-{000..010}.tar`.

    Files with the same name up to the first dot are a sample: an image (.jpg, .png, ...) or a recording (.wav, .flac,
    ...), and its class in a .cls or .txt file or under the key class, label, cls or target of a .json file.
    Only headers and labels are read at first, so memory holds a few hundred bytes a sample. Shards called train-...,
    val-... or test-... give the parts. Shards must not be compressed. Rows are called by shard and key.
    """

    reads: ClassVar[str] = "WebDataset shards (.tar, a folder of .tar, or shards-{000..010}.tar)"

    def accepts(self, source: Any) -> bool:
        if not isinstance(source, Path):
            return isinstance(source, str) and source.lower().endswith(".tar") and _RANGE.search(source) is not None
        if _RANGE.search(source.name) and source.suffix.lower() == ".tar" and not source.exists():
            return True
        return bool(_in_folder(source)) if source.is_dir() else source.suffix.lower() == ".tar"

    def read(self, source: str | Path, options: DataOptions, *, target_needed: bool) -> Table:
        shards = _shards(source)
        tree = TarTree(shards)
        samples, without = _samples(tree)
        if not samples:
            raise DataError(f"{source} holds no samples: no image or recording is in its {len(shards):,} shards.")
        kind: Kind = "image" if images.is_image(samples[0].data) else "audio"
        others = [sample.data for sample in samples if images.is_image(sample.data) != (kind == "image")]
        if others:
            raise DataError(f"{source} holds both images ({samples[0].data}) and recordings ({others[0]}).")
        paths = [sample.data for sample in samples]
        looked = images.look(tree, paths) if kind == "image" else audio.look(tree, paths)
        whole, notes = images.without_broken(tree.name, looked, "images" if kind == "image" else "recordings")
        kept = [sample for sample, good in zip(samples, whole, strict=True) if good]
        labels = [_label(tree, sample, options) for sample in kept]
        has_labels = any(label is not None for label in labels)
        if without:
            message = say("{keys:,} keys in {name} have no image or recording; left out.", keys=without, name=tree.name)
            notes.append(Note("warning", message))
        name = options.target or "class"
        return table_of(
            pd.DataFrame({name: np.array(labels, dtype=object)} if has_labels else {}, index=pd.RangeIndex(len(kept))),
            name=Path(source).name,
            options=options,
            target_needed=target_needed,
            target=name if has_labels else None,
            ready={kind: Column(kind, kind, images.as_objects(looked))},
            kinds={name: "category"},
            given_parts=_layout.as_parts([_part(sample.key) for sample in kept]),
            row_names=np.array([sample.key for sample in kept], dtype=object),
            digest=tree.fingerprint(),
            notes=notes,
        )


def _in_folder(folder: Path) -> list[Path]:
    """The shards that lie in a folder itself."""
    try:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".tar" and path.is_file())
    except OSError as error:
        raise DataError(f"The folder {folder} cannot be listed ({error.strerror}).") from error


def _shards(source: str | Path) -> list[Path]:
    path = Path(source).expanduser()
    if path.is_dir():
        return _in_folder(path)
    if path.exists():
        return [path]
    shards = [Path(name) for name in _expanded(str(path))]
    missing = [str(shard) for shard in shards if not shard.is_file()]
    if missing:
        shown = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        raise DataError(f"{len(missing):,} of the {len(shards):,} shards that {source} names are not there: {shown}.")
    return shards


def _expanded(text: str) -> Iterator[str]:
    """`a-{00..02}.tar` as `a-00.tar`, `a-01.tar`, `a-02.tar`; of several ranges the last runs fastest."""
    found = _RANGE.search(text)
    if found is None:
        yield text
        return
    first, last = int(found[1]), int(found[2])
    if not first <= last < first + MAX_SHARDS:
        raise DataError(f"{found[0]} names no shards, or more than {MAX_SHARDS:,}. Write the lower number first.")
    for number in range(first, last + 1):
        yield from _expanded(f"{text[: found.start()]}{number:0{len(found[1])}d}{text[found.end() :]}")


def _samples(tree: TarTree) -> tuple[list[_Sample], int]:
    """The samples in the order of their keys, and how many keys have neither image nor recording."""
    found: dict[str, _Sample] = {}
    for path in tree.paths:
        folder, _, name = path.rpartition("/")
        stem, _, suffix = name.partition(".")
        if not stem or not suffix:
            continue
        sample = found.setdefault(f"{folder}/{stem}", _Sample(f"{folder}/{stem}"))
        if images.is_image(path) or audio.is_audio(path):
            sample.data = sample.data or path
        elif suffix.lower() in _LABELS:
            sample.labels[suffix.lower()] = path
    whole = [sample for sample in found.values() if sample.data]
    return whole, len(found) - len(whole)


def _label(tree: TarTree, sample: _Sample, options: DataOptions) -> str | None:
    """The class that a sample's first label file tells."""
    for suffix in _LABELS:
        if suffix not in sample.labels:
            continue
        path = sample.labels[suffix]
        data = tree.head(path, MAX_LABEL_BYTES + 1)
        if len(data) > MAX_LABEL_BYTES:
            raise DataError(f"{path} has more than {MAX_LABEL_BYTES // 1024} KiB, too much for a label.")
        text = data.decode("utf-8", "replace").strip()
        found = _in_json(text, path, options) if suffix == "json" else text
        if found:
            return found
    return None


def _in_json(text: str, path: str, options: DataOptions) -> str | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON ({error}).") from error
    if isinstance(value, dict):
        keys = (options.target, "cls", *TARGET_NAMES)
        value = next((value[key] for key in keys if key in value), None)
    if isinstance(value, (dict, list)):
        raise DataError(f"{path} holds {type(value).__name__}, where a class is expected.")
    return None if value is None else str(value)


def _part(key: str) -> str:
    """The part that the shard's name begins with, or nothing."""
    return PART_WORDS.get(re.split(r"[-_.\d]", key.split("/", 1)[0], maxsplit=1)[0].casefold(), "")
