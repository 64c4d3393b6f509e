"""What a plan says, and what follows from it for one caller, as plain data. Money is whole numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from fnmatch import fnmatchcase
from typing import Literal

from causette.accounts.types import Caller
from causette.errors import Forbidden, Unavailable
from causette.ledger.prices import FREE, Price
from causette.ledger.types import CREDIT, DAY, MINUTE, MONTH, TOTAL, Limit, Meter, Offer, Window
from causette.plans.features import TITLES, Feature

Overage = Literal["refuse", "charge"]
#: The price of a model by any of its names; None where the owner has set none.
PriceOf = Callable[..., Price | None]


def _no_price(*names: str) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceStep:
    """What a seat costs a month from a day on: ``monthly`` in the currency's smallest unit (cents)."""

    since: date
    monthly: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLimit:
    """At most ``amount`` of ``meter`` per ``window`` and seat.

    With ``models`` it counts each model that one of these patterns matches on its own; without, all together.
    """

    meter: Meter
    amount: int
    window: Window
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Included:
    """What the monthly price contains: everything within the plan's limits, or tokens, or token prices' worth.

    ``nano`` is in nano-dollars. With none of the three, each token is paid for.
    """

    everything: bool = False
    tokens: int | None = None
    nano: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seats:
    """How many seats a subscription has at least and at most; ``most`` None for as many as one likes."""

    least: int = 1
    most: int | None = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one plan allows, at what price. A bound that is None is no bound."""

    id: str
    title: Mapping[str, str]
    description: Mapping[str, str]
    listed: bool
    models: tuple[str, ...]
    features: frozenset[Feature]
    limits: tuple[PlanLimit, ...]
    concurrency: int | None
    context: int | None
    max_output: int | None
    weight: int
    included: Included
    overage: Overage
    currency: str
    prices: tuple[PriceStep, ...]
    seats: Seats
    trial_days: int

    def monthly_on(self, day: date) -> int:
        """What a seat costs a month that begins on ``day``; before the first step, what that step says."""
        current = self.prices[0].monthly if self.prices else 0
        for step in self.prices:
            if step.since <= day:
                current = step.monthly
        return current

    def next_step(self, day: date) -> PriceStep | None:
        """The first change of price after ``day``."""
        return next((step for step in self.prices if step.since > day and step is not self.prices[0]), None)

    @property
    def is_sold(self) -> bool:
        """Whether a seat has ever a price."""
        return any(step.monthly for step in self.prices)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A cap that somebody set: for a person, a workspace, or (with ``workspace_id``) a person's work in one."""

    subject_id: str
    meter: Meter
    window: Window
    amount: int
    workspace_id: str | None = None

    @property
    def scope(self) -> str:
        """Whose counter it caps."""
        if self.workspace_id is not None:
            return f"workspace:{self.workspace_id}/user:{self.subject_id}"
        kind = "workspace" if self.subject_id.startswith("ws_") else "user"
        return f"{kind}:{self.subject_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlements:
    """What a caller may do now, and how it is paid for.

    ``weight`` is the caller's share of a busy queue. ``concurrency`` (requests at once, per payer), ``context``
    and ``max_output`` (tokens) are None where the plan sets no bound.
    """

    plan_id: str
    payer_id: str
    weight: int
    models: tuple[str, ...]
    features: frozenset[Feature]
    concurrency: int | None
    context: int | None
    max_output: int | None
    limits: tuple[PlanLimit, ...] = ()
    included: Included = field(default_factory=Included)
    overage: Overage = "refuse"
    seats: int = 1
    #: How far below zero the payer's credit may go: for those who pay by invoice afterwards.
    postpaid_nano: int = 0
    budgets: tuple[Budget, ...] = ()
    price_of: PriceOf
    training_price_of: PriceOf = _no_price

    def allows_model(self, *names: str) -> bool:
        """Whether the plan allows a model that is known under these names."""
        return any(fnmatchcase(name, pattern) for pattern in self.models for name in names)

    def require(self, feature: Feature) -> None:
        """Let pass who may use ``feature``.

        Raises:
            Forbidden: the plan does not include it (``not_in_plan``).
        """
        if feature not in self.features:
            raise Forbidden(
                f"Your plan ({self.plan_id}) does not include {TITLES[feature][0]}. "
                "Choose a plan that does, or ask who runs this server.",
                code="not_in_plan",
                param=feature.value,
            )

    def offers(self, deployment: str, caller: Caller, *, aliases: tuple[str, ...] = ()) -> tuple[Offer, ...]:
        """The ways in which ``caller`` may pay for a request to ``deployment``, to be tried in this order.

        First what the plan includes, then, where the plan charges beyond that, the model's token price against the
        payer's credit. Every offer keeps the rates of the plan, the key's own limits and everybody's budgets.

        Raises:
            Forbidden: the plan does not allow the model (``model_not_in_plan``).
            Unavailable: tokens of this model would be charged, but it has no price (``price_missing``).
        """
        names = (deployment, *aliases)
        if not self.allows_model(*names):
            raise Forbidden(
                f"Your plan ({self.plan_id}) does not include the model {deployment!r}. "
                "Choose another model, or a plan that includes it.",
                code="model_not_in_plan",
                param="model",
            )
        rates = (
            *self._plan_limits(deployment, names),
            *self._key_limits(caller),
            *self._budget_limits(caller),
        )
        offers: list[Offer] = []
        included = self.included
        payer = f"payer:{self.payer_id}"
        if included.everything:
            offers.append(Offer(name="included", price=FREE, limits=rates))
        if included.tokens is not None:
            allowance = Limit(f"{payer}/included", Meter.TOKENS, MONTH, included.tokens * self.seats)
            offers.append(Offer(name="included", price=FREE, limits=(*rates, allowance)))
        if included.nano is not None:
            allowance = Limit(f"{payer}/included", Meter.MONEY, MONTH, included.nano * self.seats)
            offers.append(
                Offer(name="included", price=self._price(deployment, names), limits=(*rates, allowance))
            )
        if self.overage == "charge":
            # Who pays for more is not held to the number of messages that the monthly price contains.
            kept = rates if not offers else tuple(limit for limit in rates if not self._is_contained(limit))
            credit = Limit(payer, Meter.MONEY, CREDIT, self.postpaid_nano)
            offers.append(
                Offer(
                    name="overage" if offers else "metered",
                    price=self._price(deployment, names),
                    limits=(*kept, credit),
                )
            )
        return tuple(offers)

    def training_offers(
        self, model: str, caller: Caller, *, aliases: tuple[str, ...] = ()
    ) -> tuple[Offer, ...]:
        """The ways in which ``caller`` may pay for training ``model``: as `offers`, at the price of training.

        What training takes at once would exhaust any limit on how fast one may ask: it keeps those on money alone.

        Raises:
            Forbidden: the plan does not allow the model (``model_not_in_plan``).
            Unavailable: trained tokens would be charged, but have no price (``price_missing``).
        """
        price_of = self.training_price_of
        offers = replace(self, price_of=price_of, limits=()).offers(model, caller, aliases=aliases)
        return tuple(
            replace(
                offer,
                limits=tuple(
                    limit
                    for limit in offer.limits
                    if limit.meter is Meter.MONEY or limit.scope.endswith("/included")
                ),
            )
            for offer in offers
        )

    def _price(self, deployment: str, names: tuple[str, ...]) -> Price:
        price = self.price_of(*names)
        if price is None:
            raise Unavailable(
                f"The model {deployment!r} has no price, so it cannot be charged for. "
                f"Ask who runs this server to set one in plans.toml, under [models.{deployment!r}].",
                code="price_missing",
                param="model",
            )
        return price

    def _plan_limits(self, deployment: str, names: tuple[str, ...]) -> tuple[Limit, ...]:
        payer, found = f"payer:{self.payer_id}", list[Limit]()
        for limit in self.limits:
            scope = payer
            if limit.models:
                if not any(fnmatchcase(name, pattern) for pattern in limit.models for name in names):
                    continue
                scope = f"{payer}/model:{deployment}"
            found.append(Limit(scope, limit.meter, limit.window, limit.amount * self.seats))
        return tuple(found)

    def _is_contained(self, limit: Limit) -> bool:
        """Whether ``limit`` says how much the monthly price contains, rather than how fast one may be."""
        return limit.scope.startswith("payer:") and limit.window != MINUTE

    def _key_limits(self, caller: Caller) -> tuple[Limit, ...]:
        if caller.key is None:
            return ()
        scope, limits = f"key:{caller.key.id}", caller.key.limits
        wanted = (
            (Meter.REQUESTS, MINUTE, limits.rpm),
            (Meter.TOKENS, MINUTE, limits.tpm),
            (Meter.MONEY, DAY, limits.day_nano),
            (Meter.MONEY, MONTH, limits.month_nano),
            (Meter.MONEY, TOTAL, limits.total_nano),
        )
        return tuple(
            Limit(scope, meter, window, amount) for meter, window, amount in wanted if amount is not None
        )

    def _budget_limits(self, caller: Caller) -> tuple[Limit, ...]:
        return tuple(
            Limit(budget.scope, budget.meter, budget.window, budget.amount)
            for budget in self.budgets
            if (
                budget.subject_id in (caller.user.id, caller.workspace_id)
                and budget.workspace_id in (None, caller.workspace_id)
            )
        )
