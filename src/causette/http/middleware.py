"""What every request passes through, as plain ASGI: an id, a log line, limits, and the browser's safety headers."""

import re
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from causette.errors import CausetteError, Forbidden, TooLarge
from causette.ids import new_id
from causette.observability import Metrics, request_id

_log = structlog.get_logger("causette.http")

#: Makes the answer that says an error, in the words of the surface that a path belongs to.
AnswerError = Callable[[str, CausetteError], ASGIApp]

_MAX_BODY_BYTES: Final = 8 * 1024 * 1024
# Bodies that go to a disk as they come may have more; whoever takes them has a bound of its own.
_STREAMED: Final = frozenset({"/api/imports"})
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Whoever reads the log shall not read what is shared.
_SHARED: Final = re.compile(r"^(/s|/api/shared)/[^/]+")
_QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


class RequestContext:
    """Gives each request its id, counts and logs it, adds the security headers to its answer.

    What nobody foresaw is answered and logged here as well: farther out, it would have neither id nor headers.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, answer: AnswerError) -> None:
        self._app = app
        self._metrics = metrics
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        offered = Headers(scope=scope).get("x-request-id", "")
        known_as = offered if _OWN_ID.fullmatch(offered) else new_id("req")
        token = request_id.set(known_as)
        began, status = perf_counter(), 0

        own_headers = [(b"x-request-id", known_as.encode()), *_SECURITY_HEADERS]
        if scope["path"].startswith("/api/"):
            # What one person is shown is no browser's or proxy's to keep, least of all a secret that is shown once.
            own_headers.append((b"cache-control", b"no-store"))

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers: list[tuple[bytes, bytes]] = message["headers"]
                given = {name for name, _ in headers}
                message["headers"] = [*headers, *(own for own in own_headers if own[0] not in given)]
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            _log.error("request failed", path=_SHARED.sub(r"\1/…", scope["path"]), exc_info=error)
            # An answer that has begun is cut off by the server, which sees that it has no end.
            if not status:
                detail = (
                    "Something went wrong on the server. Its log has the details under this request's id."
                )
                await self._answer(scope["path"], CausetteError(detail))(scope, receive, send_with_headers)
        finally:
            self._record(scope, status or 499, perf_counter() - began)
            request_id.reset(token)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        path: str = scope["path"]
        # The route's template, never the path itself: ids would make a time series each.
        route = getattr(scope.get("route"), "path", None) or "(none)"
        self._metrics.requests.labels(scope["method"], route, status).inc()
        self._metrics.request_seconds.labels(route).observe(seconds)
        if path not in _QUIET:
            _log.info(
                "request",
                method=scope["method"],
                path=_SHARED.sub(r"\1/…", path),
                status=status,
                ms=round(seconds * 1000, 1),
            )


class BodyTooLarge(HTTPException):
    """More bytes came than are read. An HTTPException, so that the framework lets it pass on its way out."""

    def __init__(self, most: int) -> None:
        super().__init__(TooLarge.status)
        self.error = _too_large(most)


class BrowserGuard:
    """Refuses what another site makes a signed-in person's browser send, and bodies that are too large.

    A cross-site request is told by ``Sec-Fetch-Site``, and by ``Origin`` in browsers without it; requests with an API
    key carry no cookie and need no guard. Same-site cookies are the second line.
    """

    def __init__(self, app: ASGIApp, answer: AnswerError, larger: Mapping[str, int] | None = None) -> None:
        """``larger`` says for which paths bodies may have how many bytes: those that are read as they come."""
        self._app = app
        self._answer = answer
        self._larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        most = self._larger.get(scope["path"], _MAX_BODY_BYTES)
        if scope["method"] not in _SAFE_METHODS and _is_cross_site(headers):
            error = Forbidden("This request came from another site.", code="cross_site_request")
            await self._answer(scope["path"], error)(scope, receive, send)
            return
        if scope["path"] in _STREAMED:
            await self._app(scope, receive, send)
            return
        declared = headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared) > most:
            await self._answer(scope["path"], _too_large(most))(scope, receive, send)
            return
        await self._app(scope, _limited(receive, most), send)


def _is_cross_site(headers: Headers) -> bool:
    if "authorization" in headers and "cookie" not in headers:
        return False
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"A body may have at most {most} bytes.")


def _limited(receive: Receive, most: int) -> Receive:
    seen = 0

    async def receive_within_limit() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > most:
                raise BodyTooLarge(most)
        return message

    return receive_within_limit
