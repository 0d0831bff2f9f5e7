"""What the charts show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mapsto.report import figures
from mapsto.report.reading import read
from mapsto.report.study import Study, Trial
from mapsto.report.text import Texts


def test_best_line_follows_only_trials_that_could_win(digits: Study, say: Texts):
    scores = [
        ("complete", 0.9),
        ("pruned", 0.99),
        ("complete", 0.85),
        ("failed", 1.0),
        ("stopped", 0.95),
        ("failed", None),
    ]
    trials = tuple(Trial(number=i, state=state, score=s, seconds=2.0) for i, (state, s) in enumerate(scores))
    chart = figures.progress(replace(digits, trials=trials, winner_number=4), say)
    assert chart is not None
    assert [y for _, y in chart.curves[0].points] == [0.9, 0.9, 0.9, 0.9, 0.95, 0.95]
    assert sorted(m.role for m in chart.marks) == ["complete", "complete", "failed", "failed", "pruned", "winner"]


def test_progress_over_time_adds_the_seconds_up(digits: Study, say: Texts):
    chart = figures.progress(digits, say, over="seconds")
    assert chart is not None
    total = sum(t.seconds or 0.0 for t in digits.explored)
    assert chart.curves[0].points[-1][0] == pytest.approx(total)


def test_curves_are_at_most_forty_with_the_winner_and_the_default(digits: Study, say: Texts):
    many = tuple(replace(digits.trials[i % 24], number=i) for i in range(200))
    chart = figures.scores(replace(digits, trials=many, winner_number=12), say)
    assert chart is not None
    assert len(chart.curves) <= figures.MAX_CURVES
    assert [c.label for c in chart.curves if c.role == "lead"] == ["trial 12"]
    assert "trial 0" in [c.label for c in chart.curves]


def test_losses_mark_the_kept_epoch(digits: Study, say: Texts):
    run = digits.fitted
    assert run is not None
    chart = figures.losses(run, digits.trace(run), say)
    assert chart is not None
    assert chart.title == "Loss of the final training of trial 12, by epoch"
    assert [m.x for m in chart.marks] == [19]
    assert [len(c.points) for c in chart.curves] == [24, 24]


def test_learning_rate_is_thinned_and_keeps_its_last_step(digits: Study, say: Texts):
    run = digits.fitted
    assert run is not None
    trace = digits.trace(run, steps=True)
    chart = figures.learning_rate(run, trace, say)
    assert chart is not None
    points = chart.curves[0].points
    assert len(points) <= 301
    assert points[-1][0] == trace.learning_rate[-1][0] == 24 * 40 - 1


def test_limits_leave_out_a_diverged_value_but_not_a_wide_spread():
    low, high = figures.limits([*[0.5 + 0.01 * i for i in range(40)], 1e30]) or (0.0, 0.0)
    assert high < 10
    low, high = figures.limits([float(i) for i in range(40)]) or (0.0, 0.0)
    assert low < 0
    assert high > 39
    assert figures.limits([]) is None


def test_standing_puts_the_best_first(runs: Path, say: Texts):
    chart = figures.standing(read(runs / "housing"), say)
    assert chart is not None
    assert [row.role for row in chart.rows] == ["other", "winner", "other", "other"]
    assert [row.value for row in chart.rows] == [47_210, 54_310.6, 69_120, 115_300]


@pytest.mark.parametrize("size", [3, 20, 21, 60])
def test_folded_confusion_keeps_every_count(digits: Study, say: Texts, size: int):
    counts = [[(i * 7 + j * 3) % 5 + 10 * (i == j) for j in range(size)] for i in range(size)]
    found = figures.confusion(
        replace(digits, confusion={"names": [str(i) for i in range(size)], "counts": counts}), say
    )
    assert found is not None
    assert len(found.chart.names) == min(size, 20)
    assert sum(map(sum, found.chart.counts)) == sum(map(sum, counts))
    assert found.num_folded == (0 if size <= 20 else size - 19)


def test_folding_keeps_the_classes_with_the_most_errors(digits: Study, say: Texts):
    counts = [[100 if i == j else 0 for j in range(30)] for i in range(30)]
    counts[27][28] = 50
    found = figures.confusion(replace(digits, confusion={"names": [f"c{i}" for i in range(30)], "counts": counts}), say)
    assert found is not None
    assert {"c27", "c28", "other classes"} <= set(found.chart.names)


def test_histogram_counts_every_row(runs: Path, say: Texts):
    study = read(runs / "housing")
    chart = figures.histogram(study, say)
    assert chart is not None
    assert sum(y for _, y in chart.curves[0].points[:-1]) == len(figures.residual_pairs(study)) == 2000


def test_equal_residuals_still_give_a_histogram(digits: Study, say: Texts):
    study = replace(digits, residuals={"predicted": [1.0, 2.0, None], "actual": [1.0, 2.0, 3.0]})
    chart = figures.histogram(study, say)
    assert chart is not None
    assert sum(y for _, y in chart.curves[0].points[:-1]) == 2


def test_classes_are_shown_with_the_lowest_first(runs: Path, say: Texts):
    chart = figures.by_class(read(runs / "camvid"), say)
    assert chart is not None
    assert chart.rows[0].label == "pole"
    assert chart.rows[0].low == pytest.approx(0.08)
    assert "IoU" in chart.title


def test_class_counts_need_a_count_for_every_class(digits: Study, say: Texts):
    chart = figures.class_counts(digits, say)
    assert chart is not None
    assert chart.rows[0].value == 128
    assert figures.class_counts(replace(digits, facts={"class_names": ["a"], "class_counts": []}), say) is None
