"""Books to look at: a real ledger whose clock the test holds, and requests in it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from causette.db import Database
from causette.ids import new_id
from causette.ledger.machines import Machine, MachineMeter
from causette.ledger.prices import Price
from causette.ledger.service import Ledger
from causette.ledger.tables import postings
from causette.ledger.types import Hold, Limit, Offer, Quantities, Receipt, Repetition, Settlement

#: Not a multiple of a thousandth of a dollar, so that a few tokens cost a fraction of a nano-dollar.
PRICE = Price(
    input=150_000_001, cached_input=75_000_007, output=600_000_013, reasoning=600_000_013, image=40_000_000
)
MACHINE = Machine(
    name="this machine", nano_per_hour=100_000_000, milliwatts_idle=20_000, milliwatts_busy=65_000
)
START = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@dataclass
class Clock:
    """Time that passes when the test says so."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **parts: float) -> None:
        self.now += timedelta(**parts)


@dataclass
class Books:
    """A database's ledger and the meter of its machine, both by ``clock``."""

    database: Database
    clock: Clock
    ledger: Ledger
    meter: MachineMeter
    asked: list[str] = field(default_factory=list)

    async def hold(
        self,
        *,
        payer: str = "user_ada",
        user: str = "user_ada",
        workspace: str | None = None,
        key: str | None = "key_1",
        plan: str = "plus",
        model: str = "default",
        price: Price = PRICE,
        offer: str = "metered",
        limits: tuple[Limit, ...] = (),
        repetition: Repetition | None = None,
        output: int = 10_000,
    ) -> str:
        """Let a request in, and return its id."""
        hold = Hold(
            id=new_id("req"),
            payer_id=payer,
            user_id=user,
            workspace_id=workspace,
            key_id=key,
            plan_id=plan,
            surface="api",
            model=model,
            engine_request_id=new_id("eng"),
            offers=(Offer(name=offer, price=price, limits=limits),),  # type: ignore[arg-type]
            input_bound=10_000,
            output_wanted=output,
            repetition=repetition,
        )
        await self.ledger.reserve(hold)
        self.asked.append(hold.id)
        return hold.id

    async def settle(
        self,
        request_id: str,
        used: Quantities | None = None,
        *,
        compute_ns: int = 2_000_000_000,
        machine: str | None = "this machine",
        energy_uj: int = 130_000_000,
    ) -> Receipt:
        """End a request after its work."""
        return await self.ledger.settle(
            request_id,
            Settlement(
                outcome="completed",
                quantities=used or Quantities(input_tokens=1_003, cached_tokens=512, output_tokens=77),
                deployment="smol",
                machine=machine,
                compute_ns=compute_ns,
                queue_ns=5,
                energy_uj=energy_uj,
                energy_method="tdp",
                cost_nano=self.meter.cost_of(compute_ns, machine),
            ),
        )

    async def ask(
        self, used: Quantities | None = None, *, compute_ns: int = 2_000_000_000, **how: object
    ) -> str:
        """A request from its beginning to its end, a second later."""
        request_id = await self.hold(**how)  # type: ignore[arg-type]
        self.clock.pass_(seconds=1)
        await self.settle(request_id, used, compute_ns=compute_ns)
        return request_id

    async def sum(self, book: str, *prefixes: str, kind: str | None = None) -> int:
        """What was posted to the accounts that begin so."""
        query = sa.select(sa.func.coalesce(sa.func.sum(postings.c.amount_nano), 0)).where(
            postings.c.book == book, sa.or_(*(postings.c.account.startswith(prefix) for prefix in prefixes))
        )
        if kind is not None:
            query = query.where(postings.c.kind == kind)
        async with self.database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def run(self, statement: sa.Executable) -> None:
        """Change the database behind the ledger's back."""
        async with self.database.write() as connection:
            await connection.execute(statement)


@asynccontextmanager
async def open_books(database: Database, clock: Clock | None = None) -> AsyncGenerator[Books]:
    """The books of ``database``, open."""
    clock = clock or Clock()
    ledger = Ledger(database, clock=clock)
    await ledger.open()
    try:
        yield Books(database, clock, ledger, MachineMeter(database, (MACHINE,), clock=clock))
    finally:
        await ledger.close()
        await asyncio.sleep(0)
