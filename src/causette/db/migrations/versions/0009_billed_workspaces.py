"""Assistant: whom a reply is written for, so that whichever process goes on with it bills the same."""

import sqlalchemy as sa
from alembic import op

revision = "0009_billed_workspaces"
down_revision = "0008_audit"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # No reference: a reply that a deleted workspace asked for must not become its reader's to pay.
    op.add_column("generations", sa.Column("workspace_id", sa.Text))
