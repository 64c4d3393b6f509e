"""Servers, engines and databases that die at every stage of a request's way: the books close, and nobody pays twice.

A seed is a few requests at once, a server that kills itself at some stage, and now and then an engine or a database
that is gone. Repeat one that failed with ``CAUSETTE_CRASH_SEEDS=17:18``.
"""

import asyncio
import os
import random
import uuid
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import aiohttp
import asyncpg
import pytest
import pytest_asyncio
import sqlalchemy as sa

from causette.db import Database
from causette.ledger.tables import requests
from causette.ledger.types import Quantities
from causette.ledger.verify import verify
from causette.plans.book import read_book
from tests.crash.engine_process import CACHED_TOKENS, PROMPT_TOKENS
from tests.crash.rig import Rig, rigged
from tests.stores import postgres_url
from tests.waiting import eventually

#: Half of them on each database.
SEEDS = range(*map(int, os.environ.get("CAUSETTE_CRASH_SEEDS", "0:200").split(":")))
#: So many are played before the books are looked at.
AT_ONCE = 10
#: As often as the official client sends a request.
TRIES = 3

PRICE = read_book().price_of("words")
assert PRICE is not None
FULL_VECTORS = PRICE.charge(Quantities(input_tokens=PROMPT_TOKENS))


def price_of(words: int) -> int:
    assert PRICE is not None
    return PRICE.charge(
        Quantities(input_tokens=PROMPT_TOKENS, cached_tokens=CACHED_TOKENS, output_tokens=words)
    )


@dataclass
class Client:
    """Somebody who wants one thing, and may ask for it several times."""

    name: str
    key: str
    kind: Literal["stream", "whole", "vectors"]
    words: int
    #: Goes away after so many words.
    leaves_after: int | None
    #: How they say that they asked before; None for who does not ask twice.
    again: Literal["key", "claim"] | None
    delivered: bool = False
    tries: int = 0

    @classmethod
    def draw(cls, rng: random.Random, name: str, key: str) -> "Client":
        kind = rng.choice(("stream", "stream", "whole", "whole", "vectors"))
        leaves = kind == "stream" and rng.random() < 0.3
        words = rng.randint(2, 20)
        return cls(
            name=name,
            key=key,
            kind=kind,
            words=words,
            leaves_after=rng.randint(1, words - 1) if leaves else None,
            again="key" if kind == "vectors" else rng.choice(("key", "claim", None)),
        )

    async def ask(self, rig: Rig, session: aiohttp.ClientSession) -> None:
        """Ask until it is there, or it makes no sense any more."""
        deadline = asyncio.get_running_loop().time() + 20
        while self.tries < TRIES and asyncio.get_running_loop().time() < deadline:
            rig.must_live()
            try:
                self.tries += 1
                if await self._ask_once(rig, session):
                    return
            except (aiohttp.ClientError, OSError):
                pass
            if self.again is None:
                return
            await asyncio.sleep(0.1)

    async def _ask_once(self, rig: Rig, session: aiohttp.ClientSession) -> bool:
        """Whether there is nothing more to ask for."""
        headers = {"authorization": f"Bearer {self.key}"}
        if self.again == "key":
            headers["idempotency-key"] = self.name
        elif self.again == "claim":
            headers["x-stainless-retry-count"] = str(self.tries - 1)
        body: dict[str, object] = {"model": "embedding", "input": [self.name]}
        path = "embeddings"
        if self.kind != "vectors":
            path = "chat/completions"
            body = {
                "model": "default",
                "messages": [{"role": "user", "content": self.name}],
                "max_tokens": self.words,
                "stream": self.kind == "stream",
            }
        url = f"http://127.0.0.1:{rig.port}/v1/{path}"
        async with session.post(url, json=body, headers=headers) as response:
            if response.status != 200:
                # The first one is being worked on: this does not count as a try.
                code = (await response.json())["error"]["code"]
                self.tries -= code in {"idempotency_in_flight", "repetition_in_flight"}
                # What was answered is not answered again, though nobody heard it.
                return response.status < 409 or code == "idempotency_key_spent"
            if self.kind != "stream":
                await response.read()
                self.delivered = True
                return True
            heard = 0
            async for line in response.content:
                if line.startswith(b"data: [DONE]"):
                    self.delivered = True
                    return True
                heard += b'"word ' in line
                if heard == self.leaves_after:
                    return True
        return False


