"""Training speed against published measurements: read a row and predict it; ``python -m calculator fit speed`` fits the
law on the published rows beside this file."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from calculator.catalogs import Accelerator, Architecture, accelerator, accelerators
from calculator.evaluation import Quantity, Row, answered, names, published, reading, robust
from calculator.evaluation.distance import LeftOut, cells, project_of, variances
from calculator.llm.bands import SD_OF_BAND, Known
from calculator.llm.bands import read as read_known
from calculator.llm.hardware import machine
from calculator.llm.training import time as training_time
from calculator.llm.training.memory import TrainingSetup
from calculator.llm.training.time import AXES, DOUBTS, FITTED, KNOWN, Coefficients, Doubts, Kernels, Terms, place

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
_GUESSED_LENGTH = 0.35
_GUESSED_CHECKPOINTING = 0.15
_GUESSED_ADAPTER = 0.30
_GUESSED_SHARDING = 0.30
_GUESSED_ARITHMETIC = 0.20

_MEAN_OVER_MAXIMUM = 0.3
"""Mean length of an instruction row over the maximum set for it, where only the maximum is known (0.15 to 0.6)."""
_REAL_SHARE_OF_BUCKETS = 0.9
"""Real tokens of a batch of rows sorted by length and padded to its longest."""
_REAL_SHARE_OF_SHUFFLED = 0.5
"""The same where rows are not sorted."""
_USUAL_EXAMPLE = 240.0
"""Tokens of an instruction with its answer, where nothing is said: Alpaca has 130, OpenOrca 400 to 500; the middle in
logarithms."""
_USUAL_ROW = 2048.0
"""Length of packed rows where nothing is said."""

_OTHER_TRAINING = re.compile(r"distill|embedding model|reranker")
_GOALS = re.compile(r"\b(?:dpo|kto|ipo|rpo|orpo|simpo|cpo|reward(?: model(?:ling)?)?|rm)\b[ :+-]*")
_METHODS = (
    (re.compile(r"^q-?(?:lo|do)ra\b"), "qlora"),
    (re.compile(r"^(?:lora|rslora|dora|pissa)\b"), "lora"),
    (re.compile(r"^(?:full|pretrain|sft|continued pretrain)"), "full"),
)
_ADAPTERS = {name: kind for kind, names in reading.WORDS["adapters"].items() for name in names}


_KILO_TOKENS = 1024.0


def _number(row: Row, column: str, read: Callable[..., float | None] = reading.number) -> float | None:
    try:
        return read(row.get(column), *([_KILO_TOKENS] if column == "seq_len" else []))
    except ValueError as problem:
        raise UnpredictableError(f"{column}: {problem}") from None


def _count(row: Row, column: str) -> int:
    return max(1, round(_number(row, column) or 1))


def _text(row: Row, column: str) -> str:
    return (row.get(column) or "").strip().lower()


_KERNEL_WORDS = re.compile(
    r"framework_config=[\w-]+|unsloth|liger|foak|fast-kernels|scattermoe|megablocks|grouped[ _]gemm|chunked c\w+|"
    r"fused cross\w*|fused kernels|async tp|megatron|nemo|maxtext|transformer engine|\bte\b|triton lora|cudnn|"
    r"\bfa[123]\b|flash\w*[- ]?\d?|virtual stages \d+|one by one|torchtitan|automodel"
)


# Frameworks that bring their own fused kernels; what a source says of itself counts as well as its notes.
_FUSED_FRAMEWORKS = ("megatron", "nemo", "automodel", "transformer engine", "maxtext")

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
    text = re.sub(r"[-_(),/]", " ", reading.without_cards(name).lower())
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


_NO_CHIP = re.compile(r"(?:not|stated|known|unknown|one|a|single|gpus?|cards?|class|with|of|memory|vram|\W)*")


@cache
def cards_of_class(name: str) -> tuple[Accelerator, ...]:
    """The GPUs that a name without a chip may stand for, such as "80 GB card", by their speed; none for other names."""
    text = reading.without_cards(name).lower()
    memory = _MEMORY.search(text)
    if not memory or not _NO_CHIP.fullmatch(_MEMORY.sub(" ", text)):
        return ()
    found = [
        g for g in accelerators().values()
        if g.kind.endswith("gpu") and g.memory_gb == float(memory[1]) and (g.bf16_tflops or g.fp16_tflops)
    ]
    return tuple(sorted(found, key=lambda g: (machine(g).matmul_flops, g.name)))


@cache
def find_accelerator(name: str) -> Accelerator:
    """The GPU of the catalogue that a published name stands for.

    Of a name that states the memory alone it is the middle one of the catalogue's by speed (``cards_of_class``).

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
    if of_class := cards_of_class(name):
        return of_class[(len(of_class) - 1) // 2]
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
            fp8_tflops=(fastest.fp8_tflops or 0.0) * clock or None,
            fp4_tflops=(fastest.fp4_tflops or 0.0) * clock or None,
        )
    return found


