"""The answers: speed, latency, capacity and energy of a deployment, with a low and a high end.

A band is the factor within which about nine in ten left-out measurements of that kind lay; it covers the law, not a
badly configured machine. Rates are tokens per second.
"""

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from calculator.llm import queueing
from calculator.llm.serving import speed as law
from calculator.llm.serving.body import body
from calculator.llm.serving.coefficients import FITTED, Coefficients
from calculator.llm.serving.deployment import ServingSetup
from calculator.llm.serving.devices import device_class, rates
from calculator.llm.serving.place import spread as band_of


class Estimate(NamedTuple):
    """A value between a low and a high end."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoding:
    """Decoding without new prompts in between, at the mean depth of the answer."""

    step_ms: float
    tokens_per_s: float
    """Of one sequence."""
    low_tokens_per_s: float
    high_tokens_per_s: float
    total_tokens_per_s: float
    """Of all sequences."""
    parts: law.Step


@dataclass(frozen=True, kw_only=True, slots=True)
class Throughput:
    """Output under continuous batching, with the reading of prompts between the steps."""

    output_tokens_per_s: float
    low_output_tokens_per_s: float
    high_output_tokens_per_s: float
    requests_per_s: float
    running_sequences: float
    """Of the batch, those whose cache fits; the others wait."""
    token_ms: float
    """Time between two tokens of one sequence, on average, pauses for prompts included."""
    prompt_share: float
    """Of the time, spent on prompts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What a load needs: copies of the deployment, and what its users then see."""

    copies: int
    """0 if one answer alone is slower than allowed, or the model does not fit."""
    devices: int
    slots: int
    """Sequences that one copy may run together within the allowed time for a token."""
    busy_slots: float
    """Mean sequences in a copy (Little's law)."""
    wait_s: float
    """Mean wait for a slot (Erlang C)."""
    answer_s: float
    """From the request to the last token, wait included."""
    tokens_per_s: float
    """Of one user."""


_STEPS_TO_BALANCE = 24


def _around(value: float, spread: float) -> Estimate:
    return Estimate(value, value / spread, value * spread)


def decode(s: ServingSetup, c: Coefficients = FITTED) -> Decoding:
    """How fast the batch decodes. Raises ValueError if the device's bandwidth is not known."""
    step = law.decode_step(s, s.batch, s.mean_depth_tokens, c)
    each = _around(1000 * s.tokens_per_step / step.total_ms, band_of(s))
    return Decoding(
        step_ms=step.total_ms, tokens_per_s=each.value, low_tokens_per_s=each.low, high_tokens_per_s=each.high,
        total_tokens_per_s=each.value * s.batch, parts=step,
    )


def throughput(s: ServingSetup, c: Coefficients = FITTED) -> Throughput:
    """Output of ``batch`` sequences that are kept filled with new requests, as far as memory lets them run."""
    depth = s.mean_depth_tokens
    running = law.running_sequences(s, s.batch, depth)
    rate = law.output_tokens_per_ms(s, s.batch, s.prompt_tokens, depth, c)
    step = law.decode_step(s, running, depth, c).total_ms
    output = _around(rate * 1000, band_of(s))
    return Throughput(
        output_tokens_per_s=output.value, low_output_tokens_per_s=output.low, high_output_tokens_per_s=output.high,
        requests_per_s=output.value / max(1.0, s.answer_tokens), running_sequences=running, token_ms=running / rate,
        prompt_share=max(0.0, 1 - step * rate / running),
    )


def time_to_first_token(
    s: ServingSetup, *, wait_ms: float | None = None, network_ms: float = 0.0, cached_tokens: float = 0.0,
    c: Coefficients = FITTED,
) -> Estimate:
    """Network, queue, the prompt's reading and one step, in milliseconds.

    The queue is that of ``batch`` sequences in a closed loop, unless the wait for a slot is given.

    ``cached_tokens`` of the prompt are in a prefix cache: their products are saved, not the attention to them.
    """
    cached = min(max(0.0, cached_tokens), s.prompt_tokens)
    own = law.first_token_ms(s, c, cached_tokens=cached, wait_ms=wait_ms) - (wait_ms or 0.0)
    spread, known = band_of(s), network_ms + (wait_ms or 0.0)
    return Estimate(known + own, known + own / spread, known + own * spread)


def slots_within(s: ServingSetup, token_ms: float = inf, c: Coefficients = FITTED) -> int:
    """Most sequences that run together with no more than ``token_ms`` between the tokens of one of them.

    Bounded by memory and by what servers run together. 0 if one sequence alone is slower, or does not fit.
    """
    depth, reading_ms = s.mean_depth_tokens, law.own_prefill_ms(s, s.prompt_tokens, c)
    most = int(min(law.MOST_SEQUENCES, law.most_sequences(s, s.prompt_tokens + s.answer_tokens)))
    fastest = _token_ms(s, 1, depth, c, reading_ms)
    if most < 1 or fastest > token_ms:
        return 0
    slowest = _token_ms(s, most, depth, c, reading_ms)
    if slowest <= token_ms:
        return most
    # The time grows almost in proportion to the batch, so a straight line between the ends finds it in a few steps.
    low, high = 1, most
    while high - low > 1:
        guess = low + (high - low) * (token_ms - fastest) / (slowest - fastest)
        middle = min(high - 1, max(low + 1, round(guess)))
        took = _token_ms(s, middle, depth, c, reading_ms)
        if took <= token_ms:
            low, fastest = middle, took
        else:
            high, slowest = middle, took
    return low


def _token_ms(s: ServingSetup, batch: float, depth: float, c: Coefficients, reading_ms: float) -> float:
    return batch / law.output_tokens_per_ms(s, batch, s.prompt_tokens, depth, c, reading_ms)


def serve(
    s: ServingSetup, *, requests_per_s: float, token_ms: float = inf, wait_s: float = 0.5, c: Coefficients = FITTED
) -> Load:
    """Copies of the deployment that carry a load, with no more than ``token_ms`` between tokens and ``wait_s`` to wait.

    The slowest pace that is allowed sets the slots; queueing for them sets how many may be busy; at that load the
    copies are counted. Raises ValueError for a load or a wait that is not above 0.
    """
    for name, value in (("requests_per_s", requests_per_s), ("wait_s", wait_s), ("token_ms", token_ms)):
        if not value > 0:
            raise ValueError(f"{name}: more than 0 is needed, {value} was given")
    slots = slots_within(s, token_ms, c)
    if not slots:
        return Load(copies=0, devices=0, slots=0, busy_slots=0.0, wait_s=inf, answer_s=inf, tokens_per_s=0.0)
    depth, answer = s.mean_depth_tokens, max(1.0, s.answer_tokens)
    reading_ms = law.own_prefill_ms(s, s.prompt_tokens, c)
    full_s = (_token_ms(s, slots, depth, c, reading_ms) * answer + reading_ms) / 1000
    copies = queueing.copies_needed(requests_per_s, queueing.highest_load(slots, full_s, wait_s))
    each = requests_per_s / copies
    # Fewer sequences at once run faster, which leaves fewer at once: the fixed point of Little's law, from below.
    busy = 1.0
    for _ in range(_STEPS_TO_BALANCE):
        service_s = _token_ms(s, max(1.0, busy), depth, c, reading_ms) * answer / 1000 + reading_ms / 1000
        before, busy = busy, queueing.concurrency(each, service_s)
        if abs(busy - before) < 1e-3 * busy:
            break
    waited = queueing.mean_wait_s(slots, each, service_s)
    return Load(
        copies=copies, devices=copies * s.devices, slots=slots, busy_slots=busy, wait_s=waited,
        answer_s=waited + service_s,
        tokens_per_s=1000 / _token_ms(s, max(1.0, busy), depth, c, reading_ms),
    )


# Mean draw over the power limit: a base while serving at all, and a part for the shares of bandwidth and arithmetic
# that are used. Least squares on the 398 runs of the ML.ENERGY leaderboard in inference.csv (H100 and B200): median
# error of the power 11 %, of the energy for a token 15 %, and 88 % of the energies within the spread.
_POWER_BASE = 0.61
_POWER_BANDWIDTH = 0.16
_POWER_COMPUTE = 1.2
_ENERGY_SPREAD = 1.6


def power_share(s: ServingSetup, c: Coefficients = FITTED) -> float:
    """Mean draw of a serving GPU as a share of its power limit."""
    b, made = body(s.model, s.stored, s.file_gib), throughput(s, c)
    per_ms = made.output_tokens_per_s / 1000
    a, running = s.model, made.running_sequences
    coverage = law.expert_coverage(a.experts, a.experts_per_token, running, c.routing_evenness)
    speeds = rates(s.device, s.stored)
    read = b.dense_gb * s.replicas + b.head_gb + b.expert_gb * coverage
    read += running * b.cache_gb(s.mean_depth_tokens, s.cache_bits)
    bandwidth = read * per_ms / running / (speeds.bandwidth_gb_per_ms * s.devices)
    processed = per_ms * (1 + s.prompt_tokens / max(1.0, s.answer_tokens))
    arithmetic = 2 * b.active_billions * processed / (speeds.peak_tflops * s.devices)
    return min(1.0, _POWER_BASE + _POWER_BANDWIDTH * min(1.0, bandwidth) + _POWER_COMPUTE * arithmetic)


def energy_j_per_token(s: ServingSetup, c: Coefficients = FITTED) -> Estimate:
    """Energy of the GPUs for one output token at this batch, in joules; without the machine around them.

    Raises ValueError if no power limit is known for the device, or if it is not a GPU.
    """
    if device_class(s.device) != "gpu" or not s.device.power_w:
        raise ValueError(f"device: the power of {s.device.name} under load is not known")
    watts = s.devices * s.device.power_w * power_share(s, c)
    return _around(watts / throughput(s, c).output_tokens_per_s, _ENERGY_SPREAD)
