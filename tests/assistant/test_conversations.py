"""Conversations: their trees, their lists, their owners."""

import asyncio
import json
from base64 import urlsafe_b64encode
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causette.accounts import Caller
from causette.assistant.generation.parts import Story
from causette.assistant.service import Assistant
from causette.assistant.store import AssistantStore
from causette.assistant.tables import conversations, generation_events, generations, messages
from causette.assistant.types import Event, EventType, Outcome, Status, Turn
from causette.clock import utc_now
from causette.db import Database
from causette.errors import Conflict, InvalidRequest, NotFound
from causette.ids import new_id
from tests.assistant.conftest import Process, read_to_end
from tests.scripted import ScriptedEngine


async def answered(here: Process, caller: Caller, turn: Turn, text: str = "Well.") -> str:
    """Have the engine write the reply of ``turn``; the reply's id."""
    call = await here.engine.called()
    call.say(text)
    call.end()
    await read_to_end(here.assistant, caller, turn.generation.id)
    return turn.messages[-1].id


async def begun(store: AssistantStore, caller: Caller, content: str = "A question") -> tuple[str, str]:
    """A conversation with one question and a reply that nobody writes; the ids of the two."""
    conversation, made, _, _ = await store.begin(
        owner_id=caller.user.id,
        workspace_id=None,
        model="scripted",
        writer_id="nobody",
        conversation_id=None,
        parent_id=None,
        content=content,
        title=content,
    )
    return conversation.id, made[-1].id


async def test_a_first_message_makes_a_conversation_named_by_its_words(
    here: Process, assistant: Assistant, ada: Caller
) -> None:
    turn = await assistant.start(ada, content="Why is the sky blue?", model=None)
    question, reply = turn.messages
    assert (turn.conversation.title, turn.conversation.model) == ("Why is the sky blue?", "scripted")
    assert (question.role, question.content, question.parent_id) == ("user", "Why is the sky blue?", None)
    assert (reply.role, reply.status, reply.parent_id) == ("assistant", Status.STREAMING, question.id)
    assert turn.conversation.current_message_id == reply.id
    assert turn.conversation.active_generation_id == turn.generation.id == reply.generation_id
    await answered(here, ada, turn, "Rayleigh scattering.")
    conversation, nodes = await assistant.conversation(ada, turn.conversation.id)
    assert conversation.active_generation_id is None
    assert [(node.role, node.content, node.status) for node in nodes] == [
        ("user", "Why is the sky blue?", Status.COMPLETE),
        ("assistant", "Rayleigh scattering.", Status.COMPLETE),
    ]


async def test_a_model_sees_the_branch_of_the_new_message_only(
    here: Process, assistant: Assistant, ada: Caller
) -> None:
    first = await assistant.start(ada, content="One", model=None)
    reply = await answered(here, ada, first, "Uno")
    second = await assistant.send(ada, first.conversation.id, content="Two", parent_id=reply, model=None)
    await answered(here, ada, second, "Due")
    other = await assistant.send(ada, first.conversation.id, content="Three", parent_id=reply, model=None)
    call = await here.engine.called()
    assert call.turns == [("user", "One"), ("assistant", "Uno"), ("user", "Three")]
    assert not call.request.continue_reply
    assert other.messages[0].parent_id == reply


async def test_regenerating_makes_a_sibling_with_the_model_asked_for(
    here: Process, assistant: Assistant, ada: Caller
) -> None:
    first = await assistant.start(ada, content="One", model=None)
    reply = await answered(here, ada, first, "Uno")
    again = await assistant.regenerate(ada, reply, model="other")
    (sibling,) = again.messages
    assert sibling.parent_id == first.messages[0].id
    assert (sibling.model, again.conversation.model) == ("other", "other")
    assert again.conversation.current_message_id == sibling.id
    await answered(here, ada, again, "Un")
    _, nodes = await assistant.conversation(ada, first.conversation.id)
    assert [node.content for node in nodes] == ["One", "Uno", "Un"]


