"""The parts of pages that are made from data, and the shell examples that are run when a page is built."""

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from calculator import catalog
from calculator.cases import cases
from calculator.catalogs import api_prices, rents, sources, tuning_services
from calculator.catalogs.training import frameworks
from calculator.facts import evidence
from calculator.facts.assumptions import assumptions, counted
from calculator.fields import Pick, fields_of
from calculator.llm.serving.engines import ENGINES
from calculator.web import appendix, examples, glossary, site

ROOT = Path(__file__).parent.parent
FENCES = ("evidence", "example", "glossary", "prices", "published", "sources", "validation")


def test_every_fence_is_registered_for_the_site():
    config = (ROOT / "mkdocs.yml").read_text("utf-8")
    for name in FENCES:
        keys = ("- name: ", "  class: ", "  format: !!python/name:calculator.web.site.data")
        registered = "\n        ".join((f"{keys[0]}{name}", f"{keys[1]}{name}", keys[2]))
        assert registered in config


@pytest.mark.parametrize(
    ("what", "source", "words"),
    [
        (
            "nonsense",
            "all",
            "fence must be one of: evidence, example, glossary, prices, published, .*; given: 'nonsense'",
        ),
        ("sources", "some", "write all in a sources fence; given: 'some'"),
        ("published", "", "write all in a published fence"),
        ("evidence", "nonsense", "topic must be one of: .*; given: 'nonsense'"),
        ("validation", "nonsense", "validation must be one of: summary, .*; given: 'nonsense'"),
        ("example", "ls", "an example must begin with python -m calculator; given: 'ls'"),
    ],
)
def test_a_fence_that_cannot_be_made_says_what_it_can_be(what, source, words):
    with pytest.raises(ValueError, match=words):
        appendix.render(what, source)


def test_every_assumption_stands_in_the_table_of_sources_with_its_source_and_its_users():
    html = appendix.render("sources", "all")
    for key, entry in assumptions().items():
        assert f'<span id="{key}">' in html
        assert appendix.escape(entry.source) in html
    assert html.count("<tr>") == len(assumptions()) + 1


def test_every_comparison_stands_in_its_table_with_what_a_reader_filters_by():
    html = appendix.render("published", "all")
    assert f'data-total="{len(cases())}"' in html
    for name in ("task", "domain", "size", "winner"):
        assert html.count(f" data-{name}=") == len(cases())


def test_every_card_stands_once_in_the_index():
    html = appendix.render("evidence", "all")
    assert html.count("<tr>") == len(evidence.cards()) + 1


@pytest.mark.parametrize("topic", evidence.TOPICS)
def test_a_topics_cards_stand_on_their_side(topic):
    html = appendix.render("evidence", topic)
    shown = [card for card in evidence.cards(topic) if card.direction(topic) in appendix.DIRECTION_WORDS]
    assert html.count("<article") == len(shown)


def test_the_page_of_a_decision_is_found_by_its_fence():
    assert set(appendix.pages()) == set(catalog.names())
    assert appendix.pages()["fine_tune_or_not"] == "decide.md"
    assert appendix.pages()["limited_compute"] == "do-not/limited-compute.md"


def test_a_decision_without_a_page_is_named_and_not_linked(monkeypatch):
    monkeypatch.setattr(appendix, "pages", dict)
    html = appendix.render("sources", "all")
    assert "../../" not in html
    assert "limited compute" in html


@pytest.mark.parametrize("what", ["evidence", "published", "sources"])
def test_no_text_of_the_data_becomes_markup(what):
    html = appendix.render(what, "all")
    tags = set(re.findall(r"</?([a-z0-9]+)", html))
    known = "a article br code details div em h3 li p q small span strong summary table tbody td th thead time tr ul"
    drawn = "button circle desc figcaption figure line svg text title" if what == "published" else ""
    assert tags <= {*known.split(), *drawn.split()}
    assert "style=" not in html
    assert "<script" not in html


def test_an_example_shows_the_command_and_what_it_prints():
    html = appendix.render("example", "python -m calculator run general_task epochs=3  # exit code 2\n")
    assert "python -m calculator run general_task epochs=3  # exit code 2</code>" in html
    assert "epochs: no such field" in html


