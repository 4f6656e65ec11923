"""The page's count of tokens and words: the counting in Node, and the page itself in a browser."""

import json
import re
import string
import subprocess
from pathlib import Path
from random import Random

import pytest
from playwright.sync_api import expect

HERE = Path(__file__).parent
PAGE = "fine-tune/industry-knowledge/"
START_MS = 60_000


@pytest.fixture(scope="module")
def counted():
    def run(*texts):
        done = subprocess.run(
            ["node", HERE / "node" / "tokenizer.mjs"],
            input=json.dumps(texts),
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    return run


@pytest.mark.node
def test_everyday_english_takes_little_more_than_a_token_a_word(counted):
    (found,) = counted("The cat sat on the mat, and the dog slept by the door.")
    assert found["words"] == 13
    assert found["tokens"] == 15
    assert found["cut"] == 0


@pytest.mark.node
def test_a_word_cut_into_three_pieces_counts_as_often_as_it_stands_there(counted):
    (found,) = counted("The usucaption of the servitude, usucaption and usufructuary, was void.")
    assert found["list"] == ["The", "usucaption", "of", "the", "servitude", "usucaption", "and", "usufructuary",
                             "was", "void"]  # fmt: skip
    assert found["cut"] == pytest.approx(0.3)


@pytest.mark.node
def test_a_script_without_spaces_is_cut_into_words_all_the_same(counted):
    (found,) = counted("契約は両当事者の合意により成立する。")
    assert found["words"] > 5


@pytest.mark.node
def test_marks_alone_are_no_words(counted):
    (found,) = counted(" -- ... ;")
    assert found["words"] == 0
    assert found["cut"] == 0


PROSE = "The lessee shall indemnify the lessor, whose estoppel is (not) void.  \n\n– Art. 12/3: “Übergabe”;\n"


@pytest.mark.node
def test_a_long_text_is_cut_where_the_encoding_cuts_it_too(counted):
    (found,) = counted([PROSE, 900])
    assert found["longest"] < 5000
    assert found["tokens"] == found["whole"]


@pytest.mark.node
@pytest.mark.parametrize("mark", ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|endofprompt|>", "<|fim_prefix|>"])
def test_what_ends_a_text_for_a_model_is_counted_as_text(counted, mark):
    found, bare = counted(f"{mark}user {mark}", "user ")
    assert found["tokens"] > bare["tokens"] + 2


RUNS = ("x", "A", "e\u0301", "!", " ", "\n", "漢", "กรุงเทพ", "\U0001f600", "\ud800", "<|im_end|>", "a1_B", ".a")
DEAR = ("漢", "\U0001f600", "\ud800")
"""Runs whose count takes ten seconds; that of Thai letters stays for all that are no Latin ones."""
LENGTH = 40_000
KNOWN = {"กรุงเทพ": 17142}
"""What the encoding itself counts in a run of this length, where that takes it eight seconds: `make long` asks it."""


@pytest.mark.node
@pytest.mark.parametrize("run", [pytest.param(run, marks=pytest.mark.long if run in DEAR else ()) for run in RUNS])
def test_the_work_grows_no_faster_than_the_text(counted, run):
    times = LENGTH // len(run)
    short, long = counted([run, times, KNOWN.get(run)], [run, 8 * times])
    # The encoding's own work is bounded by the piece it gets, so the count of pieces is what can grow.
    assert long["longest"] <= 4001
    assert long["calls"] <= 8 * short["calls"] + 16
    assert long["tokens"] == pytest.approx(8 * short["tokens"], rel=0.02)
    assert short["tokens"] == pytest.approx(short["whole"], rel=0.3)
    assert short["ofFiles"] == pytest.approx(short["whole"], rel=0.3)


@pytest.mark.long
@pytest.mark.node
@pytest.mark.parametrize("run", KNOWN)
def test_what_is_known_of_a_run_is_what_the_encoding_counts(counted, run):
    (found,) = counted([run, LENGTH // len(run)])
    assert found["whole"] == KNOWN[run]


PIECES = (
    *RUNS,
    *PROSE,
    "\r\n",
    "\t",
    "don't",
    "WE'LL",
    " 2026",
    "½",
    "ß",
    "İ",
    "़",
    "\u200d",
    "/",
    "_",
    "\u00a0",
    "\u2028",
)


@pytest.mark.node
def test_a_run_without_a_break_is_counted_in_a_file_as_the_encoding_counts_it(counted):
    random = Random(12)
    kinds = ["ab", string.ascii_letters, "aeiou", "!?", "-", " ", "\n ", "é\u0301", "漢字仮", "กรุงเทพ", "\ud800x", "ßİ़"]
    texts = ["".join(random.choices(kind, k=random.randint(190, 1500))) for kind in kinds for _ in range(3)]
    for text, found in zip(texts, counted(*texts), strict=True):
        assert found["ofFiles"] == found["whole"], text[:20]


@pytest.mark.node
def test_a_files_texts_are_counted_as_the_encoding_counts_them(counted):
    random = Random(11)
    texts = ["".join(random.choices(PIECES, k=random.randint(0, 60))) for _ in range(2000)]
    # Twice, so that what was kept of a piece is used as well.
    for found in counted(*texts, *texts):
        assert found["ofFiles"] == found["whole"]


@pytest.mark.browser
def test_a_text_that_a_model_would_take_for_its_end_is_counted(page, address):
    page.goto(address + PAGE)
    box = page.get_by_label("Some text of your field")
    box.fill("<|endoftext|><|im_start|>user The lessee shall indemnify the lessor.")
    page.get_by_text(re.compile(r"tokens in \d+ words")).wait_for()


@pytest.mark.browser
def test_a_newer_text_takes_the_place_of_a_long_one_and_an_empty_box_ends_the_count(page, address):
    page.goto(address + PAGE)
    box = page.get_by_label("Some text of your field")
    said = page.locator(".calc-sample [role=status]")
    # No run is met twice, so that nothing is remembered: this takes seconds.
    slow = "".join(Random(7).choices(string.ascii_lowercase, k=500_000))
    box.fill(slow)
    expect(said).to_contain_text("Counting")
    box.fill("The lessee shall indemnify the lessor.")
    expect(said).to_contain_text("in 6 words", timeout=START_MS)
    filled = page.locator("[name=domain_tokens_per_word]").input_value()
    box.fill(slow[::-1])
    expect(said).to_contain_text("Counting")
    box.fill("")
    expect(said).to_contain_text("the text is not sent or kept")
    page.wait_for_timeout(1000)
    expect(said).to_contain_text("the text is not sent or kept")
    assert page.locator("[name=domain_tokens_per_word]").input_value() == filled
    assert 1 < float(filled) < 2


@pytest.mark.browser
def test_no_text_is_counted_where_it_would_hold_up_the_page(page, address):
    page.goto(address + PAGE)
    page.get_by_label("Some text of your field").wait_for()
    # Laying out a million characters is the browser's own work.
    page.evaluate(
        """(text) => {
          const box = document.querySelector(".calc-sample textarea");
          Object.defineProperty(box, "value", { get: () => text });
          box.dispatchEvent(new Event("input", { bubbles: true }));
        }""",
        "a " + "q" * 1_000_000,
    )
    said = page.locator(".calc-sample [role=status]")
    expect(said).to_contain_text("Only the first 500,000 characters", timeout=START_MS)
    assert len([worker for worker in page.workers if "counting" in worker.url]) == 1
    assert page.evaluate("globalThis.GPTTokenizer_o200k_base") is None


@pytest.mark.browser
def test_a_count_that_breaks_off_says_so_and_the_next_one_works(page, address):
    broken = []
    page.route("**/assets/counting.js*", lambda route: broken.append(route) or route.fulfill(body="throw Error('no')"))
    page.goto(address + PAGE)
    box = page.get_by_label("Some text of your field")
    said = page.locator(".calc-sample [role=status]")
    box.fill("The lessee shall indemnify the lessor.")
    expect(said).to_contain_text("could not be counted", timeout=START_MS)
    page.unroute("**/assets/counting.js*")
    box.fill("The lessee shall not indemnify the lessor.")
    expect(said).to_contain_text("in 7 words", timeout=START_MS)
    assert len(broken) == 1


@pytest.mark.browser
def test_a_pasted_text_is_counted_on_the_device_and_kept_nowhere(page, address):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address + PAGE)
    box = page.get_by_label("Some text of your field")
    box.wait_for()
    assert not any("o200k" in url for url in asked), "the encoding is fetched only when it is needed"
    box.fill("The lessee shall indemnify the lessor against estoppel. " * 400)
    page.get_by_text("tokens in 3,200 words").wait_for()
    assert sum("o200k" in url for url in asked) == 1
    assert 1.2 < float(page.locator("[name=domain_tokens_per_word]").input_value()) < 3
    kept = page.evaluate("JSON.stringify({ ...localStorage }) + location.href")
    assert "domain_tokens_per_word" in kept
    assert "lessee" not in kept


@pytest.mark.browser
def test_a_count_that_cannot_be_made_says_so_and_the_number_can_be_typed(page, address):
    page.route("**/tokenizer/o200k_base.js", lambda route: route.abort())
    page.goto(address + PAGE)
    box = page.get_by_label("Some text of your field")
    box.wait_for()
    box.fill("The lessee shall indemnify the lessor.")
    page.get_by_text("The tokenizer could not be loaded").wait_for()
    assert page.locator("[name=domain_tokens_per_word]").is_editable()
