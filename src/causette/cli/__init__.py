"""The ``causette`` command. Each group of commands is a file; what goes wrong is one line on standard error."""

import sys
from typing import Annotated

import typer

import causette
from causette.cli import chat, config, db, keys, models, serve, users
from causette.errors import CausetteError

app = typer.Typer(
    name="causette",
    help="The whole of a ChatGPT that its owner runs: assistant, API, lab and books.",
    epilog="Begin with: causette serve",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("serve")(serve.serve)
app.command("chat")(chat.chat)
app.add_typer(models.app, name="models")
app.add_typer(keys.app, name="keys")
app.add_typer(users.app, name="users")
app.add_typer(db.app, name="db")
app.command("config")(config.config)
app.command("openapi", hidden=True)(config.openapi)


@app.command()
def version(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Print the version."""
    typer.echo(f'{{"version": "{causette.__version__}"}}' if as_json else f"causette {causette.__version__}")


def main() -> None:
    """Run the command line; exit code 0, 1 (failed) or 2 (wrong usage)."""
    try:
        app()
    except CausetteError as error:
        sys.stderr.write(f"causette: {error.message}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
