"""Tokens and money of API use, against worked examples computed by hand and laws that always hold."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calculator.llm import tokens

# A support chat: 1,500 tokens of system prompt and tools, 120 per question, 280 per answer, at $3 and $15.
TALK = {"system_tokens": 1500.0, "user_tokens": 120.0, "answer_tokens": 280.0}
PRICES = {"input_usd_per_mtok": 3.0, "output_usd_per_mtok": 15.0}
CACHED = {"hit_share": 1.0, "read_factor": 0.1, "write_factor": 1.25}


@pytest.mark.parametrize(
    ("turns", "input_tokens", "plain_usd", "cached_usd", "saving_percent"),
    [
        (5, 12_100, 0.0573, 0.0357, 38),
        (10, 34_200, 0.1446, 0.0703, 51),
        (20, 108_400, 0.4092, 0.1483, 64),
        (40, 376_800, 1.2984, 0.3405, 74),
    ],
)
def test_a_conversation_costs_what_the_worked_table_says(turns, input_tokens, plain_usd, cached_usd, saving_percent):
    talk = tokens.conversation_tokens(turns=turns, **TALK)
    assert talk.input_tokens == input_tokens
    assert talk.output_tokens == turns * 280
    plain = tokens.conversation_usd(turns=turns, **TALK, **PRICES)
    cached = tokens.conversation_usd(turns=turns, **TALK, **PRICES, **CACHED)
    assert plain == pytest.approx(plain_usd, abs=5e-5)
    # The table rounded 0.340449 twice, to 0.34045 and then to 0.3405.
    assert cached == pytest.approx(cached_usd, abs=5.5e-5)
    assert round(100 * (1 - cached / plain)) == saving_percent


def test_five_cached_turns_are_counted_by_hand():
    # Written: 1,620 and four times 400. Read: 1,620 + 2,020 + 2,420 + 2,820.
    by_hand = ((1620 + 4 * 400) * 1.25 + (1620 + 2020 + 2420 + 2820) * 0.1) * 3e-6 + 5 * 280 * 15e-6
    assert tokens.conversation_usd(turns=5, **TALK, **PRICES, **CACHED) == pytest.approx(by_hand, rel=1e-12)


def test_prompts_below_the_minimum_prefix_stay_at_the_plain_price():
    # Prompts of three turns: 1,620, 2,020 and 2,420 tokens; the second is the first to reach 2,000.
    by_hand = (1620 + 2020 * 1.25 + 2020 * 0.1 + 400 * 1.25) * 3e-6 + 3 * 280 * 15e-6
    got = tokens.conversation_usd(turns=3, **TALK, **PRICES, **CACHED, minimum_prefix_tokens=2000)
    assert got == pytest.approx(by_hand, rel=1e-12)
    never = tokens.conversation_usd(turns=3, **TALK, **PRICES, **CACHED, minimum_prefix_tokens=1e9)
    assert never == pytest.approx(tokens.conversation_usd(turns=3, **TALK, **PRICES), rel=1e-12)


def test_a_miss_writes_the_whole_prompt_again():
    by_hand = (1620 + 2020 + 2420) * 1.25 * 3e-6 + 3 * 280 * 15e-6
    got = tokens.conversation_usd(turns=3, **TALK, **PRICES, **{**CACHED, "hit_share": 0.0})
    assert got == pytest.approx(by_hand, rel=1e-12)


def test_a_window_of_eight_thousand_is_full_after_sixteen_turns():
    assert tokens.turns_until_full(context_tokens=8192, reserved_tokens=280, **TALK) == 16
    assert tokens.turns_until_full(context_tokens=128_000, **TALK) == 316
    assert tokens.turns_until_full(context_tokens=1000, **TALK) == 0
    silent = {"system_tokens": 10.0, "user_tokens": 0.0, "answer_tokens": 0.0}
    assert tokens.turns_until_full(context_tokens=1000, **silent) == inf


def test_the_last_prompt_is_what_the_window_must_hold():
    assert tokens.conversation_tokens(turns=10, **TALK).last_prompt_tokens == 1500 + 9 * 400 + 120


def test_hits_follow_poisson_arrivals():
    # One request in five minutes on average, kept for five: 1 − 1/e.
    assert tokens.cache_hit_share(requests_per_hour=12, kept_minutes=5) == pytest.approx(0.6321, abs=1e-4)
    assert tokens.cache_hit_share(requests_per_hour=0, kept_minutes=5) == 0


def test_dedicated_hosting_asks_for_the_worked_number_of_requests_each_month():
    rent = tokens.hosting_usd_per_month(gpu_usd_per_hour=3.99)
    assert round(rent) == 2913
    for saving, millions, digits in ((0.002025, 1.44, 2), (0.00038475, 7.6, 1)):
        requests = tokens.hosting_break_even_requests_per_month(
            hosting_usd_per_month=rent, saving_usd_per_request=saving
        )
        assert round(requests / 1e6, digits) == millions


def test_a_managed_job_costs_its_tokens_or_the_minimum_charge():
    tokens_seen = 10_000 * 1_000 * 3
    assert round(tokens.managed_training_usd(training_tokens=tokens_seen, training_usd_per_mtok=0.34)) == 10
    assert round(tokens.managed_training_usd(training_tokens=tokens_seen, training_usd_per_mtok=0.50)) == 15
    assert tokens.managed_training_usd(training_tokens=1e5, training_usd_per_mtok=0.5, minimum_usd=4) == 4


def test_a_request_reads_its_prefix_only_above_the_minimum():
    request = {"prompt_tokens": 3000.0, "answer_tokens": 200.0, "input_usd_per_mtok": 1.0, "output_usd_per_mtok": 5.0,
               "hit_share": 0.9, "read_factor": 0.1, "write_factor": 1.25}
    cached = tokens.request_usd(**request, shared_prefix_tokens=2000, minimum_prefix_tokens=1024)
    assert cached == pytest.approx((1000 + 2000 * (0.09 + 0.125) + 200 * 5) / 1e6)
    assert tokens.request_usd(**request, shared_prefix_tokens=1000, minimum_prefix_tokens=1024) == pytest.approx(4e-3)
    assert tokens.request_usd(**request, batch_factor=0.5) == pytest.approx(2e-3)


def test_a_cheap_wrong_answer_is_dear():
    assert tokens.usd_per_correct_answer(usd_per_request=0.01, accuracy=0.8) == pytest.approx(0.0125)
    assert tokens.usd_per_correct_answer(usd_per_request=0.01, accuracy=0) == inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tokens.conversation_tokens(turns=-1, **TALK), "turns: must be 0 or more, -1 was given"),
        (lambda: tokens.cached_input_factor(hit_share=1.5, read_factor=0.1),
         "hit_share: must be from 0 to 1, 1.5 was given"),
        (lambda: tokens.break_even_requests(upfront_usd=float("nan"), saving_usd_per_request=1),
         "upfront_usd: must be 0 or more, nan was given"),
    ],
)
def test_a_bad_argument_is_named_with_what_is_allowed(call, message):
    with pytest.raises(ValueError, match=message):
        call()


counts = st.floats(min_value=0, max_value=1e5)
factors = st.floats(min_value=0, max_value=1)


@given(n=st.integers(0, 60), s=counts, u=counts, a=counts, least=st.floats(0, 3e5), hit=factors, read=factors,
       write=st.floats(1, 2))
def test_the_closed_form_is_the_sum_over_turns(n, s, u, a, least, hit, read, write):
    billed = total = 0.0
    previous = None
    for turn in range(n):
        prompt = s + u + turn * (u + a)
        total += prompt
        if prompt < least:
            billed += prompt
        elif previous is None or previous < least:
            billed += prompt * write
        else:
            billed += hit * (previous * read + (u + a) * write) + (1 - hit) * prompt * write
        previous = prompt
    talk = {"turns": n, "system_tokens": s, "user_tokens": u, "answer_tokens": a}
    assert tokens.conversation_tokens(**talk).input_tokens == pytest.approx(total, rel=1e-9, abs=1e-9)
    got = tokens.conversation_usd(
        **talk, input_usd_per_mtok=1, output_usd_per_mtok=0, hit_share=hit, read_factor=read, write_factor=write,
        minimum_prefix_tokens=least,
    )
    # Rounding can put a prompt on the other side of the minimum; then one turn is billed the other way.
    edge = any(abs(s + u + t * (u + a) - least) < 1e-6 * (1 + least) for t in range(n))
    assert edge or got * 1e6 == pytest.approx(billed, rel=1e-9, abs=1e-9)


@given(n=st.floats(0, 100), more=st.floats(0, 10), s=counts, u=counts, a=counts, hit=factors)
def test_more_turns_never_cost_less(n, more, s, u, a, hit):
    price = {"system_tokens": s, "user_tokens": u, "answer_tokens": a, "input_usd_per_mtok": 3,
             "output_usd_per_mtok": 15, "hit_share": hit, "read_factor": 0.1, "write_factor": 1.25}
    less = tokens.conversation_usd(turns=n, **price)
    assert tokens.conversation_usd(turns=n + more, **price) >= less * (1 - 1e-9)


@given(rate=st.floats(0, 1e4), more=st.floats(0, 1e4), kept=st.floats(0, 120))
def test_more_traffic_never_hits_less(rate, more, kept):
    low = tokens.cache_hit_share(requests_per_hour=rate, kept_minutes=kept)
    high = tokens.cache_hit_share(requests_per_hour=rate + more, kept_minutes=kept)
    assert 0 <= low <= high <= 1
