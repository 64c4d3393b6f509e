"""Who replies to prompts: a model in memory (`causette.lab.generating`), an engine, or what is served somewhere.

No PyTorch in it.
"""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

import aiohttp

from causette.errors import CausetteError, Unavailable
from causette.lab.types import Message

_SECONDS: Final = 600.0
# An error's body, in characters, that a person may want to read.
_SHOWN: Final = 300
# Answers after which the same may be asked again.
_LATER: Final = (429, 500, 502, 503, 504)
_FIRST_WAIT_SECONDS: Final = 1.0
_LONGEST_WAIT_SECONDS: Final = 60.0
_NO_ROOM: Final = "context_length_exceeded"

Prompt = Sequence[Message]
#: Why a reply ended: it was complete, or as long as it might be, or its server's filter stopped it; or its prompt left
#: it no room.
Ended = Literal["stop", "length", "filtered", "no_room"]


@dataclass(frozen=True, slots=True)
class Written:
    """A reply, and why it ended."""

    text: str
    ended: Ended


#: Takes in the reply to the prompt with this number.
Taken = Callable[[int, Written], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How replies are chosen. Without a temperature the likeliest token is."""

    #: Tokens of a reply at most.
    tokens: int = 256
    temperature: float = 0.0
    seed: int = 0


class Replies(Protocol):
    """Replies to prompts."""

    def __call__(self, prompts: Sequence[Prompt], sampling: Sampling) -> Iterator[str]:
        """A reply to each, in order, as they come.

        Raises:
            Unavailable: nobody answers.
        """
        ...


class Writer(Protocol):
    """Who writes replies that each are kept as soon as they are there."""

    def write(self, prompts: Sequence[Prompt], sampling: Sampling, taken: Taken) -> None:
        """Give a reply to each prompt to ``taken``, in whichever order they come.

        Raises:
            Unavailable: nobody answers.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedReplies:
    """The replies of ``model`` at ``url`` (such as ``http://127.0.0.1:8000/v1``), ``concurrency`` at a time."""

    url: str
    model: str
    key: str | None = None
    concurrency: int = 8
    #: How often a prompt is asked, with longer and longer waits, while the server is busy or away.
    tries: int = 1

    def __call__(self, prompts: Sequence[Prompt], sampling: Sampling) -> Iterator[str]:
        """Replies, asked for over HTTP."""
        replies: dict[int, Written] = {}
        self.write(prompts, sampling, replies.__setitem__)
        if any(reply.ended == "no_room" for reply in replies.values()):
            raise CausetteError(f"{self._address} has no room for a prompt as long.", code="no_reply")
        yield from (replies[number].text for number in range(len(prompts)))

    def write(self, prompts: Sequence[Prompt], sampling: Sampling, taken: Taken) -> None:
        """See `Writer`."""
        try:
            asyncio.run(self._all(prompts, sampling, taken))
        except ExceptionGroup as group:
            # The first that failed has ended the others.
            raise group.exceptions[0] from None

    @property
    def _address(self) -> str:
        return f"{self.url.rstrip('/')}/chat/completions"

    async def _all(self, prompts: Sequence[Prompt], sampling: Sampling, taken: Taken) -> None:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        waiting = iter(enumerate(prompts))

        async def some() -> None:
            for number, prompt in waiting:
                taken(number, await self._one(session, prompt, sampling))

        async with (
            aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(min(self.concurrency, len(prompts))):
                group.create_task(some())

    async def _one(self, session: aiohttp.ClientSession, prompt: Prompt, sampling: Sampling) -> Written:
        wait = _FIRST_WAIT_SECONDS
        for left in reversed(range(self.tries)):
            try:
                return await self._asked(session, prompt, sampling)
            except Unavailable as error:
                if not left:
                    raise
                said = error.retry_after
                await asyncio.sleep(wait if said is None else min(said, _LONGEST_WAIT_SECONDS))
                wait *= 2
        raise AssertionError("There is one try at least.")

    async def _asked(self, session: aiohttp.ClientSession, prompt: Prompt, sampling: Sampling) -> Written:
        body = {
            "model": self.model,
            "messages": [{"role": message.role, "content": message.content} for message in prompt],
            "max_tokens": sampling.tokens,
            "temperature": sampling.temperature,
            "seed": sampling.seed,
            # What the weights say, without what the deployment adds to it.
            "frequency_penalty": 0,
            "presence_penalty": 0,
        }
        url = self._address
        try:
            async with session.post(url, json=body) as answer:
                if answer.status != 200:
                    said = await answer.text()
                    if _code(said) == _NO_ROOM:
                        return Written("", "no_room")
                    kind = Unavailable if answer.status in _LATER else CausetteError
                    raise kind(
                        f"{url} answered {answer.status}: {said[:_SHOWN]}",
                        code="no_reply",
                        retry_after=_seconds(answer.headers.get("Retry-After")),
                    )
                return _written((await answer.json())["choices"][0])
        except (ValueError, LookupError, TypeError) as error:
            raise CausetteError(
                f"{url} answered with something that is no completion.", code="no_reply"
            ) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(f"{url} does not answer: {error or type(error).__name__}.") from error


def _written(choice: Mapping[str, Any]) -> Written:
    ended: dict[object, Ended] = {"length": "length", "content_filter": "filtered"}
    # Half a surrogate pair is no character, and cannot be written down.
    text = (choice["message"]["content"] or "").encode("utf-8", "replace").decode()
    return Written(text, ended.get(choice.get("finish_reason"), "stop"))


def _code(said: str) -> str | None:
    """The code of an error as OpenAI's protocol has it."""
    try:
        return json.loads(said)["error"]["code"]
    except (ValueError, LookupError, TypeError):
        return None


def _seconds(header: str | None) -> float | None:
    """What ``Retry-After`` says, if it is not a date."""
    return float(header) if header is not None and header.isascii() and header.isdigit() else None
