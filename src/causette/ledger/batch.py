"""Many reservations and settlements as one transaction: each is decided as if it came alone, in the order they came.

A transaction costs about the same whether it holds one decision or a hundred, so whatever has come while the last one
ran goes into the next. This file decides; `store` reads and writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import Connection

from causette.errors import CausetteError, Conflict
from causette.ledger import repetitions, reservations, store
from causette.ledger.prices import Price
from causette.ledger.refusals import refusal
from causette.ledger.repetitions import Repetitions
from causette.ledger.reservations import Counter, Granted, Held
from causette.ledger.store import Open, Posting
from causette.ledger.types import (
    CREDIT,
    Book,
    Hold,
    Limit,
    Meter,
    Quantities,
    Receipt,
    Reservation,
    Settlement,
)
from causette.ledger.windows import Ended

#: A process that has shown no life for so long is dead, and what it holds is an orphan.
HOLDER_SILENCE: Final = timedelta(seconds=10)

_write_held: Final = msgspec.json.Encoder().encode
_read_held: Final = msgspec.json.Decoder(tuple[Held, ...]).decode
_read_price: Final = msgspec.json.Decoder(dict[str, int]).decode


@dataclass(frozen=True, slots=True)
class Reserve:
    """Let a request in, or say why not. ``outside`` is what it has taken already of windows in Valkey."""

    hold: Hold
    now: datetime
    outside: tuple[Held, ...] = ()


@dataclass(frozen=True, slots=True)
class End:
    """Settle a request, or release it when nothing was done for it (``settlement`` None)."""

    request_id: str
    settlement: Settlement | None
    now: datetime


@dataclass(frozen=True, slots=True)
class TopUp:
    """Fill a payer's credit. The same ``reference`` does so once."""

    payer_id: str
    amount_nano: int
    memo: str
    reference: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Correct:
    """Change what a settled request was charged by ``delta_nano``. The same ``reference`` does so once."""

    request_id: str
    delta_nano: int
    memo: str
    reference: str
    now: datetime


Operation = Reserve | End | TopUp | Correct
Result = Reservation | Receipt | Ended | bool | CausetteError


class PriceBook:
    """The prices this process has met, and which of them the database has for certain."""

    def __init__(self) -> None:
        self.by_id: dict[str, Price] = {}
        self.kept: set[str] = set()
        self._written: set[str] = set()

    def id_of(self, price: Price) -> str:
        """The price's id, which from now on leads back to it."""
        self.by_id.setdefault(price.id, price)
        return price.id

    def begin(self) -> None:
        """A transaction begins; what the last one wrote is not there, unless it was committed."""
        self._written.clear()

    def written(self, ids: set[str]) -> None:
        """Prices that the database has once the transaction is over."""
        self._written |= ids

    def committed(self) -> None:
        """The transaction is over."""
        self.kept |= self._written
        self._written.clear()


@dataclass(slots=True)
class _Batch:
    connection: Connection
    holder: str
    prices: PriceBook
    repetitions: Repetitions
    counters: dict[str, Counter] = field(default_factory=dict[str, Counter])
    touched: set[str] = field(default_factory=set[str])
    inserted: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    ended: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    postings: list[Posting] = field(default_factory=list[Posting])
    open: dict[str, Open] = field(default_factory=dict[str, Open])
    charged: dict[str, int] = field(default_factory=dict[str, int])


def apply(
    connection: Connection,
    operations: Sequence[Operation],
    *,
    holder: str,
    prices: PriceBook,
    silence: timedelta = HOLDER_SILENCE,
) -> list[Result]:
    """Carry out ``operations`` in their order, inside the transaction of ``connection``."""
    prices.begin()
    batch = _Batch(connection, holder, prices, Repetitions(connection, holder, silence))
    _load(batch, operations)
    results: list[Result] = []
    for operation in operations:
        try:
            results.append(_apply(batch, operation))
        except CausetteError as error:
            results.append(error)
    _write(batch)
    return results


def _apply(batch: _Batch, operation: Operation) -> Result:
    match operation:
        case Reserve():
            return _reserve(batch, operation)
        case End():
            return _end(batch, operation)
        case TopUp():
            return _top_up(batch, operation)
        case Correct():
            return _correct(batch, operation)


def _load(batch: _Batch, operations: Sequence[Operation]) -> None:
    connection = batch.connection
    holds = [operation.hold for operation in operations if isinstance(operation, Reserve)]
    now = max(operation.now for operation in operations)
    entries = {_entry_of(item) for item in operations if isinstance(item, TopUp | Correct)}
    store.lock_keys(connection, entries | repetitions.names(holds))
    batch.repetitions.load(holds, now)
    ends = [item.request_id for item in operations if isinstance(item, End | Correct)]
    if ends:
        batch.open = store.lock_requests(connection, ends)
        batch.charged = store.charged_by_root(connection, {row.root_id for row in batch.open.values()})
        unknown = {row.price_id for row in batch.open.values()} - batch.prices.by_id.keys()
        for key, document in store.price_documents(connection, unknown).items() if unknown else ():
            batch.prices.by_id[key] = Price(**_read_price(document))
            batch.prices.kept.add(key)
    wanted = repetitions.counters(holds)
    wanted |= {limit.counter for hold in holds for offer in hold.offers for limit in offer.limits}
    wanted |= {held.counter for row in batch.open.values() for held in _inside(row)}
    wanted |= {_credit(item.payer_id) for item in operations if isinstance(item, TopUp)}
    if wanted:
        batch.counters = store.lock_counters(connection, wanted)


