"""Usage as CloudEvents: each settled request once, and a cursor to go on from."""

import json
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta

import msgspec
import pytest
import pytest_asyncio

from causette.clock import utc_now
from causette.db import Database
from causette.errors import InvalidRequest
from causette.ledger.export import store
from causette.ledger.export.events import SETTLING, TYPE, Cursor, UsageEvent, usage_events
from tests.ledger.books import Books, Clock, open_books


@pytest_asyncio.fixture
async def books(database: Database) -> AsyncGenerator[Books]:
    async with open_books(database, Clock(utc_now() - timedelta(days=1))) as books:
        yield books


async def events_of(books: Books, after: Cursor | None = None) -> list[UsageEvent]:
    found = usage_events(books.database, source="https://chat.example.org", after=after)
    return [event async for events, _ in found for event in events]


async def last_cursor(books: Books, after: Cursor | None = None) -> Cursor | None:
    found = [cursor async for _, cursor in usage_events(books.database, source="x", after=after)]
    return found[-1] if found else after


async def test_an_event_has_what_cloudevents_requires(books: Books) -> None:
    request_id = await books.ask(payer="ws_1", user="user_bob", workspace="ws_1")
    (event,) = await events_of(books)
    written = json.loads(msgspec.json.encode(event))
    data = written.pop("data")
    assert datetime.fromisoformat(written.pop("time")) == books.clock.now
    assert written == {
        "specversion": "1.0",
        "type": TYPE,
        "source": "https://chat.example.org",
        "id": request_id,
        "subject": "ws_1",
        "datacontenttype": "application/json",
    }
    assert (data["input_tokens"], data["cached_tokens"], data["output_tokens"]) == (1_003, 512, 77)
    assert (data["user_id"], data["workspace_id"], data["key_id"]) == ("user_bob", "ws_1", "key_1")
    assert data["charge_nano"] > 0


async def test_what_is_held_or_released_is_no_usage(books: Books) -> None:
    await books.hold()
    books.ledger.release(await books.hold())
    settled = await books.ask()
    assert [event.id for event in await events_of(books)] == [settled]


async def test_a_cursor_goes_on_where_it_was(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_AT_ONCE", 3)
    first = [await books.ask() for _ in range(7)]
    cursor = await last_cursor(books)
    assert [event.id for event in await events_of(books)] == first
    assert await events_of(books, cursor) == []
    assert await last_cursor(books, cursor) == cursor
    second = [await books.ask() for _ in range(4)]
    assert [event.id for event in await events_of(books, Cursor.read(str(cursor)))] == second


async def test_requests_of_one_instant_are_told_apart(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_AT_ONCE", 2)
    for request_id in [await books.hold() for _ in range(9)]:
        await books.settle(request_id)
    seen = [event.id for event in await events_of(books)]
    assert sorted(seen) == sorted(books.asked)


async def test_what_may_still_be_written_is_left_for_the_next_time(books: Books) -> None:
    books.clock.now = utc_now() - SETTLING + timedelta(seconds=30)
    await books.ask()
    assert await events_of(books) == []


@pytest.mark.parametrize("text", ["", "no", "äöü", "MjAyNi0wMS0wMQ", "MjAyNi0wMS0wMSByZXFfMQ"])
def test_a_cursor_of_somebody_elses_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="is no cursor"):
        Cursor.read(text)
