"""Reading and writing custom instructions, and what they tell a model."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from causette.accounts.types import Caller
from causette.assistant.generation.preface import Asking, Piece
from causette.assistant.instructions.store import InstructionsStore
from causette.assistant.instructions.types import Instructions
from causette.clock import utc_now
from causette.db import Database
from causette.errors import InvalidRequest

#: Characters of each text. Both together leave a context of 4,096 tokens most of its room.
LONGEST: Final = 1_500


class CustomInstructions:
    """Custom instructions, kept in ``database``."""

    def __init__(self, database: Database) -> None:
        self._store = InstructionsStore(database)

    async def of(self, caller: Caller) -> Instructions:
        """The caller's; empty and on until they write some."""
        return await self._store.of(caller.user.id) or Instructions()

    async def change(
        self,
        caller: Caller,
        *,
        about: str | None = None,
        answers: str | None = None,
        enabled: bool | None = None,
    ) -> Instructions:
        """Change what is not None. Replies that are begun from now on read it.

        Raises:
            InvalidRequest: a text is too long.
        """
        changes: dict[str, object] = {"updated_at": utc_now()}
        if about is not None:
            changes["about"] = _checked(about, "about")
        if answers is not None:
            changes["answers"] = _checked(answers, "answers")
        if enabled is not None:
            changes["enabled"] = enabled
        return await self._store.change(caller.user.id, changes)

    async def preface(self, asking: Asking) -> Sequence[Piece]:
        """What the reader tells a model before a conversation."""
        kept = await self.of(asking.caller)
        if not kept.enabled:
            return ()
        parts = (
            ("What the person you talk with says about themselves:", kept.about),
            ("How they want you to answer:", kept.answers),
        )
        said = "\n\n".join(f"{head}\n{text}" for head, text in parts if text)
        return (Piece("custom", said),) if said else ()

    async def personal_data(self, caller: Caller) -> dict[str, object]:
        """The caller's, under the key ``custom_instructions``: for an export."""
        kept = await self._store.of(caller.user.id)
        return {"custom_instructions": None if kept is None else asdict(kept)}


def _checked(text: str, field: str) -> str:
    # PostgreSQL's text cannot hold a NUL, and no one means it.
    text = text.replace("\0", "").strip()
    if len(text) > LONGEST:
        raise InvalidRequest(
            f"The text has {len(text):,} characters; at most {LONGEST:,} are taken. Shorten it.", param=field
        )
    return text
