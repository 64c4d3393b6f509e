"""``causette chat``: a conversation in the terminal, on the same engines, through the same door."""

import asyncio
import os
import signal
import sys
import termios
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.markdown import Markdown

from causette.errors import CausetteError
from causette.settings import Settings, load_settings

if TYPE_CHECKING:
    from causette.accounts.types import Caller
    from causette.engines.types import ChatMessage
    from causette.gateway.service import Gateway
    from causette.plans.billing import Recipient

_HELP = """**/new** begins again · **/quit** (or Ctrl-D) leaves · Ctrl-C stops a reply"""


def chat(
    question: Annotated[
        list[str] | None, typer.Argument(help="Ask this and leave; without it, a conversation begins.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The catalogue's model to talk with.  [default: smollm2-135m-instruct]")
    ] = None,
    system: Annotated[
        str | None, typer.Option(help="Instructions for the model.", show_default=False)
    ] = None,
    data: Annotated[Path | None, typer.Option(help="The data folder.", show_default=False)] = None,
) -> None:
    """Chat in the terminal. No server needs to run.

    What is piped in is read with the question; piped out, the reply is plain text.

    Examples:

      causette chat

      causette chat "What is a causette?"

      git diff | causette chat "Write a commit message for this."
    """
    settings = load_settings(data=data, model=model)
    asked = " ".join(question or [])
    if not sys.stdin.isatty():
        asked = "\n\n".join(part for part in (asked, sys.stdin.read().strip()) if part)
    asyncio.run(_chat(settings, asked, system))


async def _chat(settings: Settings, asked: str, system: str | None) -> None:
    from causette.cli.models import ensure  # noqa: PLC0415 - keeps `causette --help` quick
    from causette.db import Database  # noqa: PLC0415
    from causette.door import build_door  # noqa: PLC0415
    from causette.fleet import deploy, local_models  # noqa: PLC0415
    from causette.models import open_models  # noqa: PLC0415
    from causette.observability import Metrics, configure_logging  # noqa: PLC0415

    configure_logging(settings.model_copy(update={"log_level": "error"}))
    console = Console()
    models = open_models(settings)
    await ensure(models, local_models(settings, ["text"]), Console(stderr=True))
    fleet = deploy(settings, models, ["text"])
    database = Database.from_url(settings.resolved_database_url)
    door = build_door(settings, database, fleet.deployments, Metrics(), recipient_of=_nobody)
    conversation = _Conversation(door.gateway, console, system)
    try:
        # In the same books as a server's on this data folder: what is asked here takes the machine's time, too.
        await database.upgrade()
        # A dead server's requests are for the next server to end, whose engines have the record of them.
        await door.open(sweep=False)
        if asked:
            await conversation.say(asked)
            return
        if not sys.stdin.isatty():
            return
        # The model loads while the first question is being typed.
        fleet.start()
        with _terminal_as_it_was():
            await _talk(conversation, console)
    finally:
        await door.close_gateway()
        await fleet.stop()
        await door.close()
        await database.close()


async def _talk(conversation: "_Conversation", console: Console) -> None:
    # Gives input() line editing and history, where the platform has it.
    with suppress(ImportError):
        import_module("readline")
    console.print(Markdown(_HELP), style="dim")
    while True:
        try:
            line = await _read_line(console)
        except (EOFError, asyncio.CancelledError):
            console.print()
            return
        match line.strip():
            case "":
                continue
            case "/quit" | "/exit":
                return
            case "/new":
                conversation.forget()
                console.print("A new conversation.", style="dim")
            case "/help":
                console.print(Markdown(_HELP), style="dim")
            case _:
                try:
                    await conversation.say(line)
                except CausetteError as error:
                    console.print(error.message, style="red", markup=False)


