"""Knowledge: files as passages, with their words and vectors."""

import sqlalchemy as sa
from alembic import op

revision = "0026_knowledge"
down_revision = "0025_step_claims"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "knowledge_documents",
        sa.Column("file_id", sa.Text, sa.ForeignKey("files.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("error_code", sa.Text),
        sa.Column("error_message", sa.Text),
        sa.Column("passages", sa.Integer, nullable=False),
        sa.Column("embedded", sa.Integer, nullable=False),
        sa.Column("model", sa.Text),
        sa.Column("dimensions", sa.Integer),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("words", sa.LargeBinary, nullable=False),
    )
    op.create_index(None, "knowledge_documents", ["owner_id"])
    document = sa.ForeignKey("knowledge_documents.file_id", ondelete="CASCADE")
    op.create_table(
        "knowledge_passages",
        sa.Column("file_id", sa.Text, document, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("start", sa.Integer, nullable=False),
        sa.Column("end", sa.Integer, nullable=False),
        sa.Column("headings", sa.JSON, nullable=False),
        sa.Column("place", sa.JSON),
        sa.Column("text", sa.Text, nullable=False),
    )
    document = sa.ForeignKey("knowledge_documents.file_id", ondelete="CASCADE")
    op.create_table(
        "knowledge_vectors",
        sa.Column("file_id", sa.Text, document, primary_key=True),
        sa.Column("first", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("vectors", sa.LargeBinary, nullable=False),
    )
