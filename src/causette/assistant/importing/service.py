"""Bringing an archive, looking what it has, and importing what was chosen of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final

import structlog

from causette.accounts.ownership import owned
from causette.accounts.types import Caller
from causette.assistant.assistants.service import CustomAssistants
from causette.assistant.files.service import MOST_ATTACHED, Files, attachment_of
from causette.assistant.files.types import File
from causette.assistant.importing.archives import Archive, unreadable
from causette.assistant.importing.reading import account_of, count, read, source_of
from causette.assistant.importing.records import Import, ImportStatus, Report
from causette.assistant.importing.rows import Rows, rows_of
from causette.assistant.importing.store import ImportStore
from causette.assistant.importing.taking import Taking
from causette.assistant.importing.types import (
    Contents,
    ImportedConversation,
    ImportedInstructions,
    ImportedMemory,
    ImportedProject,
    Item,
    Items,
    Source,
    Trouble,
)
from causette.assistant.instructions.service import LONGEST, CustomInstructions
from causette.assistant.memory.sayings import has_secret
from causette.assistant.memory.service import Memories
from causette.assistant.projects.service import Projects
from causette.clock import utc_now
from causette.db import Database
from causette.errors import CausetteError, Conflict, InvalidRequest, TooLarge
from causette.gateway import Deployments
from causette.ids import new_id
from causette.jobs import Jobs, Work

_log = structlog.get_logger(__name__)

#: Bytes of an archive, as it is sent.
MOST_BYTES: Final = 4 << 30
_MOST_UNFINISHED: Final = 3
# How long an archive waits for its owner's choice, and a report is kept.
_KEPT_FOR: Final = timedelta(days=7)
_SWEEP_SECONDS: Final = 3600.0
# Things that are read before anybody is told; conversations that are written between two signs of progress.
_READ_AT_ONCE: Final = 50
_WRITTEN_AT_ONCE: Final = 10
_SECONDS: Final = 6 * 3600.0
_LONGEST_INSTRUCTIONS: Final = 8_000
_LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What of an archive is to be imported."""

    conversations: bool = True
    projects: bool = True
    files: bool = True
    memories: bool = True
    instructions: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One import as it is carried out."""

    caller: Caller
    source: Source
    choice: Choice
    report: Report
    files: Taking


class Importing:
    """Imports, kept in ``database``; their archives are files in ``folder`` until they are done."""

    def __init__(
        self,
        database: Database,
        *,
        jobs: Jobs,
        projects: Projects,
        assistants: CustomAssistants,
        instructions: CustomInstructions,
        files: Files,
        memories: Memories,
        deployments: Deployments,
        caller_of: Callable[[str, str | None], Awaitable[Caller | None]],
        folder: Path,
    ) -> None:
        self._database = database
        self._store = ImportStore(database)
        self._jobs = jobs
        self._projects = projects
        self._assistants = assistants
        self._instructions = instructions
        self._files = files
        self._memories = memories
        self._deployments = deployments
        self._caller_of = caller_of
        self._folder = folder
        self._sweeper: asyncio.Task[None] | None = None
        jobs.handle("import.read", self._read, seconds=_SECONDS)
        jobs.handle("import", self._carry_out, seconds=_SECONDS)

    def open(self) -> None:
        """Begin to delete archives that nobody wants any more."""
        self._sweeper = asyncio.create_task(self._sweep(), name="old imports")

    async def close(self) -> None:
        """End."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)

    async def list(self, caller: Caller) -> list[Import]:
        """The caller's imports of the last days, the newest first."""
        return await self._store.of_owner(caller.user.id)

    async def find(self, caller: Caller, import_id: str) -> Import:
        """One of the caller's imports.

        Raises:
            NotFound: there is none with this id, or it is somebody else's.
        """
        return await owned(caller, import_id, self._store.find, what="import")

    async def receive(self, caller: Caller, name: str, content: AsyncIterator[bytes]) -> Import:
        """Take an archive in, as its bytes come, and begin to look what it has.

        Raises:
            TooLarge: it has more than four gibibytes.
            Conflict: the caller has three that are not finished (``too_many_imports``).
            InvalidRequest: it is empty.
        """
        unfinished = [
            each
            for each in await self.list(caller)
            if each.status is not ImportStatus.DONE and not each.error
        ]
        if len(unfinished) >= _MOST_UNFINISHED:
            raise Conflict(
                "You have three imports that are not finished. Finish or delete one first.",
                code="too_many_imports",
            )
        import_id = new_id("imp")
        path = self._path(import_id)
        try:
            size = await self._write(path, content)
            async with self._database.write() as connection:
                job = await self._jobs.ask(
                    caller.user.id, "import.read", {"import_id": import_id}, connection=connection
                )
                record = Import(
                    id=import_id,
                    owner_id=caller.user.id,
                    name=" ".join(name.replace("\0", "").split())[:_LONGEST_NAME] or "archive",
                    size=size,
                    status=ImportStatus.READING,
                    source=None,
                    contents=None,
                    report=None,
                    job_id=job.id,
                    error=None,
                    created_at=utc_now(),
                    finished_at=None,
                )
                await self._store.add(record, connection)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return record

    async def start(self, caller: Caller, import_id: str, choice: Choice) -> Import:
        """Import what was chosen.

        Raises:
            NotFound: there is no such import, or it is somebody else's.
            Conflict: it is not one that waits for a choice (``import_not_ready``).
        """
        record = await self.find(caller, import_id)
        async with self._database.write() as connection:
            job = await self._jobs.ask(
                caller.user.id, "import", {"import_id": record.id, **asdict(choice)}, connection=connection
            )
            changes: dict[str, object] = {"status": ImportStatus.IMPORTING, "job_id": job.id}
            started = await self._store.change_in(connection, record.id, changes, only=ImportStatus.READY)
            if started is None:
                raise Conflict(
                    "This import is not waiting for a choice. Bring the archive again.",
                    code="import_not_ready",
                )
        return started

    async def delete(self, caller: Caller, import_id: str) -> None:
        """Forget an import and its archive; what it has brought stays. One that goes on ends.

        Raises:
            NotFound: there is no such import, or it is somebody else's.
        """
        record = await self.find(caller, import_id)
        if record.finished_at is None and record.job_id is not None:
            await self._jobs.cancel(caller, record.job_id)
        await self._store.delete(record.id)
        self._path(record.id).unlink(missing_ok=True)

    async def personal_data(self, caller: Caller) -> dict[str, object]:
        """The caller's imports, under the key ``imports``: for an export."""
        return {"imports": [asdict(record) for record in await self.list(caller)]}

    # The jobs

    async def _read(self, work: Work) -> dict[str, object] | None:
        record = await self._store.find(str(work.job.arguments["import_id"]))
        if record is None or record.status is not ImportStatus.READING:
            return None
        try:
            contents = await self._contents(record, work)
        except InvalidRequest as error:
            await self._failed(record, error.message)
            return None
        changes: dict[str, object] = {
            "status": ImportStatus.READY,
            "source": contents.source,
            "contents": asdict(contents),
        }
        await self._store.change(record.id, changes, only=ImportStatus.READING)
        return None

    async def _contents(self, record: Import, work: Work) -> Contents:
        archive, source = await asyncio.to_thread(self._opened, record)
        try:
            contents = Contents(source=source)
            contents.account = await asyncio.to_thread(account_of, archive, source)
            items = read(archive, source)
            while some := await asyncio.to_thread(_some, items, _READ_AT_ONCE):
                for item in some:
                    count(contents, item)
                await work.report(contents.conversations)
        finally:
            archive.close()
        if not any((contents.conversations, contents.projects, contents.instructions, contents.memories)):
            why = (
                f" {contents.troubles[0]['place']}: {contents.troubles[0]['reason']}."
                if contents.troubles
                else ""
            )
            raise unreadable(f"There is nothing in {record.name} that could be imported.{why}")
        return contents

    async def _carry_out(self, work: Work) -> dict[str, object] | None:
        record = await self._store.find(str(work.job.arguments["import_id"]))
        caller = await self._caller_of(work.job.owner_id, None)
        if record is None or caller is None or record.status is not ImportStatus.IMPORTING:
            return None
        wanted = {each.name: bool(work.job.arguments[each.name]) for each in fields(Choice)}
        try:
            report = await self._import(record, caller, Choice(**wanted), work)
        except InvalidRequest as error:
            await self._failed(record, error.message)
            return None
        changes: dict[str, object] = {
            "status": ImportStatus.DONE,
            "report": asdict(report),
            "finished_at": utc_now(),
        }
        await self._store.change(record.id, changes, only=ImportStatus.IMPORTING)
        self._path(record.id).unlink(missing_ok=True)
        return asdict(report)

    async def _import(self, record: Import, caller: Caller, choice: Choice, work: Work) -> Report:
        archive, source = await asyncio.to_thread(self._opened, record)
        # Whoever goes on after a crash passes over what was written, and finds the rest of it by its ids.
        seen = int(str(work.job.state.get("seen", 0)))
        report = Report(**work.job.state.get("report", {}))  # pyright: ignore[reportCallIssue, reportArgumentType]
        run = _Run(
            caller=caller,
            source=source,
            choice=choice,
            report=report,
            files=Taking(self._files, archive, caller, report),
        )
        total = None if record.contents is None else record.contents.conversations
        done = report.added + report.extended + report.unchanged
        try:
            items = read(archive, source)
            await asyncio.to_thread(_some, items, seen)
            while some := await asyncio.to_thread(_some, items, _WRITTEN_AT_ONCE):
                for item in some:
                    await self._one(item, run)
                    done += isinstance(item, ImportedConversation)
                seen += len(some)
                await work.report(done, total, state={"seen": seen, "report": asdict(report)})
        finally:
            archive.close()
        return report

    async def _one(self, item: Item, run: _Run) -> None:
        match item:
            case ImportedConversation() if run.choice.conversations:
                await self._conversation(item, run)
            case ImportedProject() if run.choice.projects:
                project_id = await self._project(run, item.name, item.instructions)
                if project_id is not None and run.choice.files:
                    await run.files.take(item.files, item.place, project_id=project_id)
                    async with self._database.write() as connection:
                        await run.files.list_in(connection)
            case ImportedMemory() if run.choice.memories:
                await self._memory(item, run)
            case ImportedInstructions() if run.choice.instructions:
                await self._instructions.change(
                    run.caller, about=item.about[:LONGEST], answers=item.answers[:LONGEST]
                )
                run.report.instructions = True
            case Trouble():
                run.report.note(item)
            case _:
                pass

    async def _conversation(self, item: ImportedConversation, run: _Run) -> None:
        owner_id, report = run.caller.user.id, run.report
        if run.source == "causette" and await self._store.has_conversation(owner_id, item.id):
            # It never left this account.
            report.unchanged += 1
            return
        project_id = None
        if item.project and run.choice.projects:
            project_id = await self._project(run, item.project)
        rows = rows_of(
            item,
            owner_id=owner_id,
            source=run.source,
            model=self._deployments.find("default", "text").name,
            project_id=project_id,
        )
        await self._attach(rows, item.place, run)
        await self._keep_assistants(rows, run)
        new, messages = await self._store.write_conversation(rows, run.files.list_in)
        report.messages += len(messages)
        report.ratings += sum(rating["message_id"] in messages for rating in rows.ratings)
        if new:
            report.added += 1
        elif messages:
            report.extended += 1
        else:
            report.unchanged += 1

    async def _attach(self, rows: Rows, place: str, run: _Run) -> None:
        """Have the messages that are new have their files. One that has nothing else tells what they are called."""
        known = await self._store.known(list(rows.files))
        for message in rows.messages:
            wanted = rows.files.get(message["id"], [])
            if not wanted or message["id"] in known:
                continue
            taken: list[File] = []
            if run.choice.files:
                taken = await run.files.take(wanted[:MOST_ATTACHED], place)
                for file in wanted[MOST_ATTACHED:]:
                    run.report.note(
                        Trouble(
                            place=place, reason=f"{file.name}: a message has at most {MOST_ATTACHED} files"
                        )
                    )
            message["attachments"] = [attachment_of(file) for file in taken] or None
            if not taken and not message["content"] and not message["parts"]:
                message["content"] = "\n".join(f"[{file.name}]" for file in wanted)

    async def _keep_assistants(self, rows: Rows, run: _Run) -> None:
        """Have messages that are by or said to an assistant keep it where the caller may use it here."""
        ids = {message["assistant_id"] for message in rows.messages}
        found = {each: await self._assistants.answering(run.caller, each) for each in ids}
        for message in rows.messages:
            message["assistant_id"] = found[message["assistant_id"]] and message["assistant_id"]

    async def _memory(self, item: ImportedMemory, run: _Run) -> None:
        if has_secret(item.text):
            run.report.note(Trouble(place=item.place, reason="a memory speaks of a secret, and is left out"))
            return
        try:
            await self._memories.write(run.caller, item.text)
            run.report.memories += 1
        except (InvalidRequest, Conflict) as error:
            if error.code != "known":
                run.report.note(Trouble(place=item.place, reason=f"{item.text[:60]!r}: {error.message}"))

    async def _project(self, run: _Run, name: str, instructions: str = "") -> str | None:
        """The caller's project with this name, made where there is none; None where there can be no more."""
        name = " ".join(name.split())[:_LONGEST_NAME]
        if (known := await self._store.project_called(run.caller.user.id, name)) is not None:
            return known
        with suppress(CausetteError):
            made = await self._projects.create(
                run.caller, name=name, instructions=instructions[:_LONGEST_INSTRUCTIONS]
            )
            run.report.projects += 1
            return made.id
        return None

    async def _failed(self, record: Import, why: str) -> None:
        changes: dict[str, object] = {
            "status": ImportStatus.FAILED,
            "error": why[:1000],
            "finished_at": utc_now(),
        }
        await self._store.change(record.id, changes, only=record.status)
        self._path(record.id).unlink(missing_ok=True)

    # The archives

    def _path(self, import_id: str) -> Path:
        return self._folder / import_id

    def _opened(self, record: Import) -> tuple[Archive, Source]:
        path = self._path(record.id)
        if not path.is_file():
            raise unreadable(f"{record.name} is no longer there. Bring it again.")
        archive = Archive(path, record.name)
        try:
            return archive, source_of(archive)
        except BaseException:
            archive.close()
            raise

    async def _write(self, path: Path, content: AsyncIterator[bytes]) -> int:
        size = 0
        await asyncio.to_thread(self._folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        with path.open("wb") as file:
            async for portion in content:
                size += len(portion)
                if size > MOST_BYTES:
                    raise TooLarge(f"An archive may have at most {MOST_BYTES >> 30} GiB.")
                await asyncio.to_thread(file.write, portion)
        if size == 0:
            raise InvalidRequest("The file is empty.", param="file")
        return size

    async def _sweep(self) -> None:
        while True:
            try:
                kept = await self._store.kept(_KEPT_FOR)
                for path in list(self._folder.glob("imp_*")):
                    old = utc_now().timestamp() - path.stat().st_mtime > _SWEEP_SECONDS
                    if path.name not in kept and old:
                        path.unlink(missing_ok=True)
            except CausetteError as error:
                _log.warning("cannot delete old imports", code=error.code, reason=error.message)
            except Exception:
                _log.exception("cannot delete old imports")
            await asyncio.sleep(_SWEEP_SECONDS)


def _some(items: Items, most: int) -> Sequence[Any]:
    """The next things that an archive says; reading takes its time, so in a thread."""
    return list(islice(items, most))