async def _read_line(console: Console) -> str:
    """What is typed next. Ctrl-C cancels this.

    It is read on a thread of its own, beside the engine's supervision, and on one that the end of the program does not
    wait for: leaving with Ctrl-C must not take an Enter.
    """
    loop = asyncio.get_running_loop()
    line: asyncio.Future[str] = loop.create_future()

    def settle(typed: str | None, error: BaseException | None) -> None:
        if line.done():
            return
        if error is not None:
            line.set_exception(error)
        else:
            line.set_result(typed or "")

    console.print()

    def read() -> None:
        typed, failure = None, None
        try:
            # By input() itself: line editing has to know what stands before the line, and takes the keyboard first.
            typed = input("› ")
        except BaseException as error:
            failure = error
        # The loop is closed when this was typed after Ctrl-C.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, typed, failure)

    loop.add_signal_handler(signal.SIGINT, line.cancel)
    try:
        Thread(target=read, daemon=True, name="keyboard").start()
        return await line
    finally:
        loop.remove_signal_handler(signal.SIGINT)


@contextmanager
def _terminal_as_it_was() -> Generator[None]:
    """Undo what line editing did to the terminal: it cannot itself when it is left in the middle of a line."""
    before = termios.tcgetattr(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


class _Conversation:
    """The turns so far, and how a reply is shown."""

    def __init__(self, gateway: "Gateway", console: Console, system: str | None) -> None:
        self._gateway = gateway
        self._console = console
        self._system = system
        self._turns: list[ChatMessage] = []

    def forget(self) -> None:
        """Begin again."""
        self._turns.clear()

    async def say(self, content: str) -> None:
        """Ask, and show the reply as it comes. Ctrl-C keeps what there is."""
        from causette.engines.types import ChatMessage  # noqa: PLC0415

        self._turns.append(ChatMessage("user", content))
        pieces: list[str] = []
        task = asyncio.ensure_future(self._show(pieces))
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            self._console.print("(stopped)", style="dim")
        except CausetteError:
            self._turns.pop()
            raise
        finally:
            loop.remove_signal_handler(signal.SIGINT)
        self._turns.append(ChatMessage("assistant", "".join(pieces)))

    async def _show(self, pieces: list[str]) -> None:
        if not self._console.is_terminal:
            async with aclosing(self._reply()) as reply:
                async for text in reply:
                    pieces.append(text)
                    self._console.file.write(text)
                    self._console.file.flush()
            self._console.file.write("\n")
            return
        with Live(console=self._console, refresh_per_second=12, vertical_overflow="visible") as live:
            async with aclosing(self._reply()) as reply:
                async for text in reply:
                    pieces.append(text)
                    live.update(Markdown("".join(pieces)))

    async def _reply(self) -> "AsyncGenerator[str]":
        from causette.engines.types import ChatMessage, Delta, GenerateRequest, Sampling  # noqa: PLC0415
        from causette.gateway.admission import Origin  # noqa: PLC0415
        from causette.ids import new_id  # noqa: PLC0415

        opening = (ChatMessage("system", self._system),) if self._system else ()
        longest = self._gateway.deployments.find("default", "text").engine.context // 4
        request = GenerateRequest(
            id=new_id("req"),
            model="default",
            prompt=(*opening, *self._turns),
            sampling=Sampling(max_tokens=longest),
        )
        origin = Origin(surface="assistant")
        async with aclosing(self._gateway.generate(_terminal_caller(), request, origin)) as items:
            async for item in items:
                if isinstance(item, Delta) and item.text:
                    yield item.text


async def _nobody(payer_id: str) -> "Recipient":
    """The terminal's user has no address, and is sent no bills."""
    from causette.plans.billing import Recipient  # noqa: PLC0415

    return Recipient(name=payer_id, email="")


def _terminal_caller() -> "Caller":
    """Whoever can read the data folder: the terminal's own user, who needs no account."""
    from causette.accounts.types import Caller, User  # noqa: PLC0415
    from causette.clock import utc_now  # noqa: PLC0415

    name = os.environ.get("USER", "terminal")
    return Caller(
        user=User(
            id="user_terminal",
            email=f"{name}@localhost",
            name=name,
            role="owner",
            locale=None,
            theme="system",
            created_at=utc_now(),
        )
    )
