"""A reply outlives its engine, and fails only for what trying again would not cure."""

import json

import pytest

from causette.accounts import Caller
from causette.assistant.generation.preface import Asking, Piece
from causette.assistant.service import Assistant
from causette.assistant.types import EventType, Status
from causette.errors import InvalidRequest, TooManyRequests, Unavailable
from tests.assistant.conftest import Process, assert_whole, read_to_end, text_of
from tests.scripted import ScriptedEngine


def lost() -> Unavailable:
    return Unavailable("The engine was lost.", code="engine_lost", retry_after=0.01)


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
