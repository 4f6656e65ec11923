"""What a reader does beyond typing, in a real browser: keep, compare, explore, open the working, take away."""

import csv
import io
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from conftest import EVERY, FIREFOX, ROOT, go, some
from playwright.sync_api import Page, expect

from calculator import MODEL_VERSION, catalog, engine
from calculator.faces import brief, browser

pytestmark = pytest.mark.browser

FRESH, DECIDE, LIMITED = "do-not/real-time-updates/", "decide/", "do-not/limited-compute/"
START_MS = 60_000
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
DEPENDS = {
    "default": (
        "color-contrast",
        "target-size",
        "scrollable-region-focusable",
        "aria-hidden-focus",
        "link-in-text-block",
    ),
    "slate": ("color-contrast", "link-in-text-block"),
}
"""The rules whose outcome depends on the width or on the scheme; the others are asked once a page."""
SETTLING_MS = 150
"""After a new width Material's scripts and ours make what has to be scrolled now reachable by keyboard."""
PRIMARY = {"default": "white", "slate": "black"}
TURN = """([scheme, primary]) => {
  Object.assign(document.body.dataset, { mdColorScheme: scheme, mdColorPrimary: primary });
}"""
NO_STORAGE = """
  // Only for our own keys: the theme's scripts do not expect it.
  for (const name of ["getItem", "setItem", "removeItem"]) {
    const plain = Storage.prototype[name];
    Storage.prototype[name] = function (key, ...rest) {
      if (key.startsWith("calculator ")) throw new DOMException("blocked", "SecurityError");
      return plain.call(this, key, ...rest);
    };
  }
"""


A_FEW = (DECIDE, "evidence/cases/", "404.html")


def names(site: Path, every: bool) -> list[str]:
    """Pages as links write them: some of each kind, or all."""
    found = (path.relative_to(site).as_posix().removesuffix("index.html") for path in sorted(site.rglob("*.html")))
    return [name for name in found if every or name in A_FEW]


def has_calculator(site: Path, name: str) -> bool:
    """Whether a page has one."""
    file = site / (name if name.endswith(".html") else f"{name}index.html")
    return "data-decision" in file.read_text("utf-8")


@pytest.fixture
def fresh(page: Page, address: str) -> Page:
    go(page, address, FRESH)
    return page


@pytest.fixture
def decide(page: Page, address: str) -> Page:
    go(page, address, DECIDE)
    return page


def field(page: Page, name: str):
    return page.locator(f'.calc-form [name="{name}"]')


def action(page: Page, name: str):
    return page.locator(f".calculator [data-action={name}]").first


def dialog(page: Page, kind: str):
    action(page, kind).click()
    found = page.locator(f".calc-dialog[data-kind={kind}]")
    expect(found).to_be_visible()
    return found


def said(page: Page, words: str) -> None:
    expect(page.locator(".calc-actions .calc-done")).to_contain_text(words, timeout=START_MS)


# One situation


@pytest.mark.shared
def test_a_situation_is_saved_loaded_renamed_and_deleted_by_keyboard_alone(fresh):
    field(fresh, "retraining_days").fill("7")
    action(fresh, "situation").focus()
    fresh.keyboard.press("Enter")
    box = fresh.locator(".calc-dialog")
    expect(box).to_contain_text("1 field is changed here.")
    box.get_by_label("Name").focus()
    fresh.keyboard.type("Weekly")
    fresh.keyboard.press("Enter")
    expect(box.get_by_role("status")).to_have_text("Saved as “Weekly” on this device.")
    box.get_by_role("button", name="Rename: Weekly").focus()
    fresh.keyboard.press("Enter")
    fresh.keyboard.type("Each week")
    fresh.keyboard.press("Enter")
    expect(box.get_by_role("button", name="Load: Each week")).to_be_visible()
    expect(box.get_by_role("button", name="Load: Weekly")).to_have_count(0)
    fresh.keyboard.press("Escape")
    expect(action(fresh, "situation")).to_be_focused()
    action(fresh, "clear").click()
    assert field(fresh, "retraining_days").input_value() != "7"
    box = dialog(fresh, "situation")
    box.get_by_role("button", name="Load: Each week").click()
    assert field(fresh, "retraining_days").input_value() == "7"
    box.get_by_role("button", name="Delete: Each week").click()
    expect(box).to_contain_text("None saved yet.")
    expect(box.get_by_label("Name")).to_be_focused()


