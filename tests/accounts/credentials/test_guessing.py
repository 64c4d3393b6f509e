"""What the lock-out counts besides the pair of e-mail and network address."""

from datetime import timedelta
from statistics import median
from time import process_time

import pytest

from causette.accounts import Accounts, Caller
from causette.accounts.lockout import ACCOUNT, ADDRESS, FORGOTTEN_AFTER
from causette.accounts.passwords import Passwords
from causette.db import Database
from causette.errors import NotAuthenticated, TooManyRequests
from tests.accounts.conftest import PASSWORD, Clock
from tests.accounts.credentials.conftest import NewBrowser

HOME = "192.0.2.7"


async def guess(accounts: Accounts, email: str, address: str) -> float | None:
    """Seconds that a wrong password is told to wait; None when it was looked at."""
    try:
        await accounts.sign_in(email, "a wrong password", address=address)
    except TooManyRequests as refusal:
        return refusal.retry_after
    except NotAuthenticated:
        return None
    raise AssertionError("a wrong password was accepted")


async def test_many_addresses_tried_from_one_place_are_stopped(accounts: Accounts, ada: Caller) -> None:
    waits = [await guess(accounts, f"user{number}@example.org", HOME) for number in range(ADDRESS.free + 1)]
    assert waits == [None] * ADDRESS.free + [5]
    assert await guess(accounts, "user@example.org", "198.51.100.1") is None


async def test_an_office_that_signs_in_is_not_taken_for_a_thief(accounts: Accounts, ada: Caller) -> None:
    for _ in range(ADDRESS.free + 10):
        await accounts.sign_in("ada@example.org", PASSWORD, address=HOME)
    assert await guess(accounts, "bob@example.org", HOME) is None


async def test_an_attempt_that_succeeds_takes_back_itself_only(accounts: Accounts, ada: Caller) -> None:
    for number in range(ADDRESS.free - 1):
        assert await guess(accounts, f"user{number}@example.org", HOME) is None
    # A thief with an account of their own gets no further guesses by signing in to it.
    await accounts.sign_in("ada@example.org", PASSWORD, address=HOME)
    assert await guess(accounts, "eve@example.org", HOME) is None
    assert await guess(accounts, "mallory@example.org", HOME) == 5


async def test_one_account_tried_from_everywhere_is_slowed_for_a_minute_at_most(
    accounts: Accounts, ada: Caller, clock: Clock
) -> None:
    async def attempt(number: int) -> float | None:
        return await guess(accounts, "ada@example.org", f"198.51.{number}.1")

    assert [await attempt(number) for number in range(ACCOUNT.free)] == [None] * ACCOUNT.free
    waits: list[float] = []
    for number in range(ACCOUNT.free, ACCOUNT.free + 8):
        wait = await attempt(number)
        assert wait is not None
        waits.append(wait)
        clock.turn(timedelta(seconds=wait))
        assert await attempt(number) is None
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    clock.turn(timedelta(seconds=60))
    assert (await accounts.sign_in("ada@example.org", PASSWORD, address=HOME)).user == ada.user


async def test_the_owner_is_not_slowed_where_they_are_signed_in(
    accounts: Accounts, ada: Caller, clock: Clock
) -> None:
    await accounts.sign_in("ada@example.org", PASSWORD, address=HOME)
    for number in range(ACCOUNT.free):
        await guess(accounts, "ada@example.org", f"198.51.{number}.1")
    assert await guess(accounts, "ada@example.org", "203.0.113.1") == 1
    neighbour = "192.0.2.200"
    assert (await accounts.sign_in("ADA@example.org", PASSWORD, address=neighbour)).user == ada.user


async def test_an_account_that_is_none_is_slowed_alike(accounts: Accounts) -> None:
    for number in range(ACCOUNT.free):
        assert await guess(accounts, "nobody@example.org", f"198.51.{number}.1") is None
    assert await guess(accounts, "nobody@example.org", "203.0.113.1") == 1


async def test_all_counts_are_forgotten_with_time(accounts: Accounts, ada: Caller, clock: Clock) -> None:
    for number in range(ADDRESS.free):
        await guess(accounts, f"user{number}@example.org", HOME)
    clock.turn(FORGOTTEN_AFTER)
    assert await guess(accounts, "bob@example.org", HOME) is None


async def test_an_unknown_address_takes_as_long_as_a_wrong_password(database: Database, clock: Clock) -> None:
    accounts = Accounts(database, passwords=Passwords(), now=clock)
    await accounts.create_user(name="Ada", email="ada@example.org", password=PASSWORD)

    async def seconds(email: str, number: int) -> float:
        # Of computing: how long it waits for a core is its neighbours' doing.
        began = process_time()
        await guess(accounts, email, f"198.51.{number}.1")
        return process_time() - began

    known = [await seconds("ada@example.org", number) for number in range(9)]
    unknown = [await seconds("nobody@example.org", number) for number in range(9)]
    await accounts.close()
    assert 0.5 < median(known) / median(unknown) < 2


@pytest.mark.parametrize("path", ["/api/password-reset", "/api/sign-up"])
async def test_a_network_of_addresses_asks_for_no_more_letters_than_one_address(
    new_browser: NewBrowser, path: str
) -> None:
    async def ask(address: str) -> int:
        body = {"email": "nobody@example.org"}
        if path == "/api/sign-up":
            body |= {"name": "Nobody", "password": PASSWORD}
        return (await new_browser(address).post(path, json=body)).status_code

    asked = [await ask(f"2001:db8::{number:x}") for number in range(ADDRESS.free + 1)]
    assert asked == [202] * ADDRESS.free + [429]
    assert await ask("2001:db8:0:1::1") == 202
