"""What is served on what: the inputs of every law in this package."""

from dataclasses import dataclass
from math import expm1, isfinite, log1p
from typing import NamedTuple

from calculator.catalogs import Accelerator, Architecture
from calculator.llm.serving.engines import ENGINES, Engine
from calculator.llm.serving.formats import FORMATS, Format

SPLITS = ("tensor", "expert", "layer")
_BF16, _VLLM = FORMATS["bf16"], ENGINES["vllm"]


class Draft(NamedTuple):
    """Speculative decoding: guesses that the model checks all at once."""

    tokens: float
    """Guessed for each step."""
    acceptance_share: float
    """Probability that the model would have said the same, for each guess."""
    cost_share: float
    """Time of one guess over that of the model's own step; 0 for guesses from the text itself."""

    @property
    def tokens_per_step(self) -> float:
        """(1 − αᵏ⁺¹)/(1 − α): guesses up to the first wrong one, and the model's own (Leviathan et al. 2022)."""
        wrong = 1 - self.acceptance_share
        if wrong <= 0:
            return self.tokens + 1
        # A difference of two numbers near 1 would lose what is near 0.
        return -expm1((self.tokens + 1) * log1p(-wrong)) / wrong if wrong < 1 else 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ServingSetup:
    """A model in a format on devices, under a load. Raises ValueError that names the field for what cannot be.

    Counts may be averages, so they are floats.
    """

    model: Architecture
    device: Accelerator
    devices: int = 1
    stored: Format = _BF16
    engine: Engine = _VLLM
    cache_bits: float = 16.0
    """Bits of one number in the key-value cache; scales of a quantised cache included."""
    batch: float = 1.0
    """Sequences decoded together, on all devices."""
    prompt_tokens: float = 500.0
    answer_tokens: float = 300.0
    cached_tokens: float = 0.0
    """Of the prompt, those that all requests begin with and that are kept: read once, stored once."""
    split: str = "tensor"
    """How several devices share the model: "tensor", "expert" (experts by device, the rest by tensor) or "layer" (one
    device after the other)."""
    stages: int = 1
    """Pipeline stages among the devices, each with its share of the layers: groups of sequences follow each other."""
    replicas: int = 1
    """Copies of attention and dense weights among the devices (data parallel attention)."""
    file_gib: float = 0.0
    """Size of the weights' file where it is known; takes precedence over the format's bits."""
    draft: Draft | None = None
    adapters: int = 0
    """LoRA adapters that are served at once: each request names one, and all are kept in memory."""
    adapter_parameters: float = 0.0
    """Of one adapter, kept in 16 bit."""

    def __post_init__(self) -> None:
        for name, low in (("devices", 1), ("replicas", 1), ("stages", 1), ("cache_bits", 1), ("batch", 1),
                          ("prompt_tokens", 0), ("answer_tokens", 0), ("cached_tokens", 0), ("file_gib", 0),
                          ("adapters", 0), ("adapter_parameters", 0)):
            value = getattr(self, name)
            if not isfinite(value) or value < low:
                raise ValueError(f"{name}: a number of at least {low} is needed, {value} was given")
        if self.split not in SPLITS:
            raise ValueError(f"split: one of {', '.join(SPLITS)} is needed, {self.split!r} was given")
        for name in ("replicas", "stages"):
            if self.devices % getattr(self, name):
                raise ValueError(
                    f"{name}: a divisor of the {self.devices} devices is needed, {getattr(self, name)} was given"
                )
        if self.draft is not None and not (self.draft.tokens >= 0 and 0 <= self.draft.acceptance_share <= 1):
            raise ValueError(f"draft: tokens of 0 or more and a share from 0 to 1 are needed, {self.draft} was given")

    @property
    def mean_depth_tokens(self) -> float:
        """Tokens before the one being decoded, on average over the answer."""
        return self.prompt_tokens + self.answer_tokens / 2

    @property
    def shards(self) -> int:
        """Devices that work on one token at the same time."""
        return 1 if self.split == "layer" else self.devices // self.stages

    @property
    def adapter_gb(self) -> float:
        """Of one adapter."""
        return self.adapter_parameters * 2 / 1e9

    @property
    def tokens_per_step(self) -> float:
        """Tokens that a step adds to each sequence."""
        return self.draft.tokens_per_step if self.draft else 1.0