@pytest.mark.shared
def test_a_saved_situation_is_there_on_another_page(fresh, address):
    field(fresh, "requests_per_month").fill("123456")
    box = dialog(fresh, "situation")
    box.get_by_label("Name").fill("Ours")
    box.get_by_role("button", name="Save").click()
    fresh.keyboard.press("Escape")
    action(fresh, "clear").click()
    fresh.goto(address + DECIDE)
    dialog(fresh, "situation").get_by_role("button", name="Load: Ours").click()
    assert field(fresh, "requests_per_month").input_value() == "123456"


@pytest.mark.shared
def test_one_changed_field_can_be_undone(fresh):
    before = field(fresh, "retraining_days").input_value()
    field(fresh, "retraining_days").fill("7")
    field(fresh, "fact_half_life_days").fill("500")
    box = dialog(fresh, "situation")
    label = field(fresh, "retraining_days").evaluate("(c) => c.labels[0].firstChild.textContent.trim()")
    box.get_by_role("button", name=f"Undo: {label}").click()
    assert field(fresh, "retraining_days").input_value() == before
    assert field(fresh, "fact_half_life_days").input_value() == "500"
    assert fresh.evaluate("document.querySelector('.calc-dialog').contains(document.activeElement)")


@pytest.mark.shared
@pytest.mark.parametrize("kind", some(["TOML", "JSON"], 1))
def test_a_situation_goes_out_as_a_file_and_comes_back(fresh, download, kind):
    action(fresh, "situation")
    fresh.locator("[data-presets]").select_option("news-bot")
    field(fresh, "retraining_days").fill("7")
    before = fresh.evaluate("Object.fromEntries(new FormData(document.querySelector('.calc-form')))")
    box = dialog(fresh, "situation")
    file = download(box.get_by_role("button", name=f"Download {kind}"))
    assert file.suffix == f".{kind.lower()}"
    text = file.read_text("utf-8")
    found = tomllib.loads(text) if kind == "TOML" else json.loads(text)
    assert found["preset"] == "news-bot"
    assert found["situation"]["retraining_days"] == "7"
    fresh.keyboard.press("Escape")
    action(fresh, "clear").click()
    box = dialog(fresh, "situation")
    box.get_by_label("or paste TOML or JSON").fill(text)
    box.get_by_role("button", name="Use these numbers").click()
    expect(box.get_by_role("status")).to_contain_text("taken over", timeout=START_MS)
    assert fresh.evaluate("Object.fromEntries(new FormData(document.querySelector('.calc-form')))") == before


@pytest.mark.shared
def test_a_file_that_cannot_be_read_is_refused_by_line_and_changes_nothing(fresh):
    before = field(fresh, "retraining_days").input_value()
    box = dialog(fresh, "situation")
    box.get_by_label("Read a file").set_input_files(
        {"name": "ours.toml", "mimeType": "text/plain", "buffer": b'[situation]\nretraining_days = "soon"\ngpus = 3\n'}
    )
    alert = box.get_by_role("alert")
    expect(alert).to_contain_text("Line 2, retraining_days", timeout=START_MS)
    assert field(fresh, "retraining_days").input_value() == before


