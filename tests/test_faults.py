"""Faults injected in a real browser: whatever breaks, the page says so, and nothing that was typed is lost."""

import json
import re
import shutil
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlencode

import pytest
from conftest import EVERY, FOLLOW, LEFT_OUT, launch, only_in_chromium, raised_in, some
from faults import Place
from hostile import FORMULAS, MARKUP, ODD_TEXT, TOML
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect
from test_browser import FRESH, LIMITED, START_MS, WATCH_WORKERS, Calculator

from bench import endurance
from calculator.web import publish
from calculator.web.bundle import wasm

pytestmark = pytest.mark.browser

FIELD, TYPED = "retraining_days", "11"
EDITS = 1000
SILENCE_MS = 8_000
IMPATIENT = f"""
  const patient = window.setTimeout;
  const isLong = (ms) => ms >= 20_000 && window.workers.length <= 1;
  window.setTimeout = (act, ms, ...rest) => patient(act, isLong(ms) ? {SILENCE_MS} : ms, ...rest);
"""
NO_WEBASSEMBLY = "delete globalThis.WebAssembly;\n"
NO_MEMORY = """
  WebAssembly.Memory = class { constructor() { throw new RangeError("could not allocate memory"); } };
"""
MEMORY_THAT_CANNOT_GROW = """
  WebAssembly.Memory.prototype.grow = () => { throw new RangeError("no more memory"); };
"""
DIES_WHILE_RESTORING = """
  const instantiate = WebAssembly.instantiate;
  WebAssembly.instantiate = (...given) => { self.close(); return instantiate(...given); };
"""
CLOCK_OF_1970 = """
  const Today = Date;
  globalThis.Date = class extends Today {
    constructor(...given) { super(...(given.length ? given : [0])); }
    static now() { return 0; }
  };
"""
NO_STORAGE = """
  for (const name of ["localStorage", "sessionStorage", "caches", "indexedDB"]) {
    Object.defineProperty(window, name, { get() { throw new DOMException("blocked", "SecurityError"); } });
  }
"""
TYPE_ON = """async (name) => {
  const section = document.querySelector(".calculator");
  const field = section.querySelector(`[name=${name}]`);
  const found = { answers: 0, lost: [] };
  new MutationObserver(() => { found.answers += 1; }).observe(section.querySelector(".calc-verdict"), {
    childList: true, subtree: true, characterData: true,
  });
  const type = (text) => {
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const link = () => new URLSearchParams(location.search).get(name);
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  for (let round = 1; round <= 3; round += 1) {
    type(`${round}00000000`);
    await wait(260);
    for (let count = 1; count <= 40; count += 1) {
      type(`${round}000${count}`);
      await wait(10);
      if (link() !== field.value) found.lost.push([link(), field.value]);
    }
  }
  return found;
}"""
"""Asks, and types on while the answer is on its way: each question is asked after the longest pause in typing."""
OWN_SCRIPT = "document.currentScript.parentNode.dataset.pending"
"""What a calculator itself runs before its first paint: it says whether the address asks for another answer."""
NOTHING_RAN = (
    """() => window.ran === undefined
  && [
    ...document.querySelectorAll(".calculator :is(img, script, iframe, object, embed, video, base, link, meta, style)"),
  ].every((element) => element.matches(".calculator > script") && element.text.includes("OWN"))
  && ![...document.querySelectorAll(".calculator *")].some((element) => [...element.attributes].some(
    ({ name, value }) => name.startsWith("on") || /^\\s*javascript:/i.test(value) && name !== "value"))"""
).replace("OWN", OWN_SCRIPT)


NONSENSE = (
    *("{", "null", "[]", '"x"', "7", '{"fields": [], "preset": []}', '{"fields": {"__proto__": {"a": 1}}}'),
    *('{"code": "zz", "factor": 1}', '{"code": "EUR"}', '{"code": "EUR", "factor": -1}', '{"code": ["EUR"]}'),
    *('{"code": "EUR", "factor": "0.9"}', '{"code": "EUR", "factor": 1e999}', '{"a": null, "c": {"fields": 7}}'),
)


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[Place]:
    """The one server of these tests."""
    with Place(site).running() as place:
        yield place


@pytest.fixture
def place(served: Place, site: Path) -> Iterator[Place]:
    """The server without faults, before and after."""
    yield served
    served.mend()
    served.release(site)


