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
from causette.assistant.generation.parts import Story
from causette.assistant.generation.preface import Asking, Piece
from causette.assistant.generation.shared_log import SharedLog
from causette.assistant.generation.store import WriterReplaced
from causette.assistant.service import Assistant
from causette.assistant.store import AssistantStore
from causette.assistant.tables import generations
from causette.assistant.types import DOUBTED_AFTER, SILENT_FOR, Event, EventType, Outcome, Status
from causette.clock import utc_now
from causette.db import Database
from causette.db.connecting import engines_for
from causette.errors import InvalidRequest, NotFound, TooManyRequests, Unavailable
from tests.assistant.conftest import Process, assert_whole, kill_writer, open_process, read_to_end, text_of
from tests.scripted import ScriptedEngine
from tests.waiting import eventually


def lost() -> Unavailable:
    return Unavailable("The engine was lost.", code="engine_lost", retry_after=0.01)


async def stored(process: Process, generation_id: str, text: str) -> None:
    """Wait until the log holds ``text``."""

    async def there() -> bool:
        return text_of(await process.store.events(generation_id, 0)) == text

    await eventually(there, f"{text!r} to be in the log")


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


async def test_a_lost_engine_is_asked_to_continue(
    here: Process, assistant: Assistant, engine: ScriptedEngine, ada: Caller
) -> None:
    turn = await assistant.start(ada, content="Count", model=None)
    call = await engine.called()
    call.say("one ", "two")
    call.fail(lost())
    again = await engine.called()
    assert again.turns == [("user", "Count"), ("assistant", "one two")]
    assert again.request.continue_reply
    again.say(" three")
    again.fail(TooManyRequests("The queue is full.", retry_after=0.01))
    last = await engine.called()
    assert last.turns[-1] == ("assistant", "one two three")
    last.end()
    events = await read_to_end(assistant, ada, turn.generation.id)
    assert_whole(events)
    assert text_of(events) == "one two three"


async def test_an_engine_that_is_lost_again_and_again_is_borne_with_as_long_as_it_gets_on(
    assistant: Assistant, engine: ScriptedEngine, ada: Caller
) -> None:
    turn = await assistant.start(ada, content="Count", model=None)
    for number in range(7):
        call = await engine.called()
        call.say(str(number))
        call.fail(lost())
    (await engine.called()).end()
    events = await read_to_end(assistant, ada, turn.generation.id)
    assert_whole(events)
    assert text_of(events) == "0123456"


async def test_an_engine_that_is_only_away_is_waited_for_however_often_it_has_to_be_asked(
    assistant: Assistant, engine: ScriptedEngine, ada: Caller
) -> None:
    turn = await assistant.start(ada, content="Count", model=None)
    for _ in range(7):
        (await engine.called()).fail(Unavailable("Starting.", code="engine_starting", retry_after=0.01))
    call = await engine.called()
    call.say("one")
    call.end()
    assert text_of(await read_to_end(assistant, ada, turn.generation.id)) == "one"


async def test_a_reply_whose_preface_finds_no_database_is_begun_again(
    assistant: Assistant, engine: ScriptedEngine, ada: Caller
) -> None:
    asked = 0

    async def source(_: Asking) -> list[Piece]:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise Unavailable("The database was cut off.", code="database_unavailable", retry_after=0.01)
        return []

    assistant.writers.means.sources.append(source)
    await assistant.open()
    turn = await assistant.start(ada, content="Count", model=None)
    call = await engine.called()
    call.say("one")
    call.end()
    assert text_of(await read_to_end(assistant, ada, turn.generation.id)) == "one"


async def test_an_engine_that_stays_away_fails_the_reply(
    assistant: Assistant, engine: ScriptedEngine, ada: Caller
) -> None:
    turn = await assistant.start(ada, content="Count", model=None)
    call = await engine.called()
    call.say("one")
    call.fail(lost())
    for _ in range(5):
        (await engine.called()).fail(lost())
    events = await read_to_end(assistant, ada, turn.generation.id)
    assert_whole(events)
    assert text_of(events) == "one"
    conversation, nodes = await assistant.conversation(ada, turn.conversation.id)
    reply = nodes[-1]
    assert (reply.status, reply.error_code, reply.error_message) == (
        Status.FAILED,
        "engine_lost",
        "The engine was lost.",
    )
    assert (reply.content, conversation.active_generation_id) == ("one", None)
    finished = json.loads(next(event.data for event in events if event.type is EventType.FINISHED))
    assert finished["error"] == {"code": "engine_lost", "message": "The engine was lost."}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidRequest("No.", code="content_refused"), "content_refused"),
        (Unavailable("The model is gone.", code="engine_model_missing"), "engine_model_missing"),
        (ZeroDivisionError("a bug"), "internal_error"),
    ],
)
async def test_what_trying_again_would_not_cure_fails_the_reply_at_once(
    assistant: Assistant, engine: ScriptedEngine, ada: Caller, error: Exception, code: str
) -> None:
    turn = await assistant.start(ada, content="Count", model=None)
    call = await engine.called()
    call.say("one")
    call.fail(error)
    assert_whole(await read_to_end(assistant, ada, turn.generation.id))
    _, nodes = await assistant.conversation(ada, turn.conversation.id)
    assert (nodes[-1].status, nodes[-1].error_code, nodes[-1].content) == (Status.FAILED, code, "one")
    assert "a bug" not in (nodes[-1].error_message or "")
    assert len(engine.requests) == 1


async def test_a_conversation_that_is_too_long_is_answered_from_its_newer_part(
    assistant: Assistant, engine: ScriptedEngine, ada: Caller
) -> None:
    def too_long() -> InvalidRequest:
        return InvalidRequest("Too long.", code="context_length_exceeded", param="messages")

    first = await assistant.start(ada, content="One", model=None)
    call = await engine.called()
    call.say("Uno")
    call.end()
    await read_to_end(assistant, ada, first.generation.id)
    turn = await assistant.send(
        ada, first.conversation.id, content="Two", parent_id=first.messages[-1].id, model=None
    )
    call = await engine.called()
    assert len(call.turns) == 3
    call.fail(too_long())
    call = await engine.called()
    assert call.turns == [("user", "Two")]
    call.say("Due")
    call.end()
    assert text_of(await read_to_end(assistant, ada, turn.generation.id)) == "Due"
    alone = await assistant.start(ada, content="Alone", model=None)
    (await engine.called()).fail(too_long())
    await read_to_end(assistant, ada, alone.generation.id)
    _, nodes = await assistant.conversation(ada, alone.conversation.id)
    assert nodes[-1].error_code == "context_length_exceeded"


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
