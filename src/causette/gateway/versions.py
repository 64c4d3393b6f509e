"""Which engine answers under a deployment's name: a canary for some, what is released for all, and behind them the
model that the house began with.

The deployment keeps its name, its prices and its queue. Where nothing is released, a request goes to the one engine
there is and costs nothing more; where something is, it goes to its version, and to the one behind it when that engine
is away before its first token.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from hashlib import blake2b
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import structlog

from causette.engines.types import Completed, Delta, Embeddings, EmbedRequest, Engine, GenerateRequest
from causette.errors import CausetteError, Unavailable

if TYPE_CHECKING:
    # Not at run time: a process begins to load its model before it has imported that room.
    from causette.releases.types import Arm

_log = structlog.get_logger(__name__)

#: A share is a part of so many.
BUCKETS: Final = 10_000
_BUCKETS_A_PERCENT: Final = BUCKETS / 100
_DIGEST_BYTES: Final = 8
_FINGERPRINT_BYTES: Final = 5


def bucket(release_id: str, user_id: str) -> int:
    """A person's place among those whom a release may be served to: from 0 on, below `BUCKETS`.

    It is the same everywhere and at any time, so that who is among five of a hundred is among ten of them, too.
    """
    digest = blake2b(f"{release_id}/{user_id}".encode(), digest_size=_DIGEST_BYTES).digest()
    return int.from_bytes(digest) % BUCKETS


def fingerprint(*weights: str) -> str:
    """What tells a version's answers from others', in OpenAI's form: the same for as long as ``weights`` are."""
    return f"fp_{blake2b('/'.join(weights).encode(), digest_size=_FINGERPRINT_BYTES).hexdigest()}"


class Version:
    """One engine that answers under a deployment's name.

    Args:
        release_id: the release whose weights it has; None for the model that the house began with.
        fingerprint: see `fingerprint`; None where nobody knows the weights.
    """

    __slots__ = ("_held", "_let_go", "engine", "fingerprint", "release_id")

    def __init__(
        self, engine: Engine, *, release_id: str | None = None, fingerprint: str | None = None
    ) -> None:
        self.engine = engine
        self.release_id = release_id
        self.fingerprint = fingerprint
        self._held = 0
        self._let_go: asyncio.Event | None = None

    def hold(self) -> None:
        """A request may need its engine, until `let_go`."""
        self._held += 1

    def let_go(self) -> None:
        """A request needs it no more."""
        self._held -= 1
        if not self._held and self._let_go is not None:
            self._let_go.set()

    async def idle(self) -> None:
        """Wait until no request holds it."""
        while self._held:
            self._let_go = asyncio.Event()
            await self._let_go.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of one request at the version that it went to first."""

    failed: bool = False
    #: Seconds from asking the engine to the first token; None where none came.
    first_seconds: float | None = None
    output_tokens: int = 0
    compute_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A version that some are served."""

    version: Version
    release_id: str
    share_percent: float
    #: Told of each request of either arm, and whose it was.
    tell: "Callable[[Arm, str, Seen], object]"

    def takes(self, user_id: str) -> bool:
        """Whether this person is one of those."""
        return bucket(self.release_id, user_id) < self.share_percent * _BUCKETS_A_PERCENT


class Versions:
    """The :class:`~causette.engines.types.Engine` protocol, answered by what is served at the moment.

    Args:
        base: the model that the house began with.
    """

    def __init__(self, base: Version) -> None:
        self.base = base
        self.stable = base
        self.canary: Canary | None = None

    @property
    def context(self) -> int:
        """The longest prompt plus reply, in tokens: the same of every version."""
        return self.base.engine.context

    def serve(self, *, base: Version, stable: Version, canary: Canary | None) -> None:
        """From now on, requests go to these. Those under way keep what they have."""
        self.base, self.stable, self.canary = base, stable, canary

    def turn(self, user_id: str) -> "Turn":
        """What a request of this person goes to, and what is behind that."""
        stable, base, canary = self.stable, self.base, self.canary
        behind = (stable,) if stable is base else (stable, base)
        if canary is None:
            return Turn(behind)
        if canary.takes(user_id):
            return Turn((canary.version, *behind), lambda seen: canary.tell("canary", user_id, seen))
        return Turn(behind, lambda seen: canary.tell("stable", user_id, seen))

    async def generate(self, request: GenerateRequest) -> AsyncGenerator[Delta | Completed]:
        """See :class:`~causette.engines.types.Engine`: what is served to who is served no canary."""
        turn = Turn((self.stable,) if self.stable is self.base else (self.stable, self.base))
        async with aclosing(turn.generate(request)) as items:
            async for item in items:
                yield item

    async def embed(self, request: EmbedRequest) -> Embeddings:
        """See :class:`~causette.engines.types.Engine`."""
        return await self.stable.engine.embed(request)

    async def account(self, request_id: str) -> Completed | None:
        """See :class:`~causette.engines.types.Engine`. Any version may have worked on it."""
        for version in self._all():
            if (found := await version.engine.account(request_id)) is not None:
                return found
        return None

    async def ready(self) -> bool:
        """Whether a request sent now would be worked on, whoever sends it."""
        return await _any_ready((self.stable, self.base))

    def _all(self) -> tuple[Version, ...]:
        canary = () if self.canary is None else (self.canary.version,)
        return (*canary, self.stable) if self.stable is self.base else (*canary, self.stable, self.base)


