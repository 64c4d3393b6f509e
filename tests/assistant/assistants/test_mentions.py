"""Messages that are said to a custom assistant in the middle of a conversation that is another's."""

from dataclasses import replace
from typing import Any

import pytest

from causette.accounts import Accounts, Caller
from causette.assistant.assistants.service import CustomAssistants
from causette.assistant.service import Assistant
from causette.assistant.store import AssistantStore
from causette.assistant.tools.toolbox import Toolbox
from causette.assistant.tree.service import Tree
from causette.assistant.types import ReplyOptions, Turn
from causette.errors import NotFound
from tests.adder import Adder
from tests.assistant.assistants.test_assistants import told, workspace_of
from tests.assistant.conftest import read_to_end
from tests.scripted import ScriptedEngine

CHEF: dict[str, Any] = {"name": "Chef", "instructions": "In grams.", "model": "other", "effort": "low"}


async def written(assistant: Assistant, engine: ScriptedEngine, caller: Caller, turn: Turn) -> Turn:
    """``turn`` when its reply is whole."""
    (await engine.called()).end()
    await read_to_end(assistant, caller, turn.generation.id)
    return turn


async def test_one_message_is_answered_by_whom_it_mentions_and_the_next_one_as_before(
    custom: CustomAssistants, assistant: Assistant, engine: ScriptedEngine, ada: Caller
) -> None:
    engine.answer = "Yes."
    assistant.writers.means = replace(assistant.writers.means, toolbox=Toolbox([Adder()]))
    host = await custom.create(ada, name="Host", instructions="Be kind.")
    chef = await custom.create(ada, **CHEF, tools=("add",))
    first = await assistant.start(ada, content="Hello", model=None, assistant_id=host.id)
    await read_to_end(assistant, ada, first.generation.id)
    high = ReplyOptions(effort="high")
    turn = await assistant.send(
        ada,
        first.conversation.id,
        content="Leeks?",
        parent_id=first.messages[-1].id,
        model=None,
        options=high,
        mention=chef.id,
    )
    assert [message.assistant_id for message in turn.messages] == [chef.id, chef.id]
    assert (turn.generation.model, turn.messages[-1].model) == ("other", "other")
    assert turn.generation.options == ReplyOptions(effort="low", tools=("add",))
    assert await told(custom, ada, turn.generation.id) == [("assistant", "You are Chef.\n\nIn grams.")]
    assert (turn.conversation.assistant_id, turn.conversation.model) == (host.id, "scripted")
    assert turn.conversation.options == {"effort": "high"}
    await read_to_end(assistant, ada, turn.generation.id)
    after = await assistant.send(
        ada, first.conversation.id, content="Thanks", parent_id=turn.messages[-1].id, model=None
    )
    assert [message.assistant_id for message in after.messages] == [None, host.id]
    assert (after.generation.model, after.generation.options) == ("scripted", high)
    assert await told(custom, ada, after.generation.id) == [("assistant", "You are Host.\n\nBe kind.")]


async def test_a_conversation_that_begins_with_a_mention_is_nobodys_own(
    custom: CustomAssistants, assistant: Assistant, ada: Caller
) -> None:
    chef = await custom.create(ada, **CHEF)
    turn = await assistant.start(ada, content="Leeks?", model="scripted", mention=chef.id)
    assert (turn.conversation.assistant_id, turn.conversation.model) == (None, "scripted")
    assert [message.assistant_id for message in turn.messages] == [chef.id, chef.id]
    assert turn.generation.model == "other"
    plain = await custom.create(ada, name="Without a model")
    turn = await assistant.start(ada, content="Leeks?", model="other", mention=plain.id)
    assert turn.generation.model == "other"


async def test_another_reply_to_a_mention_is_the_assistants_again_by_whichever_model(
    custom: CustomAssistants, assistant: Assistant, engine: ScriptedEngine, ada: Caller
) -> None:
    chef = await custom.create(ada, **CHEF)
    turn = await assistant.start(ada, content="Leeks?", model="scripted", mention=chef.id)
    await written(assistant, engine, ada, turn)
    again = await assistant.regenerate(ada, turn.messages[-1].id, model=None)
    assert (again.messages[-1].assistant_id, again.generation.model) == (chef.id, "other")
    assert (again.conversation.model, again.conversation.options) == ("scripted", None)
    options = ReplyOptions(effort="high")
    chosen = await assistant.regenerate(ada, turn.messages[0].id, model="scripted", options=options)
    assert (chosen.messages[-1].assistant_id, chosen.generation.model) == (chef.id, "scripted")
    assert (chosen.generation.options, chosen.conversation.options) == (options, None)


@pytest.mark.parametrize("ended", ["deleted", "private"])
async def test_an_assistant_that_is_gone_is_named_and_nothing_is_said(
    custom: CustomAssistants,
    assistant: Assistant,
    store: AssistantStore,
    engine: ScriptedEngine,
    ada: Caller,
    bob: Caller,
    ended: str,
) -> None:
    chef = await custom.create(ada, **CHEF, sharing="everybody")
    turn = await written(
        assistant, engine, bob, await assistant.start(bob, content="Leeks?", model=None, mention=chef.id)
    )
    if ended == "deleted":
        await custom.delete(ada, chef.id)
    else:
        await custom.change(ada, chef.id, sharing="private")
    conversation, reply = turn.conversation.id, turn.messages[-1].id
    attempts = [
        assistant.send(bob, conversation, content="And?", parent_id=reply, model=None, mention=chef.id),
        assistant.start(bob, content="Leeks?", model=None, mention=chef.id),
        assistant.start(bob, content="Leeks?", model=None, mention="asst_x\0"),
        assistant.regenerate(bob, reply, model=None),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound) as caught:
            await attempt
        assert (caught.value.code, caught.value.param) == ("assistant_gone", "mention")
    assert len(await store.messages(conversation)) == 2
    # The words can be said again, to nobody.
    edited = await assistant.send(bob, conversation, content="Leeks?", parent_id=None, model=None)
    assert [message.assistant_id for message in edited.messages] == [None, None]


async def test_members_of_its_workspace_mention_it_and_strangers_do_not(
    custom: CustomAssistants, assistant: Assistant, accounts: Accounts, ada: Caller, bob: Caller
) -> None:
    chef = await custom.create(ada, **CHEF)
    with pytest.raises(NotFound):
        await assistant.start(bob, content="Leeks?", model=None, mention=chef.id)
    workspace = await workspace_of(accounts, ada, bob)
    await custom.change(ada, chef.id, sharing="workspace", workspace_id=workspace)
    turn = await assistant.start(bob, content="Leeks?", model=None, mention=chef.id)
    assert turn.messages[-1].assistant_id == chef.id


async def test_versions_and_copies_keep_whom_a_message_is_said_to(
    custom: CustomAssistants, assistant: Assistant, engine: ScriptedEngine, tree: Tree, ada: Caller
) -> None:
    chef = await custom.create(ada, **CHEF)
    turn = await assistant.start(ada, content="Leeks?", model=None, mention=chef.id)
    await written(assistant, engine, ada, turn)
    conversation = turn.conversation.id
    edited = await assistant.send(
        ada, conversation, content="Onions?", parent_id=None, model=None, mention=chef.id
    )
    await written(assistant, engine, ada, edited)
    copy = await tree.duplicate(ada, conversation)
    _, messages = await assistant.conversation(ada, copy.id)
    assert [message.assistant_id for message in messages] == [chef.id] * 4
