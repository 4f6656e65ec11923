"""Charts as inline SVG, made by the same code at build and in the browser: same bytes, no script, no style attribute.

Colours, fonts and dashes are classes of `calculator.css`, so that a chart follows the scheme, prints as vectors and
is told apart without colour. Every chart has a name and a description; `view` puts its numbers in a table below it.
"""

from collections.abc import Iterable, Sequence
from math import ceil, floor, inf, isfinite, log10

from calculator.exhibit import Bar, Bars, Choice, Choices, Curves, Grid, Histogram, Line, Scatter
from calculator.units import COUNT, Unit

ACROSS = 100.0
"""Places across a chart are per cent and places down are pixels: it fits any width, and its text keeps its size."""

_FINE = 10.0
"""Of a per cent: what a line across a chart is drawn in, as a path knows no per cent."""

LARGEST = 1.7e308
SMALLEST_STEP = 1e-290
"""Of an axis: the numbers at the end of what a float can hold have no digits left to tell one from the next."""

_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#x27;"))
_SERIES = 7
_ROW, _BAR = 40, 14
_FOOT = 22
"""Under the rows, for the numbers on the axis."""

_LETTERS = 65
"""Letters that fit on a line of a chart where a range stands beside its label; a narrower one leaves the range out."""


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


_HEIGHT, _TOP, _BOTTOM = 250, 14, 40


def _curve_axes(exhibit: Curves, lines: Sequence[Line]) -> "tuple[_Axis, _Axis] | None":
    """The two axes of a picture of curves; nothing where no point can be placed."""
    xs = [x for line in lines for x, _ in line.points] + [
        m.x for m in exhibit.marks if m.x is not None and isfinite(m.x)
    ]
    ys = [y for line in lines for y in (*(y for _, y in line.points), *line.low, *line.high)]
    ys += [m.y for m in exhibit.marks if m.y is not None and isfinite(m.y)]
    if not xs or not ys:
        return None
    return (
        _Axis(xs, 0.0, ACROSS, log=exhibit.x_log),
        _Axis(ys, _HEIGHT - _BOTTOM, _TOP, log=exhibit.y_log, zero=True),
    )


def curve_places(exhibit: Curves) -> list[list[str]]:
    """Where each point of each line stands, as the page's script reads it; empty for a point that cannot be placed."""
    axes = _curve_axes(exhibit, [_finite(line) for line in exhibit.lines])
    if axes is None:
        return [[""] * len(line.points) for line in exhibit.lines]
    across, up = axes
    return [
        [place(across.place(x), up.place(y)) if isfinite(x) and isfinite(y) else "" for x, y in line.points]
        for line in exhibit.lines
    ]


def place(x: float, y: float) -> str:
    """A place on a chart: per cent across, pixels down."""
    return f"{_at(x)} {_at(y)}"


def curves(exhibit: Curves) -> str:
    """Lines over one quantity, with bands and reference lines."""
    lines = [_finite(line) for line in exhibit.lines]
    axes = _curve_axes(exhibit, lines)
    if axes is None:
        return _nothing(exhibit.title, exhibit.description)
    x_axis, y_axis = axes
    parts = _framed(x_axis, y_axis, exhibit.x_unit, exhibit.y_unit) + _named(exhibit.x_label)
    drawn, dots = [], []
    for index, line in enumerate(lines):
        if line.low and line.high:
            there = [(x, low) for (x, _), low in zip(line.points, line.low, strict=True)]
            back = [(x, high) for (x, _), high in zip(line.points, line.high, strict=True)]
            path = _path([*there, *reversed(back)], x_axis, y_axis)
            drawn.append(f'<path class="calc-band calc-fill-{series(index)}" d="{path}Z"/>')
    for index, line in enumerate(lines):
        number = series(index)
        if line.dots:
            dots += [
                f'<circle class="calc-fill-{number}" cx="{_at(x_axis.place(x))}%" cy="{_at(y_axis.place(y))}" r="3"/>'
                for x, y in line.points
            ]
        else:
            drawn.append(f'<path class="calc-line calc-stroke-{number}" d="{_path(line.points, x_axis, y_axis)}"/>')
    parts.append(
        f'<svg class="calc-lines" width="100%" height="{_HEIGHT}" viewBox="0 0 {_at(ACROSS * _FINE)} {_HEIGHT}" '
        f'preserveAspectRatio="none">{"".join(drawn)}</svg>'
    )
    parts += dots
    parts += [_mark(mark.label, mark.x, mark.y, x_axis, y_axis, row) for row, mark in enumerate(exhibit.marks)]
    return _svg(exhibit.title, exhibit.description, _HEIGHT, "".join(parts), axes=True)


