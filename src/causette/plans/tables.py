"""The tables of plans."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Integer, Table, Text, text

from causette.db import UtcDateTime, metadata

subscriptions: Final = Table(
    "plan_subscriptions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("payer_id", Text, nullable=False),
    Column("plan_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("collection", Text, nullable=False),
    Column("seats", Integer, nullable=False),
    Column("currency", Text, nullable=False),
    Column("anchor_at", UtcDateTime, nullable=False),
    Column("months", Integer, nullable=False),
    Column("period_start", UtcDateTime, nullable=False),
    Column("period_end", UtcDateTime, nullable=False),
    Column("rate", BigInteger, nullable=False),
    Column("rate_since", UtcDateTime, nullable=False),
    # Money times seconds: more than 64 bits hold.
    Column("weighted", Text, nullable=False),
    Column("charged", BigInteger, nullable=False),
    Column("pending_plan_id", Text),
    Column("pending_seats", Integer),
    Column("cancel_at_period_end", Boolean, nullable=False),
    Column("past_due_since", UtcDateTime),
    Column("canceled_at", UtcDateTime),
    Column("postpaid_nano", BigInteger, nullable=False),
    Column("stripe_id", Text, unique=True),
    Column("synced_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("status IN ('trialing', 'active', 'past_due', 'canceled')", name="status"),
    CheckConstraint("collection IN ('none', 'invoice', 'stripe')", name="collection"),
    # Of several that are started at once, one comes to be.
    Index(
        "ix_plan_subscriptions_live",
        "payer_id",
        unique=True,
        sqlite_where=text("status <> 'canceled'"),
        postgresql_where=text("status <> 'canceled'"),
    ),
    Index(None, "payer_id", "created_at"),
    Index(None, "status", "period_end"),
)

budgets: Final = Table(
    "plan_budgets",
    metadata,
    Column("subject_id", Text, primary_key=True),
    # Empty where the budget is not one inside a workspace: a key may hold no NULL.
    Column("workspace_id", Text, primary_key=True),
    Column("meter", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    Column("amount", BigInteger, nullable=False),
)

invoices: Final = Table(
    "plan_invoices",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", Text, nullable=False, unique=True),
    Column("payer_id", Text, nullable=False),
    Column("subscription_id", Text),
    Column("status", Text, nullable=False),
    Column("recipient_name", Text, nullable=False),
    Column("recipient_email", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("lines", Text, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("period_start", UtcDateTime, nullable=False),
    Column("period_end", UtcDateTime, nullable=False),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("paid_at", UtcDateTime),
    Column("credit_nano", BigInteger, nullable=False),
    CheckConstraint("status IN ('open', 'paid', 'void')", name="status"),
    Index(None, "payer_id", "issued_at"),
    Index(None, "subscription_id", "status", "due_at"),
)

invoice_numbers: Final = Table(
    "plan_invoice_numbers",
    metadata,
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("last", Integer, nullable=False),
)

stripe_customers: Final = Table(
    "plan_stripe_customers",
    metadata,
    Column("payer_id", Text, primary_key=True),
    Column("customer_id", Text, nullable=False, unique=True),
)

stripe_events: Final = Table(
    "plan_stripe_events",
    metadata,
    Column("id", Text, primary_key=True),
    Column("seen_at", UtcDateTime, nullable=False),
    Index(None, "seen_at"),
)

stripe_reports: Final = Table(
    "plan_stripe_reports",
    metadata,
    Column("payer_id", Text, primary_key=True),
    Column("report_id", Text, nullable=False),
    # What Stripe is being told; nothing while it is zero.
    Column("nano", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("problem", Text),
    Column("failing_since", UtcDateTime),
    Column("retry_at", UtcDateTime),
)

#: Who has had the trial of a plan: people, workspaces, and customers of Stripe's.
trials: Final = Table(
    "plan_trials",
    metadata,
    Column("person_id", Text, primary_key=True),
    Column("plan_id", Text, primary_key=True),
    Column("subscription_id", Text, nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
)
