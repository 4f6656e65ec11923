"""Waiting: how many slots a load keeps busy, and how long a request waits for one.

Requests arrive at random (Poisson), each takes a slot for a service time; with c slots this is the M/M/c queue of
Erlang (1917). Service times of answers vary less than its exponential ones, so waits are on the safe side.
"""

from math import ceil, inf

_HALVINGS = 16


def concurrency(requests_per_s: float, seconds: float) -> float:
    """Requests in service at once, on average (Little's law: arrivals × time in the system)."""
    return requests_per_s * seconds


def erlang_c(slots: int, offered: float) -> float:
    """Probability that an arriving request must wait; ``offered`` is arrivals × service time, in slots.

    1 from full load on. Raises ValueError for less than one slot or a negative load.
    """
    if slots < 1:
        raise ValueError(f"slots: at least 1 is needed, {slots} was given")
    if offered < 0:
        raise ValueError(f"offered: 0 or more is needed, {offered} was given")
    if offered >= slots:
        return 1.0
    # Erlang B by its recursion, which neither over- nor underflows; then C from B.
    blocked = 1.0
    for n in range(1, slots + 1):
        blocked = offered * blocked / (n + offered * blocked)
    return blocked / (1 - offered / slots * (1 - blocked))


def mean_wait_s(slots: int, requests_per_s: float, service_s: float) -> float:
    """Mean wait for a slot in seconds, C τ / (c − a); inf from full load on."""
    offered = requests_per_s * service_s
    if offered >= slots:
        return inf
    return erlang_c(slots, offered) * service_s / (slots - offered)


def highest_load(slots: int, service_s: float, wait_s: float) -> float:
    """Requests per second at which the mean wait reaches ``wait_s``: the headroom that queueing asks for."""
    low, high = 0.0, slots / service_s
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if mean_wait_s(slots, middle, service_s) <= wait_s:
            low = middle
        else:
            high = middle
    return low


def copies_needed(requests_per_s: float, requests_per_s_each: float) -> int:
    """Copies that carry a load, each so many requests per second."""
    return max(1, ceil(requests_per_s / requests_per_s_each - 1e-9)) if requests_per_s_each > 0 else 0
