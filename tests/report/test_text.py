"""Both languages say the same things, and numbers read well."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from mapsto.errors import RunError
from mapsto.report import text
from mapsto.report.format import clean, decimals, exact, number, setting, shortened, width
from mapsto.report.text import TEXTS, Texts


def holes(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_both_languages_have_the_same_keys():
    assert set(TEXTS["en"]) == set(TEXTS["zh"])


def test_both_languages_put_in_the_same_values_and_markup():
    def parts(sentence: str) -> tuple[set[str], list[str]]:
        return holes(sentence), sorted(re.findall(r"</?\w+", sentence))

    differing = [key for key, english in TEXTS["en"].items() if parts(english) != parts(TEXTS["zh"][key])]
    assert differing == []


def test_every_key_that_a_template_names_is_there():
    folder = Path(text.__file__).parent / "templates"
    named = {
        key for p in folder.glob("*.html") for key in re.findall(r'say\("([a-z_]+\.[a-z_]+)"', p.read_text("utf-8"))
    }
    assert len(named) > 40
    assert named <= set(TEXTS["en"])


def test_values_are_escaped_and_markup_is_kept():
    sentence = Texts("en")("next.edge", leaf="<b>", range="log(1, 2)", command="mapsto")
    assert "<code>&lt;b&gt;</code>" in sentence


def test_unknown_language_is_refused():
    with pytest.raises(RunError, match='written in en, zh; it was asked for in "de"'):
        Texts("de")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [(0.0042, "4.2 ms", "4.2 毫秒"), (0.25, "0.25 s", "0.25 秒"), (59.97, "1 min", "1 分钟"),
     (95, "1 min 35 s", "1 分 35 秒"),
     (7500, "2 h 5 min", "2 小时 5 分"),
     (7200, "2 h", "2 小时"), (None, "–", "–")],
)  # fmt: skip
def test_durations(seconds: float | None, english: str, chinese: str):
    assert Texts("en").duration(seconds) == english
    assert Texts("zh").duration(seconds) == chinese


def test_moments_are_written_in_utc():
    assert Texts("en").moment("2026-11-22T14:30:00+02:00") == "22 November 2026, 12:30 UTC"
    assert Texts("zh").moment("2026-11-22T12:00:00Z") == "2026 年 11 月 22 日 12:00（UTC）"
    assert Texts("en").moment("yesterday") == "yesterday"


def test_methods_of_intervals_are_translated():
    assert Texts("zh").method("BCa bootstrap, 1,000 resamples") == "BCa 自助法，重抽样 1,000 次"
    assert Texts("en").method("BCa bootstrap, 1,000 resamples") == "BCa bootstrap, 1,000 resamples"
    assert Texts("zh").method("Wilson") == "Wilson"


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [(0.98148, "percent", "98.1%"), (48320.7, "number", "48,321"), (-0.5, "number", "−0.5"), (0.0, "number", "0"),
     (2.1e-5, "number", "2.1e-05"), (1e22, "number", "1e+22"), (None, "number", "–"), (float("nan"), "percent", "–"),
     (1234567, "whole", "1,234,567")],
)  # fmt: skip
def test_numbers(value: float | None, unit: str, written: str):
    assert number(value, unit) == written  # type: ignore[arg-type]


def test_exact_numbers_stay_beside_the_rounded_ones():
    assert exact(0.123456789, "percent") == '<data value="0.123456789">12.3%</data>'
    assert exact(None) == "<span>–</span>"


def test_narrow_intervals_deserve_two_decimals():
    assert (decimals(0.990, 0.994), decimals(0.95, 0.99), decimals(None, None)) == (2, 1, 1)


def test_texts_of_the_data_are_cleaned_and_shortened():
    assert clean("a\x00b\x1b\ud800c\td\u202ee שלום") == "ab?c\tde שלום"
    assert shortened("abcdef", 4) == "abc…"
    assert shortened("数据列", 4) == "数…"
    assert width("é") == width("e\u0301")
    assert setting(0.00312345) == "0.00312"
