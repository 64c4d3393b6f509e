"""Replies that think and use tools: durable in every step, and never twice."""

import asyncio
import json

import pytest

from causette.accounts import Caller
from causette.assistant.generation.parts import Step, StepStatus, Story, Thinking, Vote
from causette.assistant.generation.preface import Asking, Piece
from causette.assistant.generation.writer import Means
from causette.assistant.tools.service import Tools
from causette.assistant.tools.toolbox import Toolbox
from causette.assistant.tools.types import Limits, ToolFailed
from causette.assistant.types import SILENT_FOR, EventType, ReplyOptions, Status
from causette.errors import Conflict, InvalidRequest, NotFound, Unavailable
from tests.adder import ADDING, NONE, Adder
from tests.assistant.conftest import Process, assert_whole, kill_writer, read_to_end, text_of
from tests.scripted import ScriptedEngine
from tests.waiting import eventually

ADD = ReplyOptions(tools=("add",))


def give(process: Process, tool: Adder, **limits: int) -> None:
    process.assistant.writers.means = Means(toolbox=Toolbox([tool], limits=Limits(**limits)))


async def story_of(process: Process, generation_id: str) -> Story:
    return Story(await process.store.events(generation_id, 0))


async def in_status(process: Process, generation_id: str, status: StepStatus) -> Step:
    """Wait until the reply's first step is in ``status``."""

    async def step() -> Step | None:
        steps = (await story_of(process, generation_id)).steps
        return steps[0] if steps and steps[0].status is status else None

    found = await eventually(step, f"a step that is {status}")
    assert found is not None
    return found


def lost() -> Unavailable:
    return Unavailable("The engine was lost.", code="engine_lost", retry_after=0.01)


async def test_thinking_is_kept_apart_from_the_answer(here: Process, ada: Caller) -> None:
    turn = await here.assistant.start(ada, content="Two and two?", model=None)
    call = await here.engine.called()
    call.think("Hm, ", "four.")
    call.say("Four.")
    call.end()
    events = await read_to_end(here.assistant, ada, turn.generation.id)
    assert_whole(events)
    assert text_of(events) == "Four."
    _, nodes = await here.assistant.conversation(ada, turn.conversation.id)
    assert nodes[-1].content == "Four."
    (part,) = Story(events).parts
    assert isinstance(part, Thinking)
    assert (part.at, part.text) == (0, "Hm, four.")
    assert part.seconds is not None
    assert nodes[-1].parts is not None
    assert nodes[-1].parts[0]["text"] == "Hm, four."


async def test_a_reply_lost_in_its_thinking_goes_on_there(here: Process, ada: Caller) -> None:
    turn = await here.assistant.start(ada, content="Two and two?", model=None)
    call = await here.engine.called()
    call.think("Hm, ")
    call.fail(lost())
    again = await here.engine.called()
    assert again.request.continue_reply
    assert (again.request.prompt[-1].content, again.request.prompt[-1].reasoning) == ("", "Hm, ")  # type: ignore[union-attr]
    again.think("four.")
    again.say("Four.")
    again.end()
    events = await read_to_end(here.assistant, ada, turn.generation.id)
    assert [part.text for part in Story(events).parts if isinstance(part, Thinking)] == ["Hm, four."]


async def test_what_rooms_have_to_say_comes_first(here: Process, ada: Caller) -> None:
    async def source(asking: Asking) -> list[Piece]:
        return [Piece("project", f"Answer {asking.question!r} in verse.")]

    here.assistant.writers.means.sources.append(source)
    await here.assistant.start(ada, content="Rain?", model=None)
    call = await here.engine.called()
    assert call.turns == [("system", "Answer 'Rain?' in verse."), ("user", "Rain?")]
    call.end()


