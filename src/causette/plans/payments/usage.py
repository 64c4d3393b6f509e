"""Reports use on trust to a billing meter of Stripe's, which invoices it.

What is reported is what a payer owes at that moment: use, less credit, with all corrections of either. So a correction
upwards is reported like use, and one downwards is credit that later use takes first. (A meter takes negative values as
well, but a month that ends below zero is invoiced as zero: what is told so late would be lost.)
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.db import Database
from causette.errors import CausetteError, InvalidRequest
from causette.ids import new_id
from causette.ledger.store import counters_of
from causette.ledger.types import CREDIT, Limit, Meter
from causette.plans.invoicing import Ledger
from causette.plans.payments import store
from causette.plans.payments.store import Report
from causette.plans.payments.stripe_api import StripeApi
from causette.plans.store import open_credit

_log = structlog.get_logger("causette.plans.payments")

# What Stripe refuses is tried again after a minute, and then each time after twice as long.
_FIRST_PAUSE: Final = timedelta(minutes=1)
_LONGEST_PAUSE: Final = timedelta(days=1)


class UsageSender:
    """Tells the meter ``event_name`` what payers owe whom Stripe invoices, in nano-dollars.

    What was told is Stripe's to collect, so it is no longer owed here. A report is written down before it is sent, and
    its id identifies it in both places: sending it again after a crash changes nothing. One payer whom Stripe refuses
    keeps nobody else from being reported.
    """

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        stripe: StripeApi,
        event_name: str,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._stripe = stripe
        self._event_name = event_name
        self._now = now

    async def send_due(self) -> int:
        """Report what is owed now, and what could not be reported before; how many payers' that was.

        Raises:
            CausetteError: Stripe does not answer, or refuses everybody; the next call goes on with the others.
        """
        async with self._database.read() as connection:
            customers = await store.trusted_by_stripe(connection)
            waiting = {report.payer_id for report in await store.reports(connection)}
            counters = await counters_of(connection, map(_credit, customers))
        owing = {
            payer_id
            for payer_id in customers
            if (counter := counters.get(_credit(payer_id))) is not None and counter.used > counter.held
        }
        sent = 0
        for payer_id in sorted((owing | waiting) & customers.keys()):
            report = await self._begun(payer_id)
            if report is not None:
                sent += await self._send(report, customers[payer_id])
        return sent

    async def _begun(self, payer_id: str) -> Report | None:
        """The report that is under way, or a new one of what is owed; None where it is not time, or nothing is."""
        async with self._database.write() as connection:
            report = await store.report_to_change(connection, payer_id)
            if report.nano:
                is_due = report.retry_at is None or report.retry_at <= self._now()
                return report if is_due else None
            nano = await _owed(connection, payer_id)
            if nano <= 0:
                return None
            report = replace(report, report_id=new_id("use"), nano=nano)
            await store.keep_report(connection, report)
            return report

    async def _send(self, report: Report, customer_id: str) -> bool:
        """Whether Stripe has taken the report."""
        try:
            await self._stripe.report_use(
                self._event_name,
                identifier=report.report_id,
                customer_id=customer_id,
                value=report.nano,
                at=self._now(),
            )
        except CausetteError as error:
            await self._note_failure(report, error)
            if isinstance(error, InvalidRequest):
                return False
            raise
        await self._ledger.top_up(
            report.payer_id, report.nano, "Invoiced by Stripe", f"stripe-meter:{report.report_id}"
        )
        await self._finish(
            replace(report, nano=0, attempts=0, problem=None, failing_since=None, retry_at=None)
        )
        return True

    async def _note_failure(self, report: Report, error: CausetteError) -> None:
        now = self._now()
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(report.attempts, 16))
        _log.error("use not reported to Stripe", payer_id=report.payer_id, reason=error.message)
        await self._finish(
            replace(
                report,
                attempts=report.attempts + 1,
                problem=error.message,
                failing_since=report.failing_since or now,
                retry_at=now + pause,
            )
        )

    async def _finish(self, report: Report) -> None:
        """Keep how a report went, unless another process has ended it meanwhile."""
        async with self._database.write() as connection:
            current = await store.report_to_change(connection, report.payer_id)
            if current.nano and current.report_id == report.report_id:
                await store.keep_report(connection, report)


async def _owed(connection: AsyncConnection, payer_id: str) -> int:
    """What a payer owes beyond what open invoices ask for, without what is only held. Nano-dollars."""
    key = _credit(payer_id)
    counter = (await counters_of(connection, (key,))).get(key)
    if counter is None:
        return 0
    return counter.used - counter.held - await open_credit(connection, payer_id)


def _credit(payer_id: str) -> str:
    return Limit(f"payer:{payer_id}", Meter.MONEY, CREDIT, 0).counter
