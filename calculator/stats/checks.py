"""The bounds that every function of this package puts on its arguments."""
from collections.abc import Sequence


def need_share(name: str, given: float) -> None:
    """Raise ``ValueError`` unless ``given`` lies in [0, 1]."""
    if not 0.0 <= given <= 1.0:
        raise ValueError(f"{name} must be from 0 to 1, got {given!r}")


def need_inside(name: str, given: float) -> None:
    """Raise ``ValueError`` unless ``given`` lies strictly between 0 and 1."""
    if not 0.0 < given < 1.0:
        raise ValueError(f"{name} must lie strictly between 0 and 1, got {given!r}")


def need_positive(name: str, given: float) -> None:
    """Raise ``ValueError`` unless ``given`` is above zero."""
    if not given > 0.0:
        raise ValueError(f"{name} must be above 0, got {given!r}")


def need_at_least(name: str, given: float, lowest: float) -> None:
    """Raise ``ValueError`` unless ``given`` is ``lowest`` or more."""
    if not given >= lowest:
        raise ValueError(f"{name} must be at least {lowest!r}, got {given!r}")


def need_counts(name: str, successes: float, trials: float) -> None:
    """Raise ``ValueError`` unless 0 <= successes <= trials and trials >= 1."""
    need_at_least("trials", trials, 1)
    if not 0 <= successes <= trials:
        raise ValueError(f"{name} must be from 0 to {trials!r} (the trials), got {successes!r}")


def need_some(name: str, given: Sequence[object]) -> None:
    """Raise ``ValueError`` when ``given`` is empty."""
    if not given:
        raise ValueError(f"{name} must hold at least one value, got none")


def not_negative(**values: float) -> None:
    """Raise ``ValueError``, naming the argument, unless all are 0 or more."""
    for name, value in values.items():
        if not value >= 0:
            raise ValueError(f"{name}: must be 0 or more, {value} was given")


def positive(**values: float) -> None:
    """Raise ``ValueError``, naming the argument, unless all are above 0."""
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{name}: must be above 0, {value} was given")


def shares(**values: float) -> None:
    """Raise ``ValueError``, naming the argument, unless all are from 0 to 1."""
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name}: must be from 0 to 1, {value} was given")
