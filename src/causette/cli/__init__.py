"""The ``causette`` command. Each group of commands is a file; what goes wrong is one line on standard error.

Only the file of the command that is asked for is imported: `causette serve` has its model to load, and needs little for
that.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Final

import typer

import causette
from causette.errors import CausetteError

# What a command is called, and where it is.
_COMMANDS: Final = {
    "serve": "serve:serve",
    "worker": "worker:worker",
    "chat": "chat:chat",
    "models": "models:app",
    "keys": "keys:app",
    "users": "users:app",
    "plans": "plans:app",
    "ledger": "ledger:app",
    "lab": "lab:app",
    "db": "db:app",
    "config": "config:config",
    "openapi": "config:openapi",
}
_HIDDEN: Final = frozenset({"openapi"})


def _command_line(arguments: Sequence[str]) -> typer.Typer:
    """What understands ``arguments``: the one command that they name, or all of them."""
    app = typer.Typer(
        name="causette",
        help="The whole of a ChatGPT that its owner runs: assistant, API, lab and books.",
        epilog="Begin with: causette serve",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for name in _COMMANDS.keys() & arguments[:1] or _COMMANDS:
        module, _, attribute = _COMMANDS[name].partition(":")
        command = getattr(import_module(f"{__name__}.{module}"), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name, hidden=name in _HIDDEN)(command)
    app.command()(version)
    return app


def version(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Print the version."""
    typer.echo(f'{{"version": "{causette.__version__}"}}' if as_json else f"causette {causette.__version__}")


def main() -> None:
    """Run the command line; exit code 0, 1 (failed) or 2 (wrong usage)."""
    try:
        _command_line(sys.argv[1:])()
    except CausetteError as error:
        sys.stderr.write(f"causette: {error.message}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
