"""A machine's bill is what was allocated plus what stood idle, to the nano-dollar, whoever bills it and how often."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from causette.db import Database
from causette.errors import ConfigurationError
from causette.ledger.machines import Machine, MachineMeter, machines_of
from causette.ledger.machines.store import machines, periods
from causette.ledger.machines.types import Period, bill, days, idle_energy
from causette.settings import Settings
from tests.ledger.books import MACHINE, START, Books, Clock, open_books

HOUR = timedelta(hours=1)


@pytest_asyncio.fixture
async def books(database: Database) -> AsyncGenerator[Books]:
    async with open_books(database) as books:
        yield books
        await books.meter.close()


async def periods_in(books: Books) -> list[Period]:
    async with books.database.read() as connection:
        found = await connection.execute(sa.select(periods).order_by(periods.c.machine, periods.c.started_at))
        return [Period(**row) for row in found.mappings()]


async def closes(books: Books) -> None:
    """Check that the whole book of costs adds up."""
    found = await periods_in(books)
    assert all(item.bill_nano == item.allocated_nano + item.idle_nano for item in found)
    assert await books.sum("cost", "machine:", kind="machine_bill") == sum(item.bill_nano for item in found)
    assert await books.sum("cost", "idle:") == sum(item.idle_nano for item in found)
    assert await books.sum("cost", "bill:") == -sum(item.bill_nano for item in found)
    assert await books.sum("cost", "machine:", "bill:", "idle:", "requests:") == 0


async def wake(books: Books) -> None:
    """Begin to bill, with a pulse that is the test's own."""
    await books.meter.open()
    assert books.meter._ticking is not None
    books.meter._ticking.cancel()


@settings(max_examples=60, deadline=None)
@given(
    rate=st.integers(0, 10**15),
    walls=st.lists(st.integers(0, 10**11), min_size=1, max_size=200),
)
def test_no_fraction_is_lost_however_time_is_cut(rate: int, walls: list[int]) -> None:
    carry, billed = 0, 0
    for wall in walls:
        nano, carry = bill(rate, timedelta(microseconds=wall), carry)
        billed += nano
    whole, rest = bill(rate, timedelta(microseconds=sum(walls)), 0)
    assert (billed, carry) == (whole, rest)


def test_a_million_periods_do_not_drift() -> None:
    rate, wall, carry, billed = 99_999_999, timedelta(microseconds=60_000_001), 0, 0
    for _ in range(1_000_000):
        nano, carry = bill(rate, wall, carry)
        billed += nano
    assert billed == rate * 60_000_001 * 1_000_000 // 3_600_000_000


@given(st.integers(0, 10**15), st.lists(st.integers(0, 10**15), max_size=20))
def test_rounding_never_allocates_more_than_the_time_costs(rate: int, shares: list[int]) -> None:
    machine = Machine(name="m", nano_per_hour=rate)
    allocated = sum(machine.cost(share) for share in shares)
    assert allocated <= machine.cost(sum(shares)) <= allocated + len(shares)


def test_a_day_ends_at_midnight_in_utc() -> None:
    start, end = datetime(2026, 1, 31, 23, 59, tzinfo=UTC), datetime(2026, 2, 2, 0, 0, 1, tzinfo=UTC)
    cut = list(days(start, end))
    assert [stop - begin for begin, stop in cut] == [
        timedelta(minutes=1),
        timedelta(days=1),
        timedelta(seconds=1),
    ]
    assert (cut[0][0], cut[-1][1]) == (start, end)
    assert list(days(start, start)) == []


def test_idle_energy_is_that_of_the_idle_part() -> None:
    kilojoules_72 = idle_energy(MACHINE, HOUR, bill_nano=100, idle_nano=100)
    assert kilojoules_72 == 72_000_000_000
    assert idle_energy(MACHINE, HOUR, bill_nano=100, idle_nano=25) == kilojoules_72 // 4
    assert idle_energy(MACHINE, HOUR, bill_nano=100, idle_nano=-1) == 0
    assert idle_energy(MACHINE, HOUR, bill_nano=0, idle_nano=0) == kilojoules_72
    assert idle_energy(Machine(name="m", nano_per_hour=1), HOUR, bill_nano=1, idle_nano=1) == 0


