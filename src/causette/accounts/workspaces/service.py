"""Workspaces: making them, and who is in them as what."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from causette.accounts import tokens
from causette.accounts.emails import parse_email
from causette.accounts.keys.store import revoke_keys_of_member
from causette.accounts.names import checked_name
from causette.accounts.ownership import owned, require_role
from causette.accounts.types import Caller, Tie, WorkspaceRole
from causette.accounts.workspaces import store
from causette.accounts.workspaces.types import (
    Invitation,
    Invited,
    InvitedRole,
    Member,
    Membership,
    NewInvitation,
    Workspace,
    WorkspaceSummary,
)
from causette.db import Database
from causette.errors import Conflict, NotFound
from causette.ids import new_id

#: So long is the link of an invitation good.
INVITATION_LIFETIME: Final = timedelta(days=7)

# Each may send a letter to somebody who did not ask for it.
_MOST_OPEN_INVITATIONS: Final = 100


class Workspaces:
    """Workspaces, their members and their invitations, kept in ``database``.

    A *member* uses a workspace, an *admin* also says who is in it, an *owner* also says who is owner, and may delete
    it. There is always an owner.
    """

    def __init__(self, database: Database, now: Callable[[], datetime], ties: Sequence[Tie] = ()) -> None:
        self._database = database
        self._now = now
        self._ties = ties

    async def create(self, caller: Caller, *, name: str) -> Membership:
        """Make a workspace that the caller owns.

        Raises:
            InvalidRequest: the name is refused.
        """
        workspace = Workspace(id=new_id("ws"), name=checked_name(name), created_at=self._now())
        async with self._database.write() as connection:
            await store.insert_workspace(connection, workspace)
            await store.add_member(connection, workspace.id, caller.user.id, "owner", at=workspace.created_at)
        return Membership(workspace=workspace, user_id=caller.user.id, role="owner")

    async def list(self, caller: Caller) -> tuple[Membership, ...]:
        """The workspaces that the caller is in, the oldest first."""
        async with self._database.read() as connection:
            return await store.memberships_of(connection, caller.user.id)

    async def list_all(
        self, *, containing: str = "", after: str = "", limit: int = 50
    ) -> tuple[WorkspaceSummary, ...]:
        """Everybody's workspaces with how many are in each, page by page: for who runs the house, not for callers.

        Args:
            containing: What their names hold, in capitals or not.
            after: The id of the last one of the page before.
            limit: How many at most.
        """
        async with self._database.read() as connection:
            return await store.workspaces_page(connection, containing=containing, after=after, limit=limit)

    async def get(self, caller: Caller, workspace_id: str) -> Membership:
        """One workspace that the caller is in, and as what.

        Raises:
            NotFound: there is no such workspace, or the caller is not in it.
        """
        async with self._database.read() as connection:
            return await _membership(connection, caller, workspace_id)

    async def acting(self, caller: Caller, workspace_id: str) -> Caller:
        """``caller``, acting for a workspace.

        Raises:
            NotFound: there is no such workspace, or the caller is not in it.
        """
        async with self._database.read() as connection:
            return _acting(caller, await _membership(connection, caller, workspace_id))

    async def rename(self, caller: Caller, workspace_id: str, *, name: str) -> Membership:
        """Give a workspace another name.

        Raises:
            NotFound: the caller is not in it.
            Forbidden: the caller is no admin (``insufficient_role``).
            InvalidRequest: the name is refused.
        """
        name = checked_name(name)
        async with self._database.write() as connection:
            found = await _membership(connection, caller, workspace_id, role="admin")
            await store.rename_workspace(connection, workspace_id, name)
        return replace(found, workspace=replace(found.workspace, name=name))

    async def delete(self, caller: Caller, workspace_id: str) -> None:
        """Delete a workspace with its members, invitations and keys. What it has used stays in the books.

        Raises:
            NotFound: the caller is not in it.
            Forbidden: the caller is no owner (``insufficient_role``).
            Conflict: another room still has something running for it.
        """
        if (await self.get(caller, workspace_id)).role == "owner":
            for tie in self._ties:
                await tie(workspace_id)
        async with self._database.write() as connection:
            await _membership(connection, caller, workspace_id, role="owner")
            await store.delete_workspace(connection, workspace_id)

    # Members

    async def members(self, caller: Caller, workspace_id: str) -> tuple[Member, ...]:
        """Everybody in a workspace, in the order in which they came.

        Raises:
            NotFound: the caller is not in it.
        """
        async with self._database.read() as connection:
            await _membership(connection, caller, workspace_id)
            return await store.members_of(connection, workspace_id)

    async def change_role(
        self, caller: Caller, workspace_id: str, user_id: str, role: WorkspaceRole
    ) -> Member:
        """Make a member something else. Who becomes a plain member takes back what they have invited by.

        Raises:
            NotFound: the caller is not in the workspace, or nobody with this id is.
            Forbidden: the caller is no admin; or no owner, and an owner is made or unmade (``insufficient_role``).
            Conflict: there would be no owner left (``last_owner``).
        """
        async with self._database.write() as connection:
            acting, found = await _member(connection, caller, workspace_id, user_id)
            require_role(acting.workspace_role, "owner" if "owner" in {found.role, role} else "admin")
            if found.role == "owner" and role != "owner":
                await _keep_an_owner(connection, workspace_id)
            await store.set_member_role(connection, workspace_id, user_id, role)
            if role == "member":
                await store.delete_invitations_from(connection, workspace_id, user_id)
        return replace(found, role=role)

    async def remove(self, caller: Caller, workspace_id: str, user_id: str) -> None:
        """Take somebody out of a workspace, or leave it oneself. Their keys for it and invitations to it end at once.

        Raises:
            NotFound: the caller is not in the workspace, or nobody with this id is.
            Forbidden: it is somebody else, and the caller is no admin; or an owner, and the caller is none
                (``insufficient_role``).
            Conflict: there would be no owner left (``last_owner``).
        """
        async with self._database.write() as connection:
            acting, found = await _member(connection, caller, workspace_id, user_id)
            if user_id != caller.user.id:
                require_role(acting.workspace_role, "owner" if found.role == "owner" else "admin")
            if found.role == "owner":
                await _keep_an_owner(connection, workspace_id)
            await store.remove_member(connection, workspace_id, user_id)
            await store.delete_invitations_from(connection, workspace_id, user_id)
            await revoke_keys_of_member(connection, workspace_id, user_id, at=self._now())

    # Invitations

    async def invite(
        self, caller: Caller, workspace_id: str, *, email: str, role: InvitedRole
    ) -> NewInvitation:
        """Invite whoever holds the link that is to be made of the token, within 7 days.

        Another invitation of the same address takes the place of the first. Whether somebody has an account with
        the address is neither looked up nor said.

        Raises:
            NotFound: the caller is not in the workspace.
            Forbidden: the caller is no admin (``insufficient_role``).
            InvalidRequest: ``email`` has no address's shape.
            Conflict: too many invitations are open (``too_many_invitations``).
        """
        parsed, token, now = parse_email(email), tokens.new_token(), self._now()
        async with self._database.write() as connection:
            await _membership(connection, caller, workspace_id, role="admin")
            await store.forget_old_invitations(connection, workspace_id, at=now)
            if len(await store.invitations_to(connection, workspace_id, at=now)) >= _MOST_OPEN_INVITATIONS:
                raise Conflict(
                    f"{_MOST_OPEN_INVITATIONS} invitations to this workspace are open. Take some of them back first.",
                    code="too_many_invitations",
                )
            invitation = Invitation(
                id=new_id("winv"),
                workspace_id=workspace_id,
                email=parsed.address,
                role=role,
                invited_by=caller.user.id,
                created_at=now,
                expires_at=now + INVITATION_LIFETIME,
            )
            await store.insert_invitation(
                connection, invitation, email_key=parsed.key, token_hash=tokens.digest(token)
            )
        return NewInvitation(invitation=invitation, token=token)

    async def invitations(self, caller: Caller, workspace_id: str) -> tuple[Invitation, ...]:
        """The open invitations to a workspace, the oldest first.

        Raises:
            NotFound: the caller is not in it.
            Forbidden: the caller is no admin (``insufficient_role``).
        """
        async with self._database.read() as connection:
            require_role((await _membership(connection, caller, workspace_id)).role, "admin")
            return await store.invitations_to(connection, workspace_id, at=self._now())

    async def revoke_invitation(self, caller: Caller, workspace_id: str, invitation_id: str) -> None:
        """Take an invitation back.

        Raises:
            NotFound: the caller is not in the workspace, or it has no such invitation.
            Forbidden: the caller is no admin (``insufficient_role``).
        """
        async with self._database.write() as connection:
            acting = _acting(caller, await _membership(connection, caller, workspace_id))

            async def load(public_id: str) -> Invitation | None:
                return await store.invitation(connection, public_id)

            found = await owned(acting, invitation_id, load, what="invitation", role="admin")
            await store.delete_invitation(connection, found.id)

    async def read_invitation(self, token: str) -> Invited:
        """What the invitation with this token says.

        Raises:
            NotFound: there is none, or it is over, taken back or answered (``invitation_not_found``).
        """
        async with self._database.read() as connection:
            found = await store.invited_by_token(connection, _digest(token), at=self._now())
        if found is None:
            raise _no_such_invitation()
        return found

    async def accept(self, caller: Caller, token: str) -> Membership:
        """Join a workspace by the token of an invitation, which is then used up.

        Raises:
            NotFound: there is none, or it is over, taken back or answered (``invitation_not_found``).
            Conflict: the caller is in the workspace (``already_member``); the invitation stays good.
        """
        now = self._now()
        async with self._database.write() as connection:
            invitation = await store.take_invitation(connection, _digest(token), at=now)
            if invitation is None:
                raise _no_such_invitation()
            joined = await store.add_member(
                connection, invitation.workspace_id, caller.user.id, invitation.role, at=now
            )
            if not joined:
                raise Conflict("You are in this workspace already.", code="already_member")
            return await _membership(connection, caller, invitation.workspace_id)

    async def decline(self, token: str) -> None:
        """Use up the invitation with this token without joining.

        Raises:
            NotFound: there is none, or it is over, taken back or answered (``invitation_not_found``).
        """
        async with self._database.write() as connection:
            if await store.take_invitation(connection, _digest(token), at=self._now()) is None:
                raise _no_such_invitation()


async def _membership(
    connection: AsyncConnection, caller: Caller, workspace_id: str, *, role: WorkspaceRole | None = None
) -> Membership:
    """The caller's membership. With a ``role`` that it takes, for changes, nobody else changes it meanwhile."""

    async def load(public_id: str) -> Membership | None:
        if role is not None:
            await store.lock_workspace(connection, public_id)
        return await store.membership(connection, public_id, caller.user.id)

    found = await owned(caller, workspace_id, load, what="workspace")
    if role is not None:
        require_role(found.role, role)
    return found


async def _member(
    connection: AsyncConnection, caller: Caller, workspace_id: str, user_id: str
) -> tuple[Caller, Member]:
    """The caller as they act for the workspace, and another member or the caller."""
    acting = _acting(caller, await _membership(connection, caller, workspace_id, role="member"))

    async def load(public_id: str) -> Member | None:
        return await store.member(connection, workspace_id, public_id)

    return acting, await owned(acting, user_id, load, what="member")


def _acting(caller: Caller, membership: Membership) -> Caller:
    return replace(caller, workspace_id=membership.workspace.id, workspace_role=membership.role)


async def _keep_an_owner(connection: AsyncConnection, workspace_id: str) -> None:
    if await store.owners_in(connection, workspace_id) == 1:
        raise Conflict(
            "This is the workspace's only owner. Make another member owner first, or delete the workspace.",
            code="last_owner",
        )


def _digest(token: str) -> bytes:
    return tokens.digest(token) if tokens.is_token(token) else b""


def _no_such_invitation() -> NotFound:
    return NotFound(
        "This invitation has been answered or taken back, is over, or never was one. Ask for another.",
        code="invitation_not_found",
    )
