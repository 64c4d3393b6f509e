"""An embedded engine as the rest of the house sees it: a process that is started, watched and started again."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal

import structlog

from causette.engines.kept_records import KeptRecords
from causette.engines.openai_client import OpenAIClient
from causette.engines.thinking import Tags
from causette.engines.types import Completed, Delta, Embeddings, EmbedRequest, GenerateRequest
from causette.engines.wire import EngineStats
from causette.errors import CausetteError, Unavailable

_log = structlog.get_logger(__name__)

# The first restart is at once; a process that keeps dying is tried ever more rarely.
_BACKOFF_SECONDS: Final = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
# A process that lived this long has earned a fresh start of the back-off.
_STABLE_SECONDS: Final = 60.0
# A process that ends this often in a row before it could answer is not waited for any more: its model is broken,
# or does not fit into memory.
_HOPELESS_LOADS: Final = 2
# How long a request waits for an engine that is starting: loading a small model takes three seconds.
_PATIENCE_SECONDS: Final = 60.0
# Lines of its output longer than this are not logged.
_LONGEST_LINE: Final = 64 * 1024


class State(StrEnum):
    """Where an engine process is in its life."""

    #: It is loading, for the first time or again.
    STARTING = "starting"
    READY = "ready"
    #: It was not started, is stopped, or fails each time it is started.
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
    #: Where the model's thinking is in its text.
    thinking: Tags = "none"
    #: Where the accounts of its requests are kept when a text engine ends; nowhere when None.
    records: Path | None = None


class EmbeddedEngine:
    """The :class:`~causette.engines.types.Engine` protocol, answered by a supervised process of our own."""

    def __init__(self, config: EmbeddedConfig) -> None:
        self.config = config
        self.restarts = 0
        #: Called with the engine's name each time its process has ended and is started again.
        self.on_restart: Callable[[str], object] = lambda _: None
        #: Called in a thread each time its process is to be started again; what it raises keeps it from being.
        self.before_restart: Callable[[], object] = lambda: None
        self._state = State.DOWN
        self._kept = None if config.records is None else KeptRecords(config.records)
        self._folder: Path | None = None
        self._client: OpenAIClient | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._stopping = False
        #: Set unless the process is starting: there is nothing to wait for.
        self._settled = asyncio.Event()

    @property
    def context(self) -> int:
        """The longest prompt plus reply, in tokens."""
        return self.config.context

    @property
    def state(self) -> State:
        """Where the process is in its life."""
        return self._state

    @property
    def started(self) -> bool:
        """Whether somebody wants its process to run."""
        return self._watch is not None and not self._stopping

    @property
    def pid(self) -> int | None:
        """The process that runs now."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    def start(self) -> None:
        """Begin to start the process, and keep it running until :meth:`stop`."""
        if self._watch is not None or self._stopping:
            return
        # Not in the data folder: the path of a Unix socket may have no more than about a hundred characters.
        self._folder = Path(tempfile.mkdtemp(prefix="causette-"))
        socket = self._folder / "engine.sock"
        self._client = OpenAIClient(
            "http://engine/v1", model=self.config.name, context=self.config.context, socket=socket
        )
        self._enter(State.STARTING)
        self._watch = asyncio.create_task(self._keep_running(socket), name=f"engine {self.config.name}")

    async def stop(self) -> None:
        """Drain and end the process: requests it is working on get ``grace`` seconds, new ones are refused."""
        self._stopping = True
        self._enter(State.DOWN)
        if self._watch is None:
            return
        if (process := self._process) is not None and process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(self.config.grace + 2):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        self._watch.cancel()
        await asyncio.gather(self._watch, return_exceptions=True)
        assert self._client is not None
        await self._client.close()
        assert self._folder is not None
        shutil.rmtree(self._folder, ignore_errors=True)

    async def settled(self) -> State:
        """Wait while the process is starting: how that came out."""
        await self._settled.wait()
        return self._state

    async def ready(self) -> bool:
        """Whether a request sent now would be worked on."""
        return self._state is State.READY

    async def generate(self, request: GenerateRequest) -> AsyncGenerator[Delta | Completed]:
        """See :class:`~causette.engines.types.Engine`. Waits for an engine that is starting."""
        client = await self._when_ready()
        async with aclosing(client.generate(request)) as items:
            async for item in items:
                yield item

    async def embed(self, request: EmbedRequest) -> Embeddings:
        """See :class:`~causette.engines.types.Engine`. Waits for an engine that is starting."""
        client = await self._when_ready()
        return await client.embed(request)

    async def account(self, request_id: str) -> Completed | None:
        """See :class:`~causette.engines.types.Engine`. What a process knew that ended, it has kept on disk."""
        found = None
        if self._client is not None and self._state is State.READY:
            found = await self._client.account(request_id)
        return self._kept.find(request_id) if found is None and self._kept is not None else found

    async def stats(self) -> EngineStats:
        """What the process says of itself.

        Raises:
            Unavailable: it is not running.
        """
        if self._client is None or self._state is not State.READY:
            raise Unavailable(f"The engine for {self.config.name!r} is not running.", code="engine_down")
        return await self._client.stats()

    async def _when_ready(self) -> OpenAIClient:
        self.start()
        try:
            # Not wait_for: before Python 3.12 it can swallow a cancellation, and nobody would stop the engine.
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._settled.wait()
        except TimeoutError:
            raise Unavailable(
                f"The engine for {self.config.name!r} is still starting. Try again shortly.",
                code="engine_starting",
                retry_after=5.0,
            ) from None
        if self._client is None or self._state is not State.READY:
            why = "is shutting down" if self._stopping else "cannot be started; the server's log says why"
            raise Unavailable(
                f"The engine for {self.config.name!r} {why}. Try again later.",
                code="engine_down",
                retry_after=_BACKOFF_SECONDS[-1],
            )
        return self._client

    def _enter(self, state: State) -> None:
        self._state = state
        if state is State.STARTING:
            self._settled.clear()
        else:
            self._settled.set()

    async def _keep_running(self, socket: Path) -> None:
        failures = 0
        loads_failed = 0
        clock = asyncio.get_running_loop().time
        while not self._stopping:
            await asyncio.sleep(_BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS) - 1)])
            began = clock()
            loaded, ending = await self._run_once(socket)
            if self._stopping:
                return
            lived = clock() - began
            failures = 0 if lived > _STABLE_SECONDS else failures + 1
            loads_failed = 0 if loaded else loads_failed + 1
            self._enter(State.DOWN if loads_failed >= _HOPELESS_LOADS else State.STARTING)
            self.restarts += 1
            self.on_restart(self.config.name)
            _log.error(
                "engine ended and is restarted"
                if loaded
                else "engine could not be started and is tried again",
                engine=self.config.name,
                ending=ending,
                lived=round(lived, 1),
            )

    async def _run_once(self, socket: Path) -> tuple[bool, str]:
        """Start the process and see it to its end: whether it became ready, and how it ended."""
        try:
            if self.restarts:
                await asyncio.to_thread(self.before_restart)
            process = self._process = await self._spawn(socket)
        except CausetteError as error:
            return False, error.message
        except OSError as error:
            return False, f"no process could be made: {error}"
        assert process.stdout is not None
        assert process.stderr is not None
        loaded = False
        errors = asyncio.create_task(self._log_lines(process.stderr))
        try:
            async for line in _lines(process.stdout):
                if line == b"ready" and not self._stopping:
                    loaded = True
                    self._enter(State.READY)
            if loaded and not self._stopping:
                self._enter(State.STARTING)
            code = await process.wait()
            # Its last words say why it ended.
            await errors
        finally:
            errors.cancel()
        return loaded, f"signal {-code}" if code < 0 else f"exit code {code}"

    async def _spawn(self, socket: Path) -> asyncio.subprocess.Process:
        config = self.config
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "causette.engines.embedded", config.kind),
            *("--name", config.name, "--model", str(config.model), "--socket", str(socket)),
            *("--context", str(config.context), "--kv-cache-gb", str(config.kv_cache_gb)),
            *("--max-running", str(config.max_running), "--max-queued", str(config.max_queued)),
            *("--grace", str(config.grace), "--thinking", config.thinking),
            *(() if config.records is None else ("--records", str(config.records))),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
            # Ctrl-C in a terminal goes to the whole group; the engine is drained by its parent instead.
            start_new_session=True,
        )

    async def _log_lines(self, stderr: asyncio.StreamReader) -> None:
        async for line in _lines(stderr):
            _log.warning("engine says", engine=self.config.name, line=line.decode(errors="replace"))


async def _lines(stream: asyncio.StreamReader) -> AsyncGenerator[bytes]:
    """The lines of ``stream`` without what ends them; those beyond its limit are left out."""
    while True:
        try:
            line = await stream.readline()
        except ValueError:
            continue
        if not line:
            return
        yield line.rstrip()
