"""The page's count of tokens and words: the counting in Node, and the page itself in Chromium."""

import json
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = "fine-tune/industry-knowledge/"


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
