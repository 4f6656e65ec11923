"""Weight formats: the bits that a stored weight really takes, scales and exceptions included.

A format is more than its name says. Scales and zero points add to the payload, embeddings and output projection
often keep another precision, and llama.cpp mixes types within one file. The bits decide memory and, since decoding
reads every weight, speed. The formats are rows of ``calculator/catalogs/formats.toml``.
"""

from dataclasses import dataclass, replace

from calculator.catalogs.rows import read_table

# A mix of llama.cpp as measured on Llama-3.1-8B: of its 8.03e9 weights 6.54 % are token embeddings and as many the
# output projection, which have types of their own. What is left is the average over the layers' matrices.
_TABLE_SHARE_OF_FILE = 0.0654


@dataclass(frozen=True, kw_only=True, slots=True)
class Kernel:
    """How the kernels of a kind of format multiply. Texts are names of coefficients; "" where there is no such cost."""

    name: str
    tile: str
    """Rows that a tensor-core kernel computes at least."""
    matrix_vector: bool = False
    """Multiplies a few tokens without tensor cores, so that no row is wasted."""
    unpack: str = ""
    """Operations on the plain cores for each weight, which the multiplication waits for."""
    cpu_unpack: str = ""
    """Picoseconds on a processor for each weight."""
    eager_layer: str = ""
    """What a layer takes longer when it is launched from Python."""
    eager_expert: str = "eager_expert_ms"
    unfused_experts: bool = False
    """Older engines multiply its experts one by one."""
    keeps_tied_head: bool = False
    """Its files store the output projection apart from the embeddings that it is tied to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """How weights are stored and multiplied."""

    name: str
    label: str = ""
    """What a form calls it; "" for one that is read from published names alone."""
    bits: float
    """Bits per weight of the layers' matrices, scales and zero points included."""
    kernel: Kernel
    head_bits: float = 16.0
    """Bits per weight of the output projection."""
    embedding_bits: float = 16.0
    """Bits per weight of the token embeddings."""
    rest_bits: float = 0.0
    """Bits of the matrices that are not experts, where only the experts are stored in ``bits``; 0: the same."""
    compute_bits: int = 16
    """Precision of the multiplication at large batch, which sets the peak that prefill is held against."""
    source: str = ""

    @property
    def dense_bits(self) -> float:
        """Bits per weight of matrices that are not experts."""
        return self.rest_bits or self.bits


def grouped_bits(bits: float, group: int, *, scale_bits: float = 16, zero_bits: float = 0) -> float:
    """Bits per weight of a format with one scale, and perhaps one zero point, for each group of weights.

    Raises ValueError if the group is below 1.
    """
    if group < 1:
        raise ValueError(f"group: at least 1 is needed, {group} was given")
    return bits + (scale_bits + zero_bits) / group


def _read() -> tuple[dict[str, Kernel], dict[str, Format]]:
    table = read_table("formats.toml")
    kernels = {name: Kernel(name=name, **row) for name, row in table["kernel"].items()}
    formats = {}
    for name, row in table["format"].items():
        values = dict(row)
        if of_file := values.pop("file_bits", 0.0):
            tables = _TABLE_SHARE_OF_FILE * (values.get("embedding_bits", 16.0) + values.get("head_bits", 16.0))
            values["bits"] = (of_file - tables) / (1 - 2 * _TABLE_SHARE_OF_FILE)
        formats[name] = Format(name=name, **values | {"kernel": kernels[values["kernel"]]})
    return kernels, formats


KERNELS: dict[str, Kernel]
"""Every kind of kernel by its name."""
FORMATS: dict[str, Format]
"""Every format by its name."""
KERNELS, FORMATS = _read()


def weight_format(name: str) -> Format:
    """The format of that name, in any case; "exl2-3.5" and the like have their bits in the name.

    Raises ValueError that lists the names for one that is not known.
    """
    key = name.strip().lower()
    if key in FORMATS:
        return FORMATS[key]
    kind, _, bits = key.rpartition("-")
    for known in FORMATS.values():
        start, _, of_known = known.name.rpartition("-")
        if start == kind and _is_decimal(of_known) and _is_decimal(bits) and 2 <= float(bits) <= 8:
            return replace(known, name=key, bits=float(bits))
    raise ValueError(f"weights: {name!r} is not a format we know; known: {', '.join(FORMATS)}")


def _is_decimal(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()