def _framed(x_axis: "_Axis", y_axis: "_Axis", x_unit: Unit, y_unit: Unit) -> list[str]:
    """Lines across with their numbers, the numbers under the chart."""
    parts = [_rule(y_axis.place(value), escape(tick_text(y_unit, value))) for value in y_axis.ticks]
    return parts + _ticks(x_unit, [(x_axis.place(value), value) for value in x_axis.ticks], _HEIGHT - _BOTTOM)


def _named(label: str) -> list[str]:
    """The line under the chart, and what is told along it."""
    foot = _HEIGHT - _BOTTOM
    return [
        f'<line class="calc-axis" x2="100%" y1="{foot}" y2="{foot}"/>',
        f'<text class="calc-label" x="100%" y="{_HEIGHT - 6}" text-anchor="end">{escape(label)}</text>',
    ]


def _rule(y: float, words: str) -> str:
    """A line across at a height, with its number before it."""
    return (
        f'<line class="calc-grid" x2="100%" y1="{_at(y)}" y2="{_at(y)}"/>'
        f'<text class="calc-tick" x="-6" y="{_at(y)}" dy=".32em" text-anchor="end">{words}</text>'
    )


def _ticks(unit: Unit, placed: Iterable[tuple[float, float]], y: float) -> list[str]:
    """Numbers under a chart. Every other one is left out where there is no room for all."""
    return [
        f'<line class="calc-grid" x1="{_at(x)}%" x2="{_at(x)}%" y1="{_at(y)}" y2="{_at(y + 4)}"/>'
        f'<text class="calc-tick{" calc-tick-odd" if index % 2 else ""}" x="{_at(x)}%" y="{_at(y + 16)}" '
        f'text-anchor="middle">{escape(tick_text(unit, value))}</text>'
        for index, (x, value) in enumerate(placed)
    ]


def _bar_scale(exhibit: Bars) -> "tuple[_Linear, list[float]]":
    totals = [_total(bar) for bar in exhibit.bars]
    ends = [t for t in totals if isfinite(t)]
    if exhibit.stacked_offset:
        ends = [_drawable(sum(ends))]
    ends += [h for bar in exhibit.bars for h in (bar.low, bar.high) if h is not None and isfinite(h)]
    limit = exhibit.limit.x if exhibit.limit is not None else None
    if limit is not None and isfinite(limit):
        ends.append(limit)
    low, high = min([0.0, *ends]), max([0.0, *ends]) or 1.0
    return _Linear(low, high, 0, ACROSS), _nice(low, high, 4)


def _bar_head(exhibit: Bars) -> int:
    limit = exhibit.limit.x if exhibit.limit is not None else None
    return 18 if limit is not None else 0


def _bar_spans(exhibit: Bars, scale: "_Linear") -> list[list[tuple[float, float]]]:
    """From where to where each segment of each bar goes, in per cent across."""
    start, found = 0.0, []
    for bar in exhibit.bars:
        at, spans = start if exhibit.stacked_offset else 0.0, []
        for segment in bar.segments:
            value = segment.value if isfinite(segment.value) else 0.0
            spans.append((scale(at), scale(_drawable(at + value))))
            at = _drawable(at + value)
        if exhibit.stacked_offset and isfinite(_total(bar)):
            start = _drawable(start + _total(bar))
        found.append(spans)
    return found


def bar_places(exhibit: Bars) -> list[list[str]]:
    """Where the middle of each segment of each bar stands, as the page's script reads it."""
    scale, _ = _bar_scale(exhibit)
    first = _bar_head(exhibit) + 19 + _BAR / 2
    return [
        [place((left + right) / 2, first + row * _ROW) for left, right in spans]
        for row, spans in enumerate(_bar_spans(exhibit, scale))
    ]


