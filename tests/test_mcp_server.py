"""The decisions as tools of an agent, over a real session: a process, its standard streams, the official client."""

import asyncio
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from calculator import MODEL_VERSION, api, catalog, presets
from calculator.faces.report import as_json
from calculator.fields import fields_of

pytestmark = pytest.mark.skipif(find_spec("mcp") is None, reason="the extra mcp is not installed")

FIXTURES = Path(__file__).parent / "examine"


@pytest.fixture(scope="module")
def said():
    """What one session said: tools, resources, answers and refusals."""
    # A second for each process that collects tests, if it stood above.
    from mcp import Client, StdioServerParameters

    server = StdioServerParameters(command=sys.executable, args=["-m", "calculator", "mcp"])
    asked = {
        "decide": ("decide", {"situation": {"labelled_examples": "5k", "gpus": 2}, "preset": "faq-bot"}),
        "run": ("run", {"decision": "limited_compute", "fields": {"gpus": 2, "runs_count": [4, 8]}}),
        "defaults": ("run", {"decision": "real_time_updates"}),
        "sources": ("sources", {"decision": "limited_compute"}),
        "decisions": ("decisions", {}),
        "examine": ("examine", {"file": str(FIXTURES / "results.csv")}),
        "no such file": ("examine", {"file": "nothing.jsonl"}),
        "no such field": ("decide", {"situation": {"labelled_example": 1}}),
        "out of bounds": ("run", {"decision": "limited_compute", "fields": {"gpus": -1}}),
        "no such decision": ("run", {"decision": "nothing"}),
        "no such preset": ("decide", {"situation": {}, "preset": "nothing"}),
        "a preset that is none": ("decide", {"situation": {"preset": 5}}),
        "no such source": ("sources", {"decision": "nothing"}),
    }

    async def session():
        async with Client(server) as client:
            found = {
                "tools": (await client.list_tools()).tools,
                "resources": (await client.list_resources()).resources,
                "info": client.server_info,
            }
            for name in catalog.names():
                contents = (await client.read_resource(f"calculator://schema/{name}")).contents
                found[f"schema {name}"] = json.loads(contents[0].text)
            for what, (tool, arguments) in asked.items():
                found[what] = await client.call_tool(tool, arguments)
            return found

    return asyncio.run(asyncio.wait_for(session(), 60))


def test_the_server_says_its_tools_and_its_version(said):
    assert [tool.name for tool in said["tools"]] == ["decide", "run", "sources", "decisions", "examine"]
    assert all(tool.description and tool.input_schema["type"] == "object" for tool in said["tools"])
    assert said["info"].version == MODEL_VERSION


def test_each_decision_has_its_schema_as_a_resource(said):
    assert {resource.uri for resource in said["resources"]} == {f"calculator://schema/{n}" for n in catalog.names()}
    for name in catalog.names():
        assert set(said[f"schema {name}"]["properties"]) == set(fields_of(catalog.decision(name).Inputs))


def test_a_tool_gives_the_report_of_the_command_line(said):
    expected = api.run("limited_compute", gpus=2, runs_count=[4, 8])
    assert said["run"].structured_content == json.loads(as_json(expected))
    expected = api.decide(preset="faq-bot", labelled_examples="5k", gpus=2)
    assert said["decide"].structured_content == json.loads(as_json(expected))
    assert said["defaults"].structured_content == json.loads(as_json(api.run("real_time_updates")))


def test_a_file_is_examined_as_in_python_and_no_example_of_it_is_given_back(said):
    found, = api.examine(FIXTURES / "results.csv")
    assert said["examine"].structured_content["numbers"] == json.loads(json.dumps(found["numbers"]))
    keys = {part["key"] for part in said["examine"].structured_content["sections"]}
    assert keys == {part["key"] for part in found["sections"]} - {"examples", "prefix"}
    assert said["no such file"].is_error


def test_sources_and_names_are_listed(said):
    found = said["sources"].structured_content["result"]
    assert [one["key"] for one in found] == [entry.key for entry in api.sources("limited_compute")]
    listed = said["decisions"].structured_content
    assert listed["decisions"] == api.decisions()
    assert list(listed["presets"]) == list(presets.NAMES)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("no such field", "labelled_example: no such field; did you mean labelled_examples?"),
        ("out of bounds", "gpus: "),
        ("no such decision", "decision must be one of"),
        ("no such preset", "preset must be one of"),
        ("a preset that is none", "preset: must be one of"),
        ("no such source", "decision must be one of"),
    ],
)
def test_a_refusal_names_the_field(said, what, words):
    assert said[what].is_error
    assert words in said[what].content[0].text


def test_half_a_character_gets_a_reply_as_any_text_does():
    client = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    half, whole, none = r"\ud83d", r"\ud83d\ude00", r"\\ud83d"
    call = {"name": "run", "arguments": {"decision": "TEXT"}}
    asked = [
        {"id": 1, "method": "initialize", "params": client},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": call},
        {"id": 3, "method": "ping"},
    ]
    lines = "".join(json.dumps({"jsonrpc": "2.0", **one}) + "\n" for one in asked)
    lines = lines.replace("TEXT", f"{half} {half}{whole} {none}")
    command = [sys.executable, "-m", "calculator", "mcp"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        process.stdin.write(lines.encode())
        process.stdin.flush()
        replies = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.stdin.close()
        assert process.wait(60) == 0
    found = {reply["id"]: reply["result"] for reply in replies}
    assert set(found) == {1, 2, 3}
    assert "given: '\ufffd \ufffd\U0001f600 \\\\ud83d'" in found[2]["content"][0]["text"]
