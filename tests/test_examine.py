"""A reader's own file: data sets of every form and container, read as a stream, with what they hold."""

import csv
import io
import json
import random
import tracemalloc
from itertools import islice, pairwise

import pytest

from calculator import catalog, engine, examine
from calculator.examine import forms, personal, repeats, tree, wording
from calculator.examine.dataset import DataSet, text_bytes_per_token
from calculator.examine.repeats import Answers, Seen
from calculator.examine.stream import LONGEST_LINE
from calculator.fields import defaults_of, fields_of

COUNT = 12


def chat(k):
    return {
        "messages": [
            {"role": "system", "content": "Answer in one word."},
            {"role": "user", "content": f"What follows the number {'ten ' * k}?"},
            {"role": "assistant", "content": f"Answer {'long ' * k}"},
        ]
    }


ROWS = {
    forms.CHAT: chat,
    forms.SHAREGPT: lambda k: {
        "conversations": [{"from": "human", "value": f"Ask {'ten ' * k}"}, {"from": "gpt", "value": f"Say {'it ' * k}"}]
    },
    forms.ALPACA: lambda k: {
        "instruction": f"Add up {'ten ' * k}",
        "input": f"these {k}",
        "output": f"Sum {'is ' * k}",
    },
    forms.PAIRS: lambda k: {"prompt": f"Ask {'ten ' * k}", "completion": f"Say {'it ' * k}"},
    forms.PREFERENCES: lambda k: {"prompt": f"Ask {'ten ' * k}", "chosen": f"Say {'it ' * k}", "rejected": "No"},
    forms.LABELLED: lambda k: {"text": f"It was {'very ' * k} good", "label": "good" if k % 3 else "bad"},
    forms.TEXT: lambda k: {"text": f"A line of {'plain ' * (k + 1)} text"},
}
"""A row of each form, longer with k."""

FLAT = (forms.ALPACA, forms.PAIRS, forms.PREFERENCES, forms.LABELLED)
"""The forms that fit cells."""


def as_cells(rows, delimiter):
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


CONTAINERS = {
    "JSON lines": lambda rows: "".join(json.dumps(row) + "\n" for row in rows),
    "a JSON array": json.dumps,
    "a JSON array, indented": lambda rows: json.dumps(rows, indent=2),
    "a JSON object": lambda rows: json.dumps({"version": 1, "data": rows}),
    "CSV": lambda rows: as_cells(rows, ","),
    "TSV": lambda rows: as_cells(rows, "\t"),
}


def fixtures():
    for form, make in ROWS.items():
        for container, write in CONTAINERS.items():
            if container not in ("CSV", "TSV") or form in FLAT:
                yield pytest.param(form, container, write([make(k) for k in range(COUNT)]), id=f"{form} in {container}")


@pytest.mark.parametrize(("form", "container", "text"), list(fixtures()))
def test_each_form_is_recognised_in_each_container_without_being_told(form, container, text):
    found = examine.examine(text)
    assert found["kind"] == "data"
    assert found["format"] == forms.WORDS[form][0]
    assert found["container"] == container.partition(",")[0]
    assert found["numbers"]["examples"] == COUNT
    assert found["numbers"]["broken_lines"] == 0
    json.dumps(found, allow_nan=False)


def test_plain_text_is_an_example_a_line():
    found = examine.examine("The first, a sentence.\n\nAnd another; with, commas.\nThe last\n")
    assert (found["format"], found["container"], found["numbers"]["examples"]) == ("plain text", "text", 3)
    assert found["numbers"]["empty_lines"] == 1


@pytest.mark.parametrize("size", [1, 3, 7, 100, 5_000])
@pytest.mark.parametrize("container", ["JSON lines", "a JSON array", "a JSON array, indented", "CSV"])
def test_the_same_is_said_however_the_file_is_cut_into_pieces(container, size):
    rows = [{"prompt": f"Größe {k}\n“neu”, a@b.org", "completion": f"x{k}" * k} for k in range(1, 30)]
    data = CONTAINERS[container](rows).encode()
    reader = examine.Reader("the text")
    for start in range(0, len(data), size):
        reader.feed(data[start : start + size])
    assert reader.finish() == examine.examine(data)


