"""A reply as a durable record: written here, read anywhere, continued by whoever is alive."""

import asyncio
import json
import sqlite3
from contextlib import AsyncExitStack, aclosing
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from causette.accounts import Accounts, Caller
from causette.assistant.service import Assistant
from causette.assistant.store import AssistantStore
from causette.assistant.tables import generations
from causette.assistant.types import Event, EventType, Status
from causette.clock import utc_now
from causette.db import Database
from causette.db.connecting import engines_for
from causette.errors import NotFound, Unavailable
from tests.assistant.conftest import (
    Process,
    assert_whole,
    open_process,
    read_to_end,
    stored,
    text_of,
)
from tests.scripted import ScriptedEngine
from tests.waiting import eventually


async def test_a_reply_is_its_log(assistant: Assistant, engine: ScriptedEngine, ada: Caller) -> None:
    turn = await assistant.start(ada, content="Count", model=None)
    call = await engine.called()
    call.say("one ", "two ", "three")
    call.end()
    events = await read_to_end(assistant, ada, turn.generation.id)
    assert_whole(events)
    assert text_of(events) == "one two three"
    finished = next(event for event in events if event.type is EventType.FINISHED)
    assert json.loads(finished.data) == {
        "status": "complete",
        "finish_reason": "stop",
        "usage": {"input_tokens": 7, "cached_tokens": 3, "output_tokens": 3, "reasoning_tokens": 0},
        "error": None,
    }
    _, nodes = await assistant.conversation(ada, turn.conversation.id)
    assert (nodes[-1].content, nodes[-1].finish_reason) == ("one two three", "stop")


async def test_the_text_so_far_is_seen_by_whoever_opens_the_conversation(
    here: Process, there: Process, ada: Caller
) -> None:
    turn = await here.assistant.start(ada, content="Count", model=None)
    call = await here.engine.called()
    call.say("one ", "two ")
    await stored(here, turn.generation.id, "one two ")
    for process in (here, there):
        conversation, nodes = await process.assistant.conversation(ada, turn.conversation.id)
        assert conversation.active_generation_id == turn.generation.id
        assert (nodes[-1].content, nodes[-1].status) == ("one two ", Status.STREAMING)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), max_size=4),
    data=st.data(),
)
async def test_a_reader_who_comes_back_at_any_point_misses_nothing_and_gets_nothing_twice(
    here: Process, there: Process, ada: Caller, pieces: list[str], data: st.DataObject
) -> None:
    """Readers come before, while and after it is written, to either process, and leave after any event."""
    turn = await here.assistant.start(ada, content="Count", model=None)
    generation, call = turn.generation, await here.engine.called()

    async def read_in_parts(hops: list[tuple[bool, int]]) -> list[Event]:
        seen: list[Event] = []
        for elsewhere, most in [*hops, (False, 1_000)]:
            assistant = (there if elsewhere else here).assistant
            async with aclosing(assistant.events(generation, seen[-1].seq if seen else 0)) as events:
                async for event in events:
                    if event is None:
                        continue
                    seen.append(event)
                    most -= 1
                    if event.type is EventType.END:
                        return seen
                    if not most:
                        break
        raise AssertionError("the log did not end")

    hops = data.draw(st.lists(st.tuples(st.booleans(), st.integers(1, 3)), max_size=3))
    early = asyncio.create_task(read_in_parts(hops))
    whole = ""
    for piece in pieces:
        call.say(piece)
        whole += piece
        await stored(here, generation.id, whole)
    call.end()
    for events in (await early, await read_in_parts(hops)):
        assert_whole(events)
        assert text_of(events) == whole


async def test_each_place_of_the_log_can_be_gone_on_from(
    assistant: Assistant, engine: ScriptedEngine, here: Process, ada: Caller
) -> None:
    turn = await assistant.start(ada, content="Count", model=None)
    call = await engine.called()
    for position in range(4):
        call.say(str(position))
        await stored(here, turn.generation.id, "0123"[: position + 1])
    call.end()
    everything = await read_to_end(assistant, ada, turn.generation.id)
    assert len(everything) == 6
    for after in range(len(everything)):
        rest = await read_to_end(assistant, ada, turn.generation.id, after)
        assert rest == everything[after:]


