"""The engine's heart: one loop that admits requests, steps the batch, and hands out what each step made.

The loop runs on the process's only event loop: the runtime holds the interpreter during a step, so a second thread
would wait all the same. Between steps the event loop gets its turn, to read new requests and send what is ready.
Because every step is timed and its contents are known, the machine's busy time is shared out among requests exactly
(see :mod:`causette.engines.embedded.attribution`).
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from itertools import count
from time import perf_counter_ns
from typing import TYPE_CHECKING, Final

from openvino_genai import GenerationStatus

from causette.engines.embedded.attribution import StepCosts, StepWork
from causette.engines.embedded.detokenizer import StopStrings
from causette.engines.embedded.prefix_cache import PrefixCacheBooks
from causette.engines.embedded.records import Records
from causette.engines.embedded.text_model import TextModel, first_reason
from causette.engines.thinking import Thoughts
from causette.engines.types import (
    Completed,
    Compute,
    Delta,
    FinishReason,
    GenerateRequest,
    TokenLogprob,
    Usage,
)
from causette.engines.wire import EngineStats
from causette.errors import CausetteError, InvalidRequest, TooManyRequests, Unavailable

if TYPE_CHECKING:
    from openvino_genai import GenerationConfig
    from openvino_genai.py_openvino_genai import GenerationHandle

# A request that has just come in takes a few turns of the event loop to get from socket to batch, and of connections
# that are made at once each turn accepts one: turns go on while they bring something, to the most.
_TURNS_BETWEEN_STEPS: Final = 4
_MOST_TURNS_BETWEEN_STEPS: Final = 256
# The more replies at once, the more rarely each is sent: fewer, larger messages leave the cores to the model, and the
# steps are longer then, too. One reply alone is sent token by token.
_FLUSH_NS_A_REPLY: Final = 20_000_000
_LONGEST_FLUSH_NS: Final = 100_000_000
_MAX_SEED: Final = 2**31
# Looking for the beginning of a stop string at the end of a text takes time in proportion to its length.
_LONGEST_STOP: Final = 1024
# Not a secret: it only makes two replies to one question differ.
_seeds: Final = random.Random()  # noqa: S311


class _Reply:
    """One choice of a request, growing."""

    __slots__ = (
        "before",
        "budget",
        "detokenizer",
        "ended",
        "finish",
        "handle",
        "ids",
        "index",
        "logprobs",
        "prompt",
        "prompt_left",
        "stops",
        "text",
        "thought",
        "thoughts",
    )

    def __init__(
        self,
        index: int,
        model: TextModel,
        stops: Sequence[str],
        prompt: list[int],
        thoughts: Thoughts,
        budget: int | None,
    ) -> None:
        self.index = index
        self.detokenizer = model.new_detokenizer()
        self.stops = StopStrings(stops)
        #: The runtime's handle while it works on this reply.
        self.handle: GenerationHandle | None = None
        self.ended = False
        #: What the runtime was given, and what it has made of it.
        self.prompt = prompt
        self.ids: list[int] = []
        #: Tokens that were made before the runtime was given the prompt again, with the thinking ended.
        self.before = 0
        #: Tokens of the prompt that are still to be read.
        self.prompt_left = len(prompt)
        self.thoughts = thoughts
        #: Tokens of thinking that are left; None for any number.
        self.budget = budget
        #: What has been made and not yet been sent.
        self.text = ""
        self.thought = ""
        self.logprobs: list[TokenLogprob] = []
        self.finish: FinishReason | None = None

    def take(self, output_tokens: int) -> Delta | None:
        """What there is to send, if anything; ``output_tokens`` is the request's count so far."""
        if not (self.text or self.thought or self.logprobs or self.finish):
            return None
        delta = Delta(self.index, self.text, tuple(self.logprobs), self.finish, output_tokens, self.thought)
        self.text, self.thought, self.logprobs, self.finish = "", "", [], None
        return delta

    def write(self, text: str, *, last: bool = False) -> None:
        """Add text that is safe to show."""
        thought, answer = self.thoughts.push(text, last=last)
        self.thought += thought
        self.text += answer


