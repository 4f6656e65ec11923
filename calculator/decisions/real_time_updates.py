"""How stale may an answer be, and what keeps it fresh: an index, retraining, or nothing?

Facts change at a constant rate (a half-life). Retraining happens on a schedule, goes live after a lag, and teaches only
part of what changed. An index is updated within hours and adds passages to each prompt. Left out: bursts (a new law on
one day is a date, not a half-life), facts that contradict each other, and the right to have a fact deleted, which
weights cannot give.
"""

from dataclasses import dataclass
from functools import partial
from math import log2

from calculator import situation
from calculator.exhibit import Curves, Exhibit, Line, Mark
from calculator.fields import ask, assume, out
from calculator.situation import DAYS_PER_MONTH
from calculator.stats.decay import any_stale, mean_stale_share, stale_share
from calculator.units import DAYS, SHARE, USD_PER_MONTH
from calculator.verdict import Advice, Decision, Rule, Stance, Verdict


class Answer(Advice):
    RETRIEVE = "Retrieve from live sources", Stance.REFRAIN
    RETRAIN = "Keep up by retraining", Stance.TRAIN
    NEITHER = "Freshness does not decide", Stance.OPEN


class Ground(Rule):
    FACTS_LAST = Answer.NEITHER
    RETRAINING_LAGS = Answer.RETRIEVE
    RETRAINING_IS_CHEAPER = Answer.RETRAIN
    INDEX_IS_CHEAPER = Answer.RETRIEVE


_facts = partial(ask, group=situation.FACTS)


@dataclass(frozen=True, kw_only=True)
class Inputs:
    fact_half_life_days: float = situation.fact_half_life_days
    facts_per_answer_count: float = situation.facts_per_answer_count
    stale_allowed_share: float = _facts(0.02, "Answers that may be out of date")
    fact_requests_share: float = _facts(0.5, "Requests that touch changing facts", hint="The others need no refresh")
    retraining_days: float = situation.retraining_days
    corpus_tokens: float = situation.corpus_tokens
    requests_per_month: float = situation.requests_per_month
    failure_usd: float = situation.failure_usd
    horizon_months: float = situation.horizon_months
    large_api_model: str = situation.large_api_model
    retraining_usd: float = assume("retraining_usd")
    retraining_lag_days: float = assume("retraining_lag_days")
    index_lag_days: float = assume("index_lag_days")
    learned_facts_share: float = assume("learned_facts_share")
    retrieved_tokens: float = assume("retrieved_tokens")
    large_input_usd_per_mtok: float = assume("large_input_usd_per_mtok")
    embedding_usd_per_mtok: float = assume("embedding_usd_per_mtok")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    untouched_stale_share: float = out(
        "Answers out of date, nothing refreshed", how="stats.decay.mean_stale_share over the horizon"
    )
    retrained_stale_share: float = out(
        "Answers out of date, retrained",
        how="stats.decay.mean_stale_share, plus the changed facts that tuning did not teach",
    )
    retrieved_stale_share: float = out(
        "Answers out of date, retrieved", how="stats.decay.mean_stale_share with the index's lag"
    )
    retraining_usd_per_month: float = out(
        "Keeping up by retraining", formula="retraining_usd / retraining_days * (365.25 / 12)"
    )
    index_usd_per_month: float = out(
        "Keeping up by an index", how="re-embedding what changed, and the passages in each prompt"
    )
    retrained_errors_usd_per_month: float = out(
        "Wrong answers, retrained",
        formula="requests_per_month * fact_requests_share * retrained_stale_share * failure_usd",
    )
    retrieved_errors_usd_per_month: float = out(
        "Wrong answers, retrieved",
        formula="requests_per_month * fact_requests_share * retrieved_stale_share * failure_usd",
    )


def compute(i: Inputs) -> Outputs:
    half_life, facts = i.fact_half_life_days, i.facts_per_answer_count
    horizon_days = i.horizon_months * DAYS_PER_MONTH
    untouched = mean_stale_share(half_life, horizon_days)
    cycle = mean_stale_share(half_life, i.retraining_days, i.retraining_lag_days)
    missed = (1 - cycle) * untouched * (1 - i.learned_facts_share)
    retrained = any_stale(min(1.0, cycle + missed), facts)
    retrieved = any_stale(mean_stale_share(half_life, 0, i.index_lag_days), facts)

    fact_requests = i.requests_per_month * i.fact_requests_share
    changed_per_month = stale_share(DAYS_PER_MONTH, half_life)
    index = (
        changed_per_month * i.corpus_tokens * i.embedding_usd_per_mtok
        + fact_requests * i.retrieved_tokens * i.large_input_usd_per_mtok
    ) / 1e6
    return Outputs(
        untouched_stale_share=any_stale(untouched, facts),
        retrained_stale_share=retrained,
        retrieved_stale_share=retrieved,
        retraining_usd_per_month=i.retraining_usd / i.retraining_days * DAYS_PER_MONTH,
        index_usd_per_month=index,
        retrained_errors_usd_per_month=fact_requests * retrained * i.failure_usd,
        retrieved_errors_usd_per_month=fact_requests * retrieved * i.failure_usd,
    )


