import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from causette.accounts import Accounts, Caller
from causette.accounts.credentials.store import mailed_links
from causette.accounts.mail import Mail
from causette.db import Database
from tests.accounts.conftest import PASSWORD, Clock
from tests.accounts.credentials.conftest import Browser, NewBrowser
from tests.accounts.credentials.smtp import PostOffice

NEW = "eleven loud herons"


async def asked(browser: Browser, mail: Mail, email: str = "ada@example.org") -> None:
    assert (await browser.post("/api/password-reset", json={"email": email})).status_code == 202
    await mail.settled()


async def test_a_forgotten_password_is_replaced_and_every_session_ends(
    adas: Browser, browser: Browser, mail: Mail, office: PostOffice
) -> None:
    await asked(browser, mail, "ADA@example.org")
    body = {"token": office.token(), "password": NEW}
    assert (await browser.post("/api/password-reset/confirm", json=body)).status_code == 204
    assert await adas.who() is None
    assert await browser.who() is None
    assert (await browser.sign_in()).status_code == 401
    assert (await browser.sign_in(password=NEW)).status_code == 201
    await mail.settled()
    assert [letter["Subject"] for letter in office.letters] == [
        "Choose a new password",
        "Your password has been changed",
    ]
    assert (await browser.post("/api/password-reset/confirm", json=body)).json()["code"] == "invalid_link"


async def test_a_refused_password_leaves_the_link_good(
    browser: Browser, mail: Mail, office: PostOffice, ada: Caller
) -> None:
    await asked(browser, mail)
    weak = {"token": office.token(), "password": "ada@example.org"}
    assert (await browser.post("/api/password-reset/confirm", json=weak)).status_code == 422
    good = {"token": office.token(), "password": NEW}
    assert (await browser.post("/api/password-reset/confirm", json=good)).status_code == 204


