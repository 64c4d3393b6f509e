"""Assistant: the pictures of custom assistants."""

import sqlalchemy as sa
from alembic import op

revision = "0023_assistant_pictures"
down_revision = "0022_memory"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "custom_assistant_pictures",
        sa.Column(
            "assistant_id",
            sa.Text,
            sa.ForeignKey("custom_assistants.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
