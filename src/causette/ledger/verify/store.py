"""What the checks of the books read. Each function runs inside the caller's transaction, which sees one moment."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.ledger.machines.store import bookings, machines, periods, training
from causette.ledger.machines.types import Period
from causette.ledger.tables import balances, counters, holders, postings, prices, requests
from causette.ledger.types import LASTING

_AT_ONCE: Final = 5_000


@dataclass(frozen=True, slots=True)
class Difference:
    """Two sums about ``what`` that ought to be the same. Nano-dollars."""

    what: str
    expected: int
    found: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """As much of a request as tells what it was charged, and what of which counter it holds or has used."""

    id: str
    state: str
    payer_id: str
    price_id: str
    price: str | None
    holds: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    images: int
    audio_seconds: int
    list_nano: int
    charge_nano: int


@dataclass(frozen=True, slots=True)
class CounterRow:
    """A counter as it is kept. ``window`` is when its window began, in microseconds since 1970."""

    counter: str
    window: int
    used: int
    held: int


async def see_one_moment(connection: AsyncConnection) -> None:
    """Let all that follows in this transaction see the same moment. SQLite does so anyway."""
    if connection.dialect.name == "postgresql":
        await connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


async def unbalanced_entries(connection: AsyncConnection) -> list[Difference]:
    """Entries that do not sum to zero in one of the books."""
    total = _sum(postings.c.amount_nano)
    query = (
        sa.select(postings.c.entry_id, postings.c.book, total)
        .group_by(postings.c.entry_id, postings.c.book)
        .having(total != 0)
        .order_by(postings.c.entry_id)
    )
    rows = (await connection.execute(query)).tuples()
    return [Difference(f"entry {entry_id}, book {book}", 0, found) for entry_id, book, found in rows]


async def wrong_balances(connection: AsyncConnection) -> list[Difference]:
    """Balances that are not the sum of their account's postings."""
    kept = sa.select(
        balances.c.book, balances.c.account, balances.c.amount_nano.label("kept"), _nothing("posted")
    )
    posted = sa.select(
        postings.c.book, postings.c.account, _nothing("kept"), postings.c.amount_nano.label("posted")
    )
    both = sa.union_all(kept, posted).subquery()
    sums = (_sum(both.c.posted), _sum(both.c.kept))
    query = (
        sa.select(both.c.book, both.c.account, *sums)
        .group_by(both.c.book, both.c.account)
        .having(sums[0] != sums[1])
        .order_by(both.c.book, both.c.account)
    )
    rows = (await connection.execute(query)).tuples()
    return [
        Difference(f"account {account}, book {book}", expected, found)
        for book, account, expected, found in rows
    ]


async def wrong_settlements(connection: AsyncConnection) -> list[Difference]:
    """Requests whose charge or cost is not what was posted when they were settled, on either side of the entry."""
    found: list[Difference] = []
    for book, amount, debit, credit in (
        ("charge", requests.c.charge_nano, ("customer:", "included:"), "revenue:"),
        ("cost", requests.c.cost_nano, ("requests:",), "machine:"),
    ):
        owed = sa.case((requests.c.state == "settled", amount), else_=0)
        said = sa.select(
            requests.c.id, owed.label("due"), _nothing("debit"), _nothing("credit"), _nothing("stray")
        )
        is_debit = sa.or_(*(postings.c.account.startswith(prefix) for prefix in debit))
        is_credit = postings.c.account.startswith(credit)
        posted = sa.select(
            postings.c.request_id,
            _nothing("due"),
            sa.case((is_debit, postings.c.amount_nano), else_=0).label("debit"),
            sa.case((is_credit, -postings.c.amount_nano), else_=0).label("credit"),
            sa.case((sa.or_(is_debit, is_credit), 0), else_=1).label("stray"),
        ).where(postings.c.book == book, postings.c.kind == "settle")
        both = sa.union_all(said, posted).subquery()
        sums = (_sum(both.c.due), _sum(both.c.debit), _sum(both.c.credit), _sum(both.c.stray))
        query = (
            sa.select(both.c.id, sums[0], sums[1], sums[2])
            .group_by(both.c.id)
            .having(sa.or_(sums[0] != sums[1], sums[0] != sums[2], sums[3] != 0))
            .order_by(both.c.id)
        )
        for request_id, due, debited, credited in (await connection.execute(query)).tuples():
            side, posted_nano = ("debit", debited) if debited != due else ("credit", credited)
            found.append(Difference(f"request {request_id}, {book}, {side}", due, posted_nano))
    return found


