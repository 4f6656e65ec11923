"""The command line.

Exit code 0 for a verdict, 1 when an expectation fails, 2 for bad input, 3 for what could not be finished, 130 for what
was interrupted. What a program reads, be it JSON, CSV or Markdown, is UTF-8 whatever the locale.
"""

import argparse
import csv
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from datetime import date
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from io import StringIO, TextIOWrapper
from types import ModuleType
from typing import TypeVar

from calculator import MODEL_VERSION, catalog, engine, links, presets
from calculator.faces import brief, browser, completions, exchange, report, schema
from calculator.facts import assumptions
from calculator.fields import outputs_of
from calculator.verdict import AnyDecision

BAD_INPUT, STOPPED, INTERRUPTED = 2, 3, 130
UPDATES = ("prices", "models", "devices")
KINDS = ("data", "results", "run")
SCORED = {
    "before": "the score before training",
    "after": "the score after it",
    "old-before": "on earlier tasks, before",
    "old-after": "on earlier tasks, after",
}
WHAT = ("parameters", "training-memory", "training-throughput", "inference", "kv-cache", "cases")


Found = TypeVar("Found")


class BadInputError(Exception):
    """Input that no verdict can be given for; each argument is a Problem for the reader."""


class StoppedError(Exception):
    """What could not be finished, through no fault of the input."""


