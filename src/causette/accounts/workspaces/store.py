"""The tables of workspaces, and every query on them. Each function runs inside the caller's transaction."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.accounts.store import users
from causette.accounts.types import WorkspaceRole
from causette.accounts.workspaces.types import (
    Invitation,
    Invited,
    Member,
    Membership,
    Workspace,
    WorkspaceSummary,
)
from causette.db import Row, UtcDateTime, metadata

workspaces: Final = Table(
    "workspaces",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "created_at", "id"),
)

workspace_members: Final = Table(
    "workspace_members",
    metadata,
    Column("workspace_id", Text, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("role", Text, nullable=False),
    Column("joined_at", UtcDateTime, nullable=False),
    CheckConstraint("role IN ('owner', 'admin', 'member')", name="role"),
    Index(None, "user_id"),
)

workspace_invitations: Final = Table(
    "workspace_invitations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("workspace_id", Text, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("invited_by", Text, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    CheckConstraint("role IN ('admin', 'member')", name="role"),
    UniqueConstraint("workspace_id", "email_key"),
    Index(None, "invited_by"),
)

_WORKSPACE: Final = tuple(workspaces.c[name] for name in Workspace.__dataclass_fields__)
#: What somebody is in a workspace; `membership_in` reads a row of it.
MEMBERSHIP: Final = select(*_WORKSPACE, workspace_members.c.user_id, workspace_members.c.role).join_from(
    workspace_members, workspaces
)
_MEMBER: Final = select(
    workspace_members.c.workspace_id,
    workspace_members.c.user_id,
    users.c.name,
    users.c.email,
    workspace_members.c.role,
    workspace_members.c.joined_at,
).join_from(workspace_members, users)
_INVITATION: Final = tuple(workspace_invitations.c[name] for name in Invitation.__dataclass_fields__)


# Workspaces


async def insert_workspace(connection: AsyncConnection, workspace: Workspace) -> None:
    """Add a workspace."""
    values = {name: getattr(workspace, name) for name in Workspace.__dataclass_fields__}
    await connection.execute(insert(workspaces).values(**values))


async def lock_workspace(connection: AsyncConnection, workspace_id: str) -> None:
    """Let one transaction at a time change who is in a workspace, if there is such a workspace."""
    await connection.execute(select(workspaces.c.id).where(workspaces.c.id == workspace_id).with_for_update())


async def lock_workspaces_of(connection: AsyncConnection, user_id: str) -> None:
    """As `lock_workspace`, for all that one person is in."""
    theirs = select(workspace_members.c.workspace_id).where(workspace_members.c.user_id == user_id)
    await connection.execute(
        select(workspaces.c.id).where(workspaces.c.id.in_(theirs)).order_by(workspaces.c.id).with_for_update()
    )


async def rename_workspace(connection: AsyncConnection, workspace_id: str, name: str) -> None:
    """Give a workspace another name."""
    await connection.execute(update(workspaces).where(workspaces.c.id == workspace_id).values(name=name))


async def delete_workspace(connection: AsyncConnection, workspace_id: str) -> None:
    """Forget a workspace with its members, invitations and keys."""
    await connection.execute(delete(workspaces).where(workspaces.c.id == workspace_id))


async def workspaces_page(
    connection: AsyncConnection, *, containing: str, after: str, limit: int
) -> tuple[WorkspaceSummary, ...]:
    """Up to ``limit`` workspaces whose names hold ``containing``, in the order of their ids from after ``after``."""
    members = (
        select(func.count())
        .where(workspace_members.c.workspace_id == workspaces.c.id)
        .scalar_subquery()
        .label("members")
    )
    query = (
        select(*_WORKSPACE, members)
        .where(workspaces.c.id > after, workspaces.c.name.icontains(containing, autoescape=True))
        .order_by(workspaces.c.id)
        .limit(limit)
    )
    rows = (await connection.execute(query)).mappings()
    return tuple(WorkspaceSummary(workspace=_workspace(row), members=row["members"]) for row in rows)


# Members


async def add_member(
    connection: AsyncConnection, workspace_id: str, user_id: str, role: WorkspaceRole, *, at: datetime
) -> bool:
    """Add somebody; False when they are in already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = (
        dialect.insert(workspace_members)
        .values(workspace_id=workspace_id, user_id=user_id, role=role, joined_at=at)
        .on_conflict_do_nothing()
        .returning(workspace_members.c.user_id)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def addressee(connection: AsyncConnection, workspace_id: str) -> tuple[str, str] | None:
    """A workspace's name and the address of its first owner; None when there is no such workspace."""
    query = (
        select(workspaces.c.name, users.c.email)
        .join_from(workspaces, workspace_members)
        .join(users)
        .where(workspaces.c.id == workspace_id, workspace_members.c.role == "owner")
        .order_by(workspace_members.c.joined_at, users.c.id)
        .limit(1)
    )
    found = (await connection.execute(query)).one_or_none()
    return None if found is None else (found.name, found.email)


async def membership(connection: AsyncConnection, workspace_id: str, user_id: str) -> Membership | None:
    """What one person is in one workspace; None when they are not in it."""
    query = MEMBERSHIP.where(
        workspace_members.c.workspace_id == workspace_id, workspace_members.c.user_id == user_id
    )
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else membership_in(row)


async def memberships_of(connection: AsyncConnection, user_id: str) -> tuple[Membership, ...]:
    """All that one person is in, the oldest workspace first."""
    query = MEMBERSHIP.where(workspace_members.c.user_id == user_id).order_by(workspaces.c.id)
    return tuple(membership_in(row) for row in (await connection.execute(query)).mappings())


async def member(connection: AsyncConnection, workspace_id: str, user_id: str) -> Member | None:
    """One member, as the others see them."""
    query = _MEMBER.where(
        workspace_members.c.workspace_id == workspace_id, workspace_members.c.user_id == user_id
    )
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else Member(**row)


async def members_of(connection: AsyncConnection, workspace_id: str) -> tuple[Member, ...]:
    """Everybody in a workspace, in the order in which they came."""
    query = _MEMBER.where(workspace_members.c.workspace_id == workspace_id).order_by(
        workspace_members.c.joined_at, workspace_members.c.user_id
    )
    return tuple(Member(**row) for row in (await connection.execute(query)).mappings())


async def owners_in(connection: AsyncConnection, workspace_id: str) -> int:
    """How many owners a workspace has."""
    query = select(func.count()).where(
        workspace_members.c.workspace_id == workspace_id, workspace_members.c.role == "owner"
    )
    return (await connection.execute(query)).scalar_one()


async def owner_ids(connection: AsyncConnection, workspace_id: str) -> tuple[str, ...]:
    """Who owns a workspace; nobody when there is none of this id."""
    query = select(workspace_members.c.user_id).where(
        workspace_members.c.workspace_id == workspace_id, workspace_members.c.role == "owner"
    )
    return tuple((await connection.execute(query)).scalars())


async def led_alone(connection: AsyncConnection, user_id: str) -> tuple[WorkspaceSummary, ...]:
    """The workspaces that one person is the only owner of, with how many are in each."""
    members = func.count().label("members")
    owners = func.count().filter(workspace_members.c.role == "owner")
    theirs = select(workspace_members.c.workspace_id).where(
        workspace_members.c.user_id == user_id, workspace_members.c.role == "owner"
    )
    query = (
        select(*_WORKSPACE, members)
        .join_from(workspaces, workspace_members)
        .where(workspaces.c.id.in_(theirs))
        .group_by(workspaces.c.id)
        .having(owners == 1)
        .order_by(workspaces.c.id)
    )
    rows = (await connection.execute(query)).mappings()
    return tuple(WorkspaceSummary(workspace=_workspace(row), members=row["members"]) for row in rows)


async def set_member_role(
    connection: AsyncConnection, workspace_id: str, user_id: str, role: WorkspaceRole
) -> None:
    """Make a member something else."""
    await connection.execute(
        update(workspace_members)
        .where(workspace_members.c.workspace_id == workspace_id, workspace_members.c.user_id == user_id)
        .values(role=role)
    )


async def remove_member(connection: AsyncConnection, workspace_id: str, user_id: str) -> None:
    """Take somebody out of a workspace."""
    await connection.execute(
        delete(workspace_members).where(
            workspace_members.c.workspace_id == workspace_id, workspace_members.c.user_id == user_id
        )
    )


# Invitations


async def insert_invitation(
    connection: AsyncConnection, invitation: Invitation, *, email_key: str, token_hash: bytes
) -> None:
    """Add an invitation, in place of the one that the same address had to the same workspace."""
    same = (
        workspace_invitations.c.workspace_id == invitation.workspace_id,
        workspace_invitations.c.email_key == email_key,
    )
    await connection.execute(delete(workspace_invitations).where(*same))
    values: dict[str, Any] = {name: getattr(invitation, name) for name in Invitation.__dataclass_fields__}
    await connection.execute(
        insert(workspace_invitations).values(email_key=email_key, token_hash=token_hash, **values)
    )


async def forget_old_invitations(connection: AsyncConnection, workspace_id: str, *, at: datetime) -> None:
    """Drop the invitations to a workspace that are over at the instant ``at``."""
    await connection.execute(
        delete(workspace_invitations).where(
            workspace_invitations.c.workspace_id == workspace_id, workspace_invitations.c.expires_at <= at
        )
    )


async def invitations_to(
    connection: AsyncConnection, workspace_id: str, *, at: datetime
) -> tuple[Invitation, ...]:
    """The invitations to a workspace that are open at the instant ``at``, the oldest first."""
    query = (
        select(*_INVITATION)
        .where(workspace_invitations.c.workspace_id == workspace_id, workspace_invitations.c.expires_at > at)
        .order_by(workspace_invitations.c.created_at, workspace_invitations.c.id)
    )
    return tuple(Invitation(**row) for row in (await connection.execute(query)).mappings())


async def invitation(connection: AsyncConnection, invitation_id: str) -> Invitation | None:
    """One invitation, whoever it is from."""
    query = select(*_INVITATION).where(workspace_invitations.c.id == invitation_id)
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else Invitation(**row)


async def invited_by_token(connection: AsyncConnection, token_hash: bytes, *, at: datetime) -> Invited | None:
    """What the invitation with this token says, if it is open at the instant ``at``."""
    query = (
        select(
            *_WORKSPACE,
            workspace_invitations.c.role,
            workspace_invitations.c.expires_at,
            users.c.name.label("inviter"),
        )
        .join_from(workspace_invitations, workspaces)
        .join(users, users.c.id == workspace_invitations.c.invited_by)
        .where(workspace_invitations.c.token_hash == token_hash, workspace_invitations.c.expires_at > at)
    )
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        return None
    return Invited(
        workspace=_workspace(row), role=row["role"], inviter=row["inviter"], expires_at=row["expires_at"]
    )


async def take_invitation(
    connection: AsyncConnection, token_hash: bytes, *, at: datetime
) -> Invitation | None:
    """Use up the invitation with this token, if it is open at the instant ``at``. Of several, one gets it."""
    statement = (
        delete(workspace_invitations)
        .where(workspace_invitations.c.token_hash == token_hash, workspace_invitations.c.expires_at > at)
        .returning(*_INVITATION)
    )
    row = (await connection.execute(statement)).mappings().one_or_none()
    return None if row is None else Invitation(**row)


async def delete_invitation(connection: AsyncConnection, invitation_id: str) -> None:
    """Take an invitation back."""
    await connection.execute(delete(workspace_invitations).where(workspace_invitations.c.id == invitation_id))


async def delete_invitations_from(connection: AsyncConnection, workspace_id: str, user_id: str) -> None:
    """Take back what one person has invited others to a workspace by."""
    await connection.execute(
        delete(workspace_invitations).where(
            workspace_invitations.c.workspace_id == workspace_id,
            workspace_invitations.c.invited_by == user_id,
        )
    )


def _workspace(row: Row) -> Workspace:
    return Workspace(**{name: row[name] for name in Workspace.__dataclass_fields__})


def membership_in(row: Row) -> Membership:
    """The membership in a row of `MEMBERSHIP`."""
    return Membership(workspace=_workspace(row), user_id=row["user_id"], role=row["role"])
