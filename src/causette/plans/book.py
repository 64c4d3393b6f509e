"""The book of plans: the shipped ``plans.toml``, changed by the owner's, read strictly."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path
from typing import Any, Final, cast

from causette.amounts import NANO_DECIMALS, decimals_of, whole_units
from causette.errors import ConfigurationError, NotFound
from causette.ledger.prices import Price
from causette.ledger.types import DAY, MONTH, Meter, Window
from causette.plans.features import Feature
from causette.plans.reading import Problem, Problems, TableReader
from causette.plans.toml_lines import line_of_syntax_error
from causette.plans.types import Included, Overage, Plan, PlanLimit, PriceStep, Seats

SHIPPED: Final = "Causette's plans.toml"

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_PER: Final = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_PRICED: Final = ("input", "cached_input", "output", "reasoning", "image", "audio_second")

_Table = dict[str, Any]


class BrokenPlans(ConfigurationError):
    """The plans cannot be used as written; ``problems`` has every slip."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        first, *others = problems
        more = f" ({len(others)} more: `causette plans check` shows them)" if others else ""
        super().__init__(f"{first}{more}")
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanBook:
    """All plans and all token prices, as of one reading of the files."""

    default_plan: str
    unpaid_plan: str
    grace: timedelta
    payment_time: timedelta
    plans: Mapping[str, Plan]
    #: Patterns of model names, the most specific first.
    prices: tuple[tuple[str, Price], ...]
    #: The same of training: what a trained token costs is its input's price.
    training: tuple[tuple[str, Price], ...] = ()

    def plan(self, plan_id: str) -> Plan:
        """The plan called ``plan_id``.

        Raises:
            NotFound: there is none (``plan_not_found``).
        """
        found = self.plans.get(plan_id)
        if found is None:
            raise NotFound(
                f"There is no plan called {plan_id!r}. There is: {', '.join(self.plans)}.",
                code="plan_not_found",
                param="plan_id",
            )
        return found

    def price_of(self, *names: str) -> Price | None:
        """The price of the model that is known under ``names``; None where nothing here matches any of them."""
        return _matching(self.prices, names)

    def training_price_of(self, *names: str) -> Price | None:
        """What training the model that is known under ``names`` costs; None where nothing here says."""
        return _matching(self.training, names)


def _matching(prices: tuple[tuple[str, Price], ...], names: tuple[str, ...]) -> Price | None:
    for pattern, price in prices:
        if any(fnmatchcase(name, pattern) for name in names):
            return price
    return None


def read_book(owner_file: Path | None = None) -> PlanBook:
    """The plans in force: the shipped ones with the owner's changes, where ``owner_file`` exists.

    Raises:
        BrokenPlans: a file cannot be used; nothing of it is.
    """
    texts = {SHIPPED: resources.files("causette.plans").joinpath("plans.toml").read_text("utf-8")}
    if owner_file is not None and owner_file.exists():
        try:
            texts[str(owner_file)] = owner_file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BrokenPlans(
                (Problem(file=str(owner_file), line=None, field="", message=f"it cannot be read: {error}"),)
            ) from None
    return book_of(texts)


