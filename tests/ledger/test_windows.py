"""Rolling windows in Valkey: as `reservations` has them, for all processes, whatever dies or is away in between."""

import asyncio
import contextlib
import json
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from valkey.asyncio import Valkey

from causette.clock import utc_now
from causette.db import Database
from causette.errors import ConfigurationError, TooManyRequests, Unavailable
from causette.ids import new_id
from causette.ledger import reservations
from causette.ledger.prices import FREE, Price
from causette.ledger.reservations import Counter, Granted, Held
from causette.ledger.service import Ledger
from causette.ledger.tables import requests
from causette.ledger.types import (
    MINUTE,
    MONTH,
    NANO,
    Hold,
    Limit,
    Meter,
    Offer,
    Quantities,
    Reservation,
    Settlement,
    Window,
)
from causette.ledger.verify import verify
from causette.ledger.windows import Full, Taken, Windows, mend
from tests.ledger.books import START
from tests.stores import valkey_prefix, valkey_time_passes, valkey_url
from tests.waiting import eventually

PRICE = Price(input=150_000_000, output=600_000_000)
HOUR = Window("rolling", 3600)
REQUESTS = Limit("key:one", Meter.REQUESTS, MINUTE, 10)
TOKENS = Limit("user:ada", Meter.TOKENS, HOUR, 1_000)
BUDGET = Limit("key:one", Meter.MONEY, MONTH, NANO)
#: How long what is held without a row is left alone, in these tests.
SOON = timedelta(seconds=1)


def hold(*limits: Limit, **changes: object) -> Hold:
    asked = Hold(
        id=new_id("req"),
        payer_id="ada",
        user_id="ada",
        plan_id="api",
        surface="platform",
        model="default",
        engine_request_id=new_id("eng"),
        offers=(Offer(name="metered", price=PRICE, limits=limits or (REQUESTS, TOKENS, BUDGET)),),
        input_bound=100,
        output_wanted=50,
    )
    return replace(asked, **changes)  # type: ignore[arg-type]


def done(tokens: int = 30) -> Settlement:
    return Settlement(outcome="completed", quantities=Quantities(output_tokens=tokens))


@pytest_asyncio.fixture
async def prefix() -> AsyncGenerator[str]:
    valkey_url()
    async with valkey_prefix() as prefix:
        yield prefix


@pytest_asyncio.fixture
async def windows(prefix: str) -> AsyncGenerator[Windows]:
    """Windows to look at, and to take from."""
    windows = Windows(valkey_url(), prefix=prefix, overdue=SOON)
    windows.open()
    yield windows
    await windows.close()


@pytest_asyncio.fixture
async def ledger(database: Database, prefix: str) -> AsyncGenerator[Ledger]:
    """A ledger whose windows are in Valkey, and whose books have to close at the end."""
    ledger = Ledger(database, windows=Windows(valkey_url(), prefix=prefix))
    await ledger.open()
    yield ledger
    assert (await verify(database)).problems == ()
    await ledger.close()


async def used(windows: Windows | Ledger, *limits: Limit) -> list[tuple[int, int]]:
    found = await (windows.standings(limits) if isinstance(windows, Windows) else windows.standing(limits))
    return [(standing.used, standing.held) for standing in found]


# As long as no sum of waits is near to: real time passes too, if little.
WINDOWS = [Window("rolling", 60), Window("rolling", 100)]
WAITS = 7

