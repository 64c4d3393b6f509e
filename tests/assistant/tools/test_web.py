"""Searching with each kind of engine, and reading pages, over real connections."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from causette.assistant.tools.read_page import PageReader
from causette.assistant.tools.types import ToolFailed
from causette.assistant.tools.web_search import WebSearcher
from causette.http.outbound import Outbound
from causette.settings import WebSearch
from tests.assistant.tools.test_mcp_servers import CONTEXT

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


FOUND = {
    "title": "Tea  shop",
    "url": "https://tea.example/",
    "content": "We sell\ntea.",
    "description": "Brave tea.",
}
BAD = {"title": "Bad", "url": "javascript:alert(1)"}


@pytest.mark.parametrize(
    ("config", "answer", "asked"),
    [
        (
            {"kind": "searxng", "url": "{base}/"},
            {"results": [BAD, FOUND]},
            "/search?q=green%20tea%26&format=json",
        ),
        (
            {"kind": "brave", "url": "{base}/brave", "api_key": "key"},
            {"web": {"results": [FOUND]}},
            "/brave?q=green%20tea%26&count=8",
        ),
        (
            {"kind": "json", "url": "{base}/find/{query}", "results": "data.hits", "snippet": "description"},
            {"data": {"hits": [FOUND, "no record"]}},
            "/find/green%20tea%26",
        ),
    ],
)
async def test_each_kind_of_engine(config: dict[str, str], answer: object, asked: str) -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request.raw_path)
        if config["kind"] == "brave":
            assert request.headers["x-subscription-token"] == "key"
        return web.json_response(answer)

    async with serving(handler) as port:
        url = config["url"].replace("{base}", f"http://127.0.0.1:{port}")
        settings = WebSearch.model_validate({**config, "url": url, "usd_per_search": "0.005"})
        result = await WebSearcher(settings).run(CONTEXT, {"query": " green  tea& "})
    assert seen == [asked]
    assert [(link.url, link.title) for link in result.links] == [("https://tea.example/", "Tea shop")]
    assert result.cost_nano == 5_000_000
    assert "tea." in result.text


@pytest.mark.parametrize("status", [401, 200])
async def test_an_engine_that_does_not_answer_as_it_should(status: int) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text="<html>")

    async with serving(handler) as port:
        searcher = WebSearcher(WebSearch(kind="searxng", url=f"http://127.0.0.1:{port}"))
        with pytest.raises(ToolFailed):
            await searcher.run(CONTEXT, {"query": "tea"})


PAGE = """<html><head><title>All about tea</title></head><body><nav><a href="/x">Menu of the site</a></nav>
<article><h1>All about tea</h1><p>Tea is made of leaves, which are picked by hand in the mountains of the south.</p>
<p>It is drunk hot, with milk or with lemon, at five o'clock in the afternoon by most people.</p>
</article></body></html>"""


async def test_a_page_is_read_without_what_is_around_it() -> None:
    pytest.importorskip("trafilatura")

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/picture":
            return web.Response(body=b"x", content_type="image/png")
        if request.path == "/gone":
            raise web.HTTPNotFound
        return web.Response(text=PAGE, content_type="text/html")

    async def lookup(_: str, __: int) -> list[str]:
        return ["127.0.0.1"]

    reader = PageReader(Outbound(lookup=lookup, public=lambda _: True))
    async with serving(handler) as port:
        result = await reader.run(CONTEXT, {"url": f"http://tea.test:{port}/"})
        for path in ("picture", "gone"):
            with pytest.raises(ToolFailed):
                await reader.run(CONTEXT, {"url": f"http://tea.test:{port}/{path}"})
    assert result.summary == "All about tea"
    assert "made of leaves" in result.text
    assert "Menu of the site" not in result.text


async def test_a_page_within_the_house_is_not_read() -> None:
    with pytest.raises(ToolFailed, match="public internet"):
        await PageReader(Outbound()).run(CONTEXT, {"url": "http://127.0.0.1:8000/metrics"})
