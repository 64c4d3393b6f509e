"""The one ownership check. Whatever is looked up by an id that a caller sent is looked up through here."""

import re
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from causette.accounts.types import Caller, Owned
from causette.errors import NotFound

T = TypeVar("T", bound=Owned)

# As `causette.ids.new_id` makes them.
_PUBLIC_ID: Final = re.compile(r"[a-z][a-z0-9]{0,15}_[0-9A-Za-z]{22}")


async def owned(
    caller: Caller, public_id: str, load: Callable[[str], Awaitable[T | None]], *, what: str
) -> T:
    """The record called ``public_id``, if there is one and it is the caller's.

    Args:
        caller: Who asks.
        public_id: The id as it was sent; anything at all.
        load: Finds a record by its id, whoever owns it. It is never called with an id of the wrong shape.
        what: What a person calls such a thing, for the message: ``"conversation"``.

    Raises:
        NotFound: there is no such record, or it is somebody else's, or the id has no id's shape. The three
            cannot be told apart.
    """
    record = await load(public_id) if _PUBLIC_ID.fullmatch(public_id) else None
    if record is None or record.owner_id != caller.user.id:
        raise NotFound(f"There is no {what} with this id, or it is not yours.")
    return record
