"""Is it knowledge or behaviour that the model lacks?

Three scores on the same questions tell: with no document, with the right passage given, with your own retrieval. What
the right passage adds is knowledge, which documents bring. What retrieval loses of it is the index's fault. What is
missing although the right passage lies in the prompt is behaviour, and only that argues for training. Left out: how
much of the behaviour a tuned model will learn, which the overall decision estimates, and who may use the documents.
"""

from dataclasses import dataclass

from calculator import situation
from calculator.cases import cases
from calculator.catalogs import Accelerator, accelerators
from calculator.decisions._tables import worded
from calculator.exhibit import Bar, Bars, Exhibit, Mark, Segment, Table
from calculator.fields import ask, assume, out
from calculator.llm.language import bits_per_byte, perplexity_ratio, window_words
from calculator.llm.training.cost import planned_gpu_hours
from calculator.situation import BEHAVIOUR_FAILURES, KNOWLEDGE_FAILURES
from calculator.stats import intervals
from calculator.stats.normal import critical_z
from calculator.units import (
    BILLIONS,
    GPU_HOURS,
    ITEMS,
    POINTS,
    RATIO,
    SHARE,
    TOKENS,
    TOKENS_PER_WORD,
    USD,
    USD_PER_MONTH,
    WORDS,
)
from calculator.verdict import Advice, Decision, Rule, Stance, Verdict

LANGUAGE = "The language of your field"

def pretrains(device: Accelerator) -> bool:
    """Whether somebody rents the device out and its bf16 peak, that the hours follow from, is known."""
    return situation.rented(device) and device.bf16_tflops is not None


READ_FAILURES = (
    "Read thirty failures that no missing fact explains. Say in the prompt what you would tell a new colleague, and "
    "train what still fails."
)

SAULLM_TOKENS = 3e10
"""The legal text that SaulLM-7B was pretrained on further (arXiv 2403.03883)."""


class Answer(Advice):
    TRAIN = "Fine-tune for the behaviour", Stance.TRAIN
    RETRIEVE = "Retrieve the knowledge", Stance.REFRAIN
    FIX = "Fix the retrieval you have", Stance.REFRAIN
    LEAVE = "Nothing is missing: leave it", Stance.REFRAIN


class Ground(Rule):
    REACHED = Answer.LEAVE
    BEHAVIOUR_LACKS_MORE = Answer.TRAIN
    KNOWLEDGE_LACKS_MORE = Answer.RETRIEVE
    RETRIEVAL_LOSES_IT = Answer.FIX


