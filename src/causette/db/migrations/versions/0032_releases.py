"""Releases: artifacts with their lineage, the gate's reports, approvals, what is served to whom, and how it does."""

import sqlalchemy as sa
from alembic import op

revision = "0032_releases"
down_revision = "0031_mentions"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "artifacts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("base", sa.Text, nullable=False),
        sa.Column("lineage", sa.JSON, nullable=False),
        sa.Column("metrics", sa.JSON, nullable=False),
        sa.Column("cost_nano", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
    )
    op.create_table(
        "gate_reports",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("artifact_id", sa.Text, sa.ForeignKey("artifacts.id"), nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("baseline", sa.Text, nullable=False),
        sa.Column("checks", sa.JSON, nullable=False),
        sa.Column("policy", sa.JSON, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("machine", sa.Text, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
    )
    op.create_index(None, "gate_reports", ["artifact_id", "id"])
    op.create_table(
        "approvals",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("artifact_id", sa.Text, sa.ForeignKey("artifacts.id"), nullable=False),
        sa.Column("report_id", sa.Text, sa.ForeignKey("gate_reports.id"), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("actor_id", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.CheckConstraint("kind IN ('signed', 'overridden')", name="kind"),
        sa.CheckConstraint("kind = 'signed' OR reason <> ''", name="reason"),
    )
    op.create_index(None, "approvals", ["artifact_id", "id"])
    op.create_table(
        "releases",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("artifact_id", sa.Text, sa.ForeignKey("artifacts.id"), nullable=False),
        sa.Column("approval_id", sa.Text, sa.ForeignKey("approvals.id"), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("share_percent", sa.Float, nullable=False),
        sa.Column("bounds", sa.JSON, nullable=False),
        sa.Column("previous_id", sa.Text, sa.ForeignKey("releases.id")),
        sa.Column("begun_by", sa.Text, nullable=False),
        sa.Column("begun_at", _INSTANT, nullable=False),
        sa.Column("promoted_at", _INSTANT),
        sa.Column("ended_at", _INSTANT),
        sa.Column("reason", sa.Text, nullable=False),
        sa.CheckConstraint(
            "state IN ('canary', 'released', 'superseded', 'rolled_back', 'undone')", name="state"
        ),
    )
    op.create_index(None, "releases", ["model", "id"])
    for state in ("canary", "released"):
        op.create_index(
            f"ix_releases_{state}",
            "releases",
            ["model"],
            unique=True,
            sqlite_where=sa.text(f"state = '{state}'"),
            postgresql_where=sa.text(f"state = '{state}'"),
        )
    op.create_table(
        "release_tallies",
        sa.Column("release_id", sa.Text, sa.ForeignKey("releases.id"), primary_key=True),
        sa.Column("arm", sa.Text, primary_key=True),
        sa.Column("minute", _INSTANT, primary_key=True),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("errors", sa.BigInteger, nullable=False),
        sa.Column("firsts", sa.BigInteger, nullable=False),
        sa.Column("first_log", sa.Float, nullable=False),
        sa.Column("first_log_squares", sa.Float, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("compute_ns", sa.BigInteger, nullable=False),
        sa.CheckConstraint("arm IN ('stable', 'canary')", name="arm"),
    )
    # Which release wrote a reply; null where the model that the house began with did.
    op.add_column("messages", sa.Column("release_id", sa.Text))
    op.create_index(
        "ix_messages_release_id",
        "messages",
        ["release_id"],
        sqlite_where=sa.text("release_id IS NOT NULL"),
        postgresql_where=sa.text("release_id IS NOT NULL"),
    )
