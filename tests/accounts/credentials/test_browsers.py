import pytest

from causette.accounts import Caller
from causette.accounts.credentials.browsers import browser_of, system_of
from causette.ids import new_id
from tests.accounts.credentials.conftest import NewBrowser

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Mobile/15E148 Safari/604.1"
)
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 "
    "Safari/537.36 Edg/130.0.0.0"
)
CHROME = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 "
    "Mobile Safari/537.36"
)


@pytest.mark.parametrize(
    ("user_agent", "browser", "system"),
    [
        (FIREFOX, "Firefox", "Linux"),
        (SAFARI, "Safari", "iOS"),
        (EDGE, "Edge", "Windows"),
        (CHROME, "Chrome", "Android"),
        ("something else", None, None),
        (None, None, None),
    ],
)
def test_a_user_agent_is_said_in_its_persons_words(
    user_agent: str | None, browser: str | None, system: str | None
) -> None:
    assert (browser_of(user_agent), system_of(user_agent)) == (browser, system)


async def test_people_see_where_they_are_signed_in(new_browser: NewBrowser, ada: Caller) -> None:
    here, there = new_browser("192.0.2.7", FIREFOX), new_browser("::ffff:198.51.100.9", SAFARI)
    await here.sign_in()
    await there.sign_in()
    listed = (await here.get("/api/sessions")).json()["items"]
    assert {(item["browser"], item["system"], item["network"], item["current"]) for item in listed} == {
        ("Safari", "iOS", "198.51.100.0/24", False),
        ("Firefox", "Linux", "192.0.2.0/24", True),
    }


async def test_signing_out_one_browser_or_all_others_bites_at_once(
    new_browser: NewBrowser, ada: Caller, bob: Caller
) -> None:
    here, one, other, bobs = (new_browser() for _ in range(4))
    for browser in (here, one, other):
        await browser.sign_in()
    await bobs.sign_in("bob@example.org")
    ones = next(item["id"] for item in (await one.get("/api/sessions")).json()["items"] if item["current"])
    assert (await bobs.delete(f"/api/sessions/{ones}")).status_code == 404
    assert (await here.delete(f"/api/sessions/{new_id('sess')}")).status_code == 404
    assert await one.who() is not None
    assert (await here.delete(f"/api/sessions/{ones}")).status_code == 204
    assert (await one.who(), await other.who() is not None) == (None, True)
    assert (await here.delete("/api/sessions")).status_code == 204
    assert await other.who() is None
    assert await here.who() == "ada@example.org"
    assert await bobs.who() == "bob@example.org"


async def test_a_user_agent_of_any_length_and_kind_is_kept_short(
    new_browser: NewBrowser, ada: Caller
) -> None:
    browser = new_browser(user_agent="Firefox/" + "x" * 10_000)
    await browser.sign_in()
    (session,) = (await browser.get("/api/sessions")).json()["items"]
    assert session["browser"] == "Firefox"
