"""A reader's task in the terms of the published comparisons, as the decisions about data see it."""

from functools import lru_cache

from calculator.cases import NEUTRAL, Situation
from calculator.situation import YEAR, Task


@lru_cache(maxsize=4096)
def described(
    task: str, classes_count: float | None, long_context: bool, prompted_accuracy_share: float, examples: float
) -> Situation:
    """The situation with so many examples: the prompt worked on, the comparison a neutral one, labels by people."""
    return Situation(
        task_type=Task(task).published,
        n_train_examples=examples,
        n_classes=classes_count,
        baseline_prompted_score_01=prompted_accuracy_share,
        multi_turn_or_long_context=long_context,
        year=YEAR,
        baseline_is_engineered=True,
        tuned_arm_by=NEUTRAL,
        larger_model_labels=False,
    )
