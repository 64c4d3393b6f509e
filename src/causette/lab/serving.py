"""Engines that measurements are made with: the house's own, started for the time, as it serves people."""

import asyncio
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from causette.engines.supervisor import EmbeddedConfig, EmbeddedEngine
from causette.engines.types import ChatMessage, Delta, Engine, GenerateRequest
from causette.engines.types import Sampling as EngineSampling
from causette.ids import new_id
from causette.lab.replies import Prompt, Sampling
from causette.lab.types import Message

K = TypeVar("K", bound=str)

_HELLO: Final = (Message("user", "Hello"),)
_ONE_TOKEN: Final = EngineSampling(max_tokens=1, temperature=0.0)


@contextmanager
def started(
    configs: Mapping[K, EmbeddedConfig],
) -> Generator[tuple[asyncio.Runner, dict[K, EmbeddedEngine]]]:
    """Engines that are ready, by their names, with the loop that they live on; they end with the block.

    Raises:
        Unavailable: one cannot be started: its weights are not a model that it reads, or do not fit into memory.
    """
    with asyncio.Runner() as runner:
        engines = {name: EmbeddedEngine(config) for name, config in configs.items()}
        try:
            # One after the other: each loads as fast as the disk allows.
            for engine in engines.values():
                runner.run(_reply(engine, _HELLO, _ONE_TOKEN))
            yield runner, engines
        finally:
            for engine in engines.values():
                runner.run(engine.stop())


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineReplies:
    """The replies of an engine that lives on ``runner``'s loop, ``concurrency`` at a time.

    Nothing is added to what is said here: a deployment's own penalties and temperature are not.
    """

    runner: asyncio.Runner
    engine: Engine
    concurrency: int

    def __call__(self, prompts: Sequence[Prompt], sampling: Sampling) -> Iterator[str]:
        """See `causette.lab.replies.Replies`."""
        asked = self.runner.run(self._ask(prompts, sampling))
        try:
            for each in asked:
                yield self.runner.run(_result(each))
        finally:
            self.runner.run(_end(asked))

    async def _ask(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[asyncio.Task[str]]:
        places = asyncio.Semaphore(self.concurrency)
        chosen = EngineSampling(
            max_tokens=sampling.tokens, temperature=sampling.temperature, seed=sampling.seed
        )

        async def one(prompt: Prompt) -> str:
            async with places:
                return await _reply(self.engine, prompt, chosen)

        return [asyncio.create_task(one(prompt)) for prompt in prompts]


def peak_memory(pid: int | None) -> int | None:
    """The most bytes of memory that a process has had at once; None where the system does not say."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("utf-8")
    except OSError:
        return None
    lines = (line.split() for line in status.splitlines())
    return next((int(line[1]) * 1024 for line in lines if line and line[0] == "VmHWM:"), None)


async def _reply(engine: Engine, prompt: Prompt, sampling: EngineSampling) -> str:
    turns = tuple(ChatMessage(each.role, each.content) for each in prompt)
    request = GenerateRequest(id=new_id("req"), model="", prompt=turns, sampling=sampling)
    async with aclosing(engine.generate(request)) as items:
        return "".join([item.text async for item in items if isinstance(item, Delta)])


async def _result(task: asyncio.Task[str]) -> str:
    return await task


async def _end(tasks: Sequence[asyncio.Task[str]]) -> None:
    for each in tasks:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
