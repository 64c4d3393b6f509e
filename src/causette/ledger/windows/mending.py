"""Windows and rows brought together again, where a process died or Valkey was away between the two.

A request takes its windows before it has a row, and gives them back after its row has ended. Whatever happens between,
the row decides: without one nothing was done, with one that has ended what it says was used.
"""

import asyncio
from typing import Final

import structlog

from causette.db import Database
from causette.errors import CausetteError
from causette.ledger import store
from causette.ledger.types import State
from causette.ledger.windows.taking import Windows

_log = structlog.get_logger(__name__)

# Of the time after which a request is asked for.
_PART: Final = 1 / 3


async def mend(windows: Windows, database: Database) -> int:
    """End what is held by requests that have ended or never begun; how many that were.

    Raises:
        Unavailable: Valkey or the database does not answer.
    """
    overdue = await windows.overdue()
    if not overdue:
        return 0
    async with database.read() as connection:
        rows = await store.ends_of(connection, overdue)
    await windows.spare(key for key, row in rows.items() if row.state == State.HELD)
    ending = [
        windows.settle(
            key,
            requests=int(row is not None and row.state == State.SETTLED),
            tokens=row.tokens if row is not None else 0,
        )
        for key, row in ((key, rows.get(key)) for key in overdue)
        if row is None or row.state != State.HELD
    ]
    await asyncio.gather(*ending)
    return len(ending)


async def mend_for_ever(windows: Windows, database: Database) -> None:
    """Mend every few seconds."""
    while True:
        await asyncio.sleep(windows.overdue_after.total_seconds() * _PART)
        try:
            if mended := await mend(windows, database):
                _log.info("windows were brought in line with requests that ended", requests=mended)
        except CausetteError as error:
            _log.warning("windows are brought in line later", reason=error.message)