@pytest.fixture
def context(launched: Browser, place: Place) -> Iterator[BrowserContext]:
    """A fresh profile. Fails the test when any page or worker of it asked another origin for anything."""
    made = launched.new_context(viewport={"width": 1280, "height": 900})
    asked: list[str] = []
    made.on("request", lambda request: asked.append(request.url))
    yield made
    made.close()
    foreign = [url for url in asked if not url.startswith((place.address, "data:", "blob:"))]
    assert not foreign, foreign


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page of a fresh profile. Fails the test when a script of it raised or opened a dialog."""
    made = context.new_page()
    raised = raised_in(made)
    made.on("dialog", lambda dialog: (raised.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    made.add_init_script(WATCH_WORKERS)
    yield made
    assert not raised, raised


@pytest.fixture
def fresh(page: Page, place: Place) -> Calculator:
    """A short calculator, not opened yet."""
    return Calculator(page, place.address, FRESH)


def stands(calculator: Calculator, *said: str, typed: str = TYPED) -> None:
    """The fault is said in words, what was typed is kept, and no other result is taken for that of these numbers.

    A result from before is marked as one; where there is none for these numbers, the panel says so in its place.
    """
    calculator.wait_until("failed")
    for words in (*said, "what you typed is kept" if "typed" not in "".join(said) else ""):
        expect(calculator.state).to_contain_text(words, ignore_case=True, timeout=START_MS)
    pending = calculator.page.locator(".calculator").first.get_attribute("data-pending") is not None
    shown = calculator.page.locator(".calc-pending").first if pending else calculator.answer
    assert shown.inner_text().strip()
    assert calculator.values()[FIELD] == typed
    expect(calculator.page.locator(".calculator")).to_have_attribute("data-stale", "")
    expect(calculator.page.locator("[data-action=retry]:visible")).to_have_count(1)


def works(calculator: Calculator) -> None:
    """The page shows what native Python gives for what the form holds."""
    calculator.wait_for(calculator.expected())
    expect(calculator.page.locator(".calculator")).not_to_have_attribute("data-stale", "")


def until(page: Page, expression: str, seconds: float = 60) -> Any:
    """Poll from outside: the site's policy forbids the evaluation that Playwright's own waiting uses.

    Until Material has read its map of the site, a link loads its page whole: a document may go while it is asked.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            found = page.evaluate(expression)
        except Error as error:
            if "context was destroyed" not in error.message:
                raise
            found = None
        if found:
            return found
        page.wait_for_timeout(50)
    return pytest.fail(f"{expression} did not come true in {seconds} s")


# A worker that dies


def test_a_worker_killed_while_it_loads_is_replaced(page: Page, place: Place, fresh: Calculator) -> None:
    page.add_init_script(IMPATIENT)
    held = place.break_("wasm-", held=Event(), times=1)
    fresh.open()
    fresh.field(FIELD).fill(TYPED)
    fresh.wait_until("starting")
    until(page, "window.workers.length === 1")
    page.evaluate("window.workers[0].terminate()")
    assert held.held is not None
    held.held.set()
    works(fresh)
    assert page.evaluate("window.workers.length") > 1
    assert fresh.values()[FIELD] == TYPED


def test_a_worker_that_dies_while_it_restores_python_is_replaced(page: Page, place: Place, fresh: Calculator) -> None:
    page.add_init_script(IMPATIENT)
    place.break_("runtime/worker-", before=DIES_WHILE_RESTORING, times=1)
    fresh.open()
    fresh.field(FIELD).fill(TYPED)
    works(fresh)
    assert page.evaluate("window.workers.length") == 2


@pytest.mark.core
def test_a_worker_killed_while_it_computes_is_replaced_and_asked_again(page: Page, fresh: Calculator) -> None:
    fresh.open()
    fresh.field(FIELD).fill("7")
    works(fresh)
    page.evaluate(
        """() => {
          const worker = window.workers[0];
          const post = worker.postMessage.bind(worker);
          worker.postMessage = (message) => { post(message); worker.terminate(); };
        }"""
    )
    fresh.field(FIELD).fill(TYPED)
    works(fresh)
    page.evaluate("window.workers.at(-1).dispatchEvent(new ErrorEvent('error', { message: 'out of memory' }))")
    fresh.field(FIELD).fill("13")
    works(fresh)
    assert page.evaluate("window.workers.length") == 3


def test_a_worker_that_always_dies_is_given_up_in_words_and_can_be_tried_again(
    page: Page, place: Place, fresh: Calculator
) -> None:
    fresh.open()
    fresh.field(FIELD).fill("7")
    works(fresh)
    page.evaluate(
        """() => {
          window.deadly = true;
          const post = Worker.prototype.postMessage;
          Worker.prototype.postMessage = function (...given) {
            if (window.deadly) this.dispatchEvent(new ErrorEvent("error"));
            else post.apply(this, given);
          };
        }"""
    )
    fresh.field(FIELD).fill(TYPED)
    stands(fresh, "has stopped", "the result below is from before")
    page.evaluate("window.deadly = false")
    page.locator("[data-action=retry]:visible").click()
    works(fresh)


# Memory


def test_no_memory_for_python_is_said_and_can_be_tried_again(page: Page, place: Place, fresh: Calculator) -> None:
    place.break_("runtime/worker-", before=NO_MEMORY)
    fresh.open()
    fresh.field(FIELD).fill(TYPED)
    stands(fresh, "could not allocate memory")
    place.mend()
    page.locator("[data-action=retry]:visible").click()
    works(fresh)


def test_memory_that_runs_full_in_a_computation_costs_nothing_but_that_answer(
    page: Page, place: Place, fresh: Calculator
) -> None:
    place.break_("runtime/worker-", before=MEMORY_THAT_CANNOT_GROW, times=1)
    fresh.open()
    fresh.field(FIELD).fill(TYPED)
    works(fresh)
    # More than is free there, and little enough that a busy machine takes it in before the page thinks the worker dead.
    page.evaluate(
        """() => {
          const worker = window.workers[0];
          const post = worker.postMessage.bind(worker);
          worker.postMessage = ({ id, key, request }) => post({ id, key, request: request + " ".repeat(10_000_000) });
        }"""
    )
    fresh.field(FIELD).fill("12")
    expect(fresh.state).to_contain_text("MemoryError", timeout=START_MS)
    expect(page.locator(".calculator")).to_have_attribute("data-stale", "")
    assert fresh.answer.inner_text().strip()
    until(page, "window.workers.length === 2")
    fresh.field(FIELD).fill("13")
    works(fresh)


