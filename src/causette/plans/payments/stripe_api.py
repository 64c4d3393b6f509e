"""The few things Causette asks of Stripe, through Stripe's own library.

Plans and prices need no setting up at Stripe: each price is made there when it is first needed, under a name that says
what it is (``causette-plus-usd-2200``), so that nothing is ever made twice.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from causette.errors import CausetteError, ConfigurationError, InvalidRequest, Unavailable
from causette.plans.billing import Status

if TYPE_CHECKING:
    import stripe

_STATUS: Final[dict[str, Status | None]] = {
    "trialing": "trialing",
    "active": "active",
    "past_due": "past_due",
    "unpaid": "past_due",
    "paused": "past_due",
    "canceled": "canceled",
    "incomplete_expired": "canceled",
    # The first payment has not arrived.
    "incomplete": None,
}
_PREFIX: Final = "causette-"


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeSubscription:
    """A subscription as Stripe has it now. ``status`` is None before its first payment."""

    id: str
    customer_id: str
    item_id: str
    status: Status | None
    price_id: str
    seats: int
    period_start: datetime
    period_end: datetime
    cancel_at_period_end: bool
    metadata: dict[str, str]

    @property
    def plan_id(self) -> str | None:
        """The plan that its price is of; None for a price that is none of ours."""
        parts = self.price_id.removeprefix(_PREFIX).rsplit("-", 2)
        return parts[0] if self.price_id.startswith(_PREFIX) and len(parts) == 3 else None

    @property
    def rate(self) -> int:
        """What a month of it costs."""
        return int(self.price_id.rsplit("-", 1)[1]) * self.seats if self.plan_id else 0

    @property
    def currency(self) -> str:
        """Of the price."""
        return self.price_id.rsplit("-", 2)[1].upper() if self.plan_id else "USD"


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeCheckout:
    """A checkout as Stripe has it now. ``amount`` is in cents."""

    id: str
    customer_id: str | None
    mode: str
    is_paid: bool
    amount: int
    currency: str
    subscription_id: str | None
    metadata: dict[str, str]


class StripeApi:
    """Stripe, as the account of ``secret_key``. ``api_base`` is another server that speaks its API.

    Raises:
        ConfigurationError: Stripe's library is not installed.
    """

    def __init__(self, secret_key: str, *, api_base: str | None = None) -> None:
        try:
            import stripe  # noqa: PLC0415 - large, and needed by few
        except ImportError:
            raise ConfigurationError(
                "stripe_secret_key is set, but Stripe's library is not installed. "
                "Install it: pip install 'causette[stripe]'."
            ) from None
        self._http = stripe.AIOHTTPClient(timeout=30)
        self._client = stripe.StripeClient(
            secret_key,
            http_client=self._http,
            max_network_retries=2,
            base_addresses={"api": api_base} if api_base else {},
        )
        self._known_prices: set[str] = set()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()

    async def create_customer(self, payer_id: str, *, name: str, email: str) -> str:
        """Stripe's id of a new customer. Made once for a payer, however often it is asked for within a day."""
        async with _errors():
            made = await self._client.v1.customers.create_async(
                {"name": name, "email": email, "metadata": {"causette_payer": payer_id}},
                {"idempotency_key": f"causette-customer-{payer_id}"},
            )
            return made.id

    async def price(self, plan_id: str, title: str, currency: str, monthly: int) -> str:
        """The id of a monthly price for a seat of a plan, made when there is none."""
        price_id = f"{_PREFIX}{plan_id}-{currency.lower()}-{monthly}"
        if price_id in self._known_prices:
            return price_id
        import stripe  # noqa: PLC0415

        async with _errors():
            if not await self._has_price(price_id):
                try:
                    await self._client.v1.plans.create_async(
                        {
                            "id": price_id,
                            "amount": monthly,
                            "currency": currency.lower(),
                            "interval": "month",
                            "product": {"name": title},
                        }
                    )
                except stripe.StripeError:
                    # Another process may have been faster.
                    if not await self._has_price(price_id):
                        raise
        self._known_prices.add(price_id)
        return price_id

    async def _has_price(self, price_id: str) -> bool:
        import stripe  # noqa: PLC0415

        try:
            await self._client.v1.plans.retrieve_async(price_id)
        except stripe.InvalidRequestError as error:
            if error.http_status == 404:
                return False
            raise
        return True

    async def check_out(self, params: "stripe.params.checkout.SessionCreateParams") -> str:
        """The address of a new checkout."""
        async with _errors():
            made = await self._client.v1.checkout.sessions.create_async(params)
            assert made.url is not None
            return made.url

    async def checkout(self, session_id: str) -> StripeCheckout:
        """A checkout as it is now."""
        async with _errors():
            found = _plain(await self._client.v1.checkout.sessions.retrieve_async(session_id))
        return StripeCheckout(
            id=found["id"],
            customer_id=found.get("customer"),
            mode=found["mode"],
            is_paid=found.get("payment_status") == "paid",
            amount=found.get("amount_total") or 0,
            currency=str(found.get("currency") or "").upper(),
            subscription_id=found.get("subscription"),
            metadata=found.get("metadata") or {},
        )

    async def portal(self, customer_id: str, return_url: str) -> str:
        """The address of the page where a customer sees to cards and invoices."""
        async with _errors():
            made = await self._client.v1.billing_portal.sessions.create_async(
                {"customer": customer_id, "return_url": return_url}
            )
            return made.url

    async def subscription(self, stripe_id: str) -> StripeSubscription:
        """A subscription as it is now."""
        async with _errors():
            return _subscription(_plain(await self._client.v1.subscriptions.retrieve_async(stripe_id)))

    async def change_subscription(
        self,
        current: StripeSubscription,
        price_id: str,
        seats: int,
        *,
        at_once: bool,
        metadata: dict[str, str],
    ) -> StripeSubscription:
        """Another price or number of seats: ``at_once`` with Stripe's proration, else from the next invoice on."""
        async with _errors():
            changed = await self._client.v1.subscriptions.update_async(
                current.id,
                {
                    "items": [{"id": current.item_id, "plan": price_id, "quantity": seats}],
                    "proration_behavior": "always_invoice" if at_once else "none",
                    "metadata": metadata,
                },
            )
            return _subscription(_plain(changed))

    async def end_trial(self, stripe_id: str) -> StripeSubscription:
        """Have a subscription be paid for from now on."""
        async with _errors():
            changed = await self._client.v1.subscriptions.update_async(stripe_id, {"trial_end": "now"})
            return _subscription(_plain(changed))

    async def cancel_later(self, stripe_id: str, cancel: bool) -> StripeSubscription:
        """Have a subscription end with its period, or not."""
        async with _errors():
            changed = await self._client.v1.subscriptions.update_async(
                stripe_id, {"cancel_at_period_end": cancel}
            )
            return _subscription(_plain(changed))

    async def cancel_now(self, stripe_id: str) -> StripeSubscription:
        """End a subscription."""
        async with _errors():
            return _subscription(_plain(await self._client.v1.subscriptions.cancel_async(stripe_id)))

    async def report_use(
        self, event_name: str, *, identifier: str, customer_id: str, value: int, at: datetime
    ) -> None:
        """Tell a billing meter of use; the same ``identifier`` counts once."""
        import stripe  # noqa: PLC0415

        async with _errors():
            try:
                await self._client.v1.billing.meter_events.create_async(
                    {
                        "event_name": event_name,
                        "identifier": identifier,
                        "payload": {"stripe_customer_id": customer_id, "value": str(value)},
                        "timestamp": int(at.timestamp()),
                    }
                )
            except stripe.InvalidRequestError as error:
                # Told before, by a process that died before it had noted so.
                if error.code != "duplicate_meter_event":
                    raise


