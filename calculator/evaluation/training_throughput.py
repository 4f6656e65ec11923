"""Training speed against published measurements: read a row, predict it, fit the coefficients.

``python -m calculator.evaluation.training_throughput`` refits on the published rows beside this file and prints the
coefficients that belong into ``calculator/llm/training/time.py``.
"""

import csv
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

from calculator.catalogs import Accelerator, Architecture, accelerator, accelerators
from calculator.evaluation import Quantity, Row, names
from calculator.llm.training import time as training_time
from calculator.llm.training.memory import TrainingSetup
from calculator.llm.training.time import PRIOR, Coefficients, Kernels, Terms

ID = "row_id"
FIELDS = (
    "row_id",
    "estimate_tokens_per_s_per_gpu",
    "low_tokens_per_s_per_gpu",
    "high_tokens_per_s_per_gpu",
    "reason",
)
SOURCE = "source_id"
MEASURED = Path(__file__).parent / "measured" / "training_throughput.csv"


class Case(NamedTuple):
    """A row that says enough to be predicted."""

    architecture: Architecture
    accelerator: Accelerator
    setup: TrainingSetup
    kernels: Kernels


class UnpredictableError(ValueError):
    """The row does not say enough, or asks for something no law covers."""


# Log standard deviations of inputs that a row leaves out and a default stands in for.
_GUESSED_MICRO_BATCH = 0.30
_GUESSED_LENGTH = 0.40
_GUESSED_CHECKPOINTING = 0.15

_MEAN_OVER_MAXIMUM = 0.3
"""Mean length of an instruction row over the maximum set for it, where only the maximum is known (0.15 to 0.6)."""
_REAL_SHARE_OF_BUCKETS = 0.9
"""Real tokens of a batch of rows sorted by length and padded to its longest."""
_REAL_SHARE_OF_SHUFFLED = 0.5
"""The same where rows are not sorted."""

_OTHER_TRAINING = re.compile(r"dpo|ppo|grpo|rlhf|reward|distill|embedding model")
_METHODS = (
    (re.compile(r"^q-?(?:lo|do)ra\b"), "qlora"),
    (re.compile(r"^(?:lora|rslora|dora|pissa)\b"), "lora"),
    (re.compile(r"^(?:full|pretrain|sft|continued pretrain)"), "full"),
)


def _number(row: Row, column: str) -> float | None:
    text = (row.get(column) or "").strip()
    try:
        return float(text) if text else None
    except ValueError:
        raise UnpredictableError(f"{column}: must be a number, {text!r} was given") from None


def _count(row: Row, column: str) -> int:
    return max(1, round(_number(row, column) or 1))


def _text(row: Row, column: str) -> str:
    return (row.get(column) or "").strip().lower()


_KERNEL_WORDS = re.compile(
    r"framework_config=[\w-]+|unsloth|liger|foak|fast-kernels|scattermoe|megablocks|grouped gemm|chunked c\w+|"
    r"fused cross\w*|fused kernels|async tp|megatron|nemo|maxtext|transformer engine|\bfa[123]\b|flash\w*[- ]?\d?"
)


# Frameworks that bring their own fused kernels; what a source says of itself counts as well as its notes.
_FUSED_FRAMEWORKS = ("megatron", "nemo", "transformer engine", "maxtext")


def kernel_words(notes: str) -> str:
    """What of the notes names a framework or a kernel; the rest of them is never read."""
    return " ".join(_KERNEL_WORDS.findall(notes.lower()))


_POWER = re.compile(r"\b(\d{2,4}) ?w\b")
_MEMORY = re.compile(r"\b(\d{1,3}) ?g(?:i?b)?\b")
_WORD = re.compile(r"[a-z]+\d+[a-z]*|\d+[a-z]*|[a-z]+")
_FORM = re.compile(r"\b(sxm|pcie|nvl)\d?\b")
_MEMORY_KIND = re.compile(r"\b(?:hbm|gddr)\w*")
_SUFFIXES = frozenset(("super", "ti", "ada", "pro", "max", "ultra"))


class _GpuName(NamedTuple):
    chip: frozenset[str]
    """The words that name the chip: those with a digit, and suffixes such as Ti."""
    form: str
    memory_gb: float
    memory_kind: str
    watts: float


