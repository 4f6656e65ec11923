"""Published head-to-head comparisons of prompting, retrieval, tuning and small models, and what they teach.

`published.json` holds the comparisons, each with its source. `quality` predicts the score of each option for a
situation, `nearest` finds the comparisons most like it. `fit` makes the coefficients and is never needed by a reader.
Nothing here was measured by this project.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

OPTIONS: Mapping[str, str] = {
    "as_is": "a large model with a plain prompt",
    "prompting": "an engineered prompt",
    "few_shot": "examples in the prompt",
    "slm_prompted": "a small model with a prompt",
    "rag": "retrieval",
    "ft_small": "a tuned small model",
    "ft_large": "a tuned large model",
    "ft_plus_rag": "retrieval with a tuned model",
    "continued_pretraining": "continued pretraining",
}
"""The nine options by their public name, and what each is in words. Small means up to about 15 billion parameters."""

TRAINED = frozenset({"ft_small", "ft_large", "ft_plus_rag", "continued_pretraining"})
"""The options that change weights."""

TASK_TYPES: Mapping[str, str] = {
    "classification": "classification",
    "extraction": "extraction",
    "sql": "text to SQL",
    "tool_use": "tool use",
    "code": "code",
    "generation": "writing",
    "dialogue": "dialogue",
    "translation": "translation",
    "qa_knowledge": "knowledge questions",
    "reasoning": "reasoning",
}
"""The kinds of task by their public name, and each in words. A kind outside the list is taken as none of them."""

MAKER, NEUTRAL, UNKNOWN = "maker", "neutral", "unknown"
"""Whose table a comparison is. Of the maker: by the authors or sellers of the tuned model, or of the method or service
that tuned it. Neutral: by somebody who has neither to show. Unknown, or None, where it cannot be told and where the
table is by the makers of a rival of the tuned model."""

LEVELS = ("low", "medium", "high")
"""What a level of specialisation or of strictness can be."""


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What is known before anybody decides. None means not known; `read_situation` checks untrusted values.

    n_train_examples: labelled examples at hand. n_classes: classes they are spread over, for classification.
    baseline_prompted_score_01: the best score of any untrained model, from 0 to 1; the large one is that of a large
    model alone. knowledge_changes_often: whether the facts in an answer change, as a flag or as a share from 0 to 1.
    baseline_is_engineered: whether somebody worked on the prompt behind the baseline; None looks at the options.
    tuned_arm_by: `MAKER`, `NEUTRAL`, `UNKNOWN` or None. larger_model_labels: whether a larger model writes or labels
    the training data beside the labels at hand.
    """

    task_type: str | None = None
    domain_specialisation: str | None = None
    n_train_examples: float | None = None
    n_classes: float | None = None
    baseline_prompted_score_01: float | None = None
    baseline_large_prompted_score_01: float | None = None
    knowledge_changes_often: float | None = None
    output_format_strictness: str | None = None
    multi_turn_or_long_context: bool | None = None
    year: float | None = None
    baseline_is_engineered: bool | None = None
    tuned_arm_by: str | None = None
    larger_model_labels: bool | None = None
    domain: str = ""


@dataclass(frozen=True)
class Measured:
    """One row of a comparison: an option, the model that stood for it, and its score as printed.

    counts is False for rows shown by the source that nobody could deploy, such as a perfect retriever.
    """

    option: str
    model: str
    params_b: float | None
    score: float
    counts: bool = True


@dataclass(frozen=True, kw_only=True)
class Case:
    """One published comparison. top_score is what a perfect system scores (1 or 100); None when scores are relative."""

    id: str
    title: str
    source_group: str
    source: str
    url: str
    locator: str
    evidence: str
    verified: bool = True
    suspect: bool = False
    caveat: str = ""
    cost: str = ""
    situation: Situation
    metric: str
    top_score: float | None = None
    measured: tuple[Measured, ...]
    winner: str
    margin_points: float | None = None
    within_2_points: tuple[str, ...]

    @property
    def options(self) -> tuple[str, ...]:
        """The options that were measured, in the order of `OPTIONS`."""
        seen = {row.option for row in self.measured if row.counts}
        return tuple(option for option in OPTIONS if option in seen)

    @property
    def best(self) -> dict[str, Measured]:
        """The best row of each option."""
        found: dict[str, Measured] = {}
        for row in self.measured:
            if row.counts and (row.option not in found or row.score > found[row.option].score):
                found[row.option] = row
        return found


def read_data(name: str) -> bytes:
    """A data file of this folder, also out of a zip or a bytecode bundle."""
    loader = __spec__.loader
    data: bytes = loader.get_data(f"{__file__.rpartition('/')[0]}/{name}")  # type: ignore[union-attr]
    return data