def test_a_snapshot_says_what_was_read_so_far():
    reader = examine.Reader()
    text = CONTAINERS["JSON lines"]([chat(k) for k in range(2_000)]).encode()
    assert reader.snapshot()["headline"] == "Not enough of it is read yet."
    half = len(text) // 2
    reader.feed(text[:half])
    early = reader.snapshot()
    assert 0 < early["numbers"]["examples"] < 2_000
    assert not early["done"]
    assert not early["fields"]
    reader.feed(text[half:])
    assert reader.finish()["numbers"]["examples"] == 2_000


def test_lengths_and_percentiles_are_those_of_a_plain_count():
    rows = [{"prompt": "p" * (7 * k % 50 + 1), "completion": "a" * (13 * k % 90 + 1)} for k in range(200)]
    reader = examine.Reader(tokens="outside", tokenizer="characters", sequence_tokens=60)
    reader.feed(CONTAINERS["JSON lines"](rows).encode())
    reader.end()
    while texts := reader.take_texts(50):
        reader.give_counts([len(text) for text in texts])
    found = reader.finish()["numbers"]
    lengths = sorted(len(row["prompt"]) + 1 + len(row["completion"]) for row in rows)
    assert found["tokens"] == sum(lengths)
    assert found["longest_tokens"] == lengths[-1]
    assert found["p50_tokens"] == lengths[99]
    assert found["p95_tokens"] == lengths[189]
    assert found["rows_over_limit"] == sum(length > 60 for length in lengths)
    mean = sum(lengths) / 200
    spread = (sum((length - mean) ** 2 for length in lengths) / 199) ** 0.5 / mean
    assert found["length_spread_ratio"] == pytest.approx(spread, rel=1e-12)
    assert found["tokens_are_counted"]


def test_the_picture_holds_every_example_once():
    found = examine.examine(CONTAINERS["JSON lines"]([ROWS[forms.PAIRS](k**2) for k in range(40)]))
    picture = next(part for part in found["sections"] if part["key"] == "lengths")["picture"]
    assert sum(count for *_, count in picture["bins"]) == 40
    assert all(one[1] == pytest.approx(other[0]) for one, other in pairwise(picture["bins"]))


def test_tokens_that_nobody_counted_say_that_they_are_estimated():
    found = examine.examine(CONTAINERS["JSON lines"]([chat(k) for k in range(5)]))
    assert not found["numbers"]["tokens_are_counted"]
    assert "estimated" in next(part for part in found["sections"] if part["key"] == "shape")["note"]
    text = "\n".join(message["content"] for message in chat(3)["messages"])
    alone = examine.examine(json.dumps(chat(3)) + "\n")["numbers"]
    assert alone["mean_tokens"] == pytest.approx(len(text.encode()) / text_bytes_per_token())


def test_counts_must_be_given_for_whole_rows():
    reader = examine.Reader(tokens="outside")
    reader.feed(b'{"prompt": "a", "completion": "b"}\n')
    reader.end()
    assert reader.take_texts() == ["a\n", "b"]
    with pytest.raises(ValueError, match="as many counts as texts"):
        reader.give_counts([1])


def test_repeats_are_found_exactly_and_but_for_case_digits_and_punctuation():
    rows = [
        ("What is it?", "That"),
        ("what IS it", "that!"),
        ("What is it?", "That"),
        ("Another", "One"),
        ("What 9", "2"),
    ]
    text = CONTAINERS["JSON lines"]([{"prompt": p, "completion": c} for p, c in rows])
    found = examine.examine(text)
    assert found["numbers"]["exact_duplicates"] == 1
    assert found["numbers"]["near_duplicates"] == 1
    table = next(part for part in found["sections"] if part["key"] == "duplicates")["table"]["rows"]
    assert ["3", "1", "exact"] in table
    assert ["2", "1", "nearly"] in table


