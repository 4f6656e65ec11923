"""Bad input for every door of the package, from bytes: for Hypothesis and for a coverage-guided fuzzer alike.

`DOORS` maps the name of a door to a function that reads its case out of a `Source`, goes through it, and raises
AssertionError for whatever a reader should never meet: a traceback, a number that is none, a refusal that does not say
which field, text of the reader's that became markup.
"""

import csv
import io
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from html.parser import HTMLParser
from math import inf, isnan, nan, nextafter
from pathlib import Path
from time import thread_time
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from calculator import catalog, engine, evaluation, links, presets
from calculator.__main__ import main
from calculator.catalogs import read_config
from calculator.faces import batch, browser, report, view
from calculator.fields import Ask, Field, Flag, Number, Paste, Pick, fields_of, outputs_of
from calculator.llm import parameters
from calculator.units import UNITS, parse

LONGEST_SECONDS = 20.0
"""Of this thread: what takes longer hangs. Speed is the benchmarks' business: a busy machine doubles even this time."""

MARKUP = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "' onmouseover='alert(1)",
    "</textarea></details><iframe src=//x>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "javascript:alert(1)",
    "]]><!--",
    "{{ 7*7 }}${7*7}",
    "[x](javascript:alert(1)) ![x](//x)",
    "| a | b |\n|---|---|\n# head",
    "`</code>`",
    "&lt;script&gt;&#60;b&#62;",
)
"""HTML, SVG and Markdown that must come out as text."""

FORMULAS = ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("//x")', '"a\n=1"', "a,b;c")
"""What a spreadsheet would run."""

TOML = ('"\n[situation]\nx = 1', '"""', "x = 1\nx = 2", "[[situation]]", "= ", "\\u0000", "1979-05-27T07:32:00Z", "# ")

NUMBERS = (
    "0", "-0", "+1", "1.", ".5", "1e3", "1e308", "1e309", "-1e309", "1e-400", "9" * 150, "0x10", "1_000", "1,000",
    "1,00", "1.000,5", "12 000", "1 000 000", "1e", "e5", "--1", "1e5e5", "1e+5", "1e99999999", "nan", "inf",
    "-Infinity", "NaN", "½", "٣", "۱۲", "１２", "−5", "‒5", "5‰", "5%", "1 %", "101%", "200", "$5", "5$", "€5", "1k",
    "1.5M", "2 bn", "3 GB", "3 GiB", "10 km", "1 to 2", "2 to 1", "1 to", "to 2", "1–2", "1..2", "1 - 2", "1 to 2 to 3",
    "1e3 to 1e400", "5 % to 50 %", "80k to 90k", "3 weeks", "1 month", "?", "unknown", "", " ", "\u200b5", "5\u200e",
)  # fmt: skip
"""Numbers as people and machines write them, and what only looks like one."""

ODD_TEXT = (
    "\x00", "a\x00b", "\u202eabc", "\u2066x\u2069", "\ufeff", "\ud800", "\U0001f600", "e\u0301", "ﬃ", "İ", "ß",
    "\x1b[31m", "\x7f", "\u2028", "a" * 5000, "1" * 4000, "(" * 500, "[" * 3000, '{"a":' * 2000, "\\" * 50,
    "%00", "%ff%fe", "a=b&c=d", "../../../etc/passwd", "__class__", "__proto__", "constructor", "None", "null", "true",
    "DECISION", "compute",
)  # fmt: skip

CORPUS = (*MARKUP, *FORMULAS, *TOML, *NUMBERS, *ODD_TEXT)

_ELEMENTS = """a abbr article b br button caption circle code dd defs desc details div dl dt em figcaption figure form g
    h2 h3 h4 input label li line meter ol optgroup option output p path polyline polygon pre q rect section select small
    span strong sub summary sup svg table tbody td text textarea th thead time title tr tspan ul wbr"""
ALLOWED_TAGS = frozenset(_ELEMENTS.split())
"""The elements that `view` makes: any other came from a reader."""

VOID = frozenset(("br", "input", "wbr"))