class Turn:
    """One request's time with a deployment: the versions that it may go to, in their order.

    Args:
        versions: at least one.
        tell: told how the first of them did, where somebody compares.
    """

    __slots__ = ("_tell", "_versions", "version")

    def __init__(self, versions: Sequence[Version], tell: Callable[[Seen], object] | None = None) -> None:
        self._versions = versions
        self._tell = tell
        #: The one that was asked last: from its first token on, the one that answers.
        self.version = versions[0]

    def hold(self) -> None:
        """Keep the engines until `let_go`."""
        for version in self._versions:
            version.hold()

    def let_go(self) -> None:
        """Neither an answer nor an account is wanted any more."""
        for version in self._versions:
            version.let_go()

    def generate(self, request: GenerateRequest) -> AsyncGenerator[Delta | Completed]:
        """See :class:`~causette.engines.types.Engine`."""
        if self._tell is None and len(self._versions) == 1:
            return self.version.engine.generate(request)
        return self._first_to_answer(request)

    async def _first_to_answer(self, request: GenerateRequest) -> AsyncGenerator[Delta | Completed]:
        for place, version in enumerate(self._versions):
            behind = self._versions[place + 1 :]
            attempt = _Attempt(None if place else self._tell)
            self.version = version
            try:
                with attempt:
                    await _check_there(version, behind)
                    async with aclosing(version.engine.generate(request)) as items:
                        async for item in items:
                            attempt.saw(item)
                            yield item
            except Unavailable as error:
                if attempt.begun or not behind:
                    raise
                _log.warning(
                    "a request goes to the version before", release=version.release_id, why=str(error)
                )
            else:
                return


class _Attempt:
    """One version's time with a request, and what is told of it."""

    __slots__ = ("_began", "_compute_ns", "_first", "_output", "_tell")

    def __init__(self, tell: Callable[[Seen], object] | None) -> None:
        self._tell = tell
        self._began = perf_counter()
        self._first: float | None = None
        self._output = 0
        self._compute_ns = 0

    @property
    def begun(self) -> bool:
        """Something came."""
        return self._first is not None

    def saw(self, item: Delta | Completed) -> None:
        """Note what came."""
        if isinstance(item, Delta):
            if self._first is None:
                self._first = perf_counter() - self._began
            self._output = max(self._output, item.output_tokens)
            return
        self._output, self._compute_ns = item.usage.output_tokens, item.compute.compute_ns

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        refused = isinstance(error, CausetteError) and not isinstance(error, Unavailable)
        if self._tell is None or refused:
            return
        self._tell(
            Seen(
                # Who leaves is no failure of the engine.
                failed=isinstance(error, Exception),
                first_seconds=self._first,
                output_tokens=self._output,
                compute_ns=self._compute_ns,
            )
        )


async def _check_there(version: Version, behind: Sequence[Version]) -> None:
    """Refuse to wait for an engine that is away while another one is there.

    Raises:
        Unavailable: it would be waited for in vain.
    """
    if behind and not await version.engine.ready() and await _any_ready(behind):
        raise Unavailable("Its engine is away.", code="engine_down")


async def _any_ready(versions: Sequence[Version]) -> bool:
    for version in versions:
        if await version.engine.ready():
            return True
    return False
