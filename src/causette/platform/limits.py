"""OpenAI's rate-limit headers, from how the caller's limits stand.

Of the limits on requests, and of those on tokens, the one with least left is told. Whoever has no such limit is told
none.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from causette.clock import utc_now
from causette.ledger.types import Meter, Standing

_TOLD: Final = (Meter.REQUESTS, Meter.TOKENS)


def limit_headers(standings: Iterable[Standing], now: datetime | None = None) -> dict[str, str]:
    """``x-ratelimit-{limit,remaining,reset}-{requests,tokens}``."""
    headers: dict[str, str] = {}
    tightest: dict[Meter, Standing] = {}
    for standing in standings:
        meter = standing.limit.meter
        if meter in _TOLD and (meter not in tightest or standing.remaining < tightest[meter].remaining):
            tightest[meter] = standing
    for meter, standing in tightest.items():
        headers[f"x-ratelimit-limit-{meter}"] = str(standing.limit.amount)
        headers[f"x-ratelimit-remaining-{meter}"] = str(standing.remaining)
        if standing.resets_at is not None:
            left = (standing.resets_at - (now or utc_now())).total_seconds() if standing.used > 0 else 0.0
            headers[f"x-ratelimit-reset-{meter}"] = _duration(left)
    return headers


def _duration(seconds: float) -> str:
    """As OpenAI writes it: ``6m0s``, ``1.5s``, ``20ms``."""
    milliseconds = max(0, round(seconds * 1000))
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest / 1000:g}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text
