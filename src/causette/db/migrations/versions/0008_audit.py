"""Console: who did what to whom, for good."""

import sqlalchemy as sa
from alembic import op

revision = "0008_audit"
down_revision = "0007_machines"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("target_id", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("refusal", sa.Text),
        sa.CheckConstraint("outcome IN ('begun', 'done', 'refused')", name="outcome"),
    )
    op.create_index(None, "audit_log", ["target_id", "id"])
