"""The tables of machines, and every query on them. Each function runs inside the caller's transaction."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.db import UtcMicroseconds, metadata
from causette.ledger.machines.types import Period
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
    sa.Column("idle_nano", sa.BigInteger, nullable=False),
    sa.Column("idle_uj", sa.BigInteger, nullable=False),
    sa.Column("entry_id", sa.Text, nullable=False),
    sa.Index(None, "ended_at"),
)


@dataclass(frozen=True, slots=True)
class Billed:
    """How far a machine is billed, when it was last known to run, and the carried part of a nano-dollar."""

    billed_until: datetime
    seen_at: datetime
    carry: int


async def lock_machine(connection: AsyncConnection, name: str, *, at: datetime) -> Billed:
    """How far a machine is billed: to the instant ``at`` if it was never seen before.

    The row is nobody else's until the transaction ends, so that a minute is billed once by however many processes.
    """
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = (
        dialect.insert(machines)
        .values(name=name, billed_until=at, seen_at=at, carry=0)
        .on_conflict_do_update(index_elements=[machines.c.name], set_={"name": machines.c.name})
        .returning(machines.c.billed_until, machines.c.seen_at, machines.c.carry)
    )
    return Billed(*(await connection.execute(statement)).one())


async def keep_machine(connection: AsyncConnection, name: str, billed: Billed) -> None:
    """Note how far a machine, whose row is locked, is billed."""
    await connection.execute(sa.update(machines).where(machines.c.name == name).values(**asdict(billed)))


async def balance(connection: AsyncConnection, account: str) -> int:
    """The balance of an account of the book of costs."""
    query = sa.select(balances.c.amount_nano).where(balances.c.book == "cost", balances.c.account == account)
    return (await connection.execute(query)).scalar_one_or_none() or 0


async def insert_period(connection: AsyncConnection, period: Period) -> None:
    """Keep a closed period."""
    await connection.execute(sa.insert(periods).values(**asdict(period)))
