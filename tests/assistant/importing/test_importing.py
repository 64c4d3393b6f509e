"""Bringing an archive, choosing of it, and what is in the account afterwards: once, however often it is done."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
import pytest_asyncio
import sqlalchemy as sa

from causette.accounts import Accounts, Caller
from causette.assistant.exporting.service import Exporting
from causette.assistant.feedback.service import FeedbackRoom
from causette.assistant.feedback.types import CONSENT_VERSION
from causette.assistant.files.service import Files
from causette.assistant.files.types import File
from causette.assistant.importing.records import Import, ImportStatus, Report
from causette.assistant.importing.service import Choice, Importing
from causette.assistant.importing.store import ImportStore
from causette.assistant.instructions.service import CustomInstructions
from causette.assistant.memory.service import Memories
from causette.assistant.tables import messages
from causette.assistant.types import Conversation, Message
from causette.blobs import Blobs, FolderBucket
from causette.clock import utc_now
from causette.db import Database
from causette.errors import Conflict, InvalidRequest, NotFound
from causette.jobs import Jobs
from tests.assistant.conftest import Process, read_to_end
from tests.assistant.files.samples import png
from tests.assistant.importing import samples
from tests.assistant.test_tree import said
from tests.house import open_house
from tests.scripted import deployments_of
from tests.waiting import eventually

ALL = Choice()


@dataclass(frozen=True, slots=True)
class Room:
    importing: Importing
    jobs: Jobs
    folder: Path
    files: Files
    blobs: Blobs
    memories: Memories

    async def bring(self, caller: Caller, content: bytes, name: str = "archive.zip") -> Import:
        """Until it has been read."""
        record = await self.importing.receive(caller, name, portions(content))
        return await self.until(caller, record.id, ImportStatus.READY, ImportStatus.FAILED)

    async def take_in(self, caller: Caller, content: bytes, choice: Choice = ALL) -> Import:
        """Until what was chosen of it is imported."""
        record = await self.bring(caller, content)
        assert record.status is ImportStatus.READY, record.error
        await self.importing.start(caller, record.id, choice)
        return await self.until(caller, record.id, ImportStatus.DONE)

    async def until(self, caller: Caller, import_id: str, *statuses: ImportStatus) -> Import:
        async def there() -> Import | None:
            record = await self.importing.find(caller, import_id)
            return record if record.status in statuses else None

        found = await eventually(there, f"an import that is {statuses}", seconds=60)
        assert found is not None
        return found


async def portions(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 1000):
        yield content[start : start + 1000]


@asynccontextmanager
async def open_room(
    database: Database,
    here: Process,
    accounts: Accounts,
    folder: Path,
    *,
    work: bool = True,
    largest: int = 1_000_000,
    together: int = 10_000_000,
) -> AsyncGenerator[Room]:
    jobs = Jobs(database, lease=timedelta(seconds=2))
    blobs = Blobs(database, FolderBucket(folder.parent / "blobs"), folder.parent / "incoming")
    files = Files(
        database,
        blobs,
        jobs,
        here.projects,
        here.custom,
        here.plans.entitlements,
        largest=largest,
        together=together,
    )
    memories = Memories(database, here.gateway)
    importing = Importing(
        database,
        jobs=jobs,
        projects=here.projects,
        assistants=here.custom,
        instructions=CustomInstructions(database),
        files=files,
        memories=memories,
        deployments=deployments_of(here.engine),
        caller_of=accounts.caller_of,
        folder=folder,
    )
    jobs.open(1 if work else 0)
    yield Room(importing, jobs, folder, files, blobs, memories)
    await jobs.close()


@pytest_asyncio.fixture
async def room(database: Database, here: Process, accounts: Accounts, tmp_path: Path) -> AsyncGenerator[Room]:
    async with open_room(database, here, accounts, tmp_path / "imports") as room:
        yield room


async def all_of(here: Process, caller: Caller) -> dict[str, tuple[Conversation, list[Message]]]:
    page = await here.assistant.conversations(caller, limit=100, before=None, scope="everything")
    return {item.title: await here.assistant.conversation(caller, item.id) for item in page.items}


async def test_what_was_chosen_is_there_with_its_branches_times_and_place(
    room: Room, here: Process, ada: Caller
) -> None:
    done = await room.take_in(ada, samples.chatgpt(), Choice(instructions=True))
    assert done.report is not None
    assert [trouble["place"].partition(" (")[0] for trouble in done.report.troubles] == [
        "shared_conversations.json",
        "conversations.json, conversation 3",
    ]
    assert replace(done.report, troubles=[]) == Report(
        added=2, messages=8, projects=1, instructions=True, files=1, trouble_count=2
    )
    found = await all_of(here, ada)
    soup, nodes = found["Soupe à l’oignon"]
    words = {node.id: node.content for node in nodes}
    assert [(node.content, words.get(node.parent_id or "")) for node in nodes] == [
        ("Onion soup?", None),
        ("Take onions.", "Onion soup?"),
        ("Take eight onions.", "Onion soup?"),
        ("Leek soup?", None),
        ("Take leeks.", "Leek soup?"),
    ]
    assert words[soup.current_message_id or ""] == "Take leeks."
    assert (soup.created_at.timestamp(), soup.updated_at.timestamp()) == (samples.BEGAN, samples.BEGAN + 100)
    assert (soup.pinned, soup.archived, soup.model) == (True, False, "scripted")
    assert nodes[2].model == "gpt-4o"
    (project,) = await here.projects.list(ada)
    assert soup.project_id == project.id
    turn, (_, reply, _) = found["Maillard"]
    assert turn.archived
    assert reply.parts is not None
    assert [part["type"] for part in reply.parts] == ["thinking", "tool"]
    told = await CustomInstructions(here.store._database).of(ada)  # pyright: ignore[reportPrivateUsage]
    assert told.about == "I cook for four."
    assert list(room.folder.iterdir()) == []


async def test_a_reply_can_be_had_in_an_imported_conversation(room: Room, here: Process, ada: Caller) -> None:
    await room.take_in(ada, samples.claude())
    conversation, nodes = (await all_of(here, ada))["A pendulum"]
    here.engine.answer = "It swings."
    turn = await here.assistant.send(
        ada, conversation.id, content="And now?", parent_id=conversation.current_message_id, model=None
    )
    async for _ in here.assistant.events(turn.generation, 0):
        pass
    after = (await here.assistant.conversation(ada, conversation.id))[1]
    assert [node.content for node in after[len(nodes) :]] == ["And now?", "It swings."]


async def test_the_same_archive_twice_makes_no_duplicates_and_a_newer_one_adds_what_is_new(
    room: Room, here: Process, ada: Caller, bob: Caller
) -> None:
    first = samples.zipped({"conversations.json": [samples.gpt_branches()]})
    await room.take_in(ada, first)
    before = await all_of(here, ada)
    again = await room.take_in(ada, first)
    assert again.report is not None
    assert (again.report.added, again.report.unchanged, again.report.messages) == (0, 1, 0)
    assert await all_of(here, ada) == before
    newer = samples.gpt_branches()
    newer["mapping"]["q3"] = samples.gpt_node("q3", "a3", "user", "And salt?", at=6)
    newer["mapping"]["a4"] = samples.gpt_node("a4", "q3", "assistant", "A pinch.", at=7)
    newer["current_node"] = "a4"
    extended = await room.take_in(ada, samples.zipped({"conversations.json": [newer]}))
    assert extended.report is not None
    assert (extended.report.extended, extended.report.messages) == (1, 2)
    soup, nodes = (await all_of(here, ada))["Soupe à l’oignon"]
    assert [node.content for node in nodes][-2:] == ["And salt?", "A pinch."]
    assert soup.current_message_id == nodes[-1].id
    theirs = await room.take_in(bob, first)
    assert theirs.report is not None and theirs.report.added == 1
    assert not set(await all_of(here, bob)) ^ set(await all_of(here, ada))


async def test_what_was_exported_here_comes_back_whole_in_another_account(
    room: Room, here: Process, database: Database, ada: Caller, bob: Caller
) -> None:
    question, reply = await said(here.store, ada, "Capital of Australia?", "Sydney.")
    await here.tree.correct(ada, reply.id, "Canberra.")
    exporting = Exporting(database, here.assistant, here.custom)
    _, pieces = await exporting.json(ada, question.conversation_id)
    document = b"".join([piece async for piece in pieces])
    record = await room.bring(bob, document, "capital.json")
    assert record.source == "causette"
    await room.importing.start(bob, record.id, Choice())
    await room.until(bob, record.id, ImportStatus.DONE)
    copy, nodes = (await all_of(here, bob))["Capital of Australia?"]
    original, theirs = await here.assistant.conversation(ada, question.conversation_id)
    assert [(node.content, node.role, node.model, node.created_at) for node in nodes] == [
        (node.content, node.role, node.model, node.created_at) for node in theirs
    ]
    assert nodes[2].corrects_id == nodes[1].id
    assert copy.current_message_id == nodes[2].id
    assert copy.updated_at == original.updated_at
    mine = await room.take_in(ada, document)
    assert mine.report is not None and (mine.report.added, mine.report.unchanged) == (0, 1)


async def test_whom_messages_are_said_to_comes_back_where_the_importer_may_use_it(
    room: Room, here: Process, database: Database, ada: Caller, bob: Caller
) -> None:
    shared = await here.custom.create(ada, name="Chef", sharing="everybody")
    secret = await here.custom.create(ada, name="Doctor")
    exporting = Exporting(database, here.assistant, here.custom)
    for custom, words in ((shared, "Leeks?"), (secret, "Coughs?")):
        turn = await here.assistant.start(ada, content=words, model=None, mention=custom.id)
        (await here.engine.called()).end()
        await read_to_end(here.assistant, ada, turn.generation.id)
        _, pieces = await exporting.json(ada, turn.conversation.id)
        await room.take_in(bob, b"".join([piece async for piece in pieces]))
    brought = await all_of(here, bob)
    by_title = {title: [node.assistant_id for node in nodes] for title, (_, nodes) in brought.items()}
    assert by_title == {"Leeks?": [shared.id] * 2, "Coughs?": [None] * 2}


async def test_parts_that_are_not_chosen_stay_away(room: Room, here: Process, ada: Caller) -> None:
    record = await room.take_in(ada, samples.claude(), Choice(conversations=False))
    assert record.report is not None and (record.report.added, record.report.projects) == (0, 1)
    assert await all_of(here, ada) == {}
    assert [project.instructions for project in await here.projects.list(ada)] == ["Use SI units."]


async def test_a_killed_import_is_gone_on_with_and_nothing_is_there_twice(
    database: Database, here: Process, accounts: Accounts, tmp_path: Path, ada: Caller
) -> None:
    many = [
        samples.gpt_conversation(
            f"conversation-{number}",
            f"Number {number}",
            [
                samples.gpt_node(f"{number}-q", None, "user", f"Question {number}", at=1),
                samples.gpt_node(f"{number}-a", f"{number}-q", "assistant", f"Answer {number}", at=2),
            ],
        )
        for number in range(60)
    ]
    folder = tmp_path / "imports"
    async with open_room(database, here, accounts, folder) as first:
        record = await first.bring(ada, samples.zipped({"conversations.json": many}))
        await first.importing.start(ada, record.id, Choice())

        async def some() -> bool:
            return len(await all_of(here, ada)) >= 5

        await eventually(some, "a few conversations", seconds=30)
        # As SIGKILL would: every task ends where it is, and nobody is told.
        for task in asyncio.all_tasks():
            if task.get_name() == "jobs" or task.get_name().startswith("job "):
                task.cancel()
    async with open_room(database, here, accounts, folder) as second:
        await second.until(ada, record.id, ImportStatus.DONE)
    assert len(await all_of(here, ada)) == 60
    async with database.read() as connection:
        count = sa.select(sa.func.count()).select_from(messages)
        assert (await connection.execute(count)).scalar_one() == 120


async def test_what_is_no_export_fails_with_the_reason_and_leaves_no_file(room: Room, ada: Caller) -> None:
    record = await room.bring(ada, b"%PDF-1.7", "report.pdf")
    assert record.status is ImportStatus.FAILED
    assert record.error is not None and record.error.startswith("report.pdf is no export that is known here.")
    assert list(room.folder.iterdir()) == []
    with pytest.raises(InvalidRequest):
        await room.importing.receive(ada, "empty.zip", portions(b""))
    assert list(room.folder.iterdir()) == []
    with pytest.raises(Conflict) as caught:
        await room.importing.start(ada, record.id, Choice())
    assert caught.value.code == "import_not_ready"


async def test_strangers_reach_no_import_and_a_deleted_one_is_gone(
    room: Room, ada: Caller, bob: Caller
) -> None:
    record = await room.bring(ada, samples.open_webui(), "chats.json")
    assert record.contents is not None and record.contents.source == "open_webui"
    for act in (
        room.importing.find(bob, record.id),
        room.importing.start(bob, record.id, Choice()),
        room.importing.delete(bob, record.id),
    ):
        with pytest.raises(NotFound):
            await act
    assert await room.importing.list(bob) == []
    await room.importing.delete(ada, record.id)
    assert list(room.folder.iterdir()) == []
    assert await room.importing.list(ada) == []


async def test_over_http_an_archive_that_is_larger_than_other_bodies_is_taken(tmp_path: Path) -> None:
    async with open_house(tmp_path) as opened:
        ada = await opened.person("ada")
        body = samples.zipped(
            {"conversations.json": [samples.gpt_turn()], "voice.wav": Random(1).randbytes(9 << 20)}
        )
        answer = await opened.client.post("/api/imports?name=big.zip", content=body, headers=ada.cookie)
        assert answer.status_code == 201, answer.text
        found = answer.json()
        assert (found["name"], found["size"], found["status"]) == ("big.zip", len(body), "reading")
        job = await opened.client.get(f"/api/jobs/{found['job_id']}", headers=ada.cookie)
        assert job.json()["kind"] == "import.read"


# Files

PICTURE = png()


async def names_of(room: Room, caller: Caller) -> list[str]:
    return sorted(file.name for file in await room.files.page(caller, limit=200))


async def bytes_of(room: Room, file: File) -> bytes:
    return b"".join([portion async for portion in room.files.content(file)])


def kept(room: Room) -> list[bytes]:
    """What lies in the blob store."""
    folder = room.folder.parent / "blobs"
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


async def test_pictures_and_files_come_along_with_their_messages_each_once(
    room: Room, here: Process, ada: Caller, bob: Caller
) -> None:
    done = await room.take_in(ada, samples.chatgpt_with_files(PICTURE))
    assert done.report is not None
    assert (done.report.files, done.report.ratings) == (4, 1)
    assert "the file lost.pdf is not in the archive" in [each["reason"] for each in done.report.troubles]
    _, (question, reply, again) = (await all_of(here, ada))["A garden"]
    assert [each["name"] for each in question.attachments or []] == ["garden.png", "plan.md"]
    assert [each["kind"] for each in reply.attachments or []] == ["image", "image"]
    # The same picture under another id of theirs is the same file here.
    assert again.attachments == (question.attachments or [])[:1]
    assert again.content == ""
    picture = await room.files.find(ada, str((question.attachments or [])[0]["id"]))
    assert (picture.media_type, await bytes_of(room, picture)) == ("image/png", PICTURE)
    assert await room.files.uses([picture]) == {picture.id: [(question.conversation_id, "A garden")]}
    assert kept(room).count(PICTURE) == 1
    with pytest.raises(NotFound):
        await room.files.find(bob, picture.id)

    before = await names_of(room, ada)
    repeated = await room.take_in(ada, samples.chatgpt_with_files(PICTURE))
    assert repeated.report is not None and repeated.report.files == 0
    assert await names_of(room, ada) == before


async def test_what_was_said_of_replies_is_kept_without_a_consent(
    room: Room, here: Process, database: Database, ada: Caller
) -> None:
    feedback = FeedbackRoom(database, here.assistant)
    await feedback.answer(ada, given=True, version=CONSENT_VERSION)
    await room.take_in(ada, samples.chatgpt_with_files())
    conversation, (_, reply, _) = (await all_of(here, ada))["A garden"]
    (said_of_it,) = await feedback.of_conversation(ada, conversation.id)
    assert (said_of_it.message_id, said_of_it.rating, said_of_it.comment) == (
        reply.id,
        "down",
        "This isn't true\nThey are peonies.",
    )
    assert said_of_it.consent_id is None


async def test_projects_bring_their_documents_and_memories_what_is_no_secret(
    room: Room, here: Process, ada: Caller
) -> None:
    first = await room.take_in(ada, samples.claude())
    assert first.report is not None
    assert (first.report.projects, first.report.memories, first.report.files) == (1, 2, 3)
    (project,) = await here.projects.list(ada)
    (document,) = await room.files.page(ada, limit=10, project_id=project.id)
    assert (document.name, await bytes_of(room, document)) == ("si.md", b"# SI")
    told = [memory.text for memory in await room.memories.kept_of(ada)]
    assert any(text.startswith("Ada likes physics.") for text in told)
    reasons = [each["reason"] for each in first.report.troubles]
    assert "a memory speaks of a secret, and is left out" in reasons
    assert not any("swordfish" in text for text in (*told, *reasons))
    again = await room.take_in(ada, samples.claude())
    assert again.report is not None
    assert (again.report.projects, again.report.memories, again.report.files) == (0, 0, 0)


async def test_files_that_are_refused_are_named_and_their_messages_come_along(
    database: Database, here: Process, accounts: Accounts, tmp_path: Path, ada: Caller
) -> None:
    folder, largest = tmp_path / "imports", len(PICTURE) - 1
    async with open_room(database, here, accounts, folder, largest=largest) as room:
        done = await room.take_in(ada, samples.chatgpt_with_files(PICTURE))
    assert done.report is not None and done.report.messages == 3
    refused = [each["reason"] for each in done.report.troubles if "is larger than" in each["reason"]]
    assert [reason.partition(":")[0] for reason in refused] == ["garden.png", "image.png", "garden.png"]
    _, (question, _, again) = (await all_of(here, ada))["A garden"]
    assert [each["name"] for each in question.attachments or []] == ["plan.md"]
    assert (again.content, again.attachments) == ("[garden.png]", None)


async def test_files_that_are_not_chosen_stay_away(room: Room, here: Process, ada: Caller) -> None:
    await room.take_in(ada, samples.chatgpt_with_files(PICTURE), Choice(files=False))
    assert await names_of(room, ada) == []
    assert kept(room) == []
    _, (question, _, again) = (await all_of(here, ada))["A garden"]
    assert (question.attachments, again.content) == (None, "[garden.png]")


async def test_an_import_that_ends_between_bytes_and_message_leaves_nothing_behind(
    room: Room, database: Database, ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(ImportStore, "write_conversation", dies)
    record = await room.bring(ada, samples.chatgpt_with_files(PICTURE))
    await room.importing.start(ada, record.id, Choice())

    async def taken() -> bool:
        return PICTURE in kept(room)

    await eventually(taken, "the picture's bytes", seconds=30)
    await room.importing.delete(ada, record.id)
    assert await names_of(room, ada) == []

    async def gone() -> bool:
        # The job ends a moment after it is told to: what it took last is swept the next time. Ended before it had
        # noted the bytes, it leaves some that nobody knows, which are kept for a day.
        await room.blobs.sweep(now=utc_now() + timedelta(hours=25))
        return kept(room) == []

    await eventually(gone, "nothing of the archive", seconds=30)


async def test_open_webuis_pictures_are_in_its_document(room: Room, here: Process, ada: Caller) -> None:
    record = await room.bring(ada, samples.open_webui(), "chats.json")
    assert record.contents is not None
    assert (record.contents.pictures, record.contents.files) == (2, 1)
    await room.importing.start(ada, record.id, Choice())
    await room.until(ada, record.id, ImportStatus.DONE)
    _, (question, _, plotted) = (await all_of(here, ada))["Sums"]
    assert [each["name"] for each in question.attachments or []] == ["picture.png", "sums.pdf.txt"]
    assert plotted.content == "Five."
    assert plotted.attachments == (question.attachments or [])[:1]
