"""Invoices: what is put on them when a subscription begins, changes, renews or ends, and what their payment brings."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from causette.amounts import NANO_DECIMALS, decimals_of
from causette.db import Database
from causette.errors import Conflict, NotFound
from causette.ids import new_id
from causette.ledger.types import CREDIT, Limit, Meter, Standing
from causette.plans import store
from causette.plans.billing import Invoice, InvoiceLine, Recipient, Subscription, due_after
from causette.plans.book import PlanBook
from causette.plans.live_book import LiveBook
from causette.plans.proration import Adjustment
from causette.plans.types import Plan

_UNUSED: Final = {"en": ": unused", "fr": " : non utilisé"}
_REST: Final = {"en": ": the rest of the period", "fr": " : le reste de la période"}
_USAGE: Final = {"en": "Usage beyond the plan", "fr": "Usage au-delà du forfait"}


class Ledger(Protocol):
    """As much of the books as this room needs."""

    async def top_up(self, payer_id: str, amount_nano: int, memo: str, reference: str) -> object:
        """Add credit; what has the same ``reference`` is added once."""
        ...

    async def standing(self, limits: Iterable[Limit]) -> tuple[Standing, ...]:
        """How far each limit is used."""
        ...


@dataclass(frozen=True, slots=True)
class Owed:
    """What a payer's overage comes to beyond their credit, and how much of that has been invoiced. Nano-dollars."""

    used: int
    invoiced: int