async def test_readers_elsewhere_follow_the_writer_here(here: Process, there: Process, ada: Caller) -> None:
    turn = await here.assistant.start(ada, content="Count", model=None)
    reading = asyncio.create_task(read_to_end(there.assistant, ada, turn.generation.id))
    call = await here.engine.called()
    call.say("one ")
    await stored(there, turn.generation.id, "one ")
    call.say("two")
    call.end()
    events = await reading
    assert_whole(events)
    assert text_of(events) == "one two"


async def test_a_reply_is_stopped_where_it_is(
    here: Process, assistant: Assistant, engine: ScriptedEngine, ada: Caller
) -> None:
    turn = await assistant.start(ada, content="Count", model=None)
    call = await engine.called()
    call.say("one ", "two ")
    await stored(here, turn.generation.id, "one two ")
    stopped = await assistant.stop(ada, turn.generation.id)
    assert stopped.status is Status.STOPPED
    assert call.closed.is_set()
    events = await read_to_end(assistant, ada, turn.generation.id)
    assert_whole(events)
    assert text_of(events) == "one two "
    _, nodes = await assistant.conversation(ada, turn.conversation.id)
    assert (nodes[-1].content, nodes[-1].status) == ("one two ", Status.STOPPED)
    assert (await assistant.stop(ada, turn.generation.id)).status is Status.STOPPED


async def test_a_reply_is_stopped_from_another_process(here: Process, there: Process, ada: Caller) -> None:
    turn = await here.assistant.start(ada, content="Count", model=None)
    call = await here.engine.called()
    call.say("one ")
    await stored(here, turn.generation.id, "one ")
    stopped = await there.assistant.stop(ada, turn.generation.id)
    assert stopped.status is Status.STOPPED
    assert call.closed.is_set()
    assert_whole(await read_to_end(there.assistant, ada, turn.generation.id))


async def test_deleting_the_conversation_ends_the_reply_and_its_readers(
    here: Process, there: Process, ada: Caller
) -> None:
    turn = await here.assistant.start(ada, content="Count", model=None)
    call = await here.engine.called()
    call.say("one ")
    await stored(here, turn.generation.id, "one ")
    readers = [
        asyncio.create_task(read_to_end(process.assistant, ada, turn.generation.id))
        for process in (here, there)
    ]
    await there.assistant.delete(ada, turn.conversation.id)
    for events in await asyncio.gather(*readers):
        assert_whole(events)
    async with asyncio.timeout(10):
        await call.closed.wait()
    with pytest.raises(NotFound):
        await here.assistant.generation(ada, turn.generation.id)


async def test_a_place_beyond_the_end_ends_at_once(
    database: Database, assistant: Assistant, engine: ScriptedEngine, ada: Caller
) -> None:
    turn = await assistant.start(ada, content="Count", model=None)
    call = await engine.called()
    call.end()
    await read_to_end(assistant, ada, turn.generation.id)
    async with database.write() as connection:
        await connection.execute(
            sa.update(generations).values(heartbeat_at=utc_now() - timedelta(seconds=11))
        )
    (event,) = await read_to_end(assistant, ada, turn.generation.id, 2**31 - 1)
    assert event.type is EventType.END


async def test_closing_lets_replies_end_within_the_grace_and_takes_no_new_ones(
    here: Process, ada: Caller
) -> None:
    turn = await here.assistant.start(ada, content="Count", model=None)
    call = await here.engine.called()
    reading = asyncio.create_task(read_to_end(here.assistant, ada, turn.generation.id))
    call.say("one ")
    await stored(here, turn.generation.id, "one ")
    closing = asyncio.create_task(here.assistant.close(grace=20))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as caught:
        await here.assistant.start(ada, content="Late", model=None)
    assert caught.value.retry_after
    call.say("two")
    call.end()
    await closing
    events = await reading
    assert_whole(events)
    assert text_of(events) == "one two"


