"""The queries on usage: one statement each, by an index on the time or on whose requests they are."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.db import UtcMicroseconds
from causette.ledger.machines.store import bookings, periods
from causette.ledger.tables import balances, postings, prices, requests
from causette.ledger.types import Book
from causette.ledger.usage.types import (
    Balance,
    Group,
    MachineRow,
    RecentRequest,
    RequestAccount,
    RequestPosting,
    Scope,
    UsageRow,
)

_PRICE: Final = msgspec.json.Decoder(dict[str, int])

_SUMMED: Final = tuple(
    name for name in UsageRow.__dataclass_fields__ if name not in {"start", "group", "requests"}
)
_GROUPS: Final[dict[Group, sa.Column[Any]]] = {
    "model": requests.c.model,
    "key": requests.c.key_id,
    "user": requests.c.user_id,
    "plan": requests.c.plan_id,
    "workspace": requests.c.workspace_id,
}


async def sums(
    connection: AsyncConnection,
    scope: Scope,
    start: datetime,
    end: datetime,
    *,
    width_us: int | None,
    group_by: Group | None,
) -> list[UsageRow]:
    """What was settled of the requests that began from ``start`` on and before ``end``, by time and then by group.

    ``width_us`` cuts time into stretches of so many microseconds since 1970.
    """
    began = sa.type_coerce(requests.c.created_at, sa.BigInteger)
    nothing: sa.ColumnElement[Any] = sa.null()
    stretch = nothing if width_us is None else began - began % width_us
    group = nothing if group_by is None else _GROUPS[group_by]
    keys = [key for key in (stretch, group) if key is not nothing]
    query = (
        sa.select(
            sa.type_coerce(stretch, UtcMicroseconds).label("start"),
            sa.type_coerce(group, sa.Text).label("group"),
            sa.func.count().label("requests"),
            *(_sum(requests.c[name]).label(name) for name in _SUMMED),
        )
        .where(requests.c.state == "settled", *_within(scope, start, end))
        .group_by(*keys)
        .order_by(*(key.nulls_last() for key in keys))
    )
    if not keys:
        query = query.having(sa.func.count() > 0)
    return [UsageRow(**row) for row in (await connection.execute(query)).mappings()]


async def latest(
    connection: AsyncConnection, scope: Scope, *, before: tuple[datetime, str] | None, limit: int
) -> list[RecentRequest]:
    """The newest requests, or the newest of those before a place among them."""
    columns = (requests.c[name] for name in RecentRequest.__dataclass_fields__)
    query = sa.select(*columns).where(requests.c.state != "released", *_matching(scope))
    if before is not None:
        began, request_id = before
        query = query.where(
            requests.c.created_at <= began,
            sa.or_(requests.c.created_at < began, requests.c.id < request_id),
        )
    query = query.order_by(requests.c.created_at.desc(), requests.c.id.desc()).limit(limit)
    return [RecentRequest(**row) for row in (await connection.execute(query)).mappings()]


async def account_of(connection: AsyncConnection, request_id: str) -> RequestAccount | None:
    """One request's row, its price and its postings in the order of their making."""
    query = (
        sa.select(requests, prices.c.document)
        .join(prices, prices.c.id == requests.c.price_id)
        .where(requests.c.id == request_id)
    )
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        return None
    own = RequestAccount.__dataclass_fields__.keys() - {"request", "price", "postings"}
    columns = (postings.c[name] for name in RequestPosting.__dataclass_fields__)
    entries = await connection.execute(
        sa.select(*columns).where(postings.c.request_id == request_id).order_by(postings.c.id)
    )
    return RequestAccount(
        request=RecentRequest(**{name: row[name] for name in RecentRequest.__dataclass_fields__}),
        price=_PRICE.decode(row["document"]),
        postings=tuple(RequestPosting(**entry) for entry in entries.mappings()),
        **{name: row[name] for name in own},
    )


async def machine_sums(connection: AsyncConnection, start: datetime, end: datetime) -> list[MachineRow]:
    """The sums of each machine's periods that ended after ``start`` and by ``end``."""
    taken = (
        sa.select(
            bookings.c.machine,
            _sum(bookings.c.compute_ns).label("training_ns"),
            _sum(bookings.c.energy_uj).label("training_uj"),
        )
        .where(bookings.c.posted_at > start, bookings.c.posted_at <= end)
        .group_by(bookings.c.machine)
        .subquery()
    )
    amounts = ("bill_nano", "allocated_nano", "training_nano", "idle_nano", "idle_uj")
    efforts = ("training_ns", "training_uj")
    query = (
        sa.select(
            periods.c.machine,
            *(_sum(periods.c[name]).label(name) for name in amounts),
            _sum(periods.c.allocated_nano - periods.c.training_nano).label("requests_nano"),
            *(sa.func.coalesce(sa.func.max(taken.c[name]), 0).label(name) for name in efforts),
        )
        .outerjoin(taken, taken.c.machine == periods.c.machine)
        .where(periods.c.ended_at > start, periods.c.ended_at <= end)
        .group_by(periods.c.machine)
        .order_by(periods.c.machine)
    )
    return [MachineRow(**row) for row in (await connection.execute(query)).mappings()]


async def balances_of(connection: AsyncConnection, book: Book | None, account: str) -> list[Balance]:
    """The balances of the accounts that begin with ``account``, of one book or of both."""
    query = sa.select(balances).where(balances.c.account.startswith(account, autoescape=True))
    if book is not None:
        query = query.where(balances.c.book == book)
    rows = await connection.execute(query.order_by(balances.c.book, balances.c.account))
    return [Balance(**row) for row in rows.mappings()]


def _within(scope: Scope, start: datetime, end: datetime) -> Iterable[sa.ColumnElement[bool]]:
    return (requests.c.created_at >= start, requests.c.created_at < end, *_matching(scope))


def _matching(scope: Scope) -> Iterable[sa.ColumnElement[bool]]:
    for name in Scope.__dataclass_fields__:
        wanted: str | None = getattr(scope, name)
        if wanted is not None:
            yield requests.c[name] == wanted


def _sum(column: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    # PostgreSQL's sum of 64-bit integers is a decimal number.
    return sa.cast(sa.func.sum(column), sa.BigInteger)