def _read_gpu(name: str) -> _GpuName:
    text = re.sub(r"^\d+ ?[x×] ?", "", re.sub(r"[-_(),/]", " ", name.lower()))
    text = re.sub(r"\b(rtx|gtx|gaudi)", r"\1 ", text).replace("gaudi  ", "gaudi").replace("gaudi ", "gaudi")
    text = re.sub(r"\b([ah])800\b", r"\g<1>100", text)  # the same chips with slower links
    memory, power, form, kind = (pattern.search(text) for pattern in (_MEMORY, _POWER, _FORM, _MEMORY_KIND))
    for pattern in (_MEMORY, _POWER, _FORM, _MEMORY_KIND):
        text = pattern.sub(" ", text)
    words = _WORD.findall(text)
    return _GpuName(
        chip=frozenset(word for word in words if word in _SUFFIXES or any(c.isdigit() for c in word)),
        form=form.group(1) if form else "",
        memory_gb=float(memory.group(1)) if memory else 0.0,
        memory_kind=kind.group() if kind else "",
        watts=float(power.group(1)) if power else 0.0,
    )


@cache
def find_accelerator(name: str) -> Accelerator:
    """The GPU of the catalogue that a published name stands for.

    A name or alias of the catalogue is that device. Otherwise the chip must be the same ("A100", "RTX 4080 Super").
    Among its variants form and memory decide; without them it is the SXM form with the most memory.
    Where a variant has no printed speed, or the name states a power limit, the speed is that of the chip's fastest
    variant times the square root of the power ratio, because power rises with about the square of the clock. Raises
    UnpredictableError if the catalogue does not have the chip.
    """
    try:
        return accelerator(name)
    except ValueError:
        asked = _read_gpu(name)
    variants = [(g, _read_gpu(g.name)) for g in accelerators().values()]
    variants = [
        (g, have) for g, have in variants
        if have.chip and have.chip <= asked.chip and have.chip & _SUFFIXES == asked.chip & _SUFFIXES
    ]
    if not variants:
        raise UnpredictableError(f"gpu: {name!r} is not in the catalogue")
    named = max(len(have.chip) for _, have in variants)
    variants = [(g, have) for g, have in variants if len(have.chip) == named]

    def distance(variant: tuple[Accelerator, _GpuName]) -> tuple[bool, bool, float, bool, float]:
        g, have = variant
        memory_gb = g.memory_gb or 0.0
        other_kind = "hbm2e" in (asked.memory_kind, have.memory_kind) and asked.memory_kind != have.memory_kind
        off = abs(memory_gb - asked.memory_gb) if asked.memory_gb else 0.0
        return other_kind, bool(asked.form) and have.form != asked.form, off, have.form != "sxm", -memory_gb

    found = min(variants, key=distance)[0]
    fastest = max((g for g, _ in variants), key=lambda g: g.bf16_tflops or g.fp16_tflops or 0.0)
    silent = not (found.bf16_tflops or found.fp16_tflops)
    watts = asked.watts or found.power_w
    clock = math.sqrt(watts / fastest.power_w) if watts and fastest.power_w else 1.0
    if silent or (asked.watts and clock != 1.0):
        return replace(
            found,
            bf16_tflops=(fastest.bf16_tflops or 0.0) * clock or None,
            matmul_tflops=(fastest.matmul_tflops or 0.0) * clock or None,
        )
    return found


def _method(row: Row) -> str:
    text = _text(row, "method").removeprefix("peft:")
    for pattern, method in _METHODS:
        if pattern.search(text) and not _OTHER_TRAINING.search(text):
            return method
    raise UnpredictableError(f"method: no law for {text or 'an empty method'!r}")


def _targets(row: Row) -> str | tuple[str, ...]:
    text = _text(row, "lora_targets")
    if not text:
        return "all-linear"
    found: list[str] = []
    for name in re.split(r"[,; +]+", text):
        name = {"q": "q_proj", "k": "k_proj", "v": "v_proj", "o": "o_proj", "output_proj": "o_proj"}.get(name, name)
        found.append(name)
    # Lists made for several families name the fused and the separate query projection; a model has one of them.
    if "q_proj" in found and "c_attn" in found:
        found.remove("c_attn")
    return "all-linear" if {"all-linear", "all", "linear"} & set(found) else tuple(found)


