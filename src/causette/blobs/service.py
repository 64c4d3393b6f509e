"""Keeping, reading and forgetting blobs.

A blob is known by the SHA-256 of its bytes, so the same picture is kept once however often it comes and whoever
brings it. Who may read it is a matter of *uses*: a row for each thing that needs it, with that thing's owner. Nobody
reads what they do not use, whoever else does.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import mkstemp
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.blobs.buckets import Bucket
from causette.blobs.folder import refusal
from causette.blobs.store import BlobStore
from causette.clock import utc_now
from causette.db import Database
from causette.errors import CausetteError, NotFound, TooLarge

_log = structlog.get_logger(__name__)

# Written beside the event loop in portions: a change of threads for each packet would cost more than the writing.
_PORTION: Final = 1 << 20
_SWEEP_SECONDS: Final = 600.0
_SWEPT_AT_ONCE: Final = 200
# What nobody uses is kept for so long: whoever brought it may be about to use it.
_UNUSED_FOR: Final = timedelta(hours=1)
# Bytes without a row are those of a process that died before it wrote one.
_UNKNOWN_FOR: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Bytes that came in and lie in a file of their own until they are kept."""

    path: Path
    sha256: str
    size: int


async def _nothing(_: AsyncConnection) -> None:
    pass


class Blobs:
    """Blobs in ``bucket``, known in ``database``; what comes in lies in ``incoming`` until it is whole."""

    def __init__(self, database: Database, bucket: Bucket, incoming: Path) -> None:
        self._database = database
        self._store = BlobStore(database)
        self._bucket = bucket
        self._incoming = incoming
        self._sweeper: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def receive(self, portions: AsyncIterable[bytes], *, most: int) -> AsyncGenerator[Received]:
        """Take bytes as they come, never all of them at once. They are gone afterwards unless they were kept.

        Raises:
            TooLarge: there are more than ``most``.
            StorageFull: the disk has no room for them.
        """
        try:
            await asyncio.to_thread(self._incoming.mkdir, parents=True, exist_ok=True, mode=0o700)
            descriptor, name = await asyncio.to_thread(mkstemp, dir=self._incoming)
        except OSError as error:
            raise refusal(error) from error
        path, digest, size, waiting = Path(name), hashlib.sha256(), 0, bytearray()
        try:
            try:
                async for portion in portions:
                    size += len(portion)
                    if size > most:
                        raise TooLarge(f"This has more than {most:,} bytes, which is the most that is taken.")
                    waiting += portion
                    if len(waiting) >= _PORTION:
                        await asyncio.to_thread(_append, descriptor, digest.update, bytes(waiting))
                        waiting.clear()
                await asyncio.to_thread(_append, descriptor, digest.update, bytes(waiting))
            except OSError as error:
                raise refusal(error) from error
            finally:
                os.close(descriptor)
            yield Received(path=path, sha256=digest.hexdigest(), size=size)
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def put(self, received: Received) -> None:
        """Have what came in be there. Nothing uses it yet: who wants to has an hour, or it is forgotten.

        Raises:
            StorageFull: there is no room for it.
            Unavailable: the store does not answer.
        """
        await self._put(received, _nothing)

    async def use(self, connection: AsyncConnection, sha256: str, *, owner_id: str, holder: str) -> None:
        """Use what is there for ``holder``, which belongs to ``owner_id``, in the transaction that writes ``holder``.

        Raises:
            NotFound: it was put there too long ago, and has been forgotten.
        """
        if not await self._store.touch(connection, sha256):
            raise NotFound("These bytes are no longer there.")
        await self._store.use(connection, sha256, owner_id, holder)

    async def keep(self, received: Received, *, owner_id: str, holder: str) -> None:
        """Keep what came in, for ``holder``, which belongs to ``owner_id``; see `put`."""

        async def use(connection: AsyncConnection) -> None:
            await self._store.use(connection, received.sha256, owner_id, holder)

        await self._put(received, use)

    async def _put(self, received: Received, also: Callable[[AsyncConnection], Awaitable[None]]) -> None:
        """Have it be there, with what else is written in that transaction."""
        sha256 = received.sha256
        async with self._database.write() as connection:
            if await self._store.touch(connection, sha256):
                await also(connection)
                return
        key = f"{sha256[:2]}/{sha256}.{os.urandom(4).hex()}"
        await self._bucket.put(key, received.path)
        async with self._database.write() as connection:
            lies_under = await self._store.add(connection, sha256, key, received.size)
            await also(connection)
        if lies_under != key:
            await self._bucket.delete(key)

    async def keep_bytes(self, content: bytes, *, owner_id: str, holder: str) -> str:
        """Keep a few bytes, as `keep` does; their SHA-256."""

        async def all_of_it() -> AsyncGenerator[bytes]:
            yield content

        async with self.receive(all_of_it(), most=len(content)) as received:
            await self.keep(received, owner_id=owner_id, holder=holder)
            return received.sha256

    async def release(self, holder: str, connection: AsyncConnection | None = None) -> None:
        """End all that ``holder`` uses. What nobody else does is forgotten within hours."""
        if connection is not None:
            await self._store.release(connection, holder)
            return
        async with self._database.write() as own:
            await self._store.release(own, holder)

    async def read(self, owner_id: str, sha256: str, start: int = 0) -> AsyncGenerator[bytes]:
        """The bytes of a blob that something of ``owner_id``'s uses.

        Raises:
            NotFound: there is none, or it is used by others only.
        """
        found = await self._store.find(owner_id, sha256)
        if found is None:
            raise NotFound("These bytes are no longer there.")
        async for portion in self._bucket.read(found[0], start):
            yield portion

    async def content(self, owner_id: str, sha256: str) -> bytes:
        """All bytes of a small blob; see `read`."""
        return b"".join([portion async for portion in self.read(owner_id, sha256)])

    @asynccontextmanager
    async def as_file(self, owner_id: str, sha256: str) -> AsyncGenerator[Path]:
        """A blob's bytes as a file of this machine, for programs that read files; see `read`."""
        async with self.receive(self.read(owner_id, sha256), most=1 << 62) as received:
            yield received.path

    async def sweep(self, *, now: datetime | None = None) -> int:
        """Forget what nobody uses any more; how many blobs that were."""
        now = now or utc_now()
        gone = 0
        while keys := await self._store.forget_unused(now - _UNUSED_FOR, limit=_SWEPT_AT_ONCE):
            for key in keys:
                await self._bucket.delete(key)
            gone += len(keys)
        old: list[str] = []
        async for key, came_at in self._bucket.keys():
            if came_at < now - _UNKNOWN_FOR:
                old.append(key)
        for start in range(0, len(old), _SWEPT_AT_ONCE):
            some = old[start : start + _SWEPT_AT_ONCE]
            for key in set(some) - await self._store.known(some):
                await self._bucket.delete(key)
                gone += 1
        await asyncio.to_thread(self._clear_incoming, now - _UNKNOWN_FOR)
        return gone

    def open(self) -> None:
        """Begin to sweep now and then."""
        self._sweeper = asyncio.create_task(self._keep_sweeping(), name="blobs")

    async def close(self) -> None:
        """End."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        await self._bucket.close()

    async def _keep_sweeping(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            try:
                if gone := await self.sweep():
                    _log.info("forgot blobs that nobody uses", count=gone)
            except CausetteError as error:
                _log.warning("cannot sweep blobs", code=error.code, reason=error.message)
            except Exception:
                _log.exception("cannot sweep blobs")

    def _clear_incoming(self, before: datetime) -> None:
        if self._incoming.is_dir():
            for path in self._incoming.iterdir():
                # What has come in meanwhile is where it belongs, and no more here.
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime < before.timestamp():
                        path.unlink()


def _append(descriptor: int, update: Callable[[bytes], None], content: bytes) -> None:
    update(content)
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
