"""The picture that others show beside a link to a page: its question, the worked verdict with its shares, the site.

Drawn by Pillow in its own typeface, so that the same page gives the same bytes. Native only.
"""

import re
from collections.abc import Sequence
from functools import cache
from html import unescape
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 1200, 630
"""What those who show such pictures ask for, in pixels."""

_MARGIN, _BAR = 80, 16
_GROUND, _INK, _MUTED, _ACCENT = "#ffffff", "#1e2129", "#5a6070", "#4051b5"
_TAG = re.compile(r"<[^>]*>")
_HEADING = re.compile(r"<h1[^>]*>(.*?)</h1>", re.DOTALL)
_PERMALINK = re.compile(r'<a class="headerlink".*?</a>', re.DOTALL)
_SAID = re.compile(r'<span class="calc-said">(.*?)</span></span>', re.DOTALL)
_HOLDS = re.compile(r'<span class="calc-holds">(.*?)</span></span>', re.DOTALL)
_PLAIN = str.maketrans(
    {"\u00a0": " ", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2026": "...", "\u00d7": "x"}
)


def words_of(html: str, description: str) -> tuple[str, str, str]:
    """A page's question, its worked verdict and the shares of the answers; without a verdict what the page is about."""
    heading, said, holds = _HEADING.search(html), _SAID.search(html), _HOLDS.search(html)
    question = _text(_PERMALINK.sub("", heading[1])) if heading else ""
    if said is None:
        return question, "", description.translate(_PLAIN)
    return question, _text(said[1]), _text(holds[1]) if holds else ""


def _text(html: str) -> str:
    return " ".join(unescape(_TAG.sub("", html)).translate(_PLAIN).replace(" \u00b7", ",").split())


def draw(question: str, verdict: str, detail: str, site: str) -> bytes:
    """The picture as a PNG of 1200 by 630 pixels."""
    image = Image.new("RGB", (WIDTH, HEIGHT), _GROUND)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, _BAR, HEIGHT), fill=_ACCENT)
    pen.text((_MARGIN, 56), site, font=_font(30), fill=_MUTED)
    y = 130
    for text, sizes, colour, lines in (
        (question, (62, 54, 46), _INK, 3),
        (verdict, (50, 44, 38), _ACCENT, 2),
        (detail, (32, 28), _MUTED, 3),
    ):
        y = _paragraph(pen, text, sizes, colour, lines, y)
    # A few shades are enough for letters, and weigh a tenth. They are found in half the time of all by an octree.
    found = BytesIO()
    image.quantize(32, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(found, "PNG", optimize=True)
    return found.getvalue()


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _paragraph(pen: ImageDraw.ImageDraw, text: str, sizes: Sequence[int], colour: str, most: int, y: int) -> int:
    """Write the text in the largest size in which it takes at most so many lines; gives where the next one begins."""
    if not text:
        return y
    for size in sizes:
        lines = _wrapped(pen, text, size)
        if len(lines) <= most:
            break
    if len(lines) > most:
        lines = [*lines[: most - 1], f"{lines[most - 1]} ..."]
    for line in lines:
        pen.text((_MARGIN, y), line, font=_font(size), fill=colour)
        y += round(1.28 * size)
    return y + 34


def _wrapped(pen: ImageDraw.ImageDraw, text: str, size: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if pen.textlength(longer, font=_font(size)) <= WIDTH - 2 * _MARGIN or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
