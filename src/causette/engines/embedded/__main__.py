"""The embedded engine's process: ``python -m causette.engines.embedded text --model FILE --socket PATH …``.

It lives as long as its standard input stays open, so it never outlives the process that started it, however that one
ended. When it can answer, it writes one line, ``ready``, to standard output. SIGTERM drains it: no new requests, the
running ones finish within the grace period.
"""

import argparse
import asyncio
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, get_args

import uvicorn
import uvloop

from causette.engines.kept_records import keep
from causette.engines.thinking import Tags
from causette.errors import CausetteError
from causette.priority import give_way

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from causette.engines.embedded.step_loop import StepLoop

# sysexits.h: EX_SOFTWARE, the runtime broke and only a new process helps; EX_NOINPUT, the model cannot be loaded.
_BROKEN = 70
_NO_MODEL = 66
# How long the broken requests' last bytes may take to be sent.
_LAST_WORDS_SECONDS = 1
# A step takes far less than this.
_LAST_WILL_SECONDS = 1.5


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m causette.engines.embedded", description=__doc__)
    parser.add_argument("kind", choices=["text", "embedding"])
    parser.add_argument("--name", required=True, help="the model's name, as answers carry it")
    parser.add_argument("--model", required=True, type=Path, help="weights file (text) or folder (embedding)")
    parser.add_argument("--socket", required=True, type=Path, help="the Unix socket to listen on")
    parser.add_argument("--context", type=int, default=8192, help="longest prompt plus reply, in tokens")
    parser.add_argument("--kv-cache-gb", type=int, default=2)
    parser.add_argument("--max-running", type=int, default=64)
    parser.add_argument("--max-queued", type=int, default=256)
    parser.add_argument("--thinking", choices=get_args(Tags), default="none", help="where the model thinks")
    parser.add_argument("--records", type=Path, help="where the accounts of requests are kept at the end")
    parser.add_argument(
        "--grace", type=float, default=20.0, help="seconds to finish running replies at shutdown"
    )
    return parser.parse_args()


class _Server(uvicorn.Server):
    """Says ``ready`` on standard output when it listens, and drains on SIGTERM."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """As uvicorn's own, but the signal is not raised again after the drain: there is still work to settle."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.handle_exit, signal.SIGTERM, None)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        await super().startup(sockets)
        sys.stdout.write("ready\n")
        sys.stdout.flush()


def _server(app: "Starlette", arguments: argparse.Namespace) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            uds=str(arguments.socket),
            loop="uvloop",
            http="httptools",
            lifespan="off",
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=max(1, round(arguments.grace)),
            timeout_keep_alive=3600,
        )
    )


async def _serve_text(arguments: argparse.Namespace) -> int:
    from causette.engines.embedded.server import text_server  # noqa: PLC0415 - each kind loads its own libraries
    from causette.engines.embedded.step_loop import StepLoop  # noqa: PLC0415
    from causette.engines.embedded.text_model import TextModel, TextModelConfig  # noqa: PLC0415

    config = TextModelConfig(
        path=arguments.model,
        name=arguments.name,
        context=arguments.context,
        kv_cache_gb=arguments.kv_cache_gb,
        max_running=arguments.max_running,
        max_queued=arguments.max_queued,
        thinking=arguments.thinking,
    )
    model = TextModel(config)
    if model.context < config.context:
        sys.stderr.write(
            f"requests may have {model.context} tokens, not {config.context}: the model knows no more, "
            f"or {config.kv_cache_gb} GiB of KV cache hold no more\n"
        )
    loop = StepLoop(model)
    keeping = _keeper(loop, arguments.records)
    _last_will.leave(asyncio.get_running_loop(), keeping)
    server = _server(text_server(loop), arguments)
    serving = asyncio.create_task(server.serve())
    stepping = asyncio.create_task(loop.run())
    await asyncio.wait((serving, stepping), return_when=asyncio.FIRST_COMPLETED)
    if stepping.done():
        sys.stderr.write(f"the runtime broke: {loop.broken}\n")
        server.should_exit = True
        await asyncio.wait((serving,), timeout=_LAST_WORDS_SECONDS)
        keeping()
        return _BROKEN
    stepping.cancel()
    loop.settle()
    keeping()
    return 0


def _keeper(loop: "StepLoop", file: Path | None) -> Callable[[], None]:
    """What keeps the accounts of all that ``loop`` did, once nothing more comes."""

    def keep_records() -> None:
        if file is not None:
            loop.end_all()
            keep(file, loop.records.all())

    return keep_records


class _LastWill:
    """What is to be done on the event loop before this process ends with its parent."""

    def __init__(self) -> None:
        self._left: tuple[asyncio.AbstractEventLoop, Callable[[], None]] | None = None

    def leave(self, loop: asyncio.AbstractEventLoop, deed: Callable[[], None]) -> None:
        """Have ``deed`` done between two steps of ``loop``."""
        self._left = loop, deed

    def carry_out(self, seconds: float) -> None:
        """Wait at most so long for it, in another thread than the loop's."""
        if self._left is None:
            return
        loop, deed = self._left
        done = Event()

        def now() -> None:
            try:
                deed()
            finally:
                done.set()

        with suppress(RuntimeError):
            loop.call_soon_threadsafe(now)
            done.wait(seconds)


_last_will = _LastWill()


async def _serve_embedding(arguments: argparse.Namespace) -> int:
    from causette.engines.embedded.encoder import SentenceEncoder  # noqa: PLC0415
    from causette.engines.embedded.server import embedding_server  # noqa: PLC0415

    app = embedding_server(
        SentenceEncoder.load(arguments.model), arguments.name, max_queued=arguments.max_queued
    )
    await _server(app, arguments).serve()
    return 0


def _end_with_parent(socket_path: Path) -> None:
    """End this process when its parent is gone, whatever it is doing, and leave nothing behind.

    The parent holds the other end of standard input and writes nothing: what can be read is the end.
    """
    while select.select([sys.stdin.fileno()], [], []) and os.read(sys.stdin.fileno(), 64):
        pass
    _last_will.carry_out(_LAST_WILL_SECONDS)
    with suppress(OSError):
        socket_path.unlink(missing_ok=True)
        socket_path.parent.rmdir()
    os._exit(0)


def main() -> None:
    """Load, say ``ready``, serve, drain."""
    arguments = _arguments()
    os.umask(0o077)
    # As much as who began it, which has begun a session for it.
    give_way()
    arguments.socket.unlink(missing_ok=True)
    # A thread, not the event loop: loading a large model takes minutes.
    Thread(target=_end_with_parent, args=(arguments.socket,), daemon=True).start()
    serve = _serve_text if arguments.kind == "text" else _serve_embedding
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            code = runner.run(serve(arguments))
        except CausetteError as error:
            sys.stderr.write(f"{error.message}\n")
            code = _NO_MODEL
    sys.stdout.flush()
    sys.stderr.flush()
    # Without the interpreter's own teardown, which can wait on the runtime's threads.
    os._exit(code)


if __name__ == "__main__":
    main()
