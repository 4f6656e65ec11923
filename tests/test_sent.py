"""What readers send by an issue's form: checked by field, and made into a comparison or a measured row."""

import json
from pathlib import Path

import pytest
import yaml

from calculator.__main__ import main
from calculator.cases import OPTIONS, TASK_TYPES, cases, read_cases
from calculator.evaluation import contact, published, sent

ROOT = Path(__file__).parent.parent
TEMPLATES = ROOT / ".github" / "ISSUE_TEMPLATE"
DAY, VERSION = "2026-11-28", "2026.11.28"

GIVEN = {
    sent.TITLE: "Support mails into 12 queues",
    sent.LINK: "_No response_",
    sent.TASK: "classification",
    sent.DOMAIN: "insurance",
    sent.SPECIAL: "medium",
    sent.STRICT: "high",
    sent.CHANGING: "no",
    sent.EXAMPLES: "4,000",
    sent.CLASSES: "12",
    sent.TRIED: "prompting | a large model | | 81.5 | 400\nslm_prompted | Qwen3-8B | 8 | 70 | 400\n"
    "ft_small | Qwen3-8B, LoRA | 8 | 88.0 | 400\nfew_shot | a large model | | 86.5 | 400",
    sent.METRIC: "accuracy",
    sent.TOP: "100",
    sent.COST: "two weeks of one person",
    sent.WHO: "Somebody who neither made nor sells what is compared",
    sent.WHERE: "https://example.org/report",
    sent.DATE: "2026-10-02",
    sent.CAVEAT: "",
}
RUN = {
    sent.KIND: "Training memory (peak of one GPU)",
    sent.RUN: "model: meta-llama/Llama-3.1-8B\nmethod: lora\nlora_rank: 16\nlora_targets: all-linear\nseq_len: 2048\n"
    "micro_batch: 2\noptimizer: AdamW\ngrad_checkpointing: full\npacking: yes\nn_gpus: 1\ngpu: H100",
    sent.VALUE: "24.5 GiB, nvidia-smi",
    sent.WHERE: "https://example.org/a-run-of-mine",
    sent.DATE: "2026-10-02",
}


def body(given, **changed):
    labels = {**given, **{getattr(sent, name): value for name, value in changed.items()}}
    return "\n\n".join(f"### {label}\n\n{value or '_No response_'}" for label, value in labels.items())


def add(given, **changed):
    return sent.add(body(given, **changed), version=VERSION, today=DAY)


def problems(given, **changed):
    with pytest.raises(sent.SentError) as refused:
        add(given, **changed)
    found = {}
    for field, words in refused.value.args:
        found[field] = f"{found.get(field, '')} {words}"
    return found


@pytest.mark.parametrize(("file", "labels"), [("what-happened.yml", GIVEN), ("measurement.yml", RUN)])
def test_the_form_asks_for_what_is_read_and_offers_what_is_allowed(file, labels):
    form = yaml.safe_load((TEMPLATES / file).read_text("utf-8"))
    fields = {part["attributes"]["label"]: part for part in form["body"]}
    assert list(fields) == list(labels)
    offered = {label: part["attributes"]["options"] for label, part in fields.items() if part["type"] == "dropdown"}
    allowed = {sent.TASK: list(TASK_TYPES.values()), sent.WHO: list(sent.WHO_MEASURED)}
    for label in allowed.keys() & offered.keys():
        assert offered[label] == allowed[label]
    if sent.KIND in offered:
        assert offered[sent.KIND] == list(sent.KINDS)


def test_the_form_names_every_option():
    text = (TEMPLATES / "what-happened.yml").read_text("utf-8")
    assert all(option in text for option in OPTIONS)


def test_a_comparison_is_made_with_its_winner_margin_and_baselines():
    made = add(GIVEN)
    (case,) = read_cases({"sources": made["source"], "cases": [made["case"]]})
    assert (case.winner, case.margin_points, set(case.within_2_points)) == ("ft_small", 1.5, {"ft_small", "few_shot"})
    assert case.situation.baseline_prompted_score_01 == 0.865
    assert case.situation.baseline_large_prompted_score_01 == 0.865
    assert (case.situation.n_train_examples, case.situation.n_classes, case.situation.year) == (4_000, 12, 2026)
    assert case.situation.tuned_arm_by == "neutral"
    assert not case.verified
    assert "400" in case.locator


def test_winner_margin_and_options_within_2_points_follow_as_in_the_collection():
    for case in cases():
        if case.top_score is None:
            continue
        tried = "\n".join(f"{m.option} | m | | {m.score} | 100" for m in case.measured if m.counts)
        given = GIVEN | {sent.TRIED: tried, sent.TOP: f"{case.top_score:g}"}
        made = sent.comparison(given)["case"]
        assert made["winner"] == case.winner
        assert made["margin_points"] == case.margin_points
        assert set(made["within_2_points"]) == set(case.within_2_points)


