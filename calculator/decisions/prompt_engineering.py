"""Does a better prompt do it for less: keep it, improve it, or train it into the weights?

A long prompt costs something on every request; training costs labels, work and upkeep first and a shorter prompt after.
Both are taken to answer equally well; where the prompt falls short of the accuracy needed, the verdict says how many
points a search or a tuned model must bring to pay for itself, not how many it will. Left out: the time people wait for
a longer prompt, examples chosen anew for each request (they share no prefix to cache), and rents that drift.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from math import inf

from calculator import situation
from calculator.exhibit import Curves, Exhibit, Line, Mark, Table
from calculator.fields import ask, assume, flag, out, pick
from calculator.llm import tokens
from calculator.situation import HOURS_PER_MONTH
from calculator.stats.value import annuity_months, monthly_rate
from calculator.units import (
    DAYS,
    EXAMPLES,
    HOURS,
    MONTHS,
    POINTS,
    REQUESTS_PER_MONTH,
    SHARE,
    TOKENS,
    USD,
    USD_PER_MONTH,
    USD_PER_REQUEST,
)
from calculator.verdict import Advice, Decision, Rule, Stance, Verdict

LONGEST_MONTHS = 120
"""Payback is looked for within ten years, the longest horizon a form accepts."""


class Answer(Advice):
    KEEP = "Keep the prompt", Stance.REFRAIN
    IMPROVE = "Improve the prompt first", Stance.REFRAIN
    TUNE = "Tune, and cut the prompt", Stance.TRAIN


class Ground(Rule):
    TUNING_SAVES = Answer.TUNE
    TUNING_CLOSES_THE_GAP = Answer.TUNE
    SEARCH_COMES_FIRST = Answer.IMPROVE
    TOO_FEW_EXAMPLES = Answer.KEEP
    REQUEST_IS_NO_CHEAPER = Answer.KEEP
    TOO_FEW_REQUESTS = Answer.KEEP
    CACHE_SAVES_IT_ALREADY = Answer.KEEP


class Size(StrEnum):
    SAME = "the model you prompt today"
    SMALL = "a small model"


class Serving(StrEnum):
    """How a tuned model is paid for."""

    ADAPTER = "by the token, at the base model's price"
    PREMIUM = "by the token, at a premium"
    ENDPOINT = "by the token and by the hour"
    DEDICATED = "by the hour only, on rented GPUs"


@dataclass(frozen=True, kw_only=True)
class Inputs:
    requests_per_month: float = situation.requests_per_month
    prompt_tokens: float = situation.prompt_tokens
    shared_prefix_share: float = situation.shared_prefix_share
    short_prompt_tokens: float | None = ask(
        None,
        "Prompt after tuning",
        low=1,
        high=2e6,
        hint="Empty: the part that changes from request to request",
        group=situation.TRAFFIC,
    )
    answer_tokens: float = situation.answer_tokens
    thinking_tokens: float = situation.thinking_tokens
    can_wait: bool = flag(
        False, "Answers may take a day", hint="Then both are billed at the batch price", group=situation.TRAFFIC
    )
    prompted_accuracy_share: float = situation.prompted_accuracy_share
    target_accuracy_share: float = situation.target_accuracy_share
    test_items: float = situation.test_items
    prompt_searched: bool = flag(
        False,
        "A program has searched for a better prompt",
        hint="No: people wrote the one you have",
        group=situation.QUALITY,
    )
    tuned_model: str = pick(Size.SMALL, Size, "What would be tuned", group=situation.MONEY)
    tuned_serving: str = pick(Serving.ADAPTER, Serving, "How the tuned model is paid for", group=situation.MONEY)
    hosting_gpus: float = situation.hosting_gpus
    changes_per_month_count: float = ask(
        0.5,
        "Changes to the wanted behaviour, a month",
        high=100,
        hint="New rules, new tone, new fields. 0.5: one every other month",
        group=situation.TASK,
    )
    labelled_examples: float = situation.labelled_examples
    new_examples: float = situation.new_examples
    example_tokens: float = situation.example_tokens
    success_usd: float = situation.success_usd
    failure_usd: float = situation.failure_usd
    horizon_months: float = situation.horizon_months
    device: str = situation.device(situation.rented)
    device_usd_per_hour: float | None = situation.device_usd_per_hour
    large_api_model: str = situation.large_api_model
    small_api_model: str = situation.small_api_model
    large_input_usd_per_mtok: float = assume("large_input_usd_per_mtok")
    large_output_usd_per_mtok: float = assume("large_output_usd_per_mtok")
    small_input_usd_per_mtok: float = assume("small_input_usd_per_mtok")
    small_output_usd_per_mtok: float = assume("small_output_usd_per_mtok")
    price_drift_share: float = assume("price_drift_share")
    batch_price_ratio: float = assume("batch_price_ratio")
    cache_read_ratio: float = assume("cache_read_ratio")
    cache_write_ratio: float = assume("cache_write_ratio")
    cache_hit_share: float = assume("cache_hit_share")
    cache_kept_seconds: float = assume("cache_kept_seconds")
    cache_minimum_tokens: float = assume("cache_minimum_tokens")
    tuned_price_ratio: float = assume("tuned_price_ratio")
    managed_small_usd_per_mtok: float = assume("managed_small_usd_per_mtok")
    managed_large_usd_per_mtok: float = assume("managed_large_usd_per_mtok")
    training_examples: float = assume("training_examples")
    runs_count: float = assume("runs_count")
    minimum_examples: float = assume("minimum_examples")
    example_usd: float = assume("example_usd")
    engineer_usd_per_hour: float = assume("engineer_usd_per_hour")
    training_work_hours: float = assume("training_work_hours")
    system_upkeep_hours: float = assume("system_upkeep_hours")
    prompt_upkeep_hours: float = assume("prompt_upkeep_hours")
    prompt_edit_hours: float = assume("prompt_edit_hours")
    search_requests: float = assume("search_requests")
    search_work_hours: float = assume("search_work_hours")
    retraining_usd: float = assume("retraining_usd")
    retraining_lag_days: float = assume("retraining_lag_days")
    base_life_months: float = assume("base_life_months")
    discount_share: float = assume("discount_share")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    horizon_saving_usd: float = out(
        "What tuning saves over the horizon, all costs counted",
        how="token saving with prices that drift, less upkeep and the start, discounted",
    )
    payback_months: float = out("Payback", how="the first month by which the discounted savings cover the start")
    break_even_requests_per_month: float = out(
        "Requests a month from which tuning pays within the horizon",
        how="start and upkeep over the horizon, over what one request saves with a warm cache",
    )
    saving_usd_per_request: float = out(
        "Saved by each request", formula="prompt_usd_per_request - tuned_usd_per_request"
    )
    prompt_usd_per_request: float = out(
        "A request with the long prompt", how="llm.tokens.request_usd, cached where that is cheaper"
    )
    shorter_prompt_usd_per_request: float = out(
        "Saved by the shorter prompt alone",
        how="the long prompt's price less llm.tokens.request_usd with the short prompt, same model, no premium",
    )
    tuned_usd_per_request: float = out(
        "A request to the tuned model", how="llm.tokens.request_usd with the short prompt, rent left out"
    )
    warm_share: float = out(
        "Requests that find the prompt in the cache",
        how="the assumed share, or less where traffic is too thin to keep the prompt warm (llm.tokens.cache_hit_share)",
    )
    upfront_usd: float = out(
        "Cost of a first tuned model", how="work, labels and training runs (llm.tokens.managed_training_usd)"
    )
    extra_usd_per_month: float = out(
        "What a tuned model costs more to keep",
        formula="(system_upkeep_hours - prompt_upkeep_hours) * engineer_usd_per_hour"
        " + (changes_per_month_count + 1 / base_life_months) * (retraining_usd - edit_usd) + rent_usd_per_month",
    )
    rent_usd_per_month: float = out("Rent, busy or idle", how="llm.tokens.hosting_usd_per_month")
    edit_usd: float = out(
        "One change to the prompt, tested",
        formula="prompt_edit_hours * engineer_usd_per_hour + test_items * prompt_usd_per_request",
    )
    break_even_requests: float = out(
        "Requests that pay back the start, upkeep left out", how="llm.tokens.break_even_requests"
    )
    rent_break_even_requests_per_month: float = out(
        "Requests a month that pay the rent alone", how="llm.tokens.hosting_break_even_requests_per_month"
    )
    gap_points: float = out(
        "Points missing to the accuracy you need",
        formula="100 * max(0, target_accuracy_share - prompted_accuracy_share)",
    )
    search_usd: float = out(
        "A prompt search",
        formula="search_work_hours * engineer_usd_per_hour + search_requests * prompt_usd_per_request",
    )
    search_break_even_points: float = out(
        "Points a search must bring to pay", how="its cost over what a point is worth over the horizon"
    )
    tuning_break_even_points: float = out(
        "Points a tuned model must bring to pay", how="what it costs more, over what a point is worth"
    )


def prompt_usd(i: Inputs, hit_share: float) -> float:
    """One request with the long prompt in US dollars, cached where that is cheaper."""
    request = partial(
        tokens.request_usd,
        prompt_tokens=i.prompt_tokens,
        answer_tokens=i.answer_tokens + i.thinking_tokens,
        input_usd_per_mtok=i.large_input_usd_per_mtok,
        output_usd_per_mtok=i.large_output_usd_per_mtok,
        batch_factor=i.batch_price_ratio if i.can_wait else 1.0,
    )
    cached = request(
        shared_prefix_tokens=i.prompt_tokens * i.shared_prefix_share,
        hit_share=hit_share,
        read_factor=i.cache_read_ratio,
        write_factor=i.cache_write_ratio,
        minimum_prefix_tokens=i.cache_minimum_tokens,
    )
    return min(request(), cached)


def tuned_prompt_tokens(i: Inputs) -> float:
    """What is left of the prompt after tuning, never more than there is today."""
    if i.short_prompt_tokens is None:
        return max(1.0, i.prompt_tokens * (1 - i.shared_prefix_share))
    return min(i.short_prompt_tokens, i.prompt_tokens)


def short_usd(i: Inputs, size: str, thinking_tokens: float = 0.0) -> float:
    """One request with the short prompt at the base price of that model, in US dollars."""
    same = size == Size.SAME
    return tokens.request_usd(
        prompt_tokens=tuned_prompt_tokens(i),
        answer_tokens=i.answer_tokens + thinking_tokens,
        input_usd_per_mtok=i.large_input_usd_per_mtok if same else i.small_input_usd_per_mtok,
        output_usd_per_mtok=i.large_output_usd_per_mtok if same else i.small_output_usd_per_mtok,
        batch_factor=i.batch_price_ratio if i.can_wait else 1.0,
    )


def tuned_usd(i: Inputs, serving: str) -> tuple[float, float]:
    """One request to the tuned model, and its rent a month, both in US dollars."""
    rent = 0.0
    if serving in (Serving.ENDPOINT, Serving.DEDICATED):
        rent = tokens.hosting_usd_per_month(
            gpu_usd_per_hour=situation.usd_per_hour(i.device, i.device_usd_per_hour),
            gpus=i.hosting_gpus,
            hours_per_month=HOURS_PER_MONTH,
        )
    if serving == Serving.DEDICATED:
        return 0.0, rent
    price = short_usd(i, i.tuned_model)
    return price * (i.tuned_price_ratio if serving == Serving.PREMIUM else 1.0), rent


def worth_months(i: Inputs, months: float) -> tuple[float, float]:
    """What a dollar a month is worth today over these months: spent on tokens, whose price drifts, and otherwise."""
    drifting = (1 + i.discount_share) / (1 + i.price_drift_share) - 1
    return annuity_months(months, drifting), annuity_months(months, i.discount_share)


def start_usd(i: Inputs) -> float:
    """Work, labels and training runs of a first tuned model, in US dollars."""
    run = tokens.managed_training_usd(
        training_tokens=i.training_examples * i.example_tokens,
        training_usd_per_mtok=(
            i.managed_large_usd_per_mtok if i.tuned_model == Size.SAME else i.managed_small_usd_per_mtok
        ),
    )
    return i.training_work_hours * i.engineer_usd_per_hour + i.new_examples * i.example_usd + i.runs_count * run


def balances(i: Inputs, saved_usd_per_month: float, extra_usd_per_month: float, upfront_usd: float) -> Iterator[float]:
    """Discounted savings less all costs after each month, from month 0. Payments fall at a month's end."""
    fixed = 1 / (1 + monthly_rate(i.discount_share))
    drifting = fixed * (1 + monthly_rate(i.price_drift_share))
    balance, now, then = -upfront_usd, saved_usd_per_month, extra_usd_per_month
    yield balance
    for _ in range(LONGEST_MONTHS):
        now *= drifting
        then *= fixed
        balance += now - then
        yield balance


