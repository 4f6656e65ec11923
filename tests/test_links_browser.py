"""A shared link in a browser, at any speed and whatever fails: never another answer than the link's own."""

import math

import pytest
from conftest import some
from playwright.sync_api import Page, expect

from calculator import MODEL_VERSION

pytestmark = pytest.mark.browser

PATH = "do-not/real-time-updates/"
START_MS = 60_000
SENT = f"?retraining_days=700&fact_half_life_days=2&v={MODEL_VERSION}"
SEEN = "&saw=62~Retrieve+the+facts~Measure+100+answers+first"
WRONG = "Another answer"

# Every text that the verdict shows from the first moment on, as a reader could see it.
WATCH = """
  window.painted = new Set();
  const look = () => {
    const verdict = document.querySelector(".calc-verdict");
    for (const part of verdict?.children ?? []) {
      if (part.checkVisibility({ visibilityProperty: true })) window.painted.add(part.innerText);
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
"""


def example_of(page: Page, address: str) -> str:
    """The worked example's answer on the page."""
    page.goto(address + PATH)
    return page.locator(".calc-verdict .calc-answer").first.inner_text()


def painted(page: Page) -> list[str]:
    return page.evaluate("[...window.painted]")


def never_showed(page: Page, answer: str) -> None:
    shown = painted(page)
    assert shown
    assert not [text for text in shown if answer in text], shown


@pytest.fixture
def example(page, address):
    found = example_of(page, address)
    page.add_init_script(WATCH)
    return found


@pytest.mark.core
@pytest.mark.parametrize("query", [SENT, SENT + SEEN])
def test_a_link_whose_runtime_never_comes_shows_its_own_answer_or_none(page, address, example, query):
    page.route("**/runtime/**", lambda route: route.abort())
    page.goto(address + PATH + query)
    expect(page.locator(".calc-state")).to_have_attribute("data-state", "failed", timeout=START_MS)
    never_showed(page, example)
    expect(page.locator(".calc-details")).to_be_hidden()
    pending = page.locator(".calc-verdict .calc-pending")
    expect(pending).to_contain_text("could not be worked out here")
    if "saw" in query:
        expect(pending).to_contain_text("What the sender of this link saw")
        expect(pending).to_contain_text("Retrieve the facts")
    expect(pending.get_by_role("button", name="Try again")).to_be_visible()


@pytest.mark.core
def test_on_a_slow_line_a_link_shows_what_its_sender_saw_and_how_much_is_here_until_the_answer_comes(
    page, address, example
):
    held = []
    page.route("**/runtime/heap*", lambda route: held.append(route))
    page.goto(address + PATH + SENT + SEEN)
    pending = page.locator(".calc-pending")
    expect(pending).to_contain_text("What the sender of this link saw")
    expect(pending).to_contain_text("In 62 % of the draws. Next step: Measure 100 answers first")
    expect(page.locator(".calculator > progress")).to_be_visible(timeout=START_MS)
    expect(page.locator(".calc-details")).to_be_hidden()
    for _ in range(100):
        if held:
            break
        page.wait_for_timeout(100)
    held[0].continue_()
    expect(page.locator(".calc-state")).to_have_attribute("data-state", "live", timeout=START_MS)
    expect(page.locator(".calc-details")).to_be_visible(timeout=START_MS)
    expect(pending).to_have_count(0)
    expect(page.locator(".calculator > progress")).to_have_count(0)
    if page.locator(".calc-answer").first.inner_text() != example:
        never_showed(page, example)
    expect(page.locator(".calc-situation")).to_contain_text("2 values differ from typical values")


@pytest.mark.core
def test_before_the_pages_script_has_come_a_link_shows_no_answer_at_all(page, address, example):
    page.route("**/assets/calculator.js*", lambda route: route.abort())
    page.goto(address + PATH + SENT)
    page.wait_for_timeout(500)
    assert not [text for text in painted(page) if example in text]
    expect(page.locator(".calc-details")).to_be_hidden()


@pytest.mark.parametrize(
    "forged",
    some([
        "~~~",
        "62",
        "999~Buy+this",
        "62~%3Cimg+src%3Dx+onerror%3Dalert(1)%3E~%3Cscript%3Ealert(1)%3C/script%3E",
        "62~" + "x" * 5000 + "~" + "y" * 5000,
        "62~%E2%80%AEevil%00%1b~%F0%9F%98%80",
    ], 2),
)  # fmt: skip
def test_a_forged_answer_in_a_link_is_text_and_short_and_marked_and_soon_gone(page, address, forged):
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
    page.route("**/runtime/heap*", lambda route: None)
    page.goto(address + PATH + SENT + "&saw=" + forged)
    pending = page.locator(".calc-pending")
    expect(pending).to_be_visible()
    assert page.locator(".calc-verdict").locator("img, script, a").count() == 0
    text = pending.inner_text()
    assert len(text) < 500
    assert not set(text) & set("\u202e\x00\x1b")
    assert "sender of this link" in text or "Working out the answer to this link’s numbers" in text
    page.unroute("**/runtime/heap*")
    page.reload()
    expect(page.locator(".calc-verdict .calc-answer").first).to_be_visible(timeout=START_MS)
    expect(pending).to_have_count(0)