def test_labels_in_conflict_are_named_by_line():
    rows = [{"text": "the same", "label": "good"}, *({"text": f"text {k}", "label": "bad"} for k in range(20))]
    text = CONTAINERS["JSON lines"]([*rows, {"text": "the same", "label": "bad"}])
    conflict = next(one for one in examine.examine(text)["warnings"] if one["key"] == "conflict")
    assert (conflict["count"], conflict["lines"]) == (1, [22])


@pytest.mark.parametrize("most", [64, 256])
def test_beyond_what_is_remembered_repeats_are_estimated_without_bias(most):
    seen, chance = Seen(most), random.Random(most)
    keys = [chance.getrandbits(64) for _ in range(10_000)]
    # Every text comes three times: two of three rows repeat one.
    for k in range(30_000):
        seen.add(keys[k % 10_000], k + 1)
    assert not seen.exact
    kept = sum(map(len, seen.parts))
    assert kept == seen.kept <= most
    assert kept >= most // 4
    assert seen.repeats == pytest.approx(20_000, rel=5 / kept**0.5)


@pytest.mark.parametrize("short", [False, True])
def test_many_texts_are_remembered_as_one_after_the_other_is(monkeypatch, short):
    monkeypatch.setattr(repeats, "_SHORT_HASHES", short)
    texts = [f"text {k % 700} {'x' * (k % 5)}" for k in range(4_000)]
    keys, lines = repeats.keys_of(texts), range(1, len(texts) + 1)
    assert len(set(keys)) == len(set(texts))
    alone, together, asked, all_asked = Seen(256), Seen(256), Answers(256), Answers(256)
    for line, key in zip(lines, keys, strict=True):
        alone.add(key, line)
        asked.add(key, line % 3, line)
    for start in range(0, len(texts), 100):
        part = slice(start, start + 100)
        together.add_all(keys[part], lines[part])
        all_asked.add_all(keys[part], [line % 3 for line in lines[part]], lines[part])
    assert (together.parts, together.copies, together.again, together.mask, together.pairs) == (
        alone.parts, alone.copies, alone.again, alone.mask, alone.pairs
    )  # fmt: skip
    assert (all_asked.parts, all_asked.contradicted, all_asked.pairs) == (asked.parts, asked.contradicted, asked.pairs)


@pytest.mark.parametrize("most", [2**8, 2**12])
def test_a_sample_of_many_texts_takes_no_more_memory_than_all_of_fewer_do(most):
    def most_held(texts):
        exact, near, asked = Seen(most), Seen(most), Answers(most)
        chance = random.Random(most)
        tracemalloc.start()
        for line in range(1_000, 1_000 + texts):
            for seen in exact, near:
                seen.add(chance.getrandbits(62), line)
            asked.add(chance.getrandbits(62), chance.getrandbits(62), line)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    assert max(most_held(most * times) for times in (2, 5, 12)) <= 1.1 * most_held(most)


def odd_rows(form, chance):
    """Rows of a form among which some are broken, empty, foreign, long, repeated, unanswered or hold a number."""
    rows = [json.dumps(ROWS[form](k % 40), ensure_ascii=k % 2 == 0) for k in range(900)]
    kinds = ["", "  ", "no json {", "[1]", '"text"', json.dumps({"other": "names"}), "[" * 150 + "]" * 150, rows[3]]
    kinds += [json.dumps(ROWS[form](3)).replace("ten", told) for told in ("a.b@example.org", "+49 170 1234567", "für")]
    kinds += [json.dumps(ROWS[form](4)).replace("ten", told * 900) for told in ("漢字 ", "\\u0000", "4 ")]
    return [chance.choice(kinds) if k > 200 and chance.random() < 0.01 else row for k, row in enumerate(rows)]


@pytest.mark.parametrize("form", ROWS)
def test_rows_that_are_taken_together_say_what_they_say_one_by_one(monkeypatch, form):
    lines = odd_rows(form, random.Random(5))
    text = "\n".join(lines)
    together = examine.examine(text, sequence_tokens=50)
    assert together["warnings"]
    monkeypatch.setattr(DataSet, "_take_all", lambda *_: False)
    assert examine.examine(text, sequence_tokens=50) == together


