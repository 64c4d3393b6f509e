"""Subscriptions: how people and who runs the server begin, change and end them.

What time brings is in `causette.plans.renewals`. Where Stripe collects the money, it decides when a period ends and
what a change costs: see `causette.plans.payments`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from causette.db import Database
from causette.errors import Conflict
from causette.plans import proration, store, trials
from causette.plans.billing import Recipient, RecipientOf, Subscription
from causette.plans.invoicing import Invoicing
from causette.plans.live_book import LiveBook
from causette.plans.terms import (
    Assignment,
    begun,
    check_assignment,
    check_trust,
    checked_seats,
    listed,
    not_stripes,
    not_subscribed,
    subscribed,
    trial_used,
)
from causette.plans.types import Plan


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change would come to: ``now`` for the rest of the period, at ``period_end``, or bought at a ``checkout``.

    Amounts are in the currency's smallest unit: ``monthly`` for all seats from then on, ``credit`` (zero or less) and
    ``charge`` for the rest of this period.
    """

    plan_id: str
    seats: int
    when: Literal["now", "period_end", "checkout"]
    at: datetime
    currency: str
    monthly: int
    credit: int
    charge: int


class Subscriptions:
    """Who subscribes to what. ``changed`` is called after every change made here."""

    def __init__(
        self,
        database: Database,
        book: LiveBook,
        invoicing: Invoicing,
        recipient_of: RecipientOf,
        *,
        now: Callable[[], datetime],
        changed: Callable[[], None],
    ) -> None:
        self._database = database
        self._book = book
        self._invoicing = invoicing
        self._recipient_of = recipient_of
        self._now = now
        self._changed = changed

    async def find(self, payer_id: str) -> Subscription | None:
        """The payer's subscription, unless it is cancelled or there is none."""
        async with self._database.read() as connection:
            return await store.live_subscription(connection, payer_id)

    async def of(self, payer_ids: Iterable[str]) -> dict[str, Subscription]:
        """The subscriptions of these payers that are not cancelled: for who runs the server."""
        wanted = tuple(set(payer_ids))
        async with self._database.read() as connection:
            found = await store.subscriptions_of(connection, wanted) if wanted else ()
        return {subscription.payer_id: subscription for subscription in found}

    async def all(self) -> tuple[Subscription, ...]:
        """Everybody's subscription that is not cancelled, the oldest first: for who runs the server."""
        async with self._database.read() as connection:
            return await store.live_subscriptions(connection)

    async def start(
        self, payer_id: str, plan_id: str, seats: int | None = None, *, by: str | None = None
    ) -> Subscription:
        """Subscribe to a plan without paying: to one that has no price, or for its trial.

        A trial is everybody's once, in whichever workspace: of the user ``by`` who starts it, and of who owns it.

        Raises:
            NotFound: there is no such plan, or only who runs the server gives it.
            InvalidRequest: the number of seats is not one the plan allows.
            Conflict: the plan has to be paid for (``payment_required``), there is a subscription already
                (``subscribed``), or the trial is used up (``trial_used``).
        """
        book, now = self._book.current, self._now()
        plan = listed(book, plan_id)
        seats = checked_seats(plan, seats)
        if plan.is_sold and not plan.trial_days:
            raise Conflict(
                f"The plan {plan.id!r} has a price. Go through the checkout, or ask who runs this server.",
                code="payment_required",
            )
        trial = timedelta(days=plan.trial_days) if plan.is_sold else None
        made = begun(payer_id, plan, seats, now, collection="none", trial=trial)
        async with self._database.write() as connection:
            if trial is not None and await store.had_subscription(connection, payer_id, plan.id):
                raise trial_used(plan)
            if not await store.insert_subscription(connection, made):
                raise subscribed()
            if trial is not None and not await trials.note(connection, made, by=by):
                raise trial_used(plan)
        self._changed()
        return made

    async def assign(self, payer_id: str, assignment: Assignment) -> Subscription:
        """Give a payer a plan by hand, in place of the one they have; an invoiced difference is prorated.

        Raises:
            NotFound: there is no such plan.
            InvalidRequest: the seats, the trial or the postpaid amount cannot be.
            Conflict: Stripe collects for this payer's subscription (``stripe_collects``).
        """
        book, now = self._book.current, self._now()
        plan = book.plan(assignment.plan_id)
        seats = checked_seats(plan, assignment.seats)
        check_assignment(plan, assignment)
        recipient = await self._recipient_of(payer_id)
        async with self._database.write() as connection:
            current = await store.live_subscription(connection, payer_id, to_change=True)
            if current is not None:
                not_stripes(current)
            if (
                current is not None
                and current.status != "trialing"
                and not assignment.trial_days
                and (current.collection, current.currency) == (assignment.collection, plan.currency)
            ):
                kept = replace(current, postpaid_nano=assignment.postpaid_nano)
                made = await self._change_now(connection, kept, plan, seats, now, recipient)
            else:
                if current is not None:
                    await self.end_now(connection, current, now, recipient)
                trial = timedelta(days=assignment.trial_days) if assignment.trial_days else None
                made = begun(payer_id, plan, seats, now, collection=assignment.collection, trial=trial)
                made = replace(made, postpaid_nano=assignment.postpaid_nano)
                await store.insert_subscription(connection, made)
                if trial is not None:
                    # Who runs the server may give another one.
                    await trials.note(connection, made)
                await self._invoicing.period(connection, made, plan, now, recipient)
        self._changed()
        return made

    async def change(
        self, payer_id: str, *, plan_id: str | None = None, seats: int | None = None
    ) -> Subscription:
        """Change plan or seats: to what costs more at once, for the rest of the month; to what costs less at its end.

        Raises:
            NotFound: there is no subscription, or no such plan to be had.
            InvalidRequest: the number of seats is not one the plan allows.
            Conflict: the change has to be paid for and nobody collects (``payment_required``), or is Stripe's to make.
        """
        book, now = self._book.current, self._now()
        recipient = await self._recipient_of(payer_id)
        async with self._database.write() as connection:
            current = await self._live(connection, payer_id)
            not_stripes(current)
            plan = book.plan(current.plan_id) if plan_id in (None, current.plan_id) else listed(book, plan_id)
            wanted = checked_seats(
                plan, current.seats if seats is None and plan.id == current.plan_id else seats
            )
            rate = plan.monthly_on(current.period.start.date()) * wanted
            if rate > current.period.rate or (current.status == "trialing" and plan.id != current.plan_id):
                if current.collection == "none" or plan.currency != current.currency:
                    raise Conflict(
                        f"The plan {plan.id!r} with {wanted} seats has to be paid for. "
                        "Go through the checkout, or ask who runs this server.",
                        code="payment_required",
                    )
                changed = await self._change_now(connection, current, plan, wanted, now, recipient)
            elif rate == current.period.rate and plan.currency == current.currency:
                changed = await self._change_now(connection, current, plan, wanted, now, recipient)
            else:
                changed = replace(
                    current, pending_plan_id=plan.id, pending_seats=wanted, cancel_at_period_end=False
                )
                await store.update_subscription(connection, changed)
        self._changed()
        return changed

    async def preview(
        self, payer_id: str, *, plan_id: str | None = None, seats: int | None = None
    ) -> Preview:
        """What `change` would do and cost at this moment. Changes nothing.

        Raises:
            NotFound: there is no subscription, or no such plan to be had.
            InvalidRequest: the number of seats is not one the plan allows.
        """
        book, now = self._book.current, self._now()
        async with self._database.read() as connection:
            current = await store.live_subscription(connection, payer_id)
        if current is None:
            raise not_subscribed()
        plan = book.plan(current.plan_id) if plan_id in (None, current.plan_id) else listed(book, plan_id)
        wanted = checked_seats(plan, current.seats if seats is None and plan.id == current.plan_id else seats)
        rate = plan.monthly_on(current.period.start.date()) * wanted
        comparable = plan.currency == current.currency
        if rate > current.period.rate or (current.status == "trialing" and plan.id != current.plan_id):
            if current.collection == "none" or not comparable:
                return Preview(plan.id, wanted, "checkout", now, plan.currency, rate, 0, 0)
        elif rate < current.period.rate or not comparable:
            end = current.period.end
            later = plan.monthly_on(end.date()) * wanted
            return Preview(plan.id, wanted, "period_end", end, plan.currency, later, 0, 0)
        is_charged = current.collection != "none" and current.status != "trialing"
        _, adjustment = proration.change(current.period, now, rate if is_charged else 0)
        return Preview(plan.id, wanted, "now", now, plan.currency, rate, adjustment.credit, adjustment.charge)

    async def cancel(self, payer_id: str, *, at_once: bool = False) -> Subscription:
        """End the subscription when its period ends, or at once; then the rest of what was invoiced is credited.

        Raises:
            NotFound: there is no subscription.
            Conflict: it is Stripe's to end.
        """
        now = self._now()
        recipient = await self._recipient_of(payer_id)
        async with self._database.write() as connection:
            current = await self._live(connection, payer_id)
            not_stripes(current)
            if at_once:
                changed = await self.end_now(connection, current, now, recipient)
            else:
                changed = replace(
                    current, cancel_at_period_end=True, pending_plan_id=None, pending_seats=None
                )
                await store.update_subscription(connection, changed)
        self._changed()
        return changed

    async def resume(self, payer_id: str) -> Subscription:
        """Take back a cancellation or a change that is to come when the period ends.

        Raises:
            NotFound: there is no subscription.
            Conflict: it is a trial, which has to be paid for to go on (``payment_required``), or Stripe's.
        """
        async with self._database.write() as connection:
            current = await self._live(connection, payer_id)
            not_stripes(current)
            if current.status == "trialing" and current.collection == "none":
                raise Conflict(
                    "A trial goes on when it is paid for. Go through the checkout.", code="payment_required"
                )
            changed = replace(current, cancel_at_period_end=False, pending_plan_id=None, pending_seats=None)
            await store.update_subscription(connection, changed)
        self._changed()
        return changed

    async def trust(self, payer_id: str, postpaid_nano: int) -> Subscription:
        """Let a payer owe up to ``postpaid_nano`` nano-dollars of overage at a time; whoever collects invoices it.

        Raises:
            NotFound: there is no subscription.
            InvalidRequest: nobody collects, the plan is not in US dollars, or the amount is negative.
        """
        async with self._database.write() as connection:
            current = await self._live(connection, payer_id)
            if postpaid_nano:
                check_trust(postpaid_nano, current.currency, current.collection)
            changed = replace(current, postpaid_nano=postpaid_nano)
            await store.update_subscription(connection, changed)
        self._changed()
        return changed

    # Inside

    async def _live(self, connection: AsyncConnection, payer_id: str) -> Subscription:
        current = await store.live_subscription(connection, payer_id, to_change=True)
        if current is None:
            raise not_subscribed()
        return current

    async def _change_now(
        self,
        connection: AsyncConnection,
        current: Subscription,
        plan: Plan,
        seats: int,
        now: datetime,
        recipient: Recipient,
    ) -> Subscription:
        """Put ``plan`` in force for the rest of the period, and invoice the difference."""
        is_charged = current.collection == "invoice" and current.status != "trialing"
        rate = plan.monthly_on(current.period.start.date()) * seats if is_charged else 0
        period, adjustment = proration.change(current.period, now, rate)
        changed = replace(
            current,
            plan_id=plan.id,
            seats=seats,
            period=period,
            pending_plan_id=None,
            pending_seats=None,
            cancel_at_period_end=False,
        )
        await store.update_subscription(connection, changed)
        await self._invoicing.change(connection, current, changed, adjustment, now, recipient)
        return changed

    async def end_now(
        self, connection: AsyncConnection, current: Subscription, now: datetime, recipient: Recipient
    ) -> Subscription:
        """Cancel inside the caller's transaction, and credit what was invoiced for the rest of the period."""
        period, adjustment = proration.change(current.period, now, 0)
        ended = replace(current, status="canceled", canceled_at=now, period=period)
        await store.update_subscription(connection, ended)
        await self._invoicing.change(connection, current, ended, adjustment, now, recipient)
        return ended
