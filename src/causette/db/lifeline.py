"""Who is alive: a lock that nobody but its process can hold, and that the process cannot outlive.

A clock says only that somebody has been silent for so long; it cannot tell the dead from the slow, and so has to be
given time. A lock can. On SQLite it is on a file beside the database, which the kernel lets go of with its process; on
PostgreSQL an advisory lock of a connection, which the server lets go of when the connection ends. A machine that is
lost without a word may keep the latter for hours: no lock is missing then, and the clock has to do.
"""

import asyncio
import fcntl
import os
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from hashlib import blake2s
from pathlib import Path
from typing import Final, cast

import asyncpg
import structlog

from causette.errors import Unavailable
from causette.ids import new_id

_log = structlog.get_logger(__name__)

_PREFIX: Final = "life"
_RETRY_SECONDS: Final = 0.5
_NOT_ANSWERING: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


class Lifeline(ABC):
    """One process's sign of life. ``name`` is to be written down only after `hold`."""

    def __init__(self) -> None:
        self.name: Final = new_id(_PREFIX)

    @abstractmethod
    async def hold(self) -> None:
        """Take the lock, and keep it until `release`.

        Raises:
            Unavailable: the file cannot be made.
        """

    @abstractmethod
    async def release(self) -> None:
        """Let go: this name's work is over, or another's to do."""

    async def lost(self, names: Iterable[str]) -> set[str]:
        """Those of ``names`` whose processes are certainly dead, or have let go. What is no lifeline's name is not.

        Raises:
            Unavailable: the database does not answer.
        """
        others = {name for name in names if name.startswith(f"{_PREFIX}_") and name != self.name}
        return await self._free(others) if others else set()

    @abstractmethod
    async def _free(self, names: set[str]) -> set[str]: ...


class FileLifeline(Lifeline):
    """A lock on a file of its own in ``folder``, for processes that share a disk."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._file: int | None = None

    async def hold(self) -> None:
        if self._file is not None:
            return
        # Under another name until it is locked: nobody may find it unlocked.
        making = self._folder / f".{self.name}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(making, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)
            making.rename(self._folder / self.name)
        except OSError as error:
            raise Unavailable(f"The folder {self._folder} cannot be written to: {error}.") from error

    async def release(self) -> None:
        if self._file is not None:
            (self._folder / self.name).unlink(missing_ok=True)
            os.close(self._file)
            self._file = None

    async def _free(self, names: set[str]) -> set[str]:
        return {name for name in names if self._is_free(self._folder / name)}

    @staticmethod
    def _is_free(path: Path) -> bool:
        try:
            file = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return False
        else:
            # A dead process cannot put its file away.
            path.unlink(missing_ok=True)
            return True
        finally:
            os.close(file)


class SessionLifeline(Lifeline):
    """An advisory lock of a PostgreSQL connection of its own, taken again when the connection is lost."""

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]]) -> None:
        super().__init__()
        self._connect = connect
        self._keeper: asyncio.Task[None] | None = None
        self._held = asyncio.Event()

    async def hold(self) -> None:
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name="lifeline")
        await self._held.wait()

    async def release(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None

    async def _keep(self) -> None:
        while True:
            try:
                await self._hold_while_connected()
            except _NOT_ANSWERING as error:
                _log.warning("the lifeline waits for the database", reason=str(error))
                await asyncio.sleep(_RETRY_SECONDS)

    async def _hold_while_connected(self) -> None:
        connection = await self._connect()
        try:
            ended = asyncio.Event()

            def end(_: object) -> None:
                ended.set()

            connection.add_termination_listener(end)
            await connection.execute("SELECT pg_advisory_lock($1)", lock_of(self.name))
            self._held.set()
            await ended.wait()
        finally:
            connection.terminate()

    async def _free(self, names: set[str]) -> set[str]:
        try:
            connection = await self._connect()
            try:
                free = await connection.fetchval(  # pyright: ignore[reportUnknownVariableType]
                    # Shared, so that several may ask at once.
                    "SELECT array_agg(name) FROM unnest($1::text[], $2::bigint[]) AS life (name, key) "
                    "WHERE pg_try_advisory_xact_lock_shared(key)",
                    list(names),
                    [lock_of(name) for name in names],
                )
            finally:
                connection.terminate()
        except _NOT_ANSWERING as error:
            raise Unavailable(f"The database does not answer: {error}.", retry_after=1.0) from error
        return set(cast("list[str] | None", free) or ())


def lock_of(name: str) -> int:
    """The advisory lock of a lifeline's name."""
    return int.from_bytes(blake2s(name.encode(), digest_size=8).digest(), signed=True)