@pytest.mark.shared
@pytest.mark.parametrize("kind", some(["JSON", "TOML"], 1))
def test_a_saved_file_gives_the_same_answer_on_the_command_line(fresh, download, kind):
    field(fresh, "retraining_days").fill("5 to 9")
    expect(fresh).to_have_url(re.compile("retraining_days=5"), timeout=START_MS)
    file = download(dialog(fresh, "situation").get_by_role("button", name=f"Download {kind}"))
    command = [sys.executable, "-m", "calculator", "run", "real_time_updates", "--input", str(file), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert json.loads(done.stdout)["answer"] == fresh.locator(".calc-answer").first.inner_text()


@pytest.mark.shared
def test_a_file_that_is_no_situation_does_no_harm(fresh):
    fresh.on("dialog", lambda opened: pytest.fail(f"a dialog opened: {opened.message}"))
    for text in ("{", "[]", "null", "7", '{"gpus": {"a": 1}}', '{"retraining_days": "<img src=x onerror=alert(1)>"}'):
        box = dialog(fresh, "situation")
        expect(box.get_by_role("alert")).to_have_count(0)
        box.get_by_label("or paste TOML or JSON").fill(text)
        box.get_by_role("button", name="Use these numbers").click()
        expect(box.get_by_role("alert")).not_to_be_empty(timeout=START_MS)
        assert fresh.locator(".calculator img").count() == 0, text
        fresh.keyboard.press("Escape")
        expect(box).to_have_count(0)


def test_a_blocked_storage_is_said_and_breaks_nothing(page, address, download):
    page.add_init_script(NO_STORAGE)
    page.goto(address + FRESH)
    field(page, "retraining_days").fill("7")
    box = dialog(page, "situation")
    box.get_by_label("Name").fill("Ours")
    box.get_by_role("button", name="Save").click()
    expect(box.get_by_role("status")).to_contain_text("its storage is blocked or full")
    assert 'retraining_days = "7"' in download(box.get_by_role("button", name="Download TOML")).read_text("utf-8")


# Compare


@pytest.mark.shared
def test_two_situations_stand_side_by_side_with_what_made_the_difference(fresh):
    field(fresh, "retraining_days").fill("7")
    box = dialog(fresh, "compare")
    expect(box.locator(".calc-side")).to_have_count(2, timeout=START_MS)
    box.get_by_label("with this").select_option("preset:news-bot")
    expect(box.get_by_role("status")).to_contain_text("news", timeout=START_MS)
    expect(box).to_contain_text("What made the difference")
    expect(box).to_contain_text("Every result")
    assert box.locator(".calc-answer").count() == 2
    fresh.keyboard.press("Escape")
    expect(action(fresh, "compare")).to_be_focused()


# Explore


def sweep_button(page: Page, name: str):
    return page.locator(f'.calc-field:has([name="{name}"]) .calc-sweep')


@pytest.mark.shared
def test_a_field_is_swept_by_keyboard_and_the_curve_follows_the_form(decide):
    opener = sweep_button(decide, "requests_per_month")
    expect(opener).to_have_accessible_name(re.compile("^Result over "))
    opener.focus()
    decide.keyboard.press("Enter")
    panel = decide.locator(".calc-swept")
    expect(panel.locator(".calc-chart")).to_be_visible(timeout=START_MS)
    expect(opener).to_be_focused()
    expect(opener).to_have_attribute("aria-expanded", "true")
    expect(panel).to_contain_text(re.compile("from [0-9,]+.*: "))
    expect(panel.get_by_role("status")).to_contain_text("The answer changes")
    expect(panel).to_be_in_viewport(ratio=1)
    before = panel.locator(".calc-line").first.get_attribute("d")
    field(decide, "failure_usd").fill("33")
    expect(panel.locator(".calc-line").first).not_to_have_attribute("d", before, timeout=START_MS)
    opener.click()
    expect(panel).to_have_count(0)


@pytest.mark.shared
def test_a_sweep_is_left_with_the_escape_key(decide):
    opener = sweep_button(decide, "requests_per_month")
    opener.focus()
    decide.keyboard.press("Enter")
    panel = decide.locator(".calc-swept")
    expect(panel.locator("summary").first).to_be_visible(timeout=START_MS)
    decide.keyboard.press("Tab")
    expect(panel.locator(".calc-chart")).to_be_focused()
    decide.keyboard.press("Tab")
    expect(panel.locator("summary").first).to_be_focused()
    decide.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(opener).to_be_focused()
    expect(opener).to_have_attribute("aria-expanded", "false")


@pytest.mark.shared
def test_every_number_has_its_sweep(fresh):
    inputs = fresh.locator(".calc-form input[type=text][data-default]").count()
    assert inputs == fresh.locator(".calc-form .calc-sweep").count() > 5


@pytest.mark.shared
def test_a_sweep_with_a_wrong_field_says_why(fresh):
    field(fresh, "retraining_days").fill("soon")
    sweep_button(fresh, "fact_half_life_days").click()
    expect(fresh.locator(".calc-swept [role=status]")).to_contain_text("Not shown", timeout=START_MS)


@pytest.mark.shared
def test_a_map_is_drawn_over_two_fields_and_never_keeps_typing_waiting(decide):
    fold = decide.locator(".calc-map")
    fold.locator("summary").click()
    expect(fold.locator(".calc-chart")).to_be_visible(timeout=START_MS)
    expect(fold.get_by_label("Across")).to_have_value("requests_per_month")
    expect(fold.get_by_label("Up")).to_have_value("labelled_examples")
    before = fold.locator("svg").inner_html()
    fold.get_by_label("Up").select_option("prompted_accuracy_share")
    field(decide, "failure_usd").fill("33")
    expect(decide).to_have_url(re.compile("failure_usd=33"), timeout=START_MS)
    expect(fold.locator("h3")).to_contain_text("accuracy", timeout=START_MS)
    expect(fold.locator("progress")).not_to_have_attribute("data-busy", "", timeout=START_MS)
    assert fold.locator("svg").inner_html() != before
    fold.get_by_label("Up").select_option("requests_per_month")
    expect(fold.locator(".calc-map-body > [role=status]")).to_have_text("Choose two different numbers.")


# The working


@pytest.mark.shared
def test_a_number_opens_to_its_working_and_an_assumption_to_its_field(fresh):
    fresh.locator(".calc-tile [data-action=how]").first.click()
    expect(fresh.locator(".calc-working")).to_have_attribute("open", "")
    expect(fresh.locator(".calc-working [data-result]:focus")).to_have_count(1)
    change = fresh.locator(".calc-working [data-action=change]").first
    name = change.get_attribute("data-field")
    change.click()
    expect(field(fresh, name)).to_be_focused()
    expect(fresh.locator(".calc-shell")).to_contain_text("python -m calculator run real_time_updates")


# Take away


@pytest.mark.shared
def test_files_and_copies_hold_what_the_page_shows(fresh, download):
    field(fresh, "retraining_days").fill("7")
    expect(fresh).to_have_url(re.compile("retraining_days=7"), timeout=START_MS)
    fresh.locator(".calc-more > summary").click()
    texts = {}
    for name, ending in (("record", "md"), ("csv", "csv"), ("json", "json")):
        file = download(action(fresh, name))
        assert re.fullmatch(rf"real-time-updates-\d{{4}}-\d\d-\d\d\.{ending}", file.name)
        texts[name] = file.read_text("utf-8-sig")
    answer = fresh.locator(".calc-answer").first.inner_text()
    assert answer in texts["record"]
    assert json.loads(texts["json"])["answer"] == answer
    rows = {row["field"]: row for row in csv.DictReader(io.StringIO(texts["csv"]))}
    assert rows["retraining_days"]["value"] == "7"
    action(fresh, "copy-json").click()
    said(fresh, "Copied as JSON.")
    assert json.loads(fresh.evaluate("navigator.clipboard.readText()"))["answer"] == answer
    action(fresh, "cite").click()
    said(fresh, "Citation copied.")
    cited = fresh.evaluate("navigator.clipboard.readText()")
    assert MODEL_VERSION in cited
    assert "retraining_days=7" in cited
    action(fresh, "embed").click()
    said(fresh, "Lines for your own page copied.")
    assert re.search(r"\?embed&amp;.*retraining_days=7", fresh.evaluate("navigator.clipboard.readText()"))


@pytest.mark.shared
def test_a_wrong_number_is_reported_with_the_link_that_shows_it(fresh):
    field(fresh, "retraining_days").fill("7")
    expect(fresh).to_have_url(re.compile("retraining_days=7"), timeout=START_MS)
    fresh.locator(".calc-more > summary").click()
    link = fresh.locator(".calc-wrong")
    expect(link).to_be_visible()
    assert "/issues/new?template=wrong-number.yml&link=http" in link.get_attribute("href")
    assert "retraining_days%3D7" in link.get_attribute("href")


@EVERY
def test_every_number_of_a_calculator_prints_to_three_pages_with_its_link_and_its_inputs_as_text(
    page, address, site, every
):
    page.add_init_script("window.print = () => window.dispatchEvent(new Event('beforeprint'));")
    for name in names(site, every):
        if not has_calculator(site, name):
            continue
        page.goto(address + name)
        page.locator(".calc-more > summary").click()
        action(page, "print").click()
        assert page.locator(".calculator").first.get_attribute("data-link") == address + name
        inputs = page.locator(".calc-form [data-default]").count()
        assert page.locator(".calc-field[data-shown]").count() == inputs > 5
        printed = page.pdf(format="A4", prefer_css_page_size=True)
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) <= 3, name