async def test_what_is_sent_again_under_its_name_is_begun_once(
    here: Process, assistant: Assistant, store: AssistantStore, ada: Caller
) -> None:
    first, *others = await asyncio.gather(
        *(assistant.start(ada, content="One", model=None, sent_as="first") for _ in range(3))
    )
    assert {turn.generation.id for turn in others} == {first.generation.id}
    assert [message.id for message in others[0].messages] == [message.id for message in first.messages]
    reply = await answered(here, ada, first, "Uno")

    async def say(content: str) -> Turn:
        return await assistant.send(
            ada, first.conversation.id, content=content, parent_id=reply, model=None, sent_as="second"
        )

    second = await say("Two")
    other = await answered(here, ada, second, "Due")
    again = await say("Two")
    assert [message.id for message in again.messages] == [message.id for message in second.messages]
    assert again.messages[-1].content == "Due"
    regenerated = [await assistant.regenerate(ada, other, model=None, sent_as="third") for _ in range(2)]
    await answered(here, ada, regenerated[0], "Deux")
    assert len({turn.generation.id for turn in regenerated}) == 1
    assert [len(turn.messages) for turn in regenerated] == [1, 1]
    nodes = await store.messages(first.conversation.id)
    assert [node.content for node in nodes] == ["One", "Uno", "Two", "Due", "Deux"]


async def test_a_name_stands_for_one_message_and_for_one_sender(
    here: Process, assistant: Assistant, ada: Caller, bob: Caller
) -> None:
    turn = await assistant.start(ada, content="One", model=None, sent_as="mine")
    reply = await answered(here, ada, turn)
    with pytest.raises(Conflict) as refused:
        await assistant.start(ada, content="Another", model=None, sent_as="mine")
    assert (refused.value.code, refused.value.param) == ("idempotency_key_reused", "Idempotency-Key")
    with pytest.raises(Conflict):
        await assistant.regenerate(ada, reply, model=None, sent_as="mine")
    theirs = await assistant.start(bob, content="Another", model=None, sent_as="mine")
    assert theirs.generation.id != turn.generation.id


async def test_two_messages_sent_at_once_become_siblings_that_are_both_answered(
    here: Process, assistant: Assistant, ada: Caller
) -> None:
    first = await assistant.start(ada, content="One", model=None)
    reply = await answered(here, ada, first)
    turns = await asyncio.gather(
        *(
            assistant.send(ada, first.conversation.id, content=content, parent_id=reply, model=None)
            for content in ("left", "right")
        )
    )
    for _ in turns:
        call = await here.engine.called()
        call.say(f"to the {call.turns[-1][1]}")
        call.end()
    for turn in turns:
        await read_to_end(assistant, ada, turn.generation.id)
    _, nodes = await assistant.conversation(ada, first.conversation.id)
    by_id = {node.id: node for node in nodes}
    for turn, content in zip(turns, ("left", "right"), strict=True):
        question, answer = (by_id[message.id] for message in turn.messages)
        assert (question.parent_id, question.content) == (reply, content)
        assert answer.content == f"to the {content}"


@pytest.mark.parametrize(
    ("content", "why"), [("", "empty"), (" \n\t", "empty"), ("x" * 400_001, "400,001 characters")]
)
async def test_a_message_has_to_say_something_of_bearable_length(
    assistant: Assistant, ada: Caller, content: str, why: str
) -> None:
    with pytest.raises(InvalidRequest, match=why) as caught:
        await assistant.start(ada, content=content, model=None)
    assert caught.value.param == "content"
    assert (await assistant.conversations(ada, limit=1, before=None)).items == []


async def test_a_nul_in_a_message_or_a_reply_is_left_out(
    here: Process, assistant: Assistant, ada: Caller
) -> None:
    turn = await assistant.start(ada, content="a\0b", model=None)
    await answered(here, ada, turn, "c\0d")
    _, nodes = await assistant.conversation(ada, turn.conversation.id)
    assert [node.content for node in nodes] == ["ab", "cd"]


async def test_a_message_cannot_follow_what_is_still_being_written(assistant: Assistant, ada: Caller) -> None:
    turn = await assistant.start(ada, content="One", model=None)
    with pytest.raises(Conflict) as caught:
        await assistant.send(
            ada, turn.conversation.id, content="Two", parent_id=turn.messages[-1].id, model=None
        )
    assert caught.value.code == "still_writing"


async def test_a_message_follows_a_reply_of_its_own_conversation(
    here: Process, assistant: Assistant, ada: Caller
) -> None:
    one = await assistant.start(ada, content="One", model=None)
    reply = await answered(here, ada, one)
    # Its own question has a reply, and so is followed by that one only.
    with pytest.raises(InvalidRequest) as caught:
        await assistant.send(ada, one.conversation.id, content="x", parent_id=one.messages[0].id, model=None)
    assert caught.value.param == "parent_id"
    two = await assistant.start(ada, content="Two", model=None)
    for parent in (one.messages[0].id, reply):
        with pytest.raises(InvalidRequest) as caught:
            await assistant.send(ada, two.conversation.id, content="x", parent_id=parent, model=None)
        assert caught.value.param == "parent_id"
    with pytest.raises(InvalidRequest):
        await assistant.change(ada, two.conversation.id, current_message_id=reply)


