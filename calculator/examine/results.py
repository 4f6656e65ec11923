"""Test results, item by item: how sure each variant's score is, and which of them the items tell apart.

Right-or-wrong items: the interval of Wilson for each variant, the exact test of McNemar between two of them. Scores in
between: Student's interval, and the paired t test on the differences. With more than two variants the p-values of all
pairs are held against 5 % by Holm's rule.
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from math import ceil, inf
from typing import Any, NamedTuple

from calculator.decisions.fine_tune_or_not import WAYS
from calculator.examine import sniff, tree
from calculator.examine.containers import JsonLines
from calculator.examine.sniff import CELLS, LINES, Sniffed
from calculator.examine.stream import LONGEST_LINE
from calculator.examine.tree import Lines, RefusedError, Tree, counted, section, shown
from calculator.stats import intervals, paired
from calculator.stats.normal import critical_z, normal_quantile
from calculator.stats.student import mean_test

CONFIDENCE, POWER, ALPHA = 0.95, 0.8, 0.05
MOST_VARIANTS = 40
LARGEST_SCORE = 1e15
CLASSES_SHOWN = 30
MOST_ITEMS_NAMED = 1e7
"""A number of items beyond it is called out of reach."""

_YES = frozenset(("1", "1.0", "true", "pass", "passed", "yes", "correct", "right", "ok", "c", "✓", "✔"))
_NO = frozenset(("0", "0.0", "false", "fail", "failed", "no", "incorrect", "wrong", "i", "✗", "✘", "x", "f"))
_MISSING = frozenset(("", "n/a", "na", "none", "null", "nan", "-", "–"))
_VARIANT_NAMES = ("model", "variant", "system", "option", "provider", "run", "prompt", "method", "arm")
_CLASS_NAMES = ("class", "category", "label", "group", "type", "domain", "topic", "expected", "target", "intent",
                "task")  # fmt: skip
_ITEM_NAMES = ("item", "id", "index", "case", "test", "question", "example", "sample", "doc_id", "#", "no", "nr", "row")
_SIZE = re.compile(r"\b(?:n ?= ?)?([0-9][0-9,_]*)(k?) ?(?:examples?|ex|samples|rows|labels)\b", re.IGNORECASE)


class Item(NamedTuple):
    """One answer that was scored. score: right is 1, wrong 0, or what the tool gave."""

    variant: str
    item: str
    score: float
    group: str


def mark_of(value: Any) -> float | None:
    """A pass, a fail or a score as a number; None for one that is missing. ValueError for anything else."""
    if isinstance(value, bool):
        return float(value)
    if value is None:
        return None
    if isinstance(value, int | float):
        if not abs(value) < LARGEST_SCORE:
            raise ValueError("no score")
        return float(value)
    text = str(value).strip().lower()
    if text in _MISSING:
        return None
    if text in _YES:
        return 1.0
    if text in _NO:
        return 0.0
    percent = text.endswith("%")
    number = float(text.rstrip("% ").replace(",", "."))
    if not abs(number) < LARGEST_SCORE:
        raise ValueError("no score")
    return number / 100 if percent else number


class Variant:
    """One system's scores by item."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.scores: dict[str, float] = {}

    @property
    def binary(self) -> bool:
        """Whether every item is right or wrong."""
        return all(score in (0.0, 1.0) for score in self.scores.values())

    @property
    def is_share(self) -> bool:
        """Whether every score lies from 0 to 1."""
        return all(0.0 <= score <= 1.0 for score in self.scores.values())

    @property
    def mean(self) -> float:
        """The mean score."""
        return sum(self.scores.values()) / len(self.scores)

    def interval(self) -> tuple[float, float]:
        """Of the mean, at 95 %."""
        return _interval(list(self.scores.values()))


def _interval(scores: Sequence[float]) -> tuple[float, float]:
    if all(score in (0.0, 1.0) for score in scores):
        return intervals.wilson(sum(scores), len(scores), CONFIDENCE)
    if len(scores) < 2:
        return (min(0.0, *scores), max(1.0, *scores))
    found = mean_test(scores, CONFIDENCE)
    inside = all(0.0 <= score <= 1.0 for score in scores)
    return (max(0.0, found.low), min(1.0, found.high)) if inside else (found.low, found.high)


