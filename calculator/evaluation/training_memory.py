"""Estimated peak training memory against published measurements; ``python -m calculator fit memory`` fits the law."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from typing import Any, NamedTuple

from calculator.catalogs import Accelerator, Architecture
from calculator.catalogs.training import frameworks
from calculator.evaluation import Quantity, Row, answered, names, published, reading, robust
from calculator.evaluation.distance import LeftOut, cells, project_of, quantile, variances
from calculator.evaluation.training_throughput import cards_of_class, find_accelerator
from calculator.llm import bands
from calculator.llm.bands import Known
from calculator.llm.training.memory import (
    AXES,
    DOUBTS,
    FITTED,
    KNOWN,
    Coefficients,
    Doubts,
    MemoryEstimate,
    TrainingSetup,
    estimate,
    peak_gib,
    place,
)

ID = "row_id"
FIELDS = ("row_id", "estimate_gib", "low_gib", "high_gib", "reason")
SOURCE = "source_id"
METHOD = "method"


def _measured(row: Row) -> float | None:
    text = row.get("measured_peak_gib", "")
    return float(text) if text else None


QUANTITIES = (
    Quantity(
        name="peak training memory per GPU (GiB)", estimate="estimate_gib", measured=_measured, low="low_gib",
        high="high_gib",
    ),
)


def usable(row: Row) -> bool:
    """Whether a row is complete and gives the peak of one run: the rows that the coefficients are fitted to."""
    return row.get("completeness") == "A" and row.get("row_kind") == "peak" and bool(row.get("measured_peak_gib"))


def source_family(row: Row) -> str:
    """Sources of one project share scripts and machines, so they are left out together."""
    return project_of(row[SOURCE])


# Adapters that are not LoRA have their own size; where they sit changes little.
_OTHER_ADAPTER = "peft:"


class Reading(NamedTuple):
    """What a row says about a run, and how far it had to be guessed."""

    setup: TrainingSetup
    guesses: int
    open: tuple[str, ...] = ()
    """Fields that the row does not state, and that ``_ends`` has a range for."""


_USUAL_LENGTH, _SHORT_LENGTH, _LONG_LENGTH = 1500.0, 384.0, 4096.0
"""The longest sample of a tuning run where a row is silent, with its range: in the middle between the longest of a
short instruction set (see ``_LONGEST_SAMPLE_TOKENS``) and the 2,048 tokens at which most trainers cut."""
_OPEN_WORDS = {
    "seq_len": "the sequence length", "micro_batch": "the micro-batch", "checkpointing": "checkpointing",
}  # fmt: skip
_DECIDES = 4.0
"""A field that is not stated is refused where its range alone makes the estimate differ by this factor."""


def _ends(field: str, setup: TrainingSetup) -> tuple[dict[str, Any], dict[str, Any]]:
    """The least and the most that a field which is not stated may be, the estimate taking what lies between."""
    if field == "seq_len":
        return {field: _SHORT_LENGTH}, {field: _LONG_LENGTH}
    if field == "micro_batch":
        return {field: max(1.0, setup.micro_batch / 2)}, {field: 2 * setup.micro_batch}
    return {field: "full"}, {field: "none"}


class _Partly(NamedTuple):
    """How many layers a method trains at a time, and whether embeddings and head always."""

    layers: float
    tables: bool


# By default: two layers drawn at random (LISA, arXiv 2403.17919), one block after the other (BAdam, 2404.02827), the
# last two (LLaMA-Factory's freeze_trainable_layers).
_PARTLY = {"lisa": _Partly(2, True), "badam": _Partly(1, False), "freeze": _Partly(2, False)}


# What a prediction looks at. The answers are not among it; of the notes it takes what they say of kernels.
_READ = (
    "as_of", "source_id", "source_title", "source_locator", "method", "lora_rank", "lora_targets", "trainable_params",
    "weight_dtype", "base_quant", "optimizer", "optimizer_dtype", "seq_len", "seq_len_kind", "micro_batch", "gpu",
    "grad_accum", "grad_checkpointing", "flash_attention", "packing", "compile", "sharding", "n_gpus", "offload",
    "memory_metric", "row_kind", "notes",
)


def read_setup(row: Row) -> Reading:
    """The setup of a measured run. Raises ValueError, with the reason, where the row does not say enough."""
    lower = {name: (row.get(name) or "").strip().lower() for name in _READ}
    text = " ".join(lower.get(name, "") for name in ("source_id", "source_title", "source_locator"))
    kernels = lower.get("notes", "")
    given: dict[str, Any] = {"framework": _framework(text, kernels), "day": lower["as_of"]}
    guesses, open_fields = 0, list[str]()

    method = reading.method(lower["method"], rank=lower["lora_rank"], targets=lower["lora_targets"])
    if re.search(r"llamapro|llama pro|bitfit", method):
        raise ValueError(f"method {method!r} trains a part of the weights that is not stated")
    partly = next((found for word, found in _PARTLY.items() if word in method), None)
    objective = reading.objective(method)
    given["objective"] = objective.name
    stored = reading.base_words(lower["base_quant"], lower["weight_dtype"], method)
    if re.search(r"\bq-?(lora|dora)\b|qlora", method):
        given["method"] = "qlora"
    elif re.search(r"lora|dora|pissa|olora|" + _OTHER_ADAPTER, method):
        given["method"] = "lora"
    elif re.search(r"full|pretrain|sft|continued", method) or objective.name != "text" or partly:
        given["method"] = "full"
    else:
        raise ValueError(f"method {method!r} is not one we can estimate")
    given["train_embeddings"] = "embedding" in method and objective.vocabulary
    if partly and given["method"] == "full":
        layers = re.search(r"(\d+) layers?", method)
        given["trained_layers"] = float(layers[1]) if layers else partly.layers
        given["train_embeddings"] = partly.tables
        guesses += 0 if layers else 1
    given["dora"] = "dora" in method
    if teacher := re.search(r"(\d+(?:\.\d+)?)b teacher", method):
        given["frozen_parameters"] = float(teacher[1]) * 1e9

    if lower.get("row_kind") == "init":
        # Nothing has passed through the model yet.
        given["seq_len"] = given["micro_batch"] = 1.0
    else:
        for field in ("seq_len", "micro_batch"):
            if reading.said(lower[field]):
                given[field] = _number(lower, field, _OPEN_WORDS[field])
            else:
                given[field] = _USUAL_LENGTH if field == "seq_len" else reading.usual_micro_batch(given["seq_len"])
                open_fields.append(field)
        limit = re.search(r"max (\d+)", lower["seq_len_kind"])
        if limit and "seq_len" in open_fields:
            given["seq_len"] = float(limit[1])
            open_fields.remove("seq_len")
            guesses += 1
    given["gradient_accumulation"] = _count(lower["grad_accum"]) or 1.0
    kind = lower.get("seq_len_kind", "")
    packed = lower["packing"].startswith(("yes", "true"))
    given["packing"] = packed or not kind.startswith(("max", "dataset", "variable"))
    given["packed_pairs"] = given["packing"]
    if not given["packing"] and lower.get("row_kind") != "init":
        if "seq_len" not in open_fields:
            given["seq_len"] = _longest_sample(given["seq_len"], kind)
        if "padding-free" in kernels:
            # Samples of one batch are laid end to end: as long as they are, not as the longest.
            given["seq_len"] *= _MEAN_OVER_LONGEST if given["micro_batch"] > 1 else 1.0

    if given["method"] != "full":
        guesses += _read_adapter(lower, method, given)
    _read_types(lower, stored, given)
    _read_kernels(lower, kernels, given)
    said_kept = reading.said(lower["grad_checkpointing"])
    quantised = given["method"] == "qlora" or given.get("base_quantisation", "none") != "none"
    usual = reading.usual_checkpointing(given["framework"], given["day"], quantised)
    kept = reading.checkpointing(lower["grad_checkpointing"], usual)
    given["checkpointing"] = kept.checkpointing
    if said_kept or usual == "full":
        guesses += kept.guesses
    else:
        open_fields.append("checkpointing")
    offload = reading.offload(lower.get("offload", ""))
    if offload == "none" and "offload" in text:
        offload = "parameters"
    if offload == "none":
        offload = reading.offload_elsewhere(lower["sharding"], lower["optimizer"])
    given["offload"] = "activations" if kept.offloaded and offload == "none" else offload
    guesses += _read_sharding(lower, given)
    card = _card(lower["gpu"])
    if card:
        # Of a card known by its memory the generation is not known.
        given["generation"] = "" if cards_of_class(lower["gpu"]) else card.generation
        if lower.get("row_kind") == "peak" and card.capacity_gib:
            given["card_gib"] = card.capacity_gib
    if lower["row_kind"] == "max_fit" and not reading.said(lower["memory_metric"]):
        # The largest run that fits fills the card, with all that lies on it.
        lower["memory_metric"] = "nvidia-smi"
    # Which metric a framework logs is known, so that it is not stated is no guess.
    given["metric"], _ = reading.metric(
        lower.get("memory_metric", ""), frameworks()[given["framework"]].habits(given["day"]).metric
    )
    return Reading(TrainingSetup(**given), guesses, tuple(open_fields))


_LONGEST_SAMPLE_TOKENS = 1300.0
"""Longest sample of an instruction set: of alpaca-gpt4, self-cognition and preference sets in ms-swift's scripts, whose
limits of 2,048 and 8,192 tokens nothing reached. It decides nothing where the limit is lower."""
_MEAN_OVER_LONGEST = 0.6
_LONG_DATA = re.compile(r"reason|think|distill|long|book|wiki|pretrain|document|code")
_UNNAMED_DATA = re.compile(
    r"(?:max(?:imum)?|lengths?|data ?sets?|dependent|depends|variable|sequence|tokens|samples|[\d\W])*"
)


def _longest_sample(limit: float, kind: str) -> float:
    """The longest sequence that occurs under a limit, where the row gives the limit and not the data's length.

    Of data that are not named, some reach the limit and some are as short as an instruction set: the middle.
    """
    if _LONG_DATA.search(kind) or "truncated" in kind or "padded to this" in kind:
        return limit
    short = limit / math.sqrt(1 + (limit / _LONGEST_SAMPLE_TOKENS) ** 2)
    return math.sqrt(short * limit) if _UNNAMED_DATA.fullmatch(kind) else short


def _framework(text: str, kernels: str) -> str:
    framework = reading.framework(text)
    if framework == "unsloth":
        # Its tables compare it with plain transformers; the notes say which of the two a row is.
        named = re.search(r"unsloth|hugging ?face|\bhf\b|transformers|flash attention", kernels)
        if named and named.group() != "unsloth":
            return "transformers"
    return framework


@cache
def _card(name: str) -> Accelerator | None:
    """The card of a row where its name is one of the catalogue's."""
    if not name:
        return None
    try:
        return find_accelerator(name)
    except ValueError:
        return None