# Files of the runtime


@pytest.mark.parametrize(
    ("path", "fault"),
    some(
        [
            ("runtime/worker-", {"missing": True}),
            ("runtime/worker-", {"keep": 0.5}),
            ("wasm-", {"missing": True}),
            ("wasm-", {"content": b"<!doctype html><title>Sign in to this network</title>"}),
            ("wasm-", {"keep": 0.5}),
            ("glue-", {"keep": 0.5}),
            ("heap-|runtime/library-", {"flip": True}),
            ("runtime/loader-", {"missing": True}),
        ],
        4,
    ),
    ids=lambda value: str(value)[:40],
)
def test_a_file_that_stays_broken_is_said_and_one_that_is_mended_works(
    page: Page, place: Place, fresh: Calculator, path: str, fault: dict[str, Any]
) -> None:
    place.break_(path, **fault)
    fresh.open()
    fresh.field(FIELD).fill(TYPED)
    stands(fresh)
    place.mend()
    page.locator("[data-action=retry]:visible").click()
    works(fresh)


def test_a_file_that_is_missing_is_said_while_another_is_still_on_its_way(place: Place, fresh: Calculator) -> None:
    place.break_("wasm-", bytes_per_s=1_000_000)
    place.break_("runtime/leanglue-|runtime/library-", missing=True)
    fresh.open()
    fresh.field(FIELD).fill(TYPED)
    stands(fresh)
    fresh.page.wait_for_timeout(500)


@pytest.mark.parametrize(
    ("path", "fault"),
    some([("heap-", {"flip": True}), ("wasm-", {"keep": 0.7}), ("runtime/worker-", {"content": b"not a script"})], 1),
    ids=lambda value: str(value)[:40],
)
def test_a_file_that_came_damaged_once_is_fetched_again_without_a_word(
    place: Place, fresh: Calculator, path: str, fault: dict[str, Any]
) -> None:
    place.break_(path, times=1, **fault)
    fresh.open()
    fresh.field(FIELD).fill(TYPED)
    works(fresh)


def test_a_snapshot_of_another_release_gives_way_to_the_ordinary_start(
    page: Page, place: Place, fresh: Calculator, site: Path
) -> None:
    late = next((site / "assets/runtime").glob("late-*")).read_bytes()
    place.break_("runtime/heap-|runtime/smallheap-", content=late)
    said = []
    page.on("console", lambda message: said.append(message.text))
    fresh.open()
    fresh.field(FIELD).fill(TYPED)
    works(fresh)
    assert any("is not of this release" in text for text in said), said
    assert any("library-" in asked for asked in place.asked)


def without_number_reading(site: Path) -> bytes:
    """The quick start's wasm file with one function less: it starts, and its first result meets an emptied body."""
    (runtime,) = (site / "assets" / "runtime").glob("leanwasm-*")
    (whole,) = (site / "assets" / "runtime").glob("wasm-*")
    lean, full = runtime.read_bytes(), whole.read_bytes()
    (index,) = (e.index for e in wasm.exports(full) if e.name == "PyFloat_FromString")
    kept = {place for place, body in enumerate(wasm.bodies(lean)) if body != wasm.UNREACHABLE}
    return wasm.emptied(lean, kept - {index - wasm.imported_functions(full)})


@pytest.mark.core
def test_an_answer_that_meets_an_emptied_function_costs_one_restart_and_nothing_else(
    context: BrowserContext, place: Place, site: Path
) -> None:
    place.break_("runtime/leanwasm-", content=without_number_reading(site))
    page = context.new_page()
    page.add_init_script(WATCH_WORKERS)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    fresh = Calculator(page, place.address, FRESH)
    fresh.open()
    fresh.field(FIELD).fill(TYPED)
    works(fresh)
    assert fresh.values()[FIELD] == TYPED
    assert page.evaluate("window.workers.length") == 2
    assert any(LEFT_OUT in text for text in said), said
    assert any("/wasm-" in asked for asked in place.asked)


# The network


def test_a_slow_line_keeps_what_is_typed_meanwhile(page: Page, place: Place, fresh: Calculator) -> None:
    page.add_init_script(IMPATIENT)
    place.break_("wasm-", bytes_per_s=900_000)
    fresh.open()
    fresh.field(FIELD).fill("7")
    fresh.wait_until("starting")
    page.wait_for_timeout(3000)
    fresh.field(FIELD).fill(TYPED)
    expect(fresh.state).to_contain_text("What you type meanwhile is kept")
    expect(page.locator(".calculator")).to_have_attribute("data-stale", "")
    works(fresh)
    assert page.evaluate("window.workers.length") == 1


def test_a_line_cut_in_mid_download_is_said_and_taken_up_when_the_network_is_back(
    context: BrowserContext, page: Page, place: Place, fresh: Calculator
) -> None:
    place.break_("wasm-", bytes_per_s=2_000_000, keep=0.5)
    fresh.open()
    fresh.field(FIELD).fill(TYPED)
    fresh.wait_until("starting")
    page.wait_for_timeout(500)
    context.set_offline(True)
    stands(fresh, "there is no network")
    place.mend()
    context.set_offline(False)
    works(fresh)


# What the browser stores


