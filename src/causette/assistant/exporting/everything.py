"""All that is kept of a person as one ZIP, made by a job, message by message: its size is no matter.

The archive is a file in the data folder, one for each person, until its time is over.
"""

import asyncio
import json
import zipfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Final

import structlog

from causette.accounts.types import Caller
from causette.assistant.exporting.documents import ACCOUNT, CONVERSATIONS, FILES
from causette.assistant.exporting.naming import file_stem
from causette.assistant.exporting.service import Exporting
from causette.assistant.files.service import Files
from causette.clock import utc_now
from causette.errors import CausetteError, NotFound
from causette.jobs import Job, Jobs, Work

_log = structlog.get_logger(__name__)

#: How long an archive can be fetched.
KEPT_FOR: Final = timedelta(days=7)
#: Says what one room keeps of a person: values that JSON or an instant can say, under the room's own keys.
Exporter = Callable[[Caller], Awaitable[dict[str, object]]]
_KIND: Final = "export"
_SECONDS: Final = 6 * 3600.0
_SWEEP_SECONDS: Final = 3600.0
_FILES_AT_ONCE: Final = 200
_PACKED: Final = frozenset({"web", "markdown", "text", "code", "table"})
# Bytes that are packed at once.
_PORTION: Final = 1 << 18
_READ_ME: Final = """Your data from Causette.

account.json has what is kept of you besides your conversations. conversations/ has one JSON file for each
conversation, with all of its branches. files/ has what you uploaded, under names that begin with the ids by which
messages name it. Causette can import this archive again.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An archive that can be fetched."""

    path: Path
    #: Bytes.
    size: int
    made_at: datetime

    @property
    def expires_at(self) -> datetime:
        """When it is deleted."""
        return self.made_at + KEPT_FOR


class Everything:
    """Exports of everything, in ``folder``.

    Args:
        exporting: what writes conversations.
        files: whose bytes are in it.
        exporters: what each room keeps of a person, conversations aside.
    """

    def __init__(
        self,
        exporting: Exporting,
        files: Files,
        *,
        jobs: Jobs,
        caller_of: Callable[[str, str | None], Awaitable[Caller | None]],
        exporters: Callable[[], Sequence[Exporter]],
        folder: Path,
    ) -> None:
        self._exporting = exporting
        self._files = files
        self._jobs = jobs
        self._caller_of = caller_of
        self._exporters = exporters
        self._folder = folder
        self._sweeper: asyncio.Task[None] | None = None
        jobs.handle(_KIND, self._make, seconds=_SECONDS)

    def open(self) -> None:
        """Begin to delete archives whose time is over."""
        self._sweeper = asyncio.create_task(self._sweep(), name="old exports")

    async def close(self) -> None:
        """End."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)

    async def ask(self, caller: Caller) -> Job:
        """Have an archive made; while one is, this is that one."""
        return await self._jobs.ask(caller.user.id, _KIND, {}, key=f"{_KIND} {caller.user.id}")

    async def asked(self, caller: Caller) -> Job | None:
        """The job that was asked for last, if it is not forgotten."""
        return await self._jobs.latest(caller, _KIND)

    def made(self, caller: Caller) -> Made | None:
        """The archive that can be fetched, if there is one."""
        path = self._path(caller.user.id)
        try:
            found = path.stat()
        except FileNotFoundError:
            return None
        made = Made(path=path, size=found.st_size, made_at=datetime.fromtimestamp(found.st_mtime, UTC))
        return made if made.expires_at > utc_now() else None

    def fetch(self, caller: Caller) -> Made:
        """The same.

        Raises:
            NotFound: there is none.
        """
        made = self.made(caller)
        if made is None:
            raise NotFound("There is no archive of yours. Have one made first.")
        return made

    async def _make(self, work: Work) -> dict[str, object] | None:
        caller = await self._caller_of(work.job.owner_id, None)
        if caller is None:
            return None
        await asyncio.to_thread(self._folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        # Whoever is killed leaves a draft, which is begun anew.
        draft = self._folder / f"{caller.user.id}.draft"
        try:
            with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
                await self._write(archive, caller, work)
            await asyncio.to_thread(draft.replace, self._path(caller.user.id))
        finally:
            draft.unlink(missing_ok=True)
        return {}

    async def _write(self, archive: zipfile.ZipFile, caller: Caller, work: Work) -> None:
        kept: dict[str, object] = {}
        for exporter in self._exporters():
            kept |= await exporter(caller)
        archive.writestr("README.txt", _READ_ME)
        account = json.dumps(kept, default=_written, ensure_ascii=False, indent=2)
        await asyncio.to_thread(archive.writestr, ACCOUNT, account)
        total, done = await self._exporting.count(caller), 0
        await work.report(0, total)
        async for conversation_id in self._exporting.conversation_ids(caller):
            try:
                conversation, pieces = await self._exporting.json(caller, conversation_id)
            except NotFound:
                continue
            done += 1
            name = f"{CONVERSATIONS}{done:06} {file_stem(conversation.title)}.json"
            with archive.open(name, "w", force_zip64=True) as entry:
                await _pour(pieces, entry)
            await work.report(done, max(total, done))
        await self._write_files(archive, caller)

    async def _write_files(self, archive: zipfile.ZipFile, caller: Caller) -> None:
        before: str | None = None
        while page := await self._files.page(caller, limit=_FILES_AT_ONCE, before=before):
            for file in page:
                entry = zipfile.ZipInfo(f"{FILES}{file.id} {file_stem(file.name)}")
                # Pictures and documents are packed already.
                entry.compress_type = zipfile.ZIP_DEFLATED if file.kind in _PACKED else zipfile.ZIP_STORED
                portions = self._files.content(file)
                with suppress(NotFound):
                    first = await anext(portions, b"")
                    with archive.open(entry, "w", force_zip64=True) as opened:
                        await asyncio.to_thread(opened.write, first)
                        await _pour(portions, opened)
            before = page[-1].id

    def _path(self, owner_id: str) -> Path:
        return self._folder / f"{owner_id}.zip"

    async def _sweep(self) -> None:
        while True:
            try:
                for path in list(self._folder.glob("*.zip")):
                    made_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                    gone = await self._caller_of(path.stem, None) is None
                    if gone or made_at + KEPT_FOR < utc_now():
                        path.unlink(missing_ok=True)
            except CausetteError as error:
                _log.warning("cannot delete old exports", code=error.code, reason=error.message)
            except Exception:
                _log.exception("cannot delete old exports")
            await asyncio.sleep(_SWEEP_SECONDS)


async def _pour(pieces: AsyncGenerator[bytes], entry: IO[bytes]) -> None:
    """Write pieces as they come; packing takes its time, so in a thread, some at once."""
    waiting: list[bytes] = []
    size = 0
    async for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size > _PORTION:
            await asyncio.to_thread(entry.write, b"".join(waiting))
            waiting, size = [], 0
    await asyncio.to_thread(entry.write, b"".join(waiting))


def _written(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be exported as JSON.")