def _checkpointing(row: Row) -> tuple[str, float]:
    text = _text(row, "grad_checkpointing")
    if not text:
        return "none", _GUESSED_CHECKPOINTING
    if text.startswith("selective"):
        return ("alternate" if "layer" in text else "selective"), 0.0
    return ("full" if text.startswith(("yes", "full", "true")) else "none"), 0.0


_ZERO_STAGE = re.compile(r"(?:zero|stage)[ _-]*(?:stage)?[ _-]*([123])")


def _sharding(row: Row) -> str:
    text = _text(row, "sharding")
    for name in ("fsdp2", "fsdp", "ddp"):
        if name in text:
            return name
    stages = _ZERO_STAGE.findall(text)
    if stages or "deepspeed" in text:
        return f"zero{min(stages, default='2')}"
    return "none"


def _offload(row: Row) -> str:
    text = _text(row, "offload")
    if not text or text in ("none", "no") or "activation" in text:
        return "none"
    return "parameters" if "param" in text else "optimizer"


def _quantisation(row: Row, method: str) -> str:
    text = _text(row, "base_quant")
    if not text:
        return "nf4" if method == "qlora" else ""
    for name in ("gptq", "awq", "int8", "fp8"):
        if name in text:
            return "gptq" if name == "awq" else name
    return "nf4"


def _first_flash_attention(row: Row, words: str) -> bool:
    # "Yes" without a version meant the first generation until the second had spread, about the end of 2023.
    return _text(row, "flash_attention") == "yes" and "fa2" not in words and "" < _text(row, "as_of") < "2024"


class _Batch(NamedTuple):
    seq_len: float
    micro_batch: float
    real_share: float
    guessed: float


def _batch(row: Row, n_gpus: int, split: int, accumulation: float) -> _Batch:
    seq_len = _number(row, "seq_len")
    if not seq_len:
        raise UnpredictableError("seq_len: the row does not say how long its sequences are")
    kind, guessed, real = _text(row, "seq_len_kind"), 0.0, 1.0
    if kind.startswith("max") and _text(row, "packing") == "no":
        bucketed = "bucket" in kind
        real = _REAL_SHARE_OF_BUCKETS if bucketed else _REAL_SHARE_OF_SHUFFLED
        seq_len *= _MEAN_OVER_MAXIMUM / real
        guessed = _GUESSED_LENGTH
    micro_batch = _number(row, "micro_batch")
    if not micro_batch:
        global_batch = _number(row, "global_batch")
        if global_batch and _number(row, "grad_accum"):
            micro_batch = max(1.0, global_batch * split / n_gpus / accumulation)
        else:
            micro_batch = max(1.0, 4096 / seq_len)
            guessed = math.hypot(guessed, _GUESSED_MICRO_BATCH)
    return _Batch(seq_len, micro_batch, real, guessed)


@cache
def _architecture(name: str, params_b: float | None) -> Architecture:
    found = names.resolve(name, params_b)
    if found is None:
        raise UnpredictableError(f"model: no dimensions known for {name!r}")
    return found


