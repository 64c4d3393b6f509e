"""The ledger's queries. Those of a batch take whatever many requests need in one statement each.

Locks are taken in one order everywhere (keys, requests, counters, balances; each sorted), so that two processes on
PostgreSQL wait for each other and never in a circle.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.ledger.reservations import Counter
from causette.ledger.tables import balances, counters, holders, postings, prices, requests
from causette.ledger.types import LASTING, Book, HeldRequest

# As many parameters as every SQLite takes in one statement.
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A request that a later one may be a repetition of."""

    id: str
    root_id: str
    payer_id: str
    engine_request_id: str
    idempotency_key: str | None
    fingerprint: bytes | None
    state: str
    outcome: str | None
    holder: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """As much of a request's row as its end needs. ``state`` tells whether it has ended before."""

    id: str
    state: str
    root_id: str
    payer_id: str
    model: str
    offer: str
    price_id: str
    holds: str
    list_nano: int
    charge_nano: int
    cost_nano: int


@dataclass(frozen=True, slots=True)
class End:
    """Where a request's row is on its way, and the tokens that it took."""

    state: str
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One side of an entry."""

    entry_id: str
    book: Book
    account: str
    amount_nano: int
    kind: str
    posted_at: datetime
    request_id: str | None = None
    memo: str = ""


# Statements are made once: to put one together takes longer than to run it.
_ids: Final[sa.BindParameter[Any]] = sa.bindparam("ids", expanding=True)
_fingerprints: Final[sa.BindParameter[Any]] = sa.bindparam("fingerprints", expanding=True)
_since: Final[sa.BindParameter[datetime]] = sa.bindparam("since")


def _earlier(column: sa.Column[Any], *conditions: sa.ColumnElement[bool] | sa.TextClause) -> sa.Select[Any]:
    return (
        sa.select(*(requests.c[name] for name in Earlier.__dataclass_fields__))
        .where(column.in_(_ids), *conditions)
        .order_by(requests.c.created_at, requests.c.id)
    )


_BY_KEY: Final = _earlier(requests.c.idempotency_key, requests.c.created_at >= _since)
_UNDELIVERED: Final = _earlier(
    requests.c.fingerprint,
    # As the index of them has it, word for word.
    sa.text("outcome IN ('disconnected', 'failed', 'orphaned', 'stopped')"),
    requests.c.created_at >= _since,
)
_OF_PAYERS: Final = _earlier(
    requests.c.payer_id,
    requests.c.created_at >= _since,
    requests.c.fingerprint.in_(_fingerprints),
)
_OF_REPLIES: Final = _earlier(requests.c.engine_request_id, sa.text("surface = 'assistant'"))
_CHAIN_LENGTHS: Final = (
    sa.select(requests.c.root_id, sa.func.count())
    .where(requests.c.root_id.in_(_ids), requests.c.state != "released")
    .group_by(requests.c.root_id)
)
_REPEATED: Final = sa.select(requests.c.root_id).where(
    requests.c.id.in_(_ids), requests.c.root_id != requests.c.id
)
_OPEN: Final = (
    sa.select(*(requests.c[name] for name in Open.__dataclass_fields__))
    .where(requests.c.id.in_(_ids))
    .order_by(requests.c.id)
    .with_for_update()
)
_CHARGED: Final = (
    sa.select(requests.c.root_id, sa.func.sum(requests.c.charge_nano))
    .where(requests.c.root_id.in_(_ids), requests.c.state == "settled")
    .group_by(requests.c.root_id)
)
_COUNTERS: Final = sa.select(counters).where(counters.c.counter.in_(_ids)).order_by(counters.c.counter)
_COUNTERS_LOCKED: Final = _COUNTERS.with_for_update()
_INSERT_REQUESTS: Final = requests.insert()
_END_REQUESTS: Final = requests.update().where(requests.c.id == sa.bindparam("row_id"))
_INSERT_POSTINGS: Final = postings.insert()


@cache
def _write_counters(dialect: str) -> "sqlite.Insert | postgresql.Insert":
    insert = _upsert(dialect, counters)
    return insert.on_conflict_do_update(
        index_elements=["counter"],
        set_={name: insert.excluded[name] for name in ("started_at", "used", "held")},
    )


@cache
def _add_to_balances(dialect: str) -> "sqlite.Insert | postgresql.Insert":
    insert = _upsert(dialect, balances)
    return insert.on_conflict_do_update(
        index_elements=["book", "account"],
        set_={"amount_nano": balances.c.amount_nano + insert.excluded.amount_nano},
    )


def _upsert(dialect: str, table: sa.Table) -> "sqlite.Insert | postgresql.Insert":
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def lock_keys(connection: Connection, keys: Iterable[str]) -> None:
    """Let nobody else decide about these names until this transaction ends. SQLite has one writer anyway."""
    if connection.dialect.name != "postgresql":
        return
    numbers = sorted(
        int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), signed=True) for key in keys
    )
    for number in numbers:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))


def earlier_by_key(connection: Connection, keys: Collection[str], since: datetime) -> list[Earlier]:
    """The requests with one of these idempotency keys, whoever's they are, the oldest first."""
    return _found(connection, _BY_KEY, keys, since=since)


