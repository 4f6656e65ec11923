"""A data set, row by row: what it holds, how long it is, what repeats, what is broken. Memory does not grow with it.

Figures are exact but for two, which say so: repeats beyond `repeats.MOST_KEPT` different texts, and tokens where no
tokenizer counted them. A length is that of the texts of an example joined by line ends; what a chat template adds
(three to ten tokens a message) is not in it.
"""

import re
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import islice
from math import ceil, sqrt
from typing import Any

from calculator.examine import forms, personal, price, tree
from calculator.examine.forms import Example, Form
from calculator.examine.repeats import Answers, Seen, keys_of
from calculator.examine.tree import Lines, Tree, counted, row, section, share, shown
from calculator.examine.wording import ALIKE_SHARE, Wordings

AT_ONCE = 128
"""Rows that are taken together where none of them needs a look of its own."""

MOST_CLASSES = 2_000
"""Different labels that are counted apart. More are no classes."""

MOST_GUESSED_CLASSES = 200
SURELY_CLASSES = 10
"""Up to so many different values of a field called a label are classes, however few the rows."""

LONGEST_LABEL = 60
"""Characters of an answer that may be a label where no field is called one."""

LONGEST_KEPT = 200
"""Characters of a label that it is told apart by."""

RARE_EXAMPLES = 10
"""A class with fewer examples is called rare: one half of them left for testing says next to nothing."""

ROUND_FROM = 16_384
"""Lengths from here on are kept to three digits, so that they never fill the memory."""

CLASSES_SHOWN = 30
EXAMPLES_SHOWN = 3
LONGEST_PREFIX = 100_000
MOST_SYSTEMS = 50
"""Different system prompts that are counted apart."""

PREFIX_SHARE = 0.9
"""A system prompt is the file's where so many of the rows begin with it."""

BINS = 24

_LETTERS = bytes(range(65, 91)) + bytes(range(97, 123))
_NOT_LETTERS = bytes(c for c in range(128) if c not in _LETTERS)
_NOT_LETTERS_NOR_NUL = bytes(c for c in _NOT_LETTERS if c)
_LOWER = bytes(c + 32 if 65 <= c <= 90 else c for c in range(256))
_WORD = re.compile(r"\w")


@cache
def text_bytes_per_token() -> float:
    """Bytes of UTF-8 that a token holds where none were counted."""
    return float(tree.known("known")["text_bytes_per_token"]["value"])


