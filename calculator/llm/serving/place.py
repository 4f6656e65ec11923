"""Where a run lies among the published ones, and how wide the band of its estimate is for it."""

from math import exp, log, sqrt

from calculator.llm.bands import SD_OF_BAND, Distance, distance, known
from calculator.llm.fitted import fitted
from calculator.llm.serving.coefficients import UNMOVED
from calculator.llm.serving.deployment import ServingSetup
from calculator.llm.serving.devices import device_class

AXES = ("gpu", "engine", "sharding", "arithmetic", "model", "batch")
SPREADS: dict[str, float] = fitted("serving")["spreads"]
"""Half widths of the band as factors, by kind of run, for runs with fitted ones at their place on every axis."""
KNOWN = known("serving")
_UNMOVED_VARIANCE = 0.03
"""For each coefficient that a run rests on and no published run moved: its prior may be a sixth off. Adapters beside
the model count as one: no published run has them."""
_HINDSIGHT_VARIANCE = 0.012
"""Leaving a project out refits the coefficients only: terms, priors and readings were chosen with all of them in view,
so a project that nobody has seen is further off, by about a ninth as a standard deviation."""
_FEW = 16
_MOST_KEPT = 256


def spread_kind(s: ServingSetup) -> str:
    """Which of ``SPREADS`` a run belongs to."""
    if device_class(s.device) == "cpu":
        return "cpu"
    return s.engine.style if s.batch <= 1 else "batched"


def place(s: ServingSetup) -> dict[str, str]:
    """The run's value on each of ``AXES``."""
    a = s.model
    sharding = "one" if s.devices == 1 else "pipeline" if s.stages > 1 else s.split
    kind = "latent" if a.kv_lora_rank else "recurrent" if a.recurrent_layers else "dense"
    return {
        "gpu": s.device.generation or s.device.kind,
        "engine": s.engine.name,
        "sharding": sharding,
        "arithmetic": s.stored.kernel.name,
        "model": f"{kind} experts" if a.experts else kind,
        "batch": "one" if s.batch <= 1 else "few" if s.batch <= _FEW else "many",
    }


def how_far(s: ServingSetup) -> Distance:
    """How far the run is from those that the law was fitted to."""
    return distance(KNOWN, place(s))


def resting_on(s: ServingSetup) -> tuple[str, ...]:
    """Coefficients that the run's engine and format name and that no published run moved."""
    used, apple = s.engine, device_class(s.device) == "apple"
    named = {(apple and used.gap_apple) or used.gap, used.step, used.sequence, used.reread if s.batch > 1 else ""}
    named.add(used.gap_experts if s.model.experts else "")
    return tuple(sorted(named & UNMOVED))


_spreads: dict[tuple[object, ...], tuple[ServingSetup, float]] = {}


def spread(s: ServingSetup) -> float:
    """Half width of the band as a factor: that of its kind, and more for each axis without a published run."""
    # By identity, as hashing a row costs more than the law; the setup keeps the rows alive.
    many = s.batch > _FEW
    adapted = s.adapters > 0
    key = (id(s.model), id(s.device), id(s.stored), id(s.engine), s.devices, s.split, s.stages, s.batch <= 1, many,
           adapted)
    found = _spreads.get(key)
    if found is None:
        if len(_spreads) >= _MOST_KEPT:
            _spreads.clear()
        found = _spreads[key] = (s, _spread(s))
    return found[1]


def _spread(s: ServingSetup) -> float:
    unmoved = len(resting_on(s)) + (s.adapters > 0)
    variance = how_far(s).variance + _HINDSIGHT_VARIANCE + _UNMOVED_VARIANCE * unmoved
    return exp(sqrt(log(SPREADS[spread_kind(s)]) ** 2 + SD_OF_BAND**2 * variance))
