from datetime import timedelta

import pytest_asyncio

from causette.accounts import Accounts, Caller
from causette.accounts.mail import Mail
from causette.ids import new_id
from tests.accounts.conftest import PASSWORD, Clock
from tests.accounts.credentials.conftest import Browser, NewBrowser, SmallHouse
from tests.accounts.credentials.smtp import PostOffice

INVITED = {"email": "grace@example.org", "role": "member"}


@pytest_asyncio.fixture
async def owners(new_browser: NewBrowser, accounts: Accounts) -> Browser:
    await accounts.create_user(name="Olga", email="olga@example.org", password=PASSWORD, role="owner")
    browser = new_browser()
    assert (await browser.sign_in("olga@example.org")).status_code == 201
    return browser


async def test_an_invitation_makes_an_account_without_another_letter(
    owners: Browser, browser: Browser, mail: Mail, office: PostOffice
) -> None:
    made = await owners.post("/api/invitations", json=INVITED)
    assert made.status_code == 201
    await mail.settled()
    assert office.letters[0]["Subject"] == "Olga invites you to Causette"
    assert office.link() == made.json()["link"]
    read = await browser.post("/api/sign-up/invitation", json={"token": office.token()})
    assert read.json() == INVITED
    body = {"name": "Grace", "password": PASSWORD, "invitation": office.token()}
    answer = await browser.post("/api/sign-up", json=body)
    assert (answer.status_code, answer.json()["user"]["email"]) == (201, "grace@example.org")
    assert await browser.who() == "grace@example.org"
    assert (await browser.post("/api/sign-up", json=body)).json()["code"] == "invalid_link"
    assert (await owners.get("/api/invitations")).json() == {"items": []}


async def test_the_address_is_the_invitations_whatever_is_sent(owners: Browser, browser: Browser) -> None:
    link = (await owners.post("/api/invitations", json=INVITED)).json()["link"]
    body = {"name": "Eve", "email": "eve@example.org", "password": PASSWORD}
    answer = await browser.post("/api/sign-up", json=body | {"invitation": link.partition("=")[2]})
    assert answer.json()["user"]["email"] == "grace@example.org"


async def test_an_invitation_can_be_taken_back(owners: Browser, browser: Browser) -> None:
    made = (await owners.post("/api/invitations", json=INVITED)).json()
    listed = (await owners.get("/api/invitations")).json()["items"]
    assert listed == [{name: made[name] for name in made if name != "link"}]
    assert (await owners.delete(f"/api/invitations/{made['id']}")).status_code == 204
    assert (await owners.delete(f"/api/invitations/{made['id']}")).status_code == 404
    token = made["link"].partition("=")[2]
    assert (await browser.post("/api/sign-up/invitation", json={"token": token})).status_code == 403


async def test_an_invitation_is_over_after_a_week(owners: Browser, browser: Browser, clock: Clock) -> None:
    link = (await owners.post("/api/invitations", json=INVITED)).json()["link"]
    clock.turn(timedelta(days=7))
    answer = await browser.post("/api/sign-up/invitation", json={"token": link.partition("=")[2]})
    assert answer.json()["code"] == "invalid_link"


async def test_who_has_an_account_is_not_invited(owners: Browser, ada: Caller) -> None:
    answer = await owners.post("/api/invitations", json={"email": "Ada@example.org"})
    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")


async def test_only_owners_invite(adas: Browser, house: SmallHouse, office: PostOffice, mail: Mail) -> None:
    assert (await adas.post("/api/invitations", json=INVITED | {"role": "owner"})).status_code == 403
    assert (await adas.get("/api/invitations")).status_code == 403
    assert (await adas.delete(f"/api/invitations/{new_id('inv')}")).status_code == 403
    await mail.settled()
    assert office.letters == []


async def test_who_is_owner_no_more_has_invited_nobody(
    owners: Browser, browser: Browser, accounts: Accounts
) -> None:
    otto = await accounts.create_user(name="Otto", email="otto@example.org", password=PASSWORD, role="owner")
    olga = await accounts.find_user("olga@example.org")
    assert olga is not None
    link = (await owners.post("/api/invitations", json={"email": "x@example.org", "role": "owner"})).json()[
        "link"
    ]
    token = link.partition("=")[2]
    for refuse, take_back in (
        (accounts.set_role(olga.id, "member"), lambda: accounts.set_role(olga.id, "owner")),
        (accounts.disable_user(olga.id), lambda: accounts.enable_user(olga.id)),
    ):
        await refuse
        body = {"name": "Eve", "password": PASSWORD, "invitation": token}
        answer = await browser.post("/api/sign-up", json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "invalid_link")
        assert (await browser.post("/api/sign-up/invitation", json={"token": token})).status_code == 403
        await take_back()
    assert (await browser.post("/api/sign-up/invitation", json={"token": token})).status_code == 200
    assert {user.id for user in await accounts.list_users()} == {olga.id, otto.id}
