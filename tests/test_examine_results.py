"""Test results by item, logs of runs, and what a run that did not help looks like.

What of statsmodels a test asks for it imports itself: at the top it would take a second of each process that collects.
"""

import csv
import io
import json
import math
from itertools import combinations
from pathlib import Path
from random import Random

import power
import pytest
import scipy

from calculator import catalog, engine, examine
from calculator.decisions.fine_tune_or_not import pairs_of
from calculator.fields import defaults_of, fields_of
from calculator.stats.student import critical_t, mean_test, t_p_value

FIXTURES = Path(__file__).parent / "examine"


def table(columns, delimiter=","):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return out.getvalue()


def passes(seed, share, count=150):
    random = Random(seed)
    return [int(random.random() < share) for _ in range(count)]


def scores(seed, count=80):
    random = Random(seed)
    return [round(random.random(), 3) for _ in range(count)]


@pytest.mark.parametrize("seed", range(8))
def test_right_or_wrong_is_judged_as_statsmodels_does(seed):
    from statsmodels.stats.contingency_tables import mcnemar
    from statsmodels.stats.proportion import proportion_confint

    old, new = passes(seed, 0.6), passes(seed + 100, 0.75)
    numbers = examine.examine(table({"item": range(150), "old": old, "new": new}))["numbers"]
    for one, values in zip(numbers["variants"], (old, new), strict=True):
        low, high = proportion_confint(sum(values), 150, method="wilson")
        assert (one["low"], one["high"]) == (pytest.approx(low, abs=1e-6), pytest.approx(high, abs=1e-6))
    (pair,) = numbers["pairs"]
    won = sum(b > a for a, b in zip(old, new, strict=True))
    lost = sum(b < a for a, b in zip(old, new, strict=True))
    both = sum(a and b for a, b in zip(old, new, strict=True))
    expected = mcnemar([[both, lost], [won, 150 - both - lost - won]], exact=True).pvalue
    assert pair["p_value"] == pytest.approx(expected, abs=1e-6)
    assert (pair["only_second"], pair["only_first"]) == (won, lost)


@pytest.mark.parametrize("seed", range(8))
def test_scores_in_between_are_judged_as_scipy_does(seed):
    old = scores(seed)
    new = [min(1.0, a + 0.1 * b) for a, b in zip(old, scores(seed + 50), strict=True)]
    numbers = examine.examine(table({"item": range(80), "old": old, "new": new}))["numbers"]
    (pair,) = numbers["pairs"]
    expected = scipy.stats.ttest_rel(new, old)
    assert pair["p_value"] == pytest.approx(expected.pvalue, abs=1e-6)
    interval = expected.confidence_interval(0.95)
    assert (pair["low"], pair["high"]) == (
        pytest.approx(interval.low, abs=1e-6),
        pytest.approx(interval.high, abs=1e-6),
    )
    alone = scipy.stats.ttest_1samp(old, 0).confidence_interval(0.95)
    assert numbers["variants"][0]["low"] == pytest.approx(alone.low, abs=1e-6)


def test_several_pairs_are_held_together_by_the_rule_of_holm():
    from statsmodels.stats.multitest import multipletests

    columns = {"item": range(150)} | {f"v{k}": passes(k, 0.5 + 0.08 * k) for k in range(4)}
    pairs = examine.examine(table(columns))["numbers"]["pairs"]
    assert [(one["first"], one["second"]) for one in pairs] == list(combinations(["v0", "v1", "v2", "v3"], 2))
    expected = multipletests([one["p_value"] for one in pairs], 0.05, method="holm")[0]
    assert [one["told_apart"] for one in pairs] == list(expected)


@pytest.mark.parametrize("degrees", [1, 2, 5, 29, 1_000])
def test_students_t_is_that_of_scipy(degrees):
    for t in (0.0, 0.1, 1.0, 2.5, 20.0):
        assert t_p_value(t, degrees) == pytest.approx(2 * scipy.stats.t.sf(t, degrees), abs=1e-9)
    for confidence in (0.5, 0.9, 0.95, 0.999):
        expected = scipy.stats.t.ppf(0.5 + confidence / 2, degrees)
        assert critical_t(confidence, degrees) == pytest.approx(expected, rel=1e-6)


