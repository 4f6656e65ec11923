"""The Markdown fences: a calculator with its worked default, and a figure in prose. Only this imports pymdownx.

    ```calculator
    limited_compute
    preset = "small-business"
    ```

The first line names the decision; the rest is TOML: `preset`, `show` (the fields that stand in the open), `map` (two
fields for a map of the answer), `chips` (true: the situations as buttons above it), `pages` (the addresses of other
decisions' pages, by their names: the same is put to them), or values of fields, checked like a reader's. In prose,
`#!calc limited_compute:peak_gib preset=small-business` in backticks gives the number itself. Whatever is wrong fails
the build with the page and the line.
"""

import inspect
import json
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from pymdownx.highlight import Highlight
from pymdownx.inlinehilite import InlineHiliteException
from pymdownx.superfences import SuperFencesException

from calculator import MODEL_VERSION, catalog, engine, explore, presets
from calculator.faces import agreement, brief, browser, examined, questions, view
from calculator.faces.chart import escape
from calculator.fields import fields_of, outputs_of
from calculator.web import appendix, bundle, glossary

EXAMPLE = "A worked example. This site holds no runtime, so the numbers stay; the command line takes yours."
_OWN_KEYS = ("preset", "show", "map", "chips", "pages")
_FROM_A_FILE = frozenset({"labelled_examples", "test_items"})
"""Fields that a reader's own file fills: where one is asked for, a file may be dropped."""

OURS = "ours"
"""In place of a decision's name, for what is counted and measured here."""

LINKED = r"/[?&](?!(embed|fields|h|utm_\w+)\b)\w/.test(location.search)"
"""In a script: whether a link has numbers of its own."""

_FOLLOWED = f'<script>{LINKED}&&(document.currentScript.parentNode.dataset.pending="")</script>'
"""Run before the first paint: what a link asks is not the worked example's question, whose answer is then not shown."""

READY = "A worked example. It comes to life once the page's script has loaded."

_TEMPLATE = re.compile(r'<template id="([\w-]+)">(.*?)</template>')


@cache
def _templates() -> Mapping[str, str]:
    return dict(_TEMPLATE.findall(re.sub(r"\n *", "", Path(__file__).with_name("site.html").read_text("utf-8"))))


def _html(piece: str, /, **values: str) -> str:
    """A piece of site.html with these values, which are HTML by now, in it."""
    return _templates()[piece].format(**values)


def fence(
    source: str, language: str, css_class: str, options: Any, md: Any, *, worker: str | None = None, **_: Any
) -> str:
    """The HTML of one ```calculator fence. Raises SuperFencesException with "page.md:line: what is wrong".

    worker: the file name of the runtime's worker, empty for none; left out, that of this checkout's own site.
    """
    seen = getattr(md, "calculators", 0) + 1
    md.calculators = seen
    with _placed(md, "```calculator", source):
        return render(source, seen, worker, _root(md))


def bad_run(source: str, language: str, css_class: str, options: Any, md: Any, **_: Any) -> str:
    """The HTML of a ```bad-run fence: TOML with `log` and scores, looked at here and by the page later.

    Raises SuperFencesException like `fence`.
    """
    with _placed(md, "```bad-run", source):
        given = {**dict.fromkeys(("log", *examined.SCORES), ""), **tomllib.loads(source)}
        return _bad_run(given, _worker())


def _bad_run(given: Mapping[str, str], worker: str) -> str:
    scores = "".join(
        _html("score", name=name, label=label, value=escape(given[name])) for name, label in examined.SCORES.items()
    )
    found = examined.render_bad_run(given)
    return _html("bad-run", worker=worker, log=escape(given["log"]), scores=scores, found=found)


def data(source: str, language: str, css_class: str, options: Any, md: Any, **_: Any) -> str:
    """The HTML of an ```evidence, ```published or ```sources fence. Raises SuperFencesException like `fence`."""
    with _placed(md, f"```{language}", source):
        return appendix.render(language, source)


def figure(source: str, language: str, css_class: str, md: Any) -> str:
    """The text of one `#!calc …` in prose. Raises InlineHiliteException with "page.md:line: what is wrong"."""
    with _placed(md, "#!calc ", source, InlineHiliteException):
        # What is ours stays as it is beside whatever numbers; the worked example's figures step back.
        name = "calc-ours" if source.startswith(f"{OURS}:") else "calc-inline"
        return f'<span class="{name}">{escape(quantity(source))}</span>'


