"""Sums of what was used, by time, by group and for whoever it is asked; and single requests, page by page."""

from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
import sqlalchemy as sa

from causette.db import Database
from causette.errors import InvalidRequest
from causette.ledger.types import Quantities
from causette.ledger.usage import Scope, UsageReports, UsageRow, store
from tests.ledger.books import PRICE, Books, open_books

FROM = datetime(2026, 1, 1, tzinfo=UTC)
TO = datetime(2027, 1, 1, tzinfo=UTC)
USED = Quantities(input_tokens=100, cached_tokens=60, output_tokens=30, reasoning_tokens=10)


@pytest_asyncio.fixture
async def books(database: Database) -> AsyncGenerator[Books]:
    """Requests at five instants, of two people, a workspace, two keys, two models and two plans."""
    async with open_books(database) as books:
        for when, how in (
            (datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC), {}),
            (datetime(2026, 2, 1, 0, 0, 0, tzinfo=UTC), {"key": None, "model": "large"}),
            (datetime(2026, 2, 1, 0, 59, 0, tzinfo=UTC), {"plan": "free"}),
            (
                datetime(2026, 2, 3, 12, 0, 0, tzinfo=UTC),
                {"payer": "ws_1", "user": "user_bob", "workspace": "ws_1"},
            ),
            (
                datetime(2026, 2, 3, 12, 30, 0, tzinfo=UTC),
                {"payer": "ws_1", "workspace": "ws_1", "key": "key_2"},
            ),
        ):
            books.clock.now = when
            await books.ask(USED, **how)
        # Neither is usage.
        books.clock.now = datetime(2026, 2, 3, 13, 0, 0, tzinfo=UTC)
        books.ledger.release(await books.hold())
        await books.hold()
        yield books


def starts(rows: tuple[UsageRow, ...]) -> list[tuple[str, int]]:
    return [(f"{row.start:%m-%d %H}", row.requests) for row in rows]


def groups(rows: tuple[UsageRow, ...]) -> list[tuple[str | None, int]]:
    return [(row.group, row.requests) for row in rows]


async def test_everything_is_one_row(books: Books) -> None:
    (row,) = await UsageReports(books.database).usage(Scope(), FROM, TO)
    charge = PRICE.charge(USED)
    assert row == UsageRow(
        start=None,
        group=None,
        requests=5,
        input_tokens=500,
        cached_tokens=300,
        output_tokens=150,
        reasoning_tokens=50,
        images=0,
        audio_seconds=0,
        list_nano=5 * charge,
        charge_nano=5 * charge,
        cost_nano=5 * books.meter.cost_of(2_000_000_000, "this machine"),
        compute_ns=10_000_000_000,
        energy_uj=650_000_000,
    )
    assert all(type(getattr(row, name)) is int for name in ("charge_nano", "requests", "energy_uj"))


async def test_nothing_is_no_row(books: Books) -> None:
    reports = UsageReports(books.database)
    assert await reports.usage(Scope(), TO, TO + timedelta(days=1)) == ()
    assert await reports.usage(Scope(user_id="user_nobody"), FROM, TO, bucket="month", group_by="key") == ()


async def test_time_is_cut_in_utc(books: Books) -> None:
    reports = UsageReports(books.database)
    hours = await reports.usage(Scope(), FROM, TO, bucket="hour")
    assert starts(hours) == [("01-31 23", 1), ("02-01 00", 2), ("02-03 12", 2)]
    assert starts(await reports.usage(Scope(), FROM, TO, bucket="day")) == [
        ("01-31 00", 1),
        ("02-01 00", 2),
        ("02-03 00", 2),
    ]
    months = await reports.usage(Scope(), FROM, TO, bucket="month")
    assert starts(months) == [("01-01 00", 1), ("02-01 00", 4)]
    assert months[1].start == datetime(2026, 2, 1, tzinfo=UTC)
    assert months[1].input_tokens == 400


