"""``causette lab flywheel``: from what people said of replies to a model that does better."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from causette.cli.acting import As, acting, in_house
from causette.cli.db import AsJson, DataFolder
from causette.errors import NotFound
from causette.lab.flywheel.types import Outlook, Settings, Turn, Verdict
from causette.releases.types import Bounds

if TYPE_CHECKING:
    from causette.accounts import Caller
    from causette.house import House

app = typer.Typer(
    no_args_is_help=True,
    help="""Learn from what people said of replies, where they agreed to that.

    A turn of the flywheel makes examples of feedback, waits until somebody has looked through them, trains, has the
    gate measure what came out, waits until somebody has signed its report, and serves it to some: a canary, which is
    promoted or rolled back. A server or a worker with the lab's libraries turns it; these commands only say what to do.

    Example:

      causette lab flywheel begin --as ada@example.org

      causette lab flywheel examples

      causette lab flywheel keep --all --as ada@example.org""",
)

_Ids = Annotated[list[str] | None, typer.Argument(metavar="[EXAMPLE]...", help="Ids of examples.")]
_All = Annotated[bool, typer.Option("--all", help="All that nobody has looked at.")]

_USUAL: Final = Settings()
_LOOK_SECONDS: Final = 2.0
_AT_ONCE: Final = 500
_LONGEST_SHOWN: Final = 60
#: What a person has to do in a state, or what happens in it.
_NEXT: Final[Mapping[str, str]] = {
    "curating": "look through the examples: `causette lab flywheel examples`, `keep`, `leave-out`",
    "preparing": "the examples are being encoded",
    "training": "the model learns",
    "exporting": "it is being written for the engine",
    "gating": "the gate measures it against what is served",
    "signing": "somebody has to sign the gate's report: `causette lab artifact {id}`, `causette lab sign {id} --as …`",
    "canary": "it is served to some: `causette lab releases`",
}

T = TypeVar("T")


@app.command(epilog="Example: causette lab flywheel status --json")
def status(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Show what there is to learn from, and the turns."""

    async def look(house: "House") -> tuple[Mapping[Any, int], Sequence[Turn], Outlook | None]:
        wheel = house.flywheel
        return await house.curation.counts(), await wheel.turns(), await wheel.nights.outlook()

    counts, turns, nightly = in_house(data, look)
    if as_json:
        told = [
            {"verdict": verdict, "kind": kind, "count": count} for (verdict, kind), count in counts.items()
        ]
        _print({"examples": told, "turns": turns, "nightly": None if nightly is None else _plain(nightly)})
        return
    table = _table("EXAMPLES", "THUMBS", "PAIRS")
    for verdict in ("pending", "kept", "left_out"):
        table.add_row(
            verdict.replace("_", " "),
            f"{counts.get((verdict, 'thumb'), 0):,}",
            f"{counts.get((verdict, 'pair'), 0):,}",
        )
    _output().print(table)
    if turns:
        table = _table("TURN", "STATE", "LEARNS FROM", "BEGUN", "BY", "")
        for turn in turns:
            table.add_row(
                turn.id,
                turn.state.replace("_", " "),
                f"{turn.thumbs} thumbs, {turn.pairs} pairs" if turn.thumbs + turn.pairs else "",
                f"{turn.created_at:%Y-%m-%d %H:%M}",
                turn.begun_by,
                turn.reason or _next(turn),
            )
        _output().print()
        _output().print(table)
    if nightly is not None:
        sys.stdout.write(f"\n{_nightly(nightly)}\n")


@app.command(epilog="Example: causette lab flywheel begin --least 200 --share 5 --as ada@example.org --wait")
def begin(
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="The model that learns.")
    ] = _USUAL.model,
    least: Annotated[int, typer.Option("--least", min=1, help="Examples that it needs.")] = _USUAL.least,
    unseen: Annotated[
        bool,
        typer.Option(
            "--unseen", help="Learn from examples that nobody has looked at too, and wait for nobody."
        ),
    ] = _USUAL.unseen,
    epochs: Annotated[
        int, typer.Option("--epochs", min=1, max=100, help="Passes over the examples.")
    ] = _USUAL.epochs,
    learning_rate: Annotated[float, typer.Option("--learning-rate")] = _USUAL.learning_rate,
    share: Annotated[
        float, typer.Option("--share", metavar="PERCENT", help="Of a hundred people, who get the canary.")
    ] = _USUAL.share_percent,
    requests: Annotated[
        int, typer.Option("--requests", min=1, help="Requests of the canary before it can be promoted.")
    ] = _USUAL.bounds.requests,
    minutes: Annotated[
        float, typer.Option("--minutes", min=0, help="Minutes before it can be promoted.")
    ] = _USUAL.bounds.minutes,
    promote: Annotated[
        bool,
        typer.Option("--promote", help="Promote it by itself once it can be, and nothing is against it."),
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Say how it goes until it is over; exit code 1 unless promoted.")
    ] = False,
    by: As = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Begin a turn. One at a time is under way."""
    settings = Settings(
        model=model,
        least=least,
        unseen=unseen,
        epochs=epochs,
        learning_rate=learning_rate,
        share_percent=share,
        bounds=Bounds(requests=requests, minutes=minutes, promotes=promote),
    )

    async def act(house: "House", caller: "Caller") -> Turn:
        turn = await house.flywheel.begin(caller, settings)
        return await _watched(house, turn) if wait else turn

    turn = acting(data, by, act)
    _tell(turn, as_json)
    if wait and turn.state != "promoted":
        raise typer.Exit(1)


@app.command(epilog="Example: causette lab flywheel examples --verdict kept --json")
def examples(
    verdict: Annotated[
        Verdict | None,
        typer.Option("--verdict", help="Those of this verdict only.", show_default="pending"),
    ] = "pending",
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Show examples: the last message of the prompt, the reply, and what was taken out. `--json` has them whole."""

    async def look(house: "House") -> Sequence[Any]:
        await house.curation.collect()
        return await house.curation.examples(verdict=verdict)

    found = in_house(data, look)
    if as_json:
        _print(found)
        return
    table = _table("EXAMPLE", "", "PROMPT", "GOOD", "BAD", "TAKEN OUT")
    for each in found:
        table.add_row(
            each.id,
            "pair" if each.kind == "pair" else "👍" if each.chosen is not None else "👎",
            _short(each.prompt[-1].content if each.prompt else ""),
            _short(each.chosen or ""),
            _short(each.rejected or ""),
            ", ".join(f"{count} {kind}" for kind, count in each.scrubbed.items()),
        )
    _output().print(table)


