"""Assistant: projects, pinned, archived and temporary conversations, corrected replies."""

import sqlalchemy as sa
from alembic import op

revision = "0012_projects"
down_revision = "0011_estimates_and_reports"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "projects",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("emoji", sa.Text),
        sa.Column("colour", sa.Text, nullable=False),
        sa.Column("instructions", sa.Text, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
    )
    op.create_index(None, "projects", ["owner_id", "id"])
    # SQLite can add a reference with its column only; PostgreSQL would not give it the name that it has to have.
    op.add_column(
        "conversations",
        sa.Column("project_id", sa.Text, sa.ForeignKey("projects.id", ondelete="SET NULL")),
        inline_references=op.get_bind().dialect.name == "sqlite",
    )
    for name in ("pinned_at", "archived_at", "expires_at"):
        op.add_column("conversations", sa.Column(name, _INSTANT))
    op.add_column("messages", sa.Column("corrects_id", sa.Text))
    op.create_index(None, "conversations", ["project_id", "updated_at", "id"])
    listed = "archived_at IS NULL AND expires_at IS NULL"
    for name, columns, condition in (
        (
            "ix_conversations_recent",
            ["owner_id", "updated_at", "id"],
            f"{listed} AND pinned_at IS NULL AND project_id IS NULL",
        ),
        (None, ["owner_id", "pinned_at", "id"], f"{listed} AND pinned_at IS NOT NULL"),
        (None, ["owner_id", "archived_at", "id"], "archived_at IS NOT NULL AND expires_at IS NULL"),
        (None, ["expires_at"], "expires_at IS NOT NULL"),
    ):
        where = sa.text(condition)
        op.create_index(name, "conversations", columns, sqlite_where=where, postgresql_where=where)
