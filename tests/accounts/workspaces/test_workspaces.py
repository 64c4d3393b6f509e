import asyncio
from datetime import timedelta

import pytest
import pytest_asyncio

from causette.accounts import Accounts, Caller
from causette.accounts.credentials.leaving import Leaving
from causette.accounts.tokens import new_token
from causette.accounts.types import WorkspaceRole
from causette.accounts.workspaces import store
from causette.accounts.workspaces.service import INVITATION_LIFETIME
from causette.accounts.workspaces.types import InvitedRole
from causette.db import Database
from causette.errors import Conflict, Forbidden, InvalidRequest, NotFound
from causette.ids import new_id
from tests.accounts.conftest import PASSWORD, Clock


@pytest_asyncio.fixture
async def carol(accounts: Accounts) -> Caller:
    return Caller(user=await accounts.create_user(name="Carol", email="carol@example.org", password=PASSWORD))


@pytest_asyncio.fixture
async def engines(accounts: Accounts, ada: Caller) -> str:
    """A workspace that Ada owns."""
    return (await accounts.workspaces.create(ada, name="Engines")).workspace.id


async def join(
    accounts: Accounts, owner: Caller, workspace: str, caller: Caller, role: WorkspaceRole = "member"
) -> None:
    asked: InvitedRole = "member" if role == "owner" else role
    made = await accounts.workspaces.invite(owner, workspace, email=caller.user.email, role=asked)
    await accounts.workspaces.accept(caller, made.token)
    if role == "owner":
        await accounts.workspaces.change_role(owner, workspace, caller.user.id, "owner")


async def roles(accounts: Accounts, caller: Caller, workspace: str) -> dict[str, str]:
    return {member.name: member.role for member in await accounts.workspaces.members(caller, workspace)}


async def test_who_makes_a_workspace_owns_it(accounts: Accounts, ada: Caller, engines: str) -> None:
    (found,) = await accounts.workspaces.list(ada)
    assert (found.workspace.id, found.workspace.name, found.role) == (engines, "Engines", "owner")
    assert await roles(accounts, ada, engines) == {"Ada": "owner"}


async def test_a_workspace_has_a_name(accounts: Accounts, ada: Caller, engines: str) -> None:
    for refused in (
        accounts.workspaces.create(ada, name=" "),
        accounts.workspaces.rename(ada, engines, name=""),
    ):
        with pytest.raises(InvalidRequest) as refusal:
            await refused
        assert refusal.value.param == "name"
    assert (await accounts.workspaces.rename(ada, engines, name="Looms")).workspace.name == "Looms"
    assert (await accounts.workspaces.get(ada, engines)).workspace.name == "Looms"


async def test_a_stranger_can_tell_a_workspace_from_none_by_nothing(
    accounts: Accounts, ada: Caller, bob: Caller, engines: str
) -> None:
    spaces = accounts.workspaces
    invited = (await spaces.invite(ada, engines, email="dan@example.org", role="member")).invitation
    refusals: set[str] = set()
    for workspace in (engines, new_id("ws"), "x\x00", "'; DROP TABLE workspaces"):
        for asked in (
            spaces.get(bob, workspace),
            spaces.acting(bob, workspace),
            spaces.rename(bob, workspace, name="Taken"),
            spaces.delete(bob, workspace),
            spaces.members(bob, workspace),
            spaces.change_role(bob, workspace, ada.user.id, "member"),
            spaces.remove(bob, workspace, ada.user.id),
            spaces.remove(bob, workspace, bob.user.id),
            spaces.invite(bob, workspace, email="eve@example.org", role="admin"),
            spaces.invitations(bob, workspace),
            spaces.revoke_invitation(bob, workspace, invited.id),
        ):
            with pytest.raises(NotFound) as refusal:
                await asked
            refusals.add(refusal.value.message)
    assert len(refusals) == 1
    assert await roles(accounts, ada, engines) == {"Ada": "owner"}
    assert await spaces.invitations(ada, engines) == (invited,)


async def test_a_member_uses_and_an_admin_manages(
    accounts: Accounts, ada: Caller, bob: Caller, carol: Caller, engines: str
) -> None:
    spaces = accounts.workspaces
    await join(accounts, ada, engines, bob)
    await join(accounts, ada, engines, carol)
    assert await roles(accounts, bob, engines) == {"Ada": "owner", "Bob": "member", "Carol": "member"}
    for asked in (
        spaces.rename(bob, engines, name="Bob's"),
        spaces.delete(bob, engines),
        spaces.change_role(bob, engines, bob.user.id, "admin"),
        spaces.remove(bob, engines, carol.user.id),
        spaces.invite(bob, engines, email="eve@example.org", role="member"),
        spaces.invitations(bob, engines),
    ):
        with pytest.raises(Forbidden) as refusal:
            await asked
        assert refusal.value.code == "insufficient_role"
    await spaces.change_role(ada, engines, bob.user.id, "admin")
    await spaces.change_role(bob, engines, carol.user.id, "admin")
    await spaces.remove(bob, engines, carol.user.id)
    for asked in (
        spaces.delete(bob, engines),
        spaces.change_role(bob, engines, bob.user.id, "owner"),
        spaces.change_role(bob, engines, ada.user.id, "member"),
        spaces.remove(bob, engines, ada.user.id),
    ):
        with pytest.raises(Forbidden):
            await asked
    assert await roles(accounts, ada, engines) == {"Ada": "owner", "Bob": "admin"}


