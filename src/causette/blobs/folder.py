"""Bytes as files in a folder."""

import asyncio
import errno
import os
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from causette.blobs.buckets import StorageFull
from causette.errors import NotFound

_PORTION: Final = 1 << 18
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class FolderBucket:
    """A `causette.blobs.Bucket` in ``folder``, which is made when it is first written to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, key: str, source: Path) -> None:
        """See `causette.blobs.Bucket`: the file is renamed into its place when it is whole, and on the disk."""
        await asyncio.to_thread(self._put, self._path(key), source)

    def _put(self, path: Path, source: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            sync(source)
            source.replace(path)
            # The name as well as the bytes.
            sync(path.parent)
        except OSError as error:
            raise refusal(error) from error

    async def read(self, key: str, start: int = 0) -> AsyncGenerator[bytes]:
        """See `causette.blobs.Bucket`."""
        try:
            file = await asyncio.to_thread(self._path(key).open, "rb")
        except FileNotFoundError:
            raise NotFound("These bytes are no longer there.") from None
        try:
            await asyncio.to_thread(file.seek, start)
            while portion := await asyncio.to_thread(file.read, _PORTION):
                yield portion
        finally:
            file.close()

    async def delete(self, key: str) -> None:
        """See `causette.blobs.Bucket`."""
        await asyncio.to_thread(self._path(key).unlink, missing_ok=True)

    async def keys(self) -> AsyncGenerator[tuple[str, datetime]]:
        """See `causette.blobs.Bucket`."""
        for path in await asyncio.to_thread(lambda: list(self._folder.glob("??/*"))):
            with suppress(FileNotFoundError):
                written = (await asyncio.to_thread(path.stat)).st_mtime
                yield f"{path.parent.name}/{path.name}", datetime.fromtimestamp(written, UTC)

    async def close(self) -> None:
        """See `causette.blobs.Bucket`."""

    def _path(self, key: str) -> Path:
        return self._folder / key


def sync(path: Path) -> None:
    """Have the disk keep what was written to a file or folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def refusal(error: OSError) -> Exception:
    """What an error of the disk's is to whoever wanted to keep something."""
    if error.errno in _NO_ROOM:
        return StorageFull("The server's disk is full, so this was not kept. Tell who runs this server.")
    return error
