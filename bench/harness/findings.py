"""What the serving benchmark measured, and the figures and goals that are made of it."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from harness import machine
from harness.load import Sample
from harness.report import Goal, Metric
from harness.systems import XLLAMACPP

OURS: Final = "causette"
BARE: Final = "bare loop"


@dataclass(frozen=True, slots=True)
class Turn:
    """What one system made of one set of chats; times in seconds."""

    tokens_per_s: float
    ttft: float
    total: float

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> "Turn":
        """Tokens over the time from the first request sent to the last text seen; medians of the requests' times."""
        span = max(sample.last for sample in samples) - min(sample.sent for sample in samples)
        return cls(
            sum(sample.completion_tokens for sample in samples) / span,
            statistics.median(sample.first - sample.sent for sample in samples),
            statistics.median(sample.last - sample.sent for sample in samples),
        )


#: A system's turns at one number in flight: a list for each round.
Turns = dict[str, list[list[Turn]]]


@dataclass(slots=True, kw_only=True)
class Findings:
    """All that was measured."""

    #: In flight → the turns.
    turns: dict[int, Turns] = field(default_factory=dict[int, Turns])
    #: Milliseconds to the first token, one request at a time: (Causette, the bare loop) on the same prompt.
    ttft_pairs: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    #: Seconds from the command to the first token, by system.
    starts: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    web: machine.Memory = field(default_factory=machine.Memory)
    engines: machine.Memory = field(default_factory=machine.Memory)
    #: Whether there was time for everything.
    complete: bool = True


def metrics(found: Findings) -> list[Metric]:
    """The figures of the report, those with goals among them."""
    listed: list[Metric] = []
    for in_flight, turns in found.turns.items():
        for peer in turns:
            if peer != OURS:
                listed += _against(peer, in_flight, turns)
    if found.ttft_pairs:
        ours, bare = zip(*found.ttft_pairs, strict=True)
        added = Goal("added", "<", 3)
        listed.append(Metric("ttft_added_at_1", "ms", ours, peer=bare, against=BARE, goal=added))
    peer_starts = found.starts[XLLAMACPP.name]
    return [
        *listed,
        Metric("web_idle_rss", "MB", [found.web.rss], goal=Goal("ours", "<", 150)),
        Metric("web_idle_pss", "MB", [found.web.pss]),
        Metric("engines_idle_rss", "MB", [found.engines.rss]),
        Metric("cold_start", "s", found.starts[OURS], goal=Goal("ours", "<", 5)),
        *([Metric("peer_start", "s", peer_starts)] if peer_starts else []),
    ]


def _against(peer: str, in_flight: int, turns: Turns) -> list[Metric]:
    """The figures of one peer at one number in flight, a value a round; none where no round was finished."""
    rounds = [
        (ours, theirs) for ours, theirs in zip(turns[OURS], turns[peer], strict=True) if ours and theirs
    ]
    if not rounds:
        return []

    def metric(name: str, unit: str, of: Callable[[Turn], float], goal: Goal | None) -> Metric:
        ours, theirs = (
            [statistics.mean(map(of, each)) for each in side] for side in zip(*rounds, strict=True)
        )
        label = f"{name}_at_{in_flight}_vs_{peer.replace(' ', '_').replace('-', '_')}"
        return Metric(label, unit, ours, peer=theirs, against=peer, goal=goal)

    judged = peer == XLLAMACPP.name
    faster = Goal("ratio", "≤", 1) if judged and in_flight == 1 else None
    many = Goal("ratio", "≥", 4.5) if judged and in_flight == 16 else None
    near = Goal("ratio", "≥", 0.97) if peer == BARE else None
    listed = [metric("output", "tokens/s", lambda turn: turn.tokens_per_s, near or many)]
    if peer != BARE:
        listed.append(metric("ttft", "s", lambda turn: turn.ttft, faster))
        listed.append(metric("total", "s", lambda turn: turn.total, faster))
    return listed
