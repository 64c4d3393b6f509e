"""Code that the reader's browser runs: once, by the first to claim it, through restarts, and told of honestly."""

from datetime import timedelta
from hashlib import sha256

import pytest
import sqlalchemy as sa

from causette.accounts import Caller
from causette.assistant.files.store import files
from causette.assistant.files.types import File, FileStatus
from causette.assistant.generation.parts import Step, StepStatus, Story
from causette.assistant.generation.writer import Means
from causette.assistant.tables import messages
from causette.assistant.tools.python import Python
from causette.assistant.tools.service import Tools
from causette.assistant.tools.toolbox import Toolbox
from causette.assistant.tools.types import Limits, ToolResult
from causette.assistant.tools.working_folder import MOST_BYTES, folder_of
from causette.assistant.types import Message, ReplyOptions, Status
from causette.clock import utc_now
from causette.db import Database
from causette.errors import Conflict, NotFound
from causette.ids import new_id
from tests.assistant.conftest import Process, assert_whole, kill_writer, read_to_end, text_of
from tests.assistant.test_tree import said
from tests.waiting import eventually

WITH_PYTHON = ReplyOptions(tools=("python",))
CALLING = '{"tool": "python", "arguments": {"code": "print(2 + 3)"}}'
FIVE = ToolResult(text="5\nFiles shown to the reader: plot.svg (90 bytes)", summary="5")


def give(*processes: Process, unclaimed_seconds: float = 600) -> None:
    for process in processes:
        python = Python(process.store, unclaimed_seconds=unclaimed_seconds)
        # Its own patience counts, not that for other tools.
        limits = Limits(rounds=1, call_seconds=0.01)
        process.assistant.writers.means = Means(toolbox=Toolbox([python], limits=limits))


async def asked_for(process: Process, caller: Caller) -> tuple[str, Step]:
    """A reply whose model has asked for Python, and the step that waits for a browser."""
    turn = await process.assistant.start(caller, content="2 + 3?", model=None, options=WITH_PYTHON)
    decision = await process.engine.called()
    decision.say(CALLING)
    decision.end()

    async def running() -> Step | None:
        steps = Story(await process.store.events(turn.generation.id, 0)).steps
        return steps[0] if steps and steps[0].status is StepStatus.RUNNING else None

    step = await eventually(running, "a step that waits for a browser")
    assert step is not None
    return turn.generation.id, step


async def test_the_first_browser_runs_it_and_the_reply_goes_on_with_what_it_found(
    here: Process, ada: Caller, bob: Caller
) -> None:
    give(here)
    generation_id, step = await asked_for(here, ada)
    tools = Tools(here.store, here.assistant)
    with pytest.raises(Conflict):
        await tools.deliver(ada, generation_id, step.id, "laptop", FIVE)
    await tools.claim(ada, generation_id, step.id, "laptop")
    with pytest.raises(Conflict):
        await tools.claim(ada, generation_id, step.id, "phone")
    # After a reload the same browser takes it up again.
    await tools.claim(ada, generation_id, step.id, "laptop")
    with pytest.raises(NotFound):
        await tools.claim(bob, generation_id, step.id, "laptop")
    with pytest.raises(NotFound):
        await tools.deliver(bob, generation_id, step.id, "laptop", FIVE)
    with pytest.raises(Conflict):
        await tools.deliver(ada, generation_id, step.id, "phone", FIVE)
    await tools.deliver(ada, generation_id, step.id, "laptop", FIVE)
    await tools.deliver(ada, generation_id, step.id, "laptop", ToolResult(text="6", summary="6"))
    answer = await here.engine.called()
    assert "5\nFiles shown to the reader: plot.svg" in answer.turns[-1][1]
    answer.say("It is 5.")
    answer.end()
    events = await read_to_end(here.assistant, ada, generation_id)
    assert_whole(events)
    (done,) = Story(events).steps
    assert (done.status, done.summary, text_of(events)) == (StepStatus.DONE, "5", "It is 5.")
    with pytest.raises(Conflict):
        await tools.claim(ada, generation_id, step.id, "laptop")


async def test_what_a_browser_found_while_no_process_was_there_is_not_lost(
    here: Process, there: Process, ada: Caller
) -> None:
    give(here, there)
    generation_id, step = await asked_for(here, ada)
    tools = Tools(there.store, there.assistant)
    await tools.claim(ada, generation_id, step.id, "laptop")
    kill_writer(generation_id)
    await tools.deliver(ada, generation_id, step.id, "laptop", FIVE)
    await here.store.give_up(here.assistant.writers.id)
    await there.assistant.open()
    answer = await there.engine.called()
    assert "5\nFiles" in answer.turns[-1][1]
    answer.say("5.")
    answer.end()
    assert_whole(await read_to_end(there.assistant, ada, generation_id))