def _number(lower: Mapping[str, str], column: str, name: str) -> float:
    found = reading.number(lower[column], _KILO)
    if not found:
        raise ValueError(f"{name} is not stated")
    return found


_KILO = 1024.0
"""What a k of tokens is: lengths are powers of two."""


def _count(text: str) -> float | None:
    """A number that an answer does not hang on; None where the cell has none."""
    try:
        return reading.number(text)
    except ValueError:
        return None


def _read_adapter(lower: Mapping[str, str], method: str, given: dict[str, Any]) -> int:
    guesses = 0
    rank, trained = _count(lower["lora_rank"]), _count(lower["trainable_params"])
    if rank:
        given["lora_rank"] = int(rank)
    elif not trained:
        guesses += 1
    if (method.startswith(_OTHER_ADAPTER) or not rank) and trained:
        given["adapter_parameters"] = trained
    targets = reading.targets(lower.get("lora_targets", ""))
    if method.startswith(_OTHER_ADAPTER):
        given["lora_targets"] = ("q_proj", "v_proj")
    elif targets:
        given["lora_targets"] = targets
    states = lower.get("optimizer_dtype", "")
    if "fp32" in states:
        given["adapter_dtype"] = "fp32"
    elif "bf16" in states:
        given["adapter_dtype"] = "bf16"
    return guesses


