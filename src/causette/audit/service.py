"""The audit log: what who runs the house did to whom. It is written before the act, so that no act is missing."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

import structlog

from causette.accounts import Caller
from causette.audit import store
from causette.audit.types import AuditEntry, AuditOutcome
from causette.db import Database
from causette.errors import CausetteError
from causette.ids import new_id

#: Who acts when it is whoever types commands on the server.
COMMAND_LINE: Final = "command line"

_log = structlog.get_logger("causette.audit")


class AuditLog:
    """Acts, kept in ``database`` and told to the server's log as ``audit``."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    @asynccontextmanager
    async def act(
        self, actor: Caller | str, act: str, *, target_id: str, target: str, **details: object
    ) -> AsyncGenerator[None]:
        """Around an act: notes that it begins, and how it ended.

        Args:
            actor: Who does it; `COMMAND_LINE` for whoever types commands on the server, or the name of what acts by
                itself.
            act: What, as ``account.disable``.
            target_id: To whom or to what.
            target: What people call that now.
            details: What else is to be known. Never a secret.
        """
        entry = AuditEntry(
            id=new_id("audit"),
            at=self._now(),
            actor_id=actor if isinstance(actor, str) else actor.user.id,
            actor=actor if isinstance(actor, str) else actor.user.email,
            act=act,
            target_id=target_id,
            target=target,
            details=details,
            outcome="begun",
        )
        async with self._database.write() as connection:
            await store.insert_entry(connection, entry)
        try:
            yield
        except CausetteError as error:
            await self._end(entry, "refused", error.code)
            raise
        await self._end(entry, "done")

    async def entries(
        self, *, target_id: str | None = None, before: str | None = None, limit: int = 50
    ) -> tuple[AuditEntry, ...]:
        """Acts, the newest first. ``before`` is the id of the last one of the page before."""
        async with self._database.read() as connection:
            return await store.entries(connection, target_id=target_id, before=before, limit=limit)

    async def _end(self, entry: AuditEntry, outcome: AuditOutcome, refusal: str | None = None) -> None:
        told: Mapping[str, object] = {} if refusal is None else {"refusal": refusal}
        _log.info(
            "audit",
            act=entry.act,
            actor_id=entry.actor_id,
            target_id=entry.target_id,
            outcome=outcome,
            **entry.details,
            **told,
        )
        async with self._database.write() as connection:
            await store.end_entry(connection, entry.id, outcome, refusal)