async def test_of_two_uses_at_once_one_counts(
    new_browser: NewBrowser, mail: Mail, office: PostOffice, ada: Caller
) -> None:
    await asked(new_browser(), mail)
    answers = await asyncio.gather(
        *(
            new_browser().post(
                "/api/password-reset/confirm", json={"token": office.token(0), "password": f"{NEW} {number}"}
            )
            for number in range(4)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [204, 403, 403, 403]


async def test_a_link_is_over_after_an_hour_and_when_there_is_a_later_one(
    browser: Browser, mail: Mail, office: PostOffice, ada: Caller, clock: Clock
) -> None:
    await asked(browser, mail)
    await asked(browser, mail)
    first = {"token": office.token(0), "password": NEW}
    assert (await browser.post("/api/password-reset/confirm", json=first)).status_code == 403
    clock.turn(timedelta(hours=1))
    second = {"token": office.token(1), "password": NEW}
    assert (await browser.post("/api/password-reset/confirm", json=second)).status_code == 403


@pytest.mark.parametrize("email", ["nobody@example.org", "no address", "\x00", ""])
async def test_an_unknown_address_gets_the_same_answer_and_no_letter(
    browser: Browser, mail: Mail, office: PostOffice, ada: Caller, email: str
) -> None:
    known = await browser.post("/api/password-reset", json={"email": "ada@example.org"})
    unknown = await browser.post("/api/password-reset", json={"email": email})
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content) == (202, b"null")
    await mail.settled()
    assert [letter["To"] for letter in office.letters] == ["ada@example.org"]


async def test_a_link_leads_where_the_owner_says_whatever_host_is_named(
    browser: Browser, mail: Mail, office: PostOffice, ada: Caller
) -> None:
    await browser.post(
        "/api/password-reset", json={"email": "ada@example.org"}, headers={"host": "evil.example"}
    )
    await mail.settled()
    assert office.link().startswith("http://127.0.0.1:8000/password-reset?token=")


async def test_one_network_address_cannot_ask_for_ever(browser: Browser, mail: Mail, ada: Caller) -> None:
    statuses = [
        (await browser.post("/api/password-reset", json={"email": f"x{number}@example.org"})).status_code
        for number in range(51)
    ]
    assert statuses == [202] * 50 + [429]


async def test_the_token_of_a_letter_is_kept_as_a_digest(
    browser: Browser, mail: Mail, office: PostOffice, ada: Caller, database: Database
) -> None:
    await asked(browser, mail)
    async with database.read() as connection:
        (kept,) = (await connection.execute(select(mailed_links))).all()
    assert office.token() not in repr(kept)


async def test_changing_the_password_ends_the_other_sessions(
    adas: Browser, new_browser: NewBrowser, mail: Mail, office: PostOffice
) -> None:
    other = new_browser()
    await other.sign_in()
    body = {"present_password": PASSWORD, "new_password": NEW}
    assert (await adas.put("/api/user/password", json=body)).status_code == 204
    assert await adas.who() == "ada@example.org"
    assert await other.who() is None
    await mail.settled()
    assert office.letters[-1]["Subject"] == "Your password has been changed"


async def test_the_password_is_changed_with_the_present_one_only(adas: Browser) -> None:
    wrong = await adas.put(
        "/api/user/password", json={"present_password": "not this one", "new_password": NEW}
    )
    assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong_password")
    missing = await adas.put("/api/user/password", json={"new_password": NEW})
    assert missing.status_code == 422
    assert (await adas.sign_in()).status_code == 201


async def test_guesses_at_the_present_password_are_stopped(adas: Browser) -> None:
    guesses = [
        await adas.put(
            "/api/user/password", json={"present_password": f"not this {number}", "new_password": NEW}
        )
        for number in range(6)
    ]
    assert [guess.status_code for guess in guesses] == [403] * 5 + [429]


async def test_another_address_is_confirmed_there_and_told_to_the_old_one(
    adas: Browser, browser: Browser, mail: Mail, office: PostOffice
) -> None:
    body = {"email": "countess@example.org", "password": PASSWORD}
    assert (await adas.post("/api/user/email", json=body)).status_code == 202
    await mail.settled()
    assert office.letters[0]["To"] == "countess@example.org"
    assert await adas.who() == "ada@example.org"
    done = await adas.post("/api/email-change/confirm", json={"token": office.token(0)})
    assert done.status_code == 204
    assert await adas.who() == "countess@example.org"
    assert (await browser.sign_in("countess@example.org")).status_code == 201
    await mail.settled()
    assert office.letters[1]["To"] == "ada@example.org"
    assert "countess@example.org" in office.text(1)
    again = await adas.post("/api/email-change/confirm", json={"token": office.token(0)})
    assert again.json()["code"] == "invalid_link"


async def test_another_address_is_confirmed_by_who_has_asked_for_it_and_nobody_else(
    adas: Browser, new_browser: NewBrowser, bob: Caller, mail: Mail, office: PostOffice
) -> None:
    await adas.post("/api/user/email", json={"email": "countess@example.org", "password": PASSWORD})
    await mail.settled()
    link = {"token": office.token()}
    stranger = await new_browser().post("/api/email-change/confirm", json=link)
    assert (stranger.status_code, stranger.json()["code"]) == (401, "not_authenticated")
    bobs = new_browser()
    await bobs.sign_in("bob@example.org")
    other = await bobs.post("/api/email-change/confirm", json=link)
    assert (other.status_code, other.json()["code"]) == (403, "other_account")
    assert (await adas.who(), await bobs.who()) == ("ada@example.org", "bob@example.org")
    assert (await adas.post("/api/email-change/confirm", json=link)).status_code == 204
    assert await adas.who() == "countess@example.org"


async def test_whose_address_it_is_already_is_told_in_a_letter_only(
    adas: Browser, bob: Caller, mail: Mail, office: PostOffice
) -> None:
    free = await adas.post("/api/user/email", json={"email": "free@example.org", "password": PASSWORD})
    taken = await adas.post("/api/user/email", json={"email": "bob@example.org", "password": PASSWORD})
    assert (free.status_code, free.content) == (taken.status_code, taken.content)
    await mail.settled()
    assert {letter["To"]: letter["Subject"] for letter in office.letters} == {
        "free@example.org": "Confirm your new e-mail address",
        "bob@example.org": "You have an account already",
    }


async def test_an_address_taken_meanwhile_stays_with_who_has_it(
    adas: Browser, accounts: Accounts, mail: Mail, office: PostOffice
) -> None:
    await adas.post("/api/user/email", json={"email": "new@example.org", "password": PASSWORD})
    await mail.settled()
    await accounts.create_user(name="Bob", email="new@example.org", password=PASSWORD)
    answer = await adas.post("/api/email-change/confirm", json={"token": office.token()})
    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")
    assert await adas.who() == "ada@example.org"


async def test_a_link_of_one_kind_opens_nothing_of_another(
    adas: Browser, mail: Mail, office: PostOffice
) -> None:
    await asked(adas, mail)
    answer = await adas.post("/api/email-change/confirm", json={"token": office.token()})
    assert answer.status_code == 403
