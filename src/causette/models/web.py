"""Downloads that can be broken off and taken up again, over HTTP, with what is allowed decided hop by hop.

A download is a ``.part`` file and beside it a ``.json`` note of which bytes those are (the server's validator
and the total). Whatever ends the process leaves both, and the next attempt asks for the rest with ``Range``
and ``If-Range`` (RFC 9110, 13 and 14). Bytes are only ever data here: nothing that arrives is executed or
trusted before its hash is compared by the caller.
"""

import asyncio
import contextlib
import hashlib
import io
import random
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import aiohttp
import msgspec
from yarl import URL

from causette import __version__
from causette.models.disk import (
    Digest,
    append,
    hash_into,
    in_thread,
    make_room,
    sha256_of,
    size_of,
    writing,
)
from causette.models.sources import is_loopback
from causette.models.types import SourceFailed

_RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CONTENT_RANGE = re.compile(r"bytes (?P<first>\d+)-\d+/(?P<total>\d+|\*)")
_WORTH_WRITING = 256 << 10
#: What an index page may weigh; PyPI's longest are a tenth of it.
_LONGEST_PAGE = 64 << 20

OnBytes = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPolicy:
    """How patient downloads are. Times are seconds."""

    #: Attempts in a row that bring no byte before a source is given up.
    attempts: int = 4
    first_delay: float = 0.5
    longest_delay: float = 20.0
    connect_timeout: float = 15.0
    #: How long a connection may be silent.
    idle_timeout: float = 60.0
    redirects: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Which certificates count, and which hosts (``host`` or ``host:port``) may do without."""

    certificates: Path | None = None
    client_certificate: Path | None = None
    hosts: frozenset[str] = frozenset()

    def covers(self, url: URL) -> bool:
        """Whether the owner declared this host as trusted, valid certificate or not."""
        return url.host in self.hosts or f"{url.host}:{url.port}" in self.hosts


@dataclass(frozen=True, slots=True)
class Landed:
    """A whole download: the ``.part`` file, its hash, and what the asked host says of it in headers.

    ``resumed`` says that the file's beginning came from an earlier connection.
    """

    path: Path
    size: int
    sha256: str
    facts: Mapping[str, str]
    resumed: bool


class _Note(msgspec.Struct, frozen=True):
    """What a ``.part`` file is the beginning of."""

    validator: str | None = None
    linked: str | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    """A response, and what the asked host itself (not one it redirects to) says of the file."""

    response: aiohttp.ClientResponse
    facts: Mapping[str, str]


class Web:
    """One HTTP session with Causette's rules. An async context manager."""

    def __init__(self, policy: NetworkPolicy | None = None, trust: Trust | None = None) -> None:
        self._policy = policy or NetworkPolicy()
        self._trust = trust or Trust()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Web":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def page(self, url: str, accept: str) -> tuple[bytes, str, str]:
        """The body, content type and final address of a small page.

        Raises:
            SourceFailed: it could not be had.
        """
        failures = 0
        while True:
            try:
                async with self._get(URL(url), {"Accept": accept}) as answer:
                    self._check_status(answer.response)
                    body = await _whole(answer.response)
                    return body, answer.response.content_type, str(answer.response.url)
            except SourceFailed as failure:
                failures += 1
                await self._pause_or_give_up(failure, failures)

    async def download(
        self,
        url: str,
        part: Path,
        *,
        limit: Callable[[int | None], int],
        headers: Mapping[str, str] | None = None,
        on_bytes: OnBytes,
    ) -> Landed:
        """Bring all of ``url`` into ``part``, going on from what is there.

        Args:
            url: where the bytes are.
            part: where they go; a ``.json`` note is kept beside it until the caller removes both.
            limit: the most bytes to accept, given the total that the server states (None: it states none).
            headers: extra request headers; sent to the first host only.
            on_bytes: called with the bytes there are and the total (None: not known).

        Raises:
            SourceFailed: the source did not deliver, after retries where those made sense.
            DiskFull: there is no room for it.
        """
        failures = 0
        while True:
            before = size_of(part)
            try:
                return await self._attempt(URL(url), part, limit, headers or {}, on_bytes)
            except SourceFailed as failure:
                failures = 1 if size_of(part) > before else failures + 1
                await self._pause_or_give_up(failure, failures)

    async def _pause_or_give_up(self, failure: SourceFailed, failures: int) -> None:
        policy = self._policy
        if not failure.retryable or failures >= policy.attempts:
            raise failure
        delay = min(policy.first_delay * 2 ** (failures - 1), policy.longest_delay)
        delay *= random.uniform(0.75, 1.25)  # noqa: S311 - so that many machines do not come back in step
        await asyncio.sleep(min(max(delay, failure.retry_after or 0), 60))

    async def _attempt(
        self,
        url: URL,
        part: Path,
        limit: Callable[[int | None], int],
        headers: Mapping[str, str],
        on_bytes: OnBytes,
    ) -> Landed:
        note = _read_note(part)
        have = size_of(part) if note is not None else 0
        request = {**headers, "Accept-Encoding": "identity"}
        if note is not None and have:
            request["Range"] = f"bytes={have}-"
            if note.validator is not None:
                request["If-Range"] = note.validator
        async with self._get(url, request) as answer:
            response, facts = answer.response, answer.facts
            linked = facts.get("X-Linked-Etag")
            if response.status == 416 and note is not None and note.total == have and note.linked == linked:
                digest = await in_thread(
                    lambda report: sha256_of(part, report), lambda done: on_bytes(done, have)
                )
                return Landed(part, have, digest, facts, resumed=True)
            if response.status != 416:
                self._check_status(response)
            start, total = _extent(response, facts)
            if response.status == 416 or (start and not _goes_on(note, have, start, total, linked)):
                discard(part)
                raise SourceFailed("the server's file is not the one begun earlier", retryable=True)
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise SourceFailed("the server compresses although it was asked not to")
            most = limit(total)
            if total is not None and total > most:
                raise SourceFailed(f"the server's file has {total} bytes, at most {most} are expected")
            make_room(part, (total or most) - start)
            _begin(part, start, _Note(_validator(response), linked, total))
            digest, done = await self._receive(response, part, start, total, most, on_bytes)
        if total is not None and done < total:
            raise SourceFailed(f"the connection ended after {done} of {total} bytes", retryable=True)
        return Landed(part, done, digest, facts, resumed=start > 0)

    async def _receive(
        self,
        response: aiohttp.ClientResponse,
        part: Path,
        start: int,
        total: int | None,
        most: int,
        on_bytes: OnBytes,
    ) -> tuple[str, int]:
        """Write the body behind the first ``start`` bytes; the hash and length of the whole."""
        digest = hashlib.sha256()

        def report(done: int) -> None:
            on_bytes(done, total)

        if start:
            await in_thread(lambda report: hash_into(digest, part, report), report)
        done, end = start, most if total is None else total
        on_bytes(done, total)
        with part.open("ab", buffering=0) as file:
            async for block in _blocks(response):
                if done + len(block) > end:
                    raise SourceFailed(f"the server sends more than {end} bytes")
                await in_thread(lambda _, block=block: _append(file, part, block, digest, total), report)
                done += len(block)
                on_bytes(done, total)
        return digest.hexdigest(), done

    @contextlib.asynccontextmanager
    async def _get(self, url: URL, headers: Mapping[str, str]) -> AsyncGenerator[_Answer]:
        """The answer to a GET after at most ``redirects`` hops, each of which must be allowed."""
        first = url
        linked: Mapping[str, str] = {}
        for _ in range(self._policy.redirects + 1):
            self._check_address(url, first)
            home = url.origin() == first.origin()
            try:
                response = await self._request(url, headers if home else _without_credentials(headers))
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise SourceFailed(_cause(error, url), retryable=not _is_final(error)) from None
            async with response:
                if home and not linked and "X-Linked-Etag" in response.headers:
                    linked = response.headers.copy()
                if response.status in _REDIRECTS:
                    url = _next_address(url, response)
                    continue
                try:
                    yield _Answer(response, linked or (response.headers.copy() if home else {}))
                except (aiohttp.ClientError, TimeoutError) as error:
                    raise SourceFailed(_cause(error, url), retryable=True) from None
                return
        raise SourceFailed(f"more than {self._policy.redirects} redirects")

    async def _request(self, url: URL, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        if self._session is None:
            policy = self._policy
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=policy.connect_timeout, sock_read=policy.idle_timeout
                ),
                connector=aiohttp.TCPConnector(ssl=_tls(self._trust)),
                headers={"User-Agent": f"causette/{__version__}"},
                trust_env=True,
            )
        return await self._session.get(
            url,
            headers=headers,
            allow_redirects=False,
            ssl=not self._trust.covers(url),
        )

    def _check_address(self, url: URL, first: URL) -> None:
        if url.scheme not in ("http", "https"):
            raise SourceFailed(f"{shown(str(url))} is not https")
        if url.scheme == "https" or self._trust.covers(url):
            return
        if url.scheme == "http" and is_loopback(url.host) and is_loopback(first.host):
            return
        raise SourceFailed(f"{shown(str(url))} is not https")

    def _check_status(self, response: aiohttp.ClientResponse) -> None:
        if response.status in (200, 206):
            return
        wait = response.headers.get("Retry-After", "")
        raise SourceFailed(
            f"{shown(str(response.url))} answers {response.status} {response.reason}".rstrip(),
            retryable=response.status in _RETRYABLE,
            retry_after=float(wait) if wait.isdigit() else None,
        )