class _Method(NamedTuple):
    method: str
    adapter: str
    objective: str
    guessed: float


def _method(row: Row) -> _Method:
    said = reading.method(_text(row, "method"), rank=_text(row, "lora_rank"), targets=_text(row, "lora_targets"))
    if _OTHER_TRAINING.search(said):
        raise UnpredictableError(f"method: no law for {said!r}")
    goal = reading.objective(said)
    if goal.rollouts:
        raise UnpredictableError(
            "method: reinforcement learning trains on what it samples; its speed depends on the sampling engine, "
            "which the row does not state"
        )
    text = _GOALS.sub("", said).strip() or ("full" if _GOALS.search(said) else said)
    name = text.removeprefix("peft:")
    for pattern, method in _METHODS:
        if pattern.search(name):
            adapter = "full-size" if "dora" in name else "low-rank"
            return _Method(method, adapter, goal.name, _GUESSED_ADAPTER if adapter != "low-rank" else 0.0)
    if text.startswith("peft:") or name in _ADAPTERS or name.startswith("adalora"):
        return _Method("lora", _ADAPTERS.get(name, "low-rank"), goal.name, _GUESSED_ADAPTER)
    raise UnpredictableError(f"method: no law for {said or 'an empty method'!r}")


def _targets(row: Row) -> str | tuple[str, ...]:
    found = reading.targets(_text(row, "lora_targets")) or "all-linear"
    if isinstance(found, tuple) and "q_proj" in found:
        # Lists made for several families name the fused and the separate query projection; a model has one of them.
        found = tuple(name for name in found if name not in ("c_attn", "qkv", "query_key_value"))
    return found


def _checkpointing(row: Row, usual: str) -> tuple[str, float]:
    text = _text(row, "grad_checkpointing")
    if not reading.said(text):
        return usual, _GUESSED_CHECKPOINTING
    if text.startswith("selective"):
        return ("alternate" if "layer" in text else "selective"), 0.0
    kept = reading.checkpointing(text)
    return kept.checkpointing, _GUESSED_CHECKPOINTING / 2 * kept.guesses


_SPLIT = {name: field for name, field in reading.WORDS["degrees"].items() if name != "vpp"}


class _Split(NamedTuple):
    """How the work is shared out among GPUs, in the fields of a set-up, and the doubt about it."""

    fields: dict[str, Any]
    guessed: float

    @property
    def replicas(self) -> float:
        """Copies of the model that work on batches of their own."""
        return float(self.fields["n_gpus"] / math.prod(self.fields.get(_SPLIT[name], 1) for name in ("tp", "pp", "cp")))


