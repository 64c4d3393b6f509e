"""The count of attempts, in the database: neither many at once nor several servers get more of them."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from causette.accounts import lockout, store
from causette.db import Database
from causette.errors import TooManyRequests

# More than one attempt can add, so that the table does not grow for ever.
_DROPPED_AT_ONCE: Final = 10


@dataclass(frozen=True, slots=True)
class Count:
    """What is counted, and how. ``cleared`` by a success; otherwise a success takes back one attempt only."""

    subject: bytes
    rule: lockout.Rule
    cleared: bool = False


class Attempts:
    """Counts attempts at passwords and codes before they are looked at."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    async def count(self, counts: Iterable[Count], *, what: str) -> None:
        """Count one attempt in all of ``counts``, or in none when one of them has to wait.

        Args:
            counts: What to count by.
            what: What there were too many of, for the message: ``"wrong passwords"``.

        Raises:
            TooManyRequests: one has to wait; ``retry_after`` says how long (``too_many_attempts``).
        """
        now = self._now()
        blocked_until = now
        # In one order everywhere: two that lock the same rows in different orders would wait for each other.
        ordered = sorted(counts, key=lambda count: count.subject)
        async with self._database.write() as connection:
            found = [await store.lock_attempts(connection, count.subject, at=now) for count in ordered]
            blocked_until = max(until for _, _, until in found)
            if blocked_until <= now:
                for count, (failures, last_at, _) in zip(ordered, found, strict=True):
                    failed = 1 + (failures if now - last_at < lockout.FORGOTTEN_AFTER else 0)
                    await store.record_attempt(
                        connection,
                        count.subject,
                        failures=failed,
                        at=now,
                        blocked_until=now + lockout.delay_after(failed, count.rule),
                    )
                await store.forget_attempts_before(
                    connection, now - lockout.FORGOTTEN_AFTER, most=_DROPPED_AT_ONCE
                )
                return
        seconds = math.ceil((blocked_until - now).total_seconds())
        raise TooManyRequests(
            f"Too many {what}. Wait {seconds} s and try again.",
            code="too_many_attempts",
            retry_after=float(seconds),
        )

    async def forgive(self, connection: AsyncConnection, counts: Iterable[Count]) -> None:
        """Take back what `count` counted: the attempt was no failure."""
        for count in sorted(counts, key=lambda count: count.subject):
            if count.cleared:
                await store.forget_attempts(connection, count.subject)
                continue
            failures, last_at, _ = await store.lock_attempts(connection, count.subject, at=self._now())
            left = max(failures - 1, 0)
            await store.record_attempt(
                connection,
                count.subject,
                failures=left,
                at=last_at,
                blocked_until=last_at + lockout.delay_after(left, count.rule),
            )
