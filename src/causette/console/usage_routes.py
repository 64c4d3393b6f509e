"""``/api/usage``: what oneself, or the workspace that one acts for, has used and may use."""

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, AwareDatetime

from causette.accounts.authentication import SignedInCaller
from causette.console.bodies.usage import LimitList, LimitOut, RequestList, UsageOut
from causette.console.house import console_of
from causette.console.reports import own
from causette.ledger.usage import Bucket, Group

_LONGEST_CURSOR: Final = 200
_FIRST_YEAR: Final = 1970


def _in_utc(instant: datetime) -> datetime:
    try:
        known = instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("in UTC it is in no year from 1 to 9999") from None
    if known.year < _FIRST_YEAR:
        raise ValueError(f"there are no books of before {_FIRST_YEAR}")
    return known


_Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
From = Annotated[
    _Instant | None, Query(alias="from", description="Thirty days before the end, when not given")
]
To = Annotated[_Instant | None, Query(alias="to", description="Now, when not given")]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=_LONGEST_CURSOR)]


def usage_router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api/usage", tags=["usage"])

    @routes.get("")
    async def own_usage(
        caller: SignedInCaller,
        request: Request,
        start: From = None,
        end: To = None,
        bucket: Bucket | None = None,
        group_by: Group | None = None,
    ) -> UsageOut:
        """What was used, in rows by time and group. In a workspace, plain members see their own part."""
        reports = console_of(request).reports
        return UsageOut.of(await reports.usage(own(caller), start, end, bucket=bucket, group_by=group_by))

    @routes.get("/limits")
    async def own_limits(caller: SignedInCaller, request: Request) -> LimitList:
        """The limits of one's plan and budgets, and how far each is used."""
        found = await console_of(request).reports.limits(caller)
        return LimitList(items=[LimitOut.of(state) for state in found])

    @routes.get("/requests")
    async def own_requests(
        caller: SignedInCaller, request: Request, limit: Limit = 50, before: Cursor = None
    ) -> RequestList:
        """Single requests, the newest first."""
        reports = console_of(request).reports
        return RequestList.of(await reports.requests(own(caller), limit=limit, before=before))

    return routes
