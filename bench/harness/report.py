"""What a benchmark found, as a table for people and as one JSON line for machines."""

import operator
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TextIO

import msgspec
from rich.console import Console
from rich.table import Table

Quantity = Literal["ratio", "ours", "added"]
Bound = Literal["≥", "≤", "<"]

_COMPARE: Final[dict[Bound, Callable[[float, float], bool]]] = {
    "≥": operator.ge,
    "≤": operator.le,
    "<": operator.lt,
}
#: Columns, where no terminal says how many there are.
_PAPER: Final = 140
_MARKS: Final = {True: "[green]✓[/]", False: "[red]✗[/]", None: ""}


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on our figure, on its ratio to the peer's, or on what it adds to the peer's."""

    quantity: Quantity
    bound: Bound
    value: float

    def holds(self, measured: float) -> bool:
        """Whether ``measured`` keeps to the bound."""
        return _COMPARE[self.bound](measured, self.value)

    def __str__(self) -> str:
        return f"{self.quantity} {self.bound} {self.value:g}"


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure: ours and the peer's in each round, paired, so that what disturbs a round disturbs both.

    ``against`` says who the peer is; both lists are in ``unit``. Without a peer ``peer`` is empty.
    """

    name: str
    unit: str
    ours: Sequence[float]
    peer: Sequence[float] = ()
    against: str = ""
    goal: Goal | None = None

    @property
    def holds(self) -> bool | None:
        """Whether the median round keeps to the goal; None without one."""
        if self.goal is None:
            return None
        return self.goal.holds(statistics.median(self.each(self.goal.quantity)))

    @property
    def ratio(self) -> float | None:
        """The median of the rounds' ratios; None without a peer."""
        return statistics.median(self.each("ratio")) if self.peer else None

    @property
    def spread(self) -> tuple[float, float]:
        """The first and third quartile over rounds of what the goal bounds (of the ratio, or ours, without one)."""
        judged = self.each(self.goal.quantity if self.goal else "ratio" if self.peer else "ours")
        if len(judged) == 1:
            return judged[0], judged[0]
        first, _, third = statistics.quantiles(judged, n=4, method="inclusive")
        return first, third

    def each(self, quantity: Quantity) -> list[float]:
        """``quantity`` in each round."""
        if quantity == "ours":
            return list(self.ours)
        pairs = zip(self.ours, self.peer, strict=True)
        return [ours / peer if quantity == "ratio" else ours - peer for ours, peer in pairs]

    def record(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "ours": _rounded(statistics.median(self.ours)),
            "peer": _rounded(statistics.median(self.peer)) if self.peer else None,
            "ratio": None if self.ratio is None else _rounded(self.ratio),
            "goal": str(self.goal) if self.goal else None,
            "holds": self.holds,
            "unit": self.unit,
            "against": self.against or None,
            "spread": [_rounded(value) for value in self.spread],
        }


def publish(
    name: str, metrics: Sequence[Metric], notes: Sequence[str], facts: Mapping[str, object], out: TextIO
) -> None:
    """Print the table and the notes beneath it, then the JSON line, which has ``facts`` beside the metrics."""
    console = Console(file=out)
    if not console.is_terminal:
        console.width = _PAPER
    table = Table("", "unit", "ours", "peer", "against", "ratio", "middle half", "goal", "", title=name)
    table.title_justify = "left"
    for column in (2, 3, 5):
        table.columns[column].justify = "right"
    for metric in metrics:
        table.add_row(
            metric.name,
            metric.unit,
            _figure(statistics.median(metric.ours)),
            _figure(statistics.median(metric.peer)) if metric.peer else "",
            metric.against,
            "" if metric.ratio is None else _figure(metric.ratio),
            " … ".join(map(_figure, metric.spread)),
            str(metric.goal or ""),
            _MARKS[metric.holds],
        )
    console.print(table)
    for note in notes:
        console.print(note, soft_wrap=True)
    line = {"name": name, "metrics": {metric.name: metric.record() for metric in metrics}, **facts}
    out.write(msgspec.json.encode(line).decode() + "\n")


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _figure(value: float) -> str:
    return f"{_rounded(value):g}"
