"""The one ownership check. Whatever is looked up by an id that a caller sent is looked up through here."""

import re
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from causette.accounts.types import Caller, Owned, WorkspaceRole
from causette.errors import Forbidden, NotFound

T = TypeVar("T", bound=Owned)

# As `causette.ids.new_id` makes them.
_PUBLIC_ID: Final = re.compile(r"[a-z][a-z0-9]{0,15}_[0-9A-Za-z]{22}")
# Who has a role may do what the roles after it may.
_RANKS: Final[dict[WorkspaceRole, int]] = {"owner": 2, "admin": 1, "member": 0}


async def owned(
    caller: Caller,
    public_id: str,
    load: Callable[[str], Awaitable[T | None]],
    *,
    what: str,
    role: WorkspaceRole | None = None,
) -> T:
    """The record called ``public_id``, if there is one and the caller may reach it.

    People reach what is their own, and what belongs to the workspace that they act for. A workspace's key reaches the
    workspace's only.

    Args:
        caller: Who asks.
        public_id: The id as it was sent; anything at all.
        load: Finds a record by its id, whoever owns it. It is never called with an id of the wrong shape.
        what: What a person calls such a thing, for the message: ``"conversation"``.
        role: What one must be in a workspace, or more, to do this to what belongs to it.

    Raises:
        NotFound: there is no such record, or it is somebody else's, or the id has no id's shape. The three
            cannot be told apart.
        Forbidden: it belongs to the caller's workspace, and takes a higher role in it.
    """
    record = await _loaded(public_id, load)
    if record is None or not _reaches(caller, record.owner_id):
        raise _not_found(what)
    if role is not None and record.owner_id == caller.workspace_id:
        require_role(caller.workspace_role, role)
    return record


async def owned_or_shared(
    caller: Caller,
    public_id: str,
    load: Callable[[str], Awaitable[T | None]],
    shared: Callable[[T], Awaitable[bool]],
    *,
    what: str,
) -> T:
    """As `owned`, for what the caller only reads: a record that its owner shares with them is found as well.

    Args:
        shared: Whether a record that is not the caller's is shared with them now.

    Raises:
        NotFound: as for `owned`; nor can what is not shared be told apart.
    """
    record = await _loaded(public_id, load)
    if record is None or not (_reaches(caller, record.owner_id) or await shared(record)):
        raise _not_found(what)
    return record


def require_role(held: WorkspaceRole | None, needed: WorkspaceRole) -> None:
    """Make sure that a member's role is ``needed`` or more.

    Raises:
        Forbidden: it is less (``insufficient_role``).
    """
    if held is None or _RANKS[held] < _RANKS[needed]:
        raise Forbidden(
            f"This takes the role {needed!r} in the workspace, and yours is {held!r}. Ask one of its owners.",
            code="insufficient_role",
        )


async def _loaded(public_id: str, load: Callable[[str], Awaitable[T | None]]) -> T | None:
    return await load(public_id) if _PUBLIC_ID.fullmatch(public_id) else None


def _not_found(what: str) -> NotFound:
    return NotFound(f"There is no {what} with this id, or it is not yours.")


def _reaches(caller: Caller, owner_id: str) -> bool:
    if owner_id == caller.workspace_id:
        return True
    return owner_id == caller.user.id and (caller.key_id is None or caller.workspace_id is None)
