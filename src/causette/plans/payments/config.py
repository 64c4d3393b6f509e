"""Whether and how this server takes payments."""

from dataclasses import dataclass

from causette.errors import ConfigurationError
from causette.plans.payments.stripe_api import StripeApi
from causette.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class CardPayments:
    """How Stripe takes payments: its API, the webhook's secret, where people come back to, and a meter for use.

    ``meter`` is the event name of a billing meter at Stripe; None reports no use there.
    """

    stripe: StripeApi
    webhook_secret: str
    site: str
    meter: str | None = None


def card_payments(settings: Settings) -> CardPayments | None:
    """Payments as the settings say; None without ``stripe_secret_key``.

    Raises:
        ConfigurationError: something that goes with the key is missing.
    """
    if settings.stripe_secret_key is None:
        return None
    if settings.stripe_webhook_secret is None:
        raise ConfigurationError(
            "stripe_secret_key is set, but stripe_webhook_secret is not. "
            "Make a webhook endpoint at Stripe for /api/stripe/webhook and set its signing secret."
        )
    if settings.public_url is None:
        raise ConfigurationError(
            "stripe_secret_key is set, but public_url is not: people who pay could not be sent back."
        )
    return CardPayments(
        stripe=StripeApi(settings.stripe_secret_key.get_secret_value(), api_base=settings.stripe_api_base),
        webhook_secret=settings.stripe_webhook_secret.get_secret_value(),
        site=settings.public_url,
        meter=settings.stripe_meter,
    )
