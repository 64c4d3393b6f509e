"""Ledger: how long a prompt can be, for requests of which nothing else is known. Plans: who has had which trial, and
what is being reported to Stripe."""

import sqlalchemy as sa
from alembic import op

revision = "0011_estimates_and_reports"
down_revision = "0010_sealed_secrets"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column(
        "ledger_requests", sa.Column("input_bound", sa.Integer, nullable=False, server_default=sa.text("0"))
    )
    op.create_table(
        "plan_trials",
        sa.Column("person_id", sa.Text, primary_key=True),
        sa.Column("plan_id", sa.Text, primary_key=True),
        sa.Column("subscription_id", sa.Text, nullable=False),
        sa.Column("began_at", _INSTANT, nullable=False),
    )
    # Whoever has had a trial before this was noted: its payer, and who owns the workspace that had it.
    op.execute(
        """
        INSERT INTO plan_trials (person_id, plan_id, subscription_id, began_at)
        SELECT person_id, plan_id, MIN(id), MIN(created_at)
        FROM (
            SELECT payer_id AS person_id, plan_id, id, created_at FROM plan_subscriptions
            WHERE status = 'trialing' OR (collection = 'none' AND cancel_at_period_end)
            UNION ALL
            SELECT members.user_id, plan_id, plan_subscriptions.id, plan_subscriptions.created_at
            FROM plan_subscriptions
            JOIN workspace_members AS members
            ON members.workspace_id = plan_subscriptions.payer_id AND members.role = 'owner'
            WHERE status = 'trialing' OR (collection = 'none' AND cancel_at_period_end)
        ) AS tried
        GROUP BY person_id, plan_id
        """
    )
    op.create_table(
        "plan_stripe_reports",
        sa.Column("payer_id", sa.Text, primary_key=True),
        sa.Column("report_id", sa.Text, nullable=False),
        sa.Column("nano", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("problem", sa.Text),
        sa.Column("failing_since", _INSTANT),
        sa.Column("retry_at", _INSTANT),
    )
    # What is reported is what is owed, so that there is no place in the books to keep.
    op.drop_table("plan_stripe_cursor")