class Source:
    """A case's choices, read from bytes; zeros when they are used up."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def byte(self) -> int:
        """The next byte."""
        self.at += 1
        return self.data[self.at - 1] if self.at <= len(self.data) else 0

    def below(self, count: int) -> int:
        """A whole number from 0 to count - 1."""
        return (self.byte() if count <= 256 else (self.byte() << 8) + self.byte()) % count

    def chance(self, part: float) -> bool:
        """True in so many of 256 cases, and not when the bytes are used up."""
        return self.byte() >= 256 * (1 - part)

    def pick(self, choices: Sequence[Any]) -> Any:
        """One of them."""
        return choices[self.below(len(choices))]

    def share(self) -> float:
        """A number from 0 to 1."""
        return ((self.byte() << 8) + self.byte()) / 65535

    def raw(self, longest: int = 40) -> str:
        """Characters, some of them beyond ASCII."""
        found = []
        for _ in range(self.below(longest)):
            first = self.byte()
            found.append(chr(first) if first < 160 else chr((first - 159) * 331 + self.byte()))
        return "".join(found)

    def text(self) -> str:
        """One of the corpus, a mixture, or characters as they come."""
        kind = self.below(4)
        if kind == 0:
            return self.raw()
        if kind == 1:
            return str(self.pick(CORPUS)) + str(self.pick(CORPUS))
        return str(self.pick(CORPUS))


def number_for(spec: Number, source: Source, *, right: bool = False) -> Any:
    """A number for a field: within its bounds, at one, beyond one, or none at all."""
    low, high = spec.low, spec.high
    kind = source.below(7 if right else 10)
    if kind < 5:
        share = source.share()
        value = low * (high / low) ** share if low > 0 and high / low > 100 else low + (high - low) * share
        value = min(max(value, low), high)
        return float(round(value)) if spec.whole else value
    if kind < 7:
        return source.pick((low, high))
    beyond = (nextafter(low, -inf), nextafter(high, inf), low - 1, high + 1, -high, high * 1e9)
    if kind < 9:
        return source.pick(beyond)
    return source.pick((nan, inf, -inf, 10**400, -(10**400), 1e308, 5e-324, -0.0, 0))


def value_for(spec: Field, source: Source, *, right: bool = False) -> Any:
    """Something given for a field, as a form, a link or a file would hold it; with `right`, mostly what is allowed."""
    kind = source.below(16)
    if kind == 15 and not right:
        return source.text()
    if kind == 14 and not right:
        return source.pick(
            (None, True, False, [], {}, [1, 2], [2, 1], [nan, 1], [1, 10**400], ["1", "2"], {"a": 1}, [[1]], b"5", ())
        )
    if isinstance(spec, Pick):
        return source.pick(spec.options)[0]
    if isinstance(spec, Flag):
        return source.pick((True, False, "yes", "no", "on", "off", "1", "0"))
    if isinstance(spec, Paste):
        return config_text(source)
    value = number_for(spec, source, right=right)
    if kind < 6:
        return value
    if kind in (6, 7):
        other = number_for(spec, source, right=right)
        if right and other != value:
            value, other = sorted((value, other))
        return [value, other] if kind == 6 else f"{value!r} to {other!r}"
    if kind == 8 and not right:
        words = [*spec.unit.accepted, "k", "m", "bn", "%"]
        return f"{value}{source.pick(('', ' '))}{source.pick(words)}"
    if kind == 9 and isinstance(spec, Ask) and spec.optional:
        return source.pick(("", None, "unknown", "?"))
    return repr(value)


def fields_for(name: str, source: Source) -> dict[str, Any]:
    """Some fields of a decision, and at times one that is none."""
    specs = fields_of(catalog.decision(name).Inputs)
    part, right = source.pick((0.05, 0.2, 0.6, 1.0)), source.chance(0.6)
    given = {field: value_for(spec, source, right=right) for field, spec in specs.items() if source.chance(part)}
    if source.chance(0.06):
        given[source.pick((source.text(), "v", "preset", "id", source.pick(sorted(catalog.known_fields()))))] = "1"
    return given


_CONFIG_KEYS = (
    "model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
    "intermediate_size", "vocab_size", "max_position_embeddings", "tie_word_embeddings", "num_local_experts",
    "num_experts_per_tok", "moe_intermediate_size", "sliding_window", "layer_types", "use_sliding_window",
    "attention_bias", "text_config", "kv_lora_rank", "q_lora_rank", "v_head_dim", "qk_nope_head_dim",
    "first_k_dense_replace", "decoder_sparse_step", "mlp_only_layers", "_name_or_path", "mamba_n_heads", "mamba_d_ssm",
    "per_layer_config", "hybrid_override_pattern", "layers_block_type", "num_kv_shared_layers", "mlp_layer_types",
    "block_ffn_dim_multiplier", "full_attn_idxs", "attn_layer_indices", "n_shared_experts", "moe_layer_interval",
    "full_attention_interval", "index_topk_freq", "index_skip_topk_offset", "sliding_window_pattern",
    "moe_layer_start_index", "moe_layer_end_index", "indexer_types", "max_window_layers", "interleave_moe_layer_step",
)  # fmt: skip


@cache
def _model_types() -> tuple[str, ...]:
    from calculator.catalogs.config import model_types

    return model_types()


def config_for(source: Source, depth: int = 0) -> dict[str, Any]:
    """Something like a config.json."""
    config: dict[str, Any] = {
        "model_type": source.pick(_model_types()),
        "hidden_size": source.pick((512, 768, 1024, 4096)),
        "num_hidden_layers": source.pick((1, 2, 4, 6, 12, 32)),
        "num_attention_heads": source.pick((1, 2, 4, 8, 16)),
        "vocab_size": source.pick((1, 1000, 32000)),
    }
    if source.chance(0.7):
        config["num_key_value_heads"] = config["num_attention_heads"]
    for _ in range(source.below(6)):
        config[source.pick(_CONFIG_KEYS)] = _config_value(source, depth)
    for _ in range(source.below(3)):
        config.pop(source.pick(_CONFIG_KEYS), None)
    return config


def _config_value(source: Source, depth: int) -> Any:
    kind = source.below(9)
    if kind < 3:
        return source.below(70)
    if kind == 3:
        return source.pick(
            (0, -1, 1, 1 << 16, 1 << 24, 10**30, 10**400, 1.5, 2.0, 1e308, True, False, None, "", "auto")
        )
    if kind == 4:
        return [source.below(40) for _ in range(source.below(40))]
    if kind == 5:
        words = ("full_attention", "sliding_attention", "linear_attention", "dense", "sparse", "full", "mamba", 3, None)
        return [source.pick(words)] * source.pick((0, 1, 2, 4, 6, 12, 32)) + [source.pick(words)] * source.below(3)
    if kind == 6 and depth < 3:
        return config_for(source, depth + 1)
    if kind == 7:
        return "".join(source.pick("ME*-x") for _ in range(source.below(40)))
    return source.text()


def config_text(source: Source) -> str:
    """A config.json, at times damaged."""
    if source.chance(0.04):
        return source.text()
    text = json.dumps(config_for(source))
    if source.chance(0.15):
        at = source.below(max(1, len(text)))
        text = text[:at] + source.text()[:60] + text[at + source.below(8) :]
    return text


class Tags(HTMLParser):
    """Holds HTML to what `view` makes: known elements, closed in order, no handler, no address that runs."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A known element with harmless attributes."""
        assert tag in ALLOWED_TAGS, f"<{tag}> {attrs}"
        for name, value in attrs:
            assert not name.startswith("on"), f"<{tag}> {attrs}"
            assert name != "style", f"<{tag}> {attrs}"
            if name in ("href", "src", "action", "formaction"):
                assert (value or "").startswith(("https://", "http://", "../", "#", "?", "/")), f"<{tag}> {attrs}"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An empty element of a drawing."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        """The last element that was opened."""
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> in {self.open}"

    def handle_comment(self, data: str) -> None:
        """There are none."""
        raise AssertionError(f"a comment: {data[:60]!r}")

    def handle_decl(self, decl: str) -> None:
        """There are none."""
        raise AssertionError(f"a declaration: {decl[:60]!r}")

    def unknown_decl(self, data: str) -> None:
        """There are none."""
        raise AssertionError(f"a declaration: {data[:60]!r}")

    def handle_pi(self, data: str) -> None:
        """There are none."""
        raise AssertionError(f"an instruction: {data[:60]!r}")


def check_html(text: str) -> None:
    """Nothing of a reader's became markup, and every element is closed."""
    tags = Tags()
    tags.feed(text)
    tags.close()
    assert not tags.open, tags.open


