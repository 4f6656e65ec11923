"""The published comparisons, the nearest of them, and the model's choices held against them."""

import json
import zlib
from dataclasses import replace

import pytest

from calculator import cases as package
from calculator.cases import (
    LEVELS,
    OPTIONS,
    TASK_TYPES,
    TRAINED,
    Situation,
    cases,
    read_data,
    read_options,
    read_situation,
)
from calculator.cases import nearest as near
from calculator.cases.nearest import distance, nearest
from calculator.evaluation import cases as validation

KNOWN = (
    "task_type",
    "n_train_examples",
    "n_classes",
    "baseline_prompted_score_01",
    "baseline_large_prompted_score_01",
    "knowledge_changes_often",
    "output_format_strictness",
    "multi_turn_or_long_context",
    "year",
    "tuned_arm_by",
)


def _row(case):
    """A case as a table in a file of others."""
    known = case.situation
    row = {field: getattr(known, field) for field in KNOWN}
    return row | {
        "id": case.id,
        "source_group": case.source_group,
        "suspect": case.suspect,
        "domain_specialisation": {"level": known.domain_specialisation, "why": "said by the collector"},
        "options": [
            {"option": m.option, "score": m.score, "metric": case.metric, "exclude_from_winner": not m.counts}
            for m in case.measured
        ],
        "winner": case.winner,
        "margin": case.margin_points,
        "options_within_2_points": list(case.within_2_points),
    }


@pytest.fixture
def write(tmp_path):
    def act(data):
        path = tmp_path / "cases.json"
        path.write_text(data if isinstance(data, str) else json.dumps(data), "utf-8")
        return str(path)

    return act


@pytest.fixture(scope="module")
def validated():
    return validation.validate()


def test_there_are_150_comparisons_from_45_sources_three_of_them_suspect():
    assert len(cases()) == len({case.id for case in cases()}) == 150
    assert len({case.source_group for case in cases()}) == 45
    assert sum(case.suspect for case in cases()) == 3


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
def test_a_comparison_is_complete_and_says_what_its_scores_say(case):
    known = case.situation
    assert case.title
    assert case.source
    assert case.locator
    assert case.url == "" or case.url.startswith("https://")
    assert known.task_type in TASK_TYPES
    assert known.domain_specialisation in LEVELS
    assert known.output_format_strictness in LEVELS
    assert len(case.options) >= 2
    assert all(row.option in OPTIONS for row in case.measured)
    best = case.best
    top = max(row.score for row in best.values())
    assert best[case.winner].score == top
    if case.top_score is None:
        return
    lost = {option: 100 * (top - row.score) / case.top_score for option, row in best.items()}
    assert {option for option, points in lost.items() if points <= 2.0 + 1e-9} == set(case.within_2_points)
    assert sorted(lost.values())[1] == pytest.approx(case.margin_points, abs=0.011)
    untrained = [best[o].score / case.top_score for o in best if o not in TRAINED and o != "rag"]
    if known.baseline_prompted_score_01 is not None:
        assert max(untrained) == pytest.approx(known.baseline_prompted_score_01, abs=1e-4)


def test_a_row_that_nobody_could_deploy_counts_for_nothing():
    (gorilla,) = (case for case in cases() if case.id == "gorilla-huggingface")
    oracle = [row for row in gorilla.measured if not row.counts]
    assert max(row.score for row in oracle) > gorilla.best[gorilla.winner].score


def test_a_margin_is_missing_only_where_scores_are_relative():
    assert [case.id for case in cases() if case.margin_points is None] == [
        "slm-mod-reddit",
        "llmcodereview-gpt35",
        "distill-step-by-step",
    ]
    assert all((case.top_score is None) == (case.margin_points is None) for case in cases())


def test_the_data_stays_small_in_the_bundle():
    files = ("published.json", "coefficients.json")
    assert sum(len(zlib.compress(read_data(name), 9)) for name in files) < 26_000


def test_the_nearest_comparison_to_a_published_situation_is_itself():
    for case in cases():
        if not case.suspect:
            found = nearest(case.situation, 1)[0]
            assert found.distance == 0.0
            assert distance(case.situation, found.case.situation) == 0.0


def test_neighbours_come_nearest_first_each_from_a_source_of_its_own():
    found = nearest(Situation(task_type="classification", n_classes=10, baseline_prompted_score_01=0.8), 5)
    assert len(found) == len({neighbour.case.source_group for neighbour in found}) == 5
    assert [n.distance for n in found] == sorted(n.distance for n in found)
    assert all(neighbour.case.situation.task_type == "classification" for neighbour in found[:3])


