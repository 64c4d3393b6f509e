"""The ledger from reservation to settlement, on both databases and beside Valkey: once, and never for nothing."""

import asyncio
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

import pytest
import pytest_asyncio
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Row
from structlog.testing import capture_logs

from causette.clock import utc_now
from causette.db import Database
from causette.errors import CausetteError, Conflict, InvalidRequest, TooManyRequests, Unavailable
from causette.ids import new_id
from causette.ledger.service import Ledger
from causette.ledger.tables import holders, prices, requests
from causette.ledger.types import (
    CREDIT,
    MINUTE,
    NANO,
    TOTAL,
    Hold,
    Limit,
    Meter,
    Offer,
    Outcome,
    Quantities,
    Receipt,
    Repetition,
    Settlement,
)
from causette.ledger.verify import verify
from tests.ledger.books import PRICE, Clock
from tests.stores import NewWindows

PAID = Limit("payer:user_ada", Meter.MONEY, CREDIT, 0)
BUDGET = Limit("key:key_1", Meter.MONEY, TOTAL, 10 * NANO)
RATE = Limit("key:key_1", Meter.TOKENS, MINUTE, 10**9)
USED = Quantities(input_tokens=1_000, cached_tokens=400, output_tokens=100)


@pytest.fixture
def clock() -> Clock:
    return Clock(utc_now())


@pytest_asyncio.fixture
async def ledger(database: Database, clock: Clock, new_windows: NewWindows) -> AsyncGenerator[Ledger]:
    """A ledger whose books have to close at the end."""
    ledger = Ledger(database, clock=clock, windows=new_windows())
    await ledger.open()
    yield ledger
    assert (await verify(database)).problems == ()
    await ledger.close()


def hold(**changes: object) -> Hold:
    asked = Hold(
        id=new_id("req"),
        payer_id="user_ada",
        user_id="user_ada",
        key_id="key_1",
        plan_id="api",
        surface="platform",
        model="default",
        engine_request_id=new_id("eng"),
        offers=(Offer(name="metered", price=PRICE, limits=(BUDGET, RATE)),),
        input_bound=2_000,
        output_wanted=500,
    )
    return replace(asked, **changes)  # type: ignore[arg-type]


def done(used: Quantities = USED, outcome: Outcome = "completed") -> Settlement:
    return Settlement(outcome=outcome, quantities=used, machine="this machine", cost_nano=77, compute_ns=9)


async def ask(
    ledger: Ledger, used: Quantities = USED, outcome: Outcome = "completed", **changes: object
) -> Receipt:
    reservation = await ledger.reserve(hold(**changes))
    return await ledger.settle(reservation.id, done(used, outcome))


async def repeated(ledger: Ledger, outcome: Outcome = "completed") -> tuple[int, int]:
    """What a request and its repetition are charged, when the first one ended as ``outcome``."""
    fingerprint = new_id("print").encode()
    first = await ask(ledger, outcome=outcome, repetition=Repetition(fingerprint=fingerprint))
    second = await ask(ledger, repetition=Repetition(fingerprint=fingerprint, claimed=True))
    return first.charge_nano, second.charge_nano


async def give_to(database: Database, request_id: str, pid: int, clock: Clock) -> None:
    """Let a request be held by the process ``pid`` of this machine, which has just shown life."""
    async with database.write() as connection:
        await connection.execute(
            sa.insert(holders).values(id="hld_other", host=socket.gethostname(), pid=pid, seen_at=clock())
        )
        await connection.execute(
            sa.update(requests).where(requests.c.id == request_id).values(holder="hld_other")
        )


async def rows(database: Database) -> list[Row]:
    async with database.read() as connection:
        return list(
            await connection.execute(sa.select(requests).order_by(requests.c.created_at, requests.c.id))
        )


async def used(ledger: Ledger, limit: Limit) -> tuple[int, int]:
    (standing,) = await ledger.standing([limit])
    return standing.used, standing.held


async def test_a_request_holds_its_worst_case_and_pays_what_it_took(ledger: Ledger):
    reservation = await ledger.reserve(hold())
    worst = PRICE.worst(2_000, 500)
    assert reservation.held_nano == worst
    assert await used(ledger, BUDGET) == (worst, worst)
    receipt = await ledger.settle(reservation.id, done())
    assert receipt.charge_nano == receipt.list_nano == PRICE.charge(USED)
    assert await used(ledger, BUDGET) == (receipt.charge_nano, 0)
    assert await used(ledger, RATE) == (1_100, 0)


