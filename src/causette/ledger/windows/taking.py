"""Rolling windows of requests and tokens in Valkey, shared by all processes, by the clock of its server.

What `reservations` decides of counters in the database the scripts beside this file decide of windows.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Final, cast

from causette.ledger import reservations
from causette.ledger.reservations import Counter, Held
from causette.ledger.types import Hold, Limit, Meter, Offer, Receipt, Standing
from causette.ledger.windows.link import SETTLE, TAKE, Answer, Argument, Link

#: What has been held for so long by a request without a row will never be used.
OVERDUE: Final = timedelta(seconds=30)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OVERDUE_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Taken:
    """What a request holds of its windows, which allow it ``output`` tokens."""

    output: int
    held: tuple[Held, ...]
    standings: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class Full:
    """The window that keeps a request out, and what time it is there."""

    standing: Standing
    now: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """A request that has ended in the database, and what it used of the windows that it still holds."""

    receipt: Receipt
    requests: int
    tokens: int


def is_window(limit: Limit) -> bool:
    """Whether ``limit`` is kept in Valkey. Money and the calendar stay in the database."""
    return limit.window.kind == "rolling" and limit.meter is not Meter.MONEY


def rounds(hold: Hold) -> Iterator[tuple[tuple[Limit, ...], Hold]]:
    """The offers of ``hold`` in their order, those together that are behind the same windows; the windows apart."""
    for windows, offers in groupby(hold.offers, _windows_of):
        yield windows, replace(hold, offers=tuple(_without_windows(offer) for offer in offers))


def _windows_of(offer: Offer) -> tuple[Limit, ...]:
    return tuple(limit for limit in offer.limits if is_window(limit))


def _without_windows(offer: Offer) -> Offer:
    return replace(offer, limits=tuple(limit for limit in offer.limits if not is_window(limit)))


class Windows:
    """The windows of one Valkey server. `open` it before use and `close` it at the end.

    Args:
        url: where it is: ``valkey://…``, ``redis://…``, ``unix://…``.
        prefix: what all keys begin with.
        overdue: after which time it is asked what became of a request that holds something.

    Raises:
        ConfigurationError: ``url`` is no URL of a Valkey server, or its library is not installed.
    """

    def __init__(self, url: str, *, prefix: str = "causette:", overdue: timedelta = OVERDUE) -> None:
        self._link = Link(url)
        self.prefix = prefix
        self._open_key = f"{prefix}open"
        self.overdue_after = overdue

    def open(self) -> None:
        """Begin to count. The server need not be there yet."""
        self._link.open()

    async def close(self) -> None:
        """Send what waits, and leave."""
        await self._link.close()

    async def take(self, hold: Hold, limits: Sequence[Limit]) -> Taken | Full:
        """Let ``hold`` take its most from all of ``limits``, or nothing from any.

        Raises:
            Unavailable: the server does not answer (``limits_unavailable``).
        """
        places: dict[str, int] = {}
        arguments: list[Argument] = [hold.id, hold.input_bound, hold.output_wanted, hold.output_least]
        for limit in limits:
            place = places.setdefault(limit.counter, len(places) + 1)
            arguments += (place, limit.meter.value, limit.window.seconds, limit.amount)
        keys = (self._record_key(hold.id), self._open_key, *map(self._window_key, places))
        try:
            answer = cast("list[int]", await self._link.run(TAKE, keys, arguments))
        except BaseException:
            # Nobody knows whether it arrived.
            self.give_back(hold.id)
            raise
        if not answer[0]:
            _, index, now, started, used, held = answer
            limit = limits[index]
            counters = {limit.counter: Counter(_instant(started), used, held)}
            return Full(reservations.standing(limit, counters, _instant(now)), _instant(now))
        output, now, rest = answer[1], _instant(answer[2]), answer[3:]
        counters: dict[str, Counter] = {}
        taken: list[Held] = []
        for index, counter in enumerate(places):
            started, used, held, amount = rest[4 * index : 4 * index + 4]
            counters[counter] = Counter(_instant(started), used, held)
            taken.append(Held(counter, started, amount, outside=True))
        return Taken(
            output, tuple(taken), tuple(reservations.standing(limit, counters, now) for limit in limits)
        )

    def settle(self, request_id: str, *, requests: int, tokens: int) -> "asyncio.Future[Answer]":
        """Put what a request used in the place of what it holds. Only its first end counts.

        Nobody has to wait. What does not arrive is made up for by `causette.ledger.windows.mending`.
        """
        keys = (self._record_key(request_id), self._open_key)
        return self._link.run(SETTLE, keys, (request_id, requests, tokens))

    def give_back(self, request_id: str) -> None:
        """End what a request holds that did nothing."""
        self.settle(request_id, requests=0, tokens=0)

    async def standings(self, limits: Iterable[Limit]) -> tuple[Standing, ...]:
        """How far ``limits`` are used, what is held included.

        Raises:
            Unavailable: the server does not answer (``limits_unavailable``).
        """
        wanted = tuple(limits)
        asked: list[Awaitable[Answer]] = [self._link.send("TIME")]
        asked += [
            self._link.send("HMGET", self._window_key(limit.counter), "started", "used", "held")
            for limit in wanted
        ]
        (seconds, micros), *rows = await asyncio.gather(*asked)
        now = _instant(seconds * 1_000_000 + micros)
        counters = {
            limit.counter: Counter(_instant(int(row[0])), int(row[1]), int(row[2]))
            for limit, row in zip(wanted, rows, strict=True)
            if row[0] is not None
        }
        return tuple(reservations.standing(limit, counters, now) for limit in wanted)

    async def overdue(self) -> tuple[str, ...]:
        """Some requests that have held something for long, and were not spared lately."""
        seconds, micros = await self._link.send("TIME")
        before = seconds * 1_000_000 + micros - self.overdue_after // timedelta(microseconds=1)
        found = await self._link.send(
            "ZRANGE", self._open_key, "-inf", before, "BYSCORE", "LIMIT", 0, _OVERDUE_AT_ONCE
        )
        return tuple(request_id.decode() for request_id in found)

    async def spare(self, request_ids: Iterable[str]) -> None:
        """Note that these requests hold on with reason."""
        seconds, micros = await self._link.send("TIME")
        now = seconds * 1_000_000 + micros
        members = [part for request_id in request_ids for part in (now, request_id)]
        if members:
            await self._link.send("ZADD", self._open_key, "XX", *members)

    def _record_key(self, request_id: str) -> str:
        return f"{self.prefix}hold:{request_id}"

    def _window_key(self, counter: str) -> str:
        return f"{self.prefix}window:{counter}"


def _instant(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
