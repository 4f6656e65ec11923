"""Charts as inline SVG, made by the same code at build and in the browser: same bytes, no script, no style attribute.

Colours, fonts and dashes are classes of `calculator.css`, so that a chart follows the scheme, prints as vectors and
is told apart without colour. Every chart has a name and a description; `view` puts its numbers in a table below it.
"""

from collections.abc import Iterable, Sequence
from math import ceil, floor, inf, isfinite, log10

from calculator.exhibit import Bar, Bars, Choice, Choices, Curves, Grid, Line, Scatter
from calculator.units import Unit

WIDTH = 400
"""User units: about the pixels of the narrowest place a chart stands in, so that its text is never scaled down much."""

LARGEST = 1.7e308
SMALLEST_STEP = 1e-290
"""Of an axis: the numbers at the end of what a float can hold have no digits left to tell one from the next."""

_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#x27;"))
_SERIES = 7
_ROW, _BAR = 40, 14
_LETTER = 6.0
"""How wide a letter of a label is where letters are largest, on a narrow screen."""


def escape(text: str) -> str:
    """Text made safe between tags and inside quoted attributes."""
    # One search for each character, the ampersand first, as the others' names hold one. `str.translate` took half the
    # time of a view, most of it on text beyond ASCII.
    for character, name in _ESCAPES:
        if character in text:
            text = text.replace(character, name)
    return text


def series(index: int) -> int:
    """The number of the colour and dash for the so-many-th line or segment."""
    return index % _SERIES + 1


def _drawable(value: float) -> float:
    """The sum of numbers that are none too large, where it is."""
    return min(max(value, -LARGEST), LARGEST)


def tick_text(unit: Unit, value: float) -> str:
    """A number on an axis: short, without the unit's words."""
    return unit.brief(value, 3)


def curves(exhibit: Curves) -> str:
    """Lines over one quantity, with bands and reference lines."""
    height, left, right, top, bottom = 240, 48, 14, 12, 36
    lines = [_finite(line) for line in exhibit.lines]
    xs = [x for line in lines for x, _ in line.points] + [
        m.x for m in exhibit.marks if m.x is not None and isfinite(m.x)
    ]
    ys = [y for line in lines for y in (*(y for _, y in line.points), *line.low, *line.high)]
    ys += [m.y for m in exhibit.marks if m.y is not None and isfinite(m.y)]
    if not xs or not ys:
        return _svg(exhibit.title, exhibit.description, 40, '<text x="0" y="24">Nothing to draw here.</text>')
    x_axis = _Axis(xs, left, WIDTH - right, log=exhibit.x_log)
    y_axis = _Axis(ys, height - bottom, top, log=exhibit.y_log, zero=True)
    parts = []
    for value in y_axis.ticks:
        y = _at(y_axis.place(value))
        parts.append(f'<path class="calc-grid" d="M{left} {y}H{WIDTH - right}"/>')
        parts.append(f'<text class="calc-tick" x="{left - 6}" y="{y}" dy=".32em" text-anchor="end">')
        parts.append(escape(tick_text(exhibit.y_unit, value)) + "</text>")
    for value in x_axis.ticks:
        x = _at(x_axis.place(value))
        parts.append(f'<path class="calc-grid" d="M{x} {height - bottom}v4"/>')
        parts.append(f'<text class="calc-tick" x="{x}" y="{height - bottom + 15}" text-anchor="middle">')
        parts.append(escape(tick_text(exhibit.x_unit, value)) + "</text>")
    parts.append(f'<path class="calc-axis" d="M{left} {height - bottom}H{WIDTH - right}"/>')
    parts.append(f'<text class="calc-label" x="{WIDTH - right}" y="{height - 6}" text-anchor="end">')
    parts.append(escape(exhibit.x_label) + "</text>")
    for index, line in enumerate(lines):
        if line.low and line.high:
            there = [(x, low) for (x, _), low in zip(line.points, line.low, strict=True)]
            back = [(x, high) for (x, _), high in zip(line.points, line.high, strict=True)]
            path = _path([*there, *reversed(back)], x_axis, y_axis)
            parts.append(f'<path class="calc-band calc-fill-{series(index)}" d="{path}Z"/>')
    for row, mark in enumerate(exhibit.marks):
        parts.append(_mark(mark.label, mark.x, mark.y, x_axis, y_axis, row))
    for index, line in enumerate(lines):
        number = series(index)
        if line.dots:
            parts += [
                f'<circle class="calc-fill-{number}" cx="{_at(x_axis.place(x))}" cy="{_at(y_axis.place(y))}" r="3"/>'
                for x, y in line.points
            ]
        else:
            parts.append(f'<path class="calc-line calc-stroke-{number}" d="{_path(line.points, x_axis, y_axis)}"/>')
    return _svg(exhibit.title, exhibit.description, height, "".join(parts))


