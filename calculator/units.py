"""Units: how a quantity is named, shown and read. The list is closed; a field's name ends in its unit's suffix.

Formatting is plain arithmetic on the standard library, so that CPython and Pyodide give the same bytes.
"""

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from functools import lru_cache
from math import floor, inf, isfinite, log10


def _by_word(words: Mapping[str, float]) -> Mapping[str, float]:
    """By each of several words for the same."""
    return {word: factor for several, factor in words.items() for word in several.split()}


MULTIPLIERS = _by_word({"k thousand": 1e3, "m mn million": 1e6, "b bn billion": 1e9, "t trillion": 1e12})
_SECONDS = _by_word(
    {
        "ms millisecond milliseconds": 1e-3,
        "s sec second seconds": 1.0,
        "min minute minutes": 60.0,
        "h hour hours": 3600.0,
        "d day days": 86400.0,
        "week weeks": 604800.0,
        "month months": 365.25 / 12 * 86400.0,
        "year years": 365.25 * 86400.0,
    }
)
_BYTES = {"mb": 1e6, "mib": 2.0**20, "gb": 1e9, "gib": 2.0**30, "tb": 1e12, "tib": 2.0**40}


def round_to(value: float, digits: int) -> float:
    """`value` rounded to so many significant digits; infinities and zero stay as they are."""
    if value == 0 or not isfinite(value):
        return value
    return float(f"{value:.{digits}g}")


def _group(value: float, decimals: int) -> str:
    return f"{value:,.{decimals}f}"


_kept = lru_cache(maxsize=1024, typed=True)
"""Most numbers of a report are those of the report before it."""


@_kept
def plain(value: float, digits: int = 3) -> str:
    """A number for people: `digits` significant digits, thousands grouped, words for millions and more."""
    if value == inf:
        return "never"
    if value == -inf:
        return "−∞"
    sign = "−" if value < 0 else ""
    size = abs(value)
    if size == 0:
        return "0"
    rounded = round_to(size, digits)
    for word, scale in ((" trillion", 1e12), (" billion", 1e9), (" million", 1e6)):
        if rounded >= scale:
            return sign + _trim(_fixed(size / scale, digits)) + word
    if rounded >= 1000:
        return sign + _group(size, 0)
    return sign + _trim(_fixed(size, digits))


_SAID = re.compile(
    r"(?<![\w.,-])(?P<money>\$?)(?P<number>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)(?![\w,]*\d)"
    r"(?P<unit>(?: (?:thousand|million|billion|trillion))?(?:\u00a0[^\W\d_%]+|\u00a0%)?)"
)
_COUNTED = ("GPU", "item", "example", "card", "user", "turn", "label")
"""Units of what is counted one by one: a whole number of them under a thousand stays whole."""

_NEARLY_ALL = 99.0


def numbers_in(text: str) -> frozenset[str]:
    """The numbers of a text that `in_two_digits` could shorten, as they are written."""
    return frozenset(found["number"] for found in _SAID.finditer(text))


def in_two_digits(text: str, kept: Set[str] = frozenset()) -> str:
    """A headline with two digits for each amount, share or measure in it: few estimates have more.

    Numbers in `kept`, which are the reader's own, stay as they are written; so do counts, shares of 99 % and more, and
    two numbers that two digits could not tell apart.
    """
    short = {found[0]: _shortened(found, kept) for found in _SAID.finditer(text)}
    said = list(short.values())
    return _SAID.sub(lambda found: short[found[0]] if said.count(short[found[0]]) == 1 else found[0], text)


def _shortened(found: re.Match[str], kept: Set[str]) -> str:
    number, unit = found["number"], found["unit"]
    value = float(number.replace(",", ""))
    rounded = round_to(value, 2)
    whole = "." not in number
    bare = not found["money"] and not unit and whole
    few = whole and value < 1000 and (bare or unit.lstrip("\u00a0").startswith(_COUNTED))
    nearly_all = unit.endswith("%") and value >= _NEARLY_ALL
    if rounded == value or number in kept or bare or few or nearly_all:
        return found[0]
    # A half goes up, as people round. What gets longer by it, as $995,000 would, is no plainer.
    short = f"{found['money']}{_trim(_fixed(value * (1 + 1e-12), 2))}{unit}"
    return short if len(short) <= len(found[0]) else found[0]


