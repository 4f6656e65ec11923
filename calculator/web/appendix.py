"""The parts of pages that are made from data: assumptions, evidence, comparisons, our error. Native only.

Each function gives HTML. A table carries what a reader filters by in `data-` attributes; without scripts it is whole.
"""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import cache
from itertools import zip_longest
from math import isfinite
from pathlib import Path
from typing import Any, assert_never

from calculator import catalog
from calculator.cases import OPTIONS, TASK_TYPES, Case, cases, nearest
from calculator.catalogs import api_prices, rents, sources, tuning_services
from calculator.catalogs.market import ApiPrice
from calculator.catalogs.rows import read_rows
from calculator.exhibit import Curves, Line, Mark
from calculator.faces import chart, view
from calculator.faces.chart import escape
from calculator.facts import evidence
from calculator.facts.assumptions import Assumption, assumptions, counted
from calculator.facts.evidence import Card
from calculator.fields import Ask, Assume, Field, Flag, Paste, Pick, assumptions_of, fields_of
from calculator.units import POINTS, SHARE, USD
from calculator.web import examples, glossary

DIRECTION_WORDS = {
    "supports": "Supports the claim",
    "limits": "Limits the claim",
    "contradicts": "Contradicts the claim",
}
DOCS = Path(__file__).resolve().parents[2] / "docs"
_FENCE = re.compile(r"^```calculator\n(\w+)$", re.MULTILINE)


@cache
def pages() -> Mapping[str, str]:
    """The page of each decision under docs/: the one with its fence. Start pages and the reference only repeat."""
    found: dict[str, str] = {}
    for path in sorted(DOCS.rglob("*.md")):
        where = path.relative_to(DOCS).as_posix()
        if path.name != "index.md" and not where.startswith("reference/"):
            found |= dict.fromkeys(_FENCE.findall(path.read_text("utf-8")), where)
    return found


_OPEN_CARDS = 3
"""Cards that stand in the open; the strongest of each side come first."""


def ours(what: str) -> str:
    """A figure to believe us by, as text: comparisons, assumptions, or our error: training-memory, training-throughput.

    An error is the median over sources of what each showed before anything was learnt from it. ValueError for another.
    """
    if what == "comparisons":
        return f"{len(cases()):,}"
    if what == "assumptions":
        return f"{len(assumptions()):,}"
    from calculator.evaluation import contact

    found = {name: expected for (name, _), expected in contact.expected().items() if name.startswith("training-")}
    if what not in found:
        raise ValueError(f"ours must be one of: comparisons, assumptions, {', '.join(found)}; given: {what[:60]!r}")
    return SHARE.show(round(found[what].median_error, 2))


def render(what: str, source: str) -> str:
    """The HTML of a fence. ValueError for a fence or an argument that does not exist."""
    argument = source.strip()
    whole = {"sources": sources_table, "glossary": fields_table, "published": cases_table, "evidence": evidence_index}
    part = {
        "evidence": evidence_cards, "example": examples.render, "glossary": glossary.render, "prices": prices_table,
        "validation": _validation,
    }  # fmt: skip
    if argument == "all" and what in whole:
        return whole[what]()
    if what in part:
        return part[what](argument)
    if argument != "all":
        raise ValueError(f"write all in a {what} fence; given: {argument[:60]!r}")
    raise ValueError(f"fence must be one of: {', '.join(sorted({*whole, *part}))}; given: {what!r}")


def _validation(argument: str) -> str:
    # Every estimator comes with it, which a page of another kind need not wait for.
    from calculator.evaluation import page

    return page.render(argument)


