"""Thumbs of somebody who agrees that models learn from them."""

import sqlalchemy as sa

from causette.accounts import Accounts
from causette.accounts.passwords import Passwords
from causette.assistant.feedback.store import feedback, training_consents
from causette.assistant.tables import conversations, messages
from causette.clock import utc_now
from causette.db import Database
from causette.ids import new_id


async def thumbs(url: str, count: int) -> None:
    """Have Bob agree, and say of so many replies more that they are good or bad."""
    async with Database.from_url(url) as database:
        accounts = Accounts(database, passwords=Passwords(memory_kib=64, passes=1))
        bob = await accounts.find_user("bob@example.org")
        assert bob is not None
        consent, now = new_id("cons"), utc_now()
        agreed = {"id": consent, "owner_id": bob.id, "version": "2026-11", "given": True, "answered_at": now}
        async with database.write() as connection:
            await connection.execute(sa.insert(training_consents).values(**agreed, withdrawn_at=None))
            for number in range(count):
                talk, asked, reply = new_id("conv"), new_id("msg"), new_id("msg")
                head = {"id": talk, "owner_id": bob.id, "title": "Tea", "title_is_given": True}
                head |= {"model": "tiny", "created_at": now, "updated_at": now, "current_message_id": reply}
                await connection.execute(sa.insert(conversations).values(**head))
                rows = [
                    {"id": asked, "role": "user", "content": f"What of tea {number}?", "parent_id": None},
                    {"id": reply, "role": "assistant", "content": "tea is old", "parent_id": asked},
                ]
                common = {"conversation_id": talk, "status": "complete", "created_at": now, "model": "tiny"}
                await connection.execute(sa.insert(messages), [row | common for row in rows])
                said = {"id": new_id("fb"), "owner_id": bob.id, "conversation_id": talk, "kind": "rating"}
                said |= {
                    "message_id": reply,
                    "other_id": None,
                    "subject": reply,
                    "reasons": [],
                    "comment": "",
                }
                said |= {"rating": "up" if number % 2 else "down", "consent_id": consent}
                await connection.execute(sa.insert(feedback).values(**said, created_at=now, updated_at=now))
        await accounts.close()