def bars(exhibit: Bars) -> str:
    """Horizontal bars: each with its label and total above it, segments side by side, a whisker, a common limit."""
    totals = [_total(bar) for bar in exhibit.bars]
    ends = [t for t in totals if isfinite(t)]
    if exhibit.stacked_offset:
        ends = [_drawable(sum(ends))]
    ends += [h for bar in exhibit.bars for h in (bar.low, bar.high) if h is not None and isfinite(h)]
    limit = exhibit.limit.x if exhibit.limit is not None else None
    if limit is not None and isfinite(limit):
        ends.append(limit)
    scale = _Linear(min([0.0, *ends]), max([0.0, *ends]) or 1.0, 0, WIDTH)
    head = 18 if limit is not None else 0
    height = head + _ROW * len(exhibit.bars) + 2
    parts = []
    start = 0.0
    for row, (bar, total) in enumerate(zip(exhibit.bars, totals, strict=True)):
        y = head + row * _ROW
        parts.append(f'<text class="calc-name" x="0" y="{y + 13}">{escape(bar.label)}</text>')
        parts.append(f'<text class="calc-value" x="{WIDTH}" y="{y + 13}" text-anchor="end">')
        parts.append(escape(exhibit.unit.show(total)) + "</text>")
        parts.append(f'<rect class="calc-track" x="0" y="{y + 19}" width="{WIDTH}" height="{_BAR}" rx="2"/>')
        at = start if exhibit.stacked_offset else 0.0
        for index, segment in enumerate(bar.segments):
            if isfinite(segment.value) and segment.value:
                a, b = sorted((scale(at), scale(_drawable(at + segment.value))))
                parts.append(
                    f'<rect class="calc-segment calc-fill-{series(index)}" x="{_at(a)}" y="{y + 19}" '
                    f'width="{_at(max(b - a, 0.5))}" height="{_BAR}"/>'
                )
                at = _drawable(at + segment.value)
        if exhibit.stacked_offset and isfinite(total):
            start = _drawable(start + total)
        if bar.low is not None and bar.high is not None and isfinite(bar.low) and isfinite(bar.high):
            parts.append(_whisker(scale(bar.low), scale(bar.high), y + 19 + _BAR / 2))
    if limit is not None and isfinite(limit) and exhibit.limit is not None:
        x = scale(limit)
        anchor = "end" if x > WIDTH / 2 else "start"
        across = "".join(f"M{_at(min(x, WIDTH - 0.5))} {head + row * _ROW + 16}v20" for row in range(len(totals)))
        parts.append(f'<path class="calc-limit" d="{across}"/>')
        parts.append(f'<text class="calc-mark" x="{_at(x)}" y="11" text-anchor="{anchor}">')
        parts.append(escape(exhibit.limit.label) + "</text>")
    return _svg(exhibit.title, exhibit.description, height, "".join(parts))


