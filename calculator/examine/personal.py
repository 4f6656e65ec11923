"""What looks like personal data: e-mail addresses, phone numbers and payment cards, by pattern alone.

A pattern finds numbers that are none of these and misses names and addresses: a warning, never a clearance.
"""

import re
from collections.abc import Iterator

_EMAIL = re.compile(rb"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4}\.[A-Za-z]{2,24}\b")
_PHONE = re.compile(
    rb"(?<![\w.+-])(?:"
    rb"\+\d{1,3}[ .\-]?(?:\(\d{1,4}\)[ .\-]?)?\d{1,5}(?:[ .\-]?\d{2,5}){1,4}"
    rb"|\(\d{3}\)[ .\-]?\d{3}[ .\-]\d{4}"
    rb"|\d{3}[.\-]\d{3}[.\-]\d{4}"
    rb"|0\d{2,4}[ /\-]\d{3,4}[ \-]?\d{3,5}"
    rb")(?![\w-])"
)
_CARD = re.compile(rb"(?<![\w.-])[3-6]\d{3}(?:[ \-]?\d){9,15}(?![\w-])")

_NOT_DIGITS = bytes(set(range(256)) - set(b"0123456789"))
_BETWEEN = b" ().-/+"
_CLASSES = bytes(48 if 48 <= c <= 57 else c == 0 for c in range(256))
_RUN = b"0" * 9
"""Nine digits, with nothing but the signs between that numbers are grouped with."""

_LONGEST = 200_000
"""Bytes of a row that are looked through."""

KINDS = {"email": "an e-mail address", "phone": "a phone number", "card": "a payment card's number"}


def luhn(digits: bytes) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = digit - 48
        if place % 2:
            value = 2 * value - 9 * (value > 4)
        total += value
    return total % 10 == 0


def looks_personal(text: bytes) -> tuple[str, ...]:
    """The `KINDS` that a text in UTF-8 looks to hold."""
    # Two passes at the speed of memory, so that the patterns look only where there may be something.
    many_digits = _RUN in text.translate(_CLASSES, _BETWEEN)
    if not many_digits and b"@" not in text:
        return ()
    found: list[str] = []
    text = text[:_LONGEST]
    if b"@" in text and _EMAIL.search(text):
        found.append("email")
    if many_digits:
        cards = (match[0].translate(None, _NOT_DIGITS) for match in _CARD.finditer(text))
        if any(13 <= len(digits) <= 19 and luhn(digits) for digits in cards):
            found.append("card")
        if any(9 <= len(match[0].translate(None, _NOT_DIGITS)) <= 15 for match in _PHONE.finditer(text)):
            found.append("phone")
    return tuple(found)


def which_look_personal(texts: bytes) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Of texts with a NUL between each two, the places of those that look to hold some of the `KINDS`, and which."""
    digits = texts.translate(_CLASSES, _BETWEEN)
    if _RUN in digits or b"@" in texts:
        for at, (text, classes) in enumerate(zip(texts.split(b"\0"), digits.split(b"\1"), strict=True)):
            if _RUN in classes or b"@" in text:
                yield at, looks_personal(text)
