"""Files on this machine, examined for the command line, for Python and for an agent. Native only.

A tokenizer's library is used when it is named and installed; nothing else is needed.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from calculator import examine
from calculator.examine.results import Results

CHUNK = 2**20
COUNTED_AT_ONCE = 1_000

Counter = Callable[[list[str]], list[int]]
Tree = dict[str, Any]


def counter(tokenizer: str) -> tuple[Counter, str]:
    """What counts tokens, and what it is called: `tiktoken`, `tiktoken:ENCODING`, or a tokenizer.json for `tokenizers`.

    Raises ValueError for a library that is not installed and for an encoding or a file that it does not read.
    """
    library, _, name = tokenizer.partition(":")
    try:
        if library == "tiktoken":
            encoding = import_module("tiktoken").get_encoding(name or "o200k_base")
            return lambda texts: [len(found) for found in encoding.encode_ordinary_batch(texts)], str(encoding.name)
        loaded = import_module("tokenizers").Tokenizer.from_file(tokenizer)
    except ImportError as error:
        raise ValueError(f"tokenizer: {error.name} is not installed here: pip install {error.name}") from None
    # A library of its own raises what it likes for what it cannot read.
    except Exception as error:
        raise ValueError(
            "tokenizer: must be tiktoken, tiktoken:ENCODING, or the path of a tokenizer.json; "
            f"given: {tokenizer[:80]!r} ({str(error)[:100]})"
        ) from None
    return (
        lambda texts: [len(found) for found in loaded.encode_batch(texts, add_special_tokens=False)],
        Path(tokenizer).name,
    )


def _opened(file: str | Path, stdin: BinaryIO | None) -> AbstractContextManager[BinaryIO]:
    return nullcontext(stdin) if str(file) == "-" and stdin is not None else open(file, "rb")


def _name(file: str | Path) -> str:
    return "standard input" if str(file) == "-" else Path(file).name


def _read(stream: BinaryIO, name: str, count: Counter | None, options: Mapping[str, Any]) -> examine.Reader:
    reader = examine.Reader(name, **options)

    def counted() -> None:
        while count is not None and (texts := reader.take_texts(COUNTED_AT_ONCE)):
            reader.give_counts(count(texts))

    while chunk := stream.read(CHUNK):
        reader.feed(chunk)
        counted()
    reader.end()
    counted()
    return reader


def examine_files(
    files: Sequence[str | Path],
    *,
    against: str | Path = "",
    kind: str = "",
    sequence_tokens: int = examine.SEQUENCE_TOKENS,
    tokenizer: str = "",
    stdin: BinaryIO | None = None,
) -> list[Tree]:
    """What these files hold, a tree each; results in several files are one comparison, in one tree.

    against: a test file, held against the first data set. stdin: what the file - reads. Raises ValueError for a bad
    option or a file that is refused, OSError for one that cannot be opened.
    """
    count, called = counter(tokenizer) if tokenizer else (None, "")
    options = {"sequence_tokens": sequence_tokens, "tokens": "outside" if count else "estimate", "tokenizer": called}
    trees: list[Tree] = []
    results: Results | None = None
    train: examine.Reader | None = None
    at = 0
    for file in files:
        with _opened(file, stdin) as stream:
            reader = _read(stream, _name(file), count, {**options, "kind": kind})
        if reader.results is None:
            trees.append(reader.finish())
            train = train or (reader if reader.data else None)
        elif results is None:
            results, at = reader.results, len(trees)
            trees.append(reader.finish())
        else:
            results.join(reader.results)
            trees[at] = results.tree(size=trees[at]["bytes"] + reader.bytes_read, done=True)
    if against:
        if train is None:
            raise ValueError("against: needs a data set to hold the test file against")
        with _opened(against, stdin) as stream:
            test = _read(stream, _name(against), count, {**options, "kind": "data", "against": train}).finish()
        _join_overlap(next(found for found in trees if found["kind"] == "data"), test)
    return trees


def why(
    files: Sequence[str | Path],
    *,
    before: object = None,
    after: object = None,
    old_before: object = None,
    old_after: object = None,
    stdin: BinaryIO | None = None,
    **options: Any,
) -> Tree:
    """What a run that did not help looks like, from any of its log, results by item and training data among the files.

    before, after, old_before, old_after: as in `examine.after_a_bad_run`. Raises as `examine_files` does.
    """
    logs, rest = [], []
    for file in files:
        with _opened(file, stdin) as stream:
            head = stream.read(examine.LONGEST_LOG + 1)
        found = examine.kind_of(head, _name(file)) if not options.get("kind") else options["kind"]
        if found == "run":
            if len(head) > examine.LONGEST_LOG:
                raise ValueError(f"{_name(file)}: a log must be at most 64 MiB here")
            logs.append(head.decode("utf-8", "replace"))
        else:
            rest.append(file)
    trees = examine_files(rest, stdin=stdin, **options) if rest else []
    return examine.after_a_bad_run(
        "\n".join(logs),
        before=before,
        after=after,
        old_before=old_before,
        old_after=old_after,
        results=next((one for one in trees if one["kind"] == "results"), None),
        data=next((one for one in trees if one["kind"] == "data"), None),
    )


def _join_overlap(train: Tree, test: Tree) -> None:
    """Put what the test file shares with the training file into the tree of the training file."""
    train["sections"] += [part for part in test["sections"] if part["key"] == "overlap"]
    train["warnings"] += [one for one in test["warnings"] if one["key"] == "overlap"]
    train["numbers"] |= {name: value for name, value in test["numbers"].items() if name.startswith("overlap_")}
    train["numbers"]["test_examples"] = test["numbers"]["examples"]


def as_text(found: Tree) -> str:
    """A tree for a terminal."""
    about = ", ".join(filter(None, (found["format"], found["container"])))
    lines = [f"{found['name']}: {about}" if about else found["name"]]
    lines += [found["headline"], ""]
    for part in found["sections"]:
        lines.append(part["title"])
        width = max((len(row["label"]) for row in part["rows"]), default=0)
        lines += [f"  {row['label']:{width}}  {row['text']}" for row in part["rows"]]
        if part["table"] and part["table"]["rows"]:
            lines += _table(part["table"])
        for suspect in part.get("suspects", ()):
            lines += [f"  {suspect['title']}", f"    seen: {suspect['evidence']}", f"    check: {suspect['check']}",
                      f"    not: {suspect['not']}"]  # fmt: skip
        if part["note"]:
            lines.append(f"  {part['note']}")
        lines.append("")
    for one in found["warnings"]:
        where = f" (line {', '.join(f'{line:,}' for line in one['lines'])}{', …' * (one['count'] > len(one['lines']))})"
        lines.append(f"! {one['message']}{where if one['lines'] else ''}")
    if found["fields"]:
        lines += ["", "Use these numbers:", "  " + " ".join(_pair(*field) for field in found["fields"].items())]
    return "\n".join(lines).rstrip()


def _pair(name: str, value: str) -> str:
    pair = f"{name}={value}"
    return f'"{pair}"' if any(c.isspace() for c in pair) else pair


WIDEST_CELL = 60


def _table(table: Tree) -> list[str]:
    rows = [table["columns"], *table["rows"]]
    cut = [[cell if len(cell) <= WIDEST_CELL else cell[: WIDEST_CELL - 1] + "…" for cell in row] for row in rows]
    widths = [max(len(row[k]) for row in cut) for k in range(len(table["columns"]))]
    return [
        "  " + "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cut
    ]
