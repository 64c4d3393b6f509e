"""The files of an import: taken from the archive through the door of uploads, each once however often it is named."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from causette.accounts.types import Caller
from causette.assistant.files.service import Files
from causette.assistant.files.types import File
from causette.assistant.importing.archives import DAMAGED, Archive, TooMuch
from causette.assistant.importing.records import Report
from causette.assistant.importing.types import ImportedFile, Trouble
from causette.errors import Conflict, Forbidden, InvalidRequest, TooLarge

_PORTION: Final = 1 << 18


class Taking:
    """The files of one import. What cannot be taken is noted in ``report``, and the rest comes along.

    Their bytes are kept first, and are nobody's until `list_in` makes them the caller's, in the transaction that writes
    what has them. Whatever ends an import in between leaves bytes that nobody uses, which are forgotten within hours.
    """

    def __init__(self, files: Files, archive: Archive, caller: Caller, report: Report) -> None:
        self._files = files
        self._archive = archive
        self._caller = caller
        self._report = report
        # By where in the archive they are, under which name and in which project.
        self._known: dict[tuple[str | None, str, str | None], File] = {}
        self._fresh: dict[str, File] = {}

    async def take(
        self, wanted: Sequence[ImportedFile], place: str, *, project_id: str | None = None
    ) -> list[File]:
        """As many of these files as can be had."""
        taken: list[File] = []
        for file in wanted:
            if file.missing:
                continue
            try:
                taken.append(await self._one(file, project_id))
            except (InvalidRequest, Forbidden, TooLarge, Conflict) as error:
                self._report.note(Trouble(place=place, reason=f"{file.name}: {error.message}"))
            except (TooMuch, *DAMAGED) as error:
                self._report.note(Trouble(place=place, reason=f"{file.name}: {error}"))
        return list({file.id: file for file in taken}.values())

    async def list_in(self, connection: AsyncConnection) -> None:
        """Make those that are new the caller's."""
        for file in self._fresh.values():
            await self._files.add(connection, file)
        self._report.files += len(self._fresh)
        self._fresh.clear()

    async def _one(self, wanted: ImportedFile, project_id: str | None) -> File:
        place = (wanted.entry, wanted.name, project_id)
        if wanted.entry is not None and (known := self._known.get(place)) is not None:
            return known
        file = await self._files.take(
            self._caller,
            self._bytes(wanted),
            name=wanted.name,
            project_id=project_id,
            beside=list(self._fresh.values()),
        )
        alike = (file.sha256, file.name, file.project_id)
        fresh = (each for each in self._fresh.values() if (each.sha256, each.name, each.project_id) == alike)
        known = next(fresh, None) or await self._files.listed_as(file)
        if known is None:
            known = self._fresh[file.id] = file
        self._known[place] = known
        return known

    async def _bytes(self, wanted: ImportedFile) -> AsyncGenerator[bytes]:
        if wanted.content is not None:
            yield wanted.content
            return
        assert wanted.entry is not None
        with ExitStack() as stack:
            stream = await asyncio.to_thread(stack.enter_context, self._archive.open(wanted.entry))
            while portion := await asyncio.to_thread(stream.read, _PORTION):
                yield portion
