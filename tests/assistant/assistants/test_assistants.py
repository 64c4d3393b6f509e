"""Custom assistants: what they are made of, who reaches them, and what replies make of them."""

from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from causette.accounts import Accounts, Caller
from causette.accounts.store import delete_user
from causette.assistant.assistants import service, store
from causette.assistant.assistants.service import CustomAssistants
from causette.assistant.assistants.types import AssistantScope
from causette.assistant.generation.preface import Asking
from causette.assistant.service import Assistant
from causette.assistant.tools.toolbox import Toolbox
from causette.assistant.types import ReplyOptions
from causette.db import Database
from causette.errors import Conflict, Forbidden, InvalidRequest, NotFound
from causette.ids import new_id
from causette.plans.subscriptions import Assignment
from tests.adder import Adder
from tests.assistant.conftest import read_to_end
from tests.house import open_house
from tests.scripted import ScriptedEngine

CHEF = {
    "name": "Sous-chef",
    "description": "Cooks with what there is.",
    "emoji": "🍲",
    "instructions": "Name quantities in grams.",
    "starters": ["What can I do with leeks?"],
}


async def workspace_of(accounts: Accounts, owner: Caller, *members: Caller) -> str:
    workspace = (await accounts.workspaces.create(owner, name="Kitchen")).workspace.id
    for member in members:
        invited = await accounts.workspaces.invite(owner, workspace, email=member.user.email, role="member")
        await accounts.workspaces.accept(member, invited.token)
    return workspace


async def named(custom: CustomAssistants, caller: Caller, scope: AssistantScope, **more: Any) -> list[str]:
    return [item.name for item in (await custom.list(caller, scope=scope, **more)).items]


async def told(custom: CustomAssistants, caller: Caller, generation_id: str) -> list[tuple[str, str]]:
    asking = Asking(
        caller=caller, conversation_id="conv_x", generation_id=generation_id, model="scripted", branch=()
    )
    return [(piece.kind, piece.text) for piece in await custom.preface(asking)]


