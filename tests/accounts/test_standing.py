"""What who runs the house does to accounts, and what it takes from the next request on."""

import asyncio

import pytest

from causette.accounts import Accounts, Caller, SignedIn
from causette.errors import Conflict, Forbidden, NotFound
from causette.ids import new_id
from tests.accounts.conftest import PASSWORD


async def sign_in(accounts: Accounts, caller: Caller) -> SignedIn:
    fresh = await accounts.sign_in(caller.user.email, PASSWORD, address="192.0.2.1")
    assert isinstance(fresh, SignedIn)
    return fresh


async def test_who_is_disabled_is_a_stranger_to_every_process_at_once(
    accounts: Accounts, elsewhere: Accounts, ada: Caller
) -> None:
    fresh, key = await sign_in(accounts, ada), await accounts.keys.create(ada, name="laptop")
    assert (await elsewhere.disable_user(ada.user.id)).disabled_at is not None
    assert await accounts.session_caller(fresh.token) is None
    assert await accounts.keys.caller(key.secret) is None
    with pytest.raises(Forbidden) as refusal:
        await sign_in(accounts, ada)
    assert refusal.value.code == "account_disabled"


async def test_who_is_enabled_again_has_their_keys_but_has_to_sign_in(
    accounts: Accounts, ada: Caller
) -> None:
    fresh, key = await sign_in(accounts, ada), await accounts.keys.create(ada, name="laptop")
    await accounts.disable_user(ada.user.id)
    assert await accounts.enable_user(ada.user.id) == ada.user
    assert await accounts.session_caller(fresh.token) is None
    assert await accounts.keys.caller(key.secret) is not None
    await sign_in(accounts, ada)


async def test_a_role_holds_from_the_next_request_on(
    accounts: Accounts, elsewhere: Accounts, ada: Caller
) -> None:
    fresh = await sign_in(accounts, ada)
    await elsewhere.set_role(ada.user.id, "owner")
    caller = await accounts.session_caller(fresh.token)
    assert caller is not None and caller.user.role == "owner"


async def test_somebody_is_always_left_to_run_the_house(
    accounts: Accounts, elsewhere: Accounts, ada: Caller, bob: Caller
) -> None:
    await accounts.set_role(ada.user.id, "owner")
    for asked in (accounts.set_role(ada.user.id, "member"), accounts.disable_user(ada.user.id)):
        with pytest.raises(Conflict) as refusal:
            await asked
        assert refusal.value.code == "last_owner"
    await accounts.set_role(bob.user.id, "owner")
    await accounts.disable_user(bob.user.id)
    # An owner who is disabled runs nothing.
    with pytest.raises(Conflict):
        await accounts.set_role(ada.user.id, "member")
    await accounts.enable_user(bob.user.id)
    ends = await asyncio.gather(
        accounts.disable_user(ada.user.id),
        elsewhere.set_role(bob.user.id, "member"),
        return_exceptions=True,
    )
    assert sorted(type(end).__name__ for end in ends) == ["Conflict", "User"]


async def test_nobody_can_be_changed_who_is_not_there(accounts: Accounts) -> None:
    for asked in (accounts.set_role(new_id("user"), "owner"), accounts.disable_user("x")):
        with pytest.raises(NotFound):
            await asked


async def test_people_are_found_page_by_page(accounts: Accounts, ada: Caller, bob: Caller) -> None:
    made = [
        await accounts.create_user(name=f"Zoé {number}", email=f"z{number}@example.net", password=PASSWORD)
        for number in range(5)
    ]
    first = await accounts.list_users(limit=4)
    rest = await accounts.list_users(after=first[-1].id, limit=4)
    assert len(first) == 4
    assert {user.id for user in first + rest} == {ada.user.id, bob.user.id, *(user.id for user in made)}
    assert len(first) + len(rest) == 7
    assert {user.id for user in await accounts.list_users("EXAMPLE.NET")} == {user.id for user in made}
    assert await accounts.list_users("zo") == tuple(sorted(made, key=lambda user: user.id))
    assert await accounts.list_users("ada") == (ada.user,)
    assert await accounts.list_users("%") == await accounts.list_users("_da") == ()
