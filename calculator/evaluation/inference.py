"""Serving speed and memory against published measurements: how a row is read, and how the coefficients are fitted.

What ``estimate_decode_tok_s`` stands for follows from the row itself, never from its answers:

* one sequence (``batch`` 1) – tokens per second of that sequence while it decodes, at the depth the row gives;
* sources that divide by the whole run (Hugging Face generation loops, the Qwen speed benchmarks) – the same, with the
  prompt's reading time in the divisor; where ``value_kind`` says that the published value is a total, prompt and
  generated tokens over that time;
* several sequences in a one-user engine (AutoAWQ) – summed over the batch;
* several sequences in a server – output tokens of all requests per second, with the reading of new prompts between
  steps. A batch that is not a number ("max load") is the most that fits.

It is to be held against ``decode_tok_s`` where a row has it, otherwise ``output_throughput_tok_s``, otherwise
``total_tok_s``.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from math import exp, hypot, inf, log
from typing import Any, NamedTuple

from calculator.catalogs import Accelerator, accelerator, accelerators
from calculator.evaluation import Quantity, Row, answered, published
from calculator.evaluation.distance import LeftOut, cells, project_of, quantile, variances
from calculator.evaluation.names import find
from calculator.evaluation.reading import beside, cards_in_name, number, said, size_b, without_cards
from calculator.evaluation.robust import Fit, of_each, priors
from calculator.evaluation.robust import fit as robust_fit
from calculator.llm.bands import SD_OF_BAND
from calculator.llm.serving import speed as law
from calculator.llm.serving.coefficients import FITTED, Coefficients
from calculator.llm.serving.deployment import ServingSetup
from calculator.llm.serving.devices import device_class
from calculator.llm.serving.engines import ENGINES, Engine
from calculator.llm.serving.formats import KERNELS, Format, grouped_bits, weight_format
from calculator.llm.serving.memory import memory, weights_gib
from calculator.llm.serving.place import AXES, place, spread, spread_kind

ID = "row_id"
SOURCE = "source_id"
METHOD = "engine"
FIELDS = (
    "row_id", "estimate_decode_tok_s", "low_decode_tok_s", "high_decode_tok_s", "estimate_memory_gib",
    "low_memory_gib", "high_memory_gib", "reason",
)


class Reading(NamedTuple):
    """A row as the law takes it."""

    setup: ServingSetup
    convention: str
    """decode, elapsed, total or output."""
    depth: float
    maximal: bool
    """The scheduler chose the batch."""
    workload: str
    copies: int = 1
    """Copies of the whole model that share the load (data parallel without experts over devices)."""
    before: float = 0.0
    """Tokens that were read before the prompt whose speed the row gives."""
    doubt: float = 0.0
    """What is not named adds so much to the doubt, as a log standard deviation: model, engine, format, the host."""
    with_host: float = 0.0
    """Share of the layers that don't fit the devices and run on the host's processor."""


def read_engine(text: str, as_of: str = "", *, quant: str = "", several: bool = False) -> tuple[Engine, float]:
    """The engine that a published name stands for, in the generation of its version or of the row's day, and the doubt.

    Where none is named, a format that only one engine reads names it; otherwise it is any engine of its kind: a server
    for several sequences, one user's for one. Raises ValueError for an engine that we know no law for.
    """
    lower = said(text)
    rows = [(word, known) for known in ENGINES.values() for word in known.words]
    doubt = 0.0 if lower else _UNNAMED_ENGINE_DOUBT
    if not lower:
        own = (known for known in ENGINES.values() if any(re.search(f, quant.lower()) for f in known.formats))
        reader = next(own, None)
        lower = reader.words[0] if reader else f"other {'server' if several else 'fused'}"
    word = next((word for word, _ in rows if re.search(rf"(?<![a-z]){re.escape(word)}", lower)), "")
    generations = [known for other, known in rows if other == word]
    if not word:
        raise ValueError(f"engine: {text!r} is not one we know")
    if generations[0].refused:
        raise ValueError(f"engine: {text!r}: {generations[0].refused}")
    version = re.search(r"v?(\d+(?:\.\d+)+)", lower.partition(word)[2])
    found = generations[0]
    for known in generations[1:]:
        if version and known.version:
            newer = _numbers(version[1]) >= _numbers(known.version)
        else:
            # A year alone may be any of its months: the newest generation of that year is the likeliest.
            newer = not as_of or f"{as_of}-12"[:7] >= known.since
        found = known if newer else found
    return found, doubt


_UNNAMED_ENGINE_DOUBT = 0.30
"""Log standard deviation of the speed of one model on one device over engines of a kind."""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


# What a word in a label of weights stands for; the first that fits counts.
_LABELS = (
    ("gf4", "gf4"), ("mxfp4", "mxfp4"), ("nvfp4", "nvfp4"), ("fp4", "nvfp4"), ("nf4", "nf4"), ("float8", "fp8"),
    ("fp8", "fp8"), ("fp32", "fp32"), ("float32", "fp32"), ("fp16", "fp16"), ("float16", "fp16"), ("bf16", "bf16"),
    ("bfloat16", "bf16"), ("f16", "fp16"), ("half", "fp16"), ("unquantized", "bf16"), ("full precision", "bf16"),
    ("16-bit", "bf16"), ("16bit", "bf16"),
)
_SIXTEEN_BIT = ("none", "no", "amp", "original", "base")
_FORMAT_DOUBT = 0.25
"""Of a format that a row does not name."""
# A statement about the cache is none about the weights.
_OF_CACHE = re.compile(r"(?:[,+;&/]|\band\b|\bwith\b)?\s*\b(?:\w+[ -])?kv(?:[ _-]?cache)?\b(?:\s*[:=]?\s*\w*\d\w*)?")
_MIXES = {"q4_k": "q4_k_m", "q3_k": "q3_k_m", "q5_k": "q5_k_m"}
# A GGUF file named by its bits alone.
_BY_BITS = {2: "q2_k", 3: "q3_k_m", 4: "q4_k_m", 5: "q5_k_m", 6: "q6_k", 8: "q8_0"}


def read_format(row: Row, used: Engine) -> tuple[Format, float]:
    """The weight format that a label stands for, and the doubt where it says none: what the engine then takes.

    Raises ValueError for one that we do not know.
    """
    label = _OF_CACHE.sub("", said(row["quant"])).strip()
    bits = _number(row["bits_per_weight"])
    if label in _SIXTEEN_BIT:
        return weight_format("bf16"), 0.0
    if label in ("", "gguf", "ggml") and not bits:
        # Ollama and most files of one user have four bits; servers and Python load what was published.
        narrow = used.several == "layer" and used.style == "fused"
        return weight_format("q4_k_m" if narrow else "bf16"), _FORMAT_DOUBT
    return _format(label, bits, used), 0.0


def _format(label: str, bits: float | None, used: Engine) -> Format:
    key = re.sub(r"[\s-]+", "_", label)
    short = re.sub(r"_(small|medium|large)", _size, key)
    if gguf := re.search(r"(iq\d_(?:xxs|xs|nl|[sm])|q\d_k_[sml]|q\d_k|q\d_\d)", short):
        return weight_format(_MIXES.get(gguf[1], gguf[1]))
    stated = re.search(r"(?<![\d.])([2-8])[ _-]?bit|\bq([2-8])\b|int([2-8])|\bq([2-8])f(?:16|32)", label)
    width = int(next(number for number in stated.groups() if number)) if stated else 0
    fused = used.matrix_vector and used.style == "fused"
    if width and ("mlx" in used.words or "mlx" in label):
        return weight_format(f"mlx-{width}bit")
    group = re.search(r"g(?:roup)?[ -]?(\d+)|(\d+)g\b|-(\d+)$", label)
    size = next((int(number) for number in group.groups() if number), 128) if group else 128
    if "exl2" in label or "exl3" in label:
        number = re.search(r"\d+(\.\d+)?(?=\s*bpw)", label)
        return weight_format(f"exl2-{number[0] if number else bits}")
    if "awq" in label and "hqq" not in label:
        stored = weight_format("awq-int4")
        if "gemv" in label:
            stored = replace(stored, kernel=KERNELS["gemv"])
        elif used.style == "server":
            # Servers repack them for the kernels of GPTQ.
            stored = replace(stored, kernel=KERNELS["marlin"])
        return replace(stored, bits=grouped_bits(4, size, zero_bits=4))
    if "gptq" in label:
        width = width or (round(bits) if bits in (2, 3, 4, 8) else 4)
        stored = weight_format("gptq-int8" if width == 8 else "gptq-int4")
        return replace(stored, bits=grouped_bits(width, size, zero_bits=width))
    for part, name in _LABELS:
        if part in label and not (stated and stated[4]):
            stored = weight_format(name)
            if name == "mxfp4" and fused and "16" not in label:
                return weight_format("mxfp4-q8")
            if name == "fp8" and fused:
                return replace(stored, head_bits=8, embedding_bits=8, kernel=KERNELS["gemv"])
            return stored
    if used.name == "executorch" and width == 4:
        return weight_format("int4-g32")
    if width and used.several == "layer" and used.style == "fused":
        return weight_format(_BY_BITS[width])
    integer = re.search(r"int([2-8])(?!.*int[2-8])", label)
    if integer or width:
        width = int(integer[1]) if integer else width
        if width == 8:
            stored = weight_format("int8")
            return replace(stored, compute_bits=16) if "weight-only" in label or "w8a16" in label else stored
        return replace(weight_format("hqq-int4"), name=f"int{width}", bits=grouped_bits(width, size, zero_bits=16))
    whole = re.search(r"\bw([48])a(\d+)", label)
    if (whole and whole[1] == "8") or "smoothquant" in label:
        return weight_format("int8")
    if whole or "autoround" in label or "auto-round" in label:
        return weight_format("gptq-int4")
    if "hqq" in label:
        return weight_format("hqq-int4")
    if bits:
        near = "bf16" if bits > 12 else "int8" if bits > 6 else "hqq-int4"
        return replace(weight_format(near), bits=bits)
    raise ValueError(f"quant: {label!r} is not a format we know")


def _size(found: re.Match[str]) -> str:
    """ "_small" as "_s"."""
    return "_" + found[1][0]


# Words of a device's name that go without saying, and words that make another device of it.
_UNSAID = frozenset((
    "nvidia", "amd", "apple", "intel", "geforce", "rtx", "ryzen", "core", "sxm", "80gb", "generation", "gen", "9",
))
_DISTINCT = frozenset((
    "ti", "super", "max", "pro", "ultra", "xt", "xtx", "nvl", "pcie", "laptop", "mobile", "ada", "40gb", "mig",
))


# A computer's name before its chip's, which has words of its own that make another chip.
_PRODUCT = re.compile(r"\b(?:macbook (?:pro|air)|mac (?:studio|pro|mini)|imac)\b(?=.*\bm\d)", re.IGNORECASE)


def read_device(row: Row) -> Accelerator:
    """The device in the catalogue. Bandwidth, memory channels or GPU cores in its name take precedence."""
    text = row["device"].strip()
    if not said(text) or "not named" in text.lower():
        raise ValueError("device: the row does not name it")
    on_processor = "cpu" in text.lower() or "cpu" in row["engine"].lower()
    stated = re.search(r"(\d+(?:\.\d+)?)\s*GB/s", text)
    channels = re.search(r"DDR\d\w?-(\d{4,5}).*?\b(\d+)[ -]channel", text, re.IGNORECASE)
    cores = re.search(r"(\d+)[-\u2011 ]core GPU", text, re.IGNORECASE)
    try:
        found = _find_device(text)
    except ValueError:
        if not (channels and on_processor):
            raise
        found = _ANY_PROCESSOR
    if channels and on_processor:
        # Threads find most of their data at the other socket: several sockets read as fast as one.
        sockets = re.match(r"(\d)\s*x\b", text, re.IGNORECASE)
        each = int(channels[2]) / (int(sockets[1]) if sockets else 1)
        found = replace(found, bandwidth_gb_per_s=int(channels[1]) * each * 8 / 1000)
    if stated:
        found = replace(found, bandwidth_gb_per_s=float(stated[1]))
    if cores and found.cores:
        found = replace(found, cores=float(cores[1]))
    return _processor(found) if on_processor and device_class(found) != "cpu" else found


def _processor(chip: Accelerator) -> Accelerator:
    """The processor of a chip whose row in the catalogue describes its GPU: its cores, and what they reach of memory.

    processors.csv has those that share their memory with a GPU: cores and clocks from data sheets, of which no more
    than the linked pages was read. Of others neither is known.
    """
    own = _processors().get(chip.name, {})
    return replace(
        chip, kind="cpu", stack="cpu", cores=_number(own.get("cores")), clock_ghz=_number(own.get("clock_ghz")),
        bandwidth_share=_number(own.get("bandwidth_share")),
    )


@cache
def _processors() -> dict[str, Row]:
    return {row["device"]: row for row in beside("processors.csv")}


_ANY_PROCESSOR = accelerators()["Desktop CPU with 2 × DDR5-5600"]


def _find_device(text: str) -> Accelerator:
    """The catalogue's device of that name, else the one with most of its words in it and none that makes another."""
    bare = re.sub(r"\d+[-\u2011 ]core GPU", "", re.sub(r"\(.*?\)", "", text), flags=re.IGNORECASE)
    inside = (part for part in re.findall(r"\((.*?)\)", text) if part.lower() != "cpu")
    alone = _PRODUCT.sub("", without_cards(bare)).strip()
    for written in (text, re.sub(r"\(.*?\)", "", text), bare, *inside, alone):
        try:
            return accelerator(written)
        except ValueError:
            continue
    words = set(re.findall(r"[a-z0-9]+", alone.lower()))
    best: Accelerator | None = None
    most = 0
    for name, known in accelerators().items():
        own = set(re.findall(r"[a-z0-9]+", name.lower()))
        needed = own - _UNSAID
        if needed <= words and words & _DISTINCT <= own and len(needed) > most:
            best, most = known, len(needed)
    if best is None:
        raise ValueError(f"device: {text!r} is not in the catalogue of accelerators")
    return best


