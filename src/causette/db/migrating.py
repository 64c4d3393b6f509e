"""Bring a database to the newest schema, whoever else is trying to do so at the same moment.

All pending migrations are one transaction, on PostgreSQL and on SQLite: all of them are applied, or none.
"""

import asyncio
import threading
from functools import cache
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from causette.db.connecting import Engines
from causette.errors import CausetteError, ConfigurationError

#: Where the packaged migrations are.
VERSIONS: Final = Path(__file__).parent / "migrations" / "versions"

_ENVIRONMENT: Final = VERSIONS.parent
#: PostgreSQL's advisory lock that the one process holds which migrates: "causette" as a number.
_ADVISORY_LOCK: Final = int.from_bytes(b"causette")
# Alembic keeps the migration in progress in globals of its module.
_one_at_a_time: Final = threading.Lock()


def head_of(versions: tuple[Path, ...]) -> str:
    """The newest revision in the folders ``versions``."""
    (head,) = _script(versions).get_heads()
    return head


def revision_of(connection: Connection) -> str | None:
    """The revision a database is at; None for one without a schema.

    Raises:
        ConfigurationError: the database claims to be at several revisions at once.
    """
    revisions = MigrationContext.configure(connection).get_current_heads()
    if len(revisions) > 1:
        raise ConfigurationError(
            f"The database says that it is at several revisions at once ({', '.join(sorted(revisions))}). "
            "Restore it from a backup, or point Causette at another database."
        )
    return revisions[0] if revisions else None


def check_known(revision: str | None, place: str, versions: tuple[Path, ...]) -> None:
    """Refuse a database that a newer Causette, or another program, has written.

    Raises:
        ConfigurationError: no migration in ``versions`` is called ``revision``.
    """
    if revision is not None and revision not in _known(versions):
        raise ConfigurationError(
            f"The database {place} is at revision {revision!r}, which this version of Causette does not know "
            f"(it knows up to {head_of(versions)!r}). Install the version that wrote it, or a newer one, "
            "or point Causette at another database."
        )


def migrate(engines: Engines, versions: tuple[Path, ...]) -> None:
    """Apply what is missing, alone among all processes and threads. Blocks; call it in a thread.

    Raises:
        ConfigurationError: the database is not one this code knows.
        CausetteError: a migration failed; the database is as it was before.
    """
    with _one_at_a_time:
        asyncio.run(_migrate(engines, versions))


async def _migrate(engines: Engines, versions: tuple[Path, ...]) -> None:
    engine = engines.migrator()
    try:
        # On SQLite this is BEGIN IMMEDIATE: it waits until no other process writes.
        async with engine.begin() as connection:
            if engines.dialect == "postgresql":
                await connection.execute(
                    text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK}
                )
            check_known(await connection.run_sync(revision_of), engines.place, versions)
            await connection.run_sync(_apply, versions)
            if engines.dialect == "sqlite":
                await connection.run_sync(_check_references)
    except DBAPIError as error:
        raise CausetteError(
            f"The database {engines.place} could not be brought to revision {head_of(versions)!r} "
            f"and is as it was before: {error.orig}."
        ) from error
    finally:
        await engine.dispose()


def _apply(connection: Connection, versions: tuple[Path, ...]) -> None:
    config = _config(versions)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _check_references(connection: Connection) -> None:
    # References are not enforced while a migration rebuilds tables, so they are checked at its end.
    broken = connection.execute(text("PRAGMA foreign_key_check")).all()
    if broken:
        raise CausetteError(
            f"The migration would leave {len(broken)} rows that refer to nothing, the first in table "
            f"{broken[0][0]!r}. The database is as it was before."
        )


def _config(versions: tuple[Path, ...]) -> Config:
    config = Config()
    for option, value in {
        "script_location": str(_ENVIRONMENT),
        "version_locations": "\n".join(map(str, versions)),
        "path_separator": "newline",
    }.items():
        config.set_main_option(option, value.replace("%", "%%"))
    return config


@cache
def _script(versions: tuple[Path, ...]) -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(versions))


@cache
def _known(versions: tuple[Path, ...]) -> frozenset[str]:
    return frozenset(script.revision for script in _script(versions).walk_revisions())
