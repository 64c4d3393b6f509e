"""What training takes of a machine is posted once, however often and by whomever it is said."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest_asyncio
import sqlalchemy as sa

from causette.db import Database
from causette.ledger.energy import EnergyMeter
from causette.ledger.machines.store import periods, training
from causette.ledger.machines.training import TrainingMeter
from causette.ledger.verify import verify
from tests.ledger.books import MACHINE, Books, open_books

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
    (problem,) = (await verify(books.database)).problems
    assert (problem.check, problem.what, problem.off_by) == (
        "training is posted as it was noted",
        "training try_1",
        -7,
    )
