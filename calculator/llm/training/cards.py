"""One job on every device: whether it fits, how long it takes, what it costs, what a sum of money buys."""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from calculator.catalogs import Accelerator, Architecture, rent
from calculator.llm.training.memory import TrainingSetup, estimate
from calculator.llm.training.time import Kernels, throughput_on_examples


class Job(NamedTuple):
    """What is to be trained, apart from the device."""

    model: Architecture
    setup: TrainingSetup
    kernels: Kernels
    tokens: float
    """Of the examples, in one run over all epochs."""
    mean_tokens: float
    """Of an example."""
    length_spread: float
    """Standard deviation of the examples' lengths over their mean."""
    reserve_share: float
    """Of a device's memory that is kept free."""
    spend_usd: float
    """The sum of which is asked what it buys."""


class OnCard(NamedTuple):
    """The job on one kind of device."""

    device: str
    fits: bool
    needed_gib: float
    room_gib: float
    hours: float
    usd_per_hour: float
    """Of one device."""
    usd: float
    """Of a run."""
    runs: float
    """That the sum buys."""


def on_cards(job: Job, devices: Iterable[Accelerator]) -> tuple[OnCard, ...]:
    """The job on each of these devices that somebody rents out: those that it fits first, the cheapest run first.

    Each has as many GPUs as the set-up says. What does not fit follows, the nearest to fitting first.
    """
    needed = estimate(job.model, replace(job.setup, card_gib=0.0)).needed_gib
    found = []
    for device in devices:
        price = rent(device.name)
        if price is None or device.capacity_gib is None:
            continue
        room = device.capacity_gib * (1 - job.reserve_share)
        setup = replace(job.setup, card_gib=device.capacity_gib, generation=device.generation)
        speed = throughput_on_examples(
            job.model, device, setup, mean_tokens=job.mean_tokens, spread=job.length_spread, kernels=job.kernels
        )
        hours = job.tokens / (speed.tokens_per_s_per_gpu * setup.n_gpus * 3600)
        usd = hours * setup.n_gpus * price[1]
        runs = job.spend_usd / usd if usd else 0.0
        found.append(OnCard(device.name, needed <= room, needed, room, hours, price[1], usd, runs))
    return tuple(sorted(found, key=lambda one: (not one.fits, one.usd if one.fits else -one.room_gib, one.device)))