scopes, windows_ = st.sampled_from(("key:one", "user:ada")), st.sampled_from(WINDOWS)
limits = st.builds(Limit, scopes, st.just(Meter.REQUESTS), windows_, st.integers(0, 5)) | st.builds(
    Limit, scopes, st.just(Meter.TOKENS), windows_, st.integers(0, 500)
)
takes = st.tuples(
    st.just("take"),
    st.sets(st.integers(0, 2), min_size=1),
    st.builds(
        hold,
        input_bound=st.integers(0, 60),
        output_wanted=st.integers(1, 150),
        output_least=st.integers(1, 60),
    ),
)
steps = (
    takes
    | st.tuples(st.just("settle"), st.integers(0, 9), st.integers(0, 210))
    | st.tuples(st.just("give back"), st.integers(0, 9))
    | st.tuples(st.just("settle again"), st.integers(0, 9), st.integers(0, 210))
    | st.tuples(st.just("wait"), st.integers(1, 12))
)


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(limits, min_size=3, max_size=3), st.lists(steps, min_size=5, max_size=30))
async def test_the_scripts_decide_as_reservations_do(pool: list[Limit], todo: list[tuple[Any, ...]]):
    url = valkey_url()
    async with valkey_prefix() as prefix:
        windows = Windows(url, prefix=prefix)
        windows.open()
        counters: dict[str, Counter] = {}
        open_: dict[str, tuple[Held, ...]] = {}
        ended: list[str] = []
        now = START
        for what, number, *rest in todo:
            if what == "take":
                asked = tuple(pool[index] for index in sorted(number))
                step = replace(rest[0], offers=(Offer(name="metered", price=FREE, limits=asked),))
                taken = await windows.take(step, asked)
                granted = reservations.grant(step, counters, now)
                if isinstance(granted, Granted):
                    assert isinstance(taken, Taken)
                    assert taken.output == granted.output
                    assert [(held.counter, held.amount) for held in taken.held] == [
                        (held.counter, held.amount) for held in granted.held
                    ]
                    assert all(held.outside for held in taken.held)
                    open_[step.id] = granted.held
                    standings = taken.standings
                else:
                    assert isinstance(taken, Full)
                    assert granted.standing is not None
                    assert taken.standing.limit == granted.standing.limit
                    standings = (taken.standing,)
                for standing in standings:
                    expected = reservations.standing(standing.limit, counters, now)
                    assert (standing.used, standing.held) == (expected.used, expected.held)
            elif what == "wait":
                now += timedelta(seconds=WAITS * number)
                await valkey_time_passes(prefix, WAITS * number)
            elif what == "settle again" and ended:
                await windows.settle(ended[number % len(ended)], requests=1, tokens=rest[0])
            elif what in {"settle", "give back"} and open_:
                request_id = list(open_)[number % len(open_)]
                ended.append(request_id)
                took = {Meter.REQUESTS: len(rest), Meter.TOKENS: sum(rest)}
                reservations.settle(open_.pop(request_id), took, counters)
                if rest:
                    await windows.settle(request_id, requests=1, tokens=rest[0])
                else:
                    windows.give_back(request_id)
            found = await windows.standings(pool)
            expected = [reservations.standing(limit, counters, now) for limit in pool]
            assert [(item.used, item.held) for item in found] == [(item.used, item.held) for item in expected]
        await windows.close()


