"""All that JavaScript calls: one function, JSON in, JSON out.

Request: {"decision": name, "given": {field: text}, "preset": name, "stage": 0 to 2, "form": one of FORMS, "v":
the version of the link, "site": the address for links, "day": for a brief}.
Response: {"decision", "stage", "more", "problems", "ignored", "notices", "given", "query", "version"} and, when there
are no problems, "sections" (HTML by section), or what the form is called.

"want" asks for something else with the same fields: "sweep" (with "field"), "map" (with "field" and "up"; one row a
stage, the picture with the last), "questions" (with "pages", addresses by the decisions to be asked the same) or
"compare" (with "other" and "other_preset", a second situation, and "names", what to call the two). The answer is "html"
then. "import" reads "text", a file of a situation, and needs no decision: the
answer is "preset", "fields", "ignored" and "file_problems", each with its line.

A page asks for stage 0, the point result; "more" names the next stage to ask for with the same request, or is null.
What is behind folds comes with the last stage, so that nothing that is read at once waits for it; the other forms are
whole at each stage. A later stage leaves out the sections that are as the stage before sent them.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any
from urllib.parse import quote

from calculator import MODEL_VERSION, catalog, engine, explore, links, presets
from calculator.faces import agreement, brief, exchange, questions, report, view

STAGES = 3
FORMS = ("html", "json", "csv", "markdown", "brief", "brief_markdown")
LONGEST_REQUEST = 400_000

SPREAD = re.compile("calc-(?:doubt|shares|holds|range|overall)")
"""What a page keeps from the answer before while only the point is known: a section with it is sent again."""

MOST_BEGUN = 4

_OF_SPREAD = ("spread", "shares", "alone", "doubts", "value_of_knowing_usd")
_OF_FLIPS = ("flips", "steady", "sensitivity")
"""What a report has from the second stage on, and from the third."""


@dataclass
class _Begun:
    """What the stages of one request share: the overall answer, the sections as sent, the rows of a map."""

    overall: str | None = None
    sent: dict[str, str] = field(default_factory=dict)
    rows: list[tuple[float, tuple[explore.Point, ...]]] = field(default_factory=list)


_begun: dict[str, _Begun] = {}
"""By the request without its stage: stages of several requests come in any order."""

_last: tuple[str, engine.Report] | None = None


def forget() -> None:
    """Let go of all that is kept of the requests so far, as if none had come yet."""
    from calculator.decisions import fine_tune_or_not

    global _last
    _last = None
    _begun.clear()
    engine.forget()
    fine_tune_or_not.forget()


def answer(request: str) -> str:
    """The response to one request. Bad requests give problems, never exceptions."""
    try:
        response = _answer(request)
    except (ValueError, RecursionError) as error:
        problem = {"field": "request", "message": str(error)[:300], "given": ""}
        response = {"problems": [problem], "more": None, "version": MODEL_VERSION}
    text = json.dumps(response, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # JSON can name half of a surrogate pair, which no encoding of text can hold.
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _answer(request: str) -> dict[str, Any]:
    if len(request) > LONGEST_REQUEST:
        raise ValueError(f"a request must be at most {LONGEST_REQUEST:,} characters; given: {len(request):,}")
    asked = asked_in(request)
    if asked.get("want") == "import":
        return _imported(text_of(asked, "text"))
    name = text_of(asked, "decision")
    decision = catalog.decision(name)
    given, ignored = merge(name, asked.get("given"), text_of(asked, "preset"))
    stage = asked.get("stage", 0)
    last = explore.MAP_POINTS if asked.get("want") == "map" else STAGES
    if stage not in range(last) or isinstance(stage, bool):
        raise ValueError(f"stage must be 0 to {last - 1}; given: {str(stage)[:20]}")
    form = text_of(asked, "form") or "html"
    if form not in FORMS:
        raise ValueError(f"form must be one of {', '.join(FORMS)}; given: {form[:20]!r}")
    reading = engine.read(decision, given)
    response: dict[str, Any] = {
        "decision": name,
        "stage": stage,
        "more": None,
        "problems": list(map(asdict, reading.problems)),
        "ignored": ignored,
        "notices": list(links.changed_since(text_of(asked, "v"))),
        "given": dict(reading.given),
        "query": "",
        "version": MODEL_VERSION,
    }
    if reading.problems:
        return response
    start = start_of(name, text_of(asked, "preset"))
    changed = report.changed_fields(decision, reading, start)
    response["query"] = links.query(changed, start)
    want = text_of(asked, "want") or "report"
    if want != "report":
        response.update(_wanted(want, name, reading, asked, stage))
        return response
    built = _report(name, reading, stage, whole=form != "html" or stage == STAGES - 1)
    if built.holds is not None:
        said = links.seen(built.holds, str(built.verdict.answer), built.verdict.next_step)
        response["query"] = links.query(changed, start, said)
    if form == "json":
        response["json"] = report.as_json(built)
    elif form == "csv":
        response["csv"] = report.as_csv(built, text_of(asked, "site"), start)
    elif form == "markdown":
        response["markdown"] = report.as_markdown(built, quote(text_of(asked, "site"), safe="/:"), start)
    elif form != "html":
        site, day = quote(text_of(asked, "site"), safe="/:"), text_of(asked, "day")[:40]
        written = brief.brief_of(built, start, site, day)
        response[form] = brief.as_page(written) if form == "brief" else brief.as_markdown(written)
    else:
        begun = _stages_of(asked, stage)
        if begun.overall is None and stage:
            whole = whole_situation(asked.get("given"), text_of(asked, "preset"))
            begun.overall = agreement.words(built, whole)
        overall = agreement.waiting(built) if begun.overall is None else begun.overall
        sections = view.sections(built, overall, behind=stage == STAGES - 1)
        if built.flips is not None:
            sections["brief"] = brief.as_fragment(brief.brief_of(built, start))
        response["sections"] = {
            part: html
            for part, html in sections.items()
            if html != begun.sent.get(part) or (stage == 1 and SPREAD.search(html))
        }
        begun.sent = sections
    response["more"] = stage + 1 if stage + 1 < STAGES else None
    return response


def _imported(text: str) -> dict[str, Any]:
    found = exchange.read_file(text)
    return {
        "problems": [],
        "more": None,
        "preset": found.preset,
        "fields": dict(found.fields),
        "ignored": list(found.ignored),
        "file_problems": [asdict(problem) for problem in found.problems],
        "version": MODEL_VERSION,
    }


def _wanted(want: str, name: str, reading: engine.Reading, asked: Mapping[str, Any], stage: int) -> dict[str, Any]:
    """The HTML of a sweep, a map, a section's questions or a comparison."""
    decision = catalog.decision(name)
    if want == "sweep":
        found = explore.sweep(decision, reading, text_of(asked, "field"))
        curve, *rest = explore.sweep_exhibits(decision, found)
        return {"html": view.render_exhibit(curve) + "".join(map(view.folded, rest))}
    if want == "map":
        across, up = text_of(asked, "field"), text_of(asked, "up")
        made = _stages_of(asked, stage).rows
        made[stage:] = [explore.map_row(decision, reading, across, up, row) for row in range(len(made), stage + 1)]
        rows = explore.rows_of_map(decision, reading, up)
        if stage + 1 < rows:
            return {"more": stage + 1, "done": (stage + 1) / rows}
        return {"html": view.render_exhibit(explore.map_exhibit(decision, reading, across, up, tuple(made)))}
    if want == "questions":
        pages = asked.get("pages")
        if not isinstance(pages, Mapping) or not all(isinstance(page, str) for page in pages.values()):
            raise ValueError(f"pages must be an object of addresses; given: {str(pages)[:40]}")
        whole = whole_situation(asked.get("given"), text_of(asked, "preset"))
        return {"html": questions.render(pages, whole)}
    if want == "compare":
        fields, _ = merge(name, asked.get("other"), text_of(asked, "other_preset"))
        other = engine.read(decision, fields)
        if other.inputs is None:
            return {"problems": list(map(asdict, other.problems))}
        first, second = (engine.add_spread(engine.evaluate_point(name, decision, r)) for r in (reading, other))
        names = asked.get("names", ["First", "Second"])
        if not isinstance(names, list) or [type(said) for said in names] != [str, str]:
            raise ValueError(f"names must be two texts; given: {str(names)[:40]}")
        found_names = (names[0][:60] or "First", names[1][:60] or "Second")
        return {"html": view.render_comparison(first, second, explore.compare(decision, reading, other), found_names)}
    raise ValueError(f"want must be report, sweep, map, questions, compare or import; given: {want[:20]!r}")


