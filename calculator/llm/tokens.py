"""Tokens and money of calling a model: long conversations, prompt caching, batch, surcharges, hosting, break-even.

Every price is an argument in US dollars per million tokens (``_usd_per_mtok``) or per hour; this module holds none.
A factor multiplies a price: 0.1 is a tenth of it, 1 leaves it as it is. Counts may be averages, so they are floats.
Bad arguments raise ValueError with the name of the argument, what is allowed and what was given.
"""

from dataclasses import dataclass
from math import ceil, expm1, floor, inf

from calculator.stats.checks import not_negative, shares

MILLION = 1e6


def _between_turns(turns: float, at_turn: list[float]) -> float:
    """The value between two whole numbers of turns, on a straight line. ``at_turn`` holds both ends."""
    below, above = at_turn
    return below + (turns - floor(turns)) * (above - below)


@dataclass(frozen=True, kw_only=True)
class ConversationTokens:
    """What one conversation sends and receives."""

    input_tokens: float
    """All prompts together: every turn sends the history again."""
    output_tokens: float
    last_prompt_tokens: float
    """The prompt of the last turn: what the context window must hold beside the last answer."""


def conversation_tokens(
    *, turns: float, system_tokens: float, user_tokens: float, answer_tokens: float
) -> ConversationTokens:
    """Tokens of a conversation in which every turn sends the whole history.

    With S system, u user and a answer tokens, n turns send nS + nu + (u + a)·n(n − 1)/2 tokens: quadratic in n. It is
    the sum of the prompts S + u + (t − 1)(u + a). ``turns`` is one conversation's length; over conversations of unequal
    length the mean is higher than that of the mean length.
    """
    not_negative(turns=turns, system_tokens=system_tokens, user_tokens=user_tokens, answer_tokens=answer_tokens)
    first, growth = system_tokens + user_tokens, user_tokens + answer_tokens
    whole = floor(turns)
    sent = [n * first + growth * n * (n - 1) / 2 for n in (whole, whole + 1)]
    return ConversationTokens(
        input_tokens=_between_turns(turns, sent),
        output_tokens=turns * answer_tokens,
        last_prompt_tokens=first + growth * max(0, ceil(turns) - 1),
    )


def turns_until_full(
    *, context_tokens: float, system_tokens: float, user_tokens: float, answer_tokens: float, reserved_tokens: float = 0
) -> float:
    """Whole turns that a context window holds: floor((C − S − reserve) / (u + a)), 0 if not even one, inf if none adds.

    ``reserved_tokens`` is kept free, for instance for the longest answer.
    """
    not_negative(
        context_tokens=context_tokens, system_tokens=system_tokens, user_tokens=user_tokens,
        answer_tokens=answer_tokens, reserved_tokens=reserved_tokens,
    )
    growth = user_tokens + answer_tokens
    room = context_tokens - system_tokens - reserved_tokens
    if growth == 0:
        return inf if room >= 0 else 0.0
    return float(max(0, floor(room / growth)))


def cache_hit_share(*, requests_per_hour: float, kept_minutes: float) -> float:
    """Share of requests that find a shared prefix in the cache, for Poisson arrivals: 1 − exp(−rate × time kept).

    The provider keeps the prefix for ``kept_minutes`` after each use. Bursty traffic hits more often at the same mean.
    """
    not_negative(requests_per_hour=requests_per_hour, kept_minutes=kept_minutes)
    return -expm1(-requests_per_hour * kept_minutes / 60)


def cached_input_factor(*, hit_share: float, read_factor: float, write_factor: float = 1.0) -> float:
    """What a cached prefix costs on average, as a factor on the input price: hits read it, misses write it."""
    if not (0 <= hit_share <= 1 and read_factor >= 0 and write_factor >= 0):
        shares(hit_share=hit_share)
        not_negative(read_factor=read_factor, write_factor=write_factor)
    return hit_share * read_factor + (1 - hit_share) * write_factor


def billed_tokens(prompt_tokens: float, prefix_tokens: float, factor: float) -> float:
    """A prompt's tokens as they are billed, where a prefix of it costs this part of the price."""
    return prompt_tokens - prefix_tokens + prefix_tokens * factor


def request_usd(
    *,
    prompt_tokens: float,
    answer_tokens: float,
    input_usd_per_mtok: float,
    output_usd_per_mtok: float,
    shared_prefix_tokens: float = 0.0,
    hit_share: float = 0.0,
    read_factor: float = 1.0,
    write_factor: float = 1.0,
    minimum_prefix_tokens: float = 0.0,
    batch_factor: float = 1.0,
) -> float:
    """Expected price of one request in US dollars.

    ``shared_prefix_tokens`` of the prompt are the same in every request and can be cached, if they reach the
    provider's ``minimum_prefix_tokens``; a longer "prefix" than the prompt counts as the prompt.
    ``batch_factor`` applies to the whole. Reasoning tokens are output: add them to ``answer_tokens``.
    """
    least = min(
        prompt_tokens, answer_tokens, input_usd_per_mtok, output_usd_per_mtok, shared_prefix_tokens, batch_factor,
        minimum_prefix_tokens,
    )
    # One comparison for the thousands of calls of a draw; the names are looked up only when something is wrong.
    if not least >= 0:
        not_negative(
            prompt_tokens=prompt_tokens, answer_tokens=answer_tokens, input_usd_per_mtok=input_usd_per_mtok,
            output_usd_per_mtok=output_usd_per_mtok, shared_prefix_tokens=shared_prefix_tokens,
            batch_factor=batch_factor, minimum_prefix_tokens=minimum_prefix_tokens,
        )
    prefix = min(shared_prefix_tokens, prompt_tokens)
    factor = cached_input_factor(hit_share=hit_share, read_factor=read_factor, write_factor=write_factor)
    if prefix < minimum_prefix_tokens:
        factor = 1.0
    sent = billed_tokens(prompt_tokens, prefix, factor) * input_usd_per_mtok
    received = answer_tokens * output_usd_per_mtok
    return (sent + received) * batch_factor / MILLION


