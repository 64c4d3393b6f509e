"""Whether a request is let in, and with how many tokens: pure functions on counters. Integers only.

A limit is never exceeded because what a request may take at most is held before it begins. A reply whose worst case
does not fit is granted the tokens that do, so that the last dollar of a budget can be spent.
"""

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from causette.ledger.types import Hold, Limit, Meter, Offer, Standing, Window

_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Counter:
    """How far a limit is used in the window that began at ``started_at``, ``held`` included."""

    started_at: datetime
    used: int = 0
    held: int = 0

    def plus(self, used: int, held: int = 0) -> "Counter":
        """The counter with so much more used, and held."""
        return Counter(self.started_at, self.used + used, self.held + held)


class Held(msgspec.Struct, frozen=True, array_like=True):
    """What a request holds of one counter. ``window`` is when the counter's window began, in microseconds.

    ``outside`` when the counter is kept in Valkey and not in the database.
    """

    counter: str
    window: int
    amount: int
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Granted:
    """An offer that a request is let in by."""

    offer: Offer
    output: int
    nano: int
    held: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """The limit that keeps a request out, of its last offer; None when there was no offer at all."""

    standing: Standing | None


def present(counter: Counter | None, window: Window, now: datetime) -> Counter:
    """``counter`` as it stands at ``now``: a window that has ended is a new, empty one."""
    match window.kind:
        case "rolling":
            if counter is None or now >= counter.started_at + timedelta(seconds=window.seconds):
                return Counter(now)
        case "day":
            begin = now.replace(hour=0, minute=0, second=0, microsecond=0)
            if counter is None or counter.started_at < begin:
                return Counter(begin)
        case "month":
            begin = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            if counter is None or counter.started_at < begin:
                return Counter(begin)
        case "total" | "credit":
            if counter is None:
                return Counter(_EPOCH)
    return counter


def ends_at(counter: Counter, window: Window) -> datetime | None:
    """When the window of ``counter`` ends; None where it never does."""
    match window.kind:
        case "rolling":
            return counter.started_at + timedelta(seconds=window.seconds)
        case "day":
            return counter.started_at + timedelta(days=1)
        case "month":
            return (counter.started_at + timedelta(days=31)).replace(day=1)
        case "total" | "credit":
            return None


def standing(limit: Limit, counters: Mapping[str, Counter], now: datetime) -> Standing:
    """How far ``limit`` is used at ``now``."""
    counter = present(counters.get(limit.counter), limit.window, now)
    return Standing(limit, counter.used, counter.held, ends_at(counter, limit.window))


def grant(hold: Hold, counters: MutableMapping[str, Counter], now: datetime) -> Granted | Refused:
    """The first offer of ``hold`` whose limits all have room. What it holds is added to ``counters``."""
    refusal: Standing | None = None
    for offer in hold.offers:
        found = _grant(hold, offer, counters, now)
        if isinstance(found, Granted):
            return found
        refusal = found
    return Refused(refusal)


def _grant(
    hold: Hold, offer: Offer, counters: MutableMapping[str, Counter], now: datetime
) -> Granted | Standing:
    output = hold.output_wanted
    for limit in offer.limits:
        there = standing(limit, counters, now)
        room = _room(hold, offer, limit, there.limit.amount - there.used)
        if room is not None and room < hold.output_least:
            return there
        output = output if room is None else min(output, room)
    nano = offer.price.worst(hold.input_bound, output, hold.images)
    amounts = {Meter.REQUESTS: 1, Meter.TOKENS: hold.input_bound + output, Meter.MONEY: nano}
    held: list[Held] = []
    # One counter may be behind several limits of different amounts, and is still used only once.
    for key, limit in {limit.counter: limit for limit in offer.limits}.items():
        counter = present(counters.get(key), limit.window, now)
        amount = amounts[limit.meter]
        counters[key] = counter.plus(amount, amount)
        held.append(Held(key, microseconds(counter.started_at), amount))
    return Granted(offer, output, nano, tuple(held))


def _room(hold: Hold, offer: Offer, limit: Limit, left: int) -> int | None:
    """How many output tokens ``limit`` has room for when ``left`` of it is left; None for any number.

    Less than ``output_least`` when the request has no place at all.
    """
    match limit.meter:
        case Meter.REQUESTS:
            return None if left >= 1 else -1
        case Meter.TOKENS:
            return left - hold.input_bound if left >= hold.input_bound else -1
        case Meter.MONEY:
            # Nothing to pay is nothing to refuse, even where there is nothing left.
            return (
                offer.price.affordable_output(left, hold.input_bound, hold.images)
                if left > 0
                else _free(hold, offer)
            )


def _free(hold: Hold, offer: Offer) -> int | None:
    return None if offer.price.worst(hold.input_bound, hold.output_wanted, hold.images) == 0 else -1


def settle(
    held: Iterable[Held],
    used: Mapping[Meter, int],
    counters: MutableMapping[str, Counter],
) -> None:
    """Put what was ``used`` in the place of what was ``held``, wherever the window is still the same."""
    for item in held:
        counter = counters.get(item.counter)
        if counter is None or microseconds(counter.started_at) != item.window:
            continue
        actual = used[meter_of(item.counter)]
        counters[item.counter] = counter.plus(actual - item.amount, -item.amount)


def meter_of(counter: str) -> Meter:
    """What a counter counts, by its key."""
    return Meter(counter.rsplit(" ", 2)[1])


def microseconds(instant: datetime) -> int:
    """``instant`` as whole microseconds since 1970."""
    return (instant - _EPOCH) // _MICROSECOND
