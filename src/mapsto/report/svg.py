"""Small charts as inline SVG: what a chart shows (named tuples) and how it is drawn (one function a kind).

A chart is a picture with a name (`role="img"`), its text is text, its colors are the page's (classes such as
`winner` that the style sheet fills in, so that dark mode and print work), and what it distinguishes by color it also
distinguishes by shape, dash or words. `<title>` elements show a mark's numbers under the pointer.
Charts are 480 units wide, so that their text stays legible on a phone; all text that comes from data is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from mapsto.report.format import Unit, number, shortened, width

WIDTH = 480.0
LETTER = 6.3
"""Mean width of a letter at the charts' 12-unit text."""


class Axis(NamedTuple):
    """`label` says what is measured and on which data; `log` axes show positive values only."""

    label: str
    unit: Unit = "number"
    log: bool = False


class Curve(NamedTuple):
    """A line through points in the order of x; `role` is its class, `step` holds each value until the next point."""

    label: str
    points: Sequence[tuple[float, float]]
    role: str
    step: bool = False
    area: bool = False


class Mark(NamedTuple):
    """A point; `role` decides color and shape, `label` is what the pointer shows (none for an empty text)."""

    x: float
    y: float
    label: str
    role: str


class Plot(NamedTuple):
    """Curves and points over two numeric axes; values of y beyond `limits` are drawn on the edge."""

    title: str
    x: Axis
    y: Axis
    curves: Sequence[Curve] = ()
    marks: Sequence[Mark] = ()
    limits: tuple[float, float] | None = None
    square: bool = False


class Row(NamedTuple):
    """One line of a chart of intervals or bars."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    role: str = "other"


class Rows(NamedTuple):
    """Values side by side, one a row, with their intervals."""

    title: str
    axis: Axis
    rows: Sequence[Row]


class Heatmap(NamedTuple):
    """A square table of counts: true class down, answer across. Shade is the share of the row's total."""

    title: str
    names: Sequence[str]
    counts: Sequence[Sequence[float]]
    down: str
    across: str


