"""Will training fix long conversations, or does the history overflow, or is it told badly?

Three causes look alike. The window is full; the request came bit by bit, which costs a step of accuracy from the second
turn on (not a loss at each turn); or the model does not know how such a conversation should go. Only the last is cured
by training. Tokens and money follow from the turns, with and without caching. Left out: surcharges for very long
prompts, images, and agents whose independent steps do compound.
"""

from dataclasses import dataclass
from functools import partial
from math import ceil

from calculator import situation
from calculator.decisions._tables import worded
from calculator.exhibit import Curves, Exhibit, Line, Mark, Table
from calculator.fields import ask, assume, flag, out
from calculator.llm import tokens
from calculator.situation import Failure
from calculator.units import EXAMPLES, POINTS, SHARE, TOKENS, TURNS, USD
from calculator.verdict import Advice, Decision, Rule, Stance, Verdict

DRIP_FED = ask(
    0.5,
    "Conversations in which the request comes bit by bit",
    hint="Read fifty: does the last turn need what earlier turns said?",
    group=situation.QUALITY,
)
ONE_PROMPT = ask(
    None,
    "Accuracy with all of it in one prompt",
    hint="Replay a hundred, good and failed, as one prompt each. Leave empty when not known",
    group=situation.QUALITY,
)
"""What this page finds of the prompt, which the overall decision asks for too."""

NOT_OF_THE_TURNS = frozenset({Failure.FACTS_MISSING, Failure.FACTS_STALE, Failure.SLOW, Failure.DEAR})
"""Failures that neither restating nor training on conversations cures."""

LENGTHS = (5, 10, 20, 40)
"""Turns for which the table shows the cost."""


class Answer(Advice):
    RESTATE = "Restate what is known in one prompt", Stance.REFRAIN
    ROOM = "Make room in the window", Stance.REFRAIN
    TRAIN = "Train on whole conversations", Stance.TRAIN
    NEITHER = "The turns do not decide", Stance.OPEN


class Ground(Rule):
    WINDOW_IS_FULL = Answer.ROOM
    REACHED = Answer.NEITHER
    SINGLE_TURN = Answer.NEITHER
    OTHER_FAILURE = Answer.NEITHER
    RESTATING_REACHES_IT = Answer.RESTATE
    CANNOT_TRAIN = Answer.RESTATE
    RESTATING_FALLS_SHORT = Answer.TRAIN


_traffic = partial(ask, group=situation.TRAFFIC)


