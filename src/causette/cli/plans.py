"""``causette plans``: which plans there are, whether the file is right, and who has which."""

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from causette.accounts import Accounts
from causette.amounts import decimals_of, dollars_of, shown
from causette.cli.db import AsJson, DataFolder, current_database
from causette.clock import utc_now
from causette.errors import NotFound
from causette.ledger.service import Ledger
from causette.plans import Plan, Plans
from causette.plans.billing import Recipient, Subscription
from causette.plans.book import BrokenPlans, PlanBook, read_book
from causette.plans.payments.store import Report, reports
from causette.plans.subscriptions import Assignment
from causette.settings import load_settings

app = typer.Typer(
    no_args_is_help=True,
    help="Look at the plans, check their file, give somebody one by hand, see what Stripe does not take.",
)


class PlanRow(msgspec.Struct, kw_only=True):
    """A plan as ``plans list --json`` prints it."""

    id: str
    title: dict[str, str]
    listed: bool
    is_default: bool
    currency: str
    monthly: str
    next_monthly: str | None
    next_since: str | None
    weight: int
    overage: str
    features: list[str]

    @classmethod
    def of(cls, plan: Plan, book: PlanBook) -> "PlanRow":
        """The row of ``plan`` today."""
        today, decimals = utc_now().date(), decimals_of(plan.currency)
        step = plan.next_step(today)
        return cls(
            id=plan.id,
            title=dict(plan.title),
            listed=plan.listed,
            is_default=plan.id == book.default_plan,
            currency=plan.currency,
            monthly=shown(plan.monthly_on(today), decimals),
            next_monthly=None if step is None else shown(step.monthly, decimals),
            next_since=None if step is None else step.since.isoformat(),
            weight=plan.weight,
            overage=plan.overage,
            features=sorted(plan.features),
        )


@app.command("list", epilog="Example: causette plans list --json")
def list_plans(data: DataFolder = None, as_json: AsJson = False) -> None:
    """List the plans in force: the shipped ones with the changes of `plans.toml` in the data folder.

    Prices are a seat's, a month. The default plan is what accounts have that subscribe to nothing: to begin to sell,
    write `default_plan = "free"` into that file.
    """
    book = read_book(_file(data))
    rows = [PlanRow.of(plan, book) for plan in book.plans.values()]
    if as_json:
        print(msgspec.json.encode(rows).decode())
        return
    table = Table("Plan", "A month", "Next price", "Weight", "Beyond", "What it switches on")
    for row in rows:
        name = f"{row.id} (default)" if row.is_default else row.id
        following = "" if row.next_since is None else f"{row.next_monthly} from {row.next_since}"
        table.add_row(
            escape(name if row.listed else f"{name}, by hand only"),
            f"{row.monthly} {row.currency}",
            following,
            str(row.weight),
            row.overage,
            ", ".join(row.features),
        )
    Console().print(table)


