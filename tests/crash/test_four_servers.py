"""Four `causette serve` on one PostgreSQL, and one key that all of them use up: its budget is never overspent."""

import asyncio
import os
import sys
import uuid
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import asyncpg
import pytest
import sqlalchemy as sa
from aiohttp import web

from causette.accounts import Accounts, Caller
from causette.accounts.passwords import Passwords
from causette.accounts.types import KeyLimits
from causette.db import Database
from causette.engines.types import ChatMessage
from causette.gateway.admission import prompt_bound
from causette.ledger.service import Ledger
from causette.ledger.tables import requests
from causette.ledger.types import NANO, Quantities
from causette.ledger.verify import verify
from causette.plans.book import read_book
from tests.crash.engine_process import CACHED_TOKENS, PROMPT_TOKENS, application
from tests.stores import postgres_url

SERVERS = 4
CLIENTS = 64
WORDS = 20
#: About a third of what all ask for together.
REPLIES_PAID = 20.4

_price = read_book().price_of("words")
assert _price is not None
PRICE = _price
REPLY = PRICE.charge(Quantities(input_tokens=PROMPT_TOKENS, cached_tokens=CACHED_TOKENS, output_tokens=WORDS))
BUDGET = int(REPLIES_PAID * REPLY)

_CONFIGURATION = """
[[engines]]
name = "words"
url = "{engine}/v1"
aliases = ["default"]
context = 4096

[[engines]]
name = "vectors"
url = "{engine}/v1"
kind = "embedding"
aliases = ["embedding"]
"""
_PLANS = 'default_plan = "api"\n[plan.api]\nrpm = 1_000_000\ntpm = 1_000_000_000\nconcurrency = 1_000\n'


@asynccontextmanager
async def engine() -> AsyncGenerator[str]:
    """The tests' engine on a port of its own."""
    app = application()
    # Remote engines ask for the models there are; ours do not.
    app.router.add_get("/v1/models", models)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def models(_: web.Request) -> web.Response:
    """What it answers with, as servers list it."""
    return web.json_response({"object": "list", "data": [{"id": "words"}, {"id": "vectors"}]})


@asynccontextmanager
async def database_url() -> AsyncGenerator[str]:
    """A PostgreSQL database that the servers have to themselves."""
    admin = await asyncpg.connect(postgres_url())
    name = f"four_{uuid.uuid4().hex}"
    await admin.execute(f"CREATE DATABASE {name}")
    try:
        yield f"{postgres_url().rsplit('/', 1)[0]}/{name}"
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@asynccontextmanager
async def server(data: Path, url: str) -> AsyncGenerator[str]:
    """``causette serve``, and its address once it listens."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("CAUSETTE_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "causette", "serve", "--port", "0", "--data", str(data)),
        env=ours | {"CAUSETTE_DATABASE_URL": url},
        stdout=PIPE,
        stderr=DEVNULL,
    )
    try:
        yield await _address(process)
    finally:
        process.terminate()
        await process.wait()


async def _address(process: Process) -> str:
    assert process.stdout is not None
    async for line in process.stdout:
        if b" at http" in line:
            return line.decode().split()[-1]
    pytest.fail("the server ended before it listened")


async def key_with_a_budget(database: Database) -> str:
    """Somebody's key that may spend ``BUDGET``, and who has credit for far more."""
    accounts = Accounts(database, passwords=Passwords(memory_kib=64, passes=1))
    user = await accounts.create_user(name="Ada", email="ada@example.org", password="seven quiet otters")
    ledger = Ledger(database)
    await ledger.open()
    await ledger.top_up(user.id, 100 * NANO, "card", user.id)
    await ledger.close()
    made = await accounts.keys.create(Caller(user=user), name="race", limits=KeyLimits(total_nano=BUDGET))
    return made.secret


async def ask(session: aiohttp.ClientSession, address: str, prompt: str, words: int = WORDS) -> int:
    """Ask once; the status of the answer."""
    body = {"model": "words", "messages": [{"role": "user", "content": prompt}], "max_tokens": words}
    async with session.post(f"{address}/v1/chat/completions", json=body) as response:
        await response.read()
        return response.status


@pytest.mark.asyncio
async def test_four_servers_never_overspend_one_keys_budget(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(database_url())
        folder = tmp_path / "data"
        folder.mkdir()
        (folder / "causette.toml").write_text(
            _CONFIGURATION.format(engine=await stack.enter_async_context(engine()))
        )
        (folder / "plans.toml").write_text(_PLANS)
        database = await stack.enter_async_context(Database.from_url(url))
        await database.upgrade()
        secret = await key_with_a_budget(database)
        addresses = await asyncio.gather(
            *(stack.enter_async_context(server(folder, url)) for _ in range(SERVERS))
        )
        session = await stack.enter_async_context(
            aiohttp.ClientSession(
                headers={"authorization": f"Bearer {secret}"},
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=20),
            )
        )
        statuses: Counter[int] = Counter(
            await asyncio.gather(
                *(ask(session, addresses[n % SERVERS], f"client {n}") for n in range(CLIENTS))
            )
        )
        # What those in progress held too much is free again: the rest is spent to the last word that can be paid.
        last: list[int] = []
        while not last or last[-1] == 200:
            address = addresses[len(last) % SERVERS]
            last.append(await ask(session, address, f"last {len(last)}", words=1))

        async with database.read() as connection:
            rows = list(await connection.execute(sa.select(requests)))
        problems = (await verify(database)).problems

    # A database that is asked by all tests at once may have no connection left for one of them.
    assert {200, 429} <= set(statuses) <= {200, 429, 503}, statuses
    assert last[-1] == 429
    assert problems == ()
    charged = [row.charge_nano for row in rows if row.outcome == "completed"]
    assert len(charged) == statuses[200] + last.count(200)
    prompt = prompt_bound((ChatMessage("user", f"last {len(last)}"),))
    least = PRICE.charge(Quantities(input_tokens=prompt, output_tokens=1))
    assert BUDGET - least < sum(charged) <= BUDGET