def _read_types(lower: Mapping[str, str], stored: str, given: dict[str, Any]) -> None:
    weights, states = lower.get("weight_dtype", ""), lower.get("optimizer_dtype", "")
    full = given["method"] == "full"
    mixed = "mixed" in weights and (full or given["framework"] == "litgpt")
    given["weight_dtype"] = "fp32" if mixed or weights.startswith(("fp32", "float32")) else "bf16"
    if full and "master" in states:
        given["master_weights"] = states.startswith("fp32")
    elif full and states.startswith(("fp32", "float32")):
        given["optimizer_dtype"] = "fp32"
    if "pure" in states:
        given["autocast"] = False
    base = reading.base(stored)
    if base.bits < 16 and not full:
        given["base_quantisation"] = base.name
    elif given["method"] == "lora":
        given["base_quantisation"] = "none"
    optimizer = "galore" if "galore" in lower["method"] else lower["optimizer"]
    given["optimizer"] = reading.optimizer(optimizer).name
    if given["optimizer"] == "adamw" and "8-bit" in states:
        given["optimizer"] = "adamw-8bit"
    if step := reading.optimizer_step(optimizer):
        given["optimizer_step"] = step


def _read_kernels(lower: Mapping[str, str], notes: str, given: dict[str, Any]) -> None:
    """Kernels and losses, which measurements name in notes or title."""
    title = lower.get("source_title", "")
    if "optimization flags" in title:
        # A table that switches one thing on after the other: what a row doesn't name is off.
        given["loss"] = "plain"
    if "in backward" in title or re.search(r"optimizer_in_bwd(?!=false|=none)", notes):
        given["optimizer_step"] = "in-backward"
    if re.search(r"chunked (ce|cross)", notes + " " + title):
        given["loss"] = "chunked"
    if "foak" in notes or "fast-kernels" in notes:
        given["loss"], given["fused_kernels"] = "fast", True
    if re.search(r"liger(?!: no)", notes):
        given["loss"], given["fused_kernels"], given["fused_mlp"] = "fused", True, True
    if re.search(r"fused cross.?entropy", notes) and given["framework"] != "unsloth":
        given["loss"] = given.get("loss", "fast")
    if "cut cross entropy plugin: yes" in notes:
        given["loss"] = "fused"
    if "accelerated-peft" in notes:
        given["residual_in_32_bit"] = False
    compiled = lower.get("compile", "")
    given["compile"] = compiled not in ("", "no", "none", "eager", "false")
    given["flash_attention"] = lower["flash_attention"] not in ("no", "none", "eager", "false", "off", "0")


