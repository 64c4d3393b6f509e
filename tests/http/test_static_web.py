"""The web app is served safely, compressed, and never staler than it must be."""

import gzip
from pathlib import Path

import httpx2
import pytest

from causette.http.static_web import web_app

SCRIPT = "console.log('causette');\n" * 100


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / ".vite").mkdir()
    (folder / ".vite" / "manifest.html").write_text("secret")
    (folder / "index.html").write_text("<!doctype html><title>Causette</title>")
    (folder / "icon.svg").write_text("<svg/>")
    (folder / "assets" / "index-1a2b.js").write_text(SCRIPT)
    (folder / "assets" / "index-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    (folder / "assets" / "index-1a2b.js.br").write_bytes(b"brotli")
    (tmp_path / "outside.html").write_text("outside")
    return folder


def client(dist: Path) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(web_app(dist)),
        base_url="http://causette.test",
        headers={"accept-encoding": "identity"},
    )


@pytest.mark.parametrize(
    "place",
    [
        "/",
        "/c/conv_123",
        "/c/conv_123/print",
        "/s/token",
        "/setup?token=abc",
        "/sign-in",
        "/sign-up",
        "/sign-up/confirm?token=abc",
        "/password-reset",
        "/email-change?token=abc",
        "/join?token=abc",
        "/archive",
        "/p/proj_123",
        "/settings",
        "/settings/workspaces/ws_123",
        "/console/users",
        "/lab",
        "/lab/runs/taught",
    ],
)
async def test_every_place_of_the_app_is_its_page_under_a_strict_policy(dist: Path, place: str) -> None:
    async with client(dist) as http:
        answer = await http.get(place)
    assert answer.status_code == 200
    assert "<title>Causette</title>" in answer.text
    assert answer.headers["cache-control"] == "no-cache"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    "path",
    [
        "/assets/gone.js",
        "/c/",
        "/c/conv_1/more",
        "/wp-login.php",
        "/assets",
        "/.vite/manifest.html",
        "/../outside.html",
        "/assets/../../outside.html",
        "/assets/%2e%2e/%2e%2e/outside.html",
        "/assets/index-1a2b.js.gz",
    ],
)
async def test_what_is_not_there_is_not_found(dist: Path, path: str) -> None:
    async with client(dist) as http:
        answer = await http.get(path)
    assert answer.status_code == 404


async def test_assets_may_be_kept_for_ever(dist: Path) -> None:
    async with client(dist) as http:
        answer = await http.get("/assets/index-1a2b.js")
        other = await http.get("/icon.svg")
    assert answer.text == SCRIPT
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "content-encoding" not in answer.headers
    assert other.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("GZIP;q=0.5", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("*", "br"),
        ("*;q=0", None),
        ("deflate", None),
        ("", None),
    ],
)
async def test_the_best_coding_that_the_client_takes(dist: Path, accepted: str, coding: str | None) -> None:
    async with (
        client(dist) as http,
        http.stream("GET", "/assets/index-1a2b.js", headers={"accept-encoding": accepted}) as answer,
    ):
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["vary"] == "accept-encoding"
    assert int(answer.headers["content-length"]) == len(raw)
    plain = {None: raw, "gzip": gzip.decompress(raw) if coding == "gzip" else b"", "br": SCRIPT.encode()}
    assert plain[coding] == SCRIPT.encode()


async def test_what_the_client_has_is_not_sent_again(dist: Path) -> None:
    async with client(dist) as http:
        etag = (await http.get("/")).headers["etag"]
        again = await http.get("/", headers={"if-none-match": f'"other", {etag}'})
        (dist / "index.html").write_text("<!doctype html><title>Changed</title>")
    async with client(dist) as http:
        changed = await http.get("/", headers={"if-none-match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert changed.status_code == 200


async def test_only_reading_is_allowed(dist: Path) -> None:
    async with client(dist) as http:
        head = await http.head("/assets/index-1a2b.js")
        post = await http.post("/")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(SCRIPT)
    assert post.status_code == 405
    assert post.headers["allow"] == "GET, HEAD"


async def test_a_checkout_that_was_not_built_says_how_to_build_it(tmp_path: Path) -> None:
    async with client(tmp_path) as http:
        answer = await http.get("/")
    assert answer.status_code == 503
    assert "npm --prefix web run build" in answer.text


@pytest.fixture
def sandboxed(dist: Path) -> Path:
    (dist / "sandbox").mkdir()
    (dist / "sandbox" / "page.html.gz").write_bytes(gzip.compress(b"<script>1</script>"))
    (dist / "sandbox" / "python.html.gz").write_bytes(gzip.compress(b"<script>2</script>"))
    (dist / "assets" / "python-1a2b.wasm.gz").write_bytes(gzip.compress(b"\0asm"))
    return dist


@pytest.mark.parametrize("name", ["page", "python"])
async def test_what_a_model_wrote_runs_in_a_frame_that_has_no_origin_and_asks_for_nothing(
    sandboxed: Path, name: str
) -> None:
    async with client(sandboxed) as http:
        answer = await http.get(f"/sandbox/{name}.html")
    policy = answer.headers["content-security-policy"]
    directives = {each.split()[0]: each.split()[1:] for each in policy.split("; ")}
    assert directives["sandbox"] == ["allow-scripts", "allow-forms"]
    assert directives["default-src"] == directives["form-action"] == directives["base-uri"] == ["'none'"]
    assert directives["frame-ancestors"] == ["'self'"]
    allowed = {source for name, sources in directives.items() if name.endswith("-src") for source in sources}
    assert allowed <= {
        "'none'",
        "'unsafe-inline'",
        "'unsafe-eval'",
        "'wasm-unsafe-eval'",
        "data:",
        "blob:",
    }
    assert ("'unsafe-eval'" in allowed) == (name == "page")
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"


async def test_what_is_kept_compressed_only_is_there_for_every_client(sandboxed: Path) -> None:
    async with client(sandboxed) as http:
        packed = await http.get("/assets/python-1a2b.wasm", headers={"accept-encoding": "br, gzip"})
        plain = await http.get("/assets/python-1a2b.wasm")
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content == b"\0asm"
    assert packed.headers["content-type"] == plain.headers["content-type"] == "application/wasm"
    assert "immutable" in packed.headers["cache-control"]
