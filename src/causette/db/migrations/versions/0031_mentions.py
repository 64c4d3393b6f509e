"""Shared conversations: the custom assistants that their messages are by or said to."""

import sqlalchemy as sa
from alembic import op

revision = "0031_mentions"
down_revision = "0030_shared_files"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("share_messages", sa.Column("assistant", sa.Text))