def _fixed(size: float, digits: int) -> str:
    rounded = round_to(size, digits)
    if rounded == 0:
        return "0"
    magnitude = floor(log10(rounded))
    if magnitude < -6:
        return f"{rounded:.{digits - 1}e}"
    return _group(rounded, max(0, digits - 1 - magnitude))


def _trim(text: str) -> str:
    if "." in text and "e" not in text:
        return text.rstrip("0").rstrip(".")
    return text


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One unit of measurement.

    name: shown beside a label ("USD per month"); suffix: what a field's name ends in ("usd_per_month");
    symbol: shown after a number; prefix: shown before it; accepted: words a reader may type after a number, each with
    the factor that turns it into this unit; percent: the value is a share from 0 to 1, shown in per cent.
    """

    name: str
    suffix: str
    symbol: str = ""
    prefix: str = ""
    accepted: Mapping[str, float] = field(default_factory=dict)
    percent: bool = False
    plural: bool = True

    def show(self, value: float) -> str:
        """The value with its unit, for people."""
        if value == inf:
            return "never"
        if value == -inf:
            return "out of reach"
        if self.percent:
            return _percentage(value * 100) + "\u00a0%"
        if self.prefix:
            sign = "−" if value < 0 else ""
            return sign + self.prefix + _money(abs(value)) + self.symbol
        number = plain(value)
        symbol = self.symbol
        first, space, rest = symbol.partition(" ")
        if number == "1" and first.endswith("s") and len(first) > 2 and "/" not in first and self.plural:
            symbol = first[:-1] + space + rest
        return number + ("\u00a0" + symbol if symbol else "")

    def brief(self, value: float, digits: int = 2) -> str:
        """The value in a few digits and without the unit's words, for pictures: $13k, 75 %."""
        if self.percent:
            return f"{_rounded(value * 100, digits)}\u00a0%"
        if not isfinite(value):
            return self.show(value)
        sign, size = ("−" if value < 0 else ""), abs(value)
        scale, letter = next(((scale, letter) for scale, letter in _SCALES if size >= scale), (1.0, ""))
        return f"{sign}{self.prefix}{_rounded(size / scale, digits)}{letter}"

    def show_range(self, low: float, high: float) -> str:
        """Two values for people, with what follows a number said once: $5 to $9 a month, but 5 % to 9 %.

        Values that are shown alike are shown once.
        """
        ends = self.show(low), self.show(high)
        if ends[0] == ends[1]:
            return ends[0]
        tail = self.symbol if self.prefix else "\u00a0" + self.symbol
        if self.symbol and ends[0].endswith(tail) and ends[1].endswith(tail):
            return f"{ends[0].removesuffix(tail)}\u00a0to {ends[1]}"
        return f"{ends[0]} to {ends[1]}"

    def write(self, value: float) -> str:
        """The value as a reader would type it: no grouping, nothing lost that a form or a link needs."""
        if self.percent:
            return f"{float(f'{value * 100:.10g}'):.10g}%"
        text = f"{value:.10g}"
        # A fourth decimal keeps 1.125 apart from how some write 1,125.
        return f"{text}0" if text[-4:-3] == "." and _grouped_by_points(text) else text


_SCALES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def _rounded(value: float, digits: int) -> str:
    return f"{float(f'{value:.{digits}g}'):g}"


def _percentage(value: float) -> str:
    size = abs(value)
    if size == 0 or size >= 0.1:
        return _trim(f"{value:.1f}").replace("-", "−")
    return ("−" if value < 0 else "") + _trim(_fixed(size, 1))