def read(row: Row) -> Case:
    """The row as arguments of ``training_time.throughput``.

    Raises UnpredictableError with a reason. Answers are never read, nor the notes but for framework and kernel.
    """
    architecture = _architecture((row.get("model") or "").strip(), _number(row, "params_b"))
    accelerator = find_accelerator(row.get("gpu") or "")
    method = _method(row)
    words = kernel_words(row.get("notes") or "")
    publisher = " ".join(_text(row, column) for column in ("source_id", "source_title", "source_locator"))
    words = " ".join((words, *(name for name in _FUSED_FRAMEWORKS if name in publisher)))
    tensor, pipeline, context = (_count(row, column) for column in ("tp", "pp", "cp"))
    n_gpus, accumulation = _count(row, "n_gpus"), _number(row, "grad_accum") or 1.0
    batch = _batch(row, n_gpus, tensor * pipeline * context, accumulation)
    checkpointing, guessed = _checkpointing(row)
    compiled = "compile" in _text(row, "compile") or _text(row, "compile") == "yes"
    fused = any(
        word in words for word in ("foak", "fast-kernels", "liger", "unsloth", "fused kernels", *_FUSED_FRAMEWORKS)
    )
    loss = "chunked" if "chunked" in words else "fused" if "liger" in words or "fused cross" in words else \
        "fast" if "foak" in words or "fast-kernels" in words or "unsloth" in words else ""
    precision = _text(row, "compute_dtype")
    if re.fullmatch(r"(?:amp_)?(?:fp32|float32|tf32|32-true|32)", precision):
        raise UnpredictableError(f"compute_dtype: no law for products in {precision}")
    grouped = architecture.experts == 0 or (method == "full" and "pretrain" in _text(row, "method")) or any(
        word in words for word in ("scattermoe", "megablocks", "grouped", *_FUSED_FRAMEWORKS)
    )
    setup = TrainingSetup(
        method=method,
        seq_len=batch.seq_len,
        micro_batch=batch.micro_batch,
        lora_rank=int(_number(row, "lora_rank") or 16),
        lora_targets=_targets(row) if method != "full" else "all-linear",
        base_quantisation=_quantisation(row, method),
        optimizer="adamw-8bit" if "8bit" in _text(row, "optimizer").replace("-", "") else "adamw",
        gradient_accumulation=accumulation,
        checkpointing=checkpointing,
        flash_attention=_text(row, "flash_attention") != "no",
        train_embeddings="embeddings trainable" in _text(row, "method"),
        compile=compiled,
        loss=loss,
        fused_kernels=fused,
        sharding=_sharding(row),
        offload=_offload(row),
        n_gpus=n_gpus,
        tensor_parallel=tensor,
        pipeline_parallel=pipeline,
        context_parallel=context,
    )
    kernels = Kernels(
        first_flash_attention=_first_flash_attention(row, words),
        fp8=("fp8" in precision or "float8" in precision) and "rowwise" not in precision,
        fused_adapter=compiled or "unsloth" in words or ("accelerated-peft" in words and "foak" in words),
        grouped_experts=grouped,
        overlapped_tensor_parallel="async tp" in words,
        real_token_share=batch.real_share,
        guessed=math.hypot(batch.guessed, guessed),
    )
    return Case(architecture, accelerator, setup, kernels)


def predict(row: Row, *, coefficients: Coefficients = training_time.FITTED) -> dict[str, object]:
    """Tokens per second and GPU of one row with its band, or the reason why not."""
    answer: dict[str, object] = dict.fromkeys(FIELDS, "")
    answer[ID] = row.get(ID, "")
    try:
        case = read(row)
        estimate = training_time.throughput(*case, coefficients)
    except ValueError as problem:
        answer["reason"] = str(problem)
        return answer
    for name, value in zip(FIELDS[1:4], (estimate.tokens_per_s_per_gpu, estimate.low, estimate.high), strict=True):
        answer[name] = float(f"{value:.5g}")
    return answer


def measured(row: Row) -> float | None:
    """Tokens per second and GPU as published."""
    return _number(row, "tokens_per_s_per_gpu")


QUANTITIES = (
    Quantity(
        name="training speed (tokens/s per GPU)",
        estimate="estimate_tokens_per_s_per_gpu",
        measured=measured,
        low="low_tokens_per_s_per_gpu",
        high="high_tokens_per_s_per_gpu",
    ),
)


class _Point(NamedTuple):
    terms: Terms
    log_seconds: float
    """Of the measurement, per processed token."""
    weight: float


_ROBUST_AT = 0.15
"""Residual in logarithms above which a row counts by its size and no longer by its square."""
_PRIOR_WEIGHT = 0.15
"""Weight of one coefficient's distance from its prior, in logarithms, against one row's residual."""


def source_family(row: Row) -> str:
    """The publisher of a row: parts of one benchmark are one source."""
    source = row.get("source_id") or row.get("source") or ""
    return re.split(r"-(?:a100|h100|h200|20\d\d)", source)[0]


def usable(row: Row) -> bool:
    """Whether a row is complete: it has an answer, leaves nothing to guess, and is not marked as magnitude only."""
    if measured(row) is None or _text(row, "completeness") == "c":
        return False
    try:
        return read(row).kernels.guessed == 0
    except ValueError:
        return False


