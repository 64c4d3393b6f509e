"""What who runs the house sees and does: accounts, plans, keys, corrections. Every act is in the audit log."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from causette.accounts import Accounts, Caller, User
from causette.accounts.types import Role
from causette.audit import AuditLog
from causette.clock import utc_now
from causette.console.reports import Reports
from causette.console.types import Account, Catalogue, HeldKey, Person, Shared
from causette.db import Database
from causette.errors import NotFound
from causette.gateway import Deployment
from causette.ledger.service import Ledger
from causette.ledger.usage import UsageReports
from causette.plans import Budget, Plans
from causette.plans.billing import Invoice, InvoiceStatus, Subscription
from causette.plans.book import BrokenPlans, read_book
from causette.plans.reading import Problem
from causette.plans.subscriptions import Assignment


class Console:
    """The house as who runs it sees it. Its callers make sure that it is they who ask."""

    def __init__(
        self,
        database: Database,
        *,
        accounts: Accounts,
        plans: Plans,
        ledger: Ledger,
        deployments: Iterable[Deployment],
        plans_file: Path,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._accounts = accounts
        self._plans = plans
        self._ledger = ledger
        self._plans_file = plans_file
        self._now = now
        self.audit = AuditLog(database, now)
        self.reports = Reports(UsageReports(database), ledger, plans, accounts, deployments, now)

    # Looking

    async def people(self, query: str, *, after: str, limit: int) -> tuple[Person, ...]:
        """People whose names or addresses hold ``query``, the oldest account first, from after an id."""
        users = await self._accounts.list_users(query, after=after, limit=limit)
        plans = await self._plans_of(user.id for user in users)
        return tuple(Person(user=user, plan_id=plans[user.id]) for user in users)

    async def workspaces(self, query: str, *, after: str, limit: int) -> tuple[Shared, ...]:
        """Workspaces whose names hold ``query``, the oldest first, from after an id."""
        found = await self._accounts.workspaces.list_all(containing=query, after=after, limit=limit)
        plans = await self._plans_of(item.workspace.id for item in found)
        return tuple(
            Shared(workspace=item.workspace, members=item.members, plan_id=plans[item.workspace.id])
            for item in found
        )

    async def account(self, actor: Caller, account_id: str) -> Account:
        """A person's or a workspace's account.

        Raises:
            NotFound: there is neither with this id.
        """
        person = await self._accounts.caller_of(account_id)
        shared = None if person else await self._accounts.members_of(account_id)
        if person is None and shared is None:
            raise NotFound(f"There is no account {account_id!r}.")
        caller = person or Caller(user=actor.user, workspace_id=account_id)
        limits = await self.reports.limits(caller)
        return Account(
            id=account_id,
            name=person.user.name if person else shared[0].name if shared else account_id,
            user=person.user if person else None,
            workspace=shared[0] if shared else None,
            members=shared[1] if shared else (),
            plan_id=(await self._plans.entitlements(caller)).plan_id,
            subscription=await self._plans.subscriptions.find(account_id),
            budgets=await self._plans.budgets(account_id),
            credit_nano=await self._plans.credit(account_id),
            # What bounds the person who looks bounds no workspace.
            limits=limits if person else tuple(limit for limit in limits if limit.whose != "person"),
            invoices=await self._plans.invoices.of(account_id),
            usage=await self.reports.this_month(account_id),
        )

    async def keys(self, query: str, *, before: str | None, limit: int) -> tuple[HeldKey, ...]:
        """Everybody's keys, the newest first, from before an id."""
        found = await self._accounts.keys.list_all(query, before=before, limit=limit)
        return tuple(HeldKey(key=key, maker=maker) for key, maker in found)

    async def catalogue(self) -> Catalogue:
        """The plans in force, how many subscribe to each, and what keeps the owner's file from being taken over."""
        return Catalogue(
            book=self._plans.book.current,
            file=str(self._plans_file),
            file_exists=self._plans_file.exists(),
            problems=await asyncio.to_thread(_problems_in, self._plans_file),
            subscribers=Counter(item.plan_id for item in await self._plans.subscriptions.all()),
        )

    # Acts on people and keys

    async def set_role(self, actor: Caller, user_id: str, role: Role) -> User:
        """Let somebody run the house, or only use it; see `Accounts.set_role`."""
        async with self.audit.act(
            actor, "account.role", target_id=user_id, target=await self._name(user_id), role=role
        ):
            return await self._accounts.set_role(user_id, role)

    async def set_disabled(self, actor: Caller, user_id: str, disabled: bool) -> User:
        """Refuse somebody, or let them in again; see `Accounts.disable_user`."""
        act = "account.disable" if disabled else "account.enable"
        async with self.audit.act(actor, act, target_id=user_id, target=await self._name(user_id)):
            accounts = self._accounts
            return await (accounts.disable_user(user_id) if disabled else accounts.enable_user(user_id))

    async def end_sessions(self, actor: Caller, user_id: str) -> None:
        """Sign somebody out everywhere.

        Raises:
            NotFound: nobody has this id.
        """
        async with self.audit.act(
            actor, "account.sign_out", target_id=user_id, target=await self._name(user_id)
        ):
            await self._accounts.end_sessions_of(user_id)

    async def end_key(self, actor: Caller, key_id: str) -> None:
        """End anybody's key at once.

        Raises:
            NotFound: there is no such key.
        """
        async with self.audit.act(actor, "key.revoke", target_id=key_id, target=await self._name(key_id)):
            await self._accounts.keys.end(key_id)

    # Acts on what accounts have and owe

    async def assign(self, actor: Caller, account_id: str, assignment: Assignment) -> Subscription:
        """Give an account a plan by hand; see `Subscriptions.assign`."""
        async with self.audit.act(
            actor,
            "plan.assign",
            target_id=account_id,
            target=await self._name(account_id),
            plan=assignment.plan_id,
            seats=assignment.seats,
            collection=assignment.collection,
            trial_days=assignment.trial_days,
            postpaid_nano=assignment.postpaid_nano,
        ):
            return await self._plans.subscriptions.assign(account_id, assignment)

    async def end_plan(self, actor: Caller, account_id: str, *, at_once: bool) -> Subscription:
        """End an account's subscription, when its period ends or at once; see `Plans.cancel`."""
        async with self.audit.act(
            actor, "plan.end", target_id=account_id, target=await self._name(account_id), at_once=at_once
        ):
            return await self._plans.cancel(account_id, at_once=at_once)

    async def set_budget(self, actor: Caller, budget: Budget) -> None:
        """Cap what an account may use; see `Plans.set_budget`."""
        if budget.workspace_id is not None:
            await self._name(budget.workspace_id)
        async with self.audit.act(
            actor,
            "budget.set",
            target_id=budget.subject_id,
            target=await self._name(budget.subject_id),
            meter=budget.meter.value,
            window=budget.window.key,
            amount=budget.amount,
            workspace_id=budget.workspace_id,
        ):
            await self._plans.set_budget(budget)

    async def lift_budget(self, actor: Caller, budget: Budget) -> None:
        """Lift a cap; see `Plans.lift_budget`."""
        async with self.audit.act(
            actor,
            "budget.lift",
            target_id=budget.subject_id,
            target=await self._name(budget.subject_id),
            meter=budget.meter.value,
            window=budget.window.key,
            workspace_id=budget.workspace_id,
        ):
            await self._plans.lift_budget(budget)

    async def grant_credit(
        self, actor: Caller, account_id: str, amount_nano: int, memo: str, reference: str
    ) -> int:
        """Give credit that nobody has paid for, once for each ``reference``; how much there is then."""
        async with self.audit.act(
            actor,
            "credit.grant",
            target_id=account_id,
            target=await self._name(account_id),
            amount_nano=amount_nano,
            memo=memo,
            reference=reference,
        ):
            await self._plans.grant_credit(account_id, amount_nano, memo, f"grant:{account_id}:{reference}")
        return await self._plans.credit(account_id)

    async def end_invoice(self, actor: Caller, invoice_id: str, status: InvoiceStatus) -> Invoice:
        """Note that an invoice is paid, or is not to be paid.

        Raises:
            NotFound: there is no such invoice.
            Conflict: it has ended otherwise.
        """
        found = await self._plans.invoices.find(invoice_id)
        if found is None:
            raise NotFound(f"There is no invoice with the id {invoice_id!r}.")
        async with self.audit.act(
            actor,
            f"invoice.{status}",
            target_id=found.payer_id,
            target=await self._name(found.payer_id),
            invoice=found.number,
        ):
            invoices = self._plans.invoices
            end = invoices.mark_paid if status == "paid" else invoices.void
            return await end(invoice_id)

    async def correct(
        self, actor: Caller, request_id: str, delta_nano: int, memo: str, reference: str
    ) -> None:
        """Change what a request was charged by a posting of its own, once for each ``reference``.

        Raises:
            NotFound: there is no such request.
            Conflict: it is not settled (``not_settled``).
        """
        payer_id = (await self.reports.request(request_id)).request.payer_id
        async with self.audit.act(
            actor,
            "request.correct",
            target_id=payer_id,
            target=(await self._accounts.names_of((payer_id,))).get(payer_id, payer_id),
            request=request_id,
            delta_nano=delta_nano,
            memo=memo,
            reference=reference,
        ):
            await self._ledger.correct(request_id, delta_nano, memo, f"{request_id}:{reference}")

    # Inside

    async def _name(self, target_id: str) -> str:
        """What people call the target of an act. What is not there is refused before anything is written.

        Raises:
            NotFound: nobody and nothing has this id.
        """
        names = await self._accounts.names_of((target_id,))
        if target_id not in names:
            raise NotFound(f"There is nothing with the id {target_id!r}.")
        return names[target_id]

    async def _plans_of(self, payer_ids: Iterable[str]) -> dict[str, str]:
        ids = tuple(payer_ids)
        book, now = self._plans.book.current, self._now()
        found = await self._plans.subscriptions.of(ids)
        return {
            payer_id: found[payer_id].plan_in(book, now).id if payer_id in found else book.default_plan
            for payer_id in ids
        }


def _problems_in(file: Path) -> tuple[Problem, ...]:
    try:
        read_book(file)
    except BrokenPlans as error:
        return error.problems
    return ()