def _write(batch: _Batch) -> None:
    connection = batch.connection
    used = {str(row["price_id"]) for row in batch.inserted} - batch.prices.kept
    if used:
        now = max(row["created_at"] for row in batch.inserted if isinstance(row["created_at"], datetime))
        store.insert_prices(connection, {key: batch.prices.by_id[key].document() for key in used}, now)
        batch.prices.written(used)
    store.insert_requests(connection, batch.inserted)
    store.end_requests(connection, batch.ended)
    store.write_counters(connection, {key: batch.counters[key] for key in batch.touched})
    store.post(connection, batch.postings)


def _reserve(batch: _Batch, reserve: Reserve) -> Reservation:
    hold, now = reserve.hold, reserve.now
    root, allowance = batch.repetitions.root(hold, batch.counters, now)
    if allowance is not None:
        hold = replace(
            hold, offers=tuple(replace(offer, limits=(*offer.limits, allowance)) for offer in hold.offers)
        )
    granted = reservations.grant(hold, batch.counters, now)
    if not isinstance(granted, Granted):
        raise refusal(hold, granted.standing, now)
    batch.touched.update(held.counter for held in granted.held)
    batch.inserted.append(_row(batch, reserve, granted, root))
    batch.repetitions.remember(hold, root, now)
    return Reservation(
        id=hold.id,
        offer=granted.offer,
        output_granted=granted.output,
        held_nano=granted.nano,
        standings=tuple(
            reservations.standing(limit, batch.counters, now)
            for limit in granted.offer.limits
            if limit is not allowance
        ),
        root_id=root,
    )


def _row(batch: _Batch, reserve: Reserve, granted: Granted, root: str) -> dict[str, object]:
    hold = reserve.hold
    return {
        "id": hold.id,
        "state": "held",
        "created_at": reserve.now,
        "holder": batch.holder,
        "payer_id": hold.payer_id,
        "user_id": hold.user_id,
        "workspace_id": hold.workspace_id,
        "key_id": hold.key_id,
        "plan_id": hold.plan_id,
        "surface": hold.surface,
        "purpose": hold.purpose,
        "model": hold.model,
        "engine_request_id": hold.engine_request_id,
        "root_id": root,
        "idempotency_key": hold.idempotency_key,
        "fingerprint": hold.repetition.fingerprint if hold.repetition else None,
        "offer": granted.offer.name,
        "price_id": batch.prices.id_of(granted.offer.price),
        "held_nano": granted.nano,
        "holds": _write_held(reserve.outside + granted.held).decode(),
        "input_bound": hold.input_bound,
        "output_granted": granted.output,
        "energy_method": "none",
        **_NOTHING_YET,
    }


_NOTHING_YET: Final = dict.fromkeys(
    (
        "input_tokens",
        "cached_tokens",
        "output_tokens",
        "reasoning_tokens",
        "images",
        "audio_seconds",
        "list_nano",
        "charge_nano",
        "cost_nano",
        "compute_ns",
        "queue_ns",
        "energy_uj",
    ),
    0,
)


def _inside(row: Open) -> tuple[Held, ...]:
    """What a request holds of counters in the database."""
    return tuple(held for held in _read_held(row.holds) if not held.outside)


def _end(batch: _Batch, end: End) -> Receipt | Ended:
    row = batch.open.get(end.request_id)
    if row is None:
        raise CausetteError(f"The ledger has no request {end.request_id}.")
    if row.state != "held":
        return Receipt(
            request_id=row.id, list_nano=row.list_nano, charge_nano=row.charge_nano, cost_nano=row.cost_nano
        )
    settlement = end.settlement
    used = settlement.quantities if settlement else Quantities()
    list_nano = batch.prices.by_id[row.price_id].charge(used)
    # A repetition pays what the requests before it have not paid.
    before = batch.charged.get(row.root_id, 0)
    charge = max(0, list_nano - before)
    batch.charged[row.root_id] = before + charge
    held = _read_held(row.holds)
    actual = {
        Meter.REQUESTS: 1 if settlement else 0,
        Meter.TOKENS: used.input_tokens + used.output_tokens,
        Meter.MONEY: charge,
    }
    inside = tuple(item for item in held if not item.outside)
    reservations.settle(inside, actual, batch.counters)
    batch.touched.update(item.counter for item in inside if item.counter in batch.counters)
    cost = settlement.cost_nano if settlement else 0
    batch.ended.append(_ending(row, settlement, used, list_nano, charge, end.now))
    batch.postings += _settled(row, settlement, charge, end.now)
    batch.open[row.id] = Open(
        id=row.id,
        state="settled" if settlement else "released",
        root_id=row.root_id,
        payer_id=row.payer_id,
        model=row.model,
        offer=row.offer,
        price_id=row.price_id,
        holds=row.holds,
        list_nano=list_nano,
        charge_nano=charge,
        cost_nano=cost,
    )
    receipt = Receipt(request_id=row.id, list_nano=list_nano, charge_nano=charge, cost_nano=cost)
    if len(inside) == len(held):
        return receipt
    return Ended(receipt, requests=actual[Meter.REQUESTS], tokens=actual[Meter.TOKENS])


