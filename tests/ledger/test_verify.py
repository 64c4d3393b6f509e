"""Books that close, and each way in which they may not."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest
import pytest_asyncio
import sqlalchemy as sa

from causette.clock import utc_now
from causette.db import Database
from causette.ledger.machines.store import machines, periods
from causette.ledger.tables import balances, counters, holders, postings, prices, requests
from causette.ledger.types import CREDIT, DAY, MINUTE, MONTH, TOTAL, Limit, Meter, Quantities, Repetition
from causette.ledger.verify import CHECKS, Problem, verify
from tests.ledger.books import Books, Clock, open_books

LIMITS = (
    Limit("key:key_1", Meter.REQUESTS, MINUTE, 1_000),
    Limit("key:key_1", Meter.TOKENS, MINUTE, 10**9),
    Limit("payer:user_ada", Meter.MONEY, DAY, 10**12),
    Limit("payer:user_ada", Meter.TOKENS, MONTH, 10**9),
    Limit("user:user_ada", Meter.MONEY, TOTAL, 10**12),
    Limit("payer:user_ada", Meter.MONEY, CREDIT, 0),
)


@pytest_asyncio.fixture
async def books(database: Database) -> AsyncGenerator[Books]:
    """Books with a bit of everything in them, kept until a moment ago."""
    async with open_books(database, Clock(utc_now() - timedelta(hours=3))) as books:
        await books.ledger.top_up("user_ada", 5_000_000_000, "card", "pi_1")
        await books.meter.open()
        for _ in range(3):
            await books.ask(limits=LIMITS)
        again = Repetition(fingerprint=b"same", claimed=True)
        await books.ask(repetition=again, limits=LIMITS)
        await books.ask(Quantities(input_tokens=1_003, output_tokens=400), repetition=again, limits=LIMITS)
        await books.ask(offer="included", limits=LIMITS[:2])
        books.clock.pass_(hours=1, minutes=30)
        await books.meter.tick()
        await books.ask(limits=LIMITS)
        await books.ledger.correct(books.asked[0], -1_234, "Goodwill", "c_1")
        books.ledger.release(await books.hold(limits=LIMITS))
        books.clock.now = utc_now()
        await books.ledger._beat()
        await books.hold(limits=LIMITS)
        yield books


async def problems(books: Books) -> tuple[Problem, ...]:
    return (await verify(books.database)).problems


async def only_problem(books: Books, check: str) -> Problem:
    (problem,) = await problems(books)
    assert problem.check == check
    assert check in CHECKS
    return problem


async def test_books_that_were_kept_close(books: Books) -> None:
    verdict = await verify(books.database)
    assert verdict.problems == ()
    assert verdict.closes
    assert set(verdict.checks) == set(CHECKS)


async def test_empty_books_close(database: Database) -> None:
    assert (await verify(database)).closes


async def test_books_close_at_every_moment_while_they_are_kept(books: Books) -> None:
    async def keep() -> None:
        for _ in range(30):
            await books.ask(limits=LIMITS)

    async def look() -> list[Problem]:
        found: list[Problem] = []
        for _ in range(6):
            found += await problems(books)
        return found

    books.clock.now = utc_now()
    (_, found) = await asyncio.gather(keep(), look())
    assert found == []


async def test_an_entry_that_does_not_sum_to_zero(books: Books) -> None:
    # Of a kind that no other check knows, with the balance to go with it.
    entry = {"book": "charge", "account": "cash", "kind": "other", "memo": "", "posted_at": utc_now()}
    await books.run(sa.insert(postings).values(entry_id="entry_1", amount_nano=5, **entry))
    await books.run(
        sa.update(balances).where(balances.c.account == "cash").values(amount_nano=balances.c.amount_nano + 5)
    )
    problem = await only_problem(books, "entries sum to zero")
    assert (problem.what, problem.off_by) == ("entry entry_1, book charge", 5)


async def test_a_balance_that_is_not_the_sum_of_its_postings(books: Books) -> None:
    wrong = sa.update(balances).where(balances.c.account == "revenue:default")
    await books.run(wrong.values(amount_nano=balances.c.amount_nano - 7))
    problem = await only_problem(books, "balances are the sums of postings")
    assert (problem.what, problem.off_by) == ("account revenue:default, book charge", -7)


async def test_a_balance_that_is_missing(books: Books) -> None:
    await books.run(sa.delete(balances).where(balances.c.account == "cash"))
    assert (await only_problem(books, "balances are the sums of postings")).off_by == -5_000_000_000


@pytest.mark.parametrize("column", ["charge_nano", "cost_nano"])
async def test_a_request_that_says_otherwise_than_its_postings(books: Books, column: str) -> None:
    # A request that holds nothing, and its own repetition: nobody else knows what it should have been.
    request_id = await books.ask()
    changes: dict[str, object] = {column: requests.c[column] + 3}
    if column == "charge_nano":
        # Its price is changed with it, so that only the postings tell.
        changes["list_nano"] = requests.c.list_nano + 3
    await books.run(sa.update(requests).where(requests.c.id == request_id).values(**changes))
    found = {problem.check: problem for problem in await problems(books)}
    problem = found.pop("requests are posted as they were settled")
    assert request_id in problem.what
    assert problem.off_by == -3
    assert found.keys() <= {"charges are prices times quantities"}


async def test_a_settlement_that_was_never_posted(books: Books) -> None:
    request_id = await books.ask()
    await books.run(sa.delete(postings).where(postings.c.request_id == request_id))
    found = {problem.check for problem in await problems(books)}
    assert "requests are posted as they were settled" in found


async def test_a_posting_to_somebody_elses_account(books: Books) -> None:
    request_id = await books.ask()
    mine = sa.and_(postings.c.request_id == request_id, postings.c.account == "customer:user_ada")
    amount = sa.select(requests.c.charge_nano).where(requests.c.id == request_id).scalar_subquery()
    await books.run(sa.update(postings).where(mine).values(account="customer:user_bob"))
    await books.run(
        sa.update(balances)
        .where(balances.c.account == "customer:user_ada")
        .values(amount_nano=balances.c.amount_nano - amount)
    )
    await books.run(
        sa.insert(balances).values(book="charge", account="customer:user_bob", amount_nano=amount)
    )
    problem = await only_problem(books, "requests are posted as they were settled")
    assert problem == Problem(problem.check, f"request {request_id}: posted to customer:user_bob", None)


async def test_quantities_that_cost_something_else(books: Books) -> None:
    request_id = await books.ask()
    more = {"output_tokens": requests.c.output_tokens + 1_000}
    await books.run(sa.update(requests).where(requests.c.id == request_id).values(**more))
    problem = await only_problem(books, "charges are prices times quantities")
    assert request_id in problem.what
    assert problem.off_by == -600_000


@pytest.mark.parametrize("document", ['{"input": 1}', "[]", "{", '{"input": -1}', '{"surprise": 1}'])
async def test_a_price_that_was_changed(books: Books, document: str) -> None:
    await books.run(sa.update(prices).values(document=document))
    problem = await only_problem(books, "charges are prices times quantities")
    assert "is not what was charged by" in problem.what


async def test_a_price_that_is_gone(books: Books) -> None:
    await books.run(sa.delete(prices))
    assert "is missing" in (await only_problem(books, "charges are prices times quantities")).what


async def test_a_repetition_that_was_paid_twice(books: Books) -> None:
    again = Repetition(fingerprint=b"other", claimed=True)
    first, second = await books.ask(repetition=again), await books.ask(repetition=again)
    # As if the second had been known for no repetition while it was settled.
    await books.run(sa.update(requests).where(requests.c.id == second).values(root_id=second))
    problem = await only_problem(books, "repetitions are paid once")
    assert second in problem.what
    assert first not in problem.what
    assert problem.off_by is not None and problem.off_by < 0


@pytest.mark.parametrize("known", [True, False])
async def test_a_request_that_a_dead_process_holds(books: Books, known: bool) -> None:
    dead = {"holder": "hld_dead"}
    await books.run(sa.update(requests).where(requests.c.state == "held").values(**dead))
    if known:
        long_ago = utc_now() - timedelta(minutes=5)
        await books.run(sa.insert(holders).values(id="hld_dead", host="h", pid=1, seen_at=long_ago))
    problem = await only_problem(books, "nothing is held by the dead")
    assert books.asked[-1] in problem.what
    assert "hld_dead" in problem.what


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.counter)
@pytest.mark.parametrize("column", ["used", "held"])
async def test_a_counter_that_nobody_used_so_far(books: Books, limit: Limit, column: str) -> None:
    wrong = sa.update(counters).where(counters.c.counter == limit.counter)
    await books.run(wrong.values({column: counters.c[column] + 11}))
    problem = await only_problem(books, "counters are what requests used")
    assert limit.counter in problem.what
    assert problem.off_by == 11


async def test_a_counter_that_is_gone(books: Books) -> None:
    await books.run(sa.delete(counters).where(counters.c.counter == LIMITS[4].counter))
    found = await problems(books)
    assert {problem.check for problem in found} == {"counters are what requests used"}
    assert LIMITS[4].counter in found[0].what


@pytest.mark.parametrize("column", ["bill_nano", "allocated_nano", "idle_nano"])
async def test_a_period_that_does_not_add_up(books: Books, column: str) -> None:
    await books.run(sa.update(periods).values({column: periods.c[column] + 13}))
    found = await problems(books)
    assert {problem.check for problem in found} == {"machines are allocated or idle"}
    assert any("less what was allocated and idle" in problem.what for problem in found)


async def test_a_bill_for_other_than_its_time(books: Books) -> None:
    await books.run(sa.update(periods).values(ended_at=utc_now()))
    found = await problems(books)
    assert {problem.check for problem in found} == {"machines are allocated or idle"}
    assert any("the bill for its time" in problem.what for problem in found)


async def test_a_fraction_that_was_lost(books: Books) -> None:
    await books.run(sa.update(machines).values(carry=machines.c.carry + 1))
    problem = await only_problem(books, "machines are allocated or idle")
    assert "carried" in problem.what


async def test_time_that_was_billed_twice(books: Books) -> None:
    columns = [column for column in periods.c if column.name != "started_at"]
    again = sa.select((sa.type_coerce(periods.c.started_at, sa.BigInteger) + 1), *columns)
    names = ["started_at", *(column.name for column in columns)]
    await books.run(sa.insert(periods).from_select(names, again))
    found = await problems(books)
    assert {problem.check for problem in found} == {"machines are allocated or idle"}
    assert any("billed twice" in problem.what for problem in found)


async def test_idle_time_that_was_never_posted(books: Books) -> None:
    await books.run(sa.delete(periods))
    found = await problems(books)
    assert {problem.check for problem in found} == {"machines are allocated or idle"}
    assert any(", idle" in problem.what for problem in found)
