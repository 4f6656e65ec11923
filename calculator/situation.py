"""The fields that several decisions share, each defined once: a field of the same name is the same quantity everywhere.

What a reader types on one page is therefore there on the next, and a preset is one complete set of these.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import Protocol, Self

from calculator.catalogs import Accelerator, Architecture, accelerators, api_price, api_prices, architectures, rent
from calculator.catalogs.own import Card, device_named, device_section, model_named, on_card
from calculator.fields import Span, Value, ask, flag, paste, pick
from calculator.units import USD

TASK, QUALITY, TRAFFIC, DATA, FACTS, MONEY, LIMITS, HARDWARE, TRAINING = (
    "The task",
    "Quality",
    "Traffic",
    "Data",
    "Facts",
    "Money",
    "Limits",
    "Hardware",
    "Training",
)
"""Headings that group the fields of a form."""


class Explained(StrEnum):
    """An option with an example of it. published: what the published comparisons call it."""

    example: str
    published: str

    def __new__(cls, words: str, example: str = "", published: str = "") -> Self:
        member = str.__new__(cls, words)
        member._value_, member.example, member.published = words, example, published or words
        return member


class Task(Explained):
    """What the model has to do."""

    CLASSIFICATION = "classification", "which team a ticket goes to"
    EXTRACTION = "extraction", "dates and sums from contracts"
    SQL = "sql", "database queries from questions"
    TOOL_USE = "tool use", "booking by calling your systems", "tool_use"
    CODE = "code", "functions and their tests"
    GENERATION = "generation", "product texts in your style"
    DIALOGUE = "dialogue", "support over several turns"
    TRANSLATION = "translation", "manuals into other languages"
    KNOWLEDGE = "knowledge questions", "what your handbook says", "qa_knowledge"
    REASONING = "reasoning", "sums in several steps"


class Failure(Explained):
    """What the reader saw go wrong most often."""

    NOTHING = "nothing much", "it is right when it matters"
    FACTS_MISSING = "facts are missing", "it does not know your products"
    FACTS_STALE = "facts are out of date", "it quotes last year's price"
    FORMAT = "the format is wrong", "JSON that does not parse"
    STYLE = "the style is wrong", "it does not sound like you"
    REASONING = "the reasoning is wrong", "right facts, wrong conclusion"
    CONTEXT = "it loses the thread", "it forgets what was said before"
    SLOW = "it is too slow", "people give up waiting"
    DEAR = "it costs too much", "the bill grows with each user"


KNOWLEDGE_FAILURES = frozenset({Failure.FACTS_MISSING, Failure.FACTS_STALE})
BEHAVIOUR_FAILURES = frozenset({Failure.FORMAT, Failure.STYLE, Failure.REASONING, Failure.CONTEXT})

YEAR = 2026.0
"""The year of the question, for the trend in the published comparisons."""

HOURS_PER_DAY = 24.0
DAYS_PER_MONTH = 365.25 / 12
HOURS_PER_MONTH = 730.0
"""As providers bill a month."""

WORK_HOURS_PER_DAY = 6.0
"""Hours of a working day that go into the work itself."""


class Privacy(StrEnum):
    """Where the data may go."""

    ANYWHERE = "any provider"
    REGION = "own cloud account"
    PREMISES = "own hardware only"


NOT_RENTED = "nobody in our list rents this device out: type its price an hour, or 0 if you own it"
_OWN_PRICE = "nobody can know what a card of your own costs: type its price an hour, or 0 if you own it"


def _rent_of(name: str, values: Mapping[str, Value]) -> dict[str, Span | str]:
    if any(values.get(field) is not None for field in ("own_card_gib", "own_card_tflops", "own_card_gb_per_s")):
        return {"device_usd_per_hour": _OWN_PRICE}
    return {"device_usd_per_hour": rent(name) or NOT_RENTED}


def rented(one: Accelerator) -> bool:
    """Whether somebody in the catalogue rents the device out."""
    return rent(one.name) is not None


def device(fits: Callable[[Accelerator], bool]) -> str:
    """The device, of those that a page can say something about; it brings its price an hour along."""
    options = [(one.name, one.label) for one in accelerators().values() if fits(one)]
    return pick(
        "NVIDIA H100 SXM",
        options,
        "Device",
        group=HARDWARE,
        fills=_rent_of,
        named=device_named,
        section=device_section,
    )


class OnDevice(Protocol):
    """Inputs that name a device, and that may have the figures of a card of the reader's own."""

    @property
    def device(self) -> str: ...
    @property
    def own_card_gib(self) -> float | None: ...
    @property
    def own_card_tflops(self) -> float | None: ...
    @property
    def own_card_gb_per_s(self) -> float | None: ...


def card(inputs: OnDevice) -> Accelerator:
    """The device of the inputs, with the figures of a card of the reader's own in place of those it gives."""
    own = Card(inputs.own_card_gib, inputs.own_card_tflops, inputs.own_card_gb_per_s)
    return accelerators()[inputs.device] if own == _NO_CARD else on_card(inputs.device, own)


