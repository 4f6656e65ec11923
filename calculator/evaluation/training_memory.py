"""Estimated peak training memory against published measurements; ``python -m calculator fit memory`` fits the law."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from calculator.catalogs import Architecture
from calculator.evaluation import Quantity, Row, published, robust
from calculator.evaluation.distance import LeftOut, cells, project_of, variances
from calculator.evaluation.names import resolve, usual_shape
from calculator.llm.bands import Known, read
from calculator.llm.training.memory import (
    AXES,
    FITTED,
    KNOWN,
    Coefficients,
    MemoryEstimate,
    TrainingSetup,
    estimate,
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


# Words that name a framework, in the order in which they are looked for in the source's name and title.
_FRAMEWORKS = (
    ("fms-acceleration", "transformers"), ("litgpt", "litgpt"), ("torchtune", "torchtune"),
    ("torchtitan", "torchtitan"), ("torchao", "torchtitan"), ("unsloth", "unsloth"), ("axolotl", "axolotl"),
    ("llama-factory", "llama-factory"), ("llamafactory", "llama-factory"), ("llama factory", "llama-factory"),
    ("deepspeed-", "deepspeed"), ("qwen", "transformers"), ("peft", "transformers"), ("trl", "transformers"),
    ("transformers", "transformers"), ("hugging face", "transformers"), ("huggingface", "transformers"),
)

# LoRA targets as torchtune and LitGPT call them.
_TARGETS = {
    "q": "q_proj", "k": "k_proj", "v": "v_proj", "o": "o_proj", "output_proj": "o_proj", "proj": "o_proj",
    "head": "lm_head", "output": "lm_head", "fc": "up_proj",
}

# What names of formats and of optimizers stand for; the first match counts. LitGPT spells double quantisation "nf4-dq";
# elsewhere it is the custom. Lion and Muon hold one number per weight, as momentum does.
_QUANTISATIONS = (
    (r"^bnb\.(nf4|fp4)$", "nf4"), (r"gptq|awq|int4", "gptq"), (r"mxfp4", "mxfp4"), (r"nf4|fp4|4-?bit", "nf4-double"),
    (r"int8|8-?bit", "int8"), (r"fp8", "fp8"),
)
_OPTIMIZERS = (
    (r"galore|apollo|badam|lomo|sophia|shampoo", ""), (r"paged.*8-?bit", "paged-adamw-8bit"), (r"paged", "paged-adamw"),
    (r"8-?bit", "adamw-8bit"), (r"4-?bit", "adamw-4bit"), (r"adafactor", "adafactor"), (r"lion|muon", "sgd-momentum"),
    (r"^$|adam", "adamw"), (r"sgd.*momentum", "sgd-momentum"), (r"sgd", "sgd"),
)

# Adapters that are not LoRA have their own size; where they sit changes little.
_OTHER_ADAPTER = "peft:"


class Reading(NamedTuple):
    """What a row says about a run, and how far it had to be guessed."""

    setup: TrainingSetup
    guesses: int


# What a prediction looks at. The answers are not among it; of the notes it takes what they say of kernels.
_READ = (
    "source_id", "source_title", "source_locator", "method", "lora_rank", "lora_targets", "trainable_params",
    "weight_dtype", "base_quant", "optimizer", "optimizer_dtype", "seq_len", "seq_len_kind", "micro_batch",
    "grad_accum", "grad_checkpointing", "flash_attention", "packing", "compile", "sharding", "n_gpus", "offload",
    "memory_metric", "row_kind", "notes",
)


def read_setup(row: Row) -> Reading:
    """The setup of a measured run. Raises ValueError, with the reason, where the row does not say enough."""
    lower = {name: (row.get(name) or "").strip().lower() for name in _READ}
    text = " ".join(lower.get(name, "") for name in ("source_id", "source_title", "source_locator"))
    kernels = lower.get("notes", "")
    framework = next((name for word, name in _FRAMEWORKS if word in text), "unknown")
    if framework == "unsloth":
        # Its tables compare it with plain transformers; the notes say which of the two a row is.
        named = re.search(r"unsloth|hugging ?face|\bhf\b|transformers|flash attention", kernels)
        if named and named.group() != "unsloth":
            framework = "transformers"
    given: dict[str, Any] = {"framework": framework}
    guesses = 0

    method = lower.get("method", "")
    if method.startswith("qlora"):
        given["method"] = "qlora"
    elif method.startswith(("lora", "dora", _OTHER_ADAPTER)):
        given["method"] = "lora"
    elif "full" in method or "pretrain" in method:
        given["method"] = "full"
    else:
        raise ValueError(f"method {method!r} is not one we can estimate")
    given["train_embeddings"] = "embedding" in method

    if lower.get("row_kind") == "init":
        # Nothing has passed through the model yet.
        given["seq_len"] = given["micro_batch"] = 1.0
    else:
        given["seq_len"] = _number(lower, "seq_len", "sequence length")
        given["micro_batch"] = _number(lower, "micro_batch", "micro-batch")
    given["gradient_accumulation"] = _number(lower, "grad_accum", "") if lower["grad_accum"] else 1.0
    kind = lower.get("seq_len_kind", "")
    given["packing"] = lower.get("packing") == "yes" or not kind.startswith(("max", "dataset", "variable"))

    if given["method"] != "full":
        guesses += _read_adapter(lower, method, given)
    _read_types(lower, given)
    _read_kernels(lower, kernels, given)
    guesses += _read_checkpointing(lower, given)
    _read_sharding(lower, text, given)
    _read_metric(lower, given)
    return Reading(TrainingSetup(**given), guesses)


def _number(lower: Mapping[str, str], column: str, name: str) -> float:
    found = re.match(r"[\d.]+", lower.get(column, ""))
    if not found:
        raise ValueError(f"the {name} is not stated")
    return float(found.group())


def _read_adapter(lower: Mapping[str, str], method: str, given: dict[str, Any]) -> int:
    guesses = 0
    if lower.get("lora_rank"):
        given["lora_rank"] = int(_number(lower, "lora_rank", "rank"))
    elif not lower.get("trainable_params"):
        guesses += 1
    if (method.startswith(_OTHER_ADAPTER) or not lower.get("lora_rank")) and lower.get("trainable_params"):
        given["adapter_parameters"] = float(lower["trainable_params"])
    targets = lower.get("lora_targets", "")
    if method.startswith(_OTHER_ADAPTER):
        given["lora_targets"] = ("q_proj", "v_proj")
    elif "." in targets and not re.fullmatch(r"[\w.,\s-]+", targets):
        # A pattern over the names of modules: in practice all of the language model's.
        given["lora_targets"] = "all-linear"
    elif targets:
        names = [name.strip() for name in re.split(r"[,;\s]+", targets) if name.strip()]
        names = [_TARGETS.get(name, name) for name in names]
        given["lora_targets"] = names[0] if len(names) == 1 else tuple(names)
    states = lower.get("optimizer_dtype", "")
    if "fp32" in states:
        given["adapter_dtype"] = "fp32"
    elif "bf16" in states:
        given["adapter_dtype"] = "bf16"
    return guesses


def _read_types(lower: Mapping[str, str], given: dict[str, Any]) -> None:
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
    base = lower.get("base_quant", "")
    for pattern, name in _QUANTISATIONS:
        if re.search(pattern, base):
            given["base_quantisation"] = name
            break
    optimizer = lower.get("optimizer", "")
    given["optimizer"] = next((name for pattern, name in _OPTIMIZERS if re.search(pattern, optimizer)), "")
    if not given["optimizer"]:
        raise ValueError(f"optimizer {optimizer!r} is not one we can estimate")
    if given["optimizer"] == "adamw" and "8-bit" in states:
        given["optimizer"] = "adamw-8bit"
    if "fused" in optimizer:
        given["optimizer_step"] = "fused"


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
        given["loss"], given["fused_kernels"] = "fused", True
    if "cut cross entropy plugin: yes" in notes:
        given["loss"] = "fused"
    if "accelerated-peft" in notes:
        given["residual_in_32_bit"] = False
    compiled = lower.get("compile", "")
    given["compile"] = compiled not in ("", "no", "none", "eager", "false")
    attention = lower.get("flash_attention", "")
    given["flash_attention"] = attention not in ("no", "eager", "false")


def _read_checkpointing(lower: Mapping[str, str], given: dict[str, Any]) -> int:
    said = lower.get("grad_checkpointing", "")
    if "every" in said or "alternate" in said:
        given["checkpointing"] = "alternate"
    elif "selective" in said:
        given["checkpointing"] = "selective"
    elif said.startswith(("yes", "full", "true", "on", "enabled", "unsloth")):
        given["checkpointing"] = "full"
        if said.startswith("unsloth") or "offload" in said:
            given["offload"] = "activations"
    elif said.startswith(("no", "false", "off", "disabled")):
        given["checkpointing"] = "none"
    else:
        given["checkpointing"] = "none" if given["framework"] == "litgpt" else "full"
        return 2
    return 0


def _read_sharding(lower: Mapping[str, str], text: str, given: dict[str, Any]) -> None:
    said = lower.get("sharding", "")
    if "(label)" in said:
        # The machine had more GPUs, the run used one.
        return
    gpus = int(_number(lower, "n_gpus", "number of GPUs")) if lower["n_gpus"] else 1
    given["n_gpus"] = gpus
    offload = lower.get("offload", "")
    if "activation" in offload:
        given["offload"] = "activations"
    elif "optimizer" in offload:
        given["offload"] = "optimizer"
    elif "param" in offload or "cpu" in offload or "offload" in text:
        given["offload"] = "parameters"
    if said.startswith("zero2/zero3"):
        # The scripts take stage 3 for all weights and stage 2 for adapters.
        given["sharding"] = "zero3" if given["method"] == "full" else "zero2"
        return
    if "shard_grad_op" in said:
        given["sharding"] = "zero2"
        return
    stage = re.search(r"(?:zero|stage)[ -]?(?:stage[ -]?)?([123])", said)
    if stage:
        given["sharding"] = f"zero{stage.group(1)}"
    else:
        given["sharding"] = next((name for name in ("fsdp2", "fsdp", "ddp") if name in said), "none")
    degree = re.fullmatch(r"fsdp2? (\d+)", said)
    if degree and gpus > int(degree.group(1)):
        # The rest of the GPUs split the model within a server, then into stages, then the sequence.
        rest = gpus // int(degree.group(1))
        if rest <= 8 and given["seq_len"] > 16384:
            given["context_parallel"] = rest
        else:
            given["tensor_parallel"] = math.gcd(8, rest)
            rest //= given["tensor_parallel"]
            given["pipeline_parallel"] = math.gcd(8, rest)
            given["context_parallel"] = rest // given["pipeline_parallel"]


def _read_metric(lower: Mapping[str, str], given: dict[str, Any]) -> None:
    """What was measured; where it isn't stated, all that the card shows."""
    said = lower.get("memory_metric", "")
    if "nvidia" in said or "process" in said:
        given["metric"] = "nvidia-smi"
    elif "reserved" in said:
        given["metric"] = "reserved"
    elif "allocated" in said or "active" in said:
        given["metric"] = "allocated"
    elif "axolotl" in said:
        given["metric"] = "reserved"


