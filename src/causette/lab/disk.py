"""Files and folders that appear whole under their names, or not at all."""

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Final

from safetensors import SafetensorError

from causette.errors import CausetteError, Conflict
from causette.models.disk import settle
from causette.models.types import DiskFull

_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def whole_file(path: Path) -> Generator[Path]:
    """A name beside ``path`` to write to; when the block ends, the file outlives a power cut and is called ``path``.

    Raises:
        DiskFull: there is no room. As after any other error, nothing of the file is left, and what was there before is.
    """
    temporary = _temporary(path)
    try:
        with _explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            settle(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(path: Path) -> Generator[Path]:
    """An empty folder to fill, which becomes ``path`` when the block ends, or is gone if there was an error.

    After a SIGKILL or a power cut there is no ``path``, and what was filled is hidden beside it until the next one
    to fill ``path`` removes it.

    Raises:
        Conflict: there is something at ``path`` (a folder cannot take the place of another in one step), or another
            process fills it.
        DiskFull: there is no room.
    """
    if path.exists():
        raise _exists(path)
    partial = path.with_name(f".{path.name}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _taken(partial)
    try:
        with _explained(path):
            yield partial
            for file in sorted(partial.rglob("*")):
                _sync(file)
            _sync(partial)
            _rename(partial, path)
            _sync(path.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    finally:
        os.close(descriptor)


def _taken(partial: Path) -> int:
    """A descriptor of ``partial``, empty, that holds its lock; the system lets go of it with the process."""
    while True:
        partial.mkdir(exist_ok=True)
        descriptor = os.open(partial, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(descriptor, partial):
                for left in partial.iterdir():
                    shutil.rmtree(left) if left.is_dir() else left.unlink()
                return descriptor
        except BaseException as error:
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                raise Conflict(f"Another process is writing {partial}; wait until it has ended.") from None
            raise
        # Whoever had it finished, between our opening it and locking it.
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _rename(partial: Path, path: Path) -> None:
    try:
        partial.rename(path)
    except OSError as error:
        if error.errno in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}:
            raise _exists(path) from None
        raise


def _exists(path: Path) -> Conflict:
    return Conflict(f"{path} is there already. Name a folder that is not, or move this one away.")


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _explained(path: Path) -> Generator[None]:
    try:
        yield
    except (OSError, SafetensorError) as error:
        # safetensors gives the system's reason in words only.
        if getattr(error, "errno", None) in _NO_ROOM or any(
            f"os error {code})" in str(error) for code in _NO_ROOM
        ):
            free = shutil.disk_usage(path.parent).free
            raise DiskFull(
                f"{path} was not written: there is no room for it in {path.parent}, where {free / 1e6:,.1f} MB are "
                "free. Free some space or raise the limit, and write it again."
            ) from None
        raise CausetteError(f"{path} cannot be written: {error}", code="disk_error") from None
