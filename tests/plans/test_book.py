"""The file of plans: what is merged, what is refused, and where a slip is said to be."""

from datetime import date
from pathlib import Path

import pytest

from causette.ledger.types import Meter, Window
from causette.plans.book import SHIPPED, BrokenPlans, PlanBook, book_of, read_book
from causette.plans.features import TITLES, Feature

PLAN = """
[plan.x]
models = ["*"]
weight = 1
included = { everything = true }
"""


def with_owners(tmp_path: Path, text: str) -> PlanBook:
    file = tmp_path / "plans.toml"
    file.write_text(text)
    return read_book(file)


def problems_of(text: str) -> list[str]:
    with pytest.raises(BrokenPlans) as caught:
        book_of({"plans.toml": "default_plan = 'x'\nunpaid_plan = 'x'\n" + text})
    return [str(problem) for problem in caught.value.problems]


def test_a_fresh_installation_sells_nothing_and_allows_everything() -> None:
    book = read_book()
    house = book.plan(book.default_plan)
    assert (house.id, house.is_sold, house.models, house.features) == (
        "house",
        False,
        ("*",),
        frozenset(Feature),
    )
    assert house.included.everything
    assert house.limits == ()


def test_the_shipped_plans_are_the_six_and_plus_goes_from_20_to_22_to_44() -> None:
    book = read_book()
    assert list(book.plans) == ["house", "free", "plus", "team", "enterprise", "api"]
    plus = book.plan("plus")
    days = (date(2023, 6, 1), date(2024, 12, 31), date(2025, 1, 1), date(2028, 12, 31), date(2029, 1, 1))
    assert [plus.monthly_on(day) for day in days] == [2000, 2000, 2200, 2200, 4400]
    step = plus.next_step(date(2026, 1, 1))
    assert step is not None
    assert (step.since, step.monthly) == (date(2029, 1, 1), 4400)
    assert plus.next_step(date(2029, 1, 1)) is None


def test_an_owner_changes_one_key_and_the_others_stay(tmp_path: Path) -> None:
    book = with_owners(tmp_path, 'default_plan = "free"\n[plan.plus]\nweight = 3\ntitle.fr = "Mieux"\n')
    shipped = read_book().plan("plus")
    plus = book.plan("plus")
    assert (plus.weight, plus.title) == (3, {"en": "Plus", "fr": "Mieux"})
    assert (plus.prices, plus.limits, plus.models) == (shipped.prices, shipped.limits, shipped.models)
    assert book.default_plan == "free"


def test_what_is_included_is_replaced_as_a_whole(tmp_path: Path) -> None:
    book = with_owners(tmp_path, '[plan.plus]\nincluded = { usd = "5.00" }\noverage = "charge"\n')
    included = book.plan("plus").included
    assert (included.everything, included.tokens, included.nano) == (False, None, 5_000_000_000)


def test_an_owner_adds_a_plan(tmp_path: Path) -> None:
    book = with_owners(tmp_path, PLAN.replace("plan.x", "plan.pupils"))
    assert book.plan("pupils").title == {"en": "pupils", "fr": "pupils"}


def test_spans_of_time(tmp_path: Path) -> None:
    text = (
        PLAN + "limits = [{ requests = 3, per = '3h' }, { tokens = 4, per = 'month', models = ['big-*'] }]\n"
    )
    book = with_owners(tmp_path, text)
    first, second = book.plan("x").limits
    assert (first.meter, first.window, first.models) == (Meter.REQUESTS, Window("rolling", 10_800), ())
    assert (second.meter, second.window, second.models) == (Meter.TOKENS, Window("month"), ("big-*",))


@pytest.mark.parametrize(
    ("names", "price"),
    [(("small",), 1), (("big-one",), 2), (("big-two",), 3), (("other", "big-one"), 2), (("other",), None)],
)
def test_the_most_specific_price_wins(names: tuple[str, ...], price: int | None) -> None:
    nano = '[models."{}"]\ninput = "0.00000000{}"\n'
    text = PLAN + nano.format("big-*", 3) + nano.format("big-one", 2) + nano.format("s*", 1)
    found = book_of({"f": f"default_plan = 'x'\nunpaid_plan = 'x'\n{text}"}).price_of(*names)
    assert (None if found is None else found.input) == price


