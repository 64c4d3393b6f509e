"""What Causette adds in front of an engine: against LiteLLM's proxy and Portkey's gateway.

    python bench/gateway.py [--quick] [--rounds N]

An engine that costs nothing stands behind all of them, so what is measured is the way through: HTTP, keys, limits, the
books. In every round each system does the same work, one after the other. Each has one core of the machine to itself
while it is its turn; load and engine share the others. Figures per core are work per second of a system's own processor
time, whatever else the machine does.

``--quick`` ends within 45 seconds: one round, fewer levels, 2,000 requests instead of 50,000 for the memory.
See docs/benchmarks.md.
"""

import argparse
import asyncio
import platform
import signal
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Final

import msgspec
from rich.console import Console

from harness import machine, report
from harness.books import Sizes, difference, problems
from harness.gateway_findings import OURS, Findings, Task, metrics, requests_per_s
from harness.gateways import (
    FAST,
    PACED,
    Causette,
    Cores,
    Engine,
    Gateway,
    LiteLLM,
    Portkey,
    Target,
    Turn,
    fake_engine,
    traffic,
)
from harness.traffic import Order
from harness.workers import BenchError

#: A rate that a system can hardly keep up with says nothing about what it adds.
_AT_EASE: Final = 0.8
#: The share of the machine that others may use before figures by the clock are doubtful.
_QUIET: Final = 0.05
_SECONDS_TO_START: Final = 120.0
_RETRY_SECONDS: Final = 0.1
_WHOLE_TOKENS: Final = 16
_STREAM_TOKENS: Final = 100
_STREAMS: Final = 16
_WARM_REQUESTS: Final = 200
_PROMPT: Final = (
    "You keep the diary of a small harbour. Every evening you write down which boats came in, what they brought, "
    "how the wind stood and who mended which net. Tonight three boats are missing, the fog is thick, and the lamp "
    "on the mole has gone out. Write the entry of this evening in plain words."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured."""

    in_flight: Sequence[int]
    #: Requests a second.
    rates: Sequence[int]
    rounds: int
    seconds: float
    #: For the growth of our memory.
    requests: int
    #: Whether the peers' pace between tokens is measured as well.
    paced_peers: bool = True


FULL: Final = Plan(in_flight=(1, 16, 64), rates=(100, 300, 500), rounds=3, seconds=4.0, requests=50_000)
QUICK: Final = Plan(in_flight=(16,), rates=(100,), rounds=1, seconds=1.5, requests=2_000, paced_peers=False)


class Bench:
    """Starts the systems, gives them the same work and keeps what came of it."""

    def __init__(self, plan: Plan, peers: Sequence[Gateway], console: Console) -> None:
        self.found = Findings()
        self._plan = plan
        self._peers = peers
        self._say = console.print
        self._cores = Cores.of_this_machine()
        #: All answers of each system.
        self._answered: dict[str, Sizes] = defaultdict(Sizes)

    async def run(self) -> Findings:
        """Measure everything, from nothing running to nothing running."""
        with tempfile.TemporaryDirectory(prefix="causette-bench-") as name:
            folder = Path(name)
            async with fake_engine(self._cores) as engine, traffic(self._cores) as self._load:
                await self._systems(engine, folder)
            self.found.books = difference(folder / "causette.sqlite3", self._answered[OURS])
            self.found.problems = await problems(folder)
        return self.found

    async def _systems(self, engine: Engine, folder: Path) -> None:
        async with AsyncExitStack() as running:
            # The slowest first: they start side by side.
            gateways = [await running.enter_async_context(peer.serve(engine, folder)) for peer in self._peers]
            ours = await running.enter_async_context(Causette().serve(engine, folder))
            for target in (ours, *gateways):
                await self._ready(target)
                machine.pin(target.process.pid, self._cores.gateway)
            systems = [engine.target, ours, *gateways]
            for target in systems:
                await self._turn(target, Task(in_flight=_STREAMS), requests=_WARM_REQUESTS)
            for number in range(self._plan.rounds):
                self._say(f"Round {number + 1} of {self._plan.rounds}")
                await self._round(number, systems)
            await self._memory(ours, gateways)

    async def _round(self, number: int, systems: Sequence[Target]) -> None:
        plan, found = self._plan, self.found
        tasks = [
            *(Task(in_flight=level) for level in plan.in_flight),
            Task(streamed=True, in_flight=_STREAMS),
        ]
        for task in tasks:
            for target in systems:
                found.turns[task][target.name].append(await self._turn(target, task, seed=number))
        for rate in plan.rates:
            for target in systems:
                if rate < _AT_EASE * found.saturation(target.name):
                    task = Task(rate=rate)
                    found.turns[task][target.name].append(await self._turn(target, task, seed=number))
        half = Task(rate=round(found.saturation(OURS) / 2), half=True)
        for target in systems[:2]:
            turn = await self._turn(target, half, seed=number)
            found.turns[Task(half=True)][target.name].append(turn)
        for target in systems if plan.paced_peers else systems[:2]:
            found.paced[target.name].append(await self._paced(target))

    async def _turn(self, target: Target, task: Task, *, requests: int | None = None, seed: int = 0) -> Turn:
        tokens = _STREAM_TOKENS if task.streamed else _WHOLE_TOKENS
        order = Order(
            port=target.port,
            headers=dict(target.headers),
            bodies=[_body(target.model(FAST), each, streamed=task.streamed) for each in _lengths(tokens)],
            in_flight=task.in_flight,
            rate=float(task.rate) or None,
            seconds=None if requests else self._plan.seconds,
            requests=requests,
            seed=seed,
        )
        turn = await self._carry_out(target, order)
        if not requests:
            at = f"{task.rate} a second" if task.rate else f"{task.in_flight} at once"
            what = f"{'streamed' if task.streamed else 'whole':8} {at:>13}: {target.name:10}"
            busy, load = (spent / turn.outcome.seconds for spent in (turn.cpu_seconds, turn.load_cpu_seconds))
            rate = requests_per_s(turn)
            self._say(f"{what} {rate:8.1f} requests/s, {busy:4.0%} of a core; load {load:4.0%}")
        return turn

    async def _paced(self, target: Target) -> Turn:
        """Streams whose tokens come at a steady pace, each of ``_STREAMS`` once."""
        body = _body(target.model(PACED), _STREAM_TOKENS, streamed=True)
        order = Order(
            port=target.port,
            headers=dict(target.headers),
            bodies=[body],
            in_flight=_STREAMS,
            requests=_STREAMS,
        )
        return await self._carry_out(target, order)

    async def _carry_out(self, target: Target, order: Order) -> Turn:
        turn = await self._load.turn(target, order)
        for input_tokens, output_tokens, times in turn.outcome.sizes:
            self._answered[target.name][input_tokens, output_tokens] += times
        return turn

    async def _ready(self, target: Target) -> None:
        """Ask until an answer comes, however early in its start the target is.

        Raises:
            BenchError: none has come in ``_SECONDS_TO_START``.
        """
        last_try = perf_counter() + _SECONDS_TO_START
        while True:
            try:
                await self._turn(target, Task(in_flight=1), requests=1)
            except BenchError:
                if target.process.ended or perf_counter() > last_try:
                    raise
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    async def _memory(self, ours: Target, gateways: Sequence[Target]) -> None:
        for target in (ours, *gateways):
            self.found.memory[target.name] = machine.Memory.of(*target.pids).rss
        await self._turn(ours, Task(in_flight=_STREAMS), requests=self._plan.requests)
        self.found.growth = machine.Memory.of(*ours.pids).rss - self.found.memory[ours.name]


def _body(model: str, tokens: int, *, streamed: bool) -> tuple[int, msgspec.Raw]:
    """A request for exactly ``tokens`` tokens."""
    body: dict[str, object] = {
        "model": model,
        # So that answers differ in both of their counts.
        "messages": [{"role": "user", "content": _PROMPT + " Please." * (tokens % 7)}],
        "max_tokens": tokens,
    }
    if streamed:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return tokens, msgspec.Raw(msgspec.json.encode(body))


def _lengths(tokens: int) -> list[int]:
    """Lengths of replies around ``tokens``, which is their mean."""
    return [tokens + more for more in (0, -2, 2, -1, 1)]


def _arguments() -> Plan:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="end within 45 seconds: less of everything")
    parser.add_argument(
        "--rounds", type=int, choices=range(1, 101), metavar="N", help="rounds (3; 1 with --quick)"
    )
    given = parser.parse_args()
    plan = QUICK if given.quick else FULL
    return plan if given.rounds is None else replace(plan, rounds=given.rounds)


async def _measure(plan: Plan) -> None:
    progress = Console(stderr=True)
    bystanders = machine.Bystanders()
    peers: list[Gateway] = [peer for peer in (LiteLLM(), Portkey()) if await peer.install()]
    found = await Bench(plan, peers, progress).run()
    used_by_others = bystanders.share()
    facts = {
        "workload": msgspec.to_builtins(plan),
        "machine": machine.description() | {"used_by_others": round(used_by_others, 3)},
        "versions": {each.name: await each.version() for each in (Causette(), *peers)}
        | {"python": platform.python_version()},
    }
    notes = [
        "LiteLLM runs without a database and Portkey has none: neither keeps books of what it answers, Causette does.",
    ]
    if plan.requests < FULL.requests:
        notes.append(
            f"Quick: 16 at once only, the growth of memory over {plan.requests:,} requests instead of "
            f"{FULL.requests:,}, and no pace between tokens of the peers."
        )
    if used_by_others > _QUIET:
        notes.append(
            f"Other processes used {used_by_others:.0%} of this machine meanwhile: figures by the clock and latencies "
            "are theirs as well. Figures per core are nearly free of it."
        )
    report.publish("gateway", metrics(found), notes, facts, sys.stdout)


def main() -> None:
    """Run and report; exit code 0 when it ran, whatever it found, and 1 when it could not."""
    # As with Ctrl-C: the systems are stopped on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        asyncio.run(_measure(_arguments()))
    except BenchError as error:
        sys.exit(f"bench/gateway.py: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
