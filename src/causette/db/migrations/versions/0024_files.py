"""Files: blobs with their uses, what people upload, and what messages have of it."""

import sqlalchemy as sa
from alembic import op

revision = "0024_files"
down_revision = "0023_assistant_pictures"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "blobs",
        sa.Column("sha256", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("touched_at", _INSTANT, nullable=False),
    )
    op.create_index(None, "blobs", ["touched_at"])
    op.create_table(
        "blob_uses",
        sa.Column("holder", sa.Text, primary_key=True),
        sa.Column("sha256", sa.Text, sa.ForeignKey("blobs.sha256"), primary_key=True),
        sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    )
    op.create_index(None, "blob_uses", ["sha256"])
    op.create_index(None, "blob_uses", ["owner_id", "sha256"])
    op.create_table(
        "files",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        sa.Column("thumbnail_sha256", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("error_code", sa.Text),
        sa.Column("error_message", sa.Text),
        sa.Column("parsed_sha256", sa.Text),
        sa.Column("characters", sa.BigInteger, nullable=False),
        sa.Column("project_id", sa.Text, sa.ForeignKey("projects.id", ondelete="SET NULL")),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.CheckConstraint("status IN ('waiting', 'ready', 'failed')", name="status"),
    )
    op.create_index(None, "files", ["owner_id", "id"])
    op.create_index(None, "files", ["project_id", "id"])
    op.create_table(
        "message_files",
        sa.Column("message_id", sa.Text, sa.ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("file_id", sa.Text, sa.ForeignKey("files.id", ondelete="CASCADE"), primary_key=True),
    )
    op.create_index(None, "message_files", ["file_id"])
    op.add_column("messages", sa.Column("attachments", sa.JSON))
