"""A reader's own training runs: how far they are from our estimates. Native only.

The file has the columns that ``predict training-memory`` and ``predict training-throughput`` read, with
``measured_peak_gib`` for memory and ``tokens_per_s_per_gpu`` for speed; a row may have one of them or both.
"""

import csv
from collections.abc import Mapping
from math import log, sqrt
from pathlib import Path
from statistics import fmean, pvariance
from typing import NamedTuple

from calculator.evaluation import published, training_memory, training_throughput

ANOTHER_SETUP_SD = 0.05
"""What a run's error says of another set-up on the same machine: a judgement, as a deviation of the logarithm."""


class Ratio(NamedTuple):
    """Measured over estimated: the mean of the logarithm over the runs, and how well they tell it."""

    log_mean: float
    log_sd: float
    runs: int


def ratios(path: str, memory_repeat: float, speed_repeat: float) -> tuple[Ratio | None, Ratio | None]:
    """How far the runs in a file are from our estimates of memory and of speed; None for what no run measured.

    ``memory_repeat`` and ``speed_repeat``: what repeating a run moves the logarithm by. Raises ValueError for a file
    without a run that has both a measurement and an estimate, with the reasons, and for a file that is no CSV with a
    header; OSError for a file that cannot be read.
    """
    with Path(path).open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise ValueError(f"{path}: a CSV file with a header and at least one run is needed")
    known = dict.fromkeys([*published("training-memory")[0], *published("training-throughput")[0]], "")
    memory, speed, reasons = list[float](), list[float](), list[str]()
    for number, row in enumerate(rows, 2):
        filled = {**known, **{column: text for column, text in row.items() if column and text}}
        for column, predict, estimate, into in (
            ("measured_peak_gib", training_memory.predict, "estimate_gib", memory),
            ("tokens_per_s_per_gpu", training_throughput.predict, "estimate_tokens_per_s_per_gpu", speed),
        ):
            if not filled[column]:
                continue
            try:
                into.append(log(float(filled[column]) / _estimated(predict(filled), estimate)))
            except ValueError as error:
                reasons.append(f"line {number}, {column}: {error}")
    if not memory and not speed:
        columns = "measured_peak_gib or tokens_per_s_per_gpu"
        raise ValueError(f"{path}: no run with {columns} can be estimated; {'; '.join(reasons[:5]) or 'none has them'}")
    return _ratio(memory, memory_repeat), _ratio(speed, speed_repeat)


def _estimated(prediction: Mapping[str, object], column: str) -> float:
    found = prediction.get(column)
    if not found:
        raise ValueError(str(prediction.get("reason") or "no estimate"))
    return float(str(found))


def _ratio(logs: list[float], repeat: float) -> Ratio | None:
    if not logs:
        return None
    # What the runs differ by among themselves, and what any of them may differ by from the set-up that is asked for.
    spread = pvariance(logs) + repeat**2
    return Ratio(fmean(logs), sqrt(spread / len(logs) + ANOTHER_SETUP_SD**2), len(logs))
