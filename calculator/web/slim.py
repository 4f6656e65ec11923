"""The theme's styles without what no page of the site uses: a reader downloads them before touching anything.

A rule is left out when one of its classes is named nowhere in the site's pages and scripts: it can match nothing. A
variable is left out when nothing asks for it. Ours keep every rule: some of their classes only a live answer has.
"""

import re
from collections.abc import Iterable, Iterator

_WORD = re.compile(r"[\w-]+")
_CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_QUOTED = re.compile(r"('[^']*'|\"[^\"]*\")")
_OPTIONAL = re.compile(r":(?:not|is|where|has)\((?:[^()]|\([^()]*\))*\)|\[[^]]*\]")
"""Parts of a selector in which a class need not be there for it to match."""

_VARIABLE = re.compile(r"(?<=[{;])(?P<name>--[\w-]+):(?:url\([^)]*\)|[^;{}()]|\((?:[^()]|\([^()]*\))*\))*;?")
_ASKED = re.compile(r"var\((--[\w-]+)")
_GROUPS = ("@media", "@supports", "@container")


def words(texts: Iterable[str]) -> frozenset[str]:
    """Every word in pages and scripts that could name a class."""
    return frozenset(word for text in texts for word in _WORD.findall(text))


def asked(styles: Iterable[str]) -> frozenset[str]:
    """The variables that any of the site's stylesheets asks for: one may set what another one uses."""
    return frozenset(name for text in styles for name in _ASKED.findall(text))


def style(text: str, used: frozenset[str]) -> str:
    """A stylesheet without the rules whose classes are not among the words used, nor variables that are not."""
    kept = "".join(_rules(_COMMENT.sub("", text), used))
    return _VARIABLE.sub(lambda found: found[0] if found["name"] in used else "", kept)


def thin(text: str) -> str:
    """A style sheet without its comments and the space that means nothing; what stands in quotes stays as it is."""
    kept = []
    for part in _QUOTED.split(_COMMENT.sub("", text)):
        if part[:1] in ("'", '"'):
            kept.append(part)
        else:
            kept.append(re.sub(r"\s*([{};])\s*", r"\1", re.sub(r"\s+", " ", part)))
    return "".join(kept).strip()


def _rules(text: str, used: frozenset[str]) -> Iterator[str]:
    at = 0
    while (opening := text.find("{", at)) >= 0:
        closing, depth = opening + 1, 1
        while depth:
            depth += {"{": 1, "}": -1}.get(text[closing], 0)
            closing += 1
        before, semicolon, head = text[at:opening].rpartition(";")
        yield before + semicolon
        body = text[opening + 1 : closing - 1]
        if head.strip().startswith(_GROUPS):
            inside = "".join(_rules(body, used))
            if inside.strip():
                yield f"{head}{{{inside}}}"
        elif head.strip().startswith("@"):
            yield f"{head}{{{body}}}"
        else:
            matching = [one for one in _selectors(head) if used.issuperset(_CLASS.findall(_OPTIONAL.sub("", one)))]
            if matching:
                yield f"{','.join(matching)}{{{body}}}"
        at = closing
    yield text[at:]


def _selectors(head: str) -> Iterator[str]:
    """The selectors of a list. A comma in brackets parts none."""
    depth, start = 0, 0
    for place, character in enumerate(head):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(character, 0)
        if character == "," and depth == 0:
            yield head[start:place]
            start = place + 1
    yield head[start:]