async def test_a_model_without_tool_calls_decides_within_a_grammar(here: Process, ada: Caller) -> None:
    tool = Adder()
    give(here, tool)
    turn = await here.assistant.start(ada, content="2 + 3?", model=None, options=ADD)
    decision = await here.engine.called()
    schema = decision.request.sampling.response_format
    assert schema is not None
    assert schema.schema is not None
    assert len(schema.schema["anyOf"]) == 2  # type: ignore[arg-type]
    decision.say(ADDING)
    decision.end()
    second = await here.engine.called()
    assert "The sum is 5." in second.turns[-1][1]
    second.say(NONE)
    second.end()
    answer = await here.engine.called()
    assert answer.request.sampling.response_format is None
    answer.say("It is 5.")
    answer.end()
    events = await read_to_end(here.assistant, ada, turn.generation.id)
    assert_whole(events)
    story = Story(events)
    (step,) = story.steps
    assert (step.status, step.summary, step.cost_nano, step.result) == (StepStatus.DONE, "5", 5, True)
    assert (story.text, tool.runs) == ("It is 5.", [{"a": 2, "b": 3}])
    tools = Tools(here.store, here.assistant)
    assert (await tools.result(ada, turn.generation.id, step.id)).text == "The sum is 5."
    ids = [request.id for request in here.engine.requests]
    assert len(set(ids)) == 3, "each round is a request of its own in the books"


async def test_the_same_call_is_not_made_twice(here: Process, ada: Caller) -> None:
    tool = Adder()
    give(here, tool)
    turn = await here.assistant.start(ada, content="2 + 3?", model=None, options=ADD)
    for _ in range(2):
        decision = await here.engine.called()
        decision.say(ADDING)
        decision.end()
    answer = await here.engine.called()
    answer.say("5")
    answer.end()
    await read_to_end(here.assistant, ada, turn.generation.id)
    assert len(tool.runs) == 1


async def test_a_limit_on_rounds_has_the_model_answer(here: Process, ada: Caller) -> None:
    give(here, Adder(), rounds=1)
    turn = await here.assistant.start(ada, content="2 + 3?", model=None, options=ADD)
    decision = await here.engine.called()
    decision.say(ADDING)
    decision.end()
    answer = await here.engine.called()
    assert answer.request.sampling.response_format is None
    assert "Use no more tools" in answer.turns[-1][1]
    answer.say("5")
    answer.end()
    await read_to_end(here.assistant, ada, turn.generation.id)


@pytest.mark.parametrize(
    ("fault", "summary"), [(ToolFailed("No such number."), "No such number."), (KeyError("x"), "KeyError")]
)
async def test_a_tool_that_fails_is_told_of(
    here: Process, ada: Caller, fault: Exception, summary: str
) -> None:
    tool = Adder()
    tool.fault = fault
    give(here, tool, rounds=1)
    turn = await here.assistant.start(ada, content="2 + 3?", model=None, options=ADD)
    decision = await here.engine.called()
    decision.say(ADDING)
    decision.end()
    answer = await here.engine.called()
    assert f"This failed: {summary}" in answer.turns[-1][1]
    answer.say("Sorry.")
    answer.end()
    events = await read_to_end(here.assistant, ada, turn.generation.id)
    (step,) = Story(events).steps
    assert (step.status, step.summary) == (StepStatus.FAILED, summary)


