"""``causette config`` and ``causette openapi``: what is in force, and what the API looks like."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from causette.settings import load_settings

DataOption = Annotated[Path | None, typer.Option("--data", help="The data folder.", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def config(data: DataOption = None, as_json: JsonOption = False) -> None:
    """Print the effective configuration, with secrets masked.

    Values come from flags, `CAUSETTE_*` variables, `causette.toml` in the data folder, and defaults, in this order.

    Example: `causette config --data ./data --json`
    """
    settings = load_settings(data=data)
    values = settings.model_dump(mode="json")
    values["models"] = str(settings.models_folder)
    if as_json:
        typer.echo(json.dumps(values, indent=2))
        return
    table = Table("setting", "value", "what it is", box=None, header_style="bold", pad_edge=False)
    for name, value in values.items():
        meaning = type(settings).model_fields[name].description or ""
        table.add_row(name, "" if value is None else str(value), meaning)
    Console().print(table)


def openapi() -> None:
    """Print the OpenAPI document."""
    from causette.app import openapi_document  # noqa: PLC0415 - the web application is slow to import

    typer.echo(json.dumps(openapi_document(), indent=1, ensure_ascii=False))
