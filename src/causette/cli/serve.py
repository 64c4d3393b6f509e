"""``causette serve``: the web process, with the engine processes of this machine."""

import asyncio
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

import causette
from causette.errors import ConfigurationError
from causette.settings import Settings, load_settings

if TYPE_CHECKING:
    import uvicorn


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
    settings = load_settings(host=host, port=port, data=data, model=model)
    from causette.observability import configure_logging  # noqa: PLC0415 - keeps `causette --help` quick

    configure_logging(settings)
    import uvloop  # noqa: PLC0415

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(_serve(settings)))


async def _serve(settings: Settings) -> int:
    from causette.cli.models import ensure  # noqa: PLC0415
    from causette.fleet import deploy, local_models  # noqa: PLC0415
    from causette.models import Catalogue, Models  # noqa: PLC0415

    models = Models(settings.models_folder, Catalogue.load(settings.catalogue_file))
    await ensure(models, local_models(settings), Console(stderr=True))
    fleet = deploy(settings, models)
    # The model begins to load while the rest is still being imported.
    fleet.start()
    web = await asyncio.to_thread(import_module, "causette.app")
    uvicorn = await asyncio.to_thread(import_module, "uvicorn")
    house = web.build_house(settings, fleet)
    server = uvicorn.Server(
        uvicorn.Config(
            web.app_of(house),
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http="httptools",
            log_config=None,
            access_log=False,
            server_header=False,
            # Replies that stream at shutdown get their grace in the house; open event streams are cut after it.
            timeout_graceful_shutdown=max(1, round(settings.shutdown_grace)),
            timeout_keep_alive=75,
        )
    )
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    if server.started:
        link = await house.accounts.issue_setup_link() if await house.accounts.setup_required() else None
        _greet(settings, server, link)
    try:
        await serving
    except SystemExit:
        raise ConfigurationError(
            f"Cannot listen on {settings.host}:{settings.port}: the address is taken or not allowed. "
            "Choose another with --port."
        ) from None
    return 0 if server.started else 1


def _greet(settings: Settings, server: "uvicorn.Server", token: str | None) -> None:
    """Say where the server is, and how to begin. Plain lines: scripts read them too."""
    port = server.servers[0].sockets[0].getsockname()[1]
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
