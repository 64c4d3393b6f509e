import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing

import pytest
import pytest_asyncio
from sqlalchemy import Column, LargeBinary, MetaData, Table, Text, event, insert, select, update

from causette.clock import utc_now
from causette.db import Database, Lookup, UtcDateTime
from causette.errors import Unavailable

notes = Table(
    "lookup_notes",
    MetaData(),
    Column("digest", LargeBinary, primary_key=True),
    Column("owner", Text, index=True),
    Column("words", Text),
    Column("at", UtcDateTime),
)
NOW = utc_now()


@pytest_asyncio.fixture
async def stored(database_url: str) -> AsyncGenerator[Database]:
    async with Database.from_url(database_url) as database:
        async with database.write() as connection:
            await connection.run_sync(notes.metadata.create_all)
            for number in range(20):
                values = {
                    "digest": bytes([number]),
                    "owner": f"o{number % 5}",
                    "words": f"w{number}",
                    "at": NOW,
                }
                await connection.execute(insert(notes).values(values))
        yield database


@pytest.fixture
def by_digest(stored: Database) -> Lookup:
    return stored.lookup(select(notes.c.words, notes.c.at), notes.c.digest)


async def test_a_row_is_found_by_its_value_and_decoded(by_digest: Lookup) -> None:
    (row,) = await by_digest.find(bytes([7]))
    assert (row["words"], row["at"]) == ("w7", NOW)


async def test_nothing_is_found_where_there_is_nothing(by_digest: Lookup) -> None:
    assert list(await by_digest.find(b"another")) == []


async def test_all_rows_of_a_value_are_found(stored: Database) -> None:
    by_owner = stored.lookup(select(notes.c.words), notes.c.owner)
    assert {row["words"] for row in await by_owner.find("o3")} == {"w3", "w8", "w13", "w18"}


async def test_many_values_are_asked_for_at_once(by_digest: Lookup) -> None:
    rows = await by_digest.find_all([bytes([number]) for number in (1, 2, 3, 99)])
    assert {row["words"] for row in rows} == {"w1", "w2", "w3"}
    assert list(await by_digest.find_all([])) == []


async def test_everybody_who_asks_at_once_gets_their_own_answer(by_digest: Lookup) -> None:
    answers = await asyncio.gather(*(by_digest.find(bytes([number % 20])) for number in range(200)))
    assert [rows[0]["words"] for rows in answers] == [f"w{number % 20}" for number in range(200)]


async def test_who_leaves_takes_nobody_elses_answer_along(by_digest: Lookup) -> None:
    askers = [asyncio.create_task(by_digest.find(bytes([3]))) for _ in range(3)]
    await asyncio.sleep(0)
    askers[0].cancel()
    assert (await askers[1])[0]["words"] == (await askers[2])[0]["words"] == "w3"


async def test_an_answer_is_never_older_than_the_question(
    stored: Database, database_url: str, by_digest: Lookup
) -> None:
    async with Database.from_url(database_url) as elsewhere:
        for turn in range(30):
            # Somebody is asking all the time, so that an answer to an earlier question is always near.
            early = [asyncio.create_task(by_digest.find(bytes([5]))) for _ in range(4)]
            await asyncio.sleep(0)
            async with elsewhere.write() as connection:
                await connection.execute(
                    update(notes).where(notes.c.digest == bytes([5])).values(words=f"turn {turn}")
                )
            assert (await by_digest.find(bytes([5])))[0]["words"] == f"turn {turn}"
            await asyncio.gather(*early)


async def test_a_look_up_keeps_no_snapshot_open(
    stored: Database, database_url: str, by_digest: Lookup
) -> None:
    if stored.dialect != "sqlite":
        pytest.skip("only SQLite's readers hold up the log")
    await by_digest.find(bytes([1]))
    async with stored.write() as connection:
        await connection.execute(update(notes).values(words="changed"))
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as connection:
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)


async def test_a_look_up_on_postgresql_is_one_query_for_all_who_wait(
    stored: Database, by_digest: Lookup
) -> None:
    if stored.dialect != "postgresql":
        pytest.skip("SQLite answers each at once")
    statements: list[str] = []
    event.listen(
        stored._engines.writer.sync_engine, "before_cursor_execute", lambda *seen: statements.append(seen[2])
    )
    await asyncio.gather(*(by_digest.find(bytes([number % 20])) for number in range(64)))
    assert len([statement for statement in statements if "lookup_notes" in statement]) in {1, 2}


async def test_a_database_that_is_gone_is_said_to_be() -> None:
    async with Database.from_url("postgresql://nobody@127.0.0.1:1/none") as gone:
        by_owner = gone.lookup(select(notes.c.words), notes.c.owner)
        for _ in range(2):
            with pytest.raises(Unavailable):
                await by_owner.find("o1")