def payback(i: Inputs, saved_usd_per_month: float, extra_usd_per_month: float, upfront_usd: float) -> float:
    """Months until the balance is no longer negative; inf when it stays so for ten years."""
    before = inf
    for month, balance in enumerate(balances(i, saved_usd_per_month, extra_usd_per_month, upfront_usd)):
        if balance >= 0 and (month > 0 or saved_usd_per_month >= extra_usd_per_month):
            return month - balance / (balance - before) if balance > before else float(month)
        before = balance
    return inf


def points_to_pay(usd: float, value_usd: float) -> float:
    """Points of accuracy that pay for an amount, when the whole of 100 points is worth `value_usd`."""
    if usd <= 0:
        return 0.0
    return 100 * usd / value_usd if value_usd > 0 else inf


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """One way to serve the tuned model, over the horizon."""

    usd_per_request: float
    rent_usd_per_month: float
    saving_usd_per_request: float
    extra_usd_per_month: float
    horizon_saving_usd: float
    break_even_requests_per_month: float
    payback_months: float


def weigh(
    i: Inputs, serving: str, prompt_usd_per_request: float, warm_usd_per_request: float, keep_usd_per_month: float
) -> Tuned:
    """What one way to serve the tuned model saves against the prompt; `keep_usd_per_month`: its upkeep without rent."""
    price, rent = tuned_usd(i, serving)
    saving, extra, upfront = prompt_usd_per_request - price, keep_usd_per_month + rent, start_usd(i)
    token_months, fixed_months = worth_months(i, i.horizon_months)
    owed = upfront + extra * fixed_months
    warm_saving = (warm_usd_per_request - price) * token_months
    return Tuned(
        usd_per_request=price,
        rent_usd_per_month=rent,
        saving_usd_per_request=saving,
        extra_usd_per_month=extra,
        horizon_saving_usd=i.requests_per_month * saving * token_months - owed,
        break_even_requests_per_month=tokens.break_even_requests(
            upfront_usd=max(0.0, owed), saving_usd_per_request=warm_saving
        ),
        payback_months=payback(i, i.requests_per_month * saving, extra, upfront),
    )


