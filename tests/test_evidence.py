"""The evidence cards: complete, about every topic, with disagreement shown, and refused when something is missing."""
import re
from collections import Counter
from datetime import date

import pytest

from calculator.facts.evidence import DIRECTIONS, STATUSES, STRENGTHS, TOPICS, UNCHECKED, cards, load_text

WHOLE = """
[a-card]
bears_on = { general_task = "supports" }
finding = "Something was found."
setting = "somewhere"
numbers = ["12 %"]
study_size = "one"
title = "A title"
authors = "Somebody"
venue = "Somewhere"
url = "https://example.org/paper"
as_of = 2024-01-02
checked = 2026-11-22
status = "abstract read"
strength = "weak"
why = "it is small"
applies_when = "always"
"""


def test_there_are_at_least_sixty_cards():
    assert len(cards()) >= 60


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_has_four_cards_and_one_that_disagrees(topic):
    found = cards(topic)
    assert len(found) >= 4
    assert {card.direction(topic) for card in found} & {"limits", "contradicts"}
    assert {card.direction(topic) for card in found} & {"supports", "limits"}


def test_at_least_nine_in_ten_were_read_again():
    checked = [card for card in cards() if card.status != UNCHECKED]
    assert len(checked) >= 0.9 * len(cards())
    assert all(card.checked and card.checked >= card.as_of for card in checked)


def test_a_finding_is_one_plain_sentence():
    for card in cards():
        assert card.finding[0].isupper(), card.id
        assert card.finding.endswith("."), card.id
        assert len(re.findall(r"[.!?](?:\s|$)", re.sub(r"\d\.\d", "", card.finding))) == 1, card.id
        assert 40 <= len(card.finding) <= 240, card.id


def test_the_short_texts_are_no_sentences_of_their_own_making():
    for card in cards():
        for text in (card.setting, card.study_size, card.why, card.applies_when, *card.numbers):
            assert not text.endswith("."), (card.id, text)
            assert text == text.strip(), (card.id, text)


def test_no_two_cards_tell_the_same_finding_or_cite_one_page_for_it():
    assert len({card.finding for card in cards()}) == len(cards())
    assert len({card.url for card in cards()}) == len(cards())


def test_the_strongest_come_first_and_all_are_there():
    for topic in TOPICS:
        ranks = [STRENGTHS.index(card.strength) for card in cards(topic)]
        assert ranks == sorted(ranks)
    assert {card.id for topic in TOPICS for card in cards(topic)} == {card.id for card in cards()}


def test_words_come_from_the_closed_lists():
    for card in cards():
        assert set(card.bears_on) <= set(TOPICS)
        assert set(card.bears_on.values()) <= set(DIRECTIONS)
        assert card.status in STATUSES
    assert set(Counter(card.strength for card in cards())) == set(STRENGTHS)


def test_a_whole_card_is_read_as_written():
    (card,) = load_text(WHOLE, "general_task.toml")
    assert card.id == "a-card"
    assert card.direction("general_task") == "supports"
    assert card.numbers == ("12 %",)
    assert (card.as_of, card.checked) == (date(2024, 1, 2), date(2026, 11, 22))


def test_an_unchecked_card_has_no_date_of_checking():
    (card,) = load_text(WHOLE.replace("checked = 2026-11-22\n", "").replace("abstract read", UNCHECKED), "x.toml")
    assert card.checked is None


@pytest.mark.parametrize(("old", "new", "message"), [
    ('finding = "Something was found."\n', "", r"x.toml: a-card: missing \['finding'\]"),
    ('numbers = ["12 %"]', "numbers = []", r"missing \['numbers'\]"),
    ('why = "it is small"', 'why = "it is small"\nwhen = "now"', r"unknown \['when'\]"),
    ("general_task", "cooking", r"bears_on must be one of industry_knowledge, .*, got 'cooking'"),
    ('"supports"', '"proves"', r"bears_on.general_task must be one of supports, limits, contradicts, got 'proves'"),
    ("abstract read", "believed", r"status must be one of abstract read, .*, got 'believed'"),
    ('"weak"', '"huge"', r"strength must be one of strong, moderate, weak, got 'huge'"),
    ("https://", "http://", r"url must begin with https://, got"),
    ('["12 %"]', "[12]", r"numbers must be a list of texts"),
    ("2024-01-02", '"2024"', r"as_of and checked must be dates"),
    ("checked = 2026-11-22\n", "", r"checked must be given unless status is 'not checked at source'"),
    ("abstract read", UNCHECKED, r"checked must be given unless status is 'not checked at source'"),
    ("2026-11-22", "2023-11-22", r"checked must not lie before as_of 2024-01-02"),
    ('setting = "somewhere"', "setting = 3", r"setting must be text, got 3"),
])
def test_an_incomplete_or_impossible_card_is_refused_by_name(old, new, message):
    with pytest.raises(ValueError, match=message):
        load_text(WHOLE.replace(old, new), "x.toml")


def test_an_unknown_topic_is_refused():
    with pytest.raises(ValueError, match=r"topic must be one of industry_knowledge, .*, got 'cooking'"):
        cards("cooking")
