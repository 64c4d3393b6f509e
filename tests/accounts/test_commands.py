"""The commands as their owner types them: real processes on a data folder of their own."""

import asyncio
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from causette.accounts import Accounts, Caller
from causette.accounts.credentials.store import keep_totp
from causette.accounts.credentials.types import Totp
from causette.accounts.types import SecondStep, SignedIn
from causette.audit import AuditLog
from causette.clock import utc_now
from causette.db import Database
from tests.accounts.conftest import PASSWORD


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Causette = Callable[..., Ended]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def causette(data: Path, tmp_path: Path) -> Causette:
    """Runs one command with ``--data`` on the test's folder, and no terminal."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CAUSETTE_")}

    def run(*words: str, typed: str = "") -> Ended:
        ended = subprocess.run(
            [sys.executable, "-m", "causette", *words, "--data", str(data)],
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd=tmp_path,
            env=environment | {"COLUMNS": "200", "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    return run


def create_ada(causette: Causette, *words: str) -> Ended:
    return causette(
        "users", "create", "--email", "ada@example.org", "--password-stdin", *words, typed=PASSWORD
    )


def one_line(text: str) -> bool:
    return text.endswith("\n") and text.count("\n") == 1


async def signs_in(data: Path, password: str) -> bool:
    async with Database.from_url(f"sqlite:///{data / 'causette.sqlite3'}") as database:
        accounts = Accounts(database)
        try:
            await accounts.sign_in("ada@example.org", password, address="192.0.2.1")
        except Exception:
            return False
        finally:
            await accounts.close()
        return True


def test_an_owner_and_their_key_are_made_unattended(causette: Causette, data: Path) -> None:
    user = create_ada(causette, "--owner", "--json")
    assert user.code == 0
    assert (user.json["email"], user.json["name"], user.json["role"]) == ("ada@example.org", "ada", "owner")
    key = causette("keys", "create", "--owner-email", "Ada@example.org", "--name", "laptop", "--json")
    assert key.code == 0
    assert key.json["maker_id"] == user.json["id"]
    assert key.json["secret"].endswith(key.json["hint"])

    async def caller() -> str | None:
        async with Database.from_url(f"sqlite:///{data / 'causette.sqlite3'}") as database:
            accounts = Accounts(database)
            found = await accounts.keys.caller(key.json["secret"])
            await accounts.close()
            return found and found.user.id

    assert asyncio.run(caller()) == user.json["id"]
    assert asyncio.run(signs_in(data, PASSWORD))
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


@pytest.mark.parametrize("typed", [PASSWORD, PASSWORD + "\n", PASSWORD + "\r\n"])
def test_the_end_of_the_line_is_not_part_of_the_password(causette: Causette, data: Path, typed: str) -> None:
    ended = causette("users", "create", "--email", "ada@example.org", "--password-stdin", typed=typed)
    assert ended.code == 0
    assert asyncio.run(signs_in(data, PASSWORD))


def test_spaces_belong_to_the_password(causette: Causette, data: Path) -> None:
    causette("users", "create", "--email", "ada@example.org", "--password-stdin", typed=f"  {PASSWORD} \n")
    assert asyncio.run(signs_in(data, f"  {PASSWORD} "))
    assert not asyncio.run(signs_in(data, PASSWORD))


def test_no_command_repeats_a_password(causette: Causette) -> None:
    ends = [
        create_ada(causette),
        create_ada(causette),
        causette("users", "list"),
        causette("users", "list", "--json"),
    ]
    assert [end.code for end in ends] == [0, 1, 0, 0]
    assert not any(PASSWORD in end.out + end.err or "argon2" in end.out + end.err for end in ends)


def test_a_secret_is_shown_once(causette: Causette) -> None:
    create_ada(causette)
    made = causette("keys", "create", "--owner-email", "ada@example.org", "--name", "laptop")
    secret = made.out.strip()
    assert one_line(made.out)
    assert secret.startswith("sk-causette-")
    assert "not shown again" in made.err
    listed = causette("keys", "list").out + causette("keys", "list", "--json").out
    assert secret not in listed
    assert secret[-4:] in listed


def test_listings_are_for_people_and_for_programs(causette: Causette) -> None:
    create_ada(causette, "--name", "Ada [bold]L[/bold]")
    causette("keys", "create", "--owner-email", "ada@example.org", "--name", "old", "--expires-in", "7d")
    causette("keys", "create", "--owner-email", "ada@example.org", "--name", "new")
    (user,) = causette("users", "list", "--json").json
    assert user["name"] == "Ada [bold]L[/bold]"
    assert "Ada [bold]L[/bold]" in causette("users", "list").out
    new, old = causette("keys", "list", "--json").json
    assert (new["name"], new["expires_at"], new["last_used_at"], new["revoked_at"]) == (
        "new",
        None,
        None,
        None,
    )
    assert old["expires_at"] > old["created_at"]
    table = causette("keys", "list").out
    assert "good until" in table
    assert "never" in table


def test_keys_can_be_listed_for_one_person(causette: Causette) -> None:
    create_ada(causette)
    causette("users", "create", "--email", "bob@example.org", "--password-stdin", typed=PASSWORD)
    for email in ("ada@example.org", "bob@example.org"):
        causette("keys", "create", "--owner-email", email, "--name", email.partition("@")[0])
    names = [
        key["name"] for key in causette("keys", "list", "--owner-email", "bob@example.org", "--json").json
    ]
    assert names == ["bob"]
    assert len(causette("keys", "list", "--json").json) == 2


def test_a_key_is_revoked_by_its_id(causette: Causette) -> None:
    create_ada(causette)
    key = causette("keys", "create", "--owner-email", "ada@example.org", "--name", "laptop", "--json").json
    revoked = causette("keys", "revoke", key["id"], "--json")
    assert revoked.code == 0
    assert revoked.json["revoked_at"] is not None
    assert causette("keys", "revoke", key["id"]).code == 0
    assert "revoked" in causette("keys", "list").out
    assert causette("keys", "list", "--json").json == [revoked.json]


@pytest.mark.parametrize(
    ("words", "typed", "said"),
    [
        (("users", "create", "--email", "ada@example.org", "--password-stdin"), PASSWORD, "already"),
        (("users", "create", "--email", "nonsense", "--password-stdin"), PASSWORD, "'nonsense'"),
        (("users", "create", "--email", "bob@example.org", "--password-stdin"), "short", "password"),
        (("users", "create", "--email", "bob@example.org", "--password-stdin"), "", "password"),
        (("keys", "create", "--owner-email", "eve@example.org", "--name", "x"), "", "'eve@example.org'"),
        (("keys", "list", "--owner-email", "eve@example.org"), "", "'eve@example.org'"),
        (("keys", "create", "--owner-email", "ada@example.org", "--name", ""), "", "name"),
        (("keys", "revoke", "key_0000000000000000000000"), "", "'key_0000000000000000000000'"),
    ],
)
def test_what_fails_is_one_line_on_standard_error_and_exit_1(
    causette: Causette, words: tuple[str, ...], typed: str, said: str
) -> None:
    create_ada(causette)
    ended = causette(*words, typed=typed)
    assert (ended.code, ended.out) == (1, "")
    assert one_line(ended.err)
    assert said in ended.err


@pytest.mark.parametrize(
    "words",
    [
        ("users", "create", "--password-stdin"),
        ("users", "create", "--email", "ada@example.org"),
        ("users", "create", "--email", "ada@example.org", "--password", "secret"),
        ("keys", "create", "--owner-email", "ada@example.org"),
        ("keys", "create", "--owner-email", "ada@example.org", "--name", "x", "--expires-in", "0d"),
        ("keys", "create", "--owner-email", "ada@example.org", "--name", "x", "--expires-in", "soon"),
        ("keys", "revoke"),
        ("db", "downgrade"),
    ],
)
def test_wrong_usage_is_exit_2_and_changes_nothing(
    causette: Causette, data: Path, words: tuple[str, ...]
) -> None:
    ended = causette(*words)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err
    assert not data.exists()


@pytest.mark.parametrize(
    "words",
    [
        ("users", "create"),
        ("users", "list"),
        ("keys", "create"),
        ("keys", "list"),
        ("keys", "revoke"),
        ("db", "upgrade"),
        ("db", "current"),
    ],
)
def test_help_teaches_with_an_example(causette: Causette, words: tuple[str, ...]) -> None:
    ended = causette(*words, "--help")
    assert ended.code == 0
    assert f"Example: causette {' '.join(words)}" in ended.out


def test_the_schema_is_brought_up_to_date_and_said_to_be(causette: Causette) -> None:
    before = causette("db", "current", "--json").json
    assert before["current"] is None
    assert "causette db upgrade" in causette("db", "current").out
    upgraded = causette("db", "upgrade", "--json").json
    assert upgraded == {"from": None, "current": before["head"]}
    assert causette("db", "current", "--json").json == {"current": before["head"], "head": before["head"]}
    assert before["head"] in causette("db", "current").out
    assert "already" in causette("db", "upgrade").out


def test_a_newer_database_is_refused_in_one_line(causette: Causette, data: Path) -> None:
    async def pretend() -> None:
        async with Database.from_url(f"sqlite:///{data / 'causette.sqlite3'}") as database:
            await database.upgrade()
            async with database.write() as connection:
                await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999_next'")

    asyncio.run(pretend())
    for words in (("db", "upgrade"), ("users", "list"), ("keys", "list")):
        ended = causette(*words)
        assert (ended.code, ended.out) == (1, "")
        assert one_line(ended.err)
        assert "9999_next" in ended.err


async def test_the_commands_work_while_a_server_holds_the_database(causette: Causette, data: Path) -> None:
    async with Database.from_url(f"sqlite:///{data / 'causette.sqlite3'}") as database:
        await database.upgrade()
        accounts = Accounts(database)
        assert await accounts.setup_required()
        assert (await asyncio.to_thread(create_ada, causette, "--owner")).code == 0
        assert not await accounts.setup_required()
        fresh = await accounts.sign_in("ada@example.org", PASSWORD, address="192.0.2.1")
        assert fresh.user.role == "owner"
        await accounts.close()


async def test_who_is_disabled_is_cut_off_at_once_and_let_in_again(causette: Causette, data: Path) -> None:
    async with Database.from_url(f"sqlite:///{data / 'causette.sqlite3'}") as database:
        await database.upgrade()
        accounts = Accounts(database)
        ada = await accounts.create_user(name="Ada", email="ada@example.org", password=PASSWORD)
        await accounts.create_user(name="Olga", email="olga@example.org", password=PASSWORD, role="owner")
        fresh = await accounts.sign_in("ada@example.org", PASSWORD, address="192.0.2.1")
        assert isinstance(fresh, SignedIn)
        key = await accounts.keys.create(Caller(user=ada), name="laptop")

        async def run(*words: str) -> Ended:
            return await asyncio.to_thread(causette, "users", *words)

        done = await run("disable", "Ada@example.org", "--json")
        assert (done.code, done.json["id"]) == (0, ada.id) and done.json["disabled_at"]
        assert await accounts.session_caller(fresh.token) is None
        assert await accounts.keys.caller(key.secret) is None
        assert "disabled" in (await run("list")).out
        assert (await run("enable", "ada@example.org")).out.strip() == "ada@example.org can sign in again."
        assert await accounts.session_caller(fresh.token) is None
        assert await accounts.keys.caller(key.secret) is not None
        last = await run("disable", "olga@example.org")
        assert last.code == 1 and one_line(last.err)
        assert "causette users list" in (await run("enable", "nobody@example.org")).err
        told = await AuditLog(database, utc_now).entries()
        assert [(entry.act, entry.actor, entry.target, entry.outcome) for entry in told] == [
            ("account.disable", "command line", "olga@example.org", "refused"),
            ("account.enable", "command line", "ada@example.org", "done"),
            ("account.disable", "command line", "ada@example.org", "done"),
        ]
        await accounts.close()


async def test_who_can_show_no_code_any_more_is_asked_for_none(causette: Causette, data: Path) -> None:
    async with Database.from_url(f"sqlite:///{data / 'causette.sqlite3'}") as database:
        await database.upgrade()
        accounts = Accounts(database)
        ada = await accounts.create_user(name="Ada", email="ada@example.org", password=PASSWORD)
        lost = Totp(
            owner_id=ada.id,
            secret=b"sealed",
            key_id="lost",
            created_at=utc_now(),
            confirmed_at=utc_now(),
            last_step=0,
        )
        async with database.write() as connection:
            await keep_totp(connection, lost)
        assert isinstance(await accounts.sign_in("ada@example.org", PASSWORD, address="::1"), SecondStep)
        done = await asyncio.to_thread(causette, "users", "reset-codes", "ada@example.org")
        assert (done.code, done.out.strip()) == (0, "ada@example.org is asked for no code any more.")
        assert isinstance(await accounts.sign_in("ada@example.org", PASSWORD, address="::1"), SignedIn)
        (entry,) = await AuditLog(database, utc_now).entries(target_id=ada.id)
        assert (entry.act, entry.outcome) == ("account.reset_codes", "done")
        await accounts.close()
