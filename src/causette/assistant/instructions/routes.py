"""``/api/instructions``."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Protocol

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from causette.accounts.authentication import SignedInCaller
from causette.assistant.instructions.service import LONGEST, CustomInstructions
from causette.assistant.instructions.types import Instructions

# Longer ones are refused with the reason; this bound only keeps what is read small.
_Text = Annotated[str, Field(max_length=100_000)]


class House(Protocol):
    """As much of the application's state as these routes need."""

    @property
    def instructions(self) -> CustomInstructions: ...


def _instructions(request: Request) -> CustomInstructions:
    house: House = request.app.state.house
    return house.instructions


class InstructionsPatch(BaseModel):
    """What to change of them; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    about: _Text | None = None
    answers: _Text | None = None
    enabled: bool | None = None


class InstructionsOut(BaseModel):
    """What one tells every model: about oneself, and how it is to answer."""

    model_config = ConfigDict(title="Instructions")

    about: str
    answers: str
    enabled: Annotated[bool, Field(description="Off keeps the texts, and tells them to no model")]
    updated_at: datetime | None
    longest: Annotated[int, Field(description="Characters that each text may have")]

    @classmethod
    def of(cls, instructions: Instructions) -> "InstructionsOut":
        """As it is sent."""
        return cls(**asdict(instructions), longest=LONGEST)


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api/instructions", tags=["personalisation"])

    @routes.get("")
    async def get_instructions(caller: SignedInCaller, request: Request) -> InstructionsOut:
        """One's custom instructions."""
        return InstructionsOut.of(await _instructions(request).of(caller))

    @routes.patch("")
    async def change_instructions(
        body: InstructionsPatch, caller: SignedInCaller, request: Request
    ) -> InstructionsOut:
        """Write them, or turn them on and off."""
        changed = await _instructions(request).change(
            caller, about=body.about, answers=body.answers, enabled=body.enabled
        )
        return InstructionsOut.of(changed)

    return routes