def warm_share(i: Inputs) -> float:
    """Share of requests that find the prompt in the cache: the assumed one, or less where traffic is thin."""
    arrivals = tokens.cache_hit_share(
        requests_per_hour=i.requests_per_month / HOURS_PER_MONTH, kept_minutes=i.cache_kept_seconds / 60
    )
    return min(i.cache_hit_share, arrivals)


def keep_usd(i: Inputs, edit_usd: float) -> float:
    """What a tuned model costs more to keep than a prompt, rent left out, in US dollars a month."""
    work = (i.system_upkeep_hours - i.prompt_upkeep_hours) * i.engineer_usd_per_hour
    return work + (i.changes_per_month_count + 1 / i.base_life_months) * (i.retraining_usd - edit_usd)


def compute(i: Inputs) -> Outputs:
    warm = warm_share(i)
    prompt = prompt_usd(i, warm)
    edit = i.prompt_edit_hours * i.engineer_usd_per_hour + i.test_items * prompt
    tuned = weigh(i, i.tuned_serving, prompt, prompt_usd(i, i.cache_hit_share), keep_usd(i, edit))
    upfront = start_usd(i)
    search = i.search_work_hours * i.engineer_usd_per_hour + i.search_requests * prompt
    value = i.requests_per_month * (i.success_usd + i.failure_usd) * annuity_months(i.horizon_months, i.discount_share)
    return Outputs(
        horizon_saving_usd=tuned.horizon_saving_usd,
        payback_months=tuned.payback_months,
        break_even_requests_per_month=tuned.break_even_requests_per_month,
        saving_usd_per_request=tuned.saving_usd_per_request,
        prompt_usd_per_request=prompt,
        shorter_prompt_usd_per_request=prompt - short_usd(i, Size.SAME, i.thinking_tokens),
        tuned_usd_per_request=tuned.usd_per_request,
        warm_share=warm,
        upfront_usd=upfront,
        extra_usd_per_month=tuned.extra_usd_per_month,
        rent_usd_per_month=tuned.rent_usd_per_month,
        edit_usd=edit,
        break_even_requests=tokens.break_even_requests(
            upfront_usd=upfront, saving_usd_per_request=tuned.saving_usd_per_request
        ),
        rent_break_even_requests_per_month=tokens.hosting_break_even_requests_per_month(
            hosting_usd_per_month=tuned.rent_usd_per_month, saving_usd_per_request=tuned.saving_usd_per_request
        ),
        gap_points=100 * max(0.0, i.target_accuracy_share - i.prompted_accuracy_share),
        search_usd=search,
        search_break_even_points=points_to_pay(search, value),
        tuning_break_even_points=points_to_pay(-tuned.horizon_saving_usd, value),
    )