def test_a_suspect_comparison_is_never_a_neighbour():
    suspect = [case for case in cases() if case.suspect]
    for case in suspect:
        assert case.id not in {neighbour.case.id for neighbour in nearest(case.situation, 30)}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"task_type": "sql"}, {"task_type": "sql"}, 0.0),
        ({"task_type": "sql"}, {"task_type": "tool_use"}, 1.5),
        ({"task_type": "sql"}, {"task_type": "dialogue"}, 3.0),
        ({"knowledge_changes_often": True}, {"knowledge_changes_often": False}, 1.5),
        ({"baseline_prompted_score_01": 0.5}, {"baseline_prompted_score_01": 0.7}, 1.0),
        ({"baseline_prompted_score_01": 0.1}, {"baseline_prompted_score_01": 0.9}, 2.0),
        ({"baseline_prompted_score_01": 0.1}, {}, 1.0),
        ({"n_train_examples": 99, "task_type": "code"}, {"n_train_examples": 999, "task_type": "code"}, 0.7),
        ({"n_classes": 2}, {"n_classes": 20}, 0.3),
        ({"domain_specialisation": "low"}, {"domain_specialisation": "high"}, 0.6),
        ({"multi_turn_or_long_context": True}, {}, 0.5),
        ({"year": 2024}, {"year": 2026}, 0.2),
        ({"year": 2024, "domain": "Law"}, {"year": 2014, "domain": "law"}, 0.0),
    ],
)
def test_the_distance_is_the_sum_that_its_text_says(one, other, expected):
    assert distance(Situation(**one), Situation(**other)) == pytest.approx(expected)
    assert distance(Situation(**other), Situation(**one)) == pytest.approx(expected)


def test_a_neighbour_says_what_won_by_how_much_and_in_what_it_differs():
    situation = Situation(
        task_type="sql",
        n_train_examples=2000,
        baseline_prompted_score_01=0.8,
        domain_specialisation="low",
        knowledge_changes_often=True,
        multi_turn_or_long_context=True,
        year=2026,
    )
    (case,) = (case for case in cases() if case.id == "codes-bird-evidence")
    (found,) = nearest(situation, 1, [case])
    assert found.won == (
        "A tuned small model won (SFT CodeS-15B, 58.5); next came an engineered prompt (DIN-SQL + GPT-4, 50.7)."
    )
    assert found.margin == "7.8 points of 100."
    assert "text to SQL, 9,400 training examples" in found.measured
    assert found.source.startswith("CodeS")
    assert found.differences == (
        "Your facts change often, its do not.",
        "Its best prompt scored 51, yours 80.",
        "It had 9,400 labelled examples, you have 2,000.",
        "Its domain (databases) is of high specialisation, yours of low.",
        "Yours has many turns or long documents, it has not.",
        "Its models are of 2023; prompted models have improved since.",
    )


def test_a_near_tie_is_called_one():
    (case,) = (case for case in cases() if case.id == "raft-torchhub")
    assert "by a hair" in near.won_words(case)
    assert near.margin_words(case) == "0.0 points, so close that cost and latency decide."


def test_a_comparison_without_a_scale_shows_no_scores():
    (case,) = (case for case in cases() if case.id == "distill-step-by-step")
    assert near.won_words(case) == (
        "A tuned small model won (T5 770M tuned with LLM rationales); "
        "next came examples in the prompt (PaLM 540B few-shot)."
    )
    assert near.margin_words(case).startswith("No margin")


def test_every_neighbour_can_be_put_in_words():
    for case in cases():
        for neighbour in nearest(case.situation, 30):
            assert all(text.endswith(".") for text in (neighbour.measured, neighbour.won, neighbour.margin))
            assert all(text.endswith(".") for text in neighbour.differences)


@pytest.mark.parametrize(
    "other",
    [{"task_type": "code"}, {"n_train_examples": 99}, {"n_train_examples": 100_000}, {"year": 2022}],
)
def test_what_is_of_another_kind_size_or_time_is_no_neighbour(other):
    here = Situation(task_type="sql", n_train_examples=2000, year=2026)
    alike = Situation(task_type="sql", n_train_examples=9400, year=2023)
    assert near.is_alike(here, alike)
    assert near.is_alike(here, Situation(task_type="sql"))
    assert not near.is_alike(here, replace(alike, **other))