async def test_an_unknown_model_is_refused_before_anything_is_made(assistant: Assistant, ada: Caller) -> None:
    with pytest.raises(NotFound, match="scriptet"):
        await assistant.start(ada, content="One", model="scriptet")
    assert (await assistant.conversations(ada, limit=1, before=None)).items == []


async def test_a_conversation_deleted_meanwhile_is_not_found(store: AssistantStore, ada: Caller) -> None:
    conversation, reply = await begun(store, ada)
    await store.delete_conversation(conversation)
    with pytest.raises(NotFound):
        await store.begin(
            owner_id=ada.user.id,
            workspace_id=None,
            model="scripted",
            writer_id="nobody",
            conversation_id=conversation,
            parent_id=reply,
            content="late",
        )


async def test_what_the_database_says_of_a_failure_holds_nothing_that_was_written(
    store: AssistantStore,
) -> None:
    with pytest.raises(sa.exc.IntegrityError) as caught:
        await store.begin(
            owner_id="user_nobody",
            workspace_id=None,
            model="scripted",
            writer_id="nobody",
            conversation_id=None,
            parent_id=None,
            content="my secret",
            title="my secret",
        )
    # It goes into the log.
    assert "INSERT INTO conversations" in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_deleting_takes_everything_along_however_deep(
    database: Database, store: AssistantStore, assistant: Assistant, ada: Caller
) -> None:
    conversation, parent = await begun(store, ada)
    rows: list[dict[str, object]] = []
    for _ in range(1_500):
        row = dict.fromkeys(("model", "error_code", "error_message", "finish_reason", "generation_id"))
        row |= {"id": new_id("msg"), "conversation_id": conversation, "parent_id": parent, "role": "user"}
        row |= {"content": "x", "status": "complete", "created_at": utc_now()}
        rows.append(row)
        parent = str(row["id"])
    async with database.write() as connection:
        await connection.execute(sa.insert(messages), rows)
    assert len(await store.branch(parent)) == 1_502
    await assistant.delete(ada, conversation)
    async with database.read() as connection:
        for table in (conversations, messages, generations, generation_events):
            assert (await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar() == 0


async def test_titles_and_the_branch_shown_are_remembered(
    here: Process, assistant: Assistant, ada: Caller
) -> None:
    turn = await assistant.start(ada, content="One", model=None)
    await answered(here, ada, turn)
    changed = await assistant.change(
        ada,
        turn.conversation.id,
        title="  A\n better \0 title ",
        current_message_id=turn.messages[0].id,
        model="other",
    )
    assert (changed.title, changed.model) == ("A better title", "other")
    assert changed.current_message_id == turn.messages[0].id
    assert await assistant.change(ada, turn.conversation.id) == changed


@pytest.mark.parametrize("title", ["", "  ", "x" * 201])
async def test_a_title_that_cannot_be_shown_is_refused(
    here: Process, assistant: Assistant, ada: Caller, title: str
) -> None:
    turn = await assistant.start(ada, content="One", model=None)
    with pytest.raises(InvalidRequest) as caught:
        await assistant.change(ada, turn.conversation.id, title=title)
    assert caught.value.param == "title"


async def test_a_strangers_ids_are_not_found(
    here: Process, assistant: Assistant, ada: Caller, bob: Caller
) -> None:
    turn = await assistant.start(ada, content="Mine", model=None)
    conversation, generation = turn.conversation.id, turn.generation.id
    question, reply = (message.id for message in turn.messages)
    bobs = await assistant.start(bob, content="Bob's", model=None)
    attempts = [
        assistant.conversation(bob, conversation),
        assistant.change(bob, conversation, title="x"),
        assistant.change(bob, bobs.conversation.id, current_message_id=reply),
        assistant.delete(bob, conversation),
        assistant.send(bob, conversation, content="x", parent_id=None, model=None),
        assistant.send(bob, bobs.conversation.id, content="x", parent_id=reply, model=None),
        assistant.regenerate(bob, reply, model=None),
        assistant.regenerate(bob, question, model=None),
        assistant.generation(bob, generation),
        assistant.stop(bob, generation),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound):
            await attempt
    page = await assistant.conversations(bob, limit=10, before=None)
    assert [item.id for item in page.items] == [bobs.conversation.id]
    assert (await assistant.generation(ada, generation)).stop_requested is False


async def test_the_list_pages_through_equal_times_without_gap_or_repetition(
    database: Database, store: AssistantStore, assistant: Assistant, ada: Caller, bob: Caller
) -> None:
    made = [(await begun(store, ada, f"Number {number}"))[0] for number in range(11)]
    await begun(store, bob)
    now = utc_now()
    async with database.write() as connection:
        for position, conversation in enumerate(made):
            # Three instants only, whose microseconds end in zeros in one case.
            at = now.replace(microsecond=0) - timedelta(microseconds=position % 3)
            await connection.execute(
                sa.update(conversations).where(conversations.c.id == conversation).values(updated_at=at)
            )
    seen: list[str] = []
    before = None
    while True:
        page = await assistant.conversations(ada, limit=2, before=before)
        seen += [item.id for item in page.items]
        if page.next is None:
            break
        before = page.next
    assert seen == sorted(made, key=lambda item: (-(made.index(item) % 3), item), reverse=True)
    everything = await assistant.conversations(ada, limit=11, before=None)
    assert ([item.id for item in everything.items], everything.next) == (seen, None)


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "é",
        "AAAA",
        urlsafe_b64encode(b"2026-01-01T00:00:00+00:00 ").decode(),
        urlsafe_b64encode(b"2026-01-01T00:00:00+00:00 a\0b").decode(),
        urlsafe_b64encode(b"0001-01-01T00:00:00+23:59 abc").decode(),
    ],
)
async def test_a_cursor_of_ones_own_making_is_refused(assistant: Assistant, ada: Caller, cursor: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await assistant.conversations(ada, limit=5, before=cursor)
    assert caught.value.param == "before"


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parents=st.lists(st.integers(min_value=-1, max_value=100), min_size=1, max_size=14))
async def test_any_tree_is_given_back_as_it_grew(
    store: AssistantStore, ada: Caller, parents: list[int]
) -> None:
    """``parents`` says for each turn which earlier reply it follows; -1 begins at the root again."""
    conversation: str | None = None
    replies: list[str] = []
    path_of: dict[str | None, list[str]] = {None: []}
    for number, wanted in enumerate(parents):
        parent = None if wanted < 0 or not replies else replies[wanted % len(replies)]
        found, made, generation, _ = await store.begin(
            owner_id=ada.user.id,
            workspace_id=None,
            model="scripted",
            writer_id="nobody",
            conversation_id=conversation,
            parent_id=parent,
            content=f"question {number}",
        )
        story = Story([Event(1, EventType.DELTA, json.dumps({"text": f"answer {number}"}))])
        await store.finish(generation, "nobody", story, Outcome(status=Status.COMPLETE), [])
        conversation = found.id
        question, reply = made
        path_of[question.id] = [*path_of[parent], f"question {number}"]
        path_of[reply.id] = [*path_of[question.id], f"answer {number}"]
        replies.append(reply.id)
    assert conversation is not None
    nodes = await store.messages(conversation)
    assert [node.content for node in nodes] == [
        f"{kind} {number}" for number in range(len(parents)) for kind in ("question", "answer")
    ]
    for node in nodes:
        assert [each.content for each in await store.branch(node.id)] == path_of[node.id]
        assert path_of[node.id][:-1] == path_of[node.parent_id]