@_kept
def _money(size: float) -> str:
    if size >= 999_500:
        return plain(size)
    if size >= 100:
        return _group(size, 0)
    if size >= 1 or size == 0:
        return _group(size, 2).removesuffix(".00")
    return _fixed(size, 3)


def _time(name: str, suffix: str, symbol: str) -> Unit:
    one = _SECONDS[name]
    return Unit(name=name, suffix=suffix, symbol=symbol, accepted={word: s / one for word, s in _SECONDS.items()})


_DOLLAR = {"$": 1.0, "usd": 1.0, "dollars": 1.0}

USD = Unit(name="USD", suffix="usd", prefix="$", accepted=_DOLLAR)
USD_PER_MONTH = Unit(name="USD per month", suffix="usd_per_month", prefix="$", symbol=" a month", accepted=_DOLLAR)
USD_PER_HOUR = Unit(name="USD per hour", suffix="usd_per_hour", prefix="$", symbol=" an hour", accepted=_DOLLAR)
USD_PER_MTOK = Unit(
    name="USD per million tokens", suffix="usd_per_mtok", prefix="$", symbol=" per million tokens", accepted=_DOLLAR
)
USD_PER_REQUEST = Unit(
    name="USD per request", suffix="usd_per_request", prefix="$", symbol=" a request", accepted=_DOLLAR
)
TOKENS = Unit(name="tokens", suffix="tokens", symbol="tokens", accepted={"tokens": 1.0, "token": 1.0, "tok": 1.0})
TOKENS_PER_S = Unit(
    name="tokens per second", suffix="tokens_per_s", symbol="tokens/s", accepted={"tokens/s": 1.0, "tok/s": 1.0}
)
TOKENS_PER_WORD = Unit(name="tokens per word", suffix="tokens_per_word", symbol="tokens per word")
WORDS = Unit(name="words", suffix="words", symbol="words", accepted={"words": 1.0, "word": 1.0})
NATS_PER_TOKEN = Unit(name="nats per token", suffix="nats_per_token", symbol="nats per token")
BYTES_PER_TOKEN = Unit(name="bytes per token", suffix="bytes_per_token", symbol="bytes per token")
BITS_PER_BYTE = Unit(name="bits per byte", suffix="bits_per_byte", symbol="bits per byte")
EXAMPLES = Unit(name="examples", suffix="examples", symbol="examples", accepted={"examples": 1.0, "example": 1.0})
ITEMS = Unit(name="items", suffix="items", symbol="items", accepted={"items": 1.0, "item": 1.0})
REQUESTS = Unit(name="requests", suffix="requests", symbol="requests", accepted={"requests": 1.0, "request": 1.0})
REQUESTS_PER_MONTH = Unit(
    name="requests per month", suffix="requests_per_month", symbol="requests a month", accepted={"requests": 1.0}
)
MILLISECONDS = _time("ms", "ms", "ms")
SECONDS = _time("seconds", "seconds", "s")
HOURS = _time("hours", "hours", "hours")
DAYS = _time("days", "days", "days")
MONTHS = _time("months", "months", "months")
SHARE = Unit(name="per cent", suffix="share", percent=True, accepted={"%": 0.01, "percent": 0.01})
POINTS = Unit(name="points", suffix="points", symbol="points", accepted={"points": 1.0, "pp": 1.0})
GIB = Unit(name="GiB", suffix="gib", symbol="GiB", accepted={word: s / 2.0**30 for word, s in _BYTES.items()})
BILLIONS = Unit(name="billions", suffix="billions", symbol="billion", accepted={"billion": 1.0, "b": 1.0, "bn": 1.0})
PARAMETERS = Unit(name="parameters", suffix="parameters", symbol="parameters", accepted={"parameters": 1.0})
KWH = Unit(name="kWh", suffix="kwh", symbol="kWh", accepted={"kwh": 1.0})
KG_CO2E = Unit(name="kg CO2e", suffix="kg_co2e", symbol="kg CO2e", accepted={"kg": 1.0})
G_PER_KWH = Unit(name="g CO2e per kWh", suffix="g_per_kwh", symbol="g/kWh", accepted={"g/kwh": 1.0})
TFLOPS = Unit(name="TFLOPS", suffix="tflops", symbol="TFLOPS", plural=False, accepted={"tflops": 1.0})
GB_PER_S = Unit(name="GB per second", suffix="gb_per_s", symbol="GB/s", accepted={"gb/s": 1.0})
GPUS = Unit(name="GPUs", suffix="gpus", symbol="GPUs", accepted={"gpus": 1.0, "gpu": 1.0})
GPU_HOURS = Unit(name="GPU-hours", suffix="gpu_hours", symbol="GPU-hours", accepted={"gpu-hours": 1.0})
USERS = Unit(name="users", suffix="users", symbol="users", accepted={"users": 1.0, "user": 1.0})
TURNS = Unit(name="turns", suffix="turns", symbol="turns", accepted={"turns": 1.0, "turn": 1.0})
RATIO = Unit(name="times", suffix="ratio", symbol="×", accepted={"x": 1.0, "times": 1.0})
SD = Unit(
    name="times its usual spread",
    suffix="sd",
    symbol="times its usual spread",
    accepted={"x": 1.0, "times": 1.0},
    plural=False,
)
COUNT = Unit(name="", suffix="count")