class TestBothStores:
    async def test_a_request_holds_its_windows_and_its_budget_and_settles_both(
        self, ledger: Ledger, windows: Windows, database: Database
    ):
        reservation = await ledger.reserve(hold())
        worst = PRICE.worst(100, 50)
        assert await used(ledger, REQUESTS, TOKENS, BUDGET) == [(1, 1), (150, 150), (worst, worst)]
        assert {item.limit: item.used for item in reservation.standings} == {
            REQUESTS: 1,
            TOKENS: 150,
            BUDGET: worst,
        }
        assert set(reservation.offer.limits) == {REQUESTS, TOKENS, BUDGET}
        receipt = await ledger.settle(reservation.id, done())
        assert await used(ledger, REQUESTS, TOKENS, BUDGET) == [(1, 0), (30, 0), (receipt.charge_nano, 0)]
        async with database.read() as connection:
            holds = json.loads((await connection.execute(sa.select(requests.c.holds))).scalar_one())
            counters = set(await connection.scalars(sa.text("SELECT counter FROM ledger_counters")))
        assert {counter for counter, *_, outside in holds if outside} == {REQUESTS.counter, TOKENS.counter}
        assert counters == {BUDGET.counter}

    async def test_a_reply_is_cut_to_what_the_tightest_limit_of_either_store_has_left(self, ledger: Ledger):
        assert (await ledger.reserve(hold(output_wanted=5_000))).output_granted == 900
        poor = replace(BUDGET, scope="key:poor", amount=PRICE.worst(100, 50) + PRICE.worst(100, 7))
        other = replace(TOKENS, scope="user:bob")
        await ledger.reserve(hold(other, poor))
        short = await ledger.reserve(hold(other, poor, output_wanted=40))
        assert short.output_granted == 7
        await ledger.settle(short.id, done(7))
        assert await used(ledger, other) == [(157, 150)]

    async def test_what_the_database_refuses_takes_no_windows(self, ledger: Ledger, windows: Windows):
        with pytest.raises(TooManyRequests, match="budget"):
            await ledger.reserve(hold(REQUESTS, TOKENS, replace(BUDGET, amount=1)))
        assert await used(windows, REQUESTS, TOKENS) == [(0, 0), (0, 0)]

    async def test_a_full_window_touches_no_other_and_says_when_to_come_back(
        self, ledger: Ledger, windows: Windows
    ):
        full = replace(REQUESTS, scope="key:full", amount=1)
        await ledger.settle((await ledger.reserve(hold(full))).id, done())
        with pytest.raises(TooManyRequests) as refused:
            await ledger.reserve(hold(TOKENS, REQUESTS, full, BUDGET))
        assert refused.value.code == "rate_limit_exceeded"
        assert 50 < (refused.value.retry_after or 0) <= 60
        assert await used(ledger, TOKENS, REQUESTS, BUDGET) == [(0, 0), (0, 0), (0, 0)]

    async def test_the_next_offer_is_taken_where_either_store_refuses_the_first(self, ledger: Ledger):
        included = Limit("payer:ada/included", Meter.REQUESTS, HOUR, 1)
        monthly = Limit("payer:ada/included", Meter.TOKENS, MONTH, 400)
        offers = (
            Offer(name="included", price=FREE, limits=(REQUESTS, included)),
            Offer(name="included", price=FREE, limits=(REQUESTS, monthly)),
            Offer(name="overage", price=PRICE, limits=(REQUESTS, BUDGET)),
        )
        taken = [await ledger.reserve(hold(offers=offers)) for _ in range(4)]
        assert [item.offer.name for item in taken] == ["included", "included", "included", "overage"]
        assert [set(item.offer.limits) for item in taken[1:]] == [
            {REQUESTS, monthly},
            {REQUESTS, monthly},
            {REQUESTS, BUDGET},
        ]
        assert await used(ledger, REQUESTS, included, monthly) == [(4, 4), (1, 1), (300, 300)]

    async def test_whoever_leaves_while_let_in_holds_nothing(self, ledger: Ledger, windows: Windows):
        for pauses in range(30):
            asking = asyncio.ensure_future(ledger.reserve(hold(REQUESTS, BUDGET)))
            for _ in range(pauses):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            if not asking.cancelled():
                ledger.release(asking.result().id)

        async def nothing_held() -> bool:
            return await used(ledger, REQUESTS, BUDGET) == [(0, 0), (0, 0)]

        await eventually(nothing_held, "the windows to be given back")

    async def test_many_at_once_share_both_stores_and_exceed_neither(self, ledger: Ledger):
        limits = (
            replace(REQUESTS, amount=9),
            replace(TOKENS, amount=1_207),
            replace(BUDGET, amount=7 * PRICE.worst(100, 50) + PRICE.worst(100, 3)),
        )

        async def ask() -> Reservation | None:
            try:
                return await ledger.reserve(hold(*limits))
            except TooManyRequests:
                return None

        found = [item for item in await asyncio.gather(*(ask() for _ in range(64))) if item is not None]
        for standing in await ledger.standing(limits):
            assert 0 < standing.used == standing.held <= standing.limit.amount
        assert sum(item.held_nano for item in found) <= limits[2].amount
        assert len(found) in {7, 8}
        await asyncio.gather(*(ledger.settle(item.id, done(item.output_granted)) for item in found))
        tokens = sum(item.output_granted for item in found)
        assert await used(ledger, limits[0], limits[1]) == [(len(found), 0), (tokens, 0)]


