"""Assistant: which browser runs a step that a reader's browser runs."""

import sqlalchemy as sa
from alembic import op

revision = "0025_step_claims"
down_revision = "0024_files"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "step_claims",
        sa.Column("step_id", sa.Text, primary_key=True),
        sa.Column(
            "generation_id", sa.Text, sa.ForeignKey("generations.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("browser", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index(None, "step_claims", ["generation_id"])
