"""Payments: what people buy at Stripe, and what follows from it here.

A webhook says only that something has changed. What it has become is asked for, and an answer takes the place only of
one that was asked for earlier: so neither the order of webhooks nor their repetition matters.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.db import Database
from causette.errors import Conflict, InvalidRequest, NotFound, Unavailable
from causette.ids import new_id
from causette.plans import proration, store, trials
from causette.plans.billing import Recipient, RecipientOf, Subscription
from causette.plans.invoicing import Ledger
from causette.plans.live_book import LiveBook
from causette.plans.payments import store as stripe_store
from causette.plans.payments.stripe_api import StripeApi, StripeSubscription, verified
from causette.plans.subscriptions import Subscriptions
from causette.plans.terms import checked_seats, listed, subscribed

_log = structlog.get_logger("causette.plans.payments")

#: A webhook that was signed longer ago is taken for a replay.
TOLERANCE_SECONDS: Final = 300
# Stripe repeats a webhook for three days.
_EVENTS_KEPT: Final = timedelta(days=30)
_REPRICED_BEFORE: Final = timedelta(hours=24)
_NANO_PER_CENT: Final = 10_000_000
_LEAST_TOP_UP: Final = 1_000_000_000


class _Object(msgspec.Struct):
    id: str = ""


class _Data(msgspec.Struct):
    object: _Object


class _Event(msgspec.Struct):
    id: str
    type: str
    data: _Data


@dataclass(frozen=True, slots=True)
class _Found:
    """A subscription as Stripe has it, and when it was asked."""

    subscription: StripeSubscription
    asked_at: datetime


class Payments:
    """Buying plans and credit through Stripe. ``site`` is where people come back to."""

    def __init__(
        self,
        database: Database,
        book: LiveBook,
        ledger: Ledger,
        subscriptions: Subscriptions,
        recipient_of: RecipientOf,
        stripe: StripeApi,
        *,
        webhook_secret: str,
        site: str,
        now: Callable[[], datetime],
        changed: Callable[[], None],
    ) -> None:
        self._database = database
        self._book = book
        self._ledger = ledger
        self._subscriptions = subscriptions
        self._recipient_of = recipient_of
        self._stripe = stripe
        self._webhook_secret = webhook_secret
        self._site = site.rstrip("/")
        self._now = now
        self._changed = changed

    # Buying

    async def check_out(
        self, payer_id: str, plan_id: str, seats: int | None, *, by: str | None = None
    ) -> str:
        """The address where a payer subscribes to a plan; the user ``by`` asks for it.

        Raises:
            NotFound: there is no such plan to choose.
            InvalidRequest: the seats cannot be, or the plan has no price.
            Conflict: there is a subscription that is paid for already (``subscribed``).
        """
        plan = listed(self._book.current, plan_id)
        seats = checked_seats(plan, seats)
        monthly = plan.monthly_on(self._now().date())
        if not monthly:
            raise InvalidRequest(f"The plan {plan.id!r} has no price: it needs no checkout.", param="plan_id")
        current = await self._subscriptions.find(payer_id)
        if current is not None and current.collection != "none":
            raise subscribed()
        price = await self._stripe.price(plan.id, plan.title["en"], plan.currency, monthly)
        customer_id = await self._customer(payer_id)
        async with self._database.read() as connection:
            people = await trials.people_behind(connection, payer_id, by, customer_id)
            had = await store.had_subscription(connection, payer_id, plan.id) or await store.had_trial(
                connection, people, plan.id
            )
        trial = {} if had or not plan.trial_days else {"trial_period_days": plan.trial_days}
        who = {"causette_payer": payer_id, **({} if by is None else {_BY: by})}
        return await self._stripe.check_out(
            {
                "mode": "subscription",
                "customer": customer_id,
                "line_items": [{"price": price, "quantity": seats}],
                "subscription_data": {"metadata": who, **trial},  # type: ignore[typeddict-item]
                "success_url": f"{self._site}/settings/plan?paid=1",
                "cancel_url": f"{self._site}/settings/plan",
            }
        )

    async def check_out_credit(self, payer_id: str, amount_nano: int) -> str:
        """The address where a payer buys credit, at least a dollar of it and in whole cents.

        Raises:
            InvalidRequest: the amount cannot be bought.
        """
        if amount_nano < _LEAST_TOP_UP or amount_nano % _NANO_PER_CENT:
            raise InvalidRequest("Credit is bought in whole cents, at least 1.00 dollar of it.", param="usd")
        return await self._stripe.check_out(
            {
                "mode": "payment",
                "customer": await self._customer(payer_id),
                "line_items": [
                    {
                        "quantity": 1,
                        "price_data": {
                            "currency": "usd",
                            "unit_amount": amount_nano // _NANO_PER_CENT,
                            "product_data": {"name": "Credit"},
                        },
                    }
                ],
                "metadata": {"causette_credit_of": payer_id},
                "success_url": f"{self._site}/settings/plan?paid=1",
                "cancel_url": f"{self._site}/settings/plan",
            }
        )

    async def portal(self, payer_id: str) -> str:
        """The address where a payer sees to cards, addresses and Stripe's invoices.

        Raises:
            NotFound: they have bought nothing yet.
        """
        async with self._database.read() as connection:
            customer_id = await stripe_store.stripe_customer(connection, payer_id)
        if customer_id is None:
            raise NotFound("Nothing has been bought yet, so there is nothing to manage.", code="no_customer")
        return await self._stripe.portal(customer_id, f"{self._site}/settings/plan")

    # Changing what was bought

    async def change(
        self, current: Subscription, *, plan_id: str | None = None, seats: int | None = None
    ) -> Subscription:
        """Change plan or seats at Stripe: to what costs more at once, prorated; to what costs less at the month's end.

        Raises:
            NotFound: there is no such plan to choose.
            InvalidRequest: the seats cannot be, or Stripe refuses.
            Conflict: the plan is in another currency or has no price: cancel instead.
        """
        book = self._book.current
        plan = book.plan(current.plan_id) if plan_id in (None, current.plan_id) else listed(book, plan_id)
        wanted = checked_seats(plan, current.seats if seats is None and plan.id == current.plan_id else seats)
        # As this month was: what comes later is passed on before the renewal.
        monthly = plan.monthly_on(current.period.start.date())
        if not monthly or plan.currency != current.currency:
            raise Conflict(
                f"A subscription in {current.currency} cannot become {plan.id!r}. Cancel it and start that one.",
                code="not_comparable",
            )
        found = await self._as_paid_for(current, await self._stripe.subscription(_stripe_id(current)))
        price = await self._stripe.price(plan.id, plan.title["en"], plan.currency, monthly)
        if (found.price_id, found.seats) != (price, wanted):
            at_once = monthly * wanted >= current.period.rate
            until = {} if at_once else _until(current)
            found = await self._stripe.change_subscription(
                found, price, wanted, at_once=at_once, metadata={**_NO_UNTIL, **until}
            )
        return await self._keep(found)

    async def cancel(self, current: Subscription, *, at_once: bool) -> Subscription:
        """End a subscription at Stripe, when its period ends or at once."""
        stripe_id = _stripe_id(current)
        if at_once:
            return await self._keep(await self._stripe.cancel_now(stripe_id))
        return await self._keep(await self._stripe.cancel_later(stripe_id, True))

    async def resume(self, current: Subscription) -> Subscription:
        """Take back a cancellation, or a change that is to come when the period ends."""
        found = await self._stripe.cancel_later(_stripe_id(current), False)
        return await self._keep(await self._as_paid_for(current, found))

    async def _as_paid_for(self, current: Subscription, found: StripeSubscription) -> StripeSubscription:
        """What Stripe has, without a change that is to come: else the next one would be prorated against that."""
        if current.pending_plan_id is None:
            return found
        plan = self._book.current.plan(current.plan_id)
        monthly = current.period.rate // current.seats
        price = await self._stripe.price(plan.id, plan.title["en"], current.currency, monthly)
        return await self._stripe.change_subscription(
            found, price, current.seats, at_once=False, metadata=_NO_UNTIL
        )

    async def reprice_due(self) -> int:
        """Have what renews within a day renew at the price of that day; how many were changed."""
        now = self._now()
        async with self._database.read() as connection:
            due = await stripe_store.stripe_renewals(connection, now + _REPRICED_BEFORE)
        changed = 0
        for current in due:
            try:
                changed += await self._reprice(current, now)
            except InvalidRequest as error:
                # One that Stripe does not know any more keeps nobody else from the right price.
                _log.error("subscription not repriced", payer_id=current.payer_id, reason=error.message)
        return changed

    async def _reprice(self, current: Subscription, now: datetime) -> bool:
        """Have a subscription renew at the price of that day; whether that changed anything."""
        plan = self._book.current.plans.get(current.pending_plan_id or current.plan_id)
        if plan is None or current.cancel_at_period_end or current.period.end <= now:
            return False
        found = await self._stripe.subscription(_stripe_id(current))
        price = await self._stripe.price(
            plan.id, plan.title["en"], plan.currency, plan.monthly_on(current.period.end.date())
        )
        if found.price_id == price or found.plan_id != plan.id:
            return False
        await self._stripe.change_subscription(
            found, price, found.seats, at_once=False, metadata=found.metadata
        )
        return True

    # What Stripe says

    async def receive(self, payload: bytes, signature: str | None) -> None:
        """Take a webhook. When this returns its effect is written; repeating it changes nothing.

        Raises:
            InvalidRequest: it is not signed by Stripe, or no event (``bad_signature``, ``invalid_request``).
            Unavailable: Stripe or the database does not answer; Stripe sends it again.
        """
        verified(payload, signature, self._webhook_secret, TOLERANCE_SECONDS)
        try:
            event = msgspec.json.decode(payload, type=_Event)
        except msgspec.DecodeError as error:
            raise InvalidRequest(f"This is no event of Stripe's: {error}") from None
        async with self._database.read() as connection:
            if await stripe_store.stripe_event_is_seen(connection, event.id):
                return
        found: _Found | None = None
        if event.type.startswith("customer.subscription."):
            found = await self._ask(event.data.object.id)
        elif event.type in ("checkout.session.completed", "checkout.session.async_payment_succeeded"):
            found = await self._checked_out(event.data.object.id)
        await self._apply(found, event.id)

    async def _checked_out(self, session_id: str) -> _Found | None:
        """Credit what a checkout paid for, or find the subscription that it began."""
        session = await self._stripe.checkout(session_id)
        if session.mode == "subscription" and session.subscription_id is not None:
            return await self._ask(session.subscription_id)
        payer_id = session.metadata.get("causette_credit_of")
        if payer_id is None or session.mode != "payment" or not session.is_paid:
            return None
        if session.currency != "USD":
            _log.error("credit not added: not in US dollars", session=session.id, currency=session.currency)
            return None
        # Written before the event is noted, so that a crash in between repeats it; the reference has it count once.
        await self._ledger.top_up(
            payer_id, session.amount * _NANO_PER_CENT, "Bought through Stripe", f"stripe:{session.id}"
        )
        return None

    async def _ask(self, stripe_id: str) -> _Found:
        """A subscription as it is at Stripe, without a trial that somebody behind it has had before.

        Several checkouts can be open at once, each of them with a trial.
        """
        asked_at = self._now()
        there = await self._stripe.subscription(stripe_id)
        if there.status == "trialing" and await self._is_second_trial(there):
            _log.warning("trial ended: it was had before", subscription=stripe_id, plan=there.plan_id)
            asked_at = self._now()
            there = await self._stripe.end_trial(stripe_id)
        return _Found(there, asked_at)

    async def _is_second_trial(self, there: StripeSubscription) -> bool:
        async with self._database.read() as connection:
            payer_id = await stripe_store.payer_of_stripe(connection, there.customer_id)
            if payer_id is None or there.plan_id is None:
                return False
            current = await store.subscription_of_stripe(connection, there.id)
            people = await trials.people_behind(
                connection, payer_id, there.metadata.get(_BY), there.customer_id
            )
            of_this = current.id if current is not None else there.id
            return await store.had_other_trial(connection, people, there.plan_id, of_this)

    async def _keep(self, found: StripeSubscription) -> Subscription:
        """Write what Stripe answered to a change."""
        await self._apply(_Found(found, self._now()), None)
        async with self._database.read() as connection:
            kept = await store.subscription_of_stripe(connection, found.id)
        assert kept is not None
        return kept

    async def _apply(self, found: _Found | None, event_id: str | None) -> None:
        """Write an event's effect and that it has had it, in one transaction."""
        now = self._now()
        recipient: Recipient | None = None
        if found is not None:
            async with self._database.read() as connection:
                payer_id = await stripe_store.payer_of_stripe(connection, found.subscription.customer_id)
            if payer_id is not None:
                # What is left at Stripe of an account that is gone concerns nobody here.
                with contextlib.suppress(NotFound):
                    recipient = await self._recipient_of(payer_id)
        async with self._database.write() as connection:
            if event_id is not None:
                await stripe_store.forget_stripe_events(connection, before=now - _EVENTS_KEPT)
                if not await stripe_store.claim_stripe_event(connection, event_id, at=now):
                    return
            if found is not None and recipient is not None:
                await self._write(connection, found, recipient)
        self._changed()

    async def _write(self, connection: AsyncConnection, found: _Found, recipient: Recipient) -> None:
        there = found.subscription
        payer_id = await stripe_store.payer_of_stripe(connection, there.customer_id)
        if payer_id is None or there.status is None or there.plan_id is None:
            return
        current = await store.subscription_of_stripe(connection, there.id, to_change=True)
        if current is not None:
            if current.synced_at is None or current.synced_at < found.asked_at:
                await store.update_subscription(connection, _as_stripe_has_it(current, found))
            return
        if there.status == "canceled":
            return
        live = await store.live_subscription(connection, payer_id, to_change=True)
        if live is not None and live.collection == "stripe":
            _log.error(
                "paid for twice: cancel one at Stripe", payer_id=payer_id, kept=live.stripe_id, other=there.id
            )
            return
        if live is not None:
            await self._subscriptions.end_now(connection, live, self._now(), recipient)
        start = there.period_start
        made = Subscription(
            id=new_id("sub"),
            payer_id=payer_id,
            plan_id=there.plan_id,
            status=there.status,
            collection="stripe",
            seats=there.seats,
            currency=there.currency,
            anchor_at=start,
            months=0,
            period=proration.begin(start, there.period_end, there.rate),
            stripe_id=there.id,
            created_at=self._now(),
        )
        await store.insert_subscription(connection, _as_stripe_has_it(made, found))
        if there.status == "trialing":
            people = await trials.people_behind(
                connection, payer_id, there.metadata.get(_BY), there.customer_id
            )
            if not await store.note_trial(connection, people, made.plan_id, made.id, at=made.created_at):
                # Another began between the question and now. Stripe sends this again, and finds it.
                raise Unavailable("Another trial has just begun.", code="trial_used", retry_after=1.0)

    async def _customer(self, payer_id: str) -> str:
        async with self._database.read() as connection:
            known = await stripe_store.stripe_customer(connection, payer_id)
        if known is not None:
            return known
        recipient = await self._recipient_of(payer_id)
        made = await self._stripe.create_customer(payer_id, name=recipient.name, email=recipient.email)
        async with self._database.write() as connection:
            await stripe_store.keep_stripe_customer(connection, payer_id, made)
            # Of two that were made at once, both use the one that was kept.
            kept = await stripe_store.stripe_customer(connection, payer_id)
        assert kept is not None
        return kept


