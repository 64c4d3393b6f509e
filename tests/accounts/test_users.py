import asyncio

import pytest

from causette.accounts import Accounts, Caller, User
from causette.accounts.service import UserChanges
from causette.errors import Conflict, InvalidRequest
from tests.accounts.conftest import PASSWORD


async def test_an_account_is_a_members_in_their_browsers_language_unless_said_otherwise(
    accounts: Accounts,
) -> None:
    user = await accounts.create_user(name=" Zoé ", email="Zoe@Example.org", password=PASSWORD)
    assert (user.name, user.email, user.role, user.locale, user.theme) == (
        "Zoé",
        "Zoe@example.org",
        "member",
        None,
        "system",
    )
    assert await accounts.list_users() == (user,)


async def test_people_are_found_however_their_address_is_capitalised(accounts: Accounts, ada: Caller) -> None:
    assert await accounts.find_user("ADA@EXAMPLE.ORG") == ada.user
    assert await accounts.find_user("eve@example.org") is None


async def test_an_address_has_one_account(accounts: Accounts, elsewhere: Accounts) -> None:
    ends = await asyncio.gather(
        *(
            process.create_user(name="Ada", email=email, password=PASSWORD)
            for process in (accounts, elsewhere)
            for email in ("ada@example.org", "ADA@example.org", "ada@EXAMPLE.org")
        ),
        return_exceptions=True,
    )
    assert [isinstance(end, User) for end in ends].count(True) == 1
    assert {end.code for end in ends if isinstance(end, Conflict)} == {"email_taken"}
    assert len(await accounts.list_users()) == 1


async def test_people_are_listed_in_the_order_they_came(accounts: Accounts) -> None:
    made = [
        await accounts.create_user(name="N", email=f"n{number}@example.org", password=PASSWORD)
        for number in (3, 1, 2)
    ]
    assert {user.id for user in await accounts.list_users()} == {user.id for user in made}


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\nb", "a\x00b", "a\x1b[31m", "\ud800", "a\u2028b"])
async def test_a_name_that_cannot_be_shown_is_refused(accounts: Accounts, ada: Caller, name: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await accounts.create_user(name=name, email="bob@example.org", password=PASSWORD)
    assert refusal.value.param == "name"
    with pytest.raises(InvalidRequest):
        await accounts.update_user(ada, name=name)
    assert await accounts.list_users() == (ada.user,)


@pytest.mark.parametrize(
    "name", ["x", "Ada King, Countess of Lovelace", "李小龙", "👩\u200d🔬", "O'Brien <3"]
)
async def test_other_names_are_kept_as_they_are(accounts: Accounts, ada: Caller, name: str) -> None:
    assert (await accounts.update_user(ada, name=name)).name == name


@pytest.mark.parametrize(
    "changes",
    [
        UserChanges(),
        UserChanges(name="Ada L."),
        UserChanges(locale="fr"),
        UserChanges(theme="dark"),
        UserChanges(name="A", locale="en", theme="light"),
    ],
)
async def test_what_is_named_changes_and_the_rest_stays(
    accounts: Accounts, ada: Caller, bob: Caller, changes: UserChanges
) -> None:
    before = {field: getattr(ada.user, field) for field in User.__dataclass_fields__}
    user = await accounts.update_user(ada, **changes)
    assert {field: getattr(user, field) for field in User.__dataclass_fields__} == before | dict(changes)
    assert await accounts.find_user("ada@example.org") == user
    assert await accounts.find_user("bob@example.org") == bob.user


async def test_a_language_can_be_taken_back(accounts: Accounts, ada: Caller) -> None:
    await accounts.update_user(ada, locale="fr")
    assert (await accounts.update_user(ada, locale=None)).locale is None


async def test_the_house_can_act_for_a_person_it_knows(accounts: Accounts, ada: Caller) -> None:
    assert await accounts.caller_of(ada.user.id) == ada
    assert await accounts.caller_of("user_0000000000000000000000") is None