class Pair(NamedTuple):
    """Two variants on the items that both answered. gain is that of the second over the first."""

    first: str
    second: str
    items: int
    gain: float
    low: float
    high: float
    p_value: float
    only_first: int
    only_second: int
    """Items that only this one has right; of scores in between, those where it is the better."""
    needed: float
    """Items that would show this difference in 80 of 100 tries; infinite where there is none."""
    visible: float
    """The smallest gain that as many items show in 80 of 100 tries."""
    binary: bool


def compare(first: Variant, second: Variant) -> Pair | None:
    """The paired comparison of two variants; None when they share fewer than two items."""
    items = [item for item in first.scores if item in second.scores]
    if len(items) < 2:
        return None
    gains = [second.scores[item] - first.scores[item] for item in items]
    won, lost = sum(gain > 0 for gain in gains), sum(gain < 0 for gain in gains)
    if first.binary and second.binary:
        low, gain, high = paired.difference(won, lost, len(items), CONFIDENCE)
        apart = (won + lost) / len(items)
        needed = paired.paired_items(gain, apart, POWER, ALPHA) if gain else inf
        visible = paired.smallest_paired_gain(len(items), apart, POWER, ALPHA)
        return Pair(first.name, second.name, len(items), gain, low, high, paired.mcnemar(won, lost), lost, won, needed,
                    visible, True)  # fmt: skip
    found = mean_test(gains, CONFIDENCE)
    z = critical_z(1.0 - ALPHA) + normal_quantile(POWER)
    needed = ceil((z * found.deviation / found.mean) ** 2) if found.mean and found.deviation else inf
    if found.mean and not found.deviation:
        needed = 2.0
    visible = z * found.deviation / len(items) ** 0.5
    return Pair(first.name, second.name, len(items), found.mean, found.low, found.high, found.p_value, lost, won,
                needed, visible, False)  # fmt: skip


