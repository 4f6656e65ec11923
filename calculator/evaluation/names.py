"""Which architecture a published name stands for.

Measurements name models by aliases: other organisations' copies, instruction-tuned or quantised variants, short
forms. A name is reduced to its base by rules that hold for whole families; the dimensions come from the catalogue,
and from ``architectures.csv`` beside this file for models that only appear in measurements. ``same_models.csv`` has
patterns of reduced names, each with the name of the same dimensions to look up instead.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from calculator.catalogs import Architecture, architectures
from calculator.catalogs.architecture import cell
from calculator.catalogs.families import fixed_by_class
from calculator.evaluation.reading import beside
from calculator.llm import parameters

# Endings that say how a model was tuned, packed or quantised. They leave its dimensions as they are.
_VARIANT = re.compile(
    r"-(hf|chat|instruct|it|base|sft|dpo|rl|rlhf|thinking|reasoning|preview|python|math|coder|pt|text|turbo|"
    r"unsloth|bnb|4bit|8bit|gptq|awq|gguf|ggml|int4|int8|fp8|fp16|bf16|nf4|mxfp4|w4a16|dequantized|quantized|"
    r"deduped|intermediate|step|\d+k|\d+t|q\d(_\w+)?)$"
)
# A version or a date. Another version may be another model: the mark is dropped only where the rest says the size, and
# all that we know under the rest have the same dimensions.
_VERSION = re.compile(r"-(v\d+(\.\d+)*|\d{4}|\d{4}-\d\d)$")
_SIZE = re.compile(r"\d(\.\d+)?[bm]\b")


@cache
def _same() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(row["name"]), row["instead"]) for row in beside("same_models.csv"))


@cache
def known() -> Mapping[str, Architecture]:
    """Every model we have dimensions of, by its name in lower case without the organisation."""
    models = {}
    for row in beside("architectures.csv"):
        # An empty field has its family's default.
        values: dict[str, Any] = {column: cell(column, text) for column, text in row.items() if text}
        models[_short(row["hf_id"])] = Architecture(**{**fixed_by_class(row["family"]), **values})
    models.update({_short(name): a for name, a in architectures().items()})
    for name in list(models):
        models.setdefault(_strip(name), models[name])
    versions: dict[str, list[Architecture]] = {}
    for name, found in models.items():
        base = _VERSION.sub("", name)
        if base != name and _SIZE.search(base):
            versions.setdefault(_strip(base), []).append(found)
    for base, same in versions.items():
        if all(_dimensions(other) == _dimensions(same[0]) for other in same):
            models.setdefault(base, same[0])
    return models


def _dimensions(a: Architecture) -> Architecture:
    """The architecture without its name and its papers."""
    return replace(a, hf_id="", license="", source="", max_context=0)


def _short(name: str) -> str:
    return name.strip().lower().rpartition("/")[2].removeprefix("meta-")


def _strip(name: str) -> str:
    """The name without the endings that leave the dimensions as they are."""
    while (shorter := _VARIANT.sub("", name)) != name:
        name = shorter
    return name


def _candidates(name: str) -> list[str]:
    """Forms of a name to look up, the most specific first."""
    # Ollama puts a colon before the size.
    forms = [_short(re.sub(r"\s*\(.*?\)", "", name).replace(":", "-"))]
    forms.append(re.sub(r"[\s_]+", "-", forms[0]))
    forms.append(re.sub(r"-(instruct|chat|it|base)(?=-)", "", forms[1]))
    forms += [_strip(form) for form in forms]
    forms += _without_version(forms)
    for form in list(forms):
        instead = form
        for pattern, replacement in _same():
            if pattern.match(instead):
                instead = pattern.sub(replacement, instead)
                forms += [instead, _strip(instead)]
    return forms


def _without_version(forms: list[str]) -> list[str]:
    """The forms without a version at their end, where what is left still says which size it is."""
    shorter = []
    for form in forms:
        while (base := _strip(_VERSION.sub("", form))) != form and _SIZE.search(base):
            shorter.append(base)
            form = base
    return shorter


def resolve(model_name: str, params_b: float | None = None) -> Architecture | None:
    """The architecture a published name stands for, or None if we have no dimensions for it.

    ``params_b`` is the published size in billions of parameters, where the source gives one: an architecture that
    is more than a tenth away from it is another model, so it is not returned. Models of the "MPT benchmark" family
    have a learned position table as long as their context; it is set to what the published size leaves for it.
    """
    models = known()
    for form in _candidates(model_name):
        if form in models:
            found = models[form]
            if form.startswith("mpt-benchmark") and params_b:
                return _with_positions(found, params_b)
            if _as_large(found, params_b) or (_is_nominal(form, params_b) and _as_large(found, params_b, _NOMINAL)):
                return found
            return _with_other_head(found, params_b)
    return None


_NOMINAL = 0.35
"""How far the size in a model's name may be from its parameters: Gemma-2B has 2.5 billion, Gemma-7B 8.5."""


def _is_nominal(form: str, params_b: float | None) -> bool:
    """Whether the published size is only the one in the name."""
    stated = _SIZE_IN_NAME.search(form)
    return bool(params_b and stated and float(stated[1]) * (1.0 if stated[2] == "b" else 1e-3) == params_b)


def _as_large(a: Architecture, params_b: float | None, tolerance: float = 0.1) -> bool:
    return not params_b or abs(parameters.total(a) / (params_b * 1e9) - 1) <= tolerance


