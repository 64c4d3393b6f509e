"""Vectors by way of the gateway: for a document's passages, a few at once, and for a question, while its reader waits.

It stands in the books under whoever's document or question it is, with what it took, and is charged to nobody: it is
the house's own way of finding things, as titles are, and must not use up the messages that somebody has left.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import structlog

from causette.accounts.types import Caller
from causette.assistant.knowledge.vectors import Vectors, mean_of, windows_of
from causette.engines.types import EmbedRequest
from causette.errors import CausetteError, InvalidRequest, NotFound
from causette.gateway.admission import Origin
from causette.gateway.service import Gateway
from causette.ids import new_id

_log = structlog.get_logger(__name__)

_ORIGIN: Final = Origin(surface="assistant", purpose="knowledge")
# Who has asked something waits for the passages; without vectors the words alone decide.
_QUESTION_SECONDS: Final = 4.0
_SHORTEST_WINDOW: Final = 50


@dataclass(frozen=True, slots=True)
class Embedder:
    """The model that is deployed as ``embedding``."""

    gateway: Gateway

    @property
    def model(self) -> str | None:
        """Its name; None where none is deployed."""
        try:
            return self.gateway.deployments.find("embedding", "embedding").name
        except (NotFound, InvalidRequest):
            return None

    async def question(self, caller: Caller, text: str) -> Vectors | None:
        """A question's vector; None when there is none in time."""
        if self.model is None:
            return None
        try:
            async with asyncio.timeout(_QUESTION_SECONDS):
                return mean_of((await self.passages(caller, [(text, "")]))[0])
        except (CausetteError, TimeoutError) as error:
            reason = error.code if isinstance(error, CausetteError) else "timeout"
            _log.info("passages are looked for without vectors", code=reason)
            return None

    async def passages(self, caller: Caller, passages: Sequence[tuple[str, str]]) -> list[Vectors]:
        """The vectors of the windows of ``passages``, each its text and the headings above it.

        Raises:
            CausetteError: see `Gateway.embed`.
        """
        room: int | None = None
        while True:
            cut = [
                windows_of(text, headings) if room is None else windows_of(text, headings[:room], room=room)
                for text, headings in passages
            ]
            request = EmbedRequest(
                id=new_id("emb"),
                model="embedding",
                inputs=tuple(window for windows in cut for window in windows),
            )
            try:
                answer = await self.gateway.embed(caller, request, _ORIGIN)
            except InvalidRequest as error:
                # A writing of which a few characters are many tokens: shorter windows do.
                longest = max(map(len, request.inputs))
                if error.code != "context_length_exceeded" or longest <= _SHORTEST_WINDOW:
                    raise
                room = max(_SHORTEST_WINDOW // 2, longest // 4)
                continue
            vectors = iter(answer.vectors)
            return [np.array([next(vectors) for _ in windows], np.float32) for windows in cut]
