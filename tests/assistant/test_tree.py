"""What is done to the nodes of a tree: corrected, deleted with what follows, copied."""

import json

import pytest
import sqlalchemy as sa

from causette.accounts import Caller
from causette.assistant.generation.parts import Story
from causette.assistant.service import Assistant
from causette.assistant.store import AssistantStore
from causette.assistant.tables import generation_events, generations, messages
from causette.assistant.tree import service
from causette.assistant.tree.service import Tree
from causette.assistant.types import Event, EventType, Message, Outcome, Status
from causette.clock import utc_now
from causette.db import Database
from causette.errors import Conflict, InvalidRequest, NotFound
from causette.ids import new_id
from tests.assistant.conftest import Process, read_to_end
from tests.waiting import eventually


async def said(
    store: AssistantStore, caller: Caller, content: str, answer: str, after: Message | None = None
) -> tuple[Message, Message]:
    """A question with its whole reply, in a new conversation or under ``after``."""
    conversation, made, generation, _ = await store.begin(
        owner_id=caller.user.id,
        workspace_id=None,
        model="scripted",
        writer_id="nobody",
        conversation_id=after.conversation_id if after else None,
        parent_id=after.id if after else None,
        content=content,
        title=content,
    )
    story = Story([Event(1, EventType.DELTA, json.dumps({"text": answer}))])
    await store.finish(generation, "nobody", story, Outcome(status=Status.COMPLETE), [])
    question, reply = made
    assert question.conversation_id == conversation.id
    return question, reply


async def shape(store: AssistantStore, conversation_id: str) -> list[tuple[str, str | None]]:
    """Each message's words, with those of its parent."""
    nodes = await store.messages(conversation_id)
    words = {node.id: node.content for node in nodes}
    return [(node.content, words.get(node.parent_id or "")) for node in nodes]


async def test_a_correction_stands_beside_the_reply_and_models_go_on_from_it(
    here: Process, tree: Tree, store: AssistantStore, ada: Caller
) -> None:
    question, reply = await said(store, ada, "Capital of Australia?", "Sydney.")
    conversation, correction = await tree.correct(ada, reply.id, "Canberra.")
    assert conversation.current_message_id == correction.id
    assert (correction.parent_id, correction.role, correction.status) == (
        question.id,
        "assistant",
        Status.COMPLETE,
    )
    assert (correction.corrects_id, correction.generation_id) == (reply.id, None)
    assert await shape(store, conversation.id) == [
        ("Capital of Australia?", None),
        ("Sydney.", "Capital of Australia?"),
        ("Canberra.", "Capital of Australia?"),
    ]
    await here.assistant.send(ada, conversation.id, content="And why?", parent_id=correction.id, model=None)
    call = await here.engine.called()
    assert [content for _, content in call.turns] == ["Capital of Australia?", "Canberra.", "And why?"]


async def test_only_a_reply_that_is_written_is_corrected(
    tree: Tree, assistant: Assistant, store: AssistantStore, ada: Caller
) -> None:
    question, reply = await said(store, ada, "One", "Uno")
    with pytest.raises(InvalidRequest) as caught:
        await tree.correct(ada, question.id, "Two")
    assert caught.value.code == "not_a_reply"
    with pytest.raises(InvalidRequest) as caught:
        await tree.correct(ada, reply.id, "  ")
    assert caught.value.param == "content"
    turn = await assistant.start(ada, content="Now", model=None)
    with pytest.raises(Conflict) as conflict:
        await tree.correct(ada, turn.messages[-1].id, "Then")
    assert conflict.value.code == "still_writing"


async def test_a_message_goes_with_what_follows_and_the_rest_stays(
    tree: Tree, store: AssistantStore, assistant: Assistant, ada: Caller
) -> None:
    _, first = await said(store, ada, "One", "Uno")
    second, below = await said(store, ada, "Two", "Due", first)
    await said(store, ada, "Three", "Tre", below)
    beside, other = await said(store, ada, "Deux", "Zwei", first)
    await assistant.change(ada, first.conversation_id, current_message_id=below.id)
    conversation = await tree.delete(ada, second.id)
    assert conversation.current_message_id == first.id
    assert await shape(store, first.conversation_id) == [
        ("One", None),
        ("Uno", "One"),
        ("Deux", "Uno"),
        ("Zwei", "Deux"),
    ]
    # What is shown stays when it is not what is deleted.
    await assistant.change(ada, first.conversation_id, current_message_id=first.id)
    assert (await tree.delete(ada, other.id)).current_message_id == first.id
    with pytest.raises(NotFound):
        await tree.delete(ada, other.id)
    # The question that is left without a reply gets one, or is followed by another.
    turn = await assistant.regenerate(ada, beside.id, model=None)
    assert [message.parent_id for message in turn.messages] == [beside.id]


