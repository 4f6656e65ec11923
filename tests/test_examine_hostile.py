"""Files that mean harm, or are damaged: read or refused by name, in bounded memory."""

import json

import pytest
from hostile import CORPUS, FORMULAS, MARKUP, ODD_TEXT
from hypothesis import example, given, settings
from hypothesis import strategies as st

from calculator import examine
from calculator.examine import containers, stream
from calculator.faces import examining
from calculator.json_text import DEEPEST

_KEYS = ("messages", "conversations", "instruction", "input", "output", "prompt", "completion", "chosen", "rejected",
         "text", "label", "role", "content", "from", "value", "loss", "step", "eval_loss", "log_history", "results",
         "samples", "eval", "scores", "success", "provider", "testIdx", "doc_id", "filtered_resps", "event_id",
         "sample_id", "data", "spec", "preferred_output", "non_preferred_output", "item", "score")  # fmt: skip
_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(CORPUS) | st.text(max_size=20)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4),
    max_leaves=12,
)
_rows = st.lists(st.dictionaries(st.sampled_from(_KEYS), _values, min_size=1, max_size=5), max_size=6)
_text = (
    _rows.map(lambda rows: "\n".join(json.dumps(row) for row in rows))
    | _rows.map(json.dumps)
    | _values.map(lambda value: json.dumps(value, indent=1))
    | st.lists(st.lists(st.sampled_from((*_KEYS, *CORPUS, "0", "1", "pass")), max_size=4), max_size=8).map(
        lambda rows: "\n".join(",".join(map(str, row)) for row in rows)
    )
    | st.lists(st.sampled_from(CORPUS), max_size=8).map("\n".join)
)
_damage = st.tuples(st.integers(0, 10_000), st.binary(max_size=6))


def checked(data, **options):
    """What is said of a file, or nothing for one that is refused by name; the tree holds what it promises."""
    found, refusal = None, "the file"
    try:
        found = examine.examine(data, "the file", **options)
    except examine.RefusedError as error:
        refusal = str(error)
    assert refusal.startswith("the file")
    assert len(refusal) < 600
    if found is None:
        return None
    text = json.dumps(found, allow_nan=False)
    text.encode()
    assert len(text) < 400_000
    for part in found["sections"]:
        assert part["title"]
        assert all(isinstance(cell, str) for row in (part["table"] or {"rows": []})["rows"] for cell in row)
    assert all(one["message"].endswith(".") and one["count"] >= len(one["lines"]) for one in found["warnings"])
    assert all(isinstance(value, str) for value in found["fields"].values())
    assert examining.as_text(found)
    return found


def feed(chunks, **options):
    reader = examine.Reader("the file", **options)
    for chunk in chunks:
        reader.feed(chunk)
    return reader


@settings(max_examples=150, deadline=None)
@given(_text, _damage, st.sampled_from(("", "data", "results", "run")))
def test_any_file_is_read_or_refused_by_name(text, damage, kind):
    data = text.encode("utf-8", "surrogatepass")
    at, bytes_ = damage
    at %= len(data) + 1
    checked(data[:at] + bytes_ + data[at:], kind=kind)


@example(b"\x00" + 8 * b"\x01" + b"0", 1)
@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_bytes_are_read_or_refused_whatever_the_pieces(data, size):
    whole = checked(data)
    reader = examine.Reader("the file")
    try:
        for start in range(0, len(data), size):
            reader.feed(data[start : start + size])
            json.dumps(reader.snapshot(), allow_nan=False)
        pieces = reader.finish()
    except examine.RefusedError:
        pieces = None
    assert pieces == whole


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(CORPUS), max_size=12), st.tuples(st.integers(0, 9), st.integers(1, 9)))
def test_a_diagnosis_of_anything_names_nothing_that_is_no_number(lines, score):
    right, items = min(score), max(score)
    found = examine.after_a_bad_run("\n".join(lines), before=(right, items), after=(right, items))
    json.dumps(found, allow_nan=False)
    assert set(found["numbers"]["suspects"]) <= {"blind_eval"}


