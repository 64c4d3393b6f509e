"""The lab among several processes: one report of each run of the gate."""

import sqlalchemy as sa
from alembic import op

revision = "0036_lab"
down_revision = "0034_flywheel"
branch_labels = None
depends_on = None

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
