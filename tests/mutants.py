"""Whether the tests would notice: `python -m tests.mutants`, or `make mutants`.

`tests/mutants.toml` names guards of the package, one a row: the file, what stands there, what is put in its place, and
the tests that must then fail. Each is tried in a copy of the checkout, never in the checkout itself, and without the
golden reports, which anybody may renew. A guard that no longer stands where the list says is an error. Exit code 1 when
fewer than 95 in 100 are noticed.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).resolve().parent.parent
LIST = Path(__file__).with_name("mutants.toml")
COPIED = ("calculator", "tests", "docs", "overrides", "bench", ".github")
FEWEST_SHARE = 0.95
LONGEST_SECONDS = 600

Mutant = Mapping[str, str]


def mutants() -> list[Mutant]:
    """All rows of the list."""
    rows: list[Mutant] = tomllib.loads(LIST.read_text("utf-8"))["mutant"]
    return rows


def wrong(mutant: Mutant) -> str:
    """Why a row cannot be tried; empty when it can."""
    path = ROOT / mutant["file"]
    if not path.is_file():
        return "there is no such file"
    found = path.read_text("utf-8").count(mutant["old"])
    return "" if found == 1 else f"what it replaces stands there {found} times"


def _copy(folder: Path) -> Path:
    for name in COPIED:
        if (ROOT / name).exists():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "runtime"))
    for path in ROOT.iterdir():
        if path.is_file() and not path.name.startswith("."):
            shutil.copy(path, folder)
    if (ROOT / "node_modules").exists():
        (folder / "node_modules").symlink_to((ROOT / "node_modules").resolve())
    return folder


def _passes(folder: Path, tests: str) -> bool | None:
    """Whether these tests pass in a copy; None when none of them could be run."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *shlex.split(tests)]
    # Bytecode of one mutant must not be taken for the next one's: both may be written in the same second.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(folder)}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, timeout=LONGEST_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return {0: True, 1: False, 2: False}.get(done.returncode)


def try_one(folder: Path, mutant: Mutant) -> bool | None:
    """Whether a mutant is noticed."""
    path = folder / mutant["file"]
    before = path.read_text("utf-8")
    path.write_text(before.replace(mutant["old"], mutant["new"]), "utf-8")
    try:
        passed = _passes(folder, mutant["tests"])
    finally:
        path.write_text(before, "utf-8")
    return None if passed is None else not passed


def main(arguments: Sequence[str] | None = None) -> int:
    """Try all mutants and print the share that is noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="Whether the tests would notice.")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", default="", help="only rows whose file or name holds this text")
    asked = parser.parse_args(arguments)
    rows = [row for row in mutants() if asked.only in row["file"] or asked.only in row["name"]]
    for row in rows:
        if why := wrong(row):
            print(f"{row['file']}: {row['name']}: {why}", file=sys.stderr)
            return 2
    with tempfile.TemporaryDirectory() as name:
        folders: Queue[Path] = Queue()
        for number in range(asked.jobs):
            (Path(name) / str(number)).mkdir()
            folders.put(_copy(Path(name) / str(number)))

        def anywhere(row: Mutant | str) -> bool | None:
            folder = folders.get()
            try:
                return _passes(folder, row) if isinstance(row, str) else try_one(folder, row)
            finally:
                folders.put(folder)

        with ThreadPoolExecutor(asked.jobs) as pool:
            sets = sorted({row["tests"] for row in rows})
            red = [tests for tests, passed in zip(sets, pool.map(anywhere, sets), strict=True) if not passed]
            if red:
                print("These do not pass as it is:", *red, sep="\n  ", file=sys.stderr)
                return 2
            noticed = 0
            for row, found in zip(rows, pool.map(anywhere, rows), strict=True):
                noticed += bool(found)
                if not found:
                    print(f"not noticed: {row['file']}: {row['name']}", flush=True)
    share = noticed / len(rows)
    print(f"{noticed} of {len(rows)} mutants noticed, {100 * share:.1f} %")
    return int(share < FEWEST_SHARE)


if __name__ == "__main__":
    sys.exit(main())
