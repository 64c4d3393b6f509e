from datetime import timedelta
from typing import Any

import httpx2
import pytest

from causette.accounts.credentials.passkeys import can_be_used_at
from causette.ids import new_id
from tests.accounts.conftest import PASSWORD, Clock
from tests.accounts.credentials.authenticator import Authenticator
from tests.accounts.credentials.conftest import Browser, NewBrowser


async def question(browser: Browser) -> dict[str, Any]:
    return (await browser.post("/api/session/passkey/options")).json()["public_key"]


async def register(
    browser: Browser, device: Authenticator, *, name: str = "Laptop", password: str | None = None
) -> httpx2.Response:
    asked = await browser.post("/api/passkeys/options", json={"password": password})
    assert asked.status_code == 200
    credential = device.create(asked.json()["public_key"])
    return await browser.post("/api/passkeys", json={"name": name, "credential": credential})


async def sign_in(browser: Browser, device: Authenticator) -> httpx2.Response:
    credential = device.get(await question(browser))
    return await browser.post("/api/session/passkey", json={"credential": credential})


async def test_a_passkey_signs_in_without_an_address_typed(
    adas: Browser, browser: Browser, clock: Clock
) -> None:
    device = Authenticator()
    made = await register(adas, device)
    assert (made.status_code, made.json()["name"], made.json()["last_used_at"]) == (201, "Laptop", None)
    asked = await question(browser)
    assert asked["rpId"] == "localhost"
    assert not asked.get("allowCredentials")
    for _ in range(2):
        answer = await sign_in(browser, device)
        assert (answer.status_code, answer.json()["email"]) == (201, "ada@example.org")
    assert await browser.who() == "ada@example.org"
    (listed,) = (await adas.get("/api/passkeys")).json()["items"]
    assert listed["last_used_at"] is not None


async def test_a_synced_passkey_whose_count_stays_zero_is_good(adas: Browser, browser: Browser) -> None:
    device = Authenticator(counts=False)
    await register(adas, device)
    assert [(await sign_in(browser, device)).status_code for _ in range(2)] == [201, 201]


async def test_a_count_that_goes_back_is_a_copys(adas: Browser, browser: Browser) -> None:
    device = Authenticator()
    await register(adas, device)
    device.count = 7
    assert (await sign_in(browser, device)).status_code == 201
    device.count = 6
    answer = await sign_in(browser, device)
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_passkey")


async def test_an_answer_is_good_once(adas: Browser, browser: Browser) -> None:
    device = Authenticator(counts=False)
    await register(adas, device)
    credential = device.get(await question(browser))
    statuses = [
        (await browser.post("/api/session/passkey", json={"credential": credential})).status_code
        for _ in range(2)
    ]
    assert statuses == [201, 401]


async def test_an_answer_given_on_another_site_is_refused(adas: Browser, browser: Browser) -> None:
    device = Authenticator()
    await register(adas, device)
    device.origin = "http://localhost.evil.example"
    assert (await sign_in(browser, device)).json()["code"] == "wrong_passkey"
    fresh = Authenticator(origin="https://evil.example")
    assert (await register(adas, fresh)).json()["code"] == "invalid_passkey"


async def test_an_answer_for_another_party_is_refused(adas: Browser, browser: Browser) -> None:
    device = Authenticator()
    await register(adas, device)
    asked = await question(browser) | {"rpId": "evil.example"}
    answer = await browser.post("/api/session/passkey", json={"credential": device.get(asked)})
    assert answer.status_code == 401


async def test_another_keys_signature_is_refused(adas: Browser, browser: Browser) -> None:
    device = Authenticator()
    await register(adas, device)
    impostor = Authenticator(credential_id=device.credential_id)
    assert (await sign_in(browser, impostor)).status_code == 401
    assert (await sign_in(browser, Authenticator())).status_code == 401


async def test_a_device_that_does_not_verify_its_user_is_refused(adas: Browser, browser: Browser) -> None:
    device = Authenticator()
    await register(adas, device)
    device.verifies_user = False
    assert (await sign_in(browser, device)).status_code == 401
    assert (await register(adas, Authenticator(verifies_user=False))).status_code == 422


async def test_an_answer_has_five_minutes(adas: Browser, browser: Browser, clock: Clock) -> None:
    device = Authenticator()
    await register(adas, device)
    asked = await question(browser)
    clock.turn(timedelta(minutes=5))
    answer = await browser.post("/api/session/passkey", json={"credential": device.get(asked)})
    assert answer.status_code == 401


