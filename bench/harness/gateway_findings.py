"""What the gateway benchmark measured, and the figures and goals that are made of it."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from harness.books import Difference
from harness.gateways import DIRECT, Turn
from harness.report import Goal, Metric

OURS: Final = "causette"
LITELLM: Final = "litellm"


@dataclass(frozen=True, slots=True, order=True)
class Task:
    """One kind of work: whole answers or streams, so many at once or so many a second; ``half`` of what we can."""

    streamed: bool = False
    in_flight: int = 0
    rate: int = 0
    half: bool = False


@dataclass(slots=True, kw_only=True)
class Findings:
    """All that was measured: a turn a round and system, and what was asked only of ours."""

    turns: dict[Task, dict[str, list[Turn]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    paced: dict[str, list[Turn]] = field(default_factory=lambda: defaultdict(list))
    #: Megabytes of each system after its turns.
    memory: dict[str, float] = field(default_factory=dict[str, float])
    #: What as many requests more as are named in the plan added to ours.
    growth: float = 0.0
    books: Difference | None = None
    #: What ``causette ledger verify`` found wrong with them.
    problems: int | None = None

    def saturation(self, name: str) -> float:
        """The most requests a second that a system answered in a turn so far."""
        closed = (turns[name] for task, turns in self.turns.items() if task.in_flight and not task.streamed)
        return max((requests_per_s(turn) for turns in closed for turn in turns), default=0.0)


def requests_per_s(turn: Turn) -> float:
    """Answers by the clock."""
    return turn.requests / turn.outcome.seconds


def tokens_per_s(turn: Turn) -> float:
    """Tokens of output by the clock."""
    return turn.tokens / turn.outcome.seconds


def requests_per_core(turn: Turn) -> float:
    """Answers per second of processor time of the system asked."""
    return turn.requests / turn.cpu_seconds


def tokens_per_core(turn: Turn) -> float:
    """Tokens of output per second of processor time of the system asked."""
    return turn.tokens / turn.cpu_seconds


def milliseconds(times: Sequence[float], percent: int) -> float:
    """A percentile of ``times``."""
    if len(times) < 2:
        return 1e3 * times[0]
    return 1e3 * statistics.quantiles(times, n=100, method="inclusive")[percent - 1]


def metrics(found: Findings) -> list[Metric]:
    """The figures of the report, those with goals among them."""
    listed: list[Metric] = []
    for task, turns in found.turns.items():
        if task.in_flight:
            listed += _throughput(task, turns)
        else:
            listed += _added(task, turns)
    listed += _inter_token(found.paced)
    for name, peak in found.memory.items():
        if name != OURS:
            listed.append(Metric(f"rss_vs_{name}", "MB", [found.memory[OURS]], [peak], name))
    listed.append(Metric("rss_growth", "MB", [found.growth], goal=Goal("ours", "<", 10)))
    if found.books is not None:
        listed.append(
            Metric("ledger_difference", "requests + n$", [found.books.total], goal=Goal("ours", "≤", 0))
        )
    if found.problems is not None:
        listed.append(Metric("ledger_problems", "problems", [found.problems], goal=Goal("ours", "≤", 0)))
    return listed


def _throughput(task: Task, turns: dict[str, list[Turn]]) -> list[Metric]:
    """Work by the clock and per core, against each peer; the engine alone for comparison."""
    by_clock, per_core = (
        (tokens_per_s, tokens_per_core) if task.streamed else (requests_per_s, requests_per_core)
    )
    what = "streamed_tokens" if task.streamed else "requests"
    unit = "tokens" if task.streamed else "requests"

    def metric(name: str, per: str, of: Callable[[Turn], float], peer: str, goal: Goal | None) -> Metric:
        ours, theirs = ([of(turn) for turn in turns[side]] for side in (OURS, peer))
        return Metric(
            f"{what}_{name}_at_{task.in_flight}_vs_{peer}", f"{unit}/{per}", ours, theirs, peer, goal
        )

    listed: list[Metric] = []
    for peer in turns:
        if peer == OURS:
            continue
        judged = peer == LITELLM and task.in_flight == 16
        goal = Goal("ratio", "≥", 15 if task.streamed else 8) if judged else None
        listed.append(metric("per_s", "s", by_clock, peer, None))
        if peer != DIRECT:
            listed.append(metric("per_core", "core·s", per_core, peer, goal))
    return listed


def _added(task: Task, turns: dict[str, list[Turn]]) -> list[Metric]:
    """What each system adds to the engine's latency, requests coming in at a given rate."""
    at = "half" if task.half else str(task.rate)
    if not turns[OURS]:
        return []

    def added(name: str, percent: int) -> list[float]:
        pairs = zip(turns[name], turns[DIRECT], strict=True)
        return [
            milliseconds(one.outcome.latencies, percent) - milliseconds(other.outcome.latencies, percent)
            for one, other in pairs
        ]

    listed: list[Metric] = []
    for percent in (50, 99):
        goal = Goal("ours", "<", 10) if task.half and percent == 99 else None
        listed.append(Metric(f"added_p{percent}_at_{at}", "ms", added(OURS, percent), goal=goal))
        listed += [
            Metric(
                f"added_p{percent}_at_{at}_vs_{peer}", "ms", added(OURS, percent), added(peer, percent), peer
            )
            for peer in turns
            if peer not in {OURS, DIRECT}
        ]
    return listed


def _inter_token(paced: dict[str, list[Turn]]) -> list[Metric]:
    """The time between two tokens of a stream, when the engine makes one at a steady pace."""
    if not paced:
        return []

    def between(name: str, percent: int) -> list[float]:
        return [milliseconds(turn.outcome.gaps, percent) for turn in paced[name]]

    return [
        Metric(
            f"inter_token_p{percent}_vs_{peer}", "ms", between(OURS, percent), between(peer, percent), peer
        )
        for percent in (50, 99)
        for peer in paced
        if peer != OURS
    ]
