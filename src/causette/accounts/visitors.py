"""What a request says of where it comes from and where it went, before anybody knows whose it is."""

import ipaddress
from typing import Final

from fastapi import Request

from causette.accounts.types import Locale, Visitor
from causette.settings import Settings

_EVERY_INTERFACE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104


def visitor_of(request: Request) -> Visitor:
    """Who is asking, as far as the connection and the browser tell."""
    return Visitor(
        address=request.client.host if request.client is not None else "unknown",
        user_agent=request.headers.get("user-agent"),
    )


def locale_of(request: Request) -> Locale:
    """The first of our languages that the browser asks for; English when it asks for neither."""
    for choice in request.headers.get("accept-language", "").lower().split(","):
        match choice.strip()[:2]:
            case "fr":
                return "fr"
            case "en":
                return "en"
            case _:
                pass
    return "en"


def origin_of(request: Request, settings: Settings) -> str:
    """The address of this house as people reach it, without a slash at the end: ``https://chat.example.org``.

    It is what the owner says it is. The ``Host`` header, which any stranger can make up, is believed only when it
    is this machine itself; otherwise a link in somebody's mail could be made to lead elsewhere.
    """
    if settings.public_url is not None:
        return settings.public_url.rstrip("/")
    if is_loopback(request.url.hostname):
        return f"{request.url.scheme}://{request.url.netloc}"
    host = "127.0.0.1" if settings.host in _EVERY_INTERFACE else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address is this machine."""
    if host is None:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
