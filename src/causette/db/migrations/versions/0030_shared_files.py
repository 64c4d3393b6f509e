"""Files: found by their bytes. Shared conversations: the sources and the files that their messages have."""

import sqlalchemy as sa
from alembic import op

revision = "0030_shared_files"
down_revision = "0029_assistant_files"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(None, "files", ["owner_id", "sha256"])
    op.add_column("share_messages", sa.Column("sources", sa.JSON))
    op.add_column("share_messages", sa.Column("attachments", sa.JSON))
