"""Where conversations are kept: pinned, archived, in projects, temporarily; one at a time and many at once."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from causette.accounts import Caller
from causette.assistant.assistants.service import CustomAssistants
from causette.assistant.exporting.service import Exporting
from causette.assistant.projects.service import Projects
from causette.assistant.service import Assistant
from causette.assistant.store import AssistantStore
from causette.assistant.tables import conversations, generation_events, generations, messages
from causette.assistant.types import Scope
from causette.clock import utc_now
from causette.db import Database
from causette.errors import InvalidRequest, NotFound
from tests.assistant.conftest import Process, read_to_end
from tests.waiting import eventually


async def listed(assistant: Assistant, caller: Caller, scope: Scope) -> list[str]:
    return [
        item.id for item in (await assistant.conversations(caller, limit=50, before=None, scope=scope)).items
    ]


async def made(assistant: Assistant, caller: Caller, count: int) -> list[str]:
    return [
        (await assistant.start(caller, content=f"Number {number}", model=None)).conversation.id
        for number in range(count)
    ]


async def test_each_list_has_what_belongs_there_the_newest_first(
    assistant: Assistant, projects: Projects, ada: Caller
) -> None:
    plain, first, second, away, inside = await made(assistant, ada, 5)
    project = await projects.create(ada, name="Kitchen")
    await assistant.change(ada, second, pinned=True)
    await assistant.change(ada, first, pinned=True)
    await assistant.change(ada, away, archived=True)
    await assistant.change(ada, inside, project_id=project.id)
    temporary = (await assistant.start(ada, content="Psst", model=None, temporary=True)).conversation.id
    assert await listed(assistant, ada, "all") == [inside, second, first, plain]
    assert await listed(assistant, ada, "recent") == [plain]
    assert await listed(assistant, ada, "pinned") == [first, second]
    assert await listed(assistant, ada, "archived") == [away]
    assert await listed(assistant, ada, "everything") == [temporary, inside, away, second, first, plain]
    page = await assistant.conversations(ada, limit=5, before=None, project_id=project.id)
    assert [item.id for item in page.items] == [inside]
    back = await assistant.change(ada, first, pinned=False)
    assert (back.pinned, back.archived, back.temporary) == (False, False, False)
    assert await listed(assistant, ada, "recent") == [first, plain]


@pytest.mark.parametrize("scope", ["pinned", "archived"])
async def test_pinned_and_archived_ones_page_without_gap_or_repetition(
    database: Database, assistant: Assistant, ada: Caller, scope: Scope
) -> None:
    ids = await made(assistant, ada, 7)
    now = utc_now()
    async with database.write() as connection:
        for position, conversation in enumerate(ids):
            column = {"pinned": "pinned_at", "archived": "archived_at"}[scope]
            values = {column: now - timedelta(seconds=position % 2)}
            await connection.execute(
                sa.update(conversations).where(conversations.c.id == conversation).values(**values)
            )
    seen: list[str] = []
    before = None
    while True:
        page = await assistant.conversations(ada, limit=2, before=before, scope=scope)
        seen += [item.id for item in page.items]
        if page.next is None:
            break
        before = page.next
    assert seen == sorted(ids, key=lambda item: (-(ids.index(item) % 2), item), reverse=True)


async def test_every_list_is_read_from_an_index_of_its_own(database: Database, ada: Caller) -> None:
    if database.dialect != "sqlite":
        pytest.skip("PostgreSQL scans what is small, whatever indexes there are")
    indexes: dict[Scope, str] = {
        "all": "ix_conversations_owner_id_updated_at_id",
        "recent": "ix_conversations_recent",
        "pinned": "ix_conversations_owner_id_pinned_at_id",
        "archived": "ix_conversations_owner_id_archived_at_id",
    }
    store = AssistantStore(database)
    for scope, index in indexes.items():
        async with database.read() as connection:
            query = store.listing(ada.user.id, scope).limit(5)
            compiled = query.compile(connection.sync_engine, compile_kwargs={"literal_binds": True})
            rows = await connection.execute(sa.text(f"EXPLAIN QUERY PLAN {compiled}"))
            plan = [row.detail for row in rows]
        assert any(index in line for line in plan), plan
        assert not any("USE TEMP B-TREE" in line or line == "SCAN conversations" for line in plan), plan


async def test_many_are_changed_at_once_and_what_is_not_ones_own_is_left_out(
    assistant: Assistant, projects: Projects, ada: Caller, bob: Caller
) -> None:
    mine = await made(assistant, ada, 3)
    (bobs,) = await made(assistant, bob, 1)
    project = await projects.create(ada, name="Kitchen")
    gone = "conv_0000000000000000000000"
    changed = await assistant.change_many(ada, [*mine[:2], bobs, gone, "x\0"], archived=True)
    assert sorted(changed) == sorted(mine[:2])
    assert sorted(await listed(assistant, ada, "archived")) == sorted(mine[:2])
    assert await listed(assistant, bob, "archived") == []
    await assistant.change_many(ada, mine, archived=False, project_id=project.id)
    page = await assistant.conversations(ada, limit=5, before=None, project_id=project.id)
    assert sorted(item.id for item in page.items) == sorted(mine)
    await assistant.delete_many(ada, [*mine[:2], bobs, gone])
    assert await listed(assistant, ada, "everything") == [mine[2]]
    assert await listed(assistant, bob, "all") == [bobs]


async def test_deleting_many_ends_the_replies_that_are_written_in_them(
    here: Process, assistant: Assistant, ada: Caller
) -> None:
    turn = await assistant.start(ada, content="Soup?", model=None)
    call = await here.engine.called()
    call.say("Well")
    await assistant.delete_many(ada, [turn.conversation.id])
    await eventually(call.closed.is_set, "the engine to be let go")
    with pytest.raises(NotFound):
        await assistant.find(ada, turn.conversation.id)


async def test_so_many_at_once_and_no_more(assistant: Assistant, ada: Caller) -> None:
    for ids in ([], ["conv_x"] * 501):
        with pytest.raises(InvalidRequest) as caught:
            await assistant.delete_many(ada, ids)
        assert caught.value.param == "ids"
    with pytest.raises(InvalidRequest, match="nothing to change"):
        await assistant.change_many(ada, ["conv_x"])


async def test_what_is_said_in_an_archived_conversation_brings_it_back(
    here: Process, assistant: Assistant, ada: Caller
) -> None:
    turn = await assistant.start(ada, content="Soup?", model=None)
    call = await here.engine.called()
    call.say("Yes.")
    call.end()
    await read_to_end(assistant, ada, turn.generation.id)
    await assistant.change(ada, turn.conversation.id, archived=True)
    again = await assistant.send(
        ada, turn.conversation.id, content="Which?", parent_id=turn.messages[-1].id, model=None
    )
    assert not again.conversation.archived
    assert await listed(assistant, ada, "recent") == [turn.conversation.id]


async def test_a_temporary_conversation_is_kept_while_it_is_open_and_leaves_nothing(
    here: Process, database: Database, assistant: Assistant, store: AssistantStore, ada: Caller
) -> None:
    turn = await assistant.start(ada, content="Psst", model=None, temporary=True)
    conversation = turn.conversation.id
    assert turn.conversation.temporary
    call = await here.engine.called()
    call.say("Hm")
    now = utc_now()
    await store.delete_expired(now + timedelta(hours=23), limit=10)
    assert (await assistant.find(ada, conversation)).temporary
    await assistant.change(ada, conversation, is_open=False)
    # A reload: it is opened again before its time is over.
    await store.delete_expired(now + timedelta(seconds=20), limit=10)
    await assistant.change(ada, conversation, is_open=True)
    await store.delete_expired(now + timedelta(minutes=5), limit=10)
    assert (await assistant.find(ada, conversation)).temporary
    await assistant.change(ada, conversation, is_open=False)
    assert await store.delete_expired(now + timedelta(minutes=5), limit=10) == [turn.generation.id]
    await eventually(call.closed.is_set, "the engine to be let go")
    async with database.read() as connection:
        for table in (conversations, messages, generations, generation_events):
            assert (await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar() == 0


async def test_expired_conversations_go_by_themselves(
    database: Database, assistant: Assistant, ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("causette.assistant.service._SWEEP_SECONDS", 0.01)
    (kept,) = await made(assistant, ada, 1)
    turn = await assistant.start(ada, content="Psst", model=None, temporary=True)
    async with database.write() as connection:
        await connection.execute(
            sa.update(conversations)
            .where(conversations.c.id == turn.conversation.id)
            .values(expires_at=utc_now() - timedelta(seconds=1))
        )
    await assistant.open()

    async def gone() -> bool:
        return await listed(assistant, ada, "everything") == [kept]

    await eventually(gone, "the conversation to be deleted")


async def test_a_temporary_conversation_lasts_a_day_from_its_last_word(
    here: Process, database: Database, assistant: Assistant, ada: Caller
) -> None:
    turn = await assistant.start(ada, content="Psst", model=None, temporary=True)
    call = await here.engine.called()
    call.end()
    await read_to_end(assistant, ada, turn.generation.id)
    await assistant.change(ada, turn.conversation.id, is_open=False)
    again = await assistant.send(
        ada, turn.conversation.id, content="Again", parent_id=turn.messages[-1].id, model=None
    )
    assert again.conversation.expires_at is not None
    assert again.conversation.expires_at - utc_now() > timedelta(hours=23)


async def test_a_temporary_conversation_has_no_place(
    assistant: Assistant, projects: Projects, ada: Caller
) -> None:
    project = await projects.create(ada, name="Kitchen")
    with pytest.raises(InvalidRequest) as caught:
        await assistant.start(ada, content="Psst", model=None, temporary=True, project_id=project.id)
    assert caught.value.param == "project_id"
    turn = await assistant.start(ada, content="Psst", model=None, temporary=True)
    with pytest.raises(InvalidRequest) as caught:
        await assistant.change(ada, turn.conversation.id, pinned=True)
    assert caught.value.param == "pinned"
    await assistant.change_many(ada, [turn.conversation.id], pinned=True)
    assert await listed(assistant, ada, "pinned") == []
    (plain,) = await made(assistant, ada, 1)
    with pytest.raises(InvalidRequest) as caught:
        await assistant.change(ada, plain, is_open=True)
    assert caught.value.param == "open"


async def test_an_export_has_what_is_archived_and_nothing_that_is_temporary(
    assistant: Assistant, custom: CustomAssistants, database: Database, ada: Caller
) -> None:
    (away,) = await made(assistant, ada, 1)
    await assistant.change(ada, away, archived=True)
    await assistant.start(ada, content="Psst", model=None, temporary=True)
    exporting = Exporting(database, assistant, custom)
    assert [each async for each in exporting.conversation_ids(ada)] == [away]
