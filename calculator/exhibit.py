"""What a decision shows beside its verdict, as plain data: tables and pictures. `view` and `chart` draw them."""

from dataclasses import dataclass

from calculator.units import Unit


@dataclass(frozen=True, kw_only=True)
class Table:
    """A small table. Cells are text, already in words or shown by a Unit; `highlight` is a row's index or -1."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    highlight: int = -1

    @property
    def ranks(self) -> bool:
        """Whether it ranks options: one row is marked as the answer's."""
        return self.highlight >= 0


@dataclass(frozen=True, kw_only=True)
class _Chart:
    """What every chart over one or two quantities says of itself."""

    title: str
    description: str
    x_label: str
    y_label: str


@dataclass(frozen=True, kw_only=True)
class Line:
    """One curve: points (x, y) in the picture's units; `low` and `high` draw a band when given (same x)."""

    label: str
    points: tuple[tuple[float, float], ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    dots: bool = False


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A vertical (x) or horizontal (y) reference line with its label."""

    label: str
    x: float | None = None
    y: float | None = None


@dataclass(frozen=True, kw_only=True)
class Curves(_Chart):
    """Curves over one quantity: learning curves, cost lines that cross, a staleness saw-tooth."""

    x_unit: Unit
    y_unit: Unit
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...] = ()
    x_log: bool = False
    y_log: bool = False


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One part of a stacked bar."""

    label: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One bar, made of one or more segments; `low` and `high` draw a whisker when given."""

    label: str
    segments: tuple[Segment, ...]
    low: float | None = None
    high: float | None = None


def accuracy_bar(label: str, share: float, low: float | None = None, high: float | None = None) -> Bar:
    """A bar of one accuracy, with the ends of its interval where there is one."""
    return Bar(label=label, segments=(Segment(label="Accuracy", value=share),), low=low, high=high)


@dataclass(frozen=True, kw_only=True)
class Bars:
    """Horizontal bars, stacked when they have several segments: memory against the card, a latency waterfall."""

    title: str
    description: str
    unit: Unit
    bars: tuple[Bar, ...]
    limit: Mark | None = None
    stacked_offset: bool = False


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One row of a picture of options: what is expected, from `low` to `high`, and the bar that it must reach.

    bar: None where there is none. cells: text, already in words, for the columns of the picture that are not drawn.
    """

    label: str
    expected: float
    low: float
    high: float
    bar: float | None
    cells: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Options on one axis, the first one first: a table with a drawing in each row, so that it reads without it.

    need: where every option is measured against, with its label. columns: the heads of each row's `cells`.
    """

    title: str
    description: str
    axis: str
    unit: Unit
    rows: tuple[Choice, ...]
    need: Mark
    columns: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Grid(_Chart):
    """A map over two quantities: `cells[row][column]` is the answer at `ys[row]`, `xs[column]`; `here`: the present.

    doubtful: for each cell, whether fewer than two thirds of its draws have its answer; empty where nothing was drawn.
    """

    x_unit: Unit
    y_unit: Unit
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    cells: tuple[tuple[str, ...], ...]
    here: tuple[float, float]
    doubtful: tuple[tuple[bool, ...], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Dots:
    """One group of points (x, y) of a scatter."""

    label: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Scatter(_Chart):
    """One quantity in two ways, such as measured and predicted, both on the same logarithmic scale.

    A line marks where both are equal, and one on each side where y is off by the share `within`. For pages about our
    own figures; a decision shows no scatter.
    """

    unit: Unit
    groups: tuple[Dots, ...]
    within: float = 0.2


@dataclass(frozen=True, kw_only=True)
class Histogram(_Chart):
    """How often values of a reader's own file fall into each bin (low, high, count); marks are upright lines (x).

    For what was found in a file; a decision shows none.
    """

    x_unit: Unit
    bins: tuple[tuple[float, float, float], ...]
    marks: tuple[Mark, ...] = ()
    x_log: bool = False


@dataclass(frozen=True, kw_only=True)
class Note:
    """A short paragraph with a title, for what is neither number nor picture: nearest cases, vendor facts."""

    title: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Command:
    """Text to be copied as it stands: a command line or a file; `note` says what it leaves to the reader."""

    title: str
    text: str
    note: str = ""


Picture = Curves | Bars | Choices | Grid
Exhibit = Table | Picture | Note | Command
