"""What time brings to subscriptions: they renew, fall into arrears, or end."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog

from causette.db import Database
from causette.errors import NotFound
from causette.plans import store
from causette.plans.billing import RecipientOf
from causette.plans.invoicing import Invoicing
from causette.plans.live_book import LiveBook
from causette.plans.terms import next_period

_log = structlog.get_logger("causette.plans")

# So many are renewed before others get their turn at the database.
_AT_ONCE: Final = 100


class Renewals:
    """Renews, ends and reminds. ``changed`` is called after every change made here."""

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

    async def renew_due(self) -> int:
        """Renew, end or remind every subscription whose time has come; how many there were.

        Any number of processes may do this at once, and one that was away for months catches up month by month.
        """
        async with self._database.read() as connection:
            due = await store.payers_due(connection, self._now(), most=_AT_ONCE)
            late = await store.payers_in_arrears(connection, self._now(), most=_AT_ONCE)
        for work, payers in ((self._renew, due), (self._fall_due, late)):
            for payer_id in payers:
                try:
                    await work(payer_id)
                except Exception as error:
                    # One that cannot be renewed keeps nobody else from it.
                    _log.error("subscription not renewed", payer_id=payer_id, exc_info=error)
        if due or late:
            self._changed()
        return len(due) + len(late)

    async def _renew(self, payer_id: str) -> None:
        book, now = self._book.current, self._now()
        try:
            recipient = await self._recipient_of(payer_id)
        except NotFound:
            await self._end_of_nobody(payer_id, now)
            return
        owed = await self._invoicing.owed(payer_id)
        async with self._database.write() as connection:
            current = await store.live_subscription(connection, payer_id, to_change=True)
            # Another process may have been faster.
            if current is None or current.collection == "stripe" or now < current.period.end:
                return
            await self._invoicing.usage(connection, current, owed, now, recipient)
            given_up = (
                current.past_due_since is not None and now >= current.past_due_since + book.grace
            ) or current.plan_id not in book.plans
            if current.cancel_at_period_end or given_up:
                ended = replace(current, status="canceled", canceled_at=current.period.end)
                await store.update_subscription(connection, ended)
                return
            plan = book.plans.get(current.pending_plan_id or current.plan_id, book.plan(current.plan_id))
            renewed = next_period(current, plan)
            await store.update_subscription(connection, renewed)
            await self._invoicing.period(connection, renewed, plan, now, recipient)

    async def _end_of_nobody(self, payer_id: str, now: datetime) -> None:
        """End the subscription of an account that is gone: there is nobody to invoice."""
        async with self._database.write() as connection:
            current = await store.live_subscription(connection, payer_id, to_change=True)
            if current is not None:
                await store.update_subscription(
                    connection, replace(current, status="canceled", canceled_at=now)
                )

    async def _fall_due(self, payer_id: str) -> None:
        now = self._now()
        async with self._database.write() as connection:
            current = await store.live_subscription(connection, payer_id, to_change=True)
            if (
                current is not None
                and current.status == "active"
                and await store.is_in_arrears(connection, current.id, now)
            ):
                await store.update_subscription(
                    connection, replace(current, status="past_due", past_due_since=now)
                )
