"""The golden reports: a thousand situations with the verdict and the digest of the report that each leads to.

`tests/golden.json` keeps the situations as links keep them, so that it also says whether an old link still leads where
it did. `make golden` renews it. A verdict that changed is only taken over when the model version was raised and the
changelog says so: nobody shall find out by chance.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from calculator import MODEL_VERSION, catalog, engine, links, presets
from calculator.faces import report
from calculator.faces.browser import merge
from calculator.fields import fields_of
from tests.inputs import random_value

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "tests" / "golden.json"
REPORTS = 1000
MOST_CHANGED = 6

Row = dict[str, Any]


def situations(name: str) -> Iterator[Row]:
    """The default, every preset, and generated changes to them: a decision's share of the thousand."""
    decision = catalog.decision(name)
    specs = fields_of(decision.Inputs)
    starts = ["", *presets.NAMES]
    for start in starts:
        yield {"decision": name, "preset": start, "given": {}, "draws": True}
    random = Random(name)
    for index in range(-(-REPORTS // len(catalog.names())) - len(starts)):
        changed = random.sample(sorted(specs), k=min(len(specs), random.randint(1, MOST_CHANGED)))
        given = {field: random_value(specs[field], random) for field in changed}
        typed = engine.read(decision, given).given
        yield {"decision": name, "preset": starts[index % len(starts)], "given": dict(typed), "draws": False}


def told(row: Row) -> Row:
    """The row with what the calculator makes of it now. The version is left out: it may change alone."""
    name = row["decision"]
    decision = catalog.decision(name)
    fields, _ = merge(name, row["given"], row["preset"])
    reading = engine.read(decision, fields)
    if reading.problems:
        return {**row, "answer": f"refused: {reading.problems[0].message}", "digest": ""}
    built = engine.evaluate_point(name, decision, reading)
    if row["draws"]:
        built = engine.add_spread(built)
    text = report.as_json(built).replace(f'"version":"{MODEL_VERSION}"', "")
    return {**row, "answer": str(built.verdict.answer), "digest": sha256(text.encode()).hexdigest()[:12]}


def kept() -> tuple[str, list[Row]]:
    """The model version behind the file, and its rows; nothing of either before there is a file."""
    if not FILE.exists():
        return "", []
    found = json.loads(FILE.read_text("utf-8"))
    return found["version"], found["reports"]


def differing(rows: list[Row]) -> tuple[list[tuple[Row, Row]], int]:
    """The rows whose verdict is another one now, with what it is, and the number of reports that differ otherwise."""
    pairs = [(row, told(row)) for row in rows]
    verdicts = [(then, now) for then, now in pairs if then["answer"] != now["answer"]]
    others = sum(then["answer"] == now["answer"] and then["digest"] != now["digest"] for then, now in pairs)
    return verdicts, others


def words(then: Row, now: Row) -> str:
    """One changed verdict, with the line that shows it."""
    given = " ".join(f"{field}={text}" for field, text in then["given"].items())
    start = f" --preset {then['preset']}" if then["preset"] else ""
    return f"{then['decision']}{start} {given}: {then['answer']} -> {now['answer']}"


def announced() -> bool:
    """Whether the changelog and the list behind old links speak of this model version."""
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    return links.CHANGES[-1][0] == MODEL_VERSION and f"\n## {MODEL_VERSION}\n" in changelog


def main() -> int:
    """Renew the file. Ends with 1 when verdicts changed without a new, announced model version."""
    version, rows = kept()
    verdicts, others = differing(rows)
    for pair in verdicts:
        print(words(*pair))
    if verdicts and (version == MODEL_VERSION or not announced()):
        print(
            f"{len(verdicts)} verdicts changed. Raise MODEL_VERSION (now {MODEL_VERSION}, as in the file) and say in "
            "CHANGELOG.md and in CHANGES of calculator/links.py what changed and why; then run this again."
        )
        return 1
    known = Counter(row["decision"] for row in rows)
    rows += [row for name in catalog.names() if name not in known for row in situations(name)]
    lines = ",\n".join(json.dumps(told(row), ensure_ascii=False) for row in rows)
    FILE.write_text(f'{{"version": "{MODEL_VERSION}", "reports": [\n{lines}\n]}}\n', "utf-8")
    print(f"{len(rows)} reports kept: {len(verdicts)} verdicts and {others} other reports changed.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
