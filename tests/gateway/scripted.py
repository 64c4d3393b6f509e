"""An engine that says what a test tells it to: a peer of the real ones, which implements their protocol."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from causette.engines.types import Completed, Delta, Embeddings, EmbedRequest, GenerateRequest, Usage


class ScriptedEngine:
    """Says ``items`` one after the other; an exception among them is raised, an event among them is waited for."""

    def __init__(
        self,
        *items: Delta | Completed | Exception | asyncio.Event,
        vectors: Sequence[Sequence[float]] | Exception = (),
        context: int = 4096,
    ) -> None:
        self._items = items
        self._vectors = vectors
        self.context = context
        self.requests: list[GenerateRequest | EmbedRequest] = []
        #: What `account` knows of broken-off requests.
        self.record: Completed | None = None
        #: Whether its deployment says that it keeps one of all of them.
        self.keeps_records = True
        #: Streams that are open now.
        self.open = 0

    async def generate(self, request: GenerateRequest) -> AsyncGenerator[Delta | Completed]:
        """See :class:`~causette.engines.types.Engine`."""
        self.requests.append(request)
        self.open += 1
        try:
            for item in self._items:
                if isinstance(item, Exception):
                    raise item
                if isinstance(item, asyncio.Event):
                    await item.wait()
                    continue
                yield item
        finally:
            self.open -= 1

    async def embed(self, request: EmbedRequest) -> Embeddings:
        """See :class:`~causette.engines.types.Engine`."""
        self.requests.append(request)
        if isinstance(self._vectors, Exception):
            raise self._vectors
        done = Completed(Usage(input_tokens=len(request.inputs)))
        return Embeddings(self._vectors, done.usage, done.compute)

    async def account(self, request_id: str) -> Completed | None:
        """See :class:`~causette.engines.types.Engine`."""
        return self.record

    async def ready(self) -> bool:
        """See :class:`~causette.engines.types.Engine`."""
        return True