@dataclass(frozen=True, kw_only=True)
class Inputs:
    closed_book_accuracy_share: float | None = situation.closed_book_accuracy_share
    gold_passage_accuracy_share: float | None = situation.gold_passage_accuracy_share
    retrieved_accuracy_share: float | None = situation.retrieved_accuracy_share
    prompted_accuracy_share: float = situation.prompted_accuracy_share
    target_accuracy_share: float = situation.target_accuracy_share
    test_items: float = situation.test_items
    failure: str = situation.failure
    facts_per_answer_count: float = situation.facts_per_answer_count
    requests_per_month: float = situation.requests_per_month
    prompt_tokens: float = situation.prompt_tokens
    new_examples: float = situation.new_examples
    corpus_tokens: float = situation.corpus_tokens
    domain_tokens_per_word: float | None = ask(
        None,
        "Tokens per word in your field",
        low=0.5,
        high=20,
        hint="Counted for you from a pasted text, or typed. Empty when not known",
        group=LANGUAGE,
    )
    split_words_share: float | None = ask(
        None,
        "Words cut into three pieces or more",
        hint="Counted with the tokens. Leave empty when not known",
        group=LANGUAGE,
    )
    window_tokens: float = situation.window_tokens
    domain_nats_per_token: float | None = ask(
        None, "Loss on your text", high=20, hint="For those who measured it", group=LANGUAGE
    )
    domain_bytes_per_token: float = ask(4.2, "Length of its tokens", low=0.5, high=20, group=LANGUAGE)
    general_nats_per_token: float | None = ask(None, "Loss on general text", high=20, hint="Same model", group=LANGUAGE)
    general_bytes_per_token: float = ask(4.6, "Length of those tokens", low=0.5, high=20, group=LANGUAGE)
    base_billions: float = ask(
        8,
        "Model to pretrain further",
        low=0.1,
        high=1_000,
        hint="Its parameters, those at work for each token",
        group=situation.TRAINING,
    )
    device: str = situation.device(pretrains)
    device_usd_per_hour: float | None = situation.device_usd_per_hour
    large_api_model: str = situation.large_api_model
    test_luck_sd: float = assume("test_luck_sd")
    named_cause_share: float = assume("named_cause_share")
    unnamed_behaviour_share: float = assume("unnamed_behaviour_share")
    retrieval_loss_share: float = assume("retrieval_loss_share")
    general_tokens_per_word: float = assume("general_tokens_per_word")
    pretraining_use_share: float = assume("pretraining_use_share")
    retrieved_tokens: float = assume("retrieved_tokens")
    large_input_usd_per_mtok: float = assume("large_input_usd_per_mtok")
    retrieval_work_hours: float = assume("retrieval_work_hours")
    training_work_hours: float = assume("training_work_hours")
    engineer_usd_per_hour: float = assume("engineer_usd_per_hour")
    example_usd: float = assume("example_usd")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    knowledge_gap_points: float = out(
        "Knowledge: what the right passage adds", how="accuracy with the right passage less that with none"
    )
    retrieval_loss_points: float = out(
        "Retrieval: what yours loses of it", how="accuracy with the right passage less that with your retrieval"
    )
    behaviour_gap_points: float = out(
        "Behaviour: what is missing even so", how="accuracy you need less that with the right passage"
    )
    retrieval_left_points: float = out(
        "What retrieval could still bring", how="accuracy with the right passage less today's"
    )
    today_share: float = out("Today", how="with your retrieval when you have one, else your best prompt")
    gold_share: float = out("With the right passage", how="measured, or from what you saw go wrong")
    retrieved_share: float = out(
        "To expect of retrieval", how="the right passage less the part that retrieval leaves open"
    )
    noise_points: float = out("What your test items leave open", how="half the 95 % interval of a score")
    retrieval_usd: float = out("Retrieval, to start", formula="retrieval_work_hours * engineer_usd_per_hour")
    retrieval_usd_per_month: float = out(
        "Passages in the prompts", formula="requests_per_month * retrieved_tokens * large_input_usd_per_mtok / 1e6"
    )
    training_usd: float = out(
        "Training, to start", formula="training_work_hours * engineer_usd_per_hour + new_examples * example_usd"
    )
    pretraining_gpu_hours: float = out(
        "Continued pretraining, on your documents", how="6 × parameters × tokens / (3600 × peak × share of peak)"
    )
    pretraining_usd: float = out("Continued pretraining, GPU bill", how="GPU-hours times the price of the device")
    language_ratio: float = out("Cost of your language against general English", how="tokens per word of both")
    window_words: float = out("Words of your field that fit the window", how="window / tokens per word")
    language_usd_per_month: float = out(
        "Of the prompt bill, due to the language",
        formula="requests_per_month * prompt_tokens * large_input_usd_per_mtok / 1e6 "
        "* (1 - 1 / max(1, language_ratio))",
    )
    surprise_bits_per_byte: float = out(
        "How much more surprising your text is", how="bits per byte of both; 0 when not measured"
    )
    perplexity_ratio: float = out("Perplexity of the two", how="e to the difference; 1 when not measured")