@EVERY
def test_what_a_browser_prints_of_a_page_with_a_calculator_is_its_brief_on_one_page(page, address, site, every):
    for name in names(site, every):
        if not has_calculator(site, name):
            continue
        page.goto(address + name)
        page.emulate_media(media="print")
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        text = page.locator("body").inner_text()
        for said in ("Decision brief:", "Owner:", "Review on:", "What would flip it", address + name):
            assert said in text, (name, said)
        assert page.locator(".calc-form").first.is_hidden()
        assert page.locator("h1").is_hidden()
        printed = page.pdf(format="A4", prefer_css_page_size=True)
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1, name
        page.emulate_media(media="screen")
        assert page.locator(".calc-brief").is_hidden()


@pytest.mark.shared
def test_a_downloaded_brief_is_what_native_python_writes(fresh, download):
    field(fresh, "retraining_days").fill("7")
    expect(fresh).to_have_url(re.compile("retraining_days=7"), timeout=START_MS)
    fresh.locator(".calc-more > summary").click()
    name = fresh.locator(".calculator").get_attribute("data-decision")
    decision = catalog.decision(name)
    preset = fresh.locator("[data-presets]").first.input_value()
    given, _ = browser.merge(name, {"retraining_days": "7"}, preset)
    report = engine.evaluate(name, decision, engine.read(decision, given))
    for kind, ending, write in (("page", "html", brief.as_page), ("markdown", "md", brief.as_markdown)):
        file = download(action(fresh, f"brief-{kind}"))
        assert re.fullmatch(rf"real-time-updates-\d{{4}}-\d\d-\d\d\.{ending}", file.name)
        text = file.read_text("utf-8")
        day = re.search(r"\d+ \w+ 20\d\d", text)[0]
        site = fresh.url.partition("?")[0]
        assert text == write(brief.brief_of(report, browser.start_of(name, preset), site, day))


