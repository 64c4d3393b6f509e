"""``/api/memories``, and what is kept from one conversation."""

from datetime import datetime
from typing import Annotated, Protocol

from fastapi import APIRouter, Request, status
from pydantic import BaseModel, ConfigDict, Field

from causette.accounts.authentication import SignedInCaller
from causette.assistant.memory.sayings import LONGEST
from causette.assistant.memory.service import MOST, Memories
from causette.assistant.memory.types import MemoryOrigin
from causette.assistant.service import Assistant

# Longer ones are refused with the reason; this bound only keeps what is read small.
_Text = Annotated[str, Field(max_length=100_000)]


class House(Protocol):
    """As much of the application's state as these routes need."""

    @property
    def memories(self) -> Memories: ...
    @property
    def assistant(self) -> Assistant: ...


def _house(request: Request) -> House:
    return request.app.state.house


class MemoryBody(BaseModel):
    """Something to keep, in one's own words."""

    model_config = ConfigDict(extra="forbid")

    text: _Text


class MemoryPatch(BaseModel):
    """Whether anything is remembered, and told to models."""

    model_config = ConfigDict(extra="forbid")

    enabled: bool


class MemoryOut(BaseModel):
    """Something that is kept of a person."""

    model_config = ConfigDict(from_attributes=True, title="Memory")

    id: str
    text: str
    origin: MemoryOrigin
    conversation_id: Annotated[str | None, Field(description="Where it was said, while there is that")]
    conversation_title: str | None
    message_id: str | None
    created_at: datetime
    updated_at: datetime


class MemoryList(BaseModel):
    """All that is kept of a person."""

    items: list[MemoryOut]
    enabled: Annotated[bool, Field(description="Off keeps the list, and tells it to no model")]
    longest: Annotated[int, Field(description="Characters that a memory may have")]
    most: Annotated[int, Field(description="Memories that are kept")]


class MemoriesOfConversation(BaseModel):
    """What is kept from one conversation."""

    items: list[MemoryOut]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api", tags=["personalisation"])

    @routes.get("/memories")
    async def list_memories(caller: SignedInCaller, request: Request) -> MemoryList:
        """All that is kept of one, the newest first."""
        room = _house(request).memories
        return MemoryList(
            items=[MemoryOut.model_validate(memory) for memory in await room.kept_of(caller)],
            enabled=await room.is_on(caller),
            longest=LONGEST,
            most=MOST,
        )

    @routes.patch("/memories")
    async def turn_memory(body: MemoryPatch, caller: SignedInCaller, request: Request) -> MemoryList:
        """Turn memory on or off."""
        await _house(request).memories.turn(caller, on=body.enabled)
        return await list_memories(caller, request)

    @routes.post("/memories", status_code=status.HTTP_201_CREATED)
    async def write_memory(body: MemoryBody, caller: SignedInCaller, request: Request) -> MemoryOut:
        """Keep something in one's own words."""
        return MemoryOut.model_validate(await _house(request).memories.write(caller, body.text))

    @routes.delete("/memories", status_code=status.HTTP_204_NO_CONTENT)
    async def forget_all(caller: SignedInCaller, request: Request) -> None:
        """Forget all of it."""
        await _house(request).memories.forget_all(caller)

    @routes.patch("/memories/{memory_id}")
    async def change_memory(
        memory_id: str, body: MemoryBody, caller: SignedInCaller, request: Request
    ) -> MemoryOut:
        """Word it otherwise."""
        return MemoryOut.model_validate(await _house(request).memories.change(caller, memory_id, body.text))

    @routes.delete("/memories/{memory_id}", status_code=status.HTTP_204_NO_CONTENT)
    async def forget(memory_id: str, caller: SignedInCaller, request: Request) -> None:
        """Forget it."""
        await _house(request).memories.forget(caller, memory_id)

    @routes.get("/conversations/{conversation_id}/memories")
    async def conversation_memories(
        conversation_id: str, caller: SignedInCaller, request: Request
    ) -> MemoriesOfConversation:
        """What is kept from one conversation."""
        house = _house(request)
        conversation = await house.assistant.find(caller, conversation_id)
        found = await house.memories.from_conversation(caller, conversation.id)
        return MemoriesOfConversation(items=[MemoryOut.model_validate(memory) for memory in found])

    return routes