def is_short(o: Outputs) -> bool:
    """Whether the prompt falls short of the accuracy that is needed."""
    return o.gap_points > 0


def ground_of(i: Inputs, o: Outputs) -> Ground:
    trainable = i.labelled_examples + i.new_examples >= i.minimum_examples
    if trainable and o.horizon_saving_usd > 0:
        return Ground.TUNING_SAVES
    if is_short(o):
        if i.prompt_searched:
            if trainable and o.gap_points >= o.tuning_break_even_points:
                return Ground.TUNING_CLOSES_THE_GAP
        elif o.gap_points >= o.search_break_even_points:
            return Ground.SEARCH_COMES_FIRST
    if not trainable:
        return Ground.TOO_FEW_EXAMPLES
    if o.saving_usd_per_request <= 0:
        return Ground.REQUEST_IS_NO_CHEAPER
    return Ground.TOO_FEW_REQUESTS if o.break_even_requests_per_month < inf else Ground.CACHE_SAVES_IT_ALREADY


def judge(i: Inputs, o: Outputs) -> Verdict:
    ground = ground_of(i, o)
    volume = REQUESTS_PER_MONTH.show
    price = USD_PER_REQUEST.show
    requests = (
        f"With the long prompt: {price(o.prompt_usd_per_request)}, {SHARE.show(o.warm_share)} of them found in the "
        f"cache. Tuned: {price(o.tuned_usd_per_request)}. The shorter prompt alone saves "
        f"{price(o.shorter_prompt_usd_per_request)}."
    )
    keeping = (
        f"A first tuned model costs {USD.show(o.upfront_usd)}, and then {USD_PER_MONTH.show(o.extra_usd_per_month)} "
        "more than a prompt to keep."
    )
    better = _better(i, o)
    quality = (
        f"You are {POINTS.show(o.gap_points)} short. To pay, a search must bring "
        f"{POINTS.show(o.search_break_even_points)}; a tuned model {better}."
        if is_short(o)
        else f"The prompt reaches the accuracy you need; a tuned model {better}."
    )
    reasons = (requests, keeping, quality)
    step = _cheaper(i, o)
    match ground:
        case Ground.TUNING_SAVES:
            headline = (
                f"Tuning pays back in {MONTHS.show(o.payback_months)} and saves {USD.show(o.horizon_saving_usd)} over "
                f"{MONTHS.show(i.horizon_months)}; it would from {volume(o.break_even_requests_per_month)} on."
            )
            step = _first_trial(i, o)
        case Ground.TUNING_CLOSES_THE_GAP:
            headline = (
                f"The searched prompt is {POINTS.show(o.gap_points)} short; tuning pays if it closes "
                f"{POINTS.show(o.tuning_break_even_points)} of them."
            )
            step = _first_trial(i, o)
        case Ground.SEARCH_COMES_FIRST:
            headline = (
                f"You are {POINTS.show(o.gap_points)} short of the target: a search for a better prompt costs "
                f"{USD.show(o.search_usd)}, a first tuned model {USD.show(o.upfront_usd)}."
            )
            step = (
                "Read fifty failures and name their causes; then let a program search for a better prompt on half of "
                "your test items and score it on the other half."
            )
        case Ground.TOO_FEW_EXAMPLES:
            headline = f"Training needs {EXAMPLES.show(i.minimum_examples)}; the prompt needs none."
        case Ground.REQUEST_IS_NO_CHEAPER:
            headline = (
                "A request to the tuned model is no cheaper than one with the long prompt, so no volume pays it back."
            )
        case Ground.TOO_FEW_REQUESTS:
            headline = (
                f"Tuning pays from {volume(o.break_even_requests_per_month)} on over {MONTHS.show(i.horizon_months)}; "
                f"you have {volume(i.requests_per_month)}."
            )
        case Ground.CACHE_SAVES_IT_ALREADY:
            headline = (
                "With a warm cache a request to the tuned model saves nothing, so more volume does not pay it back."
            )
    return Verdict(ground.answer, headline, reasons, step)


