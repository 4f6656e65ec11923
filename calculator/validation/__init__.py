"""Our estimates against what others measured.

Each quantity is a module of this package, ``calculator/validation/<what>.py`` (the command's ``training-memory`` is
``training_memory``). A module defines:

``ID``          the column that identifies a row, such as "row_id".
``FIELDS``      the columns of a prediction, in order, ID first and "reason" last.
``QUANTITIES``  a tuple of ``Quantity``: what is predicted, where its band is, and how to read the measured answer.
``predict(row)``  Mapping of text in, dict of FIELDS out. It never reads an answer column, nor ``notes`` but for the
                framework or kernel it names. A row that can't be predicted has a reason and no numbers; any
                exception but ValueError is a defect.
``usable(row)``   optional: whether a row belongs in the error table; otherwise every row with an answer does.
``fit(rows)``     optional: coefficients from these rows. Then ``predict(row, coefficients=...)`` takes them as a
                keyword, with the published ones as its default, and ``validate`` adds the left-out column: each
                source is predicted with coefficients fitted without it.
``SOURCE`` and ``METHOD``   optional: the columns to group by; "source" and "method" otherwise.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Row = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One predicted number and the measured one that it is held against."""

    name: str
    """In words, with the unit: "decode speed, batch 1 (tokens/s)"."""
    estimate: str
    """Column of the prediction."""
    measured: Callable[[Row], float | None]
    """The measured value in the unit of the estimate; None where the row has none of it."""
    low: str = ""
    """Column of the lower end of the band; empty where there is none."""
    high: str = ""
