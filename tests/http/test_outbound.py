"""Nothing but the public internet is fetched, whatever a URL looks like and wherever it leads."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from causette.http.outbound import FetchFailed, Forbidden, Outbound, checked_url, is_public

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0"),
        *("100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "::ffff:0:127.0.0.1"),
        *("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "2002:7f00:1::", "2001:0:1::1"),
        *("", "example.org", "127.1", "0x7f000001"),
    ],
)
def test_what_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111"])
def test_what_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "file:///etc/passwd",
            "gopher://example.org/",
            "ftp://example.org/",
            "//example.org/",
            "example.org",
            "",
        ),
        *(
            "http://127.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:169.254.169.254]/",
            "http://169.254.169.254/",
        ),
        *("http://user@example.org/", "http://user:secret@example.org/", "http://example.org@127.0.0.1/"),
        *("http://example.org\\@127.0.0.1/", "http://example.org\t.evil/", "http://exa mple.org/"),
        *("http://[fe80::1%25eth0]/", "http://example.org:0/", "http://example.org:99999/", "http:///path"),
        "http://example.org/" + "a" * 5000,
    ],
)
def test_urls_that_are_refused_unseen(url: str) -> None:
    with pytest.raises(Forbidden):
        checked_url(url)


#: Odd spellings of this machine and its neighbours, which the system's resolver understands.
SPELLINGS = (
    *("http://localhost/", "http://127.1/", "http://0x7f.1/", "http://2130706433/", "http://0177.0.0.1/"),
    *("http://127.0.0.1./", "http://１２７.0.0.1/", "http://ⓛocalhost/", "http://0/", "http://[::]/"),
)


@pytest.mark.parametrize("url", SPELLINGS)
async def test_no_spelling_reaches_this_machine(url: str) -> None:
    reached = False

    async def handler(_: web.Request) -> web.StreamResponse:
        nonlocal reached
        reached = True
        return web.Response(text="secret")

    async with serving(handler) as (port, _):
        with pytest.raises((Forbidden, FetchFailed)):
            await Outbound().fetch(url.removesuffix("/") + f":{port}/")
    assert not reached


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[tuple[int, Outbound]]:
    """A server, and a fetcher to which ``public.test`` is that server and counts as public."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()

    async def lookup(host: str, _: int) -> list[str]:
        return {
            "public.test": ["127.0.0.1"],
            "other.test": ["127.0.0.1"],
            "mixed.test": ["127.0.0.1", "10.0.0.1"],
        }.get(host, ["10.0.0.1"])

    outbound = Outbound(lookup=lookup, public=lambda address: address == "127.0.0.1")
    try:
        yield runner.addresses[0][1], outbound
    finally:
        await runner.cleanup()


async def test_a_page_is_fetched_up_to_its_limit() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.host.startswith("public.test")
        return web.Response(text="é" * 1000, content_type="text/html", charset="utf-8")

    async with serving(handler) as (port, outbound):
        whole = await outbound.fetch(f"http://public.test:{port}/")
        part = await outbound.fetch(f"http://public.test:{port}/", most_bytes=10)
    assert (whole.status, whole.content_type, whole.charset, len(whole.body), whole.cut) == (
        *(200, "text/html", "utf-8", 2000, False),
    )
    assert (len(part.body), part.cut) == (10, True)


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{port}/secret",
        "http://inside.test:{port}/secret",
        "file:///etc/passwd",
        "http://[::1]/secret",
    ],
)
async def test_a_redirect_leads_nowhere_else(target: str) -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        raise web.HTTPFound(target.format(port=request.url.port))

    async with serving(handler) as (port, outbound):
        with pytest.raises(Forbidden):
            await outbound.fetch(f"http://public.test:{port}/")
    assert asked == ["/"]


async def test_redirects_are_followed_and_take_no_secrets_along() -> None:
    seen: list[str | None] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers.get("authorization"))
        if request.path == "/":
            raise web.HTTPFound("/second")
        if request.path == "/second":
            raise web.HTTPTemporaryRedirect(f"http://other.test:{request.url.port}/third")
        return web.Response(text="there")

    async with serving(handler) as (port, outbound):
        page = await outbound.fetch(f"http://public.test:{port}/", headers={"Authorization": "Bearer x"})
    assert page.body == b"there"
    assert seen == ["Bearer x", "Bearer x", None]


async def test_a_circle_of_redirects_ends() -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/again")

    async with serving(handler) as (port, outbound):
        with pytest.raises(FetchFailed):
            await outbound.fetch(f"http://public.test:{port}/")


async def test_one_address_that_is_not_public_refuses_a_host() -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(text="secret")

    async with serving(handler) as (port, outbound):
        with pytest.raises(Forbidden):
            await outbound.fetch(f"http://mixed.test:{port}/")


async def test_a_name_that_changes_its_mind_is_looked_up_once() -> None:
    """DNS rebinding: public when it is checked, this machine when it is connected to."""
    answers = iter([["203.0.113.7"], ["127.0.0.1"]])
    checked: list[str] = []

    async def lookup(_: str, __: int) -> list[str]:
        return next(answers)

    def public(address: str) -> bool:
        checked.append(address)
        return address == "203.0.113.7"

    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(text="secret")

    async with serving(handler) as (port, _):
        with pytest.raises(FetchFailed):
            await Outbound(lookup=lookup, public=public).fetch(f"http://rebind.test:{port}/", seconds=1)
    assert checked == ["203.0.113.7"]


async def test_a_server_that_does_not_end_is_left() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x")

    async with serving(handler) as (port, outbound):
        page = await outbound.fetch(f"http://public.test:{port}/", most_bytes=1000)
    assert page.cut
