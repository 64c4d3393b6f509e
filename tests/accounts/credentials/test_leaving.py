from datetime import timedelta
from typing import Any

import pytest

from causette.accounts import Accounts, Caller
from causette.errors import Conflict
from tests.accounts.conftest import PASSWORD, Clock
from tests.accounts.credentials.authenticator import Authenticator
from tests.accounts.credentials.conftest import Browser, NewBrowser, SmallHouse
from tests.accounts.credentials.test_passkeys import register


async def test_a_deleted_account_is_gone_with_its_sessions_and_its_password(
    adas: Browser, accounts: Accounts, bob: Caller, new_browser: NewBrowser
) -> None:
    other = new_browser()
    await other.sign_in()
    answer = await adas.request("DELETE", "/api/user", json={"password": PASSWORD})
    assert answer.status_code == 204
    assert (await adas.who(), await other.who()) == (None, None)
    assert (await other.sign_in()).status_code == 401
    assert [user.email for user in await accounts.list_users()] == ["bob@example.org"]


async def test_deleting_takes_the_password_or_a_fresh_session(
    adas: Browser, accounts: Accounts, clock: Clock
) -> None:
    wrong = await adas.request("DELETE", "/api/user", json={"password": "not this one"})
    assert wrong.json()["code"] == "wrong_password"
    clock.turn(timedelta(minutes=15))
    old = await adas.request("DELETE", "/api/user", json={})
    assert (old.status_code, old.json()["code"]) == (403, "confirmation_required")
    assert await accounts.find_user("ada@example.org") is not None
    await adas.sign_in()
    assert (await adas.request("DELETE", "/api/user", json={})).status_code == 204


async def test_the_last_owner_cannot_leave(new_browser: NewBrowser, accounts: Accounts) -> None:
    browsers: list[Browser] = []
    for name in ("olga", "otto"):
        await accounts.create_user(
            name=name.title(), email=f"{name}@example.org", password=PASSWORD, role="owner"
        )
        browsers.append(new_browser())
        await browsers[-1].sign_in(f"{name}@example.org")
    first, last = browsers
    assert (await first.request("DELETE", "/api/user", json={})).status_code == 204
    answer = await last.request("DELETE", "/api/user", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")
    assert await last.who() == "otto@example.org"


async def test_an_export_holds_all_that_is_kept_and_no_secret(
    adas: Browser, house: SmallHouse, accounts: Accounts, ada: Caller, bob: Caller
) -> None:
    workspace = (await accounts.workspaces.create(ada, name="Kitchen")).workspace.id
    acting = await accounts.workspaces.acting(ada, workspace)
    made = [await accounts.keys.create(caller, name="k", scopes=["models"]) for caller in (ada, acting)]
    await accounts.keys.create(bob, name="his")
    await register(adas, Authenticator())
    await adas.post("/api/user/totp", json={})
    found: Any = await house.credentials.leaving.personal_data(ada) | await house.sign_on.personal_data(ada)
    text = repr(found)
    assert found["user"]["email"] == "ada@example.org"
    assert [passkey["name"] for passkey in found["passkeys"]] == ["Laptop"]
    assert [session["network"] for session in found["sessions"]] == ["192.0.2.0/24"]
    assert (found["second_factor"], found["sign_on"]) == (None, [])
    assert found["workspaces"] == [{"id": workspace, "name": "Kitchen", "role": "owner"}]
    assert [(key["id"], key["workspace_id"], key["scopes"]) for key in found["keys"]] == [
        (made[1].key.id, workspace, ["models"]),
        (made[0].key.id, None, ["models"]),
    ]
    assert not any(key.secret in text for key in made)
    assert "bob@example.org" not in text
    assert not {"hash", "secret", "token", "public_key"} & set(text.replace("'", "_").split("_"))


async def test_what_another_room_still_needs_keeps_an_account_and_its_workspaces(
    adas: Browser, accounts: Accounts, ada: Caller, bob: Caller
) -> None:
    made = await accounts.workspaces.create(ada, name="Kitchen")
    asked: list[str] = []

    async def needed(leaving: str) -> None:
        asked.append(leaving)
        if leaving == made.workspace.id:
            raise Conflict("It is still paid for.", code="subscription_active")

    accounts.ties.append(needed)
    answer = await adas.request("DELETE", "/api/user", json={"password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (409, "subscription_active")
    assert asked == [ada.user.id, made.workspace.id]
    with pytest.raises(Conflict):
        await accounts.workspaces.delete(ada, made.workspace.id)
    accounts.ties.clear()
    await accounts.workspaces.delete(ada, made.workspace.id)
    assert (await adas.request("DELETE", "/api/user", json={"password": PASSWORD})).status_code == 204
