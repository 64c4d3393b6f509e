"""``causette plans`` as its owner types it: real processes on a data folder of their own."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from causette.db import Database
from causette.plans.payments.store import Report, keep_report, report_to_change

Causette = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def causette(data: Path) -> Causette:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CAUSETTE_")}

    def run(*words: str, typed: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "causette", *words, "--data", str(data)],
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            env=environment | {"COLUMNS": "200"},
        )

    return run


def test_the_plans_are_listed_with_the_next_price(causette: Causette, data: Path) -> None:
    (data / "plans.toml").write_text('default_plan = "free"\n')
    rows = {row["id"]: row for row in json.loads(causette("plans", "list", "--json").stdout)}
    assert rows["free"]["is_default"]
    assert (rows["plus"]["monthly"], rows["plus"]["next_monthly"], rows["plus"]["next_since"]) == (
        "22.00",
        "44.00",
        "2029-01-01",
    )
    table = causette("plans", "list").stdout
    assert "free (default)" in table
    assert "44.00 from 2029-01-01" in table


def test_a_good_file_is_good_and_a_broken_one_is_said_to_be_where_it_is(
    causette: Causette, data: Path
) -> None:
    ended = causette("plans", "check")
    assert (ended.returncode, ended.stdout) == (
        0,
        "There is no plans.toml, so the shipped file is good: 6 plans, of which 'house' is the default.\n",
    )
    file = data / "plans.toml"
    file.write_text("[plan.plus]\nwieght = 3\nrpm = 0\n")
    ended = causette("plans", "check")
    assert ended.returncode == 1
    assert ended.stdout.splitlines() == [
        f"{file}:3: plan.plus.rpm: 0 is not 1 or more",
        f"{file}:2: plan.plus.wieght: there is no such key. Did you mean 'weight'?",
    ]
    ended = causette("plans", "check", str(file), "--json")
    assert ended.returncode == 1
    assert [problem["line"] for problem in json.loads(ended.stdout)["problems"]] == [3, 2]
    assert causette("plans", "check", str(data / "none.toml")).returncode == 1


def test_a_plan_is_given_by_hand(causette: Causette) -> None:
    email = "ada@example.org"
    causette("users", "create", "--email", email, "--password-stdin", typed="seven quiet otters\n")
    ended = causette("plans", "assign", "basic", "--email", email)
    assert ended.returncode == 1
    assert "There is no plan called 'basic'. There is: house, free, plus" in ended.stderr
    ended = causette("plans", "assign", "team", "--email", email, "--seats", "3", "--invoice", "--json")
    made = json.loads(ended.stdout)
    assert (made["plan_id"], made["seats"], made["collection"], made["status"]) == (
        "team",
        3,
        "invoice",
        "active",
    )
    ended = causette("plans", "assign", "plus", "--email", email)
    assert ended.stdout.startswith("ada@example.org has the plan 'plus'; its period ends on ")


def test_whose_plan_it_is_has_to_be_said_once(causette: Causette) -> None:
    assert causette("plans", "assign", "plus").returncode == 2
    both = causette("plans", "assign", "plus", "--email", "a@example.org", "--workspace", "ws_1")
    assert both.returncode == 2
    assert causette("plans", "assign", "plus", "--email", "a@example.org").returncode == 1


def test_what_stripe_does_not_take_is_listed_with_why(causette: Causette, data: Path) -> None:
    good = causette("plans", "unreported")
    assert (good.returncode, good.stdout) == (0, "Stripe has taken all use that was reported to it.\n")

    async def fail() -> None:
        at = datetime(2026, 3, 1, 12, tzinfo=UTC)
        report = Report(
            payer_id="ws_1", report_id="use_1", nano=1_500_000_000, attempts=3, problem="No such customer"
        )
        async with (
            Database.from_url(f"sqlite:///{data / 'causette.sqlite3'}") as database,
            database.write() as connection,
        ):
            await report_to_change(connection, "ws_1")
            await keep_report(connection, replace(report, failing_since=at, retry_at=at))

    asyncio.run(fail())
    told = causette("plans", "unreported")
    assert told.returncode == 1
    for part in ("ws_1", "1.50", "2026-03-01 12:00", "3", "No such customer"):
        assert part in told.stdout
    (row,) = json.loads(causette("plans", "unreported", "--json").stdout)
    assert (row["payer_id"], row["nano"], row["attempts"]) == ("ws_1", 1_500_000_000, 3)
