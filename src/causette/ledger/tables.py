"""The ledger's tables. Instants are whole microseconds in UTC, so that rows can be counted by day and by hour."""

from typing import Final

import sqlalchemy as sa

from causette.db import UtcMicroseconds, metadata


def _index(*columns: str, where: str) -> sa.Index:
    """An index of the rows that ``where`` is true of."""
    condition = sa.text(where)
    return sa.Index(None, *columns, sqlite_where=condition, postgresql_where=condition)


#: One row a request, from its reservation to its end.
requests: Final = sa.Table(
    "ledger_requests",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_at", UtcMicroseconds, nullable=False),
    sa.Column("finished_at", UtcMicroseconds),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("payer_id", sa.Text, nullable=False),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("workspace_id", sa.Text),
    sa.Column("key_id", sa.Text),
    sa.Column("plan_id", sa.Text, nullable=False),
    sa.Column("surface", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("deployment", sa.Text),
    sa.Column("machine", sa.Text),
    sa.Column("engine_request_id", sa.Text, nullable=False),
    # The first request of which this one is a repetition; its own id when it is none.
    sa.Column("root_id", sa.Text, nullable=False),
    sa.Column("idempotency_key", sa.Text),
    sa.Column("fingerprint", sa.LargeBinary),
    sa.Column("offer", sa.Text, nullable=False),
    sa.Column("price_id", sa.Text, nullable=False),
    sa.Column("held_nano", sa.BigInteger, nullable=False),
    # What is held of which counter, as JSON: see `reservations.Held`.
    sa.Column("holds", sa.Text, nullable=False),
    sa.Column("input_bound", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("output_granted", sa.Integer, nullable=False),
    sa.Column("outcome", sa.Text),
    sa.Column("usage_source", sa.Text),
    sa.Column("input_tokens", sa.Integer, nullable=False),
    sa.Column("cached_tokens", sa.Integer, nullable=False),
    sa.Column("output_tokens", sa.Integer, nullable=False),
    sa.Column("reasoning_tokens", sa.Integer, nullable=False),
    sa.Column("images", sa.Integer, nullable=False),
    sa.Column("audio_seconds", sa.Integer, nullable=False),
    sa.Column("list_nano", sa.BigInteger, nullable=False),
    sa.Column("charge_nano", sa.BigInteger, nullable=False),
    sa.Column("cost_nano", sa.BigInteger, nullable=False),
    sa.Column("compute_ns", sa.BigInteger, nullable=False),
    sa.Column("queue_ns", sa.BigInteger, nullable=False),
    sa.Column("ttft_us", sa.BigInteger),
    sa.Column("energy_uj", sa.BigInteger, nullable=False),
    sa.Column("energy_method", sa.Text, nullable=False),
    sa.CheckConstraint("state IN ('held', 'settled', 'released')", name="state"),
    _index("holder", where="state = 'held'"),
    sa.Index(None, "payer_id", "created_at"),
    sa.Index(None, "user_id", "created_at"),
    sa.Index(None, "created_at"),
    sa.Index(None, "root_id"),
    _index("payer_id", "idempotency_key", "created_at", where="idempotency_key IS NOT NULL"),
    # Only what was not delivered whole is looked for by what it was.
    _index(
        "fingerprint",
        "created_at",
        where="outcome IN ('disconnected', 'failed', 'orphaned', 'stopped')",
    ),
    _index("engine_request_id", where="surface = 'assistant'"),
)

#: Double entry: the rows of one entry sum to zero in each book, and are never changed.
postings: Final = sa.Table(
    "ledger_postings",
    metadata,
    # What makes SQLite number the rows is INTEGER; PostgreSQL's has to be wider.
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("entry_id", sa.Text, nullable=False),
    sa.Column("book", sa.Text, nullable=False),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("amount_nano", sa.BigInteger, nullable=False),
    sa.Column("request_id", sa.Text),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("memo", sa.Text, nullable=False),
    sa.Column("posted_at", UtcMicroseconds, nullable=False),
    sa.CheckConstraint("book IN ('charge', 'cost')", name="book"),
    sa.Index(None, "entry_id"),
    sa.Index(None, "book", "account", "posted_at"),
    _index("request_id", where="request_id IS NOT NULL"),
)

#: The sum of each account's postings, kept with them.
balances: Final = sa.Table(
    "ledger_balances",
    metadata,
    sa.Column("book", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("amount_nano", sa.BigInteger, nullable=False),
)

#: How far each limit is used in its present window, and how much of that is only held.
counters: Final = sa.Table(
    "ledger_counters",
    metadata,
    sa.Column("counter", sa.Text, primary_key=True),
    sa.Column("started_at", UtcMicroseconds, nullable=False),
    sa.Column("used", sa.BigInteger, nullable=False),
    sa.Column("held", sa.BigInteger, nullable=False),
)

#: Every price that was ever charged, as it was.
prices: Final = sa.Table(
    "ledger_prices",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("first_used_at", UtcMicroseconds, nullable=False),
)

#: The processes that hold reservations, and when each last showed life.
holders: Final = sa.Table(
    "ledger_holders",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("seen_at", UtcMicroseconds, nullable=False),
)
