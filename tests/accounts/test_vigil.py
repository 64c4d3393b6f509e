"""What is open ends when its session does, whichever process ends it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import timedelta

import pytest
from sqlalchemy import delete, event

from causette.accounts import Accounts, Caller
from causette.accounts.service import SESSION_LIFETIME
from causette.accounts.store import users
from causette.db import Database
from tests.accounts.conftest import PASSWORD, Clock

End = Callable[[Accounts, Caller], Awaitable[None]]


async def signed_in(accounts: Accounts, email: str = "ada@example.org") -> Caller:
    fresh = await accounts.sign_in(email, PASSWORD, address="192.0.2.1")
    caller = await accounts.session_caller(fresh.token)
    assert caller is not None
    return caller


async def is_over(accounts: Accounts, caller: Caller, end: End, ended_in: Accounts) -> bool:
    """Whether a watch begun in ``accounts`` is over within a second of what another process does."""
    with accounts.vigil.watch(caller) as watch:
        await end(ended_in, caller)
        try:
            async with asyncio.timeout(1):
                while not watch.over:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            return False
    return True


async def revoke(accounts: Accounts, caller: Caller) -> None:
    assert caller.session_id is not None
    await accounts.revoke_session(caller, caller.session_id)


async def disable(accounts: Accounts, caller: Caller) -> None:
    await accounts.disable_user(caller.user.id)


async def delete_account(accounts: Accounts, caller: Caller) -> None:
    async with accounts._database.write() as connection:
        await connection.execute(delete(users).where(users.c.id == caller.user.id))


@pytest.mark.parametrize("end", [revoke, disable, delete_account])
@pytest.mark.usefixtures("ada")
async def test_a_watch_is_over_within_a_second_of_the_end_in_another_process(
    accounts: Accounts, elsewhere: Accounts, end: End
) -> None:
    assert await is_over(accounts, await signed_in(accounts), end, elsewhere)


@pytest.mark.usefixtures("ada")
async def test_a_watch_is_over_when_the_session_expires(accounts: Accounts, clock: Clock) -> None:
    async def wait(_: Accounts, __: Caller) -> None:
        clock.turn(SESSION_LIFETIME + timedelta(seconds=1))

    assert await is_over(accounts, await signed_in(accounts), wait, accounts)


@pytest.mark.usefixtures("ada")
async def test_a_watch_is_over_for_who_is_taken_out_of_the_workspace_they_act_for(
    accounts: Accounts, elsewhere: Accounts, bob: Caller
) -> None:
    workspace = (await accounts.workspaces.create(bob, name="Engines")).workspace.id
    invited = await accounts.workspaces.invite(bob, workspace, email="ada@example.org", role="member")
    ada = await signed_in(accounts)
    await accounts.workspaces.accept(ada, invited.token)

    async def remove(process: Accounts, caller: Caller) -> None:
        await process.workspaces.remove(bob, workspace, caller.user.id)

    assert await is_over(accounts, await accounts.workspaces.acting(ada, workspace), remove, elsewhere)


@pytest.mark.usefixtures("ada", "bob")
async def test_others_go_on(accounts: Accounts, elsewhere: Accounts) -> None:
    ada, again, bob = (
        await signed_in(accounts),
        await signed_in(accounts),
        await signed_in(accounts, "bob@example.org"),
    )
    with accounts.vigil.watch(again) as hers, accounts.vigil.watch(bob) as his:
        assert await is_over(accounts, ada, revoke, elsewhere)
        assert not hers.over and not his.over


@pytest.mark.usefixtures("ada")
async def test_all_that_is_open_is_looked_after_by_one_query(accounts: Accounts, database: Database) -> None:
    statements: list[str] = []
    reader = database._engines.reader.sync_engine
    callers = [await signed_in(accounts) for _ in range(20)]
    event.listen(reader, "before_cursor_execute", lambda *seen: statements.append(seen[2]))
    with ExitStack() as watches:
        for caller in callers:
            watches.enter_context(accounts.vigil.watch(caller))
        await accounts.vigil._look_at(tuple(accounts.vigil._watches))
    assert len([statement for statement in statements if "FROM sessions" in statement]) == 1
