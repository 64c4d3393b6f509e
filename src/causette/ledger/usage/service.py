"""Answers questions about usage and balances. The rooms above decide who may ask them, and about whom."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from causette.db import Database
from causette.errors import InvalidRequest
from causette.ledger.types import Book
from causette.ledger.usage import store
from causette.ledger.usage.types import (
    Balance,
    Bucket,
    Group,
    MachineRow,
    RequestAccount,
    RequestPage,
    Scope,
    UsageRow,
)

_HOUR_US: Final = 3_600_000_000
_DAY_US: Final = 24 * _HOUR_US
#: Requests that one page has at most.
LONGEST_PAGE: Final = 200


class UsageReports:
    """Sums over requests, pages of single ones, and what is on accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def usage(
        self,
        scope: Scope,
        start: datetime,
        end: datetime,
        *,
        bucket: Bucket | None = None,
        group_by: Group | None = None,
    ) -> tuple[UsageRow, ...]:
        """What was settled of the requests that began from ``start`` on and before ``end``.

        A row for each hour, day or month in UTC in which there was something, and for each group in it; one row for
        all of it where neither is asked for, and none where there was nothing.
        """
        # Months are of different lengths: they are added up from their days.
        width = {None: None, "hour": _HOUR_US, "day": _DAY_US, "month": _DAY_US}[bucket]
        async with self._database.read() as connection:
            rows = await store.sums(connection, scope, start, end, width_us=width, group_by=group_by)
        return _by_month(rows) if bucket == "month" else tuple(rows)

    async def requests(self, scope: Scope, *, limit: int = 50, before: str | None = None) -> RequestPage:
        """Single requests, the newest first. ``before`` is the ``next`` of the page that they follow.

        Raises:
            InvalidRequest: ``limit`` or ``before`` is none.
        """
        if not 1 <= limit <= LONGEST_PAGE:
            raise InvalidRequest(
                f"A page of {limit} requests cannot be given. Ask for 1 to {LONGEST_PAGE}.", param="limit"
            )
        place = None if before is None else _read_cursor(before)
        async with self._database.read() as connection:
            found = await store.latest(connection, scope, before=place, limit=limit + 1)
        items = tuple(found[:limit])
        more = len(found) > limit
        return RequestPage(items, _cursor(items[-1].created_at, items[-1].id) if more else None)

    async def request(self, request_id: str) -> RequestAccount | None:
        """Everything that is kept of one request; None when there is none with this id."""
        async with self._database.read() as connection:
            return await store.account_of(connection, request_id)

    async def machines(self, start: datetime, end: datetime) -> tuple[MachineRow, ...]:
        """What each machine was billed for the periods that ended after ``start`` and by ``end``, and for what."""
        async with self._database.read() as connection:
            return tuple(await store.machine_sums(connection, start, end))

    async def balances(self, *, book: Book | None = None, account: str = "") -> tuple[Balance, ...]:
        """What is on the accounts whose names begin with ``account``, of one book or of both."""
        async with self._database.read() as connection:
            return tuple(await store.balances_of(connection, book, account))


def _by_month(days: Iterable[UsageRow]) -> tuple[UsageRow, ...]:
    months: dict[tuple[datetime, str | None], UsageRow] = {}
    for day in days:
        assert day.start is not None
        month = day.start.replace(day=1)
        before = months.get((month, day.group))
        months[month, day.group] = _added(before, day) if before else replace(day, start=month)
    # Days are in order; a group that was first used late in a month still belongs among that month's.
    return tuple(sorted(months.values(), key=lambda row: (row.start, row.group is None, row.group or "")))


def _added(one: UsageRow, other: UsageRow) -> UsageRow:
    amounts = (name for name in UsageRow.__dataclass_fields__ if name not in {"start", "group"})
    return replace(one, **{name: getattr(one, name) + getattr(other, name) for name in amounts})


def _cursor(instant: datetime, request_id: str) -> str:
    return urlsafe_b64encode(f"{instant.isoformat()} {request_id}".encode()).decode().rstrip("=")


def _read_cursor(text: str) -> tuple[datetime, str]:
    try:
        instant, _, request_id = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition(" ")
        began = datetime.fromisoformat(instant).astimezone(UTC)
    except (ValueError, OverflowError):
        request_id, began = "", datetime.min.replace(tzinfo=UTC)
    # PostgreSQL takes no text with a NUL in it.
    if not request_id or "\0" in request_id:
        raise InvalidRequest(
            f"{text!r} is no cursor. Use the `next` of the page before, or leave it out.", param="before"
        )
    return began, request_id