def test_the_first_lines_are_named_in_whatever_order_they_are_met():
    lines = tree.Lines()
    for line in (9, 30, 2, *range(40, 60), 5, 1):
        lines.add(line)
    assert (lines.count, lines.first) == (25, [1, 2, 5, 9, 30, 40, 41, 42, 43, 44])


def made_up_texts(chance):
    """Texts of some words, each with copies in which ever more of the words are others."""
    words = [f"{a}{b}{c}" for a in "bdfgklm" for b in "aeiou" for c in "nrst"]
    for _ in range(150):
        text = chance.choices(words, k=chance.randint(5, 120))
        for changes in (0, 1, 2, 4, 8, 30):
            copy = list(text)
            for _ in range(changes):
                copy[chance.randrange(len(copy))] = chance.choice(words)
            yield " ".join(copy)


def test_nearly_all_texts_that_are_worded_alike_are_found_and_no_other():
    texts = list(made_up_texts(random.Random(8)))
    runs = [set(zip(w, w[1:], w[2:], strict=False)) for w in map(str.split, texts)]
    wordings = wording.Wordings()
    before, alike, found = [], 0, 0
    for at, own in enumerate(runs):
        counted = wordings.alike
        wordings.add(f"{texts[at].upper()}, {at}!".encode(), at + 1)
        likest = max((len(own & other) / len(own | other) for other in before), default=0.0)
        expected = len(own) >= wording.FEWEST_RUNS and wording.ALIKE_SHARE <= likest < 1
        alike += expected
        found += wordings.alike - counted
        assert expected or wordings.alike == counted
        if len(own) >= wording.FEWEST_RUNS:
            before.append(own)
    assert alike > 150
    assert found >= 0.99 * alike
    assert all(earlier < line for line, earlier in wordings.pairs)


def test_what_every_prompt_begins_with_makes_no_two_of_them_alike():
    words = iter(f"{a}{b}{c}{d}" for a in "bdfg" for b in "aeiou" for c in "nrst" for d in "aeiou")
    system = " ".join(f"rule {name} applies" for name in "abcdefghijklmnopqrstuvwxyz")
    rows = [
        {"messages": [{"role": "system", "content": system}, {"role": "user", "content": " ".join(islice(words, 9))},
                      {"role": "assistant", "content": "Yes."}]}
        for _ in range(40)
    ]  # fmt: skip
    rows.append({"messages": [*rows[7]["messages"][:2], {"role": "assistant", "content": "Yes, of course it is."}]})
    rows[8]["messages"][1]["content"] += " and so on " + rows[8]["messages"][1]["content"][::-1]
    found = examine.examine(CONTAINERS["JSON lines"](rows))["numbers"]
    assert (found["reworded_examples"], found["reworded_looked_at"]) == (0, 41)
    rows[9]["messages"][1]["content"] = f"well {' '.join(rows[30]['messages'][1]['content'].split()[:9])}"
    assert examine.examine(CONTAINERS["JSON lines"](rows))["numbers"]["reworded_examples"] == 1


def test_the_wording_of_more_texts_than_can_be_kept_is_compared_in_the_first_of_them():
    wordings = wording.Wordings(most_runs=500)
    for at, text in enumerate(made_up_texts(random.Random(9))):
        wordings.add(text.encode(), at + 1)
    assert wordings.full
    assert wordings.looked_at < 100
    assert wordings.kept_runs <= 500 + 120
    wordings.add(b"word " * 10**6, 1)