_NO_CARD = Card(None, None, None)


def model(
    default: str,
    label: str,
    group: str,
    described: Callable[[Architecture], str],
    fits: Callable[[Architecture], bool] = lambda _: True,
) -> str:
    """A model of the catalogue, of those that a page can say something about, by any of its names, the newest first."""
    options = [name for name, one in architectures().items() if fits(one)]
    return pick(
        default,
        options,
        label,
        group=group,
        named=model_named,
        described=lambda name: described(architectures()[name]),
    )


def config_file(label: str, check: Callable[[str], Architecture], group: str, *, advanced: bool = False) -> str:
    """The text of a model's config.json, in place of a model of the catalogue."""
    hint = "From the model's page on Hugging Face"
    return paste("", label, longest=100_000, check=check, hint=hint, group=group, advanced=advanced)


def usd_per_hour(device_name: str, typed: float | None) -> float:
    """What an hour of the device costs: what was typed, else the median of the catalogue. ValueError for neither."""
    if typed is not None:
        return typed
    span = rent(device_name)
    if span is None:
        raise ValueError(f"device_usd_per_hour: {NOT_RENTED}; given: nothing for {device_name}")
    return span[1]


ANY_MODEL = "typical"
"""The option of a list of API models that leaves the price to the dated rule over the table."""

_SMALL_UP_TO_USD_PER_MTOK, _LARGE_FROM_USD_PER_MTOK = 5.0, 1.0
"""Output prices that the lists of small and of large models end at: they overlap, so that nobody misses one."""


def _filled_prices(size: str) -> Callable[[str, Mapping[str, Value]], dict[str, Span | str]]:
    def fills(name: str, values: Mapping[str, Value]) -> dict[str, Span | str]:
        if name == ANY_MODEL:
            return {}
        tokens = values.get("prompt_tokens")
        price = api_price(name, tokens if isinstance(tokens, int | float) else 0)
        # Fields count tokens as o200k does: a model that makes more tokens of the same text costs more for it.
        paid, received = (usd * price.tokens_ratio for usd in (price.input_usd_per_mtok, price.output_usd_per_mtok))
        found = {f"{size}_input_usd_per_mtok": paid, f"{size}_output_usd_per_mtok": received}
        if size == "large":
            cached, written = price.cached_input_usd_per_mtok, price.cache_write_usd_per_mtok
            found["cache_read_ratio"] = 1.0 if cached is None else cached / price.input_usd_per_mtok
            found["cache_write_ratio"] = 1.0 if written is None else written / price.input_usd_per_mtok
            found["batch_price_ratio"] = 1.0 if price.batch_share is None else price.batch_share
        return {field: (usd, usd, usd) for field, usd in found.items()}

    return fills


def _api_price_words(name: str) -> str:
    """The price of a model by name: into it, and out of it."""
    if name == ANY_MODEL:
        return ""
    price = api_price(name)
    return f"{USD.show(price.input_usd_per_mtok)} / {USD.show(price.output_usd_per_mtok)}"


def _api_model(size: str, label: str, fits: Callable[[float], bool]) -> str:
    names = dict.fromkeys(price.name for price in api_prices() if fits(price.output_usd_per_mtok))
    options: list[str | tuple[str, str]] = [(ANY_MODEL, f"a typical {size} one"), *names]
    return pick(ANY_MODEL, options, label, hint="Sets its prices", group=MONEY, fills=_filled_prices(size),
                described=_api_price_words)


large_api_model = _api_model("large", "Large model you pay for", lambda usd: usd >= _LARGE_FROM_USD_PER_MTOK)
small_api_model = _api_model("small", "Small model you pay for", lambda usd: usd <= _SMALL_UP_TO_USD_PER_MTOK)

_quality = partial(ask, group=QUALITY)
_traffic = partial(ask, group=TRAFFIC)
_data = partial(ask, group=DATA)
_facts = partial(ask, group=FACTS)
_money = partial(ask, group=MONEY)
_limit = partial(ask, group=LIMITS)
_hardware = partial(ask, group=HARDWARE)

task = pick(Task.CLASSIFICATION, Task, "What the model has to do", group=TASK, described=lambda one: Task(one).example)
failure = pick(
    Failure.FORMAT, Failure, "What goes wrong most often", group=TASK, described=lambda one: Failure(one).example
)
long_context = flag(False, "Many turns or long documents", group=TASK)
conversation_turns = ask(
    1, "Turns in a conversation", low=1, high=500, whole=True, hint="One for a single question", group=TASK
)