def book_of(texts: Mapping[str, str]) -> PlanBook:
    """The plans in TOML ``texts``, by the names of their files; later ones change earlier ones.

    Raises:
        BrokenPlans: they cannot be used.
    """
    merged: _Table = {}
    for file, text in texts.items():
        try:
            _merge(merged, tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            line = line_of_syntax_error(error)
            raise BrokenPlans(
                (Problem(file=file, line=line, field="", message=f"it is not valid TOML: {error}"),)
            ) from None
    problems = Problems(texts)
    book = _book(TableReader(merged, (), problems))
    if problems.found:
        raise BrokenPlans(tuple(problems.found))
    return book


def _merge(into: _Table, changes: _Table) -> None:
    """Tables are merged key by key. ``included`` and every list are one value: the last file's."""
    for key, value in changes.items():
        current = into.get(key)
        if isinstance(current, dict) and isinstance(value, dict) and key != "included":
            _merge(cast("_Table", current), cast("_Table", value))
        else:
            into[key] = value


def _book(root: TableReader) -> PlanBook:
    currency = _currency(root, "USD")
    plans = {name: _plan(name, table, currency) for name, table in root.entries("plan").items()}
    prices: dict[str, Price] = {}
    training: dict[str, Price] = {}
    for pattern, table in root.entries("models").items():
        trained = _amount(table, "training", NANO_DECIMALS)
        if trained is not None:
            training[pattern] = Price(input=trained, cached_input=trained)
        if trained is None or any(key in table for key in _PRICED):
            prices[pattern] = _price(table)
        table.nothing_else()
    book = PlanBook(
        default_plan=root.text("default_plan", "house"),
        unpaid_plan=root.text("unpaid_plan", "free"),
        grace=timedelta(days=root.number("grace_days", least=0) or 0),
        payment_time=timedelta(days=root.number("payment_days", least=0) or 0),
        plans=plans,
        prices=_sorted(prices),
        training=_sorted(training),
    )
    for key, plan_id in (("default_plan", book.default_plan), ("unpaid_plan", book.unpaid_plan)):
        if (plan := plans.get(plan_id)) is None:
            root.problem(key, f"there is no plan called {plan_id!r}; there is: {', '.join(plans)}")
        elif plan.is_sold:
            root.problem(key, f"the plan {plan_id!r} has a price, and this one is given to who does not pay")
    root.nothing_else()
    return book


def _sorted(prices: dict[str, Price]) -> tuple[tuple[str, Price], ...]:
    return tuple(sorted(prices.items(), key=lambda item: _vagueness(item[0])))


def _vagueness(pattern: str) -> tuple[int, int]:
    """Sorts patterns: those without wildcards first, then the ones that say most."""
    wildcards = sum(character in "*?[" for character in pattern)
    return wildcards, wildcards - len(pattern)


def _plan(name: str, table: TableReader, currency: str) -> Plan:
    if not _NAME.fullmatch(name):
        table.problem(None, f"{name!r} is no name for a plan: lower-case letters, digits, '_' and '-'")
    currency = _currency(table, currency)
    overage = table.choice("overage", ("refuse", "charge"), "refuse")
    prices = _prices(table, currency)
    plan = Plan(
        id=name,
        title=_in_languages(table, "title", name),
        description=_in_languages(table, "description", ""),
        listed=table.flag("listed", True),
        models=table.texts("models"),
        features=_features(table),
        limits=(*_rates(table), *_limits(table)),
        concurrency=table.number("concurrency", least=1),
        context=table.number("context", least=1),
        max_output=table.number("max_output", least=1),
        weight=table.number("weight", least=1) or 1,
        included=_included(table),
        overage=cast("Overage", overage),
        currency=currency,
        prices=prices,
        seats=_seats(table),
        trial_days=table.number("trial_days", least=0) or 0,
    )
    if "weight" not in table:
        table.problem(None, "weight is missing: the plan's share of a busy queue, 1 or more")
    if not plan.models:
        table.problem(None, 'models is missing or empty: the models the plan allows, e.g. ["*"]')
    if plan.included == Included() and overage == "refuse":
        table.problem(
            None,
            "it allows nothing: say what is included, e.g. included = { everything = true }, "
            'or charge for each token with overage = "charge"',
        )
    if plan.trial_days and not plan.is_sold:
        table.problem("trial_days", "a plan without a price needs no trial")
    table.nothing_else()
    return plan


def _currency(table: TableReader, default: str) -> str:
    currency = table.text("currency", default)
    if not _CURRENCY.fullmatch(currency):
        table.problem("currency", f'{currency!r} is no currency; write three capitals, e.g. "EUR"')
    return currency


def _in_languages(table: TableReader, key: str, default: str) -> dict[str, str]:
    if key not in table:
        table.raw(key)
        return dict.fromkeys(("en", "fr"), default)
    texts = table.table(key)
    english = texts.text("en", default)
    found = {"en": english, "fr": texts.text("fr", english)}
    if "en" not in texts:
        texts.problem(None, 'en is missing: write { en = "…", fr = "…" }')
    texts.nothing_else()
    return found


def _features(table: TableReader) -> frozenset[Feature]:
    names = table.texts("features")
    if "*" in names:
        return frozenset(Feature)
    found: set[Feature] = set()
    for name in names:
        try:
            found.add(Feature(name))
        except ValueError:
            known = ", ".join(Feature)
            table.problem("features", f"there is no feature {name!r}; there is: {known}")
    return frozenset(found)


def _rates(table: TableReader) -> list[PlanLimit]:
    found: list[PlanLimit] = []
    for key, meter in (("rpm", Meter.REQUESTS), ("tpm", Meter.TOKENS)):
        amount = table.number(key, least=1)
        if amount is not None:
            found.append(PlanLimit(meter=meter, amount=amount, window=Window("rolling", 60)))
    return found


def _limits(table: TableReader) -> list[PlanLimit]:
    found: list[PlanLimit] = []
    for item in table.tables("limits"):
        requests, tokens = item.number("requests", least=1), item.number("tokens", least=1)
        window = _window(item, "per")
        models = item.texts("models")
        if ("requests" in item) == ("tokens" in item):
            item.problem(None, "say one of requests and tokens, each with a number")
        amounts = ((Meter.REQUESTS, requests), (Meter.TOKENS, tokens))
        found += [
            PlanLimit(meter=meter, amount=amount, window=window, models=models)
            for meter, amount in amounts
            if amount is not None and window is not None
        ]
        item.nothing_else()
    return found


def _window(table: TableReader, key: str) -> Window | None:
    text = table.text(key, "")
    if text in {"day", "month"}:
        return DAY if text == "day" else MONTH
    found = _PER.fullmatch(text)
    if found is None:
        table.problem(key, f'{text!r} is no span of time; write "3h", "90s", "7d", "day" or "month"')
        return None
    return Window("rolling", int(found[1]) * _SECONDS[found[2]])


def _included(table: TableReader) -> Included:
    inside = table.table("included")
    found = Included(
        everything=inside.flag("everything", False),
        tokens=inside.number("tokens", least=1),
        nano=_amount(inside, "usd", NANO_DECIMALS),
    )
    if sum((found.everything, found.tokens is not None, found.nano is not None)) > 1:
        inside.problem(None, "say one of everything, tokens and usd")
    inside.nothing_else()
    return found


def _prices(table: TableReader, currency: str) -> tuple[PriceStep, ...]:
    steps: list[PriceStep] = []
    for item in table.tables("prices"):
        since = item.raw("from")
        # A date and time is a date as well, to Python.
        if not isinstance(since, date) or isinstance(since, datetime):
            item.problem("from", f"{since!r} is not a day; write from = 2026-01-01, without quotes")
            since = None
        elif steps and since <= steps[-1].since:
            item.problem("from", f"{since} does not come after {steps[-1].since}; sort the steps by day")
        monthly = _amount(item, "monthly", decimals_of(currency))
        if monthly is None and "monthly" not in item:
            item.problem(None, 'monthly is missing: what a seat costs a month, e.g. monthly = "20.00"')
        if since is not None and monthly is not None:
            steps.append(PriceStep(since=since, monthly=monthly))
        item.nothing_else()
    return tuple(steps)


def _seats(table: TableReader) -> Seats:
    if "seats" not in table:
        table.raw("seats")
        return Seats()
    inside = table.table("seats")
    seats = Seats(least=inside.number("min", least=1) or 1, most=inside.number("max", least=1))
    if seats.most is not None and seats.most < seats.least:
        inside.problem("max", f"{seats.most} is fewer than min, which is {seats.least}")
    inside.nothing_else()
    return seats


def _price(table: TableReader) -> Price:
    amounts = {key: _amount(table, key, NANO_DECIMALS) for key in _PRICED}
    for key, otherwise in (("cached_input", "input"), ("reasoning", "output")):
        if amounts[key] is None:
            amounts[key] = amounts[otherwise]
    if not any(key in table for key in _PRICED):
        table.problem(None, f'it has no price; write some of {", ".join(_PRICED)}, e.g. input = "0.15"')
    return Price(**{key: amount or 0 for key, amount in amounts.items()})


def _amount(table: TableReader, key: str, decimals: int) -> int | None:
    value = table.raw(key)
    if value is None:
        return None
    if not isinstance(value, str):
        table.problem(key, f'{value!r} is not text in quotes; write it like "20.00", so that it is exact')
        return None
    try:
        return whole_units(value, decimals)
    except ValueError as error:
        table.problem(key, str(error))
        return None
