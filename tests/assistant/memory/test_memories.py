"""Memory: how it comes to be, where it is read, and whose it is."""

from pathlib import Path
from typing import Any

import pytest

from causette.accounts import Caller
from causette.accounts.store import delete_user
from causette.assistant.generation.preface import Asking
from causette.assistant.memory import service
from causette.assistant.memory.service import Memories
from causette.assistant.projects.service import Projects
from causette.assistant.service import Assistant
from causette.assistant.types import EventType, Message, Status, Turn
from causette.clock import utc_now
from causette.db import Database
from causette.errors import Conflict, InvalidRequest, NotFound
from tests.assistant.conftest import Process, read_to_end
from tests.house import open_house
from tests.scripted import ScriptedEngine


@pytest.fixture
def memories(here: Process, database: Database) -> Memories:
    room = Memories(database, here.gateway)
    here.assistant.writers.means.sources.append(room.preface)
    here.assistant.writers.means.afterwards.append(room.notice)
    here.assistant.writers.means.toolbox.standing.append(room.tools)
    return room


async def say(
    assistant: Assistant, engine: ScriptedEngine, caller: Caller, content: str, **more: Any
) -> tuple[Turn, list[tuple[EventType, str]]]:
    """Begin a conversation and have it answered; what the log says beside the text."""
    turn = await assistant.start(caller, content=content, model=None, **more)
    call = await engine.called()
    call.say("I see.")
    call.end()
    events = await read_to_end(assistant, caller, turn.generation.id)
    return turn, [(event.type, event.data) for event in events if event.type is EventType.MEMORY]


async def texts(memories: Memories, caller: Caller) -> list[str]:
    return [memory.text for memory in await memories.kept_of(caller)]


async def told(memories: Memories, caller: Caller, conversation_id: str, question: str = "") -> str:
    asked = Message(
        id="msg_x",
        owner_id=caller.user.id,
        conversation_id=conversation_id,
        parent_id=None,
        role="user",
        content=question,
        model=None,
        status=Status.COMPLETE,
        error_code=None,
        error_message=None,
        finish_reason=None,
        generation_id=None,
        created_at=utc_now(),
    )
    asking = Asking(
        caller=caller,
        conversation_id=conversation_id,
        generation_id="gen_x",
        model="scripted",
        branch=(asked,),
    )
    return "".join(piece.text for piece in await memories.preface(asking) if piece.kind == "memory")


async def test_a_memory_is_written_worded_otherwise_and_forgotten(
    memories: Memories, ada: Caller, bob: Caller
) -> None:
    made = await memories.write(ada, "  I keep\n bees.\0 ")
    assert (made.text, made.origin, made.conversation_id) == ("I keep bees.", "written", None)
    other = await memories.write(ada, "I teach at a school.")
    assert (await memories.change(ada, made.id, "I keep goats.")).text == "I keep goats."
    assert await texts(memories, ada) == ["I teach at a school.", "I keep goats."]
    with pytest.raises(Conflict) as caught:
        await memories.write(ada, "I keep GOATS")
    assert caught.value.code == "known"
    for text in (" ", "x" * 501):
        with pytest.raises(InvalidRequest) as refused:
            await memories.write(ada, text)
        assert refused.value.param == "text"
    for attempt in (memories.change(bob, made.id, "x"), memories.forget(bob, made.id)):
        with pytest.raises(NotFound):
            await attempt
    await memories.forget_all(bob)
    await memories.forget(ada, other.id)
    assert await texts(memories, ada) == ["I keep goats."]
    await memories.forget_all(ada)
    assert await texts(memories, ada) == []


