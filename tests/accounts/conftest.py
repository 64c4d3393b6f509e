"""Accounts on a database of each kind, with a clock that tests turn and passwords that hash quickly."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from causette.accounts import Accounts, Caller
from causette.accounts.passwords import Passwords
from causette.db import Database

PASSWORD = "seven quiet otters"


class Clock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def turn(self, by: timedelta) -> None:
        self.now += by


def quick_passwords() -> Passwords:
    return Passwords(memory_kib=64, passes=1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def accounts(database: Database, clock: Clock) -> AsyncGenerator[Accounts]:
    accounts = Accounts(database, passwords=quick_passwords(), now=clock)
    yield accounts
    await accounts.close()


@pytest_asyncio.fixture
async def ada(accounts: Accounts) -> Caller:
    return Caller(user=await accounts.create_user(name="Ada", email="ada@example.org", password=PASSWORD))


@pytest_asyncio.fixture
async def bob(accounts: Accounts) -> Caller:
    return Caller(user=await accounts.create_user(name="Bob", email="bob@example.org", password=PASSWORD))


@pytest_asyncio.fixture
async def elsewhere(database_url: str, accounts: Accounts, clock: Clock) -> AsyncGenerator[Accounts]:
    """The same accounts as another process sees them: nothing is shared but the database."""
    async with Database.from_url(database_url) as database:
        other = Accounts(database, passwords=quick_passwords(), now=clock)
        yield other
        await other.close()
