"""The built site in a real browser, as a reader uses it: without scripts, by keyboard, with bad input."""

import gzip
import json
import re
import subprocess
import sys
from random import Random

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import EVERY, FIREFOX, ROOT, go, may_use_clipboard, only_in_chromium, some
from inputs import random_given
from playwright.sync_api import Page, expect

from bench import leaving
from calculator import MODEL_VERSION, catalog, engine, links
from calculator.faces import agreement, browser, report, view
from calculator.fields import Paste, fields_of

pytestmark = pytest.mark.browser

# In `make test`, and in `make long`.
TYPED_INPUTS = 10, 50
TRIES_TO_LEAVE = 6, 15
LIMITED, FRESH = "do-not/limited-compute/", "do-not/real-time-updates/"
START_MS = 60_000

WATCH_WORKERS = """
  window.workers = [];
  const Plain = window.Worker;
  window.Worker = class extends Plain {
    constructor(address, options) {
      super(address, options);
      if (String(address).includes("/runtime/")) window.workers.push(this);
    }
  };
"""
SAVE_DATA = 'Object.defineProperty(Navigator.prototype, "connection", {get: () => ({saveData: true})});'
SHIFTS = """() => {
  window.shifted = [];
  const box = ({x, y, width, height}) => [x, y, width, height].map(Math.round).join(" ");
  const told = ({node, previousRect, currentRect}) =>
    `${node?.parentElement?.className} > ${node?.className}: ${box(previousRect)} to ${box(currentRect)}`;
  new PerformanceObserver((list) => {
    for (const {value, sources} of list.getEntries()) window.shifted.push(`${value} ${sources.map(told)}`);
  }).observe({type: "layout-shift", buffered: false});
}"""


SHIFTS_OF_LOADING = """
  window.shift = 0;
  new PerformanceObserver((list) => {
    for (const {value} of list.getEntries()) window.shift += value;
  }).observe({type: "layout-shift", buffered: true});
"""


class Calculator:
    """The first calculator of a page, as a reader handles it."""

    def __init__(self, page: Page, address: str, path: str) -> None:
        self.page, self.address, self.path = page, address, path

    def open(self, query: str = "") -> "Calculator":
        go(self.page, self.address, self.path + query)
        self.name = self.page.locator(".calculator").first.get_attribute("data-decision")
        self.decision = catalog.decision(self.name)
        return self

    def field(self, name: str):
        return self.page.locator(f'.calculator [name="{name}"]')

    def problem(self, name: str):
        return self.page.locator(f"#{self.field(name).get_attribute('id')}-problem")

    @property
    def state(self):
        return self.page.locator(".calc-state")

    @property
    def answer(self):
        return self.page.locator(".calculator .calc-answer").first

    def wait_until(self, state: str) -> None:
        expect(self.state).to_have_attribute("data-state", state, timeout=START_MS)

    def values(self) -> dict[str, str]:
        """What the form holds, as it would be sent."""
        return self.page.evaluate(
            """() => Object.fromEntries([...document.querySelectorAll(".calc-form [data-default]")].map(
              (c) => [c.name, c.type === "checkbox" ? (c.checked ? "yes" : "no") : c.value]))"""
        )

    def set(self, values: dict[str, str]) -> None:
        """Put all values in at once, then say that one of them was typed."""
        self.page.evaluate(
            """(values) => {
              let last;
              for (const [name, text] of Object.entries(values)) {
                const control = document.querySelector(`.calculator [name="${name}"]`);
                if (control.type === "checkbox") control.checked = text === "yes";
                else control.value = text;
                last = control;
              }
              last.dispatchEvent(new Event("input", {bubbles: true}));
            }""",
            values,
        )

    def situation(self) -> tuple[dict[str, str], str]:
        """All that is known of the reader, and the preset it starts from: what the page sends."""
        saved, preset = self.page.evaluate(
            """() => {
              const key = Object.keys(localStorage).find((key) => key.endsWith("situation"));
              const preset = document.querySelector("[data-presets]").value;
              try {
                const { fields } = JSON.parse(localStorage.getItem(key));
                const texts = Object.entries(fields).filter((pair) => typeof pair[1] === "string");
                return [Object.fromEntries(texts), preset];
              } catch {
                return [{}, preset];
              }
            }"""
        )
        return {**saved, **self.values()}, preset

    def expected(self) -> engine.Report:
        """The report that native Python gives for what the form holds."""
        given, _ = browser.merge(self.name, *self.situation())
        return engine.evaluate(self.name, self.decision, engine.read(self.decision, given))

    def wait_for(self, expected: engine.Report) -> None:
        """Wait until the page shows just this report: the same tree, section by section, and nothing marked stale."""
        whole = browser.whole_situation(*self.situation())
        sections = view.sections(expected, agreement.words(expected, whole))
        different = sections.keys()
        for _ in range(600):
            different = self.page.evaluate(
                """(sections) => {
                  const bare = (part) => {
                    for (const time of part.querySelectorAll("[data-ago]")) time.removeAttribute("data-ago");
                    for (const fold of part.querySelectorAll("details[open]")) fold.removeAttribute("open");
                    return part;
                  };
                  if (document.querySelector(".calculator[data-stale]")) return ["stale"];
                  return Object.keys(sections).filter((name) => {
                    const shown = document.querySelector(`[data-section="${name}"]`);
                    const wanted = shown.cloneNode(false);
                    wanted.innerHTML = sections[name];
                    return !bare(shown.cloneNode(true)).isEqualNode(bare(wanted));
                  });
                }""",
                sections,
            )
            if not different:
                return
            self.page.wait_for_timeout(50)
        pytest.fail(f"the page differs from native Python in {different}")


