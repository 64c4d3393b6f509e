"""Bills machines by the hour, to the nano-dollar, in closed periods.

For each machine ``bill = allocated + idle``, always: the bill of a period is posted to ``machine:NAME``, from which the
settlement of requests has taken what their work cost, and what is left there goes to ``idle:NAME``.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.clock import utc_now
from causette.db import Database
from causette.ids import new_id
from causette.ledger.machines import store
from causette.ledger.machines.store import Billed
from causette.ledger.machines.types import Machine, Period, bill, days, idle_energy
from causette.ledger.store import Posting, post

_log = structlog.get_logger(__name__)

# A machine that nobody has seen for this long was off. A restart is shorter, and no switching off.
_OFF_AFTER: Final = timedelta(minutes=2)
_INSTANT: Final = timedelta(microseconds=1)


class MachineMeter:
    """Bills each of ``machines`` while it runs, and says what a request's share of one cost.

    Any number of processes may do so at once. Time when none of them ran is not billed.
    """

    def __init__(
        self, database: Database, machines: Iterable[Machine], *, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._machines = {machine.name: machine for machine in machines}
        self._clock = clock
        self._ticking: asyncio.Task[None] | None = None

    def cost_of(self, compute_ns: int, machine: str | None) -> int:
        """What ``compute_ns`` of a machine's busy time cost in nano-dollars; 0 where nobody set that one's rate."""
        known = None if machine is None else self._machines.get(machine)
        return 0 if known is None else known.cost(compute_ns)

    async def open(self) -> None:
        """Begin to bill, now and each minute until `close`."""
        for machine in self._machines.values():
            await self._resume(machine)
        self._ticking = asyncio.create_task(self._tick(), name="machine meter")

    async def close(self) -> None:
        """Bill what is not billed yet. Harmless where `open` was never called."""
        if self._ticking is None:
            return
        self._ticking.cancel()
        await asyncio.gather(self._ticking, return_exceptions=True)
        self._ticking = None
        for machine in self._machines.values():
            await self._finish(machine)

    async def tick(self) -> None:
        """Note that the machines run, and close the periods that are over.

        A period is over at the end of a minute in which work was settled, and at the end of each hour.
        """
        for machine in self._machines.values():
            await self._minute(machine)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(60 - self._clock().timestamp() % 60)
            try:
                await self.tick()
            except Exception:
                # Nothing is lost: the next minute's bill has this one in it.
                _log.exception("machines could not be billed")

    async def _resume(self, machine: Machine) -> None:
        now = self._clock()
        async with self._database.write() as connection:
            billed = await store.lock_machine(connection, machine.name, at=now)
            if now - billed.seen_at > _OFF_AFTER:
                billed = await self._close(connection, machine, billed, end=billed.seen_at)
                billed = replace(billed, billed_until=now, seen_at=now)
                await store.keep_machine(connection, machine.name, billed)

    async def _minute(self, machine: Machine) -> None:
        end = self._clock().replace(second=0, microsecond=0)
        async with self._database.write() as connection:
            billed = await store.lock_machine(connection, machine.name, at=end)
            if end <= billed.seen_at:
                return  # Another process was first, or the clock was set back.
            billed = replace(billed, seen_at=end)
            worked, _ = await store.allocated(connection, machine.name)
            if worked or end.replace(minute=0) > billed.billed_until:
                billed = await self._close(connection, machine, billed, end=end)
            await store.keep_machine(connection, machine.name, billed)

    async def _finish(self, machine: Machine) -> None:
        now = self._clock()
        async with self._database.write() as connection:
            billed = await store.lock_machine(connection, machine.name, at=now)
            if now > billed.billed_until:
                billed = await self._close(connection, machine, billed, end=now)
                await store.keep_machine(connection, machine.name, replace(billed, seen_at=now))

    async def _close(
        self, connection: AsyncConnection, machine: Machine, billed: Billed, *, end: datetime
    ) -> Billed:
        """Bill a machine, whose row is locked, up to the instant ``end``."""
        for start, stop in days(billed.billed_until, end):
            billed = await self._bill(connection, machine, billed, start, stop)
        return billed

    async def _bill(
        self, connection: AsyncConnection, machine: Machine, billed: Billed, start: datetime, stop: datetime
    ) -> Billed:
        nano, carry = bill(machine.nano_per_hour, stop - start, billed.carry)
        entry_id, now = new_id("entry"), self._clock()
        # A bill belongs to the month of its last moment, unless that month's books may have been read by now.
        at = stop - _INSTANT if now - stop <= _OFF_AFTER else now
        # What is settled from here on is the next period's.
        allocated, trained = await store.allocated(connection, machine.name)
        idle = nano - allocated
        amounts = (
            (f"machine:{machine.name}", nano, "machine_bill"),
            (f"bill:{machine.name}", -nano, "machine_bill"),
            (f"machine:{machine.name}", -idle, "idle"),
            (f"idle:{machine.name}", idle, "idle"),
        )
        entry = [
            Posting(
                entry_id=entry_id, book="cost", account=account, amount_nano=amount, kind=kind, posted_at=at
            )
            for account, amount, kind in amounts
            if amount
        ]
        await connection.run_sync(post, entry)
        await store.insert_period(
            connection,
            Period(
                machine=machine.name,
                started_at=start,
                ended_at=stop,
                nano_per_hour=machine.nano_per_hour,
                bill_nano=nano,
                allocated_nano=allocated,
                training_nano=trained - billed.trained_nano,
                idle_nano=idle,
                idle_uj=idle_energy(machine, stop - start, bill_nano=nano, idle_nano=idle),
                entry_id=entry_id,
            ),
        )
        return replace(billed, billed_until=stop, carry=carry, trained_nano=trained)
