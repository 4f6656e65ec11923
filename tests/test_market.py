"""What is sold and said today: every number can be followed to its source, prices bear the day of their data."""

import csv
import json
import re
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from calculator import __main__, catalog, engine, situation
from calculator.cases import cases
from calculator.catalogs import (
    accelerators,
    api_price,
    api_prices,
    architectures,
    attention_kernels,
    rent,
    rents,
    sources,
    tuning_services,
)
from calculator.catalogs.rows import read_rows
from calculator.decisions.fine_tune_or_not import Vendor, holder
from calculator.exhibit import Note
from calculator.faces import view
from calculator.facts import evidence
from calculator.facts.assumptions import assumption, assumptions, counted
from calculator.fields import Pick, assumptions_of, fields_of
from calculator.web import appendix

RELEASE = date(2026, 11, 28)
NAMES = catalog.names()
INPUTS = {name: fields_of(catalog.decision(name).Inputs) for name in NAMES}
READ_NOWHERE = {"sheet", "channels", "memory"}
"""Marks of figures from memory: there is no place that says them, and their titles say so."""
ONE_PAGE_SITES = {"www.cloudping.co"}


def addresses():
    """(what it stands behind, address) of all that the pages and the catalogues cite."""
    for key, entry in assumptions().items():
        yield key, entry.url
    for card in evidence.cards():
        yield card.id, card.url
    for case in cases():
        yield case.id, case.url
    for row in read_rows("api_makers.csv"):
        yield row["maker"], row["url"]
    for key, source in sources().items():
        if key not in READ_NOWHERE:
            yield key, source.where.format(model="Qwen/Qwen3-8B")


def test_every_source_has_an_address_that_opens_a_page_of_its_own():
    found = list(addresses())
    assert len(found) > 400
    for what, address in found:
        parts = urlsplit(address)
        assert parts.scheme == "https", (what, address)
        assert "." in parts.netloc, (what, address)
        assert not set(address) & set(' "<>{}'), (what, address)
        deep = parts.path.strip("/") or parts.query or parts.fragment
        assert deep or parts.netloc in ONE_PAGE_SITES, (what, address)
        if parts.netloc == "github.com":
            assert len(parts.path.strip("/").split("/")) >= 2, (what, address)


def test_what_was_read_nowhere_says_so_and_stands_behind_no_price():
    for key in READ_NOWHERE:
        assert not sources()[key].where
        assert "from memory" in sources()[key].title
    priced = {offer.source for offer in rents()} | {service.source for service in tuning_services()}
    assert not priced & READ_NOWHERE


def test_every_source_stands_behind_a_row():
    used = {"genai"} | {offer.source for offer in rents()} | {service.source for service in tuning_services()}
    for device in accelerators().values():
        used |= set(device.sources)
    for model in architectures().values():
        used |= set(model.source.split("+"))
    for generation in {device.generation for device in accelerators().values()}:
        for kernel in attention_kernels(generation).values():
            used |= set(kernel.sources)
    assert used == set(sources())


@pytest.mark.parametrize("name", NAMES)
def test_a_page_counts_what_is_sourced_and_what_is_ours(name):
    entries = assumptions_of(catalog.decision(name).Inputs).values()
    ours = sum(entry.kind in ("ours", "computed") for entry in entries)
    form = view.render_form(name, catalog.decision(name), {}, "x")
    if entries:
        assert f": {len(entries) - ours} sourced, {ours} ours</summary>" in form
        assert form.count("<strong>Ours.</strong>") == ours
    assert counted(assumptions().values()) in appendix.sources_table()


def test_the_newest_price_data_is_of_the_month_of_the_release():
    assert (RELEASE - date.fromisoformat(sources()["genai"].as_of)).days <= 30
    for key in ("large_input_usd_per_mtok", "small_output_usd_per_mtok", "open_large_input_usd_per_mtok",
                "stronger_price_ratio", "cache_read_ratio", "embedding_usd_per_mtok"):
        assert (RELEASE - assumption(key).as_of).days <= 30, key


