import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causette.accounts import Accounts, Caller
from causette.accounts.lockout import FORGOTTEN_AFTER, FREE_FAILURES, delay_after, subject_of
from causette.errors import NotAuthenticated, TooManyRequests
from tests.accounts.conftest import PASSWORD, Clock

HOME = "192.0.2.7"


async def guess(accounts: Accounts, *, email: str = "ada@example.org", address: str = HOME) -> float | None:
    """Seconds that a wrong password is told to wait; None when it was looked at."""
    try:
        await accounts.sign_in(email, "a wrong password", address=address)
    except TooManyRequests as refusal:
        return refusal.retry_after
    except NotAuthenticated:
        return None
    raise AssertionError("a wrong password was accepted")


@given(st.integers(0, 10_000))
def test_waits_never_shrink_and_end_at_a_quarter_of_an_hour(failures: int) -> None:
    assert delay_after(failures) <= delay_after(failures + 1) <= timedelta(minutes=15)
    assert (delay_after(failures) == timedelta(0)) == (failures < FREE_FAILURES)


def test_a_mistyped_password_costs_nothing_and_a_guess_always_more() -> None:
    waits = [
        delay_after(failures).total_seconds() for failures in range(FREE_FAILURES - 1, FREE_FAILURES + 9)
    ]
    assert waits == [0, 5, 10, 20, 40, 80, 160, 320, 640, 900]


async def test_guesses_are_stopped_and_the_wait_is_told(
    accounts: Accounts, ada: Caller, clock: Clock
) -> None:
    assert [await guess(accounts) for _ in range(FREE_FAILURES)] == [None] * FREE_FAILURES
    assert await guess(accounts) == 5
    clock.turn(timedelta(seconds=2))
    assert await guess(accounts) == 3
    clock.turn(timedelta(seconds=3))
    assert await guess(accounts) is None
    assert await guess(accounts) == 10


async def test_even_the_right_password_has_to_wait(accounts: Accounts, ada: Caller, clock: Clock) -> None:
    for _ in range(FREE_FAILURES):
        await guess(accounts)
    with pytest.raises(TooManyRequests) as refusal:
        await accounts.sign_in("ada@example.org", PASSWORD, address=HOME)
    assert refusal.value.code == "too_many_attempts"
    clock.turn(timedelta(seconds=5))
    assert (await accounts.sign_in("ada@example.org", PASSWORD, address=HOME)).user == ada.user


async def test_success_starts_the_count_again(accounts: Accounts, ada: Caller) -> None:
    for _ in range(3):
        for _ in range(FREE_FAILURES - 1):
            assert await guess(accounts) is None
        await accounts.sign_in("ada@example.org", PASSWORD, address=HOME)


async def test_time_starts_the_count_again(accounts: Accounts, ada: Caller, clock: Clock) -> None:
    for _ in range(FREE_FAILURES):
        await guess(accounts)
    clock.turn(FORGOTTEN_AFTER)
    assert [await guess(accounts) for _ in range(FREE_FAILURES)] == [None] * FREE_FAILURES
    assert await guess(accounts) == 5


async def test_whoever_guesses_does_not_lock_the_person_out_elsewhere(
    accounts: Accounts, ada: Caller
) -> None:
    for _ in range(FREE_FAILURES):
        await guess(accounts, address="198.51.100.66")
    assert (await accounts.sign_in("ada@example.org", PASSWORD, address=HOME)).user == ada.user
    assert await guess(accounts, email="bob@example.org", address="198.51.100.66") is None


@pytest.mark.parametrize("email", ["nobody@example.org", "no address", "\x00", "\ud800"])
async def test_guesses_at_nobody_are_counted_alike(accounts: Accounts, email: str) -> None:
    assert [await guess(accounts, email=email) for _ in range(FREE_FAILURES)] == [None] * FREE_FAILURES
    assert await guess(accounts, email=email) == 5


async def test_another_spelling_of_the_address_is_the_same_address(accounts: Accounts, ada: Caller) -> None:
    for spelling in (
        "ada@example.org",
        "ADA@example.org",
        " ada@EXAMPLE.ORG",
        "Ada@Example.org",
        "aDa@example.org",
    ):
        assert await guess(accounts, email=spelling) is None
    assert await guess(accounts) == 5


async def test_guesses_sent_at_once_to_two_processes_are_counted_together(
    accounts: Accounts, elsewhere: Accounts, ada: Caller
) -> None:
    answers = await asyncio.gather(*(guess(process) for process in (accounts, elsewhere) * 15))
    assert answers.count(None) == FREE_FAILURES
    assert answers.count(5) == 30 - FREE_FAILURES


async def test_forgotten_counts_are_dropped_while_others_are_made(
    accounts: Accounts, elsewhere: Accounts, clock: Clock
) -> None:
    async def guesses(names: range) -> None:
        await asyncio.gather(
            *(
                guess(process, email=f"user{name}@example.org")
                for name in names
                for process in (accounts, elsewhere)
            )
        )

    await guesses(range(10))
    clock.turn(FORGOTTEN_AFTER * 2)
    await guesses(range(10))
    assert [await guess(accounts, email=f"user{name}@example.org") for name in range(10)] == [None] * 10


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("192.0.2.7", "::ffff:192.0.2.7"),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"),
        ("2001:db8::1", "2001:0db8:0:0:0:0:0:1"),
    ],
)
def test_addresses_of_one_network_are_counted_together(one: str, other: str) -> None:
    assert subject_of("ada@example.org", one) == subject_of("ada@example.org", other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("192.0.2.7", "192.0.2.8"),
        ("2001:db8:1:2::1", "2001:db8:1:3::1"),
        ("unknown", "192.0.2.7"),
        ("::1", "127.0.0.1"),
    ],
)
def test_addresses_of_different_networks_are_not(one: str, other: str) -> None:
    assert subject_of("ada@example.org", one) != subject_of("ada@example.org", other)


def test_neither_address_can_be_read_from_what_is_kept() -> None:
    assert len(subject_of("ada@example.org", HOME)) == 32
    assert b"ada" not in subject_of("ada@example.org", HOME)
