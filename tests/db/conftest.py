"""Databases that have no schema yet: the tests here are about making it."""

import uuid
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.stores import NewDatabaseUrl, postgres_schemas, postgres_url


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def new_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[NewDatabaseUrl]:
    """Runs the test on each kind of database; makes as many as it asks for, with nothing in them."""
    if request.param == "postgresql":
        async with postgres_schemas(postgres_url()) as new:
            yield new
        return

    async def new_file() -> str:
        return f"sqlite:///{tmp_path / uuid.uuid4().hex}.sqlite3"

    yield new_file
