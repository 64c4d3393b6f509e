"""Subscriptions and invoices as plain data. Amounts are in the currency's smallest unit unless they say nano."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from causette.amounts import decimals_of, shown
from causette.plans.book import PlanBook
from causette.plans.proration import Period
from causette.plans.types import Plan

Status = Literal["trialing", "active", "past_due", "canceled"]
#: Who collects the money: nobody, whoever runs the server by invoices, or Stripe.
Collection = Literal["none", "invoice", "stripe"]
InvoiceStatus = Literal["open", "paid", "void"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Who has which plan. ``pending_plan_id`` and ``pending_seats`` take effect when ``period`` ends.

    ``anchor_at`` gives the day and time of every renewal, ``months`` how many have passed since.
    """

    id: str
    payer_id: str
    plan_id: str
    status: Status
    collection: Collection
    seats: int
    currency: str
    anchor_at: datetime
    months: int
    period: Period
    pending_plan_id: str | None = None
    pending_seats: int | None = None
    cancel_at_period_end: bool = False
    past_due_since: datetime | None = None
    canceled_at: datetime | None = None
    postpaid_nano: int = 0
    stripe_id: str | None = None
    #: When Stripe was asked for what is kept here.
    synced_at: datetime | None = None
    created_at: datetime

    @property
    def owner_id(self) -> str:
        """Whose it is."""
        return self.payer_id

    def plan_in(self, book: PlanBook, now: datetime) -> Plan:
        """The plan that this subscription gives at the instant ``now``."""
        # Whoever collects the money says when it is over, and may say so a moment late.
        is_over = self.status == "canceled" or (
            self.cancel_at_period_end and self.collection != "stripe" and now >= self.period.end
        )
        if is_over or self.plan_id not in book.plans:
            return book.plan(book.default_plan)
        if self.past_due_since is not None and now >= self.past_due_since + book.grace:
            return book.plan(book.unpaid_plan)
        pending = self.pending_plan_id or self.plan_id
        if pending in book.plans and self.collection == "stripe" and now >= self.period.end:
            return book.plan(pending)
        return book.plan(self.plan_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """One line: what for (in English and in French), how many, and how much in all."""

    text: dict[str, str]
    quantity: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Whom an invoice is addressed to, as of its day."""

    name: str
    email: str


#: Who an invoice to a payer is addressed to.
RecipientOf = Callable[[str], Awaitable[Recipient]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """What is asked for; one with a negative total is a credit note. Once issued, only its status changes."""

    id: str
    number: str
    payer_id: str
    subscription_id: str | None
    status: InvoiceStatus
    recipient: Recipient
    currency: str
    lines: tuple[InvoiceLine, ...]
    total: int
    period_start: datetime
    period_end: datetime
    issued_at: datetime
    due_at: datetime
    paid_at: datetime | None = None
    #: Nano-dollars of credit that its payment brings.
    credit_nano: int = 0

    @property
    def owner_id(self) -> str:
        """Whose it is."""
        return self.payer_id

    def amount(self, units: int) -> str:
        """``units`` as people write them: ``20.00``."""
        return shown(units, decimals_of(self.currency))


def due_after(issued_at: datetime, book: PlanBook, total: int) -> datetime:
    """When an invoice has to be paid; what asks for nothing is due at once."""
    return issued_at + (book.payment_time if total > 0 else timedelta())