def lasts_within_the_visit(page: Page, place: Place, fresh: Calculator) -> None:
    """What is typed without storage is said to be gone later, and stands on the next page."""
    fresh.field("requests_per_month").fill("123456")
    fresh.wait_until("live")
    expect(page.locator(".calculator")).not_to_have_attribute("data-stale", "", timeout=START_MS)
    expect(page.locator(".calc-situation")).to_contain_text("gone when the page is closed")
    # Until the theme has started a link is followed by a whole load.
    expect(page.locator("html.js")).to_be_attached()
    page.locator(".md-tabs__link", has_text="Decide").click()
    expect(page.locator("h1")).to_contain_text("What should you do")
    assert Calculator(page, place.address, "decide/").values()["requests_per_month"] == "123456"


def test_storage_that_is_blocked_costs_nothing_within_the_visit(page: Page, place: Place, fresh: Calculator) -> None:
    page.add_init_script(NO_STORAGE)
    fresh.open()
    lasts_within_the_visit(page, place, fresh)


def test_storage_that_is_full_costs_nothing_within_the_visit(page: Page, place: Place, fresh: Calculator) -> None:
    fresh.open()
    page.evaluate(
        """() => {
          for (let size = 1 << 22; size >= 1; size >>= 1) {
            try { localStorage.setItem(`filler ${size}`, "x".repeat(size)); } catch { continue; }
          }
        }"""
    )
    lasts_within_the_visit(page, place, fresh)
    page.evaluate("localStorage.clear()")
    page.locator("[name=requests_per_month]").fill("1234567")
    expect(page.locator(".calc-situation")).not_to_contain_text("gone when the page is closed")
    until(page, "Object.values(localStorage).some((text) => text.includes('1234567'))")
    page.reload()
    assert Calculator(page, place.address, "decide/").values()["requests_per_month"] == "1234567"


def test_an_answer_to_older_numbers_never_puts_them_back_into_the_address(page: Page, place: Place) -> None:
    page.goto(f"{place.address}decide/?requests_per_month=1000")
    Calculator(page, place.address, "decide/").wait_until("live")
    found = page.evaluate(TYPE_ON, "requests_per_month")
    assert found["answers"], "no answer came while the reader typed"
    assert found["lost"] == []


@EVERY
def test_storage_that_holds_nonsense_is_as_good_as_empty(page: Page, fresh: Calculator, every: bool) -> None:
    fresh.open()
    fresh.field(FIELD).fill(TYPED)
    keys = page.evaluate(
        """() => [Object.keys(localStorage).find((key) => key.endsWith("situation")),
                  new URL(document.querySelector("[data-presets]") && __md_scope).pathname + ".__palette"]"""
    )
    keys += [keys[0].replace("situation", other) for other in ("money", "saved")]
    default = page.locator(f"[name={FIELD}]").get_attribute("data-default")
    for nonsense in NONSENSE if every else NONSENSE[::4]:
        page.evaluate("([keys, text]) => keys.forEach((key) => localStorage.setItem(key, text))", [keys, nonsense])
        fresh.open()
        assert fresh.answer.inner_text().strip()
        assert fresh.values()[FIELD] == default
        expect(page.locator(".calc-situation [data-action=clear]")).to_have_count(0)
        page.locator("[data-action=situation]").first.click()
        expect(page.get_by_text("Money in the results")).to_be_visible()
        expect(page.get_by_text("None saved yet.")).to_be_visible()
        page.keyboard.press("Escape")
        fresh.field(FIELD).fill("9")
        works(fresh)


# Answers that are long in coming


def test_what_is_still_to_come_turns_pale_and_a_reset_leaves_nothing_of_it(page: Page, fresh: Calculator) -> None:
    fresh.open()
    fresh.field(FIELD).fill("7")
    works(fresh)
    section = page.locator(".calculator")
    page.evaluate(
        """() => {
          const worker = window.workers[0];
          const hear = worker.onmessage;
          worker.onmessage = (event) => {
            if (/"more":null/.test(event.data.response)) setTimeout(() => hear.call(worker, event), 1500);
            else hear.call(worker, event);
          };
        }"""
    )
    for end in (lambda: works(fresh), lambda: page.locator("[data-action=reset]").click()):
        fresh.field(FIELD).fill(TYPED)
        expect(page.locator(".calculator[data-partial][data-pale] [data-section=flips]")).to_have_css("opacity", "0.4")
        expect(page.locator(".calc-verdict")).to_have_attribute("aria-busy", "true")
        expect(page).to_have_url(re.compile(f"{FIELD}={TYPED}"))
        end()
        for name in ("data-partial", "data-pale"):
            expect(section).not_to_have_attribute(name, re.compile(""), timeout=1000)
        expect(page.locator(".calc-verdict")).to_have_attribute("aria-busy", "false")
        expect(page.locator("[data-section=flips]")).to_have_css("opacity", "1")
        fresh.field(FIELD).fill("7")
        works(fresh)


# Releases and the service worker


def test_pages_are_kept_for_later_when_the_reader_asks_for_nothing(page: Page, fresh: Calculator) -> None:
    fresh.open()
    for number in range(9):
        fresh.field(FIELD).fill(str(7 + number))
        works(fresh)
        page.wait_for_timeout(500)
        assert not page.evaluate("navigator.serviceWorker.getRegistration().then(Boolean)")
    until(page, "navigator.serviceWorker.getRegistration().then(Boolean)", seconds=10)