@app.command(epilog="Example: causette lab flywheel keep --all --as ada@example.org")
def keep(ids: _Ids = None, all_: _All = False, by: As = None, data: DataFolder = None) -> None:
    """Keep examples: models learn from them."""
    _decide(ids, all_, "kept", by, data)


@app.command("leave-out", epilog="Example: causette lab flywheel leave-out ex_01 ex_02 --as ada@example.org")
def leave_out(ids: _Ids = None, all_: _All = False, by: As = None, data: DataFolder = None) -> None:
    """Leave examples out."""
    _decide(ids, all_, "left_out", by, data)


@app.command()
def proceed(by: As = None, data: DataFolder = None, as_json: AsJson = False) -> None:
    """Learn from what was kept so far, and leave out what nobody has looked at."""
    _tell(acting(data, by, lambda house, caller: _newest(house, caller, "proceed")), as_json)


@app.command()
def stop(by: As = None, data: DataFolder = None, as_json: AsJson = False) -> None:
    """End the turn that is under way. A canary of its is rolled back."""
    _tell(acting(data, by, lambda house, caller: _newest(house, caller, "stop")), as_json)


@app.command()
def retry(by: As = None, data: DataFolder = None, as_json: AsJson = False) -> None:
    """Go on with the newest turn, if it failed, from the run that did."""
    _tell(acting(data, by, lambda house, caller: _newest(house, caller, "retry")), as_json)


async def _newest(house: "House", caller: "Caller", act: Literal["proceed", "stop", "retry"]) -> Turn:
    turns = await house.flywheel.turns()
    if not turns:
        raise NotFound("The flywheel has not turned yet: `causette lab flywheel begin`.")
    wheel = house.flywheel
    acts = {"proceed": wheel.proceed, "stop": wheel.stop, "retry": wheel.retry}
    return await acts[act](caller, turns[0])


def _decide(
    ids: list[str] | None,
    all_: bool,
    verdict: Literal["kept", "left_out"],
    by: str | None,
    data: Path | None,
) -> None:
    if bool(ids) == all_:
        raise typer.BadParameter("Name examples, or --all.", param_hint="EXAMPLE")

    async def act(house: "House", caller: "Caller") -> int:
        chosen = ids or [each.id for each in await house.curation.examples(verdict="pending")]
        parts = (chosen[start : start + _AT_ONCE] for start in range(0, len(chosen), _AT_ONCE))
        return sum([await house.curation.decide(caller, part, verdict) for part in parts])

    done = acting(data, by, act)
    sys.stdout.write(f"{done} examples are {verdict.replace('_', ' ')}.\n")


async def _watched(house: "House", turn: Turn) -> Turn:
    """Say how a turn goes until it is over."""
    console, said = Console(stderr=True, soft_wrap=True, highlight=False), ""
    while True:
        turn = await house.flywheel.find(turn.id)
        line = f"{turn.state}: {turn.reason or _next(turn)}"
        if line != said:
            console.print(line, markup=False)
            said = line
        if turn.over:
            return turn
        await asyncio.sleep(_LOOK_SECONDS)


def _nightly(outlook: Outlook) -> str:
    """What is to happen by itself, and how it went last."""
    plan, last = outlook.plan, outlook.last
    said = (
        f"A turn begins by itself at {outlook.next_at:%Y-%m-%d %H:%M} UTC if there are {plan.least:,} new examples "
        f"then; there are {outlook.fresh:,} so far."
    )
    if last is None:
        return said
    outcome = {
        "begun": f"{last.turn_id} began, from {last.fresh:,} new examples",
        "under_way": "none began, as another turn was under way",
        "too_few": f"none began, as there were {last.fresh:,} new examples",
        "nobody": "none began, as nobody ran the house",
    }[last.outcome]
    return f"{said} On {last.due_at:%Y-%m-%d} {outcome}."


def _plain(outlook: Outlook) -> dict[str, object]:
    plan = outlook.plan.model_dump(mode="json")
    return {**plan, "next_at": outlook.next_at, "fresh": outlook.fresh, "last": outlook.last}


def _next(turn: Turn) -> str:
    return _NEXT.get(turn.state, "").format(id=turn.id)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_SHOWN else f"{line[: _LONGEST_SHOWN - 1]}…"


def _tell(turn: Turn, as_json: bool) -> None:
    if as_json:
        _print(turn)
    else:
        sys.stdout.write(f"{turn.id} is {turn.state.replace('_', ' ')}: {turn.reason or _next(turn)}\n")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column)
    return table


def _output() -> Console:
    # What is in it is as it is: a reply may have square brackets.
    return Console(markup=False, highlight=False)


def _print(value: object) -> None:
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
