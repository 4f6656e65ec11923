"""From what a reader gave to a report: read, compute, judge, then the draws, the flips and the sensitivity.

A report grows in three stages, so that the page can show the point result at once: `evaluate_point`, `add_spread`,
`add_flips`. `evaluate` does all three.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache
from itertools import chain, islice
from math import ceil, exp, floor, inf, isfinite, log, log10, sqrt
from typing import Any, NamedTuple

from calculator.exhibit import Exhibit
from calculator.fields import (
    Ask,
    Assume,
    Field,
    Flag,
    Number,
    Paste,
    Pick,
    Value,
    assumptions_of,
    defaults_of,
    fields_of,
    numbers_of,
    outputs_of,
)
from calculator.stats.sampling import column_from_range, columns, quantile
from calculator.units import SHARE, TIMES, Unit, is_endless, parse, split_range
from calculator.verdict import AnyDecision, Decision, InputsT, Near, OutputsT, Rule, Verdict

DRAWS = 256
"""Draws behind a spread: the 5th and 95th percentile then rest on a dozen draws each."""

FIRM, LEANING = 0.9, 0.7
"""From here a verdict is stated plainly; from here it leans; below it is too close to call (design rule)."""

MOST_FIELDS = 400
LONGEST_TEXT = 200
SWING = 0.25
"""How far an answer of the reader's own without a range is moved either way in the sensitivity chart."""

_LISTED = 12
"""Names that a message lists."""

_STEPS = (1.05, 1.15, 1.3, 1.6, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0, 1000.0)
_NOT_KNOWN = ("", "unknown", "not known", "?")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is wrong with one field: its name, a message that says what is allowed, and what was given."""

    field: str
    message: str
    given: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was understood: the inputs (None when there are problems), ranges the reader typed, and the problems.

    inputs: of the decision's own class, as a report's outputs are.
    given: the fields that the reader or a preset set, in canonical text, by name.
    filled: the fields that a pick from a catalogue gives, by name: low, median, high.
    """

    inputs: Any
    ranges: Mapping[str, tuple[float, float, float]]
    given: Mapping[str, str]
    problems: tuple[Problem, ...]
    filled: Mapping[str, tuple[float, float, float]]


@dataclass(frozen=True, kw_only=True)
class Spread:
    """5th percentile, median and 95th percentile of an output over the draws."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Flip:
    """The nearest value of one field, found on a widening grid, at which the answer is another one.

    condition: how that would be said, in two digits: "if “Budget to start” were $12,000 (now $20,000)".
    """

    field: str
    label: str
    now: str
    then: str
    condition: str
    at: Value
    answer: StrEnum
    distance: float


@dataclass(frozen=True, kw_only=True)
class Swing:
    """What one field does to the result when it alone moves from its low to its high value."""

    field: str
    label: str
    low_input: str
    high_input: str
    at_low: float
    at_high: float
    sourced: bool


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that is said for one set of inputs. The later stages are None until they are computed.

    shares: the share of draws by answer, commonest first; answers of one kind (`Decision.kinds`) count as one, under
    the commonest of them. alone: the share of each answer by itself.
    """

    name: str
    decision: AnyDecision
    reading: Reading
    outputs: Any
    verdict: Verdict
    exhibits: tuple[Exhibit, ...]
    spread: Mapping[str, Spread] | None = None
    shares: tuple[tuple[StrEnum, float], ...] | None = None
    alone: Mapping[StrEnum, float] | None = None
    doubts: Mapping[str, float] | None = None
    value_of_knowing_usd: float | None = None
    flips: tuple[Flip, ...] | None = None
    steady: tuple[str, ...] | None = None
    sensitivity: tuple[Swing, ...] | None = None

    @property
    def holds(self) -> float | None:
        """The share of draws with the verdict's answer, or one of its kind."""
        if self.shares is None:
            return None
        return dict(self.shares).get(self.verdict.answer, 0.0)

    @property
    def kind(self) -> str:
        """What the verdict's answer begins with, where draws with another answer of that kind count for it too."""
        answer = self.verdict.answer
        alone = (self.alone or {}).get(answer, 0.0)
        return self.decision.kinds.get(answer, "") if alone < (self.holds or 0.0) else ""

    @property
    def runner_up(self) -> StrEnum | None:
        """The other answer that came out most often; the nearest flip's answer when no draw gave another."""
        for answer, share in self.shares or ():
            if answer != self.verdict.answer and share > 0:
                return answer
        return self.flips[0].answer if self.flips else None

    @property
    def strength(self) -> str:
        """ "firm", "leaning" or "close", by the share of draws that agree."""
        holds = self.holds
        if holds is None or holds >= FIRM:
            return "firm"
        return "leaning" if holds >= LEANING else "close"


