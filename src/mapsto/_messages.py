"""Sentences that can be said in other languages: English text that remembers its template and what was put in.

What notices something says it once, in English. A report in another language looks up the template in its catalog
(`mapsto.report.messages_zh`); everybody else sees a plain string.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Value = str | int | float | list[Any] | None


class Message(str):
    """A sentence in English, or a part of one, with the template and the values that it was made from.

    Attributes:
        template: English, with `{names}` for what is put in; the key of the catalogs.
        values: by name: words and numbers from the data, and messages, which are said in the other language too.

    Example:
        >>> text = say("{rows} of {total:,} left out.", rows=counted(1, "row"), total=1200)
        >>> text, text.template
        ('one row of 1,200 left out.', '{rows} of {total:,} left out.')
    """

    __slots__ = ("template", "values")
    template: str
    values: Mapping[str, Any]

    def __new__(cls, text: str, template: str = "", values: Mapping[str, Any] | None = None) -> Message:
        self = super().__new__(cls, text)
        self.template, self.values = template, values or {}
        return self


def say(template: str, /, **values: Any) -> Message:
    """The template with the values put in, as `str.format` does. The template is written where it is used, as it is:
    a test looks for each in the catalogs.
    """
    return Message(template.format(**values), template, values)


def listing(items: Iterable[str], separator: str = ", ") -> Message:
    """Several messages or names, one after the other; the catalogs have the separator."""
    every = list(items)
    return Message(separator.join(every), separator, {"items": every})


def count(number: int, noun: str) -> Message:
    """`1 row`, `1,200 rows`."""
    return Message(f"{number:,} {noun}{'' if number == 1 else 's'}", f"{{number:,}} {noun}", {"number": number})


def counted(number: int, noun: str, plural: str | None = None) -> Message:
    """`one row`, `no rows`, `1,200 rows`: a number and its noun, as a sentence has them."""
    text = f"one {noun}" if number == 1 else f"{'no' if number == 0 else f'{number:,}'} {plural or noun + 's'}"
    return Message(text, f"{{number:,}} {noun}", {"number": number})


def opening(number: int, noun: str, plural: str | None = None) -> Message:
    """The same, as a sentence begins: `One row`."""
    words = counted(number, noun, plural)
    return Message(words[0].upper() + words[1:], words.template, words.values)


def shortened(names: list[str], limit: int = 6) -> Message:
    """The first names as a list for a message, and how many more there are."""
    first, more = listing(names[:limit]), len(names) - limit
    return say("{names} and {more:,} more", names=first, more=more) if more > 0 else first


def to_json(text: str) -> dict[str, Any] | None:
    """Template and values as JSON holds them; None for a text that is no message."""
    if not isinstance(text, Message) or not text.template:
        return None
    return {"template": text.template, "values": {name: _plain(value) for name, value in text.values.items()}}


def from_json(text: str, stored: Mapping[str, Any] | None) -> str:
    """The message with this English text that `to_json` was given; what was put in stays as it was stored."""
    return text if stored is None else Message(text, str(stored["template"]), dict(stored["values"]))


def _plain(value: Any) -> Any:
    if isinstance(value, Message) and value.template:
        return to_json(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict) or value is None or isinstance(value, (str, bool)):
        return value  # a mapping was stored before
    return float(value) if isinstance(value, float) else int(value)