async def test_what_the_model_takes_for_lasting_is_kept_as_it_was_said(
    memories: Memories, assistant: Assistant, engine: ScriptedEngine, ada: Caller
) -> None:
    engine.lasting = '{"lasting": [2, 7, 2]}'
    turn, noted = await say(
        assistant, engine, ada, "I am tired today. I keep bees in Brittany. What do they eat?"
    )
    assert noted == [(EventType.MEMORY, '{"v": 1, "count": 1}')]
    (memory,) = await memories.kept_of(ada)
    assert (memory.text, memory.origin) == ("I keep bees in Brittany.", "noticed")
    assert (memory.conversation_id, memory.message_id) == (turn.conversation.id, turn.messages[0].id)
    assert await memories.from_conversation(ada, turn.conversation.id) == [memory]
    (prompt,) = engine.memory_prompts
    assert not isinstance(prompt, str)
    assert prompt[-1].content == "1. I am tired today.\n2. I keep bees in Brittany."
    # Known already: the model is not asked about it again.
    engine.lasting = '{"lasting": [1]}'
    _, noted = await say(assistant, engine, ada, "I am keeping bees in Brittany.")
    assert (noted, len(engine.memory_prompts)) == ([], 1)
    assert await texts(memories, ada) == ["I keep bees in Brittany."]
    # The memory outlives its conversation.
    await assistant.delete(ada, turn.conversation.id)
    (memory,) = await memories.kept_of(ada)
    assert (memory.conversation_id, memory.conversation_title) == (None, None)


@pytest.mark.parametrize(
    "answer", ["", "bees", "[1]", '{"lasting": "1"}', '{"lasting": [0, 2, "x"]}', "null"]
)
async def test_what_makes_no_sense_keeps_nothing(
    memories: Memories, assistant: Assistant, engine: ScriptedEngine, ada: Caller, answer: str
) -> None:
    engine.lasting = answer
    _, noted = await say(assistant, engine, ada, "I keep bees in Brittany.")
    assert (noted, await texts(memories, ada), len(engine.memory_prompts)) == ([], [], 1)


async def test_what_is_asked_for_is_kept_without_a_model_and_where_nothing_is_said_none_is_asked(
    memories: Memories, assistant: Assistant, engine: ScriptedEngine, ada: Caller
) -> None:
    _, noted = await say(assistant, engine, ada, "Remember that I am allergic to nuts. What shall I cook?")
    assert noted == [(EventType.MEMORY, '{"v": 1, "count": 1}')]
    (memory,) = await memories.kept_of(ada)
    assert (memory.text, memory.origin) == ("I am allergic to nuts.", "asked")
    await say(assistant, engine, ada, "How tall is Mont Blanc?")
    assert engine.memory_prompts == []


async def test_a_conversation_gives_so_much_and_a_person_keeps_so_much(
    memories: Memories,
    assistant: Assistant,
    engine: ScriptedEngine,
    ada: Caller,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "MOST_NOTICED", 1)
    engine.lasting = '{"lasting": [1, 2]}'
    turn, noted = await say(assistant, engine, ada, "I keep bees. I teach at school. I play chess.")
    assert noted == [(EventType.MEMORY, '{"v": 1, "count": 1}')]
    again = await assistant.regenerate(ada, turn.messages[-1].id, model=None)
    (await engine.called()).end()
    await read_to_end(assistant, ada, again.generation.id)
    assert len(engine.memory_prompts) == 1
    monkeypatch.setattr(service, "MOST", 1)
    with pytest.raises(Conflict) as caught:
        await memories.write(ada, "I sing in a choir.")
    assert caught.value.code == "too_many_memories"


async def test_it_is_neither_read_nor_written_where_it_is_off(
    memories: Memories,
    assistant: Assistant,
    projects: Projects,
    engine: ScriptedEngine,
    ada: Caller,
    bob: Caller,
) -> None:
    engine.lasting = '{"lasting": [1]}'
    apart = await projects.create(ada, name="Apart", remembers=False)
    within = await projects.create(ada, name="Within")
    await memories.write(ada, "I keep bees.")
    places: list[tuple[dict[str, Any], bool]] = [
        ({"temporary": True}, False),
        ({"project_id": apart.id}, False),
        ({"project_id": within.id}, True),
    ]
    for where, remembered in places:
        turn, noted = await say(assistant, engine, ada, "I have three cats.", **where)
        assert bool(noted) is remembered
        assert bool(await told(memories, ada, turn.conversation.id)) is remembered
        if not remembered:
            with pytest.raises(Conflict):
                await memories.remember(ada, turn.conversation.id, "I have a dog.")
    await memories.turn(ada, on=False)
    assert not await memories.is_on(ada)
    turn, noted = await say(assistant, engine, ada, "I have a parrot too.")
    assert (noted, await told(memories, ada, turn.conversation.id)) == ([], "")
    assert await memories.tools(ada) == ()
    assert await texts(memories, ada) == ["I have three cats.", "I keep bees."], "what is kept stays"
    await memories.turn(ada, on=True)
    assert "- I keep bees." in await told(memories, ada, turn.conversation.id)
    assert await told(memories, bob, turn.conversation.id) == ""


