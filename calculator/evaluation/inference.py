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
from collections.abc import Callable, Iterable
from dataclasses import replace
from math import exp, inf, log, sqrt
from typing import NamedTuple

from calculator.catalogs import Accelerator, Architecture, accelerator, accelerators
from calculator.catalogs.families import fixed_by_class
from calculator.evaluation import Quantity, Row, published
from calculator.evaluation.names import resolve
from calculator.llm.serving import speed as law
from calculator.llm.serving.coefficients import FITTED, Coefficients
from calculator.llm.serving.deployment import ServingSetup
from calculator.llm.serving.devices import device_class
from calculator.llm.serving.engines import Engine, engine
from calculator.llm.serving.estimates import SPREADS, spread_kind
from calculator.llm.serving.formats import Format, grouped_bits, weight_format
from calculator.llm.serving.memory import memory, weights_gib

ID = "row_id"
SOURCE = "source_id"
METHOD = "engine"
FIELDS = (
    "row_id", "estimate_decode_tok_s", "low_decode_tok_s", "high_decode_tok_s", "estimate_memory_gib",
    "low_memory_gib", "high_memory_gib", "reason",
)

# Part of a published engine's name, and the engine it stands for; the first that fits counts.
_ENGINES = (
    ("ik_llama", "ik_llama.cpp"), ("llama.cpp", "llama.cpp"), ("ollama", "llama.cpp"), ("exllama", "exllamav2"),
    ("tabby", "exllamav2"), ("autoawq", "autoawq"), ("vllm 0.2", "vllm-v0"), ("vllm 0.3", "vllm-v0"),
    ("vllm 0.4", "vllm-v0"), ("vllm 0.5", "vllm-v0"), ("vllm", "vllm"), ("sglang 0.4", "sglang-0.4"),
    ("sglang", "sglang"), ("tensorrt", "tensorrt-llm"), ("trt-llm", "tensorrt-llm"), ("lmdeploy", "lmdeploy"),
    ("tgi", "tgi"), ("text-generation-inference", "tgi"), ("torchao", "torchao"), ("gpt-fast", "torchao"),
    ("calm", "calm"), ("mlx", "mlx"), ("mlc", "mlc"), ("executorch", "executorch"),
    ("torch.compile", "torchao"), ("transformers", "transformers"), ("hugging", "transformers"),
    ("pytorch", "transformers"),
)


# Dimensions of hybrids that appear in these measurements only, from their config.json.
def _nemotron_h(name: str, hidden: int, layers: int, recurrent: int, attention: int, mlp: int) -> Architecture:
    return Architecture(
        hf_id=name, family="NemotronHForCausalLM", hidden_size=hidden, layers=layers, heads=40, kv_heads=8,
        head_dim=128, intermediate_size=mlp, vocab=131072, tied_embeddings=False,
        layers_without_attention=layers - attention, layers_without_mlp=recurrent + attention,
        recurrent_layers=recurrent, recurrent_heads=128, recurrent_head_dim=80, recurrent_groups=8,
        recurrent_state=128, recurrent_kernel=4, **fixed_by_class("NemotronHForCausalLM"),
    )


_HYBRIDS = (
    _nemotron_h("nvidia/NVIDIA-Nemotron-Nano-9B-v2", 4480, 56, 27, 4, 15680),
    _nemotron_h("nvidia/NVIDIA-Nemotron-Nano-12B-v2", 5120, 62, 28, 6, 20480),
)
_OLD_TRANSFORMERS = re.compile(r"transformers\s+4\.(\d+)")


class Reading(NamedTuple):
    """A row as the law takes it."""

    setup: ServingSetup
    convention: str
    """decode, elapsed, total or output."""
    depth: float
    maximal: bool
    """The scheduler chose the batch."""
    workload: str


def read_engine(text: str) -> Engine:
    """The engine that a published name stands for. Raises ValueError for one that we do not know."""
    lower = text.lower()
    for part, name in _ENGINES:
        if part in lower:
            if name == "transformers":
                old = _OLD_TRANSFORMERS.search(lower)
                if old and int(old[1]) < 45:
                    name = "transformers-4.44"
            return engine(name)
    raise ValueError(f"engine: {text!r} is not one we know")


