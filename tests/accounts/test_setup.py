import asyncio
from datetime import timedelta

import pytest

from causette.accounts import Accounts, Caller, SignedIn
from causette.errors import Conflict, Forbidden, InvalidRequest
from tests.accounts.conftest import PASSWORD, Clock


async def become_owner(accounts: Accounts, token: str, *, email: str = "owner@example.org") -> SignedIn:
    return await accounts.create_owner(token, name="Grace", email=email, password=PASSWORD)


async def test_the_link_makes_the_owner_and_signs_them_in(accounts: Accounts) -> None:
    assert await accounts.setup_required()
    fresh = await become_owner(accounts, await accounts.issue_setup_link())
    assert fresh.user.role == "owner"
    assert not await accounts.setup_required()
    assert await accounts.list_users() == (fresh.user,)
    caller = await accounts.session_caller(fresh.token)
    assert caller == Caller(user=fresh.user, session_id=fresh.session.id)


async def test_a_link_works_once(accounts: Accounts) -> None:
    token = await accounts.issue_setup_link()
    await become_owner(accounts, token)
    with pytest.raises(Forbidden) as refusal:
        await become_owner(accounts, token, email="second@example.org")
    assert refusal.value.code == "invalid_link"
    assert len(await accounts.list_users()) == 1


async def test_a_link_is_over_after_a_day(accounts: Accounts, clock: Clock) -> None:
    token = await accounts.issue_setup_link()
    clock.turn(timedelta(hours=24))
    with pytest.raises(Forbidden):
        await become_owner(accounts, token)
    assert await accounts.setup_required()


async def test_the_links_of_two_processes_are_both_good_until_one_is_used(
    accounts: Accounts, elsewhere: Accounts
) -> None:
    one, other = await accounts.issue_setup_link(), await elsewhere.issue_setup_link()
    await become_owner(accounts, other)
    with pytest.raises(Forbidden):
        await become_owner(accounts, one, email="second@example.org")


async def test_no_link_is_given_once_there_is_an_owner(accounts: Accounts) -> None:
    await become_owner(accounts, await accounts.issue_setup_link())
    with pytest.raises(Conflict, match="owner already"):
        await accounts.issue_setup_link()


async def test_an_owner_made_on_the_command_line_ends_the_links(accounts: Accounts) -> None:
    token = await accounts.issue_setup_link()
    await accounts.create_user(name="Grace", email="grace@example.org", password=PASSWORD, role="owner")
    with pytest.raises(Forbidden):
        await become_owner(accounts, token)


async def test_a_member_does_not_end_the_links(accounts: Accounts, ada: Caller) -> None:
    assert await accounts.setup_required()
    assert (await become_owner(accounts, await accounts.issue_setup_link())).user.role == "owner"


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "x" * 1_000_000, "\ud800" * 43, "é" * 43, "\x00" * 43])
async def test_what_is_no_link_is_refused(accounts: Accounts, token: str) -> None:
    await accounts.issue_setup_link()
    with pytest.raises(Forbidden):
        await become_owner(accounts, token)


async def test_a_refused_field_does_not_use_the_link_up(accounts: Accounts, ada: Caller) -> None:
    token = await accounts.issue_setup_link()
    with pytest.raises(InvalidRequest, match="password"):
        await accounts.create_owner(token, name="Grace", email="grace@example.org", password="short")
    with pytest.raises(Conflict) as refusal:
        await become_owner(accounts, token, email="ADA@example.org")
    assert (refusal.value.code, refusal.value.param) == ("email_taken", "email")
    assert (await become_owner(accounts, token)).user.role == "owner"


@pytest.mark.parametrize("links", ["the same link", "a link each"])
async def test_of_many_who_use_a_link_at_once_one_becomes_owner(
    accounts: Accounts, elsewhere: Accounts, links: str
) -> None:
    tokens = [await accounts.issue_setup_link() for _ in range(10)]
    if links == "the same link":
        tokens = tokens[:1] * 10
    ends = await asyncio.gather(
        *(
            become_owner((accounts, elsewhere)[number % 2], token, email=f"owner{number}@example.org")
            for number, token in enumerate(tokens)
        ),
        return_exceptions=True,
    )
    made = [end for end in ends if isinstance(end, SignedIn)]
    assert [type(end) for end in ends if not isinstance(end, SignedIn)] == [Forbidden] * 9
    assert await accounts.list_users() == (made[0].user,)


async def test_a_link_and_the_command_line_at_once_leave_a_consistent_house(
    accounts: Accounts, elsewhere: Accounts
) -> None:
    token = await accounts.issue_setup_link()
    await asyncio.gather(
        become_owner(accounts, token),
        elsewhere.create_user(name="Ada", email="ada@example.org", password=PASSWORD, role="owner"),
        return_exceptions=True,
    )
    assert not await accounts.setup_required()
    with pytest.raises(Forbidden):
        await become_owner(accounts, token, email="late@example.org")