def test_a_price_shows_the_day_of_its_data_and_never_the_day_somebody_looked():
    form = view.render_form("prompt_engineering", catalog.decision("prompt_engineering"), {}, "x")
    entry = assumption("large_input_usd_per_mtok")
    field = form[form.index('name="large_input_usd_per_mtok"') :]
    hint = field[: field.index("</div>")]
    assert f'prices of <time datetime="{entry.as_of}"' in hint
    assert entry.checked is not None
    assert str(entry.checked) not in hint
    assert "checked" not in hint


def test_what_is_stale_goes_by_the_day_of_the_data_for_a_price(capsys):
    __main__.main(["stale", "--price-days", "-1", "--days", "-1", "--json"])
    rows = {row["key"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == set(assumptions())
    for key, entry in assumptions().items():
        since = entry.as_of if entry.kind == "price" else entry.checked or entry.as_of
        assert rows[key]["days"] == (date.today() - since).days, key


def test_the_catalogues_are_as_large_as_a_reader_needs():
    assert len({price.name for price in api_prices()}) >= 120
    assert len(architectures()) >= 250
    assert len(accelerators()) >= 140
    assert len(tuning_services()) >= 15


@pytest.mark.parametrize("device", accelerators())
def test_a_device_has_a_price_or_the_reader_is_asked_for_one(device):
    """Nothing is rented for 0 dollars unless the reader says that it is owned."""
    asked = {name: spec["device"] for name, spec in INPUTS.items() if "device" in spec}
    assert asked
    for spec in asked.values():
        if device not in dict(spec.options):
            continue
        filled = spec.fills(device, {})["device_usd_per_hour"]
        if rent(device):
            assert filled[0] > 0
            assert situation.usd_per_hour(device, None) == filled[1]
        else:
            assert filled == situation.NOT_RENTED
            with pytest.raises(ValueError, match="type its price"):
                situation.usd_per_hour(device, None)
            assert situation.usd_per_hour(device, 0.0) == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_a_page_that_asks_for_the_price_of_a_model_offers_it_by_name(name):
    for size in ("large", "small"):
        priced = {f"{size}_input_usd_per_mtok", f"{size}_output_usd_per_mtok"} & set(INPUTS[name])
        assert bool(priced) == (f"{size}_api_model" in INPUTS[name])


@pytest.mark.parametrize("name", NAMES)
def test_hidden_thinking_is_asked_wherever_answers_are_billed_or_timed(name):
    assert ("answer_tokens" in INPUTS[name]) == ("thinking_tokens" in INPUTS[name])


@pytest.mark.parametrize("size", ["large", "small"])
def test_a_model_picked_by_name_brings_its_price_with_its_tokenizer_counted(size):
    """A maker's token is not another's: what a text costs is the price times the tokens it makes of it."""
    spec = INPUTS["prompt_engineering"][f"{size}_api_model"]
    names = [name for name, _ in spec.options if name != situation.ANY_MODEL]
    assert len(names) >= 80
    for name in names:
        price = api_price(name, 1000)
        filled = spec.fills(name, {"prompt_tokens": 1000})
        assert filled[f"{size}_input_usd_per_mtok"][1] == price.input_usd_per_mtok * price.tokens_ratio
        assert filled[f"{size}_output_usd_per_mtok"][1] == price.output_usd_per_mtok * price.tokens_ratio
    assert api_price("Anthropic/claude-sonnet-5-5").tokens_ratio > 1.2


# What earlier pages printed wrongly, by the value that its source gives.
PRICES = {
    "OpenAI/gpt-6-luna": (0.1, 0.5), "Anthropic/claude-haiku-5-5": (0.1, 0.5), "OpenAI/gpt-6.1-sol": (2, 10),
    "Anthropic/claude-sonnet-5-5": (2, 10), "Anthropic/claude-sonnet-5": (2, 10), "OpenAI/gpt-6.1-terra": (1, 5),
    "Anthropic/claude-opus-5-5": (4, 20), "Google/gemini-3.8-flash": (0.75, 3.75), "OpenAI/gpt-5.6-sol": (4, 20),
    "DeepSeek/deepseek-v4-flash": (0.15, 0.6), "DeepSeek/deepseek-v4-pro": (0.66, 1.98),
    "Mistral/mistral-medium-3-5": (1.5, 7.5), "Google/gemini-3.6-flash": (0.75, 3.75), "xAI/grok-4.7": (2, 6),
    "Anthropic/claude-fable-5-1": (10, 50), "Anthropic/claude-fable-5-2": (8, 40), "Z.AI/GLM-5.3-Flash": (0.15, 0.5),
    "Moonshot/kimi-k3.1-pro": (2, 10), "Mistral/mistral-large-4": (0.7, 2.1), "Alibaba/qwen3.8-max-0902": (2, 6),
    "Fireworks/deepseek-v4p1-flash": (0.3, 1.2),
}  # fmt: skip


@pytest.mark.parametrize("name", PRICES)
def test_a_price_that_was_wrong_is_its_maker_s(name):
    price = api_price(name)
    assert (price.input_usd_per_mtok, price.output_usd_per_mtok) == PRICES[name]


def test_longer_prompts_peak_hours_and_ends_of_a_price_are_kept():
    assert api_price("Anthropic/claude-haiku-5-5", 150_000).output_usd_per_mtok == 2.5
    peak = [price for price in api_prices() if price.name == "DeepSeek/deepseek-v4-pro" and price.hours]
    assert [price.input_usd_per_mtok for price in peak] == [1.32, 1.32]
    flash = [price for price in api_prices() if price.name == "Google/gemini-3.8-flash"]
    assert [(price.until, price.input_usd_per_mtok) for price in flash] == [("2026-12-31", 0.75), ("", 1.5)]


def test_caches_cost_what_makers_ask_today():
    assert assumption("cache_write_ratio").value == 1.25
    assert assumption("cache_read_ratio").value == 0.05
    assert api_price("Anthropic/claude-fable-5-1").cached_input_usd_per_mtok == 0.25


def test_token_prices_may_fall_to_a_tenth_within_a_year():
    drift = assumption("price_drift_share")
    assert drift.low <= -0.9 < drift.value < 0 < drift.high


@pytest.mark.parametrize(
    ("device", "provider", "usd"),
    [("NVIDIA A100 PCIe 80GB", "RunPod community", 1.19), ("NVIDIA A40", "RunPod", 0.44),
     ("NVIDIA H100 SXM", "Nebius", 4.5), ("NVIDIA H200 SXM", "Nebius", 5.4), ("NVIDIA B300 SXM", "Akash", 6),
     ("NVIDIA B300 SXM", "RunPod", 7.89), ("NVIDIA B200 SXM", "RunPod", 6.79), ("NVIDIA B200 SXM", "Akash", 5)],
)  # fmt: skip
def test_a_rent_that_was_wrong_is_its_provider_s(device, provider, usd):
    assert [offer.usd_per_hour for offer in rents()
            if (offer.device, offer.provider, offer.spot) == (device, provider, False)] == [usd]


def test_an_h100_costs_what_many_providers_ask_in_the_middle():
    low, middle, high = rent("NVIDIA H100 SXM")
    assert 3 < middle < 4.5
    assert low < 2.7
    assert high > 10


def test_notice_and_lives_of_base_models_are_what_happened():
    life = assumption("base_life_months")
    assert "92 days" in life.source
    assert "12.5" in life.source
    assert life.low <= 12.5
    ended = {(one.provider, one.closes) for one in tuning_services() if one.closes}
    assert ("Databricks", "2026-08-14") in ended


def cited(card):
    (found,) = [one for one in evidence.cards() if one.id == card]
    return " ".join((found.finding, found.setting, *found.numbers))


def test_cards_that_were_wrong_say_what_their_source_says():
    gepa = cited("agrawal-2025-gepa")
    assert "six tasks" in gepa
    assert "6 %" in gepa
    compaction = cited("profff-2026-lost-in-compaction")
    assert "14 times" in compaction
    assert "million tokens" in compaction
    assert "not so at 190 000" in compaction
    assert "20 minutes" not in cited("dspy-2026-cost-of-a-search")
    assert "a peak of 2300" in accelerators()["AMD MI355X"].note


def test_a_label_s_price_is_ours_and_says_which_end_is_whose():
    entry = assumption("example_usd")
    assert entry.kind == "ours"
    assert "crowd" in entry.source
    assert "expert" in entry.source


def test_no_source_is_a_name_without_a_place():
    assert not {"ftp", "gpup", "oaip", "plan", "verda"} & set(sources())
    with (Path(__file__).parent.parent / "calculator" / "catalogs" / "rents.csv").open(newline="") as file:
        assert all(row["source"] in sources() for row in csv.DictReader(file))


OVERALL = catalog.decision("fine_tune_or_not")


def overall(**given):
    reading = engine.read(OVERALL, given)
    assert not reading.problems
    return engine.evaluate_point("fine_tune_or_not", OVERALL, reading)


def held(**given):
    notes = [one for one in overall(**given).exhibits if isinstance(one, Note)]
    (note,) = [one for one in notes if one.title.startswith("If you train")]
    return note.title, " ".join(note.paragraphs)


def test_the_vendor_question_offers_every_tuning_service_by_name():
    offered = {name for name, _ in INPUTS["fine_tune_or_not"]["tuning_service"].options}
    assert offered == {"none by name"} | {one.provider for one in tuning_services()}


@pytest.mark.parametrize("name", dict.fromkeys(one.provider for one in tuning_services()))
def test_a_service_picked_by_name_says_what_it_trains_for_how_much_and_until_when(name):
    title, words = held(tuning_service=name)
    assert name in title
    for row in tuning_services():
        if row.provider == name:
            assert row.models in words
            assert f"As of {row.as_of}" in words
            assert not row.closes or row.closes in words


def test_a_service_sets_the_price_of_training_and_the_kind_of_vendor():
    reading = engine.read(OVERALL, {"tuning_service": "Tinker"})
    assert reading.inputs.managed_small_usd_per_mtok == 0.4
    large = engine.read(OVERALL, {"tuning_service": "OpenAI"}).inputs
    assert (large.managed_small_usd_per_mtok, large.managed_large_usd_per_mtok) == (3, 25)
    assert holder("open weights, kept by you", "OpenAI") is Vendor.CLOSING
    assert holder("a provider that is closing its training", "Tinker") is Vendor.OPEN
    assert holder("open weights, kept by you", "Google Vertex AI") is Vendor.TRAINING
    assert holder("a provider that still trains", "none by name") is Vendor.TRAINING


@pytest.mark.parametrize("kind", Vendor)
def test_a_kind_of_vendor_names_services_and_days_from_the_list(kind):
    _, words = held(vendor=kind)
    closing = {one.closes for one in tuning_services() if one.closes}
    assert (kind is Vendor.CLOSING) == all(day in words for day in closing)
    assert ("Tinker" in words) == (kind is Vendor.OPEN)
    assert ("Google Vertex AI" in words) == (kind is Vendor.TRAINING)


PRACTICE = {
    "decide.md": ("reinforcement", "retrieval", "encoder"),
    "fine-tune/industry-knowledge.md": ("Tokenizers", "reranker", "tokenizer of\n2026"),
    "fine-tune/high-accuracy.md": ("Reinforcement", "verifiers", "decline", "majority", "five\n    times the price"),
    "fine-tune/conversation-context.md": ("Context engineering", "memory tools", "compaction", "single questions too"),
    "fine-tune/domain-data.md": ("preference pair", "DPO", "filtering"),
    "do-not/too-little-data.md": ("DSPy", "GEPA", "preference", "On-policy distillation", "Reinforcement"),
    "do-not/general-task.md": ("newer model", "cheaper too"),
    "do-not/limited-compute.md": ("reinforcement", "by the token"),
    "do-not/prompt-engineering.md": ("DSPy or GEPA", "cached"),
    "do-not/real-time-updates.md": ("live search", "MCP"),
    "small-models/smaller-scope.md": ("agent", "Four bits"),
    "small-models/limited-data.md": ("on-policy distillation", "reinforcement", "encoder"),
    "small-models/real-time-response.md": ("speech-to-speech", "reasoning effort", "Hidden tokens"),
}
"""What each page has to name of the practice of 2026."""


@pytest.mark.parametrize("page", PRACTICE)
def test_a_page_names_the_practice_of_today_that_bears_on_its_question(page):
    text = (appendix.DOCS / page).read_text("utf-8")
    for words in PRACTICE[page]:
        assert words.lower() in text.lower(), words


@pytest.mark.parametrize("topic", evidence.TOPICS)
def test_each_topic_has_findings_of_the_last_two_years_that_were_read_at_their_source(topic):
    recent = [card for card in evidence.cards(topic) if card.as_of.year >= 2025]
    assert any(card.checked for card in recent)


def test_every_card_was_read_and_many_are_of_the_last_two_years():
    recent = [card for card in evidence.cards() if card.as_of.year >= 2025]
    assert all(card.status != evidence.UNCHECKED and card.checked for card in evidence.cards())
    assert len(recent) >= 25


WRONG = ("a negative worth means", "lifts accuracy by", "won 1 of 31", "26.7 GiB", "market median", "6 months' notice")


@pytest.mark.parametrize("words", WRONG)
def test_what_was_wrong_in_print_is_gone(words):
    for path in appendix.DOCS.rglob("*.md"):
        assert words not in path.read_text("utf-8"), path
    for entry in assumptions().values():
        assert words not in f"{entry.label} {entry.source} {entry.quote} {entry.hint}", entry.key


@pytest.mark.parametrize("name", ["high_accuracy", "too_little_data", "small_model_limited_data", "fine_tune_or_not"])
def test_reinforcement_is_priced_by_rollouts_grader_and_failed_runs(name):
    """Prompts times answers times tokens, each at its price, graded, over all runs that one success takes."""
    for field in ("rollout_prompts_count", "rollouts_count", "rollout_input_usd_per_mtok",
                  "rollout_output_usd_per_mtok", "grader_usd", "runs_count"):
        assert field in INPUTS[name]
    decision = catalog.decision(name)

    def usd(**given):
        outputs = engine.evaluate_point(name, decision, engine.read(decision, given)).outputs
        return outputs.reinforcement_usd

    if name != "fine_tune_or_not":
        base = usd()
        for field, value in (("rollouts_count", "16"), ("grader_usd", "1"), ("runs_count", "30")):
            assert usd(**{field: value}) > base > 0


def listed(decision, field):
    """The options of a list as the form has them: (heading, value, text)."""
    html = view.render_form(decision, catalog.decision(decision), {}, "x")
    control = html[html.index(f'name="{field}"') :]
    found = []
    for part in control[: control.index("</select>")].split("<optgroup ")[1:]:
        heading = re.search(r'label="([^"]*)"', part)[1]
        found += [(heading, *pair) for pair in re.findall(r'<option value="([^"]*)"[^>]*>([^<]*)<', part)]
    return found


@pytest.mark.parametrize(("decision", "field"), [("limited_compute", "model"), ("real_time_response", "small_model")])
def test_a_list_of_models_has_makers_sizes_and_licences_and_the_newest_first(decision, field):
    found = listed(decision, field)
    assert len(found) > 200
    makers = list(dict.fromkeys(heading for heading, _, _ in found))
    assert makers == sorted(makers, key=str.casefold)
    for maker in makers:
        models = [architectures()[value] for heading, value, _ in found if heading == maker]
        assert [model.released for model in models] == sorted((model.released for model in models), reverse=True)
    texts = {value: text for _, value, text in found}
    assert texts["Qwen/Qwen3-8B"].startswith("Qwen3-8B (8.19B, apache-2.0, 2025-")


def test_a_list_of_models_that_are_paid_for_shows_their_prices():
    texts = {value: text for _, value, text in listed("prompt_engineering", "large_api_model")}
    assert texts["OpenAI/gpt-6.1-sol"] == "gpt-6.1-sol ($2 / $10)"


@pytest.mark.parametrize("name", NAMES)
def test_a_long_list_can_be_searched_and_a_short_one_needs_no_box(name):
    html = view.render_form(name, catalog.decision(name), {}, "x")
    long = {field for field, spec in INPUTS[name].items() if isinstance(spec, Pick) and len(spec.options) >= view.MANY}
    assert set(re.findall(r'data-find="x-(\w+)"', html)) == long


def test_the_list_of_tuning_services_says_minimum_end_and_day_of_each_row():
    table = appendix.render("prices", "services")
    for head in ("Trains", "Price", "At least", "Weights", "Ends", "As of"):
        assert f'<th scope="col">{head}</th>' in table
    assert table.count("2026-10-07") >= 2
    assert "2027-01-06" in table
