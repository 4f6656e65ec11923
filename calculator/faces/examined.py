"""What the page asks about a reader's own file: texts of JSON in, texts of JSON out, and HTML of what was found.

A worker of its own reads the file piece by piece and calls these, in this order:

    begin(request)     {"name", "kind", "tokens": "estimate" or "outside", "sequence_tokens": text, "against": bool}
    feed(bytes)        then, with tokens counted outside, `texts()` until it gives nothing and `counts(...)` for each
    look()             at any time: what is known by now
    last()             no more bytes come; texts may still wait
    end(request)       {"stopped": bool}: what was found
    evidence(request)  {"ways": {variant: option}, "sizes": {variant: text}}: the fields that test results fill
    bad_run(request)   {"log"} and SCORES: what a training run that did not help looks like; needs no file

Each answer has "problem", a sentence or nothing. What a file holds is text to whoever looks at it: all is escaped.
"""

import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec

from calculator import MODEL_VERSION, catalog, examine
from calculator.exhibit import Bar, Bars, Curves, Exhibit, Histogram, Line, Mark, Segment
from calculator.faces.browser import asked_in, text_of
from calculator.faces.chart import escape
from calculator.faces.view import render_exhibit, render_table
from calculator.fields import fields_of
from calculator.units import COUNT, SHARE, TOKENS, Unit, parse

FOLDED = frozenset({"turns", "prefix", "examples", "cost", "classes", "curve"})
"""Sections that are opened by whoever wants them."""

FAR = 1.5
"""A mark so many times beyond the longest bin would push the bins together: the figures beside them say it."""

TEXTS_AT_ONCE = 100
"""Sent to be counted. Longer messages live longer, in more copies: a thousand texts at once take 70 MB more."""

TOKENIZER = "o200k"
SCORES = {
    "before": "Right answers before, of your test items",
    "after": "Right answers after training",
    "old_before": "Right answers on an earlier task, before",
    "old_after": "Right answers on that task, after",
}
"""The scores that a diagnosis asks for; each may be left empty."""

LONGEST_NAME = 120
LONGEST_LOG = 400_000

Tree = dict[str, Any]
Given = ParamSpec("Given")

_reader: examine.Reader | None = None
_finished: examine.Reader | None = None
_found: Tree = {}


def _answering(act: Callable[Given, Mapping[str, Any] | None]) -> Callable[Given, str]:
    """The function with its answer as JSON. What is refused is said, and nothing raised."""

    @wraps(act)
    def answer(*args: Given.args, **kwargs: Given.kwargs) -> str:
        try:
            found = {"problem": "", **(act(*args, **kwargs) or {})}
        except (ValueError, RecursionError) as error:
            found = {"problem": str(error)[:400] or type(error).__name__}
        return json.dumps({**found, "version": MODEL_VERSION}, allow_nan=False, separators=(",", ":"))

    return answer


@_answering
def begin(request: str) -> None:
    """Start on a file. With "against", the file finished last is the training set that this one must not overlap."""
    global _reader, _finished, _found
    asked = asked_in(request)
    _reader = examine.Reader(
        name=text_of(asked, "name")[:LONGEST_NAME],
        kind=text_of(asked, "kind"),
        sequence_tokens=_tokens(text_of(asked, "sequence_tokens")),
        tokens=text_of(asked, "tokens") or "estimate",
        tokenizer=TOKENIZER,
        against=_finished if asked.get("against") else None,
    )
    _finished, _found = (_finished if asked.get("against") else None), {}


@_answering
def feed(chunk: Any) -> None:
    """The next bytes of the file."""
    _open().feed(bytes(chunk))


def texts() -> bytes:
    """Texts whose tokens wait to be counted, as a JSON list in ASCII; nothing when none do.

    Bytes, because they are handed on whole to the one who counts: strings would lie here until they are collected.
    """
    found = _open().take_texts(TEXTS_AT_ONCE)
    return json.dumps(found).encode("ascii") if found else b""


def counts(request: str) -> None:
    """Their counts, a JSON list in the same order."""
    _open().give_counts(json.loads(request))


@_answering
def look() -> Mapping[str, Any]:
    """What is known by now."""
    return _told(_open().snapshot())


@_answering
def last() -> None:
    """Read what stands after the last line end."""
    _open().end()