class Learnt(NamedTuple):
    """What was found from rows."""

    coefficients: Coefficients = FITTED
    runs: Known = KNOWN


PACKAGE = Learnt()
"""What the package holds."""


def predict(row: Row, coefficients: Learnt = PACKAGE) -> dict[str, object]:
    """Estimate and band for one run in the row's own metric, or the reason why there is none."""
    answer: dict[str, object] = dict.fromkeys(FIELDS, "")
    answer[ID] = row.get(ID, "")
    try:
        found = estimate_row(row, coefficients)
    except ValueError as problem:
        answer["reason"] = str(problem)
        return answer
    answer["estimate_gib"] = round(found.peak_gib, 3)
    answer["low_gib"] = round(found.low_gib, 3)
    answer["high_gib"] = round(found.high_gib, 3)
    return answer


def estimate_row(row: Row, learnt: Learnt = PACKAGE) -> MemoryEstimate:
    """The estimate for a run, its band widened for what the row leaves open. Raises ValueError with a reason."""
    architecture, guesses = find_architecture(row)
    reading = read_setup(row)
    found = estimate(architecture, reading.setup, *learnt)
    if row.get("row_kind") == "init":
        # Before training there are weights and adapters only.
        peak = found.weights_gib
        found = replace(found, peak_gib=peak, low_gib=peak / 1.1, high_gib=peak * 1.1)
    return _widen(found, 1 + 0.5 * (guesses + reading.guesses))


