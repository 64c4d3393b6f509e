import asyncio
import socket
import sqlite3
import sys
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from causette.db import Database
from causette.db.connecting import SqliteConnection, engines_for
from causette.errors import Unavailable
from tests.stores import postgres_schemas, postgres_url

INCREMENT = """
import asyncio, sys
from sqlalchemy import text
from causette.db import Database

async def main():
    async with Database.from_url(sys.argv[1]) as database:
        for _ in range(int(sys.argv[2])):
            async with database.write() as connection:
                value = (await connection.execute(text(sys.argv[3]))).scalar_one()
                await connection.execute(text("UPDATE counters SET value = :value"), {"value": value + 1})

asyncio.run(main())
"""


@pytest_asyncio.fixture
async def counter(database: Database) -> AsyncGenerator[Database]:
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE counters (value INTEGER)"))
        await connection.execute(text("INSERT INTO counters VALUES (0)"))
    yield database


async def value_of(database: Database) -> int:
    async with database.read() as connection:
        return (await connection.execute(text("SELECT value FROM counters"))).scalar_one()


async def test_a_write_is_seen_by_the_next_read(counter: Database) -> None:
    async with counter.write() as connection:
        await connection.execute(text("UPDATE counters SET value = 7"))
    assert await value_of(counter) == 7


async def test_an_exception_rolls_everything_back_the_tables_made_included(counter: Database) -> None:
    with pytest.raises(KeyError):
        async with counter.write() as connection:
            await connection.execute(text("UPDATE counters SET value = 7"))
            await connection.execute(text("CREATE TABLE half_done (x INTEGER)"))
            raise KeyError
    assert await value_of(counter) == 0
    async with counter.write() as connection:
        await connection.execute(text("CREATE TABLE half_done (x INTEGER)"))


async def test_a_cancelled_write_leaves_nothing_and_blocks_nobody(counter: Database) -> None:
    inside = asyncio.Event()

    async def write() -> None:
        async with counter.write() as connection:
            await connection.execute(text("UPDATE counters SET value = 7"))
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with counter.write() as connection:
        await connection.execute(text("UPDATE counters SET value = value + 1"))
    assert await value_of(counter) == 1


def test_a_connection_that_is_closed_with_a_statement_half_read_lets_go_of_its_lock(tmp_path: Path) -> None:
    path = tmp_path / "locked.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None, factory=SqliteConnection)) as one:
        one.execute("CREATE TABLE counters (value INTEGER)")
        one.executemany("INSERT INTO counters VALUES (?)", [(1,), (2,)])
        one.execute("BEGIN IMMEDIATE")
        half_read = one.execute("UPDATE counters SET value = 7 RETURNING value")
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as other:
        other.execute("BEGIN IMMEDIATE")
    assert half_read.connection is one


async def test_writes_that_are_cancelled_at_any_moment_block_nobody(counter: Database) -> None:
    kept: list[BaseException] = []

    async def write() -> None:
        try:
            async with counter.write() as connection:
                for _ in range(3):
                    await connection.execute(text("UPDATE counters SET value = value + 1 RETURNING value"))
        except asyncio.CancelledError as cancelled:
            kept.append(cancelled)  # with all that its traceback holds
            raise

    async with asyncio.timeout(20):
        for tenths in range(60):
            task = asyncio.create_task(write())
            await asyncio.sleep(tenths / 10_000)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await counter.transact(lambda connection: connection.execute(text("SELECT 1")).close())
    assert kept
    await value_of(counter)


@pytest.mark.parametrize("statement", ["UPDATE counters SET value = 7", "CREATE TABLE t (x INTEGER)"])
async def test_a_read_refuses_to_write(counter: Database, statement: str) -> None:
    with pytest.raises(DBAPIError):
        async with counter.read() as connection:
            await connection.execute(text(statement))
    assert await value_of(counter) == 0


async def test_reads_go_on_while_a_write_is_open(counter: Database) -> None:
    async with counter.write() as connection:
        await connection.execute(text("UPDATE counters SET value = 7"))
        assert await asyncio.gather(*(value_of(counter) for _ in range(20))) == [0] * 20


async def test_writers_in_one_process_take_turns(counter: Database) -> None:
    async def increment() -> None:
        async with counter.write() as connection:
            await connection.execute(text("UPDATE counters SET value = value + 1"))

    await asyncio.gather(*(increment() for _ in range(50)))
    assert await value_of(counter) == 50


async def test_writers_in_several_processes_lose_no_update(counter: Database, database_url: str) -> None:
    # To write what was read takes a row lock on PostgreSQL; a transaction of SQLite's is a lock already.
    query = "SELECT value FROM counters" + (" FOR UPDATE" if counter.dialect == "postgresql" else "")
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", INCREMENT, database_url, "40", query)
        for _ in range(3)
    ]
    assert [await process.wait() for process in processes] == [0, 0, 0]
    assert await value_of(counter) == 120


async def test_what_another_process_has_written_is_seen_by_the_next_read(
    counter: Database, database_url: str
) -> None:
    # A process that leaves must not take the log along that this one still reads.
    for expected in (1, 2, 3):
        await value_of(counter)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", INCREMENT, database_url, "1", "SELECT value FROM counters"
        )
        assert await process.wait() == 0
        assert await value_of(counter) == expected


async def test_a_sqlite_lock_that_is_not_given_up_becomes_unavailable(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'causette.sqlite3'}"
    async with Database.from_url(url) as holder, Database(engines_for(url, patience=0.05)) as other:
        async with holder.write():
            with pytest.raises(Unavailable, match="locked") as refusal:
                async with other.write():
                    pass
        assert refusal.value.retry_after == 1.0
        async with other.write():
            pass


async def test_a_process_whose_only_writer_is_busy_becomes_unavailable(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'causette.sqlite3'}"
    async with Database(engines_for(url, patience=0.05)) as database, database.write():
        with pytest.raises(Unavailable):
            async with database.write():
                pass


async def test_a_server_that_is_not_there_is_unavailable_and_its_password_untold() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        async with Database.from_url(f"postgresql://me:correct-horse@127.0.0.1:{port}/name") as database:
            with pytest.raises(Unavailable, match=rf"127\.0\.0\.1:{port}/name does not answer") as refusal:
                await database.upgrade()
    assert "correct-horse" not in str(refusal.value)


async def test_a_connection_cut_in_the_middle_is_an_unavailable_database() -> None:
    async with postgres_schemas(postgres_url()) as new, Database.from_url(await new()) as database:
        for begin in (database.read, database.write):
            with pytest.raises(Unavailable) as cut:
                async with begin() as connection:
                    own = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
                    async with database.read() as another:
                        await another.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": own})
                    await connection.execute(text("SELECT 1"))
            assert cut.value.code == "database_unavailable"
            async with begin() as connection:
                assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1


async def test_what_a_statement_does_wrong_is_not_blamed_on_the_database(counter: Database) -> None:
    for statement in ("SELECT nothing", "INSERT INTO nowhere VALUES (1)"):
        with pytest.raises(DBAPIError):
            async with counter.write() as connection:
                await connection.execute(text(statement))
