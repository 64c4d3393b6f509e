"""One process's connection to Valkey: whatever comes while one pipeline is answered goes into the next."""

import asyncio
import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, cast

import structlog

from causette.errors import ConfigurationError, Unavailable

if TYPE_CHECKING:
    from valkey.asyncio import Valkey

_log = structlog.get_logger(__name__)

# A server that counts in memory answers within a millisecond; requests must not wait for one that is away.
_PATIENCE: Final = 0.5
# So long nobody asks again after it did not answer.
_PAUSE: Final = 0.5
# More in one pipeline would make the first wait for the last.
_MOST_AT_ONCE: Final = 256
_SCHEMES: Final = ("valkey://", "valkeys://", "redis://", "rediss://", "unix://")

Argument = str | bytes | int
Answer = Any


class Script:
    """A script beside this file, with what all scripts share before it."""

    def __init__(self, name: str) -> None:
        folder = files("causette.ledger.windows")
        self.source = "\n".join((folder / part).read_text("utf-8") for part in ("held.lua", f"{name}.lua"))
        self.digest = hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()


TAKE: Final = Script("take")
SETTLE: Final = Script("settle")


@dataclass(frozen=True, slots=True)
class _Asked:
    command: tuple[Argument, ...]
    answered: "asyncio.Future[Answer]"


class Link:
    """Sends commands in the order in which they come. `open` it before use and `close` it at the end.

    Raises:
        ConfigurationError: ``url`` is no URL of a Valkey server, or its library is not installed.
    """

    def __init__(self, url: str) -> None:
        self._client = _client(url)
        self._waiting: deque[_Asked] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._away_until = 0.0

    def open(self) -> None:
        """Begin to send. The server need not be there yet."""
        self._closing = False
        self._task = asyncio.get_running_loop().create_task(self._send_for_ever())

    async def close(self) -> None:
        """Send what waits, and leave."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
            self._task = None
        await self._client.aclose()

    def send(self, *command: Argument) -> "asyncio.Future[Answer]":
        """The answer to ``command``, in a while; `Unavailable` when there is none."""
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if self._task is None or monotonic() < self._away_until:
            answered.set_exception(_unavailable())
        else:
            self._waiting.append(_Asked(command, answered))
            self._wake.set()
        # Not everybody stays to hear it.
        answered.add_done_callback(_heard)
        return answered

    def run(
        self, script: Script, keys: Sequence[Argument], arguments: Sequence[Argument]
    ) -> "asyncio.Future[Answer]":
        """The answer to ``script``, in a while; `Unavailable` when there is none."""
        return self.send("EVALSHA", script.digest, len(keys), *keys, *arguments)

    async def _send_for_ever(self) -> None:
        while self._waiting or not self._closing:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
                continue
            some = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_AT_ONCE))]
            try:
                answers = await self._answers([asked.command for asked in some])
            except Exception as error:
                # Whatever it is: without an answer nobody is let in, and nobody waits for one.
                self._away_until = monotonic() + _PAUSE
                some += self._waiting
                self._waiting.clear()
                _log.warning("windows not counted", waiting=len(some), reason=_reason(error))
                answers = [error] * len(some)
            for asked, answer in zip(some, answers, strict=True):
                _tell(asked.answered, answer)

    async def _answers(self, commands: Sequence[tuple[Argument, ...]]) -> list[Answer]:
        from valkey.exceptions import NoScriptError  # noqa: PLC0415

        answers = await self._pipeline(commands)
        unknown = [index for index, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if unknown:
            # The server is new, or was started again.
            await self._pipeline([("SCRIPT LOAD", script.source) for script in (TAKE, SETTLE)])
            again = await self._pipeline([commands[index] for index in unknown])
            for index, answer in zip(unknown, again, strict=True):
                answers[index] = answer
        return answers

    async def _pipeline(self, commands: Sequence[tuple[Argument, ...]]) -> list[Answer]:
        pipeline = self._client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        return cast("list[Answer]", await pipeline.execute(raise_on_error=False))


def _client(url: str) -> "Valkey":
    if not url.startswith(_SCHEMES):
        raise ConfigurationError(
            f"valkey_url does not begin with one of {', '.join(_SCHEMES)}. "
            "Set CAUSETTE_VALKEY_URL to a Valkey server, such as valkey://127.0.0.1:6379/0."
        )
    try:
        # Not everybody has one, and nobody else should wait for the library.
        from valkey.asyncio import Valkey  # noqa: PLC0415
        from valkey.asyncio.retry import Retry  # noqa: PLC0415
        from valkey.backoff import NoBackoff  # noqa: PLC0415
        from valkey.exceptions import ConnectionError as Disconnected  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "valkey_url needs the library of Valkey. Install it: pip install 'causette[valkey]'."
        ) from error
    try:
        return Valkey.from_url(
            url,
            socket_timeout=_PATIENCE,
            socket_connect_timeout=_PATIENCE,
            # A connection that the server has closed meanwhile; what is sent twice counts once.
            retry=Retry(NoBackoff(), 1, supported_errors=(Disconnected,)),
            retry_on_error=[Disconnected],
        )
    except ValueError as error:
        raise ConfigurationError(
            "valkey_url cannot be read. Set CAUSETTE_VALKEY_URL to a URL such as "
            "valkey://user:password@127.0.0.1:6379/0."
        ) from error


def _tell(answered: "asyncio.Future[Answer]", answer: Answer) -> None:
    if answered.done():
        return
    if isinstance(answer, Exception):
        error = _unavailable()
        error.__cause__ = answer
        answered.set_exception(error)
    else:
        answered.set_result(answer)


def _heard(answered: "asyncio.Future[Answer]") -> None:
    if not answered.cancelled():
        answered.exception()


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _unavailable() -> Unavailable:
    return Unavailable(
        "Rate limits cannot be counted right now, so that no request behind one is let in. Try again in a second.",
        code="limits_unavailable",
        retry_after=1.0,
    )