async def test_without_a_browser_the_model_is_told_so(here: Process, ada: Caller) -> None:
    give(here, unclaimed_seconds=0)
    generation_id, _ = await asked_for(here, ada)
    answer = await here.engine.called()
    assert "No browser took it" in answer.turns[-1][1]
    answer.say("I could not run it.")
    answer.end()
    events = await read_to_end(here.assistant, ada, generation_id)
    (step,) = Story(events).steps
    assert step.status is StepStatus.FAILED


async def test_a_claim_that_has_run_out_is_anybodys(here: Process, ada: Caller) -> None:
    give(here)
    generation_id, step = await asked_for(here, ada)
    steps = here.store.steps
    assert await steps.claim(step.id, generation_id, "laptop", timedelta(minutes=2))
    assert not await steps.claim(step.id, generation_id, "phone", timedelta(minutes=2))
    assert await steps.claim(step.id, generation_id, "phone", timedelta(seconds=-1))
    assert await steps.is_claimed_by(step.id, generation_id, "phone")
    assert (await here.assistant.stop(ada, generation_id)).status is Status.STOPPED
    with pytest.raises(Conflict):
        await Tools(here.store, here.assistant).claim(ada, generation_id, step.id, "phone")


def attached(name: str, size: int = 10, file_id: str | None = None) -> dict[str, object]:
    return {"id": file_id or new_id("file"), "name": name, "size": size}


def test_each_file_has_a_name_of_its_own_and_the_newest_has_the_one_it_came_with() -> None:
    newest, older, oldest = attached("a.csv"), attached("A.csv"), attached("a.csv")
    folder = folder_of([newest, older, newest, oldest])
    assert [(file.id, file.name) for file in folder.files] == [
        (newest["id"], "a.csv"),
        (older["id"], "A (2).csv"),
        (oldest["id"], "a (3).csv"),
    ]
    assert folder.told() == (
        "Its working folder has: a.csv (10 bytes), A (2).csv (10 bytes), a (3).csv (10 bytes)."
    )


def test_what_there_is_no_room_for_is_left_out_by_name() -> None:
    folder = folder_of([attached("new.csv"), attached("large.csv", MOST_BYTES), attached("old.csv")])
    assert [file.name for file in folder.files] == ["new.csv", "old.csv"]
    assert folder.left == ("large.csv",)
    many = folder_of([attached(f"{number}.csv") for number in range(60)])
    assert (len(many.files), len(many.left)) == (50, 10)
    assert many.told().endswith("19.csv (10 bytes) and 30 older files.")


async def with_file(database: Database, message: Message, name: str) -> str:
    """Attaches a file to a message; its id."""
    file = File(
        id=new_id("file"),
        owner_id=message.owner_id,
        name=name,
        media_type="text/csv",
        kind="table",
        size=5,
        sha256=sha256(name.encode()).hexdigest(),
        width=None,
        height=None,
        thumbnail_sha256=None,
        status=FileStatus.READY,
        error_code=None,
        error_message=None,
        parsed_sha256=None,
        characters=0,
        project_id=None,
        assistant_id=None,
        created_at=utc_now(),
    )
    listed = [*(message.attachments or ()), {"id": file.id, "name": name, "size": file.size, "kind": "table"}]
    async with database.write() as connection:
        row = {column.name: getattr(file, column.name) for column in files.c}
        await connection.execute(sa.insert(files).values(row))
        query = sa.update(messages).where(messages.c.id == message.id)
        await connection.execute(query.values(attachments=listed))
    return file.id


async def test_the_model_is_told_of_the_files_that_lead_to_its_reply(
    here: Process, database: Database, ada: Caller, bob: Caller
) -> None:
    give(here)
    first, reply = await said(here.store, ada, "Here they are.", "Thanks.")
    tides = await with_file(database, first, "tides.csv")
    elsewhere, _ = await said(here.store, ada, "On another branch", "Yes.", after=reply)
    await with_file(database, elsewhere, "elsewhere.csv")
    second, last = await said(here.store, ada, "And this.", "Thanks.", after=reply)
    gone = await with_file(database, second, "gone.csv")
    async with database.write() as connection:
        await connection.execute(sa.delete(files).where(files.c.id == gone))
    turn = await here.assistant.send(
        ada, first.conversation_id, content="How high?", parent_id=last.id, model=None, options=WITH_PYTHON
    )
    decision = await here.engine.called()
    assert "Its working folder has: tides.csv (5 bytes)." in decision.turns[0][1]
    tools = Tools(here.store, here.assistant)
    folder = await tools.working_folder(ada, turn.messages[-1].id)
    assert [(file.id, file.name) for file in folder.files] == [(tides, "tides.csv")]
    with pytest.raises(NotFound):
        await tools.working_folder(bob, turn.messages[-1].id)