async def misposted(connection: AsyncConnection) -> list[str]:
    """Postings of settlements to accounts that are not their request's."""
    account = postings.c.account
    theirs = sa.or_(
        account
        == sa.case((requests.c.offer == "included", "included:"), else_="customer:") + requests.c.payer_id,
        account == "revenue:" + requests.c.model,
        account == "requests:" + requests.c.model,
        account == "machine:" + sa.func.coalesce(requests.c.machine, "unknown"),
    )
    query = (
        sa.select(requests.c.id, account)
        .join(postings, postings.c.request_id == requests.c.id)
        .where(postings.c.kind == "settle", ~theirs)
        .order_by(postings.c.id)
    )
    rows = (await connection.execute(query)).tuples()
    return [f"request {request_id}: posted to {name}" for request_id, name in rows]


async def wrong_repetitions(connection: AsyncConnection) -> list[Difference]:
    """Requests that, with their repetitions, were not charged for exactly the dearest of them."""
    charged, dearest = _sum(requests.c.charge_nano), sa.func.max(requests.c.list_nano)
    query = (
        sa.select(requests.c.root_id, dearest, charged)
        .where(requests.c.state == "settled")
        .group_by(requests.c.root_id)
        .having(charged != dearest)
        .order_by(requests.c.root_id)
    )
    rows = (await connection.execute(query)).tuples()
    return [
        Difference(f"request {root} and its repetitions", expected, found) for root, expected, found in rows
    ]


async def abandoned(connection: AsyncConnection, since: datetime) -> list[tuple[str, str, datetime]]:
    """Requests still held by a process that was last seen before ``since`` or is forgotten: id, holder, beginning."""
    living = sa.select(holders.c.id).where(holders.c.id == requests.c.holder, holders.c.seen_at >= since)
    query = (
        sa.select(requests.c.id, requests.c.holder, requests.c.created_at)
        .where(requests.c.state == "held", requests.c.surface != LASTING, ~living.exists())
        .order_by(requests.c.created_at)
    )
    return list((await connection.execute(query)).tuples())


async def entered(connection: AsyncConnection) -> AsyncGenerator[list[Entered]]:
    """Every request, in portions."""
    columns = [
        prices.c.document.label("price") if name == "price" else requests.c[name]
        for name in Entered.__dataclass_fields__
    ]
    query = (
        sa.select(*columns)
        .outerjoin(prices, prices.c.id == requests.c.price_id)
        .order_by(requests.c.id)
        .limit(_AT_ONCE)
    )
    last = ""
    while True:
        found = (await connection.execute(query.where(requests.c.id > last))).mappings()
        rows = [Entered(**row) for row in found]
        if rows:
            yield rows
            last = rows[-1].id
        if len(rows) < _AT_ONCE:
            return


async def counter_rows(connection: AsyncConnection) -> list[CounterRow]:
    """Every counter."""
    began = sa.type_coerce(counters.c.started_at, sa.BigInteger)
    query = sa.select(counters.c.counter, began, counters.c.used, counters.c.held).order_by(
        counters.c.counter
    )
    return [CounterRow(*row) for row in (await connection.execute(query)).tuples()]


async def corrections_by_request(connection: AsyncConnection) -> dict[str, int]:
    """By how much more each corrected request is charged."""
    query = (
        sa.select(postings.c.request_id, _sum(-postings.c.amount_nano))
        .where(postings.c.kind == "correction", postings.c.account.startswith("revenue:"))
        .group_by(postings.c.request_id)
    )
    return {str(key): amount for key, amount in (await connection.execute(query)).tuples()}


async def top_ups_by_payer(connection: AsyncConnection) -> dict[str, int]:
    """How much prepaid credit each payer has bought."""
    query = (
        sa.select(postings.c.account, _sum(-postings.c.amount_nano))
        .where(postings.c.kind == "top_up", postings.c.account.startswith("customer:"))
        .group_by(postings.c.account)
    )
    rows = (await connection.execute(query)).tuples()
    return {account.removeprefix("customer:"): amount for account, amount in rows}


async def machine_periods(connection: AsyncConnection) -> AsyncGenerator[list[Period]]:
    """Every period of every machine, by machine and time, in portions."""
    columns = [periods.c[name] for name in Period.__dataclass_fields__]
    query = sa.select(*columns).order_by(periods.c.machine, periods.c.started_at).limit(_AT_ONCE)
    after: sa.ColumnElement[bool] = sa.true()
    while True:
        found = (await connection.execute(query.where(after))).mappings()
        rows = [Period(**row) for row in found]
        if rows:
            yield rows
            last = rows[-1]
            after = sa.or_(
                periods.c.machine > last.machine,
                sa.and_(periods.c.machine == last.machine, periods.c.started_at > last.started_at),
            )
        if len(rows) < _AT_ONCE:
            return