def bars(exhibit: Bars) -> str:
    """Horizontal bars: each with its label and total above it, segments side by side, a whisker, a common limit."""
    scale, ticks = _bar_scale(exhibit)
    head = _bar_head(exhibit)
    foot = head + _ROW * len(exhibit.bars)
    parts = []
    for row, (bar, spans) in enumerate(zip(exhibit.bars, _bar_spans(exhibit, scale), strict=True)):
        y = head + row * _ROW
        parts.append(f'<text class="calc-name" y="{y + 13}">{escape(bar.label)}</text>')
        parts.append(f'<text class="calc-value" x="100%" y="{y + 13}" text-anchor="end">')
        parts.append(escape(exhibit.unit.show(_total(bar))) + "</text>")
        parts.append(f'<rect class="calc-track" y="{y + 19}" width="100%" height="{_BAR}" rx="2"/>')
        for index, (segment, span) in enumerate(zip(bar.segments, spans, strict=True)):
            if isfinite(segment.value) and segment.value:
                parts.append(_piece(index, min(span), max(span), y + 19))
        if bar.low is not None and bar.high is not None and isfinite(bar.low) and isfinite(bar.high):
            parts.append(_whisker(scale(bar.low), scale(bar.high), y + 19 + _BAR / 2))
    if exhibit.limit is not None and exhibit.limit.x is not None and isfinite(exhibit.limit.x):
        at = scale(exhibit.limit.x)
        x, anchor = _at(at), "end" if at > ACROSS / 2 else "start"
        tops = (head + row * _ROW + 16 for row in range(len(exhibit.bars)))
        parts += [f'<line class="calc-limit" x1="{x}%" x2="{x}%" y1="{top}" y2="{top + 20}"/>' for top in tops]
        label = escape(exhibit.limit.label)
        parts.append(f'<text class="calc-mark" x="{x}%" y="12" text-anchor="{anchor}">{label}</text>')
    parts += _ticks(exhibit.unit, [(scale(value), value) for value in ticks], foot)
    return _svg(exhibit.title, exhibit.description, foot + _FOOT, "".join(parts))


def _piece(index: int, start: float, end: float, y: float) -> str:
    """A piece of a bar, wide enough to be seen."""
    return (
        f'<rect class="calc-segment calc-fill-{series(index)}" x="{_at(start)}%" y="{_at(y)}" '
        f'width="{_at(max(end - start, 0.2))}%" height="{_BAR}"/>'
    )


def _swing_scale(now: float, rows: Sequence[tuple[str, str, float, float]]) -> "tuple[_Linear, list[float]]":
    known = [v for _, _, low, high in rows for v in (low, high) if isfinite(v)]
    known = [*known, now] if isfinite(now) else known or [0.0]
    return _Linear(min(known), max(known), 2, ACROSS - 2), _nice(min(known), max(known), 4)


def swing_places(now: float, rows: Sequence[tuple[str, str, float, float]]) -> list[str]:
    """Where the high end of each bar stands, as the page's script reads it."""
    scale, _ = _swing_scale(now, rows)
    return [place(scale(high), row * _ROW + 19 + _BAR / 2) for row, (_, _, _, high) in enumerate(rows)]


def tornado(title: str, description: str, unit: Unit, now: float, rows: Sequence[tuple[str, str, float, float]]) -> str:
    """What each input does to one result: (label, its range in words, result at its low, result at its high)."""
    scale, ticks = _swing_scale(now, rows)
    foot = _ROW * len(rows)
    middle = scale(now)
    parts = [
        f'<line class="calc-grid" x1="{_at(scale(value))}%" x2="{_at(scale(value))}%" y2="{foot}"/>' for value in ticks
    ]
    for row, (label, words, low, high) in enumerate(rows):
        y = row * _ROW
        parts.append(f'<text class="calc-name" y="{y + 13}">{escape(_beside(label, words))}</text>')
        parts.append(f'<text class="calc-span" x="100%" y="{y + 13}" text-anchor="end">{escape(words)}</text>')
        for value, shade in ((low, 0), (high, 1)):
            a, b = sorted((middle, scale(value)))
            if b - a > 0:
                parts.append(_piece(shade, a, b, y + 19))
        parts.append(
            f'<line class="calc-now" x1="{_at(middle)}%" x2="{_at(middle)}%" y1="{y + 16}" y2="{y + 36}"/>'
        )
    parts += _ticks(unit, [(scale(value), value) for value in ticks], foot)
    return _svg(title, description, foot + _FOOT, "".join(parts))


