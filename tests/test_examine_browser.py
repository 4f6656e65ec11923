"""A reader's own file on the page that decides, in a real browser: read, shown, taken over. Nothing of it leaves."""

import json
import re
from pathlib import Path
from random import Random
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import ROOT, go, some
from playwright.sync_api import Page, expect

from calculator.situation import Task

pytestmark = pytest.mark.browser

HOME, DATA, ACCURACY, BAD_RUN = "", "do-not/too-little-data/", "fine-tune/high-accuracy/", "fine-tune/after-a-bad-run/"
START_MS = 60_000
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
WORDS = ["the", "order", "refund", "parcel", "arrived", "late", "please", "send", "another", "thanks", "where", "now"]
DROP = """([name, text]) => {
  const brought = new DataTransfer();
  brought.items.add(new File([text], name));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    document.body.dispatchEvent(
      new DragEvent(kind, { dataTransfer: brought, bubbles: true, cancelable: true }));
  }
}"""
HELD = """async () => {
  const texts = [JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie];
  texts.push(JSON.stringify(await indexedDB.databases()));
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) texts.push(request.url);
  }
  return texts.join("\\n");
}"""
SECRET = "xylophone-4711"
HOSTILE = '<img src=x onerror="window.hurt=1"><script>window.hurt=1</script>'
RESULTS = "item,now,later\n" + "".join(f"{n},{int(n % 10 < 7)},{int(n % 10 < 8)}\n" for n in range(200))


def chats(count: int, seed: int = 1) -> str:
    """So many chats as JSON lines."""
    random = Random(seed)

    def text() -> str:
        """A sentence of known words."""
        return " ".join(random.choices(WORDS, k=random.randint(4, 30)))

    return "".join(
        json.dumps({"messages": [{"role": "user", "content": text()}, {"role": "assistant", "content": text()}]}) + "\n"
        for _ in range(count)
    )


def labelled(count: int) -> str:
    """Texts with one of three labels, one of them hostile."""
    random = Random(2)
    labels = ["refund", "delivery", HOSTILE]
    return "".join(
        json.dumps({"text": f"{' '.join(random.choices(WORDS, k=9))} {n}", "label": labels[n % 3]}) + "\n"
        for n in range(count)
    )


def drop(page: Page, text: str, name: str = "train.jsonl") -> None:
    """Drop a file somewhere on the page."""
    page.evaluate(DROP, [name, text])


def panel(page: Page):
    """The panel, once what was read is shown."""
    found = page.locator(".calc-file")
    expect(found.locator("> [role=status]")).to_contain_text("to the end", timeout=START_MS)
    return found


def field(page: Page, name: str):
    """A field of the form."""
    return page.locator(f'.calc-form [name="{name}"]')


@pytest.mark.shared
@pytest.mark.parametrize(
    "path", some([HOME, DATA, ACCURACY, "small-models/limited-data/", "fine-tune/domain-data/"], 1)
)
def test_a_file_may_be_dropped_where_the_page_says_so(page, address, path):
    go(page, address, path)
    expect(page.locator(".calc-entrance").first).to_contain_text("Have a file? Drop it anywhere")
    drop(page, chats(30))
    expect(panel(page).locator(".calc-found-headline")).to_contain_text("30 chats")


@pytest.mark.shared
def test_dropped_numbers_fill_the_form_stay_on_every_page_and_can_be_undone(page, address):
    go(page, address, DATA)
    before = field(page, "labelled_examples").input_value()
    drop(page, chats(321))
    box = panel(page)
    assert field(page, "labelled_examples").input_value() == before
    box.get_by_role("button", name="Use these numbers").click()
    assert field(page, "labelled_examples").input_value() == "321"
    tokens = field(page, "example_tokens").input_value()
    page.goto(address + "fine-tune/domain-data/")
    assert field(page, "labelled_examples").input_value() == "321"
    assert field(page, "example_tokens").input_value() == tokens
    page.goto(address + DATA)
    page.locator("[data-action=clear]").click()
    drop(page, chats(321))
    box = panel(page)
    box.get_by_role("button", name="Use these numbers").click()
    box.get_by_role("button", name="Undo").click()
    assert field(page, "labelled_examples").input_value() == before
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.endsWith('situation'))") == []


def test_tokens_are_those_of_the_real_tokenizer(page, address):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address + DATA)
    page.wait_for_timeout(500)
    assert not [url for url in asked if re.search("examine|reading|counting|o200k", url)]
    rows = [
        ("Where is my order?", "It left our house on 3 March; it's late, I'm sorry."),
        ("“Ça va?”", "你好，世界 🎉  two"),
    ]
    drop(page, "".join(json.dumps({"prompt": a, "completion": b}) + "\n" for a, b in rows))
    box = panel(page)
    encode = """async (texts) => {
      const script = document.querySelector("script[src*='assets/calculator.js']").src;
      await import(new URL("tokenizer/o200k_base.js", script));
      return texts.map((text) => GPTTokenizer_o200k_base.countTokens(text)).reduce((a, b) => a + b);
    }"""
    total = page.evaluate(encode, [text for row in rows for text in row])
    expect(box.locator(".calc-tile", has_text="Tokens").first).to_contain_text(str(total))
    assert [url for url in asked if "o200k" in url]


