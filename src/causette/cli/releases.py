"""``causette lab register``, ``gate``, ``sign``, ``release`` and the others: from a run to what people are served."""

import re
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from causette.accounts import Caller
from causette.amounts import dollars_of
from causette.cli.acting import As, acting, in_house
from causette.cli.carrying import carry
from causette.cli.db import AsJson, DataFolder
from causette.errors import NotFound
from causette.lab.carrying_out import begin
from causette.lab.runs import Run, Runs
from causette.releases import Approval, Artifact, GateReport, Release, Releases
from causette.releases.types import Bounds, Standing, Unserved
from causette.settings import load_settings

if TYPE_CHECKING:
    from causette.house import House

app = typer.Typer()

_ArtifactName = Annotated[str, typer.Argument(metavar="NAME", help="An artifact's name or id.")]
_ReleaseName = Annotated[
    str,
    typer.Argument(
        metavar="RELEASE",
        help="A release's id, or the name of the artifact that it is of: its newest release then.",
    ),
]
_Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stays beside your name.")]

_WIDE: Final = 200
_MILLISECONDS_AN_HOUR: Final = 3_600_000
_DURATION: Final = re.compile(r"(\d{1,5})([mhd])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


class ArtifactView(msgspec.Struct, kw_only=True):
    """An artifact as ``artifact --json`` prints it."""

    artifact: Artifact
    reports: Sequence[GateReport]
    approvals: Sequence[Approval]
    releases: Sequence[Release]


class ReleaseView(msgspec.Struct, kw_only=True):
    """A release as ``releases --json`` prints it."""

    release: Release
    #: The artifact's name.
    artifact: str
    #: How a canary stands; None of what is none.
    standing: Standing | None
    #: The processes that cannot serve it, although it is in force.
    unserved: Sequence[Unserved]


# Artifacts


@app.command(epilog="Example: causette lab register exported --name taught-1 --as ada@example.org")
def register(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run of the export stage that wrote GGUF.")],
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What people will call it.")],
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            metavar="MODEL",
            help="The model of the catalogue whose place it can take.",
            show_default="the one that it was made from, else `default`",
        ),
    ] = None,
    by: As = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Keep what a run has made as an artifact: a copy of its weights that nothing changes, and where they come from.

    Its lineage is read from its runs, back to the first: every recipe, the data's files with their hashes and licences,
    versions, figures, and what the machine's time cost.
    """

    async def act(house: "House", caller: Caller) -> Artifact:
        return await house.laboratory.releasing.register(caller, run, name=name, base=base)

    artifact = acting(data, by, act)
    if as_json:
        _print_json(artifact)
        return
    _say(
        f"{artifact.name} is registered: {artifact.size_bytes / 1e6:,.1f} MB, SHA-256 {artifact.sha256}.\n"
        f"Next: causette lab gate {artifact.name}"
    )


@app.command("artifacts", epilog="Example: causette lab artifacts --json")
def list_artifacts(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Show the artifacts, the newest first: what each was made from, and what the gate says of it."""

    async def look(house: "House") -> list[tuple[Artifact, GateReport | None]]:
        found = await _all_artifacts(house.releases)
        return [(each, next(iter(await house.releases.reports(each)), None)) for each in found]

    found = in_house(data, look)
    if as_json:
        _print_json([artifact for artifact, _ in found])
        return
    table = _table("NAME", "BASE", "MADE FROM", "SIZE", "COST USD", "GATE", "REGISTERED", "BY")
    for artifact, report in found:
        table.add_row(
            escape(artifact.name),
            escape(artifact.base),
            escape(artifact.lineage.parent or "nothing"),
            f"{artifact.size_bytes / 1e6:,.1f} MB",
            dollars_of(artifact.cost_nano),
            "not measured" if report is None else "passed" if report.passed else "not passed",
            f"{artifact.created_at:%Y-%m-%d %H:%M}",
            escape(artifact.created_by),
        )
    _output().print(table)