def _beside(label: str, words: str) -> str:
    """As much of a label as fits on one line with the words at its end."""
    room = _LETTERS - len(words)
    return label if len(label) <= room else f"{label[: room - 1].rsplit(' ', 1)[0]}…"


def grid_places(exhibit: Grid) -> list[list[str]]:
    """Where the middle of each cell stands, as the page's script reads it: rows from the lowest."""
    wide, high = _cell(exhibit)
    foot = _GRID_HEIGHT - _BOTTOM
    return [
        [place((column + 0.5) * wide, foot - (row + 0.5) * high) for column in range(len(exhibit.xs))]
        for row in range(len(exhibit.ys))
    ]


_GRID_HEIGHT, _GRID_TOP = 320, 24


def _cell(exhibit: Grid) -> tuple[float, float]:
    return ACROSS / len(exhibit.xs), (_GRID_HEIGHT - _GRID_TOP - _BOTTOM) / len(exhibit.ys)


def grid(exhibit: Grid) -> str:
    """Which answer where, over two quantities: one cell a value, however far the next is; a ring where we are. Paler
    where the answer is in doubt."""
    answers = sorted({answer for row in exhibit.cells for answer in row})
    wide, high = _cell(exhibit)
    foot = _GRID_HEIGHT - _BOTTOM
    parts = []
    for row, cells in enumerate(exhibit.cells):
        y = foot - (row + 1) * high
        start = 0
        looks = list(zip(cells, exhibit.doubtful[row] if exhibit.doubtful else (False,) * len(cells), strict=True))
        for column in range(1, len(cells) + 1):
            # Neighbours with one answer, as far in doubt, make one rectangle.
            if column == len(cells) or looks[column] != looks[start]:
                answer, doubtful = looks[start]
                shade = f"{series(answers.index(answer))}{' calc-doubtful' if doubtful else ''}"
                parts.append(
                    f'<rect class="calc-cell calc-fill-{shade}" x="{_at(start * wide)}%" y="{_at(y)}" '
                    f'width="{_at((column - start) * wide)}%" height="{_at(high)}"/>'
                )
                start = column
    across = [((_among(exhibit.xs, value) + 0.5) * wide, value) for value in _round_between(exhibit.xs)]
    parts += _ticks(exhibit.x_unit, across, foot)
    for value in _round_between(exhibit.ys):
        y = foot - (_among(exhibit.ys, value) + 0.5) * high
        parts.append(f'<text class="calc-tick" x="-6" y="{_at(y)}" dy=".32em" text-anchor="end">')
        parts.append(escape(tick_text(exhibit.y_unit, value)) + "</text>")
    x, y = (_among(exhibit.xs, exhibit.here[0]) + 0.5) * wide, foot - (_among(exhibit.ys, exhibit.here[1]) + 0.5) * high
    parts.append(f'<circle class="calc-here" cx="{_at(x)}%" cy="{_at(y)}" r="5"/>')
    parts.append(f'<text class="calc-label" x="-48" y="12">{escape(exhibit.y_label)} ↑</text>')
    parts.append(
        f'<text class="calc-label" x="100%" y="{_GRID_HEIGHT - 6}" text-anchor="end">{escape(exhibit.x_label)} →</text>'
    )
    return _svg(exhibit.title, exhibit.description, _GRID_HEIGHT, "".join(parts), axes=True)


def _among(values: Sequence[float], value: float) -> float:
    """The place of a value among rising ones, between two of them in ratio where they are positive."""
    if value <= values[0]:
        return 0.0
    for index in range(1, len(values)):
        low, high = values[index - 1], values[index]
        if value <= high:
            part = log10(value / low) / log10(high / low) if low > 0 else (value - low) / (high - low)
            return index - 1 + part
    return len(values) - 1.0


