"""`python -m calculator.evaluation accuracy [--write]`: remake what stands beside estimates from published rows."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from calculator.evaluation import figures
from calculator.llm import accuracy


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures, and store them when asked to. Exit code 1 when those that were stored are others."""
    parser = argparse.ArgumentParser(prog="calculator.evaluation", description="Our error on published runs.")
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("accuracy", help="the figures that stand beside estimates; takes up to a minute")
    make.add_argument("--write", action="store_true", help="store them")
    parsed = parser.parse_args(arguments)
    text, path = figures.stored(figures.figures()), Path(accuracy.PATH)
    if parsed.write:
        path.write_text(text, "utf-8")
    print(text, end="")
    return int(not path.is_file() or path.read_text("utf-8") != text)


if __name__ == "__main__":
    sys.exit(main())
