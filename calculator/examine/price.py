"""What it costs to train on just this file: at every tuning service with a price, and on every card that is rented."""

from functools import cache
from typing import Any

from calculator.catalogs import tuning_services
from calculator.decisions._training_remedies import all_cards
from calculator.decisions.limited_compute import Inputs
from calculator.examine import tree
from calculator.examine.tree import Tree
from calculator.llm.tokens import managed_training_usd
from calculator.llm.training.cards import OnCard
from calculator.units import GIB, HOURS, USD

BY_TOKEN = "million training tokens"
CARDS_SHOWN = 12


def _job(fields: dict[str, str]) -> Inputs:
    """The training page's own set-up with the numbers of the file."""
    return Inputs(
        labelled_examples=float(fields["labelled_examples"]),
        new_examples=0,
        example_tokens=float(fields["example_tokens"]),
        sequence_tokens=max(16.0, float(fields["sequence_tokens"])),
        length_spread_ratio=float(fields["length_spread_ratio"]),
    )


def _services(tokens: float, preference: bool) -> list[tuple[str, str, float, float, str]]:
    """(provider, models, USD a million tokens, USD, last day) of each service that trains so, the cheapest first."""
    found = []
    for one in tuning_services():
        if one.usd is None or one.unit != BY_TOKEN or not (one.preference if preference else one.supervised):
            continue
        usd = managed_training_usd(
            training_tokens=tokens, training_usd_per_mtok=one.usd, minimum_usd=one.minimum_usd or 0.0
        )
        found.append((one.provider, one.models, one.usd, usd, one.closes))
    return sorted(found, key=lambda row: (row[3], row[0], row[1]))


def _trained_tokens(i: Inputs, billed_ratio: float) -> float:
    return i.labelled_examples * i.example_tokens * i.epochs_count * billed_ratio


@cache
def _cards(i: Inputs) -> tuple[OnCard, ...]:
    return all_cards(i)


def numbers(fields: dict[str, str], billed_ratio: float) -> dict[str, Any]:
    """The figures of `section`, flat: tokens trained on over all epochs, the cheapest of both kinds in US dollars."""
    i = _job(fields)
    tokens = _trained_tokens(i, billed_ratio)
    services = _services(tokens, billed_ratio > 1)
    fitting = [one for one in _cards(i) if one.fits]
    return {
        "trained_tokens": round(tokens),
        "cheapest_service_usd": services[0][3] if services else None,
        "cheapest_card_usd": fitting[0].usd if fitting else None,
    }


def section(fields: dict[str, str], billed_ratio: float) -> Tree:
    """The part that names every price: services by the token, then cards by the hour."""
    i = _job(fields)
    tokens, preference = _trained_tokens(i, billed_ratio), billed_ratio > 1
    rows = []
    cells = []
    for provider, models, per_mtok, usd, closes in _services(tokens, preference):
        until = f", new jobs until {closes}" if closes else ""
        cells.append((f"{provider}: {models}{until}", f"{USD.show(per_mtok)} a million tokens", "–", USD.show(usd)))
    fitting = [one for one in _cards(i) if one.fits]
    for one in fitting[:CARDS_SHOWN]:
        rent = f"{USD.show(one.usd_per_hour)} an hour, {GIB.show(one.needed_gib)} needed"
        cells.append((one.device, rent, HOURS.show(one.hours), USD.show(one.usd)))
    rows.append(tree.row("trained_tokens", "Tokens trained on", round(tokens), f"{tokens:,.0f}"))
    note = (
        f"One run of {i.epochs_count:g} epochs over this file. Services as listed, by the token; cards at the median "
        f"rent, for {i.method} of {i.model} on one card, as the training page starts: set your own model there. "
        "Runs that fail, labels and people come on top."
    )
    if len(fitting) > CARDS_SHOWN:
        note += f" The {CARDS_SHOWN} cheapest of {len(fitting)} cards that it fits are shown."
    return tree.section(
        "cost", "What training on it costs", note=note, rows=rows,
        table=tree.table(("Where", "Price", "Time", "One run"), cells),
    )  # fmt: skip
