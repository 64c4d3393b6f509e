"""Keeping, reading and forgetting what people say of themselves, and what models are told of it."""

import json
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import asdict, replace
from typing import Final, cast

import structlog

from causette.accounts.ownership import owned
from causette.accounts.types import Caller
from causette.assistant.generation.ended import Ended
from causette.assistant.generation.preface import Asking, Piece
from causette.assistant.memory import sayings
from causette.assistant.memory.remember import Remember
from causette.assistant.memory.store import MemoryStore
from causette.assistant.memory.types import Memory, MemoryOrigin
from causette.assistant.tools.types import Tool
from causette.assistant.types import EventType
from causette.clock import utc_now
from causette.db import Database
from causette.engines.types import ChatMessage, Delta, GenerateRequest, ResponseFormat, Sampling
from causette.errors import CausetteError, Conflict, InvalidRequest, NotFound
from causette.gateway.admission import Origin
from causette.gateway.service import Gateway
from causette.ids import new_id

_log = structlog.get_logger(__name__)

#: Memories of one person, and of these noticed in one conversation, at most.
MOST: Final = 500
MOST_NOTICED: Final = 5
_CHOICE_TOKENS: Final = 48
# Of what a model is told, in characters; beyond it, what has to do with the question comes first.
_TOLD: Final = 4_000
_CHOOSE: Final = (
    "A person said the sentences below. Choose those that tell a lasting fact about the person: name, home, work, "
    "family, health, tastes, skills, plans. Leave out what is only about today, and what they ask for. "
    'Answer with JSON only: {"lasting": [the numbers of those sentences]}, with an empty list for none.'
)


