"""What training takes of a machine is posted once, however often and by whomever it is said."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import pytest_asyncio
import sqlalchemy as sa

from causette.db import Database
from causette.ledger.energy import EnergyMeter
from causette.ledger.machines.store import bookings, periods, training
from causette.ledger.machines.training import TrainingMeter
from causette.ledger.usage import UsageReports
from causette.ledger.verify import verify
from tests.ledger.books import MACHINE, START, Books, open_books

SECOND = 1_000_000_000


@pytest_asyncio.fixture
async def books(database: Database) -> AsyncGenerator[Books]:
    async with open_books(database) as books:
        yield books
        await books.meter.close()


def meter(books: Books, tmp_path: Path) -> TrainingMeter:
    energy = EnergyMeter((MACHINE,), own=MACHINE.name, powercap=tmp_path)
    return TrainingMeter(books.database, books.meter, energy, machine=MACHINE.name, clock=books.clock)


async def test_what_is_said_twice_or_late_is_posted_once(books: Books, tmp_path: Path) -> None:
    one, other = meter(books, tmp_path), meter(books, tmp_path)
    await one.book("try_1", "run", 10 * SECOND)
    await one.book("try_1", "run", 10 * SECOND)
    # Whoever finds what a killed process said last, and whoever is late with what it said before.
    await asyncio.gather(*(each.book("try_1", "run", 25 * SECOND) for each in (one, other)))
    await other.book("try_1", "run", 15 * SECOND)
    await other.book("try_2", "run", 5 * SECOND)
    await other.book("try_3", "another", SECOND)
    cost = MACHINE.cost(25 * SECOND) + MACHINE.cost(5 * SECOND)
    assert await one.cost_of("run") == cost > 0
    assert await one.cost_of("nothing") == 0
    assert await books.sum("cost", "training:") == cost + MACHINE.cost(SECOND)
    assert (await verify(books.database)).problems == ()


async def test_a_machines_bill_is_requests_training_and_idle_time(books: Books, tmp_path: Path) -> None:
    await books.meter.open()
    await books.ask(compute_ns=3 * SECOND)
    await meter(books, tmp_path).book("try_1", "run", 60 * SECOND)
    books.clock.pass_(hours=1)
    await books.meter.tick()
    async with books.database.read() as connection:
        (period,) = (await connection.execute(sa.select(periods))).mappings()
        (row,) = (await connection.execute(sa.select(training))).mappings()
    trained = await books.sum("cost", "training:")
    assert period["allocated_nano"] == await books.sum("cost", "requests:") + trained
    assert period["bill_nano"] == period["allocated_nano"] + period["idle_nano"]
    assert (row["cost_nano"], row["energy_method"]) == (trained, "tdp")
    assert row["energy_uj"] > 0
    assert (await verify(books.database)).problems == ()


async def test_what_is_posted_otherwise_than_it_was_noted_is_found(books: Books, tmp_path: Path) -> None:
    await meter(books, tmp_path).book("try_1", "run", 60 * SECOND)
    await books.run(sa.update(training).values(cost_nano=training.c.cost_nano + 7))
    problems = (await verify(books.database)).problems
    assert {problem.check for problem in problems} == {"training is posted as it was noted"}
    assert [(problem.what, problem.off_by) for problem in problems] == [
        ("training try_1", -7),
        ("training try_1, by its bookings", -7),
    ]


async def test_each_booking_is_kept_with_its_time_and_its_energy(books: Books, tmp_path: Path) -> None:
    books.clock.pass_(hours=1)
    training_meter = meter(books, tmp_path)
    await training_meter.book("try_1", "run", 10 * SECOND)
    books.clock.pass_(minutes=1)
    await training_meter.book("try_1", "run", 25 * SECOND)
    async with books.database.read() as connection:
        first, second = (await connection.execute(sa.select(bookings).order_by(bookings.c.id))).mappings()
        (row,) = (await connection.execute(sa.select(training))).mappings()
    assert (first["compute_ns"], second["compute_ns"]) == (10 * SECOND, 15 * SECOND)
    assert first["posted_at"] - first["started_at"] == timedelta(seconds=10)
    assert (second["started_at"], second["posted_at"]) == (first["posted_at"], books.clock.now)
    for name in ("compute_ns", "energy_uj", "cost_nano"):
        assert first[name] + second[name] == row[name] > 0


async def test_what_is_not_what_its_bookings_say_is_found(books: Books, tmp_path: Path) -> None:
    await books.meter.open()
    await meter(books, tmp_path).book("try_1", "run", 60 * SECOND)
    books.clock.pass_(hours=1)
    await books.meter.tick()
    await books.run(sa.update(bookings).values(cost_nano=bookings.c.cost_nano - 3))
    await books.run(sa.update(periods).values(training_nano=periods.c.training_nano + 5))
    assert [(problem.what, problem.off_by) for problem in (await verify(books.database)).problems] == [
        ("training try_1, by its bookings", -3),
        (f"machine {MACHINE.name}, training", 5),
    ]


async def test_what_a_machine_was_billed_for_is_told_apart(books: Books, tmp_path: Path) -> None:
    await books.meter.open()
    await books.ask(compute_ns=3 * SECOND)
    await meter(books, tmp_path).book("try_1", "run", 60 * SECOND)
    books.clock.pass_(hours=1)
    await books.meter.tick()
    middle = books.clock.now
    # Booked in one period, and billed with the next.
    await meter(books, tmp_path).book("try_1", "run", 90 * SECOND)
    books.clock.pass_(hours=1)
    await books.meter.tick()
    reports = UsageReports(books.database)
    (whole,) = await reports.machines(START, books.clock.now)
    (first,), (second,) = (
        await reports.machines(START, middle),
        await reports.machines(middle, books.clock.now),
    )
    assert (first.training_nano, second.training_nano) == (
        MACHINE.cost(60 * SECOND),
        MACHINE.cost(90 * SECOND) - MACHINE.cost(60 * SECOND),
    )
    assert (first.requests_nano, second.requests_nano) == (MACHINE.cost(3 * SECOND), 0)
    for row in (first, second, whole):
        assert row.requests_nano + row.training_nano + row.idle_nano == row.bill_nano > 0
    assert whole.bill_nano == -await books.sum("cost", "bill:")
    assert whole.training_nano == await books.sum("cost", "training:")
    assert whole.requests_nano == await books.sum("cost", "requests:")
    assert whole.training_ns == 90 * SECOND
    assert whole.training_uj > 0
    assert (await verify(books.database)).problems == ()