async def test_closing_hands_late_replies_over_at_once_and_sends_readers_away(
    here: Process, there: Process, ada: Caller
) -> None:
    turn = await here.assistant.start(ada, content="Count", model=None)
    call = await here.engine.called()
    reading = asyncio.create_task(read_to_end(here.assistant, ada, turn.generation.id))
    call.say("one ")
    await stored(here, turn.generation.id, "one ")
    await here.assistant.close(grace=0)
    assert call.closed.is_set()
    seen = await reading
    assert [event.type for event in seen] == [EventType.DELTA]
    await there.assistant.open()
    continued = await there.engine.called()
    assert continued.turns[-1] == ("assistant", "one ")
    continued.say("two")
    continued.end()
    seen += await read_to_end(there.assistant, ada, turn.generation.id, seen[-1].seq)
    assert_whole(seen)
    assert text_of(seen) == "one two"


async def test_a_database_that_was_away_costs_no_reply(tmp_path: Path) -> None:
    """SQLite, held by another program for longer than this house is patient."""
    file = tmp_path / "causette.sqlite3"
    engines = engines_for(f"sqlite:///{file}", patience=0.2)
    async with Database(engines) as database, Database.from_url(f"sqlite:///{file}") as other:
        await database.upgrade()
        accounts = Accounts(other)
        user = await accounts.create_user(name="Ada", email="a@example.org", password="seven quiet otters")
        ada = Caller(user=user)
        async with open_process(database, accounts, tmp_path) as process:
            assistant, engine = process.assistant, process.engine
            turn = await assistant.start(ada, content="Count", model=None)
            reading = asyncio.create_task(read_to_end(assistant, ada, turn.generation.id))
            call = await engine.called()
            call.say("one ")
            await stored(process, turn.generation.id, "one ")
            blocker = sqlite3.connect(file, isolation_level=None)
            blocker.execute("BEGIN IMMEDIATE")
            call.say("lost ")
            with capture_logs() as logs:
                async with asyncio.timeout(10):
                    await call.closed.wait()
                await eventually(
                    lambda: "reply is left to be continued" in [line["event"] for line in logs],
                    "it to be logged",
                )
            blocker.execute("ROLLBACK")
            blocker.close()
            await AssistantStore(other).give_up(turn.generation.writer_id)
            await assistant.open()
            continued = await engine.called()
            assert continued.turns[-1] == ("assistant", "one ")
            continued.say("two")
            continued.end()
            events = await reading
            assert_whole(events)
            assert text_of(events) == "one two"
        await accounts.close()


async def test_a_reader_waits_for_a_database_that_is_away(tmp_path: Path) -> None:
    """All connections for reading are taken, for longer than this house is patient."""
    file = tmp_path / "causette.sqlite3"
    async with Database(engines_for(f"sqlite:///{file}", patience=0.1)) as database:
        await database.upgrade()
        accounts = Accounts(database)
        user = await accounts.create_user(name="Ada", email="a@example.org", password="seven quiet otters")
        async with open_process(database, accounts, tmp_path) as process:
            assistant = process.assistant
            process.engine.answer = "one two"
            turn = await assistant.start(Caller(user=user), content="Count", model=None)
            whole = await read_to_end(assistant, Caller(user=user), turn.generation.id)
            async with aclosing(assistant.events(turn.generation, 0)) as events:
                async with AsyncExitStack() as taken:
                    for _ in range(8):
                        await taken.enter_async_context(database.read())
                    assert await anext(events) is None
                assert [event async for event in events if event is not None] == whole
        await accounts.close()


async def test_readers_get_a_sign_of_life_while_nothing_is_written(
    there: Process, here: Process, ada: Caller
) -> None:
    turn = await here.assistant.start(ada, content="Count", model=None)
    await here.engine.called()
    async with asyncio.timeout(5), aclosing(there.assistant.events(turn.generation, 0)) as events:
        assert await anext(events) is None
