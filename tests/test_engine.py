"""Reading what people give, and the three stages of a report, on a decision small enough to check by hand."""

from dataclasses import dataclass
from enum import StrEnum
from math import ceil, floor, log10

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calculator import catalog, engine
from calculator.faces import report
from calculator.fields import Ask, ask, fields_of, flag, out, paste, pick
from calculator.units import USD
from calculator.verdict import Decision, Rule, Verdict


class Answer(StrEnum):
    BUY = "Buy"
    WAIT = "Wait"


class Ground(Rule):
    GAIN = Answer.BUY
    LOSS = Answer.WAIT


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


def digits_only(text):
    if not text.isdigit():
        raise ValueError("Notes must be digits")
    return text


@dataclass(frozen=True, kw_only=True)
class Inputs:
    price_usd: float = ask(100, "Price", low=0, high=1000)
    worth_usd: float = ask(120, "Worth", low=1, high=1000)
    pieces_examples: float = ask(2, "Pieces", low=1, high=10, whole=True)
    doubt_share: float = ask(None, "Doubt", low=0, high=1)
    colour: str = pick(Colour.RED, Colour, "Colour")
    rush: bool = flag(False, "Rush")
    notes: str = paste("", "Notes", longest=10, check=digits_only)


@dataclass(frozen=True, kw_only=True)
class Outputs:
    gain_usd: float = out("Gain", formula="(worth_usd - price_usd) * pieces_examples")


def compute(i):
    return Outputs(gain_usd=(i.worth_usd - i.price_usd) * i.pieces_examples)


def ground_of(i, o):
    return Ground.LOSS if o.gain_usd <= 0 or i.colour == Colour.BLUE else Ground.GAIN


def judge(i, o):
    return Verdict(ground_of(i, o).answer, "Because of the gain.", (USD.show(o.gain_usd),))


DECISION = Decision("Buy?", Inputs, Outputs, compute, ground_of, judge)


def read(**fields):
    return engine.read(DECISION, fields)


def only_problem(**fields):
    reading = read(**fields)
    assert reading.inputs is None
    (problem,) = reading.problems
    return problem


def test_defaults_are_used_and_only_what_differs_is_given():
    reading = read(price_usd="100", worth_usd="$130")
    assert reading.inputs.price_usd == 100
    assert reading.given == {"worth_usd": "130"}
    assert reading.inputs == engine.make_inputs(DECISION, {**Inputs().__dict__, "worth_usd": 130.0})


@pytest.mark.parametrize(
    ("field", "typed", "text"),
    [
        ("labelled_examples", "400-600", "400 to 600"),
        ("budget_usd", "$10k-$20k", "10000 to 20000"),
        ("prompted_accuracy_share", "between 70 and 80 %", "70% to 80%"),
        ("fact_half_life_days", "never", "36500"),
        ("deadline_days", "1 week", "7"),
        ("horizon_months", "2 years", "24"),
    ],
)
def test_what_people_type_into_the_questions_is_understood(field, typed, text):
    reading = engine.read(catalog.decision("fine_tune_or_not"), {field: typed})
    assert reading.problems == ()
    assert reading.given.get(field, "24") == text


@pytest.mark.parametrize(
    ("field", "typed", "way"),
    [
        ("labelled_examples", "10.000", "is it 10,000 or 10? Write 10,000 or 10"),
        ("budget_usd", "€20k", "amounts are in US dollars: write $20k or 20k"),
        ("labelled_examples", "400-600k", "is it 400 or 400k? write both ends out"),
        ("budget_usd", "never", "write it with digits"),
        ("deadline_days", "a week", "write it with digits"),
    ],
)
def test_what_is_not_understood_names_the_field_what_is_allowed_and_how_to_write_it(field, typed, way):
    decision = catalog.decision("fine_tune_or_not")
    (problem,) = engine.read(decision, {field: typed}).problems
    assert problem.field == field
    assert problem.message.startswith(fields_of(decision.Inputs)[field].label)
    assert way in problem.message
    assert problem.given == typed


def test_a_range_means_a_median_between_its_ends():
    reading = read(price_usd="50 to 200")
    assert reading.inputs.price_usd == pytest.approx(100)
    assert reading.ranges == {"price_usd": (50, pytest.approx(100), 200)}
    assert read(price_usd=[50, 200]).ranges == reading.ranges
    assert read(price_usd="50–200").given == {"price_usd": "50 to 200"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"price_usd": "1,5"}, "Price must be a number from $0 to $1,000; given: '1,5'"),
        ({"price_usd": "1001"}, "Price must be a number from $0 to $1,000; given: 1001"),
        ({"price_usd": ""}, "it is empty"),
        ({"price_usd": True}, "given: True"),
        ({"price_usd": float("nan")}, "given: nan"),
        ({"price_usd": 10**400}, "Price must be"),
        ({"price_usd": {}}, "given: {}"),
        ({"price_usd": [1, 2, 3]}, "a range of two"),
        ({"price_usd": "200 to 50"}, "from a smaller to a larger"),
        ({"price_usd": "9" * 300}, "300 characters"),
        ({"pieces_examples": "2.5"}, "whole number"),
        ({"colour": "green"}, "Colour must be one of: red, blue; given: 'green'"),
        ({"rush": "perhaps"}, "Rush must be yes or no"),
        ({"notes": "abc"}, "Notes must be digits"),
        ({"notes": "1" * 11}, "at most 10 characters; given: 11"),
        ({"prise_usd": "3"}, "no such field; did you mean price_usd?"),
        ({"zzz": "3"}, "no such field; the fields are price_usd"),
    ],
)
def test_a_problem_names_the_field_what_is_allowed_and_what_was_given(fields, words):
    problem = only_problem(**fields)
    assert problem.field == next(iter(fields))
    assert words in problem.message


