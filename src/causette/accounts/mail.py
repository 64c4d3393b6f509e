"""E-mail: letters are sent beside the request that asks for them, so that its time tells nothing."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from typing import Final, Self
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog

from causette.accounts.letters import Letter
from causette.errors import ConfigurationError, Unavailable

_log = structlog.get_logger("causette.accounts")

_MOST_WAITING: Final = 256
_SENT_AT_ONCE: Final = 4
_SECONDS_FOR_ONE: Final = 20.0
_SECONDS_AT_CLOSING: Final = 5.0
#: Seconds before each further attempt: a server that restarts is back by the last one.
RETRIES: Final = (1.0, 5.0, 30.0)
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

#: Finds out what to write, if anything. It runs beside the request, where its time is nobody's to measure.
Compose = Callable[[], Awaitable[Letter | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """Where letters go. ``tls`` from the first byte; otherwise STARTTLS, which ``demands_tls`` makes a must."""

    host: str
    port: int
    username: str | None
    password: str | None
    tls: bool
    demands_tls: bool

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The server at ``smtp://user:password@host:587`` or ``smtps://…:465``.

        Over ``smtp`` the connection is encrypted if the server can; a password goes to another machine over an
        encrypted one only.

        Raises:
            ConfigurationError: the URL is of another kind or malformed; the message holds no password.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port, parts = None, None, urlsplit("")
        if parts.scheme not in {"smtp", "smtps"} or not host:
            raise ConfigurationError(
                "smtp_url is no SMTP server's URL. Write smtp://user:password@host:587 or "
                "smtps://user:password@host:465, with special characters in the password as %40 and the like."
            )
        tls = parts.scheme == "smtps"
        return cls(
            host=host,
            port=port or (465 if tls else 587),
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            tls=tls,
            demands_tls=not tls and parts.password is not None and host not in _LOOPBACK,
        )


class Mail:
    """Sends letters, or without a server writes to the log what they would have said; call `close` when done."""

    def __init__(
        self, *, sender: str, server: SmtpServer | None = None, retries: tuple[float, ...] = RETRIES
    ) -> None:
        """Letters from ``sender`` by way of ``server``; ``retries`` are the seconds before each further attempt."""
        if "@" not in parseaddr(sender)[1] or "\n" in sender or "\r" in sender:
            raise ConfigurationError(
                f"mail_from {sender!r} is no address. Write one such as 'Causette <causette@example.org>'."
            )
        self._sender = sender
        self._server = server
        self._retries = retries
        self._waiting: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(_SENT_AT_ONCE)

    def post(self, compose: Compose) -> None:
        """Have a letter composed and sent beside the caller. Nothing is said of whether there was one.

        Raises:
            Unavailable: too many letters are waiting.
        """
        if len(self._waiting) >= _MOST_WAITING:
            raise Unavailable(
                "Too many e-mails are waiting to be sent. Try again in a minute.",
                code="mail_busy",
                retry_after=60.0,
            )
        task = asyncio.get_running_loop().create_task(self._compose_and_send(compose))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    def send(self, letter: Letter) -> None:
        """As `post`, for a letter that is written already."""

        async def written() -> Letter:
            return letter

        self.post(written)

    async def settled(self) -> None:
        """Wait until every letter posted so far has been sent or given up."""
        await asyncio.gather(*self._waiting, return_exceptions=True)

    async def close(self) -> None:
        """Send what is waiting for a few seconds, and give up the rest."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SECONDS_AT_CLOSING):
                await self.settled()
        for task in tuple(self._waiting):
            task.cancel()
        await self.settled()

    async def _compose_and_send(self, compose: Compose) -> None:
        try:
            letter = await compose()
        except Exception as error:
            _log.error("a letter could not be written", exc_info=error)
            return
        if letter is None:
            return
        if self._server is None:
            _log.info(
                "no smtp_url is set: this e-mail was not sent",
                to=letter.to,
                subject=letter.subject,
                link=letter.link,
            )
            return
        for delay in (*self._retries, None):
            if await self._delivered(letter, self._server, last=delay is None):
                return
            await asyncio.sleep(delay or 0.0)

    async def _delivered(self, letter: Letter, server: SmtpServer, *, last: bool) -> bool:
        """Whether nothing is left to be tried: it was sent, it was refused for good, or this was the ``last`` time."""
        try:
            async with self._places:
                await self._deliver(letter, server)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            # A server's words can quote the address or the letter, so only their kind is logged.
            if last or _is_final(error):
                _log.error("an e-mail could not be sent", reason=type(error).__name__)
                return True
            _log.warning("an e-mail waits for another attempt", reason=type(error).__name__)
            return False
        return True

    async def _deliver(self, letter: Letter, server: SmtpServer) -> None:
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = letter.to
        message["Subject"] = letter.subject
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=parseaddr(self._sender)[1].rpartition("@")[2])
        # So that no holiday notice comes back (RFC 3834).
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        message.add_alternative(letter.html, subtype="html")
        async with asyncio.timeout(_SECONDS_FOR_ONE):
            await aiosmtplib.send(
                message,
                hostname=server.host,
                port=server.port,
                username=server.username,
                password=server.password,
                use_tls=server.tls,
                start_tls=True if server.demands_tls else False if server.tls else None,
            )


def _is_final(error: Exception) -> bool:
    """Whether trying again cannot help: the server has said no for good (5xx)."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return all(500 <= refusal.code < 600 for refusal in error.recipients)
    return isinstance(error, aiosmtplib.SMTPResponseException) and 500 <= error.code < 600
