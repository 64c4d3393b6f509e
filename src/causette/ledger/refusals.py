"""Why a request was not let in, in words."""

from datetime import datetime
from typing import Final

from causette.errors import CausetteError, TooManyRequests
from causette.ledger.types import NANO, Hold, Meter, Standing, Window

_SOON_SECONDS: Final = 1.0
_WHOSE: Final = {
    "key": "this API key",
    "user": "your account",
    "workspace": "your workspace",
    "payer": "your plan",
}


def refusal(hold: Hold, standing: Standing | None, now: datetime) -> CausetteError:
    """The error for a request that ``standing`` keeps out; None when no offer was made at all."""
    if standing is None:
        return TooManyRequests(
            f"Your plan does not include the model {hold.model!r}. Choose another model or plan.",
            code="insufficient_quota",
            param="model",
        )
    limit = standing.limit
    later = None if standing.resets_at is None else max(0.001, (standing.resets_at - now).total_seconds())
    if standing.held:
        # What requests in progress hold at most, they mostly give back.
        later = min(later or _SOON_SECONDS, _SOON_SECONDS)
    kind, _, _ = limit.scope.partition(":")
    whose, per = _WHOSE.get(kind, limit.scope), _per(limit.window)
    if limit.meter is Meter.MONEY:
        if limit.window.kind == "credit":
            return TooManyRequests(
                f"The credit left ({_dollars(standing.remaining)}) does not pay for this request. Top it up, "
                "or ask for a shorter reply.",
                code="insufficient_quota",
                retry_after=later,
            )
        return TooManyRequests(
            f"The budget of {_dollars(limit.amount)}{per} for {whose} has {_dollars(standing.remaining)} left, "
            "which does not pay for this request. Wait for the next period, raise the budget, or ask for a "
            "shorter reply.",
            code="insufficient_quota",
            retry_after=later,
        )
    needed = 1 if limit.meter is Meter.REQUESTS else hold.input_bound + hold.output_least
    if needed > limit.amount:
        return TooManyRequests(
            f"This request needs up to {needed} {limit.meter.value}, and {whose} may use {limit.amount}{per} "
            "in all. Send a shorter request.",
            code="request_too_large_for_limit",
        )
    return TooManyRequests(
        f"The limit of {limit.amount} {limit.meter.value}{per} for {whose} has {standing.remaining} left, and this "
        f"request needs up to {needed}. Try again when the period is over.",
        code="rate_limit_exceeded",
        retry_after=later,
    )


def _per(window: Window) -> str:
    match window.kind:
        case "rolling":
            return {60: " a minute", 3600: " an hour"}.get(window.seconds, f" in {_span(window.seconds)}")
        case "day":
            return " a day"
        case "month":
            return " a month"
        case "total" | "credit":
            return ""


def _span(seconds: int) -> str:
    if seconds % 3600 == 0:
        return f"{seconds // 3600} hours"
    return f"{seconds // 60} minutes" if seconds % 60 == 0 else f"{seconds} seconds"


def _dollars(nano: int) -> str:
    whole, part = divmod(nano, NANO)
    decimals = f"{part:09d}".rstrip("0")
    return f"{whole}.{decimals.ljust(2, '0')} USD"
