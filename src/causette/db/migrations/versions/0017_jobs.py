"""Jobs: durable background work."""

import sqlalchemy as sa
from alembic import op

revision = "0017_jobs"
down_revision = "0016_feedback"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("arguments", sa.JSON, nullable=False),
        sa.Column("state", sa.JSON, nullable=False),
        sa.Column("result", sa.JSON),
        sa.Column("progress", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error_code", sa.Text),
        sa.Column("error_message", sa.Text),
        sa.Column("cancel_requested", sa.Boolean(name="cancel_requested"), nullable=False),
        sa.Column("worker_id", sa.Text),
        sa.Column("due_at", _INSTANT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("finished_at", _INSTANT),
    )
    op.create_index(None, "jobs", ["owner_id", "id"])
    for columns, unique, condition in (
        (["due_at", "id"], False, "finished_at IS NULL"),
        (["key"], True, "finished_at IS NULL AND key IS NOT NULL"),
        (["finished_at"], False, "finished_at IS NOT NULL"),
    ):
        where = sa.text(condition)
        op.create_index(None, "jobs", columns, unique=unique, sqlite_where=where, postgresql_where=where)
