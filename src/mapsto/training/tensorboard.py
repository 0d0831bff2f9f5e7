"""A trace as an event file of TensorBoard, which is needed for looking at it alone (`pip install 'mapsto[tracking]'`).

An event file is a row of records: the length of the data (8 bytes, little-endian), its checksum, the data, their
checksum (TensorFlow's `core/lib/io/record_writer.h`); the data are an `Event` of protocol buffers (`core/util/
event.proto`), of which scalars need five fields. TensorBoard's own writer would be one more dependency, and torch's
imports TensorFlow where that is installed, which has crashed processes that also load triton.
"""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path

from mapsto import _files
from mapsto.training import trace

SCALARS = {
    "train_loss": "loss/train",
    "validation_loss": "loss/validation",
    "score": "score/validation",
    "learning_rate": "learning_rate",
}

NAME = "events.out.tfevents.mapsto"

# Fields of Event and of what it holds, each as its number and how it is written (see protobuf.dev, "Encoding").
WALL_TIME, STEP, FILE_VERSION, SUMMARY = b"\x09", b"\x10", b"\x1a", b"\x2a"
VALUE, TAG, SIMPLE_VALUE = b"\x0a", b"\x0a", b"\x15"


def export(path: Path, folder: Path) -> None:
    """Writes the epochs of a trace as an event file; one that was written before is replaced.

    Args:
        path: the trace.
        folder: where the event file goes.
    """
    epochs = [record for record in trace.read(path) if record["kind"] == "epoch"]
    if not epochs:
        return
    start = path.stat().st_mtime - epochs[-1]["seconds"]
    records = [_record(WALL_TIME + struct.pack("<d", start) + FILE_VERSION + _sized(b"brain.Event:2"))]
    for epoch in epochs:
        values = {tag: epoch[name] for name, tag in SCALARS.items() if epoch[name] is not None}
        records.append(_record(_event(start + epoch["seconds"], epoch["step"], values)))
    with _files.writing(folder / NAME) as temporary:
        temporary.write_bytes(b"".join(records))


def _event(wall_time: float, step: int, values: dict[str, float]) -> bytes:
    summary = b"".join(
        VALUE + _sized(TAG + _sized(tag.encode()) + SIMPLE_VALUE + struct.pack("<f", value))
        for tag, value in values.items()
    )
    return WALL_TIME + struct.pack("<d", wall_time) + STEP + _varint(step) + SUMMARY + _sized(summary)


def _sized(data: bytes) -> bytes:
    return _varint(len(data)) + data


def _varint(number: int) -> bytes:
    """A whole number, seven bits a byte, the lowest first; all bytes but the last have their highest bit set."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def _record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + _checksum(length) + data + _checksum(data)


def _checksum(data: bytes) -> bytes:
    """CRC-32C, turned and shifted as TensorFlow does it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _table()[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


@cache
def _table() -> list[int]:
    """The remainders of all bytes by Castagnoli's polynomial."""
    found = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        found.append(byte)
    return found
