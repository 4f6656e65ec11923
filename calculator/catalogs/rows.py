"""Reads the data files of this package, also from a zip or a bytecode bundle."""


def read_rows(name: str) -> list[dict[str, str]]:
    """The rows of a file of this package: comma-separated, no quoting, one header line."""
    folder = __file__.replace("\\", "/").rpartition("/")[0]
    loader = __spec__.loader
    data: bytes = loader.get_data(f"{folder}/{name}")  # type: ignore[union-attr]
    head, *lines = data.decode().splitlines()
    columns = head.split(",")
    return [dict(zip(columns, line.split(","), strict=True)) for line in lines]
