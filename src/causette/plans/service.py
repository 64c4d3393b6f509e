"""Plans: what a caller may do now, and how it is paid for. Who runs the server gives plans, budgets and credit here."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Final

import structlog

from causette.accounts.types import Caller
from causette.clock import utc_now
from causette.db import Database
from causette.errors import Conflict, InvalidRequest
from causette.ledger.types import CREDIT, DAY, MONTH, TOTAL, Limit, Meter, Window
from causette.plans import store
from causette.plans.billing import RecipientOf, Subscription
from causette.plans.invoicing import Invoices, Invoicing, Ledger
from causette.plans.live_book import LiveBook
from causette.plans.payments.config import CardPayments
from causette.plans.payments.service import Payments
from causette.plans.payments.usage import UsageSender
from causette.plans.renewals import Renewals
from causette.plans.subscriptions import Subscriptions
from causette.plans.types import Budget, Entitlements

_log = structlog.get_logger("causette.plans")

# A change made in another process takes effect here within this many seconds.
_KNOWN_FOR: Final = 2.0
_MOST_KNOWN: Final = 20_000
_RENEWED_EVERY: Final = 30.0


class Plans:
    """What each account's plan allows; `open` begins to renew subscriptions, `close` ends it.

    What is read of a payer is kept for 2 seconds: a change made through this object takes effect at once, one made in
    another process within that time.
    """

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        recipient_of: RecipientOf,
        *,
        owner_file: Path | None = None,
        cards: CardPayments | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.book = LiveBook(owner_file)
        invoicing = Invoicing(database, self.book, ledger)
        self.invoices = Invoices(database, ledger, now=now, changed=self.forget)
        self.subscriptions = Subscriptions(
            database, self.book, invoicing, recipient_of, now=now, changed=self.forget
        )
        self.renewals = Renewals(database, self.book, invoicing, recipient_of, now=now, changed=self.forget)
        self._cards = cards
        self._payments: Payments | None = None
        self._usage: UsageSender | None = None
        if cards is not None:
            self._payments = Payments(
                database,
                self.book,
                ledger,
                self.subscriptions,
                recipient_of,
                cards.stripe,
                webhook_secret=cards.webhook_secret,
                site=cards.site,
                now=now,
                changed=self.forget,
            )
            if cards.meter is not None:
                self._usage = UsageSender(database, ledger, cards.stripe, cards.meter, now=now)
        self._database = database
        self._ledger = ledger
        self._now = now
        self._known: dict[tuple[str, str], tuple[float, Subscription | None, tuple[Budget, ...]]] = {}
        self._renewing: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to renew subscriptions as their time comes."""
        self._renewing = asyncio.create_task(self._renew_for_ever())

    async def close(self) -> None:
        """Stop renewing. A renewal is one transaction, so that none stays half done."""
        if self._renewing is not None:
            self._renewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._renewing
            self._renewing = None
        if self._cards is not None:
            await self._cards.stripe.close()

    @property
    def takes_cards(self) -> bool:
        """Whether people can pay here themselves."""
        return self._payments is not None

    @property
    def payments(self) -> Payments:
        """Payments through Stripe.

        Raises:
            Conflict: this server takes none (``payments_off``).
        """
        if self._payments is None:
            raise Conflict(
                "This server takes no payments itself. Ask who runs it for a plan or for credit.",
                code="payments_off",
            )
        return self._payments

    async def entitlements(self, caller: Caller) -> Entitlements:
        """What ``caller`` may do now: by the subscription of whoever pays for them, else by the default plan."""
        book = self.book.current
        subscription, budgets = await self._read(caller)
        plan = (
            book.plan(book.default_plan) if subscription is None else subscription.plan_in(book, self._now())
        )
        is_theirs = subscription is not None and subscription.plan_id == plan.id
        return Entitlements(
            plan_id=plan.id,
            payer_id=caller.payer_id,
            weight=plan.weight,
            models=plan.models,
            features=plan.features,
            concurrency=plan.concurrency,
            context=plan.context,
            max_output=plan.max_output,
            limits=plan.limits,
            included=plan.included,
            overage=plan.overage,
            seats=subscription.seats if subscription is not None and is_theirs else 1,
            postpaid_nano=subscription.postpaid_nano if subscription is not None and is_theirs else 0,
            budgets=budgets,
            price_of=book.price_of,
            training_price_of=book.training_price_of,
        )

    def forget(self) -> None:
        """Read everything again when it is next asked for."""
        # A reading that is under way goes into the old one.
        self._known = {}

    # A payer's own subscription, whoever collects for it

    async def change(
        self, payer_id: str, *, plan_id: str | None = None, seats: int | None = None
    ) -> Subscription:
        """Change plan or seats; see `Subscriptions.change` and `Payments.change`."""
        current = await self.subscriptions.find(payer_id)
        if current is not None and current.collection == "stripe":
            return await self.payments.change(current, plan_id=plan_id, seats=seats)
        return await self.subscriptions.change(payer_id, plan_id=plan_id, seats=seats)

    async def cancel(self, payer_id: str, *, at_once: bool = False) -> Subscription:
        """End the subscription; see `Subscriptions.cancel` and `Payments.cancel`."""
        current = await self.subscriptions.find(payer_id)
        if current is not None and current.collection == "stripe":
            return await self.payments.cancel(current, at_once=at_once)
        return await self.subscriptions.cancel(payer_id, at_once=at_once)

    async def resume(self, payer_id: str) -> Subscription:
        """Take back what is to come when the period ends; see `Subscriptions.resume` and `Payments.resume`."""
        current = await self.subscriptions.find(payer_id)
        if current is not None and current.collection == "stripe":
            return await self.payments.resume(current)
        return await self.subscriptions.resume(payer_id)

    async def hold_back(self, payer_id: str) -> None:
        """Keep an account or a workspace from being deleted while Stripe would go on collecting for it.

        Raises:
            Conflict: it would (``subscription_active``).
        """
        current = await self.subscriptions.find(payer_id)
        if current is not None and current.collection == "stripe" and not current.cancel_at_period_end:
            raise Conflict(
                f"The plan {current.plan_id!r} is still being paid for every month. Cancel it first, under "
                "Settings, Plan.",
                code="subscription_active",
            )

    async def personal_data(self, caller: Caller) -> dict[str, object]:
        """What is kept of the caller's own subscription and invoices, under the key ``plan``."""
        payer_id = caller.user.id
        current = await self.subscriptions.find(payer_id)
        return {
            "plan": {
                "subscription": None if current is None else asdict(current),
                "budgets": [asdict(budget) for budget in await self.budgets(payer_id)],
                "credit_nano": await self.credit(payer_id),
                "invoices": [asdict(invoice) for invoice in await self.invoices.of(payer_id)],
            }
        }

    # For who runs the server

    async def set_budget(self, budget: Budget) -> None:
        """Cap what a person or a workspace may use; in place of an earlier cap on the same.

        Raises:
            InvalidRequest: the amount is negative, or the window is a credit's.
        """
        if budget.amount < 0:
            raise InvalidRequest(f"A budget is zero or more, not {budget.amount}.", param="amount")
        if budget.window == CREDIT:
            raise InvalidRequest("A budget is for a span of time. Credit is granted instead.", param="window")
        async with self._database.write() as connection:
            await store.set_budget(connection, budget)
        self.forget()

    async def lift_budget(self, budget: Budget) -> None:
        """Lift the cap on the same subject, meter and window, whatever its amount."""
        async with self._database.write() as connection:
            await store.delete_budget(connection, budget)
        self.forget()

    async def budgets(self, subject_id: str) -> tuple[Budget, ...]:
        """The caps of a person or a workspace."""
        async with self._database.read() as connection:
            return await store.budgets_for(connection, (subject_id,))

    async def grant_credit(self, payer_id: str, amount_nano: int, memo: str, reference: str) -> None:
        """Give credit that nobody has paid for; the same ``reference`` gives it once.

        Raises:
            InvalidRequest: the amount is not above zero.
        """
        if amount_nano <= 0:
            raise InvalidRequest(f"Credit is more than zero, not {amount_nano}.", param="amount_nano")
        await self._ledger.top_up(payer_id, amount_nano, memo, reference)

    async def credit(self, payer_id: str) -> int:
        """A payer's credit in nano-dollars, before what runs now is paid for; negative is what they owe."""
        (standing,) = await self._ledger.standing((Limit(f"payer:{payer_id}", Meter.MONEY, CREDIT, 0),))
        return standing.held - standing.used

    # Inside

    async def _read(self, caller: Caller) -> tuple[Subscription | None, tuple[Budget, ...]]:
        key, now = (caller.payer_id, caller.user.id), monotonic()
        known = self._known.get(key)
        if known is not None and now - known[0] < _KNOWN_FOR:
            return known[1], known[2]
        kept = self._known
        subjects = (caller.user.id, *((caller.workspace_id,) if caller.workspace_id else ()))
        async with self._database.read() as connection:
            subscription = await store.live_subscription(connection, caller.payer_id)
            budgets = await store.budgets_for(connection, subjects)
        if len(kept) >= _MOST_KNOWN:
            kept.clear()
        kept[key] = now, subscription, budgets
        return subscription, budgets

    async def _renew_for_ever(self) -> None:
        while True:
            done = await self._tried(self.renewals.renew_due)
            if self._payments is not None:
                await self._tried(self._payments.reprice_due)
            if self._usage is not None:
                await self._tried(self._usage.send_due)
            # Whoever was away for months has several to renew.
            await asyncio.sleep(1.0 if done else _RENEWED_EVERY)

    async def _tried(self, work: Callable[[], Awaitable[int]]) -> int:
        try:
            return await work()
        except Exception as error:
            _log.error("what time brings was not done", exc_info=error)
            return 0


def window_called(name: str) -> Window:
    """The window of a budget by the name it has in a request: ``day``, ``month`` or ``total``.

    Raises:
        InvalidRequest: it is no such name.
    """
    windows = {window.key: window for window in (DAY, MONTH, TOTAL)}
    if name not in windows:
        raise InvalidRequest(f"{name!r} is not one of {', '.join(windows)}.", param="window")
    return windows[name]
