"""A reply whose writer has died or slept is continued by whoever is alive."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from causette.accounts import Caller
from causette.assistant.generation.parts import Story
from causette.assistant.generation.shared_log import SharedLog
from causette.assistant.generation.store import WriterReplaced
from causette.assistant.tables import generations
from causette.assistant.types import DOUBTED_AFTER, SILENT_FOR, Event, EventType, Outcome, Status
from causette.clock import utc_now
from causette.db import Database
from tests.assistant.conftest import (
    Process,
    assert_whole,
    kill_writer,
    read_to_end,
    stored,
    text_of,
)
from tests.waiting import eventually


async def test_a_dead_writers_reply_is_continued_without_a_word_twice(
    here: Process, there: Process, ada: Caller
) -> None:
    turn = await here.assistant.start(ada, content="Count", model=None)
    generation = turn.generation
    readers = [
        asyncio.create_task(read_to_end(process.assistant, ada, generation.id)) for process in (here, there)
    ]
    call = await here.engine.called()
    call.say("one ", "two ")
    await stored(here, generation.id, "one two ")
    kill_writer(generation.id)
    # As if the ten seconds had passed after which a silent writer is held to be dead.
    await there.store.give_up(generation.writer_id)
    await there.assistant.open()
    continued = await there.engine.called()
    assert continued.turns == [("user", "Count"), ("assistant", "one two ")]
    assert continued.request.continue_reply
    continued.say("three")
    continued.end()
    for events in await asyncio.gather(*readers):
        assert_whole(events)
        assert text_of(events) == "one two three"
    _, nodes = await here.assistant.conversation(ada, turn.conversation.id)
    assert (nodes[-1].content, nodes[-1].status) == ("one two three", Status.COMPLETE)


async def test_a_reply_of_a_process_that_is_certainly_dead_is_continued_at_once(
    here: Process, there: Process, ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("causette.assistant.generation.writers.SILENT_FOR", timedelta(hours=1))
    await here.assistant.open()
    turn = await here.assistant.start(ada, content="Count", model=None)
    call = await here.engine.called()
    call.say("one ")
    await stored(here, turn.generation.id, "one ")
    kill_writer(turn.generation.id)
    await there.assistant.open()
    # As the kernel and the database server do for who is killed.
    await here.store.lifeline.release()
    continued = await there.engine.called()
    continued.say("two")
    continued.end()
    assert text_of(await read_to_end(there.assistant, ada, turn.generation.id)) == "one two"


async def test_a_quiet_reply_of_a_living_process_is_left_to_it(
    here: Process, there: Process, ada: Caller
) -> None:
    await here.assistant.open()
    turn = await here.assistant.start(ada, content="Count", model=None)
    kill_writer(turn.generation.id)
    await there.assistant.open()

    async def doubted() -> bool:
        return turn.generation.writer_id in await there.store.silent_writers(DOUBTED_AFTER)

    await eventually(doubted, "its writer to be doubted")
    assert await there.store.lifeline.lost({turn.generation.writer_id}) == set()
    found = await there.store.generation(turn.generation.id)
    assert found is not None
    assert found.writer_id == turn.generation.writer_id


async def test_what_many_replies_have_is_stored_together_and_each_learns_its_own(
    here: Process, there: Process, ada: Caller
) -> None:
    turns = [await here.assistant.start(ada, content=f"Count {number}", model=None) for number in range(3)]
    mine, taken, stopped = (turn.generation for turn in turns)
    for turn in turns:
        kill_writer(turn.generation.id)
    await there.store.give_up(taken.writer_id, taken.id)
    assert [item.id for item in await there.store.take_over("another", SILENT_FOR)] == [taken.id]
    await there.store.request_stop(stopped.id)
    shared, words = SharedLog(here.store), [Event(1, EventType.DELTA, '{"text": "one"}')]
    told = await asyncio.gather(
        *(shared.append(item.id, item.writer_id, words) for item in (mine, taken, stopped)),
        return_exceptions=True,
    )
    assert told[0] is False
    assert isinstance(told[1], WriterReplaced)
    assert told[2] is True
    assert [text_of(await here.store.events(item.id, 0)) for item in (mine, taken, stopped)] == [
        "one",
        "",
        "one",
    ]


async def test_a_writer_that_was_only_away_leaves_the_reply_to_its_successor(
    here: Process, there: Process, ada: Caller
) -> None:
    turn = await here.assistant.start(ada, content="Count", model=None)
    generation, call = turn.generation, await here.engine.called()
    call.say("one ")
    await stored(here, generation.id, "one ")
    await there.store.give_up(generation.writer_id)
    await there.assistant.open()
    continued = await there.engine.called()
    call.say("and something that nobody sees")
    async with asyncio.timeout(10):
        await call.closed.wait()
    continued.say("two")
    continued.end()
    for process in (here, there):
        events = await read_to_end(process.assistant, ada, generation.id)
        assert_whole(events)
        assert text_of(events) == "one two"
    with pytest.raises(WriterReplaced):
        await here.store.append(generation.id, generation.writer_id, [])


async def test_a_process_that_slept_does_not_write_its_own_replies_twice(here: Process, ada: Caller) -> None:
    await here.assistant.open()
    turn = await here.assistant.start(ada, content="Count", model=None)
    generation, call = turn.generation, await here.engine.called()
    call.say("one ")
    await stored(here, generation.id, "one ")
    await here.store.give_up(generation.writer_id)

    async def looked_after() -> bool:
        found = await here.store.generation(generation.id)
        return found is not None and utc_now() - found.heartbeat_at < timedelta(minutes=1)

    await eventually(looked_after, "the process to look for abandoned replies")
    call.say("two")
    call.end()
    events = await read_to_end(here.assistant, ada, generation.id)
    assert_whole(events)
    assert text_of(events) == "one two"
    assert len(here.engine.requests) == 1


async def test_a_stop_that_its_writer_did_not_live_to_see_stops_the_next_one(
    here: Process, there: Process, ada: Caller
) -> None:
    turn = await here.assistant.start(ada, content="Count", model=None)
    generation, call = turn.generation, await here.engine.called()
    call.say("one ")
    await stored(here, generation.id, "one ")
    kill_writer(generation.id)
    async with asyncio.timeout(10):
        await call.closed.wait()
    await here.store.request_stop(generation.id)
    await there.store.give_up(generation.writer_id)
    await there.assistant.open()
    events = await read_to_end(there.assistant, ada, generation.id)
    assert_whole(events)
    assert text_of(events) == "one "
    found = await there.assistant.generation(ada, generation.id)
    assert found.status is Status.STOPPED


async def test_a_writer_killed_between_the_text_and_the_end_keeps_nobody_waiting(
    database: Database, here: Process, ada: Caller
) -> None:
    conversation, _, generation, _ = await here.store.begin(
        owner_id=ada.user.id,
        workspace_id=None,
        model="scripted",
        writer_id="dead",
        conversation_id=None,
        parent_id=None,
        content="Count",
        title="Count",
    )
    log = [Event(1, EventType.DELTA, '{"text": "one"}'), Event(2, EventType.FINISHED, "{}")]
    await here.store.finish(generation, "dead", Story(log), Outcome(status=Status.COMPLETE), log)
    async with database.write() as connection:
        await connection.execute(
            sa.update(generations).values(heartbeat_at=utc_now() - timedelta(seconds=11))
        )
    for after in (0, 1, 2):
        events = await read_to_end(here.assistant, ada, generation.id, after)
        assert_whole(events, after)
    assert (await here.assistant.conversation(ada, conversation.id))[1][-1].content == "one"
