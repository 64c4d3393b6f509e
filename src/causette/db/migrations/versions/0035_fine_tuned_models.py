"""Which artifact a fine-tuning job's model is: it is served to whom it belongs for as long as there is one."""

import sqlalchemy as sa
from alembic import op

revision = "0035_fine_tuned_models"
down_revision = "0034_flywheel"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("fine_tuning_jobs", sa.Column("artifact_id", sa.Text))
    op.execute(
        "UPDATE fine_tuning_jobs SET artifact_id = "
        "(SELECT artifacts.id FROM artifacts WHERE artifacts.name = fine_tuning_jobs.fine_tuned_model)"
    )