def check_markdown(text: str) -> None:
    """No raw HTML, and each row of a table has the cells of its head."""
    cells = 0
    for line in text.splitlines():
        bare = line.replace("\\\\", "").replace("\\<", "").replace("\\>", "").replace("\\|", "").replace("\\[", "")
        assert "<" not in bare, line
        assert "](" not in bare, line
        if not line.startswith("|"):
            cells = 0
            continue
        found = bare.count("|")
        assert cells in (0, found), line
        cells = found


def check_json(text: str) -> Any:
    """JSON with no number that is none, and characters that UTF-8 can hold."""
    text.encode("utf-8")

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} in JSON")

    return json.loads(text, parse_constant=refuse)


LEFT_OPEN = frozenset(
    field
    for name in catalog.names()
    for field, spec in fields_of(catalog.decision(name).Inputs).items()
    if isinstance(spec, Ask) and spec.optional
)
"""What a pick from a catalogue may leave open, and then has to be given: the price of a device that nobody rents."""


def check_problems(problems: Sequence[Mapping[str, str]], given: Mapping[str, Any]) -> None:
    """Each names a field that was given, says something, and keeps what was typed short."""
    assert problems
    for problem in problems:
        named = problem["field"]
        names = ("".join(c if c.isprintable() else " " for c in str(field)) for field in given)
        known = named in ("input", "request") or named in LEFT_OPEN
        assert known or any(named == name[: len(named)] for name in names), problem
        assert problem["message"].strip(), problem
        assert len(problem["message"]) < 5000, problem
        assert len(problem["given"]) <= 60, problem


