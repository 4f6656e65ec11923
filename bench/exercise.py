"""What Python code may come to use of the runtime, beyond what an answer uses today.

Runs inside the noting runtime of `bench.profile`, so that the functions behind the built-in types and the modules that
the package is likely to meet are kept: an edit of the package must not lead into an emptied function.
"""

import bisect
import collections
import contextlib
import csv
import datetime
import functools
import gc
import heapq
import io
import itertools
import json
import math
import operator
import random
import re
import struct
import textwrap
import tomllib
import traceback
from array import array
from collections.abc import Callable, Iterator
from dataclasses import asdict, astuple, dataclass, field, fields, replace
from enum import Enum, Flag, IntEnum, StrEnum, auto
from typing import Any, NamedTuple

from calculator import catalog
from calculator.faces import browser

NUMBERS = (0, 1, -1, 7, 1000, 0.0, 0.5, -2.5, 1e300, 1e-300, math.inf, -math.inf, math.nan, True)
GIANTS = (2**31, 2**63, -(2**64), 10**40)
TEXTS = (
    *("", "a", "Hello, World 12", "  padded\t\n", "äöü ß €", "漢字", "🙂 x"),
    *("1_000", "-3.5e-7", "a,b;c\nd", "%s {} \\x", "\ud800"),
)
SPECS = ("", "d", ",d", "x", "b", "e", ".3e", "g", ".4g", "f", ",.2f", "%", ".1%", ">12", "^12", "=+08.2f", "_d", "n")
SETTING_UP = ("__class__", "__new__", "__init__", "__init_subclass__", "__subclasshook__", "__class_getitem__")
FORMS = (repr, str, ascii, hash, bool, len, list, iter, reversed, sorted, sum, min, max, abs, round, json.dumps)


_traced: set[type[Exception]] = set()


def attempt(function: Any, *arguments: Any) -> Any:
    """The result, or the words of the exception: errors are part of what may happen."""
    try:
        return function(*arguments)
    except Exception as error:
        if type(error) not in _traced:
            _traced.add(type(error))
            with contextlib.suppress(UnicodeError):
                traceback.format_exc()
        return repr(error)


def methods(values: tuple[Any, ...], arguments: tuple[tuple[Any, ...], ...]) -> None:
    """Every public method and operator of these values, with each of these arguments."""
    for value in values:
        for name in dir(type(value)):
            if name in SETTING_UP:
                continue
            for given in arguments:
                made = attempt(lambda: type(value)(value))  # noqa: B023
                attempt(getattr(made, name, None), *given)
        for form in FORMS:
            attempt(form, value)
        for spec in SPECS:
            attempt(format, value, spec)
            attempt(lambda: f"%{spec}" % value)  # noqa: B023


def functions(module: Any, arguments: tuple[tuple[Any, ...], ...]) -> None:
    """Every public function of a module, with each of these arguments."""
    for name in dir(module):
        if not name.startswith("_"):
            for given in arguments:
                made = attempt(getattr(module, name), *given)
                if isinstance(made, collections.abc.Iterator):
                    attempt(lambda: list(itertools.islice(made, 20)))  # noqa: B023


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """A record."""

    x: float = 0.0
    y: list[int] = field(default_factory=list, compare=False)


class Colour(StrEnum):
    """A choice."""

    RED = auto()
    BLUE = auto()


class Bits(Flag):
    """Flags."""

    ONE = auto()
    TWO = auto()


class Row(NamedTuple):
    """A tuple with names."""

    a: int
    b: str = ""


def language() -> Any:
    """Statements: generators, matches, closures, classes, exceptions in exceptions."""

    def counting(most: int) -> Any:
        for number in range(most):
            got = yield number
            if got:
                return got
        yield from "ab"
        return None

    generator = counting(3)
    next(generator)
    attempt(generator.send, 5)
    attempt(generator.throw, ValueError("x"))
    generator.close()
    found: list[Any] = []
    for thing in (1, "a", [1, 2], {"k": 1, "r": 2}, Point(1), (1, 2, 3), None, Colour.RED):
        match thing:
            case int() | str():
                found.append(1)
            case [first, *rest]:
                found.append((first, rest))
            case {"k": value, **more}:
                found.append((value, more))
            case Point(x=x):
                found.append(x)
            case Colour.RED:
                found.append("red")
            case _:
                found.append(None)
    a, *b, c = found

    def deep(level: int) -> int:
        return deep(level + 1)

    attempt(deep, 0)
    with attempt(io.StringIO, "x") as stream:
        stream.read()
    try:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError("outer") from error
    except* ValueError as group:
        found.append(attempt(traceback.format_exception, group))
    attempt(exec, "nonsense ++")
    return {**{str(k): v for k, v in enumerate(found)}, "set": {*range(5)}, "a": a, "b": b, "c": c, "s": slice(1, 2)}