@app.command("artifact", epilog="Example: causette lab artifact taught-1")
def show_artifact(name: _ArtifactName, data: DataFolder = None, as_json: AsJson = False) -> None:
    """Show an artifact: its lineage as a tree, the gate's reports, who said what of it, its releases."""

    async def look(house: "House") -> ArtifactView:
        artifact = await house.releases.artifact(name)
        return ArtifactView(
            artifact=artifact,
            reports=await house.releases.reports(artifact),
            approvals=await house.releases.approvals(artifact),
            releases=[each for each in await house.releases.releases() if each.artifact_id == artifact.id],
        )

    view = in_house(data, look)
    if as_json:
        _print_json(view)
        return
    output = _output()
    output.print(_tree(view))
    if view.reports:
        output.print(_report_table(view.reports[0]))


# The gate


@app.command(epilog="Example: causette lab gate taught-1 && causette lab sign taught-1 --as ada@example.org")
def gate(
    name: _ArtifactName,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="MODEL",
            help="An artifact, or a model of the catalogue that is on disk.",
            show_default="what is served now",
        ),
    ] = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Measure an artifact against what is served now, by the bounds of gate.toml. Exit code 1 where it does not pass.

    Both run in the house's engine, on this machine: capability, safety, speed, cost. It is a run like others: a gate
    that was killed leaves no report, and `causette lab resume RUN` goes on with the task that it was at.
    """

    async def look(house: "House") -> Run:
        releasing = house.laboratory.releasing
        recipe = await releasing.gate_recipe(await house.releases.artifact(name), against)
        return begin(releasing.runs, recipe)

    run = in_house(data, look)
    _measure(Runs(load_settings(data=data).data / "runs"), run, data, as_json)


def resume_gate(runs: Runs, run: Run, data: Path | None, as_json: bool) -> None:
    """Take up a gate that was stopped or killed, or report what it had found."""
    _measure(runs, run, data, as_json)


def _measure(runs: Runs, run: Run, data: Path | None, as_json: bool) -> None:
    # One that is done may have been killed before it was reported.
    done = run if run.status == "done" else carry(runs, run.id, data)
    made = in_house(data, lambda house: house.laboratory.releasing.report(done.id))
    if as_json:
        _print_json(made)
    else:
        _output().print(_report_table(made))
        name = runs.recipe(done.id)["candidate"]["name"]
        _say(
            f"{name} passed. Next: causette lab sign {name} --as EMAIL"
            if made.passed
            else f"{name} did not pass. Train it again, or say why it may be released all the same: "
            f"causette lab override {name} --as EMAIL --reason TEXT"
        )
    if not made.passed:
        raise typer.Exit(1)


@app.command(epilog="Example: causette lab sign taught-1 --as ada@example.org")
def sign(name: _ArtifactName, by: As = None, data: DataFolder = None, as_json: AsJson = False) -> None:
    """Say that an artifact may be released, on the gate's newest report of it, which passed."""

    async def act(house: "House", caller: Caller) -> Approval:
        return await house.releases.sign(caller, await house.releases.artifact(name))

    approval = acting(data, by, act)
    _tell(approval, f"{name} may be released: {approval.actor} says so.", as_json)


