"""From a database URL to engines: one policy for SQLite, one for PostgreSQL."""

import contextlib
import fcntl
import os
import re
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol
from urllib.parse import urlsplit

import asyncpg
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from causette.db.lifeline import FileLifeline, Lifeline, SessionLifeline
from causette.errors import ConfigurationError

DialectName = Literal["sqlite", "postgresql"]

#: How long a transaction waits for another one's lock, or for a connection of its own, before it gives up.
PATIENCE_SECONDS: Final = 30
#: How long a process that starts waits for another one that is applying migrations.
MIGRATION_PATIENCE_SECONDS: Final = 600

_READERS: Final = 8
_POSTGRES_CONNECTIONS: Final = 10
_POSTGRES_OVERFLOW: Final = 10
_CONNECT_SECONDS: Final = 10


class Cursor(Protocol):
    """As much of a driver's cursor as the set-up of a connection needs."""

    def execute(self, operation: str, /) -> object: ...
    def close(self) -> object: ...


class DriverConnection(Protocol):
    """As much of a driver's connection as its set-up needs."""

    def cursor(self) -> Cursor: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """What `Database` runs on: ``reader`` refuses to write; ``migrator`` opens a connection for each use.

    Two are SQLite's only: ``direct``, one more writing connection, for whole transactions on a thread of their own; and
    ``glance``, one more reading connection, for single statements that may not wait.
    """

    dialect: DialectName
    place: str  # how a message may name the database: never with a password
    patience: float  # seconds that a transaction waits for another one's lock
    reader: AsyncEngine
    writer: AsyncEngine
    direct: Engine | None
    glance: Engine | None
    migrator: Callable[[], AsyncEngine]
    lifeline: Callable[[], Lifeline]


def engines_for(url: str, *, patience: float = PATIENCE_SECONDS) -> Engines:
    """The engines for ``sqlite:///path`` or ``postgresql://…``; nothing is opened yet.

    ``patience`` is how many seconds a transaction waits for SQLite's lock, or for a connection of its own.

    Raises:
        ConfigurationError: the URL is of another kind or malformed. The message never holds the URL, whose
            password it would tell.
    """
    scheme, separator, rest = url.partition("://")
    if separator and scheme == "sqlite":
        return _sqlite(rest, patience)
    if separator and scheme in {"postgresql", "postgres"}:
        return _postgresql(url, patience)
    raise ConfigurationError(
        f"The database URL {_scheme(scheme, separator)}, which Causette cannot use. "
        "Write sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME."
    )


def _scheme(scheme: str, separator: str) -> str:
    if not separator or not re.fullmatch(r"[a-z0-9+]{1,24}", scheme):
        return "has no scheme"
    if "+" in scheme:
        return f"names a driver ({scheme!r})"
    return f"begins with {scheme + separator!r}"


def _sqlite(rest: str, patience: float) -> Engines:
    # The path is taken as it is written: a folder's name may hold '?', '#' or '%'.
    if not rest.startswith("/") or rest in {"/", "/:memory:"}:
        raise ConfigurationError(
            "The database URL names no SQLite file. Write sqlite:///relative/path or sqlite:////absolute/path."
        )
    path = Path(rest[1:]).absolute()
    # A single writing connection makes this process's writers wait in line for each other, in order and
    # without polling; SQLite's busy handler then only has to settle matters between processes.
    return Engines(
        dialect="sqlite",
        place=str(path),
        patience=patience,
        reader=_sqlite_engine(path, begin="BEGIN", patience=patience, query_only=True, connections=_READERS),
        writer=_sqlite_engine(path, begin="BEGIN IMMEDIATE", patience=patience, connections=1),
        direct=_direct_engine(path, patience),
        glance=_direct_engine(path, patience=0, query_only=True),
        migrator=lambda: _sqlite_engine(
            path,
            begin="BEGIN IMMEDIATE",
            connections=None,
            patience=MIGRATION_PATIENCE_SECONDS,
            foreign_keys=False,
        ),
        lifeline=lambda: FileLifeline(path.with_name(f"{path.name}-alive")),
    )


class SqliteConnection(sqlite3.Connection):
    """Rolls back when it is closed.

    A task that is cancelled in the middle of a statement has its connection closed, while the statement's cursor lives
    on in the traceback. SQLite keeps such a connection open behind the scenes, and its locks with it.
    """

    def close(self) -> None:
        if self.in_transaction:
            self.rollback()
        super().close()