@dataclass(frozen=True, kw_only=True)
class Inputs:
    conversation_turns: float = situation.conversation_turns
    prompted_accuracy_share: float = situation.prompted_accuracy_share
    target_accuracy_share: float = situation.target_accuracy_share
    drip_fed_share: float = DRIP_FED
    one_prompt_accuracy_share: float | None = ONE_PROMPT
    failure: str = situation.failure
    prompt_tokens: float = situation.prompt_tokens
    shared_prefix_share: float = situation.shared_prefix_share
    system_tokens: float | None = _traffic(
        None,
        "Instructions and tools, sent with every turn",
        low=1,
        high=2e6,
        hint="Empty: the part of your prompt that never changes",
    )
    user_tokens: float = _traffic(
        120,
        "What the user adds in a turn",
        low=1,
        high=2e5,
        hint="With tool results, where there are any: they are most of it",
    )
    answer_tokens: float = situation.answer_tokens
    thinking_tokens: float = situation.thinking_tokens
    context_tokens: float = _traffic(128_000, "Context window", low=512, high=1e8, hint="Of the model you use")
    turn_gap_seconds: float = _traffic(
        45, "Time between two turns", low=0.1, high=604_800, hint="On average. Long pauses empty the cache"
    )
    summary_turns: float = _traffic(6, "Turns until a summary replaces the history", low=1, high=500, whole=True)
    summary_tokens: float = _traffic(300, "Length of a summary, or of the restated request", low=1, high=2e5)
    requests_per_month: float = situation.requests_per_month
    labelled_examples: float = situation.labelled_examples
    whole_conversations: bool = flag(
        True,
        "Your examples are whole conversations",
        hint="No: single questions with their answers",
        group=situation.DATA,
    )
    large_api_model: str = situation.large_api_model
    large_input_usd_per_mtok: float = assume("large_input_usd_per_mtok")
    large_output_usd_per_mtok: float = assume("large_output_usd_per_mtok")
    cache_read_ratio: float = assume("cache_read_ratio")
    cache_write_ratio: float = assume("cache_write_ratio")
    cache_kept_seconds: float = assume("cache_kept_seconds")
    cache_minimum_tokens: float = assume("cache_minimum_tokens")
    usable_context_share: float = assume("usable_context_share")
    multi_turn_drop_share: float = assume("multi_turn_drop_share")
    restated_kept_share: float = assume("restated_kept_share")
    minimum_examples: float = assume("minimum_examples")
    engineer_usd_per_hour: float = assume("engineer_usd_per_hour")
    prompt_work_hours: float = assume("prompt_work_hours")
    training_work_hours: float = assume("training_work_hours")
    runs_count: float = assume("runs_count")
    managed_small_usd_per_mtok: float = assume("managed_small_usd_per_mtok")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    restated_accuracy_share: float = out(
        "Accuracy to expect with all of it in one fresh prompt",
        how="as measured, or accuracy today / (1 - drop * share that comes bit by bit), less what restating loses",
    )
    recovered_points: float = out(
        "Points that restating wins back", formula="100 * (restated_accuracy_share - prompted_accuracy_share)"
    )
    usable_turns: float = out("Turns until the usable part of the window is full", how="llm.tokens.turns_until_full")
    full_turns: float = out("Turns until the whole window is full", how="llm.tokens.turns_until_full")
    sent_tokens: float = out("Tokens sent in one conversation, history included", how="llm.tokens.conversation_tokens")
    warm_share: float = out(
        "Turns that find the history in the cache", how="llm.tokens.cache_hit_share of the time between turns"
    )
    plain_conversation_usd: float = out(
        "A conversation, never cached", how="llm.tokens.conversation_tokens at the prices of input and output"
    )
    cached_conversation_usd: float = out("A conversation, cached", how="llm.tokens.conversation_usd")
    cache_saving_share: float = out(
        "Saved by caching",
        formula="1 - cached_conversation_usd / plain_conversation_usd if plain_conversation_usd else 0",
    )
    summarised_conversation_usd: float = out(
        "A conversation, cached and summarised",
        how="llm.tokens.conversation_usd of each stretch between summaries, and the calls that write them",
    )
    restated_conversation_usd: float = out(
        "A conversation, restated at every turn",
        how="llm.tokens.request_usd of each turn with the restated request, and the calls that write it",
    )
    cached_usd_per_month: float = out(
        "All conversations, cached", formula="requests_per_month / conversation_turns * cached_conversation_usd"
    )
    restated_usd_per_month: float = out(
        "All conversations, restated at every turn",
        formula="requests_per_month / conversation_turns * restated_conversation_usd",
    )
    restating_start_usd: float = out("Work to restate", formula="prompt_work_hours * engineer_usd_per_hour")
    training_start_usd: float = out(
        "Work and runs of a first tuned model",
        how="work, and one pass over the conversations for each run (llm.tokens.managed_training_usd)",
    )
    conversation_example_tokens: float = out(
        "Length of one training example", how="the last prompt and its answer: instructions and all turns"
    )


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Tokens that a conversation of some length sends, and its US dollars when it is told in four ways."""

    sent_tokens: float
    last_prompt_tokens: float
    plain: float
    cached: float
    summarised: float
    restated: float


def system_tokens(i: Inputs) -> float:
    """Tokens of instructions and tools: as given, else the part of the prompt that never changes."""
    return max(1.0, i.prompt_tokens * i.shared_prefix_share) if i.system_tokens is None else i.system_tokens


def warm_share(i: Inputs) -> float:
    """Share of turns that come before the cache has forgotten the history, for gaps of this mean."""
    return tokens.cache_hit_share(requests_per_hour=3600 / i.turn_gap_seconds, kept_minutes=i.cache_kept_seconds / 60)


def cached_usd(i: Inputs, turns: float, system: float, warm: float) -> float:
    """A conversation with its history cached, in US dollars."""
    return tokens.conversation_usd(
        turns=turns,
        system_tokens=system,
        user_tokens=i.user_tokens,
        answer_tokens=i.answer_tokens,
        input_usd_per_mtok=i.large_input_usd_per_mtok,
        output_usd_per_mtok=i.large_output_usd_per_mtok,
        hit_share=warm,
        read_factor=i.cache_read_ratio,
        write_factor=i.cache_write_ratio,
        minimum_prefix_tokens=i.cache_minimum_tokens,
    )


def call_usd(i: Inputs, prompt: float, answer: float, prefix: float, warm: float) -> float:
    """One call whose first `prefix` tokens may be cached, in US dollars."""
    return tokens.request_usd(
        prompt_tokens=prompt,
        answer_tokens=answer,
        input_usd_per_mtok=i.large_input_usd_per_mtok,
        output_usd_per_mtok=i.large_output_usd_per_mtok,
        shared_prefix_tokens=prefix,
        hit_share=warm,
        read_factor=i.cache_read_ratio,
        write_factor=i.cache_write_ratio,
        minimum_prefix_tokens=i.cache_minimum_tokens,
    )


def summarised_usd(i: Inputs, turns: float, warm: float) -> float:
    """A conversation longer than the turns until a summary, which then replaces its history each time, in US dollars.

    Each stretch begins with the instructions and the summary written anew; the call that writes a summary reads the
    stretch before it.
    """
    system, stretch = system_tokens(i), i.summary_turns
    summaries = ceil(turns / stretch) - 1
    later = system + i.summary_tokens
    last = turns - summaries * stretch
    history = later + stretch * (i.user_tokens + i.answer_tokens)
    between = (summaries - 1) * cached_usd(i, stretch, later, warm) if summaries > 1 else 0.0
    writing = summaries * call_usd(i, history, i.summary_tokens, history, warm)
    return cached_usd(i, stretch, system, warm) + between + cached_usd(i, last, later, warm) + writing


def restated_usd(i: Inputs, turns: float, warm: float) -> float:
    """A conversation in which every turn is one fresh prompt that states all that is known, in US dollars.

    From the second turn on one more call rewrites what is known from itself, the last answer and the new message. As in
    a cached conversation, the first turn finds nothing in the cache.
    """
    system = system_tokens(i)
    first = call_usd(i, system + i.user_tokens, i.answer_tokens, system, 0.0)
    turn = call_usd(i, system + i.summary_tokens + i.user_tokens, i.answer_tokens, system, warm)
    rewrite = call_usd(i, i.summary_tokens + i.answer_tokens + i.user_tokens, i.summary_tokens, 0.0, warm)
    return first + (turns - 1) * (turn + rewrite)


def cost(i: Inputs, turns: float) -> Cost:
    """What a conversation of this many turns sends and costs."""
    warm, system = warm_share(i), system_tokens(i)
    talk = tokens.conversation_tokens(
        turns=turns, system_tokens=system, user_tokens=i.user_tokens, answer_tokens=i.answer_tokens
    )
    received = talk.output_tokens * i.large_output_usd_per_mtok
    # Thinking is billed at each turn and left out of the history.
    thought = turns * i.thinking_tokens * i.large_output_usd_per_mtok / 1e6
    cached = cached_usd(i, turns, system, warm) + thought
    return Cost(
        sent_tokens=talk.input_tokens,
        last_prompt_tokens=talk.last_prompt_tokens,
        plain=(talk.input_tokens * i.large_input_usd_per_mtok + received) / 1e6 + thought,
        cached=cached,
        summarised=summarised_usd(i, turns, warm) + thought if turns > i.summary_turns else cached,
        restated=restated_usd(i, turns, warm) + thought,
    )


def restated_accuracy(i: Inputs) -> float:
    """Accuracy with everything said in one fresh prompt: as measured, else from what many models lost and won back.

    The loss is a step: it is there with two turns and hardly grows with more (Laban and others 2025). So accuracy at
    once is today's / (1 - drop x share of conversations told bit by bit), and restating keeps most of it.
    """
    if i.one_prompt_accuracy_share is not None:
        return i.one_prompt_accuracy_share
    return restated_share(
        i.prompted_accuracy_share,
        i.conversation_turns,
        i.drip_fed_share,
        i.multi_turn_drop_share,
        i.restated_kept_share,
    )


def restated_share(accuracy: float, turns: float, drip_fed: float, drop: float, kept: float) -> float:
    """What restating is expected to reach: accuracy, and the shares of conversations told bit by bit, of accuracy that
    those lose and of it that restating keeps."""
    told_in_bits = drip_fed if has_history(turns) else 0.0
    at_once = min(1.0, accuracy / (1 - drop * told_in_bits))
    return max(accuracy, at_once * (1 - (1 - kept) * told_in_bits))


def turns_that_fit(i: Inputs, context: float) -> float:
    """Whole turns that this much context holds, the last answer included."""
    return tokens.turns_until_full(
        context_tokens=context,
        system_tokens=system_tokens(i),
        user_tokens=i.user_tokens,
        answer_tokens=i.answer_tokens,
        reserved_tokens=i.answer_tokens,
    )


def compute(i: Inputs) -> Outputs:
    here = cost(i, i.conversation_turns)
    example = here.last_prompt_tokens + i.answer_tokens
    conversations = i.requests_per_month / i.conversation_turns
    restated = restated_accuracy(i)
    one_pass = tokens.managed_training_usd(
        training_tokens=i.labelled_examples * example, training_usd_per_mtok=i.managed_small_usd_per_mtok
    )
    return Outputs(
        restated_accuracy_share=restated,
        recovered_points=100 * (restated - i.prompted_accuracy_share),
        usable_turns=turns_that_fit(i, i.context_tokens * i.usable_context_share),
        full_turns=turns_that_fit(i, i.context_tokens),
        sent_tokens=here.sent_tokens,
        warm_share=warm_share(i),
        plain_conversation_usd=here.plain,
        cached_conversation_usd=here.cached,
        cache_saving_share=1 - here.cached / here.plain if here.plain else 0,
        summarised_conversation_usd=here.summarised,
        restated_conversation_usd=here.restated,
        cached_usd_per_month=conversations * here.cached,
        restated_usd_per_month=conversations * here.restated,
        restating_start_usd=i.prompt_work_hours * i.engineer_usd_per_hour,
        training_start_usd=i.training_work_hours * i.engineer_usd_per_hour + i.runs_count * one_pass,
        conversation_example_tokens=example,
    )


def has_history(turns: float) -> bool:
    return turns >= 2


def ground_of(i: Inputs, o: Outputs) -> Ground:
    if i.conversation_turns > o.usable_turns:
        return Ground.WINDOW_IS_FULL
    if i.prompted_accuracy_share >= i.target_accuracy_share:
        return Ground.REACHED
    if not has_history(i.conversation_turns):
        return Ground.SINGLE_TURN
    if i.failure in NOT_OF_THE_TURNS:
        return Ground.OTHER_FAILURE
    if o.restated_accuracy_share >= i.target_accuracy_share:
        return Ground.RESTATING_REACHES_IT
    can_train = i.whole_conversations and i.labelled_examples >= i.minimum_examples
    return Ground.RESTATING_FALLS_SHORT if can_train else Ground.CANNOT_TRAIN


def judge(i: Inputs, o: Outputs) -> Verdict:
    ground = ground_of(i, o)
    share, usd = SHARE.show, USD.show
    known = "measured" if i.one_prompt_accuracy_share is not None else "expected"
    quality = (
        f"{share(i.prompted_accuracy_share)} are right today; {share(o.restated_accuracy_share)} {known} with all of "
        f"it in one fresh prompt; you need {share(i.target_accuracy_share)}."
    )
    window = (
        f"The window is full after {TURNS.show(o.full_turns)}, the part a model uses well after "
        f"{TURNS.show(o.usable_turns)}; your conversations have {TURNS.show(i.conversation_turns)}."
    )
    money = (
        f"A conversation costs {usd(o.plain_conversation_usd)} never cached, {usd(o.cached_conversation_usd)} cached, "
        f"{usd(o.summarised_conversation_usd)} with summaries and {usd(o.restated_conversation_usd)} restated."
    )
    work = (
        f"Restating takes about {usd(o.restating_start_usd)} of work; a first tuned model about "
        f"{usd(o.training_start_usd)}."
    )
    hundred = (
        "Take a hundred conversations as they come, write each as one prompt, and score them: that measures what the "
        "turns cost within a day."
    )
    talks = has_history(i.conversation_turns)
    reasons: tuple[str, ...] = (quality, window, money) if talks else (window,)
    match ground:
        case Ground.WINDOW_IS_FULL:
            reasons = window, money, quality
            headline = (
                f"What a model uses well of the window is full after {TURNS.show(o.usable_turns)}; your conversations "
                f"have {TURNS.show(i.conversation_turns)}."
            )
            step = (
                f"Replace the history by a summary every {TURNS.show(i.summary_turns)}, keep names, numbers and "
                "decisions outside of it, and score the same conversations again."
            )
        case Ground.REACHED:
            headline = (
                f"{share(i.prompted_accuracy_share)} are right and you need {share(i.target_accuracy_share)}; the "
                "history fits the window."
            )
            step = _elsewhere(i)
        case Ground.SINGLE_TURN:
            headline, step = "A single turn has no history to lose.", _elsewhere(i)
        case Ground.OTHER_FAILURE:
            headline = f"You saw that {i.failure}: neither restating nor training on conversations cures that."
            step = _elsewhere(i)
        case Ground.RESTATING_REACHES_IT:
            reasons = quality, work, window, money
            headline = (
                f"With all that was said in one fresh prompt {share(o.restated_accuracy_share)} should be right; "
                f"you need {share(i.target_accuracy_share)}, and training is not needed for that."
            )
            step = hundred
        case Ground.CANNOT_TRAIN:
            reasons = quality, work, window, money
            headline = (
                f"It wins back {POINTS.show(o.recovered_points)} of what the turns cost; to train for the rest you "
                f"need {EXAMPLES.show(i.minimum_examples)} that are whole conversations."
            )
            step = hundred
        case Ground.RESTATING_FALLS_SHORT:
            reasons = quality, work, window, money
            headline = (
                f"Even with everything in one prompt {share(o.restated_accuracy_share)} are right; "
                f"you need {share(i.target_accuracy_share)}."
            )
            step = (
                f"Restate first, it wins back {POINTS.show(o.recovered_points)}; then train on "
                f"{EXAMPLES.show(i.labelled_examples)} of {TOKENS.show(o.conversation_example_tokens)}, each a whole "
                "conversation, and score both on conversations held back."
            )
    return Verdict(ground.answer, headline, reasons, step)


def _elsewhere(i: Inputs) -> str:
    if i.failure in (Failure.FACTS_MISSING, Failure.FACTS_STALE):
        return "Give the right passage by hand for fifty failures: if that cures them, retrieve."
    if i.failure in (Failure.SLOW, Failure.DEAR) and has_history(i.conversation_turns):
        return "Cache the history and summarise it: the costs below say which saves more."
    if not has_history(i.conversation_turns):
        return "One turn is a prompt and nothing else: see what a better one does before you train."
    return "Keep fifty long conversations as a test and run them again with every new model."


def exhibits(i: Inputs, o: Outputs) -> tuple[Exhibit, ...]:
    """What a conversation costs by its turns; the same as a table; what training data has to look like."""
    return (_curves(i, o), _lengths(i), _training_data(i, o))


def _curves(i: Inputs, o: Outputs) -> Curves:
    longest = max(2 * i.conversation_turns, 20.0)
    turns = [float(round(1 + (longest - 1) * part / 24)) for part in range(25)]
    costs = [cost(i, turn) for turn in turns]
    ways = (
        ("Never cached", [c.plain for c in costs]),
        ("Cached", [c.cached for c in costs]),
        ("Cached, with summaries", [c.summarised for c in costs]),
        ("Restated at every turn", [c.restated for c in costs]),
    )
    marks = [Mark(label="yours", x=i.conversation_turns)]
    if o.usable_turns <= longest:
        marks.append(Mark(label="window used up", x=o.usable_turns))
    return Curves(
        title="Cost of one conversation, by its turns",
        description=(
            f"At {TURNS.show(longest)}: {USD.show(costs[-1].plain)} never cached, {USD.show(costs[-1].cached)} cached, "
            f"{USD.show(costs[-1].summarised)} with summaries, {USD.show(costs[-1].restated)} restated."
        ),
        x_label="Turns",
        y_label="Cost of the conversation",
        x_unit=TURNS,
        y_unit=USD,
        lines=tuple(Line(label=label, points=tuple(zip(turns, values, strict=True))) for label, values in ways),
        marks=tuple(marks),
    )


def _lengths(i: Inputs) -> Table:
    turns = sorted({*map(float, LENGTHS), i.conversation_turns})
    rows = []
    for count in turns:
        here = cost(i, count)
        saved = 1 - here.cached / here.plain if here.plain else 0.0
        plain, cached, summarised = map(USD.show, (here.plain, here.cached, here.summarised))
        rows.append((TURNS.show(count), TOKENS.show(here.sent_tokens), plain, cached, SHARE.show(saved), summarised))
    return Table(
        title="The same conversation at other lengths",
        columns=("Turns", "Sent", "Never cached", "Cached", "Saved by caching", "With summaries"),
        rows=tuple(rows),
        note="Without a cache the cost grows with the square of the turns, as every turn sends the history again.",
        highlight=turns.index(i.conversation_turns),
    )


def _training_data(i: Inputs, o: Outputs) -> Table:
    return worded(
        "long_conversations",
        example="a whole conversation" if i.whole_conversations else "single questions: not enough",
        length=TOKENS.show(o.conversation_example_tokens),
        examples=EXAMPLES.show(i.labelled_examples),
        least=EXAMPLES.show(i.minimum_examples),
    )


DECISION = Decision(
    "Will training fix long conversations?",
    Inputs,
    Outputs,
    compute,
    ground_of,
    judge,
    exhibits=exhibits,
    result="restated_accuracy_share",
    shown=(
        "restated_accuracy_share",
        "recovered_points",
        "usable_turns",
        "cached_conversation_usd",
        "summarised_conversation_usd",
        "restated_conversation_usd",
    ),
    consideration="what is lost over the turns of a conversation, and what wins it back",
)
