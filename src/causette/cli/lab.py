"""``causette lab``: data, training, evaluation and export of models."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from causette.cli import flywheel, releases
from causette.cli.carrying import carry, figures
from causette.errors import ConfigurationError, InvalidRequest, NotFound
from causette.settings import load_settings

if TYPE_CHECKING:
    from causette.lab.runs import Runs
    from causette.lab.stages import StageName

app = typer.Typer(
    no_args_is_help=True,
    help="""Make models: data, tokenizers, training, evaluation, export, the gate, releases.

    Each stage takes a recipe, a TOML file that names the stage and its settings, and becomes a run: a folder in
    the data folder's `runs` with its recipe, figures, checkpoints and what it has made. A run that was stopped or
    killed goes on with `causette lab resume`. Where a recipe wants a model, data or a tokenizer, it takes a run's
    name, a folder, or a name of `causette models list`.

    Training needs the lab's libraries: pip install 'causette[lab]'. The gate and releases need nothing more than
    `causette serve` does.""",
)

_Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="The data folder; CAUSETTE_DATA or your own by default."),
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
_RunName = Annotated[str, typer.Argument(metavar="RUN", help="A name of `causette lab runs`.")]

_SECONDS_TO_BEGIN: Final = 60.0


def _stage_command(stage: "StageName") -> Callable[..., None]:
    def command(
        recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="The recipe, a TOML file.")],
        changes: Annotated[
            list[str] | None,
            typer.Option("--set", metavar="NAME=VALUE", help="Change the recipe, as in training.steps=10."),
        ] = None,
        name: Annotated[
            str | None,
            typer.Option("--name", metavar="NAME", help="What to call the run; a new id by default."),
        ] = None,
        data: _Data = None,
        as_json: _Json = False,
    ) -> None:
        from causette.lab.recipes import change, read_recipe  # noqa: PLC0415 - the lab may not be installed

        written = change(read_recipe(recipe), changes or ())
        if written["stage"] != stage.name:
            raise ConfigurationError(
                f"The recipe {recipe} is for the stage {written['stage']}: run `causette lab {written['stage']}`."
            )
        _check_installed(written)
        from causette.lab.carrying_out import begin  # noqa: PLC0415

        runs = _runs(data)
        if _is_further():
            _carry_out(runs, _begun(runs, name), data, as_json)
        else:
            _carry_out(runs, begin(runs, written, name=name).id, data, as_json)

    summary = f"{stage.summary[0].upper()}{stage.summary[1:]}"
    command.__doc__ = f"{summary}.\n\nA recipe:\n\n```toml\n{stage.example}```\n"
    return command


@app.command()
def resume(run: _RunName, data: _Data = None, as_json: _Json = False) -> None:
    """Take up a run that was stopped, killed or failed, from its newest checkpoint."""
    runs = _runs(data)
    found = runs.find(run)
    if found.stage == "gate":
        releases.resume_gate(runs, found, data, as_json)
        return
    _check_installed(runs.recipe(found.id))
    _carry_out(runs, found.id, data, as_json)


@app.command("runs")
def list_runs(data: _Data = None, as_json: _Json = False) -> None:
    """Show what has been run, the newest first."""
    found = _runs(data).list()
    if as_json:
        _print(found)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("RUN", "STAGE", "STATUS", "BEGUN", "FIGURES"):
        table.add_column(column)
    for run in found:
        table.add_row(
            run.id,
            run.stage,
            run.status,
            f"{run.created_at:%Y-%m-%d %H:%M}",
            run.error or figures(run.metrics),
        )
    _tell(table)


@app.command()
def show(run: _RunName, data: _Data = None, as_json: _Json = False) -> None:
    """Show a run: its recipe, its figures and what it has made."""
    runs = _runs(data)
    found, recipe = runs.find(run), runs.recipe(run)
    if as_json:
        _print({"run": found, "recipe": recipe, "events": runs.events(run)})
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    for label, value in (
        ("Run", found.id),
        ("Stage", found.stage),
        ("Status", found.status if found.error is None else f"{found.status}: {found.error}"),
        ("Artifact", found.artifact or ""),
        ("Machine", found.machine),
        ("Versions", ", ".join(f"{name} {version}" for name, version in found.versions.items())),
        ("Recipe", msgspec.json.format(msgspec.json.encode(recipe), indent=2).decode()),
        *((name, f"{value:,.6g}") for name, value in found.metrics.items()),
    ):
        table.add_row(label, value)
    _tell(table)


@app.command()
def compare(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="A run of the evaluate stage.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="Another one, with the same problems.")],
    data: _Data = None,
    as_json: _Json = False,
) -> None:
    """Say whether the second of two evaluations is better than the first, beyond chance.

    Where replies are right or wrong, p is that of McNemar's exact test; of shares, and of the bits per byte of texts,
    that of a paired bootstrap.
    """
    runs = _runs(data)
    from causette.lab.comparing import REASONS, compared  # noqa: PLC0415

    found = compared(*(Path(runs.find(name).artifact or name) for name in (before, after)))
    apart = {name: REASONS[reason] for name, reason in (*found.apart.items(), *found.texts_apart.items())}
    if not found.differences and not found.texts:
        why = "; ".join(f"{name}: {reason}" for name, reason in apart.items())
        raise InvalidRequest(f"{before} and {after} have no task to compare, and no texts. {why}".strip())
    if as_json:
        _print(found)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("TASK", "CHANGE", "95 % INTERVAL", "P", ""):
        table.add_column(column)
    for task, difference in found.differences.items():
        verdict = ("better" if difference.value > 0 else "worse") if difference.is_real else "not told apart"
        interval = f"{difference.low:+.1%} … {difference.high:+.1%}"
        table.add_row(task, f"{difference.value:+.1%}", interval, f"{difference.p:.2g}", verdict)
    for name, difference in found.texts.items():
        verdict = ("better" if difference.value < 0 else "worse") if difference.is_real else "not told apart"
        interval = f"{difference.low:+.4f} … {difference.high:+.4f}"
        table.add_row(
            f"{name}, bits per byte", f"{difference.value:+.4f}", interval, f"{difference.p:.2g}", verdict
        )
    for name, reason in apart.items():
        table.add_row(name, "", "", "", f"not compared: {reason}")
    _tell(table)


@app.command()
def tasks(as_json: _Json = False) -> None:
    """Show the tasks that models are trained on, rewarded for and evaluated with."""
    from causette.lab.tasks import TASKS  # noqa: PLC0415

    if as_json:
        _print({name: summary for name, (_, summary) in TASKS.items()})
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, (_, summary) in TASKS.items():
        table.add_row(name, summary)
    _tell(table)


def _register() -> None:
    from causette.lab.stages import STAGES  # noqa: PLC0415

    for stage in STAGES.values():
        # The gate's recipe is the owner's policy and what is served: its command writes it.
        if stage.name != "gate":
            app.command(stage.name)(_stage_command(stage))
    app.add_typer(releases.app)
    app.add_typer(flywheel.app, name="flywheel")


def _carry_out(runs: "Runs", run_id: str, data: Path | None, as_json: bool) -> None:
    done = carry(runs, run_id, data)
    if _is_further():
        return
    if as_json:
        _print(done)
        return
    sys.stdout.write(f"{done.id} is done: {done.artifact}\n")
    for name, value in done.metrics.items():
        sys.stdout.write(f"  {name} {value:,.6g}\n")


def _is_further() -> bool:
    """Whether this is one of several processes, and not the first, which begins the run and says how it ended."""
    return int(os.environ.get("RANK", "0")) > 0


def _begun(runs: "Runs", name: str | None) -> str:
    """The run called ``name``, once another process has begun it."""
    if name is None:
        raise ConfigurationError("Several processes carry out one run: give it a --name.")
    deadline = monotonic() + _SECONDS_TO_BEGIN
    while True:
        try:
            return runs.find(name).id
        except NotFound:
            if monotonic() > deadline:
                raise
            sleep(0.2)


def _runs(data: Path | None) -> "Runs":
    from causette.lab.runs import Runs  # noqa: PLC0415

    return Runs(load_settings(data=data).data / "runs")


def _check_installed(recipe: Mapping[str, Any]) -> None:
    from causette.lab.installed import check_installed  # noqa: PLC0415
    from causette.lab.stages import STAGES  # noqa: PLC0415

    if STAGES[recipe["stage"]].takes_pytorch(recipe):
        check_installed()


def _tell(table: Table) -> None:
    # What is in it is as it is: an error or a path may have square brackets.
    Console(markup=False).print(table)


def _print(value: Any) -> None:
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


_register()
