"""The loop of a reply: the model writes or asks for tools, they run, it goes on, until it has answered.

Whatever interrupts it, the log says how far it came. A step that is over is never run again. One that had begun is run
again only if it changes nothing; of any other nobody can know what came of it, so it counts as failed. A step that
needs the reader's yes ends this writer's work: whoever brings the answer has the reply continued.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import Final, Protocol, cast

import msgspec
import structlog

from causette.accounts.types import Caller
from causette.assistant.generation import asking, preface
from causette.assistant.generation.asking import Wanted
from causette.assistant.generation.draft import Draft
from causette.assistant.generation.parts import Sources, Step, StepStatus
from causette.assistant.generation.preface import Asking, Piece, Preface, cut, preface_of
from causette.assistant.generation.prompt import fitting, longest_reply, shortened, turns_of
from causette.assistant.generation.voting import commonest
from causette.assistant.knowledge.types import Source
from causette.assistant.tools.python import Python
from causette.assistant.tools.toolbox import Toolbox
from causette.assistant.tools.types import Tool, ToolContext, ToolFailed, ToolResult
from causette.assistant.types import Generation, Message
from causette.clock import utc_now
from causette.engines.types import (
    ChatMessage,
    Completed,
    Delta,
    Effort,
    GenerateRequest,
    Sampling,
    ToolCallPiece,
)
from causette.errors import InvalidRequest, TooManyRequests, Unavailable
from causette.gateway import Deployment
from causette.gateway.admission import Origin
from causette.gateway.service import Begun, Gateway, Queued, Settled
from causette.ids import new_id

_log = structlog.get_logger(__name__)

#: How long a step waits for its reader's yes or no.
ANSWER_WITHIN: Final = timedelta(hours=24)
# An engine that was lost over a reply is asked to continue this many times in a row without a new word: it may be the
# reply that kills it. One that is only away is given the time that servers take to start.
_ATTEMPTS: Final = 5
_AWAY_SECONDS: Final = 120.0
_LONGEST_PAUSE: Final = 2.0
_DECISION_TOKENS: Final = 320
# Room for thinking, beside the answer's.
_THINKING_TOKENS: Final[dict[Effort, int]] = {"off": 0, "low": 512, "medium": 2048, "high": 8192}
_LONGEST_SUMMARY: Final = 300
# Runs at the same time find no more passages of files than this each, so that no two have the same number.
_SOURCES_A_RUN: Final = 5


class ReaderAsked(Exception):
    """The reply cannot go on before its reader has said yes or no."""


class Steps(Protocol):
    """What is kept of a reply's steps beside its log."""

    async def answers(self, generation_id: str) -> dict[str, bool]:
        """The reader's yes or no, by the step's id."""
        ...

    async def results(self, generation_id: str) -> dict[str, ToolResult]:
        """What the steps found, by their ids."""
        ...

    async def keep_result(self, step_id: str, generation_id: str, result: ToolResult) -> bool:
        """Keep what a step found; False when there was something before."""
        ...


