"""Asking an engine, and what it answered, in the words of tests."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from causette.engines.supervisor import EmbeddedEngine
from causette.engines.types import (
    ChatMessage,
    Completed,
    Delta,
    Engine,
    FinishReason,
    GenerateRequest,
    Sampling,
    TokenLogprob,
)
from causette.engines.wire import EngineStats
from causette.errors import Unavailable
from causette.ids import new_id
from tests.waiting import eventually

_PLAIN: dict[str, object] = {"temperature": 0.0, "repetition_penalty": 1.0, "max_tokens": 16}


def asking(
    prompt: str | Sequence[ChatMessage],
    *,
    raw: bool = False,
    n: int = 1,
    continue_reply: bool = False,
    **sampling: object,
) -> GenerateRequest:
    """A request: a question to chat about, several turns, or with ``raw`` a text to continue as it stands.

    Unless told otherwise, the likeliest token is taken each time and nothing is penalised: the same request gets
    the same reply, whatever a deployment's own defaults are.
    """
    turns = (ChatMessage("user", prompt),) if isinstance(prompt, str) else tuple(prompt)
    assert not raw or isinstance(prompt, str)
    return GenerateRequest(
        id=new_id("test"),
        model="default",
        prompt=prompt if raw and isinstance(prompt, str) else turns,
        sampling=Sampling(**(_PLAIN | sampling)),  # type: ignore[arg-type]
        n=n,
        continue_reply=continue_reply,
    )


@dataclass
class Reply:
    """Everything an engine said to one request."""

    deltas: list[Delta] = field(default_factory=list)
    account: Completed | None = None

    @property
    def completed(self) -> Completed:
        assert self.account is not None
        return self.account

    @property
    def text(self) -> str:
        return self.text_of(0)

    def text_of(self, index: int) -> str:
        return "".join(delta.text for delta in self.deltas if delta.index == index)

    @property
    def logprobs(self) -> list[TokenLogprob]:
        return [token for delta in self.deltas for token in delta.logprobs]

    @property
    def finish_reasons(self) -> dict[int, list[FinishReason]]:
        """By choice: all that were given, of which there should be one, on its last delta."""
        found: dict[int, list[FinishReason]] = {}
        for delta in self.deltas:
            assert not found.get(delta.index), "a delta came after its choice had ended"
            found.setdefault(delta.index, [])
            if delta.finish_reason:
                found[delta.index].append(delta.finish_reason)
        return found


async def ask(engine: Engine, prompt: str | Sequence[ChatMessage], **how: object) -> Reply:
    """The whole reply to ``asking(prompt, **how)``."""
    return await answer(engine, asking(prompt, **how))  # type: ignore[arg-type]


async def answer(engine: Engine, request: GenerateRequest) -> Reply:
    """The whole reply to ``request``. Its account comes last, and only once."""
    reply = Reply()
    async with aclosing(engine.generate(request)) as items:
        async for item in items:
            assert reply.account is None
            if isinstance(item, Completed):
                reply.account = item
            else:
                reply.deltas.append(item)
    assert reply.account is not None
    return reply


async def stats_of(engine: EmbeddedEngine) -> EngineStats:
    """What the engine says of itself, however long it takes to: a step of a long prompt is one breath."""

    async def answered() -> EngineStats | None:
        try:
            return await engine.stats()
        except Unavailable:
            return None

    stats = await eventually(answered, "the engine to say how it is", seconds=60)
    assert stats is not None
    return stats
