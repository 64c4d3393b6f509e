"""Five hundred people who read a reply each: a real ``causette serve`` between a paced engine and their browsers."""

import asyncio
import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic_ns, perf_counter
from typing import Final

import aiohttp

from causette.accounts import Accounts
from causette.accounts.authentication import SESSION_COOKIE
from causette.db import Database
from causette.ledger.service import Ledger
from causette.ledger.types import NANO
from harness import machine
from harness.fake_engine import STAMPED_SECONDS
from harness.gateways import Cores, Engine, fake_engine
from harness.machine import Memory
from harness.systems import House
from harness.workers import BenchError, Worker

_EMAIL: Final = "reader@example.org"
_PASSWORD: Final = "seven quiet otters"
_STARTED_AT_ONCE: Final = 20
_SETTLING_SECONDS: Final = 5.0
_ENGINES: Final = """
[[engines]]
name = "stamped"
url = "{url}"
aliases = ["default"]
context = 16_384
slots = 2_000

[[engines]]
name = "embedding"
url = "{url}"
kind = "embedding"
"""
_PLANS: Final = (
    'default_plan = "api"\n[plan.api]\nrpm = 1_000_000\ntpm = 1_000_000_000\nconcurrency = 10_000\n'
)


@dataclass
class Found:
    """What was measured of so many streams in so many seconds."""

    streams: int
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    memory: Memory = field(default_factory=Memory)
    events: int = 0
    #: From the engine's writing a token to its reader's having it, in seconds.
    delays: list[float] = field(default_factory=list[float])

    @property
    def cores(self) -> float:
        """Cores that the web process kept busy."""
        return self.cpu_seconds / self.seconds

    @property
    def tokens_a_second(self) -> float:
        """What arrived, of all streams together."""
        return len(self.delays) / self.seconds

    @property
    def asked_a_second(self) -> float:
        """What the engine wrote."""
        return self.streams / STAMPED_SECONDS


async def measure(data: Path, streams: int, seconds: float) -> Found:
    """Have so many replies written and read at once, for so long.

    Raises:
        BenchError: one could not be begun, or ended early.
    """
    anywhere = frozenset(os.sched_getaffinity(0))
    async with (
        fake_engine(Cores(anywhere, anywhere)) as engine,
        _served(data, engine) as (process, url),
    ):
        cookie = {"cookie": f"{SESSION_COOKIE}={await _session(data)}"}
        async with aiohttp.ClientSession(
            url,
            headers=cookie,
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
        ) as session:
            return await _Readers(session, process, streams).read(seconds)


class _Readers:
    def __init__(self, session: aiohttp.ClientSession, process: Worker, streams: int) -> None:
        self._session = session
        self._process = process
        self._counts = False
        self._found = Found(streams)

    async def read(self, seconds: float) -> Found:
        gate, found = asyncio.Semaphore(_STARTED_AT_ONCE), self._found
        generations = await asyncio.gather(*(self._begin(number, gate) for number in range(found.streams)))
        reading = [asyncio.create_task(self._follow(generation)) for generation in generations]
        await asyncio.sleep(_SETTLING_SECONDS)
        before, began = machine.cpu_seconds(self._process.pid), perf_counter()
        self._counts = True
        await asyncio.sleep(seconds)
        self._counts = False
        found.seconds = perf_counter() - began
        found.cpu_seconds = machine.cpu_seconds(self._process.pid) - before
        found.memory = Memory.of(self._process.pid)
        ended = [task for task in reading if task.done()]
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
        if ended:
            raise BenchError(f"{len(ended)} streams ended before they were measured: replies are too short")
        return found

    async def _begin(self, number: int, gate: asyncio.Semaphore) -> str:
        async with (
            gate,
            self._session.post("/api/conversations", json={"content": f"Go on, {number}"}) as answer,
        ):
            if answer.status != 201:
                raise BenchError(f"HTTP {answer.status}: {(await answer.text())[:300]}")
            return (await answer.json())["generation"]["id"]

    async def _follow(self, generation: str) -> None:
        async with self._session.get(f"/api/generations/{generation}/events") as answer:
            async for line in answer.content:
                if self._counts and line.startswith(b'data: {"text"'):
                    now = monotonic_ns() // 1000
                    stamps = json.loads(line[6:])["text"].split()
                    self._found.events += 1
                    self._found.delays += [(now - int(stamp)) / 1e6 for stamp in stamps]


@asynccontextmanager
async def _served(data: Path, engine: Engine) -> AsyncGenerator[tuple[Worker, str]]:
    data.mkdir(parents=True)
    (data / "causette.toml").write_text(_ENGINES.format(url=engine.url))
    (data / "plans.toml").write_text(_PLANS)
    house = await House.build(data)
    async with house.web_process({"CAUSETTE_SHUTDOWN_GRACE": "0"}) as served:
        yield served


async def _session(data: Path) -> str:
    """Somebody who can pay, signed in; the session's token."""
    async with Database.from_url(f"sqlite:///{data / 'causette.sqlite3'}") as database:
        accounts, ledger = Accounts(database), Ledger(database)
        user = await accounts.create_user(name="Reader", email=_EMAIL, password=_PASSWORD)
        await ledger.open()
        await ledger.top_up(user.id, 1_000_000 * NANO, "card", user.id)
        await ledger.close()
        fresh = await accounts.sign_in(_EMAIL, _PASSWORD, address="bench")
        await accounts.close()
        return fresh.token