def _number(text: str | None) -> float | None:
    try:
        return number(text, _KILO)
    except ValueError:
        return None


_KILO = 1024.0
"""What a k of tokens is: lengths are powers of two."""

# What a prediction looks at; a file may leave columns out.
_READ = (
    "row_id", "source_title", "as_of", "model", "params_b", "active_params_b", "quant", "bits_per_weight",
    "model_file_gib", "device", "n_devices", "parallelism", "batch", "prompt_len", "gen_len", "context_depth", "engine",
    "value_kind",
)


def read_row(row: Row) -> Reading:
    """The row as a setup. Raises ValueError that says what it lacks."""
    row = {column: row.get(column) or "" for column in _READ}
    model, doubt = find(row["model"], size_b(row["params_b"]), size_b(row["active_params_b"]))
    batch = _number(row["batch"])
    used, engine_doubt = read_engine(
        row["engine"], row["as_of"], quant=row["quant"], several=batch is not None and batch > 1
    )
    stored, format_doubt = read_format(row, used)
    doubt = hypot(doubt, engine_doubt, format_doubt)
    device = read_device(row)
    devices = int(_number(row["n_devices"]) or _number(cards_in_name(row["device"])) or 1)
    split, stages, replicas, copies = read_parallelism(row["parallelism"].lower(), devices, used)
    setup = ServingSetup(
        model=model, device=device, devices=devices // copies, stored=stored, engine=used,
        batch=max(1.0, (batch or 1.0) / copies), prompt_tokens=_number(row["prompt_len"]) or 0.0,
        answer_tokens=_number(row["gen_len"]) or 128.0, split=split, stages=stages, replicas=replicas,
        file_gib=_number(row["model_file_gib"]) or 0.0,
        cache_bits=8.0 if used.narrow_cache and stored.compute_bits <= 8 else 16.0,
    )
    workload = row["source_title"].lower()
    several = used.style == "server" and (batch is None or batch > 1)
    if several:
        convention = "output"
    elif row["value_kind"].startswith("published total"):
        convention = "total"
    elif "speed benchmark" in workload or used.style == "eager" or used.elapsed:
        convention = "elapsed"
    else:
        convention = "decode"
    depth = setup.mean_depth_tokens
    stated = _number(row["context_depth"])
    if stated is not None:
        depth = stated
    elif used.several == "layer" and used.style == "fused" and setup.batch <= 1:
        # llama-bench times prompt and generation apart, each from an empty context.
        depth = setup.answer_tokens / 2
    elif used.attention == "per_head":
        depth = min(depth, max(setup.prompt_tokens, setup.answer_tokens))
    known = bool(row["prompt_len"])
    kind = ""
    if not known and several:
        kind = "code" if "fim" in workload or "code" in workload else "question" if "gpqa" in workload else "chat"
    with_host = _with_host(setup)
    if with_host:
        doubt = hypot(doubt, _HOST_DOUBT)
    return Reading(setup, convention, depth, batch is None, kind, copies, stated or 0.0, doubt, with_host)


