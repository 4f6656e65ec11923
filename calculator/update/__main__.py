"""Verdicts of all presets, on their pages and overall: written to a file, or compared with one written before."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from calculator import catalog, engine, presets
from calculator.faces import browser


def verdicts() -> dict[str, str]:
    """The answer of each preset, on its page and overall, by "preset: decision"."""
    found = {}
    for preset in presets.presets():
        for name in dict.fromkeys((preset.page, catalog.OVERALL)):
            decision = catalog.decision(name)
            reading = engine.read(decision, browser.merge(name, {}, preset.name)[0])
            built = engine.evaluate_point(name, decision, reading)
            found[f"{preset.name}: {name}"] = f"{built.verdict.answer}. {built.verdict.headline}"
    return found


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """What is said otherwise than before, one line each; that nothing is, when so."""
    said = [
        f"{key}\n  was: {before.get(key, '-')}\n  is:  {text}"
        for key, text in after.items()
        if before.get(key) != text
    ]
    return said or ["All presets say what they said."]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the verdicts of this state, or print how they differ from those in a file."""
    parser = argparse.ArgumentParser(prog="calculator.update", description="Verdicts of the presets, and what changed")
    parser.add_argument("file", type=Path)
    parser.add_argument("--against", action="store_true", help="compare with the file in place of writing it")
    parsed = parser.parse_args(arguments)
    if parsed.against:
        print("\n".join(difference(json.loads(parsed.file.read_text("utf-8")), verdicts())))
    else:
        parsed.file.write_text(json.dumps(verdicts(), ensure_ascii=False, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
