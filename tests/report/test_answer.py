"""The claims at the top follow from the recorded numbers."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from mapsto.report.answer import Standing, answer, standing
from mapsto.report.reading import read
from mapsto.report.study import Baseline, Measure, Repeats, Study
from mapsto.report.text import Language, Texts


def against(study: Study, *others: tuple[float, tuple[float, float] | None]) -> Study:
    """The study with a test value of 0.90 in [0.88, 0.92] and these baselines: values, intervals of the lead."""
    own = replace(study.measures[0], value=0.90, low=0.88, high=0.92)
    baselines = tuple(
        Baseline(str(i), str(i), {"accuracy": replace(own, value=v)}, 1.0, "", lead)
        for i, (v, lead) in enumerate(others)
    )
    return replace(study, measures=(own,), baselines=baselines)


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([(0.80, (0.08, 0.12)), (0.85, (0.02, 0.08))], Standing.CLEAR),
        ([(0.87, (-0.01, 0.07))], Standing.BETTER),
        ([(0.86, (0.02, 0.06)), (0.80, (-0.01, 0.21))], Standing.BETTER),
        ([(0.91, (-0.03, 0.01))], Standing.WORSE),
        ([(0.90, (-0.02, 0.02))], Standing.WORSE),
        ([(0.95, (-0.07, -0.03))], Standing.LOST),
        ([(0.80, None)], Standing.BARE),
        ([], Standing.NONE),
    ],
)
def test_standing(digits: Study, others: list[tuple[float, tuple[float, float] | None]], expected: Standing):
    assert standing(against(digits, *others)) is expected


def test_standing_of_a_minimized_metric(runs: Path):
    study = read(runs / "housing")
    assert standing(study) is Standing.LOST
    worse = {b.name: b for b in study.baselines if b.name != "trees"}
    assert standing(replace(study, baselines=tuple(worse.values()))) is Standing.CLEAR


def tones(study: Study) -> dict[str, str]:
    return {str(c.label): c.tone for c in answer(study, Texts("en")).claims}


def test_verdict_decides_what_is_said_of_the_default(digits: Study):
    assert tones(digits)["Against the default recipe"] == "good"
    assert tones(replace(digits, verdict="not distinguishable"))["Against the default recipe"] == "even"
    winner = replace(digits, winner_number=digits.default_trial, verdict="")
    assert "No trial was better than the default" in answer(winner, Texts("en")).claims[-1].text
    unknown = replace(digits, verdict="")
    assert "no time to run the finalists again" in answer(unknown, Texts("en")).claims[-1].text


def test_study_of_one_recipe_claims_nothing_about_a_default(digits: Study):
    one = replace(digits, trials=digits.trials[:1])
    assert "Against the default recipe" not in tones(one)
    assert "nothing to choose from" in answer(one, Texts("en")).lead


def test_spread_over_seeds_is_given_only_where_there_are_several(digits: Study):
    assert "3 fresh seeds" in answer(digits, Texts("en")).claims[1].text
    once = replace(digits, winner=Repeats(0.98, None, 0, ()))
    assert "the spread over seeds is not known" in answer(once, Texts("en")).claims[1].text


def test_metric_without_interval_gets_none(digits: Study):
    bare = replace(digits, measures=(Measure("accuracy", "accuracy", 0.9, percent=True),))
    found = answer(bare, Texts("en"))
    assert "confidence" not in found.claims[0].text
    assert len(found.under) == 1


def test_chinese_answer_states_the_same_numbers(digits: Study):
    def numbers(language: Language) -> list[list[str]]:
        return [sorted(re.findall(r'value="([^"]+)"', c.text)) for c in answer(digits, Texts(language)).claims[:3]]

    assert numbers("en") == numbers("zh")
    assert len(numbers("zh")[0]) == 3


@pytest.mark.parametrize(("language", "seeds", "folds"), [("en", ("seeds",), "fold"), ("zh", ("随机种子",), "折")])
def test_repeats_on_folds_are_called_folds(digits: Study, language: Language, seeds: tuple[str, ...], folds: str):
    def said(study: Study) -> str:
        once, unknown = replace(study, winner=Repeats(0.98, None, 0, ())), replace(study, verdict="", verdict_text="")
        same = replace(study, verdict="not distinguishable", verdict_text="")
        return "".join(claim.text for s in (study, once, unknown, same) for claim in answer(s, Texts(language)).claims)

    on_folds = replace(digits, trials=tuple(replace(trial, fold=trial.number % 3) for trial in digits.trials))
    assert folds not in said(digits)
    assert said(on_folds).count(folds) >= 4
    assert said(on_folds) != said(digits)
    assert all(said(digits).count(word) > said(on_folds).count(word) for word in seeds)


def claim(study: Study, label: str, language: Language = "en") -> str:
    return next((str(c.text) for c in answer(study, Texts(language)).claims if c.label == label), "")


def test_probability_and_luck_are_said_where_they_are_known(searched: Study, digits: Study):
    assert claim(searched, "Against the default recipe").endswith("Probability that it is better: 97%.")
    assert "without about 0.21 points of that luck" in claim(searched, "How steady")
    assert '<data value="0.9812">98.12%</data>' in claim(searched, "How steady")
    unsure = replace(searched, verdict="not distinguishable")
    assert "To be called better takes more" in claim(unsure, "Against the default recipe")
    assert "Probability" not in claim(digits, "Against the default recipe")
    assert "97%" in claim(searched, "与默认配方相比", "zh")


def test_a_test_part_that_was_looked_at_before_is_a_warning(searched: Study, digits: Study):
    assert "flatters a little" in claim(searched, "The test part was not new")
    assert tones(searched)["The test part was not new"] == "bad"
    assert claim(digits, "The test part was not new") == ""


def test_a_default_recipe_that_cannot_be_trained(digits: Study):
    trials = tuple(replace(t, state="infeasible", score=None) if t.number == 0 else t for t in digits.trials)
    lost = replace(digits, verdict="", trials=trials)
    assert claim(lost, "Against the default recipe") == (
        "Not known: the default recipe could not be trained (beyond a limit)."
    )