class Rounds:
    """Writes one reply's text and steps into its draft."""

    def __init__(
        self,
        gateway: Gateway,
        steps: Steps,
        toolbox: Toolbox,
        sources: Sequence[preface.Source],
        caller: Caller,
        generation: Generation,
        deployment: Deployment,
        branch: Sequence[Message],
        draft: Draft,
    ) -> None:
        self._gateway = gateway
        self._steps = steps
        self._toolbox = toolbox
        self._limits = toolbox.limits
        self._sources = sources
        self._caller = caller
        self._generation = generation
        self._options = generation.options
        self._branch = branch
        self._draft = draft
        self._deployment = deployment
        self._context = deployment.engine.context
        self._preface = Preface()
        self._turns: list[ChatMessage] = []
        self._results: dict[str, str] = {}
        self._charged_nano = 0

    async def write(self) -> None:
        """Bring the reply from wherever it is to its end.

        Raises:
            ReaderAsked: a step waits for its reader.
            CausetteError: it cannot be written, for a reason that trying again would not cure.
        """
        asking_for = Asking(
            caller=self._caller,
            conversation_id=self._generation.conversation_id,
            generation_id=self._generation.id,
            model=self._generation.model,
            branch=self._branch,
            cited=self._given(),
        )
        self._preface = await preface_of(self._sources, asking_for)
        if asking_for.cited is None:
            self._draft.cite(self._preface.passages(self._context))
        tools = await self._toolbox.enabled(self._caller, self._options.tools)
        tools = [
            await tool.at(self._generation.message_id) if isinstance(tool, Python) else tool for tool in tools
        ]
        if self._deployment.calls_tools and self._options.samples == 1:
            tools += await self._toolbox.at_hand(self._caller)
        self._turns = turns_of(self._branch, sees=self._deployment.sees)
        story = self._draft.story
        if story.steps:
            await self._run_steps(tools)
        if self._options.samples > 1 and not tools and not story.text:
            await self._vote(self._options.samples)
            return
        while calls := await self._next(tools):
            self._begin_steps(calls, tools)
            await self._run_steps(tools)

    def _given(self) -> list[Source] | None:
        """The passages that the reply was begun with, before its tools found others; None where it has not been."""
        story = self._draft.story
        if not story.parts:
            return [] if story.text else None
        first = story.parts[0]
        return first.items if isinstance(first, Sources) else []

    # Asking the model

    async def _next(self, tools: Sequence[Tool]) -> list[Wanted]:
        """Have the model go on; the tools it asks for, none when the reply is whole."""
        if not tools:
            await self._answer(())
            return []
        allowed = tools if self._within_limits() else ()
        if self._deployment.calls_tools:
            calls = await self._answer(tools, may_call=bool(allowed))
            return calls[: self._limits.calls] if allowed else []
        if allowed and asking.unfinished(self._draft.story) is None and (call := await self._decide(allowed)):
            return [call]
        await self._answer(())
        return []

    async def _answer(self, tools: Sequence[Tool], *, may_call: bool = False) -> list[Wanted]:
        """Have the model write on, until it has done or asks for tools."""
        calls: dict[int, ToolCallPiece] = {}

        def request() -> GenerateRequest:
            calls.clear()
            turns, unfinished = self._prompt(native=bool(tools)), asking.unfinished(self._draft.story)
            return GenerateRequest(
                id=self._request_id(),
                model=self._generation.model,
                prompt=(*turns, unfinished) if unfinished else tuple(turns),
                continue_reply=unfinished is not None,
                sampling=Sampling(max_tokens=max(1, self._most_tokens() - self._draft.usage.output_tokens)),
                effort=self._effort(),
                tools=asking.specs(tools),
                tool_choice="auto" if may_call else "none",
            )

        def take(delta: Delta) -> None:
            self._draft.think(delta.reasoning)
            self._draft.say(delta.text)
            for piece in delta.tool_calls:
                calls[piece.index] = _joined(calls.get(piece.index), piece)
            self._draft.finish_reason = delta.finish_reason or self._draft.finish_reason

        await self._ask(request, take)
        self._draft.end_thinking()
        return [asking.wanted(call.name, call.arguments) for _, call in sorted(calls.items())]

    async def _decide(self, tools: Sequence[Tool]) -> Wanted | None:
        """Which of its tools a model that calls none itself would use next."""
        loose, answer = False, ""
        instructions = Piece("tools", asking.decision_prompt(tools))

        def request() -> GenerateRequest:
            nonlocal answer
            answer = ""
            return GenerateRequest(
                id=f"{self._request_id()}-tool",
                model=self._generation.model,
                prompt=tuple(self._prompt(native=False, more=instructions)),
                sampling=Sampling(
                    max_tokens=_DECISION_TOKENS,
                    temperature=0.0,
                    response_format=asking.decision_format(tools, loose=loose),
                ),
                effort="off" if self._deployment.thinks else None,
            )

        def take(delta: Delta) -> None:
            nonlocal answer
            answer += delta.text

        try:
            await self._ask(request, take)
        except InvalidRequest as error:
            if error.param != "response_format":
                raise
            loose = True
            await self._ask(request, take)
        call = asking.decided(answer)
        asked = {(step.name, str(step.arguments)) for step in self._draft.story.steps}
        return call if call and (call.name, str(call.arguments)) not in asked else None

    async def _vote(self, samples: int) -> None:
        """Write several answers and keep the one that most agree with."""
        self._draft.vote(samples)
        answers = [""] * samples

        def request() -> GenerateRequest:
            answers[:] = [""] * samples
            return GenerateRequest(
                id=f"{self._generation.id}-vote",
                model=self._generation.model,
                prompt=tuple(self._prompt(native=False)),
                n=samples,
                sampling=Sampling(max_tokens=self._most_tokens()),
                effort=self._effort(),
            )

        def take(delta: Delta) -> None:
            answers[delta.index] += delta.text
            if delta.index == 0:
                self._draft.finish_reason = delta.finish_reason or self._draft.finish_reason

        await self._ask(request, take)
        best, agree = commonest(answers)
        self._draft.vote(samples, agree)
        self._draft.say(answers[best])

    async def _ask(self, request: Callable[[], GenerateRequest], take: Callable[[Delta], None]) -> None:
        """Have the engine do one thing to its end, going on when it is lost, with less of the past if it must be."""
        clock = asyncio.get_running_loop().time
        attempts, losses, since = 0, 0, clock()
        while True:
            before = self._draft.progress
            try:
                await self._run_engine(request(), take)
            except InvalidRequest as error:
                if error.code != "context_length_exceeded" or len(self._turns) <= 1:
                    raise
                self._turns = shortened(self._turns)
            except (Unavailable, TooManyRequests) as error:
                if self._draft.progress > before:
                    attempts, losses, since = 0, 0, clock()
                away = isinstance(error, Unavailable) and error.code != "engine_lost"
                attempts, losses = attempts + 1, losses + (not away)
                if error.retry_after is None or losses > _ATTEMPTS or clock() - since > _AWAY_SECONDS:
                    raise
                _log.warning("reply waits for its engine", generation=self._generation.id, code=error.code)
                await asyncio.sleep(min(error.retry_after, _LONGEST_PAUSE) if attempts > 1 else 0.1)
            else:
                return

    async def _run_engine(self, request: GenerateRequest, take: Callable[[Delta], None]) -> None:
        # The prompt is paid for once, however often the reply is broken off and continued.
        origin = Origin(surface="assistant", continues=True)
        async with aclosing(self._gateway.generate(self._caller, request, origin)) as stream:
            async for item in stream:
                if isinstance(item, Delta):
                    take(item)
                    self._draft.place = None
                elif isinstance(item, Completed):
                    self._draft.account(item)
                elif isinstance(item, Queued):
                    self._draft.place = item
                elif isinstance(item, Begun):
                    self._draft.release_id = item.release_id
                elif isinstance(item, Settled):
                    self._charged_nano += item.charge_nano

    def _prompt(self, *, native: bool, more: Piece | None = None) -> list[ChatMessage]:
        story = self._draft.story
        preface = self._preface if more is None else self._preface.plus((more,))
        opening = preface.turns(self._context)
        if native:
            rest = asking.rounds(story, self._results)
            taken = sum(len(turn.content) for turn in (*opening, *rest))
            return [*opening, *fitting(self._turns, self._context, taken), *rest]
        taken = sum(len(turn.content) for turn in opening)
        taken += sum(len(asking.outcome(step, self._results)) for step in story.steps)
        turns = fitting(self._turns, self._context, taken)
        return [
            *opening,
            *asking.with_findings(turns, story.steps, self._results, last=not self._within_limits()),
        ]

    def _request_id(self) -> str:
        """The name of this round's request: what is asked again under it is charged once."""
        steps = self._draft.story.steps
        return f"{self._generation.id}-{steps[-1].round + 1}" if steps else self._generation.id

    def _effort(self) -> Effort | None:
        return (self._options.effort or "medium") if self._deployment.thinks else None

    def _most_tokens(self) -> int:
        effort = self._effort()
        thinking = 0 if effort is None else min(_THINKING_TOKENS[effort], self._context // 4)
        return longest_reply(self._context) + thinking

    def _within_limits(self) -> bool:
        steps, limits = self._draft.story.steps, self._limits
        spent = self._charged_nano + sum(step.cost_nano for step in steps)
        return (
            (not steps or steps[-1].round + 1 < limits.rounds)
            and self._seconds_left() > 0
            and spent < limits.nano
        )

    def _seconds_left(self) -> float:
        return self._limits.seconds - sum(step.seconds or 0.0 for step in self._draft.story.steps)

    # Running tools

    def _begin_steps(self, calls: Sequence[Wanted], tools: Sequence[Tool]) -> None:
        steps = self._draft.story.steps
        by_name, number = {tool.name: tool for tool in tools}, steps[-1].round + 1 if steps else 0
        for call in calls:
            tool = by_name.get(call.name)
            step = Step(
                id=new_id("step"),
                at=self._draft.story.length,
                round=number,
                name=call.name[:64],
                title=tool.title if tool else call.name[:64],
                arguments=call.arguments or {},
                status=StepStatus.RUNNING if tool is None or tool.read_only else StepStatus.ASKED,
                began_at=utc_now(),
                read_only=tool is None or tool.read_only,
            )
            self._draft.begin(step)
            if tool is None:
                self._draft.change(step, status=StepStatus.FAILED, reason="gone")
            elif problem := _problem(call, tool):
                self._draft.change(step, status=StepStatus.FAILED, reason="arguments", summary=problem)

    async def _run_steps(self, tools: Sequence[Tool]) -> None:
        """Bring every step to its end.

        Raises:
            ReaderAsked: some wait for their reader; the others are over.
        """
        generation_id = self._generation.id
        steps = self._draft.story.steps
        found = await self._steps.results(generation_id)
        if any(step.status is StepStatus.ASKED for step in steps):
            answers = await self._steps.answers(generation_id)
            for step in steps:
                if step.status is StepStatus.ASKED:
                    self._hear(step, answers.get(step.id))
        by_name = {tool.name: tool for tool in tools}
        runs: list[Awaitable[None]] = []
        for step in steps:
            if step.id in found:
                self._results[step.id] = self._seen(found[step.id].text)
                if not step.status.over:
                    self._done(step, found[step.id])
            elif step.status in {StepStatus.APPROVED, StepStatus.RUNNING}:
                first = self._draft.story.last_source + 1 + len(runs) * _SOURCES_A_RUN
                runs.append(self._run(step, by_name.get(step.name), first))
        await asyncio.gather(*runs)
        if any(step.status is StepStatus.ASKED for step in steps):
            raise ReaderAsked

    def _hear(self, step: Step, answer: bool | None) -> None:
        if answer is not None:
            status = StepStatus.APPROVED if answer else StepStatus.REFUSED
            self._draft.change(step, status=status)
        elif utc_now() - step.began_at > ANSWER_WITHIN:
            self._draft.change(step, status=StepStatus.REFUSED, reason="unanswered")

    async def _run(self, step: Step, tool: Tool | None, first_source: int) -> None:
        if tool is None:
            self._draft.change(step, status=StepStatus.FAILED, reason="gone")
            return
        if step.status is StepStatus.RUNNING and not step.read_only:
            # It was approved and begun by a process that has died.
            self._draft.change(step, status=StepStatus.FAILED, reason="interrupted")
            return
        if step.status is not StepStatus.RUNNING:
            self._draft.change(step, status=StepStatus.RUNNING)
        # Whoever finds the step after this process has died must see that it had begun.
        await self._draft.in_the_log()
        clock = asyncio.get_running_loop().time
        began = clock()
        context = ToolContext(
            caller=self._caller,
            conversation_id=self._generation.conversation_id,
            generation_id=self._generation.id,
            step_id=step.id,
            first_source=first_source,
        )
        try:
            async with asyncio.timeout(self._patience(tool)):
                result = await tool.run(context, step.arguments)
        except TimeoutError:
            self._failed(step, clock() - began, "", reason="timeout")
        except ToolFailed as error:
            self._failed(step, clock() - began, str(error))
        except Exception as error:
            _log.exception("tool failed", tool=step.name, generation=self._generation.id)
            self._failed(step, clock() - began, type(error).__name__)
        else:
            result = msgspec.structs.replace(result, text=result.text.replace("\0", ""))
            await self._steps.keep_result(step.id, self._generation.id, result)
            self._results[step.id] = self._seen(result.text)
            self._done(step, result, clock() - began)

    def _patience(self, tool: Tool) -> float:
        """How many seconds it may take. What waits for a reader's browser has its own measure."""
        if isinstance(tool, Python):
            return tool.seconds
        return min(self._limits.call_seconds, max(0.1, self._seconds_left()))

    def _done(self, step: Step, result: ToolResult, seconds: float | None = None) -> None:
        took = (utc_now() - step.began_at).total_seconds() if seconds is None else seconds
        self._draft.cite(result.sources)
        self._draft.change(
            step,
            status=StepStatus.DONE,
            summary=_line(result.summary),
            seconds=round(took, 2),
            cost_nano=result.cost_nano,
            result=True,
        )

    def _failed(self, step: Step, seconds: float, why: str, *, reason: str = "") -> None:
        self._draft.change(
            step, status=StepStatus.FAILED, summary=_line(why), reason=reason, seconds=round(seconds, 2)
        )

    def _seen(self, text: str) -> str:
        """As much of a result as the model gets to see: a quarter of its context at most."""
        return cut(text, max(400, min(self._limits.characters, self._context)))


def _joined(before: ToolCallPiece | None, piece: ToolCallPiece) -> ToolCallPiece:
    if before is None:
        return piece
    return ToolCallPiece(
        piece.index, before.id or piece.id, before.name + piece.name, before.arguments + piece.arguments
    )


def _problem(call: Wanted, tool: Tool) -> str:
    """What is wrong with a call's arguments, if anything is: a tool looks at their values itself."""
    if call.arguments is None:
        return "The arguments are no JSON object."
    required = cast("list[str]", tool.parameters.get("required") or [])
    missing = [name for name in required if name not in call.arguments]
    return f"Missing: {', '.join(missing)}." if missing else ""


def _line(text: str) -> str:
    line = " ".join(text.replace("\0", "").split())
    return line if len(line) <= _LONGEST_SUMMARY else line[: _LONGEST_SUMMARY - 1] + "…"
