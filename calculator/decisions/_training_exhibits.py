"""What the page on training shows beside its verdict: memory by part, remedies, what fits, commands, all cards.

It only draws; what is said here is worked out in `limited_compute` and its siblings.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from math import ceil, prod
from typing import TYPE_CHECKING

from calculator import situation
from calculator.catalogs import Architecture, architectures
from calculator.catalogs.recipes import recipes
from calculator.decisions._training_choices import Method, Precision
from calculator.decisions._training_estimates import PARTS, band_gib, is_fitting, needed_gib
from calculator.decisions._training_remedies import CARD_COLUMNS, all_cards, card_row, remedies
from calculator.decisions._training_setup import degrees, model_of, setup_of
from calculator.exhibit import Bar, Bars, Command, Exhibit, Mark, Segment, Table
from calculator.llm import parameters
from calculator.llm.training.memory import TrainingSetup
from calculator.units import EXAMPLES, GIB, PARAMETERS, TOKENS, USD

if TYPE_CHECKING:
    from calculator.decisions.limited_compute import Inputs, Outputs


def exhibits(i: "Inputs", o: "Outputs") -> Iterator[Exhibit]:
    """All of it, in the order of the page."""
    segments = tuple(Segment(label=part.capitalize(), value=getattr(o, f"{part}_gib")) for part in PARTS)
    low, high = band_gib(i)
    yield Bars(
        title="Memory per GPU against the card",
        description=(
            f"{GIB.show(o.peak_gib)} needed against {GIB.show(o.room_gib)} on the {situation.card(i).name}, "
            f"where PyTorch will reserve {GIB.show(o.reserved_gib)}."
        ),
        unit=GIB,
        bars=(Bar(label="This run", segments=segments, low=low, high=high),),
        limit=Mark(label=situation.card(i).name, x=o.room_gib),
    )
    changes = remedies(i, o)
    if changes:
        yield Table(
            title="What each change would bring",
            columns=("Change", "Needed per GPU", "Fits"),
            rows=tuple((words.capitalize(), GIB.show(peak), "yes" if fits else "no") for words, peak, fits in changes),
        )
    yield _largest(i, o)
    yield from _commands(i, o)
    yield _all_cards(i)


def _most(fits: Callable[[int], bool], most: int) -> int:
    """The largest whole number up to `most` that fits; 0 when 1 does not. What fits must fit for all below it."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


@cache
def _by_size() -> tuple[tuple[int, Architecture], ...]:
    sized = [(parameters.total(a), a) for a in architectures().values()]
    return tuple(sorted(sized, key=lambda pair: -pair[0]))


def _largest(i: "Inputs", o: "Outputs") -> Table:
    """The longest sequence, the largest batch and the largest catalogued model that fit the same card, by method."""
    room, model = o.room_gib, model_of(i)
    rows = []
    for method in Method:
        here = method == i.method
        setup = replace(
            setup_of(i),
            method=method.law,
            base_quantisation=setup_of(i).base_quantisation if here else "",
            master_weights=method == Method.FULL and i.precision == Precision.MIXED,
        )

        def fits(a: Architecture, s: TrainingSetup) -> bool:
            return needed_gib(i, a, s, o) <= room

        longest = _most(lambda n, s=setup: fits(model, replace(s, seq_len=n)), 1_000_000)  # type: ignore[misc]
        batch = _most(lambda n, s=setup: fits(model, replace(s, micro_batch=n)), 512)  # type: ignore[misc]
        # From the largest down, so that few are tried.
        best = next(((size, a.hf_id) for size, a in _by_size() if fits(a, setup)), (0, "none of the catalogue"))
        rows.append(
            (
                str(method),
                TOKENS.show(longest) if longest else "does not fit",
                EXAMPLES.show(batch) if batch else "does not fit",
                best[1],
                PARAMETERS.show(best[0]) if best[0] else "–",
            )
        )
    return Table(
        title="What fits the same card",
        columns=(
            "Method",
            "Longest sequence of this model",
            "Largest batch at your sequence",
            "Largest model",
            "Its parameters",
        ),
        rows=tuple(rows),
        note="Of the catalogued models, with all else as it stands.",
    )


def _all_cards(i: "Inputs") -> Table:
    found = all_cards(i)
    return Table(
        title="The same job on every card that is rented out",
        columns=CARD_COLUMNS,
        rows=tuple(map(card_row, found)),
        note=(
            f"On {i.gpus:.0f} of each, at the median of what providers ask; the last column is what "
            f"{USD.show(i.spend_usd)} buys. Estimates alone: a run that you measured counts for its own card."
        ),
    )


def _commands(i: "Inputs", o: "Outputs") -> tuple[Command, ...]:
    """The same set-up in the words of the frameworks, where it fits."""
    if not is_fitting(o):
        return ()
    setup = setup_of(i)
    name = "YOUR_MODEL" if i.config_json else i.model
    said: dict[str, object] = {
        "model": name,
        "method": setup.method,
        "sequence": int(i.sequence_tokens),
        "batch": int(i.micro_batch_examples),
        "accumulation": ceil(setup.accumulation_steps),
        "epochs": f"{i.epochs_count:g}",
        "rank": setup.lora_rank,
        "twice_rank": 2 * setup.lora_rank,
        "targets": setup.lora_targets,
        "optimizer": setup.optimizer,
        "checkpointing": setup.checkpointing,
        "packing": setup.packing,
        "sharding": setup.sharding,
        "offload": setup.offload,
        "gpus": setup.n_gpus,
        "several": setup.n_gpus > 1,
        "base": setup.base_quantisation or "none",
        "bf16": situation.card(i).bf16_tflops is not None,
        "attention": setup.flash_attention,
        "compile": setup.compile,
        "fused": i.fused_loss,
        "dora": setup.dora,
        "embeddings": setup.train_embeddings,
        "objective": setup.objective,
        "pure": i.precision == Precision.PURE,
        "arithmetic": i.arithmetic,
        "parallel": prod(degrees(i)),
    }
    return tuple(Command(title=f"Run it: {recipe.label}", **recipe.written(said)) for recipe in recipes("training"))
