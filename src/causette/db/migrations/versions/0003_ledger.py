"""Ledger: requests, postings, balances, counters, prices and who holds what."""

import sqlalchemy as sa
from alembic import op

revision = "0003_ledger"
down_revision = "0002_assistant"
branch_labels = None
depends_on = None

_MICROSECONDS = sa.BigInteger
_UNDELIVERED = "outcome IN ('disconnected', 'failed', 'orphaned', 'stopped')"


def upgrade() -> None:
    op.create_table(
        "ledger_requests",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_at", _MICROSECONDS, nullable=False),
        sa.Column("finished_at", _MICROSECONDS),
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
        sa.Column("root_id", sa.Text, nullable=False),
        sa.Column("idempotency_key", sa.Text),
        sa.Column("fingerprint", sa.LargeBinary),
        sa.Column("offer", sa.Text, nullable=False),
        sa.Column("price_id", sa.Text, nullable=False),
        sa.Column("held_nano", sa.BigInteger, nullable=False),
        sa.Column("holds", sa.Text, nullable=False),
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
    )
    _partial_index("ledger_requests", ["holder"], "state = 'held'")
    op.create_index(None, "ledger_requests", ["payer_id", "created_at"])
    op.create_index(None, "ledger_requests", ["user_id", "created_at"])
    op.create_index(None, "ledger_requests", ["created_at"])
    op.create_index(None, "ledger_requests", ["root_id"])
    _partial_index(
        "ledger_requests", ["payer_id", "idempotency_key", "created_at"], "idempotency_key IS NOT NULL"
    )
    _partial_index("ledger_requests", ["fingerprint", "created_at"], _UNDELIVERED)
    _partial_index("ledger_requests", ["engine_request_id"], "surface = 'assistant'")
    op.create_table(
        "ledger_postings",
        # What makes SQLite number the rows is INTEGER; PostgreSQL's has to be wider.
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("entry_id", sa.Text, nullable=False),
        sa.Column("book", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("amount_nano", sa.BigInteger, nullable=False),
        sa.Column("request_id", sa.Text),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("memo", sa.Text, nullable=False),
        sa.Column("posted_at", _MICROSECONDS, nullable=False),
        sa.CheckConstraint("book IN ('charge', 'cost')", name="book"),
    )
    op.create_index(None, "ledger_postings", ["entry_id"])
    op.create_index(None, "ledger_postings", ["book", "account", "posted_at"])
    _partial_index("ledger_postings", ["request_id"], "request_id IS NOT NULL")
    op.create_table(
        "ledger_balances",
        sa.Column("book", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("amount_nano", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "ledger_counters",
        sa.Column("counter", sa.Text, primary_key=True),
        sa.Column("started_at", _MICROSECONDS, nullable=False),
        sa.Column("used", sa.BigInteger, nullable=False),
        sa.Column("held", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "ledger_prices",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("first_used_at", _MICROSECONDS, nullable=False),
    )
    op.create_table(
        "ledger_holders",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("seen_at", _MICROSECONDS, nullable=False),
    )


def _partial_index(table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(None, table, columns, sqlite_where=where, postgresql_where=where)
