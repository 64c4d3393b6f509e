"""The ledger: reserve before work, settle after it, each once and only once.

What comes while a transaction runs waits for the next one and shares it: a request costs two writes, and a thousand
requests a second cost no more transactions than the database can make.
"""

import asyncio
import contextlib
import os
import socket
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Final, cast

import structlog
from sqlalchemy.exc import OperationalError

from causette.clock import utc_now
from causette.db import Database
from causette.errors import CausetteError, InvalidRequest, TooManyRequests, Unavailable
from causette.ids import new_id
from causette.ledger import batch, reservations, store
from causette.ledger.batch import Correct, End, Operation, PriceBook, Reserve, Result, TopUp
from causette.ledger.refusals import refusal
from causette.ledger.types import HeldRequest, Hold, Limit, Receipt, Reservation, Settlement, Standing
from causette.ledger.windows import Ended, Full, Windows, is_window, mend_for_ever, rounds

_log = structlog.get_logger(__name__)

# Of the time after which a silent process is taken for dead.
_BEAT_PART: Final = 0.2
# A process that was dead for so long and has left nothing behind is forgotten.
_REMEMBERED: Final = timedelta(days=1)
# More in one transaction would make the first of them wait for the last.
_MOST_AT_ONCE: Final = 256
_SHORTEST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 2.0
_ORPHANS_AT_ONCE: Final = 500
# Of the time after which windows that have no row are given back: whoever was let in later than this is not.
_USABLE_PART: Final = 0.5


@dataclass(frozen=True, slots=True)
class _Waiting:
    operation: Operation
    done: "asyncio.Future[Result]"


