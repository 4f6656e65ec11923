"""What a form says, read aloud: a label with its unit is one phrase, and an option says what it is for."""

import re

import pytest

from calculator import catalog
from calculator.faces import view
from calculator.faces.chart import escape
from calculator.fields import Pick, fields_of
from calculator.units import SD, UNITS

FIELDS = [
    pytest.param(spec, id=f"{name}:{field}")
    for name in catalog.names()
    for field, spec in fields_of(catalog.decision(name).Inputs).items()
]


@pytest.mark.parametrize("spec", FIELDS)
def test_a_label_with_its_unit_says_nothing_twice(spec):
    said = re.findall(r"[a-z]+", f"{spec.label} {view.unit_words(spec)}".lower())
    unit = re.findall(r"[a-z]+", view.unit_words(spec).lower())
    assert not [word for word in unit if said.count(word) > 1 and word not in ("per", "of", "its")], " ".join(said)
    assert not re.search(r"\b(tested on|work|between|with|by|on) (items|days)$", " ".join(said))


@pytest.mark.parametrize("spec", FIELDS)
def test_a_label_is_a_phrase_of_its_own(spec):
    assert spec.label[0].isupper() or spec.label.startswith(("torch", "16-bit"))
    assert not spec.label.endswith((".", ":"))
    assert not isinstance(spec, Pick) or not spec.label.endswith((" on", " in", " by"))


@pytest.mark.parametrize("field", ["task", "failure"])
def test_every_option_of_the_first_questions_has_an_example_beside_it(field):
    spec = fields_of(catalog.decision("fine_tune_or_not").Inputs)[field]
    form = view.render_form("x", catalog.decision("fine_tune_or_not"), {}, "x")
    for value, label in spec.options:
        assert len(spec.described(value)) > 10
        assert f">{label} ({escape(spec.described(value))})</option>" in form


def test_no_reader_meets_an_abbreviation_of_the_statisticians():
    assert SD.show(1.64) == "1.64\u00a0times its usual spread"
    assert not [unit for unit in UNITS if re.search(r"\bsd\b", f"{unit.name} {unit.symbol}")]
