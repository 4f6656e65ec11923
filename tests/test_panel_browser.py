"""What is seen first, at the size of a desk and of a phone, and what the charts and the sheets answer."""

import csv
import re

import pytest
from conftest import only_in_chromium, some
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 800}
START_MS = 60_000
PAGES = ("", "decide/", "do-not/limited-compute/", "fine-tune/domain-data/")


@pytest.fixture
def sized(launched, address):
    """Open a page of the site in a window of a size."""
    contexts = []

    def open_page(path, size, query=""):
        context = launched.new_context(viewport=size)
        contexts.append(context)
        page = context.new_page()
        page.goto(address + path + query)
        return page

    yield open_page
    for context in contexts:
        context.close()


def bottom(page, selector):
    box = page.locator(selector).first.bounding_box()
    return box["y"] + box["height"]


@pytest.mark.parametrize("path", some(PAGES, 2))
def test_the_panel_stands_in_the_first_window_of_a_desk(sized, path):
    page = sized(path, DESK)
    for part in (".calc-said", ".calc-verdict .calc-shares", ".calc-next", ".calc-tipping"):
        assert bottom(page, part) <= 900, part
    picture = page.locator(".calc-choices, .calc-picture .calc-chart").first.bounding_box()
    assert picture["y"] < 850
    assert page.locator(".calc-form").bounding_box()["y"] < 400


def test_all_options_are_seen_in_the_first_window_of_a_desk(sized):
    assert bottom(sized("", DESK), ".calc-choices") <= 900


@pytest.mark.parametrize("path", ["", "decide/"])
def test_verdict_share_and_next_step_stand_in_the_first_window_of_a_phone(sized, path):
    page = sized(path, PHONE)
    for part in (".calc-said", ".calc-verdict .calc-shares", ".calc-next"):
        assert bottom(page, part) <= 800, part
    assert page.locator(".calc-actions").bounding_box()["y"] <= 1600


def test_the_overall_page_is_short_while_nothing_is_opened(sized):
    tall = "document.documentElement.scrollHeight"
    assert sized("decide/", DESK).evaluate(tall) <= 3500
    assert sized("decide/", PHONE).evaluate(tall) <= 7000


def test_on_a_phone_the_form_is_a_sheet_over_the_answer(sized):
    page = sized("", PHONE)
    form = page.locator(".calc-form")
    expect(form).to_be_hidden()
    page.locator(".calc-peek-show button").click()
    expect(form).to_be_visible()
    expect(form.locator(".calc-peek-said")).to_contain_text(page.locator(".calc-verdict .calc-answer").inner_text())
    page.locator('[name="requests_per_month"]').fill("5000")
    page.locator(".calc-peek-hide button").click()
    expect(form).to_be_hidden()
    page.locator("[data-section=answers] summary").click()
    page.locator("[data-section=answers] [data-action=change]").first.click()
    expect(form).to_be_visible(timeout=START_MS)


def test_a_situation_is_one_press_away(sized):
    page = sized("", DESK)
    before = page.locator(".calc-verdict").inner_text()
    page.locator("[data-preset=faq-bot]").click()
    expect(page.locator("[data-preset=faq-bot]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-presets]")).to_have_value("faq-bot")
    expect(page.locator(".calc-verdict")).not_to_have_text(before, timeout=START_MS)


def test_a_chart_says_its_values_to_the_pointer_and_to_the_arrow_keys(sized):
    page = sized("fine-tune/domain-data/", DESK)
    chart = page.locator(".calc-picture .calc-chart").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    reading = page.locator(".calc-reading")
    expect(reading).to_contain_text("Labelled examples")
    page.mouse.move(5, 5)
    expect(reading).to_have_count(0)
    chart.focus()
    expect(reading).to_have_count(1)
    first = reading.inner_text()
    page.keyboard.press("ArrowRight")
    expect(reading).not_to_have_text(first)
    page.keyboard.press("Home")
    expect(reading).to_have_text(first)


@only_in_chromium("Playwright hears of no downloads from this Firefox")
def test_a_chart_is_taken_away_as_a_drawing_and_as_numbers(sized, tmp_path):
    page = sized("fine-tune/domain-data/", DESK)
    page.locator(".calc-picture .calc-data summary").first.click()
    files = {}
    for kind in ("svg", "csv"):
        with page.expect_download() as waiting:
            page.locator(f"[data-chart={kind}]").first.click()
        files[kind] = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(files[kind])
    drawing = files["svg"].read_text("utf-8")
    assert drawing.startswith("<svg xmlns=")
    assert re.search(r'<path[^>]* stroke="rgb', drawing)
    rows = list(csv.reader(files["csv"].read_text("utf-8-sig").splitlines()))
    assert rows[0][:2] == ["Line", "Labelled examples"]
    assert len(rows) > 5


@pytest.mark.parametrize("width", [1280, 375])
def test_the_letters_of_a_chart_have_one_size_at_every_width(sized, width):
    page = sized("fine-tune/domain-data/", {"width": width, "height": 900})
    heights = page.locator(".calc-picture .calc-chart .calc-tick").evaluate_all(
        "(all) => all.filter((e) => e.getClientRects().length).map((e) => e.getBoundingClientRect().height)"
    )
    assert heights
    assert all(11 <= height <= 18 for height in heights)


def test_a_sections_page_says_which_of_its_questions_decides(sized):
    page = sized("fine-tune/", DESK)
    asked = page.locator("[data-section=questions]")
    links = asked.locator("tbody a")
    assert links.count() == 4
    before = asked.inner_text()
    page.locator('[name="prompted_accuracy_share"]').fill("40%")
    expect(asked).not_to_have_text(before, timeout=START_MS)
    links.first.click()
    expect(page.locator(".calculator")).to_be_visible()


def test_what_comparisons_are_filtered_by_stands_in_the_address(sized):
    page = sized("evidence/cases/", DESK)
    select = page.locator(".published-filters select[name=winner]")
    select.select_option(index=1)
    said = page.locator(".published output").inner_text()
    assert "winner=" in page.url
    page.reload()
    expect(page.locator(".published output")).to_have_text(said)