def gold_of(i: Inputs) -> float:
    """Accuracy with the right passage: as measured, moved by the luck of the items; else from what went wrong.

    The failure named is taken to be a part of the gap to the target (`named_cause_share`). An answer that needs no fact
    lacks none.
    """
    measured = i.gold_passage_accuracy_share
    if measured is not None:
        error = i.test_luck_sd * intervals.standard_error(measured, i.test_items) if i.test_luck_sd else 0.0
        return min(1.0, max(0.0, measured + error))
    if i.facts_per_answer_count == 0:
        behaviour = 1.0
    elif i.failure in BEHAVIOUR_FAILURES:
        behaviour = i.named_cause_share
    elif i.failure in KNOWLEDGE_FAILURES:
        behaviour = 1.0 - i.named_cause_share
    else:
        behaviour = i.unnamed_behaviour_share
    today = _today(i)
    return today + max(0.0, i.target_accuracy_share - today) * (1.0 - behaviour)


def _today(i: Inputs) -> float:
    return i.prompted_accuracy_share if i.retrieved_accuracy_share is None else i.retrieved_accuracy_share


def pretraining_hours(i: Inputs, tokens: float) -> float:
    """GPU-hours of full training on so many tokens, without recomputation."""
    return planned_gpu_hours(
        parameters_active=i.base_billions * 1e9,
        tokens=tokens,
        method="full",
        recompute=False,
        peak_tflops=accelerators()[i.device].bf16_tflops or 0.0,
        utilisation=i.pretraining_use_share,
    )


def compute(i: Inputs) -> Outputs:
    gold, today = gold_of(i), _today(i)
    # A prompt without documents is a closed book; one with retrieval says nothing of what the model knows.
    closed = i.closed_book_accuracy_share
    if closed is None:
        closed = min(i.prompted_accuracy_share, gold)
    knowledge = max(0.0, gold - closed)
    if i.retrieved_accuracy_share is not None:
        loss = max(0.0, gold - i.retrieved_accuracy_share)
    else:
        loss = i.retrieval_loss_share * knowledge
    hours = pretraining_hours(i, i.corpus_tokens)
    per_word = i.general_tokens_per_word if i.domain_tokens_per_word is None else i.domain_tokens_per_word
    ratio = per_word / i.general_tokens_per_word
    surprise, perplexity = 0.0, 1.0
    if i.domain_nats_per_token is not None and i.general_nats_per_token is not None:
        surprise = bits_per_byte(i.domain_nats_per_token, i.domain_bytes_per_token) - bits_per_byte(
            i.general_nats_per_token, i.general_bytes_per_token
        )
        perplexity = perplexity_ratio(i.domain_nats_per_token, i.general_nats_per_token)
    prompt_usd_per_month = i.requests_per_month * i.prompt_tokens * i.large_input_usd_per_mtok / 1e6
    return Outputs(
        knowledge_gap_points=100 * knowledge,
        retrieval_loss_points=100 * loss,
        behaviour_gap_points=100 * max(0.0, i.target_accuracy_share - gold),
        retrieval_left_points=100 * max(0.0, gold - today),
        today_share=today,
        gold_share=gold,
        retrieved_share=max(today, gold - loss),
        noise_points=100 * critical_z(0.95) * intervals.standard_error(gold, i.test_items),
        retrieval_usd=i.retrieval_work_hours * i.engineer_usd_per_hour,
        retrieval_usd_per_month=i.requests_per_month * i.retrieved_tokens * i.large_input_usd_per_mtok / 1e6,
        training_usd=i.training_work_hours * i.engineer_usd_per_hour + i.new_examples * i.example_usd,
        pretraining_gpu_hours=hours,
        pretraining_usd=hours * situation.usd_per_hour(i.device, i.device_usd_per_hour),
        language_ratio=ratio,
        window_words=window_words(i.window_tokens, per_word),
        language_usd_per_month=prompt_usd_per_month * (1 - 1 / max(1.0, ratio)),
        surprise_bits_per_byte=surprise,
        perplexity_ratio=perplexity,
    )


