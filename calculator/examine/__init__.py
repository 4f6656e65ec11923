"""A reader's own evidence, read where it lies: a data set, test results, or a run's log.

    >>> found = examine('{"prompt": "2 + 2?", "completion": "4"}\\n' * 2, name="sums.jsonl")
    >>> found["kind"], found["format"], found["numbers"]["examples"], found["numbers"]["exact_duplicates"]
    ('data', 'prompt and completion', 2, 1)

`Reader` takes a file in pieces, finds out what it is, and says at any time what it holds: a plain tree of texts and
numbers (`tree.whole`). Nothing is kept of a file but counts, hashes, and the few texts and lines that are shown.
"""

from calculator.examine.reader import LONGEST_LOG, SEQUENCE_TOKENS, Reader, examine, kind_of
from calculator.examine.results import EVIDENCE, evidence
from calculator.examine.suspects import after_a_bad_run
from calculator.examine.tree import RefusedError

__all__ = [
    "EVIDENCE",
    "LONGEST_LOG",
    "SEQUENCE_TOKENS",
    "Reader",
    "RefusedError",
    "after_a_bad_run",
    "evidence",
    "examine",
    "kind_of",
]
