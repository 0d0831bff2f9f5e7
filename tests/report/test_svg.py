"""How charts are drawn."""

from __future__ import annotations

import math
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from mapsto.report import svg
from mapsto.report.scales import Scale, span, tick_labels, ticks
from mapsto.report.svg import Axis, Curve, Heatmap, Mark, Plot, Row, Rows, Step, Waterfall

HOSTILE = '<b>"x" & \u202eשלום'


def parsed(picture: Markup) -> ET.Element:
    """The picture as XML; fails where it is not well formed."""
    return ET.fromstring(str(picture))


def texts(picture: Markup) -> str:
    return "".join(parsed(picture).itertext())


@pytest.mark.parametrize(
    "picture",
    [
        svg.plot(Plot(HOSTILE, Axis(HOSTILE), Axis(HOSTILE), [Curve(HOSTILE, [(0, 1), (1, 2)], "lead")])),
        svg.intervals(Rows(HOSTILE, Axis(HOSTILE, "percent"), [Row(HOSTILE, 0.5, 0.4, 0.6), Row("none", None)])),
        svg.bars(Rows(HOSTILE, Axis(HOSTILE, "whole"), [Row(HOSTILE, 3), Row("b", 0)])),
        svg.heatmap(Heatmap(HOSTILE, [HOSTILE, "b"], [[5, 1], [0, 0]], HOSTILE, HOSTILE)),
        svg.waterfall(Waterfall(HOSTILE, Axis(HOSTILE), [Step(HOSTILE, 0, 1, HOSTILE, -9, 9), Step("b", 0, 0, "")])),
        svg.swatch("mark", "failed"),
        svg.swatch("bar", "second"),
    ],
)
def test_drawings_are_well_formed_whatever_the_names(picture: Markup):
    root = parsed(picture)
    assert root.tag == "svg"
    assert not [e for e in root.iter() if e.tag == "b"]
    assert root.get("aria-label") == (HOSTILE if root.get("role") == "img" else None)


@given(st.floats(-1e12, 1e12), st.floats(1e-6, 1e12))
def test_ticks_are_few_round_and_inside(low: float, size: float):
    high = low + size
    if high > low and size > 1e-9 * abs(low):
        found = ticks(low, high)
        assert 1 <= len(found) <= 8
        assert all(low - 1e-6 * size <= t <= high + 1e-6 * size for t in found)


@given(st.floats(1e-12, 1e6), st.floats(1.06, 1e9))
def test_log_ticks_are_inside(low: float, ratio: float):
    assert all(low * 0.999 <= t <= low * ratio * 1.001 for t in ticks(low, low * ratio, log=True))


def test_ticks_of_whole_numbers_are_whole():
    assert ticks(0.9, 3.1, whole=True) == [1, 2, 3]


def test_labels_have_the_decimals_that_tell_them_apart():
    assert tick_labels([0.975, 0.98, 0.985], "percent") == ["97.5%", "98.0%", "98.5%"]
    assert tick_labels([0.2, 0.4], "percent") == ["20%", "40%"]


def test_scale_keeps_far_values_within_reach():
    scale = Scale(0, 10, 0, 100)
    assert scale(5) == 50
    assert scale(1e30) == 500
    assert scale.inside(1e30) == 100
    assert Scale(1, 100, 0, 100, log=True)(10) == pytest.approx(50)


def test_span_of_equal_values_is_not_empty():
    for values in ([3.0], [0.0, 0.0], []):
        low, high = span(values)
        assert low < high
    low, high = span([0.0, 1e-3, 1.0], log=True)
    assert 0 < low < 1e-3


def test_points_lie_where_their_values_are():
    chart = Plot("t", Axis("x"), Axis("y"), marks=[Mark(0, 0, "a", "complete"), Mark(1, 1, "b", "complete")])
    first, second = (e for e in parsed(svg.plot(chart)).iter("circle"))
    assert float(first.get("cx", "")) < float(second.get("cx", ""))
    assert float(first.get("cy", "")) > float(second.get("cy", ""))  # up is more


def test_curve_leaves_out_what_a_log_axis_cannot_show():
    chart = Plot("t", Axis("x"), Axis("y", log=True), [Curve("c", [(0, 0.0), (1, 1.0), (2, 10.0)], "lead")])
    path = next(parsed(svg.plot(chart)).iter("path")).get("d", "")
    assert path.count("M") + path.count("L") == 2


def test_outlying_baseline_becomes_an_arrow_with_its_number():
    rows = [Row("net", 0.98, 0.96, 0.99, "winner"), Row("trees", 0.96, 0.93, 0.98), Row("majority", 0.1, 0.07, 0.14)]
    low, high = svg.focus(rows)
    assert low > 0.9
    assert high < 1.01
    text = texts(svg.intervals(Rows("t", Axis("accuracy", "percent"), rows)))
    assert "◂" in text
    assert "10.0%" in text


def test_winner_is_never_left_out():
    rows = [Row("net", 0.1, 0.07, 0.14, "winner"), Row("trees", 0.96, 0.93, 0.98), Row("linear", 0.97, 0.95, 0.98)]
    assert svg.focus(rows)[0] < 0.1


def test_heatmap_shows_counts_or_shares():
    assert "40" in texts(svg.heatmap(Heatmap("t", ["a", "b"], [[40, 0], [3, 7]], "true", "answer")))
    large = Heatmap("t", ["a", "b"], [[90_000, 10_000], [0, 5]], "true", "answer")
    assert "90%" in texts(svg.heatmap(large))
    assert svg.shows_shares(large)


def test_darkest_error_is_the_largest_share_not_the_largest_count():
    root = parsed(svg.heatmap(Heatmap("t", ["a", "b"], [[990, 10], [5, 5]], "true", "answer")))
    shades = [float(r.get("fill-opacity", "")) for r in root.iter("rect") if r.get("class") == "miss"]
    assert shades[0] < shades[1] == 1.0


def test_long_names_are_cut_and_kept_as_a_tooltip():
    picture = svg.bars(Rows("t", Axis("rows", "whole"), [Row("n" * 300, 3)]))
    label = next(e for e in parsed(picture).iter("text"))
    title = label.find("title")
    assert title is not None
    assert title.text == "n" * 300
    assert len(title.tail or "") < 40


def test_a_single_point_is_drawn_as_a_visible_line():
    chart = Plot("t", Axis("x"), Axis("y"), [Curve("c", [(1, 1.0)], "lead")])
    assert next(parsed(svg.plot(chart)).iter("path")).get("d", "").endswith("h0.1")
    assert all(math.isfinite(float(e.get("x", "0"))) for e in parsed(svg.plot(chart)).iter("text"))