def test_no_neighbours_cannot_be_asked_for():
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        nearest(Situation(), 0)


def test_a_prediction_ranks_the_options_measured_by_expected_score(write):
    rows = [_row(case) for case in cases()]
    predicted = json.loads(validation.predict_file(write(rows)))
    assert [p["id"] for p in predicted] == [case.id for case in cases()]
    for p, case in zip(predicted, cases(), strict=True):
        assert {entry["option"] for entry in p["ranking"]} == set(case.options)
        assert p["choice"] == p["ranking"][0]["option"]
        scores = [entry["expected_score_01"] for entry in p["ranking"]]
        assert scores == sorted(scores, reverse=True)
        assert all(0.0 <= score <= 1.0 for score in scores)
        assert sum(entry["p_best"] for entry in p["ranking"]) == pytest.approx(1.0, abs=1e-3)


def test_a_prediction_never_looks_at_the_answers():
    rows = [_row(case) for case in cases()]
    scrambled = []
    for row in rows:
        options = [{**entry, "score": 1.0 / (k + 1)} for k, entry in enumerate(row["options"])]
        answers = {"options": options, "winner": "as_is", "margin": 99, "options_within_2_points": ["as_is"]}
        scrambled.append({**row, **answers, "tie": True, "best_score_by_family": {"fine_tuning": 1.0}})
    blind = []
    for row, case in zip(rows, cases(), strict=True):
        kept = {key: value for key, value in row.items() if key in (*KNOWN, "id", "domain_specialisation")}
        blind.append({**kept, "options_measured": list(reversed(case.options))})
    assert validation.predict(scrambled) == validation.predict(rows) == validation.predict(blind)
    assert validation.predict(cases()) == validation.predict(rows)


def test_a_file_may_be_a_table_with_cases_or_the_projects_own(write):
    row = _row(cases()[0])
    assert validation.predict(write({"cases": [row]})) == validation.predict([row])
    assert validation.predict(write(read_data("published.json").decode())) == validation.predict(cases())


def test_a_case_with_nothing_known_is_still_ranked(write):
    (predicted,) = validation.predict(write([{"id": "x"}]))
    assert {entry["option"] for entry in predicted["ranking"]} == set(OPTIONS)
    (nulls,) = validation.predict([{"id": "x", **dict.fromkeys((*KNOWN, "options", "options_measured"))}])
    assert nulls == predicted


def test_a_kind_of_task_outside_the_list_is_taken_as_none_of_them():
    base = {"id": "x", "baseline_prompted_score_01": 0.7}
    assert validation.predict([{**base, "task_type": "summarisation"}]) == validation.predict([base])


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("baseline_prompted_score_01", 74, r"case x: baseline_prompted_score_01 must be a number from 0 to 1, got 74"),
        ("baseline_prompted_score_01", "0.7", r"baseline_prompted_score_01 must be a number from 0 to 1, got '0.7'"),
        ("baseline_prompted_score_01", float("nan"), r"baseline_prompted_score_01 must be .*, got nan"),
        ("n_train_examples", -1, r"n_train_examples must be a number from 0 .*, got -1"),
        ("n_train_examples", True, r"n_train_examples must be a number from 0 .*, got True"),
        ("n_classes", 0, r"n_classes must be a number from 1 .*, got 0"),
        ("multi_turn_or_long_context", "yes", r"multi_turn_or_long_context must be true or false, got 'yes'"),
        ("domain_specialisation", "huge", r"domain_specialisation must be one of low, medium, high, got 'huge'"),
        ("domain_specialisation", {"level": 3}, r"domain_specialisation must be one of low, medium, high, got 3"),
        ("task_type", 7, r"task_type must be text, got 7"),
        ("options_measured", ["magic"], r"options_measured may hold as_is, .*, got 'magic'"),
        ("options_measured", [], r"options_measured must be a list with at least one option, got \[\]"),
        ("options", "as_is", r"options must be a list with at least one option, got 'as_is'"),
        ("options", [{"model": "x"}], r"options may hold as_is, .*, got None"),
        ("id", "", r"case 1: id must be text, got ''"),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_field(field, value, message):
    with pytest.raises(ValueError, match=message):
        validation.predict([{"id": "x", field: value}])


