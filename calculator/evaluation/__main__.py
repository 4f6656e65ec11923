"""What is remade from published rows, and what is entered once.

    python -m calculator.evaluation figures [--write]    our error, and what of it stands beside estimates
    python -m calculator.evaluation first-contact WHAT FILE --date DAY [--write]    a source seen for the first time
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from calculator import MODEL_VERSION
from calculator.evaluation import WHAT, contact, figures
from calculator.llm import accuracy


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Exit code 1 when stored figures are not those of today, or an entry can't be made."""
    parser = argparse.ArgumentParser(prog="calculator.evaluation", description="Our error on published runs.")
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("figures", help="our error, and what of it stands beside estimates; takes minutes")
    make.add_argument("--write", action="store_true", help="store them")
    make.set_defaults(act=_figures)
    enter = commands.add_parser("first-contact", help="our error on sources that nobody here has seen before")
    enter.add_argument("what", choices=WHAT)
    enter.add_argument("file", metavar="FILE")
    enter.add_argument("--date", required=True, metavar="DAY", help="of the contact, such as 2026-11-28")
    enter.add_argument("--version", default=MODEL_VERSION, help="of the estimators that met them")
    enter.add_argument("--write", action="store_true", help="enter them into the register")
    enter.set_defaults(act=_first_contact)
    parsed = parser.parse_args(arguments)
    return int(parsed.act(parsed))


def _figures(parsed: argparse.Namespace) -> int:
    text = figures.work_out()
    beside = figures.accuracy_text(figures.read(text))
    made = {figures.PATH: text, Path(accuracy.PATH): beside}
    if parsed.write:
        for path, words in made.items():
            path.write_text(words, "utf-8")
    print(beside, end="")
    return int(any(not path.is_file() or path.read_text("utf-8") != words for path, words in made.items()))


def _first_contact(parsed: argparse.Namespace) -> int:
    try:
        entries = contact.judge(parsed.what, parsed.file, date=parsed.date, version=parsed.version)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if parsed.write:
        with contact.PATH.open("a", encoding="utf-8") as lines:
            lines.write(contact.as_csv(entries, header=False))
    print(contact.as_csv(entries), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
