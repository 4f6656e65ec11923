"""Picks from the catalogues: what a device and an API model bring along, and what nobody sells."""

import pytest

from calculator import catalog, engine, situation
from calculator.catalogs import accelerators, api_price, api_prices, rent
from calculator.faces import browser
from calculator.fields import fields_of

LAPTOP = "Apple M4"


def read(name, **given):
    return engine.read(catalog.decision(name), given)


def test_a_device_brings_the_median_of_its_providers_and_their_range():
    reading = read("limited_compute", device="NVIDIA L40S")
    low, middle, high = rent("NVIDIA L40S")
    assert reading.filled["device_usd_per_hour"] == (low, middle, high)
    assert reading.inputs.device_usd_per_hour == middle
    assert engine.uncertain(catalog.decision("limited_compute"), reading)["device_usd_per_hour"] == (low, middle, high)
    assert "device_usd_per_hour" not in reading.given


def test_a_typed_price_stands_before_that_of_the_catalogue():
    reading = read("limited_compute", device="NVIDIA L40S", device_usd_per_hour=0)
    assert reading.inputs.device_usd_per_hour == 0
    assert not reading.filled


@pytest.mark.parametrize("name", ["limited_compute", "real_time_response"])
def test_no_device_is_free_unless_the_reader_says_so(name):
    spec = fields_of(catalog.decision(name).Inputs)["device"]
    unsold = next(device for device, _ in spec.options if rent(device) is None)
    (problem,) = read(name, device=unsold).problems
    assert (problem.field, problem.message) == ("device_usd_per_hour", situation.NOT_RENTED)
    assert not read(name, device=unsold, device_usd_per_hour=0).problems
    with pytest.raises(ValueError, match="device_usd_per_hour"):
        situation.usd_per_hour(unsold, None)


def test_a_device_of_another_page_is_left_out_where_it_cannot_be_used():
    assert rent(LAPTOP) is None
    given, ignored = browser.merge("fine_tune_or_not", {"device": LAPTOP}, "")
    assert (given, ignored) == ({}, [])
    assert read("fine_tune_or_not", device=LAPTOP).problems
    assert browser.merge("real_time_response", {"device": LAPTOP}, "")[0] == {"device": LAPTOP}


def test_a_model_brings_its_prices_and_the_shares_of_its_caches():
    price = api_price("OpenAI/gpt-6.1-terra")
    reading = read("prompt_engineering", large_api_model=price.name)
    assert reading.inputs.large_input_usd_per_mtok == price.input_usd_per_mtok
    assert reading.inputs.large_output_usd_per_mtok == price.output_usd_per_mtok
    assert reading.inputs.cache_read_ratio == price.cached_input_usd_per_mtok / price.input_usd_per_mtok
    assert reading.inputs.batch_price_ratio == price.batch_share
    # A price that was picked is known: nothing is drawn for it.
    assert "large_input_usd_per_mtok" not in engine.uncertain(catalog.decision("prompt_engineering"), reading)


def test_a_longer_prompt_brings_the_dearer_price():
    tiered = next(price for price in api_prices() if price.above_tokens and price.output_usd_per_mtok <= 5)
    short = read("smaller_scope", small_api_model=tiered.name, prompt_tokens=1000)
    long = read("smaller_scope", small_api_model=tiered.name, prompt_tokens=tiered.above_tokens + 1)
    assert long.inputs.small_input_usd_per_mtok > short.inputs.small_input_usd_per_mtok


def test_a_tokenizer_that_makes_more_tokens_of_a_text_makes_it_dearer():
    price = next(price for price in api_prices() if price.tokens_ratio > 1 and price.output_usd_per_mtok >= 1)
    reading = read("too_little_data", large_api_model=price.name)
    assert reading.inputs.large_input_usd_per_mtok == pytest.approx(price.input_usd_per_mtok * price.tokens_ratio)


@pytest.mark.parametrize("name", [n for n in catalog.names() if n != "fine_tune_or_not"])
def test_who_asks_for_a_price_offers_the_models_by_name(name):
    specs = fields_of(catalog.decision(name).Inputs)
    for size in ("large", "small"):
        asks = f"{size}_input_usd_per_mtok" in specs or f"{size}_output_usd_per_mtok" in specs
        assert (f"{size}_api_model" in specs) == asks
    assert ("device" in specs) == ("device_usd_per_hour" in specs)


def test_every_model_of_the_table_can_be_picked_in_one_of_the_two_lists():
    specs = fields_of(catalog.decision("prompt_engineering").Inputs)
    offered = {name for field in ("large_api_model", "small_api_model") for name, _ in specs[field].options}
    assert {price.name for price in api_prices()} <= offered


def test_every_device_that_a_page_offers_is_in_the_catalogue():
    for name in catalog.names():
        spec = fields_of(catalog.decision(name).Inputs).get("device")
        assert spec is None or {device for device, _ in spec.options} <= set(accelerators())


THINKING = [name for name in catalog.names() if "thinking_tokens" in fields_of(catalog.decision(name).Inputs)]
BILLED = {
    "conversation_context": "plain_conversation_usd",
    "prompt_engineering": "prompt_usd_per_request",
    "smaller_scope": "large_usd_per_month",
    "real_time_response": "api_usd_per_month",
}


@pytest.mark.parametrize("name", [name for name in catalog.names() if "answer_tokens" in fields_of(
    catalog.decision(name).Inputs)])
def test_thinking_is_asked_wherever_answers_are_billed_or_timed(name):
    assert name in THINKING


@pytest.mark.parametrize("name", sorted(BILLED))
def test_thinking_is_billed_as_output_of_the_prompted_model(name):
    decision = catalog.decision(name)
    none, some, longer = (
        decision.compute(engine.read(decision, {"answer_tokens": answer, "thinking_tokens": thinking}).inputs)
        for answer, thinking in ((300, 0), (300, 700), (1000, 0))
    )
    before, thinks = (getattr(found, BILLED[name]) for found in (none, some))
    assert thinks > before
    if name != "conversation_context":
        assert thinks == pytest.approx(getattr(longer, BILLED[name]))


def test_an_answer_begins_when_the_thinking_is_done():
    decision = catalog.decision("real_time_response")
    at_once, thinks = (
        decision.compute(engine.read(decision, {"thinking_tokens": thinking}).inputs) for thinking in (0, 500)
    )
    waited = thinks.small_first_token_after_ms - at_once.small_first_token_after_ms
    assert waited == pytest.approx(1000 * 500 / thinks.small_pace_tokens_per_s, rel=0.05)