@cache
def cases() -> tuple[Case, ...]:
    """Every comparison in the project, suspect ones included."""
    from json import loads

    return read_cases(loads(read_data("published.json")))


def read_cases(data: Mapping[str, Any]) -> tuple[Case, ...]:
    """The comparisons of a file in the form of `published.json`. Raises KeyError when a field is missing."""
    return tuple(_case(row, data["sources"]) for row in data["cases"])


_SITUATION = ("task_type", "domain_specialisation", "output_format_strictness", "year", "domain")
_SITUATION_WHERE_KNOWN = (
    "n_train_examples", "n_classes", "baseline_prompted_score_01", "baseline_large_prompted_score_01",
    "knowledge_changes_often",
)  # fmt: skip
_CASE = ("id", "title", "locator", "evidence", "metric", "winner")
_CASE_WHERE_SAID = ("verified", "suspect", "caveat", "cost", "top_score", "margin_points")


def _case(row: Mapping[str, Any], sources: Mapping[str, Any]) -> Case:
    source, url, tuned_arm_by = sources[row["source"]]
    known: dict[str, Any] = {name: row.get(name) for name in _SITUATION_WHERE_KNOWN}
    return Case(
        source_group=row["source"],
        source=source,
        url=url,
        situation=Situation(
            tuned_arm_by=tuned_arm_by,
            multi_turn_or_long_context=row.get("multi_turn_or_long_context", False),
            **{name: row[name] for name in _SITUATION},
            **known,
        ),
        measured=tuple(Measured(m[0], m[1], m[2], m[3], counts=len(m) == 4) for m in row["options"]),
        within_2_points=tuple(row["within_2_points"]),
        **{name: row[name] for name in _CASE},
        **{name: row[name] for name in _CASE_WHERE_SAID if name in row},
    )


_NUMBERS = {
    "n_train_examples": (0.0, 1e12),
    "n_classes": (1.0, 1e7),
    "baseline_prompted_score_01": (0.0, 1.0),
    "baseline_large_prompted_score_01": (0.0, 1.0),
    "knowledge_changes_often": (0.0, 1.0),
    "year": (1950.0, 2200.0),
}
_FLAGS = ("multi_turn_or_long_context", "baseline_is_engineered", "larger_model_labels")
_WORDS = {
    "domain_specialisation": LEVELS,
    "output_format_strictness": LEVELS,
    "tuned_arm_by": (MAKER, NEUTRAL, UNKNOWN),
}


def read_situation(given: Mapping[str, Any], where: str = "situation") -> Situation:
    """The known fields of a case or a request; other fields are ignored, missing ones are not known.

    domain_specialisation may be a word or a table with a level. Raises ValueError that names the field, what is
    allowed and what was given.
    """
    values: dict[str, Any] = {}
    for field in (*_NUMBERS, *_FLAGS, *_WORDS, "task_type", "domain"):
        value = given.get(field)
        if field in _WORDS and isinstance(value, Mapping):
            value = value.get("level")
        if value is None:
            continue
        if field in _NUMBERS:
            low, high = _NUMBERS[field]
            flagged = isinstance(value, bool) and field != "knowledge_changes_often"
            fits = not flagged and isinstance(value, int | float) and low <= value <= high
            allowed = f"a number from {low:g} to {high:g}"
        elif field in _FLAGS:
            fits, allowed = isinstance(value, bool), "true or false"
        elif field in _WORDS:
            fits, allowed = value in _WORDS[field], f"one of {', '.join(_WORDS[field])}"
        else:
            fits, allowed = isinstance(value, str), "text"
        if not fits:
            raise ValueError(f"{where}: {field} must be {allowed}, got {value!r}")
        values[field] = float(value) if field in _NUMBERS else value
    return Situation(**values)


def read_options(given: Mapping[str, Any], where: str = "situation") -> tuple[str, ...]:
    """The options that were measured: `options_measured`, a list of names, or else `options`, a list of names or of
    tables with an `option`. All nine when neither is given. Scores in the tables are never looked at.

    Raises ValueError that names the field, what is allowed and what was given.
    """
    field = "options_measured" if given.get("options_measured") is not None else "options"
    listed = given.get(field)
    if listed is None:
        return tuple(OPTIONS)
    if not isinstance(listed, list | tuple) or not listed:
        raise ValueError(f"{where}: {field} must be a list with at least one option, got {listed!r}")
    seen = set()
    for entry in listed:
        if isinstance(entry, Mapping):
            if entry.get("exclude_from_winner"):
                continue
            entry = entry.get("option")
        if entry not in OPTIONS:
            raise ValueError(f"{where}: {field} may hold {', '.join(OPTIONS)}, got {entry!r}")
        seen.add(entry)
    return tuple(option for option in OPTIONS if option in seen)