def quantity(source: str) -> str:
    """`NAME:WHAT field=value …` worked out. WHAT is an output, an output with `.range`, answer, headline or holds.

    With `ours` for NAME it is a figure of our own: see `appendix.ours`.
    """
    target, *pairs = shlex.split(source)
    name, _, what = target.partition(":")
    if name == OURS:
        return appendix.ours(what)
    given = dict(pair.split("=", 1) for pair in pairs)
    report = _report(name, given.pop("preset", ""), tuple(given.items()))
    if what in ("answer", "headline"):
        return str(getattr(report.verdict, what))
    if what == "holds":
        return f"{100 * (report.holds or 0):.0f}\u00a0%"
    output, _, part = what.partition(".")
    specs = outputs_of(report.decision.Outputs)
    if output not in specs or part not in ("", "range"):
        known = ", ".join(specs)
        raise ValueError(f"{what!r} is none of: answer, headline, holds, {known}, or one of these with .range")
    unit = specs[output].unit
    if part and report.spread is not None:
        return unit.show_range(report.spread[output].low, report.spread[output].high)
    return unit.show(getattr(report.outputs, output))


@cache
def _reading(name: str, preset: str, fields: tuple[tuple[str, object], ...] = ()) -> engine.Reading:
    given, _ = browser.merge(name, dict(fields), preset)
    # A field of another decision is part of a reader's situation, but on a page it is a slip.
    reading = engine.read(catalog.decision(name), {**given, **dict(fields)})
    if reading.problems:
        raise ValueError("; ".join(map(str, reading.problems)))
    return reading


@cache
def _report(name: str, preset: str, fields: tuple[tuple[str, object], ...]) -> engine.Report:
    """The report with its spread; a figure in prose needs no more."""
    return engine.add_spread(engine.evaluate_point(name, catalog.decision(name), _reading(name, preset, fields)))


def render(source: str, number: int = 1, worker: str | None = None, root: str | None = None) -> str:
    """A calculator's HTML from the text of its fence; `number` counts the calculators of a page.

    root: the way from the page to the top of this site, for links to the glossary; None on a site without one.
    """
    name, _, rest = source.strip().partition("\n")
    table = tomllib.loads(rest)
    preset = table.get("preset", "")
    fields = tuple(
        (key, tuple(value) if isinstance(value, list) else value)
        for key, value in table.items()
        if key not in _OWN_KEYS
    )
    report = engine.add_flips(_report(name.strip(), preset, fields))
    show = table.get("show", [])
    unknown = [field for field in show if field not in fields_of(report.decision.Inputs)]
    if unknown:
        raise ValueError(f"show names no field of {name}: {', '.join(unknown)}")
    mapped = table.get("map", [])
    if mapped and (len(mapped) != 2 or not set(mapped) <= set(explore.sweepable(report.decision))):
        raise ValueError(f"map must name two numeric fields of {name}; given: {mapped}")
    ident = name.strip().replace("_", "-") + (f"-{number}" if number > 1 else "")
    notes = {} if root is None else glossary.links(fields_of(report.decision.Inputs), root)
    form = view.render_form(report.name, report.decision, report.reading.given, ident, show, notes)
    chips = _chips(preset) if table.get("chips") else ""
    pages = table.get("pages", {})
    if unknown := [other for other in pages if other not in catalog.names()]:
        raise ValueError(f"pages names no decision: {', '.join(unknown)}")
    asked = _questions(pages, browser.whole_situation(dict(fields), preset)) if pages else ""
    return chips + _calculator(report, ident, preset, form, mapped, asked, _worker() if worker is None else worker)


def _questions(pages: Mapping[str, str], situation: Mapping[str, object]) -> str:
    """Where the page's script puts what the questions of a section come to, with the worked default."""
    data = escape(json.dumps(pages, separators=(",", ":")))
    return _html("questions", data=data, questions=questions.render(pages, situation))