def _better(i: Inputs, o: Outputs) -> str:
    """How much better a tuned model must be to pay, as the end of a sentence."""
    if o.tuning_break_even_points <= 0:
        return "pays even if it is no better"
    if i.prompted_accuracy_share + o.tuning_break_even_points / 100 > 1:
        return "could not be enough better to pay"
    return f"must bring {POINTS.show(o.tuning_break_even_points)}"


def _first_trial(i: Inputs, o: Outputs) -> str:
    if i.tuned_model == Size.SMALL and 2 * o.shorter_prompt_usd_per_request < o.saving_usd_per_request:
        return (
            "Score the small model with today's prompt first: most of the saving is its price, not the shorter prompt. "
            "Tune it if it falls short."
        )
    return (
        "Tune once on the examples you have, cut the prompt, and score both on the same test items before you switch."
    )


def _cheaper(i: Inputs, o: Outputs) -> str:
    prefix = i.prompt_tokens * i.shared_prefix_share
    if prefix < i.cache_minimum_tokens:
        return (
            f"Cut what the prompt does not need, line by line: its fixed part of {TOKENS.show(prefix)} is too short "
            "to be cached."
        )
    if is_short(o):
        return "Look at what a wrong answer costs before you pay for a better one: the gap is worth less than its cure."
    return "Put everything that never changes first in the prompt, and read on the bill that it was cached."