async def test_what_requests_do_not_take_is_idle(books: Books) -> None:
    await wake(books)
    for _ in range(3):
        await books.ask(compute_ns=1_234_567_890)
    books.clock.now = START + HOUR
    await books.meter.tick()
    (period,) = await periods_in(books)
    assert (period.started_at, period.ended_at) == (START, START + HOUR)
    assert period.bill_nano == 100_000_000
    assert period.allocated_nano == 3 * MACHINE.cost(1_234_567_890) == await books.sum("cost", "requests:")
    await closes(books)
    assert await books.sum("cost", "machine:") == 0


async def test_a_minute_with_work_is_closed_and_idle_ones_are_closed_by_the_hour(books: Books) -> None:
    await wake(books)
    for minute in range(1, 121):
        if minute == 30:
            await books.ask()
        books.clock.now = START + timedelta(minutes=minute, seconds=2)
        await books.meter.tick()
    ends = [(item.ended_at - START) // timedelta(minutes=1) for item in await periods_in(books)]
    assert ends == [30, 60, 120]
    await closes(books)


async def test_time_settled_late_belongs_to_the_period_it_is_settled_in(books: Books) -> None:
    await wake(books)
    books.clock.pass_(hours=1)
    await books.meter.tick()
    # It began in the hour before, and took longer than this period is.
    await books.ask(compute_ns=1_800_000_000_000)
    books.clock.pass_(minutes=1)
    await books.meter.tick()
    before, after = await periods_in(books)
    assert before.idle_nano == 100_000_000
    assert after.idle_nano < 0
    await closes(books)


async def test_stopping_bills_to_the_microsecond_and_a_restart_goes_on_there(books: Books) -> None:
    await wake(books)
    books.clock.pass_(seconds=90, microseconds=7)
    stopped = books.clock.now
    await books.meter.close()
    books.clock.pass_(seconds=20)
    await wake(books)
    books.clock.pass_(seconds=40)
    await books.meter.close()
    first, second = await periods_in(books)
    assert first.ended_at == second.started_at == stopped
    assert first.bill_nano + second.bill_nano == bill(100_000_000, books.clock.now - START, 0)[0]
    await closes(books)


async def test_time_in_which_nothing_ran_is_not_billed(books: Books, database: Database) -> None:
    await wake(books)
    books.clock.pass_(minutes=10)
    await books.meter.tick()
    # Killed: nobody closes. The next day somebody starts it again.
    books.clock.pass_(hours=20)
    again = MachineMeter(database, (MACHINE,), clock=books.clock)
    await again.open()
    books.clock.pass_(minutes=5)
    await again.close()
    killed, later = await periods_in(books)
    assert killed.ended_at - killed.started_at == timedelta(minutes=10)
    assert later.ended_at - later.started_at == timedelta(minutes=5)
    await closes(books)


async def test_a_bill_falls_into_the_month_of_its_time(books: Books) -> None:
    books.clock.now = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
    await wake(books)
    books.clock.now = datetime(2026, 2, 1, 0, 0, 1, tzinfo=UTC)
    await books.meter.tick()
    async with books.database.read() as connection:
        posted = (
            await connection.execute(sa.text("SELECT DISTINCT posted_at FROM ledger_postings"))
        ).scalars()
        assert list(posted) == [int(datetime(2026, 2, 1, tzinfo=UTC).timestamp() * 1e6) - 1]


async def test_a_clock_that_is_set_back_bills_nothing_twice(books: Books) -> None:
    await wake(books)
    books.clock.pass_(hours=2)
    await books.meter.tick()
    books.clock.pass_(hours=-1)
    await books.meter.tick()
    books.clock.pass_(hours=2)
    await books.meter.tick()
    assert sum(item.bill_nano for item in await periods_in(books)) == 300_000_000
    await closes(books)


async def test_a_free_machine_has_periods_and_no_postings(database: Database) -> None:
    clock = Clock()
    meter = MachineMeter(database, (Machine(name="free", nano_per_hour=0),), clock=clock)
    await meter.open()
    clock.pass_(minutes=7)
    await meter.close()
    async with database.read() as connection:
        assert (await connection.execute(sa.select(periods.c.bill_nano))).scalars().all() == [0]
        assert (await connection.execute(sa.text("SELECT count(*) FROM ledger_postings"))).scalar_one() == 0


async def test_many_processes_bill_a_minute_once(books: Books, database_url: str) -> None:
    others = [Database.from_url(database_url) for _ in range(4)]
    meters = [MachineMeter(other, (MACHINE,), clock=books.clock) for other in others]
    await asyncio.gather(*(meter.open() for meter in meters))
    for _ in range(65):
        await books.ask(compute_ns=700_000_001)
        books.clock.pass_(minutes=1)
        await asyncio.gather(*(meter.tick() for meter in meters), *(books.ask() for _ in range(3)))
    await asyncio.gather(*(meter.close() for meter in meters))
    for other in others:
        await other.close()
    found = await periods_in(books)
    assert len({item.started_at for item in found}) == len(found)
    assert [item.started_at for item in found[1:]] == [item.ended_at for item in found[:-1]]
    assert sum(item.bill_nano for item in found) == bill(100_000_000, found[-1].ended_at - START, 0)[0]
    await closes(books)


async def test_the_meter_beats_by_itself_and_survives_a_failure(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticked = asyncio.Event()
    meter = MachineMeter(
        database, (MACHINE,), clock=lambda: datetime(2026, 1, 1, 0, 0, 59, 990_000, tzinfo=UTC)
    )
    failures = iter((True, False))

    async def tick() -> None:
        if next(failures):
            raise RuntimeError("the database is away")
        ticked.set()

    monkeypatch.setattr(meter, "tick", tick)
    await meter.open()
    async with asyncio.timeout(10):
        await ticked.wait()
    await meter.close()


async def test_a_rate_may_change(books: Books, database: Database) -> None:
    await wake(books)
    books.clock.pass_(minutes=30)
    await books.meter.close()
    dearer = MachineMeter(
        database, (Machine(name=MACHINE.name, nano_per_hour=300_000_001),), clock=books.clock
    )
    await dearer.open()
    books.clock.pass_(minutes=30)
    await dearer.close()
    assert [item.bill_nano for item in await periods_in(books)] == [50_000_000, 150_000_000]
    async with database.read() as connection:
        assert (await connection.execute(sa.select(machines.c.carry))).scalar_one() == 1_800_000_000


def test_what_a_share_costs_is_rounded_down_and_unknown_machines_cost_nothing(tmp_path: Path) -> None:
    meter = MachineMeter(Database.from_url(f"sqlite:///{tmp_path}/none"), (MACHINE,))
    assert meter.cost_of(3_600_000_000_000, "this machine") == 100_000_000
    assert meter.cost_of(35_999, "this machine") == 0
    assert meter.cost_of(36_000, "this machine") == 1
    assert meter.cost_of(10**15, "elsewhere") == meter.cost_of(10**15, None) == 0


def test_machines_come_from_the_settings(tmp_path: Path) -> None:
    (tmp_path / "causette.toml").write_text(
        '[machine]\nname = "a1"\nusd_per_hour = 0.1\nwatts_busy = 65.5\n'
        '[[machines]]\nname = "gpu"\nusd_per_hour = "2.000000001"\n'
    )
    assert machines_of(Settings(data=tmp_path)) == (
        Machine(name="a1", nano_per_hour=100_000_000, milliwatts_busy=65_500),
        Machine(name="gpu", nano_per_hour=2_000_000_001),
    )
    assert machines_of(Settings(data=tmp_path / "other"))[0].name == "this machine"


def test_two_machines_of_one_name_are_refused(tmp_path: Path) -> None:
    rate = {"name": "this machine", "usd_per_hour": Decimal(1)}
    with pytest.raises(ConfigurationError, match="Two machines are called 'this machine'"):
        machines_of(Settings.model_validate({"data": tmp_path, "machines": [rate]}))