class TestTime:
    async def test_a_window_is_over_by_the_servers_clock(self, windows: Windows, prefix: str):
        once = replace(REQUESTS, amount=1)
        first = hold(once)
        assert isinstance(await windows.take(first, [once]), Taken)
        await valkey_time_passes(prefix, 59)
        assert isinstance(await windows.take(hold(once), [once]), Full)
        await valkey_time_passes(prefix, 1)
        assert await used(windows, once) == [(0, 0)]
        assert isinstance(await windows.take(hold(once), [once]), Taken)
        # What was held in the one before does not burden this one.
        await windows.settle(first.id, requests=0, tokens=0)
        assert await used(windows, once) == [(1, 1)]

    async def test_every_key_is_gone_soon_after_its_window(self, windows: Windows, prefix: str):
        second = replace(REQUESTS, window=Window("rolling", 1))
        await windows.take(hold(second), [second])
        async with Valkey.from_url(valkey_url()) as client:
            keys = [key async for key in client.scan_iter(f"{prefix}*", count=1_000)]
            assert len(keys) == 3
            for key in keys:
                assert 0 < await client.pttl(key) <= 2_000


class TestTrouble:
    async def test_a_take_that_is_sent_again_counts_once(self, windows: Windows):
        asked = hold()
        for _ in range(2):
            await windows.take(asked, [REQUESTS, TOKENS])
        assert await used(windows, REQUESTS, TOKENS) == [(1, 1), (150, 150)]

    async def test_a_server_that_was_started_again_is_told_the_scripts(self, windows: Windows):
        await windows.take(hold(), [REQUESTS])
        async with Valkey.from_url(valkey_url()) as client:
            await client.script_flush()
        found = await asyncio.gather(*(windows.take(hold(), [REQUESTS]) for _ in range(20)))
        assert sum(isinstance(item, Taken) for item in found) == 9

    async def test_what_takes_too_long_is_not_used(
        self, database: Database, prefix: str, monkeypatch: pytest.MonkeyPatch
    ):
        """Somebody may have given its windows back meanwhile."""
        ledger = Ledger(database, windows=Windows(valkey_url(), prefix=prefix, overdue=SOON))
        await ledger.open()
        transact = database.transact

        async def slow(work: object) -> object:
            await asyncio.sleep(0.6)
            return await transact(work)  # type: ignore[arg-type]

        monkeypatch.setattr(database, "transact", slow)
        with pytest.raises(Unavailable, match="too long"):
            await ledger.reserve(hold())
        monkeypatch.setattr(database, "transact", transact)
        await ledger.settle((await ledger.reserve(hold())).id, done())
        await ledger.close()
        assert (await verify(database)).problems == ()
        async with database.read() as connection:
            assert set(await connection.scalars(sa.select(requests.c.state))) == {"released", "settled"}

    async def test_away_nobody_behind_a_window_is_let_in_and_nobody_else_waits(
        self, database: Database, prefix: str, line: "Line", windows: Windows
    ):
        ledger = Ledger(database, windows=Windows(line.url, prefix=prefix, overdue=SOON))
        await ledger.open()
        running = await ledger.reserve(hold())
        for trouble in (line.hang, line.cut):
            await trouble()
            with capture_logs() as logs:
                async with asyncio.timeout(3):
                    for _ in range(3):
                        with pytest.raises(Unavailable) as refused:
                            await ledger.reserve(hold())
                        assert (refused.value.code, refused.value.retry_after) == ("limits_unavailable", 1.0)
                    with pytest.raises(Unavailable):
                        await ledger.standing([REQUESTS])
                    free = await ledger.reserve(hold(BUDGET))
                    await ledger.settle(free.id, done())
                    assert (await ledger.standing([BUDGET]))[0].used > 0
                # It is asked again after a pause, and not before.
                await asyncio.sleep(0.5)
            assert "windows not counted" in {item["event"] for item in logs}
        # An end is written in the books all the same, and the windows hear of it when they are there again.
        async with asyncio.timeout(3):
            await ledger.settle(running.id, done())
        assert await used(windows, REQUESTS, TOKENS) == [(1, 1), (150, 150)]
        await line.restore()
        await eventually(lambda: _is_used(windows, (1, 0), (30, 0)), "the windows to be mended")
        await eventually(lambda: _lets_in(ledger), "requests to be let in again")
        await ledger.close()

    async def test_a_long_request_keeps_what_it_holds(
        self, database: Database, ledger: Ledger, windows: Windows
    ):
        await ledger.reserve(hold())
        await asyncio.sleep(SOON.total_seconds())
        assert len(await windows.overdue()) == 1
        assert await mend(windows, database) == 0
        assert await windows.overdue() == ()
        assert await used(windows, REQUESTS, TOKENS) == [(1, 1), (150, 150)]

    async def test_a_broken_off_end_is_made_up_for_by_what_the_row_says(
        self, database: Database, ledger: Ledger, windows: Windows, monkeypatch: pytest.MonkeyPatch
    ):
        settled, released = await ledger.reserve(hold()), await ledger.reserve(hold())

        def lost(*_: object, **__: object) -> "asyncio.Future[object]":
            answered: asyncio.Future[object] = asyncio.get_running_loop().create_future()
            answered.set_result(None)
            return answered

        monkeypatch.setattr(ledger._windows, "settle", lost)
        await ledger.settle(settled.id, done(41))
        ledger.release(released.id)
        await ledger.settle((await ledger.reserve(hold(BUDGET))).id, done())
        assert await used(windows, REQUESTS, TOKENS) == [(2, 2), (300, 300)]
        await asyncio.sleep(SOON.total_seconds())
        assert await mend(windows, database) == 2
        assert await used(windows, REQUESTS, TOKENS) == [(1, 0), (41, 0)]
        assert await mend(windows, database) == 0


