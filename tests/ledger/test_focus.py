"""What the FOCUS data sets say, and that they add up to the books."""

import csv
import gc
import itertools
import os
import re
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from causette.db import Database
from causette.errors import CausetteError, InvalidRequest
from causette.ledger.energy import EnergyMeter
from causette.ledger.export import store
from causette.ledger.export.files import write_rows
from causette.ledger.export.focus import COLUMNS, Row, charges, cost, money, shares
from causette.ledger.machines.training import TrainingMeter
from causette.ledger.prices import FREE
from causette.ledger.tables import requests
from causette.ledger.types import Quantities, Repetition
from tests.ledger.books import MACHINE, START, Books, open_books

FOREVER = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
NAMES = {"user_ada": "Ada Lovelace", "ws_1": "Analytical Engines"}
EVERYTHING = Quantities(
    input_tokens=1_003, cached_tokens=512, output_tokens=77, reasoning_tokens=31, images=2, audio_seconds=9
)


@pytest_asyncio.fixture
async def books(database: Database) -> AsyncGenerator[Books]:
    """Books with a bit of everything in them."""
    async with open_books(database) as books:
        await books.meter.open()
        await books.ask(EVERYTHING)
        await books.ask(payer="ws_1", user="user_bob", workspace="ws_1", offer="metered")
        await books.ask(plan="plus", offer="included")
        await books.ask(price=FREE, model="free")
        again = Repetition(fingerprint=b"same", claimed=True)
        await books.ask(repetition=again)
        await books.ask(Quantities(input_tokens=1_003, output_tokens=400), repetition=again)
        await books.ledger.top_up("user_ada", 5_000_000_000, "card", "pi_1")
        await books.ledger.correct(books.asked[0], -1_234_567, "Goodwill", "c_1")
        await books.ledger.correct(books.asked[2], -77, "", "c_2")
        trainer = TrainingMeter(
            database,
            books.meter,
            EnergyMeter((MACHINE,), own=MACHINE.name, powercap=Path("/nowhere")),
            machine=MACHINE.name,
            clock=books.clock,
        )
        await trainer.book("try_1", "tuned", 7_000_000_001)
        books.clock.pass_(minutes=30)
        await trainer.book("try_1", "tuned", 600_000_000_000)
        books.clock.pass_(minutes=60)
        await books.meter.tick()
        yield books
        await books.meter.close()


async def rows_of(books: Books, what: str, start: datetime, end: datetime) -> list[Row]:
    found = (
        charges(books.database, start, end, NAMES) if what == "charges" else cost(books.database, start, end)
    )
    return [row async for portion in found for row in portion]


def nano(amount: Decimal | None) -> int:
    assert amount is not None
    whole = amount.scaleb(9)
    assert whole == int(whole)
    return int(whole)


def of_request(rows: list[Row], request_id: str) -> list[Row]:
    return [row for row in rows if row.x_request_id == request_id]


async def test_charges_add_up_to_the_book(books: Books) -> None:
    rows = await rows_of(books, "charges", *FOREVER)
    topped_up = await books.sum("charge", "customer:", kind="top_up")
    assert topped_up == -5_000_000_000
    owed = await books.sum("charge", "customer:") - topped_up
    assert sum(nano(row.billed_cost) for row in rows) == owed > 0
    included = await books.sum("charge", "included:")
    assert sum(nano(row.x_included_cost) for row in rows) == included > 0
    assert owed + included == -await books.sum("charge", "revenue:")


async def test_costs_add_up_to_the_book(books: Books) -> None:
    rows = await rows_of(books, "cost", *FOREVER)
    billed = -await books.sum("cost", "bill:")
    assert sum(nano(row.billed_cost) for row in rows) == billed == 150_000_000
    idle = [row for row in rows if row.sku_meter == "Idle Time"]
    assert sum(nano(row.billed_cost) for row in idle) == await books.sum("cost", "idle:")
    worked = [row for row in rows if row.x_request_id is not None]
    assert sum(nano(row.billed_cost) for row in worked) == await books.sum("cost", "requests:") > 0