async def test_a_stopped_reply_notices_nothing(
    memories: Memories, assistant: Assistant, engine: ScriptedEngine, ada: Caller
) -> None:
    turn = await assistant.start(ada, content="Remember that I keep bees.", model=None)
    (await engine.called()).say("Well")
    await assistant.stop(ada, turn.generation.id)
    await read_to_end(assistant, ada, turn.generation.id)
    assert await texts(memories, ada) == []


async def test_of_many_those_that_have_to_do_with_the_question_are_told_first(
    memories: Memories, assistant: Assistant, ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = await assistant.start(ada, content="Hello", model=None)
    for text in ("I keep bees.", "I play chess on Sundays.", "I teach at a school."):
        await memories.write(ada, text)
    everything = await told(memories, ada, turn.conversation.id, "Chess?")
    assert everything.splitlines()[1:] == [
        "- I keep bees.",
        "- I play chess on Sundays.",
        "- I teach at a school.",
    ]
    monkeypatch.setattr(service, "_TOLD", 40)
    some = await told(memories, ada, turn.conversation.id, "Which chess opening?")
    assert some.splitlines()[1:] == ["- I play chess on Sundays."]


async def test_a_model_that_calls_tools_remembers_by_one(
    memories: Memories, assistant: Assistant, engine: ScriptedEngine, ada: Caller
) -> None:
    turn = await assistant.start(ada, content="Keep it: bees are mine.", model="caller")
    call = await engine.called()
    assert [tool.name for tool in call.request.tools] == ["remember"]
    call.call("remember", '{"text": "The person keeps bees."}')
    call.call("remember", '{"text": "The password is x."}', index=1)
    call.end()
    call = await engine.called()
    found = [turn.content for turn in call.request.prompt if turn.role == "tool"]  # pyright: ignore
    assert found[0] == "Remembered: The person keeps bees."
    assert "not remembered" in found[1]
    call.say("I will.")
    call.end()
    await read_to_end(assistant, ada, turn.generation.id)
    (memory,) = await memories.kept_of(ada)
    assert (memory.text, memory.origin) == ("The person keeps bees.", "asked")
    assert memory.conversation_id == turn.conversation.id


async def test_they_are_exported_and_go_with_the_account(
    memories: Memories, database: Database, ada: Caller, bob: Caller
) -> None:
    await memories.write(ada, "I keep bees.")
    await memories.turn(ada, on=False)
    exported: Any = await memories.personal_data(ada)
    assert exported["memory"]["enabled"] is False
    assert [memory["text"] for memory in exported["memory"]["memories"]] == ["I keep bees."]
    assert await memories.personal_data(bob) == {"memory": {"enabled": True, "memories": []}}
    async with database.write() as connection:
        await delete_user(connection, ada.user.id)
    assert await texts(memories, ada) == []


async def test_a_model_reads_them_in_the_next_conversation(tmp_path: Path) -> None:
    async with open_house(tmp_path) as opened:
        ada = await opened.person("ada")
        post, get = opened.client.post, opened.client.get
        opened.engine.answer = "Noted."
        content = "Remember that I keep bees."
        first = (await post("/api/conversations", json={"content": content}, headers=ada.cookie)).json()
        await read_to_end(opened.house.assistant, ada.caller, first["generation"]["id"])
        path = f"/api/conversations/{first['conversation']['id']}/memories"
        (memory,) = (await get(path, headers=ada.cookie)).json()["items"]
        assert (memory["text"], memory["message_id"]) == ("I keep bees.", first["messages"][0]["id"])
        opened.engine.answer = None
        await post("/api/conversations", json={"content": "Hello"}, headers=ada.cookie)
        role, text = (await opened.engine.called()).turns[0]
        assert (role, "- I keep bees." in text) == ("system", True)
        off = await opened.client.patch("/api/memories", json={"enabled": False}, headers=ada.cookie)
        assert (off.json()["enabled"], len(off.json()["items"])) == (False, 1)