async def test_one_is_made_changed_listed_and_copied(custom: CustomAssistants, ada: Caller) -> None:
    made = await custom.create(ada, **CHEF, tools=("clock", "clock"), model="default", effort="low")  # pyright: ignore
    assert (made.name, made.emoji, made.tools, made.model) == ("Sous-chef", "🍲", ("clock",), "scripted")
    assert (made.sharing, made.featured, made.version, made.owner_name) == ("private", False, 1, "Ada")
    changed = await custom.change(ada, made.id, description=" Cooks.\0 ", starters=["", " One "], model=None)
    assert (changed.description, changed.starters, changed.model) == ("Cooks.", ("One",), None)
    assert changed.version == 1, "what models are told has not changed"
    assert (await custom.change(ada, made.id, instructions="In ounces.")).version == 2
    copy = await custom.duplicate(ada, made.id, name="Pastry chef")
    assert (copy.instructions, copy.starters, copy.effort, copy.version) == ("In ounces.", ("One",), "low", 1)
    assert await named(custom, ada, "mine") == ["Pastry chef", "Sous-chef"]
    assert await named(custom, ada, "mine", containing="PASTRY") == ["Pastry chef"]
    assert await named(custom, ada, "mine", containing="cooks", limit=1) == ["Pastry chef"]
    page = await custom.list(ada, scope="mine", limit=1)
    assert await named(custom, ada, "mine", before=page.next) == ["Sous-chef"]
    await custom.delete(ada, made.id)
    with pytest.raises(NotFound):
        await custom.find(ada, made.id)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"name": " "}, "name"),
        ({"name": "x", "emoji": "a"}, "emoji"),
        ({"name": "x", "instructions": "y" * 8_001}, "instructions"),
        ({"name": "x", "description": "y" * 301}, "description"),
        ({"name": "x", "starters": ["y"] * 7}, "starters"),
        ({"name": "x", "starters": ["y" * 501]}, "starters"),
        ({"name": "x", "tools": ["y" * 65]}, "tools"),
        ({"name": "x", "workspace_id": "ws_x"}, "workspace_id"),
        ({}, "name"),
    ],
)
async def test_what_is_refused_is_named(
    custom: CustomAssistants, ada: Caller, fields: dict[str, Any], param: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await custom.create(ada, **fields)
    assert caught.value.param == param
    with pytest.raises(NotFound):
        await custom.create(ada, name="x", model="nobody")
    with pytest.raises(NotFound):
        await custom.create(ada, name="x", sharing="workspace", workspace_id=new_id("ws"))
    assert await named(custom, ada, "mine") == []


async def test_one_has_so_many_and_no_more(
    custom: CustomAssistants, ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_MOST_ASSISTANTS", 1)
    made = await custom.create(ada, name="One")
    with pytest.raises(Conflict) as caught:
        await custom.duplicate(ada, made.id)
    assert caught.value.code == "too_many_assistants"


async def test_strangers_find_no_private_one(
    custom: CustomAssistants, assistant: Assistant, ada: Caller, bob: Caller
) -> None:
    made = await custom.create(ada, **CHEF)  # pyright: ignore[reportArgumentType]
    attempts = [
        custom.find(bob, made.id),
        custom.change(bob, made.id, name="Taken"),
        custom.duplicate(bob, made.id),
        custom.delete(bob, made.id),
        custom.feature(bob, made.id, featured=True),
        assistant.start(bob, content="Hello", model=None, assistant_id=made.id),
        custom.find(bob, "asst_x\0"),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound):
            await attempt
    scopes: tuple[AssistantScope, ...] = ("mine", "workspaces", "everybody", "featured", "recent")
    for scope in scopes:
        assert await named(custom, bob, scope) == []
    assert await custom.find(ada, made.id) == made


async def test_members_of_its_workspace_use_it_until_they_or_its_owner_leave(
    custom: CustomAssistants, assistant: Assistant, accounts: Accounts, ada: Caller, bob: Caller
) -> None:
    eve = Caller(
        user=await accounts.create_user(name="Eve", email="eve@example.org", password="seven quiet otters")
    )
    workspace = await workspace_of(accounts, eve, ada, bob)
    made = await custom.create(ada, name="Chef", sharing="workspace", workspace_id=workspace)
    assert await named(custom, bob, "workspaces") == ["Chef"]
    assert await named(custom, ada, "workspaces") == [], "one's own is listed as one's own"
    assert (await custom.duplicate(bob, made.id)).owner_id == bob.user.id
    turn = await assistant.start(bob, content="Leeks?", model=None, assistant_id=made.id)
    assert turn.messages[-1].assistant_id == made.id
    for attempt in (custom.change(bob, made.id, name="Taken"), custom.delete(bob, made.id)):
        with pytest.raises(NotFound):
            await attempt

    await accounts.workspaces.remove(eve, workspace, bob.user.id)
    with pytest.raises(NotFound):
        await custom.find(bob, made.id)
    assert await named(custom, bob, "recent") == []
    # The conversation stays, and goes on without it.
    again = await assistant.regenerate(bob, turn.messages[-1].id, model=None)
    assert again.conversation.assistant_id == made.id
    assert again.messages[-1].assistant_id is None
    assert await told(custom, bob, again.generation.id) == []

    assert (await custom.find(eve, made.id)).name == "Chef"
    await accounts.workspaces.remove(eve, workspace, ada.user.id)
    with pytest.raises(NotFound):
        await custom.find(eve, made.id)
    assert await named(custom, eve, "workspaces") == []
    assert await named(custom, ada, "mine") == ["Chef"]
    await accounts.workspaces.delete(eve, workspace)
    assert (await custom.find(ada, made.id)).sharing == "private"


async def test_everybody_uses_what_is_for_everybody_and_who_runs_the_house_recommends_it(
    custom: CustomAssistants, ada: Caller, bob: Caller
) -> None:
    boss = replace(bob, user=replace(bob.user, role="owner"))
    made = await custom.create(ada, name="Chef")
    await custom.change(ada, made.id, sharing="everybody")
    assert await named(custom, bob, "everybody") == ["Chef"]
    with pytest.raises(Forbidden) as caught:
        await custom.feature(bob, made.id, featured=True)
    assert caught.value.code == "owners_only"
    assert (await custom.feature(boss, made.id, featured=True)).featured
    assert await named(custom, bob, "featured") == ["Chef"]
    # Shared with nobody and then with everybody again, it is not recommended any more.
    await custom.change(ada, made.id, sharing="private")
    assert await named(custom, bob, "featured") == []
    await custom.change(ada, made.id, sharing="everybody")
    assert await named(custom, bob, "featured") == []
    own = await custom.create(boss, name="Mine")
    with pytest.raises(Conflict):
        await custom.feature(boss, own.id, featured=True)


async def test_a_conversation_begins_with_its_model_effort_and_tools(
    custom: CustomAssistants, assistant: Assistant, engine: ScriptedEngine, ada: Caller
) -> None:
    assistant.writers.means = replace(assistant.writers.means, toolbox=Toolbox([Adder()]))
    made = await custom.create(
        ada, name="Chef", instructions="Be brief.", model="other", effort="low", tools=("gone", "add")
    )
    turn = await assistant.start(ada, content="Leeks?", model=None, assistant_id=made.id)
    assert (turn.conversation.model, turn.conversation.assistant_id) == ("other", made.id)
    assert turn.generation.options == ReplyOptions(effort="low", tools=("add",))
    assert await told(custom, ada, turn.generation.id) == [("assistant", "You are Chef.\n\nBe brief.")]
    assert await named(custom, ada, "recent") == ["Chef"]
    assert list(await custom.used_at(ada)) == [made.id]
    # What is said otherwise holds.
    options = ReplyOptions(effort="high")
    turn = await assistant.start(ada, content="Hi", model="scripted", assistant_id=made.id, options=options)
    assert (turn.conversation.model, turn.generation.options) == ("scripted", options)
    # In a temporary conversation it answers as well, and nothing remembers that.
    await custom.delete(ada, made.id)
    other = await custom.create(ada, name="Other")
    turn = await assistant.start(ada, content="Hi", model=None, assistant_id=other.id, temporary=True)
    assert turn.messages[-1].assistant_id == other.id
    assert await named(custom, ada, "recent") == []


async def test_a_reply_keeps_to_what_it_was_begun_under(
    custom: CustomAssistants,
    assistant: Assistant,
    engine: ScriptedEngine,
    ada: Caller,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = await custom.create(ada, name="Chef", instructions="In grams.")
    turn = await assistant.start(ada, content="Leeks?", model=None, assistant_id=made.id)
    await custom.change(ada, made.id, instructions="In ounces.")
    assert await told(custom, ada, turn.generation.id) == [("assistant", "You are Chef.\n\nIn grams.")]
    (await engine.called()).end()
    await read_to_end(assistant, ada, turn.generation.id)
    again = await assistant.regenerate(ada, turn.messages[-1].id, model=None)
    assert await told(custom, ada, again.generation.id) == [("assistant", "You are Chef.\n\nIn ounces.")]
    # The oldest versions go, and with the assistant all of them; its conversation goes on without it.
    monkeypatch.setattr(store, "_VERSIONS_KEPT", 1)
    await custom.change(ada, made.id, name="Cook")
    assert await told(custom, ada, again.generation.id) == []
    await custom.delete(ada, made.id)
    conversation, messages = await assistant.conversation(ada, turn.conversation.id)
    assert conversation.assistant_id == made.id
    assert [message.assistant_id for message in messages] == [None, made.id, made.id]
    last = await assistant.regenerate(ada, messages[-1].id, model=None)
    assert last.messages[-1].assistant_id is None
    assert await told(custom, ada, last.generation.id) == []


async def test_a_picture_is_known_by_its_content_and_kept_apart(
    custom: CustomAssistants, ada: Caller, bob: Caller
) -> None:
    made = await custom.create(ada, name="Chef", sharing="everybody")
    with pytest.raises(NotFound):
        await custom.picture(bob, made.id)
    png = b"\x89PNG\r\n\x1a\n and so on"
    first = await custom.set_picture(ada, made.id, b64encode(png).decode())
    kept = await custom.picture(bob, made.id)
    assert (kept.id, kept.media_type, kept.data) == (first.picture_id, "image/png", png)
    webp = await custom.set_picture(ada, made.id, b64encode(b"RIFF\0\0\0\0WEBPVP8 ").decode())
    assert webp.picture_id != first.picture_id
    assert (await custom.picture(ada, made.id)).media_type == "image/webp"
    large = b64encode(png + bytes(256 * 1024)).decode()
    svg = b64encode(b"<svg xmlns='http://www.w3.org/2000/svg'/>").decode()
    for refused in ("not base64", svg, large, ""):
        with pytest.raises(InvalidRequest) as caught:
            await custom.set_picture(ada, made.id, refused)
        assert caught.value.param == "content"
    with pytest.raises(NotFound):
        await custom.set_picture(bob, made.id, None)
    assert (await custom.set_picture(ada, made.id, None)).picture_id is None
    with pytest.raises(NotFound):
        await custom.picture(ada, made.id)


async def test_they_are_exported_and_go_with_the_account(
    custom: CustomAssistants, database: Database, ada: Caller, bob: Caller
) -> None:
    made = await custom.create(ada, name="Chef", instructions="In grams.", sharing="everybody")
    exported: Any = await custom.personal_data(ada)
    assert [(item["id"], item["instructions"]) for item in exported["assistants"]] == [(made.id, "In grams.")]
    assert await custom.personal_data(bob) == {"assistants": []}
    async with database.write() as connection:
        await delete_user(connection, ada.user.id)
    assert await named(custom, bob, "everybody") == []


async def test_it_takes_a_plan_that_has_it_and_the_model_reads_it(tmp_path: Path) -> None:
    async with open_house(tmp_path) as opened:
        ada, bob = await opened.person("ada"), await opened.person("bob")
        await opened.house.plans.subscriptions.assign(
            bob.caller.payer_id, Assignment(plan_id="free", collection="invoice")
        )
        post = opened.client.post
        refused = await post("/api/assistants", json=CHEF, headers=bob.cookie)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_in_plan")
        made = await post("/api/assistants", json=CHEF | {"sharing": "everybody"}, headers=ada.cookie)
        assert made.status_code == 201
        assert (made.json()["mine"], made.json()["starters"]) == (True, CHEF["starters"])
        # Using what others share takes no more than an account.
        path = f"/api/assistants/{made.json()['id']}"
        seen = (await opened.client.get(path, headers=bob.cookie)).json()
        assert (seen["mine"], seen["owner_name"], seen["sharing"]) == (False, "Ada", "everybody")
        started = await post(
            "/api/conversations",
            json={"content": "Leeks?", "assistant_id": made.json()["id"]},
            headers=bob.cookie,
        )
        assert started.json()["conversation"]["assistant_id"] == made.json()["id"]
        assert started.json()["messages"][1]["assistant_id"] == made.json()["id"]
        call = await opened.engine.called()
        assert call.turns[0] == ("system", "You are Sous-chef.\n\nName quantities in grams.")