def _ending(
    row: Open, settlement: Settlement | None, used: Quantities, list_nano: int, charge: int, now: datetime
) -> dict[str, object]:
    end = settlement or Settlement(outcome="failed", source="none")
    return {
        "row_id": row.id,
        "state": "settled" if settlement else "released",
        "finished_at": now,
        "outcome": end.outcome,
        "usage_source": end.source,
        "deployment": end.deployment,
        "machine": end.machine,
        "input_tokens": used.input_tokens,
        "cached_tokens": used.cached_tokens,
        "output_tokens": used.output_tokens,
        "reasoning_tokens": used.reasoning_tokens,
        "images": used.images,
        "audio_seconds": used.audio_seconds,
        "list_nano": list_nano,
        "charge_nano": charge,
        "cost_nano": end.cost_nano,
        "compute_ns": end.compute_ns,
        "queue_ns": end.queue_ns,
        "ttft_us": end.ttft_us,
        "energy_uj": end.energy_uj,
        "energy_method": end.energy_method,
    }


def _settled(row: Open, settlement: Settlement | None, charge: int, now: datetime) -> list[Posting]:
    made: list[Posting] = []
    if charge:
        made += _entry(row.id, "charge", _debtor(row), f"revenue:{row.model}", charge, "settle", now, row.id)
    if settlement and settlement.cost_nano:
        machine = f"machine:{settlement.machine or 'unknown'}"
        made += _entry(
            row.id, "cost", f"requests:{row.model}", machine, settlement.cost_nano, "settle", now, row.id
        )
    return made


def _debtor(row: Open) -> str:
    """Who owes what a request is charged: nobody, where a monthly price has paid for it."""
    return f"{'included' if row.offer == 'included' else 'customer'}:{row.payer_id}"


def _entry(
    entry_id: str,
    book: Book,
    debit: str,
    credit: str,
    amount: int,
    kind: str,
    now: datetime,
    request_id: str | None = None,
    memo: str = "",
) -> list[Posting]:
    return [
        Posting(
            entry_id=entry_id,
            book=book,
            account=account,
            amount_nano=signed,
            kind=kind,
            posted_at=now,
            request_id=request_id,
            memo=memo,
        )
        for account, signed in ((debit, amount), (credit, -amount))
    ]


def _credit(payer_id: str) -> str:
    return Limit(f"payer:{payer_id}", Meter.MONEY, CREDIT, 0).counter


def _top_up(batch: _Batch, top_up: TopUp) -> bool:
    entry = _entry_of(top_up)
    if _known(batch, entry):
        return False
    key = _credit(top_up.payer_id)
    counter = reservations.present(batch.counters.get(key), CREDIT, top_up.now)
    batch.counters[key] = counter.plus(-top_up.amount_nano)
    batch.touched.add(key)
    payer = f"customer:{top_up.payer_id}"
    batch.postings += _entry(
        entry, "charge", "cash", payer, top_up.amount_nano, "top_up", top_up.now, memo=top_up.memo
    )
    return True


def _correct(batch: _Batch, correction: Correct) -> bool:
    row = batch.open.get(correction.request_id)
    if row is None or row.state != "settled":
        raise Conflict(
            f"The request {correction.request_id} is not settled, so its charge cannot be corrected.",
            code="not_settled",
            param="request_id",
        )
    entry = _entry_of(correction)
    if _known(batch, entry):
        return False
    money = tuple(
        held for held in _read_held(row.holds) if reservations.meter_of(held.counter) is Meter.MONEY
    )
    for held in money:
        counter = batch.counters.get(held.counter)
        if counter is not None and reservations.microseconds(counter.started_at) == held.window:
            batch.counters[held.counter] = counter.plus(correction.delta_nano)
            batch.touched.add(held.counter)
    batch.postings += _entry(
        entry,
        "charge",
        _debtor(row),
        f"revenue:{row.model}",
        correction.delta_nano,
        "correction",
        correction.now,
        row.id,
        correction.memo,
    )
    return True


def _entry_of(operation: TopUp | Correct) -> str:
    kind = "top_up" if isinstance(operation, TopUp) else "correction"
    return f"{kind}:{operation.reference}"


def _known(batch: _Batch, entry: str) -> bool:
    return any(posting.entry_id == entry for posting in batch.postings) or store.entry_exists(
        batch.connection, entry
    )