@pytest_asyncio.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.xdist_group(f"crash on {name}"))
        for name in ("sqlite", "postgresql")
    ]
)
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[str]:
    """A database whose connections are nobody else's."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'causette.sqlite3'}"
        return
    admin = await asyncpg.connect(postgres_url())
    name = f"crash_{uuid.uuid4().hex}"
    await admin.execute(f"CREATE DATABASE {name}")
    yield f"{postgres_url().rsplit('/', 1)[0]}/{name}"
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.mark.asyncio
async def test_the_books_close_whatever_dies_and_nobody_pays_twice(url: str, tmp_path: Path) -> None:
    mine = [seed for seed in SEEDS if seed % 2 == url.startswith("sqlite")]
    clients: list[Client] = []
    async with rigged(tmp_path / "data", url, random.Random(SEEDS.start), len(mine)) as rig:
        for start in range(0, len(mine), AT_ONCE):
            seeds = mine[start : start + AT_ONCE]
            try:
                for key, seed in zip(rig.keys[start:], seeds, strict=False):
                    clients += await play(rig, seed, key)
                await settled(rig)
                await check(rig, clients)
            except BaseException as error:
                error.add_note(f"seeds {seeds[0]} to {seeds[-1]}, last plan {rig.plan}, {rig.deaths} deaths")
                raise
        # A suite in which nothing dies, or nothing is answered, shows nothing.
        assert 6 * sum(client.delivered for client in clients) > len(clients)
        assert rig.deaths >= len(mine) // 4


async def play(rig: Rig, seed: int, key: str) -> list[Client]:
    """One seed's requests, which are one person's, from the first to the last, and what happens meanwhile."""
    rng = random.Random(seed)
    names = [f"seed {seed} client {number}" for number in range(rng.randint(4, 8))]
    clients = [Client.draw(rng, name, key) for name in names]
    accident = rng.choice((None, None, None, rig.kill_engine, rig.cut_database, rig.cut_database))
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:

        async def happen() -> None:
            await asyncio.sleep(rng.random() * 0.1)
            if accident is not None:
                await accident()

        await asyncio.gather(happen(), *(client.ask(rig, session) for client in clients))
    return clients


async def settled(rig: Rig) -> None:
    """Wait until the sweep has ended what the dead have left."""
    async with Database.from_url(rig.url) as database:

        async def nothing_held() -> bool:
            async with database.read() as connection:
                held = sa.select(sa.func.count()).where(requests.c.state == "held")
                return rig.pid is not None and (await connection.execute(held)).scalar_one() == 0

        await eventually(nothing_held, "all requests to be ended", seconds=15)


async def check(rig: Rig, clients: Sequence[Client]) -> None:
    """The books close, say what the engine says, and charge what was delivered, once."""
    async with Database.from_url(rig.url) as database:
        assert (await verify(database)).problems == ()
        async with database.read() as connection:
            rows = list(await connection.execute(sa.select(requests)))
    by_prompt: dict[str, int] = defaultdict(int)
    answered: dict[str, int] = defaultdict(int)
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(rig.socket))) as session:
        for row in rows:
            if row.model == "vectors":
                by_prompt[row.idempotency_key] += row.charge_nano
                continue
            engine, prompt = rig.asked.get(row.engine_request_id, (0, ""))
            by_prompt[prompt] += row.charge_nano
            answered[prompt] += row.outcome == "completed"
            if engine == rig.engines and (account := await rig.account(session, row.engine_request_id)):
                made = account.usage
                assert (row.state, row.input_tokens, row.output_tokens) == (
                    "settled",
                    made.input_tokens,
                    made.output_tokens,
                ), f"request {row.id} of {prompt}"
    assert by_prompt[""] == 0, "something is charged that no engine was asked for"
    for client in clients:
        full = FULL_VECTORS if client.kind == "vectors" else price_of(client.words)
        charged = by_prompt[client.name]
        # Without a key, nobody knows that an answer got lost on its way.
        most = full * (max(1, answered[client.name]) if client.again == "claim" else 1)
        assert charged <= most, f"{client} is charged {charged}, and not {most} at most"
        if client.delivered:
            assert charged >= full, f"{client} is charged {charged} for what costs {full}"