def test_without_the_tokenizer_tokens_are_estimated_and_said_to_be(page, address):
    page.route("**/o200k_base.js*", lambda route: route.abort())
    page.goto(address + DATA)
    drop(page, chats(50))
    expect(panel(page)).to_contain_text("estimated")


def test_nothing_of_a_file_leaves_the_device_or_stays_on_it(context, page, address):
    sent = []
    context.on("request", lambda request: sent.append(f"{request.method} {request.url} {request.post_data or ''}"))
    page.goto(address + HOME)
    drop(page, chats(40) + json.dumps({"messages": [{"role": "user", "content": SECRET}]}) + "\n", f"{SECRET}.jsonl")
    box = panel(page)
    expect(box).to_contain_text(SECRET)
    box.get_by_role("button", name="Use these numbers").click()
    page.wait_for_timeout(1500)
    assert not [one for one in sent if SECRET in one or not one.startswith(f"GET {address}")]
    assert SECRET not in page.evaluate(HELD)
    assert SECRET not in page.url


@pytest.mark.shared
def test_what_stands_in_a_file_is_never_markup(page, address):
    go(page, address, DATA)
    drop(page, labelled(90) + "not json\n", f"{HOSTILE}.jsonl")
    box = panel(page)
    expect(box).to_contain_text(HOSTILE)
    assert box.locator(".calc-found :is(img, script, iframe)").count() == 0
    assert page.evaluate("window.hurt") is None
    expect(box.locator(".calc-found-warnings")).to_contain_text("Line 91")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "text", "says"),
    [("data.parquet", "PAR1" + "x" * 99, "Parquet"), ("empty.jsonl", "", "no example")],
)
def test_a_file_that_is_none_is_refused_by_name(page, address, name, text, says):
    go(page, address, DATA)
    drop(page, text, name)
    alert = page.locator(".calc-file > [role=alert]")
    expect(alert).to_contain_text(says, timeout=START_MS)
    expect(alert).to_contain_text(name)
    drop(page, chats(5))
    expect(panel(page).locator(".calc-found-headline")).to_contain_text("5 chats")
    expect(alert).to_be_empty()


def test_a_long_file_can_be_stopped_and_the_page_answers_meanwhile(page, address):
    page.goto(address + DATA)
    field(page, "labelled_examples").fill("77")
    expect(page.locator(".calculator").first).to_have_attribute("data-query", re.compile("=77"), timeout=START_MS)
    row = chats(2000)
    page.evaluate(
        """(rows) => {
          const brought = new DataTransfer();
          brought.items.add(new File(Array(200).fill(rows), "long.jsonl"));
          const how = { dataTransfer: brought, bubbles: true, cancelable: true };
          document.body.dispatchEvent(new DragEvent("drop", how));
        }""",
        row,
    )
    box = page.locator(".calc-file")
    expect(box.locator(".calc-found-headline")).to_contain_text("chats", timeout=START_MS)
    field(page, "labelled_examples").fill("88")
    expect(page.locator(".calculator").first).to_have_attribute("data-query", re.compile("=88"), timeout=START_MS)
    box.get_by_role("button", name="Stop").click()
    expect(box.locator("> [role=status]")).to_contain_text("Stopped", timeout=START_MS)
    expect(box.locator(".calc-found-source")).to_contain_text("until you stopped it")


@pytest.mark.shared
def test_a_test_set_is_looked_through_for_rows_of_the_training_set(page, address):
    go(page, address, DATA)
    rows = chats(60)
    page.locator("[data-action=file]").first.click()
    files = [
        {
            "name": "held-out-test.jsonl",
            "mimeType": "text/plain",
            "buffer": "".join(rows.splitlines(True)[:7]).encode(),
        },
        {"name": "rows.jsonl", "mimeType": "text/plain", "buffer": rows.encode()},
    ]
    page.get_by_label("Choose a data set").set_input_files(files)
    box = panel(page)
    blocks = box.locator(".calc-file-block")
    expect(blocks).to_have_count(2)
    expect(blocks.first.locator(".calc-found-source")).to_contain_text("rows.jsonl")
    expect(blocks.nth(1)).to_contain_text("7 (100%)")
    expect(box.get_by_role("button", name="Use these numbers")).to_have_count(1)


