"""Serves the built web app: one page for every place in it, and the assets that the page names.

The whole build is a few megabytes, so it is read once into memory: a request touches no disk, and no path can lead
outside. The build has compressed every text file already.
"""

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
_PLACES: Final = re.compile(r"/|/c/[^/]+|/setup|/sign-in")
_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
#: Content codings with the file endings of the build, the better one first.
_CODINGS: Final = {"br": ".br", "gzip": ".gz"}
_POLICY: Final = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
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
    #: The same content by content coding; "identity" is always there.
    bodies: Mapping[str, bytes]
    #: Its name changes with its content, so it may be kept for ever.
    immutable: bool


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
        media_type = _MEDIA_TYPES.get(file.suffix)
        path = file.relative_to(dist)
        if media_type is None or any(part.startswith(".") for part in path.parts):
            continue
        body = file.read_bytes()
        bodies = {"identity": body}
        for coding, ending in _CODINGS.items():
            compressed = file.with_name(file.name + ending)
            if compressed.is_file():
                bodies[coding] = compressed.read_bytes()
        files[f"/{path.as_posix()}"] = _File(
            media_type=media_type,
            etag=f'W/"{hashlib.sha256(body).hexdigest()[:32]}"',
            bodies=bodies,
            immutable=path.parts[0] == "assets",
        )
    return files


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
    headers = {
        "etag": file.etag,
        "cache-control": "public, max-age=31536000, immutable" if file.immutable else "no-cache",
        "vary": "accept-encoding",
    }
    if file.media_type.startswith("text/html"):
        headers["content-security-policy"] = _POLICY
    if _has(request.get("if-none-match", ""), file.etag):
        return Response(status_code=304, headers=headers)
    if coding != "identity":
        headers["content-encoding"] = coding
    body = file.bodies[coding]
    headers["content-length"] = str(len(body))
    return Response(
        b"" if scope["method"] == "HEAD" else body,
        headers=headers,
        media_type=file.media_type,
    )


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
