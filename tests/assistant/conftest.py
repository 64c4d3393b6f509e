"""An assistant on each kind of database, with an engine that the test is."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from causette.accounts import Accounts, Caller
from causette.accounts.passwords import Passwords
from causette.assistant.assistants.service import CustomAssistants
from causette.assistant.generation.writer import Means
from causette.assistant.generation.writers import Writers
from causette.assistant.projects.service import Projects
from causette.assistant.service import Assistant
from causette.assistant.store import AssistantStore
from causette.assistant.tree.service import Tree
from causette.assistant.types import Event, EventType
from causette.db import Database
from causette.gateway.service import Gateway
from causette.plans import Plans
from tests.doors import open_door
from tests.scripted import ScriptedEngine, deployments_of
from tests.waiting import eventually

PASSWORD = "seven quiet otters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process of the house: its assistant, and the engine behind it."""

    assistant: Assistant
    store: AssistantStore
    engine: ScriptedEngine
    projects: Projects
    custom: CustomAssistants
    tree: Tree
    gateway: Gateway
    plans: Plans


def kill_writer(generation_id: str) -> None:
    """End the task that writes a reply as SIGKILL would its process: where it is, and nobody is told."""
    (task,) = (task for task in asyncio.all_tasks() if task.get_name() == f"reply {generation_id}")
    task.cancel()


@pytest_asyncio.fixture
async def accounts(database: Database) -> AsyncGenerator[Accounts]:
    accounts = Accounts(database, passwords=Passwords(memory_kib=64, passes=1))
    yield accounts
    await accounts.close()


@pytest_asyncio.fixture
async def ada(accounts: Accounts) -> Caller:
    return Caller(user=await accounts.create_user(name="Ada", email="ada@example.org", password=PASSWORD))


@pytest_asyncio.fixture
async def bob(accounts: Accounts) -> Caller:
    return Caller(user=await accounts.create_user(name="Bob", email="bob@example.org", password=PASSWORD))


@pytest_asyncio.fixture
async def here(database: Database, accounts: Accounts, tmp_path: Path) -> AsyncGenerator[Process]:
    """The process that people's requests come to."""
    async with open_process(database, accounts, tmp_path) as process:
        yield process


@pytest_asyncio.fixture
async def there(database_url: str, accounts: Accounts, tmp_path: Path) -> AsyncGenerator[Process]:
    """Another process: it shares nothing with ``here`` but the database."""
    async with (
        Database.from_url(database_url) as database,
        open_process(database, accounts, tmp_path) as process,
    ):
        yield process


@pytest.fixture
def assistant(here: Process) -> Assistant:
    return here.assistant


@pytest.fixture
def store(here: Process) -> AssistantStore:
    return here.store


@pytest.fixture
def projects(here: Process) -> Projects:
    return here.projects


@pytest.fixture
def custom(here: Process) -> CustomAssistants:
    return here.custom


@pytest.fixture
def tree(here: Process) -> Tree:
    return here.tree


@pytest.fixture
def engine(here: Process) -> ScriptedEngine:
    return here.engine


@asynccontextmanager
async def open_process(database: Database, accounts: Accounts, folder: Path) -> AsyncGenerator[Process]:
    """An assistant that is not open yet, with an open door to an engine behind it."""
    engine, store = ScriptedEngine(), AssistantStore(database)
    async with open_door(database, deployments_of(engine), folder) as door:
        projects = Projects(database)

        async def model_called(caller: Caller, name: str) -> str:
            return (await door.gateway.deployments.find_for(caller, name, "text")).name

        custom = CustomAssistants(database, door.plans.entitlements, model_called)
        writers = Writers(store, door.gateway, accounts.caller_of, Means())
        assistant = Assistant(store, door.gateway, writers, projects, custom)
        tree = Tree(database, assistant)
        yield Process(
            assistant=assistant,
            store=store,
            engine=engine,
            projects=projects,
            custom=custom,
            tree=tree,
            gateway=door.gateway,
            plans=door.plans,
        )
        await assistant.close(grace=0)


async def read_to_end(
    assistant: Assistant, caller: Caller, generation_id: str, after: int = 0, *, seconds: float = 20
) -> list[Event]:
    """The log after ``after``, up to its end."""
    generation = await assistant.generation(caller, generation_id)
    async with asyncio.timeout(seconds):
        return [event async for event in assistant.events(generation, after) if event is not None]


async def stored(process: Process, generation_id: str, text: str) -> None:
    """Wait until the log holds ``text``."""

    async def there() -> bool:
        return text_of(await process.store.events(generation_id, 0)) == text

    await eventually(there, f"{text!r} to be in the log")


def text_of(events: Sequence[Event]) -> str:
    return "".join(json.loads(event.data)["text"] for event in events if event.type is EventType.DELTA)


def assert_whole(events: Sequence[Event], after: int = 0) -> None:
    """The log has every event after ``after`` once, in order, and is closed."""
    assert [event.seq for event in events] == list(range(after + 1, after + 1 + len(events)))
    assert events[-1].type is EventType.END
    assert [event.type for event in events].count(EventType.END) == 1