def _round_between(values: Sequence[float]) -> list[float]:
    """Round numbers for an axis whose cells stand at these values: powers of ten where they go up in ratio."""
    low, high = values[0], values[-1]
    if low > 0 and high / low >= 10:
        return _decades(low, high)
    return _nice(low, high, 4)


_MARKS = (("z", 0.0, 0.0), ("z", 0.0, 0.0), ("h5", 5.0, 0.0), ("v5", 0.0, 5.0))
"""How a scatter's groups are told apart without colour: a dot, a square, a dash across, a dash upright; each with how
far its stroke moves right and down."""


_SCATTER = (340, 48, 12, 36)
"""Units of a scatter: its square, and what stands at the left of it, above and below."""


def _placeable(exhibit: Scatter) -> list[list[tuple[float, float]]]:
    return [[p for p in group.points if min(p) > 0 and isfinite(max(p))] for group in exhibit.groups]


def _ends(groups: Sequence[Sequence[tuple[float, float]]]) -> tuple[float, float]:
    values = [value for points in groups for point in points for value in point]
    return min(values) / 1.1, max(values) * 1.1


def scatter_axes(exhibit: Scatter) -> str:
    """Where both logarithmic axes of a scatter begin and end, for the page's script: left, right, foot and top in units
    of the drawing, and the values at both ends. ValueError where no point can be placed."""
    size, left, top, _ = _SCATTER
    low, high = _ends(_placeable(exhibit))
    return f"{left} {left + size} {top + size} {top} {low:.4g} {high:.4g}"


def scatter(exhibit: Scatter) -> str:
    """Points of at most four groups around the line where both values are equal. Points that are not positive are left
    out; the points of a group are one path, so that hundreds take a few kilobytes."""
    size, left, top, bottom = _SCATTER
    height = top + size + bottom
    groups = _placeable(exhibit)
    if not any(groups):
        return _nothing(exhibit.title, exhibit.description)
    low, high = _ends(groups)
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
    parts.append(f'<path class="calc-now" d="{_path([(low, low), (high, high)], x_axis, y_axis, 1.0)}"/>')
    for line in ([(low, low * over), (high / over, high)], [(low / under, low), (high, high * under)]):
        parts.append(f'<path class="calc-limit" d="{_path(line, x_axis, y_axis, 1.0)}"/>')
    for index, (group, points) in enumerate(zip(exhibit.groups, groups, strict=True)):
        row = top + 14 + 15 * index
        key = _marks([(left + 14, row)], index)
        placed = _marks([(x_axis.place(a), y_axis.place(b)) for a, b in points], index)
        parts.append(f'<path class="calc-dots calc-dots-{index + 1}" d="{placed}M{key[1:]}"/>')
        parts.append(f'<text class="calc-mark" x="{left + 22}" y="{row}" dy=".32em">{escape(group.label)}</text>')
    parts.append(f'<text class="calc-label" x="{left + size}" y="{height - 6}" text-anchor="end">')
    parts.append(f"{escape(exhibit.x_label)}, against {escape(exhibit.y_label.lower())}</text>")
    return _svg(exhibit.title, exhibit.description, height, "".join(parts), square=left + size + 12)


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


def _histogram_axes(exhibit: Histogram) -> "tuple[_Axis, _Axis] | None":
    bins = drawn_bins(exhibit)
    if not bins:
        return None
    edges = [edge for low, high, _ in bins for edge in (low, high)]
    edges += [mark.x for mark in exhibit.marks if mark.x is not None and isfinite(mark.x)]
    highest = max(count for _, _, count in bins)
    return (
        _Axis(edges, 0.0, ACROSS, log=exhibit.x_log),
        _Axis([0.0, highest], _HEIGHT - _BOTTOM, _TOP, log=False, zero=True),
    )


def drawn_bins(exhibit: Histogram) -> list[tuple[float, float, float]]:
    """The bins that hold something and can be placed."""
    return [found for found in exhibit.bins if all(map(isfinite, found)) and found[1] > found[0] and found[2] > 0]