def test_what_a_price_leaves_out_costs_what_is_nearest_to_it() -> None:
    text = f'default_plan = "x"\nunpaid_plan = "x"\n{PLAN}[models.m]\ninput = "2"\noutput = "3"\n'
    price = book_of({"f": text}).price_of("m")
    assert price is not None
    assert (price.cached_input, price.reasoning) == (2_000_000_000, 3_000_000_000)
    assert (price.image, price.audio_second) == (0, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PLAN + "wieght = 3\n", "plans.toml:8: plan.x.wieght: there is no such key. Did you mean 'weight'?"),
        (PLAN.replace("weight = 1", "weight = 0"), "plans.toml:6: plan.x.weight: 0 is not 1 or more"),
        (
            PLAN.replace("weight = 1", "weight = true"),
            "plans.toml:6: plan.x.weight: true is not a whole number",
        ),
        (
            PLAN.replace("weight = 1", "weight = '1'"),
            "plans.toml:6: plan.x.weight: '1' is not a whole number",
        ),
        (PLAN.replace("weight = 1", ""), "plans.toml:4: plan.x: weight is missing"),
        (PLAN.replace('["*"]', "[]"), "plans.toml:4: plan.x: models is missing or empty"),
        (PLAN.replace('["*"]', "[1]"), "plans.toml:5: plan.x.models[0]: 1 is not text in quotes"),
        (
            PLAN + "features = ['voices']\n",
            "plans.toml:8: plan.x.features: there is no feature 'voices'; there is:",
        ),
        (PLAN + "rpm = -1\n", "plans.toml:8: plan.x.rpm: -1 is not 1 or more"),
        (
            PLAN + "overage = 'charg'\n",
            "plan.x.overage: 'charg' is not one of refuse, charge; did you mean 'charge'?",
        ),
        (PLAN.replace("{ everything = true }", "{}"), "plans.toml:4: plan.x: it allows nothing"),
        (
            PLAN.replace("{ everything = true }", "{ everything = true, tokens = 3 }"),
            "plans.toml:7: plan.x.included: say one of everything, tokens and usd",
        ),
        (
            PLAN.replace("{ everything = true }", "{ usd = 5 }"),
            "plan.x.included.usd: 5 is not text in quotes",
        ),
        (PLAN + "trial_days = 3\n", "plans.toml:8: plan.x.trial_days: a plan without a price needs no trial"),
        (PLAN + "seats = { min = 3, max = 2 }\n", "plan.x.seats.max: 2 is fewer than min, which is 3"),
        (PLAN + "currency = 'usd'\n", "plan.x.currency: 'usd' is no currency"),
        (
            PLAN + "limits = [{ requests = 3, per = 'hour' }]\n",
            "plan.x.limits[0].per: 'hour' is no span of time",
        ),
        (PLAN + "limits = [{ per = '3h' }]\n", "plan.x.limits[0]: say one of requests and tokens"),
        (PLAN + "limits = [3]\n", "plan.x.limits[0]: 3 is not a table"),
        (PLAN + "title = { fr = 'X' }\n", "plan.x.title: en is missing"),
        (PLAN.replace("plan.x", 'plan."A b"') + PLAN, "plan.A b: 'A b' is no name for a plan"),
        (PLAN + "[models.m]\n", "plans.toml:8: models.m: it has no price"),
        (
            PLAN + "[models.m]\ninput = '1.0000000001'\n",
            "plans.toml:9: models.m.input: '1.0000000001' has more than 9",
        ),
        (PLAN + "[models.m]\nimput = '1'\n", "models.m.imput: there is no such key. Did you mean 'input'?"),
        (PLAN + "[models.m]\ninput = 0.1\n", "models.m.input: 0.1 is not text in quotes"),
        ("[modles.m]\n" + PLAN, "plans.toml:3: modles: there is no such key. Did you mean 'models'?"),
        ("grace_days = 'x'\n" + PLAN, "plans.toml:3: grace_days: 'x' is not a whole number"),
    ],
)
def test_a_slip_is_named_with_its_place_and_its_remedy(text: str, expected: str) -> None:
    assert any(expected in problem for problem in problems_of(text)), problems_of(text)


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        (
            "from = 2026-01-01, monthly = '1' }, { from = 2026-01-01, monthly = '2'",
            "prices[1].from: 2026-01-01 does",
        ),
        ("from = '2026-01-01', monthly = '1'", "prices[0].from: '2026-01-01' is not a day"),
        ("from = 2026-01-01", "prices[0]: monthly is missing"),
        ("from = 2026-01-01, monthly = '1.001'", "prices[0].monthly: '1.001' has more than 2 decimals"),
    ],
)
def test_a_schedule_of_prices_ascends_and_is_complete(prices: str, expected: str) -> None:
    (found,) = (item for item in problems_of(PLAN + "[plan.y]\n" + PLAN[9:] + f"prices = [{{ {prices} }}]\n"))
    assert f"plan.y.{expected}" in found


def test_currencies_without_decimals_are_priced_in_whole_units() -> None:
    text = (
        PLAN
        + "[plan.y]\n"
        + PLAN[9:]
        + "currency = 'JPY'\nprices = [{ from = 2026-01-01, monthly = '3.5' }]\n"
    )
    assert "'3.5' has more than 0 decimals" in problems_of(text)[0]


def test_every_slip_is_told_at_once() -> None:
    assert len(problems_of(PLAN + "rpm = 0\ntpm = 0\nlisted = 1\n")) == 3


def test_the_default_and_the_unpaid_plan_exist_and_have_no_price(tmp_path: Path) -> None:
    with pytest.raises(BrokenPlans, match=r"plans\.toml:1: default_plan: there is no plan called 'fre'"):
        with_owners(tmp_path, 'default_plan = "fre"')
    with pytest.raises(BrokenPlans, match="unpaid_plan: the plan 'plus' has a price"):
        with_owners(tmp_path, 'unpaid_plan = "plus"')


def test_what_is_no_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(BrokenPlans) as caught:
        with_owners(tmp_path, "[plan.plus]\nweight = = 3\n")
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == (str(tmp_path / "plans.toml"), 2)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "plans.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BrokenPlans, match="cannot be read"):
        read_book(tmp_path / "plans.toml")


def test_a_slip_in_a_shipped_plan_that_the_owner_made_is_found_in_the_owners_file(tmp_path: Path) -> None:
    with pytest.raises(BrokenPlans) as caught:
        with_owners(tmp_path, "[plan.plus]\n\nweight = -1\n")
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == (str(tmp_path / "plans.toml"), 3)
    assert problem.file != SHIPPED


def test_every_feature_has_a_title_in_both_languages() -> None:
    assert set(TITLES) == set(Feature)
    assert all(english and french for english, french in TITLES.values())