def read_format(row: Row, used: Engine) -> Format:
    """The weight format that a label stands for. Raises ValueError for one that we do not know."""
    label = row["quant"].strip().lower()
    bits = _number(row["bits_per_weight"])
    key = re.sub(r"[\s-]+", "_", label)
    gguf = re.match(r"(iq\d_(?:xxs|xs|nl|[sm])|q\d_k_[sml]|q\d_k|q\d_\d)", re.sub(r"_(small|medium|large)", _size, key))
    if gguf:
        name = gguf[1]
        return weight_format({"q4_k": "q4_k_m", "q3_k": "q3_k_m", "q5_k": "q5_k_m"}.get(name, name))
    group = re.search(r"g(?:roup)?[ -]?(\d+)|(\d+)g\b|-(\d+)$", label)
    size = next((int(number) for number in group.groups() if number), 128) if group else 128
    if "exl2" in label:
        number = re.search(r"\d+(\.\d+)?(?=\s*bpw)", label)
        return weight_format(f"exl2-{number[0] if number else bits}")
    if "awq" in label and "hqq" not in label:
        stored = weight_format("awq-int4")
        if "gemv" in label:
            stored = replace(stored, kind="gemv")
        return replace(stored, bits=grouped_bits(4, size, zero_bits=4))
    if "gptq" in label:
        stated = re.search(r"([2-8])[ -]?bit|int([2-8])", label)
        width = int(stated[1] or stated[2]) if stated else round(bits) if bits in (2, 3, 4, 8) else 4
        stored = weight_format("gptq-int8" if width == 8 else "gptq-int4")
        return replace(stored, bits=grouped_bits(width, size, zero_bits=width))
    for part, name in (("gf4", "gf4"), ("mxfp4", "mxfp4"), ("nvfp4", "nvfp4"), ("fp4", "nvfp4"), ("nf4", "nf4"),
                       ("float8", "fp8"), ("fp8", "fp8"), ("fp32", "fp32"), ("float32", "fp32"), ("fp16", "fp16"),
                       ("float16", "fp16"), ("bf16", "bf16"), ("bfloat16", "bf16"), ("f16", "fp16")):
        if part in label:
            stored = weight_format(name)
            if name == "fp8" and used.name == "calm":
                return replace(stored, head_bits=8, embedding_bits=8, kind="gemv")
            return stored
    if used.name == "executorch" and "4-bit" in label:
        return weight_format("int4-g32")
    integer = re.search(r"int([2-8])(?!.*int[2-8])", label)
    if integer:
        width = int(integer[1])
        if width == 8:
            return weight_format("int8")
        return replace(weight_format("hqq-int4"), name=f"int{width}", bits=grouped_bits(width, size, zero_bits=16))
    if bits:
        near = "bf16" if bits > 12 else "int8" if bits > 6 else "hqq-int4"
        return replace(weight_format(near), bits=bits)
    raise ValueError(f"quant: {row['quant']!r} is not a format we know")


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


def read_device(row: Row) -> Accelerator:
    """The device in the catalogue; a bandwidth in its name takes precedence."""
    text = row["device"].strip()
    if not text or "not named" in text.lower():
        raise ValueError("device: the row does not name it")
    stated = re.search(r"(\d+(?:\.\d+)?)\s*GB/s", text)
    found = _find_device(text)
    if stated:
        found = replace(found, bandwidth_gb_per_s=float(stated[1]))
    on_processor = "cpu" in text.lower() or "cpu" in row["engine"].lower()
    return replace(found, kind="cpu") if on_processor and found.kind == "unified memory" else found


def _find_device(text: str) -> Accelerator:
    """The catalogue's device of that name, else the one with most of its words in it and none that makes another."""
    for written in (text, re.sub(r"\(.*?\)", "", text)):
        try:
            return accelerator(written)
        except ValueError:
            continue
    words = set(re.findall(r"[a-z0-9]+", re.sub(r"\(.*?\)", "", text.lower())))
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
        return float(text) if text else None
    except ValueError:
        return None


