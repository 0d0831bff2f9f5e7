"""One value as text: the same rules in YAML, in `--set` and inside `choice(...)`.

The rules are those of YAML 1.2's core schema rather than of 1.1: `1e-4` is a number, and `yes`, `off` and
`2020-01-01` are texts. Text that reads as something else is kept a text by quotes.
"""

from __future__ import annotations

import re

Scalar = str | int | float | bool | None


class Word(str):
    """A text that belongs to the notation itself, and is therefore written without quotes."""

    __slots__ = ()


AUTO = Word("auto")
"""Written for a setting that is left open, so that the task or the setting's own default decides."""

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]{1,400}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.inf|\.nan", re.IGNORECASE)
_PLAIN = re.compile(r"([^\W\d]|/)[\w./+-]*( [\w./+-]+)*")
# What readers of YAML 1.1 take for a boolean, and what a recipe takes for "left open".
_MISREAD = {"yes", "no", "on", "off", "y", "n", "true", "false", "null", "auto"}
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_SIMPLE_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "n": "\n", "t": "\t", "r": "\r", "0": "\0", " ": " "}


def same(first: object, second: object) -> bool:
    """Whether two values are one setting: `1` is `1.0`, but `true` is not `1`."""
    return isinstance(first, bool) == isinstance(second, bool) and first == second


def read_scalar(text: str) -> Scalar:
    """The value that an unquoted text stands for.

    Example:
        >>> read_scalar("1e-4"), read_scalar("true"), read_scalar("yes")
        (0.0001, True, 'yes')
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _NOT_FINITE.fullmatch(text):
        return float(text.replace(".", ""))
    return text


def write_scalar(value: Scalar, *, escape: str = "") -> str:
    """The text that `read_scalar`, or a quoted string in YAML, turns back into `value`.

    Example:
        >>> write_scalar(0.0001), write_scalar("relu"), write_scalar("1e-4"), write_scalar(None)
        ('0.0001', 'relu', '"1e-4"', 'null')

    Args:
        value: what to write.
        escape: characters that must not stand in the text as they are, not even in quotes.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not float("-inf") < value < float("inf"):
        return repr(value).replace("inf", ".inf").replace("nan", ".nan")
    if not isinstance(value, str):
        return repr(value)
    if isinstance(value, Word):
        return value
    if _PLAIN.fullmatch(value) and value.casefold() not in _MISREAD:
        return value
    return '"' + "".join(_escaped(character, escape) for character in value) + '"'


def _escaped(character: str, escape: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character == " " or (character.isprintable() and character not in escape):
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def unquote(text: str) -> str:
    r"""The string in double quotes (with YAML's escapes) or in single ones (two of them stand for one).

    Example:
        >>> unquote('"a\\u002c b"'), unquote("'it''s'")
        ('a, b', "it's")

    Raises:
        ValueError: an escape is not one of YAML's.
    """
    body = text[1:-1]
    return body.replace("''", "'") if text.startswith("'") else _ESCAPE.sub(_unescaped, body)


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    if len(code) > 1:
        return chr(int(code[1:], 16))
    if code not in _SIMPLE_ESCAPES:
        raise ValueError(f"\\{code} is not an escape")
    return _SIMPLE_ESCAPES[code]
