"""Putting big files on a disk: room for them, hashes of them, the rename that makes them whole, and locks."""

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import io
import os
import shutil
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path
from typing import Final, Protocol, TypeVar

from causette.errors import CausetteError
from causette.models.types import DiskFull

_T = TypeVar("_T")

BLOCK: Final = 1 << 20
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_LOCK_POLL: Final = 0.2


class Digest(Protocol):
    """A running hash."""

    def update(self, data: bytes, /) -> None:
        """Take in more bytes."""
        ...

    def hexdigest(self) -> str:
        """The hash so far, in hexadecimal."""
        ...


def size_of(path: Path) -> int:
    """The size of a file in bytes; 0 where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def make_room(path: Path, size: int) -> None:
    """See to it that ``path`` can be written: its folder exists, its disk has ``size`` bytes left.

    Raises:
        DiskFull: there are fewer.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(path.parent).free
    if free < size:
        raise _full(path, size, free)


@contextlib.contextmanager
def writing(path: Path, size: int | None) -> Generator[None]:
    """Turn the system's "no space left" while ``path`` grows to ``size`` bytes into ``DiskFull``.

    What is written stays, so that a pull can go on once there is room.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            missing = max((size or 0) - size_of(path), 0)
            raise _full(path, missing, shutil.disk_usage(path.parent).free) from None
        raise CausetteError(
            f"{path} cannot be written: {error.strerror or error}", code="disk_error"
        ) from None


def _full(path: Path, size: int, free: int) -> DiskFull:
    needed = f"{size / 1e6:,.1f} MB more are needed" if size else "More space is needed"
    return DiskFull(
        f"{needed} in {path.parent}, and {free / 1e6:,.1f} MB are free there. Free some space or raise the "
        "limit, or keep models elsewhere (CAUSETTE_MODELS), and pull again: it goes on where it stopped."
    )


async def in_thread(work: Callable[[Callable[[int], None]], _T], on_bytes: Callable[[int], None]) -> _T:
    """Run ``work(report)`` beside the event loop, whose ``on_bytes`` then hears what ``report`` is told.

    When the caller is cancelled, the next ``report`` ends the work, and only then does this return: no thread
    goes on writing to a file that its owner believes to be closed, or whose lock it has given back.
    """
    loop = asyncio.get_running_loop()
    stopped = threading.Event()

    def report(done: int) -> None:
        if stopped.is_set():
            raise _Stopped
        loop.call_soon_threadsafe(on_bytes, done)

    task = asyncio.create_task(asyncio.to_thread(work, report))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stopped.set()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise


class _Stopped(Exception):
    """The caller of ``in_thread`` was cancelled."""


def append(file: io.FileIO, path: Path, block: bytes, total: int | None) -> None:
    """Write all of ``block`` at the end of an unbuffered file.

    Raises:
        DiskFull: the disk or the process's limit is reached; what fitted is kept.
    """
    rest = memoryview(block)
    with writing(path, total):
        while rest:
            rest = rest[file.write(rest) :]


def hash_into(digest: Digest, path: Path, on_bytes: Callable[[int], None] | None = None) -> None:
    """Feed a file to ``digest``; ``on_bytes`` hears how many bytes are done."""
    done = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            done += len(block)
            if on_bytes is not None:
                on_bytes(done)


def sha256_of(path: Path, on_bytes: Callable[[int], None] | None = None) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    hash_into(digest, path, on_bytes)
    return digest.hexdigest()


def git_blob_id(path: Path) -> str:
    """The id that git gives a file: SHA-1 over ``blob SIZE NUL`` and the bytes."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    hash_into(digest, path)
    return digest.hexdigest()


def settle(temporary: Path, target: Path) -> None:
    """Make a finished file appear under its name, whole or not at all, to outlive a power cut."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _sync(temporary)
    temporary.replace(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = True) -> Generator[bool]:
    """Hold the lock that ``path`` stands for; yields False if not to ``wait`` and another process has it.

    The system lets go of it when the process ends, however it ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True


@contextlib.asynccontextmanager
async def locked_soon(path: Path, on_wait: Callable[[], None]) -> AsyncGenerator[None]:
    """The same, waiting without holding up the event loop; ``on_wait`` is called when there is a wait."""
    told = False
    while True:
        with locked(path, wait=False) as mine:
            if mine:
                yield
                return
        if not told:
            told = True
            on_wait()
        await asyncio.sleep(_LOCK_POLL)
