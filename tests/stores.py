"""Databases for tests: every store is tested on SQLite and on PostgreSQL, each test on an empty database.

Set ``CAUSETTE_TEST_POSTGRES_URL`` to a PostgreSQL database in which schemas may be created, e.g.
``postgresql://postgres@127.0.0.1:5432/test``, and ``CAUSETTE_TEST_VALKEY_URL`` to a Valkey or Redis server in which
keys may be made, e.g. ``valkey://127.0.0.1:6379/0``. Each test has keys of its own, and removes them.

Migrating takes longer than most tests, so it is done once a process: on SQLite tests begin with a copy of the file that
came of it, on PostgreSQL they have a schema one after the other, which is emptied in between.
"""

import asyncio
import os
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from graphlib import TopologicalSorter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
import msgspec
import pytest
import pytest_asyncio
from valkey.asyncio import Valkey

from causette.db import Database
from causette.ledger.windows import Windows

_POSTGRES_VARIABLE = "CAUSETTE_TEST_POSTGRES_URL"
_VALKEY_VARIABLE = "CAUSETTE_TEST_VALKEY_URL"

#: Makes a new, empty database each time it is awaited, and says its URL.
NewDatabaseUrl = Callable[[], Awaitable[str]]
#: Makes the windows of one more process; None where they are in the database.
NewWindows = Callable[[], Windows | None]


def postgres_url() -> str:
    """Where the tests' PostgreSQL is. Skips the test when nobody said, and fails it when ``CI=true``."""
    return _url(_POSTGRES_VARIABLE, "PostgreSQL")


def valkey_url() -> str:
    """Where the tests' Valkey is. Skips the test when nobody said, and fails it when ``CI=true``."""
    return _url(_VALKEY_VARIABLE, "Valkey")


def _url(variable: str, what: str) -> str:
    url = os.environ.get(variable)
    if url:
        return url
    reason = f"{variable} is not set, so nothing is tested on {what}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@asynccontextmanager
async def postgres_schemas(url: str) -> AsyncGenerator[NewDatabaseUrl]:
    """A maker of empty schemas in the database at ``url``, all dropped at the end."""
    connection = await asyncpg.connect(url)
    schemas: list[str] = []

    async def new() -> str:
        schema = f"test_{uuid.uuid4().hex}"
        await connection.execute(f"CREATE SCHEMA {schema}")
        schemas.append(schema)
        return f"{url}{'&' if '?' in url else '?'}search_path={schema}"

    try:
        yield new
    finally:
        for schema in schemas:
            await connection.execute(f"DROP SCHEMA {schema} CASCADE")
        await connection.close()


@cache
def empty_sqlite() -> bytes:
    """An SQLite file with the newest schema and nothing in it."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "causette.sqlite3"
        _in_a_thread(_migrate(f"sqlite:///{file}"))
        return file.read_bytes()


def _in_a_thread(work: Coroutine[Any, Any, None]) -> None:
    # An event loop may run in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


async def _migrate(url: str) -> None:
    async with Database.from_url(url) as database:
        await database.upgrade()


@dataclass
class Shelf:
    """Schemas of this process in a PostgreSQL database, with the newest tables and nothing in them."""

    url: str
    made: list[str] = field(default_factory=list)
    free: list[str] = field(default_factory=list)
    #: The newest schema's tables.
    tables: frozenset[str] = frozenset()

    def url_of(self, schema: str) -> str:
        # Tests kill processes and not PostgreSQL: they need not wait for its disk.
        return f"{self.url}{'&' if '?' in self.url else '?'}search_path={schema}&synchronous_commit=off"

    async def take(self) -> str:
        """A schema that nobody else has."""
        if self.free:
            return self.free.pop()
        schema = f"test_{uuid.uuid4().hex}"
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(f"CREATE SCHEMA {schema}")
            self.made.append(schema)
            await _migrate(self.url_of(schema))
            await connection.execute(f"SET search_path = {schema}")
            self.tables = await _tables(connection)
        finally:
            await connection.close()
        return schema

    async def give_back(self, schema: str) -> None:
        """Empty ``schema`` for the next test."""
        connection = await asyncpg.connect(self.url_of(schema))
        try:
            # Whoever still holds a lock then has been left behind by the test.
            await connection.execute("SET lock_timeout = '20s'")
            tables = await _tables(connection)
            if tables != self.tables:
                return  # The test made others; nobody else gets this schema.
            order = TopologicalSorter[str](dict.fromkeys(tables, ()))
            for referring, referred in await connection.fetch(_REFERENCES):
                order.add(referred, referring)
            children_first = tuple(order.static_order())
            # What is deleted leaves notes for the search index, in tables that may have been emptied before.
            while filled := await connection.fetchval(_filled(children_first)):
                async with connection.transaction():
                    for table in filled:
                        await connection.execute(f"DELETE FROM {table}")
            await connection.execute(_RESTART_SEQUENCES)
        finally:
            await connection.close()
        self.free.append(schema)

    async def clear(self) -> None:
        """Remove them all."""
        connection = await asyncpg.connect(self.url)
        try:
            for schema in self.made:
                await connection.execute(f"DROP SCHEMA {schema} CASCADE")
        finally:
            await connection.close()


async def _tables(connection: asyncpg.Connection) -> frozenset[str]:
    """The tables of the schema that ``connection`` uses."""
    return frozenset(row[0] for row in await connection.fetch(_TABLES))


_TABLES = """
SELECT quote_ident(relname) FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
"""
_REFERENCES = """
SELECT quote_ident(a.relname), quote_ident(b.relname)
FROM pg_constraint c JOIN pg_class a ON a.oid = c.conrelid JOIN pg_class b ON b.oid = c.confrelid
WHERE c.contype = 'f' AND c.connamespace = current_schema()::regnamespace AND a.oid <> b.oid
"""
_RESTART_SEQUENCES = """
SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence JOIN pg_class ON pg_class.oid = seqrelid
WHERE relnamespace = current_schema()::regnamespace
"""


def _filled(tables: Sequence[str]) -> str:
    """The query for those of ``tables`` that have rows, in their order."""
    each = (f"CASE WHEN EXISTS (SELECT FROM {table}) THEN '{table}' END" for table in tables)
    return f"SELECT array_remove(ARRAY[{', '.join(each)}], NULL)"


@pytest.fixture(scope="session")
def shelf() -> Generator[Shelf]:
    """This process's schemas in PostgreSQL."""
    shelf = Shelf(postgres_url())
    yield shelf
    _in_a_thread(shelf.clear())