# Numbers as the reader writes them


def test_numbers_and_money_are_shown_in_the_readers_way_and_fields_stay_plain(launched, address):
    context = launched.new_context(locale="de-DE")
    page = context.new_page()
    page.goto(address + DECIDE)
    figure = page.locator(".calc-tile", has_text="Cost to start").locator(".calc-figure")
    expect(figure).to_have_text(re.compile(r"^\d{1,3}\.\d{3}\s\$$"))
    dollars = int(re.sub(r"\D", "", figure.inner_text()))
    box = dialog(page, "situation")
    box.get_by_label("Currency").fill("eur")
    box.get_by_label("for one US dollar").fill("0,5")
    box.get_by_role("button", name="Show").click()
    expect(figure).to_contain_text("€")
    euros = float(re.sub(r"[^\d,]", "", figure.inner_text()).replace(",", "."))
    assert abs(euros - dollars / 2) <= 1
    expect(page.locator(".calc-money")).to_contain_text("EUR at 0.5 for one US dollar, by your own factor")
    page.keyboard.press("Escape")
    assert field(page, "budget_usd").input_value() == field(page, "budget_usd").get_attribute("data-default")
    page.reload()
    expect(figure).to_contain_text("€")
    dialog(page, "situation").get_by_role("button", name="Back to USD").click()
    expect(figure).to_have_text(re.compile(r"\$$"))
    expect(page.locator(".calc-money")).to_have_count(0)
    context.close()


# Found, and for everyone


def test_the_search_finds_a_calculator_by_what_it_computes(page, address):
    page.goto(address)
    page.locator("[data-md-component=search-query]").click()
    page.locator("[data-md-component=search-query]").press_sequentially("peak memory", delay=30)
    found = page.locator(".md-search-result__link[href*=limited-compute]").first
    expect(found).to_be_visible(timeout=START_MS)


def test_the_search_puts_a_calculator_before_what_is_written_about_it(page, address):
    page.goto(address)
    page.locator("[data-md-component=search-query]").click()
    page.locator("[data-md-component=search-query]").press_sequentially("memory", delay=30)
    found = page.locator(".md-search-result__link").first
    expect(found).to_have_attribute("href", re.compile("limited-compute"), timeout=START_MS)


WORDS = {
    "VRAM": "do-not/limited-compute/",
    "which GPU": "do-not/limited-compute/",
    "LoRA or full": "do-not/limited-compute/",
    "DPO": "do-not/limited-compute/",
    "RLHF": "fine-tune/high-accuracy/",
    "distillation": "small-models/limited-data/",
    "RAG or fine-tune": "fine-tune/industry-knowledge/",
    "latency": "small-models/real-time-response/",
    "synthetic data": "do-not/too-little-data/",
    "glossary": "reference/glossary/",
}


