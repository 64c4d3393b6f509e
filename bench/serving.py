"""How fast Causette serves: against xllamacpp's server, and against its own engine's bare loop.

    python bench/serving.py [--quick] [--rounds N]

The same GGUF, the same prompts of about 375 tokens that share only a system prompt, 128 new tokens each, greedily, at
1, 4, 16 and 32 at once. In every round each system answers the same chats, one system after the other and in
alternating order, so that whatever else the machine does falls on all of them; figures are medians over rounds.

``--quick`` ends within 45 seconds: one round, at 1 and 16, a quarter of the tokens. See docs/benchmarks.md.
"""

import argparse
import asyncio
import math
import os
import platform
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Final

import msgspec
from rich.console import Console

from causette.models import open_models
from causette.settings import load_settings
from harness import load as load_client
from harness import machine, report
from harness.load import Sample
from harness.prompts import Conversation, conversations, greetings
from harness.report import Goal, Metric
from harness.systems import (
    WORKSHOP,
    XLLAMACPP,
    Bare,
    House,
    Peer,
    Served,
    System,
    bare_loop,
    installed_peers,
    load_generator,
)
from harness.workers import BenchError, Worker

OURS, BARE = "causette", "bare loop"
#: Between two tries to get the first token out of a server that is starting.
RETRY_SECONDS: Final = 0.02
STARTING_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured. ``requests`` are those of one turn, by how many are in flight."""

    requests: Mapping[int, int]
    rounds: int
    prompt_tokens: int
    new_tokens: int
    pairs: int
    cold_starts: int
    idle_seconds: float


FULL: Final = Plan(
    requests={1: 4, 4: 8, 16: 16, 32: 32},
    rounds=3,
    prompt_tokens=375,
    new_tokens=128,
    pairs=40,
    cold_starts=3,
    idle_seconds=10.0,
)
QUICK: Final = Plan(
    requests={1: 2, 16: 16},
    rounds=1,
    prompt_tokens=94,
    new_tokens=32,
    pairs=8,
    cold_starts=1,
    idle_seconds=3.0,
)


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
    first_start: float = math.nan
    web: machine.Memory = field(default_factory=machine.Memory)
    engines: machine.Memory = field(default_factory=machine.Memory)


class Bench:
    """Starts the systems, gives them the same work and keeps what came of it."""

    def __init__(self, plan: Plan, peers: Sequence[Peer], models: Path, gguf: Path, console: Console) -> None:
        self.found = Findings()
        self._plan = plan
        self._peers = peers
        self._models = models
        self._gguf = gguf
        self._say = console.print
        self._seeds = count(1)

    async def run(self) -> Findings:
        """Measure everything, from nothing running to nothing running."""
        with tempfile.TemporaryDirectory(prefix="causette-bench-") as folder:
            house = await House.build(Path(folder))
            async with load_generator() as load:
                async with bare_loop(self._gguf) as bare, house.serve(self._models, load) as ours:
                    self.found.first_start = await first_token(ours) - ours.began
                    for in_flight in self._plan.requests:
                        await self._level(in_flight, ours, bare, load)
                    await self._added_latency(ours, bare)
                    await self._idle_memory(ours)
                for _ in range(self._plan.cold_starts):
                    async with house.serve(self._models, load) as ours:
                        self.found.starts[OURS].append(await first_token(ours) - ours.began)
        return self.found

    async def _level(self, in_flight: int, ours: Served, bare: Bare, load: Worker) -> None:
        """All rounds with ``in_flight`` requests at once, with peers that have as many slots."""
        plan, turns = self._plan, self.found.turns.setdefault(in_flight, defaultdict(list))
        async with AsyncExitStack() as running:
            peers: dict[str, System] = {}
            for peer in self._peers:
                served = await running.enter_async_context(peer.serve(self._gguf, in_flight, load))
                self.found.starts[peer.name].append(await first_token(served) - served.began)
                peers[peer.name] = served
            systems: dict[str, System] = {OURS: ours, BARE: bare, **peers}
            for system in systems.values():
                await system.run(greetings(in_flight, next(self._seeds)), in_flight, new_tokens=4)
            for number in range(plan.rounds):
                one, other = (OURS, BARE) if number % 2 == 0 else (BARE, OURS)
                for name in systems:
                    turns[name].append([])
                # Two turns of ours and of the bare loop to one of each peer: it is their difference that is small.
                for half in ((one, other, *peers), (other, one)):
                    chats = await self._chats(plan.requests[in_flight], bare)
                    for name in half:
                        turn = Turn.of(await systems[name].run(chats, in_flight, plan.new_tokens))
                        turns[name][-1].append(turn)
                        self._say(
                            f"{in_flight:3} at once, round {number + 1}: {name:10} {turn.tokens_per_s:7.1f} tokens/s"
                        )

    async def _added_latency(self, ours: Served, bare: Bare) -> None:
        """One request at a time, the same prompt to both, in alternating order."""
        chats = await self._chats(self._plan.pairs, bare)
        pair: tuple[System, System] = (ours, bare)
        for number, chat in enumerate(chats):
            order = (0, 1) if number % 2 == 0 else (1, 0)
            ttft = [0.0, 0.0]
            for which in order:
                ttft[which] = 1e3 * Turn.of(await pair[which].run([chat], 1, new_tokens=4)).ttft
            self.found.ttft_pairs.append((ttft[0], ttft[1]))

    async def _idle_memory(self, ours: Served) -> None:
        await asyncio.sleep(self._plan.idle_seconds)
        self.found.web = machine.Memory.of(ours.process.pid)
        self.found.engines = machine.Memory.of(*machine.children(ours.process.pid))

    async def _chats(self, number: int, bare: Bare) -> list[Conversation]:
        return await conversations(number, self._plan.prompt_tokens, bare.lengths, next(self._seeds))


async def first_token(server: Served) -> float:
    """Ask until the first token has come, however early in its start the server is; when that was.

    Raises:
        BenchError: none has come in ``STARTING_SECONDS``.
    """
    spec = server.spec(greetings(1, seed=0), in_flight=1, new_tokens=4)
    last_try = perf_counter() + STARTING_SECONDS
    while True:
        (sample,) = await load_client.run(spec)
        if not sample.error:
            return sample.first
        if server.process.ended or perf_counter() > last_try:
            raise server.process.failure(f"gives no token ({sample.error})")
        await asyncio.sleep(RETRY_SECONDS)


def metrics(found: Findings) -> list[Metric]:
    """The figures of the report, those with goals among them."""
    listed: list[Metric] = []
    for in_flight, turns in found.turns.items():
        for peer in turns:
            if peer != OURS:
                listed += _against(peer, in_flight, turns)
    ours, bare = zip(*found.ttft_pairs, strict=True)
    cold = found.starts[OURS]
    listed += [
        Metric(
            name="ttft_added_at_1", unit="ms", ours=ours, peer=bare, against=BARE, goal=Goal("added", "<", 3)
        ),
        Metric(name="web_idle_rss", unit="MB", ours=[found.web.rss], goal=Goal("ours", "<", 150)),
        Metric(name="web_idle_pss", unit="MB", ours=[found.web.pss]),
        Metric(name="engines_idle_rss", unit="MB", ours=[found.engines.rss]),
        Metric(name="cold_start", unit="s", ours=cold, goal=Goal("ours", "<", 5)),
        Metric(name="first_start", unit="s", ours=[found.first_start]),
    ]
    return listed


def _against(peer: str, in_flight: int, turns: Turns) -> list[Metric]:
    """The figures of one peer at one number in flight, a value a round."""

    def metric(name: str, unit: str, of: Callable[[Turn], float], goal: Goal | None) -> Metric:
        ours, theirs = ([statistics.mean(map(of, each)) for each in turns[name_]] for name_ in (OURS, peer))
        label = f"{name}_at_{in_flight}_vs_{peer.replace(' ', '_').replace('-', '_')}"
        return Metric(name=label, unit=unit, ours=ours, peer=theirs, against=peer, goal=goal)

    if peer == BARE:
        return [metric("output", "tokens/s", lambda turn: turn.tokens_per_s, Goal("ratio", "≥", 0.97))]
    judged = peer == XLLAMACPP.name
    faster = Goal("ratio", "≤", 1) if judged and in_flight == 1 else None
    return [
        metric(
            "output",
            "tokens/s",
            lambda turn: turn.tokens_per_s,
            Goal("ratio", "≥", 4.5) if judged and in_flight == 16 else None,
        ),
        metric("ttft", "s", lambda turn: turn.ttft, faster),
        metric("total", "s", lambda turn: turn.total, faster),
    ]


def _arguments() -> Plan:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="end within 45 seconds: less of everything")
    parser.add_argument(
        "--rounds", type=int, choices=range(1, 101), metavar="N", help="rounds a level (3; 1 with --quick)"
    )
    given = parser.parse_args()
    plan = QUICK if given.quick else FULL
    return plan if given.rounds is None else replace(plan, rounds=given.rounds)


async def _weights(folder: Path) -> Path:
    """The default models, fetched into ``folder`` where they are not there; the text model's file."""
    settings = load_settings(models=folder)
    models = open_models(settings)
    await models.pull(settings.embedding_model)
    return await models.pull(settings.model)


async def _measure(plan: Plan) -> None:
    folder = Path(os.environ.get("CAUSETTE_TEST_MODELS") or WORKSHOP / "models").resolve()
    progress = Console(stderr=True)
    bystanders = machine.Bystanders()
    peers = await installed_peers()
    gguf = await _weights(folder)
    found = await Bench(plan, peers, folder, gguf, progress).run()
    facts = {
        "workload": msgspec.to_builtins(plan),
        "machine": machine.description() | {"used_by_others": round(bystanders.share(), 3)},
        "versions": {name: version(name) for name in ("causette", "openvino", "openvino-genai")}
        | {"python": platform.python_version()}
        | {peer.name: await peer.version() for peer in peers},
    }
    report.publish("serving", metrics(found), facts, Console())


def main() -> None:
    """Run and report; exit code 0 when it ran, whatever it found, and 1 when it could not."""
    try:
        asyncio.run(_measure(_arguments()))
    except BenchError as error:
        sys.exit(f"bench/serving.py: {error}")


if __name__ == "__main__":
    main()
