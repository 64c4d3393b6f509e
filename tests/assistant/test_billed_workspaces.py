"""Whom a reply is billed to: the workspace that its reader acted for, whichever process writes it."""

from collections.abc import Sequence
from pathlib import Path

import pytest_asyncio
import sqlalchemy as sa

from causette.accounts import Accounts, Caller
from causette.assistant.types import Status, Turn
from causette.db import Database
from causette.ledger.tables import requests
from tests.assistant.conftest import Process, assert_whole, kill_writer, read_to_end, text_of
from tests.house import OpenHouse, open_house
from tests.waiting import eventually


@pytest_asyncio.fixture
async def bob_there(accounts: Accounts, ada: Caller, bob: Caller) -> Caller:
    """Bob, acting for a workspace of Ada's."""
    workspace = (await accounts.workspaces.create(ada, name="Engines")).workspace.id
    made = await accounts.workspaces.invite(ada, workspace, email="bob@example.org", role="member")
    await accounts.workspaces.accept(bob, made.token)
    return await accounts.workspaces.acting(bob, workspace)


async def payers(database: Database, number: int) -> Sequence[tuple[str, str | None]]:
    """Who pays for each of so many requests and which workspace they are of, the oldest first."""

    async def settled() -> Sequence[tuple[str, str | None]] | None:
        query = (
            sa.select(requests.c.payer_id, requests.c.workspace_id)
            .where(requests.c.purpose == "reply", requests.c.state == "settled")
            .order_by(requests.c.created_at, requests.c.id)
        )
        async with database.read() as connection:
            rows = (await connection.execute(query)).tuples().all()
        return rows if len(rows) == number else None

    found = await eventually(settled, f"{number} requests to be settled")
    assert found is not None
    return found


async def begun_and_abandoned(here: Process, there: Process, caller: Caller) -> Turn:
    """A reply of two words whose writer is dead, and held to be."""
    turn = await here.assistant.start(caller, content="Count", model=None)
    call = await here.engine.called()
    call.say("one ", "two ")

    async def written() -> bool:
        return text_of(await here.store.events(turn.generation.id, 0)) == "one two "

    await eventually(written, "the two words to be kept")
    kill_writer(turn.generation.id)
    await call.closed.wait()
    await there.store.give_up(turn.generation.writer_id)
    return turn


async def test_every_way_to_ask_for_a_reply_bills_the_workspace(
    here: Process, database: Database, bob_there: Caller
) -> None:
    here.engine.answer = "Good morning"
    turn = await here.assistant.start(bob_there, content="Hello", model=None)
    await read_to_end(here.assistant, bob_there, turn.generation.id)
    reply = turn.messages[-1].id
    turns = [
        await here.assistant.send(
            bob_there, turn.conversation.id, content="And?", parent_id=reply, model=None
        ),
        await here.assistant.regenerate(bob_there, reply, model=None),
    ]
    for more in turns:
        await read_to_end(here.assistant, bob_there, more.generation.id)
    workspace = bob_there.workspace_id
    assert workspace is not None
    assert await payers(database, 3) == [(workspace, workspace)] * 3


async def test_a_conversation_bills_whom_each_of_its_replies_is_asked_for(
    here: Process, database: Database, bob: Caller, bob_there: Caller
) -> None:
    here.engine.answer = "Good morning"
    turn = await here.assistant.start(bob_there, content="Hello", model=None)
    await read_to_end(here.assistant, bob, turn.generation.id)
    again = await here.assistant.regenerate(bob, turn.messages[-1].id, model=None)
    await read_to_end(here.assistant, bob, again.generation.id)
    workspace = bob_there.workspace_id
    assert await payers(database, 2) == [(workspace, workspace), (bob.user.id, None)]


async def test_a_reply_that_another_process_continues_is_still_the_workspaces(
    here: Process, there: Process, database: Database, bob_there: Caller
) -> None:
    turn = await begun_and_abandoned(here, there, bob_there)
    await there.assistant.open()
    continued = await there.engine.called()
    continued.say("three")
    continued.end()
    assert_whole(await read_to_end(there.assistant, bob_there, turn.generation.id))
    workspace = bob_there.workspace_id
    # What the first process had made, and the rest.
    assert await payers(database, 2) == [(workspace, workspace)] * 2


async def test_whoever_was_taken_out_keeps_what_was_written_and_costs_nobody_more(
    here: Process, there: Process, database: Database, accounts: Accounts, ada: Caller, bob_there: Caller
) -> None:
    turn = await begun_and_abandoned(here, there, bob_there)
    assert bob_there.workspace_id is not None
    await accounts.workspaces.remove(ada, bob_there.workspace_id, bob_there.user.id)
    await there.assistant.open()
    events = await read_to_end(there.assistant, bob_there, turn.generation.id)
    assert_whole(events)
    assert text_of(events) == "one two "
    _, nodes = await there.assistant.conversation(bob_there, turn.conversation.id)
    assert (nodes[-1].content, nodes[-1].status) == ("one two ", Status.STOPPED)
    assert there.engine.requests == []
    assert await payers(database, 1) == [(bob_there.workspace_id, bob_there.workspace_id)]


async def test_a_reply_of_a_workspace_that_is_gone_is_stopped(
    here: Process, there: Process, accounts: Accounts, ada: Caller, bob_there: Caller
) -> None:
    turn = await begun_and_abandoned(here, there, bob_there)
    assert bob_there.workspace_id is not None
    await accounts.workspaces.delete(ada, bob_there.workspace_id)
    await there.assistant.open()
    assert text_of(await read_to_end(there.assistant, bob_there, turn.generation.id)) == "one two "
    assert there.engine.requests == []


async def test_the_header_says_which_workspace_pays(tmp_path: Path) -> None:
    async with open_house(tmp_path) as opened:
        opened.engine.answer = "Good morning"
        ada = await opened.person("ada")
        workspace = await _new_workspace(opened, ada.cookie)
        started = await opened.client.post(
            "/api/conversations",
            json={"content": "Hello"},
            headers=ada.cookie | {"x-causette-workspace": workspace},
        )
        assert started.status_code == 201
        assert await payers(opened.house.database, 1) == [(workspace, workspace)]


async def _new_workspace(opened: OpenHouse, cookie: dict[str, str]) -> str:
    made = await opened.client.post("/api/workspaces", json={"name": "Engines"}, headers=cookie)
    assert made.status_code == 201, made.text
    return made.json()["id"]