def _sqlite_engine(
    path: Path,
    *,
    begin: str,
    connections: int | None,
    patience: float,
    query_only: bool = False,
    foreign_keys: bool = True,
) -> AsyncEngine:
    url = URL.create("sqlite+aiosqlite", database=str(path))
    # isolation_level None: transactions, of DDL too, begin where `begin_transaction` begins them and nowhere else.
    driver = {"isolation_level": None, "timeout": patience, "factory": SqliteConnection}
    if connections is None:
        engine = create_async_engine(url, connect_args=driver, poolclass=NullPool, hide_parameters=True)
    else:
        engine = create_async_engine(
            url,
            connect_args=driver,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=patience,
            # Parameters are what people wrote, and errors are logged.
            hide_parameters=True,
        )
    _set_up(engine.sync_engine, path, begin, query_only=query_only, foreign_keys=foreign_keys)
    return engine


def _direct_engine(path: Path, patience: float, *, query_only: bool = False) -> Engine:
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        connect_args={"isolation_level": None, "timeout": patience, "check_same_thread": False},
        pool_size=1,
        max_overflow=0,
        hide_parameters=True,
    )
    _set_up(
        engine, path, "BEGIN" if query_only else "BEGIN IMMEDIATE", query_only=query_only, foreign_keys=True
    )
    return engine


def _set_up(engine: Engine, path: Path, begin: str, *, query_only: bool, foreign_keys: bool) -> None:
    pragmas = (
        f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}",
        "PRAGMA synchronous = NORMAL",
        f"PRAGMA query_only = {'ON' if query_only else 'OFF'}",
    )
    prepared = False

    def prepare(*_: object) -> None:
        nonlocal prepared
        if not prepared:
            prepare_file(path)
            prepared = True

    def set_up(connection: DriverConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "do_connect", prepare)
    event.listen(engine, "connect", set_up)
    event.listen(engine, "begin", begin_transaction)


def prepare_file(path: Path) -> None:
    """Make the file in WAL mode, readable by its owner only. WAL mode is kept in the file.

    Two processes that turn the same file to WAL at once can each be told that it is locked, whatever their
    patience; a lock on the folder lets them take turns.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            # Only a file that is not there is opened here: closing another descriptor of a database's file would
            # take away the locks that this process's connections hold on it, and with them its WAL.
            with contextlib.suppress(FileExistsError):
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            connection = sqlite3.connect(path, timeout=PATIENCE_SECONDS)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            finally:
                connection.close()
        finally:
            os.close(folder)
    except (OSError, sqlite3.Error) as error:
        raise ConfigurationError(
            f"The database {path} cannot be opened: {error}. "
            "Check the folder's permissions, the disk and CAUSETTE_DATABASE_URL."
        ) from error


def _postgresql(url: str, patience: float) -> Engines:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ConfigurationError(
            "The database URL's host or port cannot be read. Write postgresql://USER:PASSWORD@HOST:PORT/NAME "
            "and percent-encode what is special in the password."
        ) from None
    connect = _postgresql_creator(url)
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=_POSTGRES_CONNECTIONS,
        max_overflow=_POSTGRES_OVERFLOW,
        pool_timeout=patience,
        pool_pre_ping=True,
        hide_parameters=True,
    )
    return Engines(
        dialect="postgresql",
        place=f"{host}{f':{port}' if port else ''}{parts.path}",
        patience=patience,
        reader=engine.execution_options(postgresql_readonly=True),
        writer=engine,
        direct=None,
        glance=None,
        migrator=lambda: create_async_engine(
            "postgresql+asyncpg://",
            async_creator=connect,
            poolclass=NullPool,
            hide_parameters=True,
        ),
        lifeline=lambda: SessionLifeline(connect),
    )


def _postgresql_creator(url: str) -> Callable[[], Awaitable[asyncpg.Connection]]:
    async def connect() -> asyncpg.Connection:
        # The driver reads the URL itself, so that libpq's options (sslmode, sslrootcert, …) all work.
        settings = {"application_name": "causette"}
        return await asyncpg.connect(  # pyright: ignore[reportUnknownVariableType]
            url, timeout=_CONNECT_SECONDS, server_settings=settings
        )

    return connect