def tornado(title: str, description: str, unit: Unit, now: float, rows: Sequence[tuple[str, str, float, float]]) -> str:
    """What each input does to one result: (label, its range in words, result at its low, result at its high)."""
    values = [v for _, _, low, high in rows for v in (low, high)] + [now]
    known = [v for v in values if isfinite(v)] or [0.0]
    scale = _Linear(min(known), max(known), 6, WIDTH - 6)
    bottom = 22
    height = _ROW * len(rows) + bottom
    middle = scale(now)
    parts = []
    for value in _nice(min(known), max(known), 4):
        x = _at(scale(value))
        parts.append(f'<path class="calc-grid" d="M{x} 0V{height - bottom}"/>')
        parts.append(f'<text class="calc-tick" x="{x}" y="{height - 6}" text-anchor="middle">')
        parts.append(escape(tick_text(unit, value)) + "</text>")
    for row, (label, words, low, high) in enumerate(rows):
        y = row * _ROW
        parts.append(f'<text class="calc-name" x="0" y="{y + 13}">{escape(_beside(label, words))}</text>')
        parts.append(f'<text class="calc-span" x="{WIDTH}" y="{y + 13}" text-anchor="end">{escape(words)}</text>')
        for value, shade in ((low, 1), (high, 2)):
            a, b = sorted((middle, scale(value)))
            if b - a > 0:
                parts.append(
                    f'<rect class="calc-segment calc-fill-{shade}" x="{_at(a)}" y="{y + 19}" '
                    f'width="{_at(max(b - a, 0.5))}" height="{_BAR}"/>'
                )
    across = "".join(f"M{_at(middle)} {row * _ROW + 16}v20" for row in range(len(rows)))
    parts.append(f'<path class="calc-now" d="{across}"/>')
    return _svg(title, description, height, "".join(parts))


def _beside(label: str, words: str) -> str:
    """As much of a label as fits on one line with the words at its end, in the letters of a narrow screen."""
    room = int((WIDTH - 10) / _LETTER) - len(words)
    return label if len(label) <= room else f"{label[: room - 1].rsplit(' ', 1)[0]}…"


