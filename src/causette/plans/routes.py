"""``/api/plans``, ``/api/subscription``, ``/api/invoices``, ``/api/credit``: choosing a plan and paying for it."""

from typing import Annotated, Final, Protocol

from fastapi import APIRouter, Header, Query, Request, status
from fastapi.responses import HTMLResponse

from causette.accounts.authentication import SignedInCaller
from causette.accounts.ownership import owned, require_role
from causette.accounts.types import Caller
from causette.amounts import NANO_DECIMALS, shown, whole_units
from causette.clock import utc_now
from causette.errors import InvalidRequest
from causette.plans.billing import Invoice
from causette.plans.bodies import (
    CreditBody,
    CreditOut,
    InvoiceList,
    InvoiceOut,
    PaymentPage,
    PlanCatalogue,
    PlanInForce,
    PlanOut,
    PreviewOut,
    SubscribeBody,
    SubscriptionOut,
    SubscriptionPatch,
)
from causette.plans.invoice_page import Language, invoice_page
from causette.plans.service import Plans

# The page runs nothing and loads nothing.
_PAGE_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"


class House(Protocol):
    """As much of the application's state as this room needs."""

    @property
    def plans(self) -> Plans: ...


def plans_of(request: Request) -> Plans:
    """The application's plans, from ``app.state.house``."""
    house: House = request.app.state.house
    return house.plans


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api", tags=["plans"])
    _plan_routes(routes)
    _subscription_routes(routes)
    _invoice_routes(routes)
    _credit_routes(routes)

    @routes.post("/stripe/webhook", status_code=status.HTTP_204_NO_CONTENT)
    async def stripe_webhook(
        request: Request, stripe_signature: Annotated[str | None, Header()] = None
    ) -> None:
        """What Stripe has to say. Its signature over the very bytes is what lets it in."""
        await plans_of(request).payments.receive(await request.body(), stripe_signature)

    return routes


def _plan_routes(routes: APIRouter) -> None:
    @routes.get("/plans")
    async def list_plans(caller: SignedInCaller, request: Request) -> PlanCatalogue:
        """The plans that can be chosen, with their prices now and the next ones, and what tokens cost."""
        plans = plans_of(request)
        return PlanCatalogue.of(plans.book.current, takes_cards=plans.takes_cards)


def _subscription_routes(routes: APIRouter) -> None:
    @routes.get("/subscription")
    async def get_subscription(caller: SignedInCaller, request: Request) -> PlanInForce:
        """The plan in force for oneself, or for the workspace that one acts for."""
        plans = plans_of(request)
        allowed = await plans.entitlements(caller)
        found = await plans.subscriptions.find(caller.payer_id)
        return PlanInForce(
            plan_id=allowed.plan_id,
            plan=PlanOut.of(plans.book.current.plan(allowed.plan_id), utc_now().date()),
            features=sorted(allowed.features),
            subscription=None if found is None else SubscriptionOut.of(found),
        )

    @routes.get("/subscription/preview")
    async def preview_change(
        caller: SignedInCaller,
        request: Request,
        plan_id: Annotated[str | None, Query(min_length=1, max_length=64)] = None,
        seats: Annotated[int | None, Query(ge=1, le=1_000_000)] = None,
    ) -> PreviewOut:
        """What `PATCH /api/subscription` would do and cost now. Changes nothing."""
        subscriptions = plans_of(request).subscriptions
        return PreviewOut.of(await subscriptions.preview(_paying(caller), plan_id=plan_id, seats=seats))

    @routes.post("/subscription", status_code=status.HTTP_201_CREATED)
    async def subscribe(body: SubscribeBody, caller: SignedInCaller, request: Request) -> SubscriptionOut:
        """Subscribe to a plan that has no price, or to one for its trial."""
        payer_id = _paying(caller)
        return SubscriptionOut.of(
            await plans_of(request).subscriptions.start(payer_id, body.plan_id, body.seats, by=caller.user.id)
        )

    @routes.patch("/subscription")
    async def change_subscription(
        body: SubscriptionPatch, caller: SignedInCaller, request: Request
    ) -> SubscriptionOut:
        """Change plan or seats, or take back a cancellation."""
        payer_id, plans = _paying(caller), plans_of(request)
        if body.cancel_at_period_end:
            return SubscriptionOut.of(await plans.cancel(payer_id))
        if body.plan_id is not None or body.seats is not None:
            return SubscriptionOut.of(await plans.change(payer_id, plan_id=body.plan_id, seats=body.seats))
        if body.cancel_at_period_end is None:
            raise InvalidRequest("There is nothing to change. Send plan_id, seats or cancel_at_period_end.")
        return SubscriptionOut.of(await plans.resume(payer_id))

    @routes.delete("/subscription")
    async def cancel_subscription(
        caller: SignedInCaller,
        request: Request,
        at_once: Annotated[bool, Query(description="Not when the period ends")] = False,
    ) -> SubscriptionOut:
        """End the subscription when its period ends, or at once."""
        return SubscriptionOut.of(await plans_of(request).cancel(_paying(caller), at_once=at_once))

    @routes.post("/subscription/checkout")
    async def check_out(body: SubscribeBody, caller: SignedInCaller, request: Request) -> PaymentPage:
        """Where to pay for a plan."""
        payer_id = _paying(caller)
        return PaymentPage(
            url=await plans_of(request).payments.check_out(
                payer_id, body.plan_id, body.seats, by=caller.user.id
            )
        )

    @routes.post("/subscription/portal")
    async def open_portal(caller: SignedInCaller, request: Request) -> PaymentPage:
        """Where to change cards and addresses."""
        return PaymentPage(url=await plans_of(request).payments.portal(_paying(caller)))


