"""What to change first where a training run does not fit, and on which other cards it would."""

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

from calculator.catalogs import accelerators
from calculator.decisions._training_choices import Method, trainable
from calculator.decisions._training_estimates import needed_gib
from calculator.decisions._training_setup import kernels_of, model_of, setup_of, tokens_of
from calculator.llm.training.cards import Job, OnCard, on_cards
from calculator.llm.training.memory import TrainingSetup
from calculator.units import GIB, HOURS, USD

if TYPE_CHECKING:
    from calculator.decisions.limited_compute import Inputs, Outputs


CHANGES: tuple[tuple[str, dict[str, object]], ...] = (
    ("use full activation checkpointing", {"checkpointing": "full"}),
    ("halve the sequences per step", {"micro_batch": 0.5}),
    ("take an 8-bit optimizer", {"optimizer": "adamw-8bit"}),
    ("train a LoRA adapter", {"method": "lora", "master_weights": False}),
    ("take a 4-bit base (QLoRA)", {"method": "qlora", "base_quantisation": "nf4-double", "master_weights": False}),
    ("shard everything between the GPUs (FSDP)", {"sharding": "fsdp2"}),
    ("keep the optimizer in the host's memory", {"offload": "optimizer"}),
    ("keep weights, gradients and optimizer in the host's memory", {"offload": "parameters"}),
)
"""What to change first: the cheaper in quality and effort stand earlier."""


def _changed(setup: TrainingSetup, change: dict[str, object]) -> TrainingSetup:
    if "micro_batch" in change:
        return replace(setup, micro_batch=max(1, ceil(setup.micro_batch / 2)))
    return replace(setup, **change)  # type: ignore[arg-type]


def remedies(i: "Inputs", o: "Outputs") -> list[tuple[str, float, bool]]:
    """Each change on its own: what it is, what it then needs in GiB, and whether that fits.

    A measured run tells how far this set-up is off; its neighbours are taken to be off by the same factor.
    """
    setup, model = setup_of(i), model_of(i)
    found = []
    for words, change in CHANGES:
        if (change.get("sharding") and i.gpus == 1) or (change.get("method") == "lora" and i.method != Method.FULL):
            continue
        after = _changed(setup, change)
        if after != setup:
            needed = needed_gib(i, model, after, o)
            if needed < o.peak_gib:
                found.append((words, needed, needed <= o.room_gib))
    return found


def leaner(i: "Inputs", o: "Outputs") -> str:
    """The first change that alone makes it fit, in words; else the one that saves most."""
    found = remedies(i, o)
    for words, peak, fits in found:
        if fits:
            return f"{words}, which alone brings it to {GIB.show(peak)}"
    if not found:
        return "shorten the sequence or take a card with more memory"
    words, peak, _ = min(found, key=lambda remedy: remedy[1])
    return f"{words} ({GIB.show(peak)} after it), and then more: no single change is enough"


def job_of(i: "Inputs") -> Job:
    """The job, as every card is asked for it."""
    return Job(
        model=model_of(i),
        setup=setup_of(i),
        kernels=kernels_of(i),
        tokens=tokens_of(i),
        mean_tokens=i.example_tokens,
        length_spread=i.length_spread_ratio,
        reserve_share=i.reserve_share,
        spend_usd=i.spend_usd,
    )


def all_cards(i: "Inputs") -> tuple[OnCard, ...]:
    """The job on every device of the catalogue that somebody rents out, those that it fits first, cheapest first."""
    return on_cards(job_of(i), [one for one in accelerators().values() if trainable(one) and not one.announced])


CARD_COLUMNS = ("Device", "Fits", "Needed", "Room", "One run", "A run costs", "Runs for the sum")


def card_row(found: OnCard) -> tuple[str, ...]:
    """One card in words."""
    return (
        found.device,
        "yes" if found.fits else "no",
        GIB.show(found.needed_gib),
        GIB.show(found.room_gib),
        HOURS.show(found.hours),
        USD.show(found.usd),
        f"{found.runs:.3g}" if found.fits else "–",
    )