def check_report(built: engine.Report) -> None:
    """No number that is none; an answer of the decision; reasons; JSON, HTML and Markdown that are whole."""
    for name in outputs_of(built.decision.Outputs):
        assert not isnan(getattr(built.outputs, name)), name
    assert str(built.verdict.answer)
    assert built.verdict.headline
    assert built.verdict.reasons
    check_json(report.as_json(built))
    check_html(view.render_report(built))
    check_markdown(report.as_markdown(built))


def decision(source: Source, name: str = "") -> None:
    """Any fields into any decision: a report or problems."""
    name = name or source.pick(catalog.names())
    given = fields_for(name, source)
    found = engine.read(catalog.decision(name), given)
    if found.problems:
        assert found.inputs is None
        check_problems([vars(problem) for problem in found.problems], given)
        for problem in found.problems:
            assert problem.field in str(problem)
        return
    built = engine.evaluate_point(name, catalog.decision(name), found)
    assert engine.choose(built.decision, found.inputs, built.outputs) == built.verdict.answer
    again = engine.read(catalog.decision(name), found.given)
    assert not again.problems, again.problems
    if source.chance(0.04):
        built = engine.add_spread(built, 8)
        for spread in (built.spread or {}).values():
            assert not isnan(spread.low + spread.middle + spread.high) or {spread.low, spread.high} == {-inf, inf}
    if source.chance(0.25):
        check_report(built)
    else:
        check_json(report.as_json(built))


def whole_report(source: Source) -> None:
    """Draws, flips and sensitivity too."""
    name = source.pick(catalog.names())
    found = engine.read(catalog.decision(name), fields_for(name, source))
    if not found.problems:
        built = engine.add_flips(engine.add_spread(engine.evaluate_point(name, catalog.decision(name), found), 4))
        check_report(built)


