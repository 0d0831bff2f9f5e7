"""Small charts as inline SVG: what a chart shows (named tuples) and how it is drawn (one function a kind).

A chart is a picture with a name (`role="img"`), its text is text, its colors are the page's (classes such as
`winner` that the style sheet fills in, so that dark mode and print work), and what it distinguishes by color it also
distinguishes by shape, dash or words. `<title>` elements show a mark's numbers under the pointer.
Charts are 480 units wide, so that their text stays legible on a phone; all text that comes from data is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from mapsto.report.format import Unit, number, shortened, width
from mapsto.report.scales import Scale, span, tick_labels, ticks

WIDTH = 480.0
LETTER = 6.1
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


class Step(NamedTuple):
    """One change of a value, from `start` to `end`, whose true end lies between `low` and `high`; `text` says it."""

    label: str
    start: float
    end: float
    text: str
    low: float | None = None
    high: float | None = None
    role: str = "other"


class Waterfall(NamedTuple):
    """Changes that add up, each beginning where the one before it ended."""

    title: str
    axis: Axis
    steps: Sequence[Step]


class Heatmap(NamedTuple):
    """A square table of counts: true class down, answer across. Shade is the share of the row's total."""

    title: str
    names: Sequence[str]
    counts: Sequence[Sequence[float]]
    down: str
    across: str


def focus(rows: Sequence[Row]) -> tuple[float, float]:
    """The range of values and intervals to draw, leaving out the one value that would flatten all others.

    A majority class at 10 % beside models at 96 and 98 % is such a value: it lies more than three times as far from
    its neighbor as all the others from each other.
    """
    known = sorted((row for row in rows if row.value is not None), key=lambda row: row.value or 0.0)
    ranges = {}
    for name, kept in (("all", known), ("low", known[1:]), ("high", known[:-1])):
        ranges[name] = span([v for r in kept for v in (r.value, r.low, r.high) if v is not None], pad=0.05)
    if len(known) >= 3:
        for name, far in (("low", known[0]), ("high", known[-1])):
            low, high = ranges[name]
            beyond = max(low - (far.value or 0.0), (far.value or 0.0) - high)
            if far.role != "winner" and beyond > 3 * (high - low):
                return low, high
    return ranges["all"]


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
    labels = tick_labels(y_ticks, chart.y.unit)
    left = 12 + LETTER * max((width(t) for t in labels), default=1)
    x_scale = Scale(x_low, x_high, left, WIDTH - 12, chart.x.log)
    y_scale = Scale(y_low, y_high, height - 42, 30, chart.y.log)
    parts = [_text(0, 14, chart.y.label, "axis")]
    for value, label in zip(y_ticks, labels, strict=True):
        y = y_scale(value)
        parts += [_line(left, y, WIDTH - 12, y, "grid"), _text(left - 6, y + 4, label, "tick", "end")]
    x_ticks = ticks(x_low, x_high, 6, log=chart.x.log, whole=chart.x.unit == "whole")
    for value, label in zip(x_ticks, tick_labels(x_ticks, chart.x.unit), strict=True):
        parts.append(_text(x_scale(value), height - 24, label, "tick", "middle"))
    parts.append(_text(WIDTH - 12, height - 4, chart.x.label, "axis", "end"))
    inner = Markup("").join(_curve(curve, x_scale, y_scale) for curve in chart.curves if curve.points)
    box = f"{left - 2:.1f} 24 {WIDTH - 8 - left:.1f} {height - 63:.1f}"
    clip = '<svg class="clip" x="{}" y="{}" width="{}" height="{}" viewBox="{}">{}</svg>'  # lines end at the frame
    parts.append(Markup(clip).format(*box.split(), box, inner))
    parts += [_mark(m, x_scale.inside(m.x), y_scale.inside(m.y)) for m in chart.marks]
    return _picture(chart.title, height, parts)