def conversation_usd(
    *,
    turns: float,
    system_tokens: float,
    user_tokens: float,
    answer_tokens: float,
    input_usd_per_mtok: float,
    output_usd_per_mtok: float,
    hit_share: float = 0.0,
    read_factor: float = 1.0,
    write_factor: float = 1.0,
    minimum_prefix_tokens: float = 0.0,
) -> float:
    """Price of one conversation in US dollars, every turn sending the history, with the history cached.

    Turn 1 writes its prompt. A later turn that hits reads the previous prompt and writes what came since, the last
    answer and the new question; a miss writes the whole prompt. Prompts below ``minimum_prefix_tokens`` are neither
    written nor read and cost the plain price. The defaults are those of no cache. The first turn is taken as a miss,
    so a system prompt shared between conversations is dearer here than it need be. Long-context surcharges are left
    out.
    """
    not_negative(
        input_usd_per_mtok=input_usd_per_mtok, output_usd_per_mtok=output_usd_per_mtok, read_factor=read_factor,
        write_factor=write_factor, minimum_prefix_tokens=minimum_prefix_tokens,
    )
    shares(hit_share=hit_share)
    talk = conversation_tokens(
        turns=turns, system_tokens=system_tokens, user_tokens=user_tokens, answer_tokens=answer_tokens
    )
    first, growth = system_tokens + user_tokens, user_tokens + answer_tokens

    def billed(n: int) -> float:
        """Input tokens of n whole turns, each counted at its factor."""
        short = minimum_prefix_tokens - first
        plain_turns = 0 if short <= 0 else n if short >= n * growth else ceil(short / growth)
        plain = plain_turns * first + growth * plain_turns * (plain_turns - 1) / 2
        cached_turns = n - plain_turns
        if cached_turns == 0:
            return plain
        start = first + plain_turns * growth
        later = cached_turns - 1
        read = later * start + growth * later * (later - 1) / 2
        hit = read * read_factor + later * growth * write_factor
        miss = (read + later * growth) * write_factor
        return plain + start * write_factor + hit_share * hit + (1 - hit_share) * miss

    whole = floor(turns)
    sent = _between_turns(turns, [billed(whole), billed(whole + 1)])
    return (sent * input_usd_per_mtok + talk.output_tokens * output_usd_per_mtok) / MILLION


def hosting_usd_per_month(
    *, gpu_usd_per_hour: float, gpus: float = 1.0, hours_per_month: float = 730.0
) -> float:
    """Rent of dedicated GPUs per month, busy or idle. 730 hours are a year's hours over twelve.

    Counting a spare for failures is the caller's: ``gpus`` is all that are rented.
    """
    not_negative(gpu_usd_per_hour=gpu_usd_per_hour, gpus=gpus, hours_per_month=hours_per_month)
    return gpu_usd_per_hour * gpus * hours_per_month


def break_even_requests(*, upfront_usd: float, saving_usd_per_request: float) -> float:
    """Requests after which the saving has paid the upfront cost. inf if a request saves nothing."""
    not_negative(upfront_usd=upfront_usd)
    if upfront_usd == 0:
        return 0.0 if saving_usd_per_request >= 0 else inf
    return upfront_usd / saving_usd_per_request if saving_usd_per_request > 0 else inf


def hosting_break_even_requests_per_month(*, hosting_usd_per_month: float, saving_usd_per_request: float) -> float:
    """Requests per month that pay the rent and nothing else. inf if a request saves nothing."""
    return break_even_requests(upfront_usd=hosting_usd_per_month, saving_usd_per_request=saving_usd_per_request)


def managed_training_usd(
    *, training_tokens: float, training_usd_per_mtok: float, minimum_usd: float = 0.0
) -> float:
    """Price of a managed fine-tuning job: tokens of the data × epochs at the vendor's price, or its minimum charge."""
    not_negative(
        training_tokens=training_tokens, training_usd_per_mtok=training_usd_per_mtok, minimum_usd=minimum_usd
    )
    return max(minimum_usd, training_tokens * training_usd_per_mtok / MILLION)


def usd_per_correct_answer(*, usd_per_request: float, accuracy: float) -> float:
    """Price of an answer that is right: what to compare where two options differ in quality. inf if none is."""
    not_negative(usd_per_request=usd_per_request)
    shares(accuracy=accuracy)
    return inf if accuracy == 0 else usd_per_request / accuracy
