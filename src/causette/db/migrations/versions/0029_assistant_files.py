"""Files: as knowledge of custom assistants."""

import sqlalchemy as sa
from alembic import op

revision = "0029_assistant_files"
down_revision = "0028_windows"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # SQLite can add a reference with its column only; PostgreSQL would not give it the name that it has to have.
    op.add_column(
        "files",
        sa.Column("assistant_id", sa.Text, sa.ForeignKey("custom_assistants.id", ondelete="SET NULL")),
        inline_references=op.get_bind().dialect.name == "sqlite",
    )
    op.create_index(None, "files", ["assistant_id", "id"])