def _calculator(
    report: engine.Report, ident: str, preset: str, form: str, mapped: list[str], asked: str, worker: str
) -> str:
    decision, state = report.decision, READY if worker else EXAMPLE
    overall = agreement.words(report, browser.whole_situation(dict(report.reading.given), preset))
    takes_file = _FROM_A_FILE.intersection(fields_of(decision.Inputs))
    return _html(
        "calculator", ident=ident, name=report.name, version=MODEL_VERSION, worker=worker, followed=_FOLLOWED,
        question=escape(decision.question), bar=_bar(report.name, ident, preset, state),
        entrance=_html("entrance") if takes_file else "", form=form,
        hide=_html("peek", ident=ident, action="hide", words="Done"),
        report=view.render_report(report, overall, asked + _html("actions")), brief=_brief(report, preset),
        map=_html("map", across=mapped[0], up=mapped[1]) if mapped else "", source=_source(report),
        show=_html("peek", ident=ident, action="show", words="Your numbers"),
        results=escape("; ".join(spec.label for spec in outputs_of(decision.Outputs).values())),
        asked=escape("; ".join(spec.label for spec in fields_of(decision.Inputs).values())),
    )  # fmt: skip


def _chips(preset: str) -> str:
    """The situations as buttons; the page's script fills the first calculator with the one that is pressed."""
    names = [("", "Typical values"), *((found.name, found.short) for found in presets.presets())]
    buttons = "".join(
        f'<button class="calc-button" type="button" data-preset="{name}" '
        f'aria-pressed="{"true" if name == preset else "false"}">{escape(words)}</button>'
        for name, words in names
    )
    named = 'role="group" aria-label="Situations to start from"'
    return f'<div class="calc-chips" {named} data-search-exclude>{buttons}</div>'


def _brief(report: engine.Report, preset: str) -> str:
    """What a browser prints of the page: one page for a meeting, not shown on the screen."""
    return brief.as_fragment(brief.brief_of(report, browser.start_of(report.name, preset)))


def _worker() -> str:
    """The runtime's worker; nothing where none was built, and the page then says that it stays as it is."""
    try:
        return bundle.worker_name()
    except bundle.BundleError:
        return ""


def _bar(name: str, ident: str, preset: str, state: str) -> str:
    options = ['<option value="">Typical values</option>']
    fields: dict[str, Mapping[str, str]] = {"": {}}
    for found in presets.presets():
        chosen = " selected" if found.name == preset else ""
        options.append(f'<option value="{found.name}"{chosen}>{escape(found.title)}</option>')
        fields[found.name] = _reading(name, found.name).given
    data = escape(json.dumps(fields, ensure_ascii=False, separators=(",", ":")))
    return _html("bar", ident=ident, data=data, options="".join(options), state=state)


def _source(report: engine.Report) -> str:
    """The Python that computed the result, as it stands in the repository."""
    functions = (report.decision.compute, report.decision.judge)
    code = "\n\n".join(inspect.getsource(function).rstrip() for function in functions)
    block = Highlight(None, use_pygments=True).highlight(code, "python", "highlight")
    return _html("source", code=block.replace("<code>", '<code tabindex="0">'), name=report.name)


@contextmanager
def _placed(md: Any, opening: str, source: str, kind: type[Exception] = SuperFencesException) -> Iterator[None]:
    """Whatever is wrong is said with the page and the line."""
    try:
        yield
    except Exception as error:
        raise kind(f"{_where(md, opening, source)}: {type(error).__name__}: {error}") from error


def _where(md: Any, opening: str, source: str) -> str:
    """ "page.md:line" of a fence, for MkDocs and for Zensical; "<string>" outside of both."""
    path, full = _page(md)
    if path is None or full is None:
        return "<string>"
    text = full.read_text("utf-8")
    at = text.find(f"{opening}\n{source}" if opening.startswith("```") else opening + source)
    return f"{path}:{text.count(chr(10), 0, at) + 1}" if at >= 0 else path


def _root(md: Any) -> str | None:
    """The way from a page of this site to its top, as links in HTML are written; None outside of it."""
    path, full = _page(md)
    if path is None or full is None or not full.is_relative_to(appendix.DOCS):
        return None
    deep = path.count("/")
    # MkDocs leaves a link in HTML as it is, and serves a page one deeper than its file. Zensical takes it for one from
    # the file.
    served = deep + (not path.endswith("index.md") and "relpath" in md.treeprocessors)
    return "../" * served


def _page(md: Any) -> tuple[str | None, Path | None]:
    if "relpath" in md.treeprocessors:
        file = md.treeprocessors["relpath"].file
        return file.src_uri, Path(file.abs_src_path)
    for processor in md.preprocessors:
        if type(processor).__name__ == "ContextPreprocessor":
            path, config = processor.page.path, processor.config
            return path, Path(config["root_dir"], config["docs_dir"], path)
    return None, None
