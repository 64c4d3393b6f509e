"""Assistant: the sender's own name for what was sent, so that nothing is begun twice."""

import sqlalchemy as sa
from alembic import op

revision = "0027_sent_as"
down_revision = "0026_knowledge"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("generations", sa.Column("sent_as", sa.Text))
    op.drop_index("ix_generations_owner_id", "generations")
    op.create_index(None, "generations", ["owner_id", "sent_as"], unique=True)
