"""Accounts: workspaces, their members, and what a key may do."""

import sqlalchemy as sa
from alembic import op

revision = "0005_workspaces"
down_revision = "0004_credentials"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("users", sa.Column("disabled_at", _INSTANT))
    op.create_table(
        "workspaces",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
    )
    op.create_index(None, "workspaces", ["created_at", "id"])
    op.create_table(
        "workspace_members",
        sa.Column("workspace_id", sa.Text, _reference("workspaces"), primary_key=True),
        sa.Column("user_id", sa.Text, _reference("users"), primary_key=True),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("joined_at", _INSTANT, nullable=False),
        sa.CheckConstraint("role IN ('owner', 'admin', 'member')", name="role"),
    )
    op.create_index(None, "workspace_members", ["user_id"])
    op.create_table(
        "workspace_invitations",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("workspace_id", sa.Text, _reference("workspaces"), nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("email_key", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("invited_by", sa.Text, _reference("users"), nullable=False),
        sa.Column("token_hash", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.CheckConstraint("role IN ('admin', 'member')", name="role"),
        sa.UniqueConstraint("workspace_id", "email_key"),
    )
    op.create_index(None, "workspace_invitations", ["invited_by"])
    for column in (
        sa.Column("workspace_id", sa.Text, _reference("workspaces")),
        # Keys that there are already, and those that the previous release makes, may do what keys could until now.
        sa.Column("scopes", sa.Text, nullable=False, server_default="all"),
        sa.Column("rpm", sa.BigInteger),
        sa.Column("tpm", sa.BigInteger),
        sa.Column("day_nano", sa.BigInteger),
        sa.Column("month_nano", sa.BigInteger),
        sa.Column("total_nano", sa.BigInteger),
    ):
        # SQLite can add a reference with its column only; PostgreSQL would not give it the name that it has to have.
        op.add_column("api_keys", column, inline_references=op.get_bind().dialect.name == "sqlite")
    op.create_index(None, "api_keys", ["workspace_id", "created_at"])


def _reference(table: str) -> sa.ForeignKey:
    return sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
