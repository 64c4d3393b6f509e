"""Assistant: finds the versions of a conversation's first message without reading the conversation."""

import sqlalchemy as sa
from alembic import op

revision = "0019_roots"
down_revision = "0018_assistants"
branch_labels = None
depends_on = None


def upgrade() -> None:
    roots = sa.text("parent_id IS NULL")
    op.create_index(
        "ix_messages_roots",
        "messages",
        ["conversation_id", "id"],
        sqlite_where=roots,
        postgresql_where=roots,
    )
