"""One field swept over its range, two fields over a map, and two situations side by side. All by the same engine."""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import exp, inf, isfinite, log

from calculator.engine import Reading, choose, draws, make_inputs, result_name
from calculator.exhibit import Curves, Exhibit, Grid, Line, Mark, Table
from calculator.fields import Number, fields_of, numbers_of, outputs_of, show
from calculator.units import round_to
from calculator.verdict import AnyDecision, Decision, InputsT, OutputsT

SWEEP_POINTS = 41
MAP_POINTS = 21
MAP_DRAWS = 9
"""Draws for each cell of a map: few, as there are hundreds of cells, and enough to tell two thirds of them."""

IN_DOUBT_SHARE = 2 / 3
"""Where a smaller share of its draws has a cell's answer, the map shows its doubt."""

REACH = 10.0
"""A sweep shows the field from a tenth to ten times its value, within its bounds: farther out the curve says little."""

FAR = 1000.0
"""Where the answer does not change within REACH, the sweep looks this far out for the place where it does."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One value of the swept field with the result and the answer there, and what each option is worth there.

    holds: the share of draws with the same answer; one where nothing was drawn.
    """

    value: float
    result: float
    answer: StrEnum
    worths: tuple[tuple[str, float], ...] = ()
    holds: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """The result over one field; `changes` are the positions k where point k has another answer than point k - 1."""

    field: str
    here: float
    points: tuple[Point, ...]
    changes: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One field that differs between two situations, with what it alone does to the first one."""

    field: str
    label: str
    first: str
    second: str
    answer: StrEnum
    result: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two situations of one decision: where each stands, and the fields that differ, the most telling first."""

    first: Point
    second: Point
    differences: tuple[Difference, ...]


def sweepable(decision: AnyDecision) -> tuple[str, ...]:
    """The names of the fields that can be swept: the numbers."""
    return tuple(numbers_of(decision.Inputs))


def values_of(spec: Number, here: float | None, count: int, reach: float = REACH) -> list[float]:
    """`count` values of a field around where it stands, even in ratio where the field is one of ratios.

    reach: how many times smaller and larger than where it stands, within the field's bounds.
    """
    low, high = spec.low, spec.high
    percent = spec.unit.percent
    if here is not None and not percent and here > 0 and low >= 0:
        low, high = max(low, here / reach), min(high, here * reach)
    if low > 0 and not percent:
        steps = [exp(log(low) + (log(high) - log(low)) * k / (count - 1)) for k in range(count)]
    else:
        steps = [low + (high - low) * k / (count - 1) for k in range(count)]
    steps = [min(max(round_to(step, 4), spec.low), spec.high) for step in steps]
    if spec.whole:
        steps = [float(round(step)) for step in steps]
    return sorted(set(steps))


def _number_field(decision: AnyDecision, name: str) -> Number:
    if name not in sweepable(decision):
        raise ValueError(f"field must be one of: {', '.join(sweepable(decision))}; given: {name[:60]!r}")
    return numbers_of(decision.Inputs)[name]


def _point(decision: Decision[InputsT, OutputsT], inputs: InputsT, value: float) -> Point:
    outputs = decision.compute(inputs)
    return Point(
        value=value,
        result=getattr(outputs, result_name(decision)),
        answer=choose(decision, inputs, outputs),
        worths=tuple((str(answer), getattr(outputs, name)) for answer, name in decision.values.items()),
    )


def sweep(decision: AnyDecision, reading: Reading, name: str) -> Sweep:
    """The result over one field, the others as they stand. ValueError when the field is not a number."""
    spec = _number_field(decision, name)
    base = reading.inputs.__dict__
    here = base[name]

    def at(steps: list[float]) -> tuple[tuple[Point, ...], tuple[int, ...]]:
        if here is not None and here not in steps:
            steps = sorted([*steps, here])
        points = tuple(_point(decision, make_inputs(decision, base, {name: step}), step) for step in steps)
        return points, tuple(k for k in range(1, len(points)) if points[k].answer != points[k - 1].answer)

    steps = values_of(spec, here, SWEEP_POINTS)
    points, changes = at(steps)
    if not changes and (far := values_of(spec, here, SWEEP_POINTS, FAR)) != steps:
        farther = at(far)
        if farther[1]:
            points, changes = farther
    return Sweep(field=name, here=points[0].value if here is None else here, points=points, changes=changes)


