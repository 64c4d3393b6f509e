"""The tables of machines, and every query on them. Each function runs inside the caller's transaction."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.db import UtcMicroseconds, metadata
from causette.ledger.machines.types import Booking, Period
from causette.ledger.tables import balances

#: How far each machine is billed. ``seen_at`` is when it was last known to run.
machines: Final = sa.Table(
    "ledger_machines",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("billed_until", UtcMicroseconds, nullable=False),
    sa.Column("seen_at", UtcMicroseconds, nullable=False),
    # See `types.bill`.
    sa.Column("carry", sa.BigInteger, nullable=False),
    # What training had been allocated when the machine was last billed.
    sa.Column("trained_nano", sa.BigInteger, nullable=False, server_default=sa.text("0")),
)

#: What was billed for which time, what of it was allocated, and what stood idle.
periods: Final = sa.Table(
    "ledger_machine_periods",
    metadata,
    sa.Column("machine", sa.Text, primary_key=True),
    sa.Column("started_at", UtcMicroseconds, primary_key=True),
    sa.Column("ended_at", UtcMicroseconds, nullable=False),
    sa.Column("nano_per_hour", sa.BigInteger, nullable=False),
    sa.Column("bill_nano", sa.BigInteger, nullable=False),
    sa.Column("allocated_nano", sa.BigInteger, nullable=False),
    # Part of what is allocated.
    sa.Column("training_nano", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    sa.Column("idle_nano", sa.BigInteger, nullable=False),
    sa.Column("idle_uj", sa.BigInteger, nullable=False),
    sa.Column("entry_id", sa.Text, nullable=False),
    sa.Index(None, "ended_at"),
)

#: What each process that trained has taken of its machine so far, and what of that is posted.
training: Final = sa.Table(
    "ledger_training",
    metadata,
    sa.Column("attempt", sa.Text, primary_key=True),
    # The run, or the job, that it was for.
    sa.Column("work", sa.Text, nullable=False),
    sa.Column("machine", sa.Text, nullable=False),
    sa.Column("compute_ns", sa.BigInteger, nullable=False),
    sa.Column("energy_uj", sa.BigInteger, nullable=False),
    sa.Column("energy_method", sa.Text, nullable=False),
    sa.Column("cost_nano", sa.BigInteger, nullable=False),
    sa.Column("noted_at", UtcMicroseconds, nullable=False),
    sa.Index(None, "work"),
    sa.Index(None, "noted_at"),
)

#: What was new each time that a process said what it had taken. Together they are its row of `training`.
bookings: Final = sa.Table(
    "ledger_training_bookings",
    metadata,
    # What makes SQLite number the rows is INTEGER; PostgreSQL's has to be wider.
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("attempt", sa.Text, nullable=False),
    sa.Column("work", sa.Text, nullable=False),
    sa.Column("machine", sa.Text, nullable=False),
    sa.Column("started_at", UtcMicroseconds, nullable=False),
    sa.Column("posted_at", UtcMicroseconds, nullable=False),
    sa.Column("compute_ns", sa.BigInteger, nullable=False),
    sa.Column("energy_uj", sa.BigInteger, nullable=False),
    sa.Column("energy_method", sa.Text, nullable=False),
    sa.Column("cost_nano", sa.BigInteger, nullable=False),
    sa.Index(None, "posted_at", "id"),
)


@dataclass(frozen=True, slots=True)
class Billed:
    """How far a machine is billed, when it was last known to run, and the carried part of a nano-dollar.

    ``trained_nano`` is what of its bills until then went to training.
    """

    billed_until: datetime
    seen_at: datetime
    carry: int
    trained_nano: int


@dataclass(frozen=True, slots=True)
class Trained:
    """What an attempt has taken of ``machine`` until ``noted_at``, and what that cost."""

    machine: str
    compute_ns: int
    energy_uj: int
    cost_nano: int
    noted_at: datetime


async def lock_machine(connection: AsyncConnection, name: str, *, at: datetime) -> Billed:
    """How far a machine is billed: to the instant ``at`` if it was never seen before.

    The row is nobody else's until the transaction ends, so that a minute is billed once by however many processes.
    """
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = (
        dialect.insert(machines)
        .values(name=name, billed_until=at, seen_at=at, carry=0, trained_nano=0)
        .on_conflict_do_update(index_elements=[machines.c.name], set_={"name": machines.c.name})
        .returning(machines.c.billed_until, machines.c.seen_at, machines.c.carry, machines.c.trained_nano)
    )
    return Billed(*(await connection.execute(statement)).one())


async def keep_machine(connection: AsyncConnection, name: str, billed: Billed) -> None:
    """Note how far a machine, whose row is locked, is billed."""
    await connection.execute(sa.update(machines).where(machines.c.name == name).values(**asdict(billed)))


async def allocated(connection: AsyncConnection, machine: str) -> tuple[int, int]:
    """What of a machine's time is allocated and not billed yet, and what training has been allocated since ever.

    In nano-dollars, both of one moment, while others settle.
    """
    accounts = f"machine:{machine}", f"training:{machine}"
    query = sa.select(balances.c.account, balances.c.amount_nano).where(
        balances.c.book == "cost", balances.c.account.in_(accounts)
    )
    found = dict((await connection.execute(query)).tuples().all())
    return -found.get(accounts[0], 0), found.get(accounts[1], 0)


async def insert_period(connection: AsyncConnection, period: Period) -> None:
    """Keep a closed period."""
    await connection.execute(sa.insert(periods).values(**asdict(period)))


async def lock_training(
    connection: AsyncConnection, attempt: str, *, work: str, machine: str, at: datetime
) -> Trained:
    """What is noted of an attempt, nothing if it is new. The row is nobody else's until the transaction ends."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = (
        dialect.insert(training)
        .values(
            attempt=attempt,
            work=work,
            machine=machine,
            compute_ns=0,
            energy_uj=0,
            energy_method="none",
            cost_nano=0,
            noted_at=at,
        )
        .on_conflict_do_update(index_elements=[training.c.attempt], set_={"attempt": training.c.attempt})
        .returning(*(training.c[name] for name in Trained.__dataclass_fields__))
    )
    return Trained(*(await connection.execute(statement)).one())


async def keep_training(connection: AsyncConnection, booking: Booking) -> None:
    """Add what is new to an attempt, whose row is locked."""
    kept = training.c
    await connection.execute(
        sa.update(training)
        .where(kept.attempt == booking.attempt)
        .values(
            compute_ns=kept.compute_ns + booking.compute_ns,
            energy_uj=kept.energy_uj + booking.energy_uj,
            energy_method=booking.energy_method,
            cost_nano=kept.cost_nano + booking.cost_nano,
            noted_at=booking.posted_at,
        )
    )
    await connection.execute(sa.insert(bookings).values(**asdict(booking)))


async def trained_for(connection: AsyncConnection, work: str) -> int:
    """What all attempts at a piece of work have cost, in nano-dollars."""
    query = sa.select(sa.func.coalesce(sa.func.sum(training.c.cost_nano), 0)).where(training.c.work == work)
    return int((await connection.execute(query)).scalar_one())