@dataclass
class Line:
    """A way to Valkey that can be broken."""

    host: str
    port: int
    url: str = ""
    own_port: int = 0
    hanging: bool = False
    server: asyncio.Server | None = None
    ends: list[asyncio.StreamWriter] = field(default_factory=list[asyncio.StreamWriter])

    async def restore(self) -> None:
        """Carry again."""
        await self.cut()
        self.hanging = False
        self.server = await asyncio.start_server(self._carry, "127.0.0.1", self.own_port)
        self.own_port = self.server.sockets[0].getsockname()[1]

    async def hang(self) -> None:
        """Take everything, and carry nothing."""
        self.hanging = True

    async def cut(self) -> None:
        """Refuse everything."""
        if self.server is not None:
            self.server.close()
        for end in self.ends:
            end.close()
        self.ends.clear()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there = await asyncio.open_connection(self.host, self.port)
        self.ends += (writer, there)
        await asyncio.gather(self._pass(reader, there), self._pass(there_reader, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                if not self.hanging:
                    writer.write(data)
        writer.close()


@pytest_asyncio.fixture
async def line(prefix: str) -> AsyncGenerator[Line]:
    """A line that carries."""
    there = urlsplit(valkey_url())
    line = Line(there.hostname or "127.0.0.1", there.port or 6379)
    await line.restore()
    line.url = there._replace(netloc=f"127.0.0.1:{line.own_port}").geturl()
    yield line
    await line.cut()


async def _is_used(windows: Windows, *expected: tuple[int, int]) -> bool:
    return await used(windows, REQUESTS, TOKENS) == list(expected)


async def _lets_in(ledger: Ledger) -> bool:
    try:
        await ledger.reserve(hold())
    except Unavailable:
        return False
    return True


#: A server that is killed at a given moment of one request.
VICTIM = """
import asyncio, os, signal, sys
from causette.db import Database
from causette.ledger.service import Ledger
from causette.ledger.windows import Windows
from tests.ledger.test_windows import done, hold

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    url, valkey, prefix, moment = sys.argv[1:]
    async with Database.from_url(url) as database:
        windows = Windows(valkey, prefix=prefix)
        ledger = Ledger(database, windows=windows)
        await ledger.open()
        if moment == "taken":
            database.transact = die
        reservation = await ledger.reserve(hold())
        if moment == "settled":
            windows.settle = die
            await ledger.settle(reservation.id, done(41))
        die()

asyncio.run(main())
"""


async def killed(database_url: str, prefix: str, moment: str) -> None:
    victim = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", VICTIM, database_url, valkey_url(), prefix, moment), stdout=PIPE
    )
    assert await victim.wait() == -signal.SIGKILL


class TestKilled:
    """Nothing stays held for longer than is said: `overdue` and a third of it, or until an orphan is settled."""

    async def test_between_the_windows_and_the_row(
        self, database: Database, database_url: str, prefix: str, windows: Windows
    ):
        await killed(database_url, prefix, "taken")
        assert await used(windows, REQUESTS, TOKENS) == [(1, 1), (150, 150)]
        other = Ledger(database, windows=Windows(valkey_url(), prefix=prefix, overdue=SOON))
        await other.open()
        await eventually(lambda: _is_used(windows, (0, 0), (0, 0)), "the windows to be given back", seconds=3)
        await other.close()

    async def test_between_the_end_of_the_row_and_the_windows(
        self, database: Database, database_url: str, prefix: str, windows: Windows
    ):
        await killed(database_url, prefix, "settled")
        assert await used(windows, REQUESTS, TOKENS) == [(1, 1), (150, 150)]
        other = Ledger(database, windows=Windows(valkey_url(), prefix=prefix, overdue=SOON))
        await other.open()
        await eventually(lambda: _is_used(windows, (1, 0), (41, 0)), "the end to be made up for", seconds=3)
        await other.close()

    async def test_at_work_its_request_is_an_orphan_that_another_process_settles(
        self, database: Database, database_url: str, prefix: str, windows: Windows
    ):
        await killed(database_url, prefix, "reserved")
        other = Ledger(
            database,
            windows=Windows(valkey_url(), prefix=prefix),
            clock=lambda: utc_now() + timedelta(minutes=1),
        )
        await other.open()
        other._answering_since -= timedelta(minutes=1)
        (orphan,) = await other.orphans()
        await other.settle(orphan.id, replace(done(7), outcome="orphaned"))
        assert await used(windows, REQUESTS, TOKENS) == [(1, 0), (7, 0)]
        assert (await verify(database)).problems == ()
        await other.close()


class TestConfiguration:
    @pytest.mark.parametrize(
        "url", ["http://:secret@127.0.0.1", "secret", "valkey://:secret@127.0.0.1:port/0"]
    )
    def test_a_wrong_url_is_refused_without_repeating_it(self, url: str):
        with pytest.raises(ConfigurationError, match="CAUSETTE_VALKEY_URL") as refused:
            Windows(url)
        assert "secret" not in str(refused.value)

    async def test_a_password_that_is_not_taken_is_not_told(self):
        there = urlsplit(valkey_url())
        url = there._replace(netloc=f"ada:secret@{there.hostname}:{there.port}").geturl()
        windows = Windows(url)
        windows.open()
        with capture_logs() as logs, pytest.raises(Unavailable):
            await windows.take(hold(), [REQUESTS])
        assert logs
        assert "secret" not in str(logs)
        await windows.close()
