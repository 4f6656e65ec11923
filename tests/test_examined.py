"""What the page gets of a reader's own file: its HTML, its fields, and a sentence for what cannot be read."""

import json
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calculator import MODEL_VERSION, examine
from calculator.exhibit import Histogram, Mark
from calculator.faces import chart, examined
from calculator.units import TOKENS

HOSTILE = "<img src=x onerror=alert(1)>\"'&</script>"
CHATS = "".join(
    json.dumps({"messages": [{"role": "user", "content": f"{n} {HOSTILE}"}, {"role": "assistant", "content": HOSTILE}]})
    + "\n"
    for n in range(40)
)
LABELS = "".join(json.dumps({"text": f"text {n}", "label": f"{HOSTILE}{n % 3}"}) + "\n" for n in range(60))
RESULTS = f"item,{HOSTILE},later\n".replace('"', "") + "".join(f"{n},{n % 3 > 0:d},{n % 5 > 0:d}\n" for n in range(90))
LOG = "".join(f"{{'loss': {3 / (n + 1):.3f}, 'eval_loss': {1 + n / 9:.3f}, 'epoch': {n / 4}}}\n" for n in range(20))


class Tags(HTMLParser):
    """The elements of a text of HTML, and whether each was closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it, and that it is open."""
        self.handle_startendtag(tag, attrs)
        if tag not in ("input", "br", "option"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.seen.add(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        """Close it."""
        if tag != "option":
            assert self.open.pop() == tag


def read(text: str, name: str = "file.jsonl", **more: object) -> dict:
    """What the page is told of a whole file, its tokens counted as words are."""
    answers = [examined.begin(json.dumps({"name": name, "tokens": "outside", **more})), examined.feed(text.encode())]
    answers.append(examined.last())
    for answer in answers:
        if json.loads(answer)["problem"]:
            return json.loads(answer)
    while texts := examined.texts():
        examined.counts(json.dumps([len(one.split()) for one in json.loads(texts)]))
    return json.loads(examined.end(json.dumps(more)))


@pytest.mark.parametrize("text", [CHATS, LABELS, RESULTS, LOG])
def test_what_stands_in_a_file_is_text_and_the_html_is_well_formed(text):
    found = read(text, f"{HOSTILE}.jsonl")
    assert found["problem"] == ""
    assert found["version"] == MODEL_VERSION
    tags = Tags()
    tags.feed(found["html"])
    assert tags.open == []
    assert not tags.seen & {"img", "script"}
    assert tags.handlers == []
    assert f'<p class="calc-found-headline">{chart.escape(found["headline"])}</p>' in found["html"]


def test_the_fields_are_said_in_the_words_of_the_form():
    found = read(LABELS)
    assert found["fields"]["labelled_examples"] == "60"
    assert "Labelled examples you have: 60" in found["fills"]


def test_a_look_before_the_end_fills_nothing():
    examined.begin(json.dumps({"name": "x.jsonl"}))
    examined.feed(LABELS.encode() * 2000)
    found = json.loads(examined.look())
    assert found["fields"] == {}
    assert "texts" in found["headline"]


def test_what_was_stopped_says_so():
    assert "until you stopped it" in read(LABELS, stopped=True)["html"]
    assert "until you stopped it" not in read(LABELS)["html"]


def test_a_broken_line_is_named():
    assert "Line 61." in read(LABELS + "broken\n")["html"]


@pytest.mark.parametrize("text", ["PAR1\0\0", "", "[" * 5000, "\0" * 99])
def test_what_cannot_be_read_is_a_sentence_with_the_files_name(text):
    found = read(text, "ours.bin")
    assert "ours.bin" in found["problem"]
    assert "html" not in found


@pytest.mark.parametrize("request_text", ["", "[]", "null", '{"name": 3}', '{"tokens": "guess"}', "[" * 99_999])
def test_a_request_that_is_none_gives_a_problem(request_text):
    assert json.loads(examined.begin(request_text))["problem"]


def test_nothing_is_told_before_a_file_is_begun():
    read(LABELS)
    assert "No file" in json.loads(examined.look())["problem"]


def test_rows_of_the_training_set_are_found_in_the_test_set():
    read(LABELS, "train.jsonl")
    found = read("".join(LABELS.splitlines(keepends=True)[:6]), "test.jsonl", against=True)
    assert "6 (100%)" in found["html"]


@pytest.mark.parametrize(("text", "tokens"), [("4k", 4000), ("512", 512), ("", 2048), ("5 to 9", 2048), ("x", 2048)])
def test_rows_are_held_against_the_readers_own_longest_sequence(text, tokens):
    assert examined._tokens(text) == tokens


def test_test_results_fill_the_evidence_that_the_reader_names():
    found = read(RESULTS.replace(HOSTILE.replace('"', ""), "now"), "results.csv")
    assert found["fields"] == {}
    asked = {"ways": {"now": "keep", "later": "tuned_small"}, "sizes": {"later": "1k"}}
    told = json.loads(examined.evidence(json.dumps(asked)))
    assert told["problem"] == ""
    assert told["fields"]["test_items"] == "90"
    assert told["fields"]["tuned_small_accuracy_share"] == "0.8000"
    assert json.loads(examined.evidence(json.dumps({"ways": {"now": "no such way"}})))["problem"]
    assert json.loads(examined.evidence(json.dumps({"ways": {"now": "keep"}, "sizes": {"now": "many"}})))["problem"]


@pytest.mark.parametrize("key", list(examine.EVIDENCE))
def test_every_option_is_offered_for_a_variant(key):
    assert f'<option value="{key}"' in read(RESULTS, "results.csv")["html"]


COUNTS = st.one_of(st.floats(-1e15, 1e15), st.sampled_from([float("nan"), float("inf")]))
BINS = st.tuples(st.floats(), st.floats(), COUNTS)


@settings(max_examples=200)
@given(st.lists(BINS, max_size=12), st.floats(), st.booleans())
def test_a_histogram_of_any_numbers_is_drawn(bins, mark, x_log):
    drawn = chart.histogram(
        Histogram(
            title="T", description="D", x_label="X", y_label="Y", x_unit=TOKENS, bins=tuple(bins),
            marks=(Mark(label="M", x=mark),), x_log=x_log,
        )
    )  # fmt: skip
    assert "nan" not in drawn
    assert "inf" not in drawn


def test_a_histograms_bars_stand_for_their_counts():
    bins = ((0.0, 10.0, 4.0), (10.0, 20.0, 0.0), (20.0, 30.0, 8.0))
    drawn = chart.histogram(Histogram(title="T", description="D", x_label="X", y_label="Y", x_unit=TOKENS, bins=bins))
    heights = [float(part.partition('"')[0]) for part in drawn.split('%" height="')[1:]]
    assert len(heights) == 2
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.11)


def test_a_limit_far_beyond_every_row_does_not_push_the_picture_together():
    found = read(LABELS, sequence_tokens="100000")
    assert "calc-limit" not in found["html"]
    assert "100,000 tokens" in found["html"]
