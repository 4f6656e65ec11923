"""The theme's styles without what no page of the site uses: a reader downloads them before touching anything.

A rule is left out when no element of the site's pages has one of its classes, and no script names it: it can match
nothing. So is one for another way of writing or another colour than the pages ask for, and a variable that nothing asks
for. Ours keep every rule: some of their classes only a live answer has.
"""

import re
from collections.abc import Iterable, Iterator

_WORD = re.compile(r"[\w-]+")
_CLASSES = re.compile(r'\bclass="([^"]*)"')
_COLOUR = re.compile(r'data-md-color-[\w-]+="([\w-]*)"')
_COLOURED = re.compile(r"\[data-md-color-\w+=([\w-]+)\]")
_RIGHT_TO_LEFT = "[dir=rtl]"
_SWITCHED_OFF = re.compile(
    r"md-(?:annotation|author|banner|consent|feedback|pagination|post|select|source|status|tag|tooltip2?|version)"
    r"(?![a-z0-9])|(?:arithmatex|critic|giscus|mermaid|tabbed|task-list)(?![a-z0-9])"
)
"""What the theme's script can build and this site asks it for nowhere: its names in that script are no use of them."""

_CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_QUOTED = re.compile(r"('[^']*'|\"[^\"]*\")")
_OPTIONAL = re.compile(r":(?:not|is|where|has)\((?:[^()]|\([^()]*\))*\)|\[[^]]*\]")
"""Parts of a selector in which a class need not be there for it to match."""

_VARIABLE = re.compile(
    r"(?<=[{;])(?P<name>--[\w-]+):(?:\"[^\"]*\"|'[^']*'|url\((?:\"[^\"]*\"|'[^']*'|[^)\"'])*\)|[^;{}()\"']"
    r"|\((?:[^()]|\([^()]*\))*\))*;?"
)
_ASKED = re.compile(r"var\((--[\w-]+)")
_GROUPS = ("@media", "@supports", "@container")


def words(pages: Iterable[str], scripts: Iterable[str]) -> frozenset[str]:
    """Every class that an element of the pages has or that a script may give one; the colours that pages ask for."""
    found: set[str] = set()
    for text in pages:
        for names in _CLASSES.findall(text):
            found.update(names.split())
        found.update(_COLOUR.findall(text))
    named = {word for text in scripts for word in _WORD.findall(text)}
    return frozenset(found | {word for word in named if not _SWITCHED_OFF.match(word)})


def asked(styles: Iterable[str], scripts: Iterable[str] = ()) -> frozenset[str]:
    """The variables that a stylesheet asks for, where another one may set them, and those that a script names."""
    found = {name for text in styles for name in _ASKED.findall(text)}
    named = {word for text in scripts for word in _WORD.findall(text) if word.startswith("--")}
    return frozenset(found | {word for word in named if not _SWITCHED_OFF.match(word.removeprefix("--"))})


def style(text: str, used: frozenset[str]) -> str:
    """A stylesheet without the rules that match nothing, by the classes and colours used."""
    return "".join(_rules(_COMMENT.sub("", text), used))


def variables(text: str, wanted: frozenset[str]) -> str:
    """A stylesheet without the variables that are not wanted."""
    return _VARIABLE.sub(lambda found: found[0] if found["name"] in wanted else "", text)


def thin(text: str) -> str:
    """A style sheet without its comments and the space that means nothing; what stands in quotes stays as it is."""
    return "".join(
        part if part[:1] in ("'", '"') else re.sub(r"\s*([{};])\s*", r"\1", re.sub(r"\s+", " ", part))
        for part in _QUOTED.split(_COMMENT.sub("", text))
    ).strip()


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
            if matching := [one for one in _selectors(head) if _can_match(one, used)]:
                yield f"{','.join(matching)}{{{body}}}"
        at = closing
    yield text[at:]


def _can_match(selector: str, used: frozenset[str]) -> bool:
    wanted = _CLASS.findall(_OPTIONAL.sub("", selector)) + _COLOURED.findall(selector)
    return used.issuperset(wanted) and _RIGHT_TO_LEFT not in selector


def _selectors(head: str) -> Iterator[str]:
    """The selectors of a list. A comma in brackets parts none."""
    depth, start = 0, 0
    for place, character in enumerate(head):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(character, 0)
        if character == "," and depth == 0:
            yield head[start:place]
            start = place + 1
    yield head[start:]
