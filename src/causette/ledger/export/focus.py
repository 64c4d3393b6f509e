"""Two data sets of FOCUS 1.2 (https://focus.finops.org/focus-specification/v1-2/): what customers are charged, and what
the work has cost us.

A request is one row for each meter it used. The rows of a data set add up to the book's postings of the same time,
to the nano-dollar: a charge is rounded once, and then shared out among its meters so that nothing is lost.
"""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal, TypedDict

import msgspec

from causette.db import Database
from causette.ledger.export.store import (
    Correction,
    IdlePeriod,
    SettledRequest,
    corrections,
    idle_periods,
    settled_requests,
    training_bookings,
)
from causette.ledger.machines.types import Booking
from causette.ledger.prices import Price

DataSet = Literal["charges", "cost"]

_SECOND: Final = timedelta(seconds=1)
_MILLION: Final = 1_000_000
_HOUR_NS: Final = 3_600_000_000_000
_read_price: Final = msgspec.json.Decoder(dict[str, int]).decode

_OURS: Final = "Causette"
# As fine as the columns of a Parquet file are.
_FINEST: Final = Decimal("1e-12")


def column(field: str) -> str:
    """The column that a field of `Row` is: ``billed_cost`` is ``BilledCost``, ``x_plan_id`` is ``x_PlanId``."""
    own = field.startswith("x_")
    return ("x_" if own else "") + field.removeprefix("x_").title().replace("_", "")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of either data set. What begins with ``x_`` is Causette's own, as FOCUS provides for."""

    billed_cost: Decimal
    effective_cost: Decimal
    contracted_cost: Decimal
    list_cost: Decimal
    billing_currency: str = "USD"
    billing_account_id: str
    billing_account_name: str
    billing_account_type: str
    sub_account_id: str | None = None
    sub_account_name: str | None = None
    sub_account_type: str | None = None
    billing_period_start: datetime
    billing_period_end: datetime
    charge_period_start: datetime
    charge_period_end: datetime
    charge_category: str = "Usage"
    charge_class: str | None = None
    charge_description: str
    charge_frequency: str = "Usage-Based"
    invoice_id: str | None = None
    invoice_issuer_name: str = _OURS
    provider_name: str = _OURS
    publisher_name: str = _OURS
    service_category: str
    service_subcategory: str
    service_name: str
    resource_id: str | None = None
    resource_name: str | None = None
    resource_type: str | None = None
    sku_id: str | None = None
    sku_price_id: str | None = None
    sku_meter: str | None = None
    sku_price_details: str | None = None
    pricing_category: str | None = None
    pricing_quantity: Decimal | None = None
    pricing_unit: str | None = None
    list_unit_price: Decimal | None = None
    contracted_unit_price: Decimal | None = None
    consumed_quantity: Decimal | None = None
    consumed_unit: str | None = None
    x_request_id: str | None = None
    x_plan_id: str | None = None
    x_key_id: str | None = None
    x_workspace_id: str | None = None
    x_surface: str | None = None
    x_machine: str | None = None
    x_training_id: str | None = None
    x_included_cost: Decimal | None = None
    x_compute_seconds: Decimal | None = None
    x_energy_joules: Decimal | None = None
    x_energy_method: str | None = None
    x_cost_basis: str


COLUMNS: Final = tuple(column(field) for field in Row.__struct_fields__)


@dataclass(frozen=True, slots=True)
class _Meter:
    name: str
    consumed: int
    unit: str
    #: How many units a price is for.
    batch: int
    pricing_unit: str
    nano: int


async def charges(
    database: Database, start: datetime, end: datetime, names: Mapping[str, str]
) -> AsyncGenerator[list[Row]]:
    """What customers were charged from ``start`` on and before ``end``, in portions.

    ``names`` are those of users and workspaces by their ids. Top-ups are payments and so no charges.
    """
    async for requests in settled_requests(database, start, end):
        yield [row for request in requests for row in _charged(request, names)]
    async for found in corrections(database, start, end):
        yield [_corrected(item, names) for item in found]


async def cost(database: Database, start: datetime, end: datetime) -> AsyncGenerator[list[Row]]:
    """What machines cost from ``start`` on and before ``end``, in portions: for requests, for training, or idle."""
    async for requests in settled_requests(database, start, end):
        yield [_worked(request) for request in requests if request.cost_nano or request.compute_ns]
    async for trained in training_bookings(database, start, end):
        yield [_trained(booking) for booking in trained]
    async for found in idle_periods(database, start, end):
        yield [_idled(item) for item in found]