@pytest.mark.parametrize("text", ["{", "[1]", '{"a": 1}', '"text"'])
def test_a_file_that_is_no_list_of_cases_is_refused(write, text):
    with pytest.raises(ValueError, match=r"cases\.json: (not JSON|must hold a JSON list of cases)"):
        validation.predict(write(text))


def test_a_row_that_does_not_count_is_no_option():
    row = {"options": [{"option": "rag", "exclude_from_winner": True}, {"option": "as_is"}, "ft_small"]}
    assert read_options(row) == ("as_is", "ft_small")


def test_a_flag_and_a_share_are_both_read_for_changing_facts():
    assert read_situation({"knowledge_changes_often": True}).knowledge_changes_often == 1.0
    assert read_situation({"knowledge_changes_often": 0.25}).knowledge_changes_often == 0.25


def test_scores_are_weighed_by_source_as_worked_by_hand():
    def one(name, source, within, lost, wins):
        question = validation.Question(id=name, situation=Situation(), options=("as_is", "ft_small"))
        return validation.Judged(
            question=question,
            source_group=source,
            suspect=False,
            winner=min(lost, key=lost.get),
            within=frozenset(within),
            lost_points=lost,
            score_01={},
            training_wins=wins,
        )

    judged = [one("alone", "a", {"ft_small"}, {"as_is": 10.0, "ft_small": 0.0}, True)] + [
        one(f"b{k}", "b", {"as_is"}, {"as_is": 0.0, "ft_small": 4.0}, False) for k in range(4)
    ]
    found = validation.score(judged, [validation.Choice("ft_small", 0.8)] * 5)
    assert found["right"] == pytest.approx(0.2)
    assert found["right_group_weighted"] == pytest.approx(1 / 3)
    assert found["regret_points"] == pytest.approx(3.2)
    assert found["regret_points_group_weighted"] == pytest.approx(8 / 3)
    assert found["brier"] == pytest.approx((0.04 + 4 * 0.64) / 5)
    assert [(name, part["cases"], part["right"]) for name, part in found["by_source"].items()] == [
        ("a", 1, 1.0),
        ("b", 4, 0.0),
    ]
    assert [fifth["cases"] for fifth in found["calibration"]] == [1, 1, 1, 1, 1]


def test_simple_rules_do_what_they_say():
    def ask(options, **known):
        question = validation.Question(id="x", situation=Situation(**known), options=options)
        return validation.Judged(
            question=question,
            source_group="x",
            suspect=False,
            winner="ft_small",
            within=frozenset(options),
            lost_points={},
            score_01={},
            training_wins=True,
        )

    both = ("as_is", "few_shot", "rag", "ft_small", "ft_large")
    assert validation.always_train(ask(both))[:2] == ("ft_small", 1.0)
    assert validation.never_train(ask(both))[:2] == ("rag", 0.0)
    assert validation.never_train(ask(("as_is", "few_shot", "ft_small")))[:2] == ("few_shot", 0.0)
    assert validation.three_lines(ask(both, task_type="qa_knowledge"))[:2] == ("rag", 0.0)
    assert validation.three_lines(ask(both, knowledge_changes_often=True))[:2] == ("rag", 0.0)
    assert validation.three_lines(ask(both, n_train_examples=199, n_classes=10))[:2] == ("few_shot", 0.0)
    assert validation.three_lines(ask(both, n_train_examples=200, n_classes=10))[:2] == ("ft_small", 1.0)


@pytest.fixture(scope="module")
def by_age():
    old, new = (
        [case for case in cases() if (case.source_group in NEWER) == newer] for newer in (False, True)
    )
    return validation.validate(old), validation.validate(new)


NEWER = frozenset(
    {
        "arctic_excot", "databricks_tao", "distil_labs", "dots_mocr", "electra_gpt4o", "fin_r1", "fino1",
        "jmir_cmeee", "jmir_outcomes", "lara", "lettucedetect", "medmcq_4b", "skywork_or1", "tool_n1", "xiyansql",
    }
)  # fmt: skip
"""Sources that were collected later, all of 2025 and 2026."""


