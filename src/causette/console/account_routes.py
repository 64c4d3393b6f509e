"""``/api/admin``, people and what they have: for those who run the house."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, status

from causette.accounts.authentication import HouseOwner
from causette.clock import utc_now
from causette.console.bodies.accounts import (
    AccountOut,
    AssignBody,
    BudgetBody,
    CatalogueOut,
    CreditState,
    GrantBody,
    HeldKeyList,
    HeldKeyOut,
    InvoicePatch,
    PersonInList,
    PersonList,
    PersonPatch,
    SharedList,
    SharedOut,
)
from causette.console.bodies.common import MeterName, WindowName, count_of, nano_of
from causette.console.house import console_of
from causette.console.usage_routes import Cursor, Limit
from causette.errors import InvalidRequest
from causette.ledger.types import Meter
from causette.plans import Budget
from causette.plans.bodies import InvoiceOut, SubscriptionOut
from causette.plans.service import window_called
from causette.plans.subscriptions import Assignment

_LONGEST_QUERY: Final = 200

Containing = Annotated[str, Query(max_length=_LONGEST_QUERY)]
After = Annotated[str, Query(max_length=_LONGEST_QUERY)]


def account_router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api/admin", tags=["admin"])
    _people(routes)
    _accounts(routes)
    _plans_and_keys(routes)
    return routes


def _people(routes: APIRouter) -> None:
    @routes.get("/people")
    async def list_people(
        actor: HouseOwner, request: Request, q: Containing = "", after: After = "", limit: Limit = 50
    ) -> PersonList:
        """People whose names or addresses hold `q`, the oldest account first."""
        found = await console_of(request).people(q, after=after, limit=limit + 1)
        items = [PersonInList.with_plan(person.user, person.plan_id) for person in found[:limit]]
        return PersonList(items=items, next=items[-1].id if len(found) > limit else None)

    @routes.patch("/people/{user_id}")
    async def change_person(
        user_id: str, body: PersonPatch, actor: HouseOwner, request: Request
    ) -> AccountOut:
        """Have somebody run the house or only use it, refuse them, or let them in again."""
        console = console_of(request)
        if body.role is None and body.disabled is None:
            raise InvalidRequest("There is nothing to change. Send role or disabled.")
        if body.role is not None:
            await console.set_role(actor, user_id, body.role)
        if body.disabled is not None:
            await console.set_disabled(actor, user_id, body.disabled)
        return AccountOut.of(await console.account(actor, user_id))

    @routes.delete("/people/{user_id}/sessions", status_code=status.HTTP_204_NO_CONTENT)
    async def sign_person_out(user_id: str, actor: HouseOwner, request: Request) -> None:
        """Sign somebody out everywhere."""
        await console_of(request).end_sessions(actor, user_id)

    @routes.get("/workspaces")
    async def list_all_workspaces(
        actor: HouseOwner, request: Request, q: Containing = "", after: After = "", limit: Limit = 50
    ) -> SharedList:
        """Workspaces whose names hold `q`, the oldest first."""
        found = await console_of(request).workspaces(q, after=after, limit=limit + 1)
        items = [
            SharedOut(
                id=item.workspace.id,
                name=item.workspace.name,
                created_at=item.workspace.created_at,
                members=item.members,
                plan_id=item.plan_id,
            )
            for item in found[:limit]
        ]
        return SharedList(items=items, next=items[-1].id if len(found) > limit else None)


def _accounts(routes: APIRouter) -> None:
    @routes.get("/accounts/{account_id}")
    async def get_account(account_id: str, actor: HouseOwner, request: Request) -> AccountOut:
        """A person's or a workspace's account: plan, budgets, credit, limits, invoices, this month's usage."""
        return AccountOut.of(await console_of(request).account(actor, account_id))

    @routes.put("/accounts/{account_id}/plan")
    async def assign_plan(
        account_id: str, body: AssignBody, actor: HouseOwner, request: Request
    ) -> SubscriptionOut:
        """Give an account a plan, in place of the one it has; an invoiced difference is prorated."""
        assignment = Assignment(
            plan_id=body.plan_id,
            seats=body.seats,
            collection=body.collection,
            trial_days=body.trial_days,
            postpaid_nano=nano_of(body.postpaid_usd, param="postpaid_usd"),
        )
        return SubscriptionOut.of(await console_of(request).assign(actor, account_id, assignment))

    @routes.delete("/accounts/{account_id}/plan")
    async def end_plan(
        account_id: str,
        actor: HouseOwner,
        request: Request,
        at_once: Annotated[bool, Query(description="Not when the period ends")] = False,
    ) -> SubscriptionOut:
        """End an account's subscription; the default plan is in force from then on."""
        return SubscriptionOut.of(await console_of(request).end_plan(actor, account_id, at_once=at_once))

    @routes.put("/accounts/{account_id}/budgets", status_code=status.HTTP_204_NO_CONTENT)
    async def set_budget(account_id: str, body: BudgetBody, actor: HouseOwner, request: Request) -> None:
        """Cap what an account may use."""
        read = nano_of if body.meter == "money" else count_of
        amount = read(body.amount, param="amount")
        budget = _budget(account_id, body.meter, body.window, amount, body.workspace_id)
        await console_of(request).set_budget(actor, budget)

    @routes.delete("/accounts/{account_id}/budgets", status_code=status.HTTP_204_NO_CONTENT)
    async def lift_budget(
        account_id: str,
        meter: MeterName,
        window: WindowName,
        actor: HouseOwner,
        request: Request,
        workspace_id: Annotated[str | None, Query(max_length=64)] = None,
    ) -> None:
        """Lift a cap."""
        await console_of(request).lift_budget(actor, _budget(account_id, meter, window, 0, workspace_id))

    @routes.post("/accounts/{account_id}/credit", status_code=status.HTTP_201_CREATED)
    async def grant_credit(
        account_id: str, body: GrantBody, actor: HouseOwner, request: Request
    ) -> CreditState:
        """Give an account credit. The same `reference` gives it once."""
        nano = await console_of(request).grant_credit(
            actor, account_id, nano_of(body.usd, param="usd"), body.memo, body.reference
        )
        return CreditState(credit_nano=nano)

    @routes.patch("/invoices/{invoice_id}")
    async def end_invoice(
        invoice_id: str, body: InvoicePatch, actor: HouseOwner, request: Request
    ) -> InvoiceOut:
        """Note that an open invoice is paid, or is not to be paid."""
        return InvoiceOut.of(await console_of(request).end_invoice(actor, invoice_id, body.status))


