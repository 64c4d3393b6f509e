"""Workspaces, who is in them and who is invited, as plain data."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from causette.accounts.types import WorkspaceRole

#: What somebody can be invited as. Owners are made of members, by an owner.
InvitedRole = Literal["admin", "member"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """People who share keys, limits and a bill."""

    id: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """What one person is in one workspace."""

    workspace: Workspace
    user_id: str
    role: WorkspaceRole

    @property
    def owner_id(self) -> str:
        """A membership is the member's."""
        return self.user_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One person of a workspace, as the others see them."""

    workspace_id: str
    user_id: str
    name: str
    email: str
    role: WorkspaceRole
    joined_at: datetime

    @property
    def owner_id(self) -> str:
        """Who is in a workspace is the workspace's matter."""
        return self.workspace_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """An invitation that nobody has answered yet."""

    id: str
    workspace_id: str
    email: str
    role: InvitedRole
    invited_by: str
    created_at: datetime
    expires_at: datetime

    @property
    def owner_id(self) -> str:
        """An invitation is the workspace's."""
        return self.workspace_id


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInvitation:
    """A fresh invitation. ``token`` is what its link holds; only a digest of it is kept."""

    invitation: Invitation
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """What an invitation says to whoever holds its link."""

    workspace: Workspace
    role: InvitedRole
    inviter: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceSummary:
    """A workspace as who runs the house sees it."""

    workspace: Workspace
    members: int
