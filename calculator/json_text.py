"""JSON that a reader pasted or loaded."""

import json
import re
from typing import Any

DEEPEST = 100
"""Levels. A model's config.json has some five, a situation two."""

_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"?|([\[{])|[\]}]', re.DOTALL)


def read_json(text: str) -> Any:
    """What a JSON text holds. ValueError when it is none, RecursionError when it is nested too deeply.

    Depth is looked at first: in a browser the stack ends before Python's own limit does, and Python with it.
    """
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        if found[0][0] != '"':
            depth += 1 if found[1] else -1
        if depth > DEEPEST:
            raise RecursionError
    return json.loads(text)
