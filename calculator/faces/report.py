"""A report as JSON and as Markdown: what the command line prints, what a page copies, what a record keeps."""

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, assert_never

from calculator import MODEL_VERSION
from calculator.engine import FIRM, Reading, Report, result_name, strength_words, write
from calculator.exhibit import Bars, Choices, Command, Curves, Exhibit, Grid, Note, Table
from calculator.fields import (
    Assume,
    Number,
    Value,
    assumptions_of,
    defaults_of,
    fields_of,
    kept_by_class,
    outputs_of,
    show,
)
from calculator.links import Start, differing, query
from calculator.units import USD, in_two_digits, numbers_in, round_to
from calculator.verdict import AnyDecision

DIGITS = 7
"""Significant digits of a computed number in JSON: the last bits of exp and log differ between C libraries."""


def as_data(report: Report) -> dict[str, Any]:
    """The report as plain data, ready for JSON. A number that is not finite becomes a text."""
    inputs, decision = report.reading.inputs, report.decision
    data: dict[str, Any] = {
        "decision": report.name,
        "question": decision.question,
        "version": MODEL_VERSION,
        "inputs": {name: _number(getattr(inputs, name)) for name in fields_of(decision.Inputs)},
        "given": dict(report.reading.given),
        "outputs": {name: _computed(getattr(report.outputs, name)) for name in outputs_of(decision.Outputs)},
        "answer": str(report.verdict.answer),
        "headline": report.verdict.headline,
        "reasons": list(report.verdict.reasons),
        "next_step": report.verdict.next_step,
    }
    if report.spread is not None:
        data["holds"] = report.holds
        data["strength"] = report.strength
        data["runner_up"] = None if report.runner_up is None else str(report.runner_up)
        data["shares"] = {str(answer): share for answer, share in report.shares or ()}
        if report.doubts:
            data["doubts"] = {name: _computed(share) for name, share in report.doubts.items()}
        if report.value_of_knowing_usd is not None:
            data["value_of_knowing_usd"] = _computed(report.value_of_knowing_usd)
        data["spread"] = {
            name: [_computed(s.low), _computed(s.middle), _computed(s.high)] for name, s in report.spread.items()
        }
    if report.flips is not None:
        data["flips"] = [
            {"field": f.field, "now": f.now, "then": f.then, "answer": str(f.answer)} for f in report.flips
        ]
        data["steady"] = list(report.steady or ())
        data["sensitivity"] = [
            {
                "field": s.field,
                "low": s.low_input,
                "high": s.high_input,
                "at_low": _computed(s.at_low),
                "at_high": _computed(s.at_high),
            }
            for s in report.sensitivity or ()
        ]
    return data


