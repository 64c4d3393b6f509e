"""Assistant: conversations, their trees of messages, generations and their event logs."""

import sqlalchemy as sa
from alembic import op

revision = "0002_assistant"
down_revision = "0001_accounts"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_STATUS = "status IN ('streaming', 'complete', 'stopped', 'failed')"


def upgrade() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("title_is_given", sa.Boolean(name="title_is_given"), nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("current_message_id", sa.Text),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
    )
    op.create_index(None, "conversations", ["owner_id", "updated_at", "id"])
    op.create_table(
        "messages",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column(
            "conversation_id", sa.Text, sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("parent_id", sa.Text, sa.ForeignKey("messages.id")),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("model", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("error_code", sa.Text),
        sa.Column("error_message", sa.Text),
        sa.Column("finish_reason", sa.Text),
        sa.Column("generation_id", sa.Text),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.CheckConstraint("role IN ('user', 'assistant')", name="role"),
        sa.CheckConstraint(_STATUS, name="status"),
    )
    op.create_index(None, "messages", ["conversation_id", "id"])
    op.create_index(None, "messages", ["parent_id"])
    op.create_table(
        "generations",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column(
            "conversation_id", sa.Text, sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("message_id", sa.Text, sa.ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("writer_id", sa.Text, nullable=False),
        sa.Column("last_seq", sa.Integer, nullable=False),
        sa.Column("stop_requested", sa.Boolean(name="stop_requested"), nullable=False),
        sa.Column("heartbeat_at", _INSTANT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("finished_at", _INSTANT),
        sa.Column("input_tokens", sa.Integer, nullable=False),
        sa.Column("cached_tokens", sa.Integer, nullable=False),
        sa.Column("output_tokens", sa.Integer, nullable=False),
        sa.Column("compute_ns", sa.BigInteger, nullable=False),
        sa.CheckConstraint(_STATUS, name="status"),
    )
    op.create_index(None, "generations", ["conversation_id", "status"])
    op.create_index(None, "generations", ["message_id"])
    op.create_index(None, "generations", ["owner_id"])
    op.create_index(None, "generations", ["status", "heartbeat_at"])
    op.create_table(
        "generation_events",
        sa.Column(
            "generation_id",
            sa.Text,
            sa.ForeignKey("generations.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
    )
