"""The checks, one function each: what must be true of the books, and what is said where it is not."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.clock import utc_now
from causette.db import Database
from causette.ledger.batch import HOLDER_SILENCE
from causette.ledger.machines.types import Period, bill
from causette.ledger.prices import Price
from causette.ledger.reservations import Held, meter_of
from causette.ledger.types import CREDIT, Limit, Meter, Quantities
from causette.ledger.verify import store
from causette.ledger.verify.store import CounterRow, Difference, Entered

_read_held: Final = msgspec.json.Decoder(tuple[Held, ...]).decode
_read_price: Final = msgspec.json.Decoder(dict[str, int]).decode


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that does not close: which check says so, what it is about, and by how much it is off.

    ``off_by`` is in nano-dollars, or in what a counter counts; None where the trouble is no amount.
    """

    check: str
    what: str
    off_by: int | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all checks say. The books close when there are no problems."""

    checks: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def closes(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


async def verify(database: Database, *, starting: Callable[[str], object] = lambda _: None) -> Verdict:
    """Check the books as they are at this moment, while they are kept on or not.

    ``starting`` is told each check's name as it begins.
    """
    problems: list[Problem] = []
    async with database.read() as connection:
        await store.see_one_moment(connection)
        for name, check in CHECKS.items():
            starting(name)
            problems += [Problem(name, what, off_by) for what, off_by in await check(connection)]
    return Verdict(tuple(CHECKS), tuple(problems))


Found = Iterable[tuple[str, int | None]]


async def _entries(connection: AsyncConnection) -> Found:
    return _told(await store.unbalanced_entries(connection))


async def _balances(connection: AsyncConnection) -> Found:
    return _told(await store.wrong_balances(connection))


async def _settlements(connection: AsyncConnection) -> Found:
    wrong = _told(await store.wrong_settlements(connection))
    return [*wrong, *((what, None) for what in await store.misposted(connection))]


async def _prices(connection: AsyncConnection) -> Found:
    found: list[tuple[str, int | None]] = []
    known: dict[str, Price | None] = {}
    async for rows in store.entered(connection):
        for row in rows:
            if row.price_id not in known:
                known[row.price_id] = price = _price_of(row)
                if price is None:
                    found.append((f"price {row.price_id} is missing, or is not what was charged by", None))
            price = known[row.price_id]
            if price is not None and (off_by := row.list_nano - _list(row, price)):
                found.append((f"request {row.id}, its quantities at its price", off_by))
    return found


def _price_of(row: Entered) -> Price | None:
    """The price of a request, whose id is a digest of what it says; None where it is not so."""
    if row.price is None:
        return None
    try:
        price = Price(**_read_price(row.price))
    except (msgspec.DecodeError, TypeError, ValueError):
        return None
    return price if price.id == row.price_id else None


def _list(row: Entered, price: Price) -> int:
    if row.state != "settled":
        return 0
    used = Quantities(**{name: getattr(row, name) for name in Quantities.__dataclass_fields__})
    return price.charge(used)


async def _repetitions(connection: AsyncConnection) -> Found:
    return _told(await store.wrong_repetitions(connection))


async def _holders(connection: AsyncConnection) -> Found:
    rows = await store.abandoned(connection, utc_now() - HOLDER_SILENCE)
    return [
        (f"request {request_id} is held since {since:%Y-%m-%d %H:%M:%S} UTC by {holder}, which is dead", None)
        for request_id, holder, since in rows
    ]


async def _counters(connection: AsyncConnection) -> Found:
    kept = {row.counter: row for row in await store.counter_rows(connection)}
    expected = await _expected(connection, kept)
    found: list[tuple[str, int | None]] = []
    for counter in sorted(kept.keys() | expected.keys()):
        row = kept.get(counter, CounterRow(counter, 0, 0, 0))
        used, held = expected.get(counter, (0, 0))
        if row.used != used:
            found.append((f"counter {counter!r}", row.used - used))
        if row.held != held:
            found.append((f"counter {counter!r}, what is held of it", row.held - held))
    return found


async def _expected(connection: AsyncConnection, kept: dict[str, CounterRow]) -> dict[str, tuple[int, int]]:
    """What each counter's requests, corrections and top-ups say is used in its present window, and held."""
    corrected = await store.corrections_by_request(connection)
    expected: dict[str, tuple[int, int]] = {}

    def add(counter: str, used: int, held: int = 0) -> None:
        before = expected.get(counter, (0, 0))
        expected[counter] = (before[0] + used, before[1] + held)

    for payer_id, amount in (await store.top_ups_by_payer(connection)).items():
        add(Limit(f"payer:{payer_id}", Meter.MONEY, CREDIT, 0).counter, -amount)
    async for rows in store.entered(connection):
        for row in rows:
            for item in _read_held(row.holds):
                if item.outside:
                    continue
                # A counter that is not kept is expected where its window never ends, and so began with time.
                window = kept[item.counter].window if item.counter in kept else 0
                if item.window == window:
                    add(item.counter, *_share(row, item, corrected.get(row.id, 0)))
    return expected


def _share(row: Entered, item: Held, correction: int) -> tuple[int, int]:
    """What a request has used of a counter, what it holds included, and what it holds."""
    if row.state == "held":
        return item.amount, item.amount
    if row.state != "settled":
        return 0, 0
    match meter_of(item.counter):
        case Meter.REQUESTS:
            return 1, 0
        case Meter.TOKENS:
            return row.input_tokens + row.output_tokens, 0
        case Meter.MONEY:
            return row.charge_nano + correction, 0


async def _training(connection: AsyncConnection) -> Found:
    return _told(await store.wrong_training(connection))


async def _machines(connection: AsyncConnection) -> Found:
    found: list[tuple[str, int | None]] = []
    carries = dict[str, int]()
    last: Period | None = None
    async for rows in store.machine_periods(connection):
        for period in rows:
            where = f"machine {period.machine}, {period.started_at:%Y-%m-%d %H:%M:%S} UTC"
            if last and last.machine == period.machine and last.ended_at > period.started_at:
                found.append((f"{where}: billed twice", None))
            nano, carries[period.machine] = bill(
                period.nano_per_hour, period.ended_at - period.started_at, carries.get(period.machine, 0)
            )
            if off_by := period.bill_nano - nano:
                found.append((f"{where}: the bill for its time", off_by))
            if off_by := period.bill_nano - period.allocated_nano - period.idle_nano:
                found.append((f"{where}: the bill less what was allocated and idle", off_by))
            last = period
    for machine, carry in (await store.carries(connection)).items():
        if off_by := carry - carries.get(machine, 0):
            found.append((f"machine {machine}: the fraction carried to its next bill", off_by))
    found += _told(await store.wrong_machine_entries(connection))
    found += _told(await store.wrong_allocations(connection))
    found += _told(await store.wrong_trained(connection))
    return found


def _told(differences: Iterable[Difference]) -> list[tuple[str, int | None]]:
    return [(item.what, item.found - item.expected) for item in differences]


#: What is checked, by the name that a problem has.
CHECKS: Final[dict[str, Callable[[AsyncConnection], Awaitable[Found]]]] = {
    "entries sum to zero": _entries,
    "balances are the sums of postings": _balances,
    "requests are posted as they were settled": _settlements,
    "charges are prices times quantities": _prices,
    "repetitions are paid once": _repetitions,
    "nothing is held by the dead": _holders,
    "counters are what requests used": _counters,
    "training is posted as it was noted": _training,
    "machines are allocated or idle": _machines,
}
