"""A phone's line and a phone's processor, for whatever a browser runs: pages, workers and what compiles WebAssembly.

Chromium's own throttles reach the main thread alone, and a worker's fetches not at all. So the line is slow in the
server, and every renderer is stopped for three quarters of the time.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import BinaryIO

MBIT_PER_S = 1.6
LATENCY_S = 0.15
SLOWER = 4
"""How many times slower the processor is. The same three as Lighthouse's phone has."""

TURN_S = 0.04
LOOK_S = 0.2
_CHUNK = 4096


class Line:
    """What all answers of a server share: so many bytes a second, each answer after so many seconds."""

    def __init__(self, mbit_per_s: float = MBIT_PER_S, latency_s: float = LATENCY_S) -> None:
        self.bytes_per_s, self.latency_s = mbit_per_s * 1e6 / 8, latency_s
        self._lock, self._free = Lock(), 0.0

    def wait(self) -> None:
        """The time until an answer begins to come."""
        time.sleep(self.latency_s)

    def pass_on(self, content: bytes, into: BinaryIO) -> None:
        """Write the content as fast as the line lets it through."""
        for at in range(0, len(content), _CHUNK):
            part = content[at : at + _CHUNK]
            with self._lock:
                free = self._free = max(time.monotonic(), self._free) + len(part) / self.bytes_per_s
            time.sleep(max(0.0, free - time.monotonic()))
            into.write(part)
            into.flush()


@contextmanager
def slowed(folder: str, times: float = SLOWER) -> Iterator[None]:
    """Every renderer of the browser on this profile folder gets a share of `1 / times` of a processor. Linux only."""
    over = Event()

    def turns() -> None:
        there, looked = _renderers(folder), time.monotonic()
        while True:
            begun = time.monotonic()
            stopped = [pid for pid in there if _signal(pid, signal.SIGSTOP)]
            # To look takes as long as a turn, so it is done while all stand still, and what follows is as much longer.
            if begun - looked > LOOK_S:
                there, looked = _renderers(folder), begun
            time.sleep(max(0.0, begun + TURN_S * (1 - 1 / times) - time.monotonic()))
            for pid in stopped:
                _signal(pid, signal.SIGCONT)
            if over.wait((time.monotonic() - begun) / (times - 1)):
                return

    thread = Thread(target=turns, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _signal(pid: int, what: signal.Signals) -> bool:
    try:
        os.kill(pid, what)
    except ProcessLookupError:
        return False
    return True


def _renderers(folder: str) -> list[int]:
    return [pid for pid, words in _of_browser(folder).items() if "--type=renderer" in words]


def _of_browser(folder: str) -> dict[int, list[str]]:
    """The processes of the browser on this profile folder, each with the words of its command."""
    parents: dict[int, int] = {}
    said: dict[int, list[str]] = {}
    for place in Path("/proc").iterdir():
        if place.name.isdecimal():
            try:
                parents[int(place.name)] = int(_stat(int(place.name))[1])
                said[int(place.name)] = (place / "cmdline").read_text().split("\0")
            except (OSError, ValueError):  # it has ended
                continue
    ours = f"--user-data-dir={folder}"
    roots = {pid for pid, words in said.items() if ours in words and not any(w.startswith("--type=") for w in words)}

    def descends(pid: int) -> bool:
        while pid in parents:
            if pid in roots:
                return True
            pid = parents[pid]
        return False

    return {pid: words for pid, words in said.items() if descends(pid)}


def _stat(pid: int) -> list[str]:
    """What the system says of a process, from its state on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def busy_s(folder: str) -> float:
    """The processor time of the browser on this profile folder so far, without what has ended."""
    ticks = 0
    for pid in _of_browser(folder):
        with suppress(OSError):  # it has ended
            ticks += sum(map(int, _stat(pid)[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")
