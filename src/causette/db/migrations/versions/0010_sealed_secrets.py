"""Accounts: with which key a secret for codes is sealed, and which limits of a key its maker may not lift."""

import sqlalchemy as sa
from alembic import op

revision = "0010_sealed_secrets"
down_revision = "0009_billed_workspaces"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # None for those that are not sealed yet. The key is not the database's to know: the server seals them as it starts.
    op.add_column("totp_secrets", sa.Column("key_id", sa.Text))
    op.add_column("api_keys", sa.Column("imposed", sa.Text, nullable=False, server_default=sa.text("''")))