def earlier_undelivered(
    connection: Connection, fingerprints: Collection[bytes], since: datetime
) -> list[Earlier]:
    """The requests with one of these fingerprints that were not answered to their end, the oldest first."""
    return _found(connection, _UNDELIVERED, fingerprints, since=since)


def earlier_of_payers(
    connection: Connection, payers: Collection[str], fingerprints: Collection[bytes], since: datetime
) -> list[Earlier]:
    """The requests of these payers with one of these fingerprints, however they ended, the oldest first."""
    return _found(connection, _OF_PAYERS, payers, since=since, fingerprints=sorted(fingerprints))


def earlier_of_replies(connection: Connection, ids: Collection[str]) -> list[Earlier]:
    """The requests that have written replies of the assistant called ``ids``, the oldest first."""
    return _found(connection, _OF_REPLIES, ids)


def _found(
    connection: Connection, statement: sa.Select[Any], ids: Collection[Any], **others: object
) -> list[Earlier]:
    found: list[Earlier] = []
    for some in _portions(sorted(set(ids))):
        rows = connection.execute(statement, {"ids": some, **others})
        found += [Earlier(**row) for row in rows.mappings()]
    return found


def chain_lengths(connection: Connection, roots: Collection[str]) -> dict[str, int]:
    """How many requests each of these roots leads to, itself included and released ones left out."""
    rows = connection.execute(_CHAIN_LENGTHS, {"ids": sorted(roots)})
    return dict(rows.tuples().all())


def living_holders(connection: Connection, since: datetime) -> list[tuple[str, str, int]]:
    """The processes that have shown life at ``since`` or later: their ids, hosts and process numbers."""
    living = sa.select(holders.c.id, holders.c.host, holders.c.pid).where(holders.c.seen_at >= since)
    return list(connection.execute(living).tuples())


def lock_requests(connection: Connection, ids: Iterable[str]) -> dict[str, Open]:
    """The rows called ``ids``, which nobody else can end until this transaction does, nor what they repeat."""
    wanted, found = set(ids), dict[str, Open]()
    if connection.dialect.name == "postgresql":
        # What one of them is charged depends on what the others were: all lock the first.
        for some in _portions(sorted(wanted)):
            wanted.update(connection.scalars(_REPEATED, {"ids": some}))
    for some in _portions(sorted(wanted)):
        rows = connection.execute(_OPEN, {"ids": some})
        found |= {row["id"]: Open(**row) for row in rows.mappings()}
    return found


def charged_by_root(connection: Connection, roots: Iterable[str]) -> dict[str, int]:
    """What the requests of each of these roots have been charged, in nano-dollars."""
    charged: dict[str, int] = {}
    for some in _portions(sorted(set(roots))):
        rows = connection.execute(_CHARGED, {"ids": some})
        charged |= {root: int(total) for root, total in rows.tuples()}
    return charged


def lock_counters(connection: Connection, keys: Iterable[str]) -> dict[str, Counter]:
    """The counters called ``keys``, which nobody else can change until this transaction ends."""
    wanted = sorted(set(keys))
    found = _counters(connection, wanted, lock=True)
    if connection.dialect.name == "postgresql" and (missing := [key for key in wanted if key not in found]):
        # What is not there cannot be locked: two processes would each begin a counter of their own.
        connection.execute(
            postgresql.insert(counters).on_conflict_do_nothing(),
            [{"counter": key, "started_at": _BEFORE_ALL, "used": 0, "held": 0} for key in missing],
        )
        found = _counters(connection, wanted, lock=True)
    return found


def _counters(connection: Connection, keys: Sequence[str], *, lock: bool) -> dict[str, Counter]:
    found: dict[str, Counter] = {}
    for some in _portions(keys):
        rows = connection.execute(_COUNTERS_LOCKED if lock else _COUNTERS, {"ids": some}).tuples()
        found |= {key: Counter(started_at, used, held) for key, started_at, used, held in rows}
    return found


def write_counters(connection: Connection, changed: Mapping[str, Counter]) -> None:
    """Keep these counters as they are now."""
    if not changed:
        return
    connection.execute(
        _write_counters(connection.dialect.name),
        [
            {
                "counter": key,
                "started_at": counter.started_at,
                "used": counter.used,
                "held": counter.held,
            }
            for key, counter in sorted(changed.items())
        ],
    )