class Scale(NamedTuple):
    """Values to units of the drawing."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.log:
            low, high, at = math.log10(low), math.log10(high), math.log10(at)
        return self.start + (at - low) / (high - low) * (self.end - self.start)


def ticks(low: float, high: float, most: int = 5, *, log: bool = False, whole: bool = False) -> list[float]:
    """At most about `most` round values in [low, high]: steps of 1, 2 or 5, or powers of ten on a log axis.

    Example:
        >>> ticks(0, 30), ticks(1e-4, 1e-1, log=True)
        ([0.0, 10.0, 20.0, 30.0], [0.0001, 0.001, 0.01, 0.1])
    """
    if log:
        first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
        stride = max(1, math.ceil((last - first + 1) / most))
        powers = [10.0**p for p in range(first, last + 1, stride)]
        if len(powers) >= 2:
            return powers
        return [m * 10.0**p for p in range(first - 1, last + 1) for m in (1, 2, 5) if low <= m * 10.0**p <= high]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    step = max(step, 1.0) if whole else step
    return [round(i * step, 12) for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def span(values: Iterable[float], *, log: bool = False, pad: float = 0.04) -> tuple[float, float]:
    """The range of the values with a little room on both sides; never empty."""
    kept = [v for v in values if v > 0 or not log] or [1.0]
    low, high = min(kept), max(kept)
    if log:
        room = max((high / low) ** pad, 1.05)
        return low / room, high * room
    room = (high - low) * pad or abs(high) * 0.1 or 1.0
    return low - room, high + room


def plot(chart: Plot) -> Markup:
    """Draws curves and points."""
    height = WIDTH - 40 if chart.square else 270.0
    xs = [x for c in chart.curves for x, _ in c.points] + [m.x for m in chart.marks]
    ys = [y for c in chart.curves for _, y in c.points] + [m.y for m in chart.marks]
    y_low, y_high = chart.limits or span(ys, log=chart.y.log)
    x_low, x_high = span(xs, log=chart.x.log, pad=0.02)
    if chart.square:
        x_low, x_high = y_low, y_high = min(x_low, y_low), max(x_high, y_high)
    y_ticks = ticks(y_low, y_high, log=chart.y.log, whole=chart.y.unit == "whole")
    labels = _tick_labels(y_ticks, chart.y.unit)
    left = 12 + LETTER * max((width(t) for t in labels), default=1)
    x_scale = Scale(x_low, x_high, left, WIDTH - 12, chart.x.log)
    y_scale = Scale(y_low, y_high, height - 42, 30, chart.y.log)
    parts = [_text(0, 14, chart.y.label, "axis")]
    for value, label in zip(y_ticks, labels, strict=True):
        y = y_scale(value)
        parts += [_line(left, y, WIDTH - 12, y, "grid"), _text(left - 6, y + 4, label, "tick", "end")]
    x_ticks = ticks(x_low, x_high, 6, log=chart.x.log, whole=chart.x.unit == "whole")
    for value, label in zip(x_ticks, _tick_labels(x_ticks, chart.x.unit), strict=True):
        parts.append(_text(x_scale(value), height - 24, label, "tick", "middle"))
    parts.append(_text(WIDTH - 12, height - 4, chart.x.label, "axis", "end"))
    parts += [_curve(curve, x_scale, y_scale) for curve in chart.curves if curve.points]
    parts += [_mark(m, x_scale(m.x), y_scale(m.y)) for m in chart.marks]
    return _picture(chart.title, height, parts)


def intervals(chart: Rows) -> Markup:
    """Draws one value a row as a dot on its interval."""
    known = [v for row in chart.rows for v in (row.value, row.low, row.high) if v is not None]
    low, high = span(known, pad=0.05)
    if chart.axis.unit == "percent":
        low, high = max(low, -0.005), min(high, 1.005)
    texts = [number(row.value, chart.axis.unit) for row in chart.rows]
    left = min(170.0, 14 + LETTER * max(width(row.label) for row in chart.rows))
    right = WIDTH - 14 - 7 * max(width(t) for t in texts)
    scale = Scale(low, high, left, right)
    height = 30.0 * len(chart.rows) + 46
    parts = []
    marks = ticks(low, high, 4)
    for value, label in zip(marks, _tick_labels(marks, chart.axis.unit), strict=True):
        parts.append(_line(scale(value), 4, scale(value), height - 40, "grid"))
        parts.append(_text(scale(value), height - 24, label, "tick", "middle"))
    parts.append(_text(right, height - 4, chart.axis.label, "axis", "end"))
    for i, (row, text) in enumerate(zip(chart.rows, texts, strict=True)):
        y = 20 + 30.0 * i
        parts.append(_text(0, y + 4, row.label, f"label {row.role}", limit=(left - 10) / LETTER))
        if row.value is None:
            continue
        whisker = "" if row.low is None or row.high is None else _line(scale(row.low), y, scale(row.high), y, "whisker")
        tip = f"{row.label}: {text}"
        if whisker:
            tip += f" [{number(row.low, chart.axis.unit)}, {number(row.high, chart.axis.unit)}]"
        dot = _mark(_at(row.role), scale(row.value), y)
        parts.append(Markup('<g class="{}"><title>{}</title>{}{}</g>').format(row.role, tip, Markup(whisker), dot))
        parts.append(_text(WIDTH, y + 4, text, f"value {row.role}", "end"))
    return _picture(chart.title, height, parts)


def bars(chart: Rows) -> Markup:
    """Draws one bar a row, from zero."""
    texts = [number(row.value, chart.axis.unit) for row in chart.rows]
    left = min(190.0, 14 + LETTER * max(width(row.label) for row in chart.rows))
    right = WIDTH - 12 - 7 * max(width(t) for t in texts)
    top = max((row.value or 0 for row in chart.rows), default=0) or 1.0
    parts = []
    for i, (row, text) in enumerate(zip(chart.rows, texts, strict=True)):
        y, length = 24.0 * i, (right - left) * (row.value or 0) / top
        parts.append(_text(0, y + 15, row.label, f"label {row.role}", limit=(left - 10) / LETTER))
        parts.append(
            Markup('<rect class="bar {}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="16" rx="2"/>').format(
                row.role, left, y + 3, max(length, 1)
            )
        )
        parts.append(_text(left + max(length, 1) + 6, y + 15, text, "value"))
    return _picture(chart.title, 24.0 * len(chart.rows) + 4, parts)


def heatmap(chart: Heatmap) -> Markup:
    """Draws a confusion matrix: the diagonal in the color of right answers, the rest in that of errors."""
    size = len(chart.names)
    totals = [sum(row) or 1.0 for row in chart.counts]
    is_large = max((max(row) for row in chart.counts), default=0) > 9999
    longest = max((width(n) for n in chart.names), default=1)
    left = 30 + LETTER * min(longest, 16)
    is_slanted = longest * LETTER > 34
    top = 30 + (LETTER * min(longest, 16) * 0.71 + 4 if is_slanted else 14)
    cell = max(30.0, (WIDTH - left - 4) / size)
    errors = [n / totals[i] for i, row in enumerate(chart.counts) for j, n in enumerate(row) if i != j]
    worst = max(errors, default=0) or 1.0
    parts = [_text(left, 12, f"{chart.across} →", "axis")]
    parts.append(_text(12, top + cell * size / 2, f"← {chart.down}", "axis", "middle", turn=-90))
    for j, name in enumerate(chart.names):
        x = left + cell * (j + 0.5)
        anchor, turn = ("start", -45) if is_slanted else ("middle", 0)
        parts.append(_text(x, top - 8, name, "tick", anchor, limit=16, turn=turn))
        parts.append(_text(left - 8, top + cell * (j + 0.5) + 4, name, "tick", "end", limit=16))
    for i, row in enumerate(chart.counts):
        for j, count in enumerate(row):
            share = count / totals[i]
            shade = share if i == j else 0.08 + 0.92 * share / worst
            tip = f"{chart.names[i]} → {chart.names[j]}: {count:,.0f} ({share:.1%})"
            label = "" if not count else f"{share:.0%}" if is_large else f"{count:,.0f}"
            kind = ("hit" if i == j else "miss") if count else "none"
            dark = " dark" if shade > 0.55 else ""
            place = _cell(left + cell * j, top + cell * i, cell, kind, shade)
            inner = _text(left + cell * (j + 0.5), top + cell * (i + 0.5) + 4, label, f"cell{dark}", "middle")
            parts.append(Markup("<g><title>{}</title>{}{}</g>").format(tip, place, inner if label else ""))
    return _picture(chart.title, top + cell * size + 4, parts, left + cell * size + (40 if is_slanted else 4))


def swatch(kind: str, role: str) -> Markup:
    """The sign of a `curve` or `mark` for a legend, outside of any chart."""
    sign = Markup('<path class="curve {}" d="M1 6H21"/>').format(role) if kind == "curve" else _mark(_at(role), 11, 6)
    return Markup('<svg class="swatch" viewBox="0 0 22 12" aria-hidden="true">{}</svg>').format(sign)


def _at(role: str) -> Mark:
    return Mark(0, 0, "", role)


def _cell(x: float, y: float, size: float, kind: str, shade: float) -> Markup:
    form = '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill-opacity="{:.2f}"/>'
    return Markup(form).format(kind, x + 0.5, y + 0.5, size - 1, size - 1, shade if kind != "none" else 1)


def _curve(curve: Curve, x_scale: Scale, y_scale: Scale) -> Markup:
    kept = [(x, y) for x, y in curve.points if (x > 0 or not x_scale.log) and (y > 0 or not y_scale.log)]
    if not kept:
        return Markup("")
    path = ""
    for i, (x, y) in enumerate(kept):
        at = f"{x_scale(x):.1f}"
        if i and curve.step:
            path += f"H{at}"
        path += f"{'L' if i else 'M'}{at} {y_scale(y):.1f}"
    if curve.area:
        path += f"V{y_scale.start:.1f}H{x_scale(kept[0][0]):.1f}Z"
    if len(kept) == 1:  # a line of one point would not be seen
        path += "h0.1"
    kind = "area" if curve.area else "curve"
    return Markup('<path class="{} {}" d="{}"><title>{}</title></path>').format(kind, curve.role, path, curve.label)


_SHAPES = {
    "failed": "M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}M{x0:.1f} {y1:.1f}L{x1:.1f} {y0:.1f}",
    "winner": "M{x:.1f} {top:.1f}L{right:.1f} {y:.1f}L{x:.1f} {bottom:.1f}L{left:.1f} {y:.1f}Z",
}


def _mark(mark: Mark, x: float, y: float) -> Markup:
    title = Markup("<title>{}</title>").format(mark.label) if mark.label else ""
    shape = _SHAPES.get(mark.role)
    if shape is None:
        form = '<circle class="mark {}" cx="{:.1f}" cy="{:.1f}" r="{}">{}</circle>'
        return Markup(form).format(mark.role, x, y, 2 if mark.role == "row" else 4, title)
    path = shape.format(
        x=x, y=y, x0=x - 3.5, x1=x + 3.5, y0=y - 3.5, y1=y + 3.5, top=y - 7, bottom=y + 7, left=x - 7, right=x + 7
    )
    return Markup('<path class="mark {}" d="{}">{}</path>').format(mark.role, path, title)


def _tick_labels(values: Sequence[float], unit: Unit) -> list[str]:
    """Labels with as many decimals as tell neighbors apart."""
    if unit == "percent":
        step = min((b - a for a, b in zip(values, values[1:], strict=False)), default=0.1)
        return [number(v, "percent", digits=max(0, -math.floor(math.log10(step) + 2 + 1e-9))) for v in values]
    return [number(v, "number") for v in values]


def _line(x1: float, y1: float, x2: float, y2: float, role: str) -> Markup:
    form = '<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>'
    return Markup(form).format(role, x1, y1, x2, y2)


def _text(
    x: float, y: float, text: str, role: str, anchor: str = "start", *, limit: float = 70, turn: float = 0
) -> Markup:
    """A text at its base line; what is wider than `limit` letters is cut and shown whole under the pointer."""
    short = shortened(text, limit)
    title = Markup("<title>{}</title>").format(text) if short != text else ""
    turned = Markup(' transform="rotate({} {:.1f} {:.1f})"').format(turn, x, y) if turn else ""
    form = '<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}"{}>{}{}</text>'
    return Markup(form).format(role, x, y, anchor, turned, title, short)


def _picture(title: str, height: float, parts: Iterable[Markup], wide: float = WIDTH) -> Markup:
    form = '<svg viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{}">{}</svg>'
    return Markup(form).format(max(wide, WIDTH), height, escape(title), Markup("").join(parts))
