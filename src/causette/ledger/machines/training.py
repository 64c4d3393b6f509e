"""What training takes of a machine: time, energy, and its part of the bill, in an account of its own.

A process that trains says now and then what it has taken since it began, which only grows. What is new of that is
posted, in the transaction that notes it: saying it twice posts it once, and what a killed process said last is posted
by whoever finds it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from causette.clock import utc_now
from causette.db import Database
from causette.ledger.energy import EnergyMeter
from causette.ledger.machines import store
from causette.ledger.machines.meter import MachineMeter
from causette.ledger.machines.types import Booking
from causette.ledger.store import Posting, post


class TrainingMeter:
    """Books what processes on ``machine`` have taken for training.

    Args:
        database: where the books are.
        machines: say what time costs.
        energy: says what it takes.
        machine: the name of the one that this process runs on.
    """

    def __init__(
        self,
        database: Database,
        machines: MachineMeter,
        energy: EnergyMeter,
        *,
        machine: str,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._machines = machines
        self._energy = energy
        self._machine = machine
        self._clock = clock

    async def book(self, attempt: str, work: str, compute_ns: int) -> None:
        """Note that the process ``attempt`` has taken ``compute_ns`` of all of the machine for ``work`` until now."""
        at = self._clock()
        async with self._database.write() as connection:
            before = await store.lock_training(connection, attempt, work=work, machine=self._machine, at=at)
            if compute_ns <= before.compute_ns:
                return
            new_ns = compute_ns - before.compute_ns
            energy, method = self._energy.of(new_ns, before.machine)
            # Of the whole, so that what is rounded down is so once.
            amount = self._machines.cost_of(compute_ns, before.machine) - before.cost_nano
            booking = Booking(
                attempt=attempt,
                work=work,
                machine=before.machine,
                # It was at work at least as long before it first said so.
                started_at=min(before.noted_at, at - timedelta(microseconds=new_ns // 1000)),
                posted_at=at,
                compute_ns=new_ns,
                energy_uj=energy,
                energy_method=method,
                cost_nano=amount,
            )
            await store.keep_training(connection, booking)
            if amount:
                entry = [
                    Posting(
                        entry_id=attempt,
                        book="cost",
                        account=account,
                        amount_nano=signed,
                        kind="training",
                        posted_at=at,
                    )
                    for account, signed in (
                        (f"training:{before.machine}", amount),
                        (f"machine:{before.machine}", -amount),
                    )
                ]
                await connection.run_sync(post, entry)

    async def cost_of(self, work: str) -> int:
        """What a piece of work has cost until now, in nano-dollars."""
        async with self._database.read() as connection:
            return await store.trained_for(connection, work)
