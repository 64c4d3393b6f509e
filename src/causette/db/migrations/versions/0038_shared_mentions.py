"""Shared conversations: which custom assistants their messages are by or said to, for whoever goes on with them."""

import sqlalchemy as sa
from alembic import op

revision = "0038_shared_mentions"
down_revision = "0037_training_bookings"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("share_messages", sa.Column("assistant_id", sa.Text))