def ground_of(i: Inputs, o: Outputs) -> Ground:
    if o.today_share >= i.target_accuracy_share:
        return Ground.REACHED
    # At a tie the documents come first: they cost less, and cite their source.
    if o.behaviour_gap_points > o.retrieval_left_points:
        return Ground.BEHAVIOUR_LACKS_MORE
    return Ground.KNOWLEDGE_LACKS_MORE if i.retrieved_accuracy_share is None else Ground.RETRIEVAL_LOSES_IT


def judge(i: Inputs, o: Outputs) -> Verdict:
    ground = ground_of(i, o)
    points, need = POINTS.show, SHARE.show(i.target_accuracy_share)
    measured = i.gold_passage_accuracy_share is not None
    if measured:
        basis = (
            f"The right passage adds {points(o.knowledge_gap_points)}; "
            f"{'yours' if i.retrieved_accuracy_share is not None else 'retrieval as published'} loses "
            f"{points(o.retrieval_loss_points)} of them; {points(o.behaviour_gap_points)} are missing even so."
        )
    elif i.facts_per_answer_count == 0:
        basis = "An answer needs no facts, you say, so the whole gap is taken as behaviour."
    else:
        basis = (
            "You have not scored with the right passage given: the split of the gap is a guess from what you saw go "
            "wrong."
        )
    doubt = f"On {ITEMS.show(i.test_items)} each score is right to {points(o.noise_points)} either way."
    pretraining = (
        f"Continued pretraining on your {TOKENS.show(i.corpus_tokens)} would be {USD.show(o.pretraining_usd)} of GPU "
        f"time. What it lacks is not money but text and a record: see the table."
    )
    reasons = (basis, doubt, pretraining)
    match ground:
        case Ground.REACHED:
            headline = f"Today's {SHARE.show(o.today_share)} is already the {need} you need."
            step = "Keep the questions as a test, and score again when the documents or the model change."
        case Ground.BEHAVIOUR_LACKS_MORE | Ground.KNOWLEDGE_LACKS_MORE | Ground.RETRIEVAL_LOSES_IT if not measured:
            headline = (
                f"Of the {points(100 * (i.target_accuracy_share - o.today_share))} that are missing, about "
                f"{points(o.behaviour_gap_points)} are behaviour and {points(o.retrieval_left_points)} knowledge. "
                "That is not measured yet."
            )
            items = ITEMS.show(min(i.test_items, 100.0))
            by_hand = f"Put the right passage into the prompt by hand for {items}, and score again."
            step = READ_FAILURES if i.facts_per_answer_count == 0 else by_hand
        case Ground.BEHAVIOUR_LACKS_MORE:
            headline = (
                f"Even with the right passage in the prompt {points(o.behaviour_gap_points)} are missing; "
                f"retrieval has only {points(o.retrieval_left_points)} left to bring."
            )
            step = READ_FAILURES
        case Ground.KNOWLEDGE_LACKS_MORE:
            headline = (
                f"The right passage would bring {points(o.retrieval_left_points)}; behaviour lacks "
                f"{points(o.behaviour_gap_points)}. Expect {SHARE.show(o.retrieved_share)} of real retrieval."
            )
            step = "Index the documents behind your test questions alone, and score again before you index the rest."
        case Ground.RETRIEVAL_LOSES_IT:
            headline = (
                f"Your retrieval loses {points(o.retrieval_loss_points)} that the right passage would bring; behaviour "
                f"lacks {points(o.behaviour_gap_points)}."
            )
            step = (
                "Look whether the right passage is among those found. If not, mend splitting and search. If so, rank "
                "it first."
            )
    return Verdict(ground.answer, headline, reasons, step)


def exhibits(i: Inputs, o: Outputs) -> tuple[Exhibit, ...]:
    language = (_language(i, o),) if i.domain_tokens_per_word is not None else ()
    return (_picture(i, o), _remedies(i, o), _pretraining(i), *language)