def request(source: Source) -> None:
    """What a page sends to its worker, at times damaged."""
    name = source.pick(catalog.names())
    fields = tuple(fields_of(catalog.decision(name).Inputs))
    asked: dict[str, Any] = {
        "decision": name,
        "given": fields_for(name, source),
        "stage": source.pick((0, 0, 0, 1)),
        "form": source.pick(("", "html", "json", "markdown")),
        "want": source.pick(("", "", "", "report", "sweep", "map", "compare")),
        "field": source.pick(fields),
        "up": source.pick(fields),
        "v": source.pick(("", "2026.11.22", "2025.01.01")),
    }
    if asked["want"] == "compare":
        asked["other"] = fields_for(name, source)
    for _ in range(source.below(3) if source.chance(0.4) else 0):
        odd = (source.pick(CORPUS), source.pick(CORPUS), 2, 3, -1, True, None, [], {}, 1e308, "", "faq-bot")
        asked[source.pick((*asked, "preset", "site", "other_preset"))] = source.pick(odd)
    try:
        text = json.dumps(asked)
    except TypeError:
        text = json.dumps(asked, default=repr)
    if source.chance(0.1):
        at = source.below(max(1, len(text)))
        text = text[:at] + source.text() + text[at + source.below(4) :]
    check_answer(browser.answer(text))


def check_answer(text: str) -> None:
    """A response is whole JSON; what it holds is whole HTML or Markdown."""
    response = check_json(text)
    if response["problems"]:
        for problem in response["problems"]:
            assert problem["field"], problem
            assert problem["message"], problem
        assert "sections" not in response
        return
    for html in (response.get("sections") or {}).values():
        check_html(html)
    check_html(response.get("html", ""))
    check_markdown(response.get("markdown", ""))
    if "json" in response:
        check_json(response["json"])


def link(source: Source) -> None:
    """A link's query, as a page reads it."""
    name = source.pick(catalog.names())
    pairs = [(str(field), "" if value is None else str(value)) for field, value in fields_for(name, source).items()]
    pairs += [(source.pick(("v", "preset", source.text())), source.text()) for _ in range(source.below(3))]
    query = urlencode(pairs, quote_via=quote, errors="replace")
    if source.chance(0.3):
        at = source.below(max(1, len(query)))
        query = query[:at] + source.text()[:80] + query[at:]
    given = dict(parse_qsl(query, keep_blank_values=True, errors="replace"))
    links.current_names(given)
    links.changed_since(given.get("v", ""))
    asked = {"decision": name, "given": given, "v": given.pop("v", ""), "preset": given.pop("preset", "")}
    check_answer(browser.answer(json.dumps(asked)))


def config(source: Source) -> None:
    """A pasted config.json: an architecture with counts, or a refusal that names the file."""
    text = config_text(source)
    try:
        found = read_config(text, source.pick(("", "name")))
    except ValueError as error:
        refusal = str(error)
        assert refusal.startswith("config.json: "), refusal
        assert len(refusal) < 3000
        return
    assert found.source
    total, active = parameters.total(found), parameters.active(found)
    assert isinstance(total, int)
    assert 0 < active <= total, (active, total)


def file(source: Source) -> None:
    """A TOML or JSON file through the command line: exit code 0 or 2, and a line that names what is wrong."""
    name = source.pick(catalog.names())
    given = fields_for(name, source)
    if source.chance(0.5):
        text = json.dumps(given, default=repr)
    else:
        lines = [f"{field} = {_toml(value)}" for field, value in given.items()]
        text = "\n".join((["[situation]"] if source.chance(0.5) else []) + lines)
    if source.chance(0.2):
        at = source.below(max(1, len(text)))
        text = text[:at] + source.text()[:80] + text[at + source.below(4) :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "situation")
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        command = source.pick(("run", "report"))
        rest = [name, "--input", str(path)] if command == "run" else [str(path), "--decision", name]
        code, out, err = command_line([command, *rest, *source.pick(((), ("--json",)))])
    assert code in (0, 2), (code, err)
    assert "Traceback" not in err
    if code == 2:
        assert err.strip()
        assert all(":" in line for line in err.splitlines() if line.strip()), err
        return
    assert "nan" not in out.casefold().split(), out


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple) and all(isinstance(x, int | float) for x in value):
        return "[" + ", ".join(map(str, value)) + "]"
    return json.dumps(str(value))


