"""Lines of a trainer's or a server's log: what it says of memory, speed, cache and losses.

Read are Transformers, TRL, axolotl, torchtune, Unsloth, vLLM, llama.cpp and nvidia-smi, each by the words it writes.
Every figure keeps the line it stood on. Memory is in GiB; what a tool prints as GB and counts in 2^30 is taken so.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from calculator.examine import tree
from calculator.examine.tree import Lines, Tree, counted, row, section
from calculator.units import GIB, TOKENS_PER_S

MOST_POINTS = 4_096
"""Losses that are kept of a curve: beyond, every second one goes."""

MOST_CURVES = 100
LARGEST = 1e12
"""A figure beyond it is none of a run."""

LONGEST_READ = 4_000
"""Characters of a line that are looked at."""

_N = r"([0-9][0-9,]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"
MIB = 1 / 1024


class Pattern(NamedTuple):
    """One figure as one tool writes it. factor turns it into the unit of its key."""

    tool: str
    key: str
    words: re.Pattern[str]
    factor: float = 1.0


RESERVED, ALLOCATED, SMI = "reserved_gib", "allocated_gib", "smi_gib"
TRAIN_SPEED, TRAIN_SPEED_ALL, GENERATION, PROMPT_SPEED = (
    "train_tokens_per_s",
    "train_tokens_per_s_all",
    "generation_tokens_per_s",
    "prompt_tokens_per_s",
)
KV_TOKENS, KV_GIB, KV_BLOCKS, WEIGHTS = "kv_tokens", "kv_gib", "kv_blocks", "weights_gib"


@cache
def patterns() -> tuple[Pattern, ...]:
    """Every figure that is read, by ``logs.toml``."""
    rows = tree.known("logs")["figures"]
    return tuple(Pattern(tool, key, re.compile(words.replace("#N", _N)), *factor) for tool, key, words, *factor in rows)


_BUFFERS = re.compile(r"(\w+) +(model|KV|compute) buffer size = +" + _N + " MiB")
_TOTAL_STEPS = re.compile(r"Total (?:optimization )?steps = " + _N)
_EXAMPLES = re.compile(r"Num examples = " + _N)
_GPUS = re.compile(r"(?:Num GPUs used = |world[_ ]size[=: ]+|Num GPUs = )(\d+)", re.IGNORECASE)
_OUT_OF_MEMORY = re.compile(r"CUDA out of memory|OutOfMemoryError|cudaMalloc failed: out of memory|HIP out of memory")
_PAIRS = re.compile(r"['\"]([A-Za-z_][\w/ ().-]{0,60})['\"]: ?['\"]?([+-]?(?:[0-9.]+(?:[eE][+-]?[0-9]+)?|nan|inf))\b")
_STEP_LINE = re.compile(r"Step ([0-9]+) \| ")
_STEP_PAIRS = re.compile(r"\b([a-z_]\w{0,40}):([+-]?(?:[0-9.]+(?:[eE][+-]?[0-9]+)?|nan|inf))(?=[\s,]|$)")
SCORES = ("accuracy", "f1", "exact_match", "score", "bleu", "pass", "em", "win_rate", "reward")
"""Words in the name of a score that is better when higher."""


class Point(NamedTuple):
    """One value of a curve: by step where the log says it, else by how many came before."""

    step: float
    value: float
    line: int


def recognised(lines: Iterable[str]) -> int:
    """How many of these lines say something that is read here."""
    return sum(_says(line[:LONGEST_READ]) for line in lines)


def _says(line: str) -> bool:
    if any(one.words.search(line) for one in patterns() if _quick(line)):
        return True
    if _OUT_OF_MEMORY.search(line) or _TOTAL_STEPS.search(line) or _BUFFERS.search(line):
        return True
    return any(_is_loss(name) for name, _ in _pairs(line))


def _quick(line: str) -> bool:
    lower = line.lower()
    return any(word in lower for word in ("mem", "kv", "token", "mib", "blocks", "model"))


def _is_loss(name: str) -> bool:
    return name in ("loss", "train_loss", "training_loss") or (name.startswith(("eval_", "val_")) and "loss" in name)


def _pairs(line: str) -> list[tuple[str, str]]:
    if _STEP_LINE.search(line):
        return _STEP_PAIRS.findall(line)
    return _PAIRS.findall(line) if ("'" in line or '"' in line) else []


class Run:
    """Takes the lines of a log one after the other."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines = 0
        self.found: dict[str, list[tuple[float, int, str]]] = {}
        self.tools: dict[str, int] = {}
        self.curves: dict[str, list[Point]] = {}
        self.stride: dict[str, int] = {}
        self.seen: dict[str, int] = {}
        self.buffers: dict[str, float] = {}
        self.memory_by_card: dict[int, float] = {}
        self.total_steps: float | None = None
        self.examples: float | None = None
        self.gpus: int | None = None
        self.out_of_memory = Lines()
        self.not_finite = Lines()
        self.said = Lines()
        self.last_values: dict[str, float] = {}

    def take(self, lines: Iterable[str]) -> None:
        """More lines."""
        for line in lines:
            self.lines += 1
            self._read(line[:LONGEST_READ], self.lines)

    def take_history(self, found: Any) -> None:
        """The log of a trainer's state file: a list of objects, or an object that holds it as `log_history`."""
        history = found.get("log_history", []) if isinstance(found, Mapping) else found
        for values in history if isinstance(history, list) else ():
            if isinstance(values, Mapping):
                self.lines += 1
                if self._values("", {str(name): str(value) for name, value in values.items()}, self.lines):
                    self.said.add(self.lines)

    def _read(self, line: str, number: int) -> None:
        told = False
        if _quick(line):
            keys: set[str] = set()
            for one in patterns():
                match = one.words.search(line)
                if match is not None and one.key not in keys:
                    keys.add(one.key)
                    self._note(one.key, _number(match[1]) * one.factor, number, one.tool)
                    told = True
            for device, part, size in _BUFFERS.findall(line):
                if not device.upper().startswith("CPU") and len(self.buffers) < MOST_CURVES:
                    self.buffers[f"{device[:40]} {part}"] = min(LARGEST, _number(size)) * MIB
                    self._tool("llama.cpp")
                    told = True
        if _OUT_OF_MEMORY.search(line):
            self.out_of_memory.add(number)
            told = True
        for pattern, name in ((_TOTAL_STEPS, "total_steps"), (_EXAMPLES, "examples")):
            match = pattern.search(line)
            if match:
                setattr(self, name, min(LARGEST, _number(match[1])))
                told = True
        if match := _GPUS.search(line):
            self.gpus = int(match[1])
        if pairs := _pairs(line):
            told |= self._values(line, dict(pairs), number)
        if told:
            self.said.add(number)

    def _values(self, line: str, values: Mapping[str, str], number: int) -> bool:
        step_line = _STEP_LINE.search(line)
        step = float(step_line[1]) if step_line else _finite(values.get("step", values.get("global_step", "")))
        if step_line:
            self._tool("torchtune")
        told = False
        for name, text in values.items():
            if not (_is_loss(name) or name in _CURVES or name.startswith("eval_")):
                continue
            told |= _is_loss(name)
            value = _finite(text)
            if value is None:
                self.not_finite.add(number)
                continue
            self._point(name, step, value, number)
        if told and not step_line:
            self._tool("Transformers or TRL")
        for name in ("num_tokens", "num_input_tokens_seen", "train_runtime", "epoch"):
            value = _finite(values.get(name, ""))
            if value is not None:
                self.last_values[name] = value
        return told

    def _point(self, name: str, step: float | None, value: float, line: int) -> None:
        if name not in self.curves and len(self.curves) >= MOST_CURVES:
            return
        seen = self.seen[name] = self.seen.get(name, 0) + 1
        stride = self.stride.setdefault(name, 1)
        points = self.curves.setdefault(name, [])
        if seen % stride == 0 or seen == 1:
            points.append(Point(float(seen) if step is None else step, value, line))
            if len(points) > MOST_POINTS:
                self.curves[name] = points[::2]
                self.stride[name] = 2 * stride

    def _note(self, key: str, value: float, line: int, tool: str) -> None:
        if not value < LARGEST:
            return
        self._tool(tool)
        kept = self.found.setdefault(key, [])
        if len(kept) < 2 * MOST_POINTS:
            kept.append((value, line, tool))
        elif value > max(kept)[0]:
            kept[-1] = (value, line, tool)

    def _tool(self, tool: str) -> None:
        self.tools[tool] = self.tools.get(tool, 0) + 1

    # What is said

    def peak(self) -> tuple[float, str, int] | None:
        """(GiB, the page's word for who counted, line) of the highest peak, by the counter that sees most."""
        for key, metric in _METRICS.items():
            if kept := self.found.get(key):
                value, line, _ = max(kept)
                return value, metric, line
        return None

    def train_speed(self) -> tuple[float, str] | None:
        """(tokens a second of one GPU, how it was found), from the middle of what was printed."""
        kept = self.found.get(TRAIN_SPEED)
        if kept:
            # The first figure holds the start: compiling, loading, warming up.
            return _median([value for value, _, _ in (kept[1:] if len(kept) > 3 else kept)]), "as printed"
        kept = self.found.get(TRAIN_SPEED_ALL)
        gpus = self.gpus or 1
        if kept:
            words = "as printed" if gpus == 1 else f"as printed, over {gpus} GPUs"
            return _median([value for value, _, _ in kept]) / gpus, words
        tokens = self.last_values.get("num_tokens") or self.last_values.get("num_input_tokens_seen")
        seconds = self.last_values.get("train_runtime")
        if tokens and seconds:
            over = f" and {gpus} GPUs" if gpus > 1 else ""
            return tokens / seconds / gpus, f"tokens seen over the run's time{over}"
        return None

    def kv_tokens(self) -> tuple[float, str] | None:
        """(tokens that the cache holds, how it was found)."""
        if kept := self.found.get(KV_TOKENS):
            return kept[-1][0], "as printed"
        if blocks := self.found.get(KV_BLOCKS):
            return blocks[-1][0] * BLOCK_TOKENS, f"blocks of {BLOCK_TOKENS} tokens"
        return None

    def tree(self, *, size: int, done: bool) -> Tree:
        """All that the lines say so far."""
        peak, speed, cache = self.peak(), self.train_speed(), self.kv_tokens()
        fields: dict[str, str] = {}
        numbers: dict[str, Any] = {"lines": self.lines, "lines_understood": self.said.count}
        heads = []
        if peak:
            fields |= {"measured_peak_gib": f"{peak[0]:.4g}", "measured_metric": peak[1]}
            numbers["peak_gib"] = peak[0]
            heads.append(f"peak memory {GIB.show(peak[0])}")
        if speed:
            fields["measured_tokens_per_s"] = f"{speed[0]:.5g}"
            numbers["train_tokens_per_s"] = speed[0]
            heads.append(f"{TOKENS_PER_S.show(speed[0])} for each GPU")
        if cache:
            numbers["kv_tokens"] = cache[0]
            heads.append(f"a cache of {cache[0]:,.0f} tokens")
        if self.curves.get("loss"):
            heads.append(counted(self.seen["loss"], "training loss", "training losses"))
        named = ", ".join(sorted(self.tools, key=lambda tool: -self.tools[tool]))
        parts = [self._memory(peak), self._speed(speed), self._cache(cache), self._losses()]
        headline = "; ".join(heads)
        return tree.whole(
            kind="run", name=self.name, form=f"a log: {named}" if named else "a log that says nothing we know",
            container="text", size=size, done=done,
            headline=f"{headline[:1].upper()}{headline[1:]}." if headline else "Nothing in it is known to us.",
            numbers=numbers | self._counts(), sections=[part for part in parts if part], warnings=self._warnings(),
            fields=fields, curves={name: [list(point) for point in points] for name, points in self.curves.items()},
        )  # fmt: skip

    def _counts(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key in (GENERATION, PROMPT_SPEED):
            if kept := self.found.get(key):
                found[key] = _median([value for value, _, _ in kept])
                found[f"most_{key}"] = max(kept)[0]
        if self.total_steps:
            found["total_steps"] = self.total_steps
        if self.examples:
            found["examples"] = self.examples
        return found

    def _memory(self, peak: tuple[float, str, int] | None) -> Tree | None:
        rows = []
        for key, words in _MEMORY_WORDS.items():
            if kept := self.found.get(key):
                value, line, tool = max(kept)
                rows.append(row(key, words, value, f"{GIB.show(value)} ({tool}, line {line:,})"))
        rows += [row(f"buffer {name}", name, size, GIB.show(size)) for name, size in self.buffers.items()]
        if not rows:
            return None
        note = f"The page takes the {peak[1]} figure, of the fullest GPU." if peak else ""
        return section("memory", "Memory", note=note, rows=rows)

    def _speed(self, speed: tuple[float, str] | None) -> Tree | None:
        rows = []
        if speed:
            rows.append(row(TRAIN_SPEED, "Training, one GPU", speed[0], f"{TOKENS_PER_S.show(speed[0])} ({speed[1]})"))
        for key, words in ((PROMPT_SPEED, "Reading prompts"), (GENERATION, "Writing answers")):
            if kept := [value for value, _, _ in self.found.get(key, ()) if value > 0]:
                text = f"{TOKENS_PER_S.show(_median(kept))} in the middle, {TOKENS_PER_S.show(max(kept))} at most"
                rows.append(row(key, words, _median(kept), text))
        return section("speed", "Speed", rows=rows) if rows else None

    def _cache(self, cache: tuple[float, str] | None) -> Tree | None:
        rows = []
        if cache:
            rows.append(row(KV_TOKENS, "Tokens that fit the cache", cache[0], f"{cache[0]:,.0f} ({cache[1]})"))
        for key, words in ((KV_GIB, "Memory of the cache"), (WEIGHTS, "Memory of the weights")):
            kept = self.found.get(key)
            if kept:
                rows.append(row(key, words, kept[-1][0], GIB.show(kept[-1][0])))
        if kept := self.found.get("max_concurrency"):
            rows.append(row("max_concurrency", "Full-length requests at a time", kept[-1][0], f"{kept[-1][0]:.2f}"))
        return section("cache", "Cache", rows=rows) if rows else None

    def _losses(self) -> Tree | None:
        names = [name for name in self.curves if _is_loss(name) and name != "train_loss"]
        if not names:
            return None
        series = [
            {"label": name.replace("_", " "), "points": [[p.step, p.value] for p in _few(self.curves[name])]}
            for name in names
        ]
        rows = []
        for name in names:
            points = self.curves[name]
            least = min(point.value for point in points)
            words = f"{points[0].value:.3g} at first, {least:.3g} at best, {points[-1].value:.3g} at last"
            rows.append(row(f"last_{name}", name.replace("_", " "), points[-1].value, words))
        picture = {"kind": "lines", "x": "Step", "y": "Loss", "series": series}
        return section("losses", "Losses", rows=rows, picture=picture)

    def _warnings(self) -> list[Tree]:
        found = []
        if self.out_of_memory.count:
            words = f"{counted(self.out_of_memory.count, 'line')} of memory that ran out: a peak here is too low."
            found.append(tree.warning("out_of_memory", words, self.out_of_memory))
        if self.not_finite.count:
            words = f"{counted(self.not_finite.count, 'value')} of a loss or a score that is no number."
            found.append(tree.warning("not_finite", words, self.not_finite))
        if not self.said.count:
            found.append(tree.warning("nothing", "No line of it is of a form that we know.", count=self.lines))
        return found


BLOCK_TOKENS = 16
"""Tokens in a block of vLLM's cache, by its default on NVIDIA cards."""

_METRICS = {SMI: "nvidia-smi", RESERVED: "torch: max_memory_reserved", ALLOCATED: "torch: max_memory_allocated"}
_MEMORY_WORDS = {
    SMI: "Used on the card, at most",
    RESERVED: "Reserved by PyTorch, at most",
    ALLOCATED: "Allocated by PyTorch, at most",
    "training_reserved_gib": "Of that, for training",
}
_CURVES = ("learning_rate", "lr", "grad_norm", "mean_token_accuracy", "reward", "rewards/accuracies")


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def _finite(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < 1e300 else None


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _few(points: Sequence[Point], most: int = 200) -> list[Point]:
    step = max(1, len(points) // most)
    return [*points[::step], *(points[-1:] if (len(points) - 1) % step else [])]
