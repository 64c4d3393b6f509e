"""Taking, listing, reading and forgetting files, and telling models what is in them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Final, Literal, TypedDict, Unpack

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.accounts.ownership import owned
from causette.accounts.types import Caller
from causette.assistant.assistants.service import CustomAssistants
from causette.assistant.files.apart import look_at, read_document
from causette.assistant.files.naming import clean_name, what_it_is
from causette.assistant.files.store import FileStore
from causette.assistant.files.types import File, FileStatus, Follower, ParsedDocument
from causette.assistant.generation.preface import Asking, Piece
from causette.assistant.projects.service import Projects
from causette.blobs import Blobs
from causette.clock import utc_now
from causette.db import Database
from causette.errors import Conflict, InvalidRequest, NotFound, TooLarge
from causette.ids import new_id
from causette.jobs import JobFailed, Jobs, Work
from causette.plans.features import Feature
from causette.plans.types import Entitlements

#: What a file is read under, in the jobs room.
READ: Final = "files.read"

#: A document with no more characters than this is told to models whole; of longer ones, passages that have to do with
#: the question.
TOLD_WHOLE: Final = 12_000

_MOST_FILES: Final = 10_000
#: Files of one message.
MOST_ATTACHED: Final = 20
_ATTEMPTS: Final = 3
_SECONDS: Final = 300.0
# How long a reply waits for a file that was uploaded a moment ago.
_PATIENCE_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.2
_decode: Final = msgspec.json.Decoder(ParsedDocument).decode


class FileChanges(TypedDict, total=False):
    """What may change of a file. None as ``project_id`` or ``assistant_id`` takes it away from what held it."""

    name: str
    project_id: str | None
    assistant_id: str | None


class Files:
    """People's files.

    Args:
        database: where they are listed.
        blobs: where their bytes are.
        jobs: what reads them.
        projects, assistants: what they can be knowledge of.
        entitlements: says what a caller's plan includes.
        largest: bytes that one file may have.
        together: bytes that one person's files may have together.
    """

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        jobs: Jobs,
        projects: Projects,
        assistants: CustomAssistants,
        entitlements: Callable[[Caller], Awaitable[Entitlements]],
        *,
        largest: int,
        together: int,
    ) -> None:
        self._database = database
        self._store = FileStore(database)
        self._blobs = blobs
        self._jobs = jobs
        self._projects = projects
        self._assistants = assistants
        self._entitlements = entitlements
        self.largest = largest
        self.together = together
        #: Who wants to know that a file was read; each is told before it counts as read.
        self.followers: list[Follower] = []
        jobs.handle(READ, self._read, attempts=_ATTEMPTS, seconds=_SECONDS)
        assistants.partings.append(self._leave_assistant)

    # Keeping

    async def upload(
        self,
        caller: Caller,
        portions: AsyncIterable[bytes],
        *,
        name: str,
        project_id: str | None = None,
        assistant_id: str | None = None,
    ) -> File:
        """Take a file as its bytes come, and have it read.

        Raises:
            InvalidRequest: it has no name, or no bytes.
            Forbidden: the caller's plan does not include files (``not_in_plan``).
            NotFound: there is no such project or assistant of the caller's.
            TooLarge: it has more bytes than a file may have.
            Conflict: the caller's files take all the room that they may (``files_full``).
            StorageFull: the server's disk is full.
        """
        holders = await self._holders(caller, project_id=project_id, assistant_id=assistant_id)
        file = await self.take(caller, portions, name=name, **holders)
        async with self._database.write() as connection:
            await self.add(connection, file)
        self._jobs.wake()
        return file

    async def take(
        self,
        caller: Caller,
        portions: AsyncIterable[bytes],
        *,
        name: str,
        project_id: str | None = None,
        assistant_id: str | None = None,
        beside: Sequence[File] = (),
    ) -> File:
        """Take a file's bytes as they come. It is the caller's once `add` has listed it, within an hour.

        Args:
            project_id, assistant_id: what it is knowledge of, which is known to be the caller's.
            beside: files that were taken as well and are not listed yet.

        Raises:
            InvalidRequest, Forbidden, TooLarge, Conflict, StorageFull: as for `upload`.
        """
        (await self._entitlements(caller)).require(Feature.FILES)
        name = clean_name(name)
        owner_id = caller.user.id
        count, taken = await self._store.taken(owner_id)
        room = self.together - taken - sum(file.size for file in beside)
        if room <= 0 or count + len(beside) >= _MOST_FILES:
            raise self._full()
        try:
            async with self._blobs.receive(portions, most=min(self.largest, room)) as received:
                if received.size == 0:
                    raise InvalidRequest(f"{name!r} is empty.", code="file_empty")
                media_type, kind = await asyncio.to_thread(what_it_is, received.path, name)
                file = File(
                    id=new_id("file"),
                    owner_id=owner_id,
                    name=name,
                    media_type=media_type,
                    kind=kind,
                    size=received.size,
                    sha256=received.sha256,
                    width=None,
                    height=None,
                    thumbnail_sha256=None,
                    status=FileStatus.READY if kind == "other" else FileStatus.WAITING,
                    error_code=None,
                    error_message=None,
                    parsed_sha256=None,
                    characters=0,
                    project_id=project_id,
                    assistant_id=assistant_id,
                    created_at=utc_now(),
                )
                await self._blobs.put(received)
                return file
        except TooLarge:
            if room < self.largest:
                raise self._full() from None
            raise TooLarge(
                f"{name!r} is larger than {self.largest // 1_000_000} MB, which is the most that is taken.",
                code="file_too_large",
            ) from None

    async def add(self, connection: AsyncConnection, file: File) -> None:
        """List a file whose bytes were taken, and have it read, in a transaction of the caller's."""
        await self._store.add(connection, file)
        await self._blobs.use(connection, file.sha256, owner_id=file.owner_id, holder=file.id)
        if file.status is FileStatus.WAITING:
            await self._jobs.ask(file.owner_id, READ, {"file_id": file.id}, connection=connection)

    async def listed_as(self, file: File) -> File | None:
        """The file of the same owner that is listed already with these bytes, this name and this project."""
        return await self._store.alike(file)

    async def find(self, caller: Caller, file_id: str) -> File:
        """One of the caller's files.

        Raises:
            NotFound: there is none with this id, or it is somebody else's.
        """
        return await owned(caller, file_id, self._store.find, what="file")

    async def page(
        self,
        caller: Caller,
        *,
        limit: int,
        before: str | None = None,
        project_id: str | None = None,
        assistant_id: str | None = None,
    ) -> list[File]:
        """The caller's files, the newest first, after the one called ``before``; those of a project or an assistant.

        Raises:
            NotFound: there is no such file, project or assistant of the caller's.
        """
        holders = await self._holders(caller, project_id=project_id, assistant_id=assistant_id)
        if before is not None:
            before = (await self.find(caller, before)).id
        return await self._store.page(caller.user.id, limit=limit, before=before, **holders)

    async def uses(self, files: Sequence[File]) -> dict[str, list[tuple[str, str]]]:
        """The conversations, id and title, that files of one owner are in, by file."""
        return await self._store.uses([file.id for file in files])

    async def taken(self, caller: Caller) -> int:
        """Bytes that the caller's files have together."""
        return (await self._store.taken(caller.user.id))[1]

    async def change(self, caller: Caller, file_id: str, **changes: Unpack[FileChanges]) -> File:
        """Rename a file, or say which project and which assistant it is knowledge of.

        Raises:
            NotFound: there is no such file, project or assistant of the caller's.
            InvalidRequest: the name is refused.
        """
        file = await self.find(caller, file_id)
        columns: dict[str, object] = {}
        if "name" in changes:
            columns["name"] = clean_name(changes["name"])
        holders = await self._holders(
            caller, project_id=changes.get("project_id"), assistant_id=changes.get("assistant_id")
        )
        columns |= {name: holders[name] for name in holders if name in changes}
        if not columns:
            return file
        changed = await self._store.change(file.id, **columns)
        if changed is None:
            raise NotFound("This file has been deleted.")
        return changed

    async def delete(self, caller: Caller, file_id: str) -> None:
        """Forget a file. Messages that have it say that it was deleted.

        Raises:
            NotFound: there is none with this id, or it is somebody else's.
        """
        file = await self.find(caller, file_id)
        async with self._database.write() as connection:
            await self._store.delete(connection, file.id)
            await self._blobs.release(file.id, connection)

    async def read_again(self, caller: Caller, file_id: str) -> File:
        """Read once more what could not be read.

        Raises:
            NotFound: there is none with this id, or it is somebody else's.
            Conflict: it has not failed.
        """
        file = await self.find(caller, file_id)
        async with self._database.write() as connection:
            again = await self._store.wait_again(connection, file.id)
            if again is None:
                raise Conflict("This file has not failed. There is nothing to try again.", code="not_failed")
            await self._jobs.ask(file.owner_id, READ, {"file_id": file.id}, connection=connection)
        self._jobs.wake()
        return again

    def content(self, file: File, start: int = 0) -> AsyncGenerator[bytes]:
        """A file's bytes, from ``start`` on."""
        return self._blobs.read(file.owner_id, file.sha256, start)

    async def bytes_of(self, owner_id: str, sha256: str) -> bytes:
        """All bytes of a picture; see `causette.blobs.Blobs.content`."""
        return await self._blobs.content(owner_id, sha256)

    async def thumbnail(self, file: File) -> bytes:
        """A small picture of a picture, in WebP.

        Raises:
            NotFound: there is none.
        """
        if file.thumbnail_sha256 is None:
            raise NotFound("This file has no small picture.")
        return await self._blobs.content(file.owner_id, file.thumbnail_sha256)

    async def parsed(self, file: File) -> ParsedDocument | None:
        """What was read from a file; None where nothing was, or not yet."""
        if file.parsed_sha256 is None:
            return None
        content = await self._blobs.content(file.owner_id, file.parsed_sha256)
        return await asyncio.to_thread(_decode, content)

    async def personal_data(self, caller: Caller) -> dict[str, object]:
        """What the caller uploaded, under the key ``files``: for an export. Their bytes are downloaded one by one."""
        found: list[object] = []
        before: str | None = None
        while page := await self._store.page(caller.user.id, limit=500, before=before):
            found += [asdict(file) | {"content": f"/api/files/{file.id}/content"} for file in page]
            before = page[-1].id
        return {"files": found}

    async def _holders(
        self, caller: Caller, *, project_id: str | None, assistant_id: str | None
    ) -> dict[Literal["project_id", "assistant_id"], str | None]:
        """The columns that say what holds a file: the caller's own project and assistant, where one is named."""
        return {
            "project_id": project_id and (await self._projects.find(caller, project_id)).id,
            "assistant_id": assistant_id and (await self._assistants.own(caller, assistant_id)).id,
        }

    async def _leave_assistant(self, connection: AsyncConnection, assistant_id: str) -> None:
        """Forget what an assistant holds that nothing else does; it is about to be deleted."""
        for file_id in await self._store.only_of_assistant(connection, assistant_id):
            await self._store.delete(connection, file_id)
            await self._blobs.release(file_id, connection)

    # Reading

    async def _read(self, work: Work) -> dict[str, object] | None:
        """The job of reading a file. Done twice, it does the same: blobs are known by what they consist of."""
        file = await self._store.find(str(work.job.arguments["file_id"]))
        if file is None or file.status is not FileStatus.WAITING:
            return None
        try:
            if file.kind == "image":
                await self._look(file)
            else:
                await self._parse(file)
        except JobFailed as error:
            # A picture can be shown, and shown to models, without a small one of it.
            status = (
                FileStatus.READY
                if file.kind == "image" and error.code == "not_installed"
                else FileStatus.FAILED
            )
            await self._store.change(
                file.id, status=status, error_code=error.code, error_message=error.message
            )
            raise
        except Exception:
            # Nobody begins it again: who waits for it is told.
            if work.job.attempts >= _ATTEMPTS:
                await self._store.change(
                    file.id,
                    status=FileStatus.FAILED,
                    error_code="not_read",
                    error_message="Something went wrong on this server while it was read.",
                )
            raise
        return None

    async def _look(self, file: File) -> None:
        async with self._blobs.as_file(file.owner_id, file.sha256) as path:
            seen = await look_at(path)
        small = await self._blobs.keep_bytes(seen.thumbnail, owner_id=file.owner_id, holder=file.id)
        await self._store.change(
            file.id,
            status=FileStatus.READY,
            width=seen.size.width,
            height=seen.size.height,
            thumbnail_sha256=small,
        )

    async def _parse(self, file: File) -> None:
        async with self._blobs.as_file(file.owner_id, file.sha256) as path:
            document = await read_document(file.kind, path)
        content = await asyncio.to_thread(msgspec.json.encode, document)
        parsed = await self._blobs.keep_bytes(content, owner_id=file.owner_id, holder=file.id)
        columns = {"parsed_sha256": parsed, "characters": sum(len(piece.text) for piece in document.pieces)}
        read = await self._store.change(file.id, **columns)
        if read is None:
            return
        for follower in self.followers:
            await follower(read, document)
        await self._store.change(file.id, status=FileStatus.READY)

    # In conversations

    async def attachments(self, caller: Caller, file_ids: Sequence[str]) -> list[dict[str, object]]:
        """What a message keeps of the caller's files: enough to show them, by reference.

        Raises:
            InvalidRequest: there are too many.
            NotFound: one is not there, or somebody else's.
        """
        file_ids = list(dict.fromkeys(file_ids))
        if len(file_ids) > MOST_ATTACHED:
            raise InvalidRequest(f"A message takes up to {MOST_ATTACHED} files.", param="files")
        return [attachment_of(await self.find(caller, file_id)) for file_id in file_ids]

    async def preface(self, asking: Asking) -> Sequence[Piece]:
        """What the files of a conversation's messages, the newest first, tell a model before it."""
        file_ids = [
            str(attached["id"])
            for message in reversed(asking.branch)
            for attached in message.attachments or ()
            if attached["kind"] != "image"
        ]
        if not file_ids:
            return ()
        owner_id = asking.caller.user.id
        found = await self._store.of(owner_id, file_ids)
        waiting = {file.id for file in found.values() if file.status is FileStatus.WAITING}
        if waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    while any(found[each].status is FileStatus.WAITING for each in waiting & found.keys()):
                        await asyncio.sleep(_LOOK_SECONDS)
                        found = await self._store.of(owner_id, file_ids)
        told = [await self._told(found[each]) for each in dict.fromkeys(file_ids) if each in found]
        return [Piece("knowledge", text) for text in told if text]

    async def _told(self, file: File) -> str:
        """What a model is told of a file; nothing of one that passages are told of."""
        if file.status is FileStatus.WAITING:
            return f"The attached file {file.name!r} has not been read yet, so you cannot see it."
        document = await self.parsed(file)
        if document is None or not document.pieces:
            return f"The attached file {file.name!r} has no text that you can see."
        if file.characters > TOLD_WHOLE:
            return ""
        return f"The attached file {file.name!r}:\n\n{document.text}"

    def _full(self) -> Conflict:
        gigabytes = self.together / 1_000_000_000
        return Conflict(
            f"Your files take all the room there is for them ({gigabytes:g} GB). Delete some first.",
            code="files_full",
        )


def attachment_of(file: File) -> dict[str, object]:
    """What a message keeps of a file."""
    return {
        "id": file.id,
        "name": file.name,
        "media_type": file.media_type,
        "kind": file.kind,
        "size": file.size,
        "sha256": file.sha256,
        "width": file.width,
        "height": file.height,
    }
