"""Random inputs for any decision, from its fields: a seeded generator and a Hypothesis strategy."""

from random import Random
from typing import Any

from hypothesis import strategies as st

from calculator.fields import Ask, Field, Flag, Number, Paste, Pick, defaults_of, fields_of
from calculator.verdict import AnyDecision


def number_at(spec: Number, share: float) -> float:
    """A value within a field's bounds; `share` 0 to 1 runs over them evenly in ratio where the bounds allow it."""
    low, high = spec.low, spec.high
    if low > 0 and high / low > 100:
        value = low * (high / low) ** share
    elif low == 0 and high > 1000:
        value = (high + 1) ** share - 1
    else:
        value = low + (high - low) * share
    value = min(max(value, low), high)
    return float(round(value)) if spec.whole else value


def random_value(spec: Field, random: Random) -> Any:
    """One value that a form would accept."""
    if isinstance(spec, Pick):
        return random.choice(spec.options)[0]
    if isinstance(spec, Flag):
        return random.random() < 0.5
    if isinstance(spec, Paste):
        return ""
    if isinstance(spec, Ask) and spec.optional and random.random() < 0.5:
        return None
    return number_at(spec, random.choice((0.0, 1.0)) if random.random() < 0.05 else random.random())


def random_given(decision: AnyDecision, random: Random, part: float = 0.6) -> dict[str, Any]:
    """Some of a decision's fields, each with a value within its bounds.

    What a pick from a catalogue leaves open, such as the rent of a device that nobody rents out, is given too.
    """
    specs = fields_of(decision.Inputs)
    given = {name: random_value(spec, random) for name, spec in specs.items() if random.random() < part}
    values = {**defaults_of(decision.Inputs), **given}
    for picked, spec in specs.items():
        fills = spec.fills if isinstance(spec, Pick) else None
        for name, found in (fills(values[picked], values) if fills else {}).items():
            if isinstance(found, str) and given.get(name) is None:
                given[name] = number_at(specs[name], random.random())
    return given


def given_strategy(decision: AnyDecision) -> st.SearchStrategy[dict[str, Any]]:
    """Fields of a decision for Hypothesis: simple and shrinkable through one integer seed and the part that is set."""
    return st.builds(
        lambda seed, part: random_given(decision, Random(seed), part),
        st.integers(0, 2**32),
        st.sampled_from((0.1, 0.3, 0.6, 1.0)),
    )
