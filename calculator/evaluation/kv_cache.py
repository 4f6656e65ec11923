"""Tokens that fit the key-value cache, against the start-up lines of serving engines.

The memory left for the cache is read from the row; what is judged is the bytes of a token on one device.
"""

from calculator.evaluation import Quantity, Row
from calculator.evaluation.names import resolve
from calculator.evaluation.reading import number, said, size_b
from calculator.llm.serving.memory import cache_tokens

ID = "row_id"
SOURCE = "source_id"
METHOD = "attention_kind"
FIELDS = ("row_id", "estimate_kv_tokens", "reason")

_BITS = {"bf16": 16.0, "fp16": 16.0, "float16": 16.0, "bfloat16": 16.0, "auto": 16.0, "": 16.0, "fp8": 8.0,
         "fp8_e4m3": 8.0, "fp8_e4m3fn": 8.0, "fp8_e4m3fnuz": 8.0,
         "fp8_e5m2": 8.0, "float8": 8.0, "int8": 8.0, "int4": 4.0, "fp32": 32.0}
_GIB = 2.0**30
_KILO = 1024.0
"""What a k of tokens is: lengths are powers of two."""


def predict(row: Row) -> dict[str, object]:
    """Tokens of a row; a row that cannot be predicted has a reason and no number. ValueError for text as a number."""
    found: dict[str, object] = {"row_id": row["row_id"], "estimate_kv_tokens": "", "reason": ""}
    model = resolve(row["model"], size_b(row.get("params_b")))
    kind = said(row.get("kv_dtype"))
    left_gib = number(row.get("available_kv_gib_per_gpu"))
    if model is None:
        found["reason"] = f"model: no dimensions are known for {row['model']!r}"
    elif not left_gib:
        found["reason"] = "available_kv_gib_per_gpu: the row does not give it"
    elif kind not in _BITS:
        found["reason"] = f"kv_dtype: one of {', '.join(filter(None, _BITS))} is needed, {kind!r} was given"
    else:
        tokens = cache_tokens(
            model, left_gib * _GIB, cache_bits=_BITS[kind], shards=int(number(row.get("tensor_parallel")) or 1),
            longest_tokens=number(row.get("max_model_len"), _KILO) or 0.0,
        )
        found["estimate_kv_tokens"] = f"{tokens:.0f}"
    return found


def usable(row: Row) -> bool:
    """Whether a row is complete enough to be judged by."""
    return row["completeness"] == "A"


QUANTITIES = (
    Quantity(
        name="tokens in the cache", estimate="estimate_kv_tokens",
        measured=lambda row: float(row["kv_tokens"]) if row.get("kv_tokens") else None,
    ),
)
