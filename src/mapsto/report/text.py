"""Every sentence of the report, in English and Chinese.

A text may hold markup of its own and `{names}` for what is put in; what is put in is escaped. Names that come from
the data (columns, classes) stay as they are in both languages; what the data room noticed is said by its template.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from markupsafe import Markup

from mapsto._messages import to_json
from mapsto.errors import RunError
from mapsto.report.format import number
from mapsto.report.messages_zh import CHINESE_MESSAGES
from mapsto.report.text_en import ENGLISH
from mapsto.report.text_zh import CHINESE

Language = Literal["en", "zh"]
TEXTS: Mapping[Language, Mapping[str, str]] = {"en": ENGLISH, "zh": CHINESE}
MESSAGES: Mapping[Language, Mapping[str, str]] = {"zh": CHINESE_MESSAGES}
"""What other rooms say in English, by language and template (see `mapsto._messages`)."""

_DEEPEST = 8  # messages within messages


class Texts:
    """The sentences of one language.

    Example:
        >>> say = Texts("en")
        >>> say.count("row", 1), say.duration(95)
        (Markup('1 row'), '1 min 35 s')

    Raises:
        RunError: there are no texts in this language.
    """

    def __init__(self, language: Language = "en") -> None:
        if language not in TEXTS:
            known = ", ".join(get_args(Language))
            raise RunError(f'A report can be written in {known}; it was asked for in "{language}".')
        self.language = language
        self._texts = TEXTS[language]

    def __call__(self, key: str, **values: Any) -> Markup:
        """The sentence as markup, with the values put in and escaped."""
        return Markup(self._texts[key]).format(**values)

    def plain(self, key: str, **values: Any) -> str:
        """The sentence as plain text, for charts, which escape what they draw."""
        return self._texts[key].format(**values)

    def join(self, *sentences: Markup) -> Markup:
        """Sentences one after the other, with a space between them where the language has one."""
        return Markup(" " if self.language == "en" else "").join(sentences)

    def name(self, family: str, name: str, otherwise: str = "") -> str:
        """What a member of a known set (metric, state, task ...) is called here, or the name it brought along."""
        return self._texts.get(f"{family}.{name}", otherwise or name)

    def method(self, name: str) -> str:
        """How an interval was found, in this language; a name that is not known stays as it is."""
        found = re.fullmatch(r"(BCa|percentile) bootstrap, ([\d,]+) resamples(.*)", name)
        if found is None:
            return name
        return self.plain("method.bootstrap", kind=self._texts[f"method.{found[1]}"], n=found[2], rest=found[3])

    def told(self, text: str, said: object) -> str:
        """A sentence of another room in this language, from what it was made of; as it is where no catalog has it.

        Args:
            text: in English.
            said: as `mapsto._messages.to_json` gave it, and a file of a stranger may have it; None of a plain text.
        """
        if not isinstance(said, Mapping):
            return text
        try:
            found = _told(said, MESSAGES[self.language], _DEEPEST)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            return text
        return str(found)

    def message(self, text: str) -> str:
        """A message of another room in this language; as it is where no catalog has it."""
        return self.told(text, to_json(text))

    def count(self, key: str, n: int) -> Markup:
        """`1 row`, `270 rows`."""
        return self("one." + key if n == 1 else "many." + key, n=number(n, "whole"))

    def duration(self, seconds: float | None) -> str:
        """Seconds as a person says them: `14 ms`, `3.2 s`, `1 min 35 s`, `2 h 5 min`."""
        if seconds is None:
            return "–"
        if 0 < seconds < 0.0995:
            return self.plain("time.milliseconds", ms=f"{1000 * seconds:.2g}")
        if seconds < 59.95:
            digits = 2 if seconds < 1 else 1 if seconds < 10 else 0
            return self.plain("time.seconds", s=f"{seconds:.{digits}f}")
        minutes, rest = divmod(round(seconds), 60)
        if minutes < 60:
            return (
                self.plain("time.minutes", m=minutes, s=rest) if rest else self.plain("time.whole_minutes", m=minutes)
            )
        hours, minutes = divmod(minutes, 60)
        return self.plain("time.hours", h=hours, m=minutes) if minutes else self.plain("time.whole_hours", h=hours)

    def moment(self, iso: str) -> str:
        """A time in UTC, written out; a text that is no ISO time stays as it is."""
        try:
            at = datetime.fromisoformat(iso)
        except ValueError:
            return iso
        at = at.astimezone(UTC) if at.tzinfo else at
        month = self._texts[f"month.{at.month}"]
        return self.plain("time.moment", year=at.year, month=month, day=at.day, clock=f"{at:%H:%M}")


def _told(said: Any, catalog: Mapping[str, str], depth: int) -> Any:
    """A stored message in the language of the catalog; a plain value as it is.

    Raises:
        KeyError: the catalog does not have it.
        ValueError: it lies too deep, or a value is of another kind than its template puts in.
    """
    if not isinstance(said, Mapping):
        return said
    if not depth:
        raise ValueError("too many messages within messages")
    template, values = catalog[said["template"]], said["values"]
    if isinstance(values.get("items"), list):
        return template.join(_told(item, catalog, depth - 1) for item in values["items"])
    return template.format(**{name: _told(value, catalog, depth - 1) for name, value in values.items()})
