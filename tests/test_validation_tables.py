"""The harness that holds estimates against measurements: files, predictions, error tables."""

import csv
import io
import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calculator import evaluation
from calculator.evaluation import Quantity, parameters

HEAD = "hf_id,architecture,hidden_size,layers,heads,kv_heads,head_dim,intermediate_size,vocab,tied_embeddings"
SMALL = "someone/small,LlamaForCausalLM,4,2,2,1,3,5,7,False"
# Two layers of 140, two tables of 28 and a norm of 4; see test_parameters.
SMALL_TOTAL = 340


def save(tmp_path, content, name="rows.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def predicted(path):
    return list(csv.DictReader(io.StringIO(evaluation.predict("parameters", path))))


@pytest.mark.parametrize("text", [
    f"{HEAD}\n{SMALL}\n",
    f"\ufeff{HEAD}\r\n{SMALL}\r\n",
    f"{HEAD}\r{SMALL}\r",
    f"\n{HEAD}\n\n{SMALL}\n,,,,,,,,,\n",
    f"{HEAD},license\n{SMALL}\n",
    "hf_id,vocab,architecture,hidden_size,layers,heads,kv_heads,head_dim,intermediate_size,tied_embeddings\n"
    'someone/small,"7",LlamaForCausalLM,4,2,2,1,3,5,false\n',
])
def test_marks_line_ends_order_and_further_columns_do_not_matter(tmp_path, text):
    assert predicted(save(tmp_path, text)) == [
        {"hf_id": "someone/small", "total_params": str(SMALL_TOTAL), "active_params": str(SMALL_TOTAL), "reason": ""}
    ]


@pytest.mark.parametrize(("content", "message"), [
    ("", "rows.csv: the file is empty; a header line with the column hf_id is needed"),
    ("\ufeff \n", "rows.csv: the file is empty"),
    (HEAD + "\n", "rows.csv: there is a header line but no row"),
    ("name,vocab\na,1\n", "rows.csv: the column hf_id is missing; the header line has: name, vocab"),
    ('{"hf_id": 1}', "rows.csv: line 1: an object with id and config is needed"),
    ("hf_id,vocab,vocab\na,1,1\n", "rows.csv: columns appear twice: vocab"),
    ("hf_id,vocab\na,1,2\n", "rows.csv: row 1 has 3 cells, the header line has 2"),
    ('hf_id\n"open\n', "rows.csv: not a CSV file"),
    (b"\xff\xfe\x00\x01", "rows.csv: a CSV file in UTF-8 is needed; byte 0 is not"),
])
def test_a_file_that_is_no_table_of_rows_is_refused_with_the_reason(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        evaluation.predict("parameters", save(tmp_path, content))


def test_a_missing_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        evaluation.predict("parameters", str(tmp_path / "nowhere.csv"))


def test_what_we_do_not_predict_is_refused_with_what_we_do(tmp_path):
    with pytest.raises(ValueError, match="'the-weather' is not something we predict; known: parameters, training-mem"):
        evaluation.predict("the-weather", save(tmp_path, HEAD))


@pytest.mark.parametrize(("change", "reason"), [
    ("architecture=WeirdForCausalLM", "architecture 'WeirdForCausalLM' is not a class we can count; known: .*Llama"),
    ("architecture=", "architecture '' is not a class we can count"),
    ("hidden_size=", "hidden_size is missing; a whole number above 0 is needed"),
    ("hidden_size=many", "hidden_size must be a whole number, 'many' was given"),
    ("hidden_size=-4", "hidden_size must be a whole number, '-4' was given"),
    ("layers=99999999", "num_hidden_layers must be a whole number from 1 to 10000, 99999999 was given"),
    ("tied_embeddings=perhaps", "tied_embeddings must be True or False, 'perhaps' was given"),
    ("kv_heads=3", "num_key_value_heads must divide num_attention_heads 2, 3 was given"),
])
def test_a_row_that_can_not_be_counted_has_a_reason_and_no_numbers(change, reason):
    row = dict(zip(HEAD.split(","), SMALL.split(","), strict=True))
    column, _, value = change.partition("=")
    found = parameters.predict(row | {column: value})
    assert found["hf_id"] == "someone/small"
    assert found["total_params"] == found["active_params"] == ""
    with pytest.raises(ValueError, match=reason):
        raise ValueError(found["reason"])


def test_one_broken_row_leaves_the_others_theirs(tmp_path):
    broken = SMALL.replace("LlamaForCausalLM", "Nothing")
    rows = predicted(save(tmp_path, f"{HEAD}\n{SMALL}\n{broken}\n{SMALL}\n"))
    assert [row["total_params"] for row in rows] == [str(SMALL_TOTAL), "", str(SMALL_TOTAL)]


def test_a_prediction_does_not_see_the_answers():
    answers = ("computed_total_params", "computed_active_params", "published_total_params", "notes")
    for row in evaluation.published("parameters"):
        blind = {column: "" if column in answers else text for column, text in row.items()}
        wrong = {column: "1" if column in answers else text for column, text in row.items()}
        assert parameters.predict(blind) == parameters.predict(wrong) == parameters.predict(row)


@pytest.mark.parametrize(("words", "more"), [
    ("qkv_bias", 2 * (6 + 3 + 3)),
    ("qkv/o bias", 2 * (6 + 3 + 3 + 4)),
    ("mlp_bias", 2 * (5 + 5 + 4)),
    ("qk_norm", 2 * 2 * 3),
    ("lm_head bias", 7),
    ("sliding_window=4; local_layers=1/2", 0),
])
def test_words_of_a_row_add_what_they_say(words, more):
    row = dict(zip(HEAD.split(","), SMALL.split(","), strict=True))
    assert parameters.predict(row | {"attention_specials": words})["total_params"] == SMALL_TOTAL + more


@pytest.mark.parametrize(("family", "words", "reason"), [
    ("Lfm2ForCausalLM", "", "the number of layers with attention, attention_layers=N, is missing"),
    ("BambaForCausalLM", "", "mamba_n_heads is not stated"),
    ("Gemma4ForCausalLM", "qk_norm", "hidden_size_per_layer_input is not stated"),
    ("NemotronHForCausalLM", "", "hybrid_override_pattern is needed"),
])
def test_a_hybrid_whose_layers_are_not_stated_is_refused_rather_than_guessed(family, words, reason):
    row = dict(zip(HEAD.split(","), SMALL.split(","), strict=True))
    found = parameters.predict(row | {"architecture": family, "attention_specials": words})
    assert reason in found["reason"]
    assert found["total_params"] == ""


def test_a_flag_in_words_overrides_the_default_of_the_class():
    row = dict(zip(HEAD.split(","), SMALL.split(","), strict=True))
    row |= {"architecture": "GPTNeoXForCausalLM", "kv_heads": "2"}
    biased = parameters.predict(row)["total_params"]
    plain = parameters.predict(row | {"attention_specials": "attention_bias=false"})["total_params"]
    assert biased - plain == 2 * (18 + 4)


def test_a_falcon_without_a_parallel_block_has_biases_and_two_norms():
    row = {
        "hf_id": "x", "architecture": "FalconForCausalLM", "hidden_size": "8", "layers": "1", "heads": "2",
        "kv_heads": "2", "head_dim": "4", "intermediate_size": "32", "vocab": "5", "tied_embeddings": "True",
    }
    one_norm = 8 * 24 + 8 * 8 + 2 * 8 * 32 + 16 + 5 * 8 + 16
    assert parameters.predict(row | {"attention_specials": "parallel_residual"})["total_params"] == one_norm
    assert parameters.predict(row)["total_params"] == one_norm + 16 + 24 + 8 + 32 + 8


# A made-up quantity: what is predicted is the true value times a factor that is fitted as a mean.
ROWS = [
    {"row_id": "1", "source": "a", "method": "x", "truth": "10", "answer": "10"},
    {"row_id": "2", "source": "a", "method": "y", "truth": "10", "answer": "11"},
    {"row_id": "3", "source": "b", "method": "x", "truth": "10", "answer": "20"},
    {"row_id": "4", "source": "b", "method": "x", "truth": "none", "answer": "20"},
    {"row_id": "5", "source": "b", "method": "x", "truth": "10", "answer": ""},
]


def made_up(**further):
    def predict(row, coefficients=1.0):
        if row["truth"] == "none":
            return {"row_id": row["row_id"], "estimate": "", "low": "", "high": "", "reason": "no truth"}
        value = float(row["truth"]) * coefficients
        return {"row_id": row["row_id"], "estimate": value, "low": value / 1.2, "high": value * 1.2, "reason": ""}

    quantity = Quantity(
        name="made up (units)", estimate="estimate", low="low", high="high",
        measured=lambda row: float(row["answer"]) if row["answer"] else None,
    )
    return SimpleNamespace(
        ID="row_id", FIELDS=("row_id", "estimate", "low", "high", "reason"), QUANTITIES=(quantity,), predict=predict,
        **further,
    )


@pytest.fixture
def install(monkeypatch):
    def put(module, published=ROWS):
        monkeypatch.setattr(evaluation, "_module", lambda what: module)
        monkeypatch.setattr(evaluation, "published", lambda what: tuple(published))
        evaluation._without.cache_clear()

    yield put
    evaluation._without.cache_clear()


def test_an_error_table_is_as_computed_by_hand(install):
    install(made_up())
    (table,) = evaluation.compare("made-up")["quantities"][0]["tables"]
    # Estimates 10, 10, 10 against 10, 11, 20: errors 0, -1/11, -1/2; bands 8.33 to 12 hold the first two.
    assert table["all"] == {
        "rows": 4, "refused": 1, "median_error": pytest.approx(1 / 11), "exact": pytest.approx(1 / 3),
        "within_10": pytest.approx(2 / 3), "within_15": pytest.approx(2 / 3), "within_20": pytest.approx(2 / 3),
        "bias": pytest.approx(-1 / 11), "band_coverage": pytest.approx(2 / 3), "band_width": pytest.approx(1.44),
    }
    assert {name: errors["rows"] for name, errors in table["by_source"].items()} == {"a": 2, "b": 2}
    assert {name: errors["rows"] for name, errors in table["by_method"].items()} == {"x": 3, "y": 1}
    assert table["by_source"]["b"]["median_error"] == pytest.approx(0.5)


def test_complete_rows_are_judged_apart_from_the_others(install):
    install(made_up(usable=lambda row: row["source"] == "a"))
    tables = evaluation.compare("made-up")["quantities"][0]["tables"]
    assert [(table["rows"], table["all"]["rows"]) for table in tables] == [
        (evaluation.COMPLETE, 2), (evaluation.OTHER, 2),
    ]


def test_a_left_out_estimate_is_fitted_without_its_source(install):
    def fit(rows):
        seen.append(sorted(row["row_id"] for row in rows))
        known = [row for row in rows if row["answer"] and row["truth"] != "none"]
        return sum(float(row["answer"]) / float(row["truth"]) for row in known) / len(known)

    seen = []
    install(made_up(fit=fit))
    published, left_out = (evaluation.pairs("made-up", left_out=way) for way in (False, True))
    assert sorted(seen) == [["1", "2"], ["3", "4", "5"]]
    assert [pair.estimate for pair in published] == [10, 10, 10, None]
    assert [pair.estimate for pair in left_out] == [20, 20, pytest.approx(10.5), None]
    assert [table["way"] for table in evaluation.compare("made-up")["quantities"][0]["tables"]] == [
        evaluation.PUBLISHED, evaluation.LEFT_OUT,
    ]


def test_rows_that_are_too_open_to_be_judged_teach_the_left_out_fit_as_they_do_the_published_one(install):
    fitted = []
    install(made_up(fit=lambda rows: fitted.append({row["row_id"] for row in rows}) or 1.0, usable=lambda row: False))
    evaluation.pairs("made-up", left_out=True)
    assert sorted(map(sorted, fitted)) == [["1", "2"], ["3", "4", "5"]]


def test_sources_of_one_family_are_left_out_together(install):
    fitted = []
    install(made_up(fit=lambda rows: fitted.append(list(rows)) or 1.0, source_family=lambda row: "both"))
    evaluation.pairs("made-up", left_out=True)
    assert fitted == [[]]


def test_the_worst_rows_are_those_off_by_the_largest_factor(install):
    install(made_up())
    found = evaluation.worst(evaluation.pairs("made-up"), 2)
    assert [pair.id for pair in found] == ["3", "2"]


def test_tables_come_as_text_and_as_json(tmp_path, install):
    install(made_up())
    text = "row_id,source,method,truth,answer\n" + "".join(",".join(row.values()) + "\n" for row in ROWS)
    path = save(tmp_path, text)
    shown = evaluation.validate("made-up", path)
    assert "# made up (units)" in shown
    assert "| **all** | 4 | 1 | 9.1 % | 33.3 % | 66.7 % | 66.7 % | 66.7 % | -9.1 % | 66.7 % | × 1.44 |" in shown
    assert json.loads(evaluation.validate("made-up", path, as_json=True)) == evaluation.compare("made-up")


def test_a_file_without_answers_says_so(tmp_path):
    assert "No row has an answer" in evaluation.validate("parameters", save(tmp_path, f"{HEAD}\n{SMALL}\n"))


def test_what_goes_wrong_inside_a_prediction_becomes_its_reason(install):
    module = made_up()
    module.predict = lambda row: 1 / 0
    install(module)
    assert {pair.reason for pair in evaluation.pairs("made-up")} == {"the row can't be read: division by zero"}


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_give_predictions_or_a_clear_refusal(tmp_path_factory, content):
    path = save(tmp_path_factory.mktemp("bytes"), content)
    try:
        text = evaluation.predict("parameters", path)
    except ValueError as refusal:
        text = str(refusal)
    assert text.startswith(("rows.csv: ", "hf_id,total_params"))


def test_published_counts_are_exact_in_every_group():
    for quantity in evaluation.compare("parameters")["quantities"]:
        for table in quantity["tables"]:
            for errors in (table["all"], *table["by_source"].values(), *table["by_method"].values()):
                assert errors["exact"] == 1
                assert errors["refused"] == 0