@pytest.fixture
def limited(page, address):
    return Calculator(page, address, LIMITED)


@pytest.fixture
def fresh(page, address):
    return Calculator(page, address, FRESH)


# Without scripts


@only_in_chromium("WebDriver BiDi cannot switch scripts off")
def test_the_worked_default_is_complete_with_scripts_off(launched, address):
    context = launched.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address + LIMITED)
    name = page.locator(".calculator").get_attribute("data-decision")
    said = page.locator(".calc-verdict").inner_text()
    assert page.locator(".calc-answer").inner_text() in said
    assert page.locator(".calc-chart").count() >= 2
    assert page.locator(".calc-tile").count() >= 4
    expect(page.locator(".calc-noscript")).to_be_visible()
    expect(page.locator(".calc-actions")).to_be_hidden()
    assert str(len(fields_of(catalog.decision(name).Inputs))) != "0"
    context.close()


# The same everywhere


@pytest.mark.core
def test_the_default_on_the_page_is_what_the_command_line_says(fresh):
    fresh.open()
    fields = [f"{name}={text}" for name, text in fresh.values().items()]
    done = subprocess.run(
        [sys.executable, "-m", "calculator", "run", fresh.name, *fields, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    said = json.loads(done.stdout)
    expect(fresh.answer).to_have_text(said["answer"])
    expect(fresh.page.locator(".calc-headline").first).to_have_text(
        report.in_brief(fresh.expected(), said["headline"])
    )
    fresh.wait_for(fresh.expected())


@pytest.mark.shared
@EVERY
def test_typing_gives_exactly_what_native_python_gives(limited, every):
    limited.open()
    random = Random(20261122)
    for _ in range(TYPED_INPUTS[every]):
        given = random_given(limited.decision, random, part=0.3)
        specs = fields_of(limited.decision.Inputs)
        # What stays of the input before may be a device that has no price of its own.
        if given.get("device_usd_per_hour") is None:
            given["device_usd_per_hour"] = 2.0
        texts = {name: engine.write(specs[name], value) for name, value in given.items()}
        limited.set(texts)
        limited.wait_for(limited.expected())


@pytest.mark.shared
@pytest.mark.core
def test_a_key_typed_by_hand_is_answered(fresh):
    fresh.open()
    field = fresh.field("retraining_days")
    field.fill("")
    field.press_sequentially("7", delay=20)
    fresh.wait_for(fresh.expected())
    assert fresh.values()["retraining_days"] == "7"
    expect(field).to_be_focused()


def test_what_is_typed_while_the_worker_starts_is_answered_when_it_is_ready(page, address, fresh):
    waiting = []
    page.route("**/runtime/*wasm-*", lambda route: waiting.append(route))
    fresh.open()
    fresh.field("retraining_days").fill("11")
    fresh.wait_until("starting")
    fresh.field("retraining_days").fill("12")
    page.wait_for_timeout(400)
    assert fresh.values()["retraining_days"] == "12"
    for route in waiting:
        route.continue_()
    page.unroute("**/runtime/*wasm-*")
    fresh.wait_for(fresh.expected())


@only_in_chromium("Firefox measures no layout shifts")
@pytest.mark.parametrize("path", some(["decide/", "", "fine-tune/domain-data/"], 1))
def test_nothing_moves_while_a_page_arrives_on_a_slow_phone(page, address, path):
    page.set_viewport_size({"width": 412, "height": 823})
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.add_init_script(SHIFTS_OF_LOADING)
    page.goto(address + path, wait_until="load")
    page.wait_for_timeout(500)
    # The form is a sheet here.
    assert page.locator(".calc-form").is_hidden()
    assert page.locator(".calc-details").is_visible()
    assert page.evaluate("window.shift") < 0.001


@only_in_chromium("Firefox measures no layout shifts")
@pytest.mark.parametrize("path", some(["evidence/sources/", "reference/command-line/", "fine-tune/domain-data/"], 1))
def test_nothing_moves_while_a_page_arrives_in_pieces(page, address, path):
    """The typeface comes after the first picture, and the rows of a table one after another."""
    page.set_viewport_size({"width": 1280, "height": 900})
    line = {"offline": False, "latency": 40, "downloadThroughput": 25_000, "uploadThroughput": 25_000}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", line)
    page.add_init_script(SHIFTS_OF_LOADING)
    page.goto(address + path, wait_until="load")
    page.wait_for_timeout(500)
    assert page.evaluate("window.shift") < 0.001


@only_in_chromium("Firefox measures no layout shifts")
@pytest.mark.parametrize(
    "path", some(["fine-tune/after-a-bad-run/", FRESH, LIMITED, "small-models/real-time-response/"], 2)
)
def test_nothing_moves_while_a_page_arrives_on_a_desk(page, address, path):
    page.set_viewport_size({"width": 1350, "height": 940})
    page.add_init_script(SHIFTS_OF_LOADING)
    page.goto(address + path, wait_until="load")
    page.wait_for_timeout(800)
    assert page.evaluate("window.shift") < 0.001


@only_in_chromium("Firefox measures no layout shifts")
def test_nothing_moves_when_the_live_result_replaces_the_same_default(page, fresh):
    fresh.open()
    page.wait_for_timeout(300)
    page.evaluate(SHIFTS)
    page.evaluate("document.querySelector('.calc-verdict').marked = true")
    fresh.set({"retraining_days": fresh.values()["retraining_days"]})
    fresh.wait_until("live")
    fresh.wait_for(fresh.expected())
    page.wait_for_timeout(600)
    assert page.evaluate("window.shifted") == []
    assert page.evaluate("document.querySelector('.calc-verdict').marked") is True


@pytest.mark.shared
def test_focus_and_open_details_survive_a_new_result(page, fresh):
    fresh.open()
    working = page.locator(".calc-working > summary")
    working.click()
    fresh.set({"retraining_days": "9"})
    working.focus()
    fresh.wait_for(fresh.expected())
    expect(working).to_be_focused()
    expect(page.locator(".calc-working")).to_have_attribute("open", "")


# Pasted and bad input


CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 16,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 64,
    "vocab_size": 128256,
    "tie_word_embeddings": True,
    "max_position_embeddings": 131072,
}


def pasted_field(calculator: Calculator) -> str:
    return next(name for name, spec in fields_of(calculator.decision.Inputs).items() if isinstance(spec, Paste))


@pytest.mark.shared
def test_a_pasted_config_is_read_and_changes_the_result(limited):
    limited.open()
    before = limited.page.locator(".calc-tiles").inner_text()
    limited.field(pasted_field(limited)).fill(json.dumps(CONFIG, indent=2))
    limited.wait_for(limited.expected())
    assert limited.page.locator(".calc-tiles").inner_text() != before


@pytest.mark.shared
def test_a_pasted_config_that_cannot_be_read_is_refused_beside_the_field(limited):
    limited.open()
    name = pasted_field(limited)
    field = limited.field(name)
    for text in ("{", "[]", '{"model_type": "no such type"}', "<script>alert(1)</script>"):
        field.fill(text)
        expect(field).to_have_attribute("aria-invalid", "true", timeout=START_MS)
        assert limited.problem(name).inner_text(), text
        field.fill("")
        expect(field).not_to_have_attribute("aria-invalid", "true", timeout=START_MS)


@pytest.mark.shared
def test_a_pasted_text_that_is_no_config_at_all_is_refused_and_a_config_after_it_is_read(limited):
    limited.open()
    for text in ("x" * 1_000_000, "[" * 90_000, '{"a":' * 15_000, '"' * 99_999, "9" * 99_999):
        limited.set({pasted_field(limited): text})
        expect(limited.state).to_have_attribute("data-state", re.compile("invalid|error"), timeout=START_MS)
        expect(limited.page.locator(".calculator")).to_have_attribute("data-stale", "")
        limited.set({pasted_field(limited): json.dumps(CONFIG)})
        limited.wait_for(limited.expected())


@pytest.mark.shared
@pytest.mark.core
def test_a_bad_value_is_named_beside_its_field_and_the_last_good_result_stays(page, fresh):
    fresh.open()
    answer = fresh.answer.inner_text()
    field = fresh.field("retraining_days")
    described = field.get_attribute("aria-describedby")
    field.fill("seven")
    expect(field).to_have_attribute("aria-invalid", "true", timeout=START_MS)
    problem = fresh.problem("retraining_days")
    read = engine.read(fresh.decision, {**fresh.values()})
    assert problem.inner_text() == read.problems[0].message
    assert problem.get_attribute("id") in field.get_attribute("aria-describedby")
    expect(page.locator(".calculator")).to_have_attribute("data-stale", "")
    expect(fresh.state).to_have_attribute("data-state", "invalid")
    assert fresh.answer.inner_text() == answer
    field.fill("8")
    fresh.wait_for(fresh.expected())
    assert field.get_attribute("aria-invalid") is None
    expect(problem).to_have_count(0)
    assert field.get_attribute("aria-describedby") == described


@pytest.mark.shared
def test_a_message_waits_until_the_reader_pauses(fresh):
    fresh.open()
    fresh.field("retraining_days").fill("9")
    fresh.wait_for(fresh.expected())
    # By the page's own clock, which does not tell how busy the machine is.
    fresh.field("retraining_days").evaluate(
        """(field) => {
          field.addEventListener("input", () => (window.typedAt = performance.now()));
          const told = new MutationObserver(() => (window.toldAt ??= performance.now()));
          told.observe(field, {attributeFilter: ["aria-invalid"]});
        }"""
    )
    fresh.field("retraining_days").fill("9x")
    expect(fresh.field("retraining_days")).to_have_attribute("aria-invalid", "true", timeout=5000)
    assert fresh.page.evaluate("window.toldAt - window.typedAt") > 500


# Links and the one situation


def addressed(page):
    """Wait for the address of the whole answer, which says what was seen."""
    expect(page).to_have_url(re.compile(f"[?&]{links.SEEN}="))


@pytest.mark.core
def test_a_link_reproduces_what_was_typed(context, page, address, fresh):
    fresh.open()
    fresh.set({"retraining_days": "7", "fact_half_life_days": "100 to 400", "fact_requests_share": "80%"})
    fresh.wait_for(fresh.expected())
    addressed(page)
    link = page.url
    assert "retraining_days=7" in link
    assert f"v={MODEL_VERSION}" in link
    page.evaluate("localStorage.clear()")
    other = Calculator(context.new_page(), address, FRESH)
    other.page.goto(link)
    other.name, other.decision = fresh.name, fresh.decision
    other.wait_for(fresh.expected())
    assert other.values() == fresh.values()
    assert other.page.url == link


@pytest.mark.shared
def test_a_link_is_what_the_package_writes(page, fresh):
    fresh.open()
    fresh.set({"retraining_days": "7"})
    fresh.wait_for(fresh.expected())
    given, preset = fresh.situation()
    request = {"decision": fresh.name, "given": given, "preset": preset, "stage": 2}
    asked = json.loads(browser.answer(json.dumps(request)))
    addressed(page)
    assert page.url == fresh.address + fresh.path + asked["query"]


@pytest.mark.parametrize(
    "query",
    some([
        "?retraining_days=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E",
        "?v=1999.01.01&retraining_days=7",
        "?no_such_field=1&v=x",
        "?retraining_days=" + "9" * 3000,
        "?preset=no-such-preset",
        "?preset=news-bot",
        "?__proto__=1&constructor=2&toString=3",
    ], 3),
)  # fmt: skip
def test_a_strange_link_does_no_harm_and_says_what_it_did(page, fresh, query):
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
    fresh.open(query)
    expect(fresh.state).to_have_attribute("data-state", re.compile("live|invalid"), timeout=START_MS)
    assert page.locator(".calculator img").count() == 0
    fresh.field("retraining_days").fill("7")
    expect(page.locator(".calculator")).not_to_have_attribute("data-stale", "", timeout=START_MS)


def test_an_old_link_says_what_changed(page, fresh):
    fresh.open("?v=1999.01.01&retraining_days=7")
    expect(page.locator(".calc-done")).to_contain_text("1999.01.01", timeout=START_MS)


def test_a_link_with_an_unknown_preset_says_so_and_shows_no_other_presets_name(page, address):
    limited = Calculator(page, address, LIMITED).open("?preset=no-such-preset")
    assert page.locator("[data-presets]").input_value() == ""
    expect(page.locator(".calc-done")).to_contain_text("No preset is named “no-such-preset”", timeout=START_MS)
    assert limited.values() == {
        name: engine.write(spec, getattr(limited.decision.Inputs(), name))
        for name, spec in fields_of(limited.decision.Inputs).items()
    }


def test_what_was_typed_on_one_page_is_there_on_the_next_and_can_be_cleared(page, address, fresh):
    fresh.open()
    shared = "requests_per_month"
    fresh.field(shared).fill("123456")
    fresh.wait_for(fresh.expected())
    second = Calculator(page, address, "decide/").open()
    assert second.values()[shared] == "123456"
    expect(page.locator(".calc-situation")).to_contain_text("1 answer of yours")
    second.wait_for(second.expected())
    page.locator("[data-action=clear]").click()
    assert second.values()[shared] != "123456"
    expect(page.locator(".calc-situation")).to_be_hidden()
    expect(page.locator("[data-presets]")).to_be_focused()
    fresh.open()
    assert fresh.values()[shared] != "123456"


@pytest.mark.core
@EVERY
def test_an_edit_just_before_leaving_changes_nothing_of_the_next_page(launched, address, every):
    ways = leaving.WAYS[1:] if FIREFOX else leaving.WAYS
    found = leaving.tries(launched, address, TRIES_TO_LEAVE[every], ways=ways)
    assert [told for told in found if told["wrong"]] == []


@pytest.mark.shared
def test_a_preset_fills_the_whole_form(page, limited):
    limited.open()
    select = page.locator("[data-presets]")
    chosen = "voice-assistant"
    select.select_option(chosen)
    given, _ = browser.merge(limited.name, {}, chosen)
    expected = engine.evaluate(limited.name, limited.decision, engine.read(limited.decision, given))
    limited.wait_for(expected)
    expect(page.locator(".calc-situation")).to_be_visible()


@pytest.mark.parametrize("path", some([FRESH, "small-models/limited-data/"], 1))
def test_a_pages_example_is_taken_to_every_page(page, address, path):
    example = Calculator(page, address, path).open()
    values, chosen = example.values(), page.locator("[data-presets]").input_value()
    page.locator("[data-action=keep]").click()
    expect(page.locator(".calc-situation")).to_contain_text("Your situation:")
    expect(page.locator("[data-action=clear]")).to_be_focused()
    assert example.values() == values
    Calculator(page, address, "decide/").open()
    expect(page.locator("[data-presets]")).to_have_value(chosen)
    Calculator(page, address, path).open()
    assert example.values() == values


@pytest.mark.shared
def test_a_model_is_found_by_typing_its_name(limited):
    limited.open()
    limited.field("model").focus()
    limited.page.keyboard.type("Qwen3-14")
    expect(limited.field("model")).to_have_value("Qwen/Qwen3-14B")


@pytest.mark.shared
def test_a_long_list_is_narrowed_by_maker_size_and_licence_and_enter_takes_the_first(limited):
    limited.open()
    box = limited.page.locator('[data-find$="-model"]')
    box.fill("qwen 8.19b apache")
    shown = limited.field("model").locator("option:not([hidden])").all_text_contents()
    assert shown
    assert all("8.19B" in text and "apache" in text for text in shown)
    box.press("Enter")
    expect(limited.field("model")).to_have_value(re.compile("^Qwen/.*8B"))
    expect(box).to_have_value("")
    assert limited.field("model").locator("option[hidden]").count() == 0


@pytest.mark.shared
def test_reset_brings_the_worked_example_back_at_once(page, fresh):
    fresh.open()
    expected, values = fresh.expected(), fresh.values()
    fresh.set({"retraining_days": "7"})
    fresh.wait_for(fresh.expected())
    page.locator("[data-action=reset]").click()
    assert fresh.values() == values
    fresh.wait_for(expected)
    assert page.url == fresh.address + fresh.path


@pytest.mark.core
def test_the_report_can_be_copied_as_link_and_as_markdown(context, page, fresh):
    may_use_clipboard(context)
    fresh.open()
    fresh.set({"retraining_days": "7"})
    fresh.wait_for(fresh.expected())
    addressed(page)
    page.locator("[data-action=link]").click()
    expect(page.locator(".calc-done")).to_have_text("Link copied.")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    page.locator("[data-action=markdown]").click()
    expect(page.locator(".calc-done")).to_have_text("Copied as Markdown.")
    text = page.evaluate("navigator.clipboard.readText()")
    start = browser.start_of(fresh.name, fresh.situation()[1])
    assert text == report.as_markdown(fresh.expected(), fresh.address + fresh.path, start)


def test_without_a_clipboard_the_text_is_offered_to_be_copied_by_hand(page, fresh):
    page.add_init_script("delete Navigator.prototype.clipboard; delete window.ClipboardItem;")
    fresh.open()
    page.locator("[data-action=link]").click()
    expect(page.locator(".calc-offer")).to_have_value(fresh.address + fresh.path)


def test_print_prints(page, fresh):
    page.add_init_script("window.print = () => { window.printed = true; };")
    fresh.open()
    for name in ("brief", "print"):
        page.evaluate("window.printed = false; document.querySelector('.calc-more').open = true")
        page.locator(f"[data-action={name}]").click()
        assert page.evaluate("window.printed") is True


# One worker for the whole visit


@pytest.mark.core
def test_instant_navigation_keeps_the_worker_and_the_next_calculator_is_live(page, address, fresh):
    page.add_init_script(WATCH_WORKERS)
    fresh.open()
    fresh.set({"retraining_days": "7"})
    fresh.wait_for(fresh.expected())
    page.evaluate("window.kept = true")
    # Until the theme has started a link is followed by a whole load.
    expect(page.locator("html.js")).to_be_attached()
    page.locator(".md-tabs__link", has_text="Decide").click()
    expect(page.locator("h1")).to_contain_text("What should you do")
    assert page.evaluate("window.kept") is True
    # The new page is read out, and the keyboard goes on in it.
    expect(page.locator("h1")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.md-content') !== null")
    second = Calculator(page, address, "decide/")
    second.name = page.locator(".calculator").get_attribute("data-decision")
    second.decision = catalog.decision(second.name)
    second.wait_until("live")
    second.field("requests_per_month").fill("5000")
    second.wait_for(second.expected())
    assert page.evaluate("window.workers.length") == 1
    page.go_back()
    expect(page.locator("h1")).to_contain_text("How stale")
    assert fresh.values()["retraining_days"] == "7"
    fresh.wait_for(fresh.expected())


def test_a_runtime_that_cannot_be_had_leaves_the_example_and_a_way_to_try_again(page, fresh):
    page.route("**/runtime/**", lambda route: route.abort())
    fresh.open()
    answer = fresh.answer.inner_text()
    fresh.field("retraining_days").fill("7")
    fresh.wait_until("failed")
    assert fresh.answer.inner_text() == answer
    assert fresh.values()["retraining_days"] == "7"
    page.unroute("**/runtime/**")
    page.locator("[data-action=retry]:visible").click()
    fresh.wait_for(fresh.expected())


def test_data_saver_starts_nothing_until_asked(page, fresh):
    page.add_init_script(SAVE_DATA)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    fresh.open()
    fresh.field("retraining_days").fill("7")
    page.wait_for_timeout(1500)
    assert not [url for url in asked if "/runtime/" in url]
    page.locator("[data-action=retry]:visible").click()
    fresh.wait_for(fresh.expected())


# What it weighs, and without a network


def test_a_page_weighs_little_before_intent(launched, address, site):
    context = launched.new_context()
    page = context.new_page()
    page.add_init_script(SAVE_DATA)
    asked = []
    page.on("requestfinished", lambda request: asked.append(request.url))
    for path in (LIMITED, "decide/", ""):
        asked.clear()
        page.goto(address + path)
        page.wait_for_timeout(800)
        # The search's stand-in loads the rest of it later.
        assert not [url for url in asked if "search_index" in url or "workers/" in url.partition("?")[0]]
        sizes = {}
        for url in asked:
            name = url.removeprefix(address).partition("?")[0]
            file = site / (name + "index.html" if not name or name.endswith("/") else name)
            content = file.read_bytes()
            packed = file.suffix in (".woff2", ".png")
            sizes[name] = len(content if packed else gzip.compress(content, 6))
        assert not [name for name in sizes if "runtime" in name]
        assert sum(sizes.values()) <= 120_000, sorted(sizes.items(), key=lambda pair: -pair[1])
    context.close()


@pytest.mark.core
def test_after_one_visit_the_site_works_without_a_network(context, page, address, fresh):
    fresh.open()
    fresh.set({"retraining_days": "7"})
    fresh.wait_for(fresh.expected())
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    for _ in range(100):
        if page.evaluate("navigator.serviceWorker.getRegistration().then((found) => found.active !== null)"):
            break
        page.wait_for_timeout(100)
    context.set_offline(True)
    page.goto(address + FRESH)
    expect(fresh.answer).to_be_visible()
    fresh.field("retraining_days").fill("9")
    fresh.wait_for(fresh.expected())
    second = Calculator(page, address, "decide/").open()
    expect(second.answer).to_be_visible()
    page.goto(address + "no/such/page/")
    expect(page.locator("h1")).to_contain_text("404")


# For everyone


def violations(page, *, serious=True):
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        (v["id"], v["impact"], [node["target"] for node in v["nodes"]][:3])
        for v in found
        if not serious or v["impact"] in ("serious", "critical")
    ]


def test_axe_finds_nothing_on_a_page_with_a_bad_value(launched, address):
    context = launched.new_context(bypass_csp=True)
    fresh = Calculator(context.new_page(), address, FRESH).open()
    fresh.field("retraining_days").fill("seven")
    expect(fresh.field("retraining_days")).to_have_attribute("aria-invalid", "true", timeout=START_MS)
    assert violations(fresh.page, serious=False) == []
    context.close()


def paths(site, every):
    """Pages as links write them: all, or each fourth."""
    found = sorted(path.relative_to(site).as_posix().removesuffix("index.html") for path in site.rglob("index.html"))
    return found if every else found[::4]


@EVERY
def test_no_page_is_wider_than_the_narrowest_screen(launched, address, site, every):
    context = launched.new_context(viewport={"width": 320, "height": 640})
    page = context.new_page()
    for path in paths(site, every):
        page.goto(address + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
    context.close()


@pytest.mark.shared
def test_the_form_can_be_worked_by_keyboard_alone(page, fresh):
    fresh.open()
    page.locator("h1").click()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "retraining_days":
            break
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("21")
    page.keyboard.press("Enter")
    fresh.wait_for(fresh.expected())
    assert page.evaluate("document.activeElement.name") == "retraining_days"


@pytest.mark.core
def test_what_the_keyboard_reaches_is_covered_by_nothing(page, limited):
    limited.open()
    limited.wait_until("live")
    page.evaluate("document.querySelector('.calc-working').open = true")
    page.locator("h1").click()
    covered = """() => {
        const { left, right, top, bottom } = document.activeElement.getBoundingClientRect();
        // A tall table is seen in part.
        if (bottom - top > innerHeight / 2) return "";
        const at = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
        const seen = at && (at.contains(document.activeElement) || document.activeElement.contains(at));
        return seen ? "" : document.activeElement.outerHTML;
    }"""
    for key in ("Tab",) * 90 + ("Shift+Tab",) * 80:
        page.keyboard.press(key)
        assert page.evaluate(covered) == ""


def test_on_a_phone_the_answer_stays_in_sight_and_the_working_is_as_wide_as_the_screen(launched, address):
    context = launched.new_context(viewport={"width": 375, "height": 812})
    fresh = Calculator(context.new_page(), address, FRESH).open()
    page = fresh.page
    said = page.locator(".calc-peek-show .calc-peek-said")
    expect(said).to_be_hidden()
    # The last line of the verdict is still in the window, under the page's header.
    page.evaluate("scrollTo(0, document.querySelector('.calc-verdict').getBoundingClientRect().bottom - 20)")
    expect(said).to_be_visible()
    page.locator("[data-action=how]").first.click()
    expect(page.locator(".calc-working tr:focus code")).to_be_in_viewport(ratio=1)
    assert page.locator(".calc-working .calc-scroll").evaluate_all(
        "(all) => all.every((e) => e.scrollWidth <= e.clientWidth)"
    )
    context.close()


@EVERY
def test_a_visit_leaves_no_message_in_the_console(page, address, site, every):
    said = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    for path in paths(site, every):
        page.goto(address + path)
    assert said == []


# On another site


def test_an_embedded_calculator_stands_alone_and_gives_its_frame_its_height(launched, address):
    context = launched.new_context(viewport={"width": 1400, "height": 700})
    page = context.new_page()
    page.set_content(
        f'<title>host</title><iframe src="{address}{FRESH}?embed=dark&retraining_days=7" width="1300"></iframe>'
        f'<script type="module" src="{address}assets/embed.js"></script>'
    )
    frame = page.frame_locator("iframe")
    expect(frame.locator(".calc-answer").first).to_be_visible()
    expect(frame.locator(".md-header")).to_be_hidden()
    expect(frame.locator("h1")).to_be_hidden()
    expect(frame.locator("body")).to_have_attribute("data-md-color-scheme", "slate")
    expect(frame.locator("[name=retraining_days]")).to_have_value("7")
    assert frame.locator(".calculator").evaluate("(section) => section.getBoundingClientRect().left") == 0
    page.wait_for_timeout(800)
    tall = page.locator("iframe").evaluate("(frame) => Number(frame.height)")
    assert tall > 800
    page.evaluate("window.postMessage({height: 7}, '*')")
    page.wait_for_timeout(100)
    assert int(page.locator("iframe").get_attribute("height")) > 800
    context.close()


# Three of nine, in which each page and each width stands once.
@pytest.mark.parametrize(
    ("path", "width"),
    some(
        [(FRESH, 1280), (LIMITED, 1280), ("decide/", 1280), (LIMITED, 600), ("decide/", 600), (FRESH, 600),
         ("decide/", 375), (FRESH, 375), (LIMITED, 375)], 3,
    ),
)  # fmt: skip
def test_a_compact_calculator_is_less_than_700_pixels_high_and_leads_to_all_of_it(launched, address, path, width):
    context = launched.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    calculator = Calculator(page, address, path).open("?embed=compact-dark")
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")
    expect(calculator.answer).to_be_visible()
    shown = page.locator(".calc-form .calc-field:visible")
    assert 1 <= shown.count() <= 3
    assert page.locator(".calculator").evaluate("(section) => section.offsetHeight") < 700
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".calc-full").get_attribute("href") == address + path
    context.close()


def test_a_compact_calculator_has_the_fields_that_are_asked_for_and_works_out_what_is_typed(page, address):
    calculator = Calculator(page, address, LIMITED).open("?embed=compact&fields=gpus,labelled_examples&gpus=2")
    names = page.locator(".calc-form [data-default]:visible").evaluate_all("(all) => all.map((one) => one.name)")
    assert sorted(names) == ["gpus", "labelled_examples"]
    calculator.field("labelled_examples").fill("4321")
    calculator.wait_for(calculator.expected())
    full = page.locator(".calc-full").get_attribute("href")
    assert "labelled_examples=4321" in full
    assert "gpus=2" in full
    assert "embed" not in full
    assert "fields" not in full
