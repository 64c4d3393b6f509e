import asyncio
from datetime import timedelta
from statistics import median
from time import process_time

import pytest
from sqlalchemy import select

from causette.accounts import Accounts, Caller
from causette.accounts.credentials.store import mailed_links
from causette.accounts.mail import Mail
from causette.db import Database
from tests.accounts.conftest import PASSWORD, Clock
from tests.accounts.credentials.conftest import Browser, NewBrowser, app_of, house_with
from tests.accounts.credentials.smtp import PostOffice

GRACE = {"name": "Grace", "email": "grace@example.org", "password": PASSWORD}


async def test_an_account_is_there_once_its_letter_is_answered(
    browser: Browser, mail: Mail, office: PostOffice, accounts: Accounts
) -> None:
    asked = await browser.post("/api/sign-up", json=GRACE, headers={"accept-language": "fr-FR,en;q=0.5"})
    assert (asked.status_code, asked.json()) == (202, {"user": None})
    await mail.settled()
    assert await accounts.find_user("grace@example.org") is None
    assert (await browser.sign_in("grace@example.org")).status_code == 401
    assert office.letters[0]["To"] == "grace@example.org"
    assert office.link().startswith("http://localhost/sign-up/confirm?token=")
    body = {"token": office.token(), "password": PASSWORD}
    confirmed = await browser.post("/api/sign-up/confirm", json=body)
    assert confirmed.status_code == 201
    assert (confirmed.json()["role"], confirmed.json()["locale"]) == ("member", "fr")
    assert await browser.who() == "grace@example.org"
    assert (await browser.post("/api/sign-up/confirm", json=body)).json()["code"] == "invalid_link"


async def test_a_stranger_cannot_have_somebody_click_an_account_into_being(
    browser: Browser, mail: Mail, office: PostOffice, accounts: Accounts
) -> None:
    await browser.post("/api/sign-up", json=GRACE)
    await mail.settled()
    guesses = [
        await browser.post(
            "/api/sign-up/confirm", json={"token": office.token(), "password": f"a wrong guess {guess}"}
        )
        for guess in range(6)
    ]
    assert [guess.status_code for guess in guesses] == [401] * 5 + [429]
    assert await accounts.find_user("grace@example.org") is None


async def test_who_has_an_account_is_told_in_a_letter_and_nowhere_else(
    browser: Browser, mail: Mail, office: PostOffice, ada: Caller
) -> None:
    new = await browser.post("/api/sign-up", json=GRACE)
    known = await browser.post("/api/sign-up", json=GRACE | {"email": "ADA@example.org"})
    assert (new.status_code, new.content) == (known.status_code, known.content)
    await mail.settled()
    subjects = {letter["To"]: letter["Subject"] for letter in office.letters}
    assert subjects == {
        "grace@example.org": "Confirm your account",
        "ada@example.org": "You have an account already",
    }
    assert await browser.who() is None


async def test_a_known_address_takes_as_long_as_an_unknown_one(
    new_browser: NewBrowser, mail: Mail, accounts: Accounts, ada: Caller
) -> None:
    async def seconds(email: str, number: int) -> float:
        browser = new_browser(f"198.51.100.{number}")
        # Of computing: how long it waits for a core is its neighbours' doing.
        began = process_time()
        await browser.post("/api/sign-up", json=GRACE | {"email": email})
        taken = process_time() - began
        await mail.settled()
        return taken

    await seconds("warm@example.org", 0)
    known, unknown = list[float](), list[float]()
    for number in range(1, 16):
        known.append(await seconds("ada@example.org", number))
        unknown.append(await seconds(f"new{number}@example.org", number))
    assert 0.5 < median(known) / median(unknown) < 2


async def test_a_confirmation_is_over_after_a_day(
    browser: Browser, mail: Mail, office: PostOffice, clock: Clock
) -> None:
    await browser.post("/api/sign-up", json=GRACE)
    await mail.settled()
    clock.turn(timedelta(hours=24))
    body = {"token": office.token(), "password": PASSWORD}
    assert (await browser.post("/api/sign-up/confirm", json=body)).status_code == 403


async def test_of_two_confirmations_at_once_one_makes_the_account(
    new_browser: NewBrowser, mail: Mail, office: PostOffice, accounts: Accounts
) -> None:
    await new_browser().post("/api/sign-up", json=GRACE)
    await mail.settled()
    body = {"token": office.token(), "password": PASSWORD}
    answers = await asyncio.gather(*(new_browser().post("/api/sign-up/confirm", json=body) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 403, 403, 403]
    assert len(await accounts.list_users()) == 1


async def test_neither_token_nor_password_of_a_sign_up_is_kept(
    browser: Browser, mail: Mail, office: PostOffice, database: Database
) -> None:
    await browser.post("/api/sign-up", json=GRACE)
    await mail.settled()
    async with database.read() as connection:
        (kept,) = (await connection.execute(select(mailed_links))).all()
    assert office.token() not in repr(kept) and PASSWORD not in repr(kept)


async def test_nobodys_post_box_is_filled(new_browser: NewBrowser, mail: Mail, office: PostOffice) -> None:
    for number in range(8):
        answer = await new_browser(f"198.51.100.{number}").post("/api/sign-up", json=GRACE)
        assert answer.status_code == 202
        await mail.settled()
    assert len(office.letters) == 3


@pytest.mark.parametrize(
    ("change", "field"),
    [({"email": "nobody"}, "email"), ({"password": "short"}, "password"), ({"name": " "}, "name")],
)
async def test_what_makes_no_account_is_said_at_once(
    browser: Browser, change: dict[str, str], field: str
) -> None:
    answer = await browser.post("/api/sign-up", json=GRACE | change)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize("mode", ["closed", "invitation"])
async def test_where_sign_up_is_not_open_nobody_is_written_to(
    database: Database, accounts: Accounts, mail: Mail, clock: Clock, office: PostOffice, mode: str
) -> None:
    async with Browser(app_of(house_with(database, accounts, mail, clock, mode))) as browser:
        assert (await browser.get("/api/sign-up")).json()["mode"] == mode
        answer = await browser.post("/api/sign-up", json=GRACE)
        assert (answer.status_code, answer.json()["code"]) == (403, "sign_up_closed")
    await mail.settled()
    assert office.letters == []


async def test_strangers_learn_how_to_come_in(browser: Browser) -> None:
    answer = await browser.get("/api/sign-up")
    assert answer.json() == {"mode": "open", "providers": [], "passkeys": True}
