"""The page as a whole: what is on it, that its numbers are the run's, and that data cannot become markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mapsto.errors import RunError
from mapsto.report import build, summary_html

VOID = {"meta", "img", "br", "link", "input", "hr"}
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 7 }} \x00\x1b[31m\u202e שלום '


class Reader(HTMLParser):
    """Checks that tags are balanced, and gathers tags, attributes, text and exact numbers."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.styles, self.scripts = "", "", ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            self.styles += data
        elif "script" in self.open:
            self.scripts += data
        else:
            self.text += data

    @property
    def numbers(self) -> set[float]:
        return {float(a["value"] or "") for tag, a in self.tags if tag == "data"}

    @property
    def ids(self) -> list[str]:
        return [a["id"] or "" for _, a in self.tags if "id" in a]


def results_of(runs: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((runs / name / "results.json").read_text("utf-8"))
    return found


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", ["digits", "searched", "housing", "camvid", "unfinished"])
def test_page_is_well_formed_and_its_links_lead_somewhere(page: Callable[..., str], name: str, language: str):
    reader = Reader(page(name, language))
    assert len(reader.ids) == len(set(reader.ids))
    targets = [a["href"] for tag, a in reader.tags if tag == "a"]
    assert targets
    assert {f"#{name}" for name in reader.ids} >= set(targets)


@pytest.mark.parametrize("name", ["digits", "searched", "housing", "camvid"])
def test_page_of_a_finished_study_has_every_section(page: Callable[..., str], name: str):
    sections = [a["id"] for tag, a in Reader(page(name)).tags if tag == "section"]
    wanted = [
        "answer",
        "audit",
        "data",
        "search",
        "training",
        "evaluation",
        "errors",
        "baselines",
        "recipe",
        "environment",
    ]
    assert sections == wanted


@pytest.mark.parametrize("name", ["digits", "searched", "housing", "camvid"])
def test_numbers_on_the_page_are_those_of_the_run(runs: Path, page: Callable[..., str], name: str):
    results, shown = results_of(runs, name), Reader(page(name)).numbers
    measures = list(results["scorecard"]["metrics"].values())
    measures += [m for baseline in results["baselines"] for m in baseline["metrics"].values()]
    assert {m[key] for m in measures for key in ("value", "low", "high")} <= shown
    assert {t["score"] for t in results["trials"] if t["phase"] == "explore" and t["score"] is not None} <= shown
    assert results["winner"]["validation"]["mean"] in shown


def test_every_number_in_the_head_names_its_metric_its_part_and_its_method(page: Callable[..., str]):
    text = " ".join(Reader(page("digits")).text.split())
    assert "accuracy 98.1% 95% interval 95.7% to 99.2%, Wilson test part, 262 rows" in text


@pytest.mark.parametrize("name", ["digits", "searched", "housing", "camvid", "unfinished"])
def test_page_loads_nothing(page: Callable[..., str], name: str):
    reader = Reader(page(name))
    loaded = [a[key] or "" for _, a in reader.tags for key in ("src", "href", "srcset", "data", "action") if key in a]
    assert all(url.startswith(("#", "data:image/png;base64,")) for url in loaded)
    assert not re.search(r"url\(|@import", reader.styles)
    assert "http" not in page(name).replace("http-equiv", "")


def test_policy_allows_the_one_script_that_is_there(page: Callable[..., str]):
    reader = Reader(page("digits"))
    policy = next(a["content"] or "" for _, a in reader.tags if a.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(reader.scripts.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")


def test_every_picture_has_a_name(page: Callable[..., str]):
    for name in ("digits", "searched", "housing", "camvid"):
        tags = Reader(page(name)).tags
        assert all(a.get("aria-label") for tag, a in tags if tag == "svg" and a.get("role") == "img")
        assert all(a.get("alt") for tag, a in tags if tag == "img")


def test_what_the_search_found_is_on_the_page(page: Callable[..., str]):
    text = " ".join(Reader(page("searched")).text.split())
    for words in (
        "The search went on from runs/digits-1, with 10 trials that were made there.",
        "First after the default recipe: 2 recipes that did well before, from letters, the portfolio of mapsto.",
        "24: 14 complete, 7 stopped early as poor, 1 beyond a limit, 2 failed",
        "Heats for the final",
        "No trial is better than one of these in every objective",
        "learning_rate 0.002 → 0.0071",
        "mapsto tune --continue",
        "ensemble of 3 networks",
        "An earlier run had been tested on the same rows.",
        "6% more than the 40,000 parameters that are allowed",
    ):
        assert words in text


def test_results_of_an_old_study_have_none_of_it(page: Callable[..., str]):
    text = Reader(page("digits")).text
    for words in ("Recipes proposed by", "Trade-offs", "What mattered", "ensemble", "--set"):
        assert words not in text


def test_unfinished_study_says_so_and_shows_its_trials(page: Callable[..., str]):
    reader = Reader(page("unfinished"))
    text = " ".join(reader.text.split())
    assert "This study is not finished" in text
    assert "mapsto resume" in text
    assert "no result yet" in text
    assert {"evaluation", "errors", "baselines"}.isdisjoint(reader.ids)


def test_study_without_any_trial_gives_a_page(tmp_path: Path, sample: ModuleType):
    sample.write(tmp_path / "study.yaml", sample.SPACE_YAML)
    text = Reader(build(tmp_path).read_text("utf-8")).text
    assert "No trial has started yet." in text
    assert "Nothing is known about the data yet." in text


def hostile(value: Any, key: str = "") -> Any:
    """Every text of a run but the words that mapsto itself chooses, made hostile."""
    fixed = ("state", "phase", "direction", "level", "part", "png", "finished", "verdict", "kind", "source_kind")
    if isinstance(value, dict):
        names = key in ("chosen", "values", "environment", "packages")
        return {(HOSTILE + k if names else k): hostile(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [hostile(v, key) for v in value]
    return HOSTILE + value + "w" * 3000 if isinstance(value, str) and key not in fixed else value


@pytest.mark.parametrize("name", ["classification", "searched", "regression", "segmentation"])
def test_hostile_data_is_shown_as_text(tmp_path: Path, sample: ModuleType, name: str):
    results = getattr(sample, name)(tmp_path)
    names = {"objective": results["objective"], "task": results["task"]}
    sample.write(tmp_path / "results.json", {**hostile(results), **names})
    page = build(tmp_path).read_text("utf-8")
    reader = Reader(page)
    assert [tag for tag, _ in reader.tags].count("script") == 1
    assert not [a for _, a in reader.tags for key in a if key.startswith("on")]
    assert "{{ 7 * 7 }}" in reader.text
    assert "\x00" not in page
    assert "\x1b" not in page
    assert len(page) < 2_000_000


def test_examples_that_are_no_png_are_not_embedded(tmp_path: Path, sample: ModuleType):
    results = sample.classification(tmp_path)
    bad = ["https://example.org/a.png", "data:text/html;base64,PGI+", "data:image/svg+xml;base64,PHN2Zz4=",
           'data:image/png;base64,iVBOR" onerror="x', "data:image/png;base64,aGVsbG8gd29ybGQ="]  # fmt: skip
    results["worst"] = [{**results["worst"][0], "example": {"kind": "image", "png": uri}} for uri in bad]
    sample.write(tmp_path / "results.json", results)
    reader = Reader(build(tmp_path).read_text("utf-8"))
    assert "img" not in [tag for tag, _ in reader.tags]
    assert reader.text.count("This picture cannot be shown here.") == len(bad)


def test_text_examples_are_shown_shortened(tmp_path: Path, sample: ModuleType):
    results = sample.classification(tmp_path)
    results["worst"][0]["example"] = {"kind": "text", "text": "a dull film " * 1000}
    sample.write(tmp_path / "results.json", results)
    text = Reader(build(tmp_path).read_text("utf-8")).text
    assert 90 < text.count("a dull film") < 110


def test_thousand_trials_stay_small_and_quick(tmp_path: Path, sample: ModuleType):
    results = sample.classification(tmp_path)
    results["trials"] = [{**results["trials"][i % 24], "number": i} for i in range(1000)] + results["trials"][24:]
    sample.write(tmp_path / "results.json", results)
    start = time.perf_counter()
    page = build(tmp_path).read_text("utf-8")
    assert time.perf_counter() - start < 10
    assert len(page) < 500_000
    assert "900 trials with the lowest rank" in Reader(page).text


def test_chinese_page_has_chinese_headings_and_keeps_the_data(page: Callable[..., str]):
    reader = Reader(page("housing", "zh"))
    assert ("html", {"lang": "zh-CN"}) in reader.tags
    assert "均方根误差" in reader.text
    assert "梯度提升树" in reader.text
    assert "median_house_value" in reader.text
    assert "What to do next" not in reader.text


def test_right_answers_among_the_worst_are_called_so(page: Callable[..., str]):
    text = Reader(page("digits")).text
    assert text.count("right, but in doubt") == 1
    assert "rows follow that were right but in doubt" in text


def test_out_names_the_file_and_nothing_else_is_left(runs: Path, tmp_path: Path):
    out = tmp_path / "deep" / "page.html"
    assert build(runs / "digits", out=out) == out
    assert [p.name for p in out.parent.iterdir()] == ["page.html"]
    assert not (runs / "digits" / "report.html").exists()


def test_folder_that_is_no_run_is_refused(tmp_path: Path):
    with pytest.raises(RunError, match=r"is not a run folder: it holds neither results\.json nor study\.yaml"):
        build(tmp_path)


@pytest.mark.parametrize("damage", ['{"name": ', "[1, 2]"])
def test_damaged_results_are_named(tmp_path: Path, sample: ModuleType, damage: str):
    sample.write(tmp_path / "results.json", damage)
    with pytest.raises(RunError, match=r"results\.json is damaged"):
        build(tmp_path)


def test_summary_is_a_balanced_fragment_with_the_answer(runs: Path):
    results = results_of(runs, "digits")
    reader = Reader(summary_html(runs / "digits"))
    assert results["scorecard"]["metrics"]["accuracy"]["value"] in reader.numbers
    assert "script" not in [tag for tag, _ in reader.tags]
    assert "This study is not finished" in Reader(summary_html(runs / "unfinished")).text