def _with_other_head(a: Architecture, params_b: float | None) -> Architecture | None:
    """The same model with a head of its own, or without, where exactly that makes the published size."""
    other = replace(a, tied_embeddings=not a.tied_embeddings)
    return other if _as_large(other, params_b, 0.02) else None


def _with_positions(a: Architecture, params_b: float) -> Architecture:
    rest = parameters.total(replace(a, learned_positions=0))
    rows = max(0, round((params_b * 1e9 - rest) / a.hidden_size))
    return replace(a, learned_positions=rows, max_context=rows)


_USUAL_SHAPE_DOUBT = 0.20
"""Log standard deviation of what the true dimensions change where those of the usual shape of a size stand in."""
_USUAL_MIXTURE_DOUBT = 0.30
_LARGEST_DENSE_B = 110.0
_ALL_ACTIVE = 0.9
"""Above this share of active parameters there are no experts: what is missing are tables."""
_SIZE_OF_MIXTURE = re.compile(r"(?<![a-z\d.])(\d+(?:\.\d+)?)b[-_ ]?a(\d+(?:\.\d+)?)b")
_SIZE_IN_NAME = re.compile(r"(?<![a-z\d.])(\d+(?:\.\d+)?)(b|m)(?![a-z])")
_MIXTURE = re.compile(r"b[-_ ]?a\d|\d ?x ?\d|moe|mixtral|nemotron-3|kimi-k|deepseek")


@cache
def find(name: str, params_b: float | None = None, active_b: float | None = None) -> tuple[Architecture, float]:
    """The model of a published row, and what it adds to the doubt of an estimate, as a log standard deviation.

    A model whose dimensions we don't have, but whose size is stated or stands in its name, has the usual shape of that
    size; a mixture that of one of about as many parameters in all and active, as its name or the row says them. Raises
    ValueError for a name that tells of experts but not how many are active, for a size that dense models do not have,
    and for no size at all.
    """
    if not name.strip():
        raise ValueError("model: the row does not name it")
    found = resolve(name, params_b)
    if found is not None:
        return found, 0.0
    lower = name.lower()
    mixture = _SIZE_OF_MIXTURE.search(lower)
    total, active = (float(mixture[1]), float(mixture[2])) if mixture else (params_b, active_b)
    if total and active and active < _ALL_ACTIVE * total:
        nearest = _usual_mixture(total, active)
        if nearest is not None:
            return nearest, _USUAL_MIXTURE_DOUBT
    said = _SIZE_IN_NAME.search(lower)
    size = params_b or (float(said[1]) * (1.0 if said[2] == "b" else 1e-3) if said else 0.0)
    if not size:
        raise ValueError(f"model: no dimensions are known for {name!r}, and its size is not stated")
    if _MIXTURE.search(lower):
        raise ValueError(f"model: no dimensions are known for {name!r}, which has experts")
    if size > _LARGEST_DENSE_B:
        raise ValueError(f"model: no dimensions are known for {name!r}, and a model of {size:g}B is not a usual one")
    return usual_shape(size), _USUAL_SHAPE_DOUBT


def usual_shape(params_b: float) -> Architecture:
    """A model of the usual kind and of about ``params_b`` billion parameters, for a model without known dimensions.

    It is the catalogue's dense model with gated MLPs and grouped heads that is nearest in size, with as many layers
    as the size asks for.
    """
    usual = ("LlamaForCausalLM", "Qwen2ForCausalLM", "MistralForCausalLM")
    dense = [a for a in known().values() if a.family in usual]
    nearest = min(dense, key=lambda a: abs(math.log(parameters.total(a) / (params_b * 1e9))))
    outside = parameters.embedding(nearest) + parameters.output_embedding(nearest)
    each = (parameters.total(nearest) - outside) / nearest.layers
    layers = max(1, round((params_b * 1e9 - outside) / each))
    return replace(nearest, hf_id=f"about {params_b:g}B parameters", layers=layers)


def _usual_mixture(total_b: float, active_b: float) -> Architecture | None:
    """The catalogue's mixture of about that size and as many active parameters, if one is within a third of both.

    Otherwise the nearest plain one, with as many layers as the active parameters ask for and as many experts as all of
    them; None where that is not near either.
    """

    def off(a: Architecture) -> float:
        return max(
            abs(math.log(parameters.total(a) / 1e9 / total_b)), abs(math.log(parameters.active(a) / 1e9 / active_b))
        )

    mixtures = sorted((a for a in known().values() if a.experts), key=lambda a: (off(a), a.hf_id))
    if off(mixtures[0]) < math.log(4 / 3):
        return mixtures[0]
    plain = [a for a in mixtures if not (a.recurrent_layers or a.sliding_layers or a.dense_layers or a.towers)]
    for a in plain[:_TRIED]:
        outside = parameters.embedding(a) + parameters.output_embedding(a)
        layers = max(1, round(a.layers * (active_b * 1e9 - outside) / (parameters.active(a) - outside)))
        deep = replace(a, hf_id=f"about {total_b:g}B parameters, {active_b:g}B active", layers=layers)
        # What is not active are the other experts, all alike.
        unused = (parameters.total(deep) - parameters.active(deep)) / (a.experts - a.experts_per_token)
        experts = a.experts_per_token + round((total_b * 1e9 - parameters.active(deep)) / unused)
        scaled = replace(deep, experts=max(a.experts_per_token, experts))
        if off(scaled) < math.log(1.1):
            return scaled
    return None


_TRIED = 3