def map_row(decision: AnyDecision, reading: Reading, across: str, up: str, row: int) -> tuple[float, tuple[Point, ...]]:
    """One row of the map: the value of `up` there (row 0 is its smallest) and a point for each value of `across`.

    Each point says how far its answer holds over a few draws of what is uncertain. ValueError for one field twice, a
    field that is no number, or a row that there is not.
    """
    base = reading.inputs.__dict__
    xs = values_of(_number_field(decision, across), base[across], MAP_POINTS)
    ys = values_of(_number_field(decision, up), base[up], MAP_POINTS)
    if across == up or row not in range(len(ys)):
        raise ValueError(
            f"a map needs two different fields and a row from 0 to {len(ys) - 1}; given: {across}, {up}, {row}"
        )
    y = ys[row]
    drawn = [inputs.__dict__ for inputs in draws(decision, reading, MAP_DRAWS)]
    points = []
    for x in xs:
        here = {across: x, up: y}
        point = _point(decision, make_inputs(decision, base, here), x)
        same = sum(_answer(decision, make_inputs(decision, other, here)) == point.answer for other in drawn)
        points.append(replace(point, holds=same / MAP_DRAWS))
    return y, tuple(points)


def _answer(decision: Decision[InputsT, OutputsT], inputs: InputsT) -> StrEnum:
    return choose(decision, inputs, decision.compute(inputs))


def rows_of_map(decision: AnyDecision, reading: Reading, up: str) -> int:
    """How many rows the map over `up` has."""
    return len(values_of(_number_field(decision, up), reading.inputs.__dict__[up], MAP_POINTS))


def compare(decision: AnyDecision, first: Reading, second: Reading) -> Comparison:
    """Two situations side by side, and what each differing field alone would do to the first."""
    one, two = first.inputs.__dict__, second.inputs.__dict__
    here, there = (_point(decision, reading.inputs, 0.0) for reading in (first, second))
    differences = []
    for name, spec in fields_of(decision.Inputs).items():
        value = two[name]
        if value == one[name]:
            continue
        moved = _point(decision, make_inputs(decision, one, {name: value}), 0.0)
        differences.append(
            Difference(
                field=name,
                label=spec.label,
                first=show(spec, one[name]),
                second=show(spec, value),
                answer=moved.answer,
                result=moved.result,
            )
        )

    def weight(difference: Difference) -> tuple[bool, float, str]:
        change = (
            abs(difference.result - here.result) if isfinite(difference.result) and isfinite(here.result) else 1e300
        )
        return (difference.answer == here.answer, -change, difference.field)

    return Comparison(first=here, second=there, differences=tuple(sorted(differences, key=weight)))


def sweep_exhibits(decision: AnyDecision, found: Sweep) -> tuple[Exhibit, ...]:
    """A sweep as a curve with its flips marked, and as a table of where the answer changes."""
    spec = numbers_of(decision.Inputs)[found.field]
    outcome = outputs_of(decision.Outputs)[result_name(decision)]
    unit = spec.unit
    points = [(p.value, p.result) for p in found.points if isfinite(p.result)]
    runs = [found.points[0], *(found.points[k] for k in found.changes)]
    ends = [found.points[k - 1].value for k in found.changes] + [found.points[-1].value]
    rows = tuple((unit.show_range(run.value, end), str(run.answer)) for run, end in zip(runs, ends, strict=True))
    marks = [Mark(label="now", x=found.here)]
    marks += [Mark(label=f"from {unit.show(p.value)}: {p.answer}", x=p.value) for p in runs[1:]]
    values = [p.value for p in found.points]
    lines = _worth_lines(found) or (Line(label=outcome.label, points=tuple(points)),)
    said = outcome.label if len(lines) == 1 else "Worth of each option"
    return (
        Curves(
            title=f"{said}, over {spec.label.lower()}",
            description=(
                f"{spec.label} from {unit.show_range(values[0], values[-1])}, all else as it stands. "
                + (
                    "The answer changes " + _times(len(found.changes)) + "."
                    if found.changes
                    else "One answer throughout."
                )
            ),
            x_label=spec.label,
            y_label=said,
            x_unit=unit,
            y_unit=outcome.unit,
            lines=lines,
            marks=tuple(marks),
            x_log=values[0] > 0 and values[-1] / values[0] >= REACH,
        ),
        Table(title="Which answer where", columns=(spec.label, "Answer"), rows=rows),
    )


