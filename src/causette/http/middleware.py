"""What every request passes through, as plain ASGI: an id, a log line, limits, and the browser's safety headers."""

import re
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from causette.errors import InvalidRequest
from causette.http.problems import problem
from causette.ids import new_id
from causette.observability import Metrics, request_id

_log = structlog.get_logger("causette.http")

_MAX_BODY_BYTES: Final = 8 * 1024 * 1024
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_SECURITY_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
}


class RequestContext:
    """Gives each request its id, counts and logs it, and adds the security headers to its answer."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        offered = Headers(scope=scope).get("x-request-id", "")
        known_as = offered if _OWN_ID.fullmatch(offered) else new_id("req")
        token = request_id.set(known_as)
        began, status = perf_counter(), 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = known_as
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            self._record(scope, status, perf_counter() - began)
            request_id.reset(token)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        path: str = scope["path"]
        # The route's template, never the path itself: ids would make a time series each.
        route = getattr(scope.get("route"), "path", None) or "(none)"
        self._metrics.requests.labels(scope["method"], route, status).inc()
        self._metrics.request_seconds.labels(route).observe(seconds)
        if path not in _QUIET:
            _log.info(
                "request", method=scope["method"], path=path, status=status, ms=round(seconds * 1000, 1)
            )


class BrowserGuard:
    """Refuses what another site makes a signed-in person's browser send, and bodies that are too large.

    A cross-site request is told by ``Sec-Fetch-Site``, and by ``Origin`` in browsers without it; requests with an API
    key carry no cookie and need no guard. Same-site cookies are the second line.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["method"] not in _SAFE_METHODS and _is_cross_site(headers):
            refusal = problem(403, "This request came from another site.", "cross_site_request")
            await refusal(scope, receive, send)
            return
        declared = headers.get("content-length", "0")
        if not declared.isdigit() or int(declared) > _MAX_BODY_BYTES:
            refusal = problem(413, f"A body may have at most {_MAX_BODY_BYTES} bytes.", "body_too_large")
            await refusal(scope, receive, send)
            return
        await self._app(scope, _limited(receive), send)


def _is_cross_site(headers: Headers) -> bool:
    if "authorization" in headers and "cookie" not in headers:
        return False
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")


def _limited(receive: Receive) -> Receive:
    seen = 0

    async def receive_within_limit() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > _MAX_BODY_BYTES:
                raise InvalidRequest(
                    f"A body may have at most {_MAX_BODY_BYTES} bytes.", code="body_too_large"
                )
        return message

    return receive_within_limit