async def test_cached_tokens_are_inside_the_input_and_cheaper(ledger: Ledger):
    cold = await ask(ledger, Quantities(input_tokens=1_000_000))
    warm = await ask(ledger, Quantities(input_tokens=1_000_000, cached_tokens=1_000_000))
    assert (cold.charge_nano, warm.charge_nano) == (PRICE.input, PRICE.cached_input)


async def test_zero_stays_zero(ledger: Ledger):
    receipt = await ask(ledger, Quantities())
    assert receipt.charge_nano == 0
    assert await used(ledger, BUDGET) == (0, 0)


async def test_a_settlement_counts_once_however_often_it_comes(ledger: Ledger, database: Database):
    first = await ask(ledger)
    dearer = done(Quantities(input_tokens=2_000, output_tokens=500), "orphaned")
    assert await ledger.settle(first.request_id, dearer) == first
    ledger.release(first.request_id)
    again = await asyncio.gather(*(ledger.settle(first.request_id, done()) for _ in range(5)))
    assert set(again) == {first}
    (row,) = await rows(database)
    assert (row.state, row.outcome, row.charge_nano) == ("settled", "completed", first.charge_nano)


async def test_a_release_gives_back_all_of_it(ledger: Ledger, database: Database):
    reservation = await ledger.reserve(hold())
    ledger.release(reservation.id)
    await ask(ledger, Quantities())
    assert await used(ledger, BUDGET) == (0, 0)
    assert [row.state for row in await rows(database)] == ["released", "settled"]


async def test_our_own_id_is_the_key_whatever_the_engine_calls_it(ledger: Ledger, database: Database):
    for _ in range(3):
        await ask(ledger, engine_request_id="")
    assert [row.charge_nano for row in await rows(database)] == [PRICE.charge(USED)] * 3


async def test_what_a_monthly_price_has_paid_for_is_owed_by_nobody(ledger: Ledger, database: Database):
    await ask(ledger, offers=(Offer(name="included", price=PRICE, limits=(RATE,)),))
    async with database.read() as connection:
        accounts = set(
            await connection.scalars(sa.text("SELECT account FROM ledger_balances WHERE book = 'charge'"))
        )
    assert accounts == {"included:user_ada", "revenue:default"}


async def test_credit_is_filled_once_by_a_reference_and_emptied_by_use(ledger: Ledger):
    metered = (Offer(name="metered", price=PRICE, limits=(PAID,)),)
    with pytest.raises(TooManyRequests) as empty:
        await ledger.reserve(hold(offers=metered))
    assert empty.value.code == "insufficient_quota"
    assert await ledger.top_up("user_ada", NANO, "card", "pi_1")
    assert not await ledger.top_up("user_ada", NANO, "card", "pi_1")
    receipt = await ask(ledger, offers=metered)
    assert await used(ledger, PAID) == (receipt.charge_nano - NANO, 0)
    with pytest.raises(InvalidRequest):
        await ledger.top_up("user_ada", 0, "card", "pi_2")


async def test_a_correction_is_a_posting_of_its_own_and_made_once(ledger: Ledger):
    receipt = await ask(ledger)
    assert await ledger.correct(receipt.request_id, -receipt.charge_nano, "Goodwill", "c_1")
    assert not await ledger.correct(receipt.request_id, -receipt.charge_nano, "Goodwill", "c_1")
    assert await used(ledger, BUDGET) == (0, 0)
    open_ = await ledger.reserve(hold())
    with pytest.raises(Conflict, match="not settled"):
        await ledger.correct(open_.id, -1, "Goodwill", "c_2")