@contextlib.contextmanager
def collecting_always() -> Iterator[None]:
    """The collector looks at what is alive for the length of a call too: elsewhere it comes there once in a while."""
    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def cycles() -> None:
    """Let the collector clear one of each kind that can hold itself."""
    makers: tuple[Callable[[list[Any]], Any], ...] = (
        *(list, tuple, iter, reversed, enumerate, zip, itertools.chain, itertools.cycle, itertools.accumulate),
        *(itertools.groupby, itertools.repeat, itertools.product, itertools.tee, Point, Exception, slice, property),
        *(json.JSONEncoder, classmethod, staticmethod, collections.deque, csv.reader, memoryview),
        *(lambda held: {"held": held}, lambda held: collections.OrderedDict(held=held), lambda held: lambda: held),
        *(lambda held: (x for x in held), lambda held: functools.partial(len, held), lambda held: held.append),
        *(lambda held: map(str, held), lambda held: filter(None, held), lambda held: itertools.islice(held, 3)),
        *(lambda held: itertools.combinations([held], 1), lambda held: type("Held", (), {"held": held})),
        *(lambda held: functools.lru_cache(lambda: held), lambda held: attempt(operator.itemgetter, held)),
        *(lambda held: json.JSONEncoder(default=held.append).iterencode([1]), lambda held: csv.writer(Sink(held))),
        *(lambda held: Sink(held).write, lambda held: {1, Sink(held)}, lambda held: frozenset([Sink(held)])),
    )
    for make in makers:
        held: list[Any] = []
        held.append(attempt(make, held))
        del held
    gc.collect()


class Sink:
    """Something to write to that holds something."""

    def __init__(self, held: Any) -> None:
        self.held = held

    def write(self, text: str) -> int:
        """Nothing is kept."""
        return len(text)


def answers() -> None:
    """Every decision in every form and stage, and what else is asked of one."""
    for name in catalog.names():
        first, second, *_ = catalog.decision(name).Inputs.__dataclass_fields__
        asked = {"decision": name, "site": "https://example.org/"}
        for form in browser.FORMS:
            for stage in range(browser.STAGES):
                attempt(browser.answer, json.dumps({**asked, "form": form, "stage": stage}))
        for want in ("map", "sweep", "compare", "questions"):
            other = {"field": first, "up": second, "other": {first: "1"}, "names": ["a", "b"]}
            attempt(browser.answer, json.dumps({**asked, **other, "want": want}))


def run_out_of_memory() -> str:
    """Ask for more than there is, and let the error leave Python: whoever called sees it."""
    for size in (2**31 - 64, 2**30):
        attempt(lambda: len(" " * size))  # noqa: B023
        attempt(lambda: len("é" * size))  # noqa: B023
        attempt(lambda: len([None] * size))  # noqa: B023
        attempt(bytearray, size)
    raise MemoryError


def run() -> int:
    """All of it; gives the length of the last dictionary, so that somebody uses what was made."""
    with collecting_always():
        answers()
        cycles()
        return modules()