def evidence_cards(topic: str) -> str:
    """The cards of one topic: three in the open, then what supports its claim beside what limits it. ValueError when
    unknown."""
    if topic not in evidence.TOPICS:
        raise ValueError(f"topic must be one of: {', '.join(evidence.TOPICS)}; given: {topic[:60]!r}")
    found = evidence.cards(topic)
    sides: dict[str, list[Card]] = {}
    for title, wanted in (("What supports the claim", ("supports",)), ("What limits it", ("contradicts", "limits"))):
        chosen = [card for card in found if card.direction(topic) in wanted]
        chosen.sort(key=lambda card: (wanted.index(card.direction(topic)), evidence.STRENGTHS.index(card.strength)))
        sides[title] = chosen
    # The best of each side first, then the next best of each.
    turns = [card for pair in zip_longest(*sides.values()) for card in pair if card is not None]
    opened = turns[:_OPEN_CARDS]
    html = f'<div class="evidence evidence-open">{"".join(_card(card, card.direction(topic)) for card in opened)}</div>'
    columns = []
    for title, cards in sides.items():
        if rest := [card for card in cards if card not in opened]:
            body = "".join(_card(card, card.direction(topic)) for card in rest)
            columns.append(f'<div class="evidence-side"><h3>{title}</h3>{body}</div>')
    if columns:
        more = f"<summary>{len(turns) - len(opened)} more findings, for and against</summary>"
        html += f'<details class="evidence-more">{more}<div class="evidence">{"".join(columns)}</div></details>'
    return html


def evidence_index() -> str:
    """Every card once, with the topics it bears on."""
    return _table_of("findings", evidence.cards(), {
        "Finding": lambda card: f'<p class="evidence-finding">{escape(card.finding)}</p>{_details(card)}',
        "Bears on": lambda card: escape(
            ", ".join(f"{_question(topic)} ({direction})" for topic, direction in card.bears_on.items())
        ),
        "Strength": lambda card: escape(card.strength),
        "Year": lambda card: str(card.as_of.year),
    })  # fmt: skip


def _question(topic: str) -> str:
    return catalog.decision(topic).question if topic in catalog.names() else topic.replace("_", " ")


def _card(card: Card, direction: str) -> str:
    numbers = "".join(f"<li>{escape(number)}</li>" for number in card.numbers)
    return (
        f'<article class="evidence-card" data-direction="{direction}">'
        f'<p class="evidence-tags"><span>{DIRECTION_WORDS[direction]}</span> '
        f"<span>{escape(card.strength)} evidence</span></p>"
        f'<p class="evidence-finding">{escape(card.finding)}</p><ul>{numbers}</ul>'
        f'<p class="evidence-applies"><strong>Applies when</strong> {escape(card.applies_when)}.</p>'
        f"{_details(card)}</article>"
    )


def _details(card: Card) -> str:
    checked = f"{card.status} on {card.checked}" if card.checked else card.status
    return (
        f"<details><summary>{escape(card.title)}, {card.as_of.year}</summary><p>{escape(card.setting)}. "
        f"Size: {escape(card.study_size)}. {escape(card.strength.capitalize())}: {escape(card.why)}.</p>"
        f'<p>{escape(card.authors)}. <a href="{escape(card.url)}">{escape(card.venue)}</a>, {card.as_of} '
        f"({checked}).</p>"
        "</details>"
    )


def sources_table() -> str:
    """Every assumption: value, range, who says so, how old, and which pages use it."""
    users, entries = _users(), sorted(assumptions().items(), key=lambda pair: pair[1].label)
    table = _table_of("sources", entries, {
        "Assumption": lambda one: f'<span id="{one[0]}">{escape(one[1].label)}</span><br><code>{one[0]}</code>',
        "Value and range": lambda one: f"{escape(one[1].unit.show(one[1].value))}<br>{escape(_span(one[1]))}",
        "Source, and its words": lambda one: _said_by(one[1]),
        "As of, checked": lambda one: f"{_day(one[1].as_of)}<br>{_checked(one[1].checked)}",
        "Used by": lambda one: ", ".join(map(_link, users[one[0]])),
    })  # fmt: skip
    return f"<p>{len(entries)} numbers: {counted(assumptions().values())}.</p>{table}"


