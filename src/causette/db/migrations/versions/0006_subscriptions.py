"""Plans: subscriptions, budgets, invoices, and what is known of Stripe."""

import sqlalchemy as sa
from alembic import op

revision = "0006_subscriptions"
down_revision = "0005_workspaces"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "plan_subscriptions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("payer_id", sa.Text, nullable=False),
        sa.Column("plan_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("collection", sa.Text, nullable=False),
        sa.Column("seats", sa.Integer, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("anchor_at", _INSTANT, nullable=False),
        sa.Column("months", sa.Integer, nullable=False),
        sa.Column("period_start", _INSTANT, nullable=False),
        sa.Column("period_end", _INSTANT, nullable=False),
        sa.Column("rate", sa.BigInteger, nullable=False),
        sa.Column("rate_since", _INSTANT, nullable=False),
        # Money times seconds: more than 64 bits hold.
        sa.Column("weighted", sa.Text, nullable=False),
        sa.Column("charged", sa.BigInteger, nullable=False),
        sa.Column("pending_plan_id", sa.Text),
        sa.Column("pending_seats", sa.Integer),
        sa.Column("cancel_at_period_end", sa.Boolean, nullable=False),
        sa.Column("past_due_since", _INSTANT),
        sa.Column("canceled_at", _INSTANT),
        sa.Column("postpaid_nano", sa.BigInteger, nullable=False),
        sa.Column("stripe_id", sa.Text, unique=True),
        sa.Column("synced_at", _INSTANT),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.CheckConstraint("status IN ('trialing', 'active', 'past_due', 'canceled')", name="status"),
        sa.CheckConstraint("collection IN ('none', 'invoice', 'stripe')", name="collection"),
    )
    live = sa.text("status <> 'canceled'")
    op.create_index(
        "ix_plan_subscriptions_live",
        "plan_subscriptions",
        ["payer_id"],
        unique=True,
        sqlite_where=live,
        postgresql_where=live,
    )
    op.create_index(None, "plan_subscriptions", ["payer_id", "created_at"])
    op.create_index(None, "plan_subscriptions", ["status", "period_end"])
    op.create_table(
        "plan_budgets",
        sa.Column("subject_id", sa.Text, primary_key=True),
        # Empty where the budget is not one inside a workspace: a key may hold no NULL.
        sa.Column("workspace_id", sa.Text, primary_key=True),
        sa.Column("meter", sa.Text, primary_key=True),
        sa.Column("period", sa.Text, primary_key=True),
        sa.Column("amount", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "plan_invoices",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("number", sa.Text, nullable=False, unique=True),
        sa.Column("payer_id", sa.Text, nullable=False),
        sa.Column("subscription_id", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("recipient_name", sa.Text, nullable=False),
        sa.Column("recipient_email", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("lines", sa.Text, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("period_start", _INSTANT, nullable=False),
        sa.Column("period_end", _INSTANT, nullable=False),
        sa.Column("issued_at", _INSTANT, nullable=False),
        sa.Column("due_at", _INSTANT, nullable=False),
        sa.Column("paid_at", _INSTANT),
        sa.Column("credit_nano", sa.BigInteger, nullable=False),
        sa.CheckConstraint("status IN ('open', 'paid', 'void')", name="status"),
    )
    op.create_index(None, "plan_invoices", ["payer_id", "issued_at"])
    op.create_index(None, "plan_invoices", ["subscription_id", "status", "due_at"])
    op.create_table(
        "plan_invoice_numbers",
        sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("last", sa.Integer, nullable=False),
    )
    op.create_table(
        "plan_stripe_customers",
        sa.Column("payer_id", sa.Text, primary_key=True),
        sa.Column("customer_id", sa.Text, nullable=False, unique=True),
    )
    op.create_table(
        "plan_stripe_events",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("seen_at", _INSTANT, nullable=False),
    )
    op.create_index(None, "plan_stripe_events", ["seen_at"])
    op.create_table(
        "plan_stripe_cursor",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("finished_at", _INSTANT, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
    )