def intervals(chart: Rows) -> Markup:
    """Draws one value a row as a dot on its interval."""
    low, high = focus(chart.rows)
    if chart.axis.unit == "percent":
        low, high = max(low, -0.005), min(high, 1.005)
    texts = [number(row.value, chart.axis.unit) for row in chart.rows]
    left = min(244.0, 14 + LETTER * max(width(row.label) for row in chart.rows))
    right = WIDTH - 14 - 7 * max(width(t) for t in texts)
    scale = Scale(low, high, left, right)
    height = 30.0 * len(chart.rows) + 46
    parts = []
    marks = ticks(low, high, 4)
    for value, label in zip(marks, tick_labels(marks, chart.axis.unit), strict=True):
        parts.append(_line(scale(value), 4, scale(value), height - 40, "grid"))
        parts.append(_text(scale(value), height - 24, label, "tick", "middle"))
    parts.append(_text(right, height - 4, chart.axis.label, "axis", "end"))
    for i, (row, text) in enumerate(zip(chart.rows, texts, strict=True)):
        y = 20 + 30.0 * i
        parts.append(_text(0, y + 4, row.label, f"label {row.role}", limit=(left - 8) / LETTER))
        if row.value is None:
            continue
        if not low <= row.value <= high:  # the arrow stands for it; its number is written at the end of the line
            arrow = ("◂", left) if row.value < low else ("▸", right)
            parts.append(_text(arrow[1], y + 4, arrow[0], "arrow", "middle"))
            parts.append(_text(WIDTH, y + 4, text, f"value {row.role}", "end"))
            continue
        whisker = Markup("")
        if row.low is not None and row.high is not None:
            whisker = _line(scale(row.low), y, scale(row.high), y, "whisker")
        tip = f"{row.label}: {text}"
        if whisker:
            tip += f" [{number(row.low, chart.axis.unit)}, {number(row.high, chart.axis.unit)}]"
        dot = _mark(_at(row.role), scale(row.value), y)
        parts.append(Markup('<g class="{}"><title>{}</title>{}{}</g>').format(row.role, tip, whisker, dot))
        parts.append(_text(WIDTH, y + 4, text, f"value {row.role}", "end"))
    return _picture(chart.title, height, parts)


def bars(chart: Rows) -> Markup:
    """Draws one bar a row, from zero; a row of the role `second` belongs to the one above it."""
    texts = [number(row.value, chart.axis.unit) for row in chart.rows]
    left = min(190.0, 14 + LETTER * max(width(row.label) for row in chart.rows))
    right = WIDTH - 12 - 7 * max(width(t) for t in texts)
    top = max((row.value or 0 for row in chart.rows), default=0) or 1.0
    parts, y = [], -24.0
    for row, text in zip(chart.rows, texts, strict=True):
        y += 18.0 if row.role == "second" else 30.0 if row.role == "first" and y >= 0 else 24.0
        length = (right - left) * (row.value or 0) / top
        parts.append(_text(0, y + 15, row.label, f"label {row.role}", limit=(left - 10) / LETTER))
        parts.append(
            Markup('<rect class="bar {}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="16" rx="2"/>').format(
                row.role, left, y + 3, max(length, 1)
            )
        )
        parts.append(_text(left + max(length, 1) + 6, y + 15, text, "value"))
    return _picture(chart.title, y + 28, parts)


def waterfall(chart: Waterfall) -> Markup:
    """Draws one bar a change under its words, with its interval, and a dashed line to where the next one begins."""
    ends = [0.0, *(end for step in chart.steps for end in (step.start, step.end))]
    reach = max(ends) - min(ends) or 1.0  # an interval of two runs is so wide that nothing else would be seen
    wide = [v for step in chart.steps for v in (step.low, step.high) if v is not None]
    low, high = span([*ends, *(min(max(v, min(ends) - reach), max(ends) + reach) for v in wide)])
    scale = Scale(low, high, 8, WIDTH - 12)
    height = 46.0 * len(chart.steps) + 44
    parts = []
    marks = ticks(low, high, 5)
    for value, label in zip(marks, tick_labels(marks, chart.axis.unit), strict=True):
        role = "grid" if value else "grid zero"
        parts.append(_line(scale(value), 0, scale(value), height - 40, role))
        parts.append(_text(scale(value), height - 24, label, "tick", "middle"))
    parts.append(_text(WIDTH - 12, height - 4, chart.axis.label, "axis", "end"))
    for i, step in enumerate(chart.steps):
        y = 46.0 * i
        start, end = scale(step.start), scale(step.end)
        kind = "total" if step.role == "winner" else "gain" if step.end >= step.start else "drop"
        parts.append(_text(8, y + 13, step.label, f"label over {step.role}", limit=(WIDTH - 80) / LETTER))
        parts.append(_text(WIDTH - 4, y + 13, step.text, f"value {step.role}", "end"))
        form = '<rect class="bar {}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="14" rx="2"/>'
        parts.append(Markup(form).format(kind, min(start, end), y + 20, max(abs(end - start), 1)))
        if step.low is not None and step.high is not None:
            parts.append(_line(scale.inside(step.low), y + 27, scale.inside(step.high), y + 27, "interval"))
        if i + 1 < len(chart.steps):
            parts.append(_line(end, y + 34, end, y + 66, "joint"))
    return _picture(chart.title, height, parts)


