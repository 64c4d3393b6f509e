import asyncio
import time
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from argon2 import extract_parameters
from hypothesis import given
from hypothesis import strategies as st

from causette.accounts.passwords import LONGEST, SHORTEST, Passwords, check_password
from causette.errors import InvalidRequest, Unavailable
from tests.accounts.conftest import PASSWORD, quick_passwords


@pytest_asyncio.fixture
async def passwords() -> AsyncGenerator[Passwords]:
    passwords = quick_passwords()
    yield passwords
    passwords.close()


def refusal(
    password: str, *, email: str = "ada@example.org", name: str = "Ada Lovelace"
) -> InvalidRequest | None:
    try:
        check_password(password, email=email, name=name)
    except InvalidRequest as error:
        return error
    return None


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short1!",
        "x" * (LONGEST + 1),
        "ﷺ" * 20,  # one character that normalises to eighteen
        "\ufb01" * 129,  # a ligature of two letters
        "aaaaaaaaaaaa",
        "password123",
        "PassWord123",
        "ｐａｓｓｗｏｒｄ１２３",
        "ada@example.org",
        "ADA@example.ORG",
        "Ada Lovelace",
        "ada lovelace ",
        "half a character \ud800",
        "x" * 1_000_000,
    ],
)
def test_a_password_that_is_guessed_first_is_refused_by_the_fields_name(password: str) -> None:
    error = refusal(password)
    assert error is not None
    assert (error.param, error.code) == ("password", "weak_password")
    assert not password or password not in error.message


def test_the_part_of_the_address_before_the_at_is_refused() -> None:
    assert refusal("ada.lovelace.1815", email="ada.lovelace.1815@example.org") is not None
    assert refusal("ada.lovelace.1816", email="ada.lovelace.1815@example.org") is None


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=SHORTEST, max_size=12).map(
        "é1 ".__add__
    )
)
def test_other_passwords_of_the_right_length_are_accepted(password: str) -> None:
    assert refusal(password) is None


@pytest.mark.parametrize("length", [SHORTEST, LONGEST])
def test_the_shortest_and_the_longest_are_accepted(length: int) -> None:
    assert refusal(("ab" * length)[:length]) is None


async def test_only_the_password_itself_is_verified(passwords: Passwords) -> None:
    kept = await passwords.hash(PASSWORD)
    assert await passwords.verify(PASSWORD, kept)
    assert not await passwords.verify(PASSWORD + " ", kept)
    assert not await passwords.verify(PASSWORD.upper(), kept)
    assert not await passwords.verify("", kept)
    assert PASSWORD not in kept


async def test_the_same_password_is_kept_differently_each_time(passwords: Passwords) -> None:
    assert await passwords.hash(PASSWORD) != await passwords.hash(PASSWORD)


async def test_a_password_typed_on_another_system_is_the_same(passwords: Passwords) -> None:
    kept = await passwords.hash("cafe\u0301 au lait")
    assert await passwords.verify("caf\u00e9 au lait", kept)


@pytest.mark.parametrize("password", ["", "\ud800", "\x00" * 10, "x" * 1_000_000])
async def test_whatever_is_sent_as_a_password_is_merely_wrong(passwords: Passwords, password: str) -> None:
    assert not await passwords.verify(password, await passwords.hash(PASSWORD))
    assert not await passwords.verify(password, None)


async def test_a_damaged_hash_verifies_nothing(passwords: Passwords) -> None:
    assert not await passwords.verify(PASSWORD, "$argon2id$damaged")


async def test_the_default_cost_is_at_least_what_owasp_asks_for() -> None:
    passwords = Passwords()
    cost = extract_parameters(await passwords.hash(PASSWORD))
    passwords.close()
    assert (cost.type.name, cost.parallelism) == ("ID", 1)
    assert cost.memory_cost >= 19 * 1024
    assert cost.time_cost >= 2
    assert (cost.salt_len, cost.hash_len) == (16, 32)


async def test_a_hash_of_other_cost_is_due_for_renewal(passwords: Passwords) -> None:
    kept = await passwords.hash(PASSWORD)
    dearer = Passwords(memory_kib=128, passes=1)
    assert dearer.needs_rehash(kept)
    assert not passwords.needs_rehash(kept)
    assert await dearer.verify(PASSWORD, kept)
    dearer.close()


async def test_nobody_takes_as_long_as_a_wrong_password() -> None:
    passwords = Passwords()
    kept = await passwords.hash(PASSWORD)

    async def seconds(hashed: str | None) -> float:
        # Of its computing: how long it waits for a core is its neighbours' doing.
        start = time.process_time()
        assert not await passwords.verify("wrong password", hashed)
        return time.process_time() - start

    both = [(await seconds(kept), await seconds(None)) for _ in range(7)]
    passwords.close()
    wrong, nobody = map(min, zip(*both, strict=True))
    assert 0.5 < nobody / wrong < 2


async def test_the_event_loop_goes_on_while_passwords_are_hashed() -> None:
    passwords = Passwords(memory_kib=65_536, passes=4)
    hashing = asyncio.create_task(passwords.hash(PASSWORD))
    turns = 0
    while not hashing.done():
        turns += 1
        await asyncio.sleep(0)
    passwords.close()
    assert turns > 10


async def test_more_passwords_than_can_wait_are_turned_away_and_places_come_free_again() -> None:
    passwords = quick_passwords()
    ends = await asyncio.gather(*(passwords.hash(PASSWORD) for _ in range(200)), return_exceptions=True)
    turned_away = [end for end in ends if isinstance(end, Unavailable)]
    assert 0 < len(turned_away) < 200
    assert {error.retry_after for error in turned_away} == {2.0}
    assert all(isinstance(end, str | Unavailable) for end in ends)
    assert await passwords.hash(PASSWORD)
    passwords.close()