def read(decision: AnyDecision, given: Mapping[str, object]) -> Reading:
    """What a reader, a link, a file or a preset gave, by field name, as Inputs or as problems. Never raises."""
    specs, defaults = fields_of(decision.Inputs), defaults_of(decision.Inputs)
    values = dict(defaults)
    ranges: dict[str, tuple[float, float, float]] = {}
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    if len(given) > MOST_FIELDS:
        message = f"the input must have at most {MOST_FIELDS} fields; given: {len(given)}"
        problem = Problem(field="input", message=message, given="")
        return Reading(inputs=None, ranges={}, given={}, problems=(problem,), filled={})
    for name, raw in given.items():
        spec = specs.get(name)
        if spec is None:
            problems.append(_unknown(str(name), raw, specs))
            continue
        try:
            values[name], span = _value(spec, raw, defaults[name])
        except ValueError as error:
            problems.append(Problem(field=name, message=str(error), given=_shorten(raw)))
            continue
        if span is not None:
            ranges[name] = span
        if span is not None or values[name] != defaults[name]:
            texts[name] = write(spec, values[name], span)
    filled, missing = ({}, []) if problems else _fill(specs, values, texts)
    problems += missing
    inputs = None if problems else make_inputs(decision, values)
    # In the order of the fields, so that one situation has one link whatever it was typed in.
    texts = {name: texts[name] for name in specs if name in texts}
    return Reading(inputs=inputs, ranges=ranges, given=texts, problems=tuple(problems), filled=filled)


def _fill(
    specs: Mapping[str, Field], values: dict[str, Value], texts: Mapping[str, str]
) -> tuple[dict[str, tuple[float, float, float]], list[Problem]]:
    """Sets in `values` what picks from catalogues say of fields that the reader left alone."""
    filled: dict[str, tuple[float, float, float]] = {}
    problems = []
    for picked, spec in specs.items():
        if not isinstance(spec, Pick) or spec.fills is None:
            continue
        for name, found in spec.fills(str(values[picked]), values).items():
            number = specs.get(name)
            if not isinstance(number, Number) or name in texts:
                continue
            if isinstance(found, str):
                problems.append(Problem(field=name, message=found, given=""))
                continue
            low, middle, high = (min(max(value, number.low), number.high) for value in found)
            filled[name] = low, middle, high
            values[name] = middle
    return filled, problems


def make_inputs(
    decision: Decision[InputsT, OutputsT], values: Mapping[str, Value], changes: Mapping[str, Value] | None = None
) -> InputsT:
    """An Inputs object from a complete dict. Skips the frozen setter: half of a draw's time."""
    made = object.__new__(decision.Inputs)
    object.__setattr__(made, "__dict__", {**values, **(changes or {})})
    return made


def write(spec: Field, value: Value, span: tuple[float, float, float] | None = None) -> str:
    """A field's value as canonical text: what `read` understands, for links and files."""
    if isinstance(spec, Number) and isinstance(value, int | float):
        ends = (value,) if span is None else (span[0], span[2])
        return " to ".join(map(spec.unit.write, ends))
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def canonical(spec: Field, raw: object, default: Value) -> str:
    """What was given for one field, as canonical text; ValueError says what is wrong with it."""
    value, span = _value(spec, raw, default)
    return write(spec, value, span)


def _unknown(name: str, raw: object, specs: Mapping[str, Field]) -> Problem:
    near = get_close_matches(name[:80], specs, n=1)
    listed = [*specs][:_LISTED] + ([f"{len(specs) - _LISTED} more"] if len(specs) > _LISTED else [])
    hint = f"did you mean {near[0]}?" if near else f"the fields are {', '.join(listed)}"
    return Problem(field=_printable(name[:80]), message=f"no such field; {hint}", given=_shorten(raw))


def _shorten(raw: object) -> str:
    try:
        text = _printable(raw) if isinstance(raw, str) else repr(raw)
    except RecursionError:
        text = "something nested too deeply"
    return text if len(text) <= 60 else text[:57] + "…"


