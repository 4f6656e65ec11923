"""Will it answer in time, for how many users at once?

A large and a small model on the same devices: time until the answer begins, pace, users at once, machines for the peak,
and the bill against an API. Left out: cold starts, weights kept in the host's memory, models that think before they
answer (add their hidden tokens to the answer), and devices that slow down when they get hot.
"""

from dataclasses import dataclass, replace
from functools import partial
from math import ceil, inf, isfinite
from typing import Literal

from calculator import situation
from calculator.catalogs import Accelerator, Architecture
from calculator.catalogs.own import chosen, pasted
from calculator.catalogs.recipes import recipes
from calculator.exhibit import Bar, Bars, Command, Exhibit, Mark, Segment, Table
from calculator.fields import ask, assume, out, pick
from calculator.llm.accuracy import sentence
from calculator.llm.parameters import in_words, lora
from calculator.llm.serving import (
    FORMATS,
    ServingSetup,
    cache_gib,
    decode,
    fits,
    offered,
    slots_within,
    time_to_first_token,
)
from calculator.llm.serving.place import how_far, spread
from calculator.llm.tokens import request_usd
from calculator.situation import HOURS_PER_MONTH
from calculator.stats.normal import normal_quantile
from calculator.units import GIB, GPUS, MILLISECONDS, SHARE, TOKENS_PER_S, USD_PER_MONTH, USERS
from calculator.verdict import Advice, Decision, Rule, Stance, Verdict

ADAPTER_RANK = 16
SD_OF_SPREAD = normal_quantile(0.94)
"""Standard deviations at the ends of a band that holds 88 % of the runs."""


class Answer(Advice):
    LARGE = "The large model is fast enough", Stance.OPEN
    SMALL = "Take the small model", Stance.OPEN
    NEITHER = "Neither is fast enough here", Stance.OPEN


class Ground(Rule):
    LARGE_IS_FAST = Answer.LARGE
    SMALL_IS_FAST = Answer.SMALL
    NO_ROOM = Answer.NEITHER
    BEGINS_LATE = Answer.NEITHER
    NO_PACE = Answer.NEITHER
    TOO_FEW_DEVICES = Answer.NEITHER


Lack = Literal[Ground.NO_ROOM, Ground.BEGINS_LATE, Ground.NO_PACE, Ground.TOO_FEW_DEVICES]


FORMATS_OFFERED = {one.label: one for one in FORMATS.values() if one.label}
ENGINES_OFFERED = offered()


def format_named(text: str) -> str:
    """The format that has this name in files, such as Q4_K_M, as the form calls it; "" for none."""
    return next((label for label, one in FORMATS_OFFERED.items() if one.name == text.casefold()), "")


def engine_named(text: str) -> str:
    """The program that has this name in published runs or is inside one, as Ollama's is llama.cpp; "" for none."""
    return next((label for label, one in ENGINES_OFFERED.items() if text.casefold() in one.words), "")


def serves(device: Accelerator) -> bool:
    """Whether the catalogue says enough of a device to serve on it: memory and bandwidth."""
    return device.capacity_gib is not None and device.bandwidth_gb_per_s is not None


def generates(model: Architecture) -> bool:
    """Whether it writes an answer token by token."""
    return model.generates


def served_config(text: str) -> Architecture:
    """The model of a pasted file, if it writes answers; ValueError otherwise."""
    model = pasted(text)
    if not generates(model):
        raise ValueError(f"config.json: {model.family[:60]} reads texts and writes none: nothing comes by the token")
    return model


_hardware = partial(pick, group=situation.HARDWARE)
_config_file = partial(situation.config_file, check=served_config, group=situation.HARDWARE, advanced=True)