def prices_table(what: str) -> str:
    """One of the catalogues of what is sold: api, rents or services. ValueError for another."""
    if what == "api":
        makers = {row["maker"]: row["url"] for row in read_rows("api_makers.csv")}
        return _table_of("api", api_prices(), {
            "Model": lambda price: (
                f'<a href="{escape(makers[price.maker])}">{escape(price.maker)}</a> {escape(price.model)}'
            ),
            "For": lambda price: escape(_holds_for(price)),
            "Input": lambda price: _usd(price.input_usd_per_mtok),
            "Cached": lambda price: _usd(price.cached_input_usd_per_mtok),
            "Written to the cache": lambda price: _usd(price.cache_write_usd_per_mtok),
            "Output": lambda price: _usd(price.output_usd_per_mtok),
            "Batch": lambda price: "" if price.batch_share is None else SHARE.show(price.batch_share),
            "Until": lambda price: _day(price.until),
        })  # fmt: skip
    if what == "rents":
        return _table_of("rents", rents(), {
            "Device": lambda offer: escape(offer.device),
            "Provider": lambda offer: escape(offer.provider),
            "An hour": lambda offer: _usd(offer.usd_per_hour),
            "Rented": lambda offer: "spot" if offer.spot else "on demand",
            "Prices of": lambda offer: _day(offer.as_of) or "undated",
            "Source": lambda offer: _source_of(offer.source, offer.note),
        })  # fmt: skip
    if what == "services":
        kinds = ("supervised", "preference", "reinforcement")
        return _table_of("services", tuning_services(), {
            "Service": lambda service: escape(service.provider),
            "Models": lambda service: escape(service.models),
            "Trains": lambda service: ", ".join(kind for kind in kinds if getattr(service, kind)),
            "Price": lambda service: "" if service.usd is None else f"{_usd(service.usd)} a {escape(service.unit)}",
            "At least": lambda service: _usd(service.minimum_usd),
            "Weights": lambda service: {"yes": "can be taken along", "no": "stay there"}.get(service.weights_out, ""),
            "Ends": lambda service: _day(service.closes),
            "As of": lambda service: _day(service.as_of),
            "Source": lambda service: _source_of(service.source, service.note),
        })  # fmt: skip
    raise ValueError(f"write api, rents or services in a prices fence; given: {what[:60]!r}")


def _holds_for(price: ApiPrice) -> str:
    parts = [f"prompts above {price.above_tokens:,} tokens"] if price.above_tokens else []
    parts += [price.hours] if price.hours else []
    parts += [f"from {price.since}"] if price.since else []
    parts += [f"{price.tokens_ratio:g} tokens where others make one"] if price.tokens_ratio != 1 else []
    return "; ".join(parts)


def _usd(value: float | None) -> str:
    return "" if value is None else USD.show(value)


def _source_of(key: str, note: str) -> str:
    source = sources()[key]
    linked = f'<a href="{escape(source.where)}">{escape(source.title)}</a>'
    return f"{linked}<br><small>{escape(note)}</small>" if note else linked


def fields_table() -> str:
    """Every field of every form: what it asks, in what unit, and where."""
    found: dict[str, tuple[Field, list[str]]] = {}
    for name in catalog.names():
        for field, spec in fields_of(catalog.decision(name).Inputs).items():
            found.setdefault(field, (spec, []))[1].append(name)
    return _table_of("fields", sorted(found.items(), key=lambda pair: pair[1][0].label), {
        "Field": lambda one: f'<span id="{one[0]}">{escape(one[1][0].label)}</span><br><code>{one[0]}</code>',
        "What it asks": lambda one: escape(one[1][0].hint),
        "In": lambda one: escape(_in_what(one[1][0])),
        "Pages": lambda one: ", ".join(map(_link, one[1][1])),
    })  # fmt: skip