def exhibits(i: Inputs, o: Outputs) -> tuple[Exhibit, ...]:
    """The total cost of each way, month by month; the ways to serve; what one change costs."""
    return (_lines(i, o), _servings(i, o), _changes(i, o))


def _lines(i: Inputs, o: Outputs) -> Curves:
    plain = prompt_usd(i, 0.0)
    months = [i.horizon_months * part / 24 for part in range(25)]
    worths = [worth_months(i, month) for month in months]

    def line(label: str, usd_per_request: float, start: float, monthly: float) -> Line:
        spent = i.requests_per_month * usd_per_request
        points = tuple(
            (month, start + spent * token + monthly * fixed)
            for month, (token, fixed) in zip(months, worths, strict=True)
        )
        return Line(label=label, points=points)

    lines = [line("Long prompt", o.prompt_usd_per_request, 0.0, 0.0)]
    if plain > o.prompt_usd_per_request:
        lines.append(line("Long prompt, never cached", plain, 0.0, 0.0))
    lines.append(line("Tuned", o.tuned_usd_per_request, o.upfront_usd, o.extra_usd_per_month))
    prompt_end, tuned_end = lines[0].points[-1][1], lines[-1].points[-1][1]
    marks = (Mark(label="payback", x=o.payback_months),) if o.payback_months <= i.horizon_months else ()
    return Curves(
        title="Total cost, month by month",
        description=(
            f"After {MONTHS.show(i.horizon_months)} the long prompt has cost {USD.show(prompt_end)} and the tuned "
            f"model {USD.show(tuned_end)}, in today's money; upkeep is what it costs more than the prompt's."
        ),
        x_label="Months",
        y_label="Spent so far",
        x_unit=MONTHS,
        y_unit=USD,
        lines=tuple(lines),
        marks=marks,
    )