def test_contradictions_are_counted_in_bounded_memory():
    answers = Answers(128)
    for k in range(20_000):
        answers.add(hash(k % 5_000 * 7919), k // 5_000 % 2, k + 1)
    assert sum(map(len, answers.parts)) == answers.kept <= 128
    assert answers.inputs == pytest.approx(5_000, rel=0.5)


def test_overlap_with_the_training_file_is_counted_by_kind():
    train = examine.Reader("train.csv")
    train.feed(as_cells([{"text": f"words number {'a' * k}", "label": "ab"[k % 2]} for k in range(20)], ",").encode())
    train.finish()
    test = examine.Reader("test.csv", against=train)
    rows = [("words number a", "b"), ("Words number aa!", "a"), ("words number aaa", "a"), ("new", "b"), ("newer", "a")]
    test.feed(as_cells([{"text": text, "label": label} for text, label in rows], ",").encode())
    found = test.finish()["numbers"]
    assert [found[f"overlap_{kind}_rows"] for kind in ("exact", "near", "input")] == [1, 2, 2]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("write to jane.doe@example.co.uk", {"email"}),
        ("call +49 30 1234 5678 now", {"phone"}),
        ("call (555) 123-4567", {"phone"}),
        ("card 4111 1111 1111 1111 please", {"card"}),
        ("card 4111 1111 1111 1112 please", set()),
        ("on 2024-01-05 at 10:30 we sold 12,000 pieces", set()),
        ("a @ b, user@host", set()),
        ("order 123456789012345678901234567890", set()),
        ("", set()),
    ],
)
def test_personal_data_is_found_by_pattern(text, kinds):
    assert set(personal.looks_personal(text.encode())) == kinds


def test_the_check_digit_of_cards_is_that_of_the_standard():
    assert personal.luhn(b"79927398713")
    assert not any(personal.luhn(b"7992739871%d" % k) for k in range(10) if k != 3)


def test_classes_are_those_of_a_label_or_of_few_short_answers():
    rows = [
        {"prompt": f"Sort this, number {k}", "completion": ("refund", "delivery", "other")[k % 3]} for k in range(90)
    ]
    found = examine.examine(CONTAINERS["JSON lines"]([*rows, {"prompt": "Rare", "completion": "fraud"}]))
    assert found["numbers"]["classes"] == 4
    assert found["fields"]["classes_count"] == "4"
    rare = next(one for one in found["warnings"] if one["key"] == "rare")
    assert "fraud" in rare["message"]
    free = examine.examine(CONTAINERS["JSON lines"]([ROWS[forms.PAIRS](k) for k in range(60)]))
    assert free["numbers"]["classes"] == 0


def test_the_shared_beginning_is_the_system_prompt_or_what_all_prompts_have_in_common():
    chats = examine.examine(CONTAINERS["JSON lines"]([chat(k) for k in range(30)]))
    system, asked = "Answer in one word.", [chat(k)["messages"][1]["content"] for k in range(30)]
    shared = len(system + "\nWhat follows the number ") * 30
    assert float(chats["fields"]["shared_prefix_share"]) == pytest.approx(
        shared / sum(len(system) + 1 + len(text) for text in asked), abs=0.005
    )
    assert "shared_prefix_share" not in examine.examine("text,label\na b,x\nc d,y\ne f,x\n")["fields"]


def test_turns_are_the_answers_of_the_model():
    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    found = examine.examine(CONTAINERS["JSON lines"]([{"messages": talk * k} for k in (1, 1, 2, 4)]))
    turns = next(part for part in found["sections"] if part["key"] == "turns")
    assert turns["rows"][0]["value"] == 2.0
    assert turns["rows"][1]["value"] == 4


def test_empty_and_broken_lines_are_named_by_number():
    good = json.dumps(ROWS[forms.PAIRS](1))
    found = examine.examine("\n".join([good, "", "{broken", good, "[1, 2]", good + "}", '{"x": 1}', good]) + "\n")
    assert found["numbers"]["examples"] == 4
    lines = {one["key"]: one["lines"] for one in found["warnings"]}
    assert lines["empty"] == [2]
    assert lines["broken"] == [3, 5, 6]
    assert lines["foreign"] == [7]


def test_a_cell_with_line_ends_is_one_cell_and_the_next_line_keeps_its_number():
    found = examine.examine('text,label\n"one\n\ntwo",a\nthree,b\nfour\nfive,a\n')
    assert found["numbers"]["examples"] == 3
    assert [one["lines"] for one in found["warnings"] if one["key"] == "broken"] == [[6]]


