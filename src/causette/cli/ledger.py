"""``causette ledger``: balances, usage, exports, and whether the books close, before and while the server runs."""

import asyncio
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from causette.accounts import Accounts
from causette.cli.db import AsJson, DataFolder, current_database
from causette.clock import utc_now
from causette.db import Database
from causette.ledger.export.events import Cursor, usage_events
from causette.ledger.export.files import whole_file, write_rows
from causette.ledger.export.focus import Row, charges, cost, money
from causette.ledger.export.store import count_settled
from causette.ledger.types import NANO, Book
from causette.ledger.usage import Balance, Bucket, Group, Scope, UsageReports, UsageRow
from causette.ledger.verify import Verdict, verify
from causette.settings import load_settings

app = typer.Typer(
    no_args_is_help=True,
    help="""Look into the books: what customers owe, what machines cost, what was used, and whether it all adds up.

    There are two books. `charge` says what customers are charged: `customer:…` owes it, `included:…` has paid for it
    by a monthly price, `revenue:…` earns it. `cost` says what it cost us: each machine's bill is allocated to requests
    or stood idle. Amounts are in US dollars, exact to the billionth.""",
)

_From = Annotated[
    str | None,
    typer.Option("--from", metavar="DAY", help="First day, in UTC.", show_default="this month's first"),
]
_To = Annotated[
    str | None,
    typer.Option("--to", metavar="DAY", help="The day after the last, in UTC.", show_default="now"),
]
_WIDE: Final = 200