def _split(row: Row, words: str, architecture: Architecture) -> _Split:
    method = reading.method(_text(row, "method"), rank=_text(row, "lora_rank"), targets=_text(row, "lora_targets"))
    pretrained = "pretrain" in method
    full = not method.startswith(("lora", "qlora", "peft", "dora"))
    gpus = _count(row, "n_gpus") if _text(row, "n_gpus") else int(reading.cards_in_name(row.get("gpu") or "") or 1)
    found = reading.split(_text(row, "sharding"), gpus, full=full)
    fields, guessed = dict(found.fields), _GUESSED_SHARDING / 2 * found.guesses
    for column, field in _SPLIT.items():
        if _text(row, column):
            fields[field] = _count(row, column)
    spread = re.search(r"[-_]ep(\d+)", words)
    if spread and not _text(row, "ep"):
        fields["expert_parallel"] = int(spread.group(1))
    if stages := re.search(r"virtual stages (\d+)", words):
        fields["virtual_stages"] = int(stages.group(1))
    fields["n_gpus"] = max(
        fields["n_gpus"], math.prod(fields.get(_SPLIT[name], 1) for name in ("tp", "pp", "cp"))
        if fields["n_gpus"] == 1 else 1,
    )
    said = _text(row, "sharding")
    if fields["sharding"] == "zero3" and "fsdp" in said:
        # FSDP's own words with the stage of ZeRO that is like it
        fields["sharding"] = "fsdp"
    if fields["sharding"] == "none" and fields["n_gpus"] > 1:
        fields["sharding"] = "ddp"
    if not architecture.experts:
        fields.pop("expert_parallel", None)
    elif pretrained and "expert_parallel" not in fields:
        # nobody pretrains a mixture on many GPUs without spreading its experts
        degree = math.gcd(fields["n_gpus"] // fields.get("pipeline_parallel", 1), architecture.experts)
        if degree > 1:
            fields["expert_parallel"], guessed = degree, _GUESSED_SHARDING
    if "expert_parallel" in fields:
        fields["expert_parallel"] = min(fields["expert_parallel"], fields["n_gpus"])
    return _Split(fields, guessed)


def _attention(row: Row, words: str) -> str:
    """The kernel for scores: what the row says of it, or what its year had."""
    text = f"{_text(row, 'flash_attention')} {words}"
    said = _text(row, "flash_attention")
    if not reading.has_flash(said):
        return "eager"
    if re.search(r"fa3|flash\w*[- ]?3|cudnn|transformer engine|\bte\b|megatron|nemo|automodel", text):
        return "fa3"
    year = _text(row, "as_of")[:4]
    # "Yes" without a version meant the first generation until the second had spread, about the end of 2023.
    if said == "yes" and "fa2" not in words and "" < year < "2024":
        return "fa1"
    if re.search(r"fa2|flash\w*[- _]?2|v2|sdpa", text) or "" < year < "2025":
        return "fa2"
    return ""


def _arithmetic(row: Row) -> tuple[str, float]:
    text = _text(row, "compute_dtype")
    if "nvfp4" in text or "fp4" in text:
        return "nvfp4", 0.0
    if "mxfp8" in text:
        return "mxfp8", 0.0
    if "fp8" in text or "float8" in text:
        # scales for each row take most of the gain back
        return ("bf16", _GUESSED_ARITHMETIC) if "rowwise" in text else ("fp8", 0.0)
    if "tf32" in text:
        return "tf32", 0.0
    if re.fullmatch(r"(?:amp_)?(?:fp32|float32|32-true|32)", text):
        # since Ampere, frameworks let 32-bit products run as tf32
        return "tf32", _GUESSED_ARITHMETIC
    return "bf16", 0.0


class _Batch(NamedTuple):
    seq_len: float
    micro_batch: float
    global_batch: float
    accumulation: float
    real_share: float
    guessed: float


def _batch(row: Row, split: _Split) -> _Batch:
    seq_len, guessed, real = _number(row, "seq_len"), 0.0, 1.0
    kind, unpacked = _text(row, "seq_len_kind"), _text(row, "packing") == "no"
    if not seq_len:
        seq_len = _USUAL_EXAMPLE if unpacked or kind.startswith("variable") else _USUAL_ROW
        guessed = _GUESSED_LENGTH
    elif kind.startswith("max") and unpacked:
        bucketed = "bucket" in kind
        real = _REAL_SHARE_OF_BUCKETS if bucketed else _REAL_SHARE_OF_SHUFFLED
        seq_len *= _MEAN_OVER_MAXIMUM / real
        guessed = _GUESSED_LENGTH
    micro_batch = _number(row, "micro_batch")
    global_batch = _number(row, "global_batch") or 0.0
    accumulation = _number(row, "grad_accum") or 0.0
    replicas = split.replicas
    if not micro_batch:
        if global_batch and (accumulation or global_batch <= 4 * replicas):
            micro_batch = max(1.0, global_batch / replicas / (accumulation or 1.0))
        else:
            micro_batch = reading.usual_micro_batch(seq_len)
            guessed = math.hypot(guessed, _GUESSED_MICRO_BATCH)
    return _Batch(seq_len, micro_batch, global_batch, max(1.0, accumulation), real, guessed)


_LOOPED_BEFORE = "2026"
"""Until then plain transformers ran experts one by one, in Python."""


def _grouped(row: Row, architecture: Architecture, words: str) -> bool:
    if not architecture.experts:
        return True
    if "one by one" in words:
        return False
    own = any(word in words for word in ("scattermoe", "megablocks", "grouped", "torchtitan", *_FUSED_FRAMEWORKS))
    return own or "pretrain" in _text(row, "method") or _text(row, "as_of") >= _LOOPED_BEFORE


def read(row: Row) -> Case:
    """The row as arguments of ``training_time.throughput``.

    Raises UnpredictableError with a reason. Answers are never read, nor the notes but for framework and kernel.
    """
    sizes = (_number(row, column, reading.size_b) for column in ("params_b", "active_params_b"))
    architecture, guessed_model = names.find((row.get("model") or "").strip(), *sizes)
    accelerator = find_accelerator(row.get("gpu") or "")
    of_class = cards_of_class(row.get("gpu") or "")
    guessed_card = 0.0
    if of_class:
        # The band reaches from the slowest of them to the fastest.
        slowest, fastest = (machine(g).matmul_flops for g in (of_class[0], of_class[-1]))
        guessed_card = math.log(fastest / slowest) / 2 / SD_OF_BAND
    method = _method(row)
    words = kernel_words(row.get("notes") or "")
    publisher = " ".join(_text(row, column) for column in ("source_id", "source_title", "source_locator"))
    words = " ".join((words, *(name for name in _FUSED_FRAMEWORKS if name in publisher)))
    split = _split(row, words, architecture)
    batch = _batch(row, split)
    compiled = "compile" in _text(row, "compile") or _text(row, "compile") == "yes"
    fused = any(
        word in words for word in ("foak", "fast-kernels", "liger", "unsloth", "fused kernels", *_FUSED_FRAMEWORKS)
    ) or bool(re.search(r"\bte\b", words))
    loss = "chunked" if "chunked" in words else "fused" if "liger" in words or "fused cross" in words else \
        "fast" if "foak" in words or "fast-kernels" in words or "unsloth" in words else ""
    attention = _attention(row, words)
    arithmetic, guessed_arithmetic = _arithmetic(row)
    stored = _text(row, "base_quant")
    if method.method != "full":
        stored = reading.base_words(stored, _text(row, "weight_dtype"), _text(row, "method"))
    framework = reading.framework(f"{publisher} {words}")
    quantised = method.method == "qlora" or (bool(stored) and reading.base(stored).bits < 16)
    checkpointing, guessed = _checkpointing(row, reading.usual_checkpointing(framework, _text(row, "as_of"), quantised))
    offload = reading.offload(_text(row, "offload"))
    if offload == "none":
        offload = reading.offload_elsewhere(_text(row, "sharding"), _text(row, "optimizer"))
    setup = TrainingSetup(
        method=method.method,
        seq_len=batch.seq_len,
        micro_batch=batch.micro_batch,
        lora_rank=int(_number(row, "lora_rank") or 16),
        lora_targets="attention" if method.adapter == "vector" else "all-linear" if method.method == "full"
        else _targets(row),
        adapter_dtype="bf16" if any(word in words for word in _FUSED_FRAMEWORKS) else "",
        objective=method.objective,
        base_quantisation=reading.base(stored).name if stored else "",
        optimizer=reading.optimizer("galore" if "galore" in _text(row, "method") else _text(row, "optimizer")).name,
        gradient_accumulation=batch.accumulation,
        global_batch=batch.global_batch,
        packing=batch.real_share == 1.0,
        checkpointing=checkpointing,
        flash_attention=attention != "eager",
        train_embeddings="embeddings trainable" in _text(row, "method"),
        compile=compiled,
        loss=loss,
        fused_kernels=fused,
        offload=offload,
        framework=framework,
        day=_text(row, "as_of"),
        generation=accelerator.generation,
        **split.fields,
    )
    kernels = Kernels(
        attention=attention,
        arithmetic=arithmetic,
        fused_adapter=compiled or "unsloth" in words or "triton lora" in words
        or ("accelerated-peft" in words and "foak" in words),
        adapter=method.adapter,
        grouped_experts=_grouped(row, architecture, words),
        overlapped_tensor_parallel="async tp" in words,
        real_token_share=batch.real_share,
        guessed=math.hypot(
            batch.guessed, guessed, method.guessed, split.guessed, guessed_model, guessed_arithmetic, guessed_card
        ),
    )  # fmt: skip
    return Case(architecture, accelerator, setup, kernels)


class Learnt(NamedTuple):
    """What was found from rows."""

    coefficients: Coefficients = FITTED
    runs: Known = KNOWN
    doubts: Doubts = DOUBTS


PACKAGE = Learnt()
"""What the package holds."""


def predict(row: Row, *, coefficients: Learnt = PACKAGE) -> dict[str, object]:
    """Tokens per second and GPU of one row with its band, or the reason why not."""

    def predicted() -> dict[str, object]:
        estimate = training_time.throughput(*read(row), *coefficients)
        ends = (estimate.tokens_per_s_per_gpu, estimate.low, estimate.high)
        return {name: float(f"{value:.5g}") for name, value in zip(FIELDS[1:4], ends, strict=True)}

    return answered(FIELDS, row.get(ID, ""), predicted)


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


def source_family(row: Row) -> str:
    """The project of a row: its tables share scripts and machines, and are left out together."""
    return project_of(row.get("source_id") or row.get("source") or "")


def usable(row: Row) -> bool:
    """Whether a row is complete: it has an answer, leaves nothing to guess, and is not marked as magnitude only."""
    if measured(row) is None or _text(row, "completeness") == "c":
        return False
    try:
        return read(row).kernels.guessed == 0
    except ValueError:
        return False


class _Point(NamedTuple):
    project: str
    case: Case
    terms: Terms
    log_seconds: float
    """Of the measurement, per processed token."""
    weight: float


# Where the fit starts from.
# Before any data: products at the measured matmul speed with a tenth lost, kernels at two thirds of the
# bandwidth, links at nominal speed, some fifty launches of ten to twenty microseconds per layer and pass, the memory of
# the host at two thirds. A loop over experts takes 0.2 ms for each: granite-3.0-3b-a800m without grouped kernels does
# 9 ms per layer and pass over its 40 experts (rows T0381 to T0383, 279 tokens per sample from tokens/s over samples/s).
_PRIORS = robust.priors("speed")
_TOLERANCE = 0.08
_HALF_WEIGHT_GUESS = 0.15
"""A row that had to be guessed at by as much counts half."""
_SOURCE_ROWS = 6
"""A project counts as that many rows at most, however long its tables are."""
_LONGEST_TABLE = 50


def _points(rows: Iterable[Row]) -> list[_Point]:
    """The rows that are fitted to, those with something guessed among them, with their weights."""
    found = []
    for row in rows:
        value = measured(row)
        if not value or _text(row, "completeness") == "c":
            continue
        try:
            case = read(row)
            terms = training_time.ideal_terms(*case)
        except ValueError:
            continue
        weight = (0.5 if _text(row, "completeness") == "b" else 1.0) / (
            1 + (case.kernels.guessed / _HALF_WEIGHT_GUESS) ** 2
        )
        log_seconds = math.log(case.kernels.real_token_share / value)
        found.append(_Point(source_family(row), case, terms, log_seconds, weight))
    return found


def _thinned(points: Sequence[_Point]) -> list[_Point]:
    """Long tables by every second or third row: they count no more for their length, and the fit is sooner done."""
    kept = []
    for project in sorted({p.project for p in points}):
        own = [p for p in points if p.project == project]
        kept += own[:: math.ceil(len(own) / _LONGEST_TABLE)]
    total = Counter(p.project for p in kept)
    return [p._replace(weight=p.weight * min(_SOURCE_ROWS, total[p.project]) / total[p.project]) for p in kept]


def _fit(points: Sequence[_Point]) -> robust.Fit:
    points = _thinned(points)

    def errors(values: Any) -> list[float]:
        c = Coefficients(**values)
        return [p.log_seconds - math.log(training_time.seconds_per_token(p.terms, c).total) for p in points]

    return robust.fit(errors, _PRIORS, [p.weight for p in points], tolerance=_TOLERANCE)


def _places(points: Sequence[_Point]) -> list[tuple[str, dict[str, str]]]:
    return [(p.project, place(*p.case)) for p in points]


def fit(rows: Iterable[Row]) -> Learnt:
    """What the rows teach: coefficients, by ``robust.fit``, and where the runs lie."""
    points = _points(rows)
    runs = read_known({"axes": AXES, "cells": cells(AXES, _places(points)), "variance": KNOWN.variance})
    return Learnt(Coefficients(**_fit(points).coefficients), runs)


_EVERYWHERE = read_known({"axes": AXES, "cells": [], "variance": dict.fromkeys(AXES, 0.0)})
_FIRST_DOUBT = 0.10
"""Common to all parts, before the rows are asked what it takes."""
_COVERED = 0.90
"""What the bands are made to cover when a project is left out, projects counting alike."""


class _LeftOutBand(NamedTuple):
    project: str
    place: dict[str, str]
    error: float
    deviation: float
    """Of its band without what is common to all parts, and without distance."""


def fit_file() -> dict[str, Any]:
    """What ``calculator/llm/fitted/speed.json`` holds: coefficients, the common doubt, the places of the rows, a
    variance per axis."""
    points = _points(published("training-throughput"))
    found = _fit(points)
    places = [where for _, where in _places(points)]
    projects = sorted({p.project for p in points})
    bands = []
    for project in projects:
        without = Coefficients(**_fit([p for p in points if p.project != project]).coefficients)
        for point, where in zip(points, places, strict=True):
            if point.project == project:
                made = training_time.throughput(*point.case, without, _EVERYWHERE, Doubts(everything=0.0))
                error = math.log(made.tokens_per_s_per_gpu / point.case.kernels.real_token_share) + point.log_seconds
                bands.append(_LeftOutBand(project, where, error, made.log_deviation))
    half_width = SD_OF_BAND * _FIRST_DOUBT
    variance = variances(
        AXES, [LeftOut(b.project, b.place, b.error, math.hypot(half_width, SD_OF_BAND * b.deviation)) for b in bands]
    )
    return {
        "rows": len(points),
        "projects": len(projects),
        "coefficients": found.coefficients,
        "unmoved": list(found.unmoved),
        "doubts": {"everything": _common_doubt(bands, variance)},
        "axes": list(AXES),
        "variance": variance,
        "cells": cells(AXES, ((p.project, where) for p, where in zip(points, places, strict=True))),
    }


def _common_doubt(bands: Sequence[_LeftOutBand], variance: Mapping[str, float]) -> float:
    """The least doubt, in steps of a hundredth, with which the bands of left-out projects cover what they claim."""
    wide = []
    for project in sorted({b.project for b in bands}):
        seen = {axis: {b.place[axis] for b in bands if b.project != project} for axis in AXES}
        wide.append([
            (b.error, b.deviation**2 + sum(variance[axis] for axis in AXES if b.place[axis] not in seen[axis]))
            for b in bands if b.project == project
        ])  # fmt: skip
    for hundredths in range(_ROUND_DOUBT, 100):
        doubt = (hundredths / 100) ** 2
        covered = [
            sum(abs(error) <= SD_OF_BAND * math.sqrt(more + doubt) for error, more in rows) / len(rows)
            for rows in wide
        ]
        if sum(covered) / len(covered) >= _COVERED:
            break
    return hundredths / 100


_ROUND_DOUBT = 22
"""In hundredths: no source is known better than that. Rows that were in view when the laws were made ask for 10; those
of first contact were off by more."""
