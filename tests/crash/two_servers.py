"""Two servers on one database and the engine behind them, all of which die again and again while people talk."""

import asyncio
import contextlib
import json
import os
import random
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

import aiohttp
import asyncpg
import pytest

from causette.accounts import Accounts
from causette.accounts.authentication import SESSION_COOKIE
from causette.accounts.passwords import Passwords
from causette.db import Database
from causette.ledger.service import Ledger
from causette.ledger.types import NANO
from tests.crash.counting_engine import answer_to
from tests.crash.server_process import NO_DATABASE
from tests.waiting import eventually

T = TypeVar("T")

_START_SECONDS = 60.0
#: Between two deaths, on average.
_PEACE_SECONDS = 1.0
#: For which a person bears with a reply before the test says that it is lost.
_LOST_SECONDS = 240.0
#: For which a server waits for SQLite's lock: on a busy machine, honest writers take their time.
_PATIENCE = 2.0
_ANSWERED = aiohttp.ClientTimeout(total=None, sock_read=_LOST_SECONDS)
_PLANS = 'default_plan = "api"\n[plan.api]\nrpm = 1_000_000\ntpm = 1_000_000_000\nconcurrency = 1_000\n'


class Server:
    """One of the servers: a life after each death, always at the same address."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.port = 0
        #: Of the life that is on; None between two.
        self.pid: int | None = None
        self.deaths = 0

    async def keep_alive(self) -> None:
        """Begin a life after each death."""
        assert self._process.stdout is not None
        self._begin_life()
        while line := await self._process.stdout.readline():
            said = json.loads(line)
            if "ended" in said:
                assert said["ended"] in {-signal.SIGKILL, NO_DATABASE}, f"the server ended by itself: {said}"
                self.pid = None
                self._begin_life()
            else:
                self.pid, self.port = said["ready"], said["port"]

    async def die(self) -> None:
        """Kill it, as soon as it lives."""
        await eventually(lambda: self.pid, "the server to live", seconds=_START_SECONDS)
        assert self.pid is not None
        pid, self.pid = self.pid, None
        os.kill(pid, signal.SIGKILL)
        self.deaths += 1

    async def end(self) -> None:
        """Kill it for good."""
        # With the life that may just be beginning.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    def _begin_life(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"patience": _PATIENCE}).encode() + b"\n")


@dataclass
class TwoServers:
    """What runs."""

    data: Path
    url: str
    servers: list[Server] = field(default_factory=list[Server])
    engine: Process | None = None
    deaths: Counter[str] = field(default_factory=Counter[str])

    async def kill(self, rng: random.Random, count: int) -> None:
        """Kill so many processes, and cut the database off now and then."""
        killed = 0
        while killed < count:
            await asyncio.sleep(rng.expovariate(1 / _PEACE_SECONDS))
            victim = rng.choice(("server", "server", "server", "engine", "database"))
            self.deaths[victim] += 1
            if victim == "server":
                await rng.choice(self.servers).die()
            elif victim == "engine":
                await self.kill_engine()
            else:
                await self.cut_database()
            killed += victim != "database"

    async def start_engine(self) -> None:
        """Start an engine, which knows nothing of what those before it did."""
        self.engine = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.crash.counting_engine", str(self.data / "engine.sock")),
            stdout=PIPE,
        )
        assert self.engine.stdout is not None
        assert await self.engine.stdout.readline() == b"ready\n"

    async def kill_engine(self) -> None:
        """Kill the engine, and start the next one."""
        assert self.engine is not None
        self.engine.kill()
        await self.engine.wait()
        await self.start_engine()

    async def cut_database(self) -> None:
        """Cut every connection; or, of SQLite, keep the one lock for longer than anybody waits for it."""
        if self.url.startswith("sqlite"):
            # Whoever waits for this lock must not hold up the people's event loop.
            await asyncio.to_thread(_hold_lock, self.url.removeprefix("sqlite:///"))
            return
        connection = await asyncpg.connect(self.url)
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await connection.close()


def _hold_lock(file: str) -> None:
    connection = sqlite3.connect(file, timeout=30, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    deadline = monotonic() + 1.5 * _PATIENCE
    while (left := deadline - monotonic()) > 0:
        sleep(left)
    connection.execute("ROLLBACK")
    connection.close()


@asynccontextmanager
async def two_servers(data: Path, url: str) -> AsyncGenerator[TwoServers]:
    """Two servers in ``data`` on the database at ``url``, alive."""
    data.mkdir()
    (data / "plans.toml").write_text(_PLANS)
    running = TwoServers(data, url)
    async with AsyncExitStack() as stack:
        await running.start_engine()
        stack.push_async_callback(_end_engine, running)
        for number in range(2):
            log = stack.enter_context((data / f"server{number}.log").open("wb"))
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.crash.server_process"),
                *(str(data), url, str(data / "engine.sock")),
                stdin=PIPE,
                stdout=PIPE,
                stderr=log,
                start_new_session=True,
            )
            server = Server(process)
            running.servers.append(server)
            stack.push_async_callback(server.end)
            stack.push_async_callback(_cancel, asyncio.create_task(server.keep_alive()))
        await eventually(
            lambda: all(server.pid for server in running.servers),
            "the servers to live",
            seconds=_START_SECONDS,
        )
        yield running


async def _end_engine(running: TwoServers) -> None:
    assert running.engine is not None
    running.engine.kill()
    await running.engine.wait()


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def people(url: str, count: int) -> list[str]:
    """So many people with credit, each signed in; their sessions' tokens."""
    tokens: list[str] = []
    async with Database.from_url(url) as database:
        await database.upgrade()
        accounts, ledger = Accounts(database, passwords=Passwords(memory_kib=64, passes=1)), Ledger(database)
        await ledger.open()
        for number in range(count):
            email = f"person{number}@example.org"
            user = await accounts.create_user(name="Ada", email=email, password="seven quiet otters")
            await ledger.top_up(user.id, 100 * NANO, "card", user.id)
            fresh = await accounts.sign_in(email, "seven quiet otters", address=f"192.0.2.{number}")
            tokens.append(fresh.token)
        await ledger.close()
        await accounts.close()
    return tokens


