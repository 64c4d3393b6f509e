"""The embedded engine's process: ``python -m causette.engines.embedded text --model FILE --socket PATH …``.

It lives as long as its standard input stays open, so it never outlives the process that started it, however that one
ended. When it can answer, it writes one line, ``ready``, to standard output. SIGTERM drains it: no new requests, the
running ones finish within the grace period.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
import uvloop

if TYPE_CHECKING:
    from starlette.applications import Starlette

# sysexits.h EX_SOFTWARE: the runtime broke and only a new process helps.
_BROKEN = 70


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
    parser.add_argument(
        "--grace", type=float, default=20.0, help="seconds to finish running replies at shutdown"
    )
    return parser.parse_args()


async def _serve(app: "Starlette", arguments: argparse.Namespace) -> None:
    arguments.socket.unlink(missing_ok=True)
    os.umask(0o077)
    server = uvicorn.Server(
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
    running = asyncio.get_running_loop()
    # The parent holds the other end and never writes: this becomes readable when the parent is gone.
    running.add_reader(sys.stdin.fileno(), os._exit, 0)
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.005)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await serving


async def _serve_text(arguments: argparse.Namespace) -> int:
    from causette.engines.embedded.server import text_server  # noqa: PLC0415 - each kind loads its own libraries
    from causette.engines.embedded.step_loop import StepLoop  # noqa: PLC0415
    from causette.engines.embedded.text_model import TextModel, TextModelConfig  # noqa: PLC0415

    loop = StepLoop(
        TextModel(
            TextModelConfig(
                path=arguments.model,
                name=arguments.name,
                context=arguments.context,
                kv_cache_gb=arguments.kv_cache_gb,
                max_running=arguments.max_running,
                max_queued=arguments.max_queued,
            )
        )
    )
    serving = asyncio.create_task(_serve(text_server(loop), arguments))
    stepping = asyncio.create_task(loop.run())
    await asyncio.wait((serving, stepping), return_when=asyncio.FIRST_COMPLETED)
    if loop.broken is not None:
        sys.stderr.write(f"the runtime broke: {loop.broken}\n")
        # The failed requests' last bytes are on their way out.
        await asyncio.sleep(0.2)
        return _BROKEN
    stepping.cancel()
    await loop.settle()
    return 0


async def _serve_embedding(arguments: argparse.Namespace) -> int:
    from causette.engines.embedded.encoder import SentenceEncoder  # noqa: PLC0415
    from causette.engines.embedded.server import embedding_server  # noqa: PLC0415

    await _serve(embedding_server(SentenceEncoder.load(arguments.model), arguments.name), arguments)
    return 0


def main() -> None:
    """Load, say ``ready``, serve, drain."""
    arguments = _arguments()
    serve = _serve_text if arguments.kind == "text" else _serve_embedding
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(serve(arguments))
    sys.stdout.flush()
    # Without the interpreter's own teardown, which can wait on the runtime's threads.
    os._exit(code)


if __name__ == "__main__":
    main()