def _plans_and_keys(routes: APIRouter) -> None:
    @routes.get("/plans")
    async def show_plans(actor: HouseOwner, request: Request) -> CatalogueOut:
        """The plans in force, and what is wrong with the owner's file."""
        return CatalogueOut.of(await console_of(request).catalogue(), utc_now().date())

    @routes.get("/keys")
    async def list_all_keys(
        actor: HouseOwner, request: Request, q: Containing = "", before: Cursor = None, limit: Limit = 50
    ) -> HeldKeyList:
        """Everybody's API keys, the newest first."""
        found = await console_of(request).keys(q, before=before, limit=limit + 1)
        items = [HeldKeyOut.held(item) for item in found[:limit]]
        return HeldKeyList(items=items, next=items[-1].id if len(found) > limit else None)

    @routes.delete("/keys/{key_id}", status_code=status.HTTP_204_NO_CONTENT)
    async def revoke_any_key(key_id: str, actor: HouseOwner, request: Request) -> None:
        """End anybody's key at once."""
        await console_of(request).end_key(actor, key_id)


def _budget(
    account_id: str, meter: MeterName, window: WindowName, amount: int, workspace_id: str | None
) -> Budget:
    return Budget(
        subject_id=account_id,
        meter=Meter(meter),
        window=window_called(window),
        amount=amount,
        workspace_id=workspace_id,
    )