class TestIdempotencyKeys:
    async def test_a_second_request_in_flight_is_refused(self, ledger: Ledger):
        await ledger.reserve(hold(idempotency_key="k"))
        with pytest.raises(Conflict) as refused:
            await ledger.reserve(hold(idempotency_key="k"))
        assert (refused.value.code, refused.value.retry_after) == ("idempotency_in_flight", 1.0)

    async def test_two_at_once_are_one(self, ledger: Ledger):
        found = await asyncio.gather(
            *(ledger.reserve(hold(idempotency_key="k")) for _ in range(8)), return_exceptions=True
        )
        assert sum(not isinstance(item, Conflict) for item in found) == 1

    async def test_a_repetition_pays_only_what_was_not_paid(self, ledger: Ledger):
        part = Quantities(input_tokens=1_000, cached_tokens=400, output_tokens=20)
        first = await ask(ledger, part, "disconnected", idempotency_key="k")
        second = await ask(ledger, idempotency_key="k")
        third = await ask(ledger, part, idempotency_key="k")
        assert first.charge_nano + second.charge_nano == PRICE.charge(USED)
        assert (third.list_nano, third.charge_nano) == (first.list_nano, 0)
        with pytest.raises(Conflict) as spent:
            await ask(ledger, idempotency_key="k")
        assert spent.value.code == "idempotency_key_spent"

    async def test_a_key_belongs_to_one_request_and_one_payer(self, ledger: Ledger):
        await ask(ledger, idempotency_key="k", repetition=Repetition(fingerprint=b"one"))
        with pytest.raises(Conflict) as reused:
            await ask(ledger, idempotency_key="k", repetition=Repetition(fingerprint=b"two"))
        assert reused.value.code == "idempotency_key_reused"
        other = await ask(ledger, idempotency_key="k", payer_id="user_bob")
        assert other.charge_nano == PRICE.charge(USED)

    async def test_after_a_day_it_is_forgotten(self, ledger: Ledger, clock: Clock):
        await ask(ledger, idempotency_key="k")
        clock.pass_(hours=24, seconds=1)
        await ledger._beat()
        assert (await ask(ledger, idempotency_key="k")).charge_nano == PRICE.charge(USED)


class TestRequestsWithoutAKey:
    async def test_a_retry_that_says_so_pays_once(self, ledger: Ledger):
        first = await ask(ledger, repetition=Repetition(fingerprint=b"same"))
        retry = await ask(ledger, repetition=Repetition(fingerprint=b"same", claimed=True))
        assert (first.charge_nano, retry.charge_nano) == (PRICE.charge(USED), 0)

    async def test_a_retry_of_what_still_runs_pays_once_when_it_says_so(self, ledger: Ledger):
        first = await ledger.reserve(hold(repetition=Repetition(fingerprint=b"same")))
        retry = await ask(ledger, repetition=Repetition(fingerprint=b"same", claimed=True))
        lost = await ledger.settle(first.id, done(outcome="disconnected"))
        assert (retry.charge_nano, lost.charge_nano) == (PRICE.charge(USED), 0)

    async def test_who_never_got_the_answer_pays_once(self, ledger: Ledger):
        await ask(ledger, outcome="disconnected", repetition=Repetition(fingerprint=b"same"))
        assert (await ask(ledger, repetition=Repetition(fingerprint=b"same"))).charge_nano == 0

    async def test_ten_answers_an_hour_may_be_lost_on_their_way(self, ledger: Ledger, clock: Clock):
        full = PRICE.charge(USED)
        assert [await repeated(ledger) for _ in range(11)] == [(full, 0)] * 10 + [(full, full)]
        clock.pass_(hours=1)
        await ledger._beat()
        assert await repeated(ledger) == (full, 0)

    async def test_what_never_arrived_counts_for_no_lost_answer(self, ledger: Ledger):
        full = PRICE.charge(USED)
        assert [await repeated(ledger, "failed") for _ in range(12)] == [(full, 0)] * 12
        assert [await repeated(ledger) for _ in range(11)] == [(full, 0)] * 10 + [(full, full)]

    async def test_who_has_lost_too_many_answers_waits_for_what_still_runs(self, ledger: Ledger):
        for _ in range(10):
            await repeated(ledger)
        first = await ledger.reserve(hold(repetition=Repetition(fingerprint=b"same")))
        with pytest.raises(Conflict) as runs:
            await ask(ledger, repetition=Repetition(fingerprint=b"same", claimed=True))
        assert (runs.value.code, runs.value.retry_after) == ("repetition_in_flight", 1.0)
        await ledger.settle(first.id, done(outcome="disconnected"))
        again = await ask(ledger, repetition=Repetition(fingerprint=b"same", claimed=True))
        assert again.charge_nano == 0

    async def test_equal_requests_at_once_are_as_many_requests(self, ledger: Ledger):
        found = await asyncio.gather(
            *(ask(ledger, repetition=Repetition(fingerprint=b"same")) for _ in range(5))
        )
        assert [item.charge_nano for item in found] == [PRICE.charge(USED)] * 5

    async def test_a_third_retry_and_a_late_one_are_requests_of_their_own(self, ledger: Ledger, clock: Clock):
        again = Repetition(fingerprint=b"same", claimed=True)
        charges = [(await ask(ledger, outcome="failed", repetition=again)).charge_nano for _ in range(4)]
        assert charges == [PRICE.charge(USED), 0, 0, PRICE.charge(USED)]
        clock.pass_(seconds=61)
        await ledger._beat()
        assert (await ask(ledger, repetition=again)).charge_nano == PRICE.charge(USED)


