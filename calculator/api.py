"""The package in seven names, for a program or a notebook: `decide`, `run`, `report`, `sources`, `decisions`, and for
files of your own `examine` and `why`.

    >>> from calculator import api
    >>> found = api.run("limited_compute", model="meta-llama/Llama-3.1-8B", method="LoRA", gpus=2)
    >>> found.outputs.trained_parameters
    41943040
    >>> print(api.report(found).splitlines()[0])
    # Does it fit, how long does it take, what does it cost?

A field is given as a number, as a text as in the form ("80k", "85%", "200 to 800"), as a pair for a range, or as a
truth value. Those left out have the value that the form starts with.
"""

from pathlib import Path
from typing import Any, Literal

from calculator import catalog, engine, links
from calculator.engine import Report
from calculator.examine import SEQUENCE_TOKENS
from calculator.faces import browser, examining
from calculator.faces import report as records
from calculator.facts import assumptions
from calculator.facts.assumptions import Assumption
from calculator.fields import assumptions_of

__all__ = ["decide", "decisions", "examine", "report", "run", "sources", "why"]


def decisions() -> dict[str, str]:
    """Every decision's name with its question.

    >>> decisions()["real_time_updates"]
    'How stale may an answer be?'
    """
    return {name: catalog.decision(name).question for name in catalog.names()}


def decide(*, preset: str = "", **situation: object) -> Report:
    """The overall decision for a situation, which may hold fields of any decision: what to do, and how firmly.

    preset: the situation that the fields given stand over. Raises ValueError with a line for each field that is wrong.

    >>> found = decide(preset="faq-bot")
    >>> str(found.verdict.answer)
    'Keep what you have'
    >>> 0 <= found.holds <= 1
    True
    >>> decide(labelled_example=10)
    Traceback (most recent call last):
      ...
    ValueError: labelled_example: no such field; did you mean labelled_examples?
    """
    given, unknown = browser.merge(catalog.OVERALL, situation, preset)
    return _evaluate(catalog.OVERALL, {**given, **{field: situation[field] for field in unknown}})


def run(name: str, /, *, preset: str = "", **fields: object) -> Report:
    """One decision: its outputs, verdict, spread, what would change the answer, and what moves the result.

    name: one of `decisions`. preset: the situation that the fields stand over. Raises ValueError: for an unknown name
    or preset with those that exist, for fields with a line for each that is wrong.

    >>> found = run("limited_compute", labelled_examples="5k", runs_count=(4, 8))
    >>> found.spread["compute_usd"].low < found.outputs.compute_usd < found.spread["compute_usd"].high
    True
    >>> run("limited_compute", epochs=3)
    Traceback (most recent call last):
      ...
    ValueError: epochs: no such field; did you mean epochs_count?
    """
    given, _ = browser.merge(name, fields, preset)
    foreign = {field: value for field, value in links.current_names(fields).items() if field not in given}
    return _evaluate(name, {**given, **foreign})


def _evaluate(name: str, given: dict[str, object]) -> Report:
    decision = catalog.decision(name)
    reading = engine.read(decision, given)
    if reading.problems:
        raise ValueError("\n".join(map(str, reading.problems)))
    return engine.evaluate(name, decision, reading)


def report(found: Report, form: Literal["markdown", "json"] = "markdown", *, site_url: str = "") -> str:
    """A decision record of what `run` or `decide` gave. ValueError for another form.

    site_url: the address of the decision's page; then the link in the record leads to it.

    >>> import json
    >>> json.loads(report(run("limited_compute"), "json"))["decision"]
    'limited_compute'
    """
    if form == "markdown":
        return records.as_markdown(found, site_url)
    if form == "json":
        return records.as_json(found)
    raise ValueError(f"form must be markdown or json; given: {form[:20]!r}")


def sources(name: str = "") -> tuple[Assumption, ...]:
    """The sourced numbers that a decision uses, or all of them: value, range, source, quote and dates.

    >>> one = sources("limited_compute")[0]
    >>> one.low <= one.value <= one.high and one.url.startswith("https://")
    True
    >>> len(sources()) > len(sources("limited_compute"))
    True
    """
    if not name:
        return tuple(assumptions.assumptions().values())
    return tuple(assumptions_of(catalog.decision(name).Inputs).values())


def examine(
    *files: str | Path,
    against: str | Path = "",
    kind: str = "",
    sequence_tokens: int = SEQUENCE_TOKENS,
    tokenizer: str = "",
) -> list[dict[str, Any]]:
    """What files hold: a data set, test results or a run's log, each found out by itself, as a tree of plain values.

    against: a test file, held against the first data set. kind: "data", "results" or "run" for what is not found out.
    sequence_tokens: the longest that training takes. tokenizer: "tiktoken", "tiktoken:ENCODING" or the path of a
    tokenizer.json, if its library is installed; without it tokens are estimated. Files of results make one tree.
    A tree's "fields" go into `run` and `decide`. Raises ValueError for what cannot be read, OSError for what is not
    there.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "sums.jsonl")
    ...     _ = file.write_text('{"prompt": "2 + 2?", "completion": "4"}\\n{"prompt": "2 + 3?", "completion": "5"}\\n')
    ...     found, = examine(file)
    >>> found["format"], found["fields"]["labelled_examples"]
    ('prompt and completion', '2')
    """
    return examining.examine_files(
        files, against=against, kind=kind, sequence_tokens=sequence_tokens, tokenizer=tokenizer
    )


def why(
    *files: str | Path,
    before: tuple[float, float] | None = None,
    after: tuple[float, float] | None = None,
    old_before: tuple[float, float] | None = None,
    old_after: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """What a run that did not help looks like: from its log, results by item or training data, and scores.

    before, after: right items and all items on the task; old_before, old_after: on what the model could do before.
    Nothing is named that the numbers do not show. Raises as `examine` does.

    >>> found = why(before=(60, 100), after=(63, 100))
    >>> found["numbers"]["suspects"]
    ['blind_eval']
    """
    return examining.why(files, before=before, after=after, old_before=old_before, old_after=old_after)