async def test_the_last_owner_stays(accounts: Accounts, ada: Caller, bob: Caller, engines: str) -> None:
    spaces = accounts.workspaces
    await join(accounts, ada, engines, bob, "admin")
    for asked in (
        spaces.remove(ada, engines, ada.user.id),
        spaces.change_role(ada, engines, ada.user.id, "admin"),
    ):
        with pytest.raises(Conflict) as refusal:
            await asked
        assert refusal.value.code == "last_owner"
    await spaces.change_role(ada, engines, bob.user.id, "owner")
    await spaces.remove(ada, engines, ada.user.id)
    assert await roles(accounts, bob, engines) == {"Bob": "owner"}
    with pytest.raises(NotFound):
        await spaces.get(ada, engines)


async def test_of_two_owners_who_leave_at_once_one_stays(
    accounts: Accounts, elsewhere: Accounts, ada: Caller, bob: Caller, engines: str
) -> None:
    await join(accounts, ada, engines, bob, "owner")
    ends = await asyncio.gather(
        accounts.workspaces.remove(ada, engines, ada.user.id),
        elsewhere.workspaces.remove(bob, engines, bob.user.id),
        return_exceptions=True,
    )
    assert sorted(type(end).__name__ for end in ends) == ["Conflict", "NoneType"]


async def test_who_deletes_their_account_waits_for_another_owner_who_is_just_leaving(
    accounts: Accounts,
    database: Database,
    database_url: str,
    ada: Caller,
    bob: Caller,
    carol: Caller,
    engines: str,
    clock: Clock,
) -> None:
    await join(accounts, ada, engines, bob, "owner")
    await join(accounts, ada, engines, carol)
    leaving = Leaving(database, accounts, now=clock)
    async with Database.from_url(database_url) as elsewhere, elsewhere.write() as connection:
        await store.lock_workspace(connection, engines)
        await store.remove_member(connection, engines, bob.user.id)
        deleting = asyncio.create_task(leaving.delete_account(ada, password=PASSWORD))
        ended, _ = await asyncio.wait({deleting}, timeout=0.5)
        assert not ended
    with pytest.raises(Conflict) as refusal:
        await deleting
    assert refusal.value.code == "last_owner"
    assert await roles(accounts, carol, engines) == {"Ada": "owner", "Carol": "member"}


async def test_an_invitation_is_answered_once(
    accounts: Accounts, ada: Caller, bob: Caller, carol: Caller, engines: str
) -> None:
    spaces = accounts.workspaces
    made = await spaces.invite(ada, engines, email="bob@example.org", role="admin")
    said = await spaces.read_invitation(made.token)
    assert (said.workspace.name, said.role, said.inviter) == ("Engines", "admin", "Ada")
    ends = await asyncio.gather(
        spaces.accept(bob, made.token), spaces.accept(carol, made.token), return_exceptions=True
    )
    assert sorted(type(end).__name__ for end in ends) == ["Membership", "NotFound"]
    assert await spaces.invitations(ada, engines) == ()


async def test_who_is_in_already_does_not_use_an_invitation_up(
    accounts: Accounts, ada: Caller, bob: Caller, engines: str
) -> None:
    made = await accounts.workspaces.invite(ada, engines, email="bob@example.org", role="member")
    with pytest.raises(Conflict) as refusal:
        await accounts.workspaces.accept(ada, made.token)
    assert refusal.value.code == "already_member"
    assert (await accounts.workspaces.accept(bob, made.token)).role == "member"
    assert await roles(accounts, ada, engines) == {"Ada": "owner", "Bob": "member"}


