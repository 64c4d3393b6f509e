"""A web server that behaves as badly as a test asks, and the package index and hub it can stand for."""

import asyncio
import hashlib
import io
import json
import socket
import zipfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from causette.models import Catalogue, ModelCard, ModelFile, Models, Stage
from causette.models.hub import Hub
from causette.models.pip_config import IndexConfig
from causette.models.web import NetworkPolicy

#: Retries at once; an endless wait would fail the test run, not this limit.
EAGER = NetworkPolicy(attempts=3, first_delay=0.001, longest_delay=0.001)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def wheel(members: dict[str, bytes]) -> bytes:
    """The bytes of a wheel that holds ``members``."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


@dataclass
class Served:
    """A resource, and what goes wrong with it: each entry of ``drops`` breaks one answer off after that many bytes."""

    body: bytes
    content_type: str = "application/octet-stream"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    etag: str | None = '"1"'
    ranges: bool = True
    drops: list[int] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)
    #: Set while answers may go on beyond ``pause_at`` bytes; ``paused`` is set when one waits there.
    pause_at: int | None = None
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    paused: asyncio.Event = field(default_factory=asyncio.Event)


class Site:
    """A server on a free port of this machine. ``requests`` has the path and headers of all it was asked."""

    def __init__(self) -> None:
        self.resources: dict[str, Served] = {}
        self.everything: list[Served] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.raw_paths: list[str] = []
        self.url = ""

    def put(self, path: str, body: bytes | str, **how: object) -> Served:
        data = body.encode() if isinstance(body, str) else body
        self.resources[path] = Served(data, **how)  # type: ignore[arg-type]
        self.everything.append(self.resources[path])
        return self.resources[path]

    def redirect(self, path: str, to: str, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.put(path, b"", status=302, headers={"Location": to, **named}, etag=None)

    def asked(self, path: str) -> list[dict[str, str]]:
        """The headers of each request for ``path``."""
        return [headers for asked, headers in self.requests if asked == path]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.path, dict(request.headers)))
        self.raw_paths.append(request.raw_path)
        served = self.resources.get(request.path)
        if served is None:
            return web.Response(status=404)
        if served.failures:
            return web.Response(status=served.failures.pop(0))
        headers = dict(served.headers)
        if served.etag:
            headers["ETag"] = served.etag
        start, status, total = 0, served.status, len(served.body)
        wanted = request.headers.get("Range", "")
        fresh = request.headers.get("If-Range", served.etag) == served.etag
        if served.ranges and wanted.startswith("bytes=") and fresh and status == 200:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= total:
                return web.Response(status=416, headers={**headers, "Content-Range": f"bytes */{total}"})
            status = 206
            headers["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
        headers.setdefault("Content-Length", str(total - start))
        response = web.StreamResponse(status=status, headers=headers)
        response.content_type = served.content_type
        await response.prepare(request)
        end = served.drops.pop(0) if served.drops else total
        if served.pause_at is not None and not served.go_on.is_set():
            await response.write(served.body[start : served.pause_at])
            served.paused.set()
            await served.go_on.wait()
            start = served.pause_at
        if request.transport is None:
            return response
        await response.write(served.body[start:end])
        if end < total:
            request.transport.close()
        return response

    def index_html(
        self, name: str, files: dict[str, bytes], *, yanked: bool = False, digest: str | None = None
    ) -> None:
        """Offer ``files`` on the HTML page of a package."""
        links = ""
        for filename, data in files.items():
            self.resources.setdefault(f"/files/{filename}", Served(data))
            mark = ' data-yanked="broken"' if yanked else ""
            links += f'<a href="/files/{filename}#sha256={digest or sha256(data)}"{mark}>{filename}</a>\n'
        self.put(
            f"/simple/{name}/", f"<html><body>{links}</body></html>", content_type="text/html", etag=None
        )

    def index_json(self, name: str, entries: list[dict[str, object]]) -> None:
        """Offer ``entries`` on the JSON page of a package."""
        self.put(
            f"/simple/{name}/",
            json.dumps({"meta": {"api-version": "1.1"}, "name": name, "files": entries}),
            content_type="application/vnd.pypi.simple.v1+json",
            etag=None,
        )


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    here = Site()
    app = web.Application()
    app.router.add_route("GET", "/{path:.*}", here.answer)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", 0)
    await listener.start()
    here.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield here
    for served in here.everything:
        served.go_on.set()
    await runner.cleanup()


@pytest.fixture
def unused_port() -> int:
    """A port of this machine where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Seen:
    """Progress that remembers."""

    def __init__(self) -> None:
        self.updates: list[tuple[str, int, int | None, Stage]] = []
        self._awaited: tuple[int, asyncio.Event] = (0, asyncio.Event())

    def update(self, name: str, done_bytes: int, total_bytes: int | None, stage: Stage) -> None:
        self.updates.append((name, done_bytes, total_bytes, stage))
        if done_bytes >= self._awaited[0]:
            self._awaited[1].set()

    async def until(self, done_bytes: int) -> None:
        """Wait for an update of at least ``done_bytes``."""
        self._awaited = (done_bytes, asyncio.Event())
        await self._awaited[1].wait()

    @property
    def stages(self) -> list[Stage]:
        return list(dict.fromkeys(stage for _, _, _, stage in self.updates))


def card(*files: ModelFile, name: str = "toy") -> ModelCard:
    return ModelCard(
        name=name,
        title="Toy",
        description="A toy.",
        family="Toy",
        architecture="llama",
        kind="text",
        licence="Apache-2.0",
        format="gguf",
        files=files,
    )


def one_file(data: bytes, *sources: str, size: int | None = None, path: str = "toy.gguf") -> ModelCard:
    """A model of one file that must be ``data``."""
    file = ModelFile(path=path, sources=sources, sha256=sha256(data), size_bytes=size or len(data))
    return card(file)


Shelf = Callable[..., Models]


@pytest.fixture
def shelf(tmp_path: Path, site: Site) -> Shelf:
    """Models of the given cards, whose index and hub are the test's own server."""

    def build(*cards: ModelCard, index: IndexConfig | None = None, hub: Hub | None = None) -> Models:
        return Models(
            tmp_path / "models",
            Catalogue(cards),
            index=index or IndexConfig(indexes=(f"{site.url}/simple",)),
            hub=hub or Hub(endpoint=site.url),
            network=EAGER,
        )

    return build
