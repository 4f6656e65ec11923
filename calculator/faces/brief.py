"""A decision brief: one page for a meeting, the same as part of a page, as an HTML file and as Markdown.

It says who decides and when to look again, the decision with its doubt, the trial and the bar it must reach, the
options, what would flip the answer, and the numbers it rests on, each with whose it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from calculator import MODEL_VERSION
from calculator.engine import Report, strength_words
from calculator.exhibit import Table
from calculator.faces.chart import escape
from calculator.faces.report import as_text, in_brief, markdown_table, origin, reproducing, show_input
from calculator.fields import Assume, fields_of
from calculator.links import Start
from calculator.units import SHARE

_NUMBERS, _OPTIONS, _COLUMNS, _FLIPS = 12, 7, 5, 5
"""What fits on one page beside the words."""

_BLANK = "________________"
_STYLE = (
    "body{font:14px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:46rem;padding:0 1rem}"
    "h1{font-size:1.4rem;line-height:1.25}h2{font-size:1rem;margin:1rem 0 .3rem}p,ul{margin:.3rem 0}"
    "table{border-collapse:collapse;font-size:12px;width:100%}"
    "th,td{border-bottom:1px solid #ccc;padding:.15rem .4rem;text-align:left;vertical-align:top}"
    "@page{margin:14mm}@media print{body{margin:0;font-size:11px}table{font-size:10px}}"
)


@dataclass(frozen=True, kw_only=True)
class Brief:
    """What a brief says, in words. link and day are empty where they are not known, and left to be filled in."""

    question: str
    decision: str
    doubt: str
    trial: str
    columns: tuple[str, ...]
    options: tuple[tuple[str, ...], ...]
    flips: tuple[str, ...]
    numbers: tuple[tuple[str, str, str], ...]
    link: str = ""
    day: str = ""


def brief_of(report: Report, start: Start | None = None, site_url: str = "", day: str = "") -> Brief:
    """The brief of a report. site_url: the address that the link begins with; day: as it shall stand there."""
    start = start or Start()
    verdict = report.verdict
    columns, options = _options(report)
    flips = (f"{flip.condition}: {flip.answer}" for flip in (report.flips or ())[:_FLIPS])
    return Brief(
        question=report.decision.question,
        decision=f"{verdict.answer}. {in_brief(report, verdict.headline)}",
        doubt=strength_words(report),
        trial=in_brief(report, verdict.next_step),
        columns=columns,
        options=options,
        flips=tuple(flips) or ("No single number changes it within its bounds.",),
        numbers=_numbers(report, start),
        link=f"{site_url}{reproducing(report, start)}" if site_url else "",
        day=day,
    )


def _options(report: Report) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The decision's own table of options, best first; without one, its answers with their share of the draws."""
    for exhibit in report.exhibits:
        if isinstance(exhibit, Table) and exhibit.ranks:
            rows = tuple(row[:_COLUMNS] for row in exhibit.rows[:_OPTIONS])
            return exhibit.columns[:_COLUMNS], rows
    shares = report.shares or ((report.verdict.answer, 1.0),)
    return ("Answer", "In so many draws"), tuple((str(answer), SHARE.show(share)) for answer, share in shares)


def _numbers(report: Report, start: Start) -> tuple[tuple[str, str, str], ...]:
    """The reader's own numbers first, then the preset's, then typical ones; assumptions only where changed."""
    order = {"yours": 0, "preset": 1}
    rows = []
    for name, spec in fields_of(report.decision.Inputs).items():
        whose = origin(report, name, start)
        if whose in order or not (isinstance(spec, Assume) or spec.advanced):
            rows.append((spec.label, show_input(report, name, getattr(report.reading.inputs, name)), whose))
    return tuple(sorted(rows, key=lambda row: order.get(row[2], 2))[:_NUMBERS])


def as_fragment(brief: Brief) -> str:
    """The brief as part of a page, whose script fills in the day and the link before it prints."""
    day, link = escape(brief.day), escape(brief.link)
    return (
        f"<h2>Decision brief: {escape(brief.question)}</h2>"
        f'<p>Date: <span data-brief="day">{day or _BLANK}</span> · Owner: {_BLANK} · Review on: {_BLANK}</p>'
        f"{_body(brief, 3)}"
        f'<p>Model version {MODEL_VERSION}. <span data-brief="link">{link}</span></p>'
    )


def as_page(brief: Brief) -> str:
    """The brief as one HTML file that needs nothing else."""
    link = f'<p>Worked out at <a href="{escape(brief.link)}">{escape(brief.link)}</a></p>' if brief.link else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Decision brief: {escape(brief.question)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>Decision brief: {escape(brief.question)}</h1>"
        f"<p>Date: {escape(brief.day) or _BLANK} · Owner: {_BLANK} · Review on: {_BLANK}</p>"
        f"{_body(brief, 2)}<p>Model version {MODEL_VERSION}.</p>{link}</body></html>\n"
    )


def _body(brief: Brief, level: int) -> str:
    def heading(text: str) -> str:
        return f"<h{level}>{text}</h{level}>"

    flips = "".join(f"<li>{escape(flip)}</li>" for flip in brief.flips)
    trial = f"{heading('Trial and its bar')}<p>{escape(brief.trial)}</p>" if brief.trial else ""
    return (
        f"{heading('Decision')}<p><strong>{escape(brief.decision)}</strong></p><p>{escape(brief.doubt)}</p>{trial}"
        f"{heading('Options')}{_table(brief.columns, brief.options)}"
        f"{heading('What would flip it')}<ul>{flips}</ul>"
        f"{heading('Context')}{_table(('Number', 'Value', 'Whose'), brief.numbers)}"
    )


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def as_markdown(brief: Brief) -> str:
    """The brief as Markdown, where nothing that was typed is markup."""
    lines = [
        f"# Decision brief: {as_text(brief.question)}",
        "",
        f"- Date: {as_text(brief.day)}".rstrip(),
        "- Owner:",
        "- Review on:",
        "",
        "## Decision",
        "",
        f"**{as_text(brief.decision)}**",
        "",
        as_text(brief.doubt),
    ]
    if brief.trial:
        lines += ["", "## Trial and its bar", "", as_text(brief.trial)]
    lines += ["", "## Options", "", *markdown_table(brief.columns, brief.options)]
    lines += ["", "## What would flip it", "", *(f"- {as_text(flip)}" for flip in brief.flips)]
    lines += ["", "## Context", "", *markdown_table(("Number", "Value", "Whose"), brief.numbers), ""]
    lines.append(f"Model version {MODEL_VERSION}." + (f" <{brief.link}>" if brief.link else ""))
    return "\n".join(lines) + "\n"
