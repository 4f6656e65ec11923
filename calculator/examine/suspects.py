"""After a run that did not help: what its numbers look like, the cheapest check of each, and what not to try.

A suspect is named only for what stands in the log, the scores or the data. Where they show nothing, nothing is said.
The limits below are planning values of this project; each stands in the words of what it finds.
"""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

from calculator.examine import tree
from calculator.examine.runs import SCORES, Point, Run
from calculator.examine.tree import Tree, counted, section
from calculator.json_text import read_json
from calculator.stats import intervals, paired
from calculator.stats.normal import critical_z, normal_quantile

STILL_FALLING_SHARE = 0.1
"""Of its whole fall that a loss made in its last quarter: it had not come to rest."""

RISE_SHARE = 0.03
"""Of its least value that an evaluation loss rose by after it: more than the noise of most."""

TRAIN_FALL_SHARE = 0.05
BLOWN_UP_RATIO = 1.5
"""Of the first loss that a later one stayed above."""

FLAT_SHARE = 0.02
CONFLICT_SHARE = 0.02
ALPHA, POWER = 0.05, 0.8


class Score(NamedTuple):
    """Right items of all that were tested."""

    right: float
    items: float

    @property
    def share(self) -> float:
        """The score."""
        return self.right / self.items


def score(name: str, given: object) -> Score | None:
    """(right, items) as a Score; ValueError that names what is wrong. None stays None."""
    if given is None:
        return None
    if not isinstance(given, Sequence) or len(given) != 2:
        raise ValueError(f"{name}: must be right items and all items, like (120, 200); given: {str(given)[:40]}")
    right, items = given
    if not (isinstance(right, int | float) and isinstance(items, int | float) and 0 <= right <= items and items >= 1):
        raise ValueError(f"{name}: right items must be from 0 to all items, of at least 1; given: {right}, {items}")
    return Score(float(right), float(items))


def suspect(key: str, evidence: str, check: str = "") -> Tree:
    """One thing that it looks like, by ``suspects.toml``; check: another than the cheapest one there."""
    told = tree.known("suspects")[key]
    return {"key": key, "title": told["title"], "evidence": evidence, "check": check or told["check"],
            "not": told["not"]}  # fmt: skip


def after_a_bad_run(
    log_text: str = "",
    *,
    before: object = None,
    after: object = None,
    old_before: object = None,
    old_after: object = None,
    results: Tree | None = None,
    data: Tree | None = None,
) -> Tree:
    """What a run that did not help looks like, from any of: its log, the scores before and after, results, the data.

    before, after: (right items, items) on the new task; old_before, old_after: the same on what the model could do
    before. results: the tree of results with two variants, the first before and the second after. data: the tree of
    the training data. Raises ValueError for scores that are none.
    """
    found: list[Tree] = []
    run = Run("the log")
    run.take(log_text.splitlines())
    if not run.said.count and log_text.lstrip().startswith(("{", "[")):
        run = _history(log_text)
    scores = [score(name, given) for name, given in (("before", before), ("after", after))]
    old = [score(name, given) for name, given in (("old_before", old_before), ("old_after", old_after))]
    found += _of_the_log(run)
    if data is not None:
        found += _of_the_data(data)
    found += _of_the_scores(scores[0], scores[1], results)
    found += _forgetting(old[0], old[1])
    looked = [
        words
        for words, there in (
            ("the log", run.said.count > 0),
            ("the scores", scores[0] is not None and scores[1] is not None),
            ("the results by item", results is not None),
            ("the data", data is not None),
            ("the scores on earlier tasks", None not in old),
        )
        if there
    ]
    note = (
        f"Looked at: {', '.join(looked)}." if looked else "Nothing was given that says anything of a run."
    ) + ("" if found else " None of what we look for shows in it.")  # fmt: skip
    part = section("suspects", "What it looks like", note=note)
    part["suspects"] = found
    curve = run.tree(size=len(log_text), done=True)
    names = ", ".join(one["title"].lower() for one in found)
    return tree.whole(
        kind="suspects", name="after a run", form="", container="", size=len(log_text), done=True,
        headline=f"It looks like: {names}." if found else "The numbers show none of the usual causes.",
        numbers={"suspects": [one["key"] for one in found]},
        sections=[part, *(one for one in curve["sections"] if one["key"] == "losses")],
    )  # fmt: skip


def _history(text: str) -> Run:
    run = Run("the log")
    try:
        run.take_history(read_json(text))
    except (ValueError, RecursionError):
        return run
    return run


