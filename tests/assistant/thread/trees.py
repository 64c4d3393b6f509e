"""Trees of messages made at once, for what would take long to say."""

from collections.abc import Sequence

import sqlalchemy as sa

from causette.accounts import Caller
from causette.assistant.tables import conversations, messages
from causette.clock import utc_now
from causette.db import Database
from causette.ids import new_id


async def planted(
    database: Database,
    owner: Caller,
    parents: Sequence[int | None],
    *,
    shown: int | None = -1,
    content: str = "Word",
) -> tuple[str, list[str]]:
    """A conversation of a message for each of ``parents``, which are places in the same list; its id and theirs."""
    conversation, ids = new_id("conv"), [new_id("msg") for _ in parents]
    now = utc_now()
    depths: list[int] = []
    rows: list[dict[str, object]] = []
    for number, parent in enumerate(parents):
        depths.append(0 if parent is None else depths[parent] + 1)
        role = "assistant" if depths[-1] % 2 else "user"
        row: dict[str, object] = {"id": ids[number], "conversation_id": conversation, "role": role}
        row |= {"parent_id": None if parent is None else ids[parent], "content": f"{content} {number}"}
        rows.append(row | {"model": "scripted", "status": "complete", "created_at": now})
    head: dict[str, object] = {
        "id": conversation,
        "owner_id": owner.user.id,
        "title": "Planted",
        "title_is_given": True,
    }
    head |= {"model": "scripted", "created_at": now, "updated_at": now}
    head["current_message_id"] = None if shown is None else ids[shown]
    async with database.write() as connection:
        await connection.execute(sa.insert(conversations).values(**head))
        if rows:
            await connection.execute(sa.insert(messages), rows)
    return conversation, ids


def straight(count: int) -> list[int | None]:
    """The parents of a conversation without forks."""
    return [None, *range(count - 1)]