_DRAWN = 4
"""Options that a sweep draws: those that win somewhere, then those that come nearest to it."""


def _worth_lines(found: Sweep) -> tuple[Line, ...]:
    """A line for the worth of each option that matters along a sweep; none where options have no worth."""
    best: dict[str, float] = {}
    winners = {str(point.answer) for point in found.points}
    for point in found.points:
        top = max((worth for _, worth in point.worths if isfinite(worth)), default=0.0)
        for answer, worth in point.worths:
            behind = top - worth if isfinite(worth) else inf
            best[answer] = min(best.get(answer, inf), behind)
    order = sorted(best, key=lambda answer: (answer not in winners, best[answer], answer))
    lines = []
    for answer in [answer for answer in order if best[answer] < inf][:_DRAWN]:
        points = tuple((p.value, worth) for p in found.points for a, worth in p.worths if a == answer)
        lines.append(Line(label=answer, points=tuple(point for point in points if isfinite(point[1]))))
    return tuple(lines)


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def map_exhibit(
    decision: AnyDecision, reading: Reading, across: str, up: str, rows: tuple[tuple[float, tuple[Point, ...]], ...]
) -> Grid:
    """A finished map as a picture."""
    base, specs = reading.inputs.__dict__, numbers_of(decision.Inputs)
    x, y = specs[across], specs[up]
    answers = sorted({str(point.answer) for _, row in rows for point in row})
    doubts = [point.holds < IN_DOUBT_SHARE for _, row in rows for point in row]
    return Grid(
        title=f"The answer by {x.label.lower()} and {y.label.lower()}",
        description=f"All else as it stands. The ring marks your numbers. Answers on the map: {'; '.join(answers)}."
        + (f" In doubt: {round(100 * sum(doubts) / len(doubts))}\u00a0% of the map." if any(doubts) else ""),
        x_label=x.label,
        y_label=y.label,
        x_unit=x.unit,
        y_unit=y.unit,
        xs=tuple(point.value for point in rows[0][1]),
        ys=tuple(value for value, _ in rows),
        cells=tuple(tuple(str(point.answer) for point in row) for _, row in rows),
        doubtful=tuple(tuple(point.holds < IN_DOUBT_SHARE for point in row) for _, row in rows),
        here=(_or_first(base[across], rows[0][1][0].value), _or_first(base[up], rows[0][0])),
    )


def _or_first(value: float | None, first: float) -> float:
    return first if value is None else value


def comparison_table(decision: AnyDecision, found: Comparison, names: tuple[str, str] = ("First", "Second")) -> Table:
    """What differs between two situations, and what each difference alone would do to the first.

    names: what to call the two.
    """
    outcome = outputs_of(decision.Outputs)[result_name(decision)]
    unit = outcome.unit
    return Table(
        title="What made the difference",
        columns=("Field", *names, f"{names[0]} with this alone changed", f"then: {outcome.label}"),
        rows=tuple((d.label, d.first, d.second, str(d.answer), unit.show(d.result)) for d in found.differences),
        note=f"{outcome.label}: {unit.show(found.first.result)} in “{names[0]}”, {unit.show(found.second.result)} in "
        f"“{names[1]}”. The most telling difference comes first."
        if found.differences
        else "The two hold the same numbers.",
    )
