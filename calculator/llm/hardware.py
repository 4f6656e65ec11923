"""What the laws of training and of serving need of a device: peaks by format, memory, links, the way to the host.

All of it stands in the device's row of the catalogue. Where a row is silent, rules of its kind stand in, and
``assumed`` names the figures that they gave. Speeds are what a data sheet says, one direction for links; how much of
them a program reaches is the laws' own matter.
"""

from math import inf
from typing import NamedTuple

from calculator.catalogs import Accelerator
from calculator.llm.parameters import by_identity

TERA = 1e12
GIGA = 1e9
GIB = 2.0**30

_OPERATIONS_PER_BYTE = {
    "consumer gpu": 120.0, "workstation gpu": 200.0, "datacentre gpu": 180.0, "unified memory": 35.0, "cpu": 20.0,
    "phone": 15.0,
}
"""16-bit operations per byte of memory bandwidth where the catalogue has no peak: near the middle of those devices that
have one. Apple: 26 to 36 by Apple's figures for single precision; processors and phones: their vector units."""
_OTHER_OPERATIONS_PER_BYTE = 120.0
_MATMUL_SHARE = 0.75
"""Share of the peak that large products reach where nobody measured: the catalogue's measured ones are 0.51 to 1.0."""
_PLAIN_SHARE = {"consumer gpu": 1 / 2, "workstation gpu": 1 / 4}
_OTHER_PLAIN_SHARE = 1 / 15
"""Rate of the cores outside the tensor units over the tensor rate, as on the cards of a kind that state both."""
_BUS_GB_PER_S = 32.0
"""16 lanes of PCIe 4.0."""
_NETWORK_SHARE = 0.1
_FASTEST_NETWORK_GB_PER_S = 50.0
"""Network of one GPU over its links: 200 Gbit/s beside each A100 with 300 GB/s, 400 beside H100 with 450. Most nodes
have a card of 400 Gbit/s for each GPU at best."""
_SLOWEST_NETWORK_GB_PER_S = 1.25
"""10 Gbit/s: between machines whose cards have no links of their own."""
_LINKED_FROM_GB_PER_S = 100.0
"""Cards with faster links than any bus stand in nodes with a network card beside each."""
_NODE_GPUS = 8


class Machine(NamedTuple):
    """Figures of one device, in FLOPs and bytes per second."""

    matmul_flops: float
    """16-bit products as measured, or as a share of the peak."""
    peak_flops: float
    """16-bit, dense, as sold."""
    peak_8_bit: float
    """8-bit floating point; the 16-bit peak on devices without it."""
    peak_4_bit: float
    """4-bit floating point; the next wider one's on devices without it."""
    plain_flops: float
    """32-bit, outside the tensor units."""
    bandwidth: float
    """Of its memory."""
    memory: float
    """Bytes of it that a program can address; inf where nobody says."""
    link: float
    """To another device of the same machine, one direction. Cards without peer access pass through the host."""
    domain: int
    """Devices joined by such links."""
    network: float
    """To another machine, one direction, for each device."""
    bus: float
    """To the host, one direction."""
    generation: str
    """The chip's architecture; kernels are written for one."""
    assumed: tuple[str, ...]
    """What the catalogue does not say: matmul, peak, plain, link, bus."""


@by_identity
def machine(g: Accelerator) -> Machine:
    """The device's figures. Raises ValueError, naming it, if not even the bandwidth of its memory is known."""
    bandwidth = g.bandwidth_gb_per_s or 0.0
    if not bandwidth:
        raise ValueError(f"accelerator: no memory bandwidth is known for {g.name}")
    assumed = []

    def figure(name: str, said: float | None, usual: float) -> float:
        if not said:
            assumed.append(name)
        return said or usual

    # A device without 16-bit products multiplies in 32 bit.
    usual_peak = bandwidth * _OPERATIONS_PER_BYTE.get(g.kind, _OTHER_OPERATIONS_PER_BYTE) / 1000
    peak = figure("peak", g.bf16_tflops or g.fp16_tflops or g.plain_tflops, usual_peak)
    matmul = figure("matmul", g.matmul_tflops or peak * (g.matmul_share or 0.0), peak * _MATMUL_SHARE)
    plain = figure("plain", g.plain_tflops, peak * _PLAIN_SHARE.get(g.kind, _OTHER_PLAIN_SHARE))
    bus = figure("bus", g.host_gb_per_s, _BUS_GB_PER_S)
    link = figure("link", g.link_gb_per_s, bus)
    linked = link >= _LINKED_FROM_GB_PER_S
    network = min(link * _NETWORK_SHARE, _FASTEST_NETWORK_GB_PER_S)
    network = network if linked else _SLOWEST_NETWORK_GB_PER_S
    narrow = g.fp8_tflops or peak
    return Machine(
        matmul_flops=matmul * TERA,
        peak_flops=peak * TERA,
        peak_8_bit=narrow * TERA,
        peak_4_bit=(g.fp4_tflops or narrow) * TERA,
        plain_flops=plain * TERA,
        bandwidth=bandwidth * GIGA,
        memory=(g.capacity_gib or inf) * GIB,
        link=link * GIGA,
        domain=int(g.domain_gpus or _NODE_GPUS),
        network=min(network, link) * GIGA,
        bus=bus * GIGA,
        generation=g.generation,
        assumed=tuple(assumed),
    )
