"""Numbers as people type them, and as they are shown."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from calculator.units import (
    DAYS,
    EXAMPLES,
    GIB,
    MONTHS,
    POINTS,
    REQUESTS_PER_MONTH,
    SECONDS,
    SHARE,
    TFLOPS,
    TOKENS,
    UNITS,
    USD,
    in_two_digits,
    numbers_in,
    parse,
    plain,
    split_range,
)


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("80k", TOKENS, 80_000),
        ("1.5M", TOKENS, 1.5e6),
        ("1.5 million tokens", TOKENS, 1.5e6),
        ("2bn", TOKENS, 2e9),
        ("24 GB", GIB, 24e9 / 2**30),
        ("24 GiB", GIB, 24),
        ("12,000", TOKENS, 12_000),
        ("12 000", TOKENS, 12_000),
        ("12\u202f000.5", TOKENS, 12_000.5),
        ("1e6", TOKENS, 1e6),
        ("1E-2", SECONDS, 0.01),
        ("$3", USD, 3),
        ("3 USD", USD, 3),
        ("85%", SHARE, 0.85),
        ("85", SHARE, 0.85),
        ("0.85", SHARE, 0.85),
        ("1", SHARE, 1),
        ("1 %", SHARE, 0.01),
        ("3 months", DAYS, 91.3125),
        ("500 ms", SECONDS, 0.5),
        ("−5", POINTS, -5),
        ("  7 ", EXAMPLES, 7),
    ],
)
def test_what_people_type_is_understood(text, unit, value):
    assert parse(text, unit) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "abc",
        "1,5",
        "1,2345",
        "1e",
        "--3",
        "3-",
        "1.2.3",
        "nan",
        "inf",
        "Infinity",
        "1e999",
        "٣",
        "１２",
        "0x10",
        "5 parsecs",
        "80kk",
        "1_2",
        "three",
        "<b>3</b>",
        "1;2",
        "=1+1",
        "1/2",
        "\u202e12",
        "1 2 3",
        "10.000",
        "1.000.000",
        "-5.500",
        "about 400",
        "a week",
    ],
)
def test_everything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"\S"):
        parse(text, TOKENS)


@pytest.mark.parametrize(
    ("text", "unit", "way"),
    [
        ("10.000", EXAMPLES, "is it 10,000 or 10? Write 10,000 or 10"),
        ("1.250", USD, "is it 1,250 or 1.25? Write 1,250 or 1.25"),
        ("1.125", USD, "is it 1,125 or 1.125? Write 1,125 or 1.1250"),
        ("$10.000", USD, "is it 10,000 or 10?"),
        ("10.000 examples", EXAMPLES, "is it 10,000 or 10?"),
        ("2.500.000", TOKENS, "write 2,500,000"),
        ("€20k", USD, "amounts are in US dollars: write \\$20k or 20k"),
        ("20k€", USD, "amounts are in US dollars"),
        ("20 k EUR", USD, "amounts are in US dollars"),
        ("£5", USD, "amounts are in US dollars"),
        ("a week", DAYS, "write it with digits"),
        ("about 400", EXAMPLES, "write it with digits"),
        ("3 fortnights", DAYS, "'fortnights' is not understood after a number here; these are: ms, "),
    ],
)
def test_what_is_refused_says_how_to_write_it(text, unit, way):
    with pytest.raises(ValueError, match=way.replace("?", r"\?")):
        parse(text, unit)


@pytest.mark.parametrize("text", ["0.125", "0.000", "1.1250", "10.0", "1000.125", "12.3456"])
def test_a_number_that_can_be_read_in_one_way_is_not_asked_about(text):
    assert parse(text, USD) == float(text)


def test_a_percentage_with_three_decimals_is_no_ten_thousand():
    assert parse("12.345 %", SHARE) == pytest.approx(0.12345)
    assert parse("12.345", SHARE) == pytest.approx(0.12345)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("200 to 800", ("200", "800")),
        ("400-600", ("400", "600")),
        ("$10k-$20k", ("$10k", "$20k")),
        ("5%-10%", ("5%", "10%")),
        ("1e-2", None),
        ("-5", None),
        ("-5-3", ("-5", "3")),
        ("-5--3", ("-5", "-3")),
        ("1e-2-1e-1", ("1e-2", "1e-1")),
        ("400 – 600", ("400 ", " 600")),
        ("between 400 and 600", ("400", "600")),
        ("12", None),
        ("3-", None),
    ],
)
def test_a_range_is_told_from_a_minus_sign(text, ends):
    assert split_range(text) == ends


@pytest.mark.parametrize("text", ["400-600k", "1-2m", "$5-10k"])
def test_a_range_that_says_thousands_at_one_end_only_is_asked_about(text):
    with pytest.raises(ValueError, match="write both ends out"):
        split_range(text)


@pytest.mark.parametrize(
    ("unit", "value", "shown"),
    [
        (USD, 1234.5, "$1,234"),
        (USD, 12.5, "$12.50"),
        (USD, 0.0054, "$0.00540"),
        (USD, -40, "−$40"),
        (USD, 2.3e6, "$2.3 million"),
        (MONTHS, math.inf, "never"),
        (MONTHS, 1, "1\u00a0month"),
        (REQUESTS_PER_MONTH, 1, "1\u00a0request a month"),
        (TFLOPS, 1, "1\u00a0TFLOPS"),
        (SHARE, 0.815, "81.5\u00a0%"),
        (SHARE, 0.00004, "0.004\u00a0%"),
        (SHARE, 0, "0\u00a0%"),
        (TOKENS, 123_456, "123,456\u00a0tokens"),
        (GIB, 22.3517, "22.4\u00a0GiB"),
        (GIB, 999.96, "1,000\u00a0GiB"),
    ],
)
def test_a_value_is_shown_with_its_unit(unit, value, shown):
    assert unit.show(value) == shown


@pytest.mark.parametrize(
    ("unit", "low", "high", "shown"),
    [
        (REQUESTS_PER_MONTH, 269_104, 4.91e6, "269,104\u00a0to 4.91 million\u00a0requests a month"),
        (USD, 5, 9, "$5 to $9"),
        (SHARE, 0.05, 0.1, "5\u00a0% to 10\u00a0%"),
        (MONTHS, 1, 3, "1\u00a0month to 3\u00a0months"),
        (MONTHS, 2, math.inf, "2\u00a0months to never"),
        (USD, 1000.1, 1000.2, "$1,000"),
    ],
)
def test_a_range_names_its_unit_once(unit, low, high, shown):
    assert unit.show_range(low, high) == shown


@given(st.floats(1e-6, 1e12), st.sampled_from([u for u in UNITS if not u.percent]))
def test_what_is_written_is_read_back(value, unit):
    assert parse(unit.write(value), unit) == pytest.approx(value, rel=1e-9)


@given(st.floats(0, 1))
def test_a_share_written_as_per_cent_is_read_back(value):
    assert parse(SHARE.write(value), SHARE) == pytest.approx(value, rel=1e-9, abs=1e-12)


@given(st.floats(allow_nan=False))
def test_any_number_can_be_shown(value):
    assert plain(value)


@given(st.text(max_size=30), st.sampled_from(UNITS))
def test_no_text_breaks_the_parser(text, unit):
    try:
        value = parse(text, unit)
    except ValueError:
        return
    assert math.isfinite(value)


@pytest.mark.parametrize("hundredths", range(101))
def test_a_whole_percentage_is_the_float_its_decimals_are(hundredths):
    assert parse(f"{hundredths}%", SHARE) == float(f"0.{hundredths:02}" if hundredths < 100 else "1")


def test_no_two_units_have_one_suffix():
    assert len({unit.suffix for unit in UNITS}) == len(UNITS)


@pytest.mark.parametrize(
    ("said", "short"),
    [
        ("about $11,883 and 0.833\u00a0days", "about $12,000 and 0.83\u00a0days"),
        ("88.6\u00a0% is right, 10.9\u00a0points more", "89\u00a0% is right, 11\u00a0points more"),
        ("a bar of 72.5\u00a0%", "a bar of 73\u00a0%"),
        ("1.23 million tokens", "1.2 million tokens"),
        ("216 of 300 passed", "216 of 300 passed"),
        ("128\u00a0GPUs after 144\u00a0ms", "128\u00a0GPUs after 140\u00a0ms"),
        ("99.7\u00a0% of the time", "99.7\u00a0% of the time"),
        ("75.1\u00a0% against 75\u00a0%", "75.1\u00a0% against 75\u00a0%"),
        ("Qwen3-14B and GPT-4.1 take 3\u00a0GPUs", "Qwen3-14B and GPT-4.1 take 3\u00a0GPUs"),
        ("no number at all", "no number at all"),
    ],
)
def test_a_headline_has_two_digits_and_says_no_other_thing(said, short):
    assert in_two_digits(said) == short


def test_the_readers_own_numbers_stay_as_they_were_given():
    assert in_two_digits("$1,234 of your $1,275", numbers_in("$1,275")) == "$1,200 of your $1,275"


@example(value=999_500.0, unit=DAYS)
@given(value=st.floats(min_value=1e-3, max_value=1e11), unit=st.sampled_from([USD, DAYS, GIB, SHARE, TOKENS]))
def test_two_digits_are_within_a_twentieth_and_never_longer(value, unit):
    said = unit.show(value)
    short = in_two_digits(said)
    assert len(short) <= len(said)
    assert parse(short, unit) == pytest.approx(parse(said, unit), rel=0.051)
    assert in_two_digits(short) == short