def controlled(page: Page) -> None:
    """Wait until the service worker is in charge, then load the page through it."""
    until(page, "navigator.serviceWorker.getRegistration().then((found) => Boolean(found?.active))")
    page.reload()
    until(page, "navigator.serviceWorker.controller !== null")


@pytest.fixture(scope="module")
def older(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of a release before: another worker, another script, another title."""
    root = tmp_path_factory.mktemp("older") / "site"
    shutil.copytree(site, root)
    runtime = root / "assets/runtime"
    manifest = json.loads((runtime / "manifest.json").read_text())
    worker = manifest["worker"]
    changed = (runtime / worker).read_bytes() + b"// the release before\n"
    before = f"worker-{sha256(changed).hexdigest()[:16]}.js"
    (runtime / worker).unlink()
    (runtime / before).write_bytes(changed)
    (runtime / "manifest.json").write_text((runtime / "manifest.json").read_text().replace(worker, before))
    script = root / "assets/calculator.js"
    script.write_text(script.read_text() + "\nwindow.older = true;\n")
    for path in root.rglob("*.html"):
        path.write_text(path.read_text().replace(worker, before).replace("<h1 id=", "<h1 data-older id="))
    assert publish.publish(root) == []
    return root


def test_a_service_worker_of_an_older_release_lets_newer_pages_work(
    page: Page, place: Place, fresh: Calculator, older: Path, site: Path
) -> None:
    place.release(older)
    fresh.open()
    fresh.field(FIELD).fill(TYPED)
    works(fresh)
    controlled(page)
    assert page.evaluate("window.older") is True
    place.release(site)
    fresh.open("?now")
    assert page.locator("h1[data-older]").count() == 0
    assert page.evaluate("window.older") is None
    assert fresh.values()[FIELD] == TYPED
    works(fresh)


KEPT_PAGES = """async () => {
  const [name, ...more] = (await caches.keys()).filter((name) => name.includes(" pages "));
  const cache = await caches.open(name);
  const bodies = {};
  for (const { url } of await cache.keys()) {
    if (url.endsWith("/")) bodies[url] = await (await cache.match(url)).text();
  }
  return { more, bodies };
}"""


def test_a_new_release_keeps_its_own_pages_and_nothing_of_the_one_before(
    context: BrowserContext, page: Page, place: Place, fresh: Calculator, older: Path, site: Path
) -> None:
    place.release(older)
    for path in (LIMITED, FRESH):
        page.goto(place.address + path)
    fresh.name, fresh.decision = "real_time_updates", fresh.open().decision
    fresh.field(FIELD).fill(TYPED)
    works(fresh)
    controlled(page)
    # The browser's own cache holds the pages of the release before, for minutes.
    place.release(site)
    page.evaluate("navigator.serviceWorker.getRegistration().then((found) => found.update())")
    until(page, "navigator.serviceWorker.getRegistration().then((found) => Boolean(found.waiting))")
    page.goto("about:blank")
    fresh.open()
    until(page, "caches.keys().then((names) => names.filter((name) => name.includes(' pages ')).length === 1)")
    kept = page.evaluate(KEPT_PAGES)
    assert kept["more"] == []
    assert len(kept["bodies"]) > 20
    for url, body in kept["bodies"].items():
        assert body == (site / url.removeprefix(place.address) / "index.html").read_text("utf-8"), url
    context.set_offline(True)
    fresh.open()
    fresh.field(FIELD).fill("13")
    works(fresh)


def test_a_server_that_stays_silent_gives_way_to_the_kept_page(page: Page, place: Place, fresh: Calculator) -> None:
    fresh.open()
    fresh.field(FIELD).fill("7")
    works(fresh)
    controlled(page)
    page.goto(place.address + LIMITED)
    held = place.break_("", held=Event())
    # For minutes the browser's own cache answers whoever comes again: who reloads asks the server.
    page.reload(timeout=20_000, wait_until="commit")
    expect(page.locator("h1")).to_contain_text("Does it fit")
    assert held.seen > 0
    assert held.held is not None
    assert not held.held.is_set()


def test_what_another_server_says_is_shown_but_not_kept(
    context: BrowserContext, page: Page, place: Place, fresh: Calculator
) -> None:
    fresh.open()
    fresh.field(FIELD).fill("7")
    works(fresh)
    controlled(page)
    page.goto(place.address + LIMITED)
    portal = b"<!doctype html><title>Network</title><h1>Sign in to this network</h1>"
    foreign = place.break_(f"{LIMITED}$", content=portal, times=1)
    missing = place.break_(f"{LIMITED}$", missing=True, times=1)
    # For minutes the browser's own cache answers whoever comes again: who reloads asks the server.
    for said in ("Sign in", "Does it fit", "Does it fit"):
        page.reload()
        expect(page.locator("h1")).to_contain_text(said)
    assert (foreign.seen, missing.seen) == (1, 1)
    context.set_offline(True)
    page.reload()
    expect(page.locator("h1")).to_contain_text("Does it fit")


def test_a_page_of_an_older_release_says_so_and_loses_nothing(
    page: Page, place: Place, fresh: Calculator, older: Path
) -> None:
    fresh.open()
    fresh.field(FIELD).fill("7")
    works(fresh)
    controlled(page)
    place.break_(f"{FRESH}.old", content=(older / FRESH / "index.html").read_bytes())
    fresh.open("?old")
    assert page.locator("h1[data-older]").count() == 1
    fresh.field(FIELD).fill(TYPED)
    stands(fresh, "of an older release: reload it")
    place.mend()
    page.reload()
    assert page.locator("h1[data-older]").count() == 0
    assert fresh.values()[FIELD] == TYPED
    works(fresh)


def test_a_page_whose_form_the_script_does_not_know_says_so(place: Place, fresh: Calculator, site: Path) -> None:
    text = (site / FRESH / "index.html").read_text("utf-8").replace('class="calc-situation"', 'class="gone"')
    place.break_(f"{FRESH}$", content=text.encode())
    fresh.open()
    expect(fresh.state).to_contain_text("of different releases: reload the page")
    assert fresh.answer.inner_text().strip()


def test_a_damaged_file_in_the_service_workers_cache_is_fetched_again(page: Page, fresh: Calculator) -> None:
    fresh.open()
    fresh.field(FIELD).fill("7")
    works(fresh)
    controlled(page)
    damaged = page.evaluate(
        """async () => {
          let count = 0;
          for (const name of await caches.keys()) {
            const cache = await caches.open(name);
            for (const request of await cache.keys()) {
              if (!/runtime\\/(lean)?(wasm|heap)/.test(request.url)) continue;
              await cache.put(request, new Response("nonsense"));
              count += 1;
            }
          }
          return count;
        }"""
    )
    assert damaged >= 2
    page.reload()
    fresh.field(FIELD).fill(TYPED)
    works(fresh)


def test_a_link_with_a_readers_numbers_is_kept_by_nobody(page: Page, fresh: Calculator) -> None:
    fresh.open()
    fresh.field(FIELD).fill("7")
    works(fresh)
    controlled(page)
    page.wait_for_timeout(200)
    assert f"{FIELD}=7" in page.url
    page.reload()
    works(fresh)
    kept = page.evaluate(
        """async () => {
          const caches_ = await Promise.all((await caches.keys()).map((name) => caches.open(name)));
          return (await Promise.all(caches_.map((cache) => cache.keys()))).flat().map(({ url }) => url);
        }"""
    )
    assert len(kept) > 20
    assert not [url for url in kept if FIELD in url]


def test_two_tabs_that_edit_one_situation_lose_nothing_of_each_other(
    context: BrowserContext, page: Page, place: Place, fresh: Calculator
) -> None:
    fresh.open()
    other = Calculator(context.new_page(), place.address, FRESH).open()
    for number in range(5):
        fresh.field("requests_per_month").fill(f"{number + 1}000")
        other.field("horizon_months").fill(f"{number + 12}")
    fresh.field(FIELD).fill("not a number")
    expect(page.locator(".calc-situation")).to_contain_text("3 answers of yours")
    third = Calculator(context.new_page(), place.address, FRESH).open()
    values = third.values()
    assert (values["requests_per_month"], values["horizon_months"], values[FIELD]) == ("5000", "16", "not a number")
    other.page.locator("[data-action=clear]").click()
    expect(page.locator(".calc-situation")).to_be_hidden()
    assert fresh.values()["requests_per_month"] == "5000"


# The browser itself


def test_without_webassembly_the_page_says_so_at_once(page: Page, place: Place, fresh: Calculator) -> None:
    place.break_("runtime/worker-", before=NO_WEBASSEMBLY)
    fresh.open()
    fresh.field(FIELD).fill(TYPED)
    stands(fresh, "WebAssembly switched off")
    assert page.evaluate("window.workers.length") == 2
    page.add_init_script(NO_WEBASSEMBLY)
    fresh.open()
    stands(fresh, "WebAssembly switched off")
    assert page.evaluate("window.workers.length") == 0


@pytest.mark.parametrize(
    ("lacks", "said"),
    [
        ("delete globalThis.DecompressionStream;", "it has no DecompressionStream"),
        ("const Plain = Worker; Worker = function (at) { return new Plain(at); };", "it has no module workers"),
    ],
)
def test_a_browser_that_is_too_old_says_what_is_missing_and_which_have_it(
    page: Page, fresh: Calculator, lacks: str, said: str
) -> None:
    page.add_init_script(lacks)
    fresh.open()
    fresh.field(FIELD).fill(TYPED)
    stands(fresh, said, "Firefox from 114")


def test_a_browser_that_cannot_compile_while_it_loads_works_all_the_same(place: Place, fresh: Calculator) -> None:
    place.break_("runtime/worker-", before="delete WebAssembly.compileStreaming;")
    fresh.open()
    fresh.field(FIELD).fill(TYPED)
    works(fresh)


def test_without_dialogs_what_they_hold_stands_in_the_page(page: Page, fresh: Calculator) -> None:
    page.add_init_script("delete HTMLDialogElement.prototype.showModal; delete HTMLDialogElement.prototype.close;")
    fresh.open()
    page.locator("[data-action=situation]").first.click()
    expect(page.get_by_role("heading", name="Your situation")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("heading", name="Your situation")).to_have_count(0)


@only_in_chromium("Playwright does not hear of a page that Firefox brings back from its cache")
def test_the_back_and_forward_cache_brings_back_what_was_typed(launched: Browser, place: Place) -> None:
    # The one without windows keeps no page for the way back.
    browser = launch(launched.browser_type, ("chromium",), ignore_default_args=["--disable-back-forward-cache"])
    page = browser.new_page()
    page.add_init_script("addEventListener('pageshow', ({ persisted }) => { window.restored = persisted; });")
    fresh = Calculator(page, place.address, FRESH).open(f"?{FIELD}=7")
    works(fresh)
    page.wait_for_timeout(300)
    fresh.field(FIELD).fill("7x")
    expect(fresh.field(FIELD)).to_have_attribute("aria-invalid", "true", timeout=START_MS)
    fresh.field("horizon_months").fill("17")
    page.wait_for_timeout(1000)
    page.goto(place.address + "llms.txt")
    page.go_back(wait_until="commit")
    expect(fresh.field("horizon_months")).to_have_value("17")
    expect(fresh.field(FIELD)).to_have_value("7x")
    restored = page.evaluate("window.restored")
    fresh.field(FIELD).fill("8")
    works(fresh)
    browser.close()
    assert restored is True


def test_a_clock_of_1970_changes_no_answer_and_shows_no_age(page: Page, place: Place, fresh: Calculator) -> None:
    page.add_init_script(CLOCK_OF_1970)
    place.break_("runtime/worker-", before=CLOCK_OF_1970)
    fresh.open()
    assert page.evaluate("new Date().getFullYear()") in (1969, 1970)
    fresh.field(FIELD).fill(TYPED)
    works(fresh)
    assert page.locator("time[data-age]").count() > 0
    assert page.locator("time[data-ago]").count() == 0


@pytest.mark.long
@only_in_chromium("Firefox does not tell what a page holds")
def test_edits_in_a_row_do_not_grow_the_memory(page: Page, place: Place, fresh: Calculator) -> None:
    place.break_("runtime/worker-", before=endurance.SHOW_MEMORY)
    page.goto(place.address + FRESH)
    found = endurance.edits(page, FIELD, EDITS)
    assert found["answers"] == EDITS
    assert found["python_bytes_after"] == found["python_bytes_before"]
    assert found["page_bytes_after"] < found["page_bytes_before"] + 1_000_000
    assert found["nodes_after"] <= found["nodes_before"] + 200
    assert found["listeners_after"] <= found["listeners_before"] + 5


# Hostile links, storage, pastes and frames


PAYLOADS = (
    *(text.replace("alert(1)", "window.ran=1") for text in MARKUP),
    *FORMULAS,
    *TOML,
    *(text for text in ODD_TEXT if len(text) < 3000 and text != "\ud800"),
)


def payloads(every: bool) -> tuple[str, ...]:
    """Texts that must stay texts: all, or each sixth."""
    return PAYLOADS if every else PAYLOADS[::6]


def harmless(page: Page, what: str) -> None:
    """Nothing of the reader's texts ran or became an element."""
    assert page.evaluate(NOTHING_RAN), what


@EVERY
def test_no_link_runs_anything_or_becomes_markup(page: Page, place: Place, every: bool) -> None:
    for path in (FRESH, LIMITED, "decide/") if every else (FRESH,):
        calculator = Calculator(page, place.address, path).open()
        names = list(calculator.values())
        for start in range(0, len(PAYLOADS), len(names)):
            these = PAYLOADS[start : start + len(names)]
            given = dict(zip(names, these, strict=False))
            first = these[0]
            calculator.open("?" + urlencode({**given, "v": first, "preset": first, "embed": first, f"x{first}": first}))
            harmless(page, path)
        expect(calculator.state).to_have_attribute("data-state", "invalid", timeout=START_MS)
        harmless(page, path)


@EVERY
def test_no_typed_text_runs_anything_or_becomes_markup(page: Page, place: Place, every: bool) -> None:
    calculator = Calculator(page, place.address, LIMITED).open()
    for payload in payloads(every):
        calculator.set({"config_json": payload, "gpus": payload})
        calculator.page.evaluate("document.querySelector('.calc-form').requestSubmit()")
        expect(calculator.field("gpus")).to_have_attribute("aria-invalid", "true", timeout=START_MS)
        harmless(page, payload)
        assert calculator.values()["gpus"] == payload.replace("\r", "").replace("\n", "")


@EVERY
def test_no_pasted_config_runs_anything_or_becomes_markup(page: Page, place: Place, every: bool) -> None:
    calculator = Calculator(page, place.address, LIMITED).open()
    base = {
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "vocab_size": 128256,
    }
    for payload in PAYLOADS[: len(MARKUP)][:: 1 if every else 6]:
        for names in (
            {"architectures": ["LlamaForCausalLM"], "model_type": "llama"},
            {"architectures": [payload], "model_type": payload},
        ):
            config = {**base, **names, "_name_or_path": payload, "torch_dtype": payload, payload: payload}
            calculator.set({"config_json": json.dumps(config)})
            calculator.page.evaluate("document.querySelector('.calc-form').requestSubmit()")
            works(calculator) if names["model_type"] == "llama" else expect(
                calculator.field("config_json")
            ).to_have_attribute("aria-invalid", "true", timeout=START_MS)
            harmless(page, payload)


@EVERY
def test_no_saved_situation_runs_anything_or_becomes_markup(page: Page, place: Place, every: bool) -> None:
    calculator = Calculator(page, place.address, FRESH).open()
    calculator.field(FIELD).fill(TYPED)
    key = page.evaluate("Object.keys(localStorage).find((key) => key.endsWith('situation'))")
    names = list(calculator.values())
    texts = payloads(every)
    for start in range(0, len(texts), 4):
        these = texts[start : start + 4]
        fields = {**dict.fromkeys(names, these[0]), **dict.fromkeys(these, these[-1]), "__proto__": these[0]}
        saved = json.dumps({"preset": these[0], "fields": fields})
        page.evaluate("([key, text]) => localStorage.setItem(key, text)", [key, saved])
        calculator.open()
        harmless(page, these[0])
    expect(calculator.state).to_have_attribute("data-state", "invalid", timeout=START_MS)
    harmless(page, "saved")


GOOD = {"calculator": "x", "height": 777}
BAD = (
    {"height": 888},
    {"calculator": 1, "height": 888},
    {"calculator": "x", "height": "888"},
    {"calculator": "x", "height": -1},
    {"calculator": "x", "height": 0},
    {"calculator": "x", "height": 1e9},
    {"calculator": "x", "height": None},
    {"calculator": "x", "height": {"valueOf": 888}},
    {"calculator": "x"},
    [888],
    "888",
    None,
)


def test_a_frame_is_resized_only_by_its_own_calculator_and_only_to_a_height(launched: Browser, place: Place) -> None:
    page = launched.new_page()
    page.set_content(
        f'<title>host</title><iframe id="ours" src="{place.address}{FRESH}?embed" height="100"></iframe>'
        '<iframe id="theirs" height="100" srcdoc="other"></iframe>'
        f'<script type="module" src="{place.address}assets/embed.js"></script>'
    )
    ours = page.locator("#ours")
    until(page, "Number(document.getElementById('ours').height) > 300")
    frame = ours.element_handle().content_frame()
    assert frame is not None
    frame.evaluate("window.ResizeObserver = undefined")
    tall = ours.get_attribute("height")
    for message in BAD:
        frame.evaluate("(message) => window.parent.postMessage(message, '*')", message)
    other = page.locator("#theirs").element_handle().content_frame()
    assert other is not None
    other.evaluate("(message) => window.parent.postMessage(message, '*')", GOOD)
    page.evaluate("(message) => window.postMessage(message, '*')", GOOD)
    page.wait_for_timeout(200)
    assert ours.get_attribute("height") == tall
    assert page.locator("#theirs").get_attribute("height") == "100"
    frame.evaluate("(message) => window.parent.postMessage(message, '*')", GOOD)
    until(page, "document.getElementById('ours').height === '777'")
    page.close()


def test_a_page_that_frames_a_calculator_cannot_make_it_do_anything_by_message(page: Page, fresh: Calculator) -> None:
    fresh.open()
    before = fresh.values()
    for message in ({"id": 1, "response": "{}"}, {"state": "failed"}, {"sections": {"verdict": "<img src=x>"}}):
        page.evaluate("(message) => window.postMessage(message, '*')", message)
    page.wait_for_timeout(200)
    harmless(page, "message")
    assert fresh.values() == before


# The policy and the network, over a whole visit


def test_every_page_has_a_policy_that_allows_nothing_inline(site: Path) -> None:
    for path in site.rglob("*.html"):
        text = path.read_text("utf-8")
        start = text.index("Content-Security-Policy")
        policy = text[start : text.index(">", start)]
        rules = {part.split()[0]: part.split()[1:] for part in policy.split('content="')[1].rstrip('"').split("; ")}
        assert rules["default-src"] == ["'none'"], path
        assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "http:", "https:", "blob:"} & {
            word for words in rules.values() for word in words
        }, path
        sources = [word for words in rules.values() for word in words if not word.startswith("'sha256-")]
        assert set(sources) <= {"'none'", "'self'", "'wasm-unsafe-eval'", "data:"}, path
        assert "data:" not in rules["script-src"], path
        assert start < min(text.find(f"<{tag}") % len(text) for tag in ("script", "link", "style", "body")), path


