"""The package as others get it: its wheel, built and installed in a folder of its own."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NEEDED = ("pyproject.toml", "setup.py", "README.md", "LICENSE")


def build(folder: Path) -> Path:
    """The wheel, built from a copy so that nothing is left in the checkout."""
    source = folder / "source"
    source.mkdir(parents=True)
    for name in NEEDED:
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "calculator", source / "calculator", ignore=shutil.ignore_patterns("__pycache__"))
    (source / "docs" / "assets").mkdir(parents=True)
    for path in (ROOT / "docs" / "assets").glob("*.*"):
        shutil.copy(path, source / "docs" / "assets")
    made = folder / "dist"
    _run([sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(made), str(source)])
    (wheel,) = made.glob("*.whl")
    return wheel


def install(wheel: Path, folder: Path, *, beside: bool = False) -> Path:
    """The Python of a fresh environment that holds the wheel alone; with `beside` it finds what the tests have too."""
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "--quiet"]
    _run([*pip, "install", "--no-deps", "--no-index", str(wheel)])
    if beside:
        (packages,) = folder.glob("lib/python*/site-packages")
        (packages / "beside.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
