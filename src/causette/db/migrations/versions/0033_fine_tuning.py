"""Fine-tuning: the API's files, jobs with their events, and what training takes of machines."""

import sqlalchemy as sa
from alembic import op

revision = "0033_fine_tuning"
down_revision = "0032_releases"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "api_files",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("workspace_id", sa.Text, sa.ForeignKey("workspaces.id", ondelete="CASCADE")),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.CheckConstraint("purpose IN ('fine-tune', 'fine-tune-results')", name="purpose"),
    )
    op.create_index(None, "api_files", ["user_id", "id"])
    op.create_index(None, "api_files", ["workspace_id", "id"])
    op.create_table(
        "fine_tuning_jobs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("workspace_id", sa.Text, sa.ForeignKey("workspaces.id", ondelete="CASCADE")),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("base", sa.Text, nullable=False),
        sa.Column("training_file", sa.Text, nullable=False),
        sa.Column("validation_file", sa.Text),
        sa.Column("suffix", sa.Text),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("hyperparameters", sa.JSON, nullable=False),
        sa.Column("metadata", sa.JSON),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("planned", sa.JSON),
        sa.Column("error", sa.JSON),
        sa.Column("trained_tokens", sa.BigInteger),
        sa.Column("fine_tuned_model", sa.Text),
        sa.Column("result_file", sa.Text),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("settled_at", _INSTANT),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("estimated_finish", _INSTANT),
        sa.Column("finished_at", _INSTANT),
        sa.CheckConstraint(
            "status IN ('validating_files', 'queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled')",
            name="status",
        ),
        sa.CheckConstraint("method IN ('supervised', 'dpo')", name="method"),
    )
    op.create_index(None, "fine_tuning_jobs", ["user_id", "id"])
    op.create_index(None, "fine_tuning_jobs", ["workspace_id", "id"])
    op.create_table(
        "fine_tuning_events",
        sa.Column(
            "job_id", sa.Text, sa.ForeignKey("fine_tuning_jobs.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("data", sa.JSON),
        sa.CheckConstraint("level IN ('info', 'warn', 'error')", name="level"),
    )
    op.create_index(None, "fine_tuning_events", ["job_id", "id"])
    op.create_table(
        "ledger_training",
        sa.Column("attempt", sa.Text, primary_key=True),
        sa.Column("work", sa.Text, nullable=False),
        sa.Column("machine", sa.Text, nullable=False),
        sa.Column("compute_ns", sa.BigInteger, nullable=False),
        sa.Column("energy_uj", sa.BigInteger, nullable=False),
        sa.Column("energy_method", sa.Text, nullable=False),
        sa.Column("cost_nano", sa.BigInteger, nullable=False),
        sa.Column("noted_at", sa.BigInteger, nullable=False),
    )
    op.create_index(None, "ledger_training", ["work"])
    op.create_index(None, "ledger_training", ["noted_at"])
