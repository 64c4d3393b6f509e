"""Everything as one archive: what is in it, that it comes back by an import, and how little memory it takes."""

import json
import tracemalloc
import zipfile
from pathlib import Path

import pytest
import sqlalchemy as sa

from causette.assistant.importing.archives import Archive
from causette.assistant.importing.reading import read, source_of
from causette.assistant.importing.types import ImportedConversation, ImportedInstructions, ImportedProject
from causette.assistant.store import AssistantStore
from causette.assistant.tables import conversations, messages
from causette.clock import utc_now
from causette.ids import new_id
from tests.assistant.files.samples import png
from tests.assistant.files.test_files import upload
from tests.assistant.test_tree import said
from tests.house import OpenHouse, Person, open_house
from tests.waiting import eventually


async def fetched(opened: OpenHouse, person: Person, folder: Path) -> Path:
    """The archive that a person asks for, when it is made."""
    path = "/api/exports/everything"
    assert (await opened.client.post(path, headers=person.cookie)).status_code == 202

    async def made() -> bool:
        state = (await opened.client.get(path, headers=person.cookie)).json()
        return state["job"]["status"] == "done" and state["archive"] is not None

    await eventually(made, "an archive", seconds=120)
    answer = await opened.client.get(f"{path}/file", headers=person.cookie)
    assert answer.headers["content-type"] == "application/zip"
    file = folder / "fetched.zip"
    file.write_bytes(answer.content)
    return file


async def test_it_has_all_conversations_and_what_else_is_kept_and_can_be_imported(tmp_path: Path) -> None:
    async with open_house(tmp_path) as opened:
        ada, bob = await opened.person("ada"), await opened.person("bob")
        store = AssistantStore(opened.house.database)
        first, reply = await said(store, ada.caller, "Capital of Australia?", "Sydney.")
        await opened.house.tree.correct(ada.caller, reply.id, "Canberra.")
        await said(store, ada.caller, "../../Où ?", "Ici.")
        await said(store, bob.caller, "A secret", "Yes.")
        await opened.house.projects.create(ada.caller, name="Kitchen", instructions="Metric units.")
        await opened.house.instructions.change(ada.caller, about="I cook.")
        file = await fetched(opened, ada, tmp_path)
        nobody = await opened.client.get("/api/exports/everything/file", headers=bob.cookie)
        assert nobody.status_code == 404
        with zipfile.ZipFile(file) as made:
            assert made.namelist() == [
                "README.txt",
                "account.json",
                "conversations/000001 Capital of Australia.json",
                "conversations/000002 Où.json",
            ]
            account = json.loads(made.read("account.json"))
            assert account["user"]["email"] == "ada@example.org"
            assert "conversations" not in account
            document = json.loads(made.read("conversations/000001 Capital of Australia.json"))
            assert document["conversation"]["id"] == first.conversation_id
            assert len(document["messages"]) == 3
        archive = Archive(file, "fetched.zip")
        items = list(read(archive, source_of(archive)))
        archive.close()
        assert [item.title for item in items if isinstance(item, ImportedConversation)] == [
            "Capital of Australia?",
            "../../Où ?",
        ]
        assert [item.instructions for item in items if isinstance(item, ImportedProject)] == ["Metric units."]
        assert [item.about for item in items if isinstance(item, ImportedInstructions)] == ["I cook."]


async def test_files_are_in_it_and_come_along_into_another_account(tmp_path: Path) -> None:
    picture = png(noise=3_000_000)
    async with open_house(tmp_path) as opened:
        ada, bob = await opened.person("ada"), await opened.person("bob")
        project = await opened.house.projects.create(ada.caller, name="Harbour")
        attached = await upload(opened, ada, "port.png", picture)
        await upload(opened, ada, "plan.md", b"# Plan", project=project.id)
        await upload(opened, bob, "theirs.md", b"# Secret")
        await opened.house.memories.write(ada.caller, "I sail.")
        opened.engine.answer = "A harbour."
        turn = await opened.house.assistant.start(
            ada.caller, content="What is this?", model=None, files=[attached["id"]]
        )
        async for _ in opened.house.assistant.events(turn.generation, 0):
            pass
        await opened.house.feedback.rate(ada.caller, turn.messages[-1].id, "up", comment="It is.")
        file = await fetched(opened, ada, tmp_path)
        with zipfile.ZipFile(file) as made:
            found = [name for name in made.namelist() if name.startswith("files/")]
            assert [name.partition(" ")[2] for name in found] == ["plan.md", "port.png"]
            assert made.read(found[1]) == picture

        brought = await opened.client.post(
            "/api/imports?name=everything.zip", content=file.read_bytes(), headers=bob.cookie
        )
        path = f"/api/imports/{brought.json()['id']}"

        async def is_in(status: str) -> bool:
            return (await opened.client.get(path, headers=bob.cookie)).json()["status"] == status

        await eventually(lambda: is_in("ready"), "an archive that was read", seconds=60)
        await opened.client.post(f"{path}/start", json={}, headers=bob.cookie)
        await eventually(lambda: is_in("done"), "an import", seconds=60)
        report = (await opened.client.get(path, headers=bob.cookie)).json()["report"]
        assert (report["files"], report["memories"], report["ratings"], report["troubles"]) == (2, 1, 1, [])
        (theirs,) = await opened.house.projects.list(bob.caller)
        files = await opened.house.files.page(bob.caller, limit=10)
        assert {(each.name, each.project_id) for each in files} == {
            ("port.png", None),
            ("plan.md", theirs.id),
            ("theirs.md", None),
        }


@pytest.mark.parametrize(("few", "many"), [(500, 5_000)])
async def test_memory_does_not_grow_with_the_messages(tmp_path: Path, few: int, many: int) -> None:
    async with open_house(tmp_path) as opened:
        peaks: list[int] = []
        everything = opened.house.everything
        for count in (few, many):
            person = await opened.person(f"person{count}")
            await talk(opened, person, count)
            tracemalloc.start()
            await everything.ask(person.caller)

            async def made(person: Person = person) -> bool:
                return everything.made(person.caller) is not None

            await eventually(made, "an archive", seconds=120)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
            found = everything.fetch(person.caller)
            with zipfile.ZipFile(found.path) as archive:
                (name,) = (name for name in archive.namelist() if name.startswith("conversations/"))
                assert len(json.loads(archive.read(name))["messages"]) == count
        # Ten times as many messages, of 4 kB each.
        assert peaks[1] < peaks[0] + (12 << 20)


async def talk(opened: OpenHouse, person: Person, count: int) -> None:
    """A long conversation of one branch."""
    now, conversation = utc_now(), new_id("conv")
    ids = [new_id("msg") for _ in range(count)]
    rows = [
        {
            "id": each,
            "conversation_id": conversation,
            "parent_id": ids[number - 1] if number else None,
            "role": "user" if number % 2 == 0 else "assistant",
            "content": f"{number} " * 1000,
            "status": "complete",
            "created_at": now,
        }
        for number, each in enumerate(ids)
    ]
    async with opened.house.database.write() as connection:
        await connection.execute(
            sa.insert(conversations).values(
                id=conversation,
                owner_id=person.caller.user.id,
                title="Long",
                title_is_given=True,
                model="scripted",
                created_at=now,
                updated_at=now,
            )
        )
        await connection.execute(sa.insert(messages), rows)
