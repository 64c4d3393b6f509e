"""Assistant: what people think of replies, and whether models may learn from it."""

import sqlalchemy as sa
from alembic import op

revision = "0016_feedback"
down_revision = "0015_instructions"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "training_consents",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("given", sa.Boolean(name="given"), nullable=False),
        sa.Column("answered_at", _INSTANT, nullable=False),
        sa.Column("withdrawn_at", _INSTANT),
    )
    op.create_index(None, "training_consents", ["owner_id", "id"])
    op.create_table(
        "feedback",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column(
            "conversation_id", sa.Text, sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, sa.ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
        sa.Column("other_id", sa.Text, sa.ForeignKey("messages.id", ondelete="CASCADE")),
        sa.Column("subject", sa.Text, nullable=False, unique=True),
        sa.Column("rating", sa.Text),
        sa.Column("reasons", sa.JSON, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("consent_id", sa.Text, sa.ForeignKey("training_consents.id", ondelete="SET NULL")),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.CheckConstraint("kind IN ('rating', 'comparison', 'correction')", name="kind"),
        sa.CheckConstraint(
            "(kind = 'rating') = (rating IN ('up', 'down') AND rating IS NOT NULL)", name="rating"
        ),
    )
    for columns in (
        ["owner_id", "id"],
        ["conversation_id", "id"],
        ["message_id"],
        ["other_id"],
        ["consent_id"],
    ):
        op.create_index(None, "feedback", columns)