# Who has asked for a subscription, kept with it at Stripe.
_BY: Final = "causette_by"

# Until when a subscription gives another plan than the one it is to be invoiced for next: kept at Stripe, so that
# whoever asks it for the present state learns that as well. An empty value removes a key there.
_NO_UNTIL: Final = {"causette_until": "", "causette_plan": "", "causette_seats": ""}


def _until(current: Subscription) -> dict[str, str]:
    return {
        "causette_until": str(int(current.period.end.timestamp())),
        "causette_plan": current.plan_id,
        "causette_seats": str(current.seats),
    }


def _as_stripe_has_it(current: Subscription, found: _Found) -> Subscription:
    there = found.subscription
    assert there.status is not None and there.plan_id is not None
    plan_id, seats = there.plan_id, there.seats
    pending_plan_id: str | None = None
    pending_seats: int | None = None
    rate = there.rate
    if there.metadata.get("causette_until") == str(int(there.period_end.timestamp())):
        pending_plan_id, pending_seats = plan_id, seats
        plan_id, seats = there.metadata["causette_plan"], int(there.metadata["causette_seats"])
        rate = current.period.rate
    late = there.status == "past_due"
    return replace(
        current,
        plan_id=plan_id,
        seats=seats,
        pending_plan_id=pending_plan_id,
        pending_seats=pending_seats,
        status=there.status,
        currency=there.currency,
        period=proration.begin(there.period_start, there.period_end, rate),
        cancel_at_period_end=there.cancel_at_period_end,
        past_due_since=(current.past_due_since or found.asked_at) if late else None,
        canceled_at=(current.canceled_at or found.asked_at) if there.status == "canceled" else None,
        synced_at=found.asked_at,
    )


def _stripe_id(current: Subscription) -> str:
    assert current.stripe_id is not None
    return current.stripe_id