_HOST_DOUBT = 0.40
"""Of a run whose last layers lie with a host that the row does not describe: two channels of memory or many."""
_LEFT_FREE_GIB = 1.5
"""Of each card: context, buffers and a short cache."""


def _with_host(s: ServingSetup) -> float:
    """Share of the weights that are left for the host where an engine deals out layers and the devices are full."""
    deals_out = s.engine.several == "layer" and s.engine.style == "fused" and s.batch <= 1
    if not deals_out or device_class(s.device) != "gpu" or s.device.kind == "unified memory":
        return 0.0
    size = weights_gib(s)
    room = s.devices * max(0.0, (s.device.capacity_gib or inf) - _LEFT_FREE_GIB)
    return 0.0 if size <= s.devices * (s.device.capacity_gib or inf) else 1 - room / size


def read_parallelism(text: str, devices: int, used: Engine) -> tuple[str, int, int, int]:
    """Split, pipeline stages, copies of the attention, copies of the whole model.

    Raises ValueError for numbers that do not make up the devices.
    """
    # Where two ways are given without saying which was measured, the first.
    first = text.partition(" or ")[0]
    said = {name: int(number) for name, number in re.findall(r"\b(tp|pp|ep|dp)[ =-]?(\d+)", first)}
    stages, data = said.get("pp", 1), said.get("dp", 1)
    experts = said.get("ep", 1) > 1
    if devices % (stages * data):
        raise ValueError(f"parallelism: {text!r} does not make up {devices} devices")
    if "layer split" in text or text == "layer":
        return "layer", 1, 1, 1
    if "row split" in text:
        return "tensor", 1, 1, 1
    if experts:
        return "expert", stages, data, 1
    if said:
        return "tensor", stages, 1, data
    return (used.several if devices > 1 else "tensor"), 1, 1, 1


