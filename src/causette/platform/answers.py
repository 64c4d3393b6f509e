"""What ``/v1`` answers: streams and whole answers, in OpenAI's shapes, from the engines' deltas."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

import msgspec

from causette.engines.types import Completed, Delta, FinishReason, TokenLogprob, Usage
from causette.engines.wire import WireChoice, WireLogprobs, WireMessage, WireTokenLogprob, WireUsage
from causette.errors import CausetteError
from causette.gateway.service import Item
from causette.platform.errors import error_body

Items = AsyncGenerator[Item]

_encode: Final = msgspec.json.Encoder().encode
_DONE: Final = b"data: [DONE]\n\n"


class _Chunk(msgspec.Struct):
    """A streamed chunk."""

    id: str
    object: str
    created: int
    model: str
    system_fingerprint: str | None
    choices: list[WireChoice]


class _UsageChunk(_Chunk):
    """The chunk that closes a stream whose client asked for usage."""

    usage: WireUsage


class Shape:
    """What tells chat completions from plain ones."""

    def __init__(self, *, chat: bool, answer_id: str, created: int, model: str) -> None:
        self.chat = chat
        self.id = answer_id
        self.created = created
        self.model = model
        #: What tells the version that answers from others; known once it begins.
        self.fingerprint: str | None = None

    @property
    def chunk_object(self) -> str:
        """The ``object`` of a streamed chunk."""
        return "chat.completion.chunk" if self.chat else "text_completion"

    def chunk(self, choices: list[WireChoice], usage: WireUsage | None = None) -> bytes:
        """One server-sent event."""
        head = (self.id, self.chunk_object, self.created, self.model, self.fingerprint, choices)
        return b"data: %b\n\n" % _encode(_Chunk(*head) if usage is None else _UsageChunk(*head, usage))

    def choice(self, delta: Delta, offset: int) -> WireChoice:
        """A delta as a choice of a chunk."""
        logprobs = (
            WireLogprobs([WireTokenLogprob.of(token) for token in delta.logprobs]) if delta.logprobs else None
        )
        choice = WireChoice(delta.index + offset, logprobs=logprobs, finish_reason=delta.finish_reason)
        if self.chat:
            choice.delta = WireMessage(content=delta.text or None, reasoning_content=delta.reasoning or None)
        else:
            choice.text = delta.text
        return choice


async def stream(items: Items, shape: Shape, *, choices: int, include_usage: bool) -> AsyncGenerator[bytes]:
    """The server-sent events of a streamed answer. Closing this stops the work."""
    async with aclosing(items):
        if shape.chat:
            opening = [
                WireChoice(index, WireMessage(role="assistant", content="")) for index in range(choices)
            ]
            yield shape.chunk(opening)
        try:
            async for item in items:
                if isinstance(item, Delta):
                    yield shape.chunk([shape.choice(item, 0)])
                elif isinstance(item, Completed) and include_usage:
                    yield shape.chunk([], WireUsage.of(item.usage))
        except CausetteError as error:
            yield error_event(error)
            return
        yield _DONE


def error_event(error: CausetteError) -> bytes:
    """The event that ends a stream which cannot go on."""
    return b"data: %b\n\n" % _encode(error_body(error))


class _Choice:
    """One choice of a whole answer, being put together."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.thought: list[str] = []
        self.logprobs: list[TokenLogprob] = []
        self.finish_reason: FinishReason | None = None


async def whole(items: Items, shape: Shape, *, choices: int, echoes: list[str], logprobs: bool) -> bytes:
    """The JSON body of an answer that is not streamed. ``echoes`` are put before the choices' texts."""
    made = [_Choice() for _ in range(choices)]
    usage = Usage()
    async with aclosing(items):
        async for item in items:
            if isinstance(item, Completed):
                usage = item.usage
                continue
            if not isinstance(item, Delta):
                continue
            choice = made[item.index]
            choice.text.append(item.text)
            choice.thought.append(item.reasoning)
            choice.logprobs += item.logprobs
            choice.finish_reason = item.finish_reason or choice.finish_reason
    return _encode(
        {
            "id": shape.id,
            "object": "chat.completion" if shape.chat else "text_completion",
            "created": shape.created,
            "model": shape.model,
            "system_fingerprint": shape.fingerprint,
            "choices": [
                _chat_choice(index, choice, logprobs=logprobs)
                if shape.chat
                else _text_choice(index, choice, echoes[index], logprobs=logprobs)
                for index, choice in enumerate(made)
            ],
            "usage": WireUsage.of(usage),
        }
    )


def _chat_choice(index: int, choice: _Choice, *, logprobs: bool) -> dict[str, Any]:
    content = [WireTokenLogprob.of(token) for token in choice.logprobs]
    message = {"role": "assistant", "content": "".join(choice.text), "refusal": None}
    if thought := "".join(choice.thought):
        message["reasoning_content"] = thought
    return {
        "index": index,
        "message": message,
        "logprobs": {"content": content, "refusal": None} if logprobs else None,
        "finish_reason": choice.finish_reason,
    }


def _text_choice(index: int, choice: _Choice, echo: str, *, logprobs: bool) -> dict[str, Any]:
    return {
        "index": index,
        "text": echo + "".join(choice.text),
        "logprobs": _legacy_logprobs(choice.logprobs, len(echo)) if logprobs else None,
        "finish_reason": choice.finish_reason,
    }


def _legacy_logprobs(tokens: list[TokenLogprob], offset: int) -> dict[str, Any]:
    """Plain completions' parallel lists."""
    offsets: list[int] = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token.token)
    return {
        "tokens": [token.token for token in tokens],
        "token_logprobs": [token.logprob for token in tokens],
        "top_logprobs": [{top.token: top.logprob for top in token.top} for token in tokens],
        "text_offset": offsets,
    }