@pytest.mark.parametrize("read_only", [True, False])
async def test_a_step_that_a_dead_writer_had_begun(
    here: Process, there: Process, ada: Caller, read_only: bool
) -> None:
    """What changes nothing is run again; of anything else nobody knows what came of it."""
    first, second = Adder(read_only=read_only), Adder(read_only=read_only)
    first.gate = asyncio.Event()
    give(here, first, rounds=1)
    give(there, second, rounds=1)
    turn = await here.assistant.start(ada, content="2 + 3?", model=None, options=ADD)
    generation_id = turn.generation.id
    decision = await here.engine.called()
    decision.say(ADDING)
    decision.end()
    if not read_only:
        asked = await in_status(here, generation_id, StepStatus.ASKED)
        await Tools(here.store, here.assistant).answer(ada, generation_id, asked.id, approved=True)
    await in_status(here, generation_id, StepStatus.RUNNING)
    await eventually(lambda: first.runs, "the tool to run")
    kill_writer(generation_id)
    await here.store.give_up(here.assistant.writers.id)
    await there.assistant.open()
    answer = await there.engine.called()
    answer.say("Done.")
    answer.end()
    events = await read_to_end(there.assistant, ada, generation_id)
    assert_whole(events)
    (step,) = Story(events).steps
    assert len(first.runs) == 1
    if read_only:
        assert (step.status, len(second.runs)) == (StepStatus.DONE, 1)
    else:
        assert (step.status, step.reason, second.runs) == (StepStatus.FAILED, "interrupted", [])


async def test_a_finished_step_is_not_run_again(here: Process, there: Process, ada: Caller) -> None:
    first, second = Adder(), Adder()
    give(here, first, rounds=1)
    give(there, second, rounds=1)
    turn = await here.assistant.start(ada, content="2 + 3?", model=None, options=ADD)
    decision = await here.engine.called()
    decision.say(ADDING)
    decision.end()
    answer = await here.engine.called()
    answer.say("It ")

    async def written() -> bool:
        return (await story_of(here, turn.generation.id)).text == "It "

    await eventually(written, "the first word")
    kill_writer(turn.generation.id)
    await here.store.give_up(here.assistant.writers.id)
    await there.assistant.open()
    again = await there.engine.called()
    assert again.request.continue_reply
    assert "The sum is 5." in again.turns[-2][1]
    assert again.turns[-1] == ("assistant", "It ")
    again.say("is 5.")
    again.end()
    events = await read_to_end(there.assistant, ada, turn.generation.id)
    assert_whole(events)
    assert (text_of(events), second.runs) == ("It is 5.", [])


@pytest.mark.parametrize("approved", [True, False])
async def test_the_answer_may_come_from_another_device_after_a_restart(
    here: Process, there: Process, ada: Caller, bob: Caller, approved: bool
) -> None:
    tools = [Adder(read_only=False), Adder(read_only=False)]
    for process, tool in zip((here, there), tools, strict=True):
        give(process, tool, rounds=1)
    turn = await here.assistant.start(ada, content="2 + 3?", model=None, options=ADD)
    generation_id = turn.generation.id
    decision = await here.engine.called()
    decision.say(ADDING)
    decision.end()
    asked = await in_status(here, generation_id, StepStatus.ASKED)
    assert await here.store.take_over("nobody", SILENT_FOR) == [], "nobody takes over what waits"
    await here.assistant.close(grace=1)
    answering = Tools(there.store, there.assistant)
    with pytest.raises(NotFound):
        await answering.answer(bob, generation_id, asked.id, approved=True)
    with pytest.raises(NotFound):
        await answering.answer(ada, generation_id, "step_none", approved=True)
    await answering.answer(ada, generation_id, asked.id, approved=approved)
    answer = await there.engine.called()
    assert ("The sum is 5." in answer.turns[-1][1]) is approved
    with pytest.raises(Conflict):
        await answering.answer(ada, generation_id, asked.id, approved=not approved)
    answer.say("Well.")
    answer.end()
    events = await read_to_end(there.assistant, ada, generation_id)
    assert_whole(events)
    (step,) = Story(events).steps
    assert step.status is (StepStatus.DONE if approved else StepStatus.REFUSED)
    assert [len(tool.runs) for tool in tools] == [0, int(approved)]