def test_the_collection_is_written_as_it_stands():
    text = sent.PUBLISHED.read_text("utf-8")
    assert sent.as_file(json.loads(text)) == text


@pytest.mark.parametrize(
    ("label", "value", "words"),
    [
        ("TASK", "chess", "must be one of classification"),
        ("TITLE", "", "must be given"),
        ("TRIED", "prompting | m | | 81", "line 1 must be option"),
        ("TRIED", "prompting | m | | 81 | 400", "at least two options"),
        ("TRIED", "tuned | m | | 81 | 400\nrag | m | | 80 | 400", "no such option"),
        ("TRIED", "rag | m | | 181 | 400\nft_small | m | | 80 | 400", "from 0 to 100"),
        ("TRIED", "rag | m | | many | 400\nft_small | m | | 80 | 400", "must be numbers"),
        ("TOP", "5", "must be 1 or 100"),
        ("EXAMPLES", "some", "must be a number"),
        ("CHANGING", "perhaps", "must be yes or no"),
        ("WHERE", "my desk", "the address of a page"),
        ("DATE", "yesterday", "must be a day"),
        ("WHO", "me", "must be one of"),
    ],
)
def test_what_is_wrong_with_a_comparison_is_said_by_field(label, value, words):
    found = problems(GIVEN, **{label: value})
    assert words in found[getattr(sent, label)]


def test_a_run_becomes_a_row_with_its_first_contact():
    made = add(RUN)
    assert made["what"] == "training-memory"
    row = made["row"]
    assert (row["measured_peak_gib"], row["memory_metric"], row["completeness"]) == ("24.5", "nvidia-smi", "A")
    assert row["row_id"] not in {one["row_id"] for one in published("training-memory")}
    assert set(row) <= set(published("training-memory")[0])
    estimate = float(made["estimate"]["estimate_gib"])
    assert made["first_contact_error"] == pytest.approx(abs(estimate - 24.5) / 24.5, abs=1e-4)


def test_a_speed_becomes_a_row_too():
    run = "\n".join(line for line in RUN[sent.RUN].splitlines() if not line.startswith("optimizer"))
    made = add(RUN, KIND="Training speed (tokens per second and GPU)", VALUE="5,400", RUN=run)
    assert made["row"]["tokens_per_s_per_gpu"] == "5400"
    assert made["estimate"]


@pytest.mark.parametrize(
    ("label", "value", "words"),
    [
        ("KIND", "Heat", "must be one of"),
        ("RUN", "just a run", "must be column: value"),
        ("RUN", "models: x", "did you mean model?"),
        ("RUN", "measured_peak_gib: 3", "no such column"),
        ("VALUE", "much", "given"),
        ("VALUE", "-3 GiB", ""),
        ("DATE", "", "must be given"),
    ],
)
def test_what_is_wrong_with_a_run_is_said_by_field(label, value, words):
    found = problems(RUN, **{label: value})
    assert words in found[getattr(sent, label)]


SERVED = {
    **RUN,
    sent.KIND: "Answering speed, one answer at a time (tokens per second)",
    sent.RUN: "model: Qwen/Qwen3-8B\nquant: BF16\ndevice: RTX 4090\nn_devices: 1\nengine: vLLM 0.12.0\n"
    "prompt_len: 500\ngen_len: 200",
    sent.VALUE: "52",
}
TOGETHER = "Answering speed, several answers together (tokens per second, all of them)"


def test_a_serving_speed_becomes_a_row_with_its_first_contact():
    made = add(SERVED)
    assert made["what"] == "inference"
    assert (made["row"]["decode_tok_s"], made["row"]["batch"], made["row"]["completeness"]) == ("52", "1", "A")
    assert made["row"]["row_id"] not in {one["row_id"] for one in published("inference")}
    estimate = float(made["estimate"]["estimate_decode_tok_s"])
    assert made["first_contact_error"] == pytest.approx(abs(estimate - 52) / 52, abs=1e-4)


def test_the_speed_of_several_answers_is_held_against_that_of_several():
    made = add(SERVED, KIND=TOGETHER, VALUE="700", RUN=SERVED[sent.RUN] + "\nbatch: 16")
    assert made["row"]["output_throughput_tok_s"] == "700"
    estimate = float(made["estimate"]["estimate_decode_tok_s"])
    assert estimate > 2 * float(add(SERVED)["estimate"]["estimate_decode_tok_s"])
    assert made["first_contact_error"] == pytest.approx(abs(estimate - 700) / 700, abs=1e-4)