def _read_sharding(lower: Mapping[str, str], given: dict[str, Any]) -> int:
    said = lower["n_gpus"] or reading.cards_in_name(lower["gpu"])
    gpus = int(_number({"n_gpus": said}, "n_gpus", "the number of GPUs")) if said else 1
    habits = frameworks()[given["framework"]].habits(given["day"])
    found = reading.split(
        lower.get("sharding", ""), gpus, full=given["method"] == "full", seq_len=given["seq_len"], fsdp=habits.fsdp
    )
    if not said and found.fields["sharding"] != "none":
        raise ValueError("the number of GPUs that share the model is not stated")
    given.update(found.fields)
    if found.framework:
        given["framework"] = found.framework
    return found.guesses


class Learnt(NamedTuple):
    """What was found from rows."""

    coefficients: Coefficients = FITTED
    runs: Known = KNOWN
    doubts: Doubts = DOUBTS


PACKAGE = Learnt()
"""What the package holds."""


def predict(row: Row, coefficients: Learnt = PACKAGE) -> dict[str, object]:
    """Estimate and band for one run in the row's own metric, or the reason why there is none."""

    def predicted() -> dict[str, object]:
        found = estimate_row(row, coefficients)
        ends = (found.peak_gib, found.low_gib, found.high_gib)
        return {name: round(gib, 3) for name, gib in zip(FIELDS[1:4], ends, strict=True)}

    return answered(FIELDS, row.get(ID, ""), predicted)


