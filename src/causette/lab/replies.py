"""Who replies to prompts: a model in memory, or whatever answers OpenAI's protocol somewhere."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, cast

import aiohttp
import torch
from torch import Tensor
from transformers import GenerationConfig, PreTrainedModel

from causette.errors import CausetteError, Unavailable
from causette.lab.chat import ChatTokenizer
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


def generate(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    *,
    tokens: int,
    temperature: float,
    end: int,
) -> list[list[int]]:
    """The ids that ``model`` writes after each prompt, up to and with ``end``, at most ``tokens`` of them.

    What is sampled depends on PyTorch's random numbers. All prompts are one batch, padded at the left.
    """
    width = max(map(len, prompts))
    ids_BT = torch.full((len(prompts), width), end)
    mask_BT = torch.zeros((len(prompts), width), dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids_BT[row, width - len(prompt) :] = torch.as_tensor(prompt)
        mask_BT[row, width - len(prompt) :] = 1
    config = GenerationConfig(
        max_new_tokens=tokens,
        do_sample=temperature > 0,
        temperature=temperature or None,
        # All of the distribution: what is learned from must be what was sampled from.
        top_k=0 if temperature else None,
        top_p=1.0 if temperature else None,
        eos_token_id=end,
        pad_token_id=end,
        # Of a length that the model has not learned it is its caller's business to think.
        max_length=None,
    )
    was_training, its_own = model.training, model.generation_config
    model.eval()
    # A model may come with penalties and cuts of its own, which would fill in what is not said here.
    model.generation_config = config
    try:
        with torch.inference_mode():
            written_BT = cast("Callable[..., Tensor]", model.generate)(
                ids_BT.to(model.device), attention_mask=mask_BT.to(model.device), generation_config=config
            )
    finally:
        model.train(was_training)
        model.generation_config = its_own
    rows = cast("list[list[int]]", written_BT[:, width:].tolist())
    return [_until(end, row) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReplies:
    """The replies of a model in memory, ``batch`` prompts at once."""

    model: PreTrainedModel
    tokenizer: ChatTokenizer
    batch: int = 16

    def __call__(self, prompts: Sequence[Prompt], sampling: Sampling) -> Iterator[str]:
        """Replies, by the model's own chat template."""
        for start in range(0, len(prompts), self.batch):
            some = [self.tokenizer.encode_prompt(prompt) for prompt in prompts[start : start + self.batch]]
            # Whoever trains has random numbers of their own.
            with torch.random.fork_rng():
                torch.manual_seed((sampling.seed << 32) + start)
                written = generate(
                    self.model,
                    some,
                    tokens=sampling.tokens,
                    temperature=sampling.temperature,
                    end=self.tokenizer.end_id,
                )
            yield from (self.tokenizer.decode(ids) for ids in written)


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


def _until(end: int, ids: list[int]) -> list[int]:
    return ids[: ids.index(end) + 1] if end in ids else ids
