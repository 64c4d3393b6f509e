"""Whoever holds a lifeline is alive; whoever is killed has lost it at once."""

import os
import signal
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE

import asyncpg
import pytest

from causette.db import Database
from causette.db.lifeline import lock_of
from tests.stores import NewDatabaseUrl
from tests.waiting import eventually

_HOLDS = """
import asyncio, sys
from causette.db import Database
from causette.db.lifeline import lock_of

async def main():
    lifeline = Database.from_url(sys.argv[1]).lifeline()
    await lifeline.hold()
    print(lifeline.name, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_killed_process_has_lost_its_lifeline_and_a_living_one_has_not(database_url: str) -> None:
    process = await create_subprocess_exec(sys.executable, "-c", _HOLDS, database_url, stdout=PIPE)
    assert process.stdout is not None
    name = (await process.stdout.readline()).decode().strip()
    async with Database.from_url(database_url) as database:
        mine = database.lifeline()
        await mine.hold()
        assert await mine.lost({name}) == set()
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()

        async def is_lost() -> bool:
            return await mine.lost({name, mine.name}) == {name}

        await eventually(is_lost, "the dead process to be known as dead")
        await mine.release()


async def test_whoever_lets_go_has_lost_it_for_others(database: Database) -> None:
    mine, other = database.lifeline(), database.lifeline()
    await other.hold()
    assert await mine.lost({other.name}) == set()
    await other.release()

    async def is_lost() -> bool:
        return await mine.lost({other.name}) == {other.name}

    await eventually(is_lost, "the lifeline to be let go")


async def test_who_never_had_a_lifeline_is_not_known_to_be_dead(database: Database) -> None:
    assert await database.lifeline().lost({"proc_of_an_earlier_release"}) == set()


async def test_a_lifeline_whose_connection_is_cut_is_taken_again(new_database_url: NewDatabaseUrl) -> None:
    url = await new_database_url()
    if not url.startswith("postgresql"):
        pytest.skip("SQLite has no connections to cut")
    async with Database.from_url(url) as database:
        lifeline, connection = database.lifeline(), await asyncpg.connect(url)

        async def holder() -> int | None:
            return await connection.fetchval(
                "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted "
                "AND (classid::bigint << 32 | objid::bigint) = $1",
                lock_of(lifeline.name),
            )

        await lifeline.hold()
        before = await holder()
        assert await connection.fetchval("SELECT pg_terminate_backend($1)", before)

        async def is_held_again() -> bool:
            return await holder() not in {None, before}

        await eventually(is_held_again, "the lock to be taken again")
        await lifeline.release()
        await connection.close()