def estimate(reading: Reading, c: Coefficients) -> float:
    """The row's speed in tokens per second, as its convention has it."""
    s, depth = reading.setup, reading.depth
    prompt = s.prompt_tokens
    if reading.workload:
        prompt = {"chat": c.chat_tokens, "question": c.question_tokens, "code": c.code_tokens}[reading.workload]
        depth = prompt + s.answer_tokens / 2
    if reading.convention == "output":
        batch = float("inf") if reading.maximal else s.batch
        return law.output_tokens_per_ms(s, batch, prompt, depth, c) * 1000 * reading.copies
    step = law.decode_step(s, s.batch, depth, c).total_ms
    if reading.with_host:
        # One layer after the other, wherever it lies.
        host = law.decode_step(replace(s, device=_ANY_PROCESSOR, devices=1), s.batch, depth, c).total_ms
        step = (1 - reading.with_host) * step + reading.with_host * host
    if reading.convention == "decode":
        return s.batch / step * 1000
    elapsed = law.prefill_ms(s, prompt, c) * s.batch + s.answer_tokens * step
    tokens = s.answer_tokens + (prompt if reading.convention == "total" else 0)
    return s.batch * tokens / elapsed * 1000


def refused(reading: Reading) -> str:
    """Why a row that can be read cannot be predicted; empty if it can."""
    s = reading.setup
    full = weights_gib(s) > s.devices * (s.device.capacity_gib or inf)
    if full and not reading.with_host and device_class(s.device) == "gpu":
        return "the weights do not fit the devices, and offloading is not modelled"
    return ""


