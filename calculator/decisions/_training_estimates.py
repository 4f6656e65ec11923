"""Memory and speed of a training run as they are believed: the law's estimate, its doubt, a run of the reader's own."""

from dataclasses import replace
from functools import lru_cache
from math import exp, log
from typing import TYPE_CHECKING

from calculator import situation
from calculator.catalogs import Accelerator, Architecture
from calculator.catalogs.own import chosen
from calculator.decisions._training_choices import Metric
from calculator.decisions._training_setup import kernels_of, model_of, setup_of, smallest_setup
from calculator.llm import parameters
from calculator.llm.bands import SD_OF_BAND
from calculator.llm.training.memory import MemoryEstimate, TrainingSetup, estimate
from calculator.llm.training.time import ThroughputEstimate, throughput_on_examples
from calculator.stats.calibration import posterior

if TYPE_CHECKING:
    from calculator.decisions.limited_compute import Inputs, Outputs


PARTS = ("weights", "gradients", "optimizer", "activations", "logits", "overhead")
"""What the memory of a run is made of, as estimates and outputs call it."""


@lru_cache(maxsize=512)
def estimated(model: str, config: str, setup: TrainingSetup) -> MemoryEstimate:
    """The memory of a set-up. Draws over prices and the like ask for the same one again and again."""
    return estimate(chosen(model, config), setup)


@lru_cache(maxsize=64)
def counted(model: str, config: str, rank: int, targets: str, dora: bool, tables: bool) -> tuple[int, int]:
    """Parameters of a model, and of its adapter: with the embeddings and the head where these are trained too."""
    found = chosen(model, config)
    adapter = parameters.lora(found, rank=rank, targets=targets, dora=dora)
    beside = parameters.embedding(found) + parameters.output_embedding(found) if tables else 0
    return parameters.total(found), adapter + beside


def surprise(memory: MemoryEstimate, sd: float) -> float:
    """The factor on an estimate so many standard deviations away; its band is the 5th to the 95th percentile."""
    return memory.at(sd) / memory.peak_gib


def memory_factor(i: "Inputs", setup: TrainingSetup, memory: MemoryEstimate, sd: float) -> float:
    """The factor on the estimated memory so many standard deviations away, after a run of the reader's own if any."""
    if i.measured_peak_gib is None:
        return surprise(memory, sd)
    counted = estimated(i.model, i.config_json, replace(setup, metric=Metric(i.measured_metric).law))
    own = posterior(
        prior_sd=log(memory.at(SD_OF_BAND) / memory.at(-SD_OF_BAND)) / (2 * SD_OF_BAND),
        ratio=i.measured_peak_gib / counted.peak_gib,
        measurement_sd=i.memory_repeat_share,
    )
    return own.at(sd)


def band_gib(i: "Inputs") -> tuple[float, float]:
    """The two ends of the memory that the set-up needs."""
    setup = setup_of(i)
    memory = estimate(model_of(i), setup)
    low, high = (memory.peak_gib * memory_factor(i, setup, memory, end) for end in (-SD_OF_BAND, SD_OF_BAND))
    return low, high


def needed_gib(i: "Inputs", model: Architecture, setup: TrainingSetup, o: "Outputs") -> float:
    """What another set-up cannot do without, off as this one is where it was measured."""
    memory = estimate(model, setup)
    if i.measured_peak_gib is not None:
        return memory.peak_gib * o.peak_gib / estimate(model_of(i), setup_of(i)).peak_gib
    return memory.peak_gib * surprise(memory, i.memory_surprise_sd)


def least_gib(i: "Inputs", sd: float = -SD_OF_BAND) -> float:
    """What the leanest set-up cannot do without, at the low end of its band or so many standard deviations away."""
    least = estimated(i.model, i.config_json, smallest_setup(i))
    return least.peak_gib * surprise(least, sd)


def speed_of(i: "Inputs", model: Architecture, gpu: Accelerator, setup: TrainingSetup) -> ThroughputEstimate:
    """Training speed on the reader's examples."""
    return throughput_on_examples(
        model,
        gpu,
        setup,
        mean_tokens=i.example_tokens,
        spread=i.length_spread_ratio,
        kernels=kernels_of(i),
    )


def speed_at(i: "Inputs", speed: ThroughputEstimate, sd: float) -> float:
    """The speed so many standard deviations away, in tokens per second and GPU."""
    if i.measured_tokens_per_s is None:
        return speed.at(sd)
    own = posterior(
        prior_sd=speed.log_deviation,
        ratio=i.measured_tokens_per_s / speed.tokens_per_s_per_gpu,
        measurement_sd=i.speed_repeat_share,
    )
    return speed.tokens_per_s_per_gpu * own.at(sd)


def measured_memory(i: "Inputs", log_mean: float, log_sd: float) -> dict[str, object]:
    """The fields of a measured run that is off from our estimate by this in logarithms, and known as well as that."""
    found = estimate(model_of(i), setup_of(i)).peak_gib * exp(log_mean)
    return {"measured_peak_gib": found, "measured_metric": str(Metric.SMI), "memory_repeat_share": log_sd}


def measured_speed(i: "Inputs", log_mean: float, log_sd: float) -> dict[str, object]:
    """The same of a measured speed."""
    found = speed_of(i, model_of(i), situation.card(i), setup_of(i)).tokens_per_s_per_gpu * exp(log_mean)
    return {"measured_tokens_per_s": found, "speed_repeat_share": log_sd}


def is_fitting(o: "Outputs") -> bool:
    """Whether the card has the room."""
    return o.peak_gib <= o.room_gib
