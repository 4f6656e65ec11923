"""What the laws need of a device beyond its data sheet, and what they assume where the sheet is silent."""

from math import inf

from calculator.catalogs import Accelerator
from calculator.llm.serving.formats import Format

_GIB_IN_GB = 2.0**30 / 1e9
# Operations per byte of bandwidth where the catalogue has no peak: near the middle of those devices that have one.
# Apple: 26 to 36 by Apple's figures for single precision; processors and phones: their vector units.
_OPERATIONS_PER_BYTE = {
    "consumer gpu": 120.0, "workstation gpu": 200.0, "datacentre gpu": 180.0, "unified memory": 35.0, "cpu": 20.0,
    "phone": 15.0,
}
# Tensor units that take 8-bit floats at twice the 16-bit rate although the catalogue has no figure for it.
_DOUBLE_IN_8_BIT = ("H20", "RTX 40", "RTX 50", "RTX 6000 Ada", "RTX PRO 6000")
_QUADRUPLE_IN_4_BIT = ("B200", "B300", "RTX 50", "RTX PRO 6000")
# FP32 rate of the cores outside the tensor units in TFLOPS, by the makers' data sheets; on other cards a half of the
# tensor rate (consumer), a quarter (workstation) or a fifteenth (data centre), as on the cards of their kind below.
_PLAIN_TFLOPS = (
    ("A100", 19.5), ("H20", 44.0), ("H200", 67.0), ("H100", 67.0), ("B200", 75.0), ("V100", 15.7), ("T4", 8.1),
    ("L40S", 91.6), ("L40", 90.5), ("L4", 30.3), ("A10", 31.2), ("A10G", 31.2), ("A40", 37.4),
)
_PLAIN_SHARE = {"consumer gpu": 1 / 2, "workstation gpu": 1 / 4}
_PLAIN_SHARE_ELSEWHERE = 1 / 15
# NVLink moves about an eighth of the memory's bandwidth in one direction (A100: 300 of 2039 GB/s, H100: 450 of 3350,
# B200: 900 of 8000). Cards on 16 lanes of PCIe 4.0 reach about 25 GB/s.
_LINK_SHARE = 0.12
_PCIE_GB_PER_S = 25.0
_LINKED_FROM_GB_PER_S = 1500.0


def device_class(device: Accelerator) -> str:
    """Which law a device follows: "gpu", "apple" (a GPU with unified memory) or "cpu"."""
    if device.kind in ("cpu", "phone"):
        return "cpu"
    return "apple" if device.stack == "metal" else "gpu"


def bandwidth_gb_per_s(device: Accelerator) -> float:
    """Peak bandwidth of its memory. Raises ValueError if the catalogue has none."""
    if not device.bandwidth_gb_per_s:
        raise ValueError(f"device: no memory bandwidth is known for {device.name}")
    return device.bandwidth_gb_per_s


def memory_gb(device: Accelerator) -> float:
    """Memory that a program can address, in GB; inf where the catalogue has none."""
    gib = device.capacity_gib
    return gib * _GIB_IN_GB if gib else inf


def half_tflops(device: Accelerator) -> float:
    """Peak of dense 16-bit matrix products."""
    known = device.bf16_tflops or device.fp16_tflops
    return known or _OPERATIONS_PER_BYTE.get(device.kind, 120.0) * bandwidth_gb_per_s(device) / 1000


def peak_tflops(device: Accelerator, stored: Format) -> float:
    """Peak of dense matrix products in the format's arithmetic, or in the next wider one that the device has."""
    half = half_tflops(device)
    if stored.compute_bits == 4 and _named(device, _QUADRUPLE_IN_4_BIT):
        return 4 * half
    if stored.compute_bits <= 8:
        return device.fp8_tflops or (2 * half if _named(device, _DOUBLE_IN_8_BIT) else half)
    return half


def plain_tflops(device: Accelerator) -> float:
    """Peak of the cores outside the tensor units, which unpack weights in older kernels."""
    words = device.name.split()
    for name, tflops in _PLAIN_TFLOPS:
        if name in words:
            return tflops
    return half_tflops(device) * _PLAIN_SHARE.get(device.kind, _PLAIN_SHARE_ELSEWHERE)


def link_gb_per_s(device: Accelerator) -> float:
    """Bandwidth between two devices of one machine, in one direction."""
    bandwidth = bandwidth_gb_per_s(device)
    if bandwidth < _LINKED_FROM_GB_PER_S or "PCIe" in device.name:
        return _PCIE_GB_PER_S
    return _LINK_SHARE * bandwidth


def _named(device: Accelerator, parts: tuple[str, ...]) -> bool:
    return any(part in device.name for part in parts)
