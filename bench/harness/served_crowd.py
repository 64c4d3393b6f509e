"""A crowd over HTTP, in real time: a real ``causette serve`` in front of ``batching_server.py``, and its users."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

import aiohttp
import msgspec

from harness.batching_server import MODEL
from harness.crowds import DECODE, PREFILL, Arrival, Outcome
from harness.systems import HERE, WORKSHOP, House
from harness.workers import BenchError, output_of, worker

_ENGINES: Final = """
[[engines]]
name = "{model}"
url = "http://127.0.0.1:{port}/v1"
aliases = ["default"]

[[engines]]
name = "embedding"
url = "http://127.0.0.1:{port}/v1"
kind = "embedding"
"""

#: Who has which plan decides by its weight alone: nobody is stopped by a limit before the queue.
_PLAN: Final = """
[plan.{0}]
features = ["*"]
limits = []
rpm = 1_000_000
tpm = 1_000_000_000
concurrency = 1_000
"""


@dataclass(frozen=True, slots=True)
class Served:
    """A server, and a key of each of its users."""

    url: str
    keys: Mapping[str, str]


@asynccontextmanager
async def served(data: Path, plans: Mapping[str, str]) -> AsyncGenerator[Served]:
    """``causette serve`` with an account for each user in ``plans``, who has the plan of that name."""
    log = WORKSHOP / "logs" / "batching.log"
    here = {"PYTHONPATH": str(HERE.parent)}
    async with worker(sys.executable, HERE / "batching_server.py", log=log, environment=here) as engine:
        port = await engine.line(30)
        (data / "causette.toml").write_text(_ENGINES.format(model=MODEL, port=port))
        (data / "plans.toml").write_text("".join(map(_PLAN.format, sorted(set(plans.values())))))
        house = await House.build(data)
        keys = {user: await _account(user, plan, data) for user, plan in plans.items()}
        async with house.web_process({}) as (_, url):
            yield Served(url, keys)


async def _account(user: str, plan: str, data: Path) -> str:
    """Make an account with a plan; the secret of a key of theirs."""
    email = f"{user.replace(' ', '-')}@example.org"
    causette = (sys.executable, "-m", "causette")
    where = ("--data", data)
    await output_of(
        *causette, "users", "create", "--email", email, "--password-stdin", *where, stdin=os.urandom(16).hex()
    )
    await output_of(*causette, "plans", "assign", plan, "--email", email, *where)
    made = await output_of(
        *causette, "keys", "create", "--owner-email", email, "--name", "bench", "--json", *where
    )
    return json.loads(made)["secret"]


async def behave_served(
    served: Served, arrivals: Sequence[Arrival], warm_up: float, seconds: float
) -> Outcome:
    """Play a trace of ``seconds`` against a server. Its waits are to the first token: nobody outside sees the slot."""
    return await _Play(served, warm_up, seconds).run(arrivals)


class _Play:
    def __init__(self, served: Served, warm_up: float, seconds: float) -> None:
        self._served = served
        self._from, self._until = warm_up, seconds
        self._waiting: dict[object, float] = {}
        self.outcome = Outcome(seconds - warm_up)

    async def run(self, arrivals: Sequence[Arrival]) -> Outcome:
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as self._session:
            self._began = perf_counter()
            running: set[asyncio.Task[None]] = set()
            for arrival in arrivals:
                await asyncio.sleep(arrival.at - self._now)
                running.add(asyncio.create_task(self._request(arrival)))
            await asyncio.sleep(self._until - self._now)
            self.outcome.unserved = len(self._waiting)
            self.outcome.oldest = max((self._until - at for at in self._waiting.values()), default=0.0)
            broken = [task.exception() for task in running if task.done() and task.exception()]
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        if broken:
            raise BenchError(f"{len(broken)} requests failed; the first: {broken[0]}")
        return self.outcome

    @property
    def _now(self) -> float:
        return perf_counter() - self._began

    @property
    def _counts(self) -> bool:
        return self._from <= self._now < self._until

    async def _request(self, arrival: Arrival) -> None:
        outcome, name, counts = self.outcome, arrival.tenant.name, self._counts
        if counts:
            outcome.asked[name] += 1
            outcome.demand[name] += arrival.service
        body = {
            "model": MODEL,
            "messages": [{"role": "user", "content": "row " * arrival.prompt}],
            "max_tokens": arrival.reply,
            "stream": True,
            # Two alike in a minute would be taken for a repetition of one.
            "user": f"{name} {arrival.at}",
        }
        self._waiting[arrival] = arrival.at
        try:
            async with self._session.post(
                f"{self._served.url}/v1/chat/completions",
                data=msgspec.json.encode(body),
                headers={
                    "authorization": f"Bearer {self._served.keys[name]}",
                    "content-type": "application/json",
                },
            ) as answer:
                if answer.status == 429:
                    outcome.refused[name] += counts
                    return
                if answer.status != 200:
                    raise BenchError(f"HTTP {answer.status}: {(await answer.text())[:300]}")
                await self._read(answer, arrival, counts=counts)
        finally:
            self._waiting.pop(arrival, None)

    async def _read(self, answer: aiohttp.ClientResponse, arrival: Arrival, *, counts: bool) -> None:
        outcome, name, made = self.outcome, arrival.tenant.name, 0
        async for line in answer.content:
            if b'"overloaded"' in line:
                outcome.refused[name] += counts
                return
            texts = line.count(b" on")
            if not texts:
                continue
            if not made:
                del self._waiting[arrival]
                if counts:
                    waited = self._now - arrival.at
                    outcome.ttft[name].append(waited)
                    outcome.waits[name].append(waited)
                if self._counts:
                    outcome.service[name] += PREFILL * arrival.prompt
            made += texts
            if self._counts:
                outcome.service[name] += DECODE * texts
                outcome.tokens += texts
        if made != arrival.reply:
            raise BenchError(f"a reply of {made} tokens where {arrival.reply} were asked for")