async def test_the_first_reply_gets_the_conversation_a_better_title(
    here: Process, assistant: Assistant, engine: ScriptedEngine, ada: Caller
) -> None:
    engine.title = "Title: Blue skies explained."
    turn = await assistant.start(ada, content="Why is the sky blue on sunny skies?", model=None)
    reply = await answered(here, ada, turn)
    assert (await assistant.conversation(ada, turn.conversation.id))[0].title == "Blue skies explained"
    engine.title = "Another sky"
    second = await assistant.send(
        ada, turn.conversation.id, content="And the sky at night?", parent_id=reply, model=None
    )
    await answered(here, ada, second)
    assert len(engine.title_prompts) == 1
    assert (await assistant.conversation(ada, turn.conversation.id))[0].title == "Blue skies explained"


async def test_a_title_given_by_the_owner_is_never_replaced(
    here: Process, assistant: Assistant, engine: ScriptedEngine, ada: Caller
) -> None:
    engine.title = "Blue skies explained"
    turn = await assistant.start(ada, content="Why is the sky blue on sunny skies?", model=None)
    await assistant.change(ada, turn.conversation.id, title="Mine")
    reply = await answered(here, ada, turn)
    again = await assistant.regenerate(ada, reply, model=None)
    await answered(here, ada, again)
    assert (await assistant.conversation(ada, turn.conversation.id))[0].title == "Mine"