def _servings(i: Inputs, o: Outputs) -> Table:
    warm = prompt_usd(i, i.cache_hit_share)
    keep = keep_usd(i, o.edit_usd)
    found = [(serving, weigh(i, serving, o.prompt_usd_per_request, warm, keep)) for serving in Serving]
    return Table(
        title="What the tuned model costs to serve",
        columns=("Paid for", "A request", "Rent", "Pays within the horizon from", "Payback at your volume"),
        rows=tuple(
            (
                str(serving),
                USD_PER_REQUEST.show(tuned.usd_per_request),
                USD_PER_MONTH.show(tuned.rent_usd_per_month),
                REQUESTS_PER_MONTH.show(tuned.break_even_requests_per_month),
                MONTHS.show(tuned.payback_months),
            )
            for serving, tuned in found
        ),
        note=f"The long prompt costs {USD_PER_REQUEST.show(o.prompt_usd_per_request)}. Never: not within ten years.",
        highlight=list(Serving).index(Serving(i.tuned_serving)),
    )


def _changes(i: Inputs, o: Outputs) -> Table:
    return Table(
        title="What one change to the behaviour costs",
        columns=("Change", "Cost", "Takes about"),
        rows=(
            ("Edit the prompt and test it", USD.show(o.edit_usd), HOURS.show(i.prompt_edit_hours)),
            ("Search for a better prompt", USD.show(o.search_usd), HOURS.show(i.search_work_hours)),
            ("Train again and test it", USD.show(i.retraining_usd), DAYS.show(i.retraining_lag_days)),
        ),
    )


DECISION = Decision(
    "Does a better prompt do it for less?",
    Inputs,
    Outputs,
    compute,
    ground_of,
    judge,
    exhibits=exhibits,
    result="horizon_saving_usd",
    shown=(
        "payback_months",
        "break_even_requests_per_month",
        "saving_usd_per_request",
        "upfront_usd",
        "extra_usd_per_month",
        "search_usd",
    ),
    consideration="what a long prompt costs in use against what a tuned model costs to make and to keep",
)