@pytest.mark.shared
def test_test_results_become_evidence_for_the_decision(page, address):
    go(page, address, "decide/")
    drop(page, RESULTS, "results.csv")
    box = panel(page)
    expect(box.locator(".calc-found-headline")).to_contain_text("80.0% (73.9% to 85.0%) on 200 items")
    use, said = box.get_by_role("button", name="Use as evidence"), box.locator(".calc-file-use .calc-done")
    use.click()
    expect(said).to_contain_text("Say first", timeout=START_MS)
    box.get_by_label("now is").select_option("keep")
    box.get_by_label("later is").select_option("tuned_small")
    use.click()
    expect(said).to_contain_text("Filled in", timeout=START_MS)
    assert field(page, "test_items").input_value() == "200"
    assert field(page, "prompted_accuracy_share").input_value() == "0.7000"
    assert field(page, "tuned_small_accuracy_share").input_value() == "0.8000"
    said.get_by_role("button", name="Undo").click()
    assert field(page, "tuned_small_accuracy_share").input_value() == ""


@pytest.mark.shared
def test_a_file_is_chosen_pasted_and_closed_by_keyboard_alone(page, address):
    go(page, address, DATA)
    opener = page.locator("[data-action=file]").first
    opener.focus()
    page.keyboard.press("Enter")
    box = page.locator(".calc-file")
    expect(box.locator("h3").first).to_be_focused(timeout=START_MS)
    for wanted in ("Close", "Choose a data set", "or paste it"):
        page.keyboard.press("Tab")
        target = box.get_by_role("button", name=wanted) if wanted == "Close" else box.get_by_label(wanted)
        expect(target).to_be_focused()
        assert target.evaluate("(found) => found.matches(':focus-visible')")
    page.keyboard.insert_text(chats(9))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(panel(page).locator(".calc-found-headline")).to_contain_text("9 chats")
    page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    expect(opener).to_be_focused()


def test_what_a_page_left_behind_is_read_no_further(page, address):
    page.goto(address + DATA)
    drop(page, chats(40))
    panel(page)
    assert [worker for worker in page.workers if "runtime" in worker.url]
    page.locator(".calc-file").get_by_role("button", name="Close").click()
    page.wait_for_timeout(300)
    assert not [worker for worker in page.workers if "counting" in worker.url]


@pytest.mark.parametrize(("scheme", "width"), some([("dark", 375), ("light", 1280), ("light", 320)], 1))
def test_axe_finds_nothing_in_a_file_that_was_read(launched, address, scheme, width):
    context = launched.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce"
    )
    page = context.new_page()
    for path, text, name in ((DATA, labelled(90), "train.jsonl"), ("decide/", RESULTS, "results.csv")):
        page.goto(address + path)
        drop(page, text, name)
        panel(page)
        page.evaluate("document.querySelectorAll('.calc-file details').forEach((fold) => { fold.open = true; })")
        page.evaluate(AXE.read_text("utf-8"))
        found = page.evaluate(
            """async () => (await axe.run(".calc-file", {resultTypes: ["violations"]})).violations
              .map(({id, nodes}) => [id, nodes.slice(0, 3).map(({target}) => target.join(" "))])"""
        )
        assert found == [], (path, scheme, width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


@pytest.mark.shared
def test_a_pasted_log_is_looked_at_again_as_it_changes(page, address):
    go(page, address, BAD_RUN)
    found = page.locator(".bad-run .calc-found")
    before = found.inner_text()
    page.get_by_label("Lines of the trainer").fill("{'loss': 2.0, 'epoch': 0.1}\n{'loss': 1.9, 'epoch': 0.2}\n")
    expect(page.locator(".bad-run [role=status]")).to_contain_text("Read on this device", timeout=START_MS)
    assert found.inner_text() != before
    page.get_by_label("Right answers before, of").fill("many")
    expect(page.locator(".bad-run [role=status]")).to_contain_text("like 160 of 200", timeout=START_MS)
    link = page.locator(".bad-run .calc-happened")
    expect(link).to_be_visible()
    page.get_by_label("Right answers before, of").fill("160 of 200")
    filled = parse_qs(urlsplit(link.get_attribute("href")).query)
    assert filled["template"] == ["what-happened.yml"]
    assert filled["tried"] == ["prompting | | | 80 | 200\nft_small | | | 79 | 200"]


@pytest.mark.shared
def test_what_happened_is_told_with_the_link_and_the_task(page, address):
    go(page, address, "decide/")
    field(page, "task").select_option("sql")
    page.locator(".calc-more > summary").first.click()
    link = page.locator(".calc-more .calc-happened")
    expect(link).to_be_visible()
    filled = parse_qs(urlsplit(link.get_attribute("href")).query)
    assert filled["template"] == ["what-happened.yml"]
    assert filled["task"] == ["text to SQL"]
    assert filled["link"][0].startswith(f"{address}decide/")


def test_the_form_for_what_happened_has_the_fields_and_the_tasks_that_a_page_fills():
    form = Path(ROOT, ".github", "ISSUE_TEMPLATE", "what-happened.yml").read_text("utf-8")
    for name in ("link", "task", "classes", "tried", "metric", "top"):
        assert f"id: {name}\n" in form
    named = {"sql": "text to SQL", "generation": "writing"}
    for task in Task:
        assert f"        - {named.get(task, task)}\n" in form