def read_row(row: Row) -> Reading:
    """The row as a setup. Raises ValueError that says what it lacks."""
    model = resolve(row["model"], _number(row["params_b"])) or next(
        (known for known in _HYBRIDS if known.hf_id.lower() in row["model"].lower()), None
    )
    if model is None:
        raise ValueError(f"model: no dimensions are known for {row['model']!r}")
    used = read_engine(row["engine"])
    stored = read_format(row, used)
    device = read_device(row)
    devices = int(_number(row["n_devices"]) or 1)
    parallel = row["parallelism"].lower()
    experts, copies = re.search(r"ep(\d+)", parallel), re.search(r"dp(\d+)", parallel)
    split = "expert" if experts and int(experts[1]) > 1 else "tensor"
    if "layer split" in parallel or (devices > 1 and used.style != "server"):
        split = "layer"
    batch = _number(row["batch"])
    workload = row["source_title"].lower()
    setup = ServingSetup(
        model=model, device=device, devices=devices, stored=stored, engine=used, batch=max(1.0, batch or 1.0),
        prompt_tokens=_number(row["prompt_len"]) or 0.0, answer_tokens=_number(row["gen_len"]) or 128.0, split=split,
        replicas=min(int(copies[1]), devices) if copies else 1, file_gib=_number(row["model_file_gib"]) or 0.0,
        cache_bits=8.0 if used.name == "tensorrt-llm" and stored.bits <= 8 else 16.0,
    )
    several = used.style == "server" and (batch is None or batch > 1)
    if several:
        convention = "output"
    elif row["value_kind"].startswith("published total"):
        convention = "total"
    elif "speed benchmark" in workload or used.style == "eager":
        convention = "elapsed"
    else:
        convention = "decode"
    depth = setup.mean_depth_tokens
    stated = _number(row["context_depth"])
    if stated is not None:
        depth = stated
    elif used.name.endswith("llama.cpp"):
        # llama-bench times prompt and generation apart, each from an empty context.
        depth = setup.answer_tokens / 2
    elif used.attention == "per_head":
        depth = min(depth, max(setup.prompt_tokens, setup.answer_tokens))
    known = bool(row["prompt_len"])
    kind = ""
    if not known and several:
        kind = "code" if "fim" in workload or "code" in workload else "question" if "gpqa" in workload else "chat"
    return Reading(setup, convention, depth, batch is None, kind)


def estimate(reading: Reading, c: Coefficients) -> float:
    """The row's speed in tokens per second, as its convention has it."""
    s, depth = reading.setup, reading.depth
    prompt = s.prompt_tokens
    if reading.workload:
        prompt = {"chat": c.chat_tokens, "question": c.question_tokens, "code": c.code_tokens}[reading.workload]
        depth = prompt + s.answer_tokens / 2
    if reading.convention == "output":
        batch = float("inf") if reading.maximal else s.batch
        return law.output_tokens_per_ms(s, batch, prompt, depth, c) * 1000
    step = law.decode_step(s, s.batch, depth, c).total_ms
    if reading.convention == "decode":
        return s.batch / step * 1000
    elapsed = law.prefill_ms(s, prompt, c) * s.batch + s.answer_tokens * step
    tokens = s.answer_tokens + (prompt if reading.convention == "total" else 0)
    return s.batch * tokens / elapsed * 1000


def refused(reading: Reading) -> str:
    """Why a row that can be read cannot be predicted; empty if it can."""
    s = reading.setup
    if device_class(s.device) == "gpu" and weights_gib(s) > s.devices * (s.device.capacity_gib or inf):
        return "the weights do not fit the devices, and offloading is not modelled"
    return ""


def predict(row: Row, coefficients: Coefficients = FITTED) -> dict[str, object]:
    """Speed and memory of a row; a row that cannot be predicted has a reason and no numbers."""
    found: dict[str, object] = dict.fromkeys(FIELDS, "")
    found["row_id"] = row["row_id"]
    try:
        reading = read_row(row)
        found["reason"] = refused(reading)
        if found["reason"]:
            return found
        speed = estimate(reading, coefficients)
    except ValueError as problem:
        found["reason"] = str(problem)
        return found
    s = reading.setup
    spread = SPREADS[spread_kind(s, 2 if reading.convention == "output" else s.batch)]
    size = memory(s)
    found |= {
        "estimate_decode_tok_s": _round(speed), "low_decode_tok_s": _round(speed / spread),
        "high_decode_tok_s": _round(speed * spread), "estimate_memory_gib": _round(size.total_gib),
        "low_memory_gib": _round(size.low_gib), "high_memory_gib": _round(size.high_gib),
    }
    return found


