"""``causette serve``: the web process, with the engine processes of this machine."""

import asyncio
import gc
import socket
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

import causette
from causette.errors import ConfigurationError
from causette.settings import Settings, load_settings

# As a shell reports a program that Ctrl-C ended.
_INSISTED: Final = 130


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [default: 127.0.0.1]")] = None,
    port: Annotated[
        int | None,
        typer.Option(help="Port to listen on; 0 takes a free one.  [default: 8000]", min=0, max=65535),
    ] = None,
    data: Annotated[Path | None, typer.Option(help="The data folder.", show_default=False)] = None,
    model: Annotated[
        str | None,
        typer.Option(help="The text model to deploy as `default`.  [default: smollm2-135m-instruct]"),
    ] = None,
) -> None:
    """Start Causette: the web app, the API, and the engines of this machine.

    The first start fetches the default models and prints a one-time link that creates the owner's account.

    Examples:

      causette serve

      causette serve --host 0.0.0.0 --port 8080 --data /srv/causette --model qwen3-1.7b
    """
    # Nothing that is imported and wired is ever garbage: see where this is taken back.
    gc.disable()
    settings = load_settings(host=host, port=port, data=data, model=model)
    from causette.observability import configure_logging  # noqa: PLC0415 - keeps `causette --help` quick

    configure_logging(settings)
    import uvloop  # noqa: PLC0415

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(_serve(settings)))


async def _serve(settings: Settings) -> int:
    # Before anything is fetched or started: a second server should hear at once that it is one.
    listener = _bind(settings.host, settings.port)
    from causette.cli.models import ensure  # noqa: PLC0415
    from causette.fleet import deploy, local_models  # noqa: PLC0415
    from causette.models import open_models  # noqa: PLC0415

    models = open_models(settings)
    await ensure(models, local_models(settings), Console(stderr=True))
    fleet = deploy(settings, models)
    # The model begins to load while the rest is still being imported.
    fleet.start()
    rooms = await asyncio.to_thread(import_module, "causette.house")
    serving = await asyncio.to_thread(import_module, "causette.cli.web_server")
    house = rooms.build_house(settings, fleet)
    link: str | None = None
    server = serving.WebServer(house, lambda: _greet(settings, listener.getsockname()[1], link))
    try:
        await house.open()
        if await house.accounts.setup_required():
            link = await house.accounts.issue_setup_link()
        # Looking through all of it takes a tenth of a second, in which nobody would be answered.
        gc.freeze()
        gc.enable()
        await server.serve([listener])
    finally:
        # Whoever insists does not want to wait: the engines end when they find their parent gone.
        if not server.force_exit:
            await house.close()
    return _INSISTED if server.force_exit else 0


def _bind(host: str, port: int) -> socket.socket:
    """A socket that has the address and does not listen yet.

    Raises:
        ConfigurationError: the address is taken, not this machine's, or not allowed.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise ConfigurationError(
            f"Cannot listen on {host}:{port}: {error.strerror}. Choose another address with --host and --port."
        ) from None
    return listener


def _greet(settings: Settings, port: int, token: str | None) -> None:
    """Say where the server is, and how to begin. Plain lines: scripts read them too."""
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104
    url = settings.public_url or f"http://{f'[{host}]' if ':' in host else host}:{port}"
    lines = [f"Causette {causette.__version__} at {url}"]
    if token is not None:
        lines += [
            "Create the owner's account (this link works once, for 24 hours):",
            f"  {url}/setup?token={token}",
        ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