@app.command(epilog="Example: causette plans check ./plans.toml")
def check(
    file: Annotated[
        Path | None,
        typer.Argument(help="The file to check.", show_default="plans.toml in the data folder"),
    ] = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with a file of plans, and where. Exit code 1 when something is.

    A server that runs takes a good file over within a second, and ignores a broken one; check it first.
    """
    path = file or _file(data)
    if file is not None and not file.exists():
        raise NotFound(f"There is no file {file}.")
    try:
        book = read_book(path)
    except BrokenPlans as error:
        if as_json:
            print(msgspec.json.encode({"ok": False, "problems": error.problems}).decode())
        else:
            for problem in error.problems:
                Console().print(escape(str(problem)), soft_wrap=True)
        raise typer.Exit(1) from None
    if as_json:
        print(msgspec.json.encode({"ok": True, "problems": []}).decode())
        return
    what = str(path) if path.exists() else "There is no plans.toml, so the shipped file"
    count = f"{len(book.plans)} plans, of which {book.default_plan!r} is the default"
    Console().print(escape(f"{what} is good: {count}."), soft_wrap=True)


@app.command(epilog="Example: causette plans assign plus --email ada@example.org")
def assign(
    plan_id: Annotated[str, typer.Argument(help="The plan, as `causette plans list` names it.")],
    email: Annotated[
        str | None, typer.Option("--email", help="Whose plan it is.", show_default=False)
    ] = None,
    workspace: Annotated[
        str | None, typer.Option("--workspace", help="Or which workspace's: its id.", show_default=False)
    ] = None,
    seats: Annotated[
        int | None, typer.Option("--seats", min=1, help="How many.", show_default="as few as the plan has")
    ] = None,
    invoice: Annotated[
        bool, typer.Option("--invoice", help="Invoice its price each month. Without this it is a gift.")
    ] = False,
    trial_days: Annotated[
        int, typer.Option("--trial-days", min=0, max=3650, help="Days for nothing, to begin with.")
    ] = 0,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Give somebody a plan, in place of the one they have. A server that runs knows it within two seconds.

    With `--invoice` the price is invoiced each month, and a change within a month is prorated.
    """
    if (email is None) == (workspace is None):
        raise typer.BadParameter("Say whose plan it is: either --email or --workspace.")
    assignment = Assignment(
        plan_id=plan_id,
        seats=seats,
        collection="invoice" if invoice else "none",
        trial_days=trial_days,
    )
    made = asyncio.run(_assign(data, email, workspace, assignment))
    if as_json:
        print(msgspec.json.encode(made).decode())
        return
    until = f"{made.period.end:%Y-%m-%d}"
    times = "" if made.seats == 1 else f" with {made.seats} seats"
    Console().print(
        escape(f"{email or workspace} has the plan {made.plan_id!r}{times}; its period ends on {until}."),
        soft_wrap=True,
    )


@app.command(epilog="Example: causette plans unreported --json")
def unreported(data: DataFolder = None, as_json: AsJson = False) -> None:
    """List the use on trust that Stripe does not take, payer by payer. Exit code 1 when there is some.

    A server that runs tries each again after a minute, then each time after twice as long, up to a day. Others are
    reported meanwhile. Once the customer is mended at Stripe there is nothing more to do.
    """
    failing = asyncio.run(_failing(data))
    if as_json:
        print(msgspec.json.encode(failing).decode())
    elif not failing:
        Console().print("Stripe has taken all use that was reported to it.")
    else:
        table = Table("Payer", "USD", "Failing since", "Attempts", "Next attempt", "Why")
        for report in failing:
            table.add_row(
                report.payer_id,
                dollars_of(report.nano),
                f"{report.failing_since:%Y-%m-%d %H:%M}",
                str(report.attempts),
                f"{report.retry_at:%Y-%m-%d %H:%M}",
                escape(report.problem or ""),
            )
        Console().print(table)
    if failing:
        raise typer.Exit(1)


async def _failing(data: Path | None) -> list[Report]:
    async with current_database(data) as database, database.read() as connection:
        return [report for report in await reports(connection) if report.problem is not None]


async def _assign(
    data: Path | None, email: str | None, workspace: str | None, assignment: Assignment
) -> Subscription:
    async with current_database(data) as database:
        accounts = Accounts(database)

        async def recipient_of(payer_id: str) -> Recipient:
            name, address = await accounts.addressee(payer_id)
            return Recipient(name=name, email=address)

        payer_id = workspace or ""
        if email is not None:
            user = await accounts.find_user(email)
            if user is None:
                raise NotFound(
                    f"There is no account with the address {email!r}. `causette users list` shows those there are."
                )
            payer_id = user.id
        plans = Plans(database, Ledger(database), recipient_of, owner_file=_file(data))
        return await plans.subscriptions.assign(payer_id, assignment)


def _file(data: Path | None) -> Path:
    return load_settings(data=data).data / "plans.toml"