def predict(row: Row, coefficients: Coefficients = FITTED) -> dict[str, object]:
    """Speed and memory of a row; a row that cannot be predicted has a reason and no numbers."""

    def predicted() -> dict[str, object]:
        reading = read_row(row)
        if words := refused(reading):
            raise ValueError(words)
        speed = estimate(reading, coefficients)
        width = exp(hypot(log(spread(_banded(reading))), SD_OF_BAND * reading.doubt))
        size = memory(reading.setup)
        numbers = (speed, speed / width, speed * width, size.total_gib, size.low_gib, size.high_gib)
        return {name: f"{number:.5g}" for name, number in zip(FIELDS[1:7], numbers, strict=True)}

    return answered(FIELDS, row["row_id"], predicted)


def _banded(reading: Reading) -> ServingSetup:
    """The setup with the batch that its band is for: one that a scheduler chose is many."""
    return replace(reading.setup, batch=256.0) if reading.maximal else reading.setup


def answer(row: Row) -> float | None:
    """The published speed that the estimate is held against, in tokens per second."""
    total = row.get("value_kind", "").startswith("published total")
    columns = ("total_tok_s",) if total else ("decode_tok_s", "output_throughput_tok_s", "total_tok_s")
    return next((value for column in columns if (value := _number(row.get(column)))), None)