def histogram_places(exhibit: Histogram) -> list[str]:
    """Where the top of each of the `drawn_bins` stands, as the page's script reads it."""
    axes = _histogram_axes(exhibit)
    if axes is None:
        return []
    across, up = axes
    return [
        place((across.place(low) + across.place(high)) / 2, up.place(count)) for low, high, count in drawn_bins(exhibit)
    ]


def histogram(exhibit: Histogram) -> str:
    """Upright bars that touch, one a bin, from zero; reference lines across them. Empty bins leave a gap."""
    axes = _histogram_axes(exhibit)
    if axes is None:
        return _nothing(exhibit.title, exhibit.description)
    x_axis, y_axis = axes
    foot = _HEIGHT - _BOTTOM
    parts = _framed(x_axis, y_axis, exhibit.x_unit, COUNT)
    for low, high, count in drawn_bins(exhibit):
        start, top = x_axis.place(low), y_axis.place(count)
        parts.append(
            f'<rect class="calc-segment calc-fill-1" x="{_at(start)}%" y="{_at(top)}" '
            f'width="{_at(max(x_axis.place(high) - start, 0.2))}%" height="{_at(foot - top)}"/>'
        )
    parts += _named(f"{exhibit.x_label}, against {exhibit.y_label.lower()}")
    parts += [_mark(mark.label, mark.x, None, x_axis, y_axis, row) for row, mark in enumerate(exhibit.marks)]
    return _svg(exhibit.title, exhibit.description, _HEIGHT, "".join(parts), axes=True)


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


def _svg(
    title: str, description: str, height: float, body: str, *, axes: bool = False, square: float = 0.0
) -> str:
    """The drawing with its name. axes: room for numbers at its left; square: scaled, from so many units across."""
    view = f' viewBox="0 0 {_at(square)} {_at(height)}"' if square else f' height="{_at(height)}"'
    return (
        f'<svg class="calc-chart{" calc-chart-axes" if axes else ""}"{view} role="img" tabindex="0" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title><desc>{escape(description)}</desc>{body}</svg>'
    )


def _nothing(title: str, description: str) -> str:
    return _svg(title, description, 40, '<text y="24">Nothing to draw here.</text>')


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


def _path(points: Iterable[tuple[float, float]], x_axis: "_Axis", y_axis: "_Axis", fine: float = _FINE) -> str:
    return "M" + "L".join(f"{_at(fine * x_axis.place(x))} {_at(y_axis.place(y))}" for x, y in points)


def _mark(label: str, x: float | None, y: float | None, x_axis: "_Axis", y_axis: "_Axis", row: int) -> str:
    """A reference line. The labels of upright ones stand on rows of their own, as the lines may be close together."""
    if x is not None and isfinite(x):
        at = x_axis.place(x)
        side, anchor = (-4, "end") if at > (x_axis.start + x_axis.end) / 2 else (4, "start")
        there = _at(at)
        return (
            f'<line class="calc-limit" x1="{there}%" x2="{there}%" y1="{_at(y_axis.end)}" y2="{_at(y_axis.start)}"/>'
            f'<text class="calc-mark" x="{there}%" dx="{side}" y="{_at(y_axis.end + 11 + 15 * (row % 5))}" '
            f'text-anchor="{anchor}">{escape(label)}</text>'
        )
    if y is not None and isfinite(y):
        at = y_axis.place(y)
        below = 14 if at < y_axis.end + 16 else -4
        return (
            f'<line class="calc-limit" x2="100%" y1="{_at(at)}" y2="{_at(at)}"/>'
            f'<text class="calc-mark" x="100%" y="{_at(at + below)}" text-anchor="end">{escape(label)}</text>'
        )
    return ""


def _whisker(low: float, high: float, y: float) -> str:
    a, b = f"{_at(low)}%", f"{_at(high)}%"
    top, foot = _at(y - 4), _at(y + 4)
    ends = "".join(f'<line class="calc-whisker" x1="{x}" x2="{x}" y1="{top}" y2="{foot}"/>' for x in (a, b))
    return f'<line class="calc-whisker" x1="{a}" x2="{b}" y1="{_at(y)}" y2="{_at(y)}"/>{ends}'


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