async def test_training_has_rows_of_its_own_that_add_up_to_the_book(books: Books) -> None:
    first, second = (row for row in await rows_of(books, "cost", *FOREVER) if row.x_training_id is not None)
    trained = await books.sum("cost", "training:")
    assert nano(first.billed_cost) + nano(second.billed_cost) == trained == MACHINE.cost(600_000_000_000)
    for row in (first, second):
        assert (row.charge_category, row.service_category, row.service_subcategory, row.service_name) == (
            "Usage",
            "AI and Machine Learning",
            "Machine Learning",
            "Training",
        )
        assert (row.x_training_id, row.sku_meter, row.x_machine) == ("tuned", "Training Time", MACHINE.name)
        assert (row.x_request_id, row.x_energy_method) == (None, "tdp")
    assert first.consumed_quantity == first.x_compute_seconds == Decimal("7.000000001")
    assert first.consumed_quantity + (second.consumed_quantity or 0) == 600
    assert (first.charge_period_start, first.charge_period_end) == (
        START - timedelta(seconds=1),
        START + timedelta(seconds=6),
    )
    assert second.charge_period_start == first.charge_period_end
    assert second.x_energy_joules is not None and second.x_energy_joules > 0


async def test_periods_that_follow_each_other_share_nothing_and_leave_nothing_out(books: Books) -> None:
    cuts = [START + timedelta(seconds=seconds) for seconds in (-1, 1, 2, 3, 5)] + [FOREVER[1]]
    for what in ("charges", "cost"):
        parts = [
            row for start, end in itertools.pairwise(cuts) for row in await rows_of(books, what, start, end)
        ]
        assert sorted(map(repr, parts)) == sorted(map(repr, await rows_of(books, what, *FOREVER)))


async def test_a_request_is_a_row_for_each_meter(books: Books) -> None:
    rows = of_request(await rows_of(books, "charges", *FOREVER), books.asked[0])
    usage = [row for row in rows if row.charge_class is None]
    assert [
        (row.sku_meter, row.consumed_quantity, row.consumed_unit, row.pricing_quantity, row.pricing_unit)
        for row in usage
    ] == [
        ("Input Tokens", 491, "Tokens", Decimal("0.000491"), "1000000 Tokens"),
        ("Cache Read Input Tokens", 512, "Tokens", Decimal("0.000512"), "1000000 Tokens"),
        ("Output Tokens", 46, "Tokens", Decimal("0.000046"), "1000000 Tokens"),
        ("Reasoning Output Tokens", 31, "Tokens", Decimal("0.000031"), "1000000 Tokens"),
        ("Images", 2, "Images", 2, "Images"),
        ("Audio Seconds", 9, "Seconds", 9, "Seconds"),
    ]
    assert [row.x_compute_seconds for row in usage] == [Decimal(2), *[None] * 5]
    assert usage[0].x_energy_joules == 130
    for row in usage:
        assert row.pricing_quantity is not None
        assert row.list_unit_price is not None
        # One rounding for all of them leaves each within a nano-dollar of its own product.
        assert abs(row.pricing_quantity * row.list_unit_price - row.list_cost) <= Decimal("1e-9")


async def test_who_pays_and_who_asked_are_told_apart(books: Books) -> None:
    rows = await rows_of(books, "charges", *FOREVER)
    (ada, *_), (team, *_) = (of_request(rows, books.asked[place]) for place in (0, 1))
    assert (ada.billing_account_id, ada.billing_account_name, ada.billing_account_type) == (
        "user_ada",
        "Ada Lovelace",
        "User",
    )
    assert (team.billing_account_id, team.billing_account_name, team.billing_account_type) == (
        "ws_1",
        "Analytical Engines",
        "Workspace",
    )
    assert (team.sub_account_id, team.sub_account_name, team.x_workspace_id) == (
        "user_bob",
        "user_bob",
        "ws_1",
    )