class Ledger:
    """The books of one database, as one process keeps them. `open` it before use and `close` it at the end.

    Args:
        database: where they are kept.
        clock: what time it is.
        silence: how long a process may show no life before what it holds is an orphan; the same for all processes.
        windows: where rolling windows of requests and tokens are kept; the same for all processes, and in the
            database when not given.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime] = utc_now,
        silence: timedelta = batch.HOLDER_SILENCE,
        windows: Windows | None = None,
    ) -> None:
        self._database = database
        self._windows = windows
        self._now = clock
        self._silence = silence
        #: Since when the database has answered without a pause, and when it last did.
        self._answering_since = self._answered_at = clock()
        self._holder = new_id("hld")
        self._prices = PriceBook()
        self._waiting: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._closing = False

    async def open(self) -> None:
        """Begin to keep the books."""
        await self._beat()
        loop = asyncio.get_running_loop()
        self._tasks = (loop.create_task(self._commit_for_ever()), loop.create_task(self._live()))
        if self._windows is not None:
            self._windows.open()
            self._tasks += (loop.create_task(mend_for_ever(self._windows, self._database)),)

    async def close(self) -> None:
        """Write what is waiting, and leave. What this process still holds becomes an orphan at once."""
        if not self._tasks:
            return
        committing, *others = self._tasks
        self._closing = True
        self._wake.set()
        for task in others:
            task.cancel()
        await asyncio.gather(committing, *others, return_exceptions=True)
        self._tasks = ()
        if self._windows is not None:
            await self._windows.close()
        for late in self._waiting:
            _tell(late.done, Unavailable("The server is stopping.", code="stopping"))
        self._waiting.clear()
        with contextlib.suppress(CausetteError):
            await self._database.transact(lambda connection: store.forget_holder(connection, self._holder))

    async def reserve(self, hold: Hold) -> Reservation:
        """Let ``hold`` in, holding what it may take at most.

        Raises:
            TooManyRequests: a limit is reached (``rate_limit_exceeded``, ``insufficient_quota``).
            Conflict: its idempotency key is in use, or was used for something else.
            Unavailable: the database does not answer, or Valkey where a window is kept there (``limits_unavailable``).
        """
        if self._windows is not None and any(
            is_window(limit) for offer in hold.offers for limit in offer.limits
        ):
            return await self._reserve_behind(self._windows, hold)
        return await self._book(Reserve(hold, self._now()))

    async def _reserve_behind(self, windows: Windows, hold: Hold) -> Reservation:
        refused = None
        for limits, rest in rounds(hold):
            try:
                if not limits:
                    return await self._book(Reserve(rest, self._now()))
                return await self._reserve_round(windows, limits, rest)
            except TooManyRequests as error:
                refused = error
        assert refused is not None, "a hold with a window has an offer"
        raise refused

    async def _reserve_round(self, windows: Windows, limits: tuple[Limit, ...], rest: Hold) -> Reservation:
        """Take the windows, then reserve ``rest`` in the database; where that fails, give them back."""
        began = monotonic()
        taken = await windows.take(rest, limits)
        if isinstance(taken, Full):
            raise refusal(rest, taken.standing, taken.now)
        try:
            within = replace(rest, output_wanted=taken.output)
            reservation = await self._book(Reserve(within, self._now(), taken.held))
        except BaseException:
            # Should it be let in all the same, nobody will use it, and its row is released.
            windows.give_back(rest.id)
            raise
        if monotonic() - began > _USABLE_PART * windows.overdue_after.total_seconds():
            self.release(rest.id)
            raise Unavailable("It took too long to let the request in. Try again.", retry_after=1.0)
        return replace(
            reservation,
            offer=replace(reservation.offer, limits=(*limits, *reservation.offer.limits)),
            standings=(*taken.standings, *reservation.standings),
        )

    async def _book(self, reserve: Reserve) -> Reservation:
        entered = self._enter(reserve)
        try:
            return cast("Reservation", await asyncio.shield(entered))
        except asyncio.CancelledError:
            # It may be let in all the same: nobody will use it.
            entered.add_done_callback(lambda done: self._unused(reserve.hold.id, done))
            raise

    async def settle(self, request_id: str, settlement: Settlement) -> Receipt:
        """Write how a request ended. Only the first end of a request counts; a later one changes nothing.

        While the database is away this waits; whoever does not want to can leave, and it is written nevertheless.
        """
        return cast("Receipt", await asyncio.shield(self._enter(End(request_id, settlement, self._now()))))

    def release(self, request_id: str) -> None:
        """Give back all that a request holds: nothing was done for it. Written soon; nobody has to wait."""
        _unobserved(self._enter(End(request_id, None, self._now())))

    async def top_up(self, payer_id: str, amount_nano: int, memo: str, reference: str) -> bool:
        """Fill a payer's prepaid credit; False when this ``reference`` did so before.

        Raises:
            InvalidRequest: the amount is not positive.
        """
        if amount_nano <= 0:
            raise InvalidRequest(f"A top-up of {amount_nano} nano-dollars is none.", param="amount")
        operation = TopUp(payer_id, amount_nano, memo, reference, self._now())
        return bool(await asyncio.shield(self._enter(operation)))

    async def correct(self, request_id: str, delta_nano: int, memo: str, reference: str) -> bool:
        """Change a settled request's charge by a posting of its own; False when this ``reference`` did so before.

        Raises:
            Conflict: the request is not settled.
        """
        operation = Correct(request_id, delta_nano, memo, reference, self._now())
        return bool(await asyncio.shield(self._enter(operation)))

    async def standing(self, limits: Iterable[Limit]) -> tuple[Standing, ...]:
        """How far ``limits`` are used, what is held included.

        Raises:
            Unavailable: the database does not answer, or Valkey where a window is kept there (``limits_unavailable``).
        """
        wanted, now = tuple(limits), self._now()
        known: dict[Limit, Standing] = {}
        if self._windows is not None and (outside := [limit for limit in wanted if is_window(limit)]):
            known = {standing.limit: standing for standing in await self._windows.standings(outside)}
        counters: dict[str, reservations.Counter] = {}
        if inside := {limit.counter for limit in wanted if limit not in known}:
            async with self._database.read() as connection:
                counters = await store.counters_of(connection, inside)
        return tuple(known.get(limit) or reservations.standing(limit, counters, now) for limit in wanted)

    async def is_known(self, request_id: str) -> bool:
        """Whether a request was let in, ended or not: whoever was killed while it reserved does not know."""
        async with self._database.read() as connection:
            return request_id in await store.ends_of(connection, [request_id])

    async def orphans(self) -> tuple[HeldRequest, ...]:
        """Open requests whose process has died. Somebody has to settle them."""
        now = self._now()
        # While the database was away nobody could show life: they get the time to.
        judges = now - self._answering_since >= self._silence and now - self._answered_at < self._silence
        since = now - self._silence if judges else None
        async with self._database.read() as connection:
            found = await store.orphans(connection, since, _ORPHANS_AT_ONCE, besides=self._holder)
        return tuple(found)

    def _enter(self, operation: Operation) -> "asyncio.Future[Result]":
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        if not self._tasks or (self._closing and isinstance(operation, Reserve)):
            done.set_exception(Unavailable("The server is stopping.", code="stopping", retry_after=1.0))
            return done
        self._waiting.append(_Waiting(operation, done))
        self._wake.set()
        return done

    def _unused(self, request_id: str, done: "asyncio.Future[Result]") -> None:
        if not done.cancelled() and done.exception() is None:
            self.release(request_id)

    async def _commit_for_ever(self) -> None:
        pause = _SHORTEST_PAUSE
        while self._waiting or not self._closing:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
                continue
            some = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_AT_ONCE))]
            try:
                await self._commit(some)
                pause = _SHORTEST_PAUSE
            except Unavailable as error:
                self._put_back(some, error)
                await asyncio.sleep(pause)
                pause = min(_LONGEST_PAUSE, 2 * pause)

    async def _commit(self, some: list[_Waiting]) -> None:
        operations = [waiting.operation for waiting in some]
        try:
            results = await self._database.transact(
                lambda connection: batch.apply(
                    connection,
                    operations,
                    holder=self._holder,
                    prices=self._prices,
                    silence=self._silence,
                )
            )
        except (OperationalError, OSError) as error:
            raise Unavailable(
                f"The ledger cannot be written: {error}", code="ledger_unavailable", retry_after=1.0
            ) from error
        except Unavailable:
            raise
        except Exception as error:
            if len(some) == 1:
                _log.exception("ledger refused an operation", operation=type(operations[0]).__name__)
                _tell(
                    some[0].done, CausetteError(f"The ledger could not be written: {type(error).__name__}.")
                )
                return
            # One of them cannot be written: the others must not go down with it.
            for waiting in some:
                await self._commit([waiting])
            return
        self._prices.committed()
        for waiting, result in zip(some, results, strict=True):
            if isinstance(result, Ended):
                self._settle_windows(waiting.done, result)
            else:
                _tell(waiting.done, result)

    def _settle_windows(self, done: "asyncio.Future[Result]", ended: Ended) -> None:
        """Bring the windows of a request in line with its row. What does not get there is mended later."""
        if self._windows is None:
            _tell(done, ended.receipt)
            return
        settled = self._windows.settle(ended.receipt.request_id, requests=ended.requests, tokens=ended.tokens)
        settled.add_done_callback(lambda _: _tell(done, ended.receipt))

    def _put_back(self, some: list[_Waiting], error: Unavailable) -> None:
        """After a transaction that failed: what may be refused is, what must be written waits for the next one."""
        _log.warning("ledger not written", waiting=len(some), reason=error.message)
        left = [waiting for waiting in some if not waiting.done.done()]
        for waiting in left:
            if isinstance(waiting.operation, Reserve) or self._closing:
                # At the very end the rows stay held, and whoever opens the database next sweeps them.
                _tell(waiting.done, error)
        if self._closing:
            return
        self._waiting.extendleft(item for item in reversed(left) if not isinstance(item.operation, Reserve))
        for waiting in left:
            if isinstance(waiting.operation, Reserve):
                # A connection that is cut at the end of a transaction does not tell whether it was let in.
                self.release(waiting.operation.hold.id)

    async def _live(self) -> None:
        while True:
            await asyncio.sleep(self._silence.total_seconds() * _BEAT_PART)
            try:
                await self._beat()
            except Exception as error:
                # Whatever it is: others would take this process for dead, and end what it works on.
                _log.warning("ledger shows no life", reason=str(error))

    async def _beat(self) -> None:
        host, pid, now = socket.gethostname(), os.getpid(), self._now()

        def beat(connection: store.Connection) -> None:
            store.beat(connection, self._holder, host=host, pid=pid, now=now)
            store.forget_holders_before(connection, now - _REMEMBERED)

        await self._database.transact(beat)
        if now - self._answered_at >= self._silence:
            self._answering_since = now
        self._answered_at = now


def _tell(done: "asyncio.Future[Result]", result: Result) -> None:
    if done.done():
        return
    if isinstance(result, CausetteError):
        done.set_exception(result)
    else:
        done.set_result(result)


def _unobserved(done: "asyncio.Future[Result]") -> None:
    done.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
