import asyncio
import base64
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from sqlalchemy import select

from causette.accounts import Accounts, Caller
from causette.accounts.credentials import totp
from causette.accounts.credentials.store import recovery_codes
from causette.db import Database
from tests.accounts.conftest import PASSWORD, Clock
from tests.accounts.credentials.conftest import Browser, NewBrowser

A_STEP = timedelta(seconds=totp.PERIOD)


class App:
    """An authenticator app that has read the QR code."""

    def __init__(self, uri: str, clock: Clock) -> None:
        secret = parse_qs(urlsplit(uri).query)["secret"][0]
        self._secret = base64.b32decode(secret + "=" * (-len(secret) % 8))
        self._clock = clock

    def code(self) -> str:
        return totp.code(self._secret, totp.step_at(self._clock()))


async def enrolled(browser: Browser, clock: Clock) -> tuple[App, list[str]]:
    """Codes are on for whoever is signed in; their app, and their recovery codes."""
    begun = await browser.post("/api/user/totp", json={"password": PASSWORD})
    assert begun.status_code == 201
    app = App(begun.json()["uri"], clock)
    confirmed = await browser.post("/api/user/totp/confirm", json={"code": app.code()})
    assert confirmed.status_code == 200
    clock.turn(A_STEP)
    return app, confirmed.json()["recovery_codes"]


async def challenge(browser: Browser) -> str:
    answer = await browser.sign_in()
    assert answer.status_code == 202
    return answer.json()["challenge"]


async def show(browser: Browser, challenge: str, code: str) -> httpx2.Response:
    return await browser.post("/api/session/code", json={"challenge": challenge, "code": code})


async def factors(browser: Browser) -> dict[str, Any]:
    return (await browser.get("/api/user/factors")).json()


async def test_signing_in_takes_a_code_once_one_has_been_confirmed(
    adas: Browser, new_browser: NewBrowser, clock: Clock
) -> None:
    begun = (await adas.post("/api/user/totp", json={})).json()
    assert begun["qr"].startswith("data:image/svg+xml;base64,")
    assert begun["secret"] in begun["uri"]
    unconfirmed = new_browser()
    assert (await unconfirmed.sign_in()).status_code == 201
    app, codes = await enrolled(adas, clock)
    assert len(set(codes)) == 10
    assert await factors(adas) == {"password": True, "totp": True, "recovery_codes_left": 10, "passkeys": []}
    browser = new_browser()
    waiting = await challenge(browser)
    assert await browser.who() is None
    answer = await show(browser, waiting, app.code())
    assert (answer.status_code, answer.json()["email"]) == (201, "ada@example.org")
    assert await browser.who() == "ada@example.org"


async def test_a_code_is_accepted_once(adas: Browser, new_browser: NewBrowser, clock: Clock) -> None:
    app, _ = await enrolled(adas, clock)
    browser, code = new_browser(), app.code()
    assert (await show(browser, await challenge(browser), code)).status_code == 201
    again = await show(browser, await challenge(browser), code)
    assert (again.status_code, again.json()["code"]) == (401, "wrong_code")
    clock.turn(A_STEP)
    assert (await show(browser, await challenge(browser), app.code())).status_code == 201


async def test_of_one_code_shown_twice_at_once_one_counts(
    adas: Browser, new_browser: NewBrowser, clock: Clock
) -> None:
    app, _ = await enrolled(adas, clock)
    browsers = [new_browser() for _ in range(4)]
    waiting = [await challenge(browser) for browser in browsers]
    answers = await asyncio.gather(
        *(show(browser, token, app.code()) for browser, token in zip(browsers, waiting, strict=True))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 401, 401, 401]


async def test_the_code_that_confirmed_signs_nobody_in(
    adas: Browser, new_browser: NewBrowser, clock: Clock
) -> None:
    begun = await adas.post("/api/user/totp", json={})
    app = App(begun.json()["uri"], clock)
    await adas.post("/api/user/totp/confirm", json={"code": app.code()})
    browser = new_browser()
    assert (await show(browser, await challenge(browser), app.code())).status_code == 401


async def test_a_recovery_code_is_good_once_however_it_is_typed(
    adas: Browser, new_browser: NewBrowser, clock: Clock
) -> None:
    _, codes = await enrolled(adas, clock)
    browser = new_browser()
    typed = codes[3].replace("-", " ").upper()
    assert (await show(browser, await challenge(browser), typed)).status_code == 201
    assert (await factors(browser))["recovery_codes_left"] == 9
    again = new_browser()
    assert (await show(again, await challenge(again), codes[3])).status_code == 401


async def test_recovery_codes_are_kept_as_digests(adas: Browser, clock: Clock, database: Database) -> None:
    _, codes = await enrolled(adas, clock)
    async with database.read() as connection:
        kept = repr((await connection.execute(select(recovery_codes))).all())
    assert not any(code in kept or code.replace("-", "").upper() in kept for code in codes)


