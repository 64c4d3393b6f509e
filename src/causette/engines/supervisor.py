"""An embedded engine as the rest of the house sees it: a process that is started, watched and started again."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal

import structlog

from causette.engines.openai_client import OpenAIClient
from causette.engines.types import Completed, Delta, Embeddings, EmbedRequest, GenerateRequest
from causette.engines.wire import EngineStats
from causette.errors import Unavailable

_log = structlog.get_logger(__name__)

# The first restart is at once; a process that keeps dying is tried ever more rarely.
_BACKOFF_SECONDS: Final = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
# A process that lived this long has earned a fresh start of the back-off.
_STABLE_SECONDS: Final = 60.0
# How long a request waits for an engine that is starting: loading a small model takes three seconds.
_PATIENCE_SECONDS: Final = 60.0


class State(StrEnum):
    """Where an engine process is in its life."""

    STARTING = "starting"
    READY = "ready"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedConfig:
    """What the process is told."""

    kind: Literal["text", "embedding"]
    name: str
    #: Weights file (text) or folder (embedding).
    model: Path
    context: int
    kv_cache_gb: int = 2
    max_running: int = 64
    max_queued: int = 256
    grace: float = 20.0


class EmbeddedEngine:
    """The :class:`~causette.engines.types.Engine` protocol, answered by a supervised process of our own."""

    def __init__(self, config: EmbeddedConfig) -> None:
        self.config = config
        self.state = State.DOWN
        self.restarts = 0
        #: Called with the engine's name each time its process has ended and is started again.
        self.on_restart: Callable[[str], object] = lambda _: None
        # Not in the data folder: the path of a Unix socket may have no more than about a hundred characters.
        self._folder = Path(tempfile.mkdtemp(prefix="causette-"))
        self._socket = self._folder / "engine.sock"
        self._client = OpenAIClient(
            "http://engine/v1", model=config.name, context=config.context, socket=self._socket
        )
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    @property
    def context(self) -> int:
        """The longest prompt plus reply, in tokens."""
        return self.config.context

    @property
    def pid(self) -> int | None:
        """The process that runs now."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Begin to start the process, and keep it running from now on."""
        if self._watch is None:
            self.state = State.STARTING
            self._watch = asyncio.create_task(self._keep_running(), name=f"engine {self.config.name}")

    async def stop(self) -> None:
        """Drain and end the process."""
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
        self.state = State.DOWN
        self._ready.clear()
        await self._client.close()
        if (process := self._process) is not None and process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), self.config.grace + 2)
            except TimeoutError:
                process.kill()
                await process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def ready(self) -> bool:
        """Whether a request sent now would be worked on."""
        return self.state is State.READY

    async def generate(self, request: GenerateRequest) -> AsyncGenerator[Delta | Completed]:
        """See :class:`~causette.engines.types.Engine`. Waits for an engine that is starting."""
        await self._until_ready()
        async for item in self._client.generate(request):
            yield item

    async def embed(self, request: EmbedRequest) -> Embeddings:
        """See :class:`~causette.engines.types.Engine`. Waits for an engine that is starting."""
        await self._until_ready()
        return await self._client.embed(request)

    async def stats(self) -> EngineStats:
        """What the process says of itself.

        Raises:
            Unavailable: it is not running.
        """
        if self.state is not State.READY:
            raise Unavailable(f"The engine for {self.config.name!r} is not running.", code="engine_lost")
        return await self._client.stats()

    async def _until_ready(self) -> None:
        self.start()
        try:
            await asyncio.wait_for(self._ready.wait(), _PATIENCE_SECONDS)
        except TimeoutError:
            raise Unavailable(
                f"The engine for {self.config.name!r} is still starting. Try again shortly.",
                code="engine_starting",
                retry_after=5.0,
            ) from None

    async def _keep_running(self) -> None:
        failures = 0
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(_BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS) - 1)])
            began = clock()
            code = await self._run_once()
            lived = clock() - began
            failures = 0 if lived > _STABLE_SECONDS else failures + 1
            self.restarts += 1
            self.on_restart(self.config.name)
            _log.warning(
                "engine ended and is restarted",
                engine=self.config.name,
                exit_code=code,
                lived=round(lived, 1),
            )

    async def _run_once(self) -> int:
        """Start the process and see it to its end; its exit code."""
        self.state = State.STARTING
        config = self.config
        process = self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "causette.engines.embedded", config.kind),
            *("--name", config.name, "--model", str(config.model), "--socket", str(self._socket)),
            *("--context", str(config.context), "--kv-cache-gb", str(config.kv_cache_gb)),
            *("--max-running", str(config.max_running), "--max-queued", str(config.max_queued)),
            *("--grace", str(config.grace)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # Ctrl-C in a terminal goes to the whole group; the engine is drained by its parent instead.
            start_new_session=True,
        )
        errors = asyncio.create_task(self._log_errors(process))
        try:
            assert process.stdout is not None
            async for line in process.stdout:
                if line.strip() == b"ready":
                    self.state = State.READY
                    self._ready.set()
            return await process.wait()
        finally:
            self._ready.clear()
            self.state = State.STARTING
            errors.cancel()

    async def _log_errors(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            _log.warning("engine says", engine=self.config.name, line=line.decode(errors="replace").rstrip())
