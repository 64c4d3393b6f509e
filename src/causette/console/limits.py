"""Which limits somebody meets, and how far each is used."""

from collections.abc import Iterable
from typing import Protocol

from causette.accounts import Caller
from causette.console.types import LimitKind, LimitState
from causette.errors import CausetteError
from causette.gateway import Deployment
from causette.ledger.types import CREDIT, Limit, Standing
from causette.plans import Entitlements


class Standings(Protocol):
    """As much of the ledger as this needs."""

    async def standing(self, limits: Iterable[Limit]) -> tuple[Standing, ...]:
        """How far each limit is used."""
        ...


async def limits_of(
    ledger: Standings, allowed: Entitlements, caller: Caller, deployments: Iterable[Deployment]
) -> tuple[LimitState, ...]:
    """The limits that requests of ``caller`` meet, whichever model they ask for, and how far they are used.

    Of several on one counter the strictest is the one that is met. Credit is no limit but a balance, and not here.
    """
    strictest: dict[str, Limit] = {}
    for deployment in deployments:
        try:
            offers = allowed.offers(deployment.name, caller, aliases=deployment.aliases)
        except CausetteError:
            continue  # A model that the plan does not allow, or that cannot be charged for, sets no limit.
        for limit in (limit for offer in offers for limit in offer.limits):
            known = strictest.get(limit.counter)
            if limit.window != CREDIT and (known is None or limit.amount < known.amount):
                strictest[limit.counter] = limit
    return tuple(_state(standing) for standing in await ledger.standing(strictest.values()))


def _state(standing: Standing) -> LimitState:
    limit = standing.limit
    owner, _, part = limit.scope.partition("/")
    kind: LimitKind = "plan" if owner.startswith("payer:") else "budget"
    if part == "included":
        kind = "included"
    # A window that nothing was asked in has not begun: it lasts from the next request on.
    idle = limit.window.kind == "rolling" and standing.used == 0
    return LimitState(
        kind=kind,
        meter=limit.meter,
        window=limit.window,
        amount=limit.amount,
        used=standing.used,
        held=standing.held,
        remaining=standing.remaining,
        resets_at=None if idle else standing.resets_at,
        model=part.removeprefix("model:") if part.startswith("model:") else None,
        whose=None
        if kind != "budget"
        else "member"
        if part
        else "person"
        if owner.startswith("user:")
        else "workspace",
    )