def find_architecture(row: Row) -> tuple[Architecture, int]:
    """The model of a row; a model we don't know, but whose size is stated, has the usual shape of that size."""
    name, size = row.get("model", ""), row.get("params_b", "")
    params_b = float(size) if size else None
    if not name:
        raise ValueError("the model is not stated")
    found = resolve(name, params_b)
    if found is not None:
        return found, 0
    if params_b:
        return usual_shape(params_b), 2
    raise ValueError(f"no dimensions are known for {name!r}, and its size is not stated")


def _widen(found: MemoryEstimate, factor: float) -> MemoryEstimate:
    peak = found.peak_gib
    return replace(
        found, low_gib=peak * (found.low_gib / peak) ** factor, high_gib=peak * (found.high_gib / peak) ** factor
    )


# Where the fit starts from, and the logarithm by which a coefficient may move before that counts as much as an error of
# _TOLERANCE. The values are counted from what the operations keep (two bytes in and out of a norm, four more where it
# works in 32 bit; two bytes that enter an adapter or a 4-bit layer; gradients of one layer's products; a quarter of the
# numbers where every second matrix product is kept), from defaults (DeepSpeed's bucket of 5e8 16-bit numbers), and, for
# what an allocator leaves unused, from no more than a round number with a wide range.
_PRIORS: dict[str, tuple[float, float]] = {
    "norm_bytes": (4.0, 0.3),
    "unfused_norm_bytes": (4.0, 0.3),
    "backward_share": (0.5, 0.3),
    "lora_input_bytes": (2.0, 0.5),
    "compiled_share": (0.9, 0.2),
    "selective_share": (0.24, 0.5),
    "quantised_input_bytes": (2.0, 0.5),
    "slack_share": (0.05, 0.5),
    "other_moment_share": (1.0, 0.5),
    "logits_slack_bytes": (3.0, 0.7),
    "gather_slack_share": (0.5, 1.0),
    "zero_gib": (0.93, 0.7),
    "context_gib": (1.0, 0.3),
}
_TOLERANCE = 0.05