def usable(row: Row) -> bool:
    """Whether a row is complete enough to be judged by."""
    return row["completeness"] == "A"


def _speed_of(several: bool) -> Callable[[Row], float | None]:
    def measured(row: Row) -> float | None:
        return answer(row) if (row["batch"] != "1") == several else None

    return measured


QUANTITIES = (
    Quantity(
        name="decode speed, one sequence (tokens/s)", estimate="estimate_decode_tok_s", measured=_speed_of(False),
        low="low_decode_tok_s", high="high_decode_tok_s",
    ),
    Quantity(
        name="output of several sequences (tokens/s)", estimate="estimate_decode_tok_s", measured=_speed_of(True),
        low="low_decode_tok_s", high="high_decode_tok_s",
    ),
    Quantity(
        name="serving memory (GiB)", estimate="estimate_memory_gib",
        measured=lambda row: _number(row.get("memory_gib")), low="low_memory_gib", high="high_memory_gib",
    ),
)


# Where the fit starts, and how far (as the standard deviation of the logarithm) it may go before the measurements must
# insist: data sheets and the usual behaviour of such kernels, in round numbers. Left-out fits lean on them for whatever
# only the left-out source shows. Kernels that unpack eight weights at once take a dozen instructions for it
# (unpack_operations); MLX goes through the weights once for each row, but for what caches give back (reread_mlx_share).
# A processor looks eight weights of a codebook up in about four clocks (cpu_codebook_ps). Its threads wait for one
# another after each of about twenty operations of a layer, 0.4 µs of it for each thread
# (github.com/ggml-org/llama.cpp/pull/9598: 3.0 µs with eight).
PRIORS = priors("serving")
_EXPECTED_ERROR = 0.12
"""Relative error that a complete row is expected to have; rows with an inferred input are expected to have twice that.
"""
_ROWS_OF_PROJECT = 30
"""Most rows of a project that enter the fit for one kind of run, evenly chosen: the others are much like them."""
_WEIGHT_OF_PROJECT = 20.0
"""What these count for together, however many they are."""


class Point(NamedTuple):
    """A measured speed that is fitted to."""

    project: str
    kind: str
    reading: Reading
    log_measured: float
    certainty: float
    what: str
    """decode, or prefill (speed of reading the prompt), or first (1000 over the time to the first token in ms)."""


