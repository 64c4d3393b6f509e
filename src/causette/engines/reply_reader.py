"""Reads a streamed reply out of the bytes of its answer, however they were cut into pieces on their way.

The bytes are server-sent events of the OpenAI protocol, of which only ``data:`` lines matter. What arrives together is
read together and handed on as one delta: a token costs little here, but a delta something in every room that it passes.
Nothing waits for more to arrive.
"""

from collections.abc import Generator, Sequence
from typing import Final

import msgspec

from causette.engines.types import Completed, Delta, Usage
from causette.engines.wire import WireChunk, WireError, WireUsage
from causette.errors import Unavailable

#: No event may be longer: an answer without line ends is not kept in memory.
MAX_EVENT_BYTES: Final = 1 << 20

_read_chunk: Final = msgspec.json.Decoder(WireChunk).decode
_DONE: Final = b"[DONE]"


class StreamFailed(Exception):
    """The engine ended a reply with an error of its own."""

    def __init__(self, error: WireError) -> None:
        super().__init__(error.message)
        self.error = error


class ReplyReader:
    """One reply's bytes in, its deltas and its account out.

    Args:
        choices: how many replies were asked for.
        continuous: each chunk's usage counts the tokens of its own choice so far, as vLLM's and SGLang's do.
    """

    def __init__(self, *, choices: int, continuous: bool = False) -> None:
        #: What the engine has said of the reply's cost so far, if anything.
        self.account: Completed | None = None
        #: The stream has ended as it should, and its account was handed over.
        self.done = False
        self._said_all = False
        self._choices = choices
        self._continuous = continuous
        self._ended: set[int] = set()
        #: Tokens so far, in sum and, where they are reported so, by choice.
        self._output_tokens = 0
        self._by_choice: dict[int, int] = {}
        #: The beginning of a line whose end has not arrived.
        self._rest: list[bytes] = []
        self._rest_bytes = 0

    def push(self, data: bytes) -> Generator[Delta | Completed]:
        """What ``data`` adds to the reply, neighbours of one choice in one; nothing more after the account.

        Raises:
            StreamFailed: the engine says that it failed.
            Unavailable: this is no stream of chunks.
        """
        together: list[Delta] = []
        try:
            for delta in self._deltas(data):
                if together and together[-1].index != delta.index:
                    yield _joined(together)
                    together.clear()
                together.append(delta)
        except (StreamFailed, Unavailable):
            if together:
                yield _joined(together)
            raise
        if together:
            yield _joined(together)
        if self._said_all:
            yield self._end()

    def finish(self) -> Completed | None:
        """The account, now that the connection is closed; None when the reply was cut off."""
        rest = b"".join(self._rest)
        if rest.startswith(b"data:"):
            # A last line that was not ended is cut off, unless there is nothing that it could lack.
            return self._end() if rest[5:].strip() == _DONE else None
        # Some servers just close the connection after the last choice has ended.
        return self._end() if len(self._ended) == self._choices else None

    def _end(self) -> Completed:
        self.done = True
        # A server that reports no usage still ended the stream as it should.
        return self.account or Completed(Usage())

    def _lines(self, data: bytes) -> list[bytes]:
        first, *lines = data.split(b"\n")
        self._rest.append(first)
        self._rest_bytes += len(first)
        if lines:
            lines.insert(0, b"".join(self._rest))
            self._rest_bytes = len(lines[-1])
            self._rest = [lines.pop()]
        if self._rest_bytes > MAX_EVENT_BYTES or any(len(line) > MAX_EVENT_BYTES for line in lines):
            raise misunderstood(f"it sent an event of more than {MAX_EVENT_BYTES} bytes")
        return lines

    def _deltas(self, data: bytes) -> Generator[Delta]:
        for line in self._lines(data):
            if not line.startswith(b"data:"):
                continue
            content = line[5:].strip()
            if content == _DONE:
                self._said_all = True
                return
            yield from self._deltas_of(content)

    def _deltas_of(self, content: bytes) -> Generator[Delta]:
        try:
            chunk = _read_chunk(content)
        except msgspec.DecodeError as error:
            raise misunderstood(f"it sent what is not a chunk: {error}") from error
        if chunk.error is not None:
            raise StreamFailed(chunk.error)
        counted = chunk.usage is not None and self._note(chunk, chunk.usage)
        if chunk.causette is not None:
            self._output_tokens, counted = chunk.causette.output_tokens, True
        for choice in chunk.choices or ():
            made = choice.least_tokens
            if choice.finish_reason:
                self._ended.add(choice.index)
            elif not made:
                continue
            if not counted:
                self._output_tokens += made
            yield choice.to_delta(self._output_tokens)

    def _note(self, chunk: WireChunk, usage: WireUsage) -> bool:
        """Keep what ``usage`` says; whether it counts the tokens up to this chunk."""
        said = usage.completed()
        if not (self._continuous and chunk.choices):
            self.account = said
            return False
        for choice in chunk.choices:
            self._by_choice[choice.index] = said.usage.output_tokens
        self._output_tokens = sum(self._by_choice.values())
        self.account = Completed(
            msgspec.structs.replace(said.usage, output_tokens=self._output_tokens), said.compute
        )
        return True


def _joined(deltas: Sequence[Delta]) -> Delta:
    """One choice's deltas, one after the other, as one."""
    if len(deltas) == 1:
        return deltas[0]
    last = deltas[-1]
    return Delta(
        last.index,
        "".join([delta.text for delta in deltas]),
        tuple(token for delta in deltas for token in delta.logprobs),
        next((delta.finish_reason for delta in reversed(deltas) if delta.finish_reason), None),
        last.output_tokens,
        "".join([delta.reasoning for delta in deltas]),
        tuple(piece for delta in deltas for piece in delta.tool_calls),
    )


def misunderstood(why: str) -> Unavailable:
    """What a caller is told of a server that does not speak the protocol."""
    return Unavailable(f"The engine's answer could not be read: {why}.", code="engine_protocol")