async def test_a_reply_that_waits_for_its_reader_can_be_stopped(here: Process, ada: Caller) -> None:
    give(here, Adder(read_only=False))
    turn = await here.assistant.start(ada, content="2 + 3?", model=None, options=ADD)
    decision = await here.engine.called()
    decision.say(ADDING)
    decision.end()
    await in_status(here, turn.generation.id, StepStatus.ASKED)
    assert (await here.assistant.stop(ada, turn.generation.id)).status is Status.STOPPED
    events = await read_to_end(here.assistant, ada, turn.generation.id)
    assert_whole(events)
    (step,) = Story(events).steps
    assert (step.status, step.reason) == (StepStatus.REFUSED, "stopped")


async def test_a_tool_that_does_not_exist_is_refused_at_once(here: Process, ada: Caller) -> None:
    give(here, Adder())
    with pytest.raises(InvalidRequest) as refused:
        await here.assistant.start(ada, content="Hi", model=None, options=ReplyOptions(tools=("subtract",)))
    assert refused.value.param == "options.tools"


async def test_a_conversation_remembers_how_its_last_reply_was_made(here: Process, ada: Caller) -> None:
    give(here, Adder())
    turn = await here.assistant.start(ada, content="Hi", model=None, options=ADD)
    (await here.engine.called()).say(NONE)
    found, _ = await here.assistant.conversation(ada, turn.conversation.id)
    assert found.options == {"tools": ["add"]}


async def test_the_commonest_of_several_answers_is_taken(here: Process, ada: Caller) -> None:
    here.assistant.writers.means = Means(most_samples=3)
    with pytest.raises(InvalidRequest):
        await here.assistant.start(ada, content="6 x 7?", model=None, options=ReplyOptions(samples=4))
    turn = await here.assistant.start(ada, content="6 x 7?", model=None, options=ReplyOptions(samples=3))
    call = await here.engine.called()
    assert call.request.n == 3
    for index, text in enumerate(("It is 41.", "The answer is 42.", "So: **42**")):
        call.sample(index, text)
    call.end()
    events = await read_to_end(here.assistant, ada, turn.generation.id)
    assert text_of(events) == "The answer is 42."
    assert Story(events).parts == [Vote(0, 3, 2)]


async def test_events_of_unknown_versions_change_nothing(here: Process, ada: Caller) -> None:
    turn = await here.assistant.start(ada, content="Hi", model=None)
    call = await here.engine.called()
    call.think("Hm")
    call.say("Yes")
    call.end()
    events = await read_to_end(here.assistant, ada, turn.generation.id)
    newer = [
        type(event)(event.seq, event.type, json.dumps({**json.loads(event.data), "v": 2}))
        if event.type is EventType.THINKING
        else event
        for event in events
    ]
    assert (Story(newer).parts, Story(newer).text) == ([], "Yes")


async def test_a_model_with_tool_calls_gets_each_round_as_it_made_it(
    here: Process, ada: Caller, engine: ScriptedEngine
) -> None:
    tool = Adder()
    give(here, tool)
    turn = await here.assistant.start(ada, content="2 + 3?", model="caller", options=ADD)
    first = await engine.called()
    assert [spec.name for spec in first.request.tools] == ["add"]
    first.say("Let me see. ")
    first.call("add", '{"a": 2, "b": 3}')
    first.call("subtract", "{}", index=1)
    first.call("add", '{"a": 2}', index=2)
    first.end()
    second = await engine.called()
    _, asked, *results = second.request.prompt
    assert asked.content == "Let me see. "  # type: ignore[union-attr]
    assert [call.name for call in asked.tool_calls] == ["add", "subtract", "add"]  # type: ignore[union-attr]
    assert [result.content for result in results] == [  # type: ignore[union-attr]
        "The sum is 5.",
        "This failed: gone.",
        "This failed: Missing: b..",
    ]
    second.say("It is 5.")
    second.end()
    events = await read_to_end(here.assistant, ada, turn.generation.id)
    assert_whole(events)
    assert text_of(events) == "Let me see. It is 5."
    assert [step.at for step in Story(events).steps] == [12, 12, 12]
    assert len(tool.runs) == 1
