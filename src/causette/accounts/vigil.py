"""What goes on after its request was let in: it ends soon after whoever asked for it has been sent away."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

import structlog

from causette.accounts import store
from causette.accounts.keys import store as keys
from causette.accounts.types import Caller
from causette.accounts.workspaces.store import MEMBERSHIP, membership_in, workspace_members
from causette.db import Database
from causette.errors import NotAuthenticated, Unavailable

_log = structlog.get_logger(__name__)

# What has just been let in is looked at the second time round. A reader of events notices within half a second more:
# together, about a second.
_LOOKS_EVERY: Final = 0.25

_Result = TypeVar("_Result")


@dataclass(slots=True, eq=False)
class Watch:
    """Whether the session or key that something was let in by is ``over``; ``work`` is cancelled once it is."""

    caller: Caller
    work: asyncio.Task[object] | None = None
    over: bool = False
    is_new: bool = True

    def end(self) -> None:
        """Note that it is over."""
        if not self.over:
            self.over = True
            if self.work is not None:
                self.work.cancel()


class Vigil:
    """Looks after all that is open in this process, with one query for all sessions and one for all keys."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._now = now
        self._sessions = database.lookup(store.SESSION, store.sessions.c.id)
        self._keys = database.lookup(keys.HOLDER, keys.api_keys.c.id)
        self._memberships = database.lookup(MEMBERSHIP, workspace_members.c.user_id)
        self._watches: set[Watch] = set()
        self._looking: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait((self._looking,))

    @contextmanager
    def watch(self, caller: Caller) -> Generator[Watch]:
        """Look after the session or key of ``caller`` for as long as the block lasts.

        Its ``over`` turns true within half a second of when the session or key is revoked or expires, its person is
        disabled or deleted, or leaves the workspace that they act for, wherever that happens.
        """
        watch = Watch(caller)
        self._begin(watch)
        try:
            yield watch
        finally:
            self._watches.discard(watch)

    async def while_good(self, caller: Caller, work: Coroutine[object, object, _Result]) -> _Result:
        """The result of ``work``, which is cancelled when the caller is sent away, as `watch` says when.

        Raises:
            NotAuthenticated: they were (``not_authenticated``, or ``invalid_api_key`` for a key).
        """
        task = asyncio.current_task()
        assert task is not None
        before = task.cancelling()
        watch = Watch(caller, task)
        self._begin(watch)
        is_only_ours = False
        try:
            try:
                return await work
            finally:
                self._watches.discard(watch)
                # Nothing of our cancelling may remain, and nobody else's be swallowed.
                is_only_ours = watch.over and task.uncancel() <= before
        except asyncio.CancelledError:
            if is_only_ours:
                raise _sent_away(caller) from None
            raise

    def _begin(self, watch: Watch) -> None:
        self._watches.add(watch)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        try:
            while self._watches:
                await asyncio.sleep(_LOOKS_EVERY)
                # Most requests end before they are due, and cost no query.
                due = tuple(watch for watch in self._watches if not watch.is_new)
                for watch in self._watches:
                    watch.is_new = False
                try:
                    if due:
                        await self._look_at(due)
                except Unavailable as error:
                    # Nobody can be sent away either while the database does not answer.
                    _log.warning("open streams wait for the database", code=error.code)
        finally:
            self._looking = None

    async def _look_at(self, watches: tuple[Watch, ...]) -> None:
        callers = [watch.caller for watch in watches]
        good = await self._good_sessions({caller.session_id for caller in callers if caller.session_id})
        good |= await self._good_keys({caller.key_id for caller in callers if caller.key_id})
        workers = {caller.user.id for caller in callers if caller.workspace_id and caller.session_id}
        rows = await self._memberships.find_all(workers) if workers else ()
        places = {(found.user_id, found.workspace.id) for found in map(membership_in, rows)}
        for watch in watches:
            caller = watch.caller
            # A key's membership is part of whether the key is good.
            here = (
                caller.workspace_id is None
                or caller.session_id is None
                or (caller.user.id, caller.workspace_id) in places
            )
            if not here or (caller.session_id or caller.key_id) not in good:
                watch.end()

    async def _good_sessions(self, asked: set[str]) -> set[str]:
        if not asked:
            return set()
        now = self._now()
        found = map(store.signed_in_person, await self._sessions.find_all(asked))
        return {
            session.id for session, user in found if session.expires_at > now and user.disabled_at is None
        }

    async def _good_keys(self, asked: set[str]) -> set[str]:
        if not asked:
            return set()
        now = self._now()
        found = map(keys.holder_in, await self._keys.find_all(asked))
        return {holder.key.id for holder in found if holder.is_let_in(now)}


def _sent_away(caller: Caller) -> NotAuthenticated:
    if caller.key_id is not None:
        return NotAuthenticated(
            "The API key has expired or was revoked while it was being answered. Send another one.",
            code="invalid_api_key",
        )
    return NotAuthenticated("Your session has ended. Sign in and try again.")