def as_json(report: Report) -> str:
    """The report as one line of JSON with a fixed order of keys."""
    return json.dumps(as_data(report), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _number(value: Value) -> Value:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return value


def _rounded(value: float) -> Value:
    """Whole numbers exactly, as counts are; others to the digits that are meant."""
    whole = isfinite(value) and float(value).is_integer()
    return _number(value if whole else round_to(value, DIGITS)) if isfinite(value) else value


def _computed(value: float) -> Value:
    """For JSON, which has no word for infinity."""
    return _rounded(value) if isfinite(value) else str(value)


def changed_fields(decision: AnyDecision, reading: Reading, start: Start) -> dict[str, str]:
    """The fields in which what was read differs from its start, in canonical text."""
    return differing(reading.given, _typical(decision.Inputs), start)


@kept_by_class
def _typical(inputs: type[Any]) -> Mapping[str, str]:
    """The defaults of a decision's inputs, in canonical text."""
    defaults = defaults_of(inputs)
    return {field: write(spec, defaults[field]) for field, spec in fields_of(inputs).items()}


def reproducing(report: Report, start: Start) -> str:
    """The query of the link that gives this report again."""
    return query(changed_fields(report.decision, report.reading, start), start)


def as_csv(report: Report, site_url: str = "", start: Start | None = None) -> str:
    """Inputs and outputs as a table for a spreadsheet, one a line, where no cell is taken for a formula."""
    start = start or Start()
    decision, inputs = report.decision, report.reading.inputs
    rows: list[tuple[object, ...]] = [("kind", "field", "label", "value", "unit", "5th percentile", "95th percentile")]
    for name, spec in fields_of(decision.Inputs).items():
        value = getattr(inputs, name)
        low, _, high = report.reading.ranges.get(name, ("", "", ""))
        unit = spec.unit.name if isinstance(spec, Number) else ""
        kind = "given" if name in report.reading.given else "assumption" if isinstance(spec, Assume) else "default"
        rows.append((kind, name, spec.label, "" if value is None else _number(value), unit, low, high))
    for name, result in outputs_of(decision.Outputs).items():
        span = (report.spread[name].low, report.spread[name].high) if report.spread is not None else ("", "")
        ends = (_rounded(end) if isinstance(end, float) else end for end in span)
        rows.append(("result", name, result.label, _rounded(getattr(report.outputs, name)), result.unit.name, *ends))
    rows.append(("answer", "", decision.question, str(report.verdict.answer), "", "", ""))
    if report.holds is not None:
        rows.append(("holds", "", "Share of draws with this answer", report.holds, "", "", ""))
    rows.append(("version", "", "Model version", MODEL_VERSION, "", "", ""))
    rows.append(("link", "", "Link that reproduces it", f"{site_url}{reproducing(report, start)}", "", "", ""))
    return "".join(",".join(map(csv_cell, row)) + "\r\n" for row in rows)


def csv_text(text: str) -> str:
    """Text that a spreadsheet will not take for a formula: an apostrophe goes before one that begins like it."""
    return f"'{text}" if text.lstrip().startswith(("=", "+", "-", "@")) else text


def csv_cell(value: object) -> str:
    """One cell of a CSV file. A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    text = csv_text(value) if isinstance(value, str) else str(value)
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if set(text) & set(',"\r\n') else text


def as_markdown(report: Report, site_url: str = "", start: Start | None = None) -> str:
    """The report as Markdown: question, verdict with its doubt, numbers, flips, assumptions with source and date.

    start: what the reader began with, whose numbers are told from the reader's own.
    """
    start = start or Start()
    verdict, decision = report.verdict, report.decision
    lamps = [" · ".join(as_text(lamp.words) for lamp in verdict.lamps), ""] if verdict.lamps else []
    lines = [f"# {decision.question}", "", *_FOR_THE_RECORD, "", *lamps]
    lines += [f"**{verdict.answer}.** {verdict.headline}", ""]
    lines += _doubt(report)
    lines += [f"- {reason}" for reason in verdict.reasons]
    if verdict.next_step:
        lines += ["", f"Next step: {verdict.next_step}"]
        if report.value_of_knowing_usd is not None:
            worth = USD.show(report.value_of_knowing_usd)
            lines.append(f"Knowing the uncertain numbers would be worth {worth} at most.")
    lines += ["", "## Your numbers", "", *_inputs_table(report, start), "", "## Results", "", *_outputs_table(report)]
    for exhibit in report.exhibits:
        said = _exhibit(exhibit)
        lines += ["", *said] if said else []
    if report.flips is not None:
        lines += ["", "## What would change the answer", ""]
        lines += [as_text(f"- {flip.condition}: {flip.answer}") for flip in report.flips[:8]]
        if not report.flips:
            lines.append("No single field changes it within its bounds.")
    lines += ["", "## Assumptions used", "", *_assumptions_table(report), "", *_again(report, site_url, start)]
    return "\n".join(lines) + "\n"


def shell_line(report: Report) -> str:
    """The line that gives the same report from a shell, fields in the form's order; pasted texts are left out of it."""
    given = report.reading.given
    short = {
        name: given[name]
        for name in fields_of(report.decision.Inputs)
        if name in given and len(given[name]) <= 100 and not set("'\n") & set(given[name])
    }
    fields = " ".join(f"'{name}={text}'" for name, text in short.items())
    return f"python -m calculator run {report.name} {fields.replace('`', '')}".rstrip()


_FOR_THE_RECORD = ("- Owner:", "- Decided on:", "- Look at it again on:")


def _again(report: Report, site_url: str, start: Start) -> list[str]:
    """How to get the report again."""
    return [
        "## For the record",
        "",
        f"- Model version: {MODEL_VERSION}",
        f"- Link that reproduces it: {site_url}{reproducing(report, start)}",
        f"- The same from a shell: `{shell_line(report)}`",
    ]


def _doubt(report: Report) -> list[str]:
    if report.holds is None:
        return []
    words = strength_words(report)
    if report.holds < FIRM and report.sensitivity:
        words += f" What moves it most: {report.sensitivity[0].label}."
    return [words, ""]


def as_text(text: str) -> str:
    """Text inside a Markdown table or line: nothing in it may become markup."""
    for character in "\\`*_[]<>|":
        text = text.replace(character, "\\" + character)
    return " ".join(text.split())


def _inputs_table(report: Report, start: Start) -> list[str]:
    rows = ["| Field | Value | Whose |", "|---|---|---|"]
    for name, spec in fields_of(report.decision.Inputs).items():
        if isinstance(spec, Assume) and name not in report.reading.given:
            continue
        value = show_input(report, name, getattr(report.reading.inputs, name))
        rows.append(f"| {as_text(spec.label)} | {as_text(value)} | {origin(report, name, start)} |")
    return rows


def origin(report: Report, name: str, start: Start) -> str:
    """Whose an input's value is: the reader's, that of the preset they began with, a catalogue's, or a typical one."""
    if name in report.reading.given:
        return "preset" if start.given.get(name) == report.reading.given[name] else "yours"
    return "catalogue" if name in report.reading.filled else "typical"


def in_brief(report: Report, text: str) -> str:
    """A sentence of the panel with two digits a number; the reader's own numbers stay as they were given."""
    return in_two_digits(text, _own_numbers(report))


_last_own: tuple[Reading, frozenset[str]] | None = None


def _own_numbers(report: Report) -> frozenset[str]:
    """The numbers in all that the reader was asked, as they are shown. The latest are kept: each sentence asks anew."""
    global _last_own
    kept = _last_own
    if kept is not None and kept[0] is report.reading:
        return kept[1]
    values = report.reading.inputs.__dict__
    specs = fields_of(report.decision.Inputs)
    asked = (name for name, spec in specs.items() if not isinstance(spec, Assume) or name in report.reading.given)
    own = (show_input(report, name, values[name]) for name in asked)
    found: frozenset[str] = frozenset().union(*map(numbers_in, own))
    _last_own = report.reading, found
    return found


def show_input(report: Report, name: str, value: Value) -> str:
    """An input's value in words: with its unit, as a range when the reader typed one."""
    spec = fields_of(report.decision.Inputs)[name]
    if name in report.reading.ranges:
        low, _, high = report.reading.ranges[name]
        return f"{show(spec, low)} to {show(spec, high)}"
    return show(spec, value)


def _outputs_table(report: Report) -> list[str]:
    rows = ["| Result | Value | 5th to 95th percentile |", "|---|---|---|"]
    for name, spec in outputs_of(report.decision.Outputs).items():
        unit = spec.unit
        span = ""
        if report.spread is not None:
            spread = report.spread[name]
            span = unit.show_range(spread.low, spread.high) if spread.low != spread.high else "–"
        mark = "**" if name == result_name(report.decision) else ""
        rows.append(f"| {mark}{as_text(spec.label)}{mark} | {unit.show(getattr(report.outputs, name))} | {span} |")
    return rows


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table in Markdown, where nothing that was typed is markup."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(map(as_text, cells)) + " |"

    return [line(columns), "|" + "---|" * len(columns), *map(line, rows)]


def _exhibit(exhibit: Exhibit) -> list[str]:
    head = [f"### {as_text(exhibit.title)}", ""]
    match exhibit:
        case Table():
            table = markdown_table(exhibit.columns, exhibit.rows)
            return [*head, *table, *(["", as_text(exhibit.note)] if exhibit.note else [])]
        case Command():
            return [*head, as_text(exhibit.note), "", "```", *exhibit.text.split("\n"), "```"]
        case Note():
            return [*head, *(as_text(p) for p in exhibit.paragraphs)]
        case Choices():
            # The table of every option has these numbers and more.
            return []
        case Curves() | Bars() | Grid():
            return [*head, as_text(exhibit.description)]
        case _:
            assert_never(exhibit)


def range_words(report: Report, name: str, yours: str) -> str:
    """The range of an assumption in words: the sourced one, that of what was picked, or `yours` for a reader's own."""
    if name in report.reading.given:
        return yours
    entry = assumptions_of(report.decision.Inputs)[name]
    if name in report.reading.filled:
        low, _, high = report.reading.filled[name]
        return "of the model you picked" if low == high else entry.unit.show_range(low, high)
    return entry.unit.show_range(entry.low, entry.high)


def _assumptions_table(report: Report) -> list[str]:
    rows = ["| Assumption | Value | Range | Source | As of |", "|---|---|---|---|---|"]
    for name, entry in assumptions_of(report.decision.Inputs).items():
        value = show_input(report, name, getattr(report.reading.inputs, name))
        span = range_words(report, name, "yours")
        rows.append(f"| {as_text(entry.label)} | {value} | {span} | {as_text(entry.source)} | {entry.as_of} |")
    return rows