def _in_what(spec: Field) -> str:
    """The unit of a field, or what it is if it is no number."""
    match spec:
        case Ask() | Assume():
            return spec.unit.name
        case Pick():
            return "one of a list"
        case Flag():
            return "yes or no"
        case Paste():
            return "text"
        case _:
            assert_never(spec)


def _said_by(entry: Assumption) -> str:
    """The source of a number with its words and its address; for one of ours, that it is, and what is near it."""
    words = f"<q>{escape(entry.quote)}</q>"
    if entry.kind in ("ours", "computed"):
        near = f'<a href="{escape(entry.url)}">What comes near it</a>' if entry.kind == "ours" else ""
        return f"<strong>Ours.</strong> {escape(entry.source)}<br>{words} {near}".rstrip()
    return f'<a href="{escape(entry.url)}">{escape(entry.source)}</a><br>{words}'


def _link(name: str) -> str:
    """A link from docs/evidence/sources to a decision's page, as the site serves it; its name where it has none."""
    words = escape(name.replace("_", " "))
    if name not in pages():
        return words
    # MkDocs leaves a link in HTML as it is. Zensical takes it for one from the Markdown file, and turns it into this.
    root = "../" if "zensical" in sys.modules else "../../"
    return f'<a href="{root}{pages()[name].removesuffix(".md")}/">{words}</a>'


def _users() -> dict[str, list[str]]:
    users: dict[str, list[str]] = {key: [] for key in assumptions()}
    for name in catalog.names():
        for entry in assumptions_of(catalog.decision(name).Inputs).values():
            users[entry.key].append(name)
    return users


def _span(entry: Assumption) -> str:
    if not (isfinite(entry.low) and isfinite(entry.high)) or entry.low == entry.high:
        return "no range"
    return entry.unit.show_range(entry.low, entry.high)


def _checked(day: date | None) -> str:
    return f"checked {_day(day)}" if day else "not checked at source"


def _day(day: date | str) -> str:
    return f"<time>{day}</time>" if day else ""


def cases_table() -> str:
    """Every published comparison, with what a reader filters by; `page.js` adds the filters."""
    listed = sorted(cases(), key=lambda case: (case.situation.task_type or "", case.id))
    table = _table_of("cases", listed, {
        "Task": lambda case: (
            f"{escape(case.title)}<br>"
            f"<small>{escape(_task(case))}; {escape(case.situation.domain or 'general')}</small>"
        ),
        "Training examples": lambda case: (
            "–" if case.situation.n_train_examples is None else f"{case.situation.n_train_examples:,.0f}"
        ),
        "Scores as printed": lambda case: f"{_scores(case)}<br><small>{escape(case.metric)}</small>",
        "By how much": lambda case: escape(nearest.margin_words(case)),
        "Source": lambda case: (
            f"{_source(case)}<details><summary>Caveat</summary><p>{escape(case.caveat)}"
            f"{' <strong>Suspect: left out of all figures.</strong>' if case.suspect else ''}</p></details>"
        ),
    }, map(_filters, listed))  # fmt: skip
    return f'{_gains()}<div class="published" data-total="{len(listed)}">{table}</div>'


def _scores(case: Case) -> str:
    """The best score of each option, the winner's in bold."""
    shown = []
    for option, row in sorted(case.best.items(), key=lambda pair: -pair[1].score):
        words = f"{escape(OPTIONS[option])}: {row.score:g}"
        shown.append(f"<strong>{words}</strong>" if option == case.winner else words)
    return "<br>".join(shown)


_PROMPTED = ("as_is", "prompting", "few_shot")
_WINNERS = {
    "Training won": ("ft_small", "ft_large", "continued_pretraining"),
    "Retrieval with training won": ("ft_plus_rag",),
    "Retrieval won": ("rag",),
    "A prompt won": (*_PROMPTED, "slm_prompted"),
}


