"""Which architecture a published name stands for.

Measurements name models by aliases: other organisations' copies, instruction-tuned or quantised variants, short
forms. A name is reduced to its base by rules that hold for whole families; the dimensions come from the catalogue,
and from ``architectures.csv`` beside this file for models that only appear in measurements.
"""

import csv
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from calculator.catalogs import Architecture, architectures
from calculator.catalogs.families import fixed_by_class
from calculator.llm import parameters

_TEXT = ("hf_id", "family", "qk_norm", "license", "source")
_FLAGS = (
    "tied_embeddings", "gated_mlp", "qkv_bias", "o_bias", "mlp_bias", "head_bias", "fused_qkv", "fused_gate_up",
    "parallel_block", "norm_bias", "embedding_norm",
)

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

# The same dimensions under another name: pattern of the reduced name, and what to look up instead.
_SAME = tuple(
    (re.compile(pattern), instead)
    for pattern, instead in (
        (r"^llama(\d.*)$", r"llama-\1"),
        (r"^(bert-(?:base|large))$", r"\1-uncased"),
        (r"^distilbert(-base)?$", "distilbert-base-uncased"),
        (r"^gpt-?2(-small)?(-1(17|24)m)?$", "gpt2"),
        (r"^gpt-?2-(medium|3[45]5m)$", "gpt2-medium"),
        (r"^gpt-?2-(large|77[04]m)$", "gpt2-large"),
        (r"^gpt-?2-(xl|1\.[56]b)$", "gpt2-xl"),
        (r"^llama-3\.[13]-70b.*$", "llama-3-70b"),
        (r"^(vicuna|alpaca|guanaco|wizardlm|koala|llama|open-?llama)-(7|13|30|33|65)b.*$", r"llama-\2b"),
        (r"^llama-33b$", "llama-30b"),
        (r"^(.*-)?open-?llama-3b.*$", "open_llama_3b"),
        (r"^(tulu-2|orca-2|platypus2|nous-hermes-llama2?|longchat)-(7|13|70)b.*$", r"llama-2-\2b"),
        (r"^(phind-)?code-?llama-(\d+)b.*$", r"codellama-\2b"),
        (r"^tiny-?llama.*$", "tinyllama-1.1b"),
        (r"^(zephyr|openhermes(-2(\.5)?)?(-mistral)?|starling-lm|openchat(-3\.\d)?|neural-chat|biomistral|"
         r"dolphin-[\d.]+-mistral)-7b(-[\w.]+)*$", "mistral-7b-v0.1"),
        (r"^(zephyr|starling|biomistral)$", "mistral-7b-v0.1"),
        (r"^(mathstral|codestral-mamba)-7b.*$", "mistral-7b-v0.3"),
        (r"^mistral-7b(-v0\.2)?$", "mistral-7b-v0.1"),
        (r"^mixtral-8x(7|22)b.*$", r"mixtral-8x\1b-v0.1"),
        (r"^(mistral-small-(24b|3).*|mistral-small-3\.\d.*|magistral-small.*|devstral-small.*)$",
         "mistral-small-24b-base-2501"),
        (r"^(mistral-)?nemo(-base|-instruct)?(-2407|-12b)*$", "mistral-nemo-base-2407"),
        (r"^mistral-large(-2)?(-instruct)?(-240\d|-241\d|-123b)*$", "mistral-large-instruct-2407"),
        (r"^deepseek-(r1|r1-0528|r1-zero|v3|v3-0324|v3\.1|v3\.1-terminus)$", "deepseek-v3"),
        (r"^deepseek-r1-0528-qwen3-8b$", "qwen3-8b"),
        (r"^deepseek-r1-distill-llama-(8|70)b$", r"llama-3-\1b"),
        (r"^deepseek-r1-distill-qwen-(\d.*)b$", r"qwen2.5-\1b"),
        (r"^deepseek-coder-(\d.*)b$", r"deepseek-coder-\1b-base"),
        (r"^deepseek-llm-7b$", "deepseek-llm-7b-base"),
        (r"^(qwen2|qwen2\.5)-(coder|math|audio|vl)-(.*)$", r"\1-\3"),
        (r"^qwen2-2b$", "qwen2-1.5b"),
        (r"^qwen3-vl-(2b|4b|8b|32b|30b-a3b|235b-a22b)$", r"qwen3-\1"),
        (r"^(codeqwen1\.5|qwen1\.5)-(.*)$", r"qwen1.5-\2"),
        (r"^qwen-1\.8b$", "qwen-1_8b"),
        (r"^qwen3-coder-30b-a3b$", "qwen3-30b-a3b"),
        (r"^(plano-orchestrator)-4b$", "qwen3-4b"),
        (r"^(code)?gemma-(\d)b$", r"gemma-\2b"),
        (r"^shieldgemma-(2|9|27)b$", r"gemma-2-\1b"),
        (r"^(shieldgemma-2|medgemma)-(4|27)b$", r"gemma-3-\2b"),
        (r"^gemma-3-(1|4|12|27)b$", r"gemma-3-\1b-it"),
        (r"^phi-1\.5$", "phi-1_5"),
        (r"^phi-3(\.5)?-mini.*$", "phi-3-mini-4k-instruct"),
        (r"^phi-3-medium.*$", "phi-3-medium-4k-instruct"),
        (r"^phi-4-mini.*$", "phi-4-mini-instruct"),
        (r"^phi-4(-reasoning)?(-plus)?$", "phi-4"),
        (r"^falcon-?(\d+)b$", r"falcon-\1b"),
        (r"^falcon3-(\d+)b$", r"falcon3-\1b-base"),
        (r"^bloomz-(.*)$", r"bloom-\1"),
        (r"^(octocoder|starcoderbase|starcoderplus|starchat-(alpha|beta))$", "starcoder"),
        (r"^santacoder$", "gpt_bigcode-santacoder"),
        (r"^gptj-6b$", "gpt-j-6b"),
        (r"^gpt-neox$", "gpt-neox-20b"),
        (r"^(olmo-2|olmo2)-(1124-)?(7|13)b$", r"olmo-2-1124-\3b"),
        (r"^olmo-3-(1025-)?7b$", "olmo-3-1025-7b"),
        (r"^mimo-7b$", "mimo-7b-base"),
        (r"^apertus-8b$", "apertus-8b-2509"),
        (r"^granite-3\.[0-3]-8b$", "granite-3.0-8b-base"),
        (r"^granite-3\.[0-1]-3b-a800m$", "granite-3.0-3b-a800m-instruct"),
        (r"^llama-4-scout.*$", "llama-4-scout-17b-16e"),
        (r"^mpt benchmark (\w+)$", r"mpt-benchmark-\1"),
        (r"^stablelm-alpha-(\d)b$", r"stablelm-base-alpha-\1b"),
        (r"^stable-?code-3b$", "stable-code-3b"),
        (r"^baichuan2-(\d+)b$", r"baichuan2-\1b-base"),
        (r"^ministral-8b$", "ministral-8b-instruct-2410"),
        (r"^voxtral-mini-3b$", "voxtral-mini-3b-2507"),
        (r"^(chatglm2-6b|chatglm3-6b)$", "chatglm3-6b"),
        (r"^seed-oss-36b$", "seed-oss-36b-instruct"),
        (r"^glm-4\.[5-7]$", "glm-4.7"),
        (r"^minimax-m2(\.\d)?$", "minimax-m2.5"),
        (r"^kimi-k2(-0905)?$", "kimi-k2-instruct"),
        (r"^deepseek-v3\.2(-exp|-speciale)?$", "deepseek-v3.2"),
        (r"^qwen3-coder-next$", "qwen3-next-80b-a3b"),
        (r"^(nvidia-)?nemotron-3-super(-120b)?(-a12b)?$", "nvidia-nemotron-3-super-120b-a12b"),
        (r"^(nvidia-)?nemotron-3-nano(-30b)?(-a3b)?$", "nvidia-nemotron-3-nano-30b-a3b"),
        (r"^llama-4-maverick.*$", "llama-4-maverick-17b-128e"),
        (r"^hunyuan-a13b$", "hunyuan-a13b-instruct"),
        (r"^dots\.llm1$", "dots.llm1.inst"),
        (r"^qwq-32b$", "qwen2.5-32b"),
        (r"^yi-1\.5-(6|9|34)b$", r"yi-\1b"),
        (r"^internlm2[._]5-(7|20)b$", r"internlm2-\1b"),
        (r"^qwen3(guard|-embedding|-reranker)-([\d.]+b)$", r"qwen3-\2"),
    )
)


def read_architectures(path: Path) -> list[Architecture]:
    """The models of a CSV file with the columns of Architecture; an empty field has its family's default."""
    found = []
    with path.open(newline="") as lines:
        for row in csv.DictReader(lines):
            values: dict[str, Any] = dict(fixed_by_class(row["family"]))
            for column, text in row.items():
                if text:
                    values[column] = text if column in _TEXT else int(text)
            for flag in _FLAGS:
                if flag in values:
                    values[flag] = bool(values[flag])
            found.append(Architecture(**values))
    return found


@cache
def known() -> Mapping[str, Architecture]:
    """Every model we have dimensions of, by its name in lower case without the organisation."""
    extra = read_architectures(Path(__file__).with_name("architectures.csv"))
    models = {_short(a.hf_id): a for a in extra}
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
        for pattern, replacement in _SAME:
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
