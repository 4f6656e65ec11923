"""How far our estimates were off on published runs, in one sentence to stand beside each.

The figures are data (`accuracy.json`), made by `python -m calculator.evaluation figures --write` from the complete
published rows. Each source was predicted with coefficients fitted without it.
"""

import json
from functools import cache
from typing import NamedTuple

PATH = f"{__file__.rpartition('/')[0]}/accuracy.json"

_WORDS = {
    "training-memory": "Memory",
    "training-throughput": "Speed",
    "decode": "Answering speed",
    "serving-memory": "Serving memory",
}


class Accuracy(NamedTuple):
    """The error on published runs of one kind, with their sources left out of the fit."""

    rows: int
    median_error: float
    """Median of the absolute relative error, as a share."""
    band_covers: float
    """Share of the measured values inside the stated band."""


def accuracy(estimator: str, method: str) -> Accuracy:
    """The figures of an estimator for a method.

    estimator: "training-memory" or "training-throughput", with method "full", "lora", "qlora" or "other adapters";
    "decode", with "one sequence" or "several sequences"; "serving-memory", with "any". ValueError for any other.
    """
    found = _stored()
    if estimator not in found:
        raise ValueError(f"estimator must be one of: {', '.join(found)}; given: {estimator[:60]!r}")
    if method not in found[estimator]:
        raise ValueError(f"method must be one of: {', '.join(found[estimator])}; given: {method[:60]!r}")
    return found[estimator][method]


def sentence(estimator: str, method: str) -> str:
    """What was found on published runs of this kind, in words. Arguments and errors as for `accuracy`."""
    found = accuracy(estimator, method)
    return (
        f"{_WORDS[estimator]} on {found.rows} published runs by the same method, sources left out: median error "
        f"{100 * found.median_error:.2g}\u00a0%, {100 * found.band_covers:.0f}\u00a0% inside the band."
    )


@cache
def _stored() -> dict[str, dict[str, Accuracy]]:
    # By the loader, for in the browser the package is a zip.
    data = json.loads(__spec__.loader.get_data(PATH))  # type: ignore[union-attr]
    return {
        estimator: {method: Accuracy(**numbers) for method, numbers in methods.items()}
        for estimator, methods in data.items()
        if estimator in _WORDS
    }
