"""The directory's queries, across the tables of people, workspaces and keys."""

from sqlalchemy import select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.accounts.keys.store import api_keys
from causette.accounts.store import users
from causette.accounts.workspaces.store import workspaces
from causette.accounts.workspaces.types import Workspace


async def names_of(connection: AsyncConnection, ids: tuple[str, ...]) -> dict[str, str]:
    """What people call whoever and whatever has these ids: people by their addresses."""
    query = union_all(
        select(users.c.id, users.c.email.label("name")).where(users.c.id.in_(ids)),
        select(workspaces.c.id, workspaces.c.name).where(workspaces.c.id.in_(ids)),
        select(api_keys.c.id, api_keys.c.name).where(api_keys.c.id.in_(ids)),
    )
    return {row.id: row.name for row in await connection.execute(query)}


async def workspace_by_id(connection: AsyncConnection, workspace_id: str) -> Workspace | None:
    """One workspace, whoever is in it."""
    columns = (workspaces.c[name] for name in Workspace.__dataclass_fields__)
    row = (
        (await connection.execute(select(*columns).where(workspaces.c.id == workspace_id)))
        .mappings()
        .one_or_none()
    )
    return None if row is None else Workspace(**row)