class Memories:
    """What is kept of people across their conversations.

    Args:
        database: where it is kept.
        gateway: the door to the models that choose what is worth keeping. The house asks on its own account, as for
            titles: nobody is charged.
    """

    def __init__(self, database: Database, gateway: Gateway) -> None:
        self._store = MemoryStore(database)
        self._gateway = gateway

    async def kept_of(self, caller: Caller) -> list[Memory]:
        """All that is kept of the caller, the newest first."""
        return (await self._store.memories(caller.user.id))[::-1]

    async def from_conversation(self, caller: Caller, conversation_id: str) -> list[Memory]:
        """What is kept of the caller from one conversation of theirs, which is known to be theirs."""
        found = await self._store.from_conversation(conversation_id)
        return [memory for memory in found if memory.owner_id == caller.user.id]

    async def is_on(self, caller: Caller) -> bool:
        """Whether anything is remembered of the caller, and told to models."""
        return await self._store.is_on(caller.user.id)

    async def turn(self, caller: Caller, *, on: bool) -> None:
        """Turn the caller's memory on or off. Off, what is kept stays in their list and is told to no model."""
        await self._store.turn(caller.user.id, on=on, at=utc_now())

    async def write(self, caller: Caller, text: str) -> Memory:
        """Keep what the caller writes in their list.

        Raises:
            InvalidRequest: the text is empty or too long.
            Conflict: it is kept already (``known``), or as much is kept as can be (``too_many_memories``).
        """
        kept = await self._keep(caller, [_checked(text)], "written")
        return kept[0]

    async def remember(
        self, caller: Caller, conversation_id: str, text: str, *, message_id: str | None = None
    ) -> Memory:
        """Keep what the caller asked for in a conversation.

        Raises:
            InvalidRequest: the text is empty, too long, or speaks of a secret (``secret``).
            Conflict: memory is off there (``memory_off``); or as for `write`.
        """
        text = _checked(text)
        if sayings.has_secret(text):
            raise InvalidRequest("Passwords, cards, accounts and keys are not remembered.", code="secret")
        if not await self._store.applies_in(caller.user.id, conversation_id):
            raise Conflict("Nothing is remembered in this conversation.", code="memory_off")
        kept = await self._keep(caller, [text], "asked", conversation_id, message_id)
        return kept[0]

    async def change(self, caller: Caller, memory_id: str, text: str) -> Memory:
        """Word a memory otherwise.

        Raises:
            NotFound: there is none with this id, or it is somebody else's.
            InvalidRequest: the text is empty or too long.
        """
        memory = await self._find(caller, memory_id)
        changed = await self._store.change(memory.id, _checked(text), utc_now())
        if changed is None:
            raise NotFound("This memory has been deleted.")
        return changed

    async def forget(self, caller: Caller, memory_id: str) -> None:
        """Delete one memory.

        Raises:
            NotFound: there is none with this id, or it is somebody else's.
        """
        await self._store.delete((await self._find(caller, memory_id)).id)

    async def forget_all(self, caller: Caller) -> None:
        """Delete all that is kept of the caller."""
        await self._store.delete_all(caller.user.id)

    async def preface(self, asking: Asking) -> Sequence[Piece]:
        """What is kept of the reader, for a model: what has to do with the question first, where it is much."""
        user_id = asking.caller.user.id
        if not await self._store.applies_in(user_id, asking.conversation_id):
            return ()
        kept = await self._store.memories(user_id)
        if not kept:
            return ()
        if sum(len(memory.text) for memory in kept) > _TOLD:
            wanted = sayings.meaning(asking.question)
            # Of those that have as much to do with it, the newest.
            kept.reverse()
            kept.sort(key=lambda memory: len(wanted & sayings.meaning(memory.text)), reverse=True)
        lines: list[str] = []
        room = _TOLD
        for memory in kept:
            room -= len(memory.text)
            if room < 0:
                break
            lines.append(f"- {memory.text}")
        return (Piece("memory", "What the person told you in earlier conversations:\n" + "\n".join(lines)),)

    async def tools(self, caller: Caller) -> Sequence[Tool]:
        """The tool by which models that call tools remember what they are asked to."""
        return (Remember(self.remember),) if await self.is_on(caller) else ()

    async def notice(self, ended: Ended) -> tuple[EventType, dict[str, object]] | None:
        """Keep what the message that was answered says of its author and is worth it; how much that is.

        What they ask to remember is kept as they say it. Of other sentences about themselves the conversation's model
        chooses; where there is none, no model is asked.
        """
        question = ended.branch[-1] if ended.branch else None
        if question is None or question.role != "user":
            return None
        asked, said = sayings.asked_for(question.content), sayings.of_oneself(question.content)
        caller, conversation_id = ended.caller, ended.generation.conversation_id
        if not (asked or said) or not await self._store.applies_in(caller.user.id, conversation_id):
            return None
        place = (conversation_id, question.id)
        kept = await self._try_to_keep(caller, asked, "asked", *place)
        known = [sayings.meaning(memory.text) for memory in await self._store.memories(caller.user.id)]
        fresh = [sentence for sentence in said if not sayings.is_known(sentence, known)]
        before = await self._store.from_conversation(conversation_id)
        room = MOST_NOTICED - sum(memory.origin == "noticed" for memory in before)
        if fresh and room > 0:
            chosen = await self._chosen(ended, fresh)
            kept += await self._try_to_keep(caller, chosen[:room], "noticed", *place)
        return (EventType.MEMORY, {"v": 1, "count": len(kept)}) if kept else None

    async def personal_data(self, caller: Caller) -> dict[str, object]:
        """The caller's memories and whether they are on, under the key ``memory``: for an export."""
        kept = await self._store.memories(caller.user.id)
        return {"memory": {"enabled": await self.is_on(caller), "memories": [asdict(each) for each in kept]}}

    async def _find(self, caller: Caller, memory_id: str) -> Memory:
        return await owned(caller, memory_id, self._store.memory, what="memory")

    async def _chosen(self, ended: Ended, sentences: Sequence[str]) -> list[str]:
        """Those of ``sentences`` that the model takes for lasting; none where it cannot say."""
        numbers = list(range(1, len(sentences) + 1))
        choice = {"type": "array", "items": {"enum": numbers}, "maxItems": len(numbers)}
        schema: dict[str, object] = {
            "type": "object",
            "properties": {"lasting": choice},
            "required": ["lasting"],
            "additionalProperties": False,
        }
        request = GenerateRequest(
            id=f"{ended.generation.id}-memory",
            model=ended.generation.model,
            prompt=(
                ChatMessage("system", _CHOOSE),
                ChatMessage(
                    "user", "\n".join(f"{number}. {said}" for number, said in enumerate(sentences, 1))
                ),
            ),
            sampling=Sampling(
                max_tokens=_CHOICE_TOKENS, temperature=0.0, response_format=ResponseFormat(schema, "choice")
            ),
            effort="off",
        )
        answer = ""
        try:
            origin = Origin(surface="assistant", purpose="memory")
            async with aclosing(self._gateway.generate(ended.caller, request, origin)) as stream:
                async for item in stream:
                    answer += item.text if isinstance(item, Delta) else ""
        except CausetteError as error:
            _log.info("nothing noticed", generation=ended.generation.id, code=error.code)
            return []
        return [sentences[number - 1] for number in _numbers(answer) if number in numbers]

    async def _try_to_keep(
        self,
        caller: Caller,
        texts: Sequence[str],
        origin: MemoryOrigin,
        conversation_id: str,
        message_id: str,
    ) -> list[Memory]:
        try:
            return await self._keep(caller, texts, origin, conversation_id, message_id) if texts else []
        except Conflict:
            return []

    async def _keep(
        self,
        caller: Caller,
        texts: Sequence[str],
        origin: MemoryOrigin,
        conversation_id: str | None = None,
        message_id: str | None = None,
    ) -> list[Memory]:
        """Keep what is new of ``texts``: one at least, or Conflict."""
        now = utc_now()
        blank = Memory(
            id="",
            owner_id=caller.user.id,
            text="",
            origin=origin,
            conversation_id=conversation_id,
            conversation_title=None,
            message_id=message_id,
            created_at=now,
            updated_at=now,
        )
        fresh = [replace(blank, id=new_id("mem"), text=text) for text in texts]
        full = False

        def new(kept: list[Memory]) -> list[Memory]:
            nonlocal full
            known = [sayings.meaning(memory.text) for memory in kept]
            taken: list[Memory] = []
            for memory in fresh:
                full = len(known) >= MOST
                if not full and not sayings.is_known(memory.text, known):
                    taken.append(memory)
                    known.append(sayings.meaning(memory.text))
            return taken

        taken = await self._store.add(fresh, new)
        if not taken:
            raise (
                Conflict(f"{MOST} memories are kept, and no more. Delete some.", code="too_many_memories")
                if full
                else Conflict("This is remembered already.", code="known")
            )
        return taken


def _numbers(answer: str) -> list[int]:
    try:
        read = json.loads(answer)
    except ValueError:
        return []
    chosen = cast("dict[str, object]", read).get("lasting") if isinstance(read, dict) else None
    numbers = cast("list[object]", chosen) if isinstance(chosen, list) else []
    return list(dict.fromkeys(number for number in numbers if isinstance(number, int)))


def _checked(text: str) -> str:
    # PostgreSQL's text cannot hold a NUL, and no one means it.
    text = " ".join(text.replace("\0", "").split())
    if not text:
        raise InvalidRequest("There is nothing to remember. Write something.", param="text")
    if len(text) > sayings.LONGEST:
        raise InvalidRequest(
            f"The text has {len(text):,} characters; at most {sayings.LONGEST:,} are kept. Shorten it.",
            param="text",
        )
    return text
