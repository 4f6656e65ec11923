"""The theme begins after the reader does: its script comes late, takes hold all the same, and no answer needs it."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

START_MS = 60_000
PAGE = "do-not/real-time-updates/"
BEGUN = """
  new MutationObserver((_, observer) => {
    if (!document.documentElement.classList.contains("js")) return;
    observer.disconnect();
    const waits = ".calc-state[data-state=starting], .calculator[data-stale], .calculator[data-partial]";
    window.begun = {busy: document.querySelector(waits) !== null, at: performance.now()};
  }).observe(document, {subtree: true, attributes: true, attributeFilter: ["class"]});
"""
LONGEST_MS = 3000
THEME = re.compile(r"/assets/javascripts/bundle\.")


def test_an_answer_that_a_link_asks_for_goes_before_the_themes_start(page: Page, address: str) -> None:
    page.add_init_script(BEGUN)
    page.goto(address + PAGE + "?fact_half_life_days=7")
    expect(page.locator("html.js")).to_be_attached(timeout=START_MS)
    begun = page.evaluate("window.begun")
    # Where the answer takes longer than a reader should be without the theme, the theme does not wait for it.
    assert not begun["busy"] or begun["at"] >= LONGEST_MS, begun


def test_the_theme_takes_hold_of_a_page_that_was_there_before_it(page: Page, address: str) -> None:
    page.goto(address + PAGE)
    expect(page.locator("html.js")).to_be_attached()
    page.evaluate("window.kept = true")
    page.locator(".md-tabs__link", has_text="Decide").click()
    expect(page.locator("h1")).to_contain_text("What should you do")
    assert page.evaluate("window.kept") is True


def test_the_theme_adds_no_button_to_a_command_that_has_one(page: Page, address: str) -> None:
    page.goto(address + "do-not/limited-compute/?gpus=2")
    expect(page.locator(".calc-command")).not_to_have_count(0, timeout=START_MS)
    expect(page.locator("html.js")).to_be_attached()
    page.wait_for_timeout(500)
    expect(page.locator(".calc-command .md-code__nav, .calc-command[id]")).to_have_count(0)


def test_without_the_themes_script_a_calculator_answers_and_links_lead_on(page: Page, address: str) -> None:
    page.route(THEME, lambda route: route.abort())
    page.goto(address + PAGE)
    before = page.locator(".calc-verdict").inner_text()
    page.locator('.calculator [name="fact_half_life_days"]').fill("3000")
    expect(page.locator(".calc-verdict")).not_to_have_text(before, timeout=START_MS)
    page.locator(".md-tabs__link", has_text="Decide").click()
    expect(page.locator("h1")).to_contain_text("What should you do")


def test_a_first_visit_is_in_the_devices_scheme_before_the_theme_starts(launched: Browser, address: str) -> None:
    for scheme, wanted in (("dark", "slate"), ("light", "default")):
        context = launched.new_context(color_scheme=scheme)
        page = context.new_page()
        page.route(THEME, lambda route: route.abort())
        page.goto(address + PAGE)
        expect(page.locator("body")).to_have_attribute("data-md-color-scheme", wanted)
        context.close()
