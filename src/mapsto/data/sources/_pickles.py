"""Numbers and texts out of a pickle without running it.

Loading a pickle can run any program that its author wrote into it. Here its instructions are only listed
(`pickletools.genops`), and those that hold plain values are picked out.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterator

_TEXTS = frozenset(
    {"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
    | {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}
)
_NUMBERS = frozenset({"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1"})


def literals(data: bytes) -> Iterator[bytes | int]:
    """The texts (as bytes) and whole numbers in a pickle, in their order.

    Raises:
        ValueError: it is no pickle, or damaged.
    """
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name in _TEXTS:
            yield argument if isinstance(argument, bytes) else _as_bytes(str(argument))
        elif opcode.name in _NUMBERS and isinstance(argument, int):
            yield argument


def _as_bytes(text: str) -> bytes:
    """Python 2's bytes, which later versions write as text with a character a byte; other text as UTF-8."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