TIMES = (MILLISECONDS, SECONDS, HOURS, DAYS, MONTHS)
"""The units of time, where "never" can be an answer."""

UNITS: tuple[Unit, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Unit))
"""Every unit there is."""


_GROUPING = (",", "\u00a0", "\u202f", "_", " ")
_DIGITS = frozenset("0123456789")
_FOREIGN = frozenset(
    ("€", "£", "¥", "₹", "eur", "euro", "euros", "gbp", "pounds", "chf", "francs", "jpy", "yen", "inr", "rupees")
)
"""Money that is not the unit's: an exchange rate would be a guess."""

_IN_DOLLARS = "amounts are in US dollars: write $20k or 20k"
_ENDLESS = frozenset(("never", "forever", "∞"))


def is_endless(text: str) -> bool:
    """Whether a reader typed that a time has no end."""
    return text.strip().casefold() in _ENDLESS


def split_range(text: str) -> tuple[str, str] | None:
    """The two ends of a range as typed, "200 to 800" or "400-600"; None for a single number.

    ValueError when one of the ends alone has a word like k and a dash stands between them: 400-600k can be read in two
    ways. A minus sign before a number, and one in an exponent, is no dash.
    """
    body = text.strip()
    if body[:8].casefold() == "between " and " and " in body:
        body = body[8:].replace(" and ", " to ", 1)
    for word in (" to ", "–", "—", "..", " - "):
        first, found, second = body.partition(word)
        if found and first.strip() and second.strip():
            # "200 to 800k" means 200 thousand to 800 thousand only if it says so: each end stands for itself.
            return first, second
    for at in range(1, len(body) - 1):
        if body[at] == "-" and body[at - 1] not in "-+ " and not _in_exponent(body, at):
            first, second = body[:at], body[at + 1 :]
            if _multiplied(second) and not _multiplied(first):
                raise ValueError(f"is it {first} or {first}{second.lstrip('0123456789.,')}? write both ends out")
            return first, second
    return None


def _in_exponent(body: str, at: int) -> bool:
    return body[at - 1] in "eE" and at > 1 and body[at - 2] in _DIGITS and body[at + 1] in _DIGITS


def _multiplied(text: str) -> bool:
    return text.strip().lstrip("$0123456789.,").strip().partition(" ")[0].lower() in MULTIPLIERS


def _grouped_by_points(text: str) -> bool:
    """Whether a number can be read with points between thousands: 10.000 is ten to some and ten thousand to others."""
    head, *groups = text.lstrip("+-").split(".")
    if not groups or not 1 <= len(head) <= 3 or head.startswith("0"):
        return False
    return set(head) <= _DIGITS and all(len(group) == 3 and set(group) <= _DIGITS for group in groups)