async def test_deleting_is_as_easy_however_deep(
    database: Database, tree: Tree, store: AssistantStore, ada: Caller
) -> None:
    _, reply = await said(store, ada, "One", "Uno")
    rows: list[dict[str, object]] = []
    parent = reply.id
    for _ in range(3_000):
        row: dict[str, object] = {"id": new_id("msg"), "conversation_id": reply.conversation_id}
        row |= {"parent_id": parent, "role": "user", "content": "x", "status": "complete"}
        rows.append(row | {"created_at": utc_now()})
        parent = str(row["id"])
    async with database.write() as connection:
        await connection.execute(sa.insert(messages), rows)
    await tree.delete(ada, str(rows[0]["id"]))
    assert await shape(store, reply.conversation_id) == [("One", None), ("Uno", "One")]


async def test_a_reply_being_written_below_ends_with_nothing_left_of_it(
    here: Process, there: Process, database: Database, store: AssistantStore, ada: Caller
) -> None:
    _, reply = await said(store, ada, "One", "Uno")
    for deleting in (here, there):
        turn = await here.assistant.send(
            ada, reply.conversation_id, content="Two", parent_id=reply.id, model=None
        )
        call = await here.engine.called()
        call.say("Du")
        await deleting.tree.delete(ada, turn.messages[0].id)
        # Where the deletion is another process's, the writer hears of it with its next write.
        call.say("e")
        await eventually(call.closed.is_set, "the engine to be let go")
        async with database.read() as connection:
            written = sa.select(generations.c.id).where(generations.c.id == turn.generation.id)
            assert (await connection.execute(written)).first() is None
            logged = sa.select(generation_events.c.seq).where(
                generation_events.c.generation_id == turn.generation.id
            )
            assert (await connection.execute(logged)).first() is None
    conversation, nodes = await here.assistant.conversation(ada, reply.conversation_id)
    assert (conversation.active_generation_id, len(nodes)) == (None, 2)


async def test_what_follows_a_deleted_message_is_refused(
    tree: Tree, store: AssistantStore, ada: Caller
) -> None:
    _, reply = await said(store, ada, "One", "Uno")
    await tree.delete(ada, reply.id)
    with pytest.raises(NotFound, match="that this follows"):
        await said(store, ada, "Two", "Due", reply)
    assert await shape(store, reply.conversation_id) == [("One", None)]


async def test_a_question_without_a_reply_is_followed_by_another_as_one_turn(
    here: Process, tree: Tree, store: AssistantStore, ada: Caller
) -> None:
    question, reply = await said(store, ada, "One", "Uno")
    await tree.delete(ada, reply.id)
    await here.assistant.send(ada, question.conversation_id, content="Two", parent_id=question.id, model=None)
    assert (await here.engine.called()).turns == [("user", "One\n\nTwo")]