async def test_what_a_monthly_price_paid_for_is_on_no_bill(books: Books) -> None:
    rows = of_request(await rows_of(books, "charges", *FOREVER), books.asked[2])
    assert all(row.billed_cost == 0 for row in rows)
    assert sum(nano(row.list_cost) for row in rows if row.charge_class is None) == sum(
        nano(row.x_included_cost) for row in rows if row.charge_class is None
    )


async def test_what_is_free_is_listed_at_nothing(books: Books) -> None:
    rows = of_request(await rows_of(books, "charges", *FOREVER), books.asked[3])
    assert {row.sku_meter for row in rows} == {"Input Tokens", "Cache Read Input Tokens", "Output Tokens"}
    assert all(row.billed_cost == row.list_cost == row.list_unit_price == 0 for row in rows)


async def test_a_repetition_is_listed_in_full_and_billed_for_what_was_not_paid(books: Books) -> None:
    rows = await rows_of(books, "charges", *FOREVER)
    first, again = (of_request(rows, books.asked[place]) for place in (4, 5))
    paid = sum(nano(row.billed_cost) for row in first)
    assert paid == sum(nano(row.list_cost) for row in first)
    assert sum(nano(row.billed_cost) for row in again) == sum(nano(row.list_cost) for row in again) - paid


async def test_a_correction_is_a_row_of_its_own(books: Books) -> None:
    rows = [row for row in await rows_of(books, "charges", *FOREVER) if row.charge_class is not None]
    assert [(row.charge_class, row.charge_description, nano(row.billed_cost)) for row in rows] == [
        ("Correction", "Goodwill", -1_234_567),
        ("Correction", "Correction for default", 0),
    ]
    assert nano(rows[1].x_included_cost) == -77
    assert rows[0].x_request_id == books.asked[0]


async def test_a_charge_is_of_the_month_it_was_settled_in(database: Database) -> None:
    async with open_books(database) as books:
        books.clock.now = datetime(2026, 12, 31, 23, 59, 59, 900_000, tzinfo=UTC)
        await books.ask()
        rows = await rows_of(books, "charges", *FOREVER)
    assert {(row.billing_period_start, row.billing_period_end) for row in rows} == {
        (datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC))
    }
    assert {(row.charge_period_start, row.charge_period_end) for row in rows} == {
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    }


@given(st.lists(st.integers(0, 10**18), max_size=8), st.integers(0, 10**15))
def test_shares_add_up_and_nobody_gets_more_than_a_nano_dollar_too_much(
    weights: list[int], amount: int
) -> None:
    made = shares(weights, amount)
    total = sum(weights)
    assert len(made) == len(weights)
    assert sum(made) == (amount if total else 0)
    assert all(
        abs(part * total - amount * weight) < max(1, total)
        for part, weight in zip(made, weights, strict=True)
    )


# Files


async def test_csv_has_exact_money_and_whole_seconds(books: Books, tmp_path: Path) -> None:
    file = tmp_path / "charges.csv"
    count = await write_rows(charges(books.database, *FOREVER, NAMES), file, "csv")
    with file.open(newline="") as lines:
        written = list(csv.DictReader(lines))
    assert len(written) == count
    assert list(written[0]) == list(COLUMNS)
    assert {len(row["BilledCost"].rpartition(".")[2]) for row in written} == {9}
    expected = await rows_of(books, "charges", *FOREVER)
    assert [Decimal(row["BilledCost"]) for row in written] == [row.billed_cost for row in expected]
    assert written[0]["ChargePeriodStart"] == "2026-03-10T12:00:00Z"
    assert written[0]["ChargeClass"] == ""
    assert not any("E" in row["BilledCost"] + row["PricingQuantity"] for row in written)


