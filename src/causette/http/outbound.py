"""Requests to addresses that people or models name: only ever to the public internet.

The one guard against server-side request forgery. A host is resolved once, every address that it has must be public,
and the connection goes to exactly those: a name that says something else a moment later changes nothing. A URL is read
by one parser, the one that also connects. Redirects are followed by hand, each target guarded like the first.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from causette import __version__
from causette.errors import CausetteError, InvalidRequest

_SECONDS: Final = 15.0
_CONNECT_SECONDS: Final = 5.0
_MOST_BYTES: Final = 5 << 20
_REDIRECTS: Final = 5
_LONGEST_URL: Final = 4096
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
# What a server in another place must not get because the first one sent us there.
_OURS: Final = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key", "mcp-session-id"})
# Addresses that stand for others: what is behind them is not to be seen from here.
_TRANSLATED: Final = tuple(
    ipaddress.ip_network(net)
    for net in (
        "::/96",
        "::ffff:0:0/96",
        "::ffff:0:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
    )
)

Lookup = Callable[[str, int], Awaitable[list[str]]]


class Forbidden(InvalidRequest):
    """This address is not for others to have fetched."""

    default_code = "address_not_allowed"


class FetchFailed(CausetteError):
    """A server did not give what was asked of it."""

    status = 502
    default_code = "fetch_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """An answer, as much of it as was allowed; ``url`` is where it came from in the end."""

    url: str
    status: int
    content_type: str
    charset: str | None
    body: bytes
    #: There was more than was read.
    cut: bool


def is_public(address: str) -> bool:
    """Whether ``address`` is one of the public internet, written out."""
    with suppress(ValueError):
        found = ipaddress.ip_address(address)
        if isinstance(found, ipaddress.IPv6Address) and (
            found.scope_id or any(found in net for net in _TRANSLATED)
        ):
            return False
        return found.is_global and not found.is_multicast and not found.is_reserved
    return False


def checked_url(url: str) -> URL:
    """``url`` read, if it is one that may be fetched as far as one can see without looking its host up.

    Raises:
        Forbidden: it is not; the message says why.
    """
    if len(url) > _LONGEST_URL:
        raise Forbidden(
            f"The URL has {len(url):,} characters; at most {_LONGEST_URL:,} are taken.", param="url"
        )
    if any(character.isspace() or ord(character) < 32 or character in "\\\x7f" for character in url):
        # Parsers differ about these, and that is how hosts are hidden.
        raise Forbidden("The URL has spaces, control characters or backslashes in it.", param="url")
    try:
        read = URL(url)
        host, port = read.host, read.port
    except (ValueError, TypeError):
        raise Forbidden("This is no URL.", param="url") from None
    if read.scheme not in {"http", "https"} or not host:
        raise Forbidden("Only http:// and https:// addresses are fetched.", param="url")
    if read.user is not None or read.password is not None:
        raise Forbidden("The URL has a user name or a password in it. Leave them out.", param="url")
    if "%" in host or port == 0:
        raise Forbidden("The URL's host or port is not usable.", param="url")
    with suppress(ValueError):
        # Written out, it never reaches the resolver.
        ipaddress.ip_address(host)
        if not is_public(host):
            raise _private(host)
    return read


class Outbound:
    """Fetches from the public internet.

    Args:
        lookup: the addresses of a host, by its name and port; the system's resolver unless given.
        public: whether an address may be connected to.
    """

    def __init__(self, *, lookup: Lookup | None = None, public: Callable[[str], bool] = is_public) -> None:
        self._lookup = lookup or _system_lookup
        self._public = public

    async def fetch(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        most_bytes: int = _MOST_BYTES,
        seconds: float = _SECONDS,
    ) -> Fetched:
        """GET ``url``, through redirects.

        Raises:
            Forbidden: it, or what it leads to, is not on the public internet.
            FetchFailed: it could not be had in time.
        """
        sent = {"user-agent": f"Causette/{__version__}", "accept": "text/html,text/plain,*/*;q=0.5"}
        sent |= {name.lower(): value for name, value in (headers or {}).items()}
        target = checked_url(url)
        try:
            async with asyncio.timeout(seconds), self.session() as session:
                for _ in range(_REDIRECTS + 1):
                    async with session.get(target, headers=sent, allow_redirects=False) as response:
                        location = response.headers.get("location")
                        if response.status not in _MOVED or not location:
                            return await _read(response, most_bytes)
                    before, target = target, checked_url(str(target.join(URL(location))))
                    if before.origin() != target.origin():
                        sent = {name: value for name, value in sent.items() if name not in _OURS}
        except TimeoutError:
            raise FetchFailed(f"{target.host} did not answer within {seconds:g} seconds.") from None
        except aiohttp.ClientError as error:
            refused = _refusal_in(error)
            if refused is not None:
                raise refused from None
            raise FetchFailed(f"{target.host} could not be reached ({type(error).__name__}).") from error
        except (OSError, ValueError) as error:
            raise FetchFailed(f"{target.host} could not be reached ({type(error).__name__}).") from error
        raise FetchFailed(f"{url[:200]} redirects more than {_REDIRECTS} times.")

    def session(self) -> aiohttp.ClientSession:
        """A session that connects to public addresses only; whoever uses it checks the URLs, and redirects by hand."""
        connector = aiohttp.TCPConnector(
            resolver=_Guarded(self._lookup, self._public), use_dns_cache=False, force_close=True
        )
        return aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            # A proxy would look the host up itself.
            trust_env=False,
            max_line_size=16_384,
        )


class _Refused(OSError):
    """A host whose addresses are not public; in the clothes of what connecting raises."""

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} is not on the public internet")
        self.host = host


class _Guarded(AbstractResolver):
    def __init__(self, lookup: Lookup, public: Callable[[str], bool]) -> None:
        self._lookup = lookup
        self._public = public

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The host's addresses, which are then connected to as they are. One that is not public refuses them all."""
        addresses = await self._lookup(host, port)
        if not addresses or not all(map(self._public, addresses)):
            raise _Refused(host)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""


async def _system_lookup(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def _read(response: aiohttp.ClientResponse, most_bytes: int) -> Fetched:
    body = bytearray()
    cut = False
    async for piece in response.content.iter_chunked(1 << 16):
        body += piece
        if len(body) > most_bytes:
            del body[most_bytes:]
            cut = True
            break
    return Fetched(
        url=str(response.url),
        status=response.status,
        content_type=response.content_type,
        charset=response.charset,
        body=bytes(body),
        cut=cut,
    )


def _refusal_in(error: BaseException) -> Forbidden | None:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, _Refused):
            return _private(cause.host)
        cause = cause.__cause__ or cause.__context__
    return None


def _private(host: str) -> Forbidden:
    return Forbidden(
        f"{host} is not on the public internet, and nothing else is fetched from here.", param="url"
    )