def points(rows: Iterable[Row]) -> list[Point]:
    """What of these rows is fitted to: those that can be predicted, and are more than a magnitude."""
    found: dict[tuple[str, str], list[Point]] = {}
    for row in rows:
        if row["completeness"] == "C":
            continue
        try:
            reading = read_row(row)
            if refused(reading) or reading.doubt:
                continue
        except ValueError:
            continue
        project, certainty = source_family(row), 1.0 if row["completeness"] == "A" else 0.5
        kind = spread_kind(_banded(reading))
        if measured := answer(row):
            point = Point(project, kind, reading, log(measured), certainty, "decode")
            found.setdefault((project, kind), []).append(point)
        reads = _number(row["prefill_tok_s"])
        if reads and reading.setup.engine.matrix_vector and reading.setup.prompt_tokens and reading.setup.batch <= 1:
            point = Point(project, "prefill", reading, log(reads), 0.3 * certainty, "prefill")
            found.setdefault((project, "prefill"), []).append(point)
        first = _number(row["ttft_ms"])
        if first and reading.setup.prompt_tokens and reading.setup.engine.first and not reading.maximal:
            point = Point(project, "first", reading, log(1000 / first), 0.1 * certainty, "first")
            found.setdefault((project, "first"), []).append(point)
    return [point for group in found.values() for point in _thinned(group)]


def _thinned(group: Sequence[Point]) -> list[Point]:
    step = max(1.0, len(group) / _ROWS_OF_PROJECT)
    return [group[int(k * step)] for k in range(min(len(group), _ROWS_OF_PROJECT))]


def _log_estimate(point: Point, c: Any) -> float:
    s = point.reading.setup
    if point.what == "first":
        return log(1000 / law.first_token_ms(s, c))
    if point.what == "prefill":
        before = point.reading.before
        return log(s.prompt_tokens / law.prefill_ms(s, before + s.prompt_tokens, c, before) * 1000)
    return log(estimate(point.reading, c))


def _fit(data: Sequence[Point], start: Mapping[str, float]) -> Fit:
    counts = Counter((point.project, point.kind) for point in data)
    weights = [
        point.certainty * min(1.0, _WEIGHT_OF_PROJECT / counts[point.project, point.kind]) for point in data
    ]
    errors = of_each(lambda point, c: _log_estimate(point, c) - point.log_measured, data, Coefficients, PRIORS)
    return robust_fit(errors, PRIORS, weights, tolerance=_EXPECTED_ERROR, start=start)


def fit(rows: Iterable[Row]) -> Coefficients:
    """Coefficients from these rows; projects count alike for each kind of run.

    The search begins at the published ones, which is near for most choices of rows.
    """
    return Coefficients(**_fit(points(rows), asdict(FITTED)).coefficients)


def source_family(row: Row) -> str:
    """The project of a row: its sources are left out together."""
    return project_of(row["source_id"])


_COVERED = 0.86
"""Share of left-out runs of a kind, projects counting alike, that its own band holds."""


def fit_file() -> dict[str, Any]:
    """What ``calculator/llm/fitted/serving.json`` holds."""
    data = points(published("inference"))
    # From the stored ones, which are near after most changes of rows: the priors make the least loss a single one.
    found = _fit(data, asdict(FITTED))
    decoded = [point for point in data if point.what == "decode"]
    left_out = []
    for project in sorted({point.project for point in decoded}):
        rest = [point for point in data if point.project != project]
        without = Coefficients(**_fit(rest, found.coefficients).coefficients)
        for point in decoded:
            if point.project == project:
                where = place(_banded(point.reading))
                left_out.append((point, where, _log_estimate(point, without) - point.log_measured))
    spreads = {}
    for kind in sorted({point.kind for point in decoded}):
        near = [(point.project, abs(error)) for point, where, error in left_out if point.kind == kind]
        spreads[kind] = round(exp(quantile(near, _COVERED)), 3)
    runs = [LeftOut(point.project, where, error, log(spreads[point.kind])) for point, where, error in left_out]
    return {
        "rows": len(data),
        "projects": len({point.project for point in data}),
        "coefficients": found.coefficients,
        "unmoved": list(found.unmoved),
        "spreads": spreads,
        "axes": list(AXES),
        "variance": variances(AXES, runs),
        "cells": cells(AXES, ((run.project, run.place) for run in runs)),
    }