def _stages_of(asked: Mapping[str, Any], stage: int) -> _Begun:
    """What this request's earlier stages left: nothing for its first one, or when another worker was asked for them."""
    key = json.dumps({**asked, "stage": 0}, sort_keys=True)
    found = _begun.pop(key, None)
    if found is None or stage == 0:
        found = _Begun()
    _begun[key] = found
    while len(_begun) > MOST_BEGUN:
        del _begun[next(iter(_begun))]
    return found


def whole_situation(given: object, preset: str) -> dict[str, object]:
    """A preset's fields with those given over them, under the names they have now."""
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise ValueError("given must be an object of fields")
    return {**(presets.preset(preset).situation if preset else {}), **links.current_names(given)}


@cache
def start_of(name: str, preset: str) -> links.Start:
    """What a decision starts from with this preset: its fields as the decision reads them; typical values for none."""
    if not preset:
        return links.Start()
    given, _ = merge(name, {}, preset)
    reading = engine.read(catalog.decision(name), given)
    return links.Start(name=preset, title=presets.preset(preset).title, given=reading.given)


def merge(name: str, given: object, preset: str) -> tuple[dict[str, object], list[str]]:
    """The fields a decision gets from a preset and from what was given, and the names that no decision knows.

    Fields of other decisions are part of the reader's situation: they are left out here without a word. So is what
    another page offers in a list of the same name and this one does not, such as a device that it can't train on.
    """
    known = catalog.known_fields()
    fields = whole_situation(given, preset)
    ignored = sorted(str(field)[:60] for field in fields if field not in known)
    return catalog.own_part(name, fields), ignored[:20]