def estimate_row(row: Row, learnt: Learnt = PACKAGE) -> MemoryEstimate:
    """The estimate for a run, its band widened for what the row leaves open. Raises ValueError with a reason."""
    architecture, guesses = find_architecture(row)
    read = read_setup(row)
    found = estimate(architecture, read.setup, *learnt)
    if row.get("row_kind") == "init":
        # Before training there are weights and adapters only.
        peak = found.weights_gib
        found = replace(found, peak_gib=peak, low_gib=peak / 1.1, high_gib=peak * 1.1)
    for field in read.open:
        found = _over_range(found, architecture, read.setup, field, learnt)
    return _widen(found, 1 + 0.5 * (guesses + read.guesses))


def _over_range(
    found: MemoryEstimate, architecture: Architecture, setup: TrainingSetup, field: str, learnt: Learnt
) -> MemoryEstimate:
    """The band over all that a field may be. ValueError where it decides the estimate."""
    ends = [estimate(architecture, replace(setup, **change), *learnt) for change in _ends(field, setup)]
    if ends[1].peak_gib > _DECIDES * ends[0].peak_gib:
        raise ValueError(f"{_OPEN_WORDS[field]} is not stated, and the estimate depends on it")
    return replace(
        found, low_gib=min(found.low_gib, ends[0].low_gib), high_gib=max(found.high_gib, ends[1].high_gib)
    )


def find_architecture(row: Row) -> tuple[Architecture, int]:
    """The model of a row, and guesses: a model we don't know has the usual shape of its size."""
    found, doubt = names.find(
        row.get("model") or "", reading.size_b(row.get("params_b")), reading.size_b(row.get("active_params_b"))
    )
    return found, 2 if doubt else 0


def _widen(found: MemoryEstimate, factor: float) -> MemoryEstimate:
    peak = found.peak_gib
    return replace(
        found, low_gib=peak * (found.low_gib / peak) ** factor, high_gib=peak * (found.high_gib / peak) ** factor
    )


# Where the fit starts from.
# The values are counted from what the operations keep (two bytes in and out of a norm, four more where it
# works in 32 bit; two bytes that enter an adapter or a 4-bit layer; gradients of one layer's products; a quarter of the
# numbers where every second matrix product is kept), from defaults (DeepSpeed's bucket of 5e8 16-bit numbers, and the
# 1e9 weights that its third stage may keep gathered), and, for what an allocator leaves unused, from no more than a
# round number with a wide range.
_PRIORS = robust.priors("memory")
_TOLERANCE = 0.05


class _Point(NamedTuple):
    project: str
    architecture: Architecture
    setup: TrainingSetup
    log_measured: float
    weight: float


_INFERRED_WEIGHT = 0.5
"""Of a row with one input inferred by who collected it."""


def _teaches(row: Row) -> bool:
    """Whether a row's peak is that of one run, complete or with one input inferred."""
    return row.get("completeness") in ("A", "B") and row.get("row_kind") == "peak" and bool(_measured(row))


def _points(rows: Iterable[Row]) -> list[_Point]:
    kept = [row for row in rows if _teaches(row)]
    count = Counter(row[SOURCE] for row in kept)
    points = []
    for row in kept:
        try:
            architecture, guesses = find_architecture(row)
            read = read_setup(row)
        except ValueError:
            continue
        if guesses + read.guesses or read.open or not (usable(row) or read.setup.packing):
            # With lengths that vary the longest sample is one more thing that was inferred.
            continue
        # A source counts as the root of its rows, since its rows share their peculiarities.
        weight = count[row[SOURCE]] ** -0.5 * (1.0 if usable(row) else _INFERRED_WEIGHT)
        log_measured = math.log(_measured(row) or 1.0)
        points.append(_Point(project_of(row[SOURCE]), architecture, read.setup, log_measured, weight))
    return points


