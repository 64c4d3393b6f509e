"""Plans on a database of each kind, with real books beneath and a clock that tests turn."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from causette.accounts import Caller, User
from causette.db import Database
from causette.ids import new_id
from causette.ledger.service import Ledger
from causette.plans import Plans
from causette.plans.billing import Recipient

#: What most tests sell: round prices, a plan with seats, one with a trial, one that is paid by the token.
SELLING = """
default_plan = "free"
payment_days = 10
grace_days = 5

[plan.basic]
models = ["*"]
features = []
weight = 2
included = { everything = true }
prices = [{ from = 2024-01-01, monthly = "10.00" }, { from = 2026-06-01, monthly = "15.00" }]
seats = { min = 1, max = 100 }

[plan.tried]
models = ["*"]
weight = 2
included = { everything = true }
trial_days = 7
prices = [{ from = 2024-01-01, monthly = "5.00" }]
"""


class Clock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass(frozen=True)
class Shop:
    """Plans that are sold, the books, the owner's file and the clock."""

    plans: Plans
    ledger: Ledger
    file: Path
    clock: Clock
    database: Database


def a_caller(name: str = "ada", **more: object) -> Caller:
    user = User(
        id=new_id("user"),
        email=f"{name}@example.org",
        name=name.title(),
        role="member",
        locale=None,
        theme="system",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return Caller(user=user, **more)  # type: ignore[arg-type]


async def ada_lovelace(payer_id: str) -> Recipient:
    return Recipient(name="Ada <Lovelace>", email="ada@example.org")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def shop(database: Database, clock: Clock, tmp_path: Path) -> AsyncGenerator[Shop]:
    file = tmp_path / "plans.toml"
    file.write_text(SELLING)
    ledger = Ledger(database, clock=clock)
    await ledger.open()
    plans = Plans(database, ledger, ada_lovelace, owner_file=file, now=clock)
    yield Shop(plans, ledger, file, clock, database)
    await plans.close()
    await ledger.close()


@pytest.fixture
def ada() -> Caller:
    return a_caller("ada")