@pytest.mark.parametrize("opening", ["[", '{"a":', '{"messages":[{"content":'])
@pytest.mark.parametrize("levels", [DEEPEST + 1, 5_000, 200_000])
def test_a_bomb_of_nesting_is_refused_or_noted(opening, levels):
    bomb = opening * levels
    checked(bomb.encode())
    good = json.dumps({"prompt": "a", "completion": "b"})
    found = checked(f"{good}\n{bomb}\n{good}\n".encode())
    if len(bomb) < stream.LONGEST_LINE:
        assert found["numbers"]["examples"] == 2
        assert [one["lines"] for one in found["warnings"] if one["key"] == "broken"] == [[2]]


def test_a_bomb_hidden_behind_closed_strings_is_no_deeper_than_it_is():
    brackets = "[" * 5_000
    found = checked(json.dumps({"prompt": f'"{brackets}\\', "completion": "b"}).encode())
    assert found["numbers"]["examples"] == 1


def test_an_array_that_never_ends_and_a_quote_that_never_closes_are_refused_in_bounded_memory(monkeypatch):
    monkeypatch.setattr(containers, "LONGEST_LINE", 2**20)
    for head in (b'[{"prompt": "', b'text,label\na,b\nc,d\n"'):
        line = b"x" * 2**16 + b"\n" * (not head.startswith(b"["))
        with pytest.raises(examine.RefusedError, match="16 MiB"):
            feed([head, *[line] * 64])


def test_what_must_be_read_whole_has_an_end():
    with pytest.raises(examine.RefusedError, match="64 MiB"):
        feed([b"item,a\n" * 2**17] * 100, kind="results")


@pytest.mark.parametrize("text", [*MARKUP, *FORMULAS, *ODD_TEXT])
def test_what_a_file_holds_is_shown_on_one_line_without_signs_that_act(text):
    rows = [{"text": f"{text} {k}", "label": text or "none"} for k in range(4)] + [{"text": "b", "label": "other"}]
    found = checked("\n".join(map(json.dumps, rows)).encode("utf-8", "surrogatepass"))
    for part in found["sections"]:
        # Prices are our own words, with fixed spaces in them.
        for cells in (part["table"] or {"rows": []})["rows"] if part["key"] != "cost" else ():
            assert all(cell.isprintable() for cell in cells)
    assert all(one["message"].isprintable() for one in found["warnings"])


def test_variants_and_items_may_be_called_anything():
    for name in (*MARKUP, *FORMULAS):
        quoted = json.dumps([{"item": k, name: k % 2, "other": 1} for k in range(9)])
        found = checked(quoted.encode(), kind="results")
        assert all(one["name"].isprintable() for one in found["numbers"]["variants"])


def test_numbers_of_any_size_in_results_give_finite_figures():
    for value in ("1e308", "-1e308", "1e400", "nan", "inf", "9" * 400, 10**400):
        row = '{"item": %d, "a": %s, "b": 1}'
        lines = "\n".join(row % (k, json.dumps(value) if isinstance(value, str) else value) for k in range(5))
        checked(lines.encode(), kind="results")


def test_long_labels_and_system_prompts_and_many_curves_are_not_kept_whole():
    long = "x" * 2**20
    rows = [{"text": "a b", "label": f"{k % 2}{long}"} for k in range(6)]
    found = checked("\n".join(map(json.dumps, rows)).encode())
    assert found["numbers"]["classes"] == 2
    lines = [f"{{'loss': 1.0, 'eval_{k}': 0.5}}" for k in range(2_000)]
    assert len(checked("\n".join(lines).encode())["curves"]) <= 100


def test_figures_of_any_size_in_a_log_give_finite_ones():
    for number in ("9" * 400, "1e400", "0"):
        lines = [
            f"GPU KV cache size: {number} tokens",
            f"Peak reserved memory = {number} GB",
            f"Total steps = {number}",
            f"CUDA0 model buffer size = {number} MiB",
            f"{{'loss': {number}}}",
            f"world size: {'9' * 300}",
        ]
        checked("\n".join(lines).encode(), kind="run")
