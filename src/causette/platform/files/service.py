"""Taking, listing, reading and forgetting the API's files."""

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, get_args

from causette.accounts.ownership import owned
from causette.accounts.types import Caller
from causette.blobs import Blobs, Received
from causette.clock import utc_now
from causette.db import Database
from causette.errors import Conflict, InvalidRequest, NotFound, TooLarge
from causette.ids import new_id
from causette.plans.features import Feature
from causette.plans.types import Entitlements
from causette.platform.files.store import ApiFileStore
from causette.platform.files.types import ApiFile, Order, Purpose

_MOST_FILES: Final = 10_000
_LONGEST_NAME: Final = 255
_UPLOADED: Final[Purpose] = "fine-tune"


class ApiFiles:
    """The API's files, each its payer's: a person's or a workspace's. It goes with the account of who brought it.

    Args:
        database: where they are listed.
        blobs: where their bytes are.
        entitlements: says what a caller's plan includes.
        largest: bytes that one file may have.
        together: bytes that one payer's files may have together.
    """

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        entitlements: Callable[[Caller], Awaitable[Entitlements]],
        *,
        largest: int,
        together: int,
    ) -> None:
        self._database = database
        self._store = ApiFileStore(database)
        self._blobs = blobs
        self._entitlements = entitlements
        self.largest = largest
        self._together = together

    @asynccontextmanager
    async def receive(self, caller: Caller, portions: AsyncIterable[bytes]) -> AsyncGenerator[Received]:
        """Take a file's bytes as they come; they are gone afterwards unless `keep` kept them.

        Raises:
            Forbidden: the caller's plan does not include fine-tuning (``not_in_plan``).
            TooLarge: it has more bytes than a file may have (``file_too_large``).
            Conflict: the payer's files take all the room that they may (``files_full``).
            StorageFull: the server's disk is full.
        """
        (await self._entitlements(caller)).require(Feature.FINE_TUNING)
        count, taken = await self._store.taken(caller.payer_id)
        room = self._together - taken
        if room <= 0 or count >= _MOST_FILES:
            raise self._full()
        try:
            async with self._blobs.receive(portions, most=min(self.largest, room)) as received:
                yield received
        except TooLarge:
            if room < self.largest:
                raise self._full() from None
            raise TooLarge(
                f"The file is larger than {self.largest // 1_000_000} MB, which is the most that is taken.",
                code="file_too_large",
                param="file",
            ) from None

    async def keep(self, caller: Caller, received: Received, *, name: str, purpose: str) -> ApiFile:
        """Keep what came in as a file of the caller's payer.

        Raises:
            InvalidRequest: it is for nothing that this server does with files, or it has no bytes.
        """
        check_purpose(purpose)
        if received.size == 0:
            raise InvalidRequest("The file is empty.", code="file_empty", param="file")
        return await self._keep(
            received,
            file_id=new_id("file"),
            user_id=caller.user.id,
            workspace_id=caller.workspace_id,
            name=name,
            purpose=_UPLOADED,
        )

    async def keep_results(
        self, content: bytes, *, file_id: str, user_id: str, workspace_id: str | None, name: str
    ) -> None:
        """Keep what a job has made as the file ``file_id``. Doing so again changes nothing."""

        async def all_of_it() -> AsyncGenerator[bytes]:
            yield content

        async with self._blobs.receive(all_of_it(), most=len(content)) as received:
            await self._keep(
                received,
                file_id=file_id,
                user_id=user_id,
                workspace_id=workspace_id,
                name=name,
                purpose="fine-tune-results",
            )

    async def find(self, caller: Caller, file_id: str) -> ApiFile:
        """One of the caller's files.

        Raises:
            NotFound: there is none with this id, or it is somebody else's.
        """
        return await owned(caller, file_id, self._store.find, what="file")

    async def page(
        self, caller: Caller, *, purpose: str | None, order: Order, after: str | None, limit: int
    ) -> Sequence[ApiFile]:
        """The files of the caller's payer, by when they came, from after an id."""
        return await self._store.page(caller.payer_id, purpose=purpose, order=order, after=after, limit=limit)

    async def delete(self, caller: Caller, file_id: str) -> ApiFile:
        """Forget one of the caller's files; what was learned from it stays.

        Raises:
            NotFound: there is none with this id, or it is somebody else's.
        """
        file = await self.find(caller, file_id)
        async with self._database.write() as connection:
            await self._store.delete(connection, file.id)
            await self._blobs.release(file.id, connection)
        return file

    def content(self, file: ApiFile) -> AsyncGenerator[bytes]:
        """A file's bytes."""
        return self._blobs.read(file.user_id, file.sha256)

    @asynccontextmanager
    async def as_path(self, file_id: str) -> AsyncGenerator[Path]:
        """The bytes of a file, whosever it is, as a file of this machine for as long as the block lasts.

        Raises:
            NotFound: it was deleted.
        """
        file = await self._store.find(file_id)
        if file is None:
            raise NotFound(f"The file {file_id} was deleted.")
        async with self._blobs.as_file(file.user_id, file.sha256) as path:
            yield path

    async def personal_data(self, caller: Caller) -> dict[str, object]:
        """What the caller uploaded for themselves, under the key ``api_files``: for an export."""
        found = await self._store.page(
            caller.user.id, purpose=None, order="asc", after=None, limit=_MOST_FILES
        )
        return {
            "api_files": [
                {"id": file.id, "name": file.name, "purpose": file.purpose, "size": file.size}
                for file in found
            ]
        }

    async def _keep(
        self,
        received: Received,
        *,
        file_id: str,
        user_id: str,
        workspace_id: str | None,
        name: str,
        purpose: Purpose,
    ) -> ApiFile:
        file = ApiFile(
            id=file_id,
            user_id=user_id,
            workspace_id=workspace_id,
            # As people's systems show it, and never a path of theirs.
            name=name.replace("\\", "/").rpartition("/")[2][-_LONGEST_NAME:] or "file",
            purpose=purpose,
            size=received.size,
            sha256=received.sha256,
            created_at=utc_now(),
        )
        await self._blobs.put(received)
        async with self._database.write() as connection:
            await self._store.add(connection, file)
            await self._blobs.use(connection, file.sha256, owner_id=user_id, holder=file.id)
        return file

    def _full(self) -> Conflict:
        return Conflict(
            f"Your files have all of the {self._together / 1e9:g} GB, or {_MOST_FILES:,} files, that they may have. "
            "Delete some and try again.",
            code="files_full",
            param="file",
        )


def check_purpose(purpose: str) -> None:
    """Refuse a file that nothing here would read.

    Raises:
        InvalidRequest: its purpose is another than ``fine-tune``.
    """
    if purpose != _UPLOADED:
        made = purpose in get_args(Purpose)
        raise InvalidRequest(
            f"Files with the purpose {purpose[:64]!r} are {'made' if made else 'not used'} by this server"
            f"{', not uploaded' if made else ''}; send purpose={_UPLOADED}.",
            code="unsupported_purpose",
            param="purpose",
        )
