"""How small a model will do: the smallest that clears the bar, alone or with a large one behind it?

Accuracy on the reader's own test items decides, with its interval. A small model alone, a small one that passes hard
requests on (a cascade), and the large one are compared in money and in right answers. Left out: a scope that grows
later, and languages or safety cases that the test items do not hold.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import inf, sqrt

from calculator import situation
from calculator.cases import Situation
from calculator.cases.quality import expected
from calculator.exhibit import Curves, Exhibit, Line, Mark, Table
from calculator.fields import ask, assume, out, paste
from calculator.llm.tokens import MILLION, request_usd, usd_per_correct_answer
from calculator.stats.intervals import wilson
from calculator.units import BILLIONS, ITEMS, MILLISECONDS, SHARE, USD, USD_PER_MONTH, parse
from calculator.verdict import Advice, Decision, Rule, Stance, Verdict

MOST_CANDIDATES = 20


class Answer(Advice):
    SMALL = "A small model alone", Stance.OPEN
    CASCADE = "A small model, with a large one behind it", Stance.OPEN
    LARGE = "Keep the large model", Stance.OPEN


class Ground(Rule):
    CLEARS = Answer.SMALL
    CLEARS_WITH_HELP = Answer.CASCADE
    COSTS_MORE = Answer.LARGE
    FALLS_SHORT = Answer.LARGE


@lru_cache(maxsize=64)
def candidates_of(text: str) -> tuple[tuple[float, float], ...]:
    """(billions of parameters, accuracy) of each line, smallest first. ValueError names a line that is not that."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        cells = [cell for cell in line.replace(";", "\t").replace(",", "\t").split("\t") if cell.strip()]
        if len(cells) == 1:
            cells = line.split()
        if not cells:
            continue
        if len(cells) != 2:
            raise ValueError(
                f"Scores by size: line {number} must be a size and a score, like “8, 84%”; given: {line[:40]!r}"
            )
        try:
            size, score = parse(cells[0], BILLIONS), parse(cells[1], SHARE)
        except ValueError as error:
            raise ValueError(f"Scores by size: line {number}: {error}; given: {line[:40]!r}") from None
        if size > 1e5:
            size /= 1e9
        if not (0.01 <= size <= 5000 and 0 <= score <= 1):
            raise ValueError(
                f"Scores by size: line {number} must be 0.01 to 5,000 billion and 0 to 100 %; given: {line[:40]!r}"
            )
        found.append((size, score))
    if len(found) > MOST_CANDIDATES:
        raise ValueError(f"Scores by size must be at most {MOST_CANDIDATES} lines; given: {len(found)}")
    return tuple(sorted(found))


