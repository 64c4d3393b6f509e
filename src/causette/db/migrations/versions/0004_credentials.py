"""Accounts: ways in and ways back in. What a session is recognised by, links sent by mail, invitations, second
factors, passkeys, and identities at sign-on providers."""

import sqlalchemy as sa
from alembic import op

revision = "0004_credentials"
down_revision = "0003_ledger"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def _user(name: str, *, nullable: bool = False, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(
        name,
        sa.Text,
        sa.ForeignKey("users.id", ondelete="CASCADE"),
        nullable=nullable,
        primary_key=primary_key,
    )


def upgrade() -> None:
    op.add_column("sessions", sa.Column("user_agent", sa.Text))
    op.add_column("sessions", sa.Column("network", sa.Text))
    op.create_table(
        "mailed_links",
        sa.Column("token_hash", sa.LargeBinary, primary_key=True),
        sa.Column("purpose", sa.Text, nullable=False),
        _user("owner_id", nullable=True),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("password_hash", sa.Text),
        sa.Column("locale", sa.Text),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.CheckConstraint("purpose IN ('sign_up', 'password_reset', 'email_change')", name="purpose"),
    )
    op.create_index(None, "mailed_links", ["owner_id", "purpose"])
    op.create_index(None, "mailed_links", ["expires_at"])
    op.create_table(
        "invitations",
        sa.Column("id", sa.Text, primary_key=True),
        _user("owner_id"),
        sa.Column("token_hash", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.CheckConstraint("role IN ('owner', 'member')", name="role"),
    )
    op.create_index(None, "invitations", ["owner_id"])
    op.create_index(None, "invitations", ["created_at"])
    op.create_table(
        "totp_secrets",
        _user("owner_id", primary_key=True),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("confirmed_at", _INSTANT),
        sa.Column("last_step", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "recovery_codes",
        _user("owner_id", primary_key=True),
        sa.Column("code_hash", sa.LargeBinary, primary_key=True),
    )
    op.create_table(
        "sign_in_challenges",
        sa.Column("token_hash", sa.LargeBinary, primary_key=True),
        _user("owner_id"),
        sa.Column("expires_at", _INSTANT, nullable=False),
    )
    op.create_index(None, "sign_in_challenges", ["owner_id"])
    op.create_index(None, "sign_in_challenges", ["expires_at"])
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Text, primary_key=True),
        _user("owner_id"),
        sa.Column("credential_id", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("synced", sa.Boolean, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("last_used_at", _INSTANT),
    )
    op.create_index(None, "passkeys", ["owner_id", "created_at"])
    op.create_table(
        "passkey_challenges",
        sa.Column("challenge_hash", sa.LargeBinary, primary_key=True),
        _user("owner_id", nullable=True),
        sa.Column("expires_at", _INSTANT, nullable=False),
    )
    op.create_index(None, "passkey_challenges", ["owner_id"])
    op.create_index(None, "passkey_challenges", ["expires_at"])
    op.create_table(
        "sign_on_identities",
        sa.Column("id", sa.Text, primary_key=True),
        _user("owner_id"),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("email", sa.Text),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("last_used_at", _INSTANT),
        sa.UniqueConstraint("provider", "subject"),
    )
    op.create_index(None, "sign_on_identities", ["owner_id"])
    op.create_table(
        "sign_on_states",
        sa.Column("state_hash", sa.LargeBinary, primary_key=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("nonce", sa.Text, nullable=False),
        sa.Column("code_verifier", sa.Text, nullable=False),
        sa.Column("redirect_uri", sa.Text, nullable=False),
        _user("owner_id", nullable=True),
        sa.Column("expires_at", _INSTANT, nullable=False),
    )
    op.create_index(None, "sign_on_states", ["owner_id"])
    op.create_index(None, "sign_on_states", ["expires_at"])


def downgrade() -> None:
    for table in (
        "sign_on_states",
        "sign_on_identities",
        "passkey_challenges",
        "passkeys",
        "sign_in_challenges",
        "recovery_codes",
        "totp_secrets",
        "invitations",
        "mailed_links",
    ):
        op.drop_table(table)
    op.drop_column("sessions", "network")
    op.drop_column("sessions", "user_agent")