class TestProcessesThatAreGone:
    """What a process held that was killed a moment ago may be repeated at once, before it is settled."""

    async def test_nobody_waits_for_a_process_that_this_machine_no_longer_has(
        self, ledger: Ledger, database: Database, clock: Clock
    ):
        first = await ledger.reserve(hold(idempotency_key="k"))
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=PIPE)
        await give_to(database, first.id, process.pid, clock)
        with pytest.raises(Conflict) as runs:
            await ask(ledger, idempotency_key="k")
        assert runs.value.code == "idempotency_in_flight"
        process.kill()
        await process.wait()
        second = await ask(ledger, idempotency_key="k")
        orphaned = await ledger.settle(first.id, done(outcome="orphaned"))
        assert (second.charge_nano, orphaned.charge_nano) == (PRICE.charge(USED), 0)


class TestTrouble:
    async def test_a_poisoned_operation_does_not_take_its_batch_down(self, ledger: Ledger):
        reservations = await asyncio.gather(*(ledger.reserve(hold()) for _ in range(5)))
        amounts = [100, 100, 2**70, 100, 100]
        # Writing out the traceback takes longer than a process may be silent.
        with capture_logs() as logs:
            found = await asyncio.gather(
                *(
                    ledger.settle(item.id, replace(done(), compute_ns=amount))
                    for item, amount in zip(reservations, amounts, strict=True)
                ),
                return_exceptions=True,
            )
        assert [item["operation"] for item in logs] == ["End"]
        assert [isinstance(item, Receipt) for item in found] == [True, True, False, True, True]
        assert isinstance(found[2], CausetteError)

    async def test_a_price_whose_transaction_failed_is_written_with_the_next(
        self, ledger: Ledger, database: Database
    ):
        price = replace(PRICE, image=123)
        metered = (Offer(name="metered", price=price, limits=()),)
        with pytest.raises(CausetteError):
            await ledger.reserve(hold(offers=metered, input_bound=10**25))
        await ask(ledger)
        await ask(ledger, offers=metered)
        async with database.read() as connection:
            assert price.id in set(await connection.scalars(sa.select(prices.c.id)))

    async def test_what_comes_after_the_end_is_refused_and_does_not_wait(self, database: Database):
        ledger = Ledger(database)
        await ledger.open()
        reservation = await ledger.reserve(hold())
        await ledger.close()
        with pytest.raises(Unavailable):
            await ledger.reserve(hold())
        async with asyncio.timeout(5):
            with pytest.raises(Unavailable):
                await ledger.settle(reservation.id, done())

    async def test_a_close_writes_what_waits(self, database: Database, new_windows: NewWindows):
        ledger = Ledger(database, windows=new_windows())
        await ledger.open()
        reservations = await asyncio.gather(*(ledger.reserve(hold()) for _ in range(600)))
        settling = [asyncio.ensure_future(ledger.settle(item.id, done())) for item in reservations]
        await asyncio.sleep(0)
        await ledger.close()
        assert len([await task for task in settling]) == 600
        assert {row.state for row in await rows(database)} == {"settled"}
        later = Ledger(database, windows=new_windows())
        await later.open()
        assert await used(later, RATE) == (600 * 1_100, 0)
        await later.close()

    async def test_while_the_database_is_away_nobody_is_let_in_and_settlements_wait(
        self, ledger: Ledger, database: Database, monkeypatch: pytest.MonkeyPatch
    ):
        reservation = await ledger.reserve(hold())
        transact, committed = database.transact, False

        async def cut(work: Callable[[sa.Connection], object]) -> object:
            if committed:
                # The worst moment: it is written, and nobody hears of it.
                await transact(work)
            raise Unavailable("gone")

        monkeypatch.setattr(database, "transact", cut)
        settling = asyncio.ensure_future(ledger.settle(reservation.id, done()))
        with pytest.raises(Unavailable):
            await ledger.reserve(hold())
        committed = True
        with pytest.raises(Unavailable):
            await ledger.reserve(hold())
        monkeypatch.setattr(database, "transact", transact)
        assert (await settling).charge_nano == PRICE.charge(USED)
        await ask(ledger, Quantities())
        # What a cut connection has let in is given back, though its process lives on.
        assert "held" not in {row.state for row in await rows(database)}

    async def test_the_heart_goes_on_after_a_failure(self, ledger: Ledger, clock: Clock, database: Database):
        reservation = await ledger.reserve(hold())
        other = Ledger(database, clock=clock)
        await other.open()
        clock.pass_(minutes=5)
        # Nobody could show life: neither its own nor another's requests are taken for orphans at once.
        await other._beat()
        assert await other.orphans() == ()
        assert await ledger.orphans() == ()
        await ledger._beat()
        for _ in range(6):
            clock.pass_(seconds=2)
            await asyncio.gather(other._beat(), ledger._beat())
        assert await other.orphans() == ()
        for _ in range(6):
            clock.pass_(seconds=2)
            await other._beat()
        assert [orphan.id for orphan in await other.orphans()] == [reservation.id]
        assert await ledger.orphans() == ()
        await ledger._beat()
        await other.close()

    async def test_what_a_process_leaves_behind_is_an_orphan_at_once(
        self, ledger: Ledger, database: Database, new_windows: NewWindows
    ):
        leaving = Ledger(database, windows=new_windows())
        await leaving.open()
        reservation = await leaving.reserve(hold())
        await leaving.close()
        assert (await used(ledger, RATE))[1] == 2_500
        assert [orphan.id for orphan in await ledger.orphans()] == [reservation.id]
        await ledger.settle(reservation.id, done(Quantities(), "orphaned"))
        assert (await used(ledger, RATE))[1] == 0


