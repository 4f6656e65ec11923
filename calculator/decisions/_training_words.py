"""What is said of a training run beside its verdict: lamps for fit, time and money, and what a reader must know."""

from dataclasses import replace
from typing import TYPE_CHECKING

from calculator import situation
from calculator.decisions._training_estimates import band_gib, is_fitting, speed_at, speed_of
from calculator.decisions._training_setup import degrees, model_of, ready_days, setup_of, tokens_of
from calculator.llm.bands import SD_OF_BAND
from calculator.llm.training.memory import estimate
from calculator.units import GIB, HOURS, PARAMETERS, USD
from calculator.verdict import Lamp

if TYPE_CHECKING:
    from calculator.decisions.limited_compute import Inputs, Outputs


def lamps(i: "Inputs", o: "Outputs") -> tuple[Lamp, ...]:
    """Fit, time and money, each with the band of its estimate."""
    speed = speed_of(i, model_of(i), situation.card(i), setup_of(i))
    low, high = band_gib(i)
    fits = "good" if high <= o.room_gib else "close" if low <= o.room_gib else "bad"
    word = "Fits" if is_fitting(o) else "Does not fit"
    hours = [tokens_of(i) / (speed_at(i, speed, end) * i.gpus * 3600) for end in (SD_OF_BAND, -SD_OF_BAND)]
    days = [ready_days(i, h) for h in hours]
    time = "good" if days[1] <= i.deadline_days else "close" if days[0] <= i.deadline_days else "bad"
    fixed = o.labels_usd + o.people_usd
    usd = [fixed + h * i.gpus * i.runs_count * o.gpu_usd_per_hour for h in hours]
    money = "good" if usd[1] <= i.budget_usd else "close" if usd[0] <= i.budget_usd else "bad"
    return (
        Lamp(
            f"{word}: {GIB.show(o.peak_gib)} of {GIB.show(o.room_gib)} ({GIB.show_range(low, high)})", fits,
            ("memory", o.peak_gib),
        ),
        Lamp(
            f"{HOURS.show(o.run_hours)} a run ({HOURS.show_range(hours[0], hours[1])})", time,
            ("speed", o.gpu_tokens_per_s),
        ),
        Lamp(f"{USD.show(o.first_model_usd)} all in", money),
    )


def cautions(i: "Inputs", o: "Outputs") -> list[str]:
    """What a reader must know of how the estimate came about."""
    model, gpu, setup = model_of(i), situation.card(i), setup_of(i)
    memory, speed = estimate(model, setup), speed_of(i, model, gpu, setup)
    said = []
    if memory.distance is not None:
        said.append(f"Memory: {memory.distance.words}")
    said.append(f"Speed: {speed.distance.words}")
    if i.measured_peak_gib is not None or i.measured_tokens_per_s is not None:
        figures = {"memory": i.measured_peak_gib, "speed": i.measured_tokens_per_s}
        what = [name for name, figure in figures.items() if figure is not None]
        said.append(
            f"The estimates of {' and '.join(what)} have moved to the run that you measured, and their range is "
            f"narrower for it. Empty the measured fields to undo that."
        )
    if gpu.bf16_tflops is None:
        said.append(
            f"The {gpu.name} has no bf16: train in fp16 with loss scaling, which some models do not bear, or in 32 bit."
        )
    asked = [i.tensor_parallel_count, i.pipeline_parallel_count, i.context_parallel_count]
    if degrees(i)[:3] != tuple(map(int, asked)):
        taken = " × ".join(map(str, degrees(i)[:3]))
        wanted = " × ".join(f"{n:.0f}" for n in asked)
        said.append(
            f"{i.gpus:.0f} GPUs cannot be divided into tensor × pipeline × context = {wanted}; {taken} is taken."
        )
    if setup.offload != "none":
        at_once = estimate(model, replace(setup, offload="none")).allocated_gib - memory.allocated_gib
        if at_once > 0:
            said.append(
                f"The host must hold about {GIB.show(at_once * i.gpus)} for it, and passes them over the bus each step."
            )
    if model.encoder:
        said.append("It reads texts and gives labels: its head over the vocabulary makes way for one of a few outputs.")
    if model.towers:
        counted = f", {PARAMETERS.show(model.tower_parameters)}, counted as frozen" if model.tower_parameters else ""
        said.append(f"The model has a part for {model.towers}{counted}; what it makes of each image is not counted.")
    if setup.sharding in ("fsdp", "fsdp2", "zero3") and memory.saving_gib > o.room_gib and is_fitting(o):
        said.append(
            f"Saving the whole model from one GPU takes {GIB.show(memory.saving_gib)}: save sharded, or move it to the "
            "host piece by piece."
        )
    return said
