"""Writes the pages of all settings, `en/settings.md` and `zh/settings.md`, from the settings themselves.

`make settings` writes both; `tests/test_settings_page.py` fails while one of them is out of date. Words of
the program are English; `zh.yaml` holds their Chinese, and what it lacks stays English.
"""  # noqa: INP001

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import yaml

from mapsto.recipe.describe import Setting, listing
from mapsto.recipe.families import METRICS, PRUNERS, SAMPLERS
from mapsto.recipe.family import Family
from mapsto.recipe.leaves import is_name, split, write_value
from mapsto.recipe.sections import FAMILIES, NOT_SEARCHED

HERE = Path(__file__).parent
LANGUAGES = ("en", "zh")
Say = Callable[[str], str]

NAMED = {"search.sampler": SAMPLERS, "search.pruner": PRUNERS, "search.metric": METRICS}
"""Settings whose text is the name of a member."""

RANGES = [
    (r"^a whole number", "整数"),
    (r"^a number", "数"),
    (r"^a text", "文本"),
    (r"^true or false", "true 或 false"),
    (r"^one of ", "取其一："),
    (r"^a mapping, each entry ", "映射，每一项"),
    (r"^a list, each entry ", "列表，每一项"),
    (r"(?<=每一项)a text", "为文本"),
    (r"(?<=每一项)a number", "为数"),
    (r" or one of ", "，或取其一："),
    (r"one of ", "取其一："),
    (r" in (?=[\[(])", "，范围 "),
    (r", at least (\S+)", r"，不小于 \1"),
    (r" above (\S+)", r"，大于 \1"),
    (r" or null$", "，或 null"),
]
"""What a setting accepts, from the program's English to Chinese, in this order."""


def page(language: str) -> str:
    """The whole page in one language."""
    words = yaml.safe_load((HERE / "zh.yaml").read_text(encoding="utf-8")) if language == "zh" else {}

    def say(text: str) -> str:
        return str(words.get(text, text))

    found = listing()
    parts = [(HERE / f"head.{language}.txt").read_text(encoding="utf-8")]
    for section in dict.fromkeys(split(setting.leaf)[0] for setting in found):
        own = [setting for setting in found if split(setting.leaf)[0] == section]
        parts.append(_family(section, own, say) if section in FAMILIES else _group(section, own, say))
    parts += [_members(family, say) for family in NAMED.values()]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _group(section: str, own: list[Setting], say: Say) -> str:
    return f"## {section}\n\n{_table(own, say)}"


def _family(section: str, own: list[Setting], say: Say) -> str:
    """A section whose settings depend on its `name`: a table for each member that has any."""
    parts = [f"## {section}\n\n{_table([setting for setting in own if is_name(setting.leaf)], say)}"]
    for member in FAMILIES[section].names():
        settings = [setting for setting in own if setting.member == member]
        note = _summary(FAMILIES[section], member, say)
        table = _table(settings, say) if settings else say("No settings of its own.")
        parts.append(f"### {section}.name: {member}\n\n{note}\n\n{table}")
    return "\n\n".join(parts)


def _summary(family: Family, member: str, say: Say) -> str:
    """The first line of what the member's file says about itself."""
    text = sys.modules[family.get(member).__module__].__doc__ or ""
    return say(text.split("\n", 1)[0].strip())


def _table(settings: list[Setting], say: Say) -> str:
    heads = ("setting", "values", "default", "searched", "meaning")
    rows = [[say(head) for head in heads], ["---"] * len(heads)]
    for setting in settings:
        default = say("by the task") if is_name(setting.leaf) else f"`{write_value(setting.default)}`"
        searched = say("no" if setting.leaf in NOT_SEARCHED else "yes")
        rows.append([f"`{setting.leaf}`", _allowed(setting, say), default, searched, say(setting.description)])
    return "\n".join("| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows)


def _allowed(setting: Setting, say: Say) -> str:
    text = setting.allowed
    if setting.leaf in NAMED:
        text = "one of " + ", ".join(NAMED[setting.leaf].names()) + (" or null" if setting.default is None else "")
    if say("yes") != "yes":
        for pattern, chinese in RANGES:
            text = re.sub(pattern, chinese, text)
    return text.replace("9223372036854775808", "2^63").replace("2147483648", "2^31")


def _members(family: Family, say: Say) -> str:
    """A family without settings of its members: a line for each."""
    lines = [f"- `{name}`: {say(family.get(name).title)}" for name in family.names()]
    return f"## {say(family.kind + 's')}\n\n" + "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    for chosen in LANGUAGES:
        (HERE.parent / chosen / "settings.md").write_text(page(chosen), encoding="utf-8")
