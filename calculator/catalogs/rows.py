"""Reads the data files of the package, also from a zip or a bytecode bundle."""

import tomllib
from pkgutil import get_data
from typing import Any

_HERE = "calculator.catalogs"


def read_rows(name: str, package: str = _HERE) -> list[dict[str, str]]:
    """The rows of a file that lies in a package: comma-separated, no quoting, one header line."""
    head, *lines = _text(name, package).splitlines()
    columns = head.split(",")
    return [dict(zip(columns, line.split(","), strict=True)) for line in lines]


def read_table(name: str, package: str = _HERE) -> dict[str, Any]:
    """A TOML file that lies in a package."""
    return tomllib.loads(_text(name, package))


def _text(name: str, package: str) -> str:
    data = get_data(package, name)
    if data is None:
        raise FileNotFoundError(f"{package}: {name}")
    return data.decode()
