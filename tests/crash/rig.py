"""A house whose parts die: a server that kills itself, an engine that is killed, a database that is cut off."""

import asyncio
import contextlib
import json
import os
import random
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import asyncpg
import msgspec
import pytest

from causette.engines.types import Completed
from causette.engines.wire import WireUsage
from causette.gateway.stages import Stage
from tests.crash.server_process import NO_DATABASE, PATIENCE
from tests.waiting import eventually

_START_SECONDS = 30.0


@dataclass
class Rig:
    """What runs, and what is known of it."""

    data: Path
    url: str
    rng: random.Random
    server: Process
    #: One key for each person.
    keys: list[str] = field(default_factory=list[str])
    port: int = 0
    pid: int | None = None
    deaths: int = 0
    #: What is to kill the server in this life.
    plan: dict[str, object] = field(default_factory=dict[str, object])
    engine: Process | None = None
    engines: int = 0
    #: What the engines were asked: by request id, which of them it was, and the prompt.
    asked: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    #: Ends only when something is wrong.
    alive: "asyncio.Task[None] | None" = None
    tasks: list["asyncio.Task[None]"] = field(default_factory=list["asyncio.Task[None]"])

    @property
    def socket(self) -> Path:
        return self.data / "engine.sock"

    async def start_engine(self) -> None:
        """Start an engine, which knows nothing of what those before it did."""
        self.engine = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.crash.engine_process", str(self.socket)), stdout=PIPE
        )
        self.engines += 1
        assert self.engine.stdout is not None
        assert await self.engine.stdout.readline() == b"ready\n"
        self.tasks.append(asyncio.create_task(self._listen_to_engine(self.engine.stdout, self.engines)))

    async def kill_engine(self) -> None:
        """Kill the engine, and start the next one."""
        assert self.engine is not None
        self.engine.kill()
        await self.engine.wait()
        await self.start_engine()

    async def cut_database(self) -> None:
        """Cut every connection; or, of SQLite, keep the one lock for longer than anybody waits for it."""
        if self.url.startswith("sqlite"):
            file = self.url.removeprefix("sqlite:///")
            connection = sqlite3.connect(file, timeout=5, isolation_level=None)
            connection.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(2 * PATIENCE)
            connection.execute("ROLLBACK")
            connection.close()
            return
        connection = await asyncpg.connect(self.url)
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await connection.close()

    async def account(self, session: aiohttp.ClientSession, request_id: str) -> Completed | None:
        """What the engine that lives now says of a request."""
        async with session.get(f"http://engine/requests/{request_id}") as response:
            if response.status != 200:
                return None
            return msgspec.json.decode(await response.read(), type=WireUsage).completed()

    async def keep_server_alive(self, people: int) -> None:
        """Begin a life after each death; the first one makes the people."""
        assert self.server.stdout is not None
        self.begin_life(people=people)
        while line := await self.server.stdout.readline():
            said = json.loads(line)
            if "ended" in said:
                assert said["ended"] in {-signal.SIGKILL, NO_DATABASE}, f"the server ended by itself: {said}"
                self.deaths += said["ended"] == -signal.SIGKILL
                self.pid = None
                self.begin_life()
                continue
            self.pid, self.port = said["ready"], said["port"]
            self.keys += said["keys"]

    def must_live(self) -> None:
        """Fail when the server died of anything but what it was told to."""
        if self.alive is not None and self.alive.done():
            log = (self.data / "server.log").read_text()
            pytest.fail(f"the server does not live ({self.alive.exception()}): {log[-3000:]}")

    def begin_life(self, *, people: int = 0) -> None:
        """Start the server, with a stage that it will not survive."""
        self.plan = {"stage": self.rng.choice(tuple(Stage)), "nth": self.rng.randint(1, 8), "people": people}
        assert self.server.stdin is not None
        self.server.stdin.write(json.dumps(self.plan).encode() + b"\n")

    async def _listen_to_engine(self, lines: asyncio.StreamReader, number: int) -> None:
        while line := await lines.readline():
            request_id, prompt = line.decode().rstrip().split(" ", 1)
            self.asked[request_id] = number, prompt


@asynccontextmanager
async def rigged(data: Path, url: str, rng: random.Random, people: int) -> AsyncGenerator[Rig]:
    """A house in ``data`` on the database at ``url``, alive and about to die."""
    data.mkdir()
    # Whoever tests this cannot wait for a minute to be over, and pays for every token.
    (data / "plans.toml").write_text(
        'default_plan = "api"\n[plan.api]\nrpm = 1_000_000\ntpm = 1_000_000_000\nconcurrency = 8\n'
    )
    with (data / "server.log").open("wb") as log:
        server = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.crash.server_process", str(data), url, str(data / "engine.sock")),
            stdin=PIPE,
            stdout=PIPE,
            stderr=log,
        )
    rig = Rig(data=data, url=url, rng=rng, server=server)
    try:
        await rig.start_engine()
        rig.alive = asyncio.create_task(rig.keep_server_alive(people))
        rig.tasks.append(rig.alive)

        def ready() -> bool:
            rig.must_live()
            return rig.pid is not None

        await eventually(ready, "the server to be ready", seconds=_START_SECONDS)
        yield rig
    finally:
        for task in rig.tasks:
            task.cancel()
        await asyncio.gather(*rig.tasks, return_exceptions=True)
        assert server.stdin is not None
        server.stdin.close()
        if rig.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(rig.pid, signal.SIGKILL)
        await server.wait()
        if rig.engine is not None:
            rig.engine.kill()
            await rig.engine.wait()