class Results:
    """The results in one file, or pasted."""

    def __init__(self, name: str, text: str, found: Sniffed, value: Any = None) -> None:
        self.name = name
        self.form = ""
        self.container = "JSON"
        self.variants: dict[str, Variant] = {}
        self.groups: dict[str, str] = {}
        self.unread, self.repeated = Lines(), Lines()
        if found.container == CELLS:
            self._add(self._of_cells(text, found.delimiter))
        elif found.container == LINES:
            self._add(self._of_lines(text))
        else:
            self._add(self._of_json(value))
        self.variants = {name: one for name, one in self.variants.items() if one.scores}
        if not self.variants:
            raise RefusedError(f"{name} holds no scores that we can read: give each variant a column, each item a row.")
        if len(self.variants) > MOST_VARIANTS:
            raise RefusedError(f"{name} holds {len(self.variants)} variants; at most {MOST_VARIANTS} are compared.")

    def join(self, other: "Results") -> None:
        """Take the variants of another file over, under a name of their own."""
        for name, variant in other.variants.items():
            free = name if name not in self.variants else f"{name} ({other.name})"
            variant.name = free
            self.variants[free] = variant
        self.groups = {**other.groups, **self.groups}

    def _add(self, items: Iterable[Item]) -> None:
        for number, (name, item, score, group) in enumerate(items, 1):
            variant = self.variants.setdefault(name, Variant(name))
            if item in variant.scores:
                self.repeated.add(number)
                continue
            variant.scores[item] = score
            if group:
                self.groups[item] = group

    # Readers

    def _of_cells(self, text: str, delimiter: str) -> Iterator[Item]:
        self.form, self.container = "a table", "TSV" if delimiter == "\t" else "CSV"
        limit = csv.field_size_limit(LONGEST_LINE)
        try:
            rows = [cells for cells in csv.reader(text.splitlines(keepends=True), delimiter=delimiter) if any(cells)]
        except csv.Error as error:
            raise RefusedError(f"{self.name} is no {self.container}: {error}.") from None
        finally:
            csv.field_size_limit(limit)
        names = [shown(cell, 80) or f"column {k}" for k, cell in enumerate(rows[0], 1)]
        if all(map(sniff.is_mark, rows[0])):
            names, rows = [f"column {k}" for k in range(1, len(names) + 1)], [[], *rows]
        names = _apart(names)
        return self._of_rows([dict(zip(names, cells, strict=False)) for cells in rows[1:]], names)

    def _of_rows(self, rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Iterator[Item]:
        """Items of a table: one row an item and a column for each variant, or one row for each answer."""
        marks = [name for name in names if _marks(rows, name)]
        others = [name for name in names if name not in marks]
        lower = {name: name.lower().strip() for name in names}
        item = next((name for name in names if lower[name] in _ITEM_NAMES), None)
        if item is None:
            item = next((n for n in others if len({str(row.get(n)) for row in rows}) == len(rows)), None)
        if item is None and marks and len(marks) > 1 and _counts_up(rows, marks[0]):
            item = marks[0]
        marks = [name for name in marks if name != item]
        variant = next((name for name in others if name != item and lower[name] in _VARIANT_NAMES), None)
        titles = dict(zip(names, _apart([shown(name, 80) or "a column" for name in names]), strict=True))
        group = next((n for n in others if n not in (item, variant) and lower[n] in _CLASS_NAMES), None)
        if group is None:
            group = next((n for n in others if n not in (item, variant) and _few(rows, n)), None)
        for number, found in enumerate(rows, 1):
            key = str(found.get(item, number)) if item else str(number)
            what = shown(str(found.get(group) or ""), 80) if group else ""
            for name in marks:
                try:
                    score = mark_of(found.get(name))
                except ValueError:
                    self.unread.add(number + 1)
                    continue
                if score is not None:
                    if variant is None:
                        yield Item(titles[name], key, score, what)
                    else:
                        called = shown(str(found.get(variant)), 80)
                        yield Item(called if len(marks) == 1 else f"{called}, {titles[name]}", key, score, what)

    def _of_lines(self, text: str) -> Iterator[Item]:
        self.container = "JSON lines"
        broken = Lines()
        reader = JsonLines(lambda line, _: broken.add(line), Lines(), Lines())
        rows = [found for _, found in reader.rows(text.encode().split(b"\n"), 0) if isinstance(found, dict)]
        self.unread = broken
        if not rows:
            return iter(())
        if any("event_id" in found and "sample_id" in found for found in rows):
            return self._of_openai_evals(rows)
        if any("doc_id" in found for found in rows):
            return self._of_harness(rows)
        return self._of_json(rows)

    def _of_openai_evals(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[Item]:
        self.form = "an OpenAI evals log"
        spec: dict[str, Any] = next((found["spec"] for found in rows if isinstance(found.get("spec"), dict)), {})
        called = shown(", ".join(map(str, spec.get("completion_fns", ()))), 80) or self.name
        for found in rows:
            data = found.get("data")
            if not isinstance(data, dict) or found.get("type") not in ("match", "metrics"):
                continue
            value = next((data[name] for name in ("correct", "accuracy", "score", "passed") if name in data), None)
            score = _number(value)
            if score is not None:
                yield Item(called, str(found.get("sample_id")), score, "")

    def _of_harness(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[Item]:
        self.form = "samples of lm-evaluation-harness"
        filters = {str(found.get("filter", "none")) for found in rows}
        for found in rows:
            listed = found.get("metrics")
            names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
            metric = next((name for name in (*names, *_METRICS) if _number(found.get(name)) is not None), None)
            if metric is None:
                continue
            used = str(found.get("filter", "none"))
            called = self.name if len(filters) == 1 else f"{self.name}, {used}"
            score = _number(found[metric])
            if score is not None:
                yield Item(called, str(found.get("doc_hash") or found.get("doc_id")), score, "")

    def _of_json(self, value: Any) -> Iterator[Item]:
        if isinstance(value, dict):
            if "samples" in value and isinstance(value["samples"], list):
                return self._of_inspect(value)
            rows = value.get("results")
            rows = rows.get("results") if isinstance(rows, dict) else rows
            if isinstance(rows, list) and any(isinstance(one, dict) and "success" in one for one in rows):
                return self._of_promptfoo([one for one in rows if isinstance(one, dict)])
            lists = [rows, *value.values()]
            value = next((found for found in lists if isinstance(found, list)), [])
        rows = [found for found in value if isinstance(found, dict)] if isinstance(value, list) else []
        if any("success" in found and ("provider" in found or "promptIdx" in found) for found in rows):
            return self._of_promptfoo(rows)
        self.form = self.form or "a table"
        names = list(dict.fromkeys(str(name) for found in rows for name in found))
        return self._of_rows(rows, names)

    def _of_promptfoo(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[Item]:
        self.form = "promptfoo"
        prompts = {str(found.get("promptIdx", _under(found, "prompt", "label"))) for found in rows}
        providers = {_provider(found) for found in rows}
        for number, found in enumerate(rows):
            label = shown(_under(found, "prompt", "label") or f"prompt {found.get('promptIdx', 0)}", 60)
            called = _provider(found)
            if len(prompts) > 1 and len(prompts) > len(providers):
                called = f"{called}, {label}" if len(providers) > 1 else label
            item = found.get("testIdx")
            if item is None:
                item = json.dumps(found.get("vars", number), sort_keys=True, default=str)
            passed = found.get("success")
            score = float(passed) if isinstance(passed, bool) else _number(found.get("score"))
            if score is not None:
                group = _under(found, "metadata", "category")
                yield Item(called, str(item), score, shown(group, 80))

    def _of_inspect(self, value: Mapping[str, Any]) -> Iterator[Item]:
        self.form = "an Inspect log"
        model = shown(_under(value, "eval", "model"), 60) or self.name
        samples = [sample for sample in value["samples"] if isinstance(sample, dict)]
        scorers = {str(name) for sample in samples for name in (sample.get("scores") or {})}
        epochs: dict[tuple[str, str], list[float]] = {}
        for sample in samples:
            for scorer, found in (sample.get("scores") or {}).items():
                given = found.get("value") if isinstance(found, dict) else found
                score = _INSPECT.get(given) if isinstance(given, str) else _number(given)
                if score is None:
                    score = _number(given)
                if score is not None:
                    called = model if len(scorers) == 1 else f"{model}, {shown(str(scorer), 40)}"
                    epochs.setdefault((called, str(sample.get("id"))), []).append(score)
        for (called, item), scores in epochs.items():
            # An item that was answered several times counts once, with its mean.
            yield Item(called, item, sum(scores) / len(scores), "")

    # What is said

    def pairs(self) -> list[Pair]:
        """Every two variants that share items."""
        found = (compare(one, other) for one, other in combinations(self.variants.values(), 2))
        return [pair for pair in found if pair is not None]

    def tree(self, *, size: int, done: bool) -> Tree:
        """All that the results say."""
        pairs = self.pairs()
        stand = intervals.holm([pair.p_value for pair in pairs], ALPHA) if pairs else []
        best = max(self.variants.values(), key=lambda one: one.mean)
        low, high = best.interval()
        headline = f"{counted(len(self.variants), 'variant')}. Best: {best.name}, {_score(best.mean, best)}"
        headline += f" ({_score(low, best)} to {_score(high, best)}) on {counted(len(best.scores), 'item')}."
        if pairs:
            headline += f" {sum(stand)} of {counted(len(pairs), 'pair')} can be told apart."
        numbers = {
            "variants": [
                {"name": one.name, "items": len(one.scores), "score": one.mean, "low": one.interval()[0],
                 "high": one.interval()[1], "right_or_wrong": one.binary, "is_share": one.is_share}
                for one in self.variants.values()
            ],
            "pairs": [
                pair._asdict() | {"needed": None if pair.needed == inf else pair.needed, "told_apart": told}
                for pair, told in zip(pairs, stand, strict=True)
            ],
        }  # fmt: skip
        parts = [self._variants(), self._pairs(pairs, stand), self._untold(pairs, stand), self._classes()]
        choices = [
            {"variant": one.name, "guess": _guess(one.name), "size": _size(one.name), "accuracy": one.mean,
             "items": len(one.scores), "is_share": one.is_share}
            for one in self.variants.values()
        ]  # fmt: skip
        return tree.whole(
            kind="results", name=self.name, form=self.form, container=self.container, size=size, done=done,
            headline=headline, numbers=numbers, sections=[part for part in parts if part], warnings=self._warnings(),
            fields={}, choices=choices,
        )  # fmt: skip

    def _variants(self) -> Tree:
        cells, bars = [], []
        for one in self.variants.values():
            low, high = one.interval()
            cells.append((one.name, f"{len(one.scores):,}", _score(one.mean, one),
                          f"{_score(low, one)} to {_score(high, one)}"))  # fmt: skip
            bars.append({"label": one.name, "low": low, "value": one.mean, "high": high})
        share = all(one.is_share for one in self.variants.values())
        kinds = {one.binary for one in self.variants.values()}
        note = "At 95 %: " + " ".join(
            words for binary, words in ((True, "Wilson's interval for right or wrong."),
                                        (False, "Student's interval for scores in between.")) if binary in kinds
        )  # fmt: skip
        picture = {"kind": "intervals", "x": "Score", "scale": "share" if share else "number", "rows": bars}
        table = tree.table(("Variant", "Items", "Score", "95 % interval"), cells)
        return section("variants", "Each variant", note=note, table=table, picture=picture)

    def _pairs(self, pairs: Sequence[Pair], stand: Sequence[bool]) -> Tree | None:
        if not pairs:
            return None
        cells = []
        for pair, told in zip(pairs, stand, strict=True):
            cells.append((
                f"{pair.second} over {pair.first}", f"{pair.items:,}", f"{pair.only_second:,} to {pair.only_first:,}",
                _gain(pair.gain), f"{_gain(pair.low)} to {_gain(pair.high)}", _p(pair.p_value), "yes" if told else "no",
            ))  # fmt: skip
        tests = {pair.binary for pair in pairs}
        note = " ".join(words for binary, words in (
            (True, "Right or wrong: the exact test of McNemar on the items where two differ."),
            (False, "Scores in between: the paired t test on the differences."),
        ) if binary in tests)  # fmt: skip
        if len(pairs) > 1:
            note += " Told apart: at 5 % over all pairs together, by Holm's rule."
        columns = ("Pair", "Items", "Won to lost", "Gain", "95 % interval", "p", "Told apart")
        return section("pairs", "Against each other, item by item", note=note, table=tree.table(columns, cells))

    def _untold(self, pairs: Sequence[Pair], stand: Sequence[bool]) -> Tree | None:
        cells = []
        for pair, told in zip(pairs, stand, strict=True):
            if not told:
                needed = f"{pair.needed:,.0f}" if pair.needed <= MOST_ITEMS_NAMED else "out of reach"
                cells.append((f"{pair.second} and {pair.first}", f"{pair.items:,}", needed, _gain(pair.visible)))
        if not cells:
            return None
        note = (
            "Items that would show the difference seen here in 80 of 100 tries, if it is the true one; and the "
            "smallest gain that as many items as there are would show so often."
        )
        columns = ("Pair", "Items there are", "Items needed", "Gain that shows now")
        return section("untold", "What these items cannot tell apart", note=note, table=tree.table(columns, cells))

    def _classes(self) -> Tree | None:
        if len(set(self.groups.values())) < 2:
            return None
        counts = Counter(self.groups[item] for item in self.groups)
        cells = []
        for group, _ in counts.most_common(CLASSES_SHOWN):
            line = [group]
            for one in self.variants.values():
                if scores := [score for item, score in one.scores.items() if self.groups.get(item) == group]:
                    low, high = _interval(scores)
                    mean = sum(scores) / len(scores)
                    line.append(f"{_score(mean, one)} of {len(scores):,} ({_score(low, one)} to {_score(high, one)})")
                else:
                    line.append("–")
            cells.append(line)
        note = "With the interval of each: few items of a class say little."
        table = tree.table(("Class", *self.variants), cells)
        return section("classes", "By class", note=note, table=table)

    def _warnings(self) -> list[Tree]:
        found = []
        if self.unread.count:
            found.append(tree.warning("unread", f"{counted(self.unread.count, 'line')} without a score.", self.unread))
        if self.repeated.count:
            words = f"{counted(self.repeated.count, 'score')} of an item that had one already; the first counts."
            found.append(tree.warning("repeated", words, count=self.repeated.count))
        sizes = {len(one.scores) for one in self.variants.values()}
        if len(sizes) > 1:
            words = "The variants answered different items; a pair is compared on those that both answered."
            found.append(tree.warning("uneven", words, count=max(sizes) - min(sizes)))
        if small := [one.name for one in self.variants.values() if len(one.scores) < 30]:
            words = f"Fewer than 30 items: {', '.join(small[:5])}. Nothing but a large difference shows."
            found.append(tree.warning("few", words, count=len(small)))
        return found


KEEP = "keep"
EVIDENCE: Mapping[str, str] = {KEEP: "what you have today"} | {
    way.measured.removesuffix("_accuracy_share"): str(way.answer) for way in WAYS if way.measured
    and way.measured != "prompted_accuracy_share"
}  # fmt: skip
"""What a variant may be evidence for, by key, each in the words of the overall decision."""

_FIELDS = {way.measured.removesuffix("_accuracy_share"): (way.measured, way.items) for way in WAYS if way.measured}


def evidence(found: Tree, options: Mapping[str, str], sizes: Mapping[str, float] | None = None) -> dict[str, str]:
    """The fields that results fill: accuracy and items of each option, won and lost against today's, pilot scores.

    options: a key of `EVIDENCE` by variant. sizes: the examples that a variant was trained on; from two sizes on they
    make a learning curve. ValueError for an unknown variant or key, and for scores that are no shares.
    """
    variants = {one["name"]: one for one in found["numbers"]["variants"]}
    filled: dict[str, str] = {}
    for name, key in options.items():
        if name not in variants:
            raise ValueError(f"options: no variant is called {shown(name, 60)!r}")
        if key not in EVIDENCE:
            raise ValueError(f"options: must be one of {', '.join(EVIDENCE)}; given: {key[:40]!r}")
        one = variants[name]
        if not one["is_share"]:
            raise ValueError(f"options: the scores of {shown(name, 60)} are no shares from 0 to 1")
        accuracy, items = ("prompted_accuracy_share", "test_items") if key == KEEP else _FIELDS[key]
        filled[accuracy] = f"{one['score']:.4f}"
        filled[items] = str(one["items"])
    today = next((name for name, key in options.items() if key == KEEP), None)
    lines = []
    for pair in found["numbers"]["pairs"]:
        for old, new, won, lost in (
            (pair["first"], pair["second"], pair["only_second"], pair["only_first"]),
            (pair["second"], pair["first"], pair["only_first"], pair["only_second"]),
        ):
            if old == today and new in options and pair["binary"]:
                lines.append(f"{options[new].replace('_', ' ')} {won} {lost}")
                if len(options) == 2:
                    filled |= {"won_items": str(won), "lost_items": str(lost)}
    if lines:
        filled["paired_counts"] = "\n".join(lines)
    pilots = []
    for name, size in (sizes or {}).items():
        if name not in variants:
            raise ValueError(f"sizes: no variant is called {shown(name, 60)!r}")
        if variants[name]["is_share"] and size >= 1:
            pilots.append((size, f"{size:.0f}\t{variants[name]['score']:.4f}\t{variants[name]['items']}"))
    if len({size for size, _ in pilots}) > 1:
        filled["pilot_scores"] = "\n".join(line for _, line in sorted(pilots))
    return filled


_METRICS = ("exact_match", "acc", "acc_norm", "em", "f1", "pass@1", "prompt_level_strict_acc", "mc1", "bleu")
_INSPECT = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}
"""Inspect's letters: correct, incorrect, partly, no answer."""

_GUESSES: tuple[tuple[str, Callable[[str], bool]], ...] = (
    (KEEP, lambda name: any(word in name for word in ("baseline", "today", "current", "production"))),
    ("retrieved", lambda name: "rag" in name.split() or "retrieval" in name),
    ("tuned_small", lambda name: any(word in name for word in ("fine-tune", "finetune", "tuned", "lora", "sft"))),
    ("better_prompt", lambda name: any(word in name for word in ("few-shot", "fewshot", "better prompt"))),
)


def _guess(name: str) -> str:
    lower = name.lower()
    return next((key for key, says in _GUESSES if says(lower)), "")


def _size(name: str) -> float | None:
    found = _SIZE.search(name)
    if found is None:
        return None
    digits = found[1].replace(",", "").replace("_", "")
    return float(digits[:12]) * (1000 if found[2] else 1)


def _apart(names: Sequence[str]) -> list[str]:
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found


def _marks(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    """Whether a column holds marks: no cell that is something else, and some that is one."""
    cells = [row.get(name) for row in rows]
    if not all(isinstance(cell, bool | int | float | None) or (isinstance(cell, str) and sniff.is_mark(cell))
               for cell in cells):  # fmt: skip
        return False
    return any(cell is not None and str(cell).strip().lower() not in _MISSING for cell in cells)


def _counts_up(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    cells = [str(row.get(name)) for row in rows]
    return len(set(cells)) == len(rows) > 2 and all(cell.strip().isdigit() for cell in cells)


def _few(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    values = {str(row.get(name)) for row in rows}
    return 2 <= len(values) <= min(50, len(rows) // 3)


def _number(value: Any) -> float | None:
    try:
        return mark_of(value)
    except (ValueError, TypeError):
        return None


def _under(found: Mapping[str, Any], name: str, below: str) -> str:
    inner = found.get(name)
    value = inner.get(below) if isinstance(inner, dict) else inner if isinstance(inner, str) else None
    return str(value) if value is not None else ""


def _provider(found: Mapping[str, Any]) -> str:
    return shown(_under(found, "provider", "label") or _under(found, "provider", "id") or "a provider", 60)


def _score(value: float, one: Variant) -> str:
    return f"{100 * value:.1f}%" if one.is_share else f"{value:.3g}"


def _gain(value: float) -> str:
    """A difference, as points where it is one of shares."""
    if abs(value) <= 1:
        return f"{100 * value:+.1f} points".replace("-", "−")
    return f"{value:+.3g}".replace("-", "−")


def _p(value: float) -> str:
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"