def _ask_which(text: str) -> ValueError:
    thousands = text.replace(".", ",")
    if text.count(".") > 1:
        return ValueError(f"write {thousands}")
    decimal = f"{float(text):.10g}"
    exact = f"{decimal}0" if _grouped_by_points(decimal) else decimal
    return ValueError(f"is it {thousands} or {decimal}? Write {thousands} or {exact}")


def parse(text: str, unit: Unit) -> float:
    """The number a reader typed, in `unit`: "80k", "1.5M", "24 GB", "12 %", "$3".

    Raises ValueError, with what is wrong and how to write it, for anything else: no guess is made.
    """
    if text.isascii() and text.replace(".", "", 1).isdigit() and (value := float(text)) < inf:
        # Most numbers are plain: nothing to look for around them.
        if text[-4:-3] == "." and not unit.percent and _grouped_by_points(text):
            raise _ask_which(text)
        return value / 100 if unit.percent and value > 1 else value
    body = text.strip().replace("−", "-")
    if unit.prefix and body.startswith(unit.prefix):
        body = body[len(unit.prefix) :].lstrip()
    if unit.prefix and body[:1] in _FOREIGN:
        raise ValueError(_IN_DOLLARS)
    end = 0
    while end < len(body) and (body[end] in "0123456789+-.eE" or body[end] in _GROUPING):
        if body[end] in "eE" and not (end and body[end - 1] in _DIGITS and _exponent(body, end)):
            break
        end += 1
    number, word = body[:end].rstrip(), body[end:].strip()
    if not unit.percent and _grouped_by_points(number):
        raise _ask_which(number)
    if not number:
        raise ValueError("write it with digits, like 12 or 3.5k")
    value = _float(number)
    if not word:
        # People type an accuracy of 85 as often as 0.85; a share above one can only be a percentage.
        return value / 100 if unit.percent and value > 1 else value
    # What was copied from a page may have a space that breaks no line.
    key = word.lower().replace("\u00a0", " ")
    if unit.percent and key in unit.accepted:
        # A division gives the float that 0.35 is; a product with 0.01 does not.
        return value / 100
    if key in unit.accepted:
        return value * unit.accepted[key]
    if key in MULTIPLIERS:
        return value * MULTIPLIERS[key]
    first, _, rest = key.partition(" ")
    if first in MULTIPLIERS and rest.strip() in unit.accepted:
        return value * MULTIPLIERS[first] * unit.accepted[rest.strip()]
    if unit.prefix and not _FOREIGN.isdisjoint((key, key[-1], key.rpartition(" ")[2])):
        raise ValueError(_IN_DOLLARS)
    known = ", ".join([*list(unit.accepted)[:4], "k", "million"])
    raise ValueError(f"{word[:20]!r} is not understood after a number here; these are: {known}")


def _exponent(body: str, at: int) -> bool:
    rest = body[at + 1 :]
    if rest[:1] in ("+", "-"):
        rest = rest[1:]
    return rest[:1] in _DIGITS


def _float(number: str) -> float:
    for separator in _GROUPING:
        if separator in number:
            whole, _, fraction = number.partition(".")
            head, *groups = whole.split(separator)
            digits = head.lstrip("+-")
            if not (1 <= len(digits) <= 3 and all(len(g) == 3 and set(g) <= _DIGITS for g in groups)):
                raise ValueError("write thousands as 12,000 and decimals with a point")
            number = head + "".join(groups) + ("." + fraction if fraction else "")
            break
    if not number or not set(number) <= _DIGITS | set("+-.eE") or not set(number) & _DIGITS:
        raise ValueError("it is not a number")
    try:
        value = float(number)
    except ValueError:
        raise ValueError("it is not a number") from None
    if not isfinite(value):
        raise ValueError("the number is too large")
    return value
