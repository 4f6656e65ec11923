"""Links: short, and right from the first moment. Whoever opens one sees what its sender saw, never another answer."""

import json
from itertools import product
from urllib.parse import parse_qsl

import pytest
from conftest import some

from calculator import MODEL_VERSION, catalog, links, presets
from calculator.faces import browser

NAME = "fine_tune_or_not"


def asked(given, preset="", stage=0, name=NAME):
    return json.loads(browser.answer(json.dumps({"decision": name, "given": given, "preset": preset, "stage": stage})))


def read(query):
    """A link's query as the page reads it: fields, preset, what was seen."""
    fields = dict(parse_qsl(query.removeprefix("?"), keep_blank_values=True))
    assert fields.pop("v") == MODEL_VERSION
    return fields, fields.pop("preset", ""), fields.pop(links.SEEN, "")


@pytest.mark.parametrize(("name", "preset"), some(product(catalog.names(), presets.NAMES), 40))
def test_a_link_to_a_preset_holds_its_name_and_what_differs_and_nothing_else(name, preset):
    whole = asked({}, preset, name=name)
    assert read(whole["query"]) == ({}, preset, "")
    given, _ = browser.merge(name, {}, preset)
    # The page sends every field as it stands in the form.
    again = asked({**given, "requests_per_month": "4321"}, preset, name=name)
    assert read(again["query"])[0] in ({"requests_per_month": "4321"}, {})


@pytest.mark.parametrize("preset", ["", "legal-contracts", "voice-assistant"])
@pytest.mark.parametrize(
    "typed", [{}, {"labelled_examples": "400"}, {"prompted_accuracy_share": "60 to 70", "budget_usd": "20k"}]
)
def test_a_link_reproduces_the_situation_it_was_made_from(preset, typed):
    first = asked(typed, preset)
    fields, start, _ = read(first["query"])
    assert asked(fields, start)["given"] == first["given"]


def test_a_field_put_back_to_its_default_under_a_preset_stays_so_in_the_link():
    default = asked({}, "")["given"]
    assert "labelled_examples" not in default
    changed = asked({"labelled_examples": "1000"}, "niche-startup")
    fields, start, _ = read(changed["query"])
    assert fields == {"labelled_examples": "1000"}
    assert asked(fields, start)["given"] == changed["given"]


def test_a_link_carries_what_its_sender_saw_once_that_is_known():
    assert links.SEEN not in asked({}, "legal-contracts")["query"]
    query = asked({}, "legal-contracts", stage=2)["query"]
    report = json.loads(
        json.loads(
            browser.answer(
                json.dumps({"decision": NAME, "given": {}, "preset": "legal-contracts", "stage": 2, "form": "json"})
            )
        )["json"]
    )
    share, answer, step = read(query)[2].split("~")
    assert share == f"{100 * report['holds']:.0f}"
    assert answer == report["answer"]
    assert step
    assert " ".join(report["next_step"].split()).startswith(step.removesuffix(" …"))


@pytest.mark.parametrize("preset", some(presets.NAMES, 3))
def test_a_link_is_short_enough_to_be_sent(preset):
    for name in catalog.names():
        query = asked({"requests_per_month": "4321"}, preset, stage=2, name=name)["query"]
        assert len(query) <= 420, (name, preset, query)


def test_what_was_seen_is_cut_at_a_word_and_its_parts_stay_apart():
    said = links.seen(0.615, "Keep~it", "word " * 100)
    share, answer, step = said.split("~")
    assert (share, answer) == ("62", "Keep-it")
    assert step.endswith("word …")
    assert len(step) <= 145
    assert links.seen(1, "Keep it", "") == "100~Keep it"