def shows_shares(chart: Heatmap) -> bool:
    """Whether the cells show shares of their line, since counts would not fit in them."""
    return max((max(row, default=0) for row in chart.counts), default=0) > 9999


def heatmap(chart: Heatmap) -> Markup:
    """Draws a confusion matrix: the diagonal in the color of right answers, the rest in that of errors."""
    size = len(chart.names)
    totals = [sum(row) or 1.0 for row in chart.counts]
    as_shares = shows_shares(chart)
    longest = max((width(n) for n in chart.names), default=1)
    left = 30 + LETTER * min(longest, 16)
    is_slanted = longest * LETTER > 34
    top = 30 + (LETTER * min(longest, 16) * 0.71 + 4 if is_slanted else 14)
    cell = min(72.0, max(30.0, (WIDTH - left - 4) / size))
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
            label = "" if not count else f"{share:.0%}" if as_shares else f"{count:,.0f}"
            kind = ("hit" if i == j else "miss") if count else "none"
            dark = " dark" if shade > 0.55 else ""
            place = _cell(left + cell * j, top + cell * i, cell, kind, shade)
            inner = _text(left + cell * (j + 0.5), top + cell * (i + 0.5) + 4, label, f"cell{dark}", "middle")
            parts.append(Markup("<g><title>{}</title>{}{}</g>").format(tip, place, inner if label else ""))
    return _picture(chart.title, top + cell * size + 4, parts, left + cell * size + (40 if is_slanted else 4))


def swatch(kind: str, role: str) -> Markup:
    """The sign of a `curve`, `bar` or `mark` for a legend, outside of any chart."""
    forms = {
        "curve": '<path class="curve {}" d="M1 6H21"/>',
        "bar": '<rect class="bar {}" x="3" y="1" width="16" height="10" rx="2"/>',
    }
    sign = Markup(forms[kind]).format(role) if kind in forms else _mark(_at(role), 11, 6)
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
    "stopped": "M{x0:.1f} {y0:.1f}H{x1:.1f}V{y1:.1f}H{x0:.1f}Z",
    "failed": "M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}M{x0:.1f} {y1:.1f}L{x1:.1f} {y0:.1f}",
    "infeasible": "M{x:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}H{x0:.1f}Z",
    "winner": "M{x:.1f} {top:.1f}L{right:.1f} {y:.1f}L{x:.1f} {bottom:.1f}L{left:.1f} {y:.1f}Z",
}


_SIZES = {"row": 2, "faint": 3}


def _mark(mark: Mark, x: float, y: float) -> Markup:
    title = Markup("<title>{}</title>").format(mark.label) if mark.label else ""
    shape = _SHAPES.get(mark.role)
    if shape is None:
        form = '<circle class="mark {}" cx="{:.1f}" cy="{:.1f}" r="{}">{}</circle>'
        return Markup(form).format(mark.role, x, y, _SIZES.get(mark.role, 4), title)
    path = shape.format(
        x=x, y=y, x0=x - 3.5, x1=x + 3.5, y0=y - 3.5, y1=y + 3.5, top=y - 7, bottom=y + 7, left=x - 7, right=x + 7
    )
    return Markup('<path class="mark {}" d="{}">{}</path>').format(mark.role, path, title)


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
    form = '<svg class="chart" viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{}">{}</svg>'
    return Markup(form).format(max(wide, WIDTH), height, escape(title), Markup("").join(parts))