def insert_requests(connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Add rows of requests."""
    if rows:
        connection.execute(_INSERT_REQUESTS, rows)


def end_requests(connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Write how requests ended. ``row_id`` names the row, the other keys its columns."""
    if rows:
        connection.execute(_END_REQUESTS, rows)


def insert_prices(connection: Connection, documents: Mapping[str, str], now: datetime) -> None:
    """Keep prices for ever."""
    if documents:
        connection.execute(
            _upsert(connection.dialect.name, prices).on_conflict_do_nothing(),
            [{"id": key, "document": text, "first_used_at": now} for key, text in sorted(documents.items())],
        )


def price_documents(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """The prices called ``ids``, as JSON."""
    rows = connection.execute(
        sa.select(prices.c.id, prices.c.document).where(prices.c.id.in_(sorted(set(ids))))
    )
    return dict(rows.tuples().all())


def post(connection: Connection, entries: Sequence[Posting]) -> None:
    """Write postings, and what they do to the balances.

    Raises:
        AssertionError: an entry does not sum to zero.
    """
    if not entries:
        return
    sums: dict[tuple[str, str], int] = {}
    by_account: dict[tuple[str, str], int] = {}
    for posting in entries:
        entry = (posting.entry_id, posting.book)
        sums[entry] = sums.get(entry, 0) + posting.amount_nano
        account = (posting.book, posting.account)
        by_account[account] = by_account.get(account, 0) + posting.amount_nano
    assert not any(sums.values()), f"an entry does not sum to zero: {sums}"
    connection.execute(
        _INSERT_POSTINGS,
        [
            {
                "entry_id": posting.entry_id,
                "book": posting.book,
                "account": posting.account,
                "amount_nano": posting.amount_nano,
                "request_id": posting.request_id,
                "kind": posting.kind,
                "memo": posting.memo,
                "posted_at": posting.posted_at,
            }
            for posting in entries
        ],
    )
    connection.execute(
        _add_to_balances(connection.dialect.name),
        [
            {"book": book, "account": account, "amount_nano": amount}
            for (book, account), amount in sorted(by_account.items())
        ],
    )


def entry_exists(connection: Connection, entry_id: str) -> bool:
    """Whether anything was posted under ``entry_id``."""
    return (
        connection.scalar(sa.select(postings.c.id).where(postings.c.entry_id == entry_id).limit(1))
        is not None
    )


def beat(connection: Connection, holder: str, *, host: str, pid: int, now: datetime) -> None:
    """Note that the process ``holder`` is alive."""
    insert = _upsert(connection.dialect.name, holders).values(id=holder, host=host, pid=pid, seen_at=now)
    connection.execute(insert.on_conflict_do_update(index_elements=["id"], set_={"seen_at": now}))


def forget_holder(connection: Connection, holder: str) -> None:
    """Forget a process that ends. Whatever it still holds is an orphan from now on."""
    connection.execute(holders.delete().where(holders.c.id == holder))


def forget_holders_before(connection: Connection, since: datetime) -> None:
    """Forget the processes that were last seen before ``since`` and hold nothing."""
    holding = sa.select(requests.c.id).where(requests.c.holder == holders.c.id, requests.c.state == "held")
    connection.execute(holders.delete().where(holders.c.seen_at < since, ~holding.exists()))


async def counters_of(connection: AsyncConnection, keys: Iterable[str]) -> dict[str, Counter]:
    """The counters called ``keys``, for whoever only wants to know."""
    wanted = sorted(set(keys))
    return await connection.run_sync(lambda sync: _counters(sync, wanted, lock=False))


async def ends_of(connection: AsyncConnection, ids: Collection[str]) -> dict[str, End]:
    """How far the requests called ``ids`` are that have a row."""
    tokens = requests.c.input_tokens + requests.c.output_tokens
    rows = await connection.execute(
        sa.select(requests.c.id, requests.c.state, tokens).where(requests.c.id.in_(sorted(ids)))
    )
    return {key: End(state, total) for key, state, total in rows.tuples()}


async def orphans(
    connection: AsyncConnection, since: datetime | None, most: int, *, besides: str
) -> list[HeldRequest]:
    """At most so many open requests whose process was last seen before ``since``, or has left.

    With ``since`` None, of those that have left only; of the process ``besides``, none. What lasts is no orphan: its
    job ends it.
    """
    living = sa.select(holders.c.id).where(
        holders.c.id == requests.c.holder, sa.true() if since is None else holders.c.seen_at >= since
    )
    columns = tuple(requests.c[name] for name in HeldRequest.__dataclass_fields__)
    rows = await connection.execute(
        sa.select(*columns)
        .where(
            requests.c.state == "held",
            requests.c.holder != besides,
            requests.c.surface != LASTING,
            ~living.exists(),
        )
        .order_by(requests.c.created_at)
        .limit(most)
    )
    return [HeldRequest(**row) for row in rows.mappings()]


_BEFORE_ALL: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _portions(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
