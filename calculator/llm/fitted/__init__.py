"""Numbers that were fitted to published runs: one JSON file for each estimator, made again by
``python -m calculator fit [WHAT] --write``.

Every file has ``made_by``, ``made_on``, ``rows``, ``projects`` and ``coefficients``, and what else its estimator needs
(doubts, spreads). For bands by distance it has ``axes``, the ``cells`` of the runs it was fitted to and a ``variance``
for each axis, as ``calculator.llm.bands`` reads them.
"""

import json
from functools import cache
from typing import Any

FOLDER = __file__.rpartition("/")[0]


@cache
def fitted(what: str) -> dict[str, Any]:
    """The fitted numbers of an estimator: "memory", "speed" or "serving". OSError for one that has no file."""
    # By the loader, for in the browser the package is a zip.
    found: dict[str, Any] = json.loads(__spec__.loader.get_data(f"{FOLDER}/{what}.json"))  # type: ignore[union-attr]
    return found