@_answering
def end(request: str) -> Mapping[str, Any]:
    """What was found, with the fields that it fills."""
    global _reader, _finished, _found
    asked, reader = asked_in(request), _open()
    _found = reader.finish()
    _reader, _finished = None, reader
    return _told(_found, stopped=asked.get("stopped") is True)


@_answering
def evidence(request: str) -> Mapping[str, Any]:
    """The fields that the reader's test results fill, once each variant is said to be an option or to be left out."""
    asked = asked_in(request)
    ways = {str(name): str(way) for name, way in asked.get("ways", {}).items() if way}
    sizes = {str(name): parse(text, COUNT) for name, text in asked.get("sizes", {}).items() if text}
    fields = examine.evidence(_found, ways, sizes)
    return {"fields": fields, "fills": fills(fields)}


@_answering
def bad_run(request: str) -> Mapping[str, Any]:
    """What a run that did not help looks like, from its log and the two scores."""
    asked = asked_in(request)
    return {"html": render_bad_run({name: text_of(asked, name) for name in ("log", *SCORES)})}


def render_bad_run(given: Mapping[str, str]) -> str:
    """The HTML of a diagnosis from a log and SCORES. Raises ValueError for scores that are none."""
    log = given["log"]
    if len(log) > LONGEST_LOG:
        raise ValueError(f"A log must be at most {LONGEST_LOG:,} characters; given: {len(log):,}.")
    scores: dict[str, Any] = {name: _score(label, given[name]) for name, label in SCORES.items()}
    return render(examine.after_a_bad_run(log, **scores))


def _score(label: str, text: str) -> tuple[int, int] | None:
    """ "160 of 200" as right answers and items; None for nothing."""
    if not text.strip():
        return None
    parts = text.replace("/", " of ").split(" of ")
    try:
        right, items = (round(parse(part, COUNT)) for part in parts)
    except ValueError:
        right, items = 1, 0
    if not 0 <= right <= items or not items:
        raise ValueError(f"{label}: must be right answers of items, like 160 of 200; given: {text[:40]!r}.")
    return right, items


def _open() -> examine.Reader:
    if _reader is None:
        raise ValueError("No file is being read.")
    return _reader


def _tokens(text: str) -> int:
    """The reader's longest sequence; the usual one where the field is empty, a range or wrong."""
    try:
        return max(1, round(parse(text, TOKENS)))
    except (ValueError, OverflowError):
        return examine.SEQUENCE_TOKENS


def _told(tree: Tree, *, stopped: bool = False) -> dict[str, Any]:
    fields = tree["fields"] if tree["done"] else {}
    return {
        "html": render(tree, stopped=stopped),
        "kind": tree["kind"],
        "headline": tree["headline"],
        "fields": fields,
        "fills": fills(fields),
    }


def render(tree: Tree, *, stopped: bool = False) -> str:
    """The HTML of what was found. stopped: the reader did not wait for the end."""
    what = ", ".join(filter(None, (tree["format"], tree["container"])))
    size = f"{tree['bytes']:,} bytes" if tree["bytes"] else ""
    read = "read until you stopped it" if stopped else ""
    source = " · ".join(filter(None, (tree["name"], what, size, read))) if what else ""
    warnings = "".join(_warning(found) for found in tree["warnings"])
    return (
        f'<p class="calc-found-headline">{escape(tree["headline"])}</p>'
        + (f'<p class="calc-caption calc-found-source">{escape(source)}</p>' if source else "")
        + (f'<ul class="calc-found-warnings">{warnings}</ul>' if warnings else "")
        + f'<div class="calc-found-parts">{"".join(_section(found) for found in tree["sections"])}</div>'
        + _choices(tree.get("choices", ()))
    )


def fills(fields: Mapping[str, str]) -> list[str]:
    """What each field would hold, in words: "Labelled examples you have: 200000"."""
    specs = {name: spec for one in catalog.names() for name, spec in fields_of(catalog.decision(one).Inputs).items()}
    return [f"{specs[name].label if name in specs else name}: {text}" for name, text in fields.items()]