async def test_parquet_has_exact_decimals(books: Books, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    file = tmp_path / "cost.parquet"
    await write_rows(cost(books.database, *FOREVER), file, "parquet")
    table = pq.read_table(file)
    assert table.column_names == list(COLUMNS)
    assert str(table.schema.field("BilledCost").type) == "decimal128(38, 12)"
    assert str(table.schema.field("ChargePeriodStart").type) == "timestamp[us, tz=UTC]"
    assert sum(table["BilledCost"].to_pylist()) == money(-await books.sum("cost", "bill:"))


async def test_no_rows_make_a_file_with_columns(database: Database, tmp_path: Path) -> None:
    for kind in ("csv", "parquet"):
        assert await write_rows(cost(database, *FOREVER), tmp_path / kind, kind) == 0  # type: ignore[arg-type]
    assert (tmp_path / "csv").read_text() == ",".join(COLUMNS) + "\n"


async def test_a_file_is_whole_or_not_there(books: Books, tmp_path: Path) -> None:
    file = tmp_path / "charges.csv"
    file.write_text("last month's")

    async def breaking() -> AsyncGenerator[list[Row]]:
        async for portion in charges(books.database, *FOREVER, NAMES):
            yield portion
        raise RuntimeError("the power is gone")

    with pytest.raises(RuntimeError):
        await write_rows(breaking(), file, "csv")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir() if path.suffix == ".csv"] == [
        ("charges.csv", "last month's")
    ]


async def test_a_file_that_cannot_be_written_is_named(database: Database, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"missing/x\.csv cannot be written: No such file"):
        await write_rows(cost(database, *FOREVER), tmp_path / "missing" / "x.csv", "csv")