class DataSet:
    """Takes rows one after the other; `tree` says at any time what they hold so far."""

    def __init__(
        self,
        name: str,
        *,
        sequence_tokens: int,
        tokens: str,
        tokenizer: str,
        against: "DataSet | None",
        container: str,
    ) -> None:
        self.name, self.container = name, container
        self.sequence_tokens, self.tokenizer = sequence_tokens, tokenizer
        self.outside = tokens == "outside"
        self.against = against
        self.form: Form | None = None
        self.rows = 0
        self.by_form: dict[str, int] = {}
        self.empty, self.broken, self.not_utf8, self.foreign = Lines(), Lines(), Lines(), Lines()
        self.why_broken: dict[int, str] = {}
        self.unanswered, self.too_long = Lines(), Lines()
        self.over = Lines()
        self.lengths: dict[int, int] = {}
        self.longest = self.total = self.prompt_total = self.answer_total = self.rejected_characters = 0
        self.counted_rows = 0
        self.characters = self.prompt_characters = 0
        self.turns: dict[int, int] = {}
        self.labels: dict[str, int] = {}
        self.are_labels: bool | None = None
        self.long_answers = 0
        self.exact, self.near, self.inputs = Seen(), Seen(), Answers()
        self.wordings = Wordings()
        self.systems: dict[str, int] = {}
        self.prefix: str | None = None
        self.personal = {kind: Lines() for kind in personal.KINDS}
        self.overlap = {"exact": Lines(), "near": Lines(), "input": Lines()}
        self.overlap_known = {"exact": 0, "near": 0, "input": 0}
        self.first: list[tuple[str, str]] = []
        self.waiting: deque[tuple[int, str, str]] = deque()
        self.taken: deque[tuple[int, int]] = deque()
        self.limit_bytes = sequence_tokens * text_bytes_per_token()

    # Rows in

    def take(self, rows: Iterable[tuple[int, Any]]) -> None:
        """Rows with their line numbers: objects with fields, as a parser gave them."""
        rest = iter(rows)
        while some := list(islice(rest, AT_ONCE)):
            lines, found = zip(*some, strict=True)
            self.take_some(lines, found)

    def take_some(self, lines: Sequence[int], rows: Sequence[Any]) -> None:
        """Rows with their line numbers, few enough to be held at once."""
        if self._take_all(lines, rows):
            return
        for line, found in zip(lines, rows, strict=True):
            form = self.form
            try:
                if form is None or form.key == forms.UNKNOWN:
                    raise KeyError
                example = form.read(found)
            except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError):
                read = self._of_another_form(line, found)
                if read is None:
                    continue
                form, example = read
            self._add(line, form.key, example)

    def _take_all(self, lines: Sequence[int], found: Sequence[Any]) -> bool:
        """Take rows of the file's form together; false, and nothing done, where one of them needs a look of its own."""
        form = self.form
        if form is None or form.key in (forms.UNKNOWN, forms.PREFERENCES) or len(self.first) < EXAMPLES_SHOWN:
            return False
        try:
            examples = list(map(form.read, found))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError):
            return False
        prompts, answers, systems, turns, labels, _ = zip(*examples, strict=True)
        contents = [f"{prompt}\n{answer}" for prompt, answer in zip(prompts, answers, strict=True)]
        data = "\0".join(contents).encode("utf-8", "surrogatepass")
        letters = data.translate(_LOWER, _NOT_LETTERS_NOR_NUL).split(b"\0")
        if len(letters) != len(contents):
            return False
        if not all(letters):
            if not all(map(_WORD.search, contents)):
                return False
            letters = [found or text for found, text in zip(letters, data.split(b"\0"), strict=True)]
        characters = list(map(len, contents))
        is_ascii = len(data) == sum(characters) + len(contents) - 1
        sizes = characters if is_ascii else list(map(len, data.split(b"\0")))
        # One number for each line, wherever it is kept.
        lines = tuple(lines)
        rows = self.rows
        for at, label in enumerate(labels):
            if self.are_labels is False:
                break
            self.rows = rows + at + 1
            self._class(label, answers[at])
        self.rows = rows + len(contents)
        self.by_form[form.key] = self.by_form.get(form.key, 0) + len(contents)
        if form.key != forms.TEXT and not all(answers):
            for line, answer in zip(lines, answers, strict=True):
                if not answer:
                    self.unanswered.add(line)
        self.characters += sum(characters) - len(contents)
        self.prompt_characters += sum(map(len, prompts))
        if self.outside:
            self.waiting.extend(zip(lines, prompts, answers, strict=True))
        else:
            self._bytes_of(sizes, lines)
        for number, several in Counter(turns).items():
            self.turns[number] = self.turns.get(number, 0) + several
        exact, near, asked = keys_of(contents), keys_of(letters), keys_of(prompts)
        self.exact.add_all(exact, lines)
        self.near.add_all(near, lines)
        for at, system in enumerate(systems):
            if self.wordings.full:
                break
            self._worded(lines[at], prompts[at], answers[at], system)
        if all(prompts):
            self._prompts(lines, prompts, asked, answers, systems)
        elif any(prompts):
            some = zip(lines, prompts, asked, answers, systems, strict=True)
            self._prompts(*zip(*(one for one in some if one[1]), strict=True))
        if self.against is not None:
            for at, prompt in enumerate(prompts):
                self._held_against(lines[at], exact[at], near[at], asked[at] if prompt else None)
        for at, kinds in personal.which_look_personal(data):
            for kind in kinds:
                self.personal[kind].add(lines[at])
        return True

    def _worded(self, line: int, prompt: str, answer: str, system: str) -> None:
        """Hold the wording of a row against those before it: without its system prompt, which makes all rows alike."""
        own = prompt[len(system) :] if system and prompt.startswith(system) else prompt
        self.wordings.add(f"{own}\n{answer}".encode("utf-8", "surrogatepass"), line)

    def _prompts(
        self,
        lines: Sequence[int],
        prompts: Sequence[str],
        asked: Sequence[int],
        answers: Sequence[str],
        systems: Sequence[str],
    ) -> None:
        """The prompts of rows, none of them empty: what they share, and what is answered to them."""
        self.inputs.add_all(asked, map(hash, answers), lines)
        for system, rows in Counter(systems).items():
            if system in self.systems:
                self.systems[system] += rows
            elif system and len(self.systems) < MOST_SYSTEMS and len(system) <= LONGEST_PREFIX:
                self.systems[system] = rows
        # What the first and the last in order begin with, all between them do.
        for prompt in (min(prompts), max(prompts)):
            if self.prefix is None or not prompt.startswith(self.prefix):
                self._shorten_prefix(prompt)

    def _of_another_form(self, line: int, found: Any) -> tuple[Form, Example] | None:
        """A row that is not of the file's form so far: read by its own, or noted as broken."""
        if not isinstance(found, dict):
            self.note_broken(line, "is no object with fields")
            return None
        form = forms.form_of(found)
        if form is None:
            self.foreign.add(line)
            form = forms.unknown()
        try:
            example = form.read(found)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError):
            self.note_broken(line, f"looks like {form.words} and is not complete")
            return None
        if self.form is None or self.form.key == forms.UNKNOWN:
            self.form = form
        return form, example

    def note_broken(self, line: int, why: str) -> None:
        """Note a line that cannot be read, and why."""
        self.broken.add(line)
        if line in self.broken.first:
            self.why_broken[line] = why

    def _add(self, line: int, key: str, example: Example) -> None:
        prompt, answer, system, turns, label, rejected = example
        content = f"{prompt}\n{answer}"
        data = content.encode("utf-8", "surrogatepass")
        # Letters alone: case, spacing, digits and punctuation make no other example.
        letters = data.translate(_LOWER, _NOT_LETTERS)
        if not letters and not _WORD.search(content):
            self.empty.add(line)
            return
        self.rows += 1
        self.by_form[key] = self.by_form.get(key, 0) + 1
        if not answer and key not in (forms.TEXT, forms.UNKNOWN):
            self.unanswered.add(line)
        if len(self.first) < EXAMPLES_SHOWN:
            self.first.append((shown(prompt), shown(answer)))
        self.characters += len(content) - 1
        self.prompt_characters += len(prompt)
        size = len(data)
        if rejected is not None:
            self.rejected_characters += len(rejected)
            if len(rejected) > len(answer):
                answer = rejected
                size = len(f"{prompt}\n{answer}".encode("utf-8", "surrogatepass"))
        if self.outside:
            self.waiting.append((line, prompt, answer))
        else:
            self._length(line, size)
        self.turns[turns] = self.turns.get(turns, 0) + 1
        if self.are_labels is not False:
            self._class(label, answer if rejected is None else "")
        (exact, asked), (near,) = keys_of((content, prompt)), keys_of((letters or data,))
        self.exact.add(exact, line)
        self.near.add(near, line)
        if not self.wordings.full:
            self._worded(line, prompt, answer, system)
        if prompt:
            self._prompts((line,), (prompt,), (asked,), (answer,), (system,))
        if self.against is not None:
            self._held_against(line, exact, near, asked if prompt else None)
        for kind in personal.looks_personal(data):
            self.personal[kind].add(line)

    def _length(self, line: int, length: int) -> None:
        limit = self.sequence_tokens if self.outside else self.limit_bytes
        if length > limit:
            self.over.add(line)
        if length > self.longest:
            self.longest = length
        self.total += length
        self.counted_rows += 1
        if length >= ROUND_FROM:
            length = _rounded(length)
        lengths = self.lengths
        lengths[length] = lengths.get(length, 0) + 1

    def _bytes_of(self, sizes: Sequence[int], lines: Sequence[int]) -> None:
        """The lengths of rows, in bytes."""
        longest = max(sizes)
        if longest > self.limit_bytes:
            for line, size in zip(lines, sizes, strict=True):
                if size > self.limit_bytes:
                    self.over.add(line)
        self.longest = max(self.longest, longest)
        self.total += sum(sizes)
        self.counted_rows += len(sizes)
        for size, rows in Counter(sizes).items():
            length = _rounded(size) if size >= ROUND_FROM else size
            self.lengths[length] = self.lengths.get(length, 0) + rows

    def _class(self, label: str | None, answer: str) -> None:
        """Count a label, or an answer that may be one as long as the file's answers are short and few."""
        if label is None:
            if len(answer) > LONGEST_LABEL or not answer:
                self.long_answers += 1
                if self.long_answers > 5 + self.rows // 50:
                    self.are_labels, self.labels = False, {}
                return
            label = answer
        label = label.strip()[:LONGEST_KEPT]
        labels = self.labels
        labels[label] = labels.get(label, 0) + 1
        if len(labels) > MOST_CLASSES:
            self.are_labels, self.labels = False, {}

    def _held_against(self, line: int, exact: int, near: int, asked: int | None) -> None:
        there = self.against
        assert there is not None
        for kind, known in (
            ("exact", there.exact.knows(exact)),
            ("near", there.near.knows(near)),
            ("input", False if asked is None else there.inputs.knows(asked)),
        ):
            if known is not None:
                self.overlap_known[kind] += 1
                if known:
                    self.overlap[kind].add(line)

    def _shorten_prefix(self, prompt: str) -> None:
        """Take the file's common beginning back to what this prompt shares of it."""
        prefix = prompt[:LONGEST_PREFIX] if self.prefix is None else self.prefix
        low, high = 0, min(len(prefix), len(prompt))
        while low < high:
            middle = (low + high + 1) // 2
            if prompt.startswith(prefix[:middle]):
                low = middle
            else:
                high = middle - 1
        self.prefix = prefix[:low]

    # Tokens from outside

    def take_texts(self, most: int) -> list[str]:
        """Texts that wait for their number of tokens: of each row all before the answer, and the answer."""
        texts: list[str] = []
        while self.waiting and len(texts) + 2 <= max(2, most):
            line, prompt, answer = self.waiting.popleft()
            self.taken.append((line, 2 if prompt else 1))
            if prompt:
                # The line end that joins them belongs to the prompt, so that the two add up.
                texts.append(prompt + "\n" if answer else prompt)
            texts.append(answer)
        return texts

    def give_counts(self, counts: Sequence[int]) -> None:
        """The tokens of the texts that were taken, in order. ValueError when they are not as many as were taken."""
        at = 0
        while at < len(counts):
            if not self.taken or self.taken[0][1] > len(counts) - at:
                raise ValueError("give_counts: give as many counts as texts were taken, in their order")
            line, parts = self.taken.popleft()
            prompt = int(counts[at]) if parts == 2 else 0
            answer = int(counts[at + parts - 1])
            at += parts
            self.prompt_total += prompt
            self.answer_total += answer
            self._length(line, prompt + answer)

    # What is said

    def _tokens(self, length: float) -> float:
        return length if self.outside else length / text_bytes_per_token()

    def percentile(self, part: float) -> float:
        """Tokens that this part of the examples does not exceed (the smallest such length)."""
        wanted, passed = ceil(part * self.counted_rows), 0
        for length in sorted(self.lengths):
            passed += self.lengths[length]
            if passed >= wanted:
                return self._tokens(length)
        return 0.0

    def fitting(self, tokens: float) -> float:
        """Share of the examples that are at most so long."""
        inside = sum(count for length, count in self.lengths.items() if self._tokens(length) <= tokens)
        return inside / self.counted_rows if self.counted_rows else 0.0

    @property
    def mean_tokens(self) -> float:
        """Tokens of an example."""
        return self._tokens(self.total / self.counted_rows) if self.counted_rows else 0.0

    @property
    def spread(self) -> float:
        """Standard deviation of the lengths over their mean."""
        if self.counted_rows < 2 or not self.total:
            return 0.0
        mean = self.total / self.counted_rows
        squares = sum(count * (length - mean) ** 2 for length, count in self.lengths.items())
        return sqrt(squares / (self.counted_rows - 1)) / mean

    def classes(self) -> dict[str, int]:
        """Examples of each class, the most frequent first; empty where the answers are no labels."""
        found = self.labels
        if self.are_labels is False or len(found) < 2:
            return {}
        key = self.form.key if self.form else ""
        guessed = key != forms.LABELLED
        if guessed and (
            key in (forms.TEXT, forms.UNKNOWN, forms.PREFERENCES)
            or len(found) > MOST_GUESSED_CLASSES
            or len(found) * 3 > sum(found.values())
        ):
            return {}
        if not guessed and len(found) > max(SURELY_CLASSES, sum(found.values()) // 2):
            return {}
        return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))

    def shared(self) -> tuple[str, float]:
        """The beginning that prompts share, and the part of the rows that have it."""
        whole = (self.prefix or "") if self.rows > 1 else ""
        if self.systems and self.rows:
            system, rows = max(self.systems.items(), key=lambda one: one[1])
            if rows >= PREFIX_SHARE * self.rows and len(system) > len(whole):
                return system, rows / self.rows
        return whole, 1.0

    def shared_share(self) -> float:
        """The part of a mean prompt that never changes."""
        prefix, rows = self.shared()
        return min(1.0, len(prefix) * rows * self.rows / self.prompt_characters) if self.prompt_characters else 0.0

    def tree(self, *, size: int, done: bool) -> Tree:
        """All that is known so far."""
        classes = self.classes()
        numbers = self._numbers(classes)
        words = forms.WORDS[self.form.key] if self.form else ("no rows yet", "rows")
        parts = [self._shape(), self._lengths(), self._turns(), self._labels(classes), self._duplicates(),
                 self._overlap(), self._personal(), self._shared_prefix(), self._examples()]  # fmt: skip
        fields = self._fields(classes) if done and self.counted_rows else {}
        if fields:
            numbers |= price.numbers(fields, self._billed_ratio())
            parts.append(price.section(fields, self._billed_ratio()))
        return tree.whole(
            kind="data", name=self.name, form=words[0], container=self.container, size=size, done=done,
            headline=self._headline(words[1], classes), numbers=numbers,
            sections=[part for part in parts if part], warnings=self._warnings(classes), fields=fields,
        )  # fmt: skip

    def _is(self, key: str) -> bool:
        return self.form is not None and self.form.key == key

    def _headline(self, called: str, classes: dict[str, int]) -> str:
        if not self.rows:
            return "No example found yet."
        one = {"chats": "chat", "pairs": "pair", "texts": "text", "rows": "row"}.get(called, called[:-1])
        said = counted(self.rows, one, called)
        if self.counted_rows:
            about = "" if self.outside else "about "
            said += (
                f", {about}{self.mean_tokens:,.0f} tokens each (median {self.percentile(0.5):,.0f}, "
                f"longest {self._tokens(self.longest):,.0f})"
            )
        if classes:
            said += f", {counted(len(classes), 'class', 'classes')}"
        return said + "."

    def _numbers(self, classes: dict[str, int]) -> dict[str, Any]:
        prefix, rows = self.shared()
        found: dict[str, Any] = {
            "examples": self.rows,
            "characters": self.characters,
            "empty_lines": self.empty.count,
            "broken_lines": self.broken.count,
            "exact_duplicates": self.exact.repeats,
            "near_duplicates": max(0, self.near.repeats - self.exact.repeats),
            "repeats_are_exact": self.near.exact and self.exact.exact,
            "reworded_examples": self.wordings.alike,
            "reworded_looked_at": self.wordings.looked_at,
            "contradicted_inputs": self.inputs.inputs,
            "classes": len(classes),
            "shared_prefix_characters": len(prefix),
            "shared_prefix_rows_share": rows,
            "tokens_are_counted": self.outside,
            "sequence_tokens": self.sequence_tokens,
        }
        if self.counted_rows:
            found |= {
                "tokens": round(self._tokens(self.total)),
                "mean_tokens": self.mean_tokens,
                "longest_tokens": round(self._tokens(self.longest)),
                "length_spread_ratio": self.spread,
                "rows_over_limit": self.over.count,
                "share_within_limit": 1.0 - self.over.count / self.counted_rows,
            }
            found |= {f"p{part}_tokens": round(self.percentile(part / 100)) for part in _PARTS}
        if self.outside and self.counted_rows:
            found["prompt_tokens"] = self.prompt_total / self.counted_rows
            found["answer_tokens"] = self.answer_total / self.counted_rows
        for kind, lines in self.personal.items():
            found[f"{kind}_rows"] = lines.count
        if self.against is not None:
            for kind, lines in self.overlap.items():
                found[f"overlap_{kind}_rows"] = lines.count
                found[f"overlap_{kind}_share"] = lines.count / (self.overlap_known[kind] or 1)
        return found

    def _shape(self) -> Tree:
        rows = [row("examples", "Examples", self.rows, f"{self.rows:,}")]
        if self.counted_rows:
            total = round(self._tokens(self.total))
            rows.append(row("tokens", "Tokens", total, f"{'' if self.outside else 'about '}{total:,}"))
        rows.append(row("characters", "Characters", self.characters, f"{self.characters:,}"))
        if len(self.by_form) > 1:
            mixed = ", ".join(f"{forms.WORDS[key][0]}: {count:,}" for key, count in self.by_form.items())
            rows.append(row("forms", "Forms", mixed, mixed))
        note = (
            f"Tokens were counted with {self.tokenizer or 'a tokenizer'}; what a chat template adds is not in them."
            if self.outside
            else f"Tokens are estimated at {text_bytes_per_token():g} bytes each, as English has within a fifth; code "
            "and other languages make more. Count them with a tokenizer before you rely on them."
        )
        return section("shape", "What is in it", note=note, rows=rows)

    def _lengths(self) -> Tree | None:
        if not self.counted_rows:
            return None
        rows = [
            row("mean_tokens", "Mean", self.mean_tokens, f"{self.mean_tokens:,.0f} tokens"),
            *(
                row(f"p{part}_tokens", words, found, f"{found:,.0f} tokens")
                for part, words in _PARTS.items()
                for found in (round(self.percentile(part / 100)),)
            ),
            row(
                "longest_tokens", "Longest", round(self._tokens(self.longest)),
                f"{self._tokens(self.longest):,.0f} tokens",
            ),
            row(
                "share_within_limit", f"At most {self.sequence_tokens:,} tokens",
                1.0 - self.over.count / self.counted_rows,
                share(self.counted_rows - self.over.count, self.counted_rows),
            ),
        ]  # fmt: skip
        low, high = self._tokens(min(self.lengths)), self._tokens(self.longest)
        picture = {
            "kind": "histogram", "x": "Tokens of an example", "y": "Examples",
            "scale": "log" if high > 30 * max(1.0, low) else "linear", "bins": self._bins(low, high),
            "marks": [{"at": self.sequence_tokens, "label": f"{self.sequence_tokens:,} tokens: "
                       f"{share(self.counted_rows - self.over.count, self.counted_rows)} fit"}],
        }  # fmt: skip
        return section("lengths", "Lengths", rows=rows, picture=picture)

    def _bins(self, low: float, high: float) -> list[list[float]]:
        logarithmic = high > 30 * max(1.0, low)
        low, high = max(1.0, low) if logarithmic else low, max(high, low + 1.0)
        steps = [k / BINS for k in range(BINS + 1)]
        edges = [low * (high / low) ** s if logarithmic else low + (high - low) * s for s in steps]
        counts = [0] * BINS
        for length, count in self.lengths.items():
            tokens = self._tokens(length)
            at = sum(tokens >= edge for edge in edges[1:-1])
            counts[at] += count
        return [[edges[k], edges[k + 1], counts[k]] for k in range(BINS)]

    def _turns(self) -> Tree | None:
        if set(self.turns) <= {1}:
            return None
        rows_at = sorted(self.turns.items())
        total = sum(self.turns.values())
        mean = sum(turns * count for turns, count in rows_at) / total
        rows = [
            row("mean_turns", "Answers of the model in an example", mean, f"{mean:.1f} on average"),
            row("most_turns", "Most", rows_at[-1][0], f"{rows_at[-1][0]:,}"),
        ]
        cells = [(f"{turns:,}", f"{count:,}", share(count, total)) for turns, count in rows_at[:12]]
        return section("turns", "Turns", rows=rows, table=tree.table(("Answers", "Examples", "Share"), cells))

    def _labels(self, classes: dict[str, int]) -> Tree | None:
        if not classes:
            return None
        total = sum(classes.values())
        rare = [label for label, count in classes.items() if count < RARE_EXAMPLES]
        largest, least = max(classes.values()), min(classes.values())
        rows = [
            row("classes", "Classes", len(classes), f"{len(classes):,}"),
            row("largest_class_share", "The most frequent", largest / total, share(largest, total)),
            row("smallest_class_examples", "The rarest", least, counted(least, "example")),
            row("rare_classes", f"With fewer than {RARE_EXAMPLES} examples", len(rare), f"{len(rare):,}"),
        ]
        shown_classes = list(classes.items())
        if len(shown_classes) > CLASSES_SHOWN:
            shown_classes = [*shown_classes[: CLASSES_SHOWN // 2], *shown_classes[-CLASSES_SHOWN // 2 :]]
        cells = [(shown(label, 80), f"{count:,}", share(count, total)) for label, count in shown_classes]
        note = f"Whoever always answers the most frequent class is right in {share(largest, total)} of the cases."
        if len(classes) > CLASSES_SHOWN:
            note += f" The {CLASSES_SHOWN // 2} most frequent and as many of the rarest are shown."
        table = tree.table(("Class", "Examples", "Share"), cells)
        return section("labels", "Labels", note=note, rows=rows, table=table)

    def _duplicates(self) -> Tree | None:
        if self.rows < 2:
            return None
        again, near = self.exact.repeats, max(0, self.near.repeats - self.exact.repeats)
        several, looked_at = self.inputs.inputs, self.wordings.looked_at
        rows = [
            row("exact_duplicates", "Repeat an earlier example", again, f"{again:,} ({share(again, self.rows)})"),
            row(
                "near_duplicates", "Repeat one but for case, digits, spaces or punctuation", near,
                f"{near:,} ({share(near, self.rows)})",
            ),
            row(
                "reworded_examples", f"Share {ALIKE_SHARE:.0%} or more of their runs of three words with one",
                self.wordings.alike, f"{self.wordings.alike:,} ({share(self.wordings.alike, looked_at)})",
            ),
            row("contradicted_inputs", "Inputs with more than one answer", several, f"{several:,}"),
        ]  # fmt: skip
        pairs = [("exact", *pair) for pair in self.exact.pairs] + [
            ("nearly", *pair) for pair in self.near.pairs if pair not in self.exact.pairs
        ]
        pairs += [("in its wording", *pair) for pair in self.wordings.pairs]
        pairs += [("other answer", *pair) for pair in self.inputs.pairs]
        cells = [(f"{line:,}", f"{earlier:,}", how) for how, line, earlier in pairs]
        note = (
            "" if self.exact.exact and self.near.exact and not self.inputs.mask
            else f"Estimated from one text in {self.near.mask + 1:,}, drawn by chance: more than are remembered."
        )  # fmt: skip
        if looked_at < self.rows:
            note += f"{' ' if note else ''}The wording was compared in the first {looked_at:,} examples."
        table = tree.table(("Line", "Repeats line", "How"), cells) if cells else None
        return section("duplicates", "Duplicates", note=note, rows=rows, table=table)

    def _overlap(self) -> Tree | None:
        if self.against is None:
            return None
        words = {
            "exact": "Examples that stand in the training file",
            "near": "The same but for case, digits, spaces or punctuation",
            "input": "Inputs that stand in the training file",
        }
        rows = [
            row(f"overlap_{kind}_rows", words[kind], lines.count,
                f"{lines.count:,} of {self.overlap_known[kind]:,} ({share(lines.count, self.overlap_known[kind])})")
            for kind, lines in self.overlap.items()
        ]  # fmt: skip
        note = f"Held against {shown(self.against.name, 80)}. A score on items that were trained on says nothing."
        return section("overlap", "Overlap with the training file", note=note, rows=rows)

    def _personal(self) -> Tree | None:
        rows = [
            row(f"{kind}_rows", f"Rows with what looks like {personal.KINDS[kind]}", lines.count, f"{lines.count:,}")
            for kind, lines in self.personal.items()
            if lines.count
        ]
        note = "Found by pattern alone: some are none, and names and addresses are not looked for."
        return section("personal", "Looks like personal data", note=note, rows=rows) if rows else None

    def _shared_prefix(self) -> Tree | None:
        prefix, part = self.shared()
        if not prefix or not self.prompt_characters:
            return None
        of_prompt = self.shared_share()
        rows = [
            row("shared_prefix_characters", "Same beginning", len(prefix), counted(len(prefix), "character")),
            row("shared_prefix_share", "Part of a mean prompt", of_prompt, share(of_prompt, 1)),
        ]
        if part < 1:
            rows.append(row("shared_prefix_rows_share", "Rows that have it", part, share(part, 1)))
        note = f"It begins: {shown(prefix, 200)}"
        return section("prefix", "What every prompt begins with", note=note, rows=rows)

    def _examples(self) -> Tree | None:
        if not self.first:
            return None
        table = tree.table(("Prompt", "Answer"), self.first)
        return section("examples", "The first examples", table=table)

    def _warnings(self, classes: dict[str, int]) -> list[Tree]:
        found = []
        if self.broken.count:
            reasons = dict.fromkeys(self.why_broken.values())
            why = "; ".join(reasons)
            found.append(tree.warning("broken", f"{_lines(self.broken)} cannot be read: {why}.", self.broken))
        said = (
            ("empty", self.empty, "{} empty."),
            ("too_long", self.too_long, "{} longer than 16 MiB and left out."),
            ("not_utf8", self.not_utf8, "{} not UTF-8 and were read as Latin-1."),
            ("foreign", self.foreign, "{} of no form that we know; all their texts were counted."),
            ("unanswered", self.unanswered, "{} without an answer to learn from."),
            ("over", self.over, f"{{}} longer than {self.sequence_tokens:,} tokens: training cuts or drops them."),
        )
        for key, lines, words in said:
            if lines.count:
                are = words.format(f"{_lines(lines)} {'is' if lines.count == 1 else 'are'}")
                found.append(tree.warning(key, are, lines))
        for kind, lines in self.personal.items():
            if lines.count:
                look = "looks" if lines.count == 1 else "look"
                words = f"{_lines(lines)} {look} like holding {personal.KINDS[kind]}."
                found.append(tree.warning(kind, words, lines))
        if classes and self.inputs.inputs:
            pairs = Lines()
            for line, _ in self.inputs.pairs:
                pairs.add(line)
            conflict = f"{counted(self.inputs.inputs, 'text')} with more than one label: labels in conflict."
            found.append(tree.warning("conflict", conflict, pairs, self.inputs.inputs))
        if rare := [label for label, count in classes.items() if count < RARE_EXAMPLES]:
            named = ", ".join(shown(label, 40) for label in rare[:5]) + (", …" if len(rare) > 5 else "")
            words = f"{counted(len(rare), 'class has', 'classes have')} fewer than {RARE_EXAMPLES} examples: {named}."
            found.append(tree.warning("rare", words, count=len(rare)))
        if self.against is not None and self.overlap["input"].count:
            lines = self.overlap["input"]
            found.append(tree.warning("overlap", f"{_lines(lines)} ask what the training file asks too.", lines))
        return found

    def _billed_ratio(self) -> float:
        """Tokens that training sees over those of the examples: both answers of a pair come with their prompt."""
        if not self._is(forms.PREFERENCES) or not self.characters:
            return 1.0
        return (self.characters + self.prompt_characters + self.rejected_characters) / self.characters

    def _fields(self, classes: dict[str, int]) -> dict[str, str]:
        """What the file says of the fields that all pages share, within their bounds."""
        longest = 64 * ceil(max(1.0, self._tokens(self.longest)) / 64)
        found = {
            "labelled_examples": str(self.rows),
            "example_tokens": f"{max(1.0, self.mean_tokens):.0f}",
            "sequence_tokens": str(min(1_000_000, longest)),
            "length_spread_ratio": f"{self.spread:.2f}",
        }
        if classes:
            found["classes_count"] = str(len(classes))
        if self.shared()[0]:
            found["shared_prefix_share"] = f"{self.shared_share():.2f}"
        return found


def _rounded(length: int) -> int:
    """A length with its first ten binary digits."""
    shift = length.bit_length() - 10
    return length >> shift << shift


_PARTS = {50: "Median", 90: "90 of 100 at most", 95: "95 of 100 at most", 99: "99 of 100 at most"}


def _lines(lines: Lines) -> str:
    return counted(lines.count, "line")
