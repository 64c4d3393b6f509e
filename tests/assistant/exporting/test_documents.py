"""One conversation as a file: the whole tree for programs, the branch that is shown for people."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from causette.accounts import Caller
from causette.assistant.assistants.service import CustomAssistants
from causette.assistant.exporting.naming import attachment, file_stem
from causette.assistant.exporting.service import Exporting
from causette.assistant.service import Assistant
from causette.assistant.store import AssistantStore
from causette.assistant.tables import messages
from causette.assistant.tree.service import Tree
from causette.db import Database
from causette.errors import NotFound
from tests.assistant.conftest import Process, read_to_end
from tests.assistant.test_tree import said
from tests.house import open_house
from tests.waiting import eventually


@pytest.fixture
def exporting(database: Database, assistant: Assistant, custom: CustomAssistants) -> Exporting:
    return Exporting(database, assistant, custom)


async def text(made: object) -> str:
    _, pieces = made  # pyright: ignore[reportGeneralTypeIssues]
    return b"".join([piece async for piece in pieces]).decode()


async def test_json_has_the_whole_tree_parents_first(
    exporting: Exporting, store: AssistantStore, tree: Tree, ada: Caller
) -> None:
    question, reply = await said(store, ada, "Capital of Australia?", "Sydney.")
    _, correction = await tree.correct(ada, reply.id, "Canberra.")
    later, last = await said(store, ada, "Since?", "1927.", after=correction)
    document = json.loads(await text(await exporting.json(ada, question.conversation_id)))
    assert (document["format"], document["version"]) == ("causette.conversation", 1)
    assert document["conversation"]["current_message_id"] == last.id
    assert (document["conversation"]["project"], document["conversation"]["pinned"]) == (None, False)
    assert [(node["id"], node["parent_id"], node["content"]) for node in document["messages"]] == [
        (question.id, None, "Capital of Australia?"),
        (reply.id, question.id, "Sydney."),
        (correction.id, question.id, "Canberra."),
        (later.id, correction.id, "Since?"),
        (last.id, later.id, "1927."),
    ]
    assert document["messages"][2]["corrects_id"] == reply.id
    assert "corrects_id" not in document["messages"][1]


async def test_markdown_has_the_branch_that_is_shown_in_the_readers_language(
    exporting: Exporting, store: AssistantStore, tree: Tree, ada: Caller
) -> None:
    question, reply = await said(store, ada, "Capitale ?", "Sydney.")
    _, correction = await tree.correct(ada, reply.id, "Canberra.")
    await said(store, ada, "Depuis ?", "1927.", after=correction)
    await store.change_conversation(question.conversation_id, {"current_message_id": question.id})
    assert await text(await exporting.markdown(ada, question.conversation_id, "fr")) == (
        "# Capitale ?\n\n**Vous**\n\nCapitale ?\n\n---\n\n**Assistant (scripted)**\n\nCanberra.\n"
        "\n---\n\n**Vous**\n\nDepuis ?\n\n---\n\n**Assistant (scripted)**\n\n1927.\n"
    )


async def test_it_says_to_whom_a_message_was_said_for_as_long_as_one_may_use_them(
    exporting: Exporting, here: Process, custom: CustomAssistants, ada: Caller
) -> None:
    chef = await custom.create(ada, name="Chef *")
    turn = await here.assistant.start(ada, content="Leeks?", model=None, mention=chef.id)
    call = await here.engine.called()
    call.say("Boil them.")
    call.end()
    await read_to_end(here.assistant, ada, turn.generation.id)
    conversation = turn.conversation.id
    document = json.loads(await text(await exporting.json(ada, conversation)))
    assert [node["assistant_id"] for node in document["messages"]] == [chef.id, chef.id]
    shown = "# Leeks?\n\n**You{}**\n\nLeeks?\n\n---\n\n**{} (scripted)**\n\nBoil them.\n"
    made = await text(await exporting.markdown(ada, conversation, "en"))
    assert made == shown.format(" → Chef \\*", "Chef \\*")
    await custom.delete(ada, chef.id)
    made = await text(await exporting.markdown(ada, conversation, "en"))
    assert made == shown.format("", "Assistant")


async def test_a_reply_being_written_is_exported_as_far_as_it_is(
    exporting: Exporting, here: Process, ada: Caller
) -> None:
    turn = await here.assistant.start(ada, content="Hello", model=None)
    (await here.engine.called()).say("Half a")

    async def half() -> bool:
        return await here.assistant.written(turn.generation.id) == "Half a"

    await eventually(half, "half a reply")
    document = json.loads(await text(await exporting.json(ada, turn.conversation.id)))
    assert (document["messages"][1]["status"], document["messages"][1]["content"]) == ("stopped", "Half a")


async def test_strangers_export_nothing(
    exporting: Exporting, store: AssistantStore, ada: Caller, bob: Caller
) -> None:
    question, _ = await said(store, ada, "Hello", "Hi.")
    with pytest.raises(NotFound):
        await exporting.json(bob, question.conversation_id)
    with pytest.raises(NotFound):
        await exporting.markdown(bob, question.conversation_id, "en")


@pytest.mark.parametrize(
    ("title", "stem"),
    [
        ("../../etc/passwd\n", ".. etc passwd"),
        ("Où est l’été ?", "Où est l été"),
        ("…", "conversation"),
        ("a" * 200, "a" * 80),
    ],
)
def test_a_title_becomes_a_name_that_is_safe_everywhere(title: str, stem: str) -> None:
    assert file_stem(title) == stem.strip(" .")
    assert "\n" not in attachment(file_stem(title))


async def test_over_http_it_is_a_file_with_a_name(tmp_path: Path) -> None:
    async with open_house(tmp_path) as opened:
        ada = await opened.person("ada")
        opened.engine.answer = "Salut."
        turn = await opened.house.assistant.start(ada.caller, content="Où est l'été ?", model=None)
        async for _ in opened.house.assistant.events(turn.generation, 0):
            pass
        path = f"/api/conversations/{turn.conversation.id}/export"
        answer = await opened.client.get(f"{path}?format=markdown", headers=ada.cookie)
        assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
        assert answer.headers["content-disposition"] == (
            "attachment; filename=\"Ou est l'ete.md\"; filename*=UTF-8''O%C3%B9%20est%20l%27%C3%A9t%C3%A9.md"
        )
        assert "Salut." in answer.text
        assert (await opened.client.get(path, headers=ada.cookie)).json()["messages"][1][
            "content"
        ] == "Salut."


async def test_documents_name_what_is_attached(
    exporting: Exporting, store: AssistantStore, database: Database, ada: Caller
) -> None:
    question, _ = await said(store, ada, "What is this?", "A harbour.")
    attached = {
        "id": "file_1",
        "name": "har_bour*.png",
        "media_type": "image/png",
        "kind": "image",
        "size": 9,
        "sha256": "ab",
        "width": 1,
        "height": 1,
    }
    async with database.write() as connection:
        query = sa.update(messages).where(messages.c.id == question.id)
        await connection.execute(query.values(attachments=[attached]))
    document = json.loads(await text(await exporting.json(ada, question.conversation_id)))
    assert [node.get("attachments") for node in document["messages"]] == [
        [{name: attached[name] for name in ("id", "name", "media_type", "kind", "size")}],
        None,
    ]
    shown = await text(await exporting.markdown(ada, question.conversation_id, "en"))
    assert "**You**\n\n*Attached: har\\_bour\\*.png*\n\nWhat is this?\n" in shown
