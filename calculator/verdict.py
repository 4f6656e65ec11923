"""What a decision is and what it says: its question, its arithmetic, and the verdict in words."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, Generic, NamedTuple, Self, TypeVar

from calculator.exhibit import Exhibit

InputsT = TypeVar("InputsT")
OutputsT = TypeVar("OutputsT")


@dataclass(frozen=True)
class Lamp:
    """One figure that is read before the verdict, and whether it stands well, close or badly."""

    words: str
    state: str
    """good, close or bad."""
    compared: tuple[str, float] | None = None
    """A quantity whose estimates are held against measurements, "memory" or "speed", and its estimate: the page on our
    error marks it in its picture."""


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


@dataclass(frozen=True)
class Turn:
    """A result that nobody has measured yet, and the value of it at which the answer turns, both in words.

    field: the input that it would be typed into; at: that value; condition: all of it as a reader would say it.
    """

    field: str
    label: str
    now: str
    then: str
    condition: str
    at: float
    answer: StrEnum


class Rule(Enum):
    """Which rule decided, and the answer that it gives: what a decision's `Ground` derives from.

    Two rules may give one answer, so a member's value is its place.
    """

    answer: StrEnum

    def __new__(cls, answer: StrEnum) -> Self:
        member = object.__new__(cls)
        member._value_ = len(cls)
        member.answer = answer
        return member


class Stance(Enum):
    """What an answer means for training: for it, against it, or neither."""

    TRAIN = "train"
    REFRAIN = "refrain"
    OPEN = "open"


class Advice(StrEnum):
    """Answers of a page that weighs one thing, with what each means for training."""

    stance: Stance

    def __new__(cls, words: str, stance: Stance) -> Self:
        member = str.__new__(cls, words)
        member._value_, member.stance = words, stance
        return member


class Near(NamedTuple, Generic[InputsT]):
    """What is asked of inputs that differ from some in one field, by its name.

    answer_at: the answer there, which must agree with `choose`. stays: True only where it is certain that the answer is
    the same at every value of the field on the way there; False says nothing. worth_at: one of the outputs there that
    `Decision.values` names, by its answer.
    """

    answer_at: Callable[[str, InputsT], StrEnum]
    stays: Callable[[str, InputsT], bool]
    worth_at: Callable[[str, InputsT, StrEnum], float]


@dataclass(frozen=True)
class Decision(Generic[InputsT, OutputsT]):
    """One question with everything derived from it. All its functions are of the same two classes: mypy holds that.

    compute: Inputs to Outputs, arithmetic on plain floats, called once per draw and so quick (0.1 ms).
    ground: which rule decides, comparisons only, called once per draw. It gives the answer: a member of a `Rule`.
    judge: the verdict in words, which matches over the grounds.
    compute_as_before: from some inputs and names of fields a function to compute with for inputs that differ from those
    computed before, its second argument, in these fields alone: what these are no part of need not be worked out again.
    choose: the answer, where the ground alone does not give it; it must agree with `judge`.
    near: what is asked of inputs that differ from these in one field, when `compute` works out more than that.
    exhibits: tables and pictures for the stated inputs, made once per report, the panel's picture first. Where the
    others take long it gives them one by one, so that the first can be had without them.
    result: the name of the output that the sensitivity chart follows; the first output when empty.
    values: the output that holds each answer's worth; then the verdict's is the largest, and a report can say what it
    would be worth to know the uncertain fields (expected value of perfect information).
    settle: the outputs with the given answers, first and second, in place of those that compute picked. With it the
    verdict is the answer that most draws give, so no verdict is one that its own draws reject.
    kinds: what answers begin with, as in "every step that trains", where several begin with the same thing to do: such
    answers count as one when draws are counted, and the commonest of them stands for all.
    believed: the assumptions that are not drawn, because their doubt is part of what the decision believes.
    turns: the measurements still to be made at which the answer turns, which come before all other flips.
    doubts: what a verdict may fail of, by name: a function of the inputs and the answer to a chance from 0 to 1,
    averaged over the draws.
    shown: the outputs that stand out; all when empty.
    consideration: the one thing this page weighs, as a noun phrase. With it and answers that are `Advice` a report can
    say whether the overall decision agrees, and if not, why.
    """

    question: str
    Inputs: type[InputsT]
    Outputs: type[OutputsT]
    compute: Callable[[InputsT], OutputsT]
    ground: Callable[[InputsT, OutputsT], Enum]
    judge: Callable[[InputsT, OutputsT], Verdict]
    compute_as_before: Callable[[InputsT, frozenset[str]], Callable[[InputsT, InputsT], OutputsT]] | None = None
    choose: Callable[[InputsT, OutputsT], StrEnum] | None = None
    near: Callable[[InputsT], Near[InputsT]] | None = None
    exhibits: Callable[[InputsT, OutputsT], Iterable[Exhibit]] | None = None
    result: str = ""
    values: Mapping[StrEnum, str] = field(default_factory=dict)
    settle: Callable[[InputsT, tuple[StrEnum, ...]], OutputsT] | None = None
    kinds: Mapping[StrEnum, str] = field(default_factory=dict)
    believed: frozenset[str] = frozenset()
    turns: Callable[[InputsT, OutputsT], tuple[Turn, ...]] | None = None
    doubts: Mapping[str, Callable[[InputsT, StrEnum], float]] = field(default_factory=dict)
    shown: tuple[str, ...] = ()
    consideration: str = ""


AnyDecision = Decision[Any, Any]
"""A decision where those of all kinds are held together."""