def _gains() -> str:
    """Every comparison as a dot: what the best prompt scored across, what the best of the rest had over it up."""
    groups: dict[str, list[tuple[float, float, Case]]] = {}
    for name, winners in _WINNERS.items():
        groups[name] = []
        for case in cases():
            prompted = [row.score for option, row in case.best.items() if option in _PROMPTED]
            others = [row.score for option, row in case.best.items() if option not in _PROMPTED]
            if case.winner in winners and case.top_score and prompted and others and not case.suspect:
                base = max(prompted) / case.top_score
                groups[name].append((base, 100 * (max(others) / case.top_score - base), case))
    picture = Curves(
        title="Gain over the best prompt, by what the prompt scored",
        description="Each dot is a published comparison on a scale with a top: what the best prompt scored across, and "
        "what the best of all else had over it up. Your place is marked once you have typed your accuracy on a page.",
        x_label="Best prompt",
        y_label="Gain",
        x_unit=SHARE,
        y_unit=POINTS,
        lines=tuple(
            Line(label=name, points=tuple((x, y) for x, y, _ in found), dots=True) for name, found in groups.items()
        ),
        marks=(Mark(label="no gain", y=0.0),),
    )
    rows, at = [], []
    for found, places in zip(groups.values(), chart.curve_places(picture), strict=True):
        for (x, y, case), place in zip(found, places, strict=True):
            rows.append((case.title, SHARE.show(x), POINTS.show(y), OPTIONS[case.winner]))
            at.append(place)
    ends = [x for found in groups.values() for x, _, _ in found]
    table = view.plain_table(("Comparison", "Best prompt", "Gain", "What won"), rows, at=at)
    drawing = view.legend(list(groups)) + chart.curves(picture)
    return (
        f'<div class="calculator-picture" data-field="prompted_accuracy_share" data-low="{min(ends):g}" '
        f'data-high="{max(ends):g}">{view.figure(picture.description, drawing, table)}</div>'
    )


def _task(case: Case) -> str:
    return TASK_TYPES.get(case.situation.task_type or "", "other")


def _source(case: Case) -> str:
    name = f"{escape(case.source)}"
    linked = f'<a href="{escape(case.url)}">{name}</a>' if case.url else name
    return f"{linked} ({case.situation.year:.0f})" if case.situation.year else linked


def _filters(case: Case) -> dict[str, str]:
    count = case.situation.n_train_examples
    size = (
        "not stated"
        if count is None
        else "under 200"
        if count < 200
        else "200 to 5,000"
        if count <= 5000
        else "over 5,000"
    )
    return {
        "task": _task(case),
        "domain": case.situation.domain or "general",
        "size": size,
        "winner": OPTIONS[case.winner],
    }


def _table_of(
    name: str,
    items: Iterable[Any],
    columns: Mapping[str, Callable[[Any], str]],
    data: Iterable[Mapping[str, str]] | None = None,
) -> str:
    """A table with a row for each item, by what stands in each column of it, as HTML; `published.css` has the widths of
    its columns, by its name. On a narrow screen its rows are cards, so a cell carries its heading."""
    headings = [escape(column) for column in columns]
    head = "".join(f'<th scope="col">{heading}</th>' for heading in headings)
    cells = ["<td>", *(f'<td data-head="{heading}">' for heading in headings[1:])]
    items = list(items)
    attributes = map(_attributes, data) if data is not None else [""] * len(items)
    body = "".join(
        f"<tr{attribute}>{''.join(f'{td}{show(item)}</td>' for td, show in zip(cells, columns.values(), strict=True))}"
        "</tr>"
        for item, attribute in zip(items, attributes, strict=True)
    )
    return (
        f'<div class="data-table data-table-{name}" tabindex="0" role="group" aria-label="Table">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _attributes(data: Mapping[str, str]) -> str:
    return "".join(f' data-{name}="{escape(value)}"' for name, value in data.items())
