"""Servers and engines die at random while people talk: every reply is whole, once, and paid for once.

Two servers on one database, an engine whose answers are known word for word, people who follow their replies on both
servers at once, and somebody who kills. CI kills a few; the whole of it is

    CAUSETTE_KILLS=300 CAUSETTE_CONVERSATIONS=100 pytest tests/crash/test_conversations.py -s

Repeat one that failed with ``CAUSETTE_CRASH_SEEDS=17:18``, as with the other crashes.
"""

import asyncio
import os
import random
import sys
from collections import Counter
from pathlib import Path
from time import monotonic

import aiohttp
import pytest
import sqlalchemy as sa

from causette.db import Database
from causette.ledger.tables import requests
from causette.ledger.types import Quantities
from causette.ledger.verify import verify
from causette.plans.book import read_book
from tests.crash.counting_engine import PROMPT_TOKENS, answer_to, tokens_of
from tests.crash.test_crashes import SEEDS, url
from tests.crash.two_servers import Person, TwoServers, people, two_servers
from tests.waiting import eventually

__all__ = ["url"]

KILLS = int(os.environ.get("CAUSETTE_KILLS", "6"))
CONVERSATIONS = int(os.environ.get("CAUSETTE_CONVERSATIONS", "6"))
#: So many messages a conversation has at least, and so many replies are written at once.
TURNS = 2
AT_ONCE = 24

PRICE = read_book().price_of("words")


@pytest.mark.asyncio
async def test_conversations_survive_the_deaths_of_servers_and_engines(url: str, tmp_path: Path) -> None:
    rng = random.Random(SEEDS.start)
    tokens, began = await people(url, CONVERSATIONS), monotonic()
    async with (
        two_servers(tmp_path / "data", url) as running,
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=10),
        ) as session,
    ):
        talking = [
            Person(number, running, random.Random(rng.random()), session, token)
            for number, token in enumerate(tokens)
        ]
        killing = asyncio.create_task(running.kill(rng, KILLS))
        seats = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(
            killing, *(person.talk(TURNS, lambda: not killing.done(), seats) for person in talking)
        )
        trees = await asyncio.gather(*(person.tree() for person in talking))
        await _settled(running)

    for person, messages in zip(talking, trees, strict=True):
        told = [text for question, _ in person.said for text in (question, answer_to(question))]
        assert [message["content"] for message in messages] == told
        assert {message["status"] for message in messages} == {"complete"}
    await _check_books(url, talking)
    replies = sum(len(person.said) for person in talking)
    sys.stdout.write(
        f"\n{url.partition(':')[0]}: {dict(running.deaths)} in {replies} replies of {len(talking)} conversations, "
        f"{monotonic() - began:.0f} s\n"
    )


async def _settled(running: TwoServers) -> None:
    """Wait until the sweep has ended what the dead have left."""
    async with Database.from_url(running.url) as database:

        async def nothing_held() -> bool:
            async with database.read() as connection:
                held = sa.select(sa.func.count()).where(requests.c.state == "held")
                return (await connection.execute(held)).scalar_one() == 0

        await eventually(nothing_held, "all requests to be ended", seconds=60)


async def _check_books(url: str, talking: list[Person]) -> None:
    """The books close, and each reply was paid for, at most once."""
    assert PRICE is not None
    columns = (
        requests.c.engine_request_id,
        requests.c.charge_nano,
        requests.c.list_nano,
        requests.c.outcome,
        requests.c.usage_source,
    )
    async with Database.from_url(url) as database:
        assert (await verify(database)).problems == ()
        async with database.read() as connection:
            rows = list(await connection.execute(sa.select(*columns)))
    charged, estimated, unknown = Counter[str](), Counter[str](), set[str]()
    for row in rows:
        charged[row.engine_request_id] += row.charge_nano
        if row.usage_source == "estimated":
            estimated[row.engine_request_id] = max(estimated[row.engine_request_id], row.list_nano)
        if (row.outcome, row.usage_source) == ("orphaned", "none"):
            unknown.add(row.engine_request_id)
    for person in talking:
        for question, generation_id in person.said:
            made = Quantities(input_tokens=PROMPT_TOKENS, output_tokens=tokens_of(answer_to(question)))
            # An engine that dies takes its account along: what it had read is then estimated from the prompt's length.
            once = max(PRICE.charge(made), estimated[generation_id])
            assert charged[generation_id] <= once, f"{question} is charged twice"
            # What the server had not booked and the engine took with it to its death, the house pays.
            assert charged[generation_id] > 0 or generation_id in unknown, f"{question} is not charged"
