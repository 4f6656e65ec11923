"""The decisions as tools of the Model Context Protocol, over standard input and output: `calculator mcp`.

Tools: `decide` (the overall decision), `run` (one decision), `sources` (the numbers about the world behind one),
`decisions` (their names), `examine` (a file of the reader's own).
Resources: the JSON Schema of each decision's fields. Nothing is fetched and nothing is kept. Needs the extra `mcp`.
"""

import json
import re
import sys
from collections.abc import Callable
from functools import partial
from io import BufferedIOBase, TextIOWrapper
from typing import Any, BinaryIO

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from calculator import MODEL_VERSION, api, catalog, presets
from calculator.engine import Report
from calculator.faces import schema
from calculator.faces.report import as_data
from calculator.facts import assumptions

INSTRUCTIONS = """\
Settle whether to fine-tune a language model, and what to do instead, with numbers. Call `decide` with what is known of
the situation; leave out what is not known, and the usual value stands in. Read `holds`, the share of draws over the
uncertain assumptions that give the same answer: under 0.7 it is too close to call, and `next_step` names the cheapest
experiment. `flips` lists the nearest change of each field that changes the answer. Ask the user for the fields there
first. `run` works out one question, such as `limited_compute`; the resource `calculator://schema/NAME` lists its fields
with bounds and units. A number may be given as text with its unit: "80k", "24 GB", "85%", "200 to 800". `examine` reads
the user's own data set, test results or log, and gives `fields` for both."""

_ESCAPES = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)")
"""What a backslash begins in JSON: two halves of a character, in the group half a character alone, or anything else."""

Fields = dict[str, str | float | bool | list[float] | None]


def decide(situation: Fields, preset: str = "") -> dict[str, Any]:
    """Should this situation fine-tune a language model, and if not, what instead?

    situation: fields of any decision by name, such as {"task": "classification", "labelled_examples": "5k"}.
    preset: a typical situation that the fields given stand over; one of those that `decisions` lists, or empty.
    Gives the report: answer, headline, reasons, next_step, holds, runner_up, outputs with spread, flips, sensitivity.
    """
    return _report(api.decide, situation, preset)


def run(decision: str, fields: Fields | None = None, preset: str = "") -> dict[str, Any]:
    """One decision for some fields: the same report as `decide` gives, for a single question.

    decision: one of those that `decisions` lists. fields: by name; those left out have their usual value.
    """
    return _report(partial(api.run, decision), fields or {}, preset)


def sources(decision: str = "") -> list[dict[str, Any]]:
    """The sourced numbers that a decision draws on, or all of them: value, range, source, quote, address, dates."""
    try:
        return [assumptions.as_data(entry) for entry in api.sources(decision)]
    except ValueError as error:
        raise ToolError(str(error)) from None


def decisions() -> dict[str, dict[str, str]]:
    """The names of all decisions with their questions, and of all presets with what they stand for."""
    return {"decisions": api.decisions(), "presets": {found.name: found.title for found in presets.presets()}}


def examine(file: str, against: str = "", sequence_tokens: int = 2048) -> dict[str, Any]:
    """What a file on this machine holds: a data set, test results by item, or the log of a run, found out by itself.

    file: its path. against: the path of a test file, to see how much of it stands in the data set. sequence_tokens:
    the longest that training takes. Gives numbers, warnings by line, and fields: pass those on to `decide` and `run`.
    Tokens are estimated. No example of the file is given back, only counts, names of classes and of variants.
    """
    try:
        found = api.examine(file, against=against, sequence_tokens=sequence_tokens)[0]
    except (ValueError, OSError) as error:
        raise ToolError(str(error)) from None
    found["sections"] = [part for part in found["sections"] if part["key"] not in ("examples", "prefix")]
    return found


def _report(evaluate: Callable[..., Report], fields: Fields, preset: str) -> dict[str, Any]:
    given: dict[str, Any] = {"preset": preset, **fields}
    if not isinstance(given["preset"], str):
        raise ToolError(f"preset: must be one of: {', '.join(presets.NAMES)}; given: {given['preset']!r:.60}")
    try:
        return as_data(evaluate(**given))
    except ValueError as error:
        raise ToolError(str(error)) from None


def server() -> MCPServer[Any]:
    """The server with its tools and resources."""
    made: MCPServer[Any] = MCPServer("fine-tune-or-not", instructions=INSTRUCTIONS, version=MODEL_VERSION)
    for tool in (decide, run, sources, decisions, examine):
        made.tool()(tool)
    for name in catalog.names():
        resource = made.resource(
            f"calculator://schema/{name}",
            name=name,
            description=f"JSON Schema of the fields: {catalog.decision(name).question}",
            mime_type="application/schema+json",
        )
        resource(partial(_schema, name))
    return made


def _schema(name: str) -> str:
    return json.dumps(schema.input_schema(name, catalog.decision(name)), ensure_ascii=False)


class _WholeCharacters(BufferedIOBase):
    """Lines of a stream without halves of characters: the protocol's own reader drops such a line without a reply."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self.stream = stream

    def readable(self) -> bool:
        """It can only be read."""
        return True

    def read1(self, size: int = -1, /) -> bytes:
        """The next line whole, however long; empty at the end."""
        return _ESCAPES.sub(lambda found: rb"\ufffd" if found[1] else found[0], self.stream.readline())


def serve() -> None:
    """Serve over standard input and output until the other side closes them."""
    sys.stdin = TextIOWrapper(_WholeCharacters(sys.stdin.buffer))
    server().run("stdio")
