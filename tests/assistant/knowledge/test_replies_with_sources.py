"""From an upload to a reply that cites it, through the whole house; and what is cited stays what it was."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest_asyncio

from causette.accounts import Caller
from causette.assistant.generation.parts import Sources, Story
from causette.assistant.generation.preface import Asking, Piece
from causette.assistant.knowledge.types import Source
from causette.assistant.types import EventType
from causette.errors import Unavailable
from tests.assistant.conftest import Process, read_to_end
from tests.house import OpenHouse, Person, open_house
from tests.scripted import ScriptedEngine
from tests.waiting import eventually

FILLER = "The harbour office keeps a ledger of ropes, lamps and paint. " * 12
HANDBOOK = (
    "# Handbook\n\n"
    + "".join(f"## Chapter {number}\n\n{FILLER}\n\n" for number in range(20))
    + "## Cranes\n\nThe western crane was repaired in March by the Lindqvist brothers.\n"
)


@pytest_asyncio.fixture
async def opened(tmp_path: Path) -> AsyncGenerator[OpenHouse]:
    async with open_house(tmp_path) as opened:
        yield opened


async def upload(opened: OpenHouse, person: Person, name: str, text: str, **more: str) -> str:
    params = {"name": name, **more}
    answer = await opened.client.post(
        "/api/files", params=params, content=text.encode(), headers=person.cookie
    )
    assert answer.status_code == 201, answer.text
    file_id: str = answer.json()["id"]

    async def searched() -> bool:
        found = await opened.client.get("/api/knowledge", params={"file": file_id}, headers=person.cookie)
        return [item["status"] for item in found.json()["items"]] == ["ready"]

    await eventually(searched, f"{name} to be searched", seconds=60)
    return file_id


async def test_a_reply_cites_what_is_attached_and_the_passage_opens(opened: OpenHouse) -> None:
    ada, bob = await opened.person("ada"), await opened.person("bob")
    file_id = await upload(opened, ada, "handbook.md", HANDBOOK)
    body = {"content": "Who repaired the western crane?", "files": [file_id]}
    answer = await opened.client.post("/api/conversations", json=body, headers=ada.cookie)
    call = await opened.engine.called()
    system = call.turns[0][1]
    assert "Lindqvist brothers" in system
    assert system.count("<passage number=") <= 5
    call.say("The Lindqvist brothers [1].")
    call.end()
    message = await _written(opened, ada, answer.json())
    (part,) = [part for part in message["parts"] if part["type"] == "sources"]
    (source, *_) = part["items"]
    assert (source["n"], source["title"], source["headings"]) == (1, "handbook.md", ["Handbook", "Cranes"])
    path = f"/api/knowledge/{file_id}"
    params = {"around": source["passage"], "conversation_id": message["conversation_id"]}
    excerpt = (await opened.client.get(path, params=params, headers=ada.cookie)).json()
    (cited,) = [each for each in excerpt["passages"] if each["number"] == source["passage"]]
    assert "Lindqvist" in cited["text"]
    assert (cited["start"], cited["end"]) == (source["start"], source["end"])
    assert (await opened.client.get(path, params=params, headers=bob.cookie)).status_code == 404


async def test_a_projects_files_answer_in_its_conversations_only(opened: OpenHouse) -> None:
    ada = await opened.person("ada")
    project = await opened.house.projects.create(ada.caller, name="Harbour")
    await upload(opened, ada, "handbook.md", HANDBOOK, project=project.id)
    for where, expected in (({"project_id": project.id}, True), ({}, False)):
        body = {"content": "Who repaired the western crane?", **where}
        await opened.client.post("/api/conversations", json=body, headers=ada.cookie)
        call = await opened.engine.called()
        assert ("Lindqvist" in call.turns[0][1]) is expected
        call.end()


async def test_an_assistants_files_answer_whom_it_is_shared_with_for_as_long_as_it_is(
    opened: OpenHouse,
) -> None:
    ada, bob = await opened.person("ada"), await opened.person("bob")
    custom = opened.house.custom_assistants
    made = await custom.create(ada.caller, name="Harbour master", sharing="everybody")
    file_id = await upload(opened, ada, "handbook.md", HANDBOOK, assistant=made.id)
    body = {"content": "Who repaired the western crane?", "assistant_id": made.id}
    turn = (await opened.client.post("/api/conversations", json=body, headers=bob.cookie)).json()
    call = await opened.engine.called()
    assert "Lindqvist brothers" in call.turns[0][1]
    call.say("The Lindqvist brothers [1].")
    call.end()
    message = await _written(opened, bob, turn)
    (part,) = [part for part in message["parts"] if part["type"] == "sources"]
    source = part["items"][0]
    assert (source["file_id"], source["title"]) == (file_id, "handbook.md")

    # Who talks with it opens what was cited, in that conversation and nowhere else; nobody else opens anything.
    path, conversation = f"/api/knowledge/{file_id}", turn["conversation"]["id"]
    here = {"around": source["passage"], "conversation_id": conversation}
    opening = await opened.client.get(path, params=here, headers=bob.cookie)
    assert any("Lindqvist" in each["text"] for each in opening.json()["passages"])
    eve = await opened.person("eve")
    plain = await opened.client.post("/api/conversations", json={"content": "Hello"}, headers=bob.cookie)
    (await opened.engine.called()).end()
    elsewhere = {"conversation_id": plain.json()["conversation"]["id"]}
    for person, params in ((bob, {}), (bob, elsewhere), (eve, here), (eve, {})):
        refused = await opened.client.get(path, params=params, headers=person.cookie)
        assert refused.status_code == 404
    assert (await opened.client.post(f"{path}/retry", headers=bob.cookie)).status_code == 404
    states = await opened.client.get("/api/knowledge", params={"file": file_id}, headers=bob.cookie)
    assert states.json()["items"] == []

    # Not shared any more, it is read no more: neither by the next reply nor by who opens what was cited.
    await custom.change(ada.caller, made.id, sharing="private")
    assert (await opened.client.get(path, params=here, headers=bob.cookie)).status_code == 404
    asked = {"content": "Which brothers repaired the western crane?", "parent_id": message["id"]}
    await opened.client.post(f"/api/conversations/{conversation}/messages", json=asked, headers=bob.cookie)
    call = await opened.engine.called()
    assert not any("passage number" in text for _, text in call.turns)
    call.end()


async def test_a_mentioned_assistants_files_answer_that_message_alone(opened: OpenHouse) -> None:
    ada, bob = await opened.person("ada"), await opened.person("bob")
    custom = opened.house.custom_assistants
    host = await custom.create(bob.caller, name="Host")
    await upload(opened, bob, "welcome.md", HANDBOOK.replace("Lindqvist", "Moreau"), assistant=host.id)
    made = await custom.create(ada.caller, name="Harbour master", sharing="everybody")
    file_id = await upload(opened, ada, "handbook.md", HANDBOOK, assistant=made.id)
    asked = {"content": "Who repaired the western crane?"}
    begun = await opened.client.post(
        "/api/conversations",
        json=asked | {"assistant_id": host.id, "mention": made.id},
        headers=bob.cookie,
    )
    call = await opened.engine.called()
    assert ("Lindqvist" in call.turns[0][1], "Moreau" in call.turns[0][1]) == (True, False)
    call.end()
    message = await _written(opened, bob, begun.json())
    conversation = message["conversation_id"]
    path = f"/api/conversations/{conversation}/messages"
    await opened.client.post(path, json=asked | {"parent_id": message["id"]}, headers=bob.cookie)
    call = await opened.engine.called()
    assert ("Lindqvist" in call.turns[0][1], "Moreau" in call.turns[0][1]) == (False, True)
    call.end()
    # What the mentioned one was given is opened in this conversation, for as long as it is shared.
    opening = {"conversation_id": conversation}
    path = f"/api/knowledge/{file_id}"
    assert (await opened.client.get(path, params=opening, headers=bob.cookie)).status_code == 200
    await custom.change(ada.caller, made.id, sharing="private")
    assert (await opened.client.get(path, params=opening, headers=bob.cookie)).status_code == 404


async def test_what_is_taken_from_an_assistant_answers_no_more(opened: OpenHouse) -> None:
    ada = await opened.person("ada")
    made = await opened.house.custom_assistants.create(ada.caller, name="Harbour master")
    file_id = await upload(opened, ada, "handbook.md", HANDBOOK, assistant=made.id)
    taken = await opened.client.patch(
        f"/api/files/{file_id}", json={"assistant_id": None}, headers=ada.cookie
    )
    assert taken.status_code == 200
    body = {"content": "Who repaired the western crane?", "assistant_id": made.id}
    await opened.client.post("/api/conversations", json=body, headers=ada.cookie)
    call = await opened.engine.called()
    assert "Lindqvist" not in call.turns[0][1]
    call.end()


async def _written(opened: OpenHouse, person: Person, turn: dict[str, Any]) -> dict[str, Any]:
    conversation = turn["conversation"]["id"]

    async def complete() -> dict[str, Any] | None:
        found = await opened.client.get(f"/api/conversations/{conversation}", headers=person.cookie)
        last = found.json()["messages"][-1]
        return last if last["status"] == "complete" else None

    found = await eventually(complete, "the reply")
    assert found is not None
    return found


def passage(number: int) -> Source:
    return Source(n=number, file_id="file_1", title="a.md", passage=number, start=0, end=5)


async def test_what_a_reply_was_given_is_in_its_log_once_and_stays(here: Process, ada: Caller) -> None:
    told: list[Asking] = []

    async def source(asking: Asking) -> list[Piece]:
        told.append(asking)
        numbers = (1, 2) if asking.cited is None else [source.n for source in asking.cited]
        return [Piece("knowledge", f"passage {number}", passage(number)) for number in numbers]

    here.assistant.writers.means.sources.append(source)
    turn = await here.assistant.start(ada, content="Which?", model=None)
    call = await here.engine.called()
    call.say("The first")
    call.fail(Unavailable("The engine was lost.", code="engine_lost", retry_after=0.01))
    again = await here.engine.called()
    again.say(" [1].")
    again.end()
    events = await read_to_end(here.assistant, ada, turn.generation.id)
    assert [event.type for event in events].count(EventType.SOURCES) == 1
    story = Story(events)
    assert isinstance(story.parts[0], Sources)
    assert [source.n for source in story.sources] == [1, 2]
    assert (story.text, story.last_source) == ("The first [1].", 2)
    assert [asking.cited for asking in told] == [None]
    _, nodes = await here.assistant.conversation(ada, turn.conversation.id)
    assert nodes[-1].parts is not None
    assert [item["n"] for item in json.loads(json.dumps(nodes[-1].parts))[0]["items"]] == [1, 2]


async def test_what_has_no_room_is_not_cited(here: Process, ada: Caller) -> None:
    async def source(asking: Asking) -> list[Piece]:
        return [Piece("knowledge", "word " * 900, passage(number)) for number in (1, 2, 3)]

    here.assistant.writers.means.sources.append(source)
    turn = await here.assistant.start(ada, content="Which?", model=None)
    engine: ScriptedEngine = here.engine
    (await engine.called()).end()
    story = Story(await read_to_end(here.assistant, ada, turn.generation.id))
    assert [source.n for source in story.sources] == [1]