def verified(payload: bytes, signature: str | None, secret: str, tolerance: int) -> None:
    """Let pass what Stripe has signed with ``secret`` within the last ``tolerance`` seconds.

    Raises:
        InvalidRequest: the signature is missing, wrong or too old (``bad_signature``).
    """
    import stripe  # noqa: PLC0415

    try:
        stripe.WebhookSignature.verify_header(payload, signature, secret, tolerance)
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        raise InvalidRequest(
            "The webhook's signature is missing, wrong or too old. "
            "Check that stripe_webhook_secret is this endpoint's.",
            code="bad_signature",
        ) from None


@asynccontextmanager
async def _errors() -> AsyncGenerator[None]:
    """Stripe's errors as Causette's own: what it refuses, and that it does not answer."""
    import stripe  # noqa: PLC0415

    try:
        yield
    except (stripe.CardError, stripe.InvalidRequestError) as error:
        raise InvalidRequest(
            f"Stripe refuses: {error.user_message or error}", code="payment_refused"
        ) from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        raise CausetteError("Stripe does not accept stripe_secret_key. Ask who runs this server.") from error
    except stripe.StripeError as error:
        raise Unavailable(
            "Stripe does not answer. Try again in a moment.", code="payments_unavailable", retry_after=5.0
        ) from error


def _plain(found: "stripe.StripeObject") -> dict[str, Any]:
    return found.to_dict()


def _subscription(found: dict[str, Any]) -> StripeSubscription:
    item: dict[str, Any] = found["items"]["data"][0]
    price: dict[str, Any] = item.get("price") or item["plan"]
    # Since 2025 a period is the item's.
    period = item if item.get("current_period_end") else found
    return StripeSubscription(
        id=found["id"],
        customer_id=found["customer"],
        item_id=item["id"],
        status=_STATUS.get(found["status"]),
        price_id=price["id"],
        seats=item.get("quantity") or 1,
        period_start=datetime.fromtimestamp(period["current_period_start"], UTC),
        period_end=datetime.fromtimestamp(period["current_period_end"], UTC),
        cancel_at_period_end=bool(found.get("cancel_at_period_end")),
        metadata=found.get("metadata") or {},
    )