class _Point(NamedTuple):
    project: str
    architecture: Architecture
    setup: TrainingSetup
    log_measured: float
    weight: float


def _points(rows: Iterable[Row]) -> list[_Point]:
    kept = [row for row in rows if usable(row)]
    count = Counter(row[SOURCE] for row in kept)
    points = []
    for row in kept:
        try:
            architecture, setup = find_architecture(row)[0], read_setup(row).setup
        except ValueError:
            continue
        # A source counts as the root of its rows, since its rows share their peculiarities.
        weight = count[row[SOURCE]] ** -0.5
        points.append(_Point(project_of(row[SOURCE]), architecture, setup, math.log(_measured(row) or 1.0), weight))
    return points


def _errors(points: Sequence[_Point], coefficients: Coefficients) -> list[float]:
    return [math.log(estimate(p.architecture, p.setup, coefficients).peak_gib) - p.log_measured for p in points]


def _fit(points: Sequence[_Point]) -> robust.Fit:
    return robust.fit(
        lambda values: _errors(points, Coefficients(**values)), _PRIORS, [p.weight for p in points],
        tolerance=_TOLERANCE,
    )  # fmt: skip


def fit(rows: Iterable[Row]) -> Learnt:
    """What the usable ones among these rows teach: coefficients, by ``robust.fit``, and where they lie."""
    points = _points(rows)
    places = ((p.project, place(p.architecture, p.setup)) for p in points)
    runs = read({"axes": AXES, "cells": cells(AXES, places), "variance": KNOWN.variance})
    return Learnt(Coefficients(**_fit(points).coefficients), runs)


_EVERYWHERE = read({"axes": AXES, "cells": [], "variance": dict.fromkeys(AXES, 0.0)})


def fit_file() -> dict[str, Any]:
    """What ``calculator/llm/fitted/memory.json`` holds: coefficients, the places of the rows, a variance per axis."""
    points = _points(published("training-memory"))
    found = _fit(points)
    places = [place(p.architecture, p.setup) for p in points]
    left_out = []
    for project in sorted({p.project for p in points}):
        without = Coefficients(**_fit([p for p in points if p.project != project]).coefficients)
        for point, where in zip(points, places, strict=True):
            if point.project == project:
                # The band before distance: what distance adds is what is asked here.
                made = estimate(point.architecture, point.setup, without, _EVERYWHERE)
                error = math.log(made.peak_gib) - point.log_measured
                left_out.append(LeftOut(project, where, error, math.log(made.high_gib / made.peak_gib)))
    return {
        "rows": len(points),
        "projects": len({p.project for p in points}),
        "coefficients": found.coefficients,
        "unmoved": list(found.unmoved),
        "axes": list(AXES),
        "variance": variances(AXES, left_out),
        "cells": cells(AXES, ((p.project, where) for p, where in zip(points, places, strict=True))),
    }