def test_a_link_with_a_bad_value_says_which_and_shows_no_answer(page, address, example):
    page.goto(address + PATH + f"?retraining_days=seven&v={MODEL_VERSION}")
    expect(page.locator(".calc-state")).to_have_attribute("data-state", "invalid", timeout=START_MS)
    expect(page.locator(".calc-pending")).to_contain_text("waits for the marked field")
    never_showed(page, example)


def test_a_link_can_be_kept_or_left_for_ones_own_numbers(page, address):
    page.goto(address + PATH)
    page.locator(".calculator [name=retraining_days]").fill("90")
    expect(page.locator(".calc-situation")).to_contain_text("1 answer of yours")
    page.goto(address + PATH + SENT)
    bar = page.locator(".calc-situation")
    expect(bar).to_contain_text("The numbers of a link: 2 values differ from typical values")
    bar.get_by_role("button", name="Back to mine").click()
    assert page.locator(".calculator [name=retraining_days]").input_value() == "90"
    assert page.url == address + PATH
    expect(bar).to_contain_text("1 answer of yours")
    page.goto(address + PATH + SENT)
    bar.get_by_role("button", name="Use it everywhere").click()
    expect(bar).to_contain_text("2 answers of yours")
    page.goto(address + "decide/")
    assert page.locator(".calculator [name=fact_half_life_days]").input_value() == "2"


def test_a_link_says_what_its_sender_saw_when_it_is_not_what_comes_out_here(page, address):
    page.goto(address + PATH + SENT + f"&saw=62~{WRONG.replace(' ', '+')}")
    expect(page.locator(".calc-verdict .calc-answer").first).to_be_visible(timeout=START_MS)
    expect(page.locator(".calc-situation")).to_contain_text(f"Its sender saw “{WRONG}”, in 62 % of the draws.")


def test_figures_of_the_worked_example_step_back_beside_other_numbers(page, address):
    page.goto(address + "decide/")
    text = page.locator(".md-content__inner > p:has(.calc-inline)").first
    if not text.count():
        pytest.skip("no figure of the example stands in this page's text")
    marked = "(e) => getComputedStyle(e, '::before').content"
    assert "worked example" not in text.evaluate(marked)
    page.locator(".calculator [name=labelled_examples]").fill("40")
    assert "worked example" in text.evaluate(marked)


MEMORY, OUR_ERROR = "do-not/limited-compute/", "evidence/validation/"
ESTIMATES_KEPT = "Object.keys(localStorage).some((name) => name.endsWith(' estimates'))"
ONE_MORE_GPU = """
  const name = Object.keys(localStorage).find((name) => name.endsWith(" situation"));
  const found = JSON.parse(localStorage.getItem(name));
  found.fields.gpus = "8";
  localStorage.setItem(name, JSON.stringify(found));
"""


@pytest.mark.core
def test_a_readers_own_set_up_is_marked_on_the_page_on_our_error_and_neither_a_links_nor_another(page, address):
    marks = page.locator("[data-axes] circle.calc-yours")
    page.goto(address + MEMORY + "?sequence_tokens=512")
    answered = page.locator(".calculator:not([data-partial]) .calc-verdict[aria-busy=false] [data-compared=memory]")
    expect(answered).to_be_visible(timeout=START_MS)
    value = float(answered.get_attribute("data-value"))
    page.wait_for_timeout(200)
    assert not page.evaluate(ESTIMATES_KEPT)

    page.get_by_role("button", name="Use it everywhere").click()
    for _ in range(100):
        if page.evaluate(ESTIMATES_KEPT):
            break
        page.wait_for_timeout(100)
    page.goto(address + OUR_ERROR)
    expect(marks).to_have_count(2)
    left, right, bottom, top, low, high = map(float, page.locator("[data-axes]").get_attribute("data-axes").split())
    part = math.log(value / low) / math.log(high / low)
    assert float(marks.first.get_attribute("cx")) == pytest.approx(left + part * (right - left), abs=0.01)
    assert float(marks.first.get_attribute("cy")) == pytest.approx(bottom + part * (top - bottom), abs=0.01)
    expect(page.locator("[data-axes]").get_by_text("your memory")).to_be_visible()

    # Another number of the same form, typed elsewhere: what was worked out is of another set-up.
    page.evaluate(f"() => {{{ONE_MORE_GPU}}}")
    page.reload()
    expect(page.locator("[data-axes] .calc-chart")).to_be_visible()
    page.wait_for_timeout(500)
    expect(marks).to_have_count(0)