@pytest.mark.core
@EVERY
def test_a_whole_visit_asks_no_other_origin_and_breaks_no_rule(
    context: BrowserContext, page: Page, place: Place, site: Path, every: bool
) -> None:
    context.add_init_script(
        "addEventListener('securitypolicyviolation', (event) => console.error(`violated ${event.violatedDirective}`));"
    )
    said: list[str] = []
    context.on("console", lambda message: message.type in ("error", "warning") and said.append(message.text))
    paths = sorted(path.relative_to(site).as_posix().removesuffix("index.html") for path in site.rglob("index.html"))
    assert len(paths) > 15
    paths = paths if every else paths[::4]
    page.goto(place.address + paths[-1])
    for path in paths:
        page.evaluate(FOLLOW, place.address + path)
        # The address changes before the content does.
        until(page, f"location.href === {place.address + path!r} && document.readyState === 'complete'")
        until(page, "document.querySelector('.md-content h1:not([data-former])') !== null")
        fields = page.locator(".calc-form input[data-default]:not([type=checkbox])")
        if fields.count():
            fields.first.fill(fields.first.input_value())
            expect(page.locator(".calc-state").first).to_have_attribute("data-state", "live", timeout=START_MS)
            page.locator("[data-action=link]").first.click()
            page.locator("[data-action=reset]").first.click()
    page.keyboard.press("/")
    page.keyboard.type("memory")
    expect(page.locator(".md-search-result__meta")).to_contain_text("matching", timeout=START_MS)
    page.keyboard.press("Escape")
    page.evaluate("document.querySelector('label.md-header__button[for^=__palette]')?.click()")
    page.wait_for_timeout(300)
    assert said == []
    assert page.evaluate("window.workers.length") == 1