def shown(url: str) -> str:
    """A URL as messages may show it: without credentials and without a signed query."""
    parsed = URL(url)
    return str(parsed.with_user(None).with_query(None).with_fragment(None)) if parsed.absolute else url


def discard(part: Path) -> None:
    """Remove a partial download and its note."""
    part.unlink(missing_ok=True)
    _note_file(part).unlink(missing_ok=True)


def _note_file(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _read_note(part: Path) -> _Note | None:
    try:
        return msgspec.json.decode(_note_file(part).read_bytes(), type=_Note)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _begin(part: Path, start: int, note: _Note) -> None:
    """Note what ``part`` will hold; without a ``start`` to keep, empty it first."""
    with writing(part, note.total):
        if not start:
            part.unlink(missing_ok=True)
        _note_file(part).write_bytes(msgspec.json.encode(note))


def _append(file: io.FileIO, part: Path, block: bytes, digest: Digest, total: int | None) -> None:
    append(file, part, block, total)
    digest.update(block)


async def _blocks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """The body in pieces worth a trip to the disk; what came before a break is still given."""
    held = bytearray()
    try:
        async for piece in response.content.iter_any():
            held += piece
            if len(held) >= _WORTH_WRITING:
                yield bytes(held)
                held.clear()
    except (aiohttp.ClientError, TimeoutError):
        if held:
            yield bytes(held)
        raise
    if held:
        yield bytes(held)


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for block in _blocks(response):
        body += block
        if len(body) > _LONGEST_PAGE:
            raise SourceFailed(f"the page has over {_LONGEST_PAGE} bytes")
    return bytes(body)


def _extent(response: aiohttp.ClientResponse, facts: Mapping[str, str]) -> tuple[int, int | None]:
    """Where in the file the body begins, and the size of the whole file where it is stated."""
    if response.status == 206:
        found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if found is None:
            raise SourceFailed("the server sends a part without saying which")
        return int(found["first"]), None if found["total"] == "*" else int(found["total"])
    stated = response.headers.get("Content-Length") or facts.get("X-Linked-Size", "")
    return 0, int(stated) if stated.isdigit() else None


def _goes_on(note: _Note | None, have: int, start: int, total: int | None, linked: str | None) -> bool:
    """Whether a body that begins at ``start`` continues the part that ``note`` describes."""
    return (
        note is not None
        and start == have
        and note.linked == linked
        and (note.total is None or total is None or note.total == total)
    )


def _validator(response: aiohttp.ClientResponse) -> str | None:
    """What ``If-Range`` may carry for this file: a strong entity tag or a date."""
    tag = response.headers.get("ETag")
    return response.headers.get("Last-Modified") if tag is None or tag.startswith("W/") else tag


def _next_address(url: URL, response: aiohttp.ClientResponse) -> URL:
    location = response.headers.get("Location")
    if not location:
        raise SourceFailed("the server redirects to nowhere")
    # A signed address must reach its server byte for byte, so it is not quoted anew.
    return url.join(URL(location, encoded=True))


def _without_credentials(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() != "authorization"}


def _is_final(error: Exception) -> bool:
    """Whether asking again would meet the same refusal."""
    return isinstance(
        error, aiohttp.InvalidURL | aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError
    )


def _cause(error: Exception, url: URL) -> str:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return f"the certificate of {url.host} is not trusted ({error.certificate_error})"
        case aiohttp.ClientConnectorError():
            return f"{url.host} cannot be reached ({error.os_error.strerror or error.os_error})"
        case TimeoutError():
            return f"{url.host} does not answer in time"
        case _:
            return f"the connection to {url.host} broke ({str(error) or type(error).__name__})"


def _tls(trust: Trust) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        if trust.certificates is not None:
            folder = trust.certificates.is_dir()
            context.load_verify_locations(
                cafile=None if folder else trust.certificates, capath=trust.certificates if folder else None
            )
        if trust.client_certificate is not None:
            context.load_cert_chain(trust.client_certificate)
    except (OSError, ssl.SSLError) as error:
        raise SourceFailed(f"pip's certificates cannot be read: {error}") from None
    return context
