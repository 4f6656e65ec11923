"""Reads the data files of this package, also from a zip or a bytecode bundle."""

import tomllib
from typing import Any


def read_rows(name: str) -> list[dict[str, str]]:
    """The rows of a file of this package: comma-separated, no quoting, one header line."""
    head, *lines = _text(name).splitlines()
    columns = head.split(",")
    return [dict(zip(columns, line.split(","), strict=True)) for line in lines]


def read_table(name: str) -> dict[str, Any]:
    """A TOML file of this package."""
    return tomllib.loads(_text(name))


def _text(name: str) -> str:
    folder = __file__.replace("\\", "/").rpartition("/")[0]
    data: bytes = __spec__.loader.get_data(f"{folder}/{name}")  # type: ignore[union-attr]
    return data.decode()