@dataclass(frozen=True, slots=True)
class Heard:
    """One event of a reply's log, as it came over the wire."""

    seq: int
    name: str
    data: str


@dataclass
class Person:
    """Somebody with one conversation, who talks to whichever server answers, and never gives up."""

    number: int
    running: TwoServers
    rng: random.Random
    session: aiohttp.ClientSession
    token: str
    conversation_id: str | None = None
    #: What was said, and the ids of the replies' generations.
    said: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    async def talk(self, turns: int, going_on: Callable[[], bool], seats: asyncio.Semaphore) -> None:
        """Say something and hear the reply, so many times at least, and for as long as things go on."""
        while len(self.said) < turns or going_on():
            async with seats:
                await self._take_turn()

    async def _take_turn(self) -> None:
        question = f"Please count up for {self.number}.{len(self.said)}"
        generation_id = await self._patiently(partial(self._say, question), question)
        self.said.append((question, generation_id))
        # On two devices at once, now and then; each of them hears all of it, once.
        devices = 2 if self.rng.random() < 0.3 else 1
        for heard in await asyncio.gather(*(self._hear(generation_id) for _ in range(devices))):
            check_heard(heard, question)

    async def tree(self) -> list[dict[str, Any]]:
        """The conversation's messages."""
        found = await self._patiently(
            lambda: self._ask("GET", f"/api/conversations/{self.conversation_id}"), "its messages"
        )
        return found["messages"]

    async def _patiently(self, work: Callable[[], Awaitable[T | None]], what: str) -> T:
        """What comes of ``work`` in the end, however often a server dies of it."""
        deadline = monotonic() + _LOST_SECONDS
        while monotonic() < deadline:
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                if (found := await work()) is not None:
                    return found
            await asyncio.sleep(0.1)
        pytest.fail(f"{what!r} of {self.number} is lost: nothing came of it in {_LOST_SECONDS:g} s")

    async def _ask(self, method: str, path: str, **body: object) -> dict[str, Any] | None:
        """A server's answer; None when it has to be asked again."""
        # As long as the server is alive, what was sent may still arrive: a message is sent again when it cannot.
        async with self.session.request(
            method, self._somewhere(path), json=body or None, headers=self._cookie, timeout=_ANSWERED
        ) as response:
            if response.status >= 500:
                return None
            answer = await response.json()
            assert response.status in {200, 201}, answer
            return answer

    async def _say(self, question: str) -> str | None:
        """Begin the reply to ``question``; its generation's id. Whether an earlier try arrived is looked up first."""
        if (messages := await self._arrived()) is None:
            return None
        if (generation_id := _reply_to(question, messages)) is not None:
            return generation_id
        if self.conversation_id is None:
            turn = await self._ask("POST", "/api/conversations", content=question)
        else:
            path, last = f"/api/conversations/{self.conversation_id}/messages", messages[-1]["id"]
            turn = await self._ask("POST", path, parent_id=last, content=question)
        return None if turn is None else turn["generation"]["id"]

    async def _arrived(self) -> list[dict[str, Any]] | None:
        """The conversation's messages so far; None when nobody answers."""
        if self.conversation_id is None:
            listed = await self._ask("GET", "/api/conversations")
            if listed is None or not listed["items"]:
                return None if listed is None else []
            (conversation,) = listed["items"]
            self.conversation_id = conversation["id"]
        found = await self._ask("GET", f"/api/conversations/{self.conversation_id}")
        return None if found is None else found["messages"]

    async def _hear(self, generation_id: str) -> list[Heard]:
        """All of a reply's log, from whichever server gives the next piece of it."""
        heard: list[Heard] = []
        deadline = monotonic() + _LOST_SECONDS
        while monotonic() < deadline:
            path = f"/api/generations/{generation_id}/events"
            headers = self._cookie | {"last-event-id": str(len(heard))}
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                async with self.session.get(self._somewhere(path), headers=headers) as response:
                    if response.status == 200:
                        async for event in _events(response.content):
                            heard.append(event)
                            if event.name == "end":
                                return heard
            await asyncio.sleep(0.05)
        pytest.fail(f"the reply {generation_id} of {self.number} does not end; so far: {heard[-3:]}")

    @property
    def _cookie(self) -> dict[str, str]:
        return {"cookie": f"{SESSION_COOKIE}={self.token}"}

    def _somewhere(self, path: str) -> str:
        return f"http://127.0.0.1:{self.rng.choice(self.running.servers).port}{path}"


async def _events(lines: aiohttp.StreamReader) -> AsyncGenerator[Heard]:
    """The events that arrive whole."""
    fields: dict[str, str] = {}
    async for line in lines:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if value:
            fields[name] = value
        elif fields:
            if "id" in fields:
                yield Heard(int(fields["id"]), fields["event"], fields["data"])
            fields = {}


def _reply_to(question: str, messages: Sequence[dict[str, Any]]) -> str | None:
    for message in messages:
        if message["content"] == question:
            (reply,) = (item for item in messages if item["parent_id"] == message["id"])
            return reply["generation_id"]
    return None


def text_of(heard: Sequence[Heard]) -> str:
    return "".join(json.loads(event.data)["text"] for event in heard if event.name == "delta")


def check_heard(heard: Sequence[Heard], question: str) -> None:
    """Every event once and in order, and together the whole answer, no word of it twice."""
    assert [event.seq for event in heard] == list(range(1, len(heard) + 1)), f"{question}: a gap in the log"
    assert [event.name for event in heard].count("finished") == 1
    assert text_of(heard) == answer_to(question), f"{question}: {text_of(heard)!r}"