def _round(value: float) -> str:
    return f"{value:.5g}"


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
# only the left-out source shows.
PRIORS: dict[str, tuple[float, float]] = {
    "share_16bit": (0.88, 0.08), "share_8bit": (0.85, 0.1), "share_4bit": (0.85, 0.1),
    "share_experts_16bit": (0.8, 0.3), "share_experts_8bit": (0.6, 0.3), "share_experts_4bit": (0.8, 0.3),
    "share_cache": (0.7, 0.3), "share_apple": (0.9, 0.05), "cpu_ceiling_gb_per_s": (180, 0.3),
    "share_compute": (0.7, 0.2), "share_compute_experts": (0.5, 0.3), "share_prefill": (0.5, 0.2),
    "share_prefill_experts": (0.3, 0.4), "tile_rows_dense": (64, 0.1), "tile_rows_experts": (16, 0.5),
    "tile_rows_marlin": (10, 0.5), "unpack_operations": (10, 0.5),
    "reread_share": (0.4, 0.5), "gap_server_ms": (0.05, 0.3), "gap_fused_ms": (0.045, 0.4),
    "gap_llama_cpp_ms": (0.09, 0.3), "gap_apple_ms": (0.1, 0.4), "gap_apple_llama_cpp_ms": (0.2, 0.3),
    "gap_experts_ms": (0.03, 0.7), "gap_unfused_experts_ms": (0.5, 0.5), "step_ms": (0.3, 0.3),
    "step_v0_ms": (2, 0.4), "sequence_ms": (0.03, 0.5), "sequence_native_ms": (0.008, 0.5),
    "message_ms": (0.012, 0.4), "launch_layer_ms": (0.35, 0.3), "eager_layer_ms": (0.68, 0.2),
    "eager_gptq_layer_ms": (0.5, 0.4), "eager_int4_layer_ms": (0.2, 0.7), "eager_fp8_layer_ms": (0.95, 0.4),
    "eager_expert_ms": (0.085, 0.4), "eager_fp8_expert_ms": (0.35, 0.5), "eager_attention_ns": (1.3, 0.4),
    "block_attention_ns": (30, 0.3), "routing_skew": (0.5, 0.5), "cpu_blocks_ps": (4, 0.6),
    "cpu_codebook_ps": (13, 0.5), "cpu_ik_share": (0.6, 0.3), "chat_tokens": (250, 0.4),
    "question_tokens": (300, 0.4), "code_tokens": (1500, 0.4),
}
# Relative error that a complete row is expected to have; rows with an inferred input are expected to have twice that.
_EXPECTED_ERROR = 0.12
# Degrees of freedom of the errors' distribution.
_TAIL = 4
_ROUNDS = 12
_ROUND_ENDS = 1e-3


def fit(rows: Iterable[Row]) -> Coefficients:
    """Coefficients from these rows: the least sum of errors, of their logarithms, pulled towards the priors.

    Errors far beyond what is expected count ever less, so that odd runs decide nothing (Gauss-Newton on the loss of
    Student's t).
    """
    data = []
    for row in rows:
        if row["completeness"] == "C" or not (measured := answer(row)):
            continue
        try:
            reading = read_row(row)
        except ValueError:
            continue
        if refused(reading):
            continue
        data.append((reading, log(measured), _EXPECTED_ERROR * (1 if row["completeness"] == "A" else 2)))
    names = tuple(PRIORS)
    prior = [log(PRIORS[name][0]) for name in names]
    point = list(prior)
    for _ in range(_ROUNDS):
        move = _newton_move(data, names, prior, point)
        point = [old + max(-0.5, min(0.5, change)) for old, change in zip(point, move, strict=True)]
        if max(map(abs, move)) < _ROUND_ENDS:
            break
    return _coefficients(names, point)


def _coefficients(names: Iterable[str], point: Iterable[float]) -> Coefficients:
    return Coefficients(**{name: exp(value) for name, value in zip(names, point, strict=True)})