def _charged(request: SettledRequest, names: Mapping[str, str]) -> Iterator[Row]:
    price = Price(**_read_price(request.price))
    meters = tuple(meter for meter in _meters(request, price) if meter.consumed)
    # In millionths of a nano-dollar, before the one rounding.
    exact = [meter.consumed * meter.nano * _MILLION // meter.batch for meter in meters]
    lists = shares(exact, request.list_nano)
    paid = shares(lists, request.charge_nano)
    for place, (meter, list_nano, nano) in enumerate(zip(meters, lists, paid, strict=True)):
        yield Row(
            **_customer(request.payer_id, request.user_id, names),
            **_times(request.created_at, request.finished_at, request.finished_at),
            **_charge(nano, list_nano, included=request.offer == "included"),
            charge_description=f"{meter.name} of {request.model}",
            **_MODEL_SERVICE,
            resource_id=request.model,
            resource_name=request.model,
            resource_type="Model",
            **_sku(request.model, meter.name),
            sku_price_id=f"{request.price_id}/{meter.name}",
            pricing_category="Standard",
            pricing_quantity=Decimal(meter.consumed) / meter.batch,
            pricing_unit=meter.pricing_unit,
            list_unit_price=money(meter.nano),
            contracted_unit_price=money(meter.nano),
            consumed_quantity=Decimal(meter.consumed),
            consumed_unit=meter.unit,
            **_request(request),
            x_machine=request.machine,
            # Once a request, so that sums over rows are right.
            **(_effort(request) if place == 0 else _NO_EFFORT),
            x_cost_basis="price list",
        )


def _meters(request: SettledRequest, price: Price) -> tuple[_Meter, ...]:
    def tokens(name: str, consumed: int, nano: int) -> _Meter:
        return _Meter(name, consumed, "Tokens", _MILLION, "1000000 Tokens", nano)

    return (
        tokens("Input Tokens", request.input_tokens - request.cached_tokens, price.input),
        tokens("Cache Read Input Tokens", request.cached_tokens, price.cached_input),
        tokens("Output Tokens", request.output_tokens - request.reasoning_tokens, price.output),
        tokens("Reasoning Output Tokens", request.reasoning_tokens, price.reasoning),
        _Meter("Images", request.images, "Images", 1, "Images", price.image),
        _Meter("Audio Seconds", request.audio_seconds, "Seconds", 1, "Seconds", price.audio_second),
    )


def shares(weights: Sequence[int], amount: int) -> list[int]:
    """``amount`` shared out by ``weights``: whole numbers that add up to it."""
    total, seen, given = sum(weights), 0, 0
    made: list[int] = []
    for weight in weights:
        seen += weight
        upto = amount * seen // total if total else 0
        made.append(upto - given)
        given = upto
    return made


def _corrected(item: Correction, names: Mapping[str, str]) -> Row:
    included = item.offer == "included"
    return Row(
        **_customer(item.payer_id, item.user_id, names),
        **_times(item.posted_at, item.posted_at, item.posted_at),
        **_charge(item.nano, item.nano, included=included),
        charge_class="Correction",
        charge_description=item.memo or f"Correction for {item.model}",
        **_MODEL_SERVICE,
        resource_id=item.model,
        resource_name=item.model,
        resource_type="Model",
        x_request_id=item.request_id,
        x_cost_basis="correction",
    )


def _worked(request: SettledRequest) -> Row:
    machine = request.machine or "unknown"
    return Row(
        **_machine(machine, request.cost_nano),
        **_times(request.created_at, request.finished_at, request.finished_at),
        charge_description=f"Machine time of {machine} for {request.model}",
        **_sku(machine, "Busy Time"),
        **_hours(request.compute_ns),
        **_request(request),
        **_effort(request),
        x_cost_basis="share of busy time",
    )


def _trained(booking: Booking) -> Row:
    return Row(
        **_machine(booking.machine, booking.cost_nano, service=_TRAINING_SERVICE),
        **_times(booking.started_at, booking.posted_at, booking.posted_at),
        charge_description=f"Machine time of {booking.machine} for training {booking.work}",
        **_sku(booking.machine, "Training Time"),
        **_hours(booking.compute_ns),
        x_training_id=booking.work,
        **_effort(booking),
        x_cost_basis="share of the machine's time",
    )


def _idled(item: IdlePeriod) -> Row:
    period = item.period
    # Idle time is what the bill has left, in time as in money.
    idle_ns = period.idle_nano * _HOUR_NS // period.nano_per_hour if period.nano_per_hour else 0
    return Row(
        **_machine(period.machine, period.idle_nano),
        **_times(period.started_at, period.ended_at, item.posted_at),
        charge_description=f"Idle time of {period.machine}",
        **_sku(period.machine, "Idle Time"),
        **_hours(idle_ns),
        x_energy_joules=Decimal(period.idle_uj).scaleb(-6),
        x_energy_method="tdp" if period.idle_uj else "none",
        x_cost_basis="bill less what was allocated",
    )


# The columns that several kinds of rows fill in the same way.


class _Charge(TypedDict):
    billed_cost: Decimal
    effective_cost: Decimal
    contracted_cost: Decimal
    list_cost: Decimal
    x_included_cost: Decimal


def _charge(nano: int, list_nano: int, *, included: bool) -> _Charge:
    """What a monthly price has paid for is on no bill, and in a column of its own."""
    return {
        "billed_cost": money(0 if included else nano),
        "effective_cost": money(0 if included else nano),
        "contracted_cost": money(list_nano),
        "list_cost": money(list_nano),
        "x_included_cost": money(nano if included else 0),
    }


class _Customer(TypedDict):
    billing_account_id: str
    billing_account_name: str
    billing_account_type: str
    sub_account_id: str
    sub_account_name: str
    sub_account_type: str


def _customer(payer_id: str, user_id: str, names: Mapping[str, str]) -> _Customer:
    return {
        "billing_account_id": payer_id,
        "billing_account_name": names.get(payer_id, payer_id),
        "billing_account_type": "User" if payer_id == user_id else "Workspace",
        "sub_account_id": user_id,
        "sub_account_name": names.get(user_id, user_id),
        "sub_account_type": "User",
    }


class _Times(TypedDict):
    billing_period_start: datetime
    billing_period_end: datetime
    charge_period_start: datetime
    charge_period_end: datetime


def _times(start: datetime, end: datetime, posted_at: datetime) -> _Times:
    """FOCUS knows whole seconds, and a charge's time ends after it began. The bill is that of the posting's month."""
    begin = start.replace(microsecond=0)
    month = posted_at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return {
        "billing_period_start": month,
        "billing_period_end": (month + timedelta(days=32)).replace(day=1),
        "charge_period_start": begin,
        "charge_period_end": max(end.replace(microsecond=0), begin + _SECOND),
    }


class _Service(TypedDict):
    service_category: str
    service_subcategory: str
    service_name: str


_MODEL_SERVICE: Final[_Service] = {
    "service_category": "AI and Machine Learning",
    "service_subcategory": "Generative AI",
    "service_name": _OURS,
}


_MACHINE_SERVICE: Final[_Service] = {
    "service_category": "Compute",
    "service_subcategory": "Virtual Machines",
    "service_name": "Machine time",
}
_TRAINING_SERVICE: Final[_Service] = {
    "service_category": "AI and Machine Learning",
    "service_subcategory": "Machine Learning",
    "service_name": "Training",
}


class _Machine(_Service):
    billed_cost: Decimal
    effective_cost: Decimal
    contracted_cost: Decimal
    list_cost: Decimal
    billing_account_id: str
    billing_account_name: str
    billing_account_type: str
    resource_id: str
    resource_name: str
    resource_type: str
    x_machine: str


def _machine(machine: str, nano: int, *, service: _Service = _MACHINE_SERVICE) -> _Machine:
    return {
        "billed_cost": money(nano),
        "effective_cost": money(nano),
        "contracted_cost": money(nano),
        "list_cost": money(nano),
        "billing_account_id": "house",
        "billing_account_name": "The house",
        "billing_account_type": "House",
        **service,
        "resource_id": machine,
        "resource_name": machine,
        "resource_type": "Machine",
        "x_machine": machine,
    }


class _Sku(TypedDict):
    sku_id: str
    sku_meter: str


def _sku(what: str, meter: str) -> _Sku:
    return {"sku_id": f"{what}/{meter}", "sku_meter": meter}


class _Hours(TypedDict):
    pricing_quantity: Decimal
    pricing_unit: str
    consumed_quantity: Decimal
    consumed_unit: str


def _hours(nanoseconds: int) -> _Hours:
    seconds = Decimal(nanoseconds).scaleb(-9)
    return {
        "pricing_quantity": (seconds / 3600).quantize(_FINEST),
        "pricing_unit": "Hours",
        "consumed_quantity": seconds,
        "consumed_unit": "Seconds",
    }


class _Request(TypedDict):
    x_request_id: str
    x_plan_id: str
    x_key_id: str | None
    x_workspace_id: str | None
    x_surface: str


def _request(request: SettledRequest) -> _Request:
    return {
        "x_request_id": request.id,
        "x_plan_id": request.plan_id,
        "x_key_id": request.key_id,
        "x_workspace_id": request.workspace_id,
        "x_surface": request.surface,
    }


class _Effort(TypedDict):
    x_compute_seconds: Decimal | None
    x_energy_joules: Decimal | None
    x_energy_method: str | None


_NO_EFFORT: Final[_Effort] = {"x_compute_seconds": None, "x_energy_joules": None, "x_energy_method": None}


def _effort(work: SettledRequest | Booking) -> _Effort:
    return {
        "x_compute_seconds": Decimal(work.compute_ns).scaleb(-9),
        "x_energy_joules": Decimal(work.energy_uj).scaleb(-6),
        "x_energy_method": work.energy_method,
    }


def money(nano: int) -> Decimal:
    """Nano-dollars as dollars, exactly."""
    return Decimal(nano).scaleb(-9)