@dataclass(frozen=True, kw_only=True)
class Inputs:
    large_model: str = situation.model(
        "meta-llama/Meta-Llama-3.1-70B", "Large model", situation.HARDWARE, in_words, generates
    )
    small_model: str = situation.model(
        "meta-llama/Llama-3.1-8B", "Small model", situation.HARDWARE, in_words, generates
    )
    large_config_json: str = _config_file("Or paste the large one's config.json")
    small_config_json: str = _config_file("Or paste the small one's config.json")
    device: str = situation.device(serves)
    device_usd_per_hour: float | None = situation.device_usd_per_hour
    gpus: float = situation.gpus
    own_card_gib: float | None = situation.own_card_gib
    own_card_tflops: float | None = situation.own_card_tflops
    own_card_gb_per_s: float | None = situation.own_card_gb_per_s
    stored: str = _hardware("8 bit (fp8)", FORMATS_OFFERED, "Number format of the weights", named=format_named)
    engine: str = _hardware("vLLM", ENGINES_OFFERED, "Software that serves it", named=engine_named)
    adapters_count: float = ask(
        0,
        "LoRA adapters served at once",
        high=1_000,
        whole=True,
        hint="Of rank 16 on all linear layers, each request with one",
        group=situation.HARDWARE,
        advanced=True,
    )
    latency_ms: float = situation.latency_ms
    pace_tokens_per_s: float = ask(
        20, "Pace a user needs", low=0.5, high=1_000, hint="Reading: 20. Speech: 4", group=situation.LIMITS
    )
    concurrent_users: float = situation.concurrent_users
    pause_seconds: float = ask(
        20, "Time from one request of a user to the next", low=0.1, high=86_400, group=situation.TRAFFIC
    )
    requests_per_month: float = situation.requests_per_month
    prompt_tokens: float = situation.prompt_tokens
    shared_prefix_share: float = situation.shared_prefix_share
    answer_tokens: float = situation.answer_tokens
    thinking_tokens: float = situation.thinking_tokens
    small_api_model: str = situation.small_api_model
    serving_surprise_sd: float = assume("serving_surprise_sd")
    headroom_share: float = assume("headroom_share")
    network_ms: float = assume("network_ms")
    small_input_usd_per_mtok: float = assume("small_input_usd_per_mtok")
    small_output_usd_per_mtok: float = assume("small_output_usd_per_mtok")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    small_first_token_after_ms: float = out(
        "Small model: until the answer begins", how="llm.serving.time_to_first_token"
    )
    large_first_token_after_ms: float = out(
        "Large model: until the answer begins", how="llm.serving.time_to_first_token"
    )
    small_pace_tokens_per_s: float = out("Small model: pace, alone", how="llm.serving.decode")
    large_pace_tokens_per_s: float = out("Large model: pace, alone", how="llm.serving.decode")
    small_users: float = out(
        "Small model: users at once on your devices", how="slots within the pace, headroom and Little's law"
    )
    large_users: float = out(
        "Large model: users at once on your devices", how="slots within the pace, headroom and Little's law"
    )
    small_gpus: float = out("Small model: devices for all users", how="copies times devices each")
    large_gpus: float = out("Large model: devices for all users", how="copies times devices each")
    hosting_usd_per_month: float = out(
        "Small model: rent, busy or idle", how="devices for all users, 730 hours a month"
    )
    api_usd_per_month: float = out("Small model: the same from an API", how="llm.tokens.request_usd")
    used_share: float = out("Use of the rented devices over the month", how="mean load over what they can carry")


@dataclass(frozen=True, kw_only=True)
class Service:
    """One model on the devices: what one user sees, and what all of them take. By default it does not fit."""

    first_token_ms: float = inf
    pace_tokens_per_s: float = 0.0
    users: float = 0.0
    devices: float = inf
    devices_each: int = 0
    slots: int = 0
    thinking_ms: float = 0.0


def large_of(i: Inputs) -> Architecture:
    """The large model."""
    return chosen(i.large_model, i.large_config_json)


def small_of(i: Inputs) -> Architecture:
    """The small model."""
    return chosen(i.small_model, i.small_config_json)


def setup_of(i: Inputs, model: Architecture, devices: int) -> ServingSetup:
    """The model on so many devices, in the terms of the serving model."""
    served = ENGINES_OFFERED[i.engine]
    return ServingSetup(
        model=model,
        device=situation.card(i),
        devices=devices,
        stored=FORMATS_OFFERED[i.stored],
        engine=served,
        split=served.several if devices > 1 else "tensor",
        prompt_tokens=i.prompt_tokens,
        answer_tokens=i.answer_tokens + i.thinking_tokens,
        cached_tokens=i.prompt_tokens * i.shared_prefix_share,
        adapters=int(i.adapters_count),
        adapter_parameters=lora(model, rank=ADAPTER_RANK) if i.adapters_count else 0.0,
    )


