"""One situation, one answer: whatever is typed on whichever page, every page prints the overall answer of `decide`."""

import re

import pytest
from playwright.sync_api import expect

from bench.leaving import LINK
from calculator import catalog, engine
from calculator.faces import browser

pytestmark = pytest.mark.browser

START_MS = 60_000
BEGUN_ON, PRESET = "do-not/real-time-updates/", "news-bot"
EDITS = {
    BEGUN_ON: {"fact_half_life_days": "900"},
    "do-not/limited-compute/": {"device": "AMD MI100", "device_usd_per_hour": "1.5"},
    "fine-tune/domain-data/": {"labelled_examples": "20k"},
    "decide/": {"better_prompt_accuracy_share": "90%"},
    "": {"failure_usd": "4"},
    "small-models/": {"target_accuracy_share": "35%"},
    "do-not/prompt-engineering/": {"success_usd": "5"},
    "do-not/general-task/": {"prompted_accuracy_share": "62%"},
}
"""By page, in the order in which they are made. One is of a device that the overall decision does not offer."""


def overall_answer(fields, preset=PRESET):
    """What the package says of a situation."""
    decision = catalog.decision(catalog.OVERALL)
    given, _ = browser.merge(catalog.OVERALL, fields, preset)
    return str(engine.evaluate_point(catalog.OVERALL, decision, engine.read(decision, given)).verdict.answer)


def calculators_of(site):
    """The decision of every page with a calculator, by its path."""
    found = {}
    for file in sorted(site.rglob("index.html")):
        named = re.search(r'class="calculator"[^>]*data-decision="([a-z_]+)"', file.read_text("utf-8"))
        if named and named[1] in catalog.names():
            found[file.parent.relative_to(site).as_posix().removeprefix(".") + "/"] = named[1]
    return {path.removeprefix("/"): name for path, name in found.items()}


class Visit:
    """A visit in one browser page, by links within the site."""

    def __init__(self, page, address, pages):
        self.page, self.address, self.pages = page, address, pages
        page.goto(address + BEGUN_ON)
        self.path = BEGUN_ON

    def go(self, path):
        """Follow a link to a page, and wait until it has its own answer to what is known of the reader."""
        self.page.evaluate("document.querySelector('.calculator').dataset.left = ''")
        self.page.evaluate_handle(LINK, self.address + path).as_element().click()
        self.page.locator(".calculator:not([data-left])").wait_for(state="attached", timeout=START_MS)
        self.path = path
        self.settle()

    def type(self, name, text):
        """Type a number, or pick from a list, as a reader does."""
        self.page.evaluate(
            """([name, text]) => {
              const control = document.querySelector(`.calculator [name="${name}"]`);
              control.value = text;
              control.dispatchEvent(new Event("input", {bubbles: true}));
            }""",
            [name, text],
        )

    def settle(self):
        """Wait for the first answer to what the form holds."""
        done = ".calculator:not([data-pending]):not([data-stale])"
        expect(self.page.locator(done).first).to_be_attached(timeout=START_MS)

    def says(self, answer):
        """The overall answer that the page prints is this one."""
        if self.pages[self.path] == catalog.OVERALL:
            expect(self.page.locator(".calculator .calc-answer").first).to_have_text(answer, timeout=START_MS)
        else:
            said = self.page.locator(".calculator .calc-overall").first
            expect(said).to_contain_text(f": {answer}.", timeout=START_MS)


def test_after_edits_on_some_pages_every_page_prints_the_overall_answer_of_decide(page, address, site):
    pages = calculators_of(site)
    assert len(pages) == len(catalog.names()) + 4
    visit, fields = Visit(page, address, pages), {}
    for path in [*EDITS, *(path for path in pages if path not in EDITS), BEGUN_ON]:
        if path != visit.path:
            visit.go(path)
            visit.says(overall_answer(fields))
        for name, text in EDITS.get(path, {}).items():
            visit.type(name, text)
            fields[name] = text
            visit.says(overall_answer(fields))
    assert page.locator("[data-presets]").input_value() == PRESET


def test_a_reload_and_a_step_back_bring_ones_own_numbers_and_a_link_leaves_them_alone(page, address, site):
    visit = Visit(page, address, calculators_of(site))
    visit.type("requests_per_month", "3M")
    expect(page).to_have_url(re.compile("requests_per_month=3000000"), timeout=START_MS)
    page.reload()
    visit.settle()
    bar = page.locator(".calc-situation")
    expect(bar).to_contain_text("Your situation:")
    visit.go("decide/")
    visit.type("requests_per_month", "4M")
    page.go_back()
    expect(page.locator('.calculator [name="requests_per_month"]')).to_have_value("4M")
    expect(bar).to_contain_text("Your situation:")
    page.goto(address + "decide/?requests_per_month=5000")
    visit.type("labelled_examples", "40")
    expect(bar).to_contain_text("The numbers of a link: 2 values differ")
    bar.get_by_role("button", name="Back to mine").click()
    assert page.locator('.calculator [name="requests_per_month"]').input_value() == "4M"
    assert page.locator('.calculator [name="labelled_examples"]').input_value() == "0"


def test_a_number_that_only_other_pages_ask_for_counts_on_a_page_that_shows_its_example(page, address, site):
    visit = Visit(page, address, calculators_of(site))
    visit.go("decide/")
    typed = {"stronger_accuracy_share": "99%", "stronger_items": "5000"}
    for name, text in typed.items():
        visit.type(name, text)
    visit.says(overall_answer(typed, ""))
    visit.go("do-not/general-task/")
    expect(page.locator("[data-presets]")).to_have_value("")
    expect(page.locator(".calc-situation")).to_contain_text("2 answers of yours on other pages")
    visit.says(overall_answer(typed, ""))