def _picture(i: Inputs, o: Outputs) -> Bars:
    """From the closed book to the target, gap by gap."""
    closed = o.gold_share - o.knowledge_gap_points / 100
    loss = min(o.retrieval_loss_points, o.knowledge_gap_points) / 100
    has_index = i.retrieved_accuracy_share is not None
    steps = (
        ("With no document", closed),
        ("Your retrieval adds" if has_index else "Retrieval, as published, adds", o.knowledge_gap_points / 100 - loss),
        ("Lost on the way to the right passage", loss),
        ("Behaviour: still missing", o.behaviour_gap_points / 100),
    )
    return Bars(
        title="Where the missing accuracy lies",
        description=(
            f"{SHARE.show(closed)} with no document, {SHARE.show(o.gold_share)} with the right passage, "
            f"{SHARE.show(i.target_accuracy_share)} needed."
        ),
        unit=SHARE,
        bars=tuple(Bar(label=label, segments=(Segment(label=label, value=value),)) for label, value in steps),
        limit=Mark(label="needed", x=i.target_accuracy_share),
        stacked_offset=True,
    )


def _remedies(i: Inputs, o: Outputs) -> Table:
    has_index = i.retrieved_accuracy_share is not None
    return worded(
        "gaps",
        knowledge=POINTS.show(o.knowledge_gap_points),
        retrieval=POINTS.show(o.retrieval_loss_points),
        behaviour=POINTS.show(o.behaviour_gap_points),
        retrieval_start="done" if has_index else USD.show(o.retrieval_usd),
        retrieval_month=USD_PER_MONTH.show(o.retrieval_usd_per_month),
        training_start=USD.show(o.training_usd),
    )


def record() -> tuple[int, int]:
    """Published comparisons that measured continued pretraining, and those it won."""
    tried = [case for case in cases() if "continued_pretraining" in case.options]
    return len(tried), sum(case.winner == "continued_pretraining" for case in tried)


def _pretraining(i: Inputs) -> Table:
    tried, won = record()
    rows = [
        (
            words,
            TOKENS.show(tokens),
            GPU_HOURS.show(pretraining_hours(i, tokens)),
            USD.show(pretraining_hours(i, tokens) * situation.usd_per_hour(i.device, i.device_usd_per_hour)),
        )
        for words, tokens in (
            ("Your documents", i.corpus_tokens),
            ("A billion tokens", 1e9),
            ("As SaulLM-7B, for law", SAULLM_TOKENS),
        )
    ]
    return Table(
        title=f"Continued pretraining of {BILLIONS.show(i.base_billions)} parameters",
        columns=("Text", "Tokens", "On the device", "GPU bill"),
        rows=tuple(rows),
        note=f"One pass. Of the {tried} comparisons on this site that measured it, it won {won}.",
    )


def _language(i: Inputs, o: Outputs) -> Table:
    rows = [
        ("Tokens per word", TOKENS_PER_WORD.show(i.domain_tokens_per_word or 0.0)),
        ("General English", TOKENS_PER_WORD.show(i.general_tokens_per_word)),
        ("Costs", RATIO.show(o.language_ratio)),
        (f"Fits {TOKENS.show(i.window_tokens)}", WORDS.show(o.window_words)),
    ]
    if i.split_words_share is not None:
        rows.append(("Words cut into three pieces or more", SHARE.show(i.split_words_share)))
    return Table(
        title="What the language of your field costs",
        columns=("Measure", "Your field"),
        rows=tuple(rows),
        note="This is a matter of price and room. It does not say whether the model understands the field.",
    )


DECISION = Decision(
    "Is it knowledge or behaviour that the model lacks?",
    Inputs,
    Outputs,
    compute,
    ground_of,
    judge,
    exhibits=exhibits,
    result="behaviour_gap_points",
    shown=(
        "knowledge_gap_points",
        "retrieval_loss_points",
        "behaviour_gap_points",
        "retrieval_left_points",
        "retrieved_share",
        "pretraining_usd",
    ),
    consideration="whether documents or training would close the gap",
)