def test_a_mean_without_spread_is_certain_and_two_values_are_the_fewest():
    assert mean_test([0.0] * 5).p_value == 1.0
    assert mean_test([1.0] * 5) == (1.0, 1.0, 1.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="at least 2"):
        mean_test([1.0])


def test_the_items_that_are_named_would_show_the_difference_in_80_of_100_tries():
    old, new = passes(1, 0.70), passes(2, 0.74)
    (pair,) = examine.examine(table({"item": range(150), "old": old, "new": new}))["numbers"]["pairs"]
    assert not pair["told_apart"]
    apart = (pair["only_first"] + pair["only_second"]) / pair["items"]
    assert power.paired_power(pair["needed"], pair["gain"], apart) == pytest.approx(0.8, abs=0.01)
    assert power.paired_power(pair["items"], pair["visible"], apart) == pytest.approx(0.8, abs=0.02)


def _promptfoo():
    rows = [
        {"testIdx": k, "promptIdx": p, "provider": {"id": "openai:gpt"}, "prompt": {"label": f"prompt {p}", "raw": ""},
         "success": bool((k + p) % 3), "score": 0.5, "vars": {"q": k}}
        for k in range(30) for p in (0, 1)
    ]  # fmt: skip
    return json.dumps({"evalId": "e", "results": {"version": 3, "results": rows}, "config": {}})


def _harness():
    rows = [
        {"doc_id": k, "doc": {"question": "?"}, "target": "a", "resps": [["a"]], "filtered_resps": ["a"],
         "filter": "strict", "metrics": ["exact_match"], "doc_hash": f"h{k}", "exact_match": float(k % 3 > 0)}
        for k in range(30)
    ]  # fmt: skip
    return "\n".join(map(json.dumps, rows))


def _inspect():
    samples = [
        {"id": k, "epoch": e, "input": "?", "target": "a", "scores": {"match": {"value": "C" if k % 3 else "I"}}}
        for k in range(30)
        for e in (1, 2)
    ]
    return json.dumps({"version": 2, "status": "success", "eval": {"model": "m/one", "task": "t"}, "samples": samples})


def _openai_evals():
    rows = [{"spec": {"completion_fns": ["gpt"], "eval_name": "e"}}]
    rows += [
        {"run_id": "r", "event_id": k, "sample_id": f"e.{k}", "type": "match", "data": {"correct": k % 3 > 0}}
        for k in range(30)
    ]
    rows += [{"final_report": {"accuracy": 20 / 30}}]
    return "\n".join(map(json.dumps, rows))