def command_line(arguments: Sequence[str]) -> tuple[int, str, str]:
    """Exit code, output and errors of one command, run here."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = int(ended.code or 0)
        out.flush()
    return code, out.buffer.getvalue().decode("utf-8"), err.getvalue()  # type: ignore[attr-defined]


@cache
def _published(what: str) -> tuple[Mapping[str, str], ...]:
    if what == "cases":
        return ({"case_id": "C1", "task_type": "classification", "n_train_examples": "100", "options": "prompted"},)
    return evaluation.published(what)


def prediction(source: Source, what: str = "") -> None:
    """A file of measurements with damaged cells: a line for each row, a reason where there is no number."""
    what = what or source.pick(evaluation.WHAT)
    rows = []
    for _ in range(1 + source.below(3)):
        row = dict(source.pick(_published(what)))
        for _ in range(source.below(6)):
            row[source.pick(sorted(row))] = source.pick((source.text(), "", "0", "-1", "1e400", "999999999", "1.5"))
        rows.append(row)
    out = io.StringIO()
    writer = csv.DictWriter(out, sorted({column for row in rows for column in row}))
    writer.writeheader()
    writer.writerows(rows)
    data = out.getvalue().encode("utf-8", "surrogatepass")
    if source.chance(0.15):
        at = source.below(max(1, len(data)))
        data = data[:at] + source.text().encode("utf-8", "surrogatepass") + data[at + source.below(9) :]
    if source.chance(0.03):
        data = bytes(source.byte() for _ in range(source.below(60)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.csv")
        path.write_bytes(data)
        code, text, err = command_line(["predict", what, str(path)])
    assert code in (0, 2), err
    if code == 2:
        assert err.strip()
        return
    for row in csv.DictReader(io.StringIO(text)):
        _, *cells = row.values()
        assert not {(cell or "").casefold() for cell in cells} & {"nan", "inf", "-inf"}, row
        if what != "cases":
            _, *numbers = (cell for column, cell in row.items() if column != "reason")
            assert row["reason"] or any(numbers), row


def quantity(source: Source) -> None:
    """A number with its unit: a finite float or a ValueError."""
    unit = source.pick(UNITS)
    text = source.text() if source.chance(0.7) else f"{source.pick(NUMBERS)}{source.pick(('', ' '))}{source.text()}"
    try:
        value = parse(text[:200], unit)
    except ValueError as error:
        refusal = str(error)
        assert refusal
        return
    assert abs(value) < inf, (text, value)
    assert unit.show(value)
    parse(unit.write(value), unit)


def table(source: Source) -> None:
    """A row of a batch: cells that no spreadsheet runs, a problem or an answer."""
    name = source.pick(catalog.names())
    row = {str(field): str(value) for field, value in fields_for(name, source).items()}
    row["id"] = source.text()
    if source.chance(0.2):
        row["preset"] = source.pick((*presets.NAMES, source.text()))
    (cells,) = batch.evaluate_rows(name, source.pick((0, 0, 0, 2)), [row])
    assert len(cells) == len(batch.columns(name)) - 1
    assert bool(cells[1]) != bool(cells[-1]), cells
    assert "nan" not in map(str.casefold, cells[2:-1]), cells
    assert not any("\n" in cell for cell in cells), cells
    for cell in (cells[0], cells[1], cells[-1]):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cells


DOORS: Mapping[str, Callable[[Source], None]] = {
    "decision": decision,
    "whole_report": whole_report,
    "request": request,
    "link": link,
    "config": config,
    "file": file,
    "prediction": prediction,
    "quantity": quantity,
    "table": table,
}


def through(door: str, data: bytes) -> None:
    """Go through a door with a case; AssertionError when it hangs."""
    began = thread_time()
    DOORS[door](Source(data))
    seconds = thread_time() - began
    assert seconds <= LONGEST_SECONDS, f"{door} took {seconds:.2f} s"