def grid(exhibit: Grid) -> str:
    """Which answer where, over two quantities: one cell a value, however far the next is; a ring where we are."""
    height, left, right, top, bottom = 300, 48, 2, 4, 40
    answers = sorted({answer for row in exhibit.cells for answer in row})
    wide = (WIDTH - left - right) / len(exhibit.xs)
    high = (height - top - bottom) / len(exhibit.ys)
    parts = []
    for row, cells in enumerate(exhibit.cells):
        y = height - bottom - (row + 1) * high
        start = 0
        for column in range(1, len(cells) + 1):
            # Neighbours with one answer make one rectangle.
            if column == len(cells) or cells[column] != cells[start]:
                number = series(answers.index(cells[start]))
                parts.append(
                    f'<rect class="calc-cell calc-fill-{number}" x="{_at(left + start * wide)}" y="{_at(y)}" '
                    f'width="{_at((column - start) * wide)}" height="{_at(high)}"/>'
                )
                start = column
    for index in range(0, len(exhibit.xs), max(1, len(exhibit.xs) // 5)):
        parts.append(f'<text class="calc-tick" x="{_at(left + (index + 0.5) * wide)}" y="{height - bottom + 15}" ')
        parts.append(f'text-anchor="middle">{escape(tick_text(exhibit.x_unit, exhibit.xs[index]))}</text>')
    for index in range(0, len(exhibit.ys), max(1, len(exhibit.ys) // 5)):
        y = height - bottom - (index + 0.5) * high
        parts.append(f'<text class="calc-tick" x="{left - 6}" y="{_at(y)}" dy=".32em" text-anchor="end">')
        parts.append(escape(tick_text(exhibit.y_unit, exhibit.ys[index])) + "</text>")
    column, row = _nearest(exhibit.xs, exhibit.here[0]), _nearest(exhibit.ys, exhibit.here[1])
    x, y = left + (column + 0.5) * wide, height - bottom - (row + 0.5) * high
    parts.append(f'<circle class="calc-here" cx="{_at(x)}" cy="{_at(y)}" r="5"/>')
    parts.append(f'<text class="calc-label" x="{WIDTH - right}" y="{height - 6}" text-anchor="end">')
    parts.append(f"{escape(exhibit.x_label)}, against {escape(exhibit.y_label.lower())}</text>")
    return _svg(exhibit.title, exhibit.description, height, "".join(parts))


def _nearest(values: Sequence[float], value: float) -> int:
    return min(range(len(values)), key=lambda index: abs(values[index] - value))


_MARKS = (("z", 0.0, 0.0), ("z", 0.0, 0.0), ("h5", 5.0, 0.0), ("v5", 0.0, 5.0))
"""How a scatter's groups are told apart without colour: a dot, a square, a dash across, a dash upright; each with how
far its stroke moves right and down."""


def scatter(exhibit: Scatter) -> str:
    """Points of at most four groups around the line where both values are equal. Points that are not positive are left
    out; the points of a group are one path, so that hundreds take a few kilobytes."""
    size, left, top, bottom = 340, 48, 12, 36
    height = top + size + bottom
    groups = [[p for p in group.points if min(p) > 0 and isfinite(max(p))] for group in exhibit.groups]
    values = [value for points in groups for point in points for value in point]
    if not values:
        return _svg(exhibit.title, exhibit.description, 40, '<text x="0" y="24">Nothing to draw here.</text>')
    low, high = min(values) / 1.1, max(values) * 1.1
    x_axis = _Axis((low, high), left, left + size, log=True)
    y_axis = _Axis((low, high), top + size, top, log=True)
    parts = []
    for value in x_axis.ticks:
        x, y, words = _at(x_axis.place(value)), _at(y_axis.place(value)), escape(tick_text(exhibit.unit, value))
        parts.append(f'<path class="calc-grid" d="M{left} {y}h{size}M{x} {top}v{size}"/>')
        parts.append(f'<text class="calc-tick" x="{left - 6}" y="{y}" dy=".32em" text-anchor="end">{words}</text>')
        parts.append(f'<text class="calc-tick" x="{x}" y="{top + size + 15}" text-anchor="middle">{words}</text>')
    parts.append(f'<path class="calc-axis" d="M{left} {top}v{size}h{size}"/>')
    over, under = 1 + exhibit.within, 1 - exhibit.within
    parts.append(f'<path class="calc-now" d="{_path([(low, low), (high, high)], x_axis, y_axis)}"/>')
    for line in ([(low, low * over), (high / over, high)], [(low / under, low), (high, high * under)]):
        parts.append(f'<path class="calc-limit" d="{_path(line, x_axis, y_axis)}"/>')
    for index, (group, points) in enumerate(zip(exhibit.groups, groups, strict=True)):
        row = top + 14 + 15 * index
        key = _marks([(left + 14, row)], index)
        placed = _marks([(x_axis.place(a), y_axis.place(b)) for a, b in points], index)
        parts.append(f'<path class="calc-dots calc-dots-{index + 1}" d="{placed}M{key[1:]}"/>')
        parts.append(f'<text class="calc-mark" x="{left + 22}" y="{row}" dy=".32em">{escape(group.label)}</text>')
    parts.append(f'<text class="calc-label" x="{left + size}" y="{height - 6}" text-anchor="end">')
    parts.append(f"{escape(exhibit.x_label)}, against {escape(exhibit.y_label.lower())}</text>")
    return _svg(exhibit.title, exhibit.description, height, "".join(parts))


def _marks(points: Iterable[tuple[float, float]], index: int) -> str:
    """A path with the group's mark at each place. Each begins where the last one ended, to a tenth of a unit: that
    takes the fewest characters. Marks that would lie on each other are drawn once."""
    mark, right, down = _MARKS[index]
    places = sorted({(round(10 * x - 5 * right), round(10 * y - 5 * down)) for x, y in points})
    parts, at_x, at_y = [], 0, 0
    for x, y in places:
        parts.append(f"m{_tenths(x - at_x)} {_tenths(y - at_y)}{mark}".replace(" -", "-"))
        at_x, at_y = x + round(10 * right), y + round(10 * down)
    return "".join(parts)


def _tenths(value: int) -> str:
    """A tenth of the value, as the shortest text: .4, -3, 2.5."""
    text = _at(value / 10)
    return text.replace("0.", ".") if abs(value) < 10 else text


def share_bar(shares: Sequence[float]) -> str:
    """The shares of the draws as one bar, the rest pale; decoration, as the words beside it say the same."""
    parts, at = [], 0.0
    for index, share in enumerate(shares):
        if share > 0:
            parts.append(
                f'<rect class="calc-segment calc-fill-{series(index)}" x="{_at(100 * at)}%" '
                f'width="{_at(100 * share)}%" height="10"/>'
            )
        at += share
    return (
        '<svg class="calc-shares" height="10" aria-hidden="true" focusable="false">'
        f'<rect class="calc-track" width="100%" height="10"/>{"".join(parts)}</svg>'
    )


_STRIP = 22
"""Height of a row of a picture of options, in pixels. Its places across are per cent, so that it fits any width."""


def choice_axis(exhibit: Choices) -> str:
    """The axis over the rows of a picture of options, with what is needed."""
    scale, ticks = _choice_scale(exhibit)
    need = scale(exhibit.need.x or 0.0)
    side = "end" if need > 60 else "start"
    words = f"{exhibit.need.label} {exhibit.unit.brief(exhibit.need.x or 0.0)}"
    parts = [
        f'<text class="calc-tick" x="{_at(scale(tick))}%" y="32" text-anchor="middle">'
        f"{escape(tick_text(exhibit.unit, tick))}</text>"
        for tick in ticks
    ]
    parts.append(f'<text class="calc-mark" x="{_at(need)}%" y="14" text-anchor="{side}">{escape(words)}</text>')
    return _strip(38, "".join(parts))


def choice(exhibit: Choices, row: Choice) -> str:
    """One row: the range as a line, what is expected as a dot, the bar as an upright, what is needed dashed."""
    scale, ticks = _choice_scale(exhibit)
    middle = _STRIP / 2
    parts = [
        f'<line class="calc-grid" x1="{_at(scale(tick))}%" x2="{_at(scale(tick))}%" y2="{_STRIP}"/>' for tick in ticks
    ]
    need = _at(scale(exhibit.need.x or 0.0))
    parts.append(f'<line class="calc-limit" x1="{need}%" x2="{need}%" y2="{_STRIP}"/>')
    parts.append(
        f'<line class="calc-reach" x1="{_at(scale(row.low))}%" x2="{_at(scale(row.high))}%" y1="{_at(middle)}" '
        f'y2="{_at(middle)}"/>'
    )
    if row.bar is not None and row.bar <= 1:
        bar = _at(scale(row.bar))
        parts.append(f'<line class="calc-hurdle" x1="{bar}%" x2="{bar}%" y1="2" y2="{_STRIP - 2}"/>')
    parts.append(f'<circle class="calc-fill-1" cx="{_at(scale(row.expected))}%" cy="{_at(middle)}" r="4"/>')
    return _strip(_STRIP, "".join(parts))


def _choice_scale(exhibit: Choices) -> tuple["_Linear", list[float]]:
    """From a value to its place in per cent, and the round numbers on the axis."""
    ends = [end for row in exhibit.rows for end in (row.low, row.high)] + [exhibit.need.x or 0.0]
    ends += [row.bar for row in exhibit.rows if row.bar is not None and 0 <= row.bar <= 1]
    low, high = min(ends), max(ends)
    return _Linear(low, high, 2, 98), _nice(low, high, 4)


def _strip(height: int, body: str) -> str:
    return f'<svg class="calc-strip" height="{height}" aria-hidden="true" focusable="false">{body}</svg>'


def _svg(title: str, description: str, height: float, body: str) -> str:
    return (
        f'<svg class="calc-chart" viewBox="0 0 {WIDTH} {_at(height)}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>{body}</svg>"
    )


def _at(value: float) -> str:
    # Logarithms differ in their last digit between machines. What lies halfway must fall to one side on all of them.
    text = f"{round(value, 6):.1f}"
    return text[:-2] if text.endswith(".0") else text


def _finite(line: Line) -> Line:
    """The line without the points that cannot be placed."""
    keep = [i for i, (x, y) in enumerate(line.points) if isfinite(x) and isfinite(y)]
    if len(keep) == len(line.points) and all(map(isfinite, (*line.low, *line.high))):
        return line
    banded = bool(line.low and line.high)
    if banded:
        keep = [i for i in keep if isfinite(line.low[i]) and isfinite(line.high[i])]
    return Line(
        label=line.label,
        points=tuple(line.points[i] for i in keep),
        low=tuple(line.low[i] for i in keep) if banded else (),
        high=tuple(line.high[i] for i in keep) if banded else (),
        dots=line.dots,
    )


def _path(points: Iterable[tuple[float, float]], x_axis: "_Axis", y_axis: "_Axis") -> str:
    return "M" + "L".join(f"{_at(x_axis.place(x))} {_at(y_axis.place(y))}" for x, y in points)


def _mark(label: str, x: float | None, y: float | None, x_axis: "_Axis", y_axis: "_Axis", row: int) -> str:
    """A reference line. The labels of upright ones stand on rows of their own, as the lines may be close together."""
    if x is not None and isfinite(x):
        at = x_axis.place(x)
        y_label = y_axis.end + 9 + 12 * (row % 4)
        side, anchor = (-4, "end") if at > (x_axis.start + x_axis.end) / 2 else (4, "start")
        return (
            f'<path class="calc-limit" d="M{_at(at)} {_at(y_axis.end)}V{_at(y_axis.start)}"/>'
            f'<text class="calc-mark" x="{_at(at + side)}" y="{_at(y_label)}" text-anchor="{anchor}">'
            f"{escape(label)}</text>"
        )
    if y is not None and isfinite(y):
        at = y_axis.place(y)
        below = 12 if at < y_axis.end + 14 else -4
        return (
            f'<path class="calc-limit" d="M{_at(x_axis.start)} {_at(at)}H{_at(x_axis.end)}"/>'
            f'<text class="calc-mark" x="{_at(x_axis.end)}" y="{_at(at + below)}" text-anchor="end">'
            f"{escape(label)}</text>"
        )
    return ""


def _whisker(low: float, high: float, y: float) -> str:
    a, b = _at(low), _at(high)
    return f'<path class="calc-whisker" d="M{a} {_at(y)}H{b}M{a} {_at(y - 4)}v8M{b} {_at(y - 4)}v8"/>'


def _total(bar: Bar) -> float:
    values = [segment.value for segment in bar.segments]
    return sum(values) if all(map(isfinite, values)) else inf


class _Linear:
    """Value to place, clamped to the ends; infinities land on them."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.start, self.end = low, start, end
        self.width = min(high - low, LARGEST) or 1.0

    def __call__(self, value: float) -> float:
        part = (value - self.low) / self.width
        return self.start + min(max(part, 0.0), 1.0) * (self.end - self.start)


class _Axis:
    """A scale with its ticks, linear or logarithmic, widened to round numbers."""

    def __init__(self, values: Sequence[float], start: float, end: float, *, log: bool, zero: bool = False) -> None:
        self.start, self.end = start, end
        positive = [v for v in values if v > 0]
        self.log = log and bool(positive)
        if self.log:
            low, high = min(positive), max(positive)
            self.ticks = _decades(low, high)
            self._scale = _Linear(log10(low), log10(high) if high > low else log10(low) + 1, start, end)
            self.floor = low
        else:
            low, high = min(values), max(values)
            if zero and low > 0 and low < 0.5 * high:
                low = 0.0
            self.ticks = _nice(low, high, 5)
            if self.ticks and zero:
                step = self.ticks[1] - self.ticks[0] if len(self.ticks) > 1 else high - low
                low = min(low, self.ticks[0])
                if high > self.ticks[-1]:
                    self.ticks.append(self.ticks[-1] + step)
                    high = self.ticks[-1]
            self._scale = _Linear(low, high, start, end)
            self.floor = low

    def place(self, value: float) -> float:
        """Where the value stands."""
        return self._scale(log10(max(value, self.floor)) if self.log else value)


def _nice(low: float, high: float, count: int) -> list[float]:
    """About so many round numbers from `low` to `high`."""
    if not high > low:
        return [low]
    rough = high / count - low / count
    if rough < SMALLEST_STEP:
        return [low]
    power = 10.0 ** floor(log10(rough))
    step = next((s * power for s in (1, 2, 2.5, 5) if s * power >= rough * 0.999), 10 * power)
    first = ceil(low / step - 1e-9)
    last = floor(high / step + 1e-9)
    return [float(f"{k * step:.10g}") for k in range(first, last + 1)]


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten, with 2 and 5 between them when there are few."""
    first, last = floor(log10(low)), ceil(log10(high))
    steps = (1, 2, 5) if last - first <= 2 else (1,)
    every = max(1, (last - first) // 5)
    # Written and read, as a power beyond the largest number is an error and a number beyond it is none.
    found = [float(f"{m}e{e}") for e in range(first, last + 1, every) for m in steps]
    return [value for value in found if low * 0.999 <= value <= min(high * 1.001, LARGEST)]