def _points(rows: Iterable[Row]) -> list[_Point]:
    """The complete ones of these rows with their weights.

    A source counts by the square root of its number of rows, so that a long table does not drown a short one; a row
    with one inferred input counts half.
    """
    found = []
    for row in rows:
        if usable(row):
            case = read(row)
            terms = training_time.ideal_terms(*case)
            log_seconds = math.log(case.kernels.real_token_share / (measured(row) or 1.0))
            found.append((source_family(row), terms, log_seconds, 0.5 if _text(row, "completeness") == "b" else 1.0))
    counts = Counter(source for source, *_ in found)
    return [_Point(terms, seconds, weight * counts[source] ** -0.25) for source, terms, seconds, weight in found]


def fit(rows: Iterable[Row]) -> Coefficients:
    """Coefficients that predict these rows best.

    Least squares in logarithms with large residuals weighed down (Charbonnier), each coefficient drawn a little to
    its prior, so that what the rows do not say stays there. Solved by Levenberg-Marquardt on the logarithms.
    """
    points = _points(rows)
    start = list(asdict(PRIOR).values())
    keys = list(asdict(PRIOR))
    centre = [math.log(value) for value in start]

    def residuals(x: Sequence[float]) -> list[float]:
        c = Coefficients(**dict(zip(keys, map(math.exp, x), strict=True)))
        predicted = training_time.seconds_per_token
        return [p.weight * (math.log(predicted(p.terms, c).total) - p.log_seconds) for p in points]

    def objective(r: Sequence[float], x: Sequence[float]) -> float:
        robust = sum(2 * _ROBUST_AT**2 * (math.sqrt(1 + (v / _ROBUST_AT) ** 2) - 1) for v in r)
        return robust + sum((_PRIOR_WEIGHT * (a - b)) ** 2 for a, b in zip(x, centre, strict=True))

    x, damping = list(centre), 1e-3
    r = residuals(x)
    value = objective(r, x)
    for _ in range(60):
        columns = []
        for i in range(len(x)):
            moved = list(x)
            moved[i] += 1e-4
            columns.append([(b - a) / 1e-4 for a, b in zip(r, residuals(moved), strict=True)])
        weights = [1 / math.sqrt(1 + (v / _ROBUST_AT) ** 2) for v in r]
        normal = [
            [sum(w * a * b for w, a, b in zip(weights, left, right, strict=True)) for right in columns]
            for left in columns
        ]
        slope = [sum(w * a * v for w, a, v in zip(weights, column, r, strict=True)) for column in columns]
        for i in range(len(x)):
            normal[i][i] += _PRIOR_WEIGHT**2
            slope[i] += _PRIOR_WEIGHT**2 * (x[i] - centre[i])
        better = False
        while not better and damping < 1e8:
            system = [[v * (1 + damping if i == j else 1) for j, v in enumerate(line)] for i, line in enumerate(normal)]
            step = _solve(system, slope)
            tried = [a - b for a, b in zip(x, step, strict=True)]
            r_tried = residuals(tried)
            value_tried = objective(r_tried, tried)
            better = value_tried < value
            damping *= 0.3 if better else 4
        if not better:
            break
        gain, x, r, value = value - value_tried, tried, r_tried, value_tried
        if gain < 1e-9 * value:
            break
    return Coefficients(**dict(zip(keys, map(math.exp, x), strict=True)))


def _solve(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """Gaussian elimination with row exchanges."""
    rows = [[*line, value] for line, value in zip(matrix, right, strict=True)]
    size = len(rows)
    for i in range(size):
        pivot = max(range(i, size), key=lambda k: abs(rows[k][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for k in range(i + 1, size):
            factor = rows[k][i] / rows[i][i]
            for j in range(i, size + 1):
                rows[k][j] -= factor * rows[i][j]
    found = [0.0] * size
    for i in reversed(range(size)):
        known = sum(rows[i][j] * found[j] for j in range(i + 1, size))
        found[i] = (rows[i][size] - known) / rows[i][i]
    return found


def main() -> None:
    """Fit on the published rows and print the coefficients as Python."""
    with MEASURED.open(newline="") as lines:
        found = fit(list(csv.DictReader(lines)))
    print("FITTED = Coefficients(")
    for name, value in asdict(found).items():
        print(f"    {name}={value:.4g},")
    print(")")


if __name__ == "__main__":
    main()
