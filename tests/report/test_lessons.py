"""What a search says of itself: its rows and charts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from mapsto.report import commands, drawings, lesson_figures, lessons, svg, views
from mapsto.report.study import Repeats, Study, Trial
from mapsto.report.text import Texts


def test_a_study_of_before_says_nothing_of_its_search(digits: Study, say: Texts):
    assert lessons.lead(digits, say) == ""
    assert [name for name, _ in lessons.how(digits, say)] == ["Trials", "Final"]
    assert lessons.space(digits, say) == []
    assert lessons.ensemble(digits, say) is None
    assert lessons.importance_note(digits, say) is None
    assert drawings.front_figure(digits, say) is None
    assert drawings.lesson_drawings(digits, say) == []


def test_how_it_was_searched(searched: Study, say: Texts):
    found = dict(lessons.how(searched, say))
    assert (
        found["Recipes proposed by"] == '<span lang="en">A Gaussian process, which makes the most of 24 trials.</span>'
    )
    assert found["Poor trials stopped by"] == "the median rule, over epochs"
    assert found["Each trial knew"] == "all but the last 4 before it"
    assert (found["Heats for the final"], found["Final"], found["Ablation"]) == ("3 runs", "6 runs", "6 runs")
    named = replace(searched, search={**searched.search, "why": "", "sampler": "tpe", "order": "fast"})
    found = dict(lessons.how(named, say))
    assert found["Recipes proposed by"] == "TPE"
    assert found["Each trial knew"] == "whatever was over"


def test_damaged_suggestions_are_left_out(searched: Study, say: Texts):
    text = lessons.lead(replace(searched, suggested=({"chosen": {}}, "x")), say)  # type: ignore[arg-type]
    assert "First after" not in text
    assert "Left out, since the space has changed: 1 trial." in text


@pytest.mark.parametrize(
    ("setting", "command"),
    [
        ("model.dropout=0.1", "mapsto tune --continue 'my run' --set model.dropout=0.1"),
        ("x='log(1e-4, 1)'", "mapsto tune --continue 'my run' --set 'x=log(1e-4, 1)'"),
        ("x=$(touch y)", ""),
        ("'x=$(touch y)'", "mapsto tune --continue 'my run' --set 'x=$(touch y)'"),
        ("x=1; rm -rf z", ""),
        ("x='", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_setting_of_a_stranger_is_one_word_in_the_command(setting: str | None, command: str):
    assert commands.continuing(Path("my run"), setting) == command


def test_commands_hand_over_a_network_of_the_user():
    recipe = "model:\n  name: own\n  builder: {}\n"
    mine = recipe.format("train.py:build")
    assert (
        commands.continuing(Path("run"), "x=1", mine) == "mapsto tune --continue run --network train.py:build --set x=1"
    )
    assert commands.predicting(Path("run"), mine) == "mapsto predict run NEW_DATA --network train.py:build"
    assert commands.predicting(Path("run"), recipe.format("notebook:build")) == "mapsto predict run NEW_DATA"
    assert commands.predicting(Path("run"), recipe.format("'$(touch y):f'")).endswith("--network '$(touch'")


def test_findings_about_the_space_have_their_command(searched: Study, say: Texts):
    first, second = lessons.space(searched, say)
    assert "<code>model.dropout</code>" in first.message
    assert first.command == f"mapsto tune --continue {searched.folder} --set 'model.dropout=uniform(0.0, 0.7)'"
    assert second.command == ""


def test_the_front_names_every_objective(searched: Study, say: Texts):
    heads, lines = lessons.front(searched, say)
    assert heads == ["accuracy, higher is better", "weights, lower is better"]
    assert [line.number for line in lines] == [12, 6, 0]
    chart = lesson_figures.front(searched, say)
    assert chart is not None
    roles = [mark.role for mark in chart.marks]
    assert (roles.count("front"), roles.count("winner"), len(roles)) == (2, 1, 24)
    assert roles[-1] == "winner"  # on top of the others
    assert (chart.x.label, chart.y.label) == ("weights", "accuracy, validation part")
    assert [x for x, _ in chart.curves[0].points] == sorted(x for x, _ in chart.curves[0].points)
    assert chart.limits is not None
    assert chart.limits[0] > 0.9  # two failed trials at 0.1 lie on the edge


def test_of_three_objectives_two_are_drawn(searched: Study, say: Texts):
    third = replace(searched.objectives[1], name="latency")
    figure = drawings.front_figure(replace(searched, objectives=(*searched.objectives, third)), say)
    assert figure is not None
    assert figure.note == "The first two of 3 objectives."


def test_importances_stand_in_pairs(searched: Study, say: Texts):
    chart = lesson_figures.importances(searched, say)
    assert chart is not None
    assert [(row.label, row.value, row.role) for row in chart.rows[:2]] == [
        ("learning_rate", 0.71, "first"),
        ("", 0.4, "second"),
    ]
    alone = replace(searched, importance={**searched.importance, "ped_anova": None})
    chart = lesson_figures.importances(alone, say)
    assert chart is not None
    assert [row.role for row in chart.rows] == ["first"] * 3
    nothing = replace(searched, importance={"fanova": None, "ped_anova": None, "note": "Too few.", "note_said": None})
    assert lesson_figures.importances(nothing, say) is None
    assert "Too few." in (lessons.importance_note(nothing, say) or "")


def test_the_path_to_the_winner_adds_up(searched: Study, say: Texts):
    chart = lesson_figures.ablation(searched, say)
    assert chart is not None
    assert [step.label for step in chart.steps] == [
        "learning_rate 0.002 → 0.0071",
        "dropout 0 → 0.21; channels – → 64",
        "all together (trial 12)",
    ]
    assert [step.text for step in chart.steps] == ["+1.10", "−0.20", "+0.90"]
    assert [(step.start, step.end) for step in chart.steps] == [
        pytest.approx(ends) for ends in ((0, 1.1), (1.1, 0.9), (0, 0.9))
    ]
    assert chart.steps[0].low == pytest.approx(0.4)
    assert chart.steps[0].high == pytest.approx(1.8)
    assert chart.steps[1].low is None
    classes = [e.get("class") for e in ET.fromstring(str(svg.waterfall(chart))).iter("rect")]
    assert classes == ["bar gain", "bar drop", "bar total"]


def test_a_step_without_a_gain_is_said_so(searched: Study, say: Texts):
    lost = replace(searched, ablation=({**searched.ablation[0], "gain": None, "low": None, "high": None},))
    chart = lesson_figures.ablation(lost, say)
    assert chart is not None
    assert chart.steps[0].text == "–"


def test_the_ensemble_beside_the_winner(searched: Study, say: Texts):
    found = lessons.ensemble(searched, say)
    assert found is not None
    assert "trial 12 (75%), trial 6 (25%)" in found.lead
    cells = [str(cell) for cell in found.lines[1].cells]
    assert '<data value="0.9847">98.5%</data>' in cells[0]
    assert cells[1:] == [
        "+0.38 <small>−0.40 – +1.17</small>",
        "124,000 <small>3.1×</small>",
        "66 ms <small>3×</small>",
    ]
    assert found.command.endswith("NEW_DATA --ensemble")


def test_heats_are_no_runs_of_the_final_and_who_was_out_earlier_has_fewer(searched: Study):
    assert [(line.number, line.n) for line in views.finalists(searched)] == [(12, 3), (0, 3)]
    early = Trial(number=6, phase="confirm", state="complete", score=0.999, of=6)
    trials = (*searched.trials, early)
    found = views.finalists(replace(searched, trials=trials, winner=Repeats(0.5, 0.0, 3, (0.5,) * 3)))
    assert [(line.number, line.n) for line in found] == [(12, 3), (0, 3), (6, 1)]