def _curve(run: Run, *names: str) -> list[Point]:
    return max((run.curves.get(name, []) for name in names), key=len)


def _evals(run: Run) -> list[Point]:
    names = [name for name in run.curves if name.startswith(("eval_", "val_")) and name.endswith("loss")]
    return max((run.curves[name] for name in names), key=len) if names else []


def _mean(points: Sequence[Point]) -> float:
    return sum(point.value for point in points) / len(points)


def _of_the_log(run: Run) -> list[Tree]:
    losses, evals = _curve(run, "loss", "train_loss", "training_loss"), _evals(run)
    found = []
    quarter = max(1, len(losses) // 4)
    if len(losses) >= 8:
        first, last = _mean(losses[:quarter]), _mean(losses[-quarter:])
        before_last = _mean(losses[-2 * quarter : -quarter])
        blown = last > BLOWN_UP_RATIO * losses[0].value or (run.not_finite.count > 0)
        if blown:
            found.append(_too_high(losses, run))
        elif first > 0 and abs(first - last) < FLAT_SHARE * first and not _fell(losses, last) and not _fell(evals):
            found.append(_too_low(losses, run))
        elif (
            first > last
            and before_last - last > max(STILL_FALLING_SHARE * (first - last), 2 * _error(losses[-2 * quarter :]))
            and not _rises(evals)
        ):
            found.append(_too_few(losses, run, (before_last - last) / (first - last)))
    elif run.not_finite.count:
        found.append(_too_high(losses, run))
    if _rises(evals) and _train_falls(losses):
        found.append(_overfitting(losses, evals))
    elif not evals and _train_falls(losses):
        name, scores = _eval_scores(run)
        if _rises([Point(point.step, -point.value, point.line) for point in scores]):
            found.append(_scores_fell(losses, name, scores))
    return found


def _rises(evals: Sequence[Point]) -> bool:
    if len(evals) < 3:
        return False
    least = min(evals, key=lambda point: point.value)
    return evals[-1].value > least.value + RISE_SHARE * abs(least.value) and evals.index(least) < len(evals) - 1


def _fell(points: Sequence[Point], to: float | None = None) -> bool:
    """Whether a curve was higher at its very beginning than it came to be."""
    if len(points) < 2:
        return False
    least = min(point.value for point in points) if to is None else to
    return least < (1 - FLAT_SHARE) * _mean(points[: max(1, len(points) // 20)])


def _error(points: Sequence[Point]) -> float:
    """Standard error of the difference between the means of two halves, from the scatter inside each."""
    half = len(points) // 2
    if half < 2:
        return 0.0
    scatter = 0.0
    for part in (points[:half], points[half:]):
        mean = _mean(part)
        scatter += sum((point.value - mean) ** 2 for point in part) / (len(part) - 1) / len(part)
    return sqrt(scatter)


def _train_falls(losses: Sequence[Point]) -> bool:
    if len(losses) < 4:
        return False
    quarter = max(1, len(losses) // 4)
    return _mean(losses[-quarter:]) < (1 - TRAIN_FALL_SHARE) * _mean(losses[:quarter])


def _rate(run: Run) -> str:
    rates = _curve(run, "learning_rate", "lr")
    most = max((point.value for point in rates), default=0.0)
    return f" at a learning rate of up to {most:.2g}" if most > 0 else ""


def _too_high(losses: Sequence[Point], run: Run) -> Tree:
    if run.not_finite.count:
        seen = (
            f"{counted(run.not_finite.count, 'value')} in the log is no number, first on line {run.not_finite.first[0]}"
        )
    else:
        seen = (
            f"the loss began at {losses[0].value:.3g} and its last quarter stays at "
            f"{_mean(losses[-max(1, len(losses) // 4) :]):.3g}"
        )
    return suspect("learning_rate_high", f"{seen}{_rate(run)}.")


def _too_low(losses: Sequence[Point], run: Run) -> Tree:
    quarter = max(1, len(losses) // 4)
    return suspect(
        "learning_rate_low",
        f"the loss hardly moved: {_mean(losses[:quarter]):.3g} in the first quarter of the log, "
        f"{_mean(losses[-quarter:]):.3g} in the last{_rate(run)}.",
    )


def _too_few(losses: Sequence[Point], run: Run, part: float) -> Tree:
    steps = run.total_steps or losses[-1].step
    few = f" after {steps:,.0f} steps" if steps >= len(losses) else ""
    return suspect(
        "too_few_steps",
        f"the loss was still falling{few}: its last quarter made {100 * part:.0f} % of the whole fall, from "
        f"{losses[0].value:.3g} to {losses[-1].value:.3g}.",
    )


def _overfitting(losses: Sequence[Point], evals: Sequence[Point]) -> Tree:
    least = min(evals, key=lambda point: point.value)
    return suspect(
        "overfitting",
        f"the loss on held-out data was least, {least.value:.3g}, at evaluation {evals.index(least) + 1} of "
        f"{len(evals)} and rose to {evals[-1].value:.3g}, while the training loss fell to {losses[-1].value:.3g}.",
    )


def _eval_scores(run: Run) -> tuple[str, list[Point]]:
    """The longest curve of a score that is better when higher, by its name."""
    named = {
        name: points
        for name, points in run.curves.items()
        if name.startswith(("eval_", "val_")) and any(word in name for word in SCORES) and "loss" not in name
    }
    return max(named.items(), key=lambda one: len(one[1]), default=("", []))


def _scores_fell(losses: Sequence[Point], name: str, scores: Sequence[Point]) -> Tree:
    best = max(scores, key=lambda point: point.value)
    return suspect(
        "overfitting",
        f"{tree.shown(name, 40)} was best, {best.value:.3g}, at evaluation {scores.index(best) + 1} of "
        f"{len(scores)} and fell to {scores[-1].value:.3g}, while the training loss fell to {losses[-1].value:.3g}.",
        tree.known("suspects")["overfitting"]["check_by_score"],
    )


def _of_the_data(data: Tree) -> list[Tree]:
    numbers = data["numbers"]
    conflicts, examples = numbers.get("contradicted_inputs", 0), numbers.get("examples", 0)
    if not numbers.get("classes") or not examples or conflicts < max(1.0, CONFLICT_SHARE * examples):
        return []
    lines: list[int] = next((one["lines"] for one in data["warnings"] if one["key"] == "conflict"), [])
    where = f", first on line {lines[0]:,}" if lines else ""
    seen = f"{counted(conflicts, 'text')} of {counted(examples, 'example')} with more than one label{where}."
    return [suspect("labels_in_conflict", seen)]


def _of_the_scores(before: Score | None, after: Score | None, results: Tree | None) -> list[Tree]:
    if results is not None:
        pairs = results["numbers"]["pairs"]
        if len(pairs) == 1 and pairs[0]["binary"]:
            pair = pairs[0]
            return _untold(
                pair["low"], pair["high"], pair["items"], pair["needed"], pair["visible"],
                f"{pair['only_second']} won and {pair['only_first']} lost of {counted(pair['items'], 'item')}",
                not pair["told_apart"],
            )  # fmt: skip
    if before is None or after is None:
        return []
    low, high = intervals.difference(after.right, after.items, before.right, before.items)
    items = min(before.items, after.items)
    # Without the items side by side each score counts alone.
    needed = None if before.share == after.share else paired.unpaired_items(before.share, after.share)
    z = critical_z(1 - ALPHA) + normal_quantile(POWER)
    spread = (before.share * (1 - before.share) + after.share * (1 - after.share)) / items
    words = f"{before.right:g} of {before.items:g} before, {after.right:g} of {after.items:g} after, each counted alone"
    return _untold(low, high, items, needed, z * sqrt(spread), words, low <= 0 <= high)


def _untold(
    low: float, high: float, items: float, needed: float | None, visible: float, words: str, open_: bool
) -> list[Tree]:
    if not open_:
        return []
    more = f" About {needed:,.0f} items would show a difference like it." if needed is not None and needed < 1e7 else ""
    seen = (
        f"{words}: the gain may be anything from {100 * low:+.1f} to {100 * high:+.1f} points, and "
        f"{items:,.0f} items show one of {100 * visible:.1f} points or more."
    )
    return [suspect("blind_eval", seen.replace("-", "−"), tree.known("suspects")["blind_eval"]["check"] + more)]


def _forgetting(before: Score | None, after: Score | None) -> list[Tree]:
    if before is None or after is None:
        return []
    low, high = intervals.difference(after.right, after.items, before.right, before.items)
    if high >= 0:
        return []
    seen = (
        f"what it could do before fell from {before.right:g} of {before.items:g} to {after.right:g} of "
        f"{after.items:g}: by {-100 * high:.1f} to {-100 * low:.1f} points."
    )
    return [suspect("forgetting", seen)]