class Job:
    """One request's way through the loop. Iterate :meth:`deltas`; :meth:`StepLoop.cancel` when nobody reads."""

    def __init__(
        self,
        request: GenerateRequest,
        prompt: list[int],
        model: TextModel,
        config: "GenerationConfig",
        recorded: asyncio.Event,
    ) -> None:
        self.request = request
        self.prompt = prompt
        self.config = config
        seed = request.sampling.seed
        self.seed = _seeds.randrange(_MAX_SEED) if seed is None else seed
        tags, budget = model.tags_of(request), model.thinking_budget(request, config.max_new_tokens)
        self.replies = [
            _Reply(
                index,
                model,
                request.sampling.stop,
                prompt,
                Thoughts(tags, inside=_goes_on_thinking(request)),
                budget,
            )
            for index in range(request.n)
        ]
        self.cached_tokens = 0
        self.output_tokens = 0
        self.reasoning_tokens = 0
        self.compute_ns = 0
        self.queued_at = perf_counter_ns()
        self.started_at: int | None = None
        self.finished = False
        #: Set when its account is final and on record.
        self.recorded = recorded
        #: Replies that wait for the first one to have read the prompt.
        self.to_begin: list[_Reply] = []
        self.error: CausetteError | None = None
        self._fresh: list[Delta] = []
        self._next_flush = 0
        self._wake = asyncio.Event()

    async def deltas(self) -> AsyncGenerator[Delta | Completed]:
        """What is made, as it is made, then one ``Completed``.

        Raises:
            CausetteError: the request was broken off by the engine.
        """
        while True:
            await self._wake.wait()
            self._wake.clear()
            fresh, self._fresh = self._fresh, []
            for delta in fresh:
                yield delta
            if self.error is not None:
                raise self.error
            if self.finished and not self._fresh:
                yield self.completed()
                return

    @property
    def unread(self) -> int:
        """Tokens of the prompt that have not been read. Several replies share one reading."""
        first = self.replies[0]
        return 0 if first.before else first.prompt_left

    def completed(self) -> Completed:
        """The request's account so far."""
        started = self.started_at or perf_counter_ns()
        return Completed(
            Usage(
                input_tokens=len(self.prompt) - self.unread,
                cached_tokens=self.cached_tokens,
                output_tokens=self.output_tokens,
                reasoning_tokens=self.reasoning_tokens,
            ),
            Compute(self.compute_ns, started - self.queued_at),
        )

    def flush(self, now: int, interval_ns: int) -> None:
        """Wake the reader with what has been made, unless it was woken less than an interval ago."""
        if not self.finished and now < self._next_flush:
            return
        self._next_flush = now + interval_ns
        for reply in self.replies:
            if (delta := reply.take(self.output_tokens)) is not None:
                self._fresh.append(delta)
        if self._fresh or self.finished:
            self._wake.set()

    def fail(self, error: CausetteError) -> None:
        """End the request with ``error``."""
        self.error = error
        self.finished = True
        self._wake.set()