def test_the_search_answers_in_the_words_that_people_use(page, address):
    page.goto(address)
    box = page.locator("[data-md-component=search-query]")
    box.click()
    results = page.locator(".md-search-result__item > .md-search-result__link")
    for words, leads_to in WORDS.items():
        box.press_sequentially(words, delay=30)
        expect(page.locator(f".md-search-result__link[href*='{leads_to}']").first).to_be_visible(timeout=START_MS)
        found = results.evaluate_all("(all) => all.map((link) => new URL(link.href).pathname)")
        assert [path for path in found[:3] if path.endswith(leads_to)], (words, found[:5])
        box.fill("")
        expect(results).to_have_count(0)


def test_a_page_that_is_not_there_offers_the_search_and_every_question(page, address):
    page.goto(address + "no/such/page/")
    links = page.locator(".md-content li a")
    assert links.count() == len(catalog.names()) + 1, "every decision, and the front page with the overall one"
    page.get_by_text("Search the site").click()
    expect(page.locator("[data-md-component=search-query]")).to_be_focused()
    page.keyboard.press("Escape")
    links.filter(has_text="Does it fit").click()
    expect(page.locator(".calculator[data-decision=limited_compute]")).to_be_visible()


def test_the_tools_are_fetched_only_when_one_is_opened(page, address):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address + DECIDE)
    page.wait_for_timeout(500)
    assert not [url for url in asked if "explore" in url or "display" in url]
    dialog(page, "situation")
    assert [url for url in asked if "assets/explore.js?v=" in url]


@EVERY
def test_axe_finds_nothing_in_the_tools(launched, address, every):
    for scheme, width in (("light", 1280), ("dark", 375)) if every else (("dark", 375),):
        context = launched.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce"
        )
        page = context.new_page()
        page.goto(address + DECIDE)
        if width < 600:
            page.locator(".calc-peek-show button").click()
        sweep_button(page, "requests_per_month").click()
        expect(page.locator(".calc-swept .calc-chart")).to_be_visible(timeout=START_MS)
        page.locator(".calc-map > summary").click()
        expect(page.locator(".calc-map .calc-chart")).to_be_visible(timeout=START_MS)
        page.locator(".calc-more > summary").click()
        for part in (".calc-swept", ".calc-map", ".calc-more"):
            assert wrong(page, within=part) == [], (scheme, width, part)
        # Firefox 153 crashes (signal 11) while axe looks at an open dialog.
        for kind in () if FIREFOX else ("situation", "compare"):
            if width < 600:
                page.locator(".calc-peek-show button").click()
            box = dialog(page, kind)
            page.wait_for_timeout(1200)
            assert wrong(page, within=".calc-dialog") == [], (scheme, width, kind)
            page.keyboard.press("Escape")
            expect(box).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        context.close()


def wrong(page: Page, rules: tuple[str, ...] = (), within: str | None = None) -> list[tuple[str, list[str]]]:
    """What axe finds, rule by rule. Its source goes into a page once, and it tells of nothing but violations."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text("utf-8"))
    options: dict = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = list(rules)
    return page.evaluate(
        """async ([within, options]) => (await axe.run(within ?? document, options)).violations
          .map(({id, nodes}) => [id, nodes.slice(0, 3).map(({target}) => target.join(" "))])""",
        [within, options],
    )


@EVERY
def test_axe_finds_nothing_on_a_page_in_both_schemes_at_three_widths(launched, address, site, every):
    context = launched.new_context(bypass_csp=True, reduced_motion="reduce")
    page = context.new_page()
    found = []
    for name in names(site, every):
        page.goto(address + name)
        page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
        # In every width and scheme: one page, or all.
        for width in (1280, 768, 320) if every or name == DECIDE else (1280, 320):
            page.set_viewport_size({"width": width, "height": 800})
            page.wait_for_timeout(SETTLING_MS)
            for scheme in ("default", "slate") if every or name == DECIDE or width == 320 else ("default",):
                page.evaluate(TURN, [scheme, PRIMARY[scheme]])
                rules = () if (width, scheme) == (1280, "default") else DEPENDS[scheme]
                found += [(name, width, scheme, each) for each in wrong(page, rules)]
    context.close()
    assert found == []
