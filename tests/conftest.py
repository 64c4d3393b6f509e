"""What tests of several rooms share: databases, a running server, the models on disk, a real engine."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
import structlog
from platformdirs import user_cache_path

from causette.engines.supervisor import EmbeddedConfig, EmbeddedEngine
from causette.models import Catalogue, Models
from tests.waiting import eventually

pytest_plugins = ["tests.stores", "tests.server"]

# Of two tests that run at once, the one that waits for a run of the lab is not to wait for the other.
os.environ["CAUSETTE_LAB_NICE"] = "0"

TEXT_MODEL = "smollm2-135m-instruct"
EMBEDDING_MODEL = "all-minilm-l6-v2"

# As the house is set up: a traceback with the values of all variables takes seconds to draw.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """For ``--dist loadgroup``: a file's tests run in one process, and those that take minutes begin first."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.location[0]))
    items.sort(key=lambda item: not item.nodeid.startswith("tests/crash/"))


#: Makes an engine that is not started yet; keywords change its :class:`EmbeddedConfig`.
NewEngine = Callable[..., EmbeddedEngine]


@pytest.fixture(scope="session")
def models_folder() -> Path:
    """The folder with the default models: ``CAUSETTE_TEST_MODELS``, or one that all test runs share."""
    named = os.environ.get("CAUSETTE_TEST_MODELS")
    folder = Path(named) if named else user_cache_path("causette-tests") / "models"
    models = Models(folder, Catalogue.load())
    # In a thread: a fixture may be asked for while an event loop runs in this one.
    with ThreadPoolExecutor(1) as thread:
        for name in (TEXT_MODEL, EMBEDDING_MODEL):
            # Of test runs that start at once, one fetches and the others wait for its lock.
            thread.submit(lambda name=name: asyncio.run(models.pull(name))).result()
    return folder


@pytest.fixture(scope="session")
def text_model_path(models_folder: Path) -> Path:
    """The default text model's weights file."""
    path = Models(models_folder, Catalogue.load()).path(TEXT_MODEL)
    assert path is not None
    return path


@pytest.fixture(scope="session")
def embedding_folder(models_folder: Path) -> Path:
    """The default embedding model's folder."""
    return Models(models_folder, Catalogue.load()).folder_of(EMBEDDING_MODEL)


@pytest.fixture(scope="session")
def text_config(text_model_path: Path) -> EmbeddedConfig:
    """How tests run the default text model: with a small KV cache."""
    return EmbeddedConfig(
        kind="text", name=TEXT_MODEL, model=text_model_path, context=8192, kv_cache_gb=1, grace=10.0
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engine(text_config: EmbeddedConfig) -> AsyncGenerator[EmbeddedEngine]:
    """A text engine that all tests share, and that is ready; none may end its process.

    Tests that use it run on the session's loop.
    """
    engine = EmbeddedEngine(text_config)
    engine.start()
    await eventually(engine.ready, "the engine to be ready", seconds=60)
    yield engine
    await engine.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def new_engine(text_config: EmbeddedConfig) -> AsyncGenerator[NewEngine]:
    """Makes text engines of the test's own, which are stopped after it."""
    made: list[EmbeddedEngine] = []

    def new(**changes: object) -> EmbeddedEngine:
        made.append(EmbeddedEngine(replace(text_config, **changes)))  # type: ignore[arg-type]
        return made[-1]

    yield new
    for engine in made:
        await engine.stop()
