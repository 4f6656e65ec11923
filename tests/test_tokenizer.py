"""The page's count of tokens and words, in Node, with the encoding that the page loads."""

import json
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.node

HERE = Path(__file__).parent


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


def test_everyday_english_takes_little_more_than_a_token_a_word(counted):
    (found,) = counted("The cat sat on the mat, and the dog slept by the door.")
    assert found["words"] == 13
    assert found["tokens"] == 15
    assert found["cut"] == 0


def test_a_word_cut_into_three_pieces_counts_as_often_as_it_stands_there(counted):
    (found,) = counted("The usucaption of the servitude, usucaption and usufructuary, was void.")
    assert found["list"] == ["The", "usucaption", "of", "the", "servitude", "usucaption", "and", "usufructuary",
                             "was", "void"]  # fmt: skip
    assert found["cut"] == pytest.approx(0.3)


def test_a_script_without_spaces_is_cut_into_words_all_the_same(counted):
    (found,) = counted("契約は両当事者の合意により成立する。")
    assert found["words"] > 5


def test_marks_alone_are_no_words(counted):
    (found,) = counted(" -- ... ;")
    assert found["words"] == 0
    assert found["cut"] == 0
