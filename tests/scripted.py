"""An engine that says what a test tells it to: a peer of the real ones, which speaks the same protocol."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from causette.engines.types import (
    ChatMessage,
    Completed,
    Compute,
    Delta,
    Embeddings,
    EmbedRequest,
    FinishReason,
    GenerateRequest,
    ToolCallPiece,
    Usage,
)
from causette.gateway import Deployment, Deployments

_END = object()


@dataclass(slots=True)
class Call:
    """One request to the engine, and what it is answered; the test is the model."""

    request: GenerateRequest
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    _items: "asyncio.Queue[str | BaseException | FinishReason | object]" = field(
        default_factory=asyncio.Queue
    )

    @property
    def turns(self) -> list[tuple[str, str]]:
        assert not isinstance(self.request.prompt, str)
        return [(turn.role, turn.content) for turn in self.request.prompt]

    def say(self, *pieces: str) -> None:
        """Send pieces of text."""
        for piece in pieces:
            self._items.put_nowait(piece)

    def think(self, *pieces: str) -> None:
        """Send pieces of what is thought before the answer."""
        for piece in pieces:
            self._items.put_nowait(Delta(reasoning=piece))

    def call(self, name: str, arguments: str, *, index: int = 0) -> None:
        """Ask for a tool, in two pieces as servers do."""
        half = len(arguments) // 2
        first = ToolCallPiece(index, f"call_{index}", name, arguments[:half])
        self._items.put_nowait(Delta(tool_calls=(first,)))
        self._items.put_nowait(Delta(tool_calls=(ToolCallPiece(index, "", "", arguments[half:]),)))

    def sample(self, index: int, text: str) -> None:
        """One of several answers."""
        self._items.put_nowait(Delta(index=index, text=text))

    def end(self) -> None:
        """The reply is whole."""
        self._items.put_nowait(_END)

    def fail(self, error: BaseException) -> None:
        """The engine is lost, or refuses."""
        self._items.put_nowait(error)

    async def items(self) -> AsyncGenerator[Delta | Completed]:
        made = 0
        try:
            while True:
                item = await self._items.get()
                if isinstance(item, BaseException):
                    raise item
                if item is _END:
                    yield Delta(finish_reason="stop")
                    yield Completed(Usage(7, 3, made), Compute(1000 * made, 10))
                    return
                made += 1
                if isinstance(item, Delta):
                    yield item
                    continue
                yield Delta(text=str(item), output_tokens=made)
        finally:
            self.closed.set()


class ScriptedEngine:
    """Hands every request to the test, unless there is an ``answer`` to all of them.

    Titles are answered with ``title`` at once, what is worth remembering with ``lasting``; they are not handed over.
    """

    def __init__(self, *, context: int = 2048) -> None:
        self.context = context
        self.answer: str | None = None
        self.title = ""
        self.title_prompts: list[Sequence[ChatMessage] | str] = []
        self.lasting = ""
        self.memory_prompts: list[Sequence[ChatMessage] | str] = []
        self.requests: list[GenerateRequest] = []
        self._calls: asyncio.Queue[Call] = asyncio.Queue()

    async def called(self) -> Call:
        """The next request that is not for a title; waits for it."""
        return await asyncio.wait_for(self._calls.get(), 10)

    async def generate(self, request: GenerateRequest) -> AsyncGenerator[Delta | Completed]:
        if request.id.endswith("-title"):
            self.title_prompts.append(request.prompt)
            yield Delta(text=self.title, finish_reason="stop")
            yield Completed(Usage(5, 0, 2))
            return
        if request.id.endswith("-memory"):
            self.memory_prompts.append(request.prompt)
            yield Delta(text=self.lasting, finish_reason="stop")
            yield Completed(Usage(5, 0, 2))
            return
        call = Call(request)
        self.requests.append(request)
        if self.answer is None:
            self._calls.put_nowait(call)
        else:
            call.say(self.answer)
            call.end()
        async for item in call.items():
            yield item

    async def embed(self, request: EmbedRequest) -> Embeddings:
        return Embeddings([[1.0, 0.0] for _ in request.inputs], Usage(len(request.inputs)), Compute())

    async def account(self, request_id: str) -> Completed | None:
        return None

    async def ready(self) -> bool:
        return True


def deployments_of(text: ScriptedEngine, *, embedding: ScriptedEngine | None = None) -> Deployments:
    """Scripted engines under the names that a house has, and one more."""
    deployments = [
        Deployment(name="scripted", kind="text", engine=text, title="Scripted", aliases=("default",)),
        Deployment(name="other", kind="text", engine=text, title="Other"),
        Deployment(
            name="caller", kind="text", engine=text, title="Calls tools", calls_tools=True, thinks=True
        ),
    ]
    if embedding is not None:
        deployments.append(
            Deployment(
                name="vectors", kind="embedding", engine=embedding, title="Vectors", aliases=("embedding",)
            )
        )
    return Deployments(deployments)
