"""What the laws of serving need of a device, from its row of the catalogue by way of ``calculator.llm.hardware``."""

from math import inf
from typing import NamedTuple

from calculator.catalogs import Accelerator
from calculator.llm.hardware import GIGA, TERA, machine
from calculator.llm.serving.formats import Format

_GIB_IN_GB = 2.0**30 / 1e9
_USUAL_CLOCK_GHZ = 2.0
_USUAL_BANDWIDTH_SHARE = 0.92
"""Of a data sheet's bandwidth, what a copy reaches on most cards: a triad of 3,089 of 3,350 GB/s on an H100 SXM. The
shares at which kernels read are fitted against it."""


def device_class(device: Accelerator) -> str:
    """Which law a device follows: "gpu", "apple" (a GPU with unified memory and few registers) or "cpu"."""
    if device.kind in ("cpu", "phone"):
        return "cpu"
    return "apple" if device.stack == "metal" else "gpu"


class Rates(NamedTuple):
    """Speeds of one device."""

    bandwidth_gb_per_ms: float
    """As sold; less where a copy is known to reach a smaller share of it than on most cards."""
    link_gb_per_ms: float
    peak_tflops: float
    """Dense products in the format's arithmetic, or in the next wider one that the device has; as sold."""
    best_tflops: float
    """What large products reach of it."""
    best_half_tflops: float
    """The same in 16 bit."""
    core_clocks_per_ns: float
    """Cores times clock; inf where they are not known, so that they limit nothing."""
    slowness: float
    """Of small kernels, whose time is clocks: that of a clock of 2 GHz is 1, as is one that is not known."""


def _rates(device: Accelerator, compute_bits: int) -> Rates:
    m = machine(device)
    peak = m.peak_4_bit if compute_bits <= 4 else m.peak_8_bit if compute_bits <= 8 else m.peak_flops
    reached = m.matmul_flops / m.peak_flops / TERA
    cores = (device.cores or 0) * (device.clock_ghz or 0)
    bandwidth = m.bandwidth * (device.bandwidth_share or _USUAL_BANDWIDTH_SHARE) / _USUAL_BANDWIDTH_SHARE
    return Rates(
        bandwidth / GIGA / 1000, m.link / GIGA / 1000, peak / TERA, peak * reached, m.peak_flops * reached,
        cores or inf, _USUAL_CLOCK_GHZ / (device.clock_ghz or _USUAL_CLOCK_GHZ),
    )


_kept: dict[tuple[int, int], tuple[Accelerator, Rates]] = {}


def rates(device: Accelerator, stored: Format) -> Rates:
    """The device's speeds for a format. Raises ValueError if the bandwidth of its memory is not known."""
    # By identity: hashing a row costs more than the law. The object is kept alive.
    key = (id(device), stored.compute_bits)
    found = _kept.get(key)
    if found is None:
        if not device.bandwidth_gb_per_s:
            raise ValueError(f"device: no memory bandwidth is known for {device.name}")
        if len(_kept) >= 256:
            _kept.clear()
        found = _kept[key] = (device, _rates(device, stored.compute_bits))
    return found[1]


def bandwidth_gb_per_s(device: Accelerator) -> float:
    """Peak bandwidth of its memory. Raises ValueError if the catalogue has none."""
    if not device.bandwidth_gb_per_s:
        raise ValueError(f"device: no memory bandwidth is known for {device.name}")
    return device.bandwidth_gb_per_s


def memory_gb(device: Accelerator) -> float:
    """Memory that a program can address, in GB; inf where the catalogue has none."""
    gib = device.capacity_gib
    return gib * _GIB_IN_GB if gib else inf