def _fit(points: Sequence[_Point]) -> robust.Fit:
    errors = robust.of_each(
        lambda p, c: math.log(peak_gib(p.architecture, p.setup, c)) - p.log_measured, points, Coefficients, _PRIORS
    )
    return robust.fit(errors, _PRIORS, [p.weight for p in points], tolerance=_TOLERANCE)


def fit(rows: Iterable[Row]) -> Learnt:
    """What the usable ones among these rows teach: coefficients, by ``robust.fit``, and where they lie.

    Doubts and variances are those of the package, which were found from projects left out.
    """
    points = _points(rows)
    places = ((p.project, place(p.architecture, p.setup)) for p in points)
    runs = bands.read({"axes": AXES, "cells": cells(AXES, places), "variance": KNOWN.variance})
    return Learnt(Coefficients(**_fit(points).coefficients), runs)


# The doubts in proportion to each other: weights are counted and activations modelled, implementations of layers that
# keep everything differ, allocators are not understood. How large they all are is found from the rows.
_DOUBT_SHAPE = {
    "states": 0.05, "activations": 0.15, "unchecked_activations": 0.24, "overhead": 0.45, "objective": 0.1,
    "padding": 0.3, "holes": 0.15, "unknown": 0.15,
}  # fmt: skip
_UNKNOWN_FRAMEWORK = 1.5
_COVERED = 0.9


def _doubts(missed: Sequence[tuple[_Point, Coefficients]]) -> Doubts:
    """The doubts at which nine in ten rows lie in their band, each predicted without its project; projects count alike.
    """
    shape = Doubts(**_DOUBT_SHAPE, unknown_framework=_UNKNOWN_FRAMEWORK)
    ratios = []
    for point, without in missed:
        made = estimate(point.architecture, point.setup, without, _EVERYWHERE, shape)
        error = math.log(made.peak_gib) - point.log_measured
        end = made.peak_gib / made.low_gib if error > 0 else made.high_gib / made.peak_gib
        ratios.append((point.project, abs(error) / math.log(end)))
    factor = quantile(ratios, _COVERED)
    found = {name: float(f"{factor * share:.3g}") for name, share in _DOUBT_SHAPE.items()}
    return Doubts(**found, unknown_framework=_UNKNOWN_FRAMEWORK)


_EVERYWHERE = bands.read({"axes": AXES, "cells": [], "variance": dict.fromkeys(AXES, 0.0)})


def fit_file() -> dict[str, Any]:
    """What ``calculator/llm/fitted/memory.json`` holds: coefficients, the places of the rows, a variance per axis."""
    points = _points(published("training-memory"))
    found = _fit(points)
    missed = []
    for project in sorted({p.project for p in points}):
        without = Coefficients(**_fit([p for p in points if p.project != project]).coefficients)
        missed += [(point, without) for point in points if point.project == project]
    doubts = _doubts(missed)
    places = [place(p.architecture, p.setup) for p in points]
    left_out = []
    for point, without in missed:
        # The band before distance: what distance adds is what is asked here.
        made = estimate(point.architecture, point.setup, without, _EVERYWHERE, doubts)
        error = math.log(made.peak_gib) - point.log_measured
        where = place(point.architecture, point.setup)
        left_out.append(LeftOut(point.project, where, error, math.log(made.high_gib / made.peak_gib)))
    return {
        "rows": len(points),
        "projects": len({p.project for p in points}),
        "coefficients": found.coefficients,
        "doubts": asdict(doubts),
        "unmoved": list(found.unmoved),
        "axes": list(AXES),
        "variance": variances(AXES, left_out),
        "cells": cells(AXES, ((p.project, where) for p, where in zip(points, places, strict=True))),
    }