@app.command(
    epilog='Example: causette lab override taught-1 --as ada@example.org --reason "The old one is withdrawn"'
)
def override(
    name: _ArtifactName,
    reason: _Reason,
    by: As = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Say that an artifact may be released although the gate's newest report of it did not pass, and why."""

    async def act(house: "House", caller: Caller) -> Approval:
        return await house.releases.override(caller, await house.releases.artifact(name), reason)

    approval = acting(data, by, act)
    _tell(approval, f"{name} may be released although the gate says no: {approval.actor} says so.", as_json)


# Releases


@app.command(
    epilog="Example: causette lab release taught-1 --share 5 --promote-after 24h --as ada@example.org"
)
def release(
    name: _ArtifactName,
    share: Annotated[
        float, typer.Option("--share", metavar="PERCENT", help="Of a hundred people, how many are served it.")
    ] = 5.0,
    promote_after: Annotated[
        str | None,
        typer.Option(
            "--promote-after",
            metavar="TIME",
            help="Promote it by itself after 60m, 24h or 7d, where nothing speaks against it.",
            show_default="somebody promotes it",
        ),
    ] = None,
    requests: Annotated[
        int,
        typer.Option(
            "--requests", min=1, help="Requests that it has to have answered before it is promoted."
        ),
    ] = Bounds().requests,
    slower: Annotated[
        float,
        typer.Option(
            "--slower", min=1.0, help="Times the usual time to a first token at which it is taken back."
        ),
    ] = Bounds().slower,
    by: As = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Serve an artifact to some of those who ask for the model in whose place it is: a canary.

    Somebody has to have signed the gate's newest report of it. While it does worse than what is served as before, by
    errors, time or people's thumbs, the server takes it back by itself.
    """
    bounds = Bounds(
        slower=slower,
        requests=requests,
        minutes=Bounds().minutes if promote_after is None else _minutes(promote_after),
        promotes=promote_after is not None,
    )

    async def act(house: "House", caller: Caller) -> Release:
        return await house.releases.begin(
            caller, await house.releases.artifact(name), share_percent=share, bounds=bounds
        )

    begun = acting(data, by, act)
    _tell(begun, f"{begun.id}: {name} is served to {share:g} % in the place of {begun.model}.", as_json)


@app.command("releases", epilog="Example: causette lab releases")
def list_releases(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Show the releases, the newest first, and how canaries stand."""

    async def look(house: "House") -> list[ReleaseView]:
        names = {each.id: each.name for each in await _all_artifacts(house.releases)}
        unserved = await house.releases.unserved()
        return [
            ReleaseView(
                release=each,
                artifact=names[each.artifact_id],
                standing=await house.releases.standing(each) if each.state == "canary" else None,
                unserved=unserved.get(each.id, ()),
            )
            for each in await house.releases.releases()
        ]

    found = in_house(data, look)
    if as_json:
        _print_json(found)
        return
    table = _table("RELEASE", "ARTIFACT", "MODEL", "STATE", "SHARE", "BEGUN", "BY", "")
    for view in found:
        each = view.release
        table.add_row(
            each.id,
            escape(view.artifact),
            escape(each.model),
            each.state,
            f"{each.share_percent:g} %" if each.state == "canary" else "",
            f"{each.begun_at:%Y-%m-%d %H:%M}",
            escape(each.begun_by),
            escape(each.reason if view.standing is None else _standing(view.standing)),
        )
    _output().print(table)
    for view in found:
        for each in view.unserved:
            _say(
                f"\n{each.process} cannot serve {view.artifact} since {each.since:%Y-%m-%d %H:%M}, and serves "
                f"{each.instead} instead: {each.reason} It tries again every minute."
            )


@app.command(epilog="Example: causette lab promote taught-1 --as ada@example.org")
def promote(name: _ReleaseName, by: As = None, data: DataFolder = None, as_json: AsJson = False) -> None:
    """Serve a canary to everybody."""

    async def act(house: "House", caller: Caller) -> Release:
        return await house.releases.promote(caller, await _release(house.releases, name))

    done = acting(data, by, act)
    _tell(done, f"{done.id} is released: everybody who asks for {done.model} is served it.", as_json)


@app.command(
    "roll-back", epilog='Example: causette lab roll-back taught-1 --reason "It is slow" --as ada@example.org'
)
def roll_back(
    name: _ReleaseName, reason: _Reason, by: As = None, data: DataFolder = None, as_json: AsJson = False
) -> None:
    """Serve a canary to nobody any more."""

    async def act(house: "House", caller: Caller) -> Release:
        return await house.releases.roll_back(caller, await _release(house.releases, name), reason)

    done = acting(data, by, act)
    _tell(done, f"{done.id} is rolled back: everybody is served what they were before.", as_json)


@app.command(epilog='Example: causette lab undo taught-1 --reason "It is rude" --as ada@example.org')
def undo(
    name: _ReleaseName, reason: _Reason, by: As = None, data: DataFolder = None, as_json: AsJson = False
) -> None:
    """Serve everybody what was served before a release."""

    async def act(house: "House", caller: Caller) -> Release:
        return await house.releases.undo(caller, await _release(house.releases, name), reason)

    done = acting(data, by, act)
    _tell(done, f"{done.id} is undone: everybody is served what was served before it.", as_json)


async def _release(releases: Releases, name: str) -> Release:
    """The release of this id, or the newest of the artifact of this name."""
    if name.startswith("rel_"):
        return await releases.release(name)
    artifact = await releases.artifact(name)
    for each in await releases.releases():
        if each.artifact_id == artifact.id:
            return each
    raise NotFound(f"{name} was never released: `causette lab release {name}` does.", param="release")


async def _all_artifacts(releases: Releases) -> list[Artifact]:
    found: list[Artifact] = []
    while page := await releases.artifacts(before=found[-1].id if found else None):
        found += page
    return found


def _minutes(text: str) -> float:
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is no time. Write 60m, 24h or 7d.", param_hint="--promote-after")
    return timedelta(**{_UNITS[found[2]]: int(found[1])}).total_seconds() / 60


def _standing(standing: Standing) -> str:
    canary = standing.tallies["canary"]
    if standing.regressions:
        return f"does worse: {'; '.join(standing.regressions)}"
    missing = f"; missing {', '.join(standing.missing)}" if standing.missing else "; can be promoted"
    return f"{canary.requests} requests, nothing speaks against it{missing}"


def _tree(view: ArtifactView) -> Tree:
    artifact, lineage = view.artifact, view.artifact.lineage
    tree = Tree(f"[bold]{escape(artifact.name)}[/bold]  {artifact.id}")
    tree.add(f"weights  {artifact.size_bytes / 1e6:,.1f} MB, SHA-256 {artifact.sha256}")
    tree.add(f"in the place of {escape(artifact.base)}")
    tree.add(
        f"registered {artifact.created_at:%Y-%m-%d %H:%M} by {escape(artifact.created_by)}; "
        f"making it cost {dollars_of(artifact.cost_nano)} USD of the machine's time"
    )
    made = tree.add(f"made from {escape(lineage.parent) or 'nothing'}")
    for recipe in lineage.recipes:
        made.add(escape(f"{recipe.get('run', '')}  {recipe.get('stage', '')}  {_brief(recipe)}"))
    if lineage.data:
        data = tree.add("learned from")
        for part in lineage.data:
            # A teacher's conversations are counted in tokens where they have been prepared.
            tokens = f", {part['tokens']:,} tokens" if "tokens" in part else ""
            of = data.add(escape(f"{part['data']}, {part['part']}: {part['records']:,} records{tokens}"))
            for source in part["sources"]:
                of.add(escape(f"{source['file']}  {source['licence']}  SHA-256 {source['sha256']}"))
    tree.add(escape("by " + ", ".join(f"{name} {version}" for name, version in lineage.code.items())))
    tree.add(
        escape("figures  " + "  ".join(f"{name} {value:.4g}" for name, value in artifact.metrics.items()))
    )
    reports = tree.add("the gate" if view.reports else "the gate has not measured it")
    for report in view.reports:
        failed = ", ".join(each.name for each in report.checks if not each.passed)
        verdict = "passed" if report.passed else f"did not pass: {failed or 'not complete'}"
        reports.add(escape(f"{report.created_at:%Y-%m-%d %H:%M}  against {report.baseline}: {verdict}"))
    for approval in view.approvals:
        why = f": {approval.reason}" if approval.reason else ""
        tree.add(escape(f"{approval.created_at:%Y-%m-%d %H:%M}  {approval.kind} by {approval.actor}{why}"))
    for each in view.releases:
        why = f": {each.reason}" if each.reason else ""
        tree.add(
            escape(f"{each.begun_at:%Y-%m-%d %H:%M}  {each.id}  {each.state}, begun by {each.begun_by}{why}")
        )
    return tree


def _brief(recipe: Any) -> str:
    """What of a recipe tells most in a line."""
    names = ("model", "data", "tokenizer", "task", "quantisation")
    return "  ".join(f"{name} {recipe[name]}" for name in names if recipe.get(name))


def _report_table(report: GateReport) -> Table:
    table = _table("", "GROUP", "CHECK", "FOUND", "ASKED")
    table.title = escape(f"against {report.baseline}, on {report.machine}")
    for each in report.checks:
        verdict = "[green]passed[/green]" if each.passed else "[red bold]FAILED[/red bold]"
        table.add_row(verdict, each.group, escape(each.name), escape(each.found), escape(each.asked))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    for column in columns:
        table.add_column(column)
    return table


def _tell(done: object, text: str, as_json: bool) -> None:
    if as_json:
        _print_json(done)
    else:
        _say(text)


def _say(text: str) -> None:
    Console().print(escape(text), soft_wrap=True, highlight=False)


def _output() -> Console:
    return Console(highlight=False) if sys.stdout.isatty() else Console(width=_WIDE, highlight=False)


def _print_json(value: object) -> None:
    sys.stdout.write(msgspec.json.encode(value, enc_hook=str).decode() + "\n")