def _newton_move(
    data: list[tuple[Reading, float, float]], names: tuple[str, ...], prior: list[float], point: list[float]
) -> list[float]:
    """The step of Gauss and Newton from a point, in logarithms."""
    count, nudge = len(names), 1e-4
    here = _coefficients(names, point)
    nudged = [_coefficients(names, [*point[:k], point[k] + nudge, *point[k + 1 :]]) for k in range(count)]
    matrix = [[0.0] * count for _ in range(count)]
    target = [0.0] * count
    for reading, measured, expected in data:
        predicted = log(estimate(reading, here))
        residual = (predicted - measured) / expected
        weight = 1 / (1 + residual * residual / _TAIL)
        slopes = []
        for k in _relevant(reading, names):
            slope = (log(estimate(reading, nudged[k])) - predicted) / (nudge * expected)
            if slope:
                slopes.append((k, slope))
        for k, slope in slopes:
            target[k] -= weight * slope * residual
            for j, other in slopes:
                matrix[k][j] += weight * slope * other
    for k, name in enumerate(names):
        spread = PRIORS[name][1]
        matrix[k][k] += 1 / spread**2
        target[k] -= (point[k] - prior[k]) / spread**2
    return _solve(matrix, target)


def _relevant(reading: Reading, names: tuple[str, ...]) -> list[int]:
    """Coefficients that can matter to a row: those of its device class and style."""
    key = (reading.setup.engine.style, device_class(reading.setup.device))
    if key not in _relevant_kept:
        style, kind = key
        chosen = []
        for k, name in enumerate(names):
            part = name.partition("_")[0]
            if kind == "cpu":
                wanted = part == "cpu" or name in ("share_16bit", "share_prefill", "share_prefill_experts")
            elif kind == "apple":
                wanted = "apple" in name or name in ("reread_share", "share_compute", "share_prefill")
            else:
                wanted = part != "cpu" and "apple" not in name and (part == "eager") <= (style == "eager")
            if wanted:
                chosen.append(k)
        _relevant_kept[key] = chosen
    return _relevant_kept[key]


_relevant_kept: dict[tuple[str, str], list[int]] = {}


def _solve(matrix: list[list[float]], target: list[float]) -> list[float]:
    """The solution of a symmetric positive definite system, by Cholesky's factors."""
    size = len(target)
    lower = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i][j] - sum(lower[i][k] * lower[j][k] for k in range(j))
            lower[i][j] = sqrt(rest) if i == j else rest / lower[j][j]
    half = list(target)
    for i in range(size):
        half[i] = (half[i] - sum(lower[i][k] * half[k] for k in range(i))) / lower[i][i]
    for i in reversed(range(size)):
        half[i] = (half[i] - sum(lower[k][i] * half[k] for k in range(i + 1, size))) / lower[i][i]
    return half


def _left_out_errors(rows: list[Row]) -> dict[str, list[float]]:
    """Sizes of the errors, as logarithms, of complete rows whose source the fit has not seen, by kind of run."""
    found: dict[str, list[float]] = {}
    complete = [row for row in rows if usable(row)]
    for source in sorted({row["source_id"] for row in complete}):
        c = fit(row for row in complete if row["source_id"] != source)
        for row in complete:
            made = predict(row, coefficients=c) if row["source_id"] == source else {}
            if made.get("estimate_decode_tok_s") and (measured := answer(row)):
                reading = read_row(row)
                kind = spread_kind(reading.setup, 2 if reading.convention == "output" else reading.setup.batch)
                error = abs(log(float(str(made["estimate_decode_tok_s"])) / measured))
                found.setdefault(kind, []).append(error)
    return found


def main() -> None:
    """Refits, and prints what belongs into ``coefficients`` and ``estimates``."""
    rows = list(published("inference"))
    fitted = fit(rows)
    for name in PRIORS:
        print(f"    {name}={getattr(fitted, name):.4g},")
    for kind, errors in _left_out_errors(rows).items():
        errors.sort()
        print(f"{kind}: {len(errors)} rows, 88 % within × {exp(errors[int(0.88 * len(errors))]):.2f}")


if __name__ == "__main__":
    main()