async def test_the_end_is_not_part_of_it(books: Books) -> None:
    reports = UsageReports(books.database)
    february = datetime(2026, 2, 1, tzinfo=UTC)
    (before,) = await reports.usage(Scope(), FROM, february)
    (after,) = await reports.usage(Scope(), february, TO)
    assert (before.requests, after.requests) == (1, 4)


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("model", [("default", 4), ("large", 1)]),
        ("user", [("user_ada", 4), ("user_bob", 1)]),
        ("plan", [("free", 1), ("plus", 4)]),
        ("key", [("key_1", 3), ("key_2", 1), (None, 1)]),
        ("workspace", [("ws_1", 2), (None, 3)]),
    ],
)
async def test_groups(books: Books, group: str, expected: list[tuple[str | None, int]]) -> None:
    rows = await UsageReports(books.database).usage(Scope(), FROM, TO, group_by=group)  # type: ignore[arg-type]
    assert groups(rows) == expected


async def test_groups_of_a_month_are_added_up_from_its_days(books: Books) -> None:
    rows = await UsageReports(books.database).usage(Scope(), FROM, TO, bucket="month", group_by="model")
    assert [(row.start.month if row.start else 0, row.group, row.requests) for row in rows] == [
        (1, "default", 1),
        (2, "default", 3),
        (2, "large", 1),
    ]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope(payer_id="ws_1"), 2),
        (Scope(user_id="user_ada"), 4),
        (Scope(workspace_id="ws_1", user_id="user_ada"), 1),
        (Scope(key_id="key_2"), 1),
        (Scope(model="large"), 1),
        (Scope(plan_id="free", payer_id="user_ada"), 1),
    ],
)
async def test_only_what_matches_everything_counts(books: Books, scope: Scope, expected: int) -> None:
    reports = UsageReports(books.database)
    (row,) = await reports.usage(scope, FROM, TO)
    assert row.requests == expected
    settled = [item for item in (await reports.requests(scope)).items if item.state == "settled"]
    assert len(settled) == expected


async def test_pages_go_through_all_requests_once(books: Books) -> None:
    # Several of the same instant as well.
    for _ in range(3):
        await books.hold()
    reports, seen, cursor = UsageReports(books.database), list[str](), None
    while True:
        page = await reports.requests(Scope(user_id="user_ada"), limit=2, before=cursor)
        seen += [item.id for item in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 8
    assert seen == sorted(seen, reverse=True)


async def test_a_single_request_says_how_it_went(books: Books) -> None:
    newest, *_ = (await UsageReports(books.database).requests(Scope(payer_id="ws_1"))).items
    assert (newest.id, newest.state, newest.outcome) == (books.asked[4], "settled", "completed")
    assert (newest.input_tokens, newest.charge_nano, newest.energy_method) == (100, PRICE.charge(USED), "tdp")


@pytest.mark.parametrize("limit", [0, -1, 201])
async def test_a_page_has_a_size(database: Database, limit: int) -> None:
    with pytest.raises(InvalidRequest, match=f"A page of {limit} requests"):
        await UsageReports(database).requests(Scope(), limit=limit)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "no",
        "äöü",
        "MjAyNi0wMS0wMQ",
        urlsafe_b64encode(b"9999-12-31T23:59:59-14:00 req_1").decode(),
        urlsafe_b64encode(b"2026-01-01T00:00:00+00:00 req\0").decode(),
    ],
)
async def test_a_cursor_of_somebody_elses_is_refused(database: Database, cursor: str) -> None:
    with pytest.raises(InvalidRequest, match="is no cursor"):
        await UsageReports(database).requests(Scope(), before=cursor)


@pytest.mark.parametrize(
    ("scope", "index"),
    [
        (Scope(), "ix_ledger_requests_created_at"),
        (Scope(payer_id="ws_1", key_id="key_1"), "ix_ledger_requests_payer_id_created_at"),
        (Scope(user_id="user_ada", model="large"), "ix_ledger_requests_user_id_created_at"),
    ],
)
async def test_usage_is_found_by_an_index(tmp_path: object, scope: Scope, index: str) -> None:
    async with Database.from_url(f"sqlite:///{tmp_path}/plan.sqlite3") as database:
        await database.upgrade()
        asked: list[str] = []
        async with database.read() as connection:
            sa.event.listen(
                connection.sync_connection,
                "before_cursor_execute",
                lambda c, cursor, statement, parameters, *_: asked.append((statement, parameters)),
            )
            await store.sums(connection, scope, FROM, TO, width_us=None, group_by="model")
            await store.latest(connection, scope, before=(TO, "req"), limit=10)
            for statement, parameters in tuple(asked):
                rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                assert any(f"USING INDEX {index} (" in row[-1] for row in rows)