operations = st.lists(
    st.tuples(
        st.sampled_from(("ask", "open", "settle", "release", "top_up", "correct", "replay", "wait")),
        st.integers(0, 3),
        st.integers(0, 500),
    ),
    max_size=25,
)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(operations)
async def test_the_books_close_after_whatever_came(
    ledger: Ledger, database: Database, clock: Clock, todo: list[tuple[str, int, int]]
):
    metered = (Offer(name="metered", price=PRICE, limits=(BUDGET, RATE, PAID)),)
    open_: list[str] = []
    settled: list[str] = []
    await ledger.top_up("user_ada", NANO, "card", new_id("pi"))
    for what, which, amount in todo:
        took = done(Quantities(input_tokens=4 * amount, cached_tokens=amount, output_tokens=amount))
        if what in {"ask", "open"}:
            known = {
                0: {"idempotency_key": new_id("key")},
                1: {"repetition": Repetition(fingerprint=b"same", claimed=True)},
                2: {"repetition": Repetition(fingerprint=b"same")},
            }.get(which, {})
            try:
                reservation = await ledger.reserve(hold(offers=metered, **known))
            except Conflict as conflict:
                assert conflict.code == "repetition_in_flight"
                continue
            if what == "ask":
                await ledger.settle(reservation.id, took)
                settled.append(reservation.id)
            else:
                open_.append(reservation.id)
        elif what == "settle" and open_:
            settled.append(open_.pop(which % len(open_)))
            await ledger.settle(settled[-1], took)
        elif what == "release" and open_:
            ledger.release(open_.pop(which % len(open_)))
        elif what == "replay" and settled:
            await ledger.settle(settled[which % len(settled)], took)
        elif what == "correct" and settled:
            await ledger.correct(settled[which % len(settled)], amount - 250, "", f"c_{amount}")
        elif what == "top_up":
            await ledger.top_up("user_ada", 1 + amount, "card", f"t_{which}")
        elif what == "wait":
            clock.pass_(seconds=20 * which)
            await ledger._beat()
    assert (await verify(database)).problems == ()
    for request_id in open_:
        await ledger.settle(request_id, done(Quantities(), "failed"))
    # A release is written soon, and before whatever comes after it.
    await ledger.top_up("user_ada", 1, "card", new_id("pi"))
    assert (await used(ledger, BUDGET))[1] == 0
