"""Weight formats: the bits that a stored weight really takes, scales and exceptions included.

A format is more than its name says. Scales and zero points add to the payload, embeddings and output projection
often keep another precision, and llama.cpp mixes types within one file. The bits decide memory and, since decoding
reads every weight, speed.
"""

from dataclasses import dataclass, replace

# A mix of llama.cpp as measured on Llama-3.1-8B (ggml-org/llama.cpp tools/quantize/README.md @311c2c9): of its
# 8.03e9 weights 6.54 % are token embeddings and as many the output projection, which have types of their own
# (llama-quant.cpp). What is left is the average over the layers' matrices.
_LLAMA_TABLE_SHARE = 0.0654


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """How weights are stored and multiplied."""

    name: str
    bits: float
    """Bits per weight of the layers' matrices, scales and zero points included."""
    head_bits: float = 16.0
    """Bits per weight of the output projection."""
    embedding_bits: float = 16.0
    """Bits per weight of the token embeddings."""
    kind: str = "dense"
    """How its kernels behave: dense (16 or 32 bit), fp8, int8, marlin (4-bit tensor-core kernels), int4 (older ones),
    gemv (4-bit matrix-vector kernels), blocks (GGUF types), codebook (GGUF IQ types), fp4."""
    compute_bits: int = 16
    """Precision of the multiplication at large batch, which sets the peak that prefill is held against."""
    experts_only: bool = False
    """Only the experts are stored in these bits, the rest in 16 (gpt-oss)."""


def grouped_bits(bits: float, group: int, *, scale_bits: float = 16, zero_bits: float = 0) -> float:
    """Bits per weight of a format with one scale, and perhaps one zero point, for each group of weights.

    Raises ValueError if the group is below 1.
    """
    if group < 1:
        raise ValueError(f"group: at least 1 is needed, {group} was given")
    return bits + (scale_bits + zero_bits) / group


def _dense(name: str, bits: float) -> Format:
    return Format(name=name, bits=bits, head_bits=bits, embedding_bits=bits)


def _mix(name: str, bits: float, embedding_bits: float, head_bits: float) -> Format:
    tables = _LLAMA_TABLE_SHARE * (embedding_bits + head_bits)
    kind = "codebook" if name.startswith("iq") else "blocks"
    linear = (bits - tables) / (1 - 2 * _LLAMA_TABLE_SHARE)
    return Format(name=name, bits=linear, embedding_bits=embedding_bits, head_bits=head_bits, kind=kind)


# Block layouts of ggml (ggml-common.h): bytes of a block over its weights.
_Q2_K, _Q3_K, _Q4_K, _Q5_K, _Q6_K, _Q8_0 = 2.625, 3.4375, 4.5, 5.5, 6.5625, 8.5
_IQ3_S = 3.4375

