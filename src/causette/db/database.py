"""One database: its connections, its transactions, its schema's version."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import asyncpg
from sqlalchemy import Column, Connection, Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from causette.db.connecting import DialectName, Engines, engines_for
from causette.db.lifeline import Lifeline
from causette.db.lookup import Glance, Lookup, PostgresLookup, SqliteLookup
from causette.db.migrating import VERSIONS, check_known, head_of, migrate, revision_of
from causette.errors import Unavailable

T = TypeVar("T")

_RETRY_SECONDS: Final = 1.0
# What opening a connection or beginning a transaction can raise: a driver's errors are not always wrapped.
_NOT_ANSWERING: Final = (OSError, PoolTimeout, DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError)
# PostgreSQL's classes of errors that are the server's and not the statement's: connections, conflicts with other
# transactions, a lack of resources, an operator who ends it, the system.
_SERVERS_OWN: Final = ("08", "40", "53", "57P", "58")


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
        self._glance = Glance(engines.glance) if engines.glance is not None else None
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "database") if engines.direct is not None else None

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
            Unavailable: the database does not answer, broke off, or another writer held it for 30 s. Whether what
                was broken off at its end is committed nobody knows.
        """
        async with self._in_turn(), self._transaction(self._engines.writer) as connection:
            yield connection

    async def transact(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a transaction for writing, on a connection that does not know of ``await``.

        On SQLite all of it runs on a thread beside the event loop, at the price of one change of threads where
        `write` has one for each statement: for what happens thousands of times a second. ``work`` must touch nothing
        but the connection and what it was given.

        Raises:
            Unavailable: the database does not answer, or another writer held it for 30 s.
        """
        if self._engines.direct is None or self._thread is None:
            async with self.write() as connection:
                return await connection.run_sync(work)
        engine, loop = self._engines.direct, asyncio.get_running_loop()

        def transaction() -> T:
            with ExitStack() as stack:
                try:
                    connection = stack.enter_context(engine.begin())
                except _NOT_ANSWERING as error:
                    raise self._unavailable(error) from error
                return work(connection)

        async with self._in_turn():
            done = loop.run_in_executor(self._thread, transaction)
            try:
                # The thread cannot be called off: whoever is cancelled meanwhile keeps its turn until it has ended.
                return await asyncio.shield(done)
            except asyncio.CancelledError:
                await asyncio.wait((done,))
                raise

    def lookup(self, query: Select[Any], column: Column[Any]) -> Lookup:
        """Finds the rows of ``query`` by the value of ``column``, which is text or bytes and has an index.

        For what every request asks for; see `causette.db.lookup`.
        """
        if self._glance is None:
            return PostgresLookup(self._statement, query, column)
        return SqliteLookup(self._glance, self._statement, query, column)

    def lifeline(self) -> Lifeline:
        """A sign of this process's life, not held yet; see `causette.db.lifeline`."""
        return self._engines.lifeline()

    @asynccontextmanager
    async def _statement(self) -> AsyncGenerator[AsyncConnection]:
        """A connection for reading that begins no transaction: each statement is one, and saves two questions."""
        engine = self._engines.reader
        if self.dialect == "postgresql":
            engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        async with self._transaction(engine) as connection:
            yield connection

    @asynccontextmanager
    async def _in_turn(self) -> AsyncGenerator[None]:
        # SQLite has one write lock: who waits for it here waits in line, and does not have to try again and again.
        if self._engines.direct is None:
            yield
            return
        try:
            async with asyncio.timeout(self._engines.patience):
                await self._turn.acquire()
        except TimeoutError:
            busy = TimeoutError("its transactions wait for one that does not end")
            raise self._unavailable(busy) from None
        try:
            yield
        finally:
            self._turn.release()

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
        try:
            async with AsyncExitStack() as stack:
                try:
                    connection = await stack.enter_async_context(engine.begin())
                except _NOT_ANSWERING as error:
                    raise self._unavailable(error) from error
                yield connection
        except (DBAPIError, ConnectionError) as error:
            if isinstance(error, DBAPIError) and not _broken_off(error):
                raise
            raise self._unavailable(error) from error

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
        if self._glance is not None:
            self._glance.close()
        if self._engines.direct is not None and self._thread is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._engines.direct.dispose)
            self._thread.shutdown()

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


def _broken_off(error: DBAPIError) -> bool:
    """Whether the database ended the transaction on its own account, and not for what was asked of it."""
    state = getattr(error.orig, "sqlstate", None)
    return error.connection_invalidated or (isinstance(state, str) and state.startswith(_SERVERS_OWN))