def test_the_model_keeps_what_it_promises_on_sources_left_out(by_age):
    promised = ((0.77, 0.19, 15.0, 12.0), (0.62, 0.23, 15.0, 15.0))
    for found, (right, brier, fifth, third) in zip(by_age, promised, strict=True):
        ours = found["methods"][validation.MODEL]
        assert ours["right_group_weighted"] >= right
        assert ours["brier_group_weighted"] <= brier
        assert round(ours["worst_fifth_points"]) <= fifth
        assert round(ours["worst_third_points"]) <= third
        assert ours["best_among_two_group_weighted"] >= 0.92
        assert ours["trial_regret_points_group_weighted"] <= 1.0
        for baseline in validation.BASELINES:
            theirs = found["methods"][baseline]
            assert ours["right_group_weighted"] > theirs["right_group_weighted"]
            assert ours["trial_regret_points_group_weighted"] < theirs["regret_points_group_weighted"]
            assert ours["brier_group_weighted"] < theirs["brier_group_weighted"]


def test_years_left_out_are_predicted_hardly_worse(by_age):
    for found in by_age:
        ours, years = (found["methods"][name] for name in (validation.MODEL, validation.YEARS_OUT))
        assert years["brier_group_weighted"] <= ours["brier_group_weighted"] + 0.02
        assert years["trial_regret_points_group_weighted"] <= 1.0


def test_a_source_of_the_projects_own_is_known_to_be_a_makers_or_not(write):
    row = {key: value for key, value in _row(cases()[0]).items() if key != "tuned_arm_by"}
    assert validation._question(row, 1).situation.tuned_arm_by == cases()[0].situation.tuned_arm_by
    assert validation._question({**row, "tuned_arm_by": "neutral"}, 1).situation.tuned_arm_by == "neutral"


def test_a_prediction_gives_the_chance_of_every_option_measured():
    for row in validation.predict([_row(case) for case in cases()[:5]]):
        assert row["p_best"] == {entry["option"]: entry["p_best"] for entry in row["ranking"]}
        assert sum(row["p_best"].values()) == pytest.approx(1.0, abs=1e-3)


def test_a_comparison_teaches_nothing_about_its_own_source(monkeypatch):
    seen = []

    def make(kept):
        seen.append({case.source_group for case in kept})
        return validation.always_train

    judged = [validation._judged(case, 1) for case in cases()[:12]]
    validation._left_out(judged, make)
    groups = list(dict.fromkeys(one.source_group for one in judged))
    assert len(seen) == len(groups) > 1
    assert all(group not in kept for group, kept in zip(groups, seen, strict=True))


def test_cases_in_a_file_are_judged_as_the_projects_own(write, validated):
    kept = [case for case in cases() if case.source_group in ("finlora", "gorilla", "hf_synthetic", "pornprasit")]
    from_file, own = validation.validate(write([_row(case) for case in kept])), validation.validate(kept)
    assert from_file == own
    assert own["suspect_left_out"] == 1
    for name in ("finlora", "gorilla"):
        expected = validated["methods"][validation.MODEL]["by_source"][name]
        assert own["methods"][validation.MODEL]["by_source"][name] == expected


def test_a_case_without_an_answer_cannot_be_judged():
    with pytest.raises(ValueError, match="case x: options_within_2_points and winner are needed"):
        validation.validate([{"id": "x", "options_measured": ["as_is", "ft_small"]}])
    with pytest.raises(ValueError, match="case x: score must be a number, got 'high'"):
        validation.validate([{"id": "x", "options": [{"option": "as_is", "score": "high"}], "margin": 1}])
    suspect = {**_row(cases()[0]), "suspect": True}
    with pytest.raises(ValueError, match="none is left to judge"):
        validation.validate([suspect])


def test_the_result_is_printed_with_every_rule_task_and_source(validated):
    text = validation.as_text(validated)
    for name in (validation.MODEL, validation.YEARS_OUT, *validation.BASELINES, "knowledge questions", "ziems_css"):
        assert name in text
    assert json.loads(json.dumps(validated)) == validated


def test_the_fit_command_says_when_the_stored_coefficients_are_others(monkeypatch, capsys):
    assert validation.main(["fit"]) == 0
    assert json.loads(capsys.readouterr().out)["coefficients"]["slope_trained"] < 0.0
    monkeypatch.setattr(validation, "stored", lambda: "{}\n")
    assert validation.main(["fit"]) == 1


def test_a_data_file_is_found_through_the_import_system(monkeypatch):
    asked = []

    class Loader:
        def get_data(self, path):
            asked.append(path)
            return b"{}"

    monkeypatch.setattr(package.__spec__, "loader", Loader())
    assert read_data("published.json") == b"{}"
    assert asked[0].endswith("/cases/published.json")