async def test_a_copy_has_the_same_tree_and_nothing_in_common(
    here: Process, tree: Tree, store: AssistantStore, ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_COPIED_AT_ONCE", 2)
    _, first = await said(store, ada, "One", "Uno")
    await said(store, ada, "Two", "Due", first)
    await said(store, ada, "Deux", "Zwei", first)
    _, correction = await tree.correct(ada, first.id, "Un")
    project = await here.projects.create(ada, name="Numbers")
    source = await here.assistant.change(
        ada, first.conversation_id, project_id=project.id, pinned=True, current_message_id=first.id
    )
    copy = await tree.duplicate(ada, source.id, title="Copy of One")
    assert (copy.title, copy.model, copy.project_id) == ("Copy of One", source.model, project.id)
    assert (copy.pinned, copy.temporary, copy.active_generation_id) == (False, False, None)
    assert sorted(await shape(store, copy.id), key=str) == sorted(await shape(store, source.id), key=str)
    copied = {node.content: node for node in await store.messages(copy.id)}
    originals = {node.id for node in await store.messages(source.id)}
    assert originals.isdisjoint(node.id for node in copied.values())
    assert copy.current_message_id == copied["Uno"].id
    assert copied["Un"].corrects_id == copied["Uno"].id != correction.corrects_id
    assert all(node.generation_id is None for node in copied.values())
    await tree.delete(ada, copied["One"].id)
    assert len(await store.messages(source.id)) == len(originals)


async def test_a_branch_is_copied_up_to_a_message(
    tree: Tree, store: AssistantStore, assistant: Assistant, ada: Caller
) -> None:
    _, first = await said(store, ada, "One", "Uno")
    second, _ = await said(store, ada, "Two", "Due", first)
    await said(store, ada, "Deux", "Zwei", first)
    copy = await tree.duplicate(ada, first.conversation_id, until=second.id)
    assert await shape(store, copy.id) == [("One", None), ("Uno", "One"), ("Two", "Uno")]
    assert copy.current_message_id == (await store.messages(copy.id))[-1].id
    assert copy.title == "One"
    _, elsewhere = await said(store, ada, "Else", "Where")
    with pytest.raises(InvalidRequest) as caught:
        await tree.duplicate(ada, first.conversation_id, until=elsewhere.id)
    assert caught.value.param == "until"
    page = await assistant.conversations(ada, limit=10, before=None)
    assert len(page.items) == 3


async def test_a_reply_being_written_is_copied_as_far_as_it_is(
    here: Process, tree: Tree, store: AssistantStore, ada: Caller
) -> None:
    turn = await here.assistant.start(ada, content="Count", model=None)
    call = await here.engine.called()
    call.say("One, two")

    async def written() -> bool:
        return await store.text_so_far(turn.generation.id) == "One, two"

    await eventually(written, "the text to be in the log")
    copy = await tree.duplicate(ada, turn.conversation.id)
    _, reply = await store.messages(copy.id)
    assert (reply.content, reply.status) == ("One, two", Status.STOPPED)
    call.say(", three")
    call.end()
    await read_to_end(here.assistant, ada, turn.generation.id)
    assert [node.content for node in await store.messages(copy.id)] == ["Count", "One, two"]


async def test_a_copy_that_was_broken_off_is_in_no_list_and_goes_by_itself(
    tree: Tree, store: AssistantStore, assistant: Assistant, ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, reply = await said(store, ada, "One", "Uno")

    async def killed(*_: object) -> None:
        raise ConnectionError("as if the process had died")

    monkeypatch.setattr("causette.assistant.tree.store.TreeStore.finish_copy", killed)
    with pytest.raises(ConnectionError):
        await tree.duplicate(ada, reply.conversation_id)
    page = await assistant.conversations(ada, limit=10, before=None)
    assert [item.id for item in page.items] == [reply.conversation_id]
    await store.delete_expired(utc_now() + 2 * service.COPYING_FOR, limit=10)
    page = await assistant.conversations(ada, limit=10, before=None, scope="everything")
    assert [item.id for item in page.items] == [reply.conversation_id]


async def test_a_temporary_conversation_has_no_copies(tree: Tree, assistant: Assistant, ada: Caller) -> None:
    turn = await assistant.start(ada, content="Psst", model=None, temporary=True)
    with pytest.raises(Conflict) as caught:
        await tree.duplicate(ada, turn.conversation.id)
    assert caught.value.code == "temporary"


async def test_a_strangers_messages_are_not_found(
    tree: Tree, store: AssistantStore, ada: Caller, bob: Caller
) -> None:
    _, reply = await said(store, ada, "Mine", "Yours")
    _, bobs = await said(store, bob, "Bob's", "His")
    for attempt in (
        tree.correct(bob, reply.id, "x"),
        tree.delete(bob, reply.id),
        tree.duplicate(bob, reply.conversation_id),
        tree.duplicate(bob, bobs.conversation_id, until=reply.id),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert len(await store.messages(reply.conversation_id)) == 2