class StepLoop:
    """Admits, steps, shares out. One per process."""

    def __init__(self, model: TextModel) -> None:
        self._model = model
        self._pipeline = model.pipeline
        self._books = PrefixCacheBooks(model.cache_blocks)
        self._costs = StepCosts()
        self._waiting: deque[Job] = deque()
        self._running: list[Job] = []
        #: What the runtime has not been given yet.
        self._begun: list[tuple[Job, _Reply]] = []
        self._work = asyncio.Event()
        #: What requests took that ended, for those who lost their streams.
        self.records = Records()
        self._numbers = count(1)
        #: Requests that came or were given up.
        self._heard = 0
        self._started_at = perf_counter_ns()
        self._totals = EngineStats(model=model.config.name)
        self._recent_seconds: deque[float] = deque(maxlen=16)
        #: Set when a step failed in a way the runtime does not survive; the process must be replaced.
        self.broken: Exception | None = None

    def submit(self, request: GenerateRequest) -> Job:
        """Take a request in.

        Raises:
            InvalidRequest: it cannot be answered by this model as it is.
            TooManyRequests: the queue is full.
            Unavailable: the engine is about to be replaced.
        """
        if self.broken is not None:
            raise engine_lost()
        self._heard += 1
        self._admit()
        starts_now = not self._waiting and self._fits(request.n)
        if not starts_now and len(self._waiting) >= self._model.config.max_queued:
            raise TooManyRequests(
                f"The engine is busy and its queue is full ({len(self._waiting)} requests are waiting). "
                "Try again shortly.",
                code="engine_overloaded",
                retry_after=self._seconds_to_a_place(),
            )
        for stop in request.sampling.stop:
            if len(stop) > _LONGEST_STOP:
                raise InvalidRequest(
                    f"A stop string has {len(stop)} characters; at most {_LONGEST_STOP} are taken.",
                    param="stop",
                )
        prompt = self._model.prompt_tokens(request)
        if not prompt:
            raise InvalidRequest("The prompt is empty; there is nothing to continue.", param="prompt")
        room = self._model.max_new_tokens(request, prompt)
        # Refuses what cannot be sampled before the request waits for its turn.
        config = self._model.generation_config(request.sampling, room)
        job = Job(request, prompt, self._model, config, self.records.begin(request.id))
        self._waiting.append(job)
        self._work.set()
        return job

    def cancel(self, job: Job) -> None:
        """Stop working on ``job``, if that is not over, and keep the account of what it took.

        To be called for every job when nobody reads it any more, between two steps.
        """
        self._heard += 1
        self._drop(job)
        self.records.end(job.request.id, job.recorded, job.completed())

    def stats(self) -> EngineStats:
        """The present state and the sums since the start."""
        totals = self._totals
        totals.running = sum(not job.finished for job in self._running)
        totals.waiting = len(self._waiting)
        totals.uptime_ns = perf_counter_ns() - self._started_at
        totals.cache_usage = self._pipeline.get_metrics().cache_usage / 100
        return totals

    @property
    def idle(self) -> bool:
        """Whether nothing is running or waiting."""
        return not self._running and not self._waiting

    async def run(self) -> None:
        """Work until cancelled, or until a step breaks the runtime (see ``broken``)."""
        try:
            while True:
                if self.idle and not self._pipeline.has_non_finished_requests():
                    self._work.clear()
                    await self._work.wait()
                await self._listen()
                self._admit()
                if self._pipeline.has_non_finished_requests():
                    self._step()
        except Exception as error:  # whatever the runtime throws, its batch is lost
            self._break(error)

    async def _listen(self) -> None:
        """Give the event loop its turns: requests that came during the step begin together, and those given up end."""
        quiet = 0
        for _ in range(_MOST_TURNS_BETWEEN_STEPS):
            heard = self._heard
            await asyncio.sleep(0)
            quiet = quiet + 1 if self._heard == heard else 0
            if quiet == _TURNS_BETWEEN_STEPS:
                return

    def end_all(self) -> None:
        """Cancel what is left, and have the account of each."""
        for job in (*self._running, *self._waiting):
            job.fail(engine_lost())
            self.cancel(job)

    def settle(self) -> None:
        """Cancel what is left and let the runtime free its cache: it complains about blocks still in use at its end."""
        self.end_all()
        while self._pipeline.has_non_finished_requests():
            self._pipeline.step()

    def _drop(self, job: Job) -> None:
        if job.started_at is not None and not job.finished:
            self._totals.input_tokens -= job.unread
        job.finished = True
        if job in self._waiting:
            self._waiting.remove(job)
        for reply in job.replies:
            if reply.handle is not None:
                reply.handle.cancel()
                self._let_go(job, reply)

    def _admit(self) -> None:
        self._running = [job for job in self._running if not job.finished]
        while self._waiting and self._fits(len(self._waiting[0].replies)):
            self._start(self._waiting.popleft())
        self._hand_over()

    def _fits(self, replies: int) -> bool:
        """Whether so many can be written beside those that are; alone, a request may have more than are allowed."""
        taken = sum(len(job.replies) for job in self._running)
        return not taken or taken + replies <= self._model.config.max_running

    def _start(self, job: Job) -> None:
        job.started_at = perf_counter_ns()
        self._running.append(job)
        first, *others = job.replies
        self._totals.input_tokens += len(job.prompt)
        self._begun.append((job, first))
        # The others of several replies begin when the prompt has been read once, and find it in the cache.
        job.to_begin = others

    def _hand_over(self) -> None:
        """Give the runtime what has begun, but for prompts that it would mix up with one that it is still to read."""
        unread = [
            reply.prompt
            for job in self._running
            for reply in job.replies
            if reply.handle is not None and not reply.ids
        ]
        kept: list[tuple[Job, _Reply]] = []
        for job, reply in self._begun:
            if job.finished:
                continue
            if any(self._books.mixes_up(reply.prompt, other) for other in unread):
                kept.append((job, reply))
                continue
            unread.append(reply.prompt)
            config = job.config
            if reply.before:
                config = self._model.generation_config(
                    job.request.sampling, config.max_new_tokens - reply.before
                )
            config.rng_seed = (job.seed + reply.index + reply.before) % _MAX_SEED
            reused = self._books.reused(reply.prompt)
            reply.prompt_left = len(reply.prompt) - reused
            if reply is job.replies[0] and not reply.before:
                job.cached_tokens = reused
                self._totals.cached_tokens += reused
            reply.handle = self._model.add(next(self._numbers), reply.prompt, config)
        self._begun = kept

    def _step(self) -> None:
        began = perf_counter_ns()
        self._pipeline.step()
        now = perf_counter_ns()
        if not self._running:
            # The step in which the runtime lets go of cancelled sequences: nobody's time.
            return
        self._totals.steps += 1
        self._totals.busy_ns += now - began
        work = self._collect()
        for job, share in zip(self._running, self._costs.share(now - began, work), strict=True):
            job.compute_ns += share
        interval = min(_FLUSH_NS_A_REPLY * (len(self._running) - 1), _LONGEST_FLUSH_NS)
        for job in self._running:
            job.flush(now, interval)

    def _collect(self) -> list[StepWork]:
        """Read what the step made, and what it cost whom, in the order of the running jobs."""
        writing = sum(
            1
            for job in self._running
            for reply in job.replies
            if reply.handle is not None and not reply.prompt_left
        )
        # The runtime's scheduler: replies first, then prompts in order of arrival, up to the step's size.
        budget = self._model.config.max_batched_tokens - writing
        work: list[StepWork] = []
        for job in self._running:
            done = StepWork()
            for reply in job.replies:
                if reply.handle is None:
                    continue
                if reply.prompt_left:
                    taken = min(reply.prompt_left, max(budget, 0))
                    budget -= taken
                    reply.prompt_left -= taken
                    done.prompt_tokens += taken
                self._read(job, reply, done)
            if all(reply.ended for reply in job.replies) and not job.finished:
                job.finished = True
                assert job.started_at is not None
                self._recent_seconds.append((perf_counter_ns() - job.started_at) / 1e9)
            if job.to_begin and job.output_tokens and not job.finished:
                self._begun += [(job, reply) for reply in job.to_begin]
                job.to_begin = []
            work.append(done)
        return work

    def _read(self, job: Job, reply: _Reply, done: StepWork) -> None:
        handle = reply.handle
        assert handle is not None
        while handle.can_read():
            for output in handle.read().values():
                made = output.generated_ids
                if not made:
                    continue
                if not reply.ids:
                    reply.prompt_left = 0
                    # The prompt is in the cache now, for the next request that begins like it.
                    self._books.hold(reply.prompt, partial=False)
                reply.ids += made
                done.reply_tokens += len(made)
                job.output_tokens += len(made)
                self._totals.output_tokens += len(made)
                self._count_thinking(job, reply, len(made))
                reply.write(reply.stops.push(reply.detokenizer.push(made)))
                if job.request.sampling.logprobs:
                    reply.logprobs += map(self._model.token_logprob, made, output.generated_log_probs)
        if reply.stops.found:
            handle.stop()
            self._end(job, reply, "stop")
            return
        status = handle.get_status()
        if status == GenerationStatus.FINISHED:
            cut = reply.before + len(reply.ids) >= job.config.max_new_tokens and (
                job.request.sampling.ignore_eos or reply.ids[-1] not in self._model.end_tokens
            )
            self._end(job, reply, "length" if cut else "stop")
        elif status == GenerationStatus.IGNORED:
            self._drop(job)
            job.fail(
                InvalidRequest(
                    f"The prompt of {len(job.prompt)} tokens does not fit into the engine's KV cache. "
                    "Shorten it, or raise kv_cache_gb.",
                    code="context_length_exceeded",
                    param="messages",
                )
            )

        elif reply.thoughts.inside and reply.budget is not None and reply.budget <= 0:
            handle.stop()
            self._let_go(job, reply)
            self._answer_now(job, reply)

    def _count_thinking(self, job: Job, reply: _Reply, tokens: int) -> None:
        if reply.thoughts.inside:
            job.reasoning_tokens += tokens
            if reply.budget is not None:
                reply.budget -= tokens

    def _answer_now(self, job: Job, reply: _Reply) -> None:
        """Have a reply that has thought for long enough go on as if it had ended its thinking itself."""
        text, tokens = self._model.end_of_thinking
        prompt = [*reply.prompt, *reply.ids, *tokens]
        left = job.config.max_new_tokens - reply.before - len(reply.ids)
        if left < 1 or len(prompt) + left > self._model.context:
            # The end of its thinking is the end of its room.
            self._end(job, reply, "length")
            return
        reply.before += len(reply.ids)
        reply.prompt, reply.ids = prompt, []
        reply.write(reply.detokenizer.finish() + text)
        reply.detokenizer = self._model.new_detokenizer()
        self._begun.append((job, reply))

    def _end(self, job: Job, reply: _Reply, reason: FinishReason) -> None:
        self._let_go(job, reply)
        reply.write(reply.stops.push(reply.detokenizer.finish(), last=True), last=True)
        reply.finish = reason
        reply.ended = True

    def _let_go(self, job: Job, reply: _Reply) -> None:
        """The runtime's work on ``reply`` is over, and its cache keeps what was computed."""
        reply.handle = None
        # The last token was chosen but never read by the model, so the cache does not hold it.
        read = len(reply.prompt) - reply.prompt_left
        self._books.hold([*reply.prompt[:read], *reply.ids[:-1]])

    def _seconds_to_a_place(self) -> float:
        """When a place will be free: of n running requests that take t seconds each, one ends every t/n seconds."""
        done, running = self._recent_seconds, max(1, len(self._running))
        return max(1.0, sum(done) / len(done) / running) if done else 1.0

    def _break(self, error: Exception) -> None:
        """Fail everything that was taken in. A grammar that was about to be used for the first time is the suspect."""
        self.broken = error
        for job in (*self._running, *self._waiting):
            suspect = job in self._running and job.request.sampling.response_format and not job.output_tokens
            job.fail(
                InvalidRequest(
                    f"The engine cannot follow this response_format: {first_reason(error)}",
                    code="invalid_json_schema",
                    param="response_format",
                )
                if suspect
                else engine_lost()
            )
        self._running.clear()
        self._waiting.clear()


def _goes_on_thinking(request: GenerateRequest) -> bool | None:
    """Whether the reply goes on in the middle of its thinking, or after it; None when it begins."""
    if not request.continue_reply or isinstance(request.prompt, str):
        return None
    last = request.prompt[-1]
    return bool(last.reasoning) and not last.content


def engine_lost() -> Unavailable:
    """What the requests of an engine that went away get: the same request may simply be sent again."""
    return Unavailable(
        "The engine stopped while it was working on this request and is being restarted. Send the request again.",
        code="engine_lost",
        retry_after=2.0,
    )