def test_each_bad_field_has_its_own_problem():
    assert {p.field for p in read(price_usd="x", worth_usd="y").problems} == {"price_usd", "worth_usd"}


def test_an_optional_field_may_be_unknown():
    assert read(doubt_share="").inputs.doubt_share is None
    assert read(doubt_share="unknown").inputs.doubt_share is None
    assert read(doubt_share="12").inputs.doubt_share == 0.12


def test_picks_and_flags_are_read_as_people_write_them():
    assert read(colour="Blue").inputs.colour == "blue"
    assert read(rush="YES").inputs.rush is True
    assert read(rush="0").inputs.rush is False


def test_too_many_fields_are_refused_at_once():
    assert "at most" in read(**{f"f{k}": "1" for k in range(1000)}).problems[0].message


@given(
    st.dictionaries(
        st.sampled_from([*Inputs.__dataclass_fields__, "other"]),
        st.one_of(
            st.text(max_size=40),
            st.integers(),
            st.floats(),
            st.booleans(),
            st.none(),
            st.lists(st.floats(), max_size=3),
        ),
    )
)
def test_reading_never_raises_and_gives_inputs_or_problems(fields):
    reading = engine.read(DECISION, fields)
    assert (reading.inputs is None) == bool(reading.problems)
    assert all(p.field and p.message for p in reading.problems)


def test_the_draws_of_a_range_meet_its_percentiles():
    built = engine.evaluate("buy", DECISION, read(price_usd="50 to 200", worth_usd=120))
    spread = built.spread["gain_usd"]
    assert spread.low == pytest.approx((120 - 200) * 2, abs=8)
    assert spread.high == pytest.approx((120 - 50) * 2, abs=8)
    assert built.holds == pytest.approx(0.667, abs=0.02)
    assert built.strength == "close"
    assert built.runner_up == Answer.WAIT
    assert sum(share for _, share in built.shares) == pytest.approx(1)


def test_with_nothing_uncertain_the_verdict_holds_in_every_draw():
    built = engine.evaluate("buy", DECISION, read())
    assert built.holds == 1
    assert built.strength == "firm"
    assert built.spread["gain_usd"].low == built.spread["gain_usd"].high == 40


def test_flips_are_the_nearest_values_that_change_the_answer():
    built = engine.evaluate("buy", DECISION, read())
    flips = {flip.field: flip for flip in built.flips}
    assert flips["price_usd"].at == pytest.approx(120)
    assert flips["worth_usd"].at == pytest.approx(100)
    assert flips["colour"].at == "blue"
    assert set(built.steady) == {"pieces_examples"}
    assert built.flips[0].distance <= built.flips[-1].distance


@given(st.floats(1, 1e7), st.floats(1.01, 3), st.floats(0.01, 1), st.booleans(), st.booleans())
def test_a_flip_is_the_nearest_value_of_three_digits_that_changes_the_answer(start, ratio, part, upward, whole):
    ends = sorted(float(ceil(end)) if whole else end for end in (start, start * ratio))
    same, other = ends if upward else ends[::-1]
    turn = same + part * (other - same)
    spec = Ask("Field", low=0, high=1e9, whole=whole)

    def answer_at(name, value):
        return Answer.WAIT if (value >= turn if upward else value <= turn) else Answer.BUY

    if answer_at("", same) == Answer.WAIT:
        return
    at = engine._narrow("", spec, same, other, Answer.BUY, answer_at)
    assert answer_at("", at) == Answer.WAIT
    assert float(f"{at:.3g}") == at
    step = 10.0 ** (floor(log10(at)) - 2)
    assert abs(at - turn) < (max(1.0, step) if whole else step) * (1 + 1e-9)


def test_the_sensitivity_is_sorted_by_what_moves_the_result_most():
    built = engine.evaluate("buy", DECISION, read())
    assert [swing.field for swing in built.sensitivity] == ["worth_usd", "price_usd", "pieces_examples"]
    assert built.sensitivity[0].at_low == (90 - 100) * 2


def test_evaluating_a_reading_with_problems_says_which():
    with pytest.raises(ValueError, match="price_usd"):
        engine.evaluate_point("buy", DECISION, read(price_usd="x"))


def test_a_report_is_the_same_bytes_each_time_and_json_without_nan():
    first = report.as_json(engine.evaluate("buy", DECISION, read(price_usd="50 to 200")))
    assert first == report.as_json(engine.evaluate("buy", DECISION, read(price_usd="50 to 200")))
    assert "NaN" not in first


def test_markdown_keeps_hostile_text_as_text():
    built = engine.evaluate("buy", DECISION, read(notes="12"))
    text = report.as_markdown(built, "https://example.org/")
    assert "**Buy.**" in text
    assert "https://example.org/?notes=12&v=" in text


def test_a_strange_field_is_named_on_one_line():
    (problem,) = engine.read(DECISION, {"pri\u2028ce\n\ud800": "1\u20282"}).problems
    assert len(str(problem).splitlines()) == 1
    assert str(problem).encode()
