"""Assistant: what is kept of people across conversations, and in which projects it is not."""

import sqlalchemy as sa
from alembic import op

revision = "0022_memory"
down_revision = "0021_imports"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "memories",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("conversation_id", sa.Text, sa.ForeignKey("conversations.id", ondelete="SET NULL")),
        sa.Column("message_id", sa.Text),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.CheckConstraint("origin IN ('asked', 'noticed', 'written')", name="origin"),
    )
    op.create_index(None, "memories", ["owner_id", "id"])
    op.create_index(None, "memories", ["conversation_id", "id"])
    op.create_table(
        "memory_choices",
        sa.Column("user_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("enabled", sa.Boolean(name="enabled"), nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
    )
    op.add_column(
        "projects",
        sa.Column("remembers", sa.Boolean(name="remembers"), nullable=False, server_default=sa.true()),
    )
