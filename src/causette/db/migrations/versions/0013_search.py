"""Assistant: an index of words over conversations and messages, and triggers that note what is to be indexed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0013_search"
down_revision = "0012_projects"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_SQLITE = (
    # The words are folded already: they are split at spaces, and nothing else is done to them.
    """
    CREATE VIRTUAL TABLE search_index USING fts5(
        terms, content='search_documents', content_rowid='place', tokenize="ascii tokenchars '.=@'"
    )
    """,
    """
    CREATE TRIGGER search_documents_put AFTER INSERT ON search_documents BEGIN
        INSERT INTO search_index (rowid, terms) VALUES (NEW.place, NEW.terms);
    END
    """,
    """
    CREATE TRIGGER search_documents_gone AFTER DELETE ON search_documents BEGIN
        INSERT INTO search_index (search_index, rowid, terms) VALUES ('delete', OLD.place, OLD.terms);
    END
    """,
    """
    CREATE TRIGGER search_message_said AFTER INSERT ON messages WHEN NEW.status <> 'streaming' BEGIN
        INSERT INTO search_pending (message_id) VALUES (NEW.id);
    END
    """,
    """
    CREATE TRIGGER search_message_changed AFTER UPDATE OF content, status ON messages
    WHEN NEW.status <> 'streaming' BEGIN
        INSERT INTO search_pending (message_id) VALUES (NEW.id);
    END
    """,
    """
    CREATE TRIGGER search_conversation_begun AFTER INSERT ON conversations BEGIN
        INSERT INTO search_pending (conversation_id) VALUES (NEW.id);
    END
    """,
    """
    CREATE TRIGGER search_conversation_named AFTER UPDATE OF title ON conversations
    WHEN NEW.title <> OLD.title BEGIN
        INSERT INTO search_pending (conversation_id) VALUES (NEW.id);
    END
    """,
)

_POSTGRESQL = (
    """
    CREATE FUNCTION search_note_message() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    BEGIN
        INSERT INTO search_pending (message_id) VALUES (NEW.id);
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION search_note_conversation() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    BEGIN
        INSERT INTO search_pending (conversation_id) VALUES (NEW.id);
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER search_message_said AFTER INSERT ON messages FOR EACH ROW
    WHEN (NEW.status <> 'streaming') EXECUTE FUNCTION search_note_message()
    """,
    """
    CREATE TRIGGER search_message_changed AFTER UPDATE OF content, status ON messages FOR EACH ROW
    WHEN (NEW.status <> 'streaming') EXECUTE FUNCTION search_note_message()
    """,
    """
    CREATE TRIGGER search_conversation_begun AFTER INSERT ON conversations FOR EACH ROW
    EXECUTE FUNCTION search_note_conversation()
    """,
    """
    CREATE TRIGGER search_conversation_named AFTER UPDATE OF title ON conversations FOR EACH ROW
    WHEN (NEW.title <> OLD.title) EXECUTE FUNCTION search_note_conversation()
    """,
)


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    op.create_table(
        "search_owners",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column(
            "owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, unique=True
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "search_documents",
        sa.Column("place", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column(
            "conversation_id", sa.Text, sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("message_id", sa.Text, sa.ForeignKey("messages.id", ondelete="CASCADE")),
        sa.Column("terms", sa.Text().with_variant(TSVECTOR, "postgresql"), nullable=False),
    )
    op.create_index(None, "search_documents", ["conversation_id"])
    op.create_index(None, "search_documents", ["message_id"])
    op.create_table(
        "search_pending",
        sa.Column("seq", _NUMBER, primary_key=True),
        sa.Column("conversation_id", sa.Text),
        sa.Column("message_id", sa.Text),
        sqlite_autoincrement=True,
    )
    if dialect == "postgresql":
        op.create_index(
            "ix_search_documents_terms",
            "search_documents",
            ["terms"],
            postgresql_using="gin",
            postgresql_with={"gin_pending_list_limit": 256},
        )
    # All that is there already, to be indexed in the background: the titles first, then the newest messages.
    op.execute(
        """
        INSERT INTO search_pending (seq, message_id)
        SELECT -row_number() OVER (ORDER BY created_at DESC, id DESC) - (SELECT count(*) FROM conversations), id
        FROM messages WHERE status <> 'streaming'
        """
    )
    op.execute(
        """
        INSERT INTO search_pending (seq, conversation_id)
        SELECT -row_number() OVER (ORDER BY updated_at DESC, id DESC), id FROM conversations
        """
    )
    for statement in _SQLITE if dialect == "sqlite" else _POSTGRESQL:
        op.execute(statement)
