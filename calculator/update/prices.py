"""The table of API prices and the default prices, from a release of genai-prices that a requirement pins.

The package is needed here only; `catalogs/api_prices.csv` and `facts/assumptions/money.toml` are what it leaves behind.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from importlib import import_module, metadata
from typing import Any

from calculator.stats.sampling import quantile
from calculator.update.tables import PACKAGE, SOURCES, Row, as_csv, dated, read_csv, rules

TABLE = PACKAGE / "catalogs" / "api_prices.csv"
MAKERS = PACKAGE / "catalogs" / "api_makers.csv"
DEFAULTS = PACKAGE / "facts" / "assumptions" / "money.toml"
KEY = "genai"
"""The package's row in sources.csv."""

COLUMNS = (
    "maker", "model", "above_tokens", "hours", "since", "until", "input", "cached_input", "cache_write", "output",
    "batch_share", "tokens_ratio",
)  # fmt: skip
_PARTS = {"input": "input_mtok", "cached_input": "cache_read_mtok", "cache_write": "cache_write_mtok",
          "output": "output_mtok"}


def providers() -> Sequence[Any]:
    """The package's providers. ValueError, with what to install, when it is not there."""
    try:
        found: Sequence[Any] = import_module("genai_prices.data").providers
    except ImportError:
        raise ValueError("genai-prices is missing: pip install --require-hashes -r requirements-update.txt") from None
    return found


def data_day(found: Iterable[Any], today: date) -> date:
    """How old the data is: the newest day not after `today` on which one of its prices began to hold.

    A release carries no date of its own. The data may be newer than this day, never older.
    """
    days = [day for provider in found for model in provider.models for day in _days(model) if day <= today]
    if not days:
        raise ValueError("the package holds no dated price up to this day")
    return max(days)


def _days(model: Any) -> Iterator[date]:
    changes = model.prices if isinstance(model.prices, list) else []
    for change in [*changes, *(model.price_variants or ())]:
        day = getattr(change.constraint, "start_date", None)
        if day is not None:
            yield day


def table(found: Iterable[Any], chosen: Mapping[str, Any], today: date) -> list[Row]:
    """The rows of the table: for each model the price in force, longer prompts, peak hours, and what is announced."""
    by_id = {provider.id: provider for provider in found}
    rows = []
    for maker in chosen["maker"]:
        take, drop = re.compile(maker["take"]), maker.get("drop")
        models = [model for model in by_id[maker["provider"]].models
                  if take.fullmatch(model.id) and not model.deprecated]
        if not models:
            raise ValueError(f"{maker['name']}: no model of the package is taken by {maker['take']!r}")
        names = [re.sub(drop, "", model.id) if drop else model.id for model in models]
        for name, model in sorted(zip(names, models, strict=True), key=lambda pair: _natural(pair[0]), reverse=True):
            rows += _rows_of(maker["name"], name, model, chosen, today)
    return rows


def _natural(name: str) -> list[tuple[int, int | str]]:
    return [(1, int(run)) if run.isdigit() else (0, run.lower()) for run in re.findall(r"\d+|\D+", name)]


def _rows_of(maker: str, name: str, model: Any, chosen: Mapping[str, Any], today: date) -> list[Row]:
    ratio = next((text["tokens_ratio"] for text in chosen["tokenizer"]
                  if text["maker"] == maker and re.fullmatch(text["model"], name)), 1)
    start = {"maker": maker, "model": name, "tokens_ratio": "" if ratio == 1 else f"{ratio:g}"}
    rows = []
    for since, until, hours, price in _in_force(model, today):
        share = _batch_share(model, price, since or today, today)
        for above in sorted({0, *_thresholds(price)}):
            parts = {column: _figure(price.__dict__.get(part), above) for column, part in _PARTS.items()}
            if not (parts["input"] and parts["output"]):
                break
            rows.append({**dict.fromkeys(COLUMNS, ""), **start, **parts, "above_tokens": str(above or ""),
                         "hours": hours, "since": str(since or ""), "until": str(until or ""), "batch_share": share})
    return rows


def _in_force(model: Any, today: date) -> Iterator[tuple[date | None, date | None, str, Any]]:
    """(since, until, hours, price): the price that holds today, its peak hours, and those that are announced."""
    changes = model.prices if isinstance(model.prices, list) else None
    if changes is None:
        yield None, None, "", model.prices
        return
    dated = [(getattr(change.constraint, "start_date", None), index) for index, change in enumerate(changes)
             if not hasattr(change.constraint, "start_time")]
    held = [index for day, index in dated if day is None or day <= today]
    for (since, index), following in zip(dated, [*dated[1:], (None, len(changes))], strict=True):
        if index != held[-1] and not (since and since > today):
            continue
        until = following[0] - timedelta(days=1) if following[0] else None
        yield since, until, "", changes[index].prices
        for change in changes[index + 1 : following[1]]:
            hours = f"{change.constraint.start_time:%H:%M}-{change.constraint.end_time:%H:%M} UTC"
            yield since, until, hours, change.prices


