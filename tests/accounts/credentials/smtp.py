"""A real SMTP server in the test's own event loop, and the letters it was given."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

_LINK = re.compile(r"https?://\S+")


class PostOffice:
    """Takes letters, or answers what the test has put into ``answers`` first."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.answers: list[str] = []
        self.logins: list[tuple[str, str]] = []
        self.attempts = 0
        self.url = ""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.attempts += 1
        if self.answers:
            return self.answers.pop(0)
        assert isinstance(envelope.content, bytes)
        letter = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(letter, EmailMessage)
        self.letters.append(letter)
        return "250 OK"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=True)

    def text(self, index: int = -1) -> str:
        """What a letter says, the last one by default."""
        body = self.letters[index].get_body(("plain",))
        assert body is not None
        return body.get_content()

    def link(self, index: int = -1) -> str:
        """The one link in a letter."""
        (link,) = _LINK.findall(self.text(index))
        return link

    def token(self, index: int = -1) -> str:
        """The token of the one link in a letter."""
        return self.link(index).partition("=")[2]


@asynccontextmanager
async def post_office() -> AsyncGenerator[PostOffice]:
    """A server on a free port of this machine."""
    office = PostOffice()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(
            office,
            hostname="localhost",
            authenticator=office.authenticate,
            auth_require_tls=False,
            enable_SMTPUTF8=True,
            loop=loop,
        ),
        "127.0.0.1",
        0,
    )
    office.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield office
    finally:
        server.close()