@pytest.mark.parametrize(
    "pipe", ["head -n 3", "python -m json.tool --no-ensure-ascii", "python -m json.tool --no-ensure-ascii | head -n 4"]
)
def test_what_stands_after_a_bar_does_what_it_does_in_a_shell(pipe):
    command = f"python -m calculator list --json | {pipe}"
    python = Path(sys.executable).parent
    shell = subprocess.run(
        ["bash", "-c", f'export PATH="{python}:$PATH"; {command}'], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert examples.output(command) == shell.stdout


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("python -m calculator run nonsense", "ended with exit code 2: decision must be one of"),
        ("python -m calculator list  # exit code 1", "ended with exit code 0"),
        ("python -m calculator list | sort", "after | may stand"),
        ("python -m calculator.web.serve", "must begin with python -m calculator"),
    ],
)
def test_an_example_that_does_not_do_what_it_says_fails_the_build(command, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        examples.output(command)


def test_the_prices_page_holds_every_model_every_offer_and_every_service():
    api, devices, services = (appendix.render("prices", what) for what in ("api", "rents", "services"))
    assert api.count("<tr>") == len(api_prices()) + 1
    assert devices.count("<tr>") == len(rents()) + 1
    assert services.count("<tr>") == len(tuning_services()) + 1
    assert all(f'href="{sources()[offer.source].where}"' in devices for offer in rents())
    with pytest.raises(ValueError, match="api, rents or services"):
        appendix.render("prices", "shares")


def test_the_glossary_holds_every_field_of_every_form_once():
    table = appendix.render("glossary", "all")
    fields = {field for name in catalog.names() for field in fields_of(catalog.decision(name).Inputs)}
    assert {field for field in fields if f'<span id="{field}">' in table} == fields
    assert table.count("<tr>") == len(fields) + 1


GROUPS = dict.fromkeys(term.group for term in glossary.terms().values())


def test_every_term_of_the_glossary_is_one_sentence_on_its_page():
    page = (appendix.DOCS / f"{glossary.PAGE}.md").read_text("utf-8")
    for group in GROUPS:
        assert f"```glossary\n{group}\n```" in page
    listed = "".join(map(glossary.render, GROUPS))
    for key, term in glossary.terms().items():
        assert f'<dt id="term-{key}">' in listed
        assert term.means.endswith(".")
        assert term.means.count(". ") == 0
        assert len(term.means) < 130
    with pytest.raises(ValueError, match="one of Ways to change"):
        appendix.render("glossary", "cooking")


def test_a_field_leads_to_the_terms_that_it_mentions_and_not_to_others():
    def of(decision, field):
        return list(glossary.mentioned(fields_of(catalog.decision(decision).Inputs)[field]))

    assert of("limited_compute", "lora_rank_count")[:2] == ["lora", "rank"]
    assert of("prompt_engineering", "search_requests") == ["prompt-search"]
    assert of("fine_tune_or_not", "thinking_tokens")[0] == "hidden-thinking"
    assert "sharding" in of("limited_compute", "sharding")
    assert "sharding" not in of("fine_tune_or_not", "new_examples")


def test_no_word_of_a_form_that_only_the_trade_knows_is_without_its_term():
    """Whatever is written in capitals, names of makers and programs apart, has a term."""
    names = {"OpenAI", "AI", "AWS", "FLOPs", "USA"}
    names |= {program.label for programs in (ENGINES, frameworks()) for program in programs.values()}
    words = {word.lower() for term in glossary.terms().values() for word in term.words}
    for name in catalog.names():
        for field in fields_of(catalog.decision(name).Inputs).values():
            listed = field.options if isinstance(field, Pick) and len(field.options) <= 20 else ()
            options = [label for _, label in listed]
            for found in re.findall(r"\b[A-Za-z]*[A-Z]{2,}[\w.-]*", " ".join((field.label, field.hint, *options))):
                assert found in names or any(word in found.lower() for word in words), (field.label, found)


def test_a_form_s_hints_link_to_the_glossary_from_wherever_the_page_lies():
    for root in ("", "../", "../../"):
        html = site.render("limited_compute", root=root)
        assert f'<a class="calc-term" href="{root}reference/glossary/#term-rank">Rank</a></p>' in html
    assert "calc-term" not in site.render("limited_compute")
    anchors = set(re.findall(r"#term-([a-z0-9-]+)", "".join(site.render(name, root="") for name in catalog.names())))
    assert anchors <= set(glossary.terms())
    assert len(anchors) > 60


def test_planning_values_are_marked_as_ours_and_counted_on_the_sources_page():
    table = appendix.render("sources", "all")
    ours = [entry for entry in assumptions().values() if entry.kind in ("ours", "computed")]
    assert table.count("<strong>Ours.</strong>") == len(ours)
    assert counted(assumptions().values()) in table


@pytest.mark.parametrize(
    ("page", "served"),
    [("index.md", ""), ("decide.md", "../"), ("fine-tune/index.md", "../"), ("fine-tune/high-accuracy.md", "../../")],
)
def test_the_way_to_the_top_of_the_site_is_that_of_the_page_as_it_is_served(page, served):
    """A page is served as a folder; only an index is where its file is."""
    file = SimpleNamespace(src_uri=page, abs_src_path=str(appendix.DOCS / page))
    assert site._root(SimpleNamespace(treeprocessors={"relpath": SimpleNamespace(file=file)})) == served
    elsewhere = SimpleNamespace(src_uri=page, abs_src_path=f"/somebody/else/{page}")
    assert site._root(SimpleNamespace(treeprocessors={"relpath": SimpleNamespace(file=elsewhere)})) is None
