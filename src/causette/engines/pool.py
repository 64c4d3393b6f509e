"""Engines of many models, of which a few run at a time: each from its first request until nobody asks it any more."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Final

import structlog

from causette.engines.kept_records import KeptRecords
from causette.engines.supervisor import EmbeddedConfig, EmbeddedEngine, State
from causette.engines.types import Completed, Delta, Embeddings, EmbedRequest, GenerateRequest
from causette.errors import Unavailable

_log = structlog.get_logger(__name__)

# How long a request waits for a place among the engines that run.
_PATIENCE_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 15.0


async def _trusted() -> None:
    """Nothing is to be looked at."""


class EnginePool:
    """Runs ``most`` engines at once. One that nobody asks is ended after ``idle_seconds``, or when another one has to
    have its place.
    """

    def __init__(self, most: int, *, idle_seconds: float) -> None:
        self._most = most
        self._idle_seconds = idle_seconds
        #: The engines that run, or are being ended, by their names.
        self._places: dict[str, _Place] = {}
        self._freed = asyncio.Event()
        self._resting: asyncio.Task[None] | None = None
        self._closed = False

    def open(self) -> None:
        """Begin to end engines that nobody asks."""
        self._resting = asyncio.get_running_loop().create_task(self._rest(), name="engine pool")

    async def close(self) -> None:
        """End all of them; new requests are refused."""
        self._closed = True
        if self._resting is not None:
            self._resting.cancel()
            await asyncio.gather(self._resting, return_exceptions=True)
        await asyncio.gather(*(self._end(place) for place in list(self._places.values())))

    async def forget(self, name: str) -> None:
        """End a model's engine for good. What it works on has its grace."""
        if (place := self._places.get(name)) is not None:
            await self._end(place)

    def runs(self, name: str) -> bool:
        """Whether a model's engine is ready now."""
        place = self._places.get(name)
        return place is not None and place.ending is None and place.engine.state is State.READY

    @asynccontextmanager
    async def running(
        self, config: EmbeddedConfig, check: Callable[[], Awaitable[None]] = _trusted
    ) -> AsyncGenerator[EmbeddedEngine]:
        """A model's engine, which stays for as long as the block lasts. It may still be starting.

        Args:
            check: looks at its weights before they are loaded; what it raises is raised here.

        Raises:
            Unavailable: every place is taken by an engine that works (``engines_busy``), or the house is closing.
        """
        place = await self._place(config, check)
        try:
            # Whoever leaves does not keep others from learning how it came out.
            await asyncio.shield(place.checking)
            place.engine.start()
            yield place.engine
        finally:
            place.let_go()
            if not place.held and self._is_broken(place):
                # Not kept: with the next request it is tried anew.
                self._begin_to_end(place)
            self._freed.set()

    async def account(self, config: EmbeddedConfig, request_id: str) -> Completed | None:
        """What a request took that one of this model's engines has worked on; see `Engine.account`."""
        place = self._places.get(config.name)
        if place is not None and place.ending is None:
            return await place.engine.account(request_id)
        if place is not None and place.ending is not None:
            # It writes what it knows when it ends.
            await asyncio.shield(place.ending)
        if config.records is None:
            return None
        return await asyncio.to_thread(KeptRecords(config.records).find, request_id)

    async def _place(self, config: EmbeddedConfig, check: Callable[[], Awaitable[None]]) -> "_Place":
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while (place := self._take(config, check)) is None:
                    self._freed.clear()
                    await self._freed.wait()
                return place
        except TimeoutError:
            raise Unavailable(
                f"The {self._most} models that can be kept ready here beside the house's own are all at work. Try "
                "again shortly.",
                code="engines_busy",
                retry_after=5.0,
            ) from None

    def _take(self, config: EmbeddedConfig, check: Callable[[], Awaitable[None]]) -> "_Place | None":
        """A place for a model's engine, held for the caller; None where there is none yet."""
        if self._closed:
            raise Unavailable(
                "The server is shutting down. Try again later.", code="engine_down", retry_after=5.0
            )
        place = self._places.get(config.name)
        if place is None and len(self._places) < self._most:
            place = self._places[config.name] = _Place(EmbeddedEngine(config), asyncio.ensure_future(check()))
        if place is not None:
            if place.ending is not None:
                return None
            place.held += 1
            return place
        if idle := [each for each in self._places.values() if not each.held and each.ending is None]:
            self._begin_to_end(min(idle, key=lambda each: each.since))
        return None

    def _is_broken(self, place: "_Place") -> bool:
        unchecked = place.checking.done() and (
            place.checking.cancelled() or place.checking.exception() is not None
        )
        return unchecked or (place.engine.started and place.engine.state is State.DOWN)

    def _begin_to_end(self, place: "_Place") -> None:
        if place.ending is None:
            place.ending = asyncio.get_running_loop().create_task(self._ended(place))

    async def _end(self, place: "_Place") -> None:
        self._begin_to_end(place)
        assert place.ending is not None
        await asyncio.shield(place.ending)

    async def _ended(self, place: "_Place") -> None:
        place.checking.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await place.checking
        try:
            await place.engine.stop()
        finally:
            del self._places[place.engine.config.name]
            self._freed.set()

    async def _rest(self) -> None:
        while True:
            await asyncio.sleep(min(_LOOK_SECONDS, self._idle_seconds))
            now = asyncio.get_running_loop().time()
            for place in list(self._places.values()):
                if not place.held and now - place.since >= self._idle_seconds:
                    _log.info("an engine that nobody asks is ended", engine=place.engine.config.name)
                    self._begin_to_end(place)


class _Place:
    """A model's engine, whoever works with it, and its end once that has begun."""

    __slots__ = ("checking", "ending", "engine", "held", "since")

    def __init__(self, engine: EmbeddedEngine, checking: asyncio.Future[None]) -> None:
        self.engine = engine
        self.checking = checking
        self.held = 0
        #: When it was let go last, in the loop's seconds.
        self.since = asyncio.get_running_loop().time()
        self.ending: asyncio.Task[None] | None = None

    def let_go(self) -> None:
        """Somebody needs it no more."""
        self.held -= 1
        self.since = asyncio.get_running_loop().time()


class PooledEngine:
    """The :class:`~causette.engines.types.Engine` protocol, answered by a model's engine in a pool.

    Args:
        check: looks at its weights before an engine loads them; see `EnginePool.running`.
    """

    def __init__(
        self, pool: EnginePool, config: EmbeddedConfig, check: Callable[[], Awaitable[None]] = _trusted
    ) -> None:
        self._pool = pool
        self._config = config
        self._check = check

    @property
    def context(self) -> int:
        """The longest prompt plus reply, in tokens."""
        return self._config.context

    async def generate(self, request: GenerateRequest) -> AsyncGenerator[Delta | Completed]:
        """See :class:`~causette.engines.types.Engine`. Waits for a place, and for the engine to start."""
        async with (
            self._pool.running(self._config, self._check) as engine,
            aclosing(engine.generate(request)) as items,
        ):
            async for item in items:
                yield item

    async def embed(self, request: EmbedRequest) -> Embeddings:
        """See :class:`~causette.engines.types.Engine`."""
        async with self._pool.running(self._config, self._check) as engine:
            return await engine.embed(request)

    async def account(self, request_id: str) -> Completed | None:
        """See :class:`~causette.engines.types.Engine`."""
        return await self._pool.account(self._config, request_id)

    async def ready(self) -> bool:
        """See :class:`~causette.engines.types.Engine`: whether its engine runs. One that does not starts when asked."""
        return self._pool.runs(self._config.name)
