"""How fast a model is served: time to the first token, time of each further token, tokens a second, with intervals.

Several engines are measured in turns (A B, B A, A B…) on the same prompts, so that whatever else the machine does
meets all of them. A turn is some prompts at once; no prompt comes twice, so that no engine finds one in its cache.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from math import exp, fsum, log
from time import perf_counter
from typing import Annotated, Final, TypeVar

from msgspec import Meta

from causette.engines.types import ChatMessage, Completed, Engine, GenerateRequest, Sampling
from causette.errors import CausetteError
from causette.ids import new_id
from causette.lab.recipes import Config
from causette.lab.statistics import Estimate, estimate, estimate_mean

K = TypeVar("K", bound=str)

_WORDS: Final = (
    *("river", "market", "garden", "window", "letter", "bridge", "winter", "morning", "kitchen", "harbour"),
    *("teacher", "village", "evening", "library", "station", "paper", "bread", "stone", "cloud", "silver"),
    *("yellow", "quiet", "narrow", "simple", "bright", "careful", "together", "slowly", "often", "between"),
    *("carry", "build", "follow", "remember", "listen", "answer", "travel", "gather", "measure", "borrow"),
)


class SpeedConfig(Config, frozen=True):
    """What is asked in a turn, and how many turns there are."""

    #: Prompts of a turn.
    prompts: Annotated[int, Meta(ge=1)] = 8
    #: Words of a prompt, about as many tokens.
    words: Annotated[int, Meta(ge=1)] = 120
    #: Tokens of a reply at most.
    tokens: Annotated[int, Meta(ge=2)] = 64
    #: Prompts at once.
    concurrency: Annotated[int, Meta(ge=1)] = 4
    #: Turns of each engine; intervals are of turns.
    rounds: Annotated[int, Meta(ge=4)] = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """A reply. Times are seconds from when it was asked for."""

    first: float
    last: float
    output_tokens: int
    #: The engine's own account; 0 where it gives none.
    compute_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Some replies that were asked for together."""

    seconds: float
    replies: tuple[Timed, ...]

    @property
    def first(self) -> float:
        """The geometric mean of the seconds to the first token."""
        return exp(fsum(log(each.first) for each in self.replies) / len(self.replies))

    @property
    def output_tokens(self) -> int:
        """Tokens of all replies."""
        return sum(each.output_tokens for each in self.replies)

    @property
    def tokens_a_second(self) -> float:
        """Of all replies together, from the first asked to the last ended."""
        return self.output_tokens / self.seconds

    @property
    def compute_ns_a_token(self) -> float:
        """The machine's time for a token of a reply, its share of the prompt's included."""
        return sum(each.compute_ns for each in self.replies) / self.output_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How fast a model is served."""

    #: Seconds to the first token, and for each further one.
    ttft: Estimate
    tpot: Estimate
    #: Of all replies at once.
    tokens_a_second: Estimate
    output_tokens: int

    @classmethod
    def of(cls, turns: Sequence[Turn], *, seed: int = 0) -> "Speed":
        """What some turns tell."""
        replies = [each for turn in turns for each in turn.replies]
        further = [
            (each.last - each.first) / (each.output_tokens - 1) for each in replies if each.output_tokens > 1
        ]
        if not further:
            raise CausetteError(
                "No reply had two tokens or more: there is no time between tokens to measure.",
                code="no_reply",
            )
        return cls(
            ttft=estimate([each.first for each in replies], seed=seed),
            tpot=estimate(further, seed=seed),
            tokens_a_second=estimate_mean([turn.tokens_a_second for turn in turns]),
            output_tokens=sum(turn.output_tokens for turn in turns),
        )


async def take_turns(
    engines: Mapping[K, Engine],
    config: SpeedConfig,
    *,
    seed: int,
    exact: bool,
    most: int = 0,
    enough: Callable[[Mapping[K, Sequence[Turn]]], bool] = lambda turns: True,
    on_turn: Callable[[int, int], object] = lambda done, total: None,
) -> dict[K, list[Turn]]:
    """Each engine's turns, in the same order, by its name.

    ``exact`` has every reply be of as many tokens as are allowed: engines of ours do so. There are more than
    ``config.rounds`` turns, up to ``most``, until they are ``enough``.

    Raises:
        Unavailable: an engine does not answer.
        CausetteError: one answers without a token.
    """
    chance = random.Random(f"{seed} speed")  # noqa: S311 - nothing secret
    turns: dict[K, list[Turn]] = {name: [] for name in engines}
    most = max(most, config.rounds)
    # The first turn of all warms each of them up, and is not counted.
    for number in range(most + 1):
        if number > config.rounds and enough(turns):
            break
        prompts = [_prompt(chance, config.words) for _ in range(config.prompts)]
        order = list(engines.items())
        for name, engine in order if number % 2 else reversed(order):
            turn = await _turn(engine, prompts, config, exact=exact)
            if number:
                turns[name].append(turn)
        on_turn(number, most)
    return turns


async def _turn(engine: Engine, prompts: Sequence[str], config: SpeedConfig, *, exact: bool) -> Turn:
    places = asyncio.Semaphore(config.concurrency)
    began = perf_counter()
    try:
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(_ask(engine, places, each, config, exact=exact)) for each in prompts]
    except ExceptionGroup as several:
        # The first that failed has ended the others.
        raise several.exceptions[0] from None
    return Turn(seconds=perf_counter() - began, replies=tuple(each.result() for each in asked))


async def _ask(
    engine: Engine, places: asyncio.Semaphore, prompt: str, config: SpeedConfig, *, exact: bool
) -> Timed:
    request = GenerateRequest(
        id=new_id("req"),
        model="",
        prompt=(ChatMessage("user", prompt),),
        sampling=Sampling(max_tokens=config.tokens, temperature=0.0, ignore_eos=exact),
    )
    first, done = None, None
    async with places, aclosing(engine.generate(request)) as items:
        began = perf_counter()
        async for item in items:
            if isinstance(item, Completed):
                done = item
            elif first is None and (item.text or item.reasoning):
                first = perf_counter() - began
        last = perf_counter() - began
    if done is None or first is None or not done.usage.output_tokens:
        raise CausetteError("An engine answered without a token: there is nothing to time.", code="no_reply")
    return Timed(
        first=first,
        last=last,
        output_tokens=done.usage.output_tokens,
        compute_ns=done.compute.compute_ns,
    )


def _prompt(chance: random.Random, words: int) -> str:
    return f"Tell a story with these words: {' '.join(chance.choices(_WORDS, k=words))}."