prompted_accuracy_share = _quality(0.75, "Accuracy with your best prompt", hint="Share of test items that pass today")
target_accuracy_share = _quality(0.85, "Accuracy you need")
test_items = _quality(200, "Test items you scored", low=1, high=1e6, whole=True, hint="Items scored by hand or by rule")
closed_book_accuracy_share = _quality(None, "Accuracy without any document", hint="Leave empty when not known")
gold_passage_accuracy_share = _quality(None, "Accuracy with the right passage given", hint="Leave empty when not known")
retrieved_accuracy_share = _quality(None, "Accuracy with your own retrieval", hint="Leave empty when not known")
small_accuracy_share = _quality(
    None, "Accuracy of a small model", hint="With the same prompt. Leave empty when not known"
)
answer_is_checkable = flag(
    False,
    "A program can check the answer",
    hint="By running it, by a rule, by one right result: reinforcement needs it",
    group=TASK,
)
larger_model_labels = flag(
    True,
    "A larger model may label or write training data",
    hint="No: terms or data forbid it, and people label everything",
    group=DATA,
)
baseline_is_small = flag(
    False, "What you measured is already a small, local model", hint="Up to about 15 billion parameters", group=TASK
)

difference_points = _quality(
    3, "Smallest difference that matters", low=0.5, high=50, hint="Points of accuracy you would act on"
)
won_items = _quality(
    0,
    "Comparison: only the new system right",
    high=1e6,
    whole=True,
    hint="Both systems on the same items. Zero: none made yet",
)
lost_items = _quality(0, "Comparison: only the old system right", high=1e6, whole=True)

requests_per_month = _traffic(100_000, "Requests", low=1, high=1e11, hint="A typical month, like 80k")
prompt_tokens = _traffic(1_500, "Length of the prompt", low=1, high=2e6, hint="Instructions, examples and the question")
answer_tokens = _traffic(300, "Length of an answer", low=1, high=2e5)
thinking_tokens = _traffic(
    0,
    "Hidden thinking before an answer",
    high=2e5,
    hint="Reasoning effort: billed as output, waited for, never seen. A tuned model answers at once",
)
window_tokens = _traffic(128_000, "Context window of the model you prompt", low=1_000, high=1e8)
shared_prefix_share = _traffic(
    0.8, "Part of the prompt that never changes", hint="It can be cached when it stands first"
)
concurrent_users = _traffic(20, "Users at the same moment", low=1, high=1e6, hint="At the busiest hour")

labelled_examples = _data(1_000, "Labelled examples you have", high=1e8, whole=True, hint="Checked by a person")
new_examples = _data(0, "Examples still to label", high=1e7, whole=True, hint="Zero: you train on what you have")
example_tokens = _data(600, "Length of a training example", low=1, high=1e6, hint="Prompt and answer together")
rater_agreement_share = _data(
    None, "How often two people give the same label", hint="On the same items, apart. Leave empty when not known"
)
classes_count = _data(None, "Classes", low=2, high=1e5, whole=True, hint="For classification; else leave empty")

fact_half_life_days = _facts(
    3_650,
    "Time until half of the facts have changed",
    low=0.02,
    high=36_500,
    hint="Prices: days. Product documents: a year",
)
facts_per_answer_count = _facts(1, "Facts an answer needs", high=50, whole=True)
corpus_tokens = _facts(5e6, "Size of your documents", low=1_000, high=1e12)
retraining_days = _facts(180, "Days between retrainings", low=1, high=3_650, hint="What your team can keep up")

success_usd = _money(0.5, "Worth of a right answer", high=1e6)
failure_usd = _money(1.0, "Cost of a wrong answer", high=1e7)
horizon_months = _money(24, "How far ahead you plan", low=1, high=120, hint="A tuned model rarely outlives its base")
budget_usd = _limit(20_000, "Budget to start", high=1e9, hint="Labels, training and set-up")
deadline_days = _limit(90, "Days until it must work", low=1, high=3_650)
latency_ms = _limit(3_000, "Time until the answer must begin", low=20, high=600_000, hint="Voice: 500 ms. Chat: 2 s")
privacy = pick(Privacy.ANYWHERE, Privacy, "Where your data may go", group=LIMITS)
gpus = _hardware(1, "GPUs", low=1, high=4_096, whole=True)
device_usd_per_hour = _hardware(
    None, "Price of one device", high=1_000, hint="Empty: what providers ask for it. 0 if you own it"
)
own_card_gib = _hardware(
    None,
    "A card of your own: memory",
    low=1,
    high=100_000,
    hint="In place of the device's. Empty: as the device has it",
    advanced=True,
)
own_card_tflops = _hardware(
    None,
    "A card of your own: 16-bit speed",
    low=0.1,
    high=1e6,
    hint="Dense, as sold. What is left of it is taken to be as on the device",
    advanced=True,
)
own_card_gb_per_s = _hardware(None, "A card of your own: memory speed", low=1, high=1e6, advanced=True)
hosting_gpus = _money(1, "GPUs to host it, spare included", low=1, high=1_000, whole=True)