async def test_parquet_without_its_library_says_how_to_get_it(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(CausetteError, match=r"pip install 'causette\[parquet\]'"):
        await write_rows(cost(database, *FOREVER), tmp_path / "x", "parquet")
    assert list(tmp_path.glob("*x*")) == []


# The FinOps Foundation's validator, by its model 1.2.0.1 of the specification. It needs Python 3.12 and an older numpy
# than Causette does, and so an environment of its own: CAUSETTE_TEST_FOCUS_VALIDATOR is its `focus-validator`.

VALIDATOR = "CAUSETTE_TEST_FOCUS_VALIDATOR"
TRUE_OF_US = (
    "ACCOUNT_NAMING_SUPPORTED,MULTIPLE_BILLING_ACCOUNT_TYPES_SUPPORTED,RESOURCE_TYPE_ASSIGNMENT_SUPPORTED,"
    "SUB_ACCOUNT_SUPPORTED,UNIT_PRICING_SUPPORTED,USAGE_MEASUREMENT_SUPPORTED"
)
NOT_OF_US = {
    # It says that an invoice's id is always null and never null: it cannot know which rows have an invoice.
    "InvoiceId-C-005-C",
    # They read CommitmentDiscountStatus, a column for providers with commitment discounts, which we are not.
    "ConsumedQuantity-C-000-C",
    "ConsumedQuantity-C-003-C",
    "ConsumedQuantity-C-004-C",
    "ConsumedQuantity-C-005-C",
    "ConsumedQuantity-C-006-C",
}


@pytest.mark.parametrize("what", ["charges", "cost"])
async def test_the_validator_of_focus_finds_nothing(books: Books, tmp_path: Path, what: str) -> None:
    validator = os.environ.get(VALIDATOR)
    if not validator:
        pytest.skip(f"{VALIDATOR} is not set, so the rules of FOCUS 1.2 are checked by the tests above alone")
    file = tmp_path / "rows.csv"
    rows = charges(books.database, *FOREVER, NAMES) if what == "charges" else cost(books.database, *FOREVER)
    await write_rows(rows, file, "csv")
    # It looks for its list of currencies from where it is installed.
    python = Path(validator).with_name("python")
    where = subprocess.run(
        [python, "-c", "import focus_validator as f; print(f.__path__[0])"], capture_output=True, text=True
    )
    ended = subprocess.run(
        [
            *(validator, "--data-file", str(file), "--validate-version", "1.2.0.1", "--block-download"),
            *("--focus-dataset", "CostAndUsage", "--applicability-criteria", TRUE_OF_US),
        ],
        cwd=Path(where.stdout.strip()).parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    passed = re.search(r"Pass: (\d+)", ended.stdout)
    assert passed is not None and int(passed[1]) > 150, ended.stdout[:500]
    assert set(re.findall(r"(\S+): FAIL", ended.stdout)) <= NOT_OF_US, ended.stdout


# What the specification says of values, row by row.

RULES = {
    "a class is null or a correction": lambda row: row.charge_class in (None, "Correction"),
    "a category is one of the five": lambda row: (
        row.charge_category in ("Usage", "Purchase", "Tax", "Credit", "Adjustment")
    ),
    "a charge's time ends after it begins": lambda row: row.charge_period_start < row.charge_period_end,
    "a bill's time is a month": lambda row: (
        row.billing_period_start.day == row.billing_period_end.day == 1
        and row.billing_period_start < row.billing_period_end
    ),
    "usage has quantities and units": lambda row: (
        row.charge_class is not None
        or None not in (row.pricing_quantity, row.pricing_unit, row.consumed_quantity, row.consumed_unit)
    ),
    "a quantity has a unit": lambda row: (row.consumed_quantity is None) == (row.consumed_unit is None),
    "a price id has an SKU": lambda row: row.sku_price_id is None or row.sku_id is not None,
    "a price id has unit prices": lambda row: (
        row.sku_price_id is None
        or None not in (row.list_unit_price, row.contracted_unit_price, row.pricing_category)
    ),
    "unit prices are not negative": lambda row: row.list_unit_price is None or row.list_unit_price >= 0,
    "a resource has a type": lambda row: (row.resource_id is None) == (row.resource_type is None),
    "the currency is one of ISO 4217": lambda row: row.billing_currency == "USD",
    "texts have no blanks around them": lambda row: all(
        value == value.strip() and value
        for name in Row.__struct_fields__
        if isinstance(value := getattr(row, name), str)
    ),
}


@pytest.mark.parametrize("what", ["charges", "cost"])
@pytest.mark.parametrize("rule", RULES)
async def test_every_row_keeps_the_rules_of_the_specification(books: Books, what: str, rule: str) -> None:
    assert [row for row in await rows_of(books, what, *FOREVER) if not RULES[rule](row)] == []


def test_columns_are_named_as_focus_names_them() -> None:
    mandatory = """BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodStart BillingPeriodEnd
        ChargeCategory ChargeClass ChargeDescription ChargePeriodStart ChargePeriodEnd ContractedCost EffectiveCost
        InvoiceIssuerName ListCost PricingQuantity PricingUnit ProviderName PublisherName ServiceCategory ServiceName"""
    assert set(mandatory.split()) <= set(COLUMNS)
    own = {name for name in COLUMNS if name.startswith("x_")}
    assert {"x_ComputeSeconds", "x_EnergyJoules", "x_EnergyMethod", "x_CostBasis", "x_PlanId"} <= own


async def test_ten_times_as_much_takes_no_more_memory(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_AT_ONCE", 50)
    async with open_books(database) as books:
        for _ in range(100):
            await books.ask()

    async def peak() -> tuple[int, int]:
        gc.collect()
        tracemalloc.start()
        try:
            count = await write_rows(charges(database, *FOREVER, NAMES), tmp_path / "x.csv", "csv")
            return count, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    await peak()
    few, before = await peak()
    copies = [column for column in requests.c if column.name not in {"id", "engine_request_id"}]
    async with database.write() as connection:
        for number in range(9):
            again = sa.select(requests.c.id + f"_{number}", requests.c.id + f"_{number}", *copies).where(
                sa.func.length(requests.c.id) == 26
            )
            names = ["id", "engine_request_id", *(column.name for column in copies)]
            await connection.execute(sa.insert(requests).from_select(names, again))
    many, after = await peak()
    assert many == 10 * few
    assert after < 1.3 * before