async def test_an_answer_to_a_question_for_somebody_else_registers_nothing(
    adas: Browser, new_browser: NewBrowser, bob: object
) -> None:
    bobs = new_browser()
    await bobs.sign_in("bob@example.org")
    asked = (await adas.post("/api/passkeys/options", json={})).json()["public_key"]
    body = {"name": "Mine", "credential": Authenticator().create(asked)}
    assert (await bobs.post("/api/passkeys", json=body)).json()["code"] == "invalid_passkey"


async def test_a_question_for_signing_in_registers_nothing(adas: Browser) -> None:
    asked = await question(adas) | {"rp": {"id": "localhost"}, "user": {"id": "x"}}
    body = {"name": "Mine", "credential": Authenticator().create(asked)}
    assert (await adas.post("/api/passkeys", json=body)).status_code == 422


async def test_a_passkey_is_registered_once(adas: Browser) -> None:
    device = Authenticator()
    assert (await register(adas, device)).status_code == 201
    again = await register(adas, device)
    assert (again.status_code, again.json()["code"]) == (409, "passkey_known")
    asked = (await adas.post("/api/passkeys/options", json={})).json()["public_key"]
    assert len(asked["excludeCredentials"]) == 1


@pytest.mark.parametrize(
    "credential",
    [
        {},
        {"id": 1},
        {"response": []},
        {"response": {"clientDataJSON": "é"}},
        {"response": {"clientDataJSON": "e30"}},
    ],
)
async def test_what_is_no_answer_is_refused(adas: Browser, credential: dict[str, Any]) -> None:
    made = await adas.post("/api/passkeys", json={"name": "x", "credential": credential})
    assert (made.status_code, made.json()["code"]) == (422, "invalid_passkey")
    used = await adas.post("/api/session/passkey", json={"credential": credential})
    assert (used.status_code, used.json()["code"]) == (401, "wrong_passkey")


async def test_a_mangled_answer_to_a_real_question_is_refused(adas: Browser, browser: Browser) -> None:
    device = Authenticator()
    await register(adas, device)
    for field in ("authenticatorData", "signature"):
        for value in ("", "AAAA", 7, None):
            credential = device.get(await question(browser))
            credential["response"][field] = value
            answer = await browser.post("/api/session/passkey", json={"credential": credential})
            assert answer.status_code == 401
    asked = (await adas.post("/api/passkeys/options", json={})).json()["public_key"]
    credential = Authenticator().create(asked)
    credential["response"]["attestationObject"] = "AAAA"
    made = await adas.post("/api/passkeys", json={"name": "x", "credential": credential})
    assert made.status_code == 422


async def test_passkeys_are_renamed_and_deleted_by_their_owner(
    adas: Browser, browser: Browser, new_browser: NewBrowser, bob: object
) -> None:
    device = Authenticator()
    passkey = (await register(adas, device)).json()["id"]
    bobs = new_browser()
    await bobs.sign_in("bob@example.org")
    for path in (f"/api/passkeys/{passkey}", f"/api/passkeys/{new_id('pk')}"):
        assert (await bobs.patch(path, json={"name": "Taken"})).status_code == 404
        assert (await bobs.delete(path)).status_code == 404
    renamed = await adas.patch(f"/api/passkeys/{passkey}", json={"name": "Phone"})
    assert renamed.json()["name"] == "Phone"
    assert (await adas.delete(f"/api/passkeys/{passkey}")).status_code == 204
    assert (await adas.get("/api/passkeys")).json() == {"items": []}
    assert (await sign_in(browser, device)).status_code == 401


async def test_an_old_session_alone_makes_no_passkey(adas: Browser, clock: Clock) -> None:
    clock.turn(timedelta(minutes=15))
    assert (await adas.post("/api/passkeys/options", json={})).json()["code"] == "confirmation_required"
    assert (await register(adas, Authenticator(), password=PASSWORD)).status_code == 201


async def test_where_browsers_have_none_it_is_said(adas: Browser) -> None:
    answer = await adas.post("/api/session/passkey/options", headers={"host": "127.0.0.1"})
    assert (answer.status_code, answer.json()["code"]) == (409, "passkeys_unavailable")


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://chat.example.org", True),
        ("http://chat.example.org", False),
        ("http://localhost:8000", True),
        ("http://127.0.0.1:8000", False),
        ("https://192.0.2.1", False),
        ("https://[::1]", False),
    ],
)
def test_passkeys_need_https_and_a_name(origin: str, expected: bool) -> None:
    assert can_be_used_at(origin) == expected
