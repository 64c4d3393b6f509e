"""Assistant: archives that people bring from elsewhere."""

import sqlalchemy as sa
from alembic import op

revision = "0021_imports"
down_revision = "0020_shares"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("source", sa.Text),
        sa.Column("contents", sa.JSON),
        sa.Column("report", sa.JSON),
        sa.Column("job_id", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("finished_at", _INSTANT),
    )
    op.create_index(None, "imports", ["owner_id", "id"])
    op.create_index(None, "imports", ["created_at"])
