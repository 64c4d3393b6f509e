"""A continuous-batching engine without a model: the time its steps take, and nothing else.

Each step decodes one token for every running sequence and reads prompts up to a budget, as vLLM and OpenVINO GenAI do
with chunked prefill. A prompt's first token comes at the end of the step that reads its last one.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How long steps take, in seconds. The defaults are about those of an 8B model on one large GPU."""

    #: A step, whatever it does.
    step: float = 0.008
    #: Each sequence that it decodes.
    sequence: float = 0.00005
    #: Each prompt token that it reads, and how many it reads at most.
    prompt_token: float = 1 / 20_000
    prompt_budget: int = 2048

    def capacity(self, slots: int, prompt: float, reply: float) -> float:
        """Requests a second with ``slots`` always taken, of mean lengths ``prompt`` and ``reply``."""
        begun_a_step = slots / (reply + 1)
        return begun_a_step / (self.step + self.sequence * slots + begun_a_step * prompt * self.prompt_token)


@dataclass(slots=True, eq=False)
class _Sequence:
    unread: int
    left: int
    made: Callable[[int], None]
    count: int = 0
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class BatchingEngine:
    """Runs whatever it is given at once: that these are not too many is its queue's business."""

    def __init__(self, speed: Speed) -> None:
        self._speed = speed
        self._reading: deque[_Sequence] = deque()
        self._decoding: list[_Sequence] = []
        self._work = asyncio.Event()
        #: Most sequences in one step.
        self.widest = 0

    async def generate(self, prompt: int, reply: int, made: Callable[[int], None]) -> None:
        """Take part until ``reply`` tokens are made; ``made`` is told how many there are after each step."""
        sequence = _Sequence(prompt, reply, made)
        self._reading.append(sequence)
        self._work.set()
        try:
            await sequence.done
        finally:
            # One that is broken off takes part no more.
            sequence.left = sequence.count

    async def run(self) -> None:
        """Step for as long as there is work, and wait for more."""
        while True:
            if not self._reading and not self._decoding:
                self._work.clear()
                await self._work.wait()
            await self._step()

    async def _step(self) -> None:
        speed, budget = self._speed, self._speed.prompt_budget
        read: list[_Sequence] = []
        while self._reading and budget:
            sequence = self._reading[0]
            tokens = min(budget, sequence.unread)
            sequence.unread -= tokens
            budget -= tokens
            if sequence.unread:
                break
            read.append(self._reading.popleft())
        decoding = [*self._decoding, *read]
        self.widest = max(self.widest, len(decoding) + len(self._reading))
        prompts = speed.prompt_budget - budget
        await asyncio.sleep(speed.step + speed.sequence * len(self._decoding) + speed.prompt_token * prompts)
        for sequence in decoding:
            if sequence.done.done():
                continue
            sequence.count += 1
            sequence.made(sequence.count)
            if sequence.count == sequence.left:
                sequence.done.set_result(None)
        self._decoding = [sequence for sequence in decoding if sequence.count < sequence.left]
