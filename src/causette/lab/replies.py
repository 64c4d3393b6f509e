"""Who replies to prompts: a model in memory (`causette.lab.generating`), an engine, or what is served somewhere.

No PyTorch in it.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import aiohttp

from causette.errors import CausetteError, Unavailable
from causette.lab.types import Message

_SECONDS: Final = 600.0
# An error's body, in characters, that a person may want to read.
_SHOWN: Final = 300

Prompt = Sequence[Message]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedReplies:
    """The replies of ``model`` at ``url`` (such as ``http://127.0.0.1:8000/v1``), ``concurrency`` at a time."""

    url: str
    model: str
    key: str | None = None
    concurrency: int = 8

    def __call__(self, prompts: Sequence[Prompt], sampling: Sampling) -> Iterator[str]:
        """Replies, asked for over HTTP."""
        try:
            replies = asyncio.run(self._all(prompts, sampling))
        except ExceptionGroup as group:
            # The first that failed has ended the others.
            raise group.exceptions[0] from None
        yield from replies

    async def _all(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[str]:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        turns = asyncio.Semaphore(self.concurrency)
        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        async with (
            aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
            asyncio.TaskGroup() as group,
        ):
            asked = [group.create_task(self._one(session, turns, prompt, sampling)) for prompt in prompts]
        return [task.result() for task in asked]

    async def _one(
        self, session: aiohttp.ClientSession, turns: asyncio.Semaphore, prompt: Prompt, sampling: Sampling
    ) -> str:
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
        url = f"{self.url.rstrip('/')}/chat/completions"
        try:
            async with turns, session.post(url, json=body) as answer:
                if answer.status != 200:
                    said = (await answer.text())[:_SHOWN]
                    raise CausetteError(f"{url} answered {answer.status}: {said}", code="no_reply")
                return (await answer.json())["choices"][0]["message"]["content"] or ""
        except (ValueError, LookupError, TypeError) as error:
            raise CausetteError(
                f"{url} answered with something that is no completion.", code="no_reply"
            ) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(f"{url} does not answer: {error or type(error).__name__}.") from error