def _printable(text: str) -> str:
    """The text on one line, without what no screen shows and no encoding holds: halves of surrogate pairs, say."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def _value(spec: Field, raw: object, default: Value) -> tuple[Value, tuple[float, float, float] | None]:
    match spec:
        case Ask() | Assume():
            return _number(spec, raw, default)
        case Pick():
            return _option(spec, raw), None
        case Flag():
            return _yes_or_no(spec, raw), None
        case Paste():
            return _pasted(spec, raw), None


def _number(spec: Number, raw: object, default: Value) -> tuple[Value, tuple[float, float, float] | None]:
    if raw is None or (isinstance(raw, str) and raw.strip().lower() in _NOT_KNOWN):
        if isinstance(spec, Ask) and spec.optional:
            return None, None
        if raw is None:
            return default, None
        raise ValueError(f"{_allowed(spec)}; it is empty")
    if isinstance(raw, bool) or not isinstance(raw, str | int | float | list | tuple):
        raise ValueError(f"{_allowed(spec)}; given: {_shorten(raw)}")
    if isinstance(raw, int | float):
        return _within(spec, _float(raw), raw), None
    if isinstance(raw, list | tuple):
        if len(raw) != 2 or any(isinstance(x, bool) or not isinstance(x, int | float) for x in raw):
            raise ValueError(f"{_allowed(spec)}, or a range of two; given: {_shorten(raw)}")
        return _range(spec, _float(raw[0]), _float(raw[1]), raw)
    if len(raw) > LONGEST_TEXT:
        raise ValueError(f"{_allowed(spec)}; given: {len(raw)} characters")
    if is_endless(raw) and spec.unit in TIMES:
        return spec.high, None
    try:
        numbers = [parse(end, spec.unit) for end in split_range(raw) or (raw,)]
    except ValueError as error:
        raise ValueError(f"{_allowed(spec)}; given: {_shorten(raw)!r} ({error})") from None
    if len(numbers) == 1:
        return _within(spec, numbers[0], raw), None
    return _range(spec, numbers[0], numbers[1], raw)


def _float(number: float) -> float:
    """Python's whole numbers have no largest; what no float can hold is beyond every bound."""
    try:
        return float(number)
    except OverflowError:
        return inf


def _allowed(spec: Number) -> str:
    number = "a whole number" if spec.whole else "a number"
    return f"{spec.label} must be {number} from {spec.unit.show_range(spec.low, spec.high)}"


def _within(spec: Number, value: float, raw: object) -> float:
    # The float that a percentage gives can miss a bound by a bit in its last place. NaN is within nothing.
    slack = 1e-12 * max(abs(spec.low), abs(spec.high))
    if not spec.low - slack <= value <= spec.high + slack:
        raise ValueError(f"{_allowed(spec)}; given: {_shorten(raw)}")
    value = min(max(value, spec.low), spec.high)
    if spec.whole and value != floor(value):
        raise ValueError(f"{_allowed(spec)}; given: {_shorten(raw)}")
    return float(value)


def _range(spec: Number, low: float, high: float, raw: object) -> tuple[float, tuple[float, float, float]]:
    low, high = _within(spec, low, raw), _within(spec, high, raw)
    if low >= high:
        raise ValueError(f"{spec.label}: a range goes from a smaller to a larger number; given: {_shorten(raw)}")
    middle = sqrt(low * high) if low > 0 else (low + high) / 2
    return (float(round(middle)) if spec.whole else middle), (low, middle, high)


def _option(spec: Pick, raw: object) -> str:
    if isinstance(raw, str):
        if raw in dict(spec.options):
            return raw
        wanted = raw.strip().casefold()
        for value, label in spec.options:
            if wanted in (value.casefold(), label.casefold()):
                return value
        # One letter is no name, though it may stand in one alone.
        if spec.named is not None and sum(map(str.isalnum, wanted)) > 1:
            meant = _named(spec, raw)
            if meant:
                return meant
    choices = [value for value, _ in spec.options]
    near = get_close_matches(raw[:80], choices, n=3, cutoff=0.4) if isinstance(raw, str) else []
    shown = ", ".join(choices if len(choices) <= 12 else near or [*choices[:6], "…"])
    raise ValueError(f"{spec.label} must be one of: {shown}; given: {_shorten(raw)!r}")


def _named(spec: Pick, raw: str) -> str:
    """The option that another name means. ValueError, with the candidates, where several may be meant; "" for none."""
    assert spec.named is not None
    value = spec.named(raw[:LONGEST_TEXT].strip())
    if value and value not in dict(spec.options):
        raise ValueError(f"{spec.label}: {value} is known, but not on this page; given: {_shorten(raw)!r}")
    return value


