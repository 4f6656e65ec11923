"""The command line.

Exit code 0 for a verdict, 1 when an expectation fails, 2 for bad input, 3 for what could not be finished, 130 for what
was interrupted. What a program reads, be it JSON, CSV or Markdown, is UTF-8 whatever the locale.
"""

import argparse
import csv
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from datetime import date
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from io import StringIO, TextIOWrapper
from types import ModuleType
from typing import Any, TypeVar

from calculator import MODEL_VERSION, catalog, engine, links, presets
from calculator.catalogs.rows import read_table
from calculator.faces import brief, browser, completions, exchange, report, schema
from calculator.facts import assumptions
from calculator.fields import outputs_of
from calculator.verdict import AnyDecision

BAD_INPUT, STOPPED, INTERRUPTED = 2, 3, 130


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

    told = read_table("command_line.toml", "calculator")
    for name, command in told["commands"].items():
        added = commands.add_parser(name, help=command["help"])
        added.set_defaults(act=_ACTS[name])
        for argument in command.get("arguments", ()):
            for one in told["input"] if argument == "input" else [argument]:
                added.add_argument(one["name"], **_keywords(one))
    return parser


def _keywords(argument: Mapping[str, Any]) -> dict[str, Any]:
    """What argparse is told of an argument by its table, which cannot hold a type and says once for all what --json is.

    Of values that the code has, it gives the names.
    """
    known = {"OVERALL": catalog.OVERALL, "SHELLS": completions.SHELLS}
    found = {key: known.get(str(value), value) for key, value in argument.items() if key != "name"}
    if argument["name"] == "--json":
        found["action"] = "store_true"
    return {**found, "type": int} if found.get("type") == "int" else found


def _list(parsed: argparse.Namespace) -> int:
    decisions = {name: catalog.decision(name).question for name in catalog.names()}
    situations = {preset.name: preset.title for preset in presets.presets()}
    width = max(map(len, [*decisions, *situations]))
    lines = []
    for title, rows in (("Decisions", decisions), ("Presets", situations)):
        lines += [title, *(f"  {name:{width}}  {words}" for name, words in rows.items())]
    return _tell(parsed, {"version": MODEL_VERSION, "decisions": decisions, "presets": situations}, lines)


def _run(parsed: argparse.Namespace) -> int:
    given, preset, typed = _given(parsed, parsed.name)
    expected = catalog.answers(parsed.name) if parsed.expect is None else _expected(parsed.name, parsed.expect)
    if parsed.measured:
        given |= _measured(parsed.name, given, preset, parsed.measured)
    built = _evaluate(parsed.name, given, preset, typed=typed)
    if parsed.json:
        _write(report.as_json(built) + "\n")
    else:
        print(as_text(built))
    if str(built.verdict.answer) in expected:
        return 0
    print(f"expected {parsed.expect!r}, the answer is {str(built.verdict.answer)!r}", file=sys.stderr)
    return 1


def _given(parsed: argparse.Namespace, name: str) -> tuple[dict[str, object], str, Sequence[str]]:
    """What a command was given for a decision: fields, those of a file under typed ones, the preset, what was typed."""
    typed = _pairs(parsed.fields)
    _decision(name)
    kept = _read_file(parsed.input) if parsed.input else exchange.NOTHING
    return {**kept.fields, **typed}, parsed.preset or kept.preset, [*typed]


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

    given, preset, typed = _given(parsed, "limited_compute")
    inputs = _read("limited_compute", given, preset, typed=typed).inputs
    found = all_cards(inputs)
    rows = [CARD_COLUMNS, *map(card_row, found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return _tell(parsed, [one._asdict() for one in found], lines)


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
    lines = []
    for entry in entries:
        unit = entry.unit
        lines.append(f"{entry.label}: {unit.show(entry.value)} ({unit.show_range(entry.low, entry.high)})")
        lines.append(f"  {entry.key}, as of {entry.as_of}: {entry.source}, {entry.url}")
    return _tell(parsed, [assumptions.as_data(entry) for entry in entries], lines)


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
    limits = f"prices of over {parsed.price_days} days, others that nobody opened for {parsed.days}"
    lines = (f"  {row['key']}: {row['days']} days, {row['url']}" for row in rows)
    return _tell(parsed, rows, [f"{len(rows)} numbers are old: {limits}.", *lines])


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
    return _tell(parsed, said, words)


def _bundle(parsed: argparse.Namespace) -> int:
    from calculator.web import bundle

    try:
        built = bundle.build()
    except bundle.BundleError as error:
        raise _bad("", error) from None
    megabytes = sum(file["bytes"] for file in built["files"].values()) / 1e6
    return _tell(parsed, built, [f"runtime of {megabytes:.1f} MB ready behind {built['worker']}"])


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

    scores = {name: _score(name, getattr(parsed, name)) for name in ("before", "after", "old_before", "old_after")}
    if not parsed.why and any(scores.values()):
        raise _bad("why", "scores before and after are looked at with --why")
    options = {"kind": parsed.kind, "sequence_tokens": parsed.sequence, "tokenizer": parsed.tokenizer}
    stdin = sys.stdin.buffer
    try:
        if parsed.why:
            trees = [examining.why(parsed.file, stdin=stdin, **options, **scores)]
        else:
            trees = examining.examine_files(parsed.file, against=parsed.against, stdin=stdin, **options)
    except (ValueError, OSError) as error:
        raise _bad("", error) from None
    _tell(parsed, trees[0] if len(trees) == 1 else trees, ["\n\n".join(map(examining.as_text, trees))])
    return int(parsed.strict and any(found["warnings"] for found in trees))


def _cases(parsed: argparse.Namespace) -> int:
    sent = _from_checkout("evaluation.sent")
    text = _text_of(parsed.file, sent.LONGEST, "utf-8")
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
        words = f"must be right items and all items, like 120/200; given: {text[:40]!r}"
        raise _bad(name.replace("_", "-"), words) from None


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


_ACTS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "list": _list, "run": _run, "compare-cards": _compare_cards, "report": _record, "batch": _batch,
    "schema": _schema, "sources": _sources, "stale": _stale, "update": _update, "bundle": _bundle,
    "predict": _predict, "validate": _validate, "fit": _fit, "cases": _cases, "examine": _examine,
    "completions": _completions, "mcp": _mcp,
}  # fmt: skip


def _tell(parsed: argparse.Namespace, data: object, lines: Iterable[str]) -> int:
    """Print what a command found: for programs where JSON was asked for, else in lines for people."""
    if parsed.json:
        _print_json(data)
    else:
        for line in lines:
            print(line)
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
    if bad := [pair for pair in pairs if "=" not in pair]:
        words = "write a field as field=value"
        raise BadInputError(*(engine.Problem(field=pair[:80], message=words, given=pair[:60]) for pair in bad))
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}


def _text_of(file: str, longest: int, encoding: str) -> str:
    """The text of a file, or of standard input for -. A device may have no end: little more is read than the so many
    characters that it may have, of at most four bytes each."""
    try:
        with nullcontext(sys.stdin.buffer) if file == "-" else open(file, "rb") as stream:
            data = stream.read(4 * longest + 1)
        return data.decode(encoding, "strict" if len(data) <= 4 * longest else "ignore")
    except (OSError, ValueError) as error:
        raise _bad(file, f"cannot be read: {error}") from None


def _read_file(file: str) -> exchange.File:
    """The situation in a file, or on standard input for -; each thing wrong with it is a problem with its line."""
    found = exchange.read_file(_text_of(file, exchange.LONGEST_FILE, "utf-8-sig"))
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
