"""What training took of machines each time that it was booked, and what of their bills that was."""

from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0037_training_bookings"
down_revision = "0036_lab"
branch_labels = None
depends_on = None

_POSTED = sa.text(
    """
    SELECT t.attempt, t.work, t.machine, t.compute_ns, t.energy_uj, t.energy_method, t.cost_nano, t.noted_at,
        p.amount_nano, p.posted_at
    FROM ledger_training AS t LEFT JOIN ledger_postings AS p
        ON p.entry_id = t.attempt AND p.kind = 'training' AND p.account LIKE 'training:%'
    ORDER BY t.attempt, p.id
    """
)
_OF_PERIODS = sa.text(
    """
    UPDATE ledger_machine_periods SET training_nano = (
        SELECT COALESCE(SUM(p.amount_nano), 0) FROM ledger_postings AS p
        WHERE p.book = 'cost' AND p.account = 'training:' || ledger_machine_periods.machine
            AND p.posted_at >= ledger_machine_periods.started_at AND p.posted_at < ledger_machine_periods.ended_at
    )
    """
)
_OF_MACHINES = sa.text(
    """
    UPDATE ledger_machines SET trained_nano = (
        SELECT COALESCE(SUM(training_nano), 0) FROM ledger_machine_periods WHERE machine = ledger_machines.name
    )
    """
)


def upgrade() -> None:
    bookings = op.create_table(
        "ledger_training_bookings",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
        ),
        sa.Column("attempt", sa.Text, nullable=False),
        sa.Column("work", sa.Text, nullable=False),
        sa.Column("machine", sa.Text, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("posted_at", sa.BigInteger, nullable=False),
        sa.Column("compute_ns", sa.BigInteger, nullable=False),
        sa.Column("energy_uj", sa.BigInteger, nullable=False),
        sa.Column("energy_method", sa.Text, nullable=False),
        sa.Column("cost_nano", sa.BigInteger, nullable=False),
    )
    op.create_index(None, "ledger_training_bookings", ["posted_at", "id"])
    for table, column in (("ledger_machines", "trained_nano"), ("ledger_machine_periods", "training_nano")):
        op.add_column(table, sa.Column(column, sa.BigInteger, nullable=False, server_default=sa.text("0")))
    rows = op.get_bind().execute(_POSTED).mappings().all()
    for _, of_attempt in groupby(rows, key=lambda row: row["attempt"]):
        op.bulk_insert(bookings, _booked(list(of_attempt)))
    op.execute(_OF_PERIODS)
    op.execute(_OF_MACHINES)


def _booked(posted: list[sa.RowMapping]) -> list[dict[str, Any]]:
    """A booking for each posting of an attempt, or one where nothing costs anything, that add up to all it took."""
    made: list[dict[str, Any]] = []
    upto, last = 0, None
    for row in posted:
        amount = row["amount_nano"] or 0
        at = row["noted_at"] if row["posted_at"] is None else row["posted_at"]
        compute_ns, energy_uj = (
            _part(row, name, upto, upto + amount) for name in ("compute_ns", "energy_uj")
        )
        began = at - compute_ns // 1000
        made.append(
            {name: row[name] for name in ("attempt", "work", "machine", "energy_method")}
            | {
                "started_at": began if last is None else min(last, began),
                "posted_at": at,
                "compute_ns": compute_ns,
                "energy_uj": energy_uj,
                "cost_nano": amount,
            }
        )
        upto, last = upto + amount, at
    return made


def _part(row: sa.RowMapping, name: str, start: int, end: int) -> int:
    """What of an attempt's sum is of its cost from the nano-dollar ``start`` to ``end``."""
    total, cost = row[name], row["cost_nano"]
    return total * end // cost - total * start // cost if cost else total