async def carries(connection: AsyncConnection) -> dict[str, int]:
    """The part of a nano-dollar that each machine's next bill begins with."""
    rows = await connection.execute(sa.select(machines.c.name, machines.c.carry))
    return dict(rows.tuples().all())


async def wrong_machine_entries(connection: AsyncConnection) -> list[Difference]:
    """Bills and idle times of machines that are posted otherwise than their periods say."""
    found: list[Difference] = []
    for kind, prefix, amount in (
        ("machine_bill", "machine:", periods.c.bill_nano),
        ("idle", "idle:", periods.c.idle_nano),
    ):
        said = sa.select(periods.c.entry_id, amount.label("due"), _nothing("posted"))
        posted = sa.select(
            postings.c.entry_id, _nothing("due"), postings.c.amount_nano.label("posted")
        ).where(postings.c.kind == kind, postings.c.account.startswith(prefix))
        both = sa.union_all(said, posted).subquery()
        sums = (_sum(both.c.due), _sum(both.c.posted))
        query = (
            sa.select(both.c.entry_id, *sums)
            .group_by(both.c.entry_id)
            .having(sums[0] != sums[1])
            .order_by(both.c.entry_id)
        )
        rows = (await connection.execute(query)).tuples()
        found += [
            Difference(f"entry {entry_id}, {kind}", expected, posted) for entry_id, expected, posted in rows
        ]
    return found


async def wrong_training(connection: AsyncConnection) -> list[Difference]:
    """Attempts at training whose cost is posted or booked otherwise than it is noted, or for which nothing is noted."""
    posted = (
        sa.select(postings.c.entry_id, _sum(postings.c.amount_nano))
        .where(postings.c.book == "cost", postings.c.account.startswith("training:"))
        .group_by(postings.c.entry_id)
    )
    booked = sa.select(bookings.c.attempt, _sum(bookings.c.cost_nano)).group_by(bookings.c.attempt)
    noted = sa.select(training.c.attempt, training.c.cost_nano)
    due = dict((await connection.execute(noted)).tuples().all())
    found: list[Difference] = []
    for query, what in ((posted, ""), (booked, ", by its bookings")):
        paid = dict((await connection.execute(query)).tuples().all())
        found += [
            Difference(f"training {attempt}{what}", due.get(attempt, 0), paid.get(attempt, 0))
            for attempt in sorted(due.keys() | paid.keys())
            if due.get(attempt, 0) != paid.get(attempt, 0)
        ]
    return found


async def wrong_trained(connection: AsyncConnection) -> list[Difference]:
    """Machines whose periods say otherwise what went to training than is known of all of them."""
    summed = sa.select(periods.c.machine, _sum(periods.c.training_nano)).group_by(periods.c.machine)
    known = sa.select(machines.c.name, machines.c.trained_nano)
    due = dict((await connection.execute(known)).tuples().all())
    found = dict((await connection.execute(summed)).tuples().all())
    return [
        Difference(f"machine {name}, training", amount, found.get(name, 0))
        for name, amount in sorted(due.items())
        if amount != found.get(name, 0)
    ]


async def wrong_allocations(connection: AsyncConnection) -> list[Difference]:
    """Machines of which settlements took another amount than their periods and their open balance say."""
    account = postings.c.account
    settled = sa.select(account, (-postings.c.amount_nano).label("settled"), _nothing("closed")).where(
        postings.c.book == "cost", postings.c.kind.in_(("settle", "training")), account.startswith("machine:")
    )
    closed = sa.select("machine:" + periods.c.machine, _nothing("settled"), periods.c.allocated_nano)
    opened = sa.select(balances.c.account, _nothing("settled"), -balances.c.amount_nano).where(
        balances.c.book == "cost", balances.c.account.startswith("machine:")
    )
    both = sa.union_all(settled, closed, opened).subquery()
    sums = (_sum(both.c.settled), _sum(both.c.closed))
    query = (
        sa.select(both.c.account, *sums)
        .group_by(both.c.account)
        .having(sums[0] != sums[1])
        .order_by(both.c.account)
    )
    rows = (await connection.execute(query)).tuples()
    return [Difference(f"{name}, allocated", expected, found) for name, expected, found in rows]


def _sum(column: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    # PostgreSQL's sum of 64-bit integers is a decimal number.
    return sa.cast(sa.func.coalesce(sa.func.sum(column), 0), sa.BigInteger)


def _nothing(name: str) -> sa.Label[int]:
    return sa.literal_column("0", sa.BigInteger).label(name)