def _warning(found: Tree) -> str:
    lines = found["lines"]
    where = ""
    if lines:
        named = ", ".join(f"{line:,}" for line in lines)
        more = " and more" if found["count"] > len(lines) else ""
        where = f" Line{'s' if len(lines) > 1 else ''} {named}{more}."
    return f"<li>{escape(found['message'] + where)}</li>"


def _suspect(found: Tree) -> str:
    shows = found["evidence"][:1].upper() + found["evidence"][1:]
    return (
        f'<div class="calc-note"><h3>{escape(found["title"])}</h3><p>{escape(shows)}</p>'
        f"<p><strong>Cheapest check</strong> {escape(found['check'])}</p>"
        f"<p><strong>What not to try</strong> {escape(found['not'])}</p></div>"
    )


def _section(found: Tree) -> str:
    title, note = found["title"], found["note"]
    picture = render_exhibit(_picture(title, note, found["picture"])) if found["picture"] else ""
    rows = "".join(
        f'<div class="calc-tile"><dt>{escape(row["label"])}</dt>'
        f'<dd class="calc-figure">{escape(row["text"])}</dd></div>'
        for row in found["rows"]
    )
    tiles = f'<dl class="calc-tiles">{rows}</dl>' if rows else ""
    table = render_table(found["table"]["columns"], found["table"]["rows"]) if found["table"] else ""
    if found["key"] in FOLDED and not picture:
        said = f'<p class="calc-caption">{escape(note)}</p>' if note else ""
        return f"<details><summary>{escape(title)}</summary>{said}{tiles}{table}</details>"
    suspects = "".join(_suspect(one) for one in found.get("suspects", ()))
    head = "" if picture else f"<h3>{escape(title)}</h3>"
    said = f'<p class="calc-caption">{escape(note)}</p>' if note and not picture else ""
    return f'<div class="calc-section">{head}{said}{picture}{tiles}{table}{suspects}</div>'


def _picture(title: str, note: str, found: Tree) -> Exhibit | Histogram:
    """A tree's picture as one that the charts draw."""
    note = note or f"{found['x']}, against {found['y'].lower()}." if "y" in found else note
    about: dict[str, Any] = {
        "title": title, "description": note, "x_label": found["x"], "y_label": found.get("y", ""), "x_unit": COUNT,
    }  # fmt: skip
    if found["kind"] == "histogram":
        end = max((high for _, high, _ in found["bins"]), default=0.0)
        return Histogram(
            **about,
            bins=tuple((low, high, count) for low, high, count in found["bins"]),
            marks=tuple(Mark(label=mark["label"], x=mark["at"]) for mark in found["marks"] if mark["at"] <= FAR * end),
            x_log=found["scale"] == "log",
        )
    if found["kind"] == "intervals":
        unit: Unit = SHARE if found["scale"] == "share" else COUNT
        bars = tuple(
            Bar(
                label=row["label"],
                segments=(Segment(label=found["x"], value=row["value"]),),
                low=row["low"],
                high=row["high"],
            )
            for row in found["rows"]
        )
        return Bars(title=title, description=note, unit=unit, bars=bars)
    lines = tuple(Line(label=one["label"], points=tuple((x, y) for x, y in one["points"])) for one in found["series"])
    return Curves(**about, y_unit=COUNT, lines=lines)


def _choices(found: Any) -> str:
    """Which option each variant of the test results is: only the reader knows."""
    rows = []
    for index, choice in enumerate(choice for choice in found if choice["is_share"]):
        size = choice["size"]
        options = "".join(
            f'<option value="{escape(key)}"{" selected" if key == choice["guess"] else ""}>{escape(words)}</option>'
            for key, words in {"": "leave it out", **examine.EVIDENCE}.items()
        )
        name = escape(choice["variant"])
        rows.append(
            f'<div class="calc-choice"><div class="calc-field calc-field-wide">'
            f'<label for="calc-way-{index}">{name} is</label>'
            f'<select id="calc-way-{index}" data-way="{name}">{options}</select></div>'
            f'<div class="calc-field calc-field-wide"><label for="calc-size-{index}">trained on examples</label>'
            f'<input id="calc-size-{index}" type="text" inputmode="numeric" data-size="{name}" '
            f'value="{"" if size is None else f"{size:.0f}"}"></div></div>'
        )
    if not rows:
        return ""
    return f'<div class="calc-section"><h3>Which is which?</h3>{"".join(rows)}</div>'