@asynccontextmanager
async def _from_shelf(shelf: Shelf) -> AsyncGenerator[NewDatabaseUrl]:
    taken: list[str] = []

    async def new() -> str:
        taken.append(await shelf.take())
        return shelf.url_of(taken[-1])

    yield new
    for schema in taken:
        await shelf.give_back(schema)


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def new_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[NewDatabaseUrl]:
    """Runs the test on each kind of database; makes as many as it asks for, with the newest schema and empty."""
    if request.param == "postgresql":
        async with _from_shelf(request.getfixturevalue("shelf")) as new:
            yield new
        return

    async def new_file() -> str:
        file = tmp_path / f"{uuid.uuid4().hex}.sqlite3"
        file.write_bytes(empty_sqlite())
        return f"sqlite:///{file}"

    yield new_file


@pytest_asyncio.fixture
async def database_url(new_database_url: NewDatabaseUrl) -> str:
    """The URL of an empty database."""
    return await new_database_url()


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncGenerator[Database]:
    """An empty database with the newest schema."""
    async with Database.from_url(database_url) as database:
        await database.upgrade()
        yield database


@asynccontextmanager
async def valkey_prefix() -> AsyncGenerator[str]:
    """What the keys of one test begin with; they are removed at the end, should there be any."""
    prefix = f"test-{uuid.uuid4().hex}:"
    try:
        yield prefix
    finally:
        if url := os.environ.get(_VALKEY_VARIABLE):
            async with Valkey.from_url(url) as client:
                if keys := [key async for key in client.scan_iter(f"{prefix}*", count=10_000)]:
                    await client.delete(*keys)


async def valkey_time_passes(prefix: str, seconds: float) -> None:
    """Let so much time pass, in which nothing happens: all that has begun has begun so much earlier."""
    micros = int(seconds * 1_000_000)
    async with Valkey.from_url(valkey_url()) as client:
        async for key in client.scan_iter(f"{prefix}window:*", count=1_000):
            await client.hincrby(key, "started", -micros)
        async for key in client.scan_iter(f"{prefix}hold:*", count=1_000):
            held = [
                [window, str(int(started) - micros), amount, meter]
                for window, started, amount, meter in msgspec.msgpack.decode(await client.get(key))
            ]
            await client.set(key, msgspec.msgpack.encode(held), keepttl=True)


@pytest_asyncio.fixture(params=["database", "valkey"])
async def new_windows(request: pytest.FixtureRequest) -> AsyncGenerator[NewWindows]:
    """Runs the test with rolling windows in the database and in Valkey, where all processes share them."""
    if request.param == "database":
        yield lambda: None
        return
    url = valkey_url()
    async with valkey_prefix() as prefix:
        yield partial(Windows, url, prefix=prefix)
