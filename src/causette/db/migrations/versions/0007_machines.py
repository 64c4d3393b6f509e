"""Ledger: machines, their bills and their idle time, and what the exports read by."""

import sqlalchemy as sa
from alembic import op

revision = "0007_machines"
down_revision = "0006_subscriptions"
branch_labels = None
depends_on = None

_MICROSECONDS = sa.BigInteger


def upgrade() -> None:
    op.create_table(
        "ledger_machines",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("billed_until", _MICROSECONDS, nullable=False),
        sa.Column("seen_at", _MICROSECONDS, nullable=False),
        sa.Column("carry", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "ledger_machine_periods",
        sa.Column("machine", sa.Text, primary_key=True),
        sa.Column("started_at", _MICROSECONDS, primary_key=True),
        sa.Column("ended_at", _MICROSECONDS, nullable=False),
        sa.Column("nano_per_hour", sa.BigInteger, nullable=False),
        sa.Column("bill_nano", sa.BigInteger, nullable=False),
        sa.Column("allocated_nano", sa.BigInteger, nullable=False),
        sa.Column("idle_nano", sa.BigInteger, nullable=False),
        sa.Column("idle_uj", sa.BigInteger, nullable=False),
        sa.Column("entry_id", sa.Text, nullable=False),
    )
    op.create_index(None, "ledger_machine_periods", ["ended_at"])
    _partial_index("ledger_requests", ["finished_at", "id"], "state = 'settled'")
    _partial_index("ledger_postings", ["posted_at", "id"], "kind <> 'settle'")


def _partial_index(table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(None, table, columns, sqlite_where=where, postgresql_where=where)
