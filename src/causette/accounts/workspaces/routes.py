"""``/api/workspaces`` and ``/api/workspace-invitations``."""

from datetime import datetime
from typing import Annotated, Final, Protocol

from fastapi import APIRouter, Request, status
from pydantic import BaseModel, ConfigDict, Field

from causette.accounts import letters
from causette.accounts.authentication import SignedInCaller, accounts_of
from causette.accounts.credentials.service import Credentials
from causette.accounts.credentials.sign_up import may_write_to
from causette.accounts.emails import parse_email
from causette.accounts.types import WorkspaceRole
from causette.accounts.visitors import locale_of, origin_of
from causette.accounts.workspaces.service import Workspaces
from causette.accounts.workspaces.types import Invited, InvitedRole, Membership
from causette.settings import Settings

# Bounds on what is read at all; what makes a good name or address is the service's to say.
_LONGEST_FIELD: Final = 1024
_Field = Annotated[str, Field(max_length=_LONGEST_FIELD)]


class House(Protocol):
    """As much of the application's state as letters need."""

    @property
    def credentials(self) -> Credentials: ...

    @property
    def settings(self) -> Settings: ...


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class WorkspaceBody(_Body):
    """What to call a workspace."""

    name: _Field


class WorkspacePatch(_Body):
    """Another name for a workspace."""

    name: _Field


class MemberPatch(_Body):
    """What to make of a member."""

    role: WorkspaceRole


class WorkspaceInvitationBody(_Body):
    """Whom to invite, and as what."""

    email: _Field
    role: InvitedRole = "member"


class InvitationTokenBody(_Body):
    """The token of an invitation's link."""

    token: _Field


class WorkspaceOut(BaseModel):
    """A workspace that one is in."""

    model_config = ConfigDict(title="Workspace")

    id: str
    name: str
    role: Annotated[WorkspaceRole, Field(description="What the caller is in it")]
    created_at: datetime

    @classmethod
    def of(cls, found: Membership) -> "WorkspaceOut":
        """The public form of a membership."""
        return cls(
            id=found.workspace.id,
            name=found.workspace.name,
            role=found.role,
            created_at=found.workspace.created_at,
        )


class WorkspaceList(BaseModel):
    """The workspaces that one is in."""

    items: list[WorkspaceOut]


class MemberOut(BaseModel):
    """Somebody in a workspace."""

    model_config = ConfigDict(from_attributes=True, title="WorkspaceMember")

    user_id: str
    name: str
    email: str
    role: WorkspaceRole
    joined_at: datetime


class MemberList(BaseModel):
    """Everybody in a workspace."""

    model_config = ConfigDict(title="WorkspaceMemberList")

    items: list[MemberOut]


class WorkspaceInvitationOut(BaseModel):
    """An invitation that nobody has answered yet."""

    model_config = ConfigDict(from_attributes=True, title="WorkspaceInvitation")

    id: str
    email: str
    role: InvitedRole
    invited_by: Annotated[str, Field(description="The inviter's user id")]
    created_at: datetime
    expires_at: datetime


class NewWorkspaceInvitationOut(WorkspaceInvitationOut):
    """A fresh invitation with its link, which is shown this once."""

    model_config = ConfigDict(from_attributes=True, title="NewWorkspaceInvitation")

    link: str


class WorkspaceInvitationList(BaseModel):
    """The open invitations to a workspace."""

    model_config = ConfigDict(title="WorkspaceInvitationList")

    items: list[WorkspaceInvitationOut]


class InvitedOut(BaseModel):
    """What an invitation says to whoever holds its link."""

    model_config = ConfigDict(title="InvitedToWorkspace")

    workspace_name: str
    role: InvitedRole
    inviter_name: str
    expires_at: datetime

    @classmethod
    def of(cls, invited: Invited) -> "InvitedOut":
        """The public form of ``invited``."""
        return cls(
            workspace_name=invited.workspace.name,
            role=invited.role,
            inviter_name=invited.inviter,
            expires_at=invited.expires_at,
        )