def test_a_serving_memory_is_held_against_the_memory():
    made = add(SERVED, KIND="Serving memory (all devices together)", VALUE="18 GiB")
    estimate = float(made["estimate"]["estimate_memory_gib"])
    assert made["first_contact_error"] == pytest.approx(abs(estimate - 18) / 18, abs=1e-4)


@pytest.mark.parametrize(
    ("kind", "batch", "words"),
    [
        (SERVED[sent.KIND], "\nbatch: 16", "batch must be 1, or left out"),
        (TOGETHER, "\nbatch: 1", "batch must be above 1"),
        (TOGETHER, "", "batch must be given"),
        (TOGETHER, "\nbatch: many", "batch must be above 1 for this kind; given: 'many'"),
    ],
)
def test_how_many_answers_are_written_together_must_go_with_the_kind(kind, batch, words):
    assert words in problems(SERVED, KIND=kind, RUN=SERVED[sent.RUN] + batch)[sent.RUN]


def test_a_source_is_met_for_the_first_time_only_once(tmp_path, monkeypatch):
    known = published("training-memory")[0]["source_id"]
    monkeypatch.setattr(sent, "_slug", lambda *_: known.removeprefix("reader-"))
    if not known.startswith("reader-"):
        monkeypatch.setattr(
            contact,
            "register",
            lambda: (
                contact.Contact(
                    what="training-memory",
                    quantity="",
                    source=f"reader-{known}",
                    kind="",
                    rows=1,
                    refused=0,
                    median_error=None,
                    bias=None,
                    band_coverage=None,
                    band_width=None,
                    date=DAY,
                    model_version=VERSION,
                ),
            ),
        )
    assert "happens once" in problems(RUN)[sent.WHERE]


def test_what_is_sent_is_entered_only_when_asked_for(tmp_path, monkeypatch, capsys):
    collection, measured, register = tmp_path / "published.json", tmp_path, tmp_path / "first_contact.csv"
    for path, source in ((collection, sent.PUBLISHED), (register, contact.PATH)):
        path.write_bytes(source.read_bytes())
    rows = tmp_path / "training_memory.csv"
    rows.write_bytes((sent.MEASURED / rows.name).read_bytes())
    monkeypatch.setattr(sent, "PUBLISHED", collection)
    monkeypatch.setattr(sent, "MEASURED", measured)
    monkeypatch.setattr(contact, "PATH", register)
    before = {path: path.read_bytes() for path in (collection, rows, register)}
    for given, changed in ((GIVEN, {collection}), (RUN, {rows, register})):
        file = tmp_path / "issue.md"
        file.write_text(body(given), "utf-8")
        assert main(["cases", "add", str(file), "--json"]) == 0
        assert {path: path.read_bytes() for path in before} == before
        assert main(["cases", "add", str(file), "--json", "--write"]) == 0
        after = {path: path.read_bytes() for path in before}
        assert {path for path in before if after[path] != before[path]} == changed
        assert all(after[path].startswith(before[path]) for path in changed - {collection})
        before = after
        json.loads(capsys.readouterr().out.splitlines()[0])
    data = json.loads(collection.read_text("utf-8"))
    assert data["cases"][-1]["id"] == "sent-support-mails-into-12-queues"
    assert len(read_cases(data)) == len(cases()) + 1


def test_the_command_line_says_what_is_wrong_and_ends_with_2(tmp_path, capsys):
    file = tmp_path / "issue.md"
    file.write_text(body(GIVEN, TASK="chess", DATE="soon"), "utf-8")
    assert main(["cases", "add", str(file)]) == 2
    said = capsys.readouterr().err
    assert "What the model has to do: must be one of" in said
    assert "Date: must be a day" in said
    file.write_text("hello")
    assert main(["cases", "add", str(file)]) == 2
    file.write_text("### x\n\n" + "y" * 200_000)
    assert main(["cases", "add", str(file)]) == 2
    assert main(["cases", "add", str(tmp_path / "nothing.md")]) == 2


@pytest.mark.parametrize("label", GIVEN)
def test_markup_and_formulas_stay_text(label):
    hostile = '=HYPERLINK("//x") <script>alert(1)</script>\n"},{"'
    try:
        made = sent.add(body(GIVEN | {label: hostile}), version=VERSION, today=DAY)
    except sent.SentError as error:
        refused = {field for field, _ in error.args}
    else:
        refused = set()
        assert json.loads(sent.as_file({"sources": made["source"], "cases": [made["case"]]}))["cases"] == [made["case"]]
    assert refused <= set(GIVEN)