def test_every_field_that_is_filled_is_one_of_the_pages_and_within_its_bounds():
    specs = {}
    for name in catalog.names():
        inputs = catalog.decision(name).Inputs
        for field, spec in fields_of(inputs).items():
            specs[field] = (spec, defaults_of(inputs)[field])
    for make in ROWS.values():
        fields = examine.examine(CONTAINERS["JSON lines"]([make(k) for k in range(40)]))["fields"]
        assert {"labelled_examples", "example_tokens", "sequence_tokens"} <= set(fields)
        for field, text in fields.items():
            engine.canonical(specs[field][0], text, specs[field][1])


def test_the_cost_of_training_on_the_file_names_every_service_with_a_price_and_the_cards_that_it_fits():
    found = examine.examine(CONTAINERS["JSON lines"]([chat(k % 20) for k in range(100)]))
    cost = next(part for part in found["sections"] if part["key"] == "cost")
    places = [cells[0] for cells in cost["table"]["rows"]]
    assert any(place.startswith("OpenAI: ") for place in places)
    assert any("NVIDIA" in place for place in places)
    numbers = found["numbers"]
    fields = found["fields"]
    assert numbers["trained_tokens"] == int(fields["labelled_examples"]) * int(fields["example_tokens"]) * 3


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PAR1\x15\x04", "Parquet"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"PK\x03\x04....", "ZIP"),
        (b"\x80\x04\x95........", "pickle"),
        (b"\x00" * 100, "NUL"),
        (b"", "empty"),
        (b"\n \n", "no text"),
        (b"[]", "no text"),
        (b"{", "begins like JSON"),
        (b'{"a": ' * 300, "nested deeper"),
        (b"[" * 100_000, "nested deeper"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(data, words):
    with pytest.raises(examine.RefusedError, match=r"file\.bin") as refused:
        examine.examine(data, "file.bin")
    assert words in str(refused.value)


def test_a_line_that_never_ends_takes_no_memory_and_is_named():
    reader = examine.Reader("long.jsonl")
    good = json.dumps(ROWS[forms.PAIRS](1)).encode() + b"\n"
    reader.feed(good * 2_000)
    piece = b"x" * 2**20
    for _ in range(3 * LONGEST_LINE // len(piece)):
        reader.feed(piece)
        assert reader._stream.rest_bytes <= LONGEST_LINE
    reader.feed(b"\n" + good)
    found = reader.finish()
    assert found["numbers"]["examples"] == 2_001
    assert [one["lines"] for one in found["warnings"] if one["key"] == "too_long"] == [[2_001]]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings_of_unicode_are_read(encoding):
    text = CONTAINERS["JSON lines"]([{"prompt": f"Größe {k} 😀", "completion": "ja"} for k in range(40)])
    text = text.replace("\\u00f6", "ö").replace("\\ud83d\\ude00", "😀")
    data = text.encode(encoding)
    reader = examine.Reader()
    for start in range(0, len(data), 7):
        reader.feed(data[start : start + 7])
    found = reader.finish()
    assert found["numbers"]["examples"] == 40
    assert found["numbers"]["broken_lines"] == 0
    assert "Größe 0 😀" in found["sections"][-2]["table"]["rows"][0][0]


def test_bytes_that_are_no_utf8_are_read_as_latin_and_named():
    found = examine.examine("text,label\nna\xefve,a\nplain,b\nmore,a\n".encode("latin-1"))
    assert found["numbers"]["examples"] == 3
    assert [one["lines"] for one in found["warnings"] if one["key"] == "not_utf8"] == [[2]]


def test_options_that_are_none_are_refused_with_what_is_allowed():
    for options in ({"kind": "x"}, {"tokens": "x"}, {"sequence_tokens": 0}, {"against": examine.Reader()}):
        with pytest.raises(ValueError, match=f"^{next(iter(options))}"):
            examine.Reader(**options)


@pytest.mark.parametrize("length", [2**16 - 40, 2**16, 2**18, 2**21])
def test_a_first_line_longer_than_what_is_looked_at_is_a_line_all_the_same(length):
    rows = [{"prompt": "p", "completion": "x" * length}, *(ROWS[forms.PAIRS](k) for k in range(5))]
    for container in ("JSON lines", "a JSON array", "CSV"):
        found = examine.examine(CONTAINERS[container](rows))
        assert (found["container"], found["numbers"]["examples"]) == (container, 6)