TOOLS = {
    "promptfoo": (_promptfoo(), ["prompt 0", "prompt 1"]),
    "samples of lm-evaluation-harness": (_harness(), ["samples.json"]),
    "an Inspect log": (_inspect(), ["m/one"]),
    "an OpenAI evals log": (_openai_evals(), ["gpt"]),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_what_an_eval_tool_writes_is_recognised_without_being_told(tool):
    text, names = TOOLS[tool]
    found = examine.examine(text, "samples.json")
    assert (found["kind"], found["format"]) == ("results", tool)
    assert [one["name"] for one in found["numbers"]["variants"]] == names
    assert all(one["items"] == 30 for one in found["numbers"]["variants"])
    assert found["numbers"]["variants"][0]["score"] == pytest.approx(20 / 30)


@pytest.mark.parametrize(
    ("yes", "no"),
    [("1", "0"), ("TRUE", "FALSE"), ("pass", "fail"), ("✓", "✗"), ("Correct", "Incorrect"), ("100%", "0%")],
)
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_a_spreadsheets_marks_are_read_as_people_write_them(yes, no, delimiter):
    old, new = passes(3, 0.6, 40), passes(4, 0.6, 40)
    columns = {
        "case": [f"q{k}" for k in range(40)],
        "A": [yes if k else no for k in old],
        "B": [yes if k else no for k in new],
    }
    found = examine.examine(table(columns, delimiter))
    assert [one["score"] for one in found["numbers"]["variants"]] == [sum(old) / 40, sum(new) / 40]
    assert found["numbers"]["pairs"][0]["items"] == 40


def test_a_row_for_each_answer_is_the_same_as_a_column_for_each_variant():
    old, new = passes(5, 0.5, 60), passes(6, 0.7, 60)
    wide = examine.examine(table({"item": range(60), "old": old, "new": new}))
    long = examine.examine(table({"item": [*range(60)] * 2, "model": ["old"] * 60 + ["new"] * 60, "passed": old + new}))
    assert long["numbers"] == wide["numbers"]


def test_items_that_a_variant_did_not_answer_are_left_out_of_its_pairs():
    found = examine.examine("item,a,b\n" + "".join(f"{k},{k % 2},{'' if k < 10 else 1}\n" for k in range(60)))
    assert [one["items"] for one in found["numbers"]["variants"]] == [60, 50]
    assert found["numbers"]["pairs"][0]["items"] == 50
    assert "uneven" in [one["key"] for one in found["warnings"]]


def test_classes_are_shown_each_with_its_items():
    found = examine.examine((FIXTURES / "results.csv").read_bytes())
    part = next(one for one in found["sections"] if one["key"] == "classes")
    assert [cells[0] for cells in part["table"]["rows"]] == ["delivery", "other", "refund"]
    assert all("of 40" in cell for cells in part["table"]["rows"] for cell in cells[1:])


def test_evidence_fills_fields_that_the_overall_decision_takes():
    found = examine.examine((FIXTURES / "results.csv").read_bytes())
    names = [one["name"] for one in found["numbers"]["variants"]]
    filled = examine.evidence(
        found, dict(zip(names, ("keep", "tuned_small"), strict=True)), {names[0]: 50, names[1]: 500}
    )
    decision = catalog.decision("fine_tune_or_not")
    specs, defaults = fields_of(decision.Inputs), defaults_of(decision.Inputs)
    for field in filled.keys() & specs.keys():
        engine.canonical(specs[field], filled[field], defaults[field])
    assert filled["prompted_accuracy_share"] == "0.7500"
    assert filled["test_items"] == filled["tuned_small_items"] == "120"
    assert [(won, lost) for _, won, lost in pairs_of(filled["paired_counts"])] == [(12.0, 6.0)]
    assert (filled["won_items"], filled["lost_items"]) == ("12", "6")
    assert not engine.read(decision, {k: v for k, v in filled.items() if k in specs}).problems


@pytest.mark.parametrize("key", examine.EVIDENCE)
def test_every_option_may_be_given_evidence(key):
    found = examine.examine((FIXTURES / "results.csv").read_bytes())
    filled = examine.evidence(found, {found["choices"][0]["variant"]: key})
    assert len(filled) == 2
    assert set(filled) <= set(fields_of(catalog.decision("fine_tune_or_not").Inputs))


def test_evidence_for_nothing_that_there_is_is_refused_by_name():
    found = examine.examine((FIXTURES / "results.csv").read_bytes())
    name = found["choices"][0]["variant"]
    for options, sizes, words in (
        ({"x": "keep"}, {}, "'x'"),
        ({name: "x"}, {}, "must be one of"),
        ({}, {"y": 5}, "'y'"),
    ):
        with pytest.raises(ValueError, match=words):
            examine.evidence(found, options, sizes)
    likert = examine.examine(table({"item": range(40), "a": [k % 5 + 1 for k in range(40)], "b": [3] * 40}))
    with pytest.raises(ValueError, match="no shares"):
        examine.evidence(likert, {"a": "keep"})


# Logs

GIB = 1 / 1024
LOGS = {
    "Transformers": (
        "{'loss': 1.21, 'grad_norm': 0.5, 'learning_rate': 2e-05, 'epoch': 0.1}\n"
        "{'train_runtime': 100.0, 'train_tokens_per_second': 2500.0, 'train_loss': 1.1}",
        {"train_tokens_per_s": 2500.0},
    ),
    "TRL": (
        "{'loss': '1.21', 'learning_rate': '2e-05', 'num_tokens': '50000', 'mean_token_accuracy': '0.7'}\n"
        "{'train_runtime': '50.0', 'num_tokens': '100000'}",
        {"train_tokens_per_s": 2000.0},
    ),
    "axolotl": (
        "{'loss': 1.2, 'memory/max_allocated (GiB)': 17.5, 'memory/device_reserved (GiB)': 21.25, "
        "'tokens/train_per_sec_per_gpu': 3100.5}",
        {"peak_gib": 21.25, "train_tokens_per_s": 3100.5},
    ),
    "torchtune": (
        "Step 1 | loss:1.9 lr:0.0003 tokens_per_second_per_gpu:900 peak_memory_active:15.1 peak_memory_alloc:15.0 "
        "peak_memory_reserved:16.5\n"
        "Step 2 | loss:1.8 lr:0.0003 tokens_per_second_per_gpu:1000 peak_memory_alloc:15.0 peak_memory_reserved:17.25",
        {"peak_gib": 17.25, "train_tokens_per_s": 950.0},
    ),
    "Unsloth": (
        "Num examples = 1,000 | Num Epochs = 1 | Total steps = 60\nPeak reserved memory = 7.564 GB.\n"
        "Peak reserved memory for training = 1.5 GB.",
        {"peak_gib": 7.564, "total_steps": 60.0, "examples": 1000.0},
    ),
    "vLLM": (
        "INFO 11-02 10:00:00 [gpu_worker.py:298] Available KV cache memory: 53.21 GiB\n"
        "INFO 11-02 10:00:01 [kv_cache_utils.py:864] GPU KV cache size: 435,904 tokens\n"
        "INFO 11-02 10:00:01 [kv_cache_utils.py:868] Maximum concurrency for 32,768 tokens per request: 13.30x\n"
        "INFO 11-02 10:01:00 [loggers.py:118] Engine 000: Avg prompt throughput: 512.0 tokens/s, Avg generation "
        "throughput: 1024.5 tokens/s, Running: 8 reqs, GPU KV cache usage: 3.1%",
        {"kv_tokens": 435_904.0, "generation_tokens_per_s": 1024.5, "prompt_tokens_per_s": 512.0},
    ),
    "vLLM, older": ("INFO executor_base.py:110] # GPU blocks: 27244, # CPU blocks: 2048", {"kv_tokens": 27_244 * 16.0}),
    "llama.cpp": (
        "llama_kv_cache: size = 1024.00 MiB (  8192 cells,  32 layers,  1/1 seqs), K (f16):  512.00 MiB\n"
        "load_tensors:        CUDA0 model buffer size =  4403.49 MiB\n"
        "prompt eval time =     120.50 ms /   256 tokens (    0.47 ms per token,  2124.48 tokens per second)\n"
        "       eval time =    2502.10 ms /   200 tokens (   12.51 ms per token,    79.93 tokens per second)",
        {"kv_tokens": 8192.0, "prompt_tokens_per_s": 2124.48, "generation_tokens_per_s": 79.93},
    ),
    "nvidia-smi": (
        "| 30%   55C    P2   250W / 300W |  20480MiB / 24564MiB |     98%      Default |\n"
        "| 30%   55C    P2   250W / 300W |  21504MiB / 24564MiB |     98%      Default |",
        {"peak_gib": 21.0},
    ),
}


@pytest.mark.parametrize("tool", LOGS)
def test_each_tools_lines_are_recognised_without_being_told(tool):
    text, expected = LOGS[tool]
    noise = "2026-11-02 10:00:00 INFO loading shards 1/4, please wait\n"
    found = examine.examine(noise + text + "\n" + noise)
    assert found["kind"] == "run"
    assert {key: found["numbers"][key] for key in expected} == {key: pytest.approx(v) for key, v in expected.items()}


def test_a_run_fills_the_fields_that_calibrate_the_training_page():
    for tool, metric in (("nvidia-smi", "nvidia-smi"), ("axolotl", "torch: max_memory_reserved")):
        fields = examine.examine(LOGS[tool][0])["fields"]
        assert fields["measured_metric"] == metric
        assert not engine.read(catalog.decision("limited_compute"), fields).problems
    assert examine.examine(LOGS["axolotl"][0])["fields"]["measured_tokens_per_s"] == "3100.5"


def test_the_state_of_a_trainer_is_a_log_too():
    history = [{"loss": 2.0 - k / 10, "step": k, "epoch": k / 10, "learning_rate": 1e-4} for k in range(1, 9)]
    text = json.dumps({"log_history": history, "best_metric": None}, indent=2)
    found = examine.examine(text, "trainer_state.json")
    assert found["kind"] == "run"
    assert [point[1] for point in found["curves"]["loss"]] == [one["loss"] for one in history]


def test_memory_that_ran_out_is_a_warning_and_a_long_curve_stays_short():
    lines = [f"{{'loss': {1 + 1 / (k + 1)}, 'learning_rate': 1e-4}}" for k in range(20_000)]
    found = examine.examine("\n".join([*lines, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB"]))
    assert [(one["key"], one["lines"]) for one in found["warnings"]] == [("out_of_memory", [20_001])]
    assert len(found["curves"]["loss"]) <= 4_096


# After a bad run


def log(losses, evals=(), rate=2e-4):
    lines = [f"{{'loss': {loss}, 'learning_rate': {rate}, 'epoch': {k}}}" for k, loss in enumerate(losses)]
    every = max(1, len(losses) // max(1, len(evals)))
    for k, loss in reversed(list(enumerate(evals))):
        lines.insert((k + 1) * every, f"{{'eval_loss': {loss}, 'epoch': {k}}}")
    return "\n".join(lines)


def named(*given, **more):
    return examine.after_a_bad_run(*given, **more)["numbers"]["suspects"]


SETTLED = [0.8 + math.exp(-k / 5) + 0.01 * (-1) ** k for k in range(60)]
FALLING = [2.0 - k / 50 + 0.01 * (-1) ** k for k in range(60)]
FLAT = [2.0 + 0.01 * (-1) ** k for k in range(60)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (log(SETTLED), []),
        (log(SETTLED, [1.2, 1.0, 0.95, 0.94, 0.94]), []),
        (log(FALLING), ["too_few_steps"]),
        (log(FLAT), ["learning_rate_low"]),
        (log([1.5, *([6.0] * 30)]), ["learning_rate_high"]),
        (log([1.5, 1.4, *(["nan"] * 8)]), ["learning_rate_high"]),
        (log(SETTLED, [1.2, 1.0, 1.1, 1.3]), ["overfitting"]),
        (log(FALLING, [1.2, 1.0, 1.1, 1.3]), ["overfitting"]),
        (log(SETTLED[:3]), []),
        ("", []),
        ("nothing of a trainer", []),
    ],
)
def test_a_log_looks_like_what_its_losses_show_and_nothing_else(text, expected):
    assert named(text) == expected


def test_an_eval_score_that_falls_while_the_loss_does_is_overfitting():
    lines = [f"{{'loss': {loss}, 'epoch': {k}}}" for k, loss in enumerate(SETTLED)]
    lines += [f"{{'eval_accuracy': {score}, 'epoch': {k}}}" for k, score in enumerate([0.6, 0.8, 0.75, 0.7])]
    assert named("\n".join(lines)) == ["overfitting"]


def test_two_scores_that_their_items_cannot_tell_apart_are_a_blind_eval():
    assert named(before=(60, 100), after=(63, 100)) == ["blind_eval"]
    assert named(before=(600, 1000), after=(700, 1000)) == []
    results = examine.examine((FIXTURES / "results.csv").read_bytes())
    assert named(results=results) == ["blind_eval"]
    clear = examine.examine(table({"item": range(150), "old": passes(1, 0.4), "new": passes(2, 0.8)}))
    assert named(results=clear) == []


def test_what_was_lost_on_earlier_tasks_is_forgetting_only_when_it_shows():
    assert named(old_before=(90, 100), old_after=(70, 100)) == ["forgetting"]
    assert named(old_before=(9, 10), old_after=(8, 10)) == []


def test_labels_in_conflict_come_from_the_data():
    rows = "".join(f"text {k % 30},{'ab'[k // 30 % 2]}\n" for k in range(60))
    assert named(data=examine.examine("text,label\n" + rows)) == ["labels_in_conflict"]
    clean = "".join(f"text {'x' * k},{'ab'[k % 2]}\n" for k in range(60))
    assert named(data=examine.examine("text,label\n" + clean)) == []


def test_each_suspect_comes_with_its_evidence_a_check_and_what_not_to_try():
    found = examine.after_a_bad_run(log(FALLING, [1.2, 1.0, 1.1, 1.3]), before=(60, 100), after=(63, 100))
    suspects = found["sections"][0]["suspects"]
    assert len(suspects) == 2
    for one in suspects:
        assert all(len(one[part]) > 30 for part in ("evidence", "check", "not"))
        assert any(c.isdigit() for c in one["evidence"])


@pytest.mark.parametrize("given", [(1,), (3, 2), (-1, 2), (1, 0), "60/100", ("a", 2)])
def test_a_score_that_is_none_is_refused_by_name(given):
    with pytest.raises(ValueError, match=r"^before: "):
        examine.after_a_bad_run(before=given)