class Invoices:
    """Everybody's invoices. ``changed`` is called after every change made here."""

    def __init__(
        self, database: Database, ledger: Ledger, *, now: Callable[[], datetime], changed: Callable[[], None]
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._now = now
        self._changed = changed

    async def of(self, payer_id: str) -> tuple[Invoice, ...]:
        """A payer's invoices, the newest first."""
        async with self._database.read() as connection:
            return await store.invoices_of(connection, payer_id)

    async def find(self, invoice_id: str) -> Invoice | None:
        """One invoice, whoever it asks: look it up through `causette.accounts.owned`."""
        async with self._database.read() as connection:
            return await store.invoice_by_id(connection, invoice_id)

    async def mark_paid(self, invoice_id: str) -> Invoice:
        """Note that an invoice is paid, which ends arrears and brings the credit it was for.

        Raises:
            NotFound: there is no such invoice.
            Conflict: it is void.
        """
        return await self._end(invoice_id, "paid")

    async def void(self, invoice_id: str) -> Invoice:
        """Note that an invoice is not to be paid. Its number stays taken.

        Raises:
            NotFound: there is no such invoice.
            Conflict: it is paid.
        """
        return await self._end(invoice_id, "void")

    async def _end(self, invoice_id: str, status: str) -> Invoice:
        now = self._now()
        found = await self.find(invoice_id)
        if found is None:
            raise NotFound(f"There is no invoice with the id {invoice_id!r}.")
        if found.status not in ("open", status):
            raise Conflict(f"The invoice {found.number} is {found.status} and cannot become {status}.")
        if found.credit_nano and status == "paid":
            # Before the invoice is paid, so that a crash in between repeats it; the reference has it count once.
            await self._ledger.top_up(
                found.payer_id, found.credit_nano, f"Invoice {found.number}", f"invoice:{found.id}"
            )
        async with self._database.write() as connection:
            await store.end_invoice(connection, found.id, status, paid_at=now if status == "paid" else None)
            current = await store.live_subscription(connection, found.payer_id, to_change=True)
            if (
                current is not None
                and current.status == "past_due"
                and current.collection == "invoice"
                and not await store.is_in_arrears(connection, current.id, now)
            ):
                await store.update_subscription(
                    connection, replace(current, status="active", past_due_since=None)
                )
            ended = await store.invoice_by_id(connection, found.id)
            assert ended is not None
        self._changed()
        return ended


class Invoicing:
    """Issues invoices inside the caller's transaction, to payers whose price is collected so."""

    def __init__(self, database: Database, book: LiveBook, ledger: Ledger) -> None:
        self._database = database
        self._book = book
        self._ledger = ledger

    async def owed(self, payer_id: str) -> Owed:
        """What a payer owes at this moment."""
        # In this order: an invoice that is paid in between is then counted twice against the debt, until next month,
        # and never twice for it.
        async with self._database.read() as connection:
            invoiced = await store.open_credit(connection, payer_id)
        (standing,) = await self._ledger.standing((Limit(f"payer:{payer_id}", Meter.MONEY, CREDIT, 0),))
        return Owed(used=standing.used - standing.held, invoiced=invoiced)

    async def change(
        self,
        connection: AsyncConnection,
        before: Subscription,
        after: Subscription,
        adjustment: Adjustment,
        now: datetime,
        recipient: Recipient,
    ) -> None:
        """Invoice what becomes of ``before`` for the rest of its period: ``after``, or nothing once it is cancelled."""
        if before.collection != "invoice":
            return
        book, since = self._book.current, after.period.since
        unused = titled(book, before.plan_id, before.seats, _UNUSED)
        if after.status == "canceled":
            if adjustment.net:
                line = InvoiceLine(text=unused, quantity=1, amount=adjustment.net)
                await self._issue(connection, after, (line,), since, now, recipient)
        elif adjustment.credit or adjustment.charge:
            lines = (
                InvoiceLine(text=unused, quantity=1, amount=adjustment.credit),
                InvoiceLine(
                    text=titled(book, after.plan_id, after.seats, _REST),
                    quantity=1,
                    amount=adjustment.charge,
                ),
            )
            await self._issue(connection, after, lines, since, now, recipient)

    async def period(
        self,
        connection: AsyncConnection,
        subscription: Subscription,
        plan: Plan,
        now: datetime,
        recipient: Recipient,
    ) -> None:
        """Invoice a period that has just begun."""
        if subscription.collection == "invoice" and subscription.period.rate:
            line = InvoiceLine(
                text=titled(self._book.current, plan.id, 1),
                quantity=subscription.seats,
                amount=subscription.period.rate,
            )
            await self._issue(connection, subscription, (line,), subscription.period.start, now, recipient)

    async def usage(
        self,
        connection: AsyncConnection,
        subscription: Subscription,
        owed: Owed,
        now: datetime,
        recipient: Recipient,
    ) -> None:
        """Invoice what has been used on trust. What is less than a cent waits for the next time."""
        if not subscription.postpaid_nano:
            return
        nano_per_unit = 10 ** (NANO_DECIMALS - decimals_of(subscription.currency))
        invoiced = max(owed.invoiced, await store.open_credit(connection, subscription.payer_id))
        units = (owed.used - invoiced) // nano_per_unit
        if units > 0:
            line = InvoiceLine(text=_USAGE, quantity=1, amount=units)
            credit = units * nano_per_unit
            await self._issue(
                connection,
                subscription,
                (line,),
                subscription.period.start,
                now,
                recipient,
                credit_nano=credit,
            )

    async def _issue(
        self,
        connection: AsyncConnection,
        subscription: Subscription,
        lines: tuple[InvoiceLine, ...],
        period_start: datetime,
        now: datetime,
        recipient: Recipient,
        *,
        credit_nano: int = 0,
    ) -> None:
        total = sum(line.amount for line in lines)
        await store.insert_invoice(
            connection,
            Invoice(
                id=new_id("inv"),
                number=await store.next_invoice_number(connection, now.year),
                payer_id=subscription.payer_id,
                subscription_id=subscription.id,
                status="open" if total > 0 else "paid",
                recipient=recipient,
                currency=subscription.currency,
                lines=lines,
                total=total,
                period_start=period_start,
                period_end=subscription.period.end,
                issued_at=now,
                due_at=due_after(now, self._book.current, total),
                paid_at=None if total > 0 else now,
                credit_nano=credit_nano,
            ),
        )


def titled(
    book: PlanBook, plan_id: str, seats: int, remark: Mapping[str, str] | None = None
) -> dict[str, str]:
    """A plan and its seats, as a line of an invoice says them."""
    titles = book.plans[plan_id].title if plan_id in book.plans else dict.fromkeys(_UNUSED, plan_id)
    times = "" if seats == 1 else f" × {seats}"
    return {
        language: f"{title}{times}{'' if remark is None else remark[language]}"
        for language, title in titles.items()
    }