async def test_other_recovery_codes_take_the_place_of_those_before(
    adas: Browser, new_browser: NewBrowser, clock: Clock
) -> None:
    app, before = await enrolled(adas, clock)
    renewed = await adas.post("/api/user/totp/recovery-codes", json={"code": app.code()})
    after = renewed.json()["recovery_codes"]
    browser = new_browser()
    waiting = await challenge(browser)
    assert (await show(browser, waiting, before[0])).status_code == 401
    assert (await show(browser, waiting, after[0])).status_code == 201


async def test_guesses_at_codes_are_stopped(adas: Browser, new_browser: NewBrowser, clock: Clock) -> None:
    app, _ = await enrolled(adas, clock)
    browser = new_browser()
    waiting = await challenge(browser)
    statuses = [(await show(browser, waiting, "000000")).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    # A second password does not buy more guesses.
    assert (await show(browser, await challenge(browser), app.code())).status_code == 429
    clock.turn(timedelta(seconds=30))
    assert (await show(browser, await challenge(browser), app.code())).status_code == 201


async def test_guesses_at_codes_from_everywhere_are_stopped_but_not_where_its_owner_is(
    adas: Browser, new_browser: NewBrowser, clock: Clock
) -> None:
    app, _ = await enrolled(adas, clock)
    statuses: list[int] = []
    for network in range(11):
        browser = new_browser(f"198.51.{network}.1")
        statuses.append((await show(browser, await challenge(browser), "000000")).status_code)
    assert statuses == [401] * 10 + [429]
    home = new_browser()
    assert (await show(home, await challenge(home), app.code())).status_code == 201


async def test_a_sign_in_waits_ten_minutes_for_its_code(
    adas: Browser, new_browser: NewBrowser, clock: Clock
) -> None:
    app, _ = await enrolled(adas, clock)
    browser = new_browser()
    waiting = await challenge(browser)
    clock.turn(timedelta(minutes=10))
    answer = await show(browser, waiting, app.code())
    assert (answer.status_code, answer.json()["code"]) == (401, "second_step_expired")


@pytest.mark.parametrize("token", ["", "x", "x" * 43])
async def test_what_is_no_challenge_is_refused(browser: Browser, token: str) -> None:
    assert (await show(browser, token, "000000")).json()["code"] == "second_step_expired"


async def test_a_new_password_ends_the_sign_ins_that_wait(
    adas: Browser, new_browser: NewBrowser, clock: Clock
) -> None:
    app, _ = await enrolled(adas, clock)
    browser = new_browser()
    waiting = await challenge(browser)
    body = {"present_password": PASSWORD, "new_password": "eleven loud herons"}
    assert (await adas.put("/api/user/password", json=body)).status_code == 204
    assert (await show(browser, waiting, app.code())).json()["code"] == "second_step_expired"


@pytest.mark.parametrize("by", ["password", "code", "recovery code"])
async def test_codes_are_turned_off_by_who_can_prove_it_is_they(adas: Browser, clock: Clock, by: str) -> None:
    app, codes = await enrolled(adas, clock)
    clock.turn(timedelta(minutes=20))
    for wrong in ({}, {"password": "not the password"}, {"code": "000000"}, {"code": "x\u0660"}):
        assert (await adas.post("/api/user/totp/disable", json=wrong)).status_code == 403
    proof = {
        "password": {"password": PASSWORD},
        "code": {"code": app.code()},
        "recovery code": {"code": codes[0]},
    }
    assert (await adas.post("/api/user/totp/disable", json=proof[by])).status_code == 204
    assert (await factors(adas))["totp"] is False
    assert (await factors(adas))["recovery_codes_left"] == 0
    assert (await adas.sign_in()).status_code == 201


async def test_an_old_session_alone_enrols_nothing(adas: Browser, clock: Clock) -> None:
    clock.turn(timedelta(minutes=15))
    answer = await adas.post("/api/user/totp", json={})
    assert (answer.status_code, answer.json()["code"]) == (403, "confirmation_required")
    assert (await adas.post("/api/user/totp", json={"password": PASSWORD})).status_code == 201


async def test_a_second_enrolment_does_not_replace_a_confirmed_one(adas: Browser, clock: Clock) -> None:
    await enrolled(adas, clock)
    answer = await adas.post("/api/user/totp", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "totp_enrolled")


async def test_a_wrong_code_confirms_nothing(adas: Browser, clock: Clock) -> None:
    assert (await adas.post("/api/user/totp/confirm", json={"code": "000000"})).json()["code"] == (
        "totp_not_begun"
    )
    await adas.post("/api/user/totp", json={})
    assert (await adas.post("/api/user/totp/confirm", json={"code": "000000"})).status_code == 403
    assert (await factors(adas))["totp"] is False


async def test_a_password_alone_gets_no_session_in_code_either(
    accounts: Accounts, adas: Browser, ada: Caller, clock: Clock
) -> None:
    await enrolled(adas, clock)
    outcome = await accounts.sign_in("ada@example.org", PASSWORD, address="192.0.2.1")
    assert not hasattr(outcome, "session")
    assert len(await accounts.list_sessions(ada)) == 1
