"""The lab among several processes: one report of a run, whether it was ever asked for, what is not served, nights."""

import sqlalchemy as sa
from alembic import op

revision = "0036_lab"
down_revision = "0035_fine_tuned_models"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_RUN = {"sqlite": "json_extract(policy, '$.run')", "postgresql": "policy ->> 'run'"}


def upgrade() -> None:
    op.add_column("gate_reports", sa.Column("run_id", sa.Text))
    # Of a run that was reported twice, it is the newest report that people have signed.
    run = _RUN[op.get_bind().dialect.name]
    op.execute(
        f"UPDATE gate_reports SET run_id = {run} "  # noqa: S608 - one of the two above
        f"WHERE id IN (SELECT max(id) FROM gate_reports GROUP BY {run})"
    )
    op.create_index("ix_gate_reports_run_id", "gate_reports", ["run_id"], unique=True)
    op.create_index("ix_jobs_key_id", "jobs", ["key", "id"])
    op.create_table(
        "unserved_releases",
        sa.Column("release_id", sa.Text, sa.ForeignKey("releases.id"), primary_key=True),
        sa.Column("process", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("instead", sa.Text, nullable=False),
        sa.Column("since", _INSTANT, nullable=False),
        sa.Column("seen_at", _INSTANT, nullable=False),
    )
    # When the newest example that a turn learns from was made; null of turns from before, and until they are chosen.
    op.add_column("flywheel_turns", sa.Column("learned_until", _INSTANT))
    op.create_table(
        "flywheel_nights",
        sa.Column("due_at", _INSTANT, primary_key=True),
        sa.Column("looked_at", _INSTANT, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("fresh", sa.Integer, nullable=False),
        sa.Column("turn_id", sa.Text, sa.ForeignKey("flywheel_turns.id")),
        sa.CheckConstraint("outcome IN ('begun', 'under_way', 'too_few', 'nobody')", name="outcome"),
    )