def devices_each(i: Inputs, model: Architecture, most: int) -> int:
    """The fewest devices, a power of two, that hold the weights and one conversation; 0 when `most` do not."""
    alone = setup_of(i, model, 1)
    count = 1
    while count <= most:
        if fits(replace(alone, devices=count, split=alone.engine.several if count > 1 else "tensor")):
            return count
        count *= 2
    return 0


def service(i: Inputs, model: Architecture) -> Service:
    """What the devices give with this model, at this surprise, shared out so that the fewest carry all users.

    A model that just fits one device leaves it little room for conversations: two devices that share its weights may
    carry more than twice as many users. So larger sets are tried for as long as one set does not carry all.
    """
    each = devices_each(i, model, int(i.gpus))
    if not each:
        return Service()
    best = _service(i, model, each)
    while best.devices > each and each * 2 <= i.gpus:
        each *= 2
        larger = _service(i, model, each)
        if larger.devices < best.devices:
            best = larger
    return best


def _service(i: Inputs, model: Architecture, each: int) -> Service:
    """The same in sets of so many devices."""
    setup = setup_of(i, model, each)
    slower = spread(setup) ** (-i.serving_surprise_sd / SD_OF_SPREAD)
    alone = decode(setup).tokens_per_s / slower
    thinking_ms = 1000 * i.thinking_tokens / alone
    cached = setup.cached_tokens
    first = time_to_first_token(setup, cached_tokens=cached).value * slower + thinking_ms
    allowed_ms = 1000 / i.pace_tokens_per_s / slower
    slots = slots_within(setup, allowed_ms)
    # A user holds a slot while an answer is written, and frees it until the next request (Little's law). The prompts
    # of all who are busy on a set of devices are what a new one waits for, whether or not each of them has a slot:
    # counting the slots alone would let a longer prompt, which leaves fewer of them, begin sooner.
    busy = i.concurrent_users / max(1, i.gpus // each) * _share_of_time(i, first)
    if busy > 1:
        together = replace(setup, batch=busy)
        first = time_to_first_token(together, cached_tokens=cached).value * slower + thinking_ms
    share_of_time = _share_of_time(i, first)
    users_each = slots * i.headroom_share / share_of_time
    copies = ceil(i.concurrent_users / users_each - 1e-9) if users_each >= 1 else inf
    return Service(
        first_token_ms=i.network_ms + first,
        pace_tokens_per_s=alone,
        users=users_each * (i.gpus // each),
        devices=copies * each,
        devices_each=each,
        slots=slots,
        thinking_ms=thinking_ms,
    )


def _share_of_time(i: Inputs, first_ms: float) -> float:
    """Of a user's time, while an answer is awaited or written."""
    busy_s = first_ms / 1000 + i.answer_tokens / max(i.pace_tokens_per_s, 1e-9)
    return min(1.0, busy_s / max(i.pause_seconds, busy_s))


def compute(i: Inputs) -> Outputs:
    small, large = service(i, small_of(i)), service(i, large_of(i))
    price = situation.usd_per_hour(i.device, i.device_usd_per_hour)
    request = request_usd(
        prompt_tokens=i.prompt_tokens,
        answer_tokens=i.answer_tokens + i.thinking_tokens,
        input_usd_per_mtok=i.small_input_usd_per_mtok,
        output_usd_per_mtok=i.small_output_usd_per_mtok,
    )
    carried = (
        small.slots * small.devices / small.devices_each if small.devices_each and isfinite(small.devices) else 0.0
    )
    busy_s = small.first_token_ms / 1000 + i.answer_tokens / i.pace_tokens_per_s
    mean_busy = i.requests_per_month / (HOURS_PER_MONTH * 3600) * busy_s if carried else 0.0
    return Outputs(
        small_first_token_after_ms=small.first_token_ms,
        large_first_token_after_ms=large.first_token_ms,
        small_pace_tokens_per_s=small.pace_tokens_per_s,
        large_pace_tokens_per_s=large.pace_tokens_per_s,
        small_users=small.users,
        large_users=large.users,
        small_gpus=small.devices,
        large_gpus=large.devices,
        hosting_usd_per_month=small.devices * price * HOURS_PER_MONTH if price else 0.0,
        api_usd_per_month=i.requests_per_month * request,
        used_share=min(1.0, mean_busy / carried) if carried else 0.0,
    )


def lack_of(i: Inputs, first_token_ms: float, gpus: float) -> Lack | None:
    """What a model lacks that begins after so long and needs so many devices; None when it is fast enough."""
    if not isfinite(first_token_ms):
        return Ground.NO_ROOM
    if first_token_ms > i.latency_ms:
        return Ground.BEGINS_LATE
    if not isfinite(gpus):
        return Ground.NO_PACE
    return Ground.TOO_FEW_DEVICES if gpus > i.gpus else None


def ground_of(i: Inputs, o: Outputs) -> Ground:
    if lack_of(i, o.large_first_token_after_ms, o.large_gpus) is None:
        return Ground.LARGE_IS_FAST
    return lack_of(i, o.small_first_token_after_ms, o.small_gpus) or Ground.SMALL_IS_FAST


def judge(i: Inputs, o: Outputs) -> Verdict:
    ground = ground_of(i, o)
    show, users = MILLISECONDS.show, USERS.show
    begin = (
        f"The answer begins after {show(o.small_first_token_after_ms)} with the small model and "
        f"{_never_fits(o.large_first_token_after_ms)} with the large one; you allow {show(i.latency_ms)}."
    )
    many = (
        f"On {GPUS.show(i.gpus)}: {users(o.small_users)} at once with the small model, {users(o.large_users)} with the "
        f"large one, at {TOKENS_PER_S.show(i.pace_tokens_per_s)} each; you have {users(i.concurrent_users)}."
    )
    api = USD_PER_MONTH.show(o.api_usd_per_month)
    money = (
        f"Renting for the small model costs {USD_PER_MONTH.show(o.hosting_usd_per_month)}, used to "
        f"{SHARE.show(o.used_share)}; the same from an API costs {api}."
        if isfinite(o.hosting_usd_per_month)
        else f"No number of these devices carries your users; the same from an API costs {api}."
    )
    like = how_far(setup_of(i, small_of(i), 1)).words
    reasons = (begin, many, money, sentence("decode", "several sequences"), like)
    match ground:
        case Ground.LARGE_IS_FAST:
            begins = show(o.large_first_token_after_ms)
            headline = f"It begins after {begins} and carries {users(o.large_users)} on your devices."
            step = "Compare both models on your own test items: speed no longer decides, quality and cost do."
        case Ground.SMALL_IS_FAST:
            lack = lack_of(i, o.large_first_token_after_ms, o.large_gpus)
            assert lack is not None, "the large model is fast enough"
            headline = (
                f"It begins after {show(o.small_first_token_after_ms)} and needs {GPUS.show(o.small_gpus)}; the large "
                f"one {_why_not(i, lack, o.large_first_token_after_ms, o.large_gpus)}."
            )
            step = (
                "Measure the small model's answers on your own test items, and its 95th percentile under a replayed "
                "peak."
            )
        case Ground.NO_ROOM | Ground.BEGINS_LATE | Ground.NO_PACE | Ground.TOO_FEW_DEVICES:
            why = _why_not(i, ground, o.small_first_token_after_ms, o.small_gpus)
            if ground is Ground.NO_ROOM:
                why += " these devices, and weights kept in the host's memory are not estimated here"
            elif ground is Ground.TOO_FEW_DEVICES:
                why += f" for your users, and you have {GPUS.show(i.gpus)}"
            headline = f"Even the small model {why}."
            step = "Cut the prompt or cache its fixed part first; then a smaller model, fewer bits, or more devices."
    return Verdict(ground.answer, headline, tuple(reason for reason in reasons if reason), step)


def _never_fits(value_ms: float) -> str:
    return MILLISECONDS.show(value_ms) if isfinite(value_ms) else "not at all (it does not fit)"


def _why_not(i: Inputs, lack: Lack, first_token_ms: float, gpus: float) -> str:
    match lack:
        case Ground.NO_ROOM:
            return "does not fit"
        case Ground.BEGINS_LATE:
            return f"begins only after {MILLISECONDS.show(first_token_ms)}"
        case Ground.NO_PACE:
            return f"never reaches {TOKENS_PER_S.show(i.pace_tokens_per_s)}"
        case Ground.TOO_FEW_DEVICES:
            return f"needs {GPUS.show(gpus)}"


def exhibits(i: Inputs, o: Outputs) -> tuple[Exhibit, ...]:
    bars = []
    for label, model in (("Small model", small_of(i)), ("Large model", large_of(i))):
        found = service(i, model)
        if found.devices_each:
            writing = 1000 * i.answer_tokens / max(i.pace_tokens_per_s, 1e-9)
            segments = (
                Segment(label="Network", value=i.network_ms),
                Segment(label="Reading the prompt", value=found.first_token_ms - found.thinking_ms - i.network_ms),
                Segment(label="Thinking", value=min(found.thinking_ms, 20 * i.latency_ms)),
                Segment(label="Writing at the pace you need", value=min(writing, 20 * i.latency_ms)),
            )
            bars.append(Bar(label=label, segments=segments))
    waterfall: tuple[Exhibit, ...] = ()
    if bars:
        waterfall = (
            Bars(
                title="From the question to the last word",
                description="Network, reading the prompt, then writing; the line is the time by which it must begin.",
                unit=MILLISECONDS,
                bars=tuple(bars),
                limit=Mark(label="must begin", x=i.latency_ms),
            ),
        )
    return (*waterfall, *_commands(i), _what_fits(i))


def _commands(i: Inputs) -> tuple[Command, ...]:
    """How the engine chosen is told to serve the small model, where it fits and this project has the words."""
    found = service(i, small_of(i))
    if not found.slots:
        return ()
    context = int(i.prompt_tokens + i.thinking_tokens + i.answer_tokens)
    said = {
        "model": "YOUR_MODEL" if i.small_config_json else i.small_model,
        "stored": FORMATS_OFFERED[i.stored].name,
        "bits": int(FORMATS_OFFERED[i.stored].bits),
        "devices": found.devices_each,
        "adapters": int(i.adapters_count),
        "context": context,
        "slots": found.slots,
        "all_context": context * found.slots,
    }
    mine = (recipe for recipe in recipes("serving") if recipe.label == i.engine)
    return tuple(Command(title=f"Run it: {recipe.label}", **recipe.written(said)) for recipe in mine)


WHERE = (
    ("A phone", "Snapdragon 8 Elite", "ExecuTorch (phone)"),
    ("A laptop", "Apple M4", "llama.cpp"),
    ("One consumer card", "NVIDIA RTX 4090", "llama.cpp"),
    ("One data-centre card", "NVIDIA H100 SXM", "vLLM"),
)
"""Typical places to run a model, with the device of the catalogue and the engine that stand for each."""
IN_FOUR_BITS = "4.8 bit (GGUF Q4_K_M)"


def _what_fits(i: Inputs) -> Table:
    """What the small model does in four typical places, in 4 bits."""
    rows = []
    for place, device, served in WHERE:
        there = replace(
            i,
            device=device,
            engine=served,
            stored=IN_FOUR_BITS,
            gpus=1.0,
            own_card_gib=None,
            own_card_tflops=None,
            own_card_gb_per_s=None,
        )
        if not devices_each(there, small_of(i), 1):
            rows.append((place, device, "does not fit", "–", "–"))
            continue
        setup = setup_of(there, small_of(i), 1)
        rows.append(
            (
                place,
                device,
                MILLISECONDS.show(time_to_first_token(setup).value),
                TOKENS_PER_S.show(decode(setup).tokens_per_s),
                GIB.show(cache_gib(setup, i.prompt_tokens + i.answer_tokens)),
            )
        )
    return Table(
        title="The small model in 4 bits elsewhere",
        columns=("Where", "Device", "Begins after", "Pace, alone", "Cache of one conversation"),
        rows=tuple(rows),
        note="Without the network, one user, nothing cached.",
    )


DECISION = Decision(
    "Will it answer in time, for how many users at once?",
    Inputs,
    Outputs,
    compute,
    ground_of,
    judge,
    exhibits=exhibits,
    result="small_users",
    shown=(
        "small_first_token_after_ms",
        "large_first_token_after_ms",
        "small_users",
        "large_users",
        "hosting_usd_per_month",
        "api_usd_per_month",
    ),
    consideration="how soon an answer begins and how many users it carries",
)
