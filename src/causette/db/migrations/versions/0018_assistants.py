"""Assistant: custom assistants, the conversations begun with them, and the replies that are theirs."""

import sqlalchemy as sa
from alembic import op

revision = "0018_assistants"
down_revision = "0017_jobs"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "custom_assistants",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("emoji", sa.Text),
        sa.Column("colour", sa.Text, nullable=False),
        sa.Column("picture_id", sa.Text),
        sa.Column("instructions", sa.Text, nullable=False),
        sa.Column("starters", sa.JSON, nullable=False),
        sa.Column("tools", sa.JSON, nullable=False),
        sa.Column("model", sa.Text),
        sa.Column("effort", sa.Text),
        sa.Column("workspace_id", sa.Text, sa.ForeignKey("workspaces.id", ondelete="SET NULL")),
        sa.Column("everybody", sa.Boolean(name="everybody"), nullable=False),
        sa.Column("featured_at", _INSTANT),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
    )
    for columns in (["owner_id", "id"], ["workspace_id", "id"], ["everybody", "id"]):
        op.create_index(None, "custom_assistants", columns)
    op.create_table(
        "custom_assistant_versions",
        sa.Column(
            "assistant_id",
            sa.Text,
            sa.ForeignKey("custom_assistants.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("instructions", sa.Text, nullable=False),
    )
    op.add_column("conversations", sa.Column("assistant_id", sa.Text))
    op.add_column("messages", sa.Column("assistant_id", sa.Text))
    op.add_column("messages", sa.Column("assistant_version", sa.Integer))
    where = sa.text("assistant_id IS NOT NULL")
    op.create_index(
        None,
        "conversations",
        ["owner_id", "assistant_id", "updated_at"],
        sqlite_where=where,
        postgresql_where=where,
    )
