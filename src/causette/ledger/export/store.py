"""What the exports read, in the order of time and in portions: a million rows are never in memory at once."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from causette.db import Database
from causette.ledger.machines.store import bookings, periods
from causette.ledger.machines.types import Booking, Period
from causette.ledger.tables import postings, prices, requests

_AT_ONCE: Final = 5_000

# Written out, not bound: SQLite uses an index of some rows only where it sees that these are the ones wanted.
_SETTLED: Final = sa.text("state = 'settled'")
_NO_SETTLEMENT: Final = sa.text("kind <> 'settle'")
_IS_SETTLED: Final = sa.text("ledger_requests.state = 'settled'")
_IS_NO_SETTLEMENT: Final = sa.text("ledger_postings.kind <> 'settle'")

# Read by here only, and so indexed here: requests by their end, and the few postings that settle no request.
sa.Index(None, requests.c.finished_at, requests.c.id, sqlite_where=_SETTLED, postgresql_where=_SETTLED)
sa.Index(
    None, postings.c.posted_at, postings.c.id, sqlite_where=_NO_SETTLEMENT, postgresql_where=_NO_SETTLEMENT
)

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledRequest:
    """A request that was settled, with the price it was charged by, as JSON."""

    id: str
    created_at: datetime
    finished_at: datetime
    payer_id: str
    user_id: str
    workspace_id: str | None
    key_id: str | None
    plan_id: str
    surface: str
    purpose: str
    model: str
    deployment: str | None
    machine: str | None
    offer: str
    price_id: str
    price: str
    outcome: str
    usage_source: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    images: int
    audio_seconds: int
    list_nano: int
    charge_nano: int
    cost_nano: int
    compute_ns: int
    energy_uj: int
    energy_method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A change to what a settled request was charged: ``nano`` more, or less where it is negative."""

    id: int
    posted_at: datetime
    nano: int
    memo: str
    request_id: str
    payer_id: str
    user_id: str
    model: str
    offer: str


@dataclass(frozen=True, slots=True)
class IdlePeriod:
    """A period of a machine, and when its idle time was posted."""

    id: int
    posted_at: datetime
    period: Period


async def settled_requests(
    database: Database, start: datetime, end: datetime, *, after: tuple[datetime, str] | None = None
) -> AsyncGenerator[list[SettledRequest]]:
    """The requests settled from ``start`` on and before ``end``, by their end and id; after a place among them."""
    columns = [
        prices.c.document.label("price") if name == "price" else requests.c[name]
        for name in SettledRequest.__dataclass_fields__
    ]
    query = (
        sa.select(*columns)
        .join(prices, prices.c.id == requests.c.price_id)
        .where(_IS_SETTLED, requests.c.finished_at < end)
        .order_by(requests.c.finished_at, requests.c.id)
    )
    place = (requests.c.finished_at, requests.c.id)
    async for rows in _portions(
        database,
        query,
        place,
        start,
        after,
        make=lambda row: SettledRequest(**row),
        place_of=lambda item: (item.finished_at, item.id),
    ):
        yield rows


async def count_settled(database: Database, start: datetime, end: datetime) -> int:
    """How many requests were settled from ``start`` on and before ``end``."""
    query = sa.select(sa.func.count()).where(
        _IS_SETTLED, requests.c.finished_at >= start, requests.c.finished_at < end
    )
    async with database.read() as connection:
        return (await connection.execute(query)).scalar_one()


async def corrections(database: Database, start: datetime, end: datetime) -> AsyncGenerator[list[Correction]]:
    """The corrections of charges from ``start`` on and before ``end``."""
    columns = [
        (-postings.c.amount_nano).label("nano")
        if name == "nano"
        else (postings if name in {"id", "posted_at", "memo", "request_id"} else requests).c[name]
        for name in Correction.__dataclass_fields__
    ]
    query = (
        sa.select(*columns)
        .join(requests, requests.c.id == postings.c.request_id)
        .where(
            _IS_NO_SETTLEMENT,
            postings.c.kind == "correction",
            postings.c.account.startswith("revenue:"),
            postings.c.posted_at < end,
        )
        .order_by(postings.c.posted_at, postings.c.id)
    )
    async for rows in _portions(
        database,
        query,
        (postings.c.posted_at, postings.c.id),
        start,
        None,
        make=lambda row: Correction(**row),
        place_of=lambda item: (item.posted_at, item.id),
    ):
        yield rows


async def training_bookings(
    database: Database, start: datetime, end: datetime
) -> AsyncGenerator[list[Booking]]:
    """What training took of machines that was posted from ``start`` on and before ``end``."""
    names = tuple(Booking.__dataclass_fields__)
    place = (bookings.c.posted_at, bookings.c.id)
    query = (
        sa.select(bookings.c.id, *(bookings.c[name] for name in names))
        .where(bookings.c.posted_at < end)
        .order_by(*place)
    )
    async for rows in _portions(
        database,
        query,
        place,
        start,
        None,
        make=lambda row: (row["id"], Booking(**{name: row[name] for name in names})),
        place_of=lambda item: (item[1].posted_at, item[0]),
    ):
        yield [booking for _, booking in rows]


async def idle_periods(
    database: Database, start: datetime, end: datetime
) -> AsyncGenerator[list[IdlePeriod]]:
    """The machines' periods whose idle time was posted from ``start`` on and before ``end``."""
    names = tuple(Period.__dataclass_fields__)
    query = (
        sa.select(postings.c.id, postings.c.posted_at, *(periods.c[name] for name in names))
        .join(periods, periods.c.entry_id == postings.c.entry_id)
        .where(
            _IS_NO_SETTLEMENT,
            postings.c.kind == "idle",
            postings.c.account.startswith("idle:"),
            postings.c.posted_at < end,
        )
        .order_by(postings.c.posted_at, postings.c.id)
    )
    async for rows in _portions(
        database,
        query,
        (postings.c.posted_at, postings.c.id),
        start,
        None,
        make=lambda row: IdlePeriod(
            row["id"], row["posted_at"], Period(**{name: row[name] for name in names})
        ),
        place_of=lambda item: (item.posted_at, item.id),
    ):
        yield rows


async def _portions(
    database: Database,
    query: sa.Select[Any],
    place: tuple[sa.Column[Any], sa.Column[Any]],
    start: datetime,
    after: tuple[datetime, str | int] | None,
    *,
    make: Callable[[sa.RowMapping], R],
    place_of: Callable[[R], tuple[datetime, str | int]],
) -> AsyncGenerator[list[R]]:
    """The rows of ``query`` from ``start`` on, a portion a transaction: a long one would hinder the writers."""
    while True:
        beyond = place[0] >= start
        if after is not None:
            beyond = sa.and_(place[0] >= after[0], sa.or_(place[0] > after[0], place[1] > after[1]))
        async with database.read() as connection:
            found = (await connection.execute(query.where(beyond).limit(_AT_ONCE))).mappings()
            rows = [make(row) for row in found]
        if rows:
            yield rows
        if len(rows) < _AT_ONCE:
            return
        after = place_of(rows[-1])
