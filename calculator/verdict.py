"""What a decision is and what it says: its question, its arithmetic, and the verdict in words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any

from calculator.exhibit import Exhibit


@dataclass(frozen=True)
class Lamp:
    """One figure that is read before the verdict, and whether it stands well, close or badly."""

    words: str
    state: str
    """good, close or bad."""


@dataclass(frozen=True)
class Verdict:
    """One answer with the sentence that carries it, the reasons, and the cheapest next step.

    lamps: the few figures that a reader wants before the answer, each on its own.
    """

    answer: StrEnum
    headline: str
    reasons: tuple[str, ...]
    next_step: str = ""
    lamps: tuple[Lamp, ...] = ()


class Stance(Enum):
    """What an answer means for training: for it, against it, or neither."""

    TRAIN = "train"
    REFRAIN = "refrain"
    OPEN = "open"


@dataclass(frozen=True)
class Decision:
    """One question with everything derived from it.

    compute: Inputs to Outputs, arithmetic on plain floats, called once per draw and so quick (0.1 ms).
    judge: Inputs and Outputs to a Verdict, comparisons only.
    choose: the answer alone, when `judge` spends time on words; it must agree with `judge`.
    exhibits: tables and pictures for the stated inputs, made once per report.
    result: the name of the output that the sensitivity chart follows; the first output when empty.
    values: the output that holds each answer's worth; then the verdict's is the largest, and a report can say what it
    would be worth to know the uncertain fields (expected value of perfect information).
    settle: the outputs with the given answer in place of the one that compute picked. With it the verdict is the answer
    that most draws give, so no verdict is one that its own draws reject.
    doubts: what a verdict may fail of, by name: a function of the inputs and the answer to a chance from 0 to 1,
    averaged over the draws.
    shown: the outputs that stand out; all when empty.
    stances: what each answer means for training; consideration: the one thing this page weighs, as a noun phrase. With
    both, a report can say whether the overall decision agrees, and if not, why.
    """

    question: str
    Inputs: Any
    Outputs: Any
    compute: Callable[[Any], Any]
    judge: Callable[[Any, Any], Verdict]
    choose: Callable[[Any, Any], StrEnum] | None = None
    exhibits: Callable[[Any, Any], tuple[Exhibit, ...]] | None = None
    result: str = ""
    values: Mapping[Any, str] = field(default_factory=dict)
    settle: Callable[[Any, StrEnum], Any] | None = None
    doubts: Mapping[str, Callable[[Any, StrEnum], float]] = field(default_factory=dict)
    shown: tuple[str, ...] = ()
    stances: Mapping[Any, Stance] = field(default_factory=dict)
    consideration: str = ""
