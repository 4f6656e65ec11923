"""Bad input at every door: no traceback, no number that is none, no hang, and every refusal names the field.

More than 20,000 cases in `make long`, a quarter of them in `make test`; `python -m bench.fuzz` goes on for as long as
one likes, led by coverage.
"""

import json
from collections import Counter
from hashlib import shake_256
from math import inf, nextafter
from time import thread_time

import pytest
from conftest import EVERY
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calculator import catalog, engine
from calculator.faces import browser, exchange
from calculator.fields import Ask, Flag, Paste, Pick, fields_of, numbers_of
from tests import hostile

CASES = {
    "decision": 5000,
    "whole_report": 60,
    "request": 400,
    "link": 500,
    "config": 4000,
    "file": 60,
    "prediction": 400,
    "quantity": 9000,
    "table": 1200,
}
"""Many where a case takes a millisecond, fewer where it takes a hundred: the fuzzer goes on with those for longer."""

FEWEST_CASES = 20_000
BYTES = st.binary(min_size=16, max_size=80)

tried: Counter[str] = Counter()


@EVERY
@pytest.mark.parametrize("door", hostile.DOORS)
def test_whatever_comes_in_is_answered_or_refused_by_name(door, every):
    @settings(
        max_examples=CASES[door] if every else CASES[door] // 4,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[*HealthCheck],
    )
    @given(BYTES)
    def go(data):
        tried[door] += 1
        # Drawing bytes is what costs most: the later choices of a case are stretched out of the first ones.
        hostile.through(door, data + shake_256(data).digest(600))

    go()


@pytest.mark.parametrize("name", catalog.names())
def test_a_number_is_taken_up_to_its_bound_and_refused_beyond_it(name):
    decision = catalog.decision(name)
    for field, spec in numbers_of(decision.Inputs).items():
        low, high = spec.low, spec.high
        judged = []
        for value in (low, high, repr(low), repr(high)):
            tried["bounds"] += 1
            # A card of one's own has no price that anybody but its owner knows.
            price = {"device_usd_per_hour": 1} if field.startswith("own_card") else {}
            found = engine.read(decision, {**price, field: value})
            # A percentage may be typed as a share or in per cent: as a text, only a number up to 1 is sure to be one.
            if found in judged:
                continue  # a number and its text are read alike here, and a report is made of what was read alone
            if not found.problems:
                judged.append(found)
                built = engine.evaluate_point(name, decision, found)
                assert built.verdict.reasons, (field, value)
            else:
                assert isinstance(value, str), found.problems
                assert spec.unit.percent, found.problems
        step = max(1e-9, 1e-9 * abs(high - low))
        beyond = (low - step, high + step, nextafter(-inf, 0), nextafter(inf, 0), -inf, inf, "1e400", "9" * 150)
        for value in beyond:
            tried["bounds"] += 1
            problems = engine.read(decision, {field: value}).problems
            assert [problem.field for problem in problems] == [field], (field, value)
            assert spec.label in problems[0].message


@pytest.mark.parametrize("name", catalog.names())
def test_no_field_takes_text_that_is_no_value(name):
    decision = catalog.decision(name)
    for field, spec in fields_of(decision.Inputs).items():
        if isinstance(spec, Paste):
            continue
        for text in (*hostile.MARKUP, *hostile.TOML, *hostile.ODD_TEXT):
            if _is_value(spec, text):
                continue
            tried["text"] += 1
            problems = engine.read(decision, {field: text}).problems
            assert [problem.field for problem in problems] == [field], (field, text)
            hostile.check_problems([vars(problem) for problem in problems], {field: text})


def _is_value(spec, text):
    if isinstance(spec, Flag):
        return text == "true"
    if isinstance(spec, Pick):
        return text.casefold() in {word.casefold() for option in spec.options for word in option}
    return isinstance(spec, Ask) and spec.optional and not text.strip()


def test_a_long_file_in_which_every_field_is_wrong_is_read_as_fast_as_any():
    fields = sorted(catalog.known_fields())
    text = "\n".join(f"{field} = [1]" for field in fields)
    text = "\n" * (exchange.LONGEST_FILE - len(text)) + text
    began = thread_time()
    found = exchange.read_file(text)
    assert thread_time() - began <= 5, "a second is enough on an idle machine; a search per field takes minutes"
    assert {problem.field for problem in found.problems} == set(fields)
    lines = text.splitlines()
    assert all(lines[problem.line - 1].startswith(f"{problem.field} ") for problem in found.problems)


@pytest.mark.parametrize("digit", ["٣", "۱۲", "１２", "५", "½", "²", "Ⅻ", "𝟓"])
def test_only_the_digits_0_to_9_make_a_number(digit):
    for name in catalog.names():
        decision = catalog.decision(name)
        field = next(f for f, spec in fields_of(decision.Inputs).items() if isinstance(spec, Ask))
        assert engine.read(decision, {field: digit}).problems


@pytest.mark.parametrize("address", hostile.MARKUP)
def test_the_address_of_a_copied_link_brings_no_markup(address):
    request = {"decision": catalog.names()[0], "form": "markdown", "site": address}
    hostile.check_answer(browser.answer(json.dumps(request)))


@pytest.mark.long
def test_enough_cases_were_tried():
    if not set(tried) >= set(hostile.DOORS):
        pytest.skip("only some of this file's tests ran")
    assert tried.total() >= FEWEST_CASES, tried
