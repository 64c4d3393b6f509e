"""Usage, requests and machines: one's own, and for who runs the house everybody's."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from causette.accounts import Accounts, Caller
from causette.console.limits import limits_of
from causette.console.types import LimitState
from causette.errors import InvalidRequest, NotFound
from causette.gateway import Deployment
from causette.ledger.service import Ledger
from causette.ledger.usage import (
    Bucket,
    Group,
    MachineRow,
    RequestAccount,
    RequestPage,
    Scope,
    UsageReports,
    UsageRow,
)
from causette.plans import Plans

_USUAL_SPAN: Final = timedelta(days=30)
# Each stretch may be a row for each group: more is nothing that a page could show.
_LONGEST: Final[Mapping[Bucket | None, timedelta]] = {
    "hour": timedelta(days=32),
    "day": timedelta(days=400),
    "month": timedelta(days=3700),
    None: timedelta(days=3700),
}
# What is grouped by these is named by an id.
_NAMED: Final = frozenset[Group | None]({"user", "key", "workspace"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Rows of usage in some time. ``names`` says what people call the groups that are ids."""

    start: datetime
    end: datetime
    rows: tuple[UsageRow, ...]
    names: Mapping[str, str]


class Reports:
    """Answers from the books. Who may ask for what is decided here for oneself, and by the routes for everybody."""

    def __init__(
        self,
        usage: UsageReports,
        ledger: Ledger,
        plans: Plans,
        accounts: Accounts,
        deployments: Iterable[Deployment],
        now: Callable[[], datetime],
    ) -> None:
        self._usage = usage
        self._ledger = ledger
        self._plans = plans
        self._accounts = accounts
        self._deployments = tuple(deployments)
        self._now = now

    async def usage(
        self,
        scope: Scope,
        start: datetime | None,
        end: datetime | None,
        *,
        bucket: Bucket | None,
        group_by: Group | None,
    ) -> Usage:
        """What was used from ``start`` on and before ``end``: in the last thirty days where nothing is said.

        Raises:
            InvalidRequest: the time ends before it begins, or is too long for rows of ``bucket``.
        """
        end = self._now() if end is None else end
        start = end - _USUAL_SPAN if start is None else start
        if start >= end:
            raise InvalidRequest(f"The time ends ({end.isoformat()}) before it begins.", param="to")
        longest = _LONGEST[bucket]
        if end - start > longest:
            raise InvalidRequest(
                f"Rows by {bucket or 'nothing'} are given for {longest.days} days at most, not for "
                f"{(end - start).days}. Ask for less, or for longer stretches.",
                param="from",
            )
        rows = await self._usage.usage(scope, start, end, bucket=bucket, group_by=group_by)
        groups = {row.group for row in rows if row.group is not None} if group_by in _NAMED else set[str]()
        return Usage(start=start, end=end, rows=rows, names=await self._accounts.names_of(groups))

    async def limits(self, caller: Caller) -> tuple[LimitState, ...]:
        """The limits that a caller meets, and how far each is used."""
        allowed = await self._plans.entitlements(caller)
        return await limits_of(self._ledger, allowed, caller, self._deployments)

    async def requests(self, scope: Scope, *, limit: int, before: str | None) -> RequestPage:
        """Single requests, the newest first; see `UsageReports.requests`."""
        return await self._usage.requests(scope, limit=limit, before=before)

    async def request(self, request_id: str) -> RequestAccount:
        """Everything that is kept of one request.

        Raises:
            NotFound: there is none with this id.
        """
        found = await self._usage.request(request_id)
        if found is None:
            raise NotFound(f"There is no request with the id {request_id!r}. Such ids begin with 'req_'.")
        return found

    async def machines(self, start: datetime | None, end: datetime | None) -> tuple[MachineRow, ...]:
        """What machines were billed for requests, for training, and standing idle."""
        end = self._now() if end is None else end
        return await self._usage.machines(end - _USUAL_SPAN if start is None else start, end)

    async def this_month(self, payer_id: str) -> UsageRow | None:
        """What a payer has used since the month began; None for nothing."""
        now = self._now()
        begin = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        rows = await self._usage.usage(Scope(payer_id=payer_id), begin, now)
        return rows[0] if rows else None


def own(caller: Caller) -> Scope:
    """What of the books is the caller's to see: their own; of a workspace all as its admin, else their part of it."""
    if caller.workspace_id is not None and caller.workspace_role == "member":
        return Scope(payer_id=caller.workspace_id, user_id=caller.user.id)
    return Scope(payer_id=caller.payer_id)
