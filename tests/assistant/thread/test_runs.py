"""Opening conversations and walking along their branches, against a plain walk over the whole tree."""

import re

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from causette.accounts import Caller
from causette.assistant.store import AssistantStore
from causette.assistant.thread.service import Threads
from causette.assistant.types import Run
from causette.db import Database
from causette.errors import InvalidRequest, NotFound
from tests.assistant.conftest import Process, read_to_end
from tests.assistant.thread.trees import planted, straight
from tests.scripted import ScriptedEngine


@pytest.fixture
def threads(database: Database, here: Process) -> Threads:
    return Threads(database, here.assistant)


def ids_of(run: Run) -> list[str]:
    return [message.id for message in run.messages]


def leaf_under(parents: list[int | None], at: int | None) -> int:
    while below := [number for number, parent in enumerate(parents) if parent == at]:
        at = max(below)
    assert at is not None
    return at


def path_to(parents: list[int | None], at: int | None) -> list[int]:
    path: list[int] = []
    while at is not None:
        path.insert(0, at)
        at = parents[at]
    return path


trees = st.lists(st.integers(0, 60), min_size=1, max_size=24).map(
    lambda draws: [None if draw % (at + 1) == at else draw % (at + 1) for at, draw in enumerate(draws)]
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parents=trees, data=st.data())
async def test_a_run_is_what_a_walk_over_the_whole_tree_finds(
    database: Database, threads: Threads, ada: Caller, parents: list[int | None], data: st.DataObject
) -> None:
    places = st.integers(0, len(parents) - 1)
    shown, at = data.draw(places, "shown"), data.draw(places, "at")
    limit = data.draw(st.integers(1, 8), "limit")
    conversation, ids = await planted(database, ada, parents, shown=shown)
    branch = path_to(parents, leaf_under(parents, shown))

    _, end = await threads.open(ada, conversation, at=None, limit=limit)
    assert ids_of(end) == [ids[each] for each in branch[-limit:]]
    assert (end.earlier, end.later, end.end) == (len(branch) > limit, False, ids[branch[-1]])

    around = (await threads.open(ada, conversation, at=ids[at], limit=limit))[1]
    whole = [ids[each] for each in (branch if at in branch else path_to(parents, leaf_under(parents, at)))]
    assert around.end == whole[-1]
    assert ids[at] in ids_of(around)
    first = whole.index(ids_of(around)[0])
    assert whole[first : first + len(around.messages)] == ids_of(around)
    assert (around.earlier, around.later) == (first > 0, first + len(around.messages) < len(whole))

    # On from there, in both directions, it is the whole branch.
    found, run = ids_of(around), around
    while run.earlier:
        run = await threads.before(ada, conversation, found[0], limit)
        assert 1 <= len(run.messages) <= limit
        found = [*ids_of(run), *found]
    run = around
    while run.later:
        run = await threads.after(ada, conversation, found[-1], whole[-1], limit)
        assert 1 <= len(run.messages) <= limit
        found = [*found, *ids_of(run)]
    assert found == whole

    for message in around.messages:
        place = ids.index(message.id)
        siblings = [ids[each] for each, parent in enumerate(parents) if parent == parents[place]]
        assert list(around.versions[message.id]) == siblings
        assert [each.id for each in (await threads.versions(ada, message.id))[0]] == siblings


async def test_a_conversation_whose_messages_are_all_deleted_opens_empty(
    database: Database, threads: Threads, ada: Caller
) -> None:
    conversation, _ = await planted(database, ada, [], shown=None)
    _, run = await threads.open(ada, conversation, at=None, limit=5)
    assert run == Run(messages=(), versions={}, earlier=False, later=False, end=None)


async def test_a_reply_that_is_being_written_is_told_as_far_as_it_is(
    here: Process, threads: Threads, ada: Caller
) -> None:
    turn = await here.assistant.start(ada, content="Count", model=None)
    call = await here.engine.called()
    call.say("One, two")
    log = here.assistant.events(turn.generation, 0)
    while (event := await anext(log)) is None or "One" not in event.data:
        pass
    _, run = await threads.open(ada, turn.conversation.id, at=None, limit=5)
    assert run.messages[-1].content == "One, two"
    assert (await threads.versions(ada, run.messages[-1].id))[0] == [run.messages[-1]]
    await log.aclose()


async def test_what_another_device_added_below_is_followed_to_its_end(
    database: Database, threads: Threads, ada: Caller
) -> None:
    conversation, ids = await planted(database, ada, straight(9), shown=3)
    run = await threads.after(ada, conversation, ids[1], ids[3], 20)
    assert (ids_of(run), run.end, run.later) == (ids[2:], ids[8], False)


async def test_messages_of_other_conversations_and_people_are_refused(
    database: Database, threads: Threads, ada: Caller, bob: Caller
) -> None:
    mine, ids = await planted(database, ada, [None, 0, 0])
    other, others = await planted(database, ada, straight(2))
    for attempt in (
        threads.open(bob, mine, at=None, limit=5),
        threads.before(bob, mine, ids[1], 5),
        threads.after(bob, mine, ids[0], ids[1], 5),
        threads.versions(bob, ids[0]),
        threads.open(ada, mine, at="msg_nothing", limit=5),
    ):
        with pytest.raises(NotFound):
            await attempt
    for attempt in (
        threads.open(ada, other, at=ids[0], limit=5),
        threads.before(ada, other, ids[1], 5),
        threads.after(ada, other, ids[0], others[0], 5),
        threads.after(ada, mine, ids[1], ids[2], 5),
    ):
        with pytest.raises(InvalidRequest):
            await attempt


async def test_a_prompt_is_read_no_further_up_than_the_model_can_read(
    database: Database, store: AssistantStore, ada: Caller
) -> None:
    _, ids = await planted(database, ada, straight(3_000), content="x" * 90)
    whole = await store.branch(ids[-1])
    assert [message.id for message in whole] == ids
    some = await store.branch(ids[-1], 1_000)
    assert some == whole[-11:]
    assert await store.branch(ids[-1], 0) == whole[-1:]
    assert await store.branch(ids[0], 1_000) == whole[:1]


async def test_a_message_costs_the_same_in_a_long_conversation(
    database: Database, here: Process, engine: ScriptedEngine, ada: Caller
) -> None:
    costs: list[tuple[list[str], int]] = []
    for length in (10, 2_000):
        conversation, ids = await planted(database, ada, straight(length), content="x" * 3_000)
        statements: list[str] = []

        def heard(*told: object, statements: list[str] = statements) -> None:
            # The gateway's keepers have statements of their own, at their own time.
            if re.search("conversation|message|generation", str(told[2])):
                statements.append(str(told[2]))

        event.listen(sa.Engine, "before_cursor_execute", heard)
        try:
            turn = await here.assistant.send(ada, conversation, content="More", parent_id=ids[-1], model=None)
        finally:
            event.remove(sa.Engine, "before_cursor_execute", heard)
        call = await engine.called()
        costs.append((statements, len(call.request.prompt)))
        call.end()
        await read_to_end(here.assistant, ada, turn.generation.id)
    assert costs[0][0]
    assert costs[0] == costs[1]