CANDIDATES = paste(
    "",
    "Scores by size",
    longest=2_000,
    check=candidates_of,
    hint="One model a line: billions of parameters, accuracy. Like “8, 84%”",
    group=situation.QUALITY,
)
"""What this page finds of small models, which the overall decision asks for too."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    target_accuracy_share: float = situation.target_accuracy_share
    prompted_accuracy_share: float = situation.prompted_accuracy_share
    small_accuracy_share: float | None = situation.small_accuracy_share
    candidates: str = CANDIDATES
    test_items: float = situation.test_items
    escalated_share: float = ask(0.15, "Requests passed on to the large model", group=situation.TRAFFIC)
    requests_per_month: float = situation.requests_per_month
    prompt_tokens: float = situation.prompt_tokens
    answer_tokens: float = situation.answer_tokens
    thinking_tokens: float = situation.thinking_tokens
    failure_usd: float = situation.failure_usd
    success_usd: float = situation.success_usd
    large_api_model: str = situation.large_api_model
    small_api_model: str = situation.small_api_model
    small_score_surprise_sd: float = assume("small_score_surprise_sd")
    caught_share: float = assume("caught_share")
    small_input_usd_per_mtok: float = assume("small_input_usd_per_mtok")
    small_output_usd_per_mtok: float = assume("small_output_usd_per_mtok")
    large_input_usd_per_mtok: float = assume("large_input_usd_per_mtok")
    large_output_usd_per_mtok: float = assume("large_output_usd_per_mtok")
    small_first_token_ms: float = assume("small_first_token_ms")
    large_first_token_ms: float = assume("large_first_token_ms")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    small_right_share: float = out(
        "Small model: right answers", how="your score, or a published share of the large one's"
    )
    cascade_right_share: float = out(
        "With escalation: right answers", how="errors not caught, and errors of the large model on what it gets"
    )
    large_right_share: float = out("Large model: right answers", formula="prompted_accuracy_share")
    small_low_share: float = out("Small model: at least, with 95 % confidence", how="stats.intervals.wilson")
    small_usd_per_month: float = out("Small model alone", how="llm.tokens.request_usd")
    cascade_usd_per_month: float = out(
        "With escalation", formula="small_usd_per_month + escalated_share * large_usd_per_month"
    )
    large_usd_per_month: float = out("Large model", how="llm.tokens.request_usd")
    break_even_escalated_share: float = out(
        "Escalation above which a cascade costs more", how="1 - small / large cost of a request"
    )
    small_usd_per_correct_usd: float = out("Small model: a right answer costs", how="llm.tokens.usd_per_correct_answer")
    large_usd_per_correct_usd: float = out("Large model: a right answer costs", how="llm.tokens.usd_per_correct_answer")


def picked(i: Inputs) -> tuple[float | None, float]:
    """Size in billions, where known, and accuracy of the small model in question.

    Of the pasted scores the smallest model that clears the bar, else the best of them; else the reader's one score;
    else the published share of what a large model reaches.
    """
    found = candidates_of(i.candidates) if i.candidates else ()
    if found:
        clear = [row for row in found if row[1] >= i.target_accuracy_share]
        return min(clear) if clear else max(found, key=lambda row: (row[1], -row[0]))
    if i.small_accuracy_share is not None:
        return None, i.small_accuracy_share
    here = Situation(baseline_prompted_score_01=i.prompted_accuracy_share, year=situation.YEAR)
    return None, expected(here, ("as_is", "slm_prompted"))["slm_prompted"].mean


def compute(i: Inputs) -> Outputs:
    _, score = picked(i)
    error = sqrt(score * (1 - score) / i.test_items)
    small = min(1.0, max(0.0, score + i.small_score_surprise_sd * error))
    large = i.prompted_accuracy_share
    # Nobody can pass on more errors than there are requests passed on.
    caught = min(i.caught_share * (1 - small), i.escalated_share)
    cascade = 1 - ((1 - small - caught) + i.escalated_share * (1 - large))
    small_request, large_request = (
        request_usd(
            prompt_tokens=i.prompt_tokens,
            answer_tokens=i.answer_tokens + i.thinking_tokens,
            input_usd_per_mtok=price_in,
            output_usd_per_mtok=price_out,
        )
        for price_in, price_out in (
            (i.small_input_usd_per_mtok, i.small_output_usd_per_mtok),
            (i.large_input_usd_per_mtok, i.large_output_usd_per_mtok),
        )
    )
    small_month, large_month = i.requests_per_month * small_request, i.requests_per_month * large_request
    return Outputs(
        small_right_share=small,
        cascade_right_share=max(0.0, cascade),
        large_right_share=large,
        small_low_share=wilson(score * i.test_items, i.test_items)[0],
        small_usd_per_month=small_month,
        cascade_usd_per_month=small_month + i.escalated_share * large_month,
        large_usd_per_month=large_month,
        break_even_escalated_share=max(0.0, 1 - small_request / large_request) if large_request > 0 else 0.0,
        small_usd_per_correct_usd=usd_per_correct_answer(usd_per_request=small_request, accuracy=small),
        large_usd_per_correct_usd=usd_per_correct_answer(usd_per_request=large_request, accuracy=large),
    )


def bar_share(i: Inputs, o: Outputs) -> float:
    """What is asked of a small model: the target, or the large model where that falls short of it."""
    return min(i.target_accuracy_share, o.large_right_share)


def ground_of(i: Inputs, o: Outputs) -> Ground:
    bar = bar_share(i, o)
    if o.small_right_share >= bar:
        return Ground.CLEARS
    if o.cascade_right_share < bar:
        return Ground.FALLS_SHORT
    return Ground.CLEARS_WITH_HELP if o.cascade_usd_per_month < o.large_usd_per_month else Ground.COSTS_MORE


def judge(i: Inputs, o: Outputs) -> Verdict:
    ground, bar = ground_of(i, o), bar_share(i, o)
    share, money = SHARE.show, USD_PER_MONTH.show
    size, score = picked(i)
    which = (
        f"The smallest that does, at {BILLIONS.show(size)}, scores" if size is not None else "The small model scores"
    )
    if size is None and i.small_accuracy_share is None:
        which = "With no score of yours, published comparisons put a small model at"
    scored = (
        f"{which} {share(score)}; with {ITEMS.show(i.test_items)} it is {share(o.small_low_share)} or more with 95 % "
        f"confidence. The large one scores {share(o.large_right_share)}."
    )
    bills = (
        f"Alone {money(o.small_usd_per_month)}, with {share(i.escalated_share)} passed on "
        f"{money(o.cascade_usd_per_month)}, "
        f"the large model {money(o.large_usd_per_month)}."
    )
    match ground:
        case Ground.CLEARS:
            headline = (
                f"It reaches {share(o.small_right_share)} where {share(bar)} is asked, for "
                f"{money(o.small_usd_per_month)}."
            )
            step = (
                "Score it on more items before you switch: the interval still reaches below the bar."
                if o.small_low_share < bar
                else "Switch, and score a sample each month: scopes grow."
            )
        case Ground.CLEARS_WITH_HELP:
            headline = (
                f"Alone it reaches {share(o.small_right_share)}; with {share(i.escalated_share)} passed on "
                f"{share(o.cascade_right_share)}, where {share(bar)} is asked."
            )
            step = "Measure what share of its own errors your router catches: the verdict rests on it."
        case Ground.COSTS_MORE:
            headline = (
                f"With {share(i.escalated_share)} passed on it reaches {share(o.cascade_right_share)}, where "
                f"{share(bar)} is asked, and costs no less: {money(o.cascade_usd_per_month)} against "
                f"{money(o.large_usd_per_month)} for the large model alone."
            )
            step = "Pass less on, or find a cheaper small model: what is asked of it is within reach."
        case Ground.FALLS_SHORT:
            headline = (
                f"The small model reaches {share(o.small_right_share)}, with escalation "
                f"{share(o.cascade_right_share)}; {share(bar)} is asked."
            )
            step = "Narrow the scope first: score the small model on your most frequent kind of request alone."
    return Verdict(ground.answer, headline, (scored, bills), step)


def exhibits(i: Inputs, o: Outputs) -> tuple[Exhibit, ...]:
    steps = [k / 40 for k in range(41)]
    per_million = MILLION / i.requests_per_month
    small, large = o.small_usd_per_month * per_million, o.large_usd_per_month * per_million
    lines = (
        Line(label="Small alone", points=((0.0, small), (1.0, small))),
        Line(label="Small, rest passed on", points=tuple((step, small + step * large) for step in steps)),
        Line(label="Large", points=((0.0, large), (1.0, large))),
    )
    curves = Curves(
        title="Cost of a million requests, by the share passed on",
        description=(
            f"A cascade pays both models for what it passes on; above {SHARE.show(o.break_even_escalated_share)} "
            "it costs more than the large model alone."
        ),
        x_label="Requests passed on",
        y_label="Cost of a million requests",
        x_unit=SHARE,
        y_unit=USD,
        lines=lines,
        marks=(Mark(label="yours", x=i.escalated_share),),
    )
    begin_small, begin_large = i.small_first_token_ms, i.large_first_token_ms
    table = Table(
        title="Side by side",
        columns=("Way", "Right answers", "Cost a month", "A right answer costs", "Begins after, on average"),
        rows=tuple(
            (
                str(answer),
                SHARE.show(right),
                USD_PER_MONTH.show(cost),
                USD.show(cost / i.requests_per_month / right) if right > 0 else USD.show(inf),
                MILLISECONDS.show(begin),
            )
            for answer, right, cost, begin in (
                (Answer.SMALL, o.small_right_share, o.small_usd_per_month, begin_small),
                (
                    Answer.CASCADE,
                    o.cascade_right_share,
                    o.cascade_usd_per_month,
                    begin_small + i.escalated_share * begin_large,
                ),
                (Answer.LARGE, o.large_right_share, o.large_usd_per_month, begin_large),
            )
        ),
    )
    return (curves, table)


DECISION = Decision(
    "How small a model will do?",
    Inputs,
    Outputs,
    compute,
    ground_of,
    judge,
    exhibits=exhibits,
    result="small_right_share",
    shown=(
        "small_right_share",
        "cascade_right_share",
        "small_usd_per_month",
        "cascade_usd_per_month",
        "large_usd_per_month",
        "break_even_escalated_share",
    ),
    consideration="the smallest model that clears the bar",
)
