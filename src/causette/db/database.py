"""One database: its connections, its transactions, its schema's version."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from causette.db.connecting import DialectName, Engines, engines_for
from causette.db.migrating import VERSIONS, check_known, head_of, migrate, revision_of
from causette.errors import Unavailable

_RETRY_SECONDS: Final = 1.0
# What opening a connection or beginning a transaction can raise: a driver's errors are not always wrapped.
_NOT_ANSWERING: Final = (OSError, PoolTimeout, DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError)


class Database:
    """SQLite or PostgreSQL, behind the same two kinds of transaction.

    ``read()`` gives a transaction that refuses to write, ``write()`` one that may; both commit at the end and
    roll back on an exception. Use ``async with`` or call `close` when done.

    On SQLite a process has one writing connection, so one ``write()`` inside another waits for itself: pass
    the connection on instead. ``read()`` sees one snapshot on SQLite; on PostgreSQL each of its statements
    sees what is committed by then.
    """

    def __init__(self, engines: Engines, *, versions: tuple[Path, ...] = (VERSIONS,)) -> None:
        """A database on ``engines`` whose schema is made by the migrations in the folders ``versions``."""
        self._engines = engines
        self._versions = versions

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The database at ``sqlite:///path`` or ``postgresql://user:password@host/name``, not opened yet.

        Raises:
            ConfigurationError: the URL is of another kind or malformed; the message holds no password.
        """
        return cls(engines_for(url))

    @property
    def dialect(self) -> DialectName:
        """Which SQL this database speaks, for the few queries that must differ."""
        return self._engines.dialect

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction for reading; a write inside it is an error.

        Raises:
            Unavailable: the database does not answer, or no connection came free in 30 s.
        """
        async with self._transaction(self._engines.reader) as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction for writing, committed at the end and rolled back on an exception.

        On SQLite it holds the database's one write lock from its first moment: keep it short, with nothing
        slow inside.

        Raises:
            Unavailable: the database does not answer, or another writer held it for 30 s.
        """
        async with self._transaction(self._engines.writer) as connection:
            yield connection

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
        async with AsyncExitStack() as stack:
            try:
                connection = await stack.enter_async_context(engine.begin())
            except _NOT_ANSWERING as error:
                raise self._unavailable(error) from error
            yield connection

    async def upgrade(self) -> str:
        """Bring the schema to `head` and return it. Safe in many processes at once, cheap when it is there.

        Raises:
            ConfigurationError: the database was written by a newer version or by another program.
            CausetteError: a migration failed; the database is as it was before.
            Unavailable: the database does not answer.
        """
        revision = await self.current()
        await asyncio.to_thread(check_known, revision, self._engines.place, self._versions)
        if revision != self.head():
            await asyncio.to_thread(migrate, self._engines, self._versions)
        return self.head()

    async def current(self) -> str | None:
        """The schema's revision as the database records it; None when it has none yet.

        Raises:
            ConfigurationError: the database claims to be at several revisions at once.
            Unavailable: the database does not answer.
        """
        async with self.read() as connection:
            return await connection.run_sync(revision_of)

    def head(self) -> str:
        """The newest revision this code knows."""
        return head_of(self._versions)

    async def close(self) -> None:
        """Close every connection. Transactions in progress are rolled back."""
        await self._engines.reader.dispose()
        await self._engines.writer.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _unavailable(self, error: BaseException) -> Unavailable:
        reason = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        return Unavailable(
            f"The database {self._engines.place} does not answer: {reason}. "
            "Check that it runs, that it is not overloaded, and CAUSETTE_DATABASE_URL.",
            code="database_unavailable",
            retry_after=_RETRY_SECONDS,
        )