def ground_of(i: Inputs, o: Outputs) -> Ground:
    if o.untouched_stale_share <= i.stale_allowed_share:
        return Ground.FACTS_LAST
    if o.retrained_stale_share > i.stale_allowed_share:
        return Ground.RETRAINING_LAGS
    retraining = o.retraining_usd_per_month + o.retrained_errors_usd_per_month
    cheaper = retraining < o.index_usd_per_month + o.retrieved_errors_usd_per_month
    return Ground.RETRAINING_IS_CHEAPER if cheaper else Ground.INDEX_IS_CHEAPER


def judge(i: Inputs, o: Outputs) -> Verdict:
    ground = ground_of(i, o)
    share, money = SHARE.show, USD_PER_MONTH.show
    staleness = (
        f"Out of date: {share(o.untouched_stale_share)} of answers if nothing is refreshed, "
        f"{share(o.retrained_stale_share)} with retraining, {share(o.retrieved_stale_share)} with retrieval."
    )
    bills = (
        f"Keeping up costs {money(o.retraining_usd_per_month)} by retraining, "
        f"{money(o.index_usd_per_month)} by an index."
    )
    match ground:
        case Ground.FACTS_LAST:
            headline = (
                f"Only {share(o.untouched_stale_share)} of answers go out of date over the horizon; "
                f"you allow {share(i.stale_allowed_share)}."
            )
            step = "Note the date of your data on each answer, and look again when the facts change faster."
        case Ground.RETRAINING_LAGS:
            headline = (
                f"Retraining every {DAYS.show(i.retraining_days)} leaves {share(o.retrained_stale_share)} of answers "
                f"out of date; you allow {share(i.stale_allowed_share)}."
            )
            step = "Index the sources that change and measure how many answers rest on a passage older than the change."
        case Ground.RETRAINING_IS_CHEAPER:
            headline = "Retraining is fresh enough, and cheaper than the passages retrieval adds to every prompt."
            step = "Automate the regression test first: it, not the GPU, sets how often you can retrain."
        case Ground.INDEX_IS_CHEAPER:
            headline = "Both are fresh enough; an index costs less than retraining and the errors it leaves."
            step = "Index the sources that change; keep training for behaviour."
    return Verdict(ground.answer, headline, (staleness, bills), step)


def _bends(days: float, half_life: float, count: int) -> list[float]:
    """Days between which the share out of date grows by the same step: there a curve through them keeps its bend."""
    end = stale_share(days, half_life)
    if end == 0.0:
        return [days * step / count for step in range(count + 1)]
    inner = [-half_life * log2(1.0 - end * step / count) for step in range(1, count)]
    return [0.0, *(min(day, days) for day in inner), days]


def exhibits(i: Inputs, o: Outputs) -> tuple[Exhibit, ...]:
    """The saw-tooth: the share of facts out of date, day by day, over three retraining cycles."""
    half_life, cycle, lag = i.fact_half_life_days, i.retraining_days, i.retraining_lag_days
    teeth: list[tuple[float, float]] = []
    for k in range(3):
        start = k * cycle
        teeth += [(start + day, stale_share(lag + day, half_life)) for day in _bends(cycle, half_life, 12)]
    untouched = tuple((day, stale_share(day, half_life)) for day in _bends(3 * cycle, half_life, 32))
    fresh = stale_share(i.index_lag_days, half_life)
    return (
        Curves(
            title="Share of facts out of date, day by day",
            description=(
                f"Retraining every {DAYS.show(cycle)} climbs from {SHARE.show(teeth[0][1])} "
                f"to {SHARE.show(teeth[-1][1])} and falls back; an index stays at {SHARE.show(fresh)}."
            ),
            x_label="Day",
            y_label="Facts out of date",
            x_unit=DAYS,
            y_unit=SHARE,
            lines=(
                Line(label="Never refreshed", points=untouched),
                Line(label="Retrained", points=tuple(teeth)),
                Line(label="Retrieved", points=((0, fresh), (3 * cycle, fresh))),
            ),
            marks=(Mark(label="Allowed", y=i.stale_allowed_share),),
        ),
    )


DECISION = Decision(
    "How stale may an answer be?",
    Inputs,
    Outputs,
    compute,
    ground_of,
    judge,
    exhibits=exhibits,
    result="retrained_stale_share",
    consideration="how fresh the facts in an answer must be",
)
