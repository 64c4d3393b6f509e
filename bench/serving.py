"""How fast Causette serves: against xllamacpp's server, and against its own engine's bare loop.

    python bench/serving.py [--quick] [--rounds N]

The same GGUF, the same prompts of about 375 tokens that share only a system prompt, 128 new tokens each, greedily, at
1, 4, 16 and 32 at once. In every round each system answers the same chats, one system after the other and in
alternating order, so that whatever else the machine does falls on all of them; figures are medians over rounds.

``--quick`` ends within 45 seconds: one round, at 1 and at 16, the latter with a quarter of the tokens.
See docs/benchmarks.md.
"""

import argparse
import asyncio
import contextlib
import os
import platform
import signal
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Final

import msgspec
from rich.console import Console

import causette
from causette.models import open_models
from causette.settings import load_settings
from harness import load as load_client
from harness import machine, report
from harness.findings import BARE, OURS, Findings, Turn, metrics
from harness.prompts import Conversation, conversations, greetings
from harness.systems import (
    OPTIONAL_PEERS,
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

#: Between two tries to get the first token out of a server that is starting.
RETRY_SECONDS: Final = 0.02
STARTING_SECONDS: Final = 120.0
#: The share of the machine that others may use before figures are doubtful.
QUIET: Final = 0.05
PROMPT_TOKENS: Final = 375


@dataclass(frozen=True, slots=True)
class Level:
    """A number of requests at once, how many a turn has of them, and their lengths in tokens."""

    in_flight: int
    requests: int
    prompt_tokens: int = PROMPT_TOKENS
    new_tokens: int = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured."""

    levels: Sequence[Level]
    rounds: int
    #: Turns of ours and of the bare loop in a round, 1 or 2. The peers have one: their distance is the larger one.
    turns: int
    #: Prompts of which the first token is timed, on ours and on the bare loop.
    pairs: int
    #: Cold starts; the first of them stays up for everything else.
    starts: int
    idle_seconds: float
    #: Whether peers that need not be there take part when they are.
    all_peers: bool = True
    #: How long the rounds may take; what has not been measured by then is left out of the report.
    seconds: float | None = None


FULL: Final = Plan(
    levels=[Level(1, 4), Level(4, 8), Level(16, 16), Level(32, 32)],
    rounds=3,
    turns=2,
    pairs=40,
    starts=3,
    idle_seconds=10.0,
)
QUICK: Final = Plan(
    levels=[Level(1, 1), Level(16, 16, prompt_tokens=94, new_tokens=32)],
    rounds=1,
    turns=1,
    pairs=6,
    starts=1,
    idle_seconds=2.0,
    all_peers=False,
    seconds=28.0,
)


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
                    self.found.starts[OURS].append(await first_token(ours) - ours.began)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self._plan.seconds):
                            self.found.complete = False
                            await self._added_latency(ours, bare)
                            for level in self._plan.levels:
                                await self._level(level, ours, bare, load)
                            self.found.complete = True
                    await self._idle_memory(ours)
                for _ in range(1, self._plan.starts):
                    async with house.serve(self._models, load) as ours:
                        self.found.starts[OURS].append(await first_token(ours) - ours.began)
        return self.found

    async def _level(self, level: Level, ours: Served, bare: Bare, load: Worker) -> None:
        """All rounds of a level, with peers that have as many slots as there are requests at once."""
        plan, in_flight = self._plan, level.in_flight
        turns = self.found.turns.setdefault(in_flight, defaultdict(list))
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
                for half in ((one, other, *peers), (other, one))[: plan.turns]:
                    chats = await self._chats(level.requests, level.prompt_tokens, bare)
                    for name in half:
                        turn = Turn.of(await systems[name].run(chats, in_flight, level.new_tokens))
                        turns[name][-1].append(turn)
                        said = f"{in_flight:3} at once, round {number + 1}: {name:16}"
                        self._say(
                            f"{said} {turn.tokens_per_s:7.1f} tokens/s, {turn.ttft:7.3f} s to the first"
                        )

    async def _added_latency(self, ours: Served, bare: Bare) -> None:
        """One request at a time, the same prompt to both, in alternating order."""
        chats = await self._chats(self._plan.pairs, PROMPT_TOKENS, bare)
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

    async def _chats(self, number: int, tokens: int, bare: Bare) -> list[Conversation]:
        return await conversations(number, tokens, bare.lengths, next(self._seeds))


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
    peers = await installed_peers(XLLAMACPP, *(OPTIONAL_PEERS if plan.all_peers else ()))
    gguf = await _weights(folder)
    found = await Bench(plan, peers, folder, gguf, progress).run()
    used_by_others = bystanders.share()
    facts = {
        "complete": found.complete,
        "workload": msgspec.to_builtins(plan),
        "machine": machine.description() | {"used_by_others": round(used_by_others, 3)},
        "versions": {"causette": causette.__version__}
        | {name: version(name) for name in ("openvino", "openvino-genai")}
        | {"python": platform.python_version()}
        | {peer.name: await peer.version() for peer in peers},
    }
    notes = [] if found.complete else ["Time was up before everything was measured: figures are missing."]
    if used_by_others > QUIET:
        notes.append(
            f"Other processes used {used_by_others:.0%} of this machine meanwhile. llama.cpp's threads wait for each "
            "other and lose far more by that than ours: run it again on a quiet machine before you compare."
        )
    report.publish("serving", metrics(found), notes, facts, sys.stdout)


def main() -> None:
    """Run and report; exit code 0 when it ran, whatever it found, and 1 when it could not."""
    # As with Ctrl-C: the systems are stopped on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        asyncio.run(_measure(_arguments()))
    except BenchError as error:
        sys.exit(f"bench/serving.py: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