def _workspaces(request: Request) -> Workspaces:
    return accounts_of(request).workspaces


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api", tags=["workspaces"])

    @routes.get("/workspaces")
    async def list_workspaces(caller: SignedInCaller, request: Request) -> WorkspaceList:
        """The workspaces that one is in, the oldest first."""
        found = await _workspaces(request).list(caller)
        return WorkspaceList(items=[WorkspaceOut.of(item) for item in found])

    @routes.post("/workspaces", status_code=status.HTTP_201_CREATED)
    async def create_workspace(body: WorkspaceBody, caller: SignedInCaller, request: Request) -> WorkspaceOut:
        """Make a workspace, and be its owner."""
        return WorkspaceOut.of(await _workspaces(request).create(caller, name=body.name))

    @routes.get("/workspaces/{workspace_id}")
    async def get_workspace(workspace_id: str, caller: SignedInCaller, request: Request) -> WorkspaceOut:
        """One workspace, and what one is in it."""
        return WorkspaceOut.of(await _workspaces(request).get(caller, workspace_id))

    @routes.patch("/workspaces/{workspace_id}")
    async def rename_workspace(
        workspace_id: str, body: WorkspacePatch, caller: SignedInCaller, request: Request
    ) -> WorkspaceOut:
        """Give it another name (admins)."""
        return WorkspaceOut.of(await _workspaces(request).rename(caller, workspace_id, name=body.name))

    @routes.delete("/workspaces/{workspace_id}", status_code=status.HTTP_204_NO_CONTENT)
    async def delete_workspace(workspace_id: str, caller: SignedInCaller, request: Request) -> None:
        """Delete it with its members, invitations and keys (owners). What it has used stays in the books."""
        await _workspaces(request).delete(caller, workspace_id)

    @routes.get("/workspaces/{workspace_id}/members")
    async def list_members(workspace_id: str, caller: SignedInCaller, request: Request) -> MemberList:
        """Everybody in it, in the order in which they came."""
        found = await _workspaces(request).members(caller, workspace_id)
        return MemberList(items=[MemberOut.model_validate(item) for item in found])

    @routes.patch("/workspaces/{workspace_id}/members/{user_id}")
    async def change_member(
        workspace_id: str, user_id: str, body: MemberPatch, caller: SignedInCaller, request: Request
    ) -> MemberOut:
        """Make a member something else (admins; owners, where owners are concerned)."""
        changed = await _workspaces(request).change_role(caller, workspace_id, user_id, body.role)
        return MemberOut.model_validate(changed)

    @routes.delete("/workspaces/{workspace_id}/members/{user_id}", status_code=status.HTTP_204_NO_CONTENT)
    async def remove_member(
        workspace_id: str, user_id: str, caller: SignedInCaller, request: Request
    ) -> None:
        """Take somebody out (admins), or leave by one's own id."""
        await _workspaces(request).remove(caller, workspace_id, user_id)

    @routes.get("/workspaces/{workspace_id}/invitations")
    async def list_workspace_invitations(
        workspace_id: str, caller: SignedInCaller, request: Request
    ) -> WorkspaceInvitationList:
        """The open invitations to it (admins)."""
        found = await _workspaces(request).invitations(caller, workspace_id)
        return WorkspaceInvitationList(items=[WorkspaceInvitationOut.model_validate(item) for item in found])

    @routes.post("/workspaces/{workspace_id}/invitations", status_code=status.HTTP_201_CREATED)
    async def invite_to_workspace(
        workspace_id: str, body: WorkspaceInvitationBody, caller: SignedInCaller, request: Request
    ) -> NewWorkspaceInvitationOut:
        """Invite somebody by e-mail (admins). The answer holds the link as well, to be passed on without mail."""
        house: House = request.app.state.house
        accounts = accounts_of(request)
        workspace = (await accounts.workspaces.get(caller, workspace_id)).workspace
        made = await accounts.workspaces.invite(caller, workspace_id, email=body.email, role=body.role)
        link = f"{origin_of(request, house.settings)}/join?token={made.token}"
        # Anybody may invite, and the letter says what they like: beyond a few an hour there is the link only.
        if await may_write_to(accounts, parse_email(made.invitation.email)):
            house.credentials.mail.send(
                letters.write(
                    "workspace_invitation",
                    caller.user.locale or locale_of(request),
                    made.invitation.email,
                    link=link,
                    by=caller.user.name,
                    workspace=workspace.name,
                )
            )
        shown = WorkspaceInvitationOut.model_validate(made.invitation)
        return NewWorkspaceInvitationOut(**shown.model_dump(), link=link)

    @routes.delete(
        "/workspaces/{workspace_id}/invitations/{invitation_id}", status_code=status.HTTP_204_NO_CONTENT
    )
    async def revoke_workspace_invitation(
        workspace_id: str, invitation_id: str, caller: SignedInCaller, request: Request
    ) -> None:
        """Take an invitation back (admins)."""
        await _workspaces(request).revoke_invitation(caller, workspace_id, invitation_id)

    # The token is sent in bodies, never in paths: those are logged.

    @routes.post("/workspace-invitations/read")
    async def read_workspace_invitation(
        body: InvitationTokenBody, caller: SignedInCaller, request: Request
    ) -> InvitedOut:
        """What the invitation says."""
        return InvitedOut.of(await _workspaces(request).read_invitation(body.token))

    @routes.post("/workspace-invitations/accept")
    async def accept_workspace_invitation(
        body: InvitationTokenBody, caller: SignedInCaller, request: Request
    ) -> WorkspaceOut:
        """Join the workspace. The link is used up."""
        return WorkspaceOut.of(await _workspaces(request).accept(caller, body.token))

    @routes.post("/workspace-invitations/decline", status_code=status.HTTP_204_NO_CONTENT)
    async def decline_workspace_invitation(
        body: InvitationTokenBody, caller: SignedInCaller, request: Request
    ) -> None:
        """Do not join. The link is used up."""
        await _workspaces(request).decline(body.token)

    return routes
