"""Vectors of windows: documents get theirs anew, when they are next searched."""

import sqlalchemy as sa
from alembic import op

revision = "0028_windows"
down_revision = "0027_sent_as"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sa.text("DELETE FROM knowledge_vectors"))
    op.execute(sa.text("UPDATE knowledge_documents SET embedded = 0, model = NULL, dimensions = NULL"))