def _thresholds(price: Any) -> Iterator[int]:
    for part in _PARTS.values():
        for tier in getattr(price.__dict__.get(part), "tiers", ()):
            yield tier.start


def _figure(price: Any, above: int) -> str:
    """One price at prompts of more than so many tokens, as text; empty where there is none."""
    value = price
    if hasattr(price, "base"):
        value = price.base
        for tier in price.tiers:
            if tier.start <= above:
                value = tier.price
    return f"{float(value):g}" if value else ""


def _batch_share(model: Any, price: Any, since: date, today: date) -> str:
    """What a batched request costs, as a share of the ordinary one; empty where the package has no batch price."""
    batched = [
        (getattr(variant.constraint, "start_date", None) or date.min, variant.prices)
        for variant in model.price_variants or ()
        if variant.when == {"processing": "batch"}
        and (getattr(variant.constraint, "start_date", None) or date.min) <= max(since, today)
    ]
    if not batched:
        return ""
    shares = {}
    _, batch = max(batched, key=lambda pair: pair[0])
    for column in ("input", "output"):
        both = [_figure(found.__dict__.get(_PARTS[column]), 0) for found in (batch, price)]
        if not all(both):
            return ""
        shares[column] = float(both[0]) / float(both[1])
    return f"{round(sum(shares.values()) / 2, 3):g}"


def _base(rows: Iterable[Row], today: date) -> Iterator[Row]:
    """The ordinary price of each model on this day: short prompts, off peak."""
    for row in rows:
        if not row["above_tokens"] and not row["hours"] and row["since"] <= today.isoformat():
            yield row


def peers(rows: Iterable[Row], chosen: Mapping[str, Any], tier: str, today: date) -> list[tuple[Row, bool]]:
    """The newest model of each line of a tier, and whether it is a reference. ValueError for a line without a model."""
    base = list(_base(rows, today))
    return [
        (_newest(base, line["maker"], line["model"])[0], bool(line.get("reference")))
        for line in chosen["line"]
        if line["tier"] == tier
    ]


def _newest(base: Iterable[Row], maker: str, pattern: str) -> list[Row]:
    """The models of one series, the newest first. ValueError when the table has none."""
    fits = [(match, row) for row in base if row["maker"] == maker and (match := re.fullmatch(pattern, row["model"]))]
    if not fits:
        raise ValueError(f"line {maker} {pattern!r}: no model of the table fits it")
    fits.sort(key=lambda pair: [int(run) for run in re.findall(r"\d+", pair[0].group(1))], reverse=True)
    return [row for _, row in fits]


def steps(rows: Iterable[Row], chosen: Mapping[str, Any], today: date) -> list[tuple[Row, Row, bool]]:
    """(model, stronger one, whether it is a reference): the next larger or the newer model of one maker."""
    base = list(_base(rows, today))
    found = []
    for step in chosen["step"]:
        lower = _newest(base, step["maker"], step["model"])
        if "stronger" in step:
            stronger = _newest(base, step["maker"], step["stronger"])[0]
            found.append((lower[0], stronger, bool(step.get("reference"))))
        elif len(lower) > 1:
            found.append((lower[1], lower[0], False))
    return found


def _cost(row: Row) -> float:
    """What three input tokens and one output token cost."""
    return 3 * float(row["input"]) + float(row["output"])


