"""Serves the built web app: one page for every place in it, and the assets that the page names.

The build is listed once, and most of it read into memory: no path can lead outside. It has compressed every text file
already, and keeps of most of them nothing else. What is large and seldom asked for has gzip alone, and stays on the
disk until somebody wants it.

What models wrote runs in the frames under ``/sandbox/``. They have no origin, and their policy lets them ask for
nothing: each is one file with all that it needs.
"""

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

#: Where the build hook (``hatch_build.py``) puts the app.
DIST: Final = Path(__file__).parent / "dist"

#: The places of the app, which its own router tells apart.
_PLACES: Final = re.compile(
    r"/|/c/[^/]+(?:/print)?|/p/[^/]+|/s/[^/]+|/archive|/setup|/sign-in|/sign-up(?:/confirm)?|/password-reset"
    r"|/email-change|/join|/a/[^/]+|/assistants(?:/[^/]+)?"
    r"|/(?:settings|console|lab)(?:/[^/]+){0,2}"
)
#: What is shared by link is for those who were given it: not for a search engine, nor for the pages that it links to.
_SHARED: Final = "/s/"
_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
    ".zip": "application/zip",
}
#: Content codings with the file endings of the build, the better one first.
_CODINGS: Final = {"br": ".br", "gzip": ".gz"}
_POLICY: Final = (
    "default-src 'self'; worker-src 'self'; manifest-src 'self'; frame-src 'self'; "
    "img-src 'self' data: blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# Forms are allowed so that a page's own script may handle them; none of them gets anywhere.
_SANDBOX: Final = (
    "sandbox allow-scripts allow-forms; default-src 'none'; {scripts}; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; media-src data: blob:; worker-src blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_SANDBOX_POLICY: Final = _SANDBOX.format(scripts="script-src 'unsafe-inline' 'unsafe-eval' blob:")
_PYTHON_POLICY: Final = _SANDBOX.format(scripts="script-src 'unsafe-inline' 'wasm-unsafe-eval' blob:")
_NOT_BUILT: Final = (
    "The web app has not been built.\n\n"
    "In a checkout, build it with:  npm --prefix web ci && npm --prefix web run build\n"
    "or install the package again:  pip install .\n\n"
    "The API works without it.\n"
)


@dataclass(frozen=True, slots=True)
class _File:
    media_type: str
    etag: str
    #: The same content by content coding, or where it is on the disk. Without "identity" there is "gzip".
    bodies: Mapping[str, bytes | Path]
    #: What goes with it, besides what goes with everything.
    headers: Mapping[str, str]


def web_app(dist: Path = DIST) -> ASGIApp:
    """The web app in ``dist`` as an ASGI application; where nothing has been built, a page that says how to."""
    if not (dist / "index.html").is_file():
        return PlainTextResponse(_NOT_BUILT, status_code=503)
    files = _read(dist)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        await _answer(scope, files)(scope, receive, send)

    return serve


def _read(dist: Path) -> dict[str, _File]:
    """The files of the build, by the path of their URL."""
    files: dict[str, _File] = {}
    for file in dist.rglob("*"):
        alone = file.suffix == ".gz" and not file.with_suffix("").exists()
        path = (file.with_suffix("") if alone else file).relative_to(dist)
        media_type = _MEDIA_TYPES.get(path.suffix)
        if media_type is None or any(part.startswith(".") for part in path.parts):
            continue
        body = file.read_bytes()
        bodies: dict[str, bytes | Path] = {} if alone else {"identity": body}
        for coding, ending in _CODINGS.items():
            compressed = dist / f"{path}{ending}"
            if compressed.is_file():
                bodies[coding] = compressed.read_bytes()
        if list(bodies) == ["gzip"]:
            bodies["gzip"] = file
        files[f"/{path.as_posix()}"] = _File(
            media_type=media_type,
            etag=f'W/"{hashlib.sha256(body).hexdigest()[:32]}"',
            bodies=bodies,
            headers=_headers_of(path),
        )
    return files


def _headers_of(path: Path) -> dict[str, str]:
    # The name of an asset changes with its content, so it may be kept for ever.
    immutable = path.parts[0] == "assets"
    headers = {"cache-control": "public, max-age=31536000, immutable" if immutable else "no-cache"}
    if path.parts[0] == "sandbox":
        headers["content-security-policy"] = _PYTHON_POLICY if path.stem == "python" else _SANDBOX_POLICY
        headers["x-frame-options"] = "SAMEORIGIN"
        headers["x-dns-prefetch-control"] = "off"
    elif path.suffix == ".html":
        headers["content-security-policy"] = _POLICY
    return headers


def _answer(scope: Scope, files: Mapping[str, _File]) -> Response:
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    page = _PLACES.fullmatch(path) is not None
    file = files.get("/index.html" if page else path)
    if file is None:
        return PlainTextResponse("Not found\n", status_code=404)
    if scope["method"] not in {"GET", "HEAD"}:
        return PlainTextResponse("Method not allowed\n", status_code=405, headers={"allow": "GET, HEAD"})
    request = Headers(scope=scope)
    coding = _coding(request.get("accept-encoding", ""), file)
    headers = {**file.headers, "etag": file.etag, "vary": "accept-encoding"}
    if path.startswith(_SHARED):
        headers |= {"x-robots-tag": "noindex, nofollow", "referrer-policy": "no-referrer"}
    if _has(request.get("if-none-match", ""), file.etag):
        return Response(status_code=304, headers=headers)
    if coding != "identity":
        headers["content-encoding"] = coding
    body = _body(file, coding)
    headers["content-length"] = str(len(body))
    return Response(
        b"" if scope["method"] == "HEAD" else body,
        headers=headers,
        media_type=file.media_type,
    )


def _body(file: _File, coding: str) -> bytes:
    kept = file.bodies.get(coding)
    if kept is None:
        # Every browser takes gzip; this is for whoever looks with a plain client.
        return gzip.decompress(_body(file, "gzip"))
    return kept.read_bytes() if isinstance(kept, Path) else kept


def _coding(accepted: str, file: _File) -> str:
    """The best content coding that the client takes and the build made (RFC 9110, section 12.5.3)."""
    weights: dict[str, float] = {}
    for item in accepted.split(","):
        name, _, parameters = item.partition(";")
        weight = re.search(r"q\s*=\s*([01](?:\.\d{0,3})?)", parameters)
        weights[name.strip().lower()] = float(weight[1]) if weight else 1.0
    anything = weights.get("*", 0.0)
    for coding in _CODINGS:
        if coding in file.bodies and weights.get(coding, anything) > 0:
            return coding
    return "identity"


def _has(if_none_match: str, etag: str) -> bool:
    """Whether the client has this content already (weak comparison, RFC 9110, section 8.8.3.2)."""
    known = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return "*" in known or etag.removeprefix("W/") in known
