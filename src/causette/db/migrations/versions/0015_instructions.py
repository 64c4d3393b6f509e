"""Assistant: custom instructions."""

import sqlalchemy as sa
from alembic import op

revision = "0015_instructions"
down_revision = "0014_parts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "custom_instructions",
        sa.Column("user_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("answers", sa.Text, nullable=False),
        sa.Column("enabled", sa.Boolean(name="enabled"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