def _invoice_routes(routes: APIRouter) -> None:
    @routes.get("/invoices")
    async def list_invoices(caller: SignedInCaller, request: Request) -> InvoiceList:
        """One's own invoices, or the workspace's that one acts for."""
        found = await plans_of(request).invoices.of(_paying(caller))
        return InvoiceList(items=[InvoiceOut.of(invoice) for invoice in found])

    @routes.get("/invoices/{invoice_id}.html", response_class=HTMLResponse)
    async def print_invoice(
        invoice_id: str, caller: SignedInCaller, request: Request, lang: Language = "en"
    ) -> HTMLResponse:
        """An invoice as a page to print."""
        invoice = await _invoice(request, caller, invoice_id)
        return HTMLResponse(invoice_page(invoice, lang), headers={"content-security-policy": _PAGE_POLICY})

    @routes.get("/invoices/{invoice_id}")
    async def get_invoice(invoice_id: str, caller: SignedInCaller, request: Request) -> InvoiceOut:
        """One invoice."""
        return InvoiceOut.of(await _invoice(request, caller, invoice_id))


def _credit_routes(routes: APIRouter) -> None:
    @routes.get("/credit")
    async def get_credit(caller: SignedInCaller, request: Request) -> CreditOut:
        """Prepaid credit, of oneself or of the workspace that one acts for."""
        nano = await plans_of(request).credit(caller.payer_id)
        return CreditOut(usd=shown(nano, NANO_DECIMALS), nano=nano)

    @routes.post("/credit/checkout")
    async def buy_credit(body: CreditBody, caller: SignedInCaller, request: Request) -> PaymentPage:
        """Where to pay for credit."""
        payer_id, plans = _paying(caller), plans_of(request)
        try:
            nano = whole_units(body.usd, NANO_DECIMALS)
        except ValueError as error:
            raise InvalidRequest(f"{error}.", param="usd") from None
        return PaymentPage(url=await plans.payments.check_out_credit(payer_id, nano))


def _paying(caller: Caller) -> str:
    """Who pays, if the caller may speak for them: anybody for themselves, admins for their workspace.

    Raises:
        Forbidden: a member of a workspace is not one of its admins (``insufficient_role``).
    """
    if caller.workspace_id is not None:
        require_role(caller.workspace_role, "admin")
    return caller.payer_id


async def _invoice(request: Request, caller: Caller, invoice_id: str) -> Invoice:
    load = plans_of(request).invoices.find
    return await owned(caller, invoice_id, load, what="invoice", role="admin")
