"""``/api/admin``, the books and the audit log: for those who run the house."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, status

from causette.accounts.authentication import HouseOwner, accounts_of
from causette.console.bodies.books import (
    AuditEntryOut,
    AuditPage,
    ChargeCorrectionBody,
    MachineList,
    MachineOut,
    RequestAccountOut,
)
from causette.console.bodies.common import nano_of
from causette.console.bodies.usage import HouseUsageOut, RequestList, payers_in
from causette.console.house import console_of
from causette.console.usage_routes import Cursor, From, Limit, To
from causette.errors import InvalidRequest
from causette.ledger.usage import Bucket, Group, Scope

_LONGEST_ID: Final = 128

_Id = Annotated[str | None, Query(max_length=_LONGEST_ID)]


def book_router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api/admin", tags=["admin"])
    _usage(routes)
    _requests(routes)

    @routes.get("/audit")
    async def read_audit_log(
        actor: HouseOwner, request: Request, target_id: _Id = None, before: Cursor = None, limit: Limit = 50
    ) -> AuditPage:
        """What those who run the house did, the newest first."""
        log = console_of(request).audit
        found = await log.entries(target_id=target_id, before=before, limit=limit + 1)
        items = [AuditEntryOut.of(entry) for entry in found[:limit]]
        return AuditPage(items=items, next=items[-1].id if len(found) > limit else None)

    return routes


def _usage(routes: APIRouter) -> None:
    @routes.get("/usage")
    async def house_usage(
        actor: HouseOwner,
        request: Request,
        start: From = None,
        end: To = None,
        bucket: Bucket | None = None,
        group_by: Group | None = None,
        payer_id: _Id = None,
        model: _Id = None,
        plan_id: _Id = None,
    ) -> HouseUsageOut:
        """Everybody's usage, in rows by time and group: tokens, charges, costs, compute and energy."""
        scope = Scope(payer_id=payer_id, model=model, plan_id=plan_id)
        reports = console_of(request).reports
        return HouseUsageOut.of(await reports.usage(scope, start, end, bucket=bucket, group_by=group_by))

    @routes.get("/machines")
    async def machine_bills(
        actor: HouseOwner, request: Request, start: From = None, end: To = None
    ) -> MachineList:
        """What each machine was billed for requests, for training, and standing idle."""
        found = await console_of(request).reports.machines(start, end)
        return MachineList(items=[MachineOut.model_validate(row) for row in found])


def _requests(routes: APIRouter) -> None:
    @routes.get("/requests")
    async def list_requests(
        actor: HouseOwner,
        request: Request,
        payer_id: _Id = None,
        user_id: _Id = None,
        key_id: _Id = None,
        model: _Id = None,
        before: Cursor = None,
        limit: Limit = 50,
    ) -> RequestList:
        """Everybody's requests, the newest first. No word of what was said in them."""
        scope = Scope(payer_id=payer_id, user_id=user_id, key_id=key_id, model=model)
        page = await console_of(request).reports.requests(scope, limit=limit, before=before)
        return RequestList.of(page, await accounts_of(request).names_of(payers_in(page)))

    @routes.get("/requests/{request_id}")
    async def get_request(request_id: str, actor: HouseOwner, request: Request) -> RequestAccountOut:
        """One request: its way, what it took, its price, and every posting about it."""
        return await _account(request, request_id)

    @routes.post("/requests/{request_id}/corrections", status_code=status.HTTP_201_CREATED)
    async def correct_request(
        request_id: str, body: ChargeCorrectionBody, actor: HouseOwner, request: Request
    ) -> RequestAccountOut:
        """Change what a settled request was charged, by a posting. The same `reference` does so once."""
        delta = nano_of(body.usd, param="usd")
        if delta == 0:
            raise InvalidRequest("A correction of nothing is none.", param="usd")
        await console_of(request).correct(actor, request_id, delta, body.memo, body.reference)
        return await _account(request, request_id)


async def _account(request: Request, request_id: str) -> RequestAccountOut:
    found = await console_of(request).reports.request(request_id)
    row = found.request
    known = (row.payer_id, row.user_id, row.workspace_id, row.key_id)
    names = await accounts_of(request).names_of(item for item in known if item)
    return RequestAccountOut.of(found, names)
