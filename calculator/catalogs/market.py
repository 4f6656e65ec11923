"""What is on offer: accelerators with their figures, and prices with their dates."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where a row of a catalogue was read."""

    key: str
    title: str
    where: str
    """The address of the place that says it, with {model} for a model's name; empty where nothing was read."""
    as_of: str
    """The source's own date, as far as it gives one."""
    checked: str
    """The day we last read it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Accelerator:
    """One device that runs or trains models.

    Peaks are dense, with FP32 accumulation, as sold; None means that the device has no units for the format.
    ``matmul_tflops`` is the best that was measured in bf16. ``peer_access`` says whether two of them read each
    other's memory without the host.
    """

    name: str
    aliases: tuple[str, ...]
    """What people call it, beside its name with or without the maker."""
    kind: str
    """datacentre gpu, workstation gpu, consumer gpu, unified memory, cpu, phone, tpu or accelerator."""
    stack: str
    """The software that runs on it: cuda, rocm, metal, oneapi, gaudi, xla, neuron, cann or cpu."""
    generation: str
    """The chip's architecture, by the name compilers give it where they give one (sm90, cdna3)."""
    announced: bool
    """Shown by its maker, not yet sold."""
    memory_gb: float | None
    """Memory as the maker states it; with shared memory, the largest that is sold."""
    memory_gib: float | None
    """Memory as the driver reports it; PyTorch sees about half a GiB less."""
    bandwidth_gb_per_s: float | None
    bandwidth_share: float | None
    """What a copy or a triad reaches of it, where somebody measured that it is not the usual share."""
    bf16_tflops: float | None
    fp16_tflops: float | None
    fp16_accumulate_tflops: float | None
    """16-bit products with sums in 16 bit: twice as fast on consumer cards."""
    fp8_tflops: float | None
    fp4_tflops: float | None
    int8_tops: float | None
    matmul_tflops: float | None
    matmul_share: float | None
    """What large products reach of the peak, where no measurement is at hand: by cards of the same make and power."""
    plain_tflops: float | None
    """32-bit rate of the cores outside the tensor units."""
    link_gb_per_s: float | None
    """To another device of the same machine, one direction; through the host's memory on cards without peer access."""
    domain_gpus: float | None
    """How many devices such links join."""
    host_gb_per_s: float | None
    """To the host's memory, one direction."""
    peer_access: bool
    cores: float | None
    """Streaming multiprocessors, compute units or cores: what a kernel's work is spread over."""
    clock_ghz: float | None
    """Of those cores, boosted."""
    power_w: float | None
    sources: tuple[str, ...]
    """Keys of sources.csv."""
    note: str
    """How a figure was derived and where sources disagree."""
    unread: tuple[str, ...]
    """Fields written from memory, without a source that we read."""

    @property
    def label(self) -> str:
        """The name, marked where the device is announced only."""
        return f"{self.name} (announced)" if self.announced else self.name

    @property
    def capacity_gib(self) -> float | None:
        """Memory that a program can address: the driver's figure, else the maker's taken as GiB.

        Makers sell 24 GiB as 24 GB; on the cards where both figures are known the driver's is 0 to 6 % lower.
        """
        return self.memory_gib or self.memory_gb


@dataclass(frozen=True, kw_only=True, slots=True)
class AttentionKernel:
    """How fast a kernel works scores out on a generation of chips."""

    generation: str
    kernel: str
    """fa1, fa2, fa3 (with it cuDNN's of the same time) or memory-efficient."""
    share: float
    """Of the speed that large products reach, forward and backward together."""
    since: str
    """The year from which frameworks take it by themselves."""
    sources: tuple[str, ...]
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiPrice:
    """What one model costs by the token, in USD per million; None where its maker prints no such price.

    A model has a row for its ordinary price and further ones for longer prompts, peak hours, and announced changes.
    """

    maker: str
    model: str
    above_tokens: int
    """Holds for prompts of more tokens than this, for all of their tokens."""
    hours: str
    """The hours it holds for; empty for all that no other row names."""
    since: str
    until: str
    """First and last day; empty where none is known."""
    input_usd_per_mtok: float
    cached_input_usd_per_mtok: float | None
    cache_write_usd_per_mtok: float | None
    output_usd_per_mtok: float
    batch_share: float | None
    """Price of a batched request as a share of the ordinary one."""
    tokens_ratio: float
    """Tokens its tokenizer makes of a text, against o200k: a price per token is not a price per text."""

    @property
    def name(self) -> str:
        """Maker and model, as the lists name it."""
        return f"{self.maker}/{self.model}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rent:
    """What one provider asked for an hour of one device."""

    device: str
    provider: str
    usd_per_hour: float
    spot: bool
    """Whether the provider may take it back at any time."""
    as_of: str
    """The date the price holds for; empty if the source is undated."""
    source: str
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TuningService:
    """One offer of training or of hosting tuned models. None or empty means that no source we read says it."""

    provider: str
    models: str
    supervised: bool
    preference: bool
    reinforcement: bool
    usd: float | None
    unit: str
    minimum_usd: float | None
    weights_out: str
    """yes, no, or empty."""
    closes: str
    """The day on which new jobs end, or ended."""
    as_of: str
    source: str
    note: str