async def test_an_invitation_that_is_over_is_like_one_that_never_was(
    accounts: Accounts, ada: Caller, bob: Caller, engines: str, clock: Clock
) -> None:
    spaces = accounts.workspaces
    taken_back = await spaces.invite(ada, engines, email="a@example.org", role="member")
    await spaces.revoke_invitation(ada, engines, taken_back.invitation.id)
    declined = await spaces.invite(ada, engines, email="b@example.org", role="member")
    await spaces.decline(declined.token)
    replaced = await spaces.invite(ada, engines, email="C@example.org", role="member")
    good = await spaces.invite(ada, engines, email="c@example.org", role="member")
    clock.turn(INVITATION_LIFETIME - timedelta(seconds=1))
    assert await spaces.invitations(ada, engines) == (good.invitation,)
    assert (await spaces.read_invitation(good.token)).workspace.id == engines
    clock.turn(timedelta(seconds=1))
    refusals: set[str] = set()
    for token in (taken_back.token, declined.token, replaced.token, good.token, new_token(), "", "\x00"):
        for asked in (spaces.read_invitation(token), spaces.accept(bob, token), spaces.decline(token)):
            with pytest.raises(NotFound) as refusal:
                await asked
            refusals.add(refusal.value.message)
    assert len(refusals) == 1
    assert await spaces.invitations(ada, engines) == ()


async def test_an_invitation_says_nothing_of_who_has_an_account(
    accounts: Accounts, ada: Caller, bob: Caller, engines: str
) -> None:
    known = await accounts.workspaces.invite(ada, engines, email=bob.user.email, role="member")
    unknown = await accounts.workspaces.invite(ada, engines, email="eve@example.org", role="member")
    for made in (known, unknown):
        assert {type(getattr(made.invitation, name)) for name in ("id", "email", "invited_by")} == {str}
        assert made.invitation.invited_by == ada.user.id


async def test_what_somebody_invited_by_goes_with_their_right_to(
    accounts: Accounts, ada: Caller, bob: Caller, carol: Caller, engines: str
) -> None:
    spaces = accounts.workspaces
    await join(accounts, ada, engines, bob, "admin")
    first = await spaces.invite(bob, engines, email="carol@example.org", role="admin")
    await spaces.change_role(ada, engines, bob.user.id, "member")
    await spaces.change_role(ada, engines, bob.user.id, "admin")
    second = await spaces.invite(bob, engines, email="carol@example.org", role="admin")
    await spaces.remove(ada, engines, bob.user.id)
    for token in (first.token, second.token):
        with pytest.raises(NotFound):
            await spaces.accept(carol, token)


async def test_only_so_many_invitations_are_open(
    accounts: Accounts, ada: Caller, engines: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("causette.accounts.workspaces.service._MOST_OPEN_INVITATIONS", 2)
    for name in ("a", "b"):
        await accounts.workspaces.invite(ada, engines, email=f"{name}@example.org", role="member")
    with pytest.raises(Conflict) as refusal:
        await accounts.workspaces.invite(ada, engines, email="c@example.org", role="member")
    assert refusal.value.code == "too_many_invitations"


async def test_a_workspace_goes_with_its_members_invitations_and_keys(
    accounts: Accounts, ada: Caller, bob: Caller, engines: str
) -> None:
    spaces = accounts.workspaces
    await join(accounts, ada, engines, bob)
    made = await spaces.invite(ada, engines, email="dan@example.org", role="member")
    key = await accounts.keys.create(await spaces.acting(bob, engines), name="shared")
    await spaces.delete(ada, engines)
    assert await spaces.list(ada) == await spaces.list(bob) == ()
    assert await accounts.keys.caller(key.secret) is None
    with pytest.raises(NotFound):
        await spaces.accept(bob, made.token)


async def test_who_runs_the_house_sees_all_workspaces_page_by_page(
    accounts: Accounts, ada: Caller, bob: Caller, engines: str
) -> None:
    spaces = accounts.workspaces
    await join(accounts, ada, engines, bob)
    other = (await spaces.create(bob, name="100% looms")).workspace.id
    (first,) = await spaces.list_all(limit=1)
    (second,) = await spaces.list_all(after=first.workspace.id)
    assert {first.workspace.id: first.members, second.workspace.id: second.members} == {engines: 2, other: 1}
    assert [found.workspace.id for found in await spaces.list_all(containing="0% LOOMS")] == [other]
    assert await spaces.list_all(containing="engines_") == ()


async def test_an_account_leaves_no_workspace_of_others_without_an_owner(
    accounts: Accounts, database: Database, ada: Caller, bob: Caller, engines: str, clock: Clock
) -> None:
    alone = (await accounts.workspaces.create(ada, name="Alone")).workspace.id
    await join(accounts, ada, engines, bob)
    leaving = Leaving(database, accounts, now=clock)
    with pytest.raises(Conflict) as refusal:
        await leaving.delete_account(ada, password=PASSWORD)
    assert (refusal.value.code, "Engines" in refusal.value.message) == ("last_owner", True)
    await accounts.workspaces.change_role(ada, engines, bob.user.id, "owner")
    await leaving.delete_account(ada, password=PASSWORD)
    assert await roles(accounts, bob, engines) == {"Bob": "owner"}
    assert alone not in {found.workspace.id for found in await accounts.workspaces.list_all()}