def reference(found: Sequence[tuple[Row, bool]]) -> Row:
    """The middle one of the reference models, by what three input tokens and one output token cost.

    Of two at one price, that whose tokens hold more text counts as the dearer: it stands nearer to the others.
    """
    ranked = sorted(
        (row for row, is_reference in found if is_reference),
        key=lambda row: (_cost(row), -float(row["tokens_ratio"] or 1)),
    )
    return ranked[len(ranked) // 2]


def _value(row: Row, entry: Mapping[str, Any]) -> float:
    """What a model's row says of a default price: one of its columns, or that as a part of another; 1 where empty."""
    text = row[entry["of"]]
    return float(text) / (float(row[entry["over"]]) if "over" in entry else 1) if text else 1.0


def defaults(rows: Sequence[Row], chosen: Mapping[str, Any], makers: Mapping[str, str], day: date, today: date) -> str:
    """The text of money.toml: the default prices that the rule gives on this table."""
    release = metadata.version("genai-prices")
    text = ["# Written by `python -m calculator update prices`, by the rule in calculator/update/prices.toml.\n"]
    for entry in chosen["default"]:
        tier = entry["tier"]
        found = peers(rows, chosen, tier, today)
        middle = reference(found)
        # Several sell one open model, so the seller is named too.
        each = [(f"{row['maker']} {row['model']}" if tier == "open" else row["model"], _value(row, entry))
                for row, _ in found]
        said = (f"{middle['maker']} {middle['model']}, the middle of the three reference models; range over "
                f"{len(found)} {chosen['tiers'][tier]}; genai-prices {release}")
        text.append(_table(entry, _value(middle, entry), each, said, makers[middle["maker"]], day, today))
    pairs = steps(rows, chosen, today)
    rates = [(f"{lower['model']} to {upper['model']}", _cost(upper) / _cost(lower)) for lower, upper, _ in pairs]
    main = sorted((rate for rate, (*_, is_main) in zip(rates, pairs, strict=True) if is_main), key=lambda one: one[1])
    named, rate = main[len(main) // 2]
    maker = next(lower["maker"] for lower, upper, _ in pairs if named == f"{lower['model']} to {upper['model']}")
    said = (f"{named}, the middle of three reference steps to the next larger model of one maker, three input tokens "
            f"to one of output; range over {len(pairs)} steps to a larger or a newer one; genai-prices {release}")
    text.append(_table(chosen["stronger"], rate, rates, said, makers[maker], day, today))
    return "\n".join(text)


def _table(
    entry: Mapping[str, Any], value: float, each: Sequence[tuple[str, float]], source: str, url: str, day: date,
    today: date,
) -> str:
    """One entry of money.toml; its range runs from the 5th to the 95th percentile of what each model asks."""
    asked = sorted(one for _, one in each)
    low, high = min(quantile(asked, 0.05), value), max(quantile(asked, 0.95), value)
    named = ", ".join(f"{name} {one:.4g}" for name, one in each)
    lines = [
        f"[{entry['key']}]", f'label = "{entry["label"]}"', 'kind = "price"', f"value = {value:.4g}",
        f"range = [{low:.3g}, {high:.3g}]", f"bounds = {entry['bounds']}",
        f'source = "{source}"', f'url = "{url}"', f'quote = "{named}"', f"as_of = {day}", f"checked = {today}",
    ]  # fmt: skip
    lines += [f'{name} = "{entry[name]}"' for name in ("moves_with", "hint") if name in entry]
    return "\n".join(lines) + "\n"


def difference(before: Iterable[Row], after: Iterable[Row]) -> list[str]:
    """What changed between two tables, in words, one line a price."""

    def named(rows: Iterable[Row]) -> dict[str, Row]:
        return {" ".join(row[c] for c in ("maker", "model", "above_tokens", "hours", "since") if row[c]): row
                for row in rows}

    old, new = named(before), named(after)
    said = [f"gone: {name}" for name in old if name not in new]
    for name, row in new.items():
        if name not in old:
            said.append(f"new: {name} {row['input']} / {row['output']}")
            continue
        changed = [f"{column} {old[name].get(column) or '-'} -> {row[column] or '-'}" for column in COLUMNS
                   if old[name].get(column, "") != row[column]]
        if changed:
            said.append(f"changed: {name}: {', '.join(changed)}")
    return said


def update(today: date, write: bool = True) -> list[str]:
    """Rebuild the table and the defaults from the installed release, and say what changed.

    ValueError when the package is missing or a rule fits none of its models.
    """
    found, chosen = providers(), rules("prices.toml")
    day = data_day(found, today)
    rows = table(found, chosen, today)
    addresses = {provider.id: (provider.pricing_urls or [""])[0] for provider in found}
    makers = {maker["name"]: addresses[maker["provider"]] for maker in chosen["maker"]}
    release = metadata.version("genai-prices")
    texts = {
        TABLE: as_csv(rows, COLUMNS),
        MAKERS: as_csv([{"maker": maker, "url": url} for maker, url in makers.items()], ("maker", "url")),
        DEFAULTS: defaults(rows, chosen, makers, day, today),
        SOURCES: dated(SOURCES.read_text("utf-8"), KEY, {
            "title": f"genai-prices {release}: prices of API models",
            "where": f"https://github.com/pydantic/genai-prices/tree/v{release}/prices/providers",
            "as_of": str(day), "checked": str(today),
        }),
    }
    before = read_csv(TABLE.read_text("utf-8")) if TABLE.exists() else []
    said = difference(before, rows)
    said += _defaults_difference(DEFAULTS.read_text("utf-8"), texts[DEFAULTS])
    if write:
        for path, text in texts.items():
            path.write_text(text, "utf-8")
    return [f"prices of {day}, genai-prices {release}: {len(rows)} rows", *said]


def _defaults_difference(before: str, after: str) -> list[str]:
    old, new = tomllib.loads(before), tomllib.loads(after)
    return [
        f"default: {key} {old.get(key, {}).get('value', '-')} -> {entry['value']} "
        f"({entry['range'][0]} to {entry['range'][1]})"
        for key, entry in new.items()
        if (old.get(key, {}).get("value"), old.get(key, {}).get("range")) != (entry["value"], entry["range"])
    ]