def _report(name: str, reading: engine.Reading, stage: int, *, whole: bool) -> engine.Report:
    """The report of a stage, with all exhibits if it is to be whole.

    The stage before is kept, so that a page's three requests do the work of one.
    """
    global _last
    key = json.dumps([name, *sorted(reading.given.items())])
    decision = catalog.decision(name)
    built = _last[1] if _last is not None and _last[0] == key else engine.evaluate_first(name, decision, reading)
    if stage >= 1 and built.spread is None:
        built = engine.add_spread(built)
    if stage >= 2 and built.flips is None:
        built = engine.add_flips(built)
    _last = (key, built)
    later: dict[str, Any] = dict.fromkeys((_OF_SPREAD if stage < 1 else ()) + (_OF_FLIPS if stage < 2 else ()))
    return replace(engine.add_exhibits(built) if whole else built, **later)


def asked_in(request: str) -> Mapping[str, Any]:
    """What a request says. ValueError for one that is no JSON object."""
    asked = json.loads(request)
    if not isinstance(asked, dict):
        raise ValueError("a request must be a JSON object")
    return asked


def text_of(asked: Mapping[str, Any], key: str) -> str:
    """A text of a request, empty where it is not given. ValueError for anything else."""
    value = asked.get(key, "")
    if not isinstance(value, str):
        raise ValueError(f"{key} must be a text; given: {str(value)[:40]}")
    return value