def modules() -> int:
    """The built-in types and what modules offer; gives the length of the last dictionary."""
    # Small ones only: a large power or repetition would fill the memory.
    numbers = ((), (0,), (1,), (-2,), (3,), (0.5,), (-1.5,), (True,), (2, 3), (0.5, 2), (3, "little"), (10, 3, 7))
    texts = (*((t,) for t in TEXTS), (), ("a", "b"), ("l", 2), ("utf-8", "replace"), (20, "*"), ({97: "b"},), (["x"],))
    mixed = ((), (1,), (0, "x"), ("a",), ([3, 1, 2],), ({"a": 1},), ({1, 2},), (slice(0, 2),), (-1,), ("k", "v"))
    methods(NUMBERS, numbers)
    methods(GIANTS, ())
    attempt(lambda: [a + b - a * b // 7 % b + (a & b) ^ (a | b) for a in GIANTS for b in GIANTS])
    attempt(lambda: [(a / b, divmod(a, b), pow(a, 3, b), a << 70 >> 50, a < b) for a in GIANTS for b in GIANTS])
    methods(TEXTS, texts + numbers[:6])
    raw = (*texts[:3], (b"a",), (b"a", b"b"), (2,), *mixed)
    methods((b"", b"ab \n\xff", bytearray(b"xyz"), memoryview(b"abcd")), raw)
    methods(([], [3, 1, 2], ["b", "a"], (1, "x"), {"a": 1, "b": [2]}, {1, 2}, frozenset("ab"), range(5), 1 + 2j), mixed)
    methods((collections.deque([1, 2]), collections.Counter("abca"), collections.OrderedDict(a=1)), mixed)
    methods((array("d", [1, 2]),), mixed)
    methods((Point(1.0), Colour.RED, Bits.ONE, Row(1), datetime.date(2026, 1, 2), datetime.timedelta(1)), mixed)
    functions(math, ((0.5,), (2, 3), (-1.0,), ([1.0, 2.0],), ([1, 2], [3, 4]), (5,), (1e308, 10.0), (0.1, 0.2, 0.3)))
    functions(itertools, (([1, 2, 3],), ([1, 2], 2), (operator.add, [1, 2]), ("ab", "cd"), (2, 8, 2), ([1, 2], bool)))
    functions(operator, ((3, 2), ([1, 2], 0), ("a", "b"), (True,), ({"a": 1}, "a"), ("a",)))
    functions(bisect, (([1, 2, 3], 2),))
    functions(heapq, (([3, 1, 2],), ([3, 1, 2], 5), (2, [3, 1, 2])))
    rng = random.Random(1)
    rng.shuffle(made := list(range(20)))
    attempt(lambda: [rng.random(), rng.gauss(0, 1), rng.choice(made), rng.sample(made, 3), rng.randbytes(9)])
    patterns = (r"(\d+)[,.](\w*)", r"^\s*(?P<a>x|y)+?(?=z)$", r"[^\W\d_]{2}", r"(a)(?:b|c)*\1", "(", r"(?i)É.b")
    for pattern in patterns:
        compiled = attempt(re.compile, pattern)
        for text in TEXTS:
            for name in ("search", "match", "fullmatch", "findall", "finditer", "split"):
                attempt(lambda: list(getattr(compiled, name)(text) or ()))  # noqa: B023
            attempt(lambda: compiled.sub(lambda m: m[0].upper(), text))  # noqa: B023
    for text in ('{"a": [1, 2.5, null, true, "\\u00e9\\ud83d"]}', "[", "nul", '{"a": NaN}', "[1e99]", "[" * 2000):
        attempt(json.loads, text)
    attempt(json.dumps, {"a": [1.5, None, "é\n", {"b": math.nan}]}, None)
    attempt(lambda: json.dumps([Point(), {1: 2}], indent=1, sort_keys=True, default=asdict))
    toml = 'a = 1\n[b]\nc = "é"\nd = 2026-01-02\n[[e]]\nf = [1.5, true]\n'
    for text in (toml, "a = ", "a.b.c = '''x'''\n", 'x = "\\u00e9"'):
        attempt(tomllib.loads, text)
    attempt(lambda: list(csv.reader(io.StringIO('a,"b ""c""",d\n1;2\n'), strict=True)))
    attempt(lambda: csv.writer(io.StringIO()).writerows([[1, "a,b", 'x"y', None]]))
    attempt(lambda: struct.unpack("<IdH", struct.pack("<IdH", 1, 2.5, 3)))
    attempt(textwrap.dedent, "  a\n  b")
    attempt(functools.reduce, operator.add, [1, 2])
    attempt(lambda: [asdict(Point(1, [2])), astuple(Point()), replace(Point(), x=2), fields(Point), Point() < Point(1)])
    attempt(lambda: [Colour("red"), Colour["BLUE"], Bits.ONE | Bits.TWO, ~Bits.ONE])
    attempt(lambda: [IntEnum("N", "A B").A, Enum("E", "A")])
    attempt(lambda: int("9" * 5000))
    attempt(lambda: str(10**4000))
    attempt(lambda: [float(t) for t in ("1e5", " -.5 ", "nan")] + [int(t, 0) for t in ("0x1f", "1_0", "-7")])
    attempt(lambda: "".join(sorted(dict.fromkeys(TEXTS, 1), key=len)))
    attempt(lambda: sorted([3, 1.5, 2], key=lambda n: -n, reverse=True) + sorted([(2, "b"), (1, "a")]))
    attempt(lambda: [*zip("ab", [1, 2], strict=True), *map(str, range(30)), *filter(None, [0, 1]), *enumerate("ab")])
    attempt(language)
    big = {str(number): [number, number / 7] for number in range(30_000)}
    attempt(lambda: (len(big), [big.pop(str(number)) for number in range(0, 30_000, 2)], sorted(big, reverse=True)[:5]))
    attempt(lambda: [bytes(1 << size) for size in range(20)])
    return len(big)