_FORMATS = (
    _dense("fp32", 32),
    _dense("bf16", 16),
    _dense("fp16", 16),
    Format(name="fp8", bits=8, kind="fp8", compute_bits=8),
    # bitsandbytes LLM.int8: one 32-bit scale for each row.
    Format(name="int8", bits=8.01, kind="int8", compute_bits=8),
    # QLoRA (arXiv 2305.14314): 8-bit scales for 64 weights, and a 32-bit scale for 256 of those.
    Format(name="nf4", bits=4 + 8 / 64 + 32 / (64 * 256), kind="int4"),
    # Open Compute MX: an 8-bit exponent for 32 weights; gpt-oss stores its experts so.
    Format(name="mxfp4", bits=4.25, kind="fp4", experts_only=True),
    # An 8-bit scale for 16 weights.
    Format(name="nvfp4", bits=4.5, kind="fp4", compute_bits=4),
    Format(name="awq-int4", bits=grouped_bits(4, 128, zero_bits=4), kind="int4"),
    Format(name="gptq-int4", bits=grouped_bits(4, 128, zero_bits=4), kind="marlin"),
    Format(name="gptq-int8", bits=grouped_bits(8, 128, zero_bits=8), kind="marlin"),
    Format(name="hqq-int4", bits=grouped_bits(4, 64, zero_bits=16), kind="int4"),
    Format(name="mlx-4bit", bits=4.5, head_bits=4.5, embedding_bits=4.5, kind="gemv"),
    Format(name="mlx-8bit", bits=8.5, head_bits=8.5, embedding_bits=8.5, kind="gemv"),
    # One float8 scale for 8 weights of 3 bits (zeux/calm).
    Format(name="gf4", bits=4, head_bits=4, embedding_bits=4, kind="gemv"),
    Format(name="exl2-4.0", bits=4.0, head_bits=6, kind="gemv"),
    # ExecuTorch on phones: groups of 32, 8-bit tables.
    Format(name="int4-g32", bits=grouped_bits(4, 32), head_bits=8, embedding_bits=8, kind="gemv"),
    Format(name="q4_0", bits=4.5, head_bits=_Q6_K, embedding_bits=4.5, kind="blocks"),
    Format(name="q4_1", bits=5.0, head_bits=_Q6_K, embedding_bits=5.0, kind="blocks"),
    Format(name="q5_0", bits=5.5, head_bits=_Q6_K, embedding_bits=5.5, kind="blocks"),
    Format(name="q5_1", bits=6.0, head_bits=_Q6_K, embedding_bits=6.0, kind="blocks"),
    Format(name="q8_0", bits=_Q8_0, head_bits=_Q8_0, embedding_bits=_Q8_0, kind="blocks"),
    _mix("q2_k_s", 2.9697, _Q2_K, _Q6_K),
    _mix("q2_k", 3.1593, _Q2_K, _Q6_K),
    _mix("q3_k_s", 3.6429, _Q3_K, _Q6_K),
    # The README has no row for it; 3.996 lies between its neighbours as in the table of Llama 2 7B (3.50, 3.91, 4.27).
    _mix("q3_k_m", 3.996, _Q3_K, _Q6_K),
    _mix("q3_k_l", 4.2979, _Q3_K, _Q6_K),
    _mix("q4_k_s", 4.6672, _Q4_K, _Q6_K),
    _mix("q4_k_m", 4.8944, _Q4_K, _Q6_K),
    _mix("q5_k_s", 5.5704, _Q5_K, _Q6_K),
    _mix("q5_k_m", 5.7036, _Q5_K, _Q6_K),
    _mix("q6_k", 6.5633, _Q6_K, _Q6_K),
    _mix("iq1_s", 2.0042, _Q2_K, _Q5_K),
    _mix("iq1_m", 2.1460, _Q2_K, _Q5_K),
    _mix("iq2_xxs", 2.3824, _Q2_K, _Q5_K),
    _mix("iq2_xs", 2.5882, _Q2_K, _Q5_K),
    _mix("iq2_s", 2.7403, _IQ3_S, _Q5_K),
    _mix("iq2_m", 2.9294, _IQ3_S, _Q5_K),
    _mix("iq3_xxs", 3.2548, _IQ3_S, _Q5_K),
    _mix("iq3_xs", 3.4977, _IQ3_S, _Q6_K),
    _mix("iq3_s", 3.6606, _IQ3_S, _Q6_K),
    _mix("iq3_m", 3.7628, _IQ3_S, _Q6_K),
    _mix("iq4_xs", 4.4597, 4.25, _Q6_K),
    _mix("iq4_nl", 4.6818, 4.5, _Q6_K),
)

FORMATS: dict[str, Format] = {known.name: known for known in _FORMATS}
"""Every format by its name."""


def weight_format(name: str) -> Format:
    """The format of that name, in any case; "exl2-3.5" and the like have their bits in the name.

    Raises ValueError that lists the names for one that is not known.
    """
    key = name.strip().lower()
    if key in FORMATS:
        return FORMATS[key]
    if key.startswith("exl2-"):
        bits = key.removeprefix("exl2-")
        if bits.replace(".", "", 1).isdigit() and 2 <= float(bits) <= 8:
            return replace(FORMATS["exl2-4.0"], name=key, bits=float(bits))
    raise ValueError(f"weights: {name!r} is not a format we know; known: {', '.join(FORMATS)}")
