"""The flywheel: examples made from feedback, and its turns."""

import sqlalchemy as sa
from alembic import op

revision = "0034_flywheel"
down_revision = "0033_fine_tuning"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "flywheel_examples",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column(
            "feedback_id",
            sa.Text,
            sa.ForeignKey("feedback.id", ondelete="CASCADE"),
            nullable=False,
            unique=True,
        ),
        sa.Column("said_at", _INSTANT, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("prompt", sa.JSON, nullable=False),
        sa.Column("chosen", sa.Text),
        sa.Column("rejected", sa.Text),
        sa.Column("reasons", sa.JSON, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("scrubbed", sa.JSON, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("decided_by", sa.Text),
        sa.Column("decided_at", _INSTANT),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.CheckConstraint("kind IN ('thumb', 'pair')", name="kind"),
        sa.CheckConstraint("verdict IN ('pending', 'kept', 'left_out')", name="verdict"),
    )
    op.create_index(None, "flywheel_examples", ["verdict", "id"])
    op.create_table(
        "flywheel_turns",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("begun_by_id", sa.Text, nullable=False),
        sa.Column("begun_by", sa.Text, nullable=False),
        sa.Column("thumbs", sa.Integer, nullable=False),
        sa.Column("pairs", sa.Integer, nullable=False),
        sa.Column("artifact_id", sa.Text),
        sa.Column("release_id", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("failed_in", sa.Text),
        # True or null: one turn at a time, as the next one starts from what this one makes.
        sa.Column("under_way", sa.Boolean, unique=True),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
    )