def _yes_or_no(spec: Flag, raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    text = raw.strip().lower() if isinstance(raw, str) else ""
    if text in ("yes", "true", "on", "1"):
        return True
    if text in ("no", "false", "off", "0"):
        return False
    raise ValueError(f"{spec.label} must be yes or no; given: {_shorten(raw)!r}")


def _pasted(spec: Paste, raw: object) -> str:
    if not isinstance(raw, str):
        raise ValueError(f"{spec.label} must be text; given: {_shorten(raw)}")
    if len(raw) > spec.longest:
        raise ValueError(f"{spec.label} must be at most {spec.longest:,} characters; given: {len(raw):,}")
    text = raw.strip()
    if text and spec.check is not None:
        try:
            spec.check(text)
        except RecursionError:
            raise ValueError(f"{spec.label} must not be nested so deeply; given: {len(text):,} characters") from None
    return text


def choose(decision: Decision[InputsT, OutputsT], inputs: InputsT, outputs: OutputsT) -> StrEnum:
    """The answer alone."""
    if decision.choose is not None:
        return decision.choose(inputs, outputs)
    ground = decision.ground(inputs, outputs)
    assert isinstance(ground, Rule), ground
    return ground.answer


def evaluate_point(name: str, decision: AnyDecision, reading: Reading) -> Report:
    """The report for the stated values: outputs, verdict and exhibits. ValueError when the reading has problems."""
    return _point(name, decision, reading, None)


def evaluate_first(name: str, decision: AnyDecision, reading: Reading) -> Report:
    """The same with no exhibit but the first: what a page shows at once."""
    return _point(name, decision, reading, 1)


def _point(name: str, decision: AnyDecision, reading: Reading, exhibits: int | None) -> Report:
    if reading.inputs is None:
        raise ValueError("; ".join(str(problem) for problem in reading.problems))
    outputs = decision.compute(reading.inputs)
    if decision.settle is not None:
        shares = _drawn(decision, reading, DRAWS).shares
        outputs = decision.settle(reading.inputs, tuple(answer for answer, _ in shares))
    return Report(
        name=name,
        decision=decision,
        reading=reading,
        outputs=outputs,
        verdict=decision.judge(reading.inputs, outputs),
        exhibits=tuple(islice(_exhibits(decision, reading.inputs, outputs), exhibits)),
    )


def add_exhibits(report: Report) -> Report:
    """The report with all its exhibits."""
    return replace(report, exhibits=tuple(_exhibits(report.decision, report.reading.inputs, report.outputs)))


def _exhibits(decision: AnyDecision, inputs: object, outputs: object) -> Iterable[Exhibit]:
    return decision.exhibits(inputs, outputs) if decision.exhibits else ()


def uncertain(decision: AnyDecision, reading: Reading) -> dict[str, tuple[float, float, float]]:
    """The fields that are drawn: assumptions the reader left alone, and ranges the reader typed; low, median, high.

    What a pick fills in stands in place of an assumption, with the range that the catalogue has for it.
    """
    spans = dict(reading.ranges)
    known = {*reading.given, *decision.believed}
    for name, spec in numbers_of(decision.Inputs).items():
        if name in reading.filled:
            low, middle, high = reading.filled[name]
            if low < high:
                spans[name] = (low, middle, high)
        elif isinstance(spec, Assume) and name not in known:
            entry = spec.assumption
            if entry.low < entry.high:
                spans[name] = (entry.low, entry.value, entry.high)
    return spans


def draws(decision: Decision[InputsT, OutputsT], reading: Reading, count: int = DRAWS) -> Iterator[InputsT]:
    """Inputs for each draw. Assumptions that move together share their column."""
    specs = numbers_of(decision.Inputs)
    spans = uncertain(decision, reading)
    assumed = assumptions_of(decision.Inputs)
    drawn = []
    for name, span in spans.items():
        group = (name in assumed and assumed[name].moves_with) or name
        drawn.append(_column(group, count, *span, specs[name].low, specs[name].high))
    names, base = tuple(spans), reading.inputs.__dict__
    # Without a field that is drawn all draws are alike.
    for row in zip(*drawn, strict=True) if drawn else ((),) * count:
        made = make_inputs(decision, base)
        made.__dict__.update(zip(names, row, strict=True))
        yield made


@lru_cache(maxsize=128, typed=True)
def _column(
    group: str, count: int, low: float, value: float, high: float, lowest: float, highest: float
) -> tuple[float, ...]:
    """The draws of one field, kept because an edit leaves the ranges of nearly all fields as they are."""
    [column] = columns([group], count)
    return tuple([min(max(x, lowest), highest) for x in column_from_range(column, low, value, high)])


def add_spread(report: Report, count: int = DRAWS) -> Report:
    """The report with the spread of each output and the share of draws for each answer."""
    decision = report.decision
    drawn = _drawn(decision, report.reading, count)
    spread = {}
    for name in outputs_of(decision.Outputs):
        ordered = sorted([row[name] for row in drawn.rows])
        spread[name] = Spread(low=quantile(ordered, 0.05), middle=quantile(ordered, 0.5), high=quantile(ordered, 0.95))
    return replace(
        report,
        spread=spread,
        shares=drawn.shares,
        alone=drawn.alone,
        doubts={
            name: sum(doubt(inputs, report.verdict.answer) for inputs in drawn.inputs) / count
            for name, doubt in decision.doubts.items()
        },
        value_of_knowing_usd=_value_of_knowing(decision, drawn.rows),
    )


class _Drawn(NamedTuple):
    """The inputs and outputs of every draw of a reading, and the share of the answers as `Report` has them."""

    reading: Reading
    inputs: list[object]
    rows: list[dict[str, float]]
    shares: tuple[tuple[StrEnum, float], ...]
    alone: Mapping[StrEnum, float]


_last_drawn: tuple[AnyDecision, object, Mapping[str, str], int, _Drawn] | None = None


def _drawn(decision: AnyDecision, reading: Reading, count: int) -> _Drawn:
    """All draws of one reading. The latest are kept, for the point result and the spread both rest on them."""
    global _last_drawn
    key = (decision, reading.inputs, reading.given, count)
    kept = _last_drawn
    if kept and kept[0] is decision and kept[1] is reading.inputs and kept[2] is reading.given and kept[3] == count:
        return kept[4]
    answers: dict[StrEnum, int] = {}
    rows: list[dict[str, float]] = []
    every = list(draws(decision, reading, count))
    if kept and decision.compute_as_before and kept[0] is decision and kept[3] == count:
        # An edit changes one field, and with it a part of each draw.
        as_before = decision.compute_as_before(reading.inputs, _changed(decision, kept[4].reading, reading))
        computed = map(as_before, every, kept[4].inputs)
    else:
        computed = map(decision.compute, every)
    for inputs, outputs in zip(every, computed, strict=True):
        answer = choose(decision, inputs, outputs)
        answers[answer] = answers.get(answer, 0) + 1
        rows.append(outputs.__dict__)
    alone = {answer: times / count for answer, times in answers.items()}
    found = _Drawn(reading, every, rows, _by_kind(decision, answers, count), alone)
    _last_drawn = (*key, found)
    return found


def _changed(decision: AnyDecision, before: Reading, now: Reading) -> frozenset[str]:
    """The fields in which the draws of two readings may differ."""
    values, others = before.inputs.__dict__, now.inputs.__dict__
    spans, other_spans = uncertain(decision, before), uncertain(decision, now)
    return frozenset(
        name for name in values if values[name] != others[name] or spans.get(name) != other_spans.get(name)
    )


def forget() -> None:
    """Let go of the draws that are kept."""
    global _last_drawn
    _last_drawn = None


def _by_kind(
    decision: AnyDecision, answers: Mapping[StrEnum, int], count: int
) -> tuple[tuple[StrEnum, float], ...]:
    """The share of draws of each kind of answer, the commonest first, under the commonest answer of the kind."""
    kinds: dict[str, list[StrEnum]] = {}
    for answer in sorted(answers, key=lambda answer: (-answers[answer], str(answer))):
        kinds.setdefault(decision.kinds.get(answer, str(answer)), []).append(answer)
    shares = ((of_kind[0], sum(answers[answer] for answer in of_kind) / count) for of_kind in kinds.values())
    return tuple(sorted(shares, key=lambda pair: (-pair[1], str(pair[0]))))


def _value_of_knowing(decision: AnyDecision, rows: list[dict[str, float]]) -> float | None:
    """E[max] - max E over the answers' worths: no experiment on the uncertain fields is worth more (Howard 1966)."""
    if not decision.values:
        return None
    names = tuple(decision.values.values())
    # An option that a gate shuts in one draw is worth -inf there; the mean needs a number below any that matters.
    drawn = [[row[name] for name in names] for row in rows]
    floor_usd = min(filter(isfinite, chain.from_iterable(drawn)), default=0.0)
    worths = [[worth if worth > floor_usd else floor_usd for worth in each] for each in drawn]
    best_on_average: float = max(sum(column) for column in zip(*worths, strict=True))
    with_knowledge: float = sum(map(max, worths))
    return max(0.0, (with_knowledge - best_on_average) / len(worths))


def add_flips(report: Report) -> Report:
    """The report with, for each field, the nearest value that changes the answer, and the sensitivity of the result."""
    decision, reading = report.decision, report.reading
    base = reading.inputs.__dict__
    here = report.verdict.answer
    near = decision.near(reading.inputs) if decision.near else None
    if choose(decision, reading.inputs, decision.compute(reading.inputs)) != here:
        # The stated values alone would say otherwise than most draws do: there is no value that flips it.
        return replace(report, flips=(), steady=(), sensitivity=_sensitivity(report, near))
    found: list[Flip] = []
    steady: list[str] = []

    known: dict[tuple[str, Value], StrEnum] = {}

    def answer_at(name: str, value: Value) -> StrEnum:
        # Where an answer turns is asked for again to say what it turns to, and in how many digits it may be told.
        answer = known.get((name, value))
        if answer is None:
            inputs = make_inputs(decision, base, {name: value})
            answer = near.answer_at(name, inputs) if near else choose(decision, inputs, decision.compute(inputs))
            known[name, value] = answer
        return answer

    def stays(name: str, value: Value) -> bool:
        return near is not None and near.stays(name, make_inputs(decision, base, {name: value}))

    for name, spec in fields_of(decision.Inputs).items():
        flip = _flip(name, spec, base[name], here, answer_at, stays)
        if flip is not None:
            found.append(flip)
        elif isinstance(spec, Number) and base[name] is not None:
            steady.append(name)
    # What a reader can go and measure or change comes before what only the world can.
    assumed = assumptions_of(decision.Inputs)
    found.sort(key=lambda flip: (flip.field in assumed, flip.distance, flip.field))
    turns = decision.turns(reading.inputs, report.outputs) if decision.turns else ()
    first = [Flip(distance=0.0, **turn.__dict__) for turn in turns]
    return replace(report, flips=(*first, *found), steady=tuple(steady), sensitivity=_sensitivity(report, near))


def evaluate(name: str, decision: AnyDecision, reading: Reading, count: int = DRAWS) -> Report:
    """The whole report. ValueError when the reading has problems."""
    return add_flips(add_spread(evaluate_point(name, decision, reading), count))


AnswerAt = Callable[[str, Value], StrEnum]
"""The answer where one field, by name, has another value."""

Stays = Callable[[str, Value], bool]
"""Whether it is certain that the answer stays on the whole way to another value of one field."""


def _flip(name: str, spec: Field, value: Value, here: StrEnum, answer_at: AnswerAt, stays: Stays) -> Flip | None:
    match spec:
        case Ask() | Assume():
            return _flip_number(name, spec, value, here, answer_at, stays)
        case Pick():
            labels = dict(spec.options)
            now = labels.pop(str(value))
            # A long list is a catalogue, not a choice to weigh: trying each would cost more than all else together.
            others = labels.items() if len(labels) < 12 else ()
            return _flip_choice(name, spec, now, others, here, answer_at)
        case Flag():
            now, then = ("yes", "no") if value else ("no", "yes")
            return _flip_choice(name, spec, now, ((not value, then),), here, answer_at)
        case Paste():
            return None


def _flip_number(
    name: str, spec: Number, value: Value, here: StrEnum, answer_at: AnswerAt, stays: Stays
) -> Flip | None:
    if not isinstance(value, int | float):
        return None
    # No step is taken on a side where the answer is certain to stay as far as the bound.
    of_spec = spec.low, spec.high, value, spec.unit.percent, spec.whole
    up, down = (
        () if steps and stays(name, steps[-1]) else steps
        for steps in (_steps(*of_spec, upward=True), _steps(*of_spec, upward=False))
    )
    last, certain = {True: value, False: value}, {True: 0, False: 0}
    for k in range(max(len(up), len(down))):
        for upward, steps in ((True, up), (False, down)):
            if k >= len(steps):
                continue
            if k == 1:
                certain[upward] = _certain(name, steps, stays)
            probe = steps[k]
            if not 0 < k <= certain[upward] and answer_at(name, probe) != here:
                at = _narrow(name, spec, last[upward], probe, here, answer_at)
                answer = answer_at(name, at)
                # Two digits are told only where they say no more than is so.
                told = next((v for v in _beyond(spec, value, at) if answer_at(name, v) == answer), at)
                return Flip(
                    field=name,
                    label=spec.label,
                    now=spec.unit.show(value),
                    then=spec.unit.show(at),
                    condition=_condition(spec, value, told),
                    at=at,
                    answer=answer,
                    distance=_distance(spec, value, at),
                )
            last[upward] = probe
    return None


def _certain(name: str, steps: Sequence[float], stays: Stays) -> int:
    """The place of a step up to which the answer is certain to stay; 0 where that is not told."""
    near, beyond = 0, len(steps) - 1
    while beyond - near > 1:
        middle = (near + beyond + 1) // 2
        if not stays(name, steps[middle]):
            break
        near = middle
    return near


def _flip_choice(
    name: str, spec: Pick | Flag, now: str, others: Iterable[tuple[Value, str]], here: StrEnum, answer_at: AnswerAt
) -> Flip | None:
    for option, label in others:
        answer = answer_at(name, option)
        if answer != here:
            return Flip(
                field=name,
                label=spec.label,
                now=now,
                then=label,
                condition=f"if “{spec.label}” were “{label}” (now “{now}”)",
                at=option,
                answer=answer,
                distance=1.0,
            )
    return None


def _condition(spec: Number, value: float, at: float) -> str:
    then, now = (_told(spec.unit, number) for number in (at, value))
    number, space, words = now.partition("\u00a0")
    if not spec.unit.percent and then.endswith(space + words):
        now = number
    return f"if “{spec.label}” were {then} (now {now})"


def _told(unit: Unit, value: float) -> str:
    """A value as it is said: of sums below a dollar the digits that count."""
    return unit.brief(value) + unit.symbol if unit.prefix and abs(value) < 1.0 else unit.show(value)


def _beyond(spec: Number, value: float, at: float) -> Iterator[float]:
    """What a flip may be told as, in two digits: rounded to the side on which the answer has turned, and a step on.

    A share above one half is told by the digits of what it lacks.
    """
    size = abs(at)
    if size == 0.0 or not isfinite(at):
        return
    near_one = spec.unit.percent and 0.5 < size < 1.0
    step = min(0.01, 10.0 ** floor(log10(1.0 - size))) if near_one else 10.0 ** (floor(log10(size)) - 1)
    if spec.whole:
        step = max(1.0, step)
    # What is a whole number of steps but for its last bits stays where it is.
    steps = ceil(at / step - 1e-9) if at > value else floor(at / step + 1e-9)
    for further in (steps, steps + (1 if at > value else -1)):
        yield min(max(further * step, spec.low), spec.high)


@lru_cache(maxsize=512, typed=True)
def _steps(low: float, high: float, value: float, percent: bool, whole: bool, *, upward: bool) -> tuple[float, ...]:
    """Ever wider steps from the value to its bound, kept because an edit leaves nearly all fields as they are."""
    bound = high if upward else low
    steps: list[float] = []
    if percent or low < 0 or value == 0:
        reach = bound - value
        steps = [value + reach * part for part in (0.01, 0.03, 0.07, 0.15, 0.25, 0.4, 0.55, 0.7, 0.85)]
    else:
        for factor in _STEPS:
            probe = value * factor if upward else value / factor
            if (probe >= bound) if upward else (probe <= bound):
                break
            steps.append(probe)
    steps.append(bound)
    if whole:
        steps = [float(ceil(s) if upward else floor(s)) for s in steps]
    kept: list[float] = []
    for step in steps:
        if step != value and (not kept or step != kept[-1]):
            kept.append(step)
    return tuple(kept)


def _narrow(name: str, spec: Number, same: float, other: float, here: StrEnum, answer_at: AnswerAt) -> float:
    """The value nearest to `same` that still changes the answer, to three digits, on the side that changes it."""
    a, b, least = same, other, 1.0 if spec.whole else 0.0
    for _ in range(14):
        if abs(b - a) < max(least, _step(b, percent=spec.unit.percent)):
            break
        middle = exp((log(a) + log(b)) / 2) if a > 0 and b > 0 else (a + b) / 2
        if spec.whole:
            middle = float(floor((a + b) / 2))
            if middle in (a, b):
                break
        if answer_at(name, middle) != here:
            b = middle
        else:
            a = middle
    for rounded in _multiples(a, b, max(least, _step(b, percent=spec.unit.percent))):
        if spec.low <= rounded <= spec.high and answer_at(name, rounded) != here:
            return rounded
    return b


def _multiples(a: float, b: float, step: float) -> list[float]:
    """The multiples of a step beside `b` that lie beyond `a`, the one nearer to `a` first."""
    beside = (floor, ceil) if b > a else (ceil, floor)
    found = [float(f"{side(b / step) * step:.10g}") for side in beside]
    return [multiple for multiple in found if (multiple > a) == (b > a) and multiple != a]


def _step(value: float, *, percent: bool) -> float:
    """One in the third digit of a value; a tenth of a per cent for a share, which is shown so."""
    if value == 0 or (percent and abs(value) > 0.001):
        return 0.001
    return 10.0 ** (floor(log(abs(value), 10)) - 2)


def _distance(spec: Number, value: float, at: float) -> float:
    """How far a flip is: relative on a ratio scale, against the whole range for shares and signed numbers."""
    if value > 0 and at > 0 and not spec.unit.percent:
        return abs(log(at / value))
    return 3 * abs(at - value) / (spec.high - spec.low)


def _sensitivity(report: Report, near: Near[Any] | None) -> tuple[Swing, ...]:
    decision, reading = report.decision, report.reading
    base = reading.inputs.__dict__
    spans = uncertain(decision, reading)
    swings = []
    answer, result = report.verdict.answer, followed(decision, report.verdict.answer)
    worth_at = near.worth_at if near and answer in decision.values else None

    def result_at(name: str, end: float) -> float:
        inputs = make_inputs(decision, base, {name: end})
        found: float = worth_at(name, inputs, answer) if worth_at else getattr(decision.compute(inputs), result)
        return found

    for name, spec in numbers_of(decision.Inputs).items():
        value = base[name]
        if value is None:
            continue
        if name in spans:
            low, _, high = spans[name]
        elif isinstance(spec, Assume):
            continue
        else:
            low, high = max(spec.low, value * (1 - SWING)), min(spec.high, value * (1 + SWING))
            if spec.whole:
                low, high = float(floor(low)), float(ceil(high))
        ends = [result_at(name, end) for end in (low, high)]
        if ends[0] != ends[1]:
            show = spec.unit.show
            swings.append(
                Swing(
                    field=name,
                    label=spec.label,
                    low_input=show(low),
                    high_input=show(high),
                    at_low=ends[0],
                    at_high=ends[1],
                    sourced=isinstance(spec, Assume),
                )
            )
    return tuple(sorted(swings, key=lambda s: (-_width(s), s.field)))


def _width(swing: Swing) -> float:
    return inf if not (isfinite(swing.at_low) and isfinite(swing.at_high)) else abs(swing.at_high - swing.at_low)


def result_name(decision: AnyDecision) -> str:
    """The output that the sensitivity chart follows."""
    return decision.result or next(iter(outputs_of(decision.Outputs)))


def followed(decision: AnyDecision, answer: StrEnum) -> str:
    """The output that the sensitivity chart follows: the worth of the answer, where it has one; else the result.

    A lead over the other options folds at nought, and hides what moves them.
    """
    return decision.values.get(answer) or result_name(decision)


def strength_words(report: Report) -> str:
    """How firmly the verdict stands, in words, for every form of report."""
    holds = report.holds
    if holds is None:
        return ""
    words = {"firm": "Holds in", "leaning": "Leaning: holds in", "close": "Too close to call: holds in only"}
    said = f"{words[report.strength]} {SHARE.show(holds)} of {DRAWS} draws over the assumptions"
    if report.kind:
        alone = (report.alone or {}).get(report.verdict.answer, 0.0)
        said += f", counting every step {report.kind}; this one alone in {SHARE.show(alone)}"
    said += "."
    if report.runner_up is not None:
        share = dict(report.shares or ()).get(report.runner_up)
        said += f" Runner-up: {report.runner_up}" + (f", in {SHARE.show(share)}." if share else ".")
    if report.doubts:
        parts = ", ".join(f"{name} in {SHARE.show(share)}" for name, share in report.doubts.items())
        said += f" It is {parts}."
    return said
