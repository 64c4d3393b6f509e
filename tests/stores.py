"""Databases for tests: every store is tested on SQLite and on PostgreSQL, each test on a database of its own.

Set ``CAUSETTE_TEST_POSTGRES_URL`` to a PostgreSQL database in which schemas may be created, e.g.
``postgresql://postgres@127.0.0.1:5432/test``.
"""

import os
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from causette.db import Database

_POSTGRES_VARIABLE = "CAUSETTE_TEST_POSTGRES_URL"

#: Makes a new, empty database each time it is awaited, and says its URL.
NewDatabaseUrl = Callable[[], Awaitable[str]]


def postgres_url() -> str:
    """Where the tests' PostgreSQL is. Skips the test when nobody said, and fails it when ``CI=true``."""
    url = os.environ.get(_POSTGRES_VARIABLE)
    if url:
        return url
    reason = f"{_POSTGRES_VARIABLE} is not set, so nothing is tested on PostgreSQL"
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


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def new_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[NewDatabaseUrl]:
    """Runs the test on each kind of database; makes as many empty ones as it asks for."""
    if request.param == "postgresql":
        async with postgres_schemas(postgres_url()) as new:
            yield new
        return

    async def new_file() -> str:
        return f"sqlite:///{tmp_path / uuid.uuid4().hex}.sqlite3"

    yield new_file


@pytest_asyncio.fixture
async def database_url(new_database_url: NewDatabaseUrl) -> str:
    """The URL of an empty database without a schema."""
    return await new_database_url()


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncGenerator[Database]:
    """An empty database with the newest schema."""
    async with Database.from_url(database_url) as database:
        await database.upgrade()
        yield database
