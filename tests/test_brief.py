"""The decision brief: what a meeting needs on one page, in the reader's numbers, and nothing typed is markup."""

import json
from html.parser import HTMLParser

import pytest

from calculator import MODEL_VERSION, catalog, engine, presets
from calculator.faces import brief, browser
from calculator.links import Start

NAME = "fine_tune_or_not"
SITE = "https://example.org/decide/"
HEADINGS = ("Decision", "Options", "What would flip it", "Context")


def report(given, name=NAME):
    return engine.evaluate(name, catalog.decision(name), engine.read(catalog.decision(name), given))


def written(given, form, preset="", name=NAME):
    request = {"decision": name, "given": given, "preset": preset, "stage": 2, "form": form}
    request |= {"site": SITE, "day": "1 May"}
    return json.loads(browser.answer(json.dumps(request)))[form]


class Reader(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


def test_a_brief_holds_what_a_meeting_asks_for_and_who_decides_comes_first():
    page = written({"labelled_examples": "400"}, "brief", "legal-contracts")
    text = written({"labelled_examples": "400"}, "brief_markdown", "legal-contracts")
    for found in (page, text):
        body = found[found.rindex("Decision brief") + len("Decision brief") :]
        places = [body.index(word) for word in ("Date", "Owner", "Review on", *HEADINGS)]
        assert places == sorted(places)
        assert "1 May" in found
        assert f"Model version {MODEL_VERSION}" in found
        assert "preset=legal-contracts" in found
        assert "labelled_examples=400" in found
        assert "contract_" not in found
    assert "| Labelled examples you have | 400\u00a0examples | yours |".replace("\u00a0", " ") in text


@pytest.mark.parametrize("name", catalog.names())
@pytest.mark.parametrize("preset", ["", "voice-assistant"])
def test_every_decision_has_a_brief_that_fits_a_page(name, preset):
    start = browser.start_of(name, preset)
    found = brief.brief_of(report(start.given, name), start)
    assert found.decision
    assert found.doubt
    assert found.options
    assert len(found.options) <= 7
    assert 1 <= len(found.flips) <= 5
    assert 1 <= len(found.numbers) <= 12
    assert {whose for *_, whose in found.numbers} <= {"yours", "preset", "typical", "catalogue"}
    assert len(brief.as_markdown(found).splitlines()) < 75


def test_a_number_is_called_yours_only_when_you_changed_it():
    start = browser.start_of(NAME, "legal-contracts")
    given = {**start.given, "budget_usd": "12345"}
    found = brief.brief_of(report(given), start)
    assert found.numbers[0] == ("Budget to start", "$12,345", "yours")
    assert [whose for *_, whose in found.numbers].count("yours") == 1
    assert "preset" in {whose for *_, whose in found.numbers}
    alone = brief.brief_of(report(given), Start())
    assert [whose for *_, whose in alone.numbers].count("yours") == min(12, len(given))


def test_the_page_of_a_brief_needs_nothing_else_and_runs_nothing():
    page = Reader(written({}, "brief"))
    assert not [tag for tag, _ in page.tags if tag in ("script", "img", "link", "iframe")]
    assert [attributes["href"] for tag, attributes in page.tags if tag == "a"] == [
        f"{SITE}?v={MODEL_VERSION}"
    ]


def test_nothing_in_a_brief_is_markup():
    nasty = brief.Brief(
        question="<b>q</b>", decision="*a* [x](http://x)", doubt="|", trial="`t`",
        columns=("<i>",), options=(("<td>",),), flips=("<script>",),
        numbers=(("a|b", "_c_", "yours"),), link="https://example.org/?a=<b>", day="<u>",
    )  # fmt: skip
    for html in (brief.as_page(nasty), brief.as_fragment(nasty)):
        assert not {"b", "i", "script", "u"} & {tag for tag, _ in Reader(html).tags}
    text = brief.as_markdown(nasty)
    assert "\\*a\\* \\[x\\]" in text
    assert "| a\\|b | \\_c\\_ | yours |" in text


@pytest.mark.parametrize("preset", presets.NAMES[:3])
def test_the_brief_in_the_page_says_what_the_file_says(preset):
    sections = json.loads(
        browser.answer(json.dumps({"decision": NAME, "given": {}, "preset": preset, "stage": 2}))
    )["sections"]
    page, file = Reader(sections["brief"]), Reader(written({}, "brief", preset))
    words = [word for word in page.words if word.strip("_ .·")]
    assert not [word for word in set(words) - set(file.words) if not word.startswith((" · Owner", "Date", "Model"))]
