"""``causette ledger`` as its owner types it: real processes on a data folder of their own."""

import asyncio
import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from causette.clock import utc_now
from causette.db import Database
from causette.ledger.tables import balances
from tests.ledger.books import Clock, open_books

Causette = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def causette(data: Path, tmp_path: Path) -> Causette:
    """Runs one ``causette ledger`` command on the test's folder, without a terminal."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CAUSETTE_")}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        folder = () if "--help" in words else ("--data", str(data))
        return subprocess.run(
            [sys.executable, "-m", "causette", "ledger", *words, *folder],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd=tmp_path,
            env=environment | {"COLUMNS": "200", "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    return run


def in_books(data: Path, *statements: sa.Executable, requests: int = 0, minutes_ago: int = 60) -> list[str]:
    """Let so many requests be settled some time ago, and run statements behind the ledger's back."""

    async def work() -> list[str]:
        data.mkdir(exist_ok=True)
        async with Database.from_url(f"sqlite:///{data / 'causette.sqlite3'}") as database:
            await database.upgrade()
            async with open_books(database, Clock(utc_now() - timedelta(minutes=minutes_ago))) as books:
                for _ in range(requests):
                    await books.ask()
                for statement in statements:
                    await books.run(statement)
                return books.asked

    return asyncio.run(work())


def test_the_help_teaches(causette: Causette) -> None:
    said = causette("--help").stdout
    assert all(word in said for word in ("balance", "usage", "verify", "export", "customer:", "revenue:"))
    assert "causette ledger export charges --from" in causette("export", "--help").stdout


def test_balances_add_up_to_zero(causette: Causette, data: Path) -> None:
    in_books(data, requests=2)
    found = json.loads(causette("balance", "--json").stdout)
    assert sum(item["amount_nano"] for item in found) == 0
    (owed,) = json.loads(causette("balance", "--account", "customer:", "--json").stdout)
    assert (owed["book"], owed["account"], owed["amount_nano"] > 0) == ("charge", "customer:user_ada", True)
    table = causette("balance", "--book", "charge").stdout
    assert f"{Decimal(owed['amount_nano']).scaleb(-9):f}" in table
    assert "machine:" not in table


def test_usage_is_for_people_and_for_programs(causette: Causette, data: Path) -> None:
    in_books(data, requests=3)
    since = f"{utc_now() - timedelta(days=2):%Y-%m-%d}"
    (row,) = json.loads(causette("usage", "--from", since, "--group", "model", "--json").stdout)
    assert (row["group"], row["requests"], row["input_tokens"], row["start"]) == ("default", 3, 3_009, None)
    assert json.loads(causette("usage", "--from", since, "--user", "user_bob", "--json").stdout) == []
    table = causette("usage", "--from", since, "--by", "day", "--group", "key").stdout
    assert "key_1" in table
    assert "3,009" in table


def test_books_that_close_end_with_0(causette: Causette, data: Path) -> None:
    in_books(data, requests=2)
    ended = causette("verify")
    assert (ended.returncode, ended.stdout) == (0, "The books close: 9 checks found nothing.\n")
    assert json.loads(causette("verify", "--json").stdout)["closes"] is True


def test_books_that_do_not_close_end_with_1_and_say_what_is_wrong(causette: Causette, data: Path) -> None:
    wrong = sa.update(balances).where(balances.c.account == "revenue:default").values(amount_nano=-1)
    in_books(data, wrong, requests=1)
    ended = causette("verify")
    assert ended.returncode == 1
    (line,) = ended.stdout.splitlines()
    assert line.startswith(
        "Not so: balances are the sums of postings: account revenue:default, book charge, off by +"
    )
    ended = causette("verify", "--json")
    assert ended.returncode == 1
    (problem,) = json.loads(ended.stdout)["problems"]
    assert problem["check"] == "balances are the sums of postings"
    assert f"off by {problem['off_by']:+,}" in line


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_an_export_adds_up_to_the_books(causette: Causette, data: Path, tmp_path: Path, kind: str) -> None:
    in_books(data, requests=3)
    file = tmp_path / f"charges.{kind}"
    since = f"{utc_now() - timedelta(days=2):%Y-%m-%d}"
    ended = causette("export", "charges", "--from", since, "--out", str(file))
    assert (ended.returncode, ended.stdout) == (0, f"{file} has 9 rows of charges.\n")
    if kind == "csv":
        with file.open(newline="") as lines:
            total = sum(Decimal(row["BilledCost"]) for row in csv.DictReader(lines))
    else:
        import pyarrow.parquet as pq

        total = sum(pq.read_table(file)["BilledCost"].to_pylist())
    (owed,) = json.loads(causette("balance", "--account", "customer:", "--json").stdout)
    assert int(total.scaleb(9)) == owed["amount_nano"]


def test_events_go_on_from_a_cursor(causette: Causette, data: Path, tmp_path: Path) -> None:
    def export(*words: str) -> tuple[list[str], str]:
        file = tmp_path / "events.jsonl"
        said = json.loads(causette("export", "events", "--out", str(file), "--json", *words).stdout)
        events = [json.loads(line) for line in file.read_text().splitlines()]
        assert said["events"] == len(events)
        return [event["id"] for event in events], said["cursor"]

    first = in_books(data, requests=3)
    seen, cursor = export()
    assert seen == first
    assert export("--since", cursor) == ([], cursor)
    second = in_books(data, requests=2, minutes_ago=30)
    assert export("--since", cursor)[0] == second


@pytest.mark.parametrize(
    "words",
    [
        ("usage", "--from", "yesterday"),
        ("usage", "--from", "2026-02-30"),
        ("usage", "--from", "2026-02", "--to", "2026-02"),
        ("usage", "--by", "week"),
        ("export", "everything", "--out", "x"),
        ("export", "charges"),
        ("export", "charges", "--out", "x", "--since", "abc"),
        ("export", "events", "--out", "x", "--format", "csv"),
        ("export", "events", "--out", "x", "--since", "abc", "--from", "2026-01"),
    ],
)
def test_wrong_usage_ends_with_2(causette: Causette, words: tuple[str, ...]) -> None:
    ended = causette(*words)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr


def test_what_goes_wrong_is_one_line(causette: Causette) -> None:
    for words in (("events", "--out", "x", "--since", "abc"), ("cost", "--out", "/nowhere/x")):
        ended = causette("export", *words)
        assert ended.returncode == 1
        assert ended.stderr.startswith("causette: ")
        assert ended.stderr.count("\n") == 1
