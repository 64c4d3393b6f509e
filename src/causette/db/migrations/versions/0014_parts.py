"""Assistant: what replies consist of besides their text, how they are to be made, and what is kept of tools' runs."""

import sqlalchemy as sa
from alembic import op

revision = "0014_parts"
down_revision = "0013_search"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("parts", sa.JSON))
    op.add_column("conversations", sa.Column("options", sa.JSON))
    op.add_column("generations", sa.Column("options", sa.JSON))
    op.add_column(
        "generations", sa.Column("reasoning_tokens", sa.Integer, nullable=False, server_default="0")
    )
    for name, kept in (
        ("step_answers", sa.Column("approved", sa.Boolean(name="approved"), nullable=False)),
        ("step_results", sa.Column("result", sa.Text, nullable=False)),
    ):
        op.create_table(
            name,
            sa.Column("step_id", sa.Text, primary_key=True),
            sa.Column(
                "generation_id",
                sa.Text,
                sa.ForeignKey("generations.id", ondelete="CASCADE"),
                nullable=False,
            ),
            kept,
            sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        )
        op.create_index(None, name, ["generation_id"])