def _bad(field: str, message: object) -> BadInputError:
    return BadInputError(engine.Problem(field=field, message=str(message), given=""))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a minus sign or a fixed space shall show something, not end the program.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    parsed = _parsed(arguments)
    act: Callable[[argparse.Namespace], int] = parsed.act
    try:
        code = act(parsed)
        sys.stdout.flush()
        return code
    except BadInputError as error:
        for problem in error.args:
            print(problem if problem.field else problem.message, file=sys.stderr)
        if getattr(parsed, "json", False):
            _print_json({"problems": [_problem(problem) for problem in error.args], "version": MODEL_VERSION})
        return BAD_INPUT
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except StoppedError as error:
        print(f"{parsed.command}: {error}", file=sys.stderr)
        return STOPPED
    except KeyboardInterrupt:
        print(f"{parsed.command}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        print(f"{parsed.command}: its result cannot be written: {error.strerror or error}", file=sys.stderr)
        # What is left in the buffer would be tried once more at the end, and fail with a traceback.
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        return STOPPED


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    parsed, rest = parser.parse_known_args(arguments)
    # argparse takes fields before an option or after one, but not both.
    if rest and ("fields" not in parsed or any(word.startswith("-") for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        parsed.fields += rest
    return parsed


def _problem(problem: engine.Problem) -> dict[str, str]:
    # A message of another module begins with what it is about: "preset must be one of ...".
    field = problem.field or problem.message.partition(" ")[0].rstrip(":")
    return {"field": field, "message": problem.message, "given": problem.given}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="calculator", description="Should I fine-tune a language model?")
    parser.add_argument("--version", action="version", version=MODEL_VERSION)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, act: Callable[[argparse.Namespace], int], words: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=words)
        added.set_defaults(act=act)
        return added

    command("list", _list, "the decisions and the presets").add_argument("--json", action="store_true")

    run = command("run", _run, "one decision: verdict, numbers, flips")
    run.add_argument("name", metavar="NAME")
    _add_input(run)
    run.add_argument("--json", action="store_true", help="the whole report as JSON")
    run.add_argument("--expect", metavar="ANSWER", help="exit code 1 unless the answer is this one")
    run.add_argument(
        "--measured",
        metavar="FILE",
        help="a CSV file of your own training runs, with the columns of predict: the estimates move to them",
    )

    cards = command("compare-cards", _compare_cards, "one training job on every device that is rented out")
    _add_input(cards)
    cards.add_argument("--json", action="store_true")

    record = command("report", _record, "the decision record as Markdown")
    record.add_argument("file", metavar="SITUATION", help="a TOML or JSON file, or - for standard input")
    record.add_argument("--decision", default=catalog.OVERALL, metavar="NAME")
    record.add_argument("--brief", choices=("markdown", "html"), help="one page for a meeting in place of the record")
    record.add_argument("--json", action="store_true")

    batch = command("batch", _batch, "one decision for each row of a CSV file")
    batch.add_argument("file", metavar="FILE")
    batch.add_argument("--decision", default=catalog.OVERALL, metavar="NAME")
    batch.add_argument("--out", required=True, metavar="FILE", help="the result; a run that was cut off goes on in it")
    batch.add_argument("--draws", type=int, default=0, help="behind `holds`; 0 for the point result only")
    batch.add_argument("--jobs", type=int, default=0, help="processes; 0 for one a core")
    batch.add_argument("--scheduler", default="", metavar="ADDRESS", help="a Dask scheduler instead of processes")
    batch.add_argument("--json", action="store_true", help="how many rows have a problem, as JSON")

    shape = command("schema", _schema, "the JSON Schema of a decision's input")
    shape.add_argument("name", metavar="NAME")
    shape.add_argument("--json", action="store_true", help="on one line")

    sources = command("sources", _sources, "the sourced numbers behind a decision, or all of them")
    sources.add_argument("name", nargs="?", default="", metavar="NAME")
    sources.add_argument("--json", action="store_true")

    stale = command("stale", _stale, "prices and assumptions whose data is old")
    stale.add_argument("--days", type=int, default=180, help="for what was measured or counted")
    stale.add_argument("--price-days", type=int, default=30, help="for what is sold")
    stale.add_argument("--json", action="store_true")

    update = command("update", _update, "rebuild a catalogue from what others publish, and show the difference")
    update.add_argument("what", choices=UPDATES)
    update.add_argument("folder", nargs="?", help="models: config.json files or JSON lines, in place of the hub's")
    update.add_argument("--dry-run", action="store_true", help="show the difference, write nothing")
    update.add_argument("--json", action="store_true")

    bundle = command("bundle", _bundle, "compile the package and its runtime for the browser")
    bundle.add_argument("--json", action="store_true", help="the manifest")

    predict = command("predict", _predict, "our estimate for each row of a file of measurements or cases")
    predict.add_argument("what", choices=WHAT)
    predict.add_argument("file", metavar="FILE")
    predict.add_argument("--json", action="store_true", help="JSON in place of CSV")

    validate = command("validate", _validate, "our error on a file of measurements or cases")
    validate.add_argument("what", choices=WHAT)
    validate.add_argument("file", metavar="FILE")
    validate.add_argument("--json", action="store_true")

    fit = command("fit", _fit, "fitted numbers, made again from the published rows")
    fit.add_argument("what", nargs="?", default="", metavar="WHAT", help="memory, speed or serving; all if left out")
    fit.add_argument("--write", action="store_true", help="store them")
    fit.add_argument("--json", action="store_true", help="one object for all that were asked for")
    fit.add_argument("--date", default="", metavar="DAY", help="the day that is written into them; today's if left out")

    cases = command("cases", _cases, "what a reader sent, made a comparison or a measured row")
    cases.add_argument("act_on", choices=("add",), metavar="add")
    cases.add_argument("file", metavar="FILE", help="the text of the issue, or - for standard input")
    cases.add_argument("--write", action="store_true", help="enter it into the data files of this checkout")
    cases.add_argument("--json", action="store_true")

    examine = command("examine", _examine, "what a data set, test results or a run's log hold")
    examine.add_argument("file", nargs="+", metavar="FILE", help="or - for standard input")
    examine.add_argument("--json", action="store_true", help="the whole of it as JSON")
    examine.add_argument("--kind", choices=KINDS, default="", help="what it is, where it is not found out")
    examine.add_argument("--against", default="", metavar="FILE", help="a test file: how much of it stands in the data")
    examine.add_argument("--sequence", type=int, default=2048, metavar="TOKENS", help="the longest that training takes")
    examine.add_argument(
        "--tokenizer",
        default="",
        metavar="NAME",
        help="tiktoken, tiktoken:ENCODING or a tokenizer.json, if its library is installed; else tokens are estimated",
    )
    examine.add_argument("--why", action="store_true", help="a log of a run that did not help: what it looks like")
    for name, words in SCORED.items():
        examine.add_argument(f"--{name}", default="", metavar="RIGHT/ITEMS", help=f"with --why: {words}")
    examine.add_argument("--strict", action="store_true", help="exit code 1 when there is anything to look at")

    complete = command("completions", _completions, "the completions of these commands for a shell")
    complete.add_argument("shell", choices=completions.SHELLS)

    command("mcp", _mcp, "the decisions as tools for an agent, over standard input and output")
    return parser


def _add_input(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("fields", nargs="*", metavar="field=value")
    parser.add_argument("--input", metavar="FILE", help="a TOML or JSON file of fields, or - for standard input")
    parser.add_argument("--preset", default="", metavar="PRESET", help="the start, in place of the file's own")


def _list(parsed: argparse.Namespace) -> int:
    decisions = {name: catalog.decision(name).question for name in catalog.names()}
    situations = {preset.name: preset.title for preset in presets.presets()}
    if parsed.json:
        _print_json({"version": MODEL_VERSION, "decisions": decisions, "presets": situations})
        return 0
    width = max(map(len, [*decisions, *situations]))
    for title, rows in (("Decisions", decisions), ("Presets", situations)):
        print(title)
        for name, words in rows.items():
            print(f"  {name:{width}}  {words}")
    return 0


def _run(parsed: argparse.Namespace) -> int:
    typed = _pairs(parsed.fields)
    _decision(parsed.name)
    kept = _read_file(parsed.input) if parsed.input else exchange.NOTHING
    expected = catalog.answers(parsed.name) if parsed.expect is None else _expected(parsed.name, parsed.expect)
    given = {**kept.fields, **typed}
    if parsed.measured:
        given |= _measured(parsed.name, given, parsed.preset or kept.preset, parsed.measured)
    built = _evaluate(parsed.name, given, parsed.preset or kept.preset, typed=[*typed])
    if parsed.json:
        _write(report.as_json(built) + "\n")
    else:
        print(as_text(built))
    if str(built.verdict.answer) in expected:
        return 0
    print(f"expected {parsed.expect!r}, the answer is {str(built.verdict.answer)!r}", file=sys.stderr)
    return 1


def _measured(name: str, given: Mapping[str, object], preset: str, file: str) -> dict[str, object]:
    """The fields of a measured run that say what the runs in a file say of our estimates."""
    from calculator.decisions import _training_estimates

    if name != "limited_compute":
        raise _bad("measured", f"only limited_compute takes runs of your own; given: {name}")
    own_runs = _from_checkout("evaluation.own_runs")
    inputs = _read(name, given, preset).inputs
    memory, speed = _checked(partial(own_runs.ratios, file, inputs.memory_repeat_share, inputs.speed_repeat_share))
    found: dict[str, object] = {}
    if memory is not None:
        found |= _training_estimates.measured_memory(inputs, memory.log_mean, memory.log_sd)
    if speed is not None:
        found |= _training_estimates.measured_speed(inputs, speed.log_mean, speed.log_sd)
    return found


def _compare_cards(parsed: argparse.Namespace) -> int:
    from calculator.decisions._training_remedies import CARD_COLUMNS, all_cards, card_row

    typed = _pairs(parsed.fields)
    kept = _read_file(parsed.input) if parsed.input else exchange.NOTHING
    given = {**kept.fields, **typed}
    inputs = _read("limited_compute", given, parsed.preset or kept.preset, typed=[*typed]).inputs
    found = all_cards(inputs)
    if parsed.json:
        _print_json([one._asdict() for one in found])
        return 0
    rows = [CARD_COLUMNS, *map(card_row, found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _expected(name: str, words: str) -> tuple[str, ...]:
    """The answers that are meant: the one that reads so, or all that begin so ("fine-tune")."""
    answers = {" ".join(answer.casefold().replace("-", " ").split()): answer for answer in catalog.answers(name)}
    wanted = " ".join(words.casefold().replace("-", " ").split())
    if wanted in answers:
        return (answers[wanted],)
    found = tuple(answer for text, answer in answers.items() if wanted and text.startswith(wanted + " "))
    if not found:
        raise _bad("expect", f"must be one of: {', '.join(answers.values())}; given: {words[:60]!r}")
    return found


def _record(parsed: argparse.Namespace) -> int:
    _decision(parsed.decision)
    kept = _read_file(parsed.file)
    built = _evaluate(parsed.decision, kept.fields, kept.preset)
    start = browser.start_of(parsed.decision, kept.preset)
    if parsed.json:
        _write(report.as_json(built) + "\n")
    elif parsed.brief:
        written = brief.brief_of(built, start)
        _write(brief.as_page(written) if parsed.brief == "html" else brief.as_markdown(written))
    else:
        _write(report.as_markdown(built, "", start))
    return 0


def _batch(parsed: argparse.Namespace) -> int:
    from calculator.faces import batch

    _decision(parsed.decision)
    try:
        problems = batch.run(
            parsed.decision,
            parsed.file,
            parsed.out,
            draws=parsed.draws,
            jobs=parsed.jobs,
            scheduler=parsed.scheduler,
            progress=batch.progress_stream(),
        )
    except batch.StoppedError as error:
        raise StoppedError(f"{error}. The same command goes on where this one stopped") from None
    except (ValueError, OSError) as error:
        raise _bad("", error) from None
    if parsed.json:
        _print_json({"out": parsed.out, "problems": problems})
    elif problems:
        print(f"{problems} rows have a problem; the last column says which", file=sys.stderr)
    return 0


def _schema(parsed: argparse.Namespace) -> int:
    found = schema.input_schema(parsed.name, _decision(parsed.name))
    _print_json(found, indent=None if parsed.json else 2)
    return 0


def _sources(parsed: argparse.Namespace) -> int:
    from calculator import api

    entries = _checked(partial(api.sources, parsed.name))
    if parsed.json:
        _print_json([assumptions.as_data(entry) for entry in entries])
        return 0
    for entry in entries:
        unit = entry.unit
        print(f"{entry.label}: {unit.show(entry.value)} ({unit.show_range(entry.low, entry.high)})")
        print(f"  {entry.key}, as of {entry.as_of}: {entry.source}, {entry.url}")
    return 0


def _stale(parsed: argparse.Namespace) -> int:
    today = date.today()
    rows = []
    for key, entry in assumptions.assumptions().items():
        # A price is as old as its data, whoever looked at a copy of it since. What was measured once stays measured:
        # there the day counts on which somebody last opened the source.
        sold = entry.kind == "price"
        days = (today - (entry.as_of if sold else entry.checked or entry.as_of)).days
        if days > (parsed.price_days if sold else parsed.days):
            rows.append({"key": key, "label": entry.label, "price": sold, "days": days, "url": entry.url})
    rows.sort(key=lambda row: -int(str(row["days"])))
    if parsed.json:
        _print_json(rows)
    else:
        limits = f"prices of over {parsed.price_days} days, others that nobody opened for {parsed.days}"
        print(f"{len(rows)} numbers are old: {limits}.")
        for row in rows:
            print(f"  {row['key']}: {row['days']} days, {row['url']}")
    return 0


def _update(parsed: argparse.Namespace) -> int:
    from pathlib import Path

    from calculator.update import devices, models, prices

    said: object
    if parsed.what == "models":
        source = models.read_folder(Path(parsed.folder)) if parsed.folder else models.from_hub()
        said = _checked(lambda: models.update(source, write=not parsed.dry_run))
        words = models.in_words(said)
    else:
        rebuild = devices.update if parsed.what == "devices" else prices.update
        said = words = _checked(lambda: rebuild(date.today(), write=not parsed.dry_run))
    if parsed.json:
        _print_json(said)
    else:
        print("\n".join(words))
    return 0


def _bundle(parsed: argparse.Namespace) -> int:
    from calculator.web import bundle

    try:
        built = bundle.build()
    except bundle.BundleError as error:
        raise _bad("", error) from None
    if parsed.json:
        _print_json(built)
        return 0
    megabytes = sum(file["bytes"] for file in built["files"].values()) / 1e6
    print(f"runtime of {megabytes:.1f} MB ready behind {built['worker']}")
    return 0


def _from_checkout(module: str) -> ModuleType:
    """A module that the wheel leaves out: the published rows, their readers and the fits are the repository's."""
    try:
        return import_module(f"calculator.{module}")
    except ModuleNotFoundError as error:
        if error.name != "calculator.evaluation":
            raise
        raise _bad("", "the published rows are not in this package: run this in a checkout of the repository") from None


def _predict(parsed: argparse.Namespace) -> int:
    evaluation = _from_checkout("evaluation")
    text = _checked(lambda: evaluation.predict(parsed.what, parsed.file))
    if parsed.json:
        _print_json(list(csv.DictReader(StringIO(text))))
    else:
        _write(text)
    return 0


def _validate(parsed: argparse.Namespace) -> int:
    evaluation = _from_checkout("evaluation")
    _write(_checked(lambda: evaluation.validate(parsed.what, parsed.file, as_json=parsed.json)))
    return 0


def _fit(parsed: argparse.Namespace) -> int:
    fits = _from_checkout("evaluation.fits")
    made = {}
    for what in [parsed.what] if parsed.what else fits.MODULES:
        made[what] = _checked(partial(fits.made, what, parsed.date or date.today().isoformat()))
        if parsed.write:
            fits.path(what).write_text(made[what], "utf-8")
        if not parsed.json:
            _write(made[what])
    if parsed.json:
        _write(json.dumps({what: json.loads(text) for what, text in made.items()}) + "\n")
    return 0


def _examine(parsed: argparse.Namespace) -> int:
    from calculator.faces import examining

    scores = {name: _score(name, getattr(parsed, name.replace("-", "_"))) for name in SCORED}
    if not parsed.why and any(scores.values()):
        raise _bad("why", "scores before and after are looked at with --why")
    options = {"kind": parsed.kind, "sequence_tokens": parsed.sequence, "tokenizer": parsed.tokenizer}
    stdin = sys.stdin.buffer
    try:
        if parsed.why:
            named = {name.replace("-", "_"): value for name, value in scores.items()}
            trees = [examining.why(parsed.file, stdin=stdin, **options, **named)]
        else:
            trees = examining.examine_files(parsed.file, against=parsed.against, stdin=stdin, **options)
    except (ValueError, OSError) as error:
        raise _bad("", error) from None
    if parsed.json:
        _print_json(trees[0] if len(trees) == 1 else trees)
    else:
        print("\n\n".join(map(examining.as_text, trees)))
    return int(parsed.strict and any(found["warnings"] for found in trees))


def _cases(parsed: argparse.Namespace) -> int:
    sent = _from_checkout("evaluation.sent")
    try:
        with nullcontext(sys.stdin.buffer) if parsed.file == "-" else open(parsed.file, "rb") as stream:
            text = stream.read(4 * sent.LONGEST + 1).decode("utf-8")
    except (OSError, ValueError) as error:
        raise _bad(parsed.file, f"cannot be read: {error}") from None
    try:
        made = sent.add(text, version=MODEL_VERSION, today=date.today().isoformat(), write=parsed.write)
    except sent.SentError as error:
        problems = (engine.Problem(field=field, message=words, given="") for field, words in error.args)
        raise BadInputError(*problems) from None
    _print_json(made, indent=None if parsed.json else 2)
    return 0


def _score(name: str, text: str) -> tuple[float, float] | None:
    if not text:
        return None
    right, _, items = text.partition("/")
    try:
        return float(right), float(items)
    except ValueError:
        raise _bad(name, f"must be right items and all items, like 120/200; given: {text[:40]!r}") from None


def _completions(parsed: argparse.Namespace) -> int:
    _write(completions.script(parsed.shell, _parser()))
    return 0


def _mcp(_: argparse.Namespace) -> int:
    try:
        from calculator.faces import mcp_server
    except ImportError:
        raise _bad("", "mcp: the server needs the package's extra: pip install 'fine-tune-or-not[mcp]'") from None
    mcp_server.serve()
    return 0


def _print_json(data: object, indent: int | None = None) -> None:
    _write(json.dumps(data, ensure_ascii=False, indent=indent) + "\n")


def _write(text: str) -> None:
    """Write what a program reads: in UTF-8, whatever the terminal would show."""
    if not isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.write(text)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "replace"))


def _checked(act: Callable[[], Found]) -> Found:
    try:
        return act()
    except (ValueError, OSError) as error:
        raise _bad("", error) from None


def _decision(name: str) -> AnyDecision:
    try:
        return catalog.decision(name)
    except ValueError as error:
        raise _bad("", error) from None


def _pairs(pairs: Sequence[str]) -> dict[str, object]:
    bad = [pair for pair in pairs if "=" not in pair]
    if bad:
        words = "write a field as field=value"
        raise BadInputError(*(engine.Problem(field=pair[:80], message=words, given=pair[:60]) for pair in bad))
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}


def _read_file(file: str) -> exchange.File:
    """The situation in a file, or on standard input for -; each thing wrong with it is a problem with its line."""
    try:
        with nullcontext(sys.stdin.buffer) if file == "-" else open(file, "rb") as stream:
            # A device may have no end: what is longer than any situation is not read to its end. UTF-8 has at most four
            # bytes a character.
            data = stream.read(4 * exchange.LONGEST_FILE + 1)
        text = data.decode("utf-8-sig", "strict" if len(data) <= 4 * exchange.LONGEST_FILE else "ignore")
    except (OSError, ValueError) as error:
        raise _bad(file, f"cannot be read: {error}") from None
    found = exchange.read_file(text)
    problems = [engine.Problem(field=p.field or file, message=_placed(p, file), given="") for p in found.problems]
    for name in found.ignored:
        near = get_close_matches(name, catalog.known_fields(), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        problems.append(engine.Problem(field=name, message=f"no decision has such a field{hint} ({file})", given=""))
    if problems:
        raise BadInputError(*problems)
    return found


def _placed(problem: exchange.FileProblem, file: str) -> str:
    place = [file] * bool(problem.field) + [f"line {problem.line}"] * bool(problem.line)
    return f"{problem.message} ({', '.join(place)})" if place else problem.message


def _evaluate(name: str, given: Mapping[str, object], preset: str, *, typed: Sequence[str] = ()) -> engine.Report:
    """The report of a decision. A file may hold a situation with fields of other decisions; what is `typed` may not."""
    return engine.evaluate(name, _decision(name), _read(name, given, preset, typed=typed))


def _read(name: str, given: Mapping[str, object], preset: str, *, typed: Sequence[str] = ()) -> engine.Reading:
    """What was given to a decision, as for `_evaluate`."""
    decision = _decision(name)
    try:
        merged, ignored = browser.merge(name, given, preset)
    except ValueError as error:
        raise _bad("", error) from None
    foreign = [f for f in given if f in ignored or (f in typed and links.RENAMED.get(f, f) not in merged)]
    reading = engine.read(decision, {**merged, **{links.RENAMED.get(field, field): given[field] for field in foreign}})
    if reading.problems:
        raise BadInputError(*reading.problems)
    return reading


def as_text(built: engine.Report) -> str:
    """The report for a terminal."""
    verdict, decision = built.verdict, built.decision
    lines = [decision.question, ""]
    if verdict.lamps:
        lines += [" · ".join(lamp.words for lamp in verdict.lamps), ""]
    lines += [f"{verdict.answer}. {verdict.headline}", engine.strength_words(built)]
    lines += [f"- {reason}" for reason in verdict.reasons]
    if verdict.next_step:
        lines.append(f"Next step: {verdict.next_step}")
    lines.append("")
    specs = outputs_of(decision.Outputs)
    width = max(len(spec.label) for spec in specs.values())
    for name, spec in specs.items():
        unit = spec.unit
        line = f"{spec.label:{width}}  {unit.show(getattr(built.outputs, name))}"
        if built.spread is not None and built.spread[name].low != built.spread[name].high:
            line += f"  ({unit.show_range(built.spread[name].low, built.spread[name].high)})"
        lines.append(line)
    lines += ["", "What would change the answer:"]
    lines += [f"  {flip.condition}: {flip.answer}" for flip in (built.flips or ())[:8]]
    if not built.flips:
        lines.append("  no single field within its bounds")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
