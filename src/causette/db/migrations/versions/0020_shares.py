"""Assistant: links to snapshots of conversations."""

import sqlalchemy as sa
from alembic import op

revision = "0020_shares"
down_revision = "0019_roots"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "shares",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column(
            "conversation_id", sa.Text, sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("sealed_token", sa.LargeBinary, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("workspace_id", sa.Text, sa.ForeignKey("workspaces.id", ondelete="CASCADE")),
        sa.Column("with_steps", sa.Boolean(name="with_steps"), nullable=False),
        sa.Column("author", sa.Text),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT),
    )
    for columns in (["owner_id", "id"], ["conversation_id"], ["workspace_id"]):
        op.create_index(None, "shares", columns)
    op.create_table(
        "share_messages",
        sa.Column("share_id", sa.Text, sa.ForeignKey("shares.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("height", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("model", sa.Text),
        sa.Column("parts", sa.JSON),
        sa.Column("created_at", _INSTANT, nullable=False),
    )