@app.command("balance", epilog="Example: causette ledger balance --book charge --account customer:")
def balance(
    book: Annotated[Book | None, typer.Option("--book", help="Only this book.", show_default="both")] = None,
    account: Annotated[
        str, typer.Option("--account", help="Only accounts whose name begins so.", show_default="all")
    ] = "",
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Show what is on each account. The accounts of a book always add up to zero.

    A customer's balance is what they owe; prepaid credit makes it negative.
    """

    async def run() -> tuple[Balance, ...]:
        async with current_database(data) as database:
            return await UsageReports(database).balances(book=book, account=account)

    found = asyncio.run(run())
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    table = Table("Book", "Account")
    table.add_column("USD", justify="right")
    for item in found:
        table.add_row(item.book, escape(item.account), f"{money(item.amount_nano):,f}")
    _output().print(table)


@app.command("usage", epilog="Example: causette ledger usage --from 2026-01 --by month --group model")
def usage(
    start: _From = None,
    end: _To = None,
    by: Annotated[
        Bucket | None, typer.Option("--by", help="A row for each of these.", show_default="all at once")
    ] = None,
    group: Annotated[
        Group | None, typer.Option("--group", help="A row for each of these.", show_default="all together")
    ] = None,
    payer: Annotated[
        str | None, typer.Option("--payer", help="Only what this user or workspace pays.")
    ] = None,
    user: Annotated[str | None, typer.Option("--user", help="Only this person's requests, by id.")] = None,
    workspace: Annotated[str | None, typer.Option("--workspace", help="Only for this workspace.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="Only by this API key.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Only of this model.")] = None,
    plan: Annotated[str | None, typer.Option("--plan", help="Only under this plan.")] = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Show what was used, charged and spent: settled requests by the time at which they began."""
    since, until = _times(start, end)
    scope = Scope(payer_id=payer, user_id=user, workspace_id=workspace, key_id=key, model=model, plan_id=plan)

    async def run() -> tuple[UsageRow, ...]:
        async with current_database(data) as database:
            return await UsageReports(database).usage(scope, since, until, bucket=by, group_by=group)

    rows = asyncio.run(run())
    if as_json:
        print(msgspec.json.encode(rows).decode())
        return
    columns = ("Requests", "Input", "Cached", "Output", "Charged USD", "Cost USD", "Compute s", "Energy J")
    table = Table(*(["From (UTC)"] if by else []), *([group.title()] if group else []))
    for column in columns:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(
            *([f"{row.start:%Y-%m-%d %H:%M}"] if by else []),
            *([escape(row.group or "(none)")] if group else []),
            *(f"{n:,}" for n in (row.requests, row.input_tokens, row.cached_tokens, row.output_tokens)),
            f"{money(row.charge_nano):,f}",
            f"{money(row.cost_nano):,f}",
            f"{row.compute_ns / NANO:,.3f}",
            f"{row.energy_uj / 1_000_000:,.1f}",
        )
    _output().print(table)


@app.command("verify", epilog="Example: causette ledger verify && echo all is well")
def verify_books(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Check that the books close: every entry, balance, charge, counter and machine. Ends with 1 if they do not.

    It may run while the server does: all of it is read as of one moment.
    """
    console = Console(stderr=True)

    async def run() -> Verdict:
        async with current_database(data) as database:
            with console.status("") as status:
                return await verify(database, starting=lambda name: status.update(f"Whether {name}"))

    verdict = asyncio.run(run())
    if as_json:
        document = {"closes": verdict.closes, "checks": verdict.checks, "problems": verdict.problems}
        print(msgspec.json.encode(document).decode())
    elif verdict.closes:
        print(f"The books close: {len(verdict.checks)} checks found nothing.")
    else:
        for problem in verdict.problems:
            off_by = "" if problem.off_by is None else f", off by {problem.off_by:+,}"
            print(f"Not so: {problem.check}: {problem.what}{off_by}")
        console.print(f"The books do not close: {len(verdict.problems)} problems.")
    if not verdict.closes:
        raise typer.Exit(1)


@app.command(
    "export", epilog="Example: causette ledger export charges --from 2026-01 --to 2026-02 --out january.csv"
)
def export(
    what: Annotated[
        Literal["charges", "cost", "events"],
        typer.Argument(help="What customers are charged, what machines cost, or usage as events."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The file to write.")],
    start: _From = None,
    end: _To = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="CURSOR", help="Only events after those that gave this cursor."),
    ] = None,
    kind: Annotated[
        Literal["csv", "parquet"] | None,
        typer.Option("--format", help="Of charges and cost.", show_default="by FILE's name, else csv"),
    ] = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Write the books to a file. `charges` and `cost` are FOCUS 1.2 data sets, whose rows add up to the books.

    `events` are CloudEvents, a line of JSON for each settled request. Each export says a cursor: give it to the next
    one as `--since`, and it goes on from there, with no event missed and none twice.
    """
    if what != "events" and since is not None:
        raise typer.BadParameter("Only events have a cursor. Use --from and --to.", param_hint="--since")
    if since is not None and start is not None:
        raise typer.BadParameter("A cursor is a beginning already. Leave out --from.", param_hint="--since")
    if what == "events" and kind is not None:
        raise typer.BadParameter("Events are lines of JSON.", param_hint="--format")
    if what == "events":
        asyncio.run(_export_events(data, out, start, end, since, as_json))
        return
    chosen = kind or ("parquet" if out.suffix == ".parquet" else "csv")
    times = _times(start, end)

    async def run() -> int:
        async with current_database(data) as database:
            names = await _names(database) if what == "charges" else {}
            rows = charges(database, *times, names) if what == "charges" else cost(database, *times)
            with _bar(what, await count_settled(database, *times)) as advance:
                return await write_rows(rows, out, chosen, progress=_by_request(advance))

    count = asyncio.run(run())
    if as_json:
        print(msgspec.json.encode({"file": str(out), "format": chosen, "rows": count}).decode())
    else:
        print(f"{out} has {count:,} rows of {what}.")


async def _export_events(
    data: Path | None, out: Path, start: str | None, end: str | None, since: str | None, as_json: bool
) -> None:
    after = None if since is None else Cursor.read(since)
    # Without a beginning of its own an export begins at the very first event, not this month.
    begin = None if start is None else _instant(start, "--from")
    until = None if end is None else _instant(end, "--to")
    settings = load_settings(data=data)
    encode, count, last = msgspec.json.Encoder(), 0, after
    async with current_database(data) as database:
        total = await count_settled(database, begin or datetime(1970, 1, 1, tzinfo=UTC), until or utc_now())
        with _bar("events", total) as advance, whole_file(out) as partial, partial.open("wb") as file:
            async for events, behind in usage_events(
                database, source=settings.public_url or "urn:causette", start=begin, end=until, after=after
            ):
                file.write(encode.encode_lines(events))
                count, last = count + len(events), behind
                advance(len(events))
    cursor = None if last is None else str(last)
    if as_json:
        print(msgspec.json.encode({"file": str(out), "events": count, "cursor": cursor}).decode())
        return
    print(f"{out} has {count:,} events.")
    if cursor is not None:
        print(f"To go on from here: --since {cursor}")


async def _names(database: Database) -> dict[str, str]:
    """What people are called, by their ids."""
    return {user.id: user.name for user in await Accounts(database).list_users()}


@contextmanager
def _bar(what: str, total: int) -> Generator[Callable[[int], object]]:
    """A bar over so many requests, on a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn(f"{what}, requests"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda amount: progress.advance(task, amount)


def _by_request(advance: Callable[[int], object]) -> Callable[[Sequence[Row]], object]:
    return lambda rows: advance(
        len({row.x_request_id for row in rows if row.x_request_id and not row.charge_class})
    )


def _times(start: str | None, end: str | None) -> tuple[datetime, datetime]:
    now = utc_now()
    begin = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    since = begin if start is None else _instant(start, "--from")
    until = now if end is None else _instant(end, "--to")
    if since >= until:
        raise typer.BadParameter(
            f"Nothing lies between {since:%Y-%m-%d} and {until:%Y-%m-%d}: --to is the day after the last.",
            param_hint="--to",
        )
    return since, until


def _instant(text: str, option: str) -> datetime:
    """The beginning of a day, or of a month, in UTC."""
    for written in ("%Y-%m-%d", "%Y-%m"):
        with suppress(ValueError):
            return datetime.strptime(text, written).replace(tzinfo=UTC)
    raise typer.BadParameter(
        f"{text!r} is no day. Write 2026-01-31, or 2026-01 for a month's first.", param_hint=option
    )


def _output() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=_WIDE)
