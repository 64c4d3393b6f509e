"""The gateways that are compared, each started as it would be in earnest in front of the same fake engine.

They take turns on one core of the machine, which they have to themselves; the engine and the load share the others.
"""

import os
import shutil
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

import msgspec
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import causette
from harness import machine
from harness.systems import HERE, WORKSHOP, House, free_port
from harness.traffic import Order, Outcome
from harness.workers import Worker, output_of, worker

_SECONDS_TO_START: Final = 120.0
#: Nothing is checked by it at the peers but that it is the same.
_KEY: Final = "sk-bench-0123456789"
_PYTHONPATH: Final = {"PYTHONPATH": str(HERE.parent)}

#: The engine without a gateway, as the report calls it.
DIRECT: Final = "direct"
#: The clients' names of the engine's models.
FAST: Final = "default"
PACED: Final = "paced"


@dataclass(frozen=True, slots=True)
class Engine:
    """The fake engine."""

    process: Worker
    port: int

    @property
    def url(self) -> str:
        """What a gateway is told."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def target(self) -> "Target":
        """The engine itself, without a gateway."""
        return Target(DIRECT, self.process, self.port, models={FAST: "fast"})


@dataclass(frozen=True, slots=True)
class Target:
    """Something that answers chat completions on a port of this machine, and may be asked for its figures."""

    name: str
    process: Worker
    port: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    #: Clients' model names → those that it knows.
    models: Mapping[str, str] = field(default_factory=dict[str, str])

    def model(self, name: str) -> str:
        """What this target calls the model that clients call ``name``."""
        return self.models.get(name, name)

    @property
    def pids(self) -> list[int]:
        """Its processes."""
        return [self.process.pid, *machine.children(self.process.pid)]


@dataclass(frozen=True, slots=True)
class Turn:
    """An outcome, and the processor time that it took of the target, the load and the engine."""

    outcome: Outcome
    cpu_seconds: float
    load_cpu_seconds: float

    @property
    def requests(self) -> int:
        """How many were answered."""
        return len(self.outcome.latencies)

    @property
    def tokens(self) -> int:
        """How many tokens of output they have together."""
        return sum(output * times for _, output, times in self.outcome.sizes)


@dataclass(frozen=True, slots=True)
class Load:
    """The process that sends requests."""

    process: Worker

    async def turn(self, target: Target, order: Order) -> Turn:
        """Have an order carried out.

        Raises:
            BenchError: an answer was missing, or another than was asked for.
        """
        pids = target.pids
        before, load_before = machine.cpu_seconds(*pids), machine.cpu_seconds(self.process.pid)
        outcome = msgspec.json.decode(await self.process.ask(order), type=Outcome)
        if outcome.error:
            raise target.process.failure(f"did not answer as it should ({outcome.error})")
        used, load_used = machine.cpu_seconds(*pids), machine.cpu_seconds(self.process.pid)
        return Turn(outcome, used - before, load_used - load_before)


@dataclass(frozen=True, slots=True)
class Cores:
    """Who runs where. With one core only, everybody shares it."""

    gateway: frozenset[int]
    others: frozenset[int]

    @classmethod
    def of_this_machine(cls) -> "Cores":
        """The first core that we may use for the gateway whose turn it is, all others for everybody else."""
        first, *rest = sorted(os.sched_getaffinity(0))
        return cls(frozenset({first}), frozenset(rest or {first}))


@asynccontextmanager
async def fake_engine(cores: Cores) -> AsyncGenerator[Engine]:
    """The engine, listening."""
    log = WORKSHOP / "logs" / "fake_engine.log"
    async with worker(
        sys.executable, "-m", "harness.fake_engine", log=log, environment=_PYTHONPATH
    ) as process:
        port = int(await process.line(_SECONDS_TO_START))
        machine.pin(process.pid, cores.others)
        yield Engine(process, port)


@asynccontextmanager
async def traffic(cores: Cores) -> AsyncGenerator[Load]:
    """The process that sends requests."""
    log = WORKSHOP / "logs" / "traffic.log"
    async with worker(sys.executable, "-m", "harness.traffic", log=log, environment=_PYTHONPATH) as process:
        machine.pin(process.pid, cores.others)
        yield Load(process)


class Gateway(Protocol):
    """One of those that are compared."""

    @property
    def name(self) -> str:
        """What the report calls it."""
        ...

    async def install(self) -> bool:
        """Make what it needs under ``.bench/`` where that is missing; whether it can be started."""
        ...

    async def version(self) -> str:
        """The installed version."""
        ...

    def serve(self, engine: Engine, folder: Path) -> AbstractAsyncContextManager[Target]:
        """Start it in front of ``engine``, with files of its own in ``folder``; it may still be starting."""
        ...


_OUR_ENGINES: Final = """
[[engines]]
name = "fast"
url = "{url}"
aliases = ["default"]

[[engines]]
name = "paced"
url = "{url}"

[[engines]]
name = "embedding"
url = "{url}"
kind = "embedding"
"""


@dataclass(frozen=True, slots=True)
class Causette:
    """``causette serve``: one web process, its books in SQLite, a key of the owner's."""

    name: str = "causette"

    async def install(self) -> bool:
        """See :class:`Gateway`."""
        return True

    async def version(self) -> str:
        """See :class:`Gateway`."""
        return causette.__version__

    @asynccontextmanager
    async def serve(self, engine: Engine, folder: Path) -> AsyncGenerator[Target]:
        """See :class:`Gateway`."""
        (folder / "causette.toml").write_text(_OUR_ENGINES.format(url=engine.url))
        house = await House.build(folder)
        async with house.web_process({}) as (process, url):
            yield Target(self.name, process, _port(url), {"authorization": f"Bearer {house.key}"})


_LITELLM_CONFIG: Final = """
model_list:
  - model_name: default
    litellm_params: {{model: openai/fast, api_base: "{url}", api_key: none}}
  - model_name: paced
    litellm_params: {{model: openai/paced, api_base: "{url}", api_key: none}}
general_settings:
  master_key: {key}
"""


@dataclass(frozen=True, slots=True)
class LiteLLM:
    """LiteLLM's proxy, one worker, without a database: with one it would do more for each request than here."""

    name: str = "litellm"
    version_range: str = "litellm>=1.109,<1.110"
    #: Requirements of its own that are taken in any version, since indexes have those it asks for days later: a list of
    #: certificates, the migrations of the database that it does not have here, and the features that it sells.
    any_version: frozenset[str] = frozenset({"certifi", "litellm-enterprise", "litellm-proxy-extras"})

    @property
    def _bin(self) -> Path:
        return WORKSHOP / self.name / "bin"

    async def install(self) -> bool:
        """See :class:`Gateway`."""
        python, installed = self._bin / "python", self._bin / "installed"
        if not installed.exists():
            await output_of(sys.executable, "-m", "venv", self._bin.parent)
            install = (python, "-m", "pip", "install", "--disable-pip-version-check")
            await output_of(*install, "--no-deps", self.version_range)
            await output_of(*install, *await self._requirements(python))
            installed.touch()
        return True

    async def _requirements(self, python: Path) -> list[str]:
        """What it needs as a proxy, as it says itself, but for ``any_version``."""
        asked = "import importlib.metadata as m; print('\\n'.join(m.requires('litellm')))"
        listed = map(Requirement, (await output_of(python, "-c", asked)).splitlines())
        needed = [item for item in listed if item.marker is None or item.marker.evaluate({"extra": "proxy"})]
        for item in needed:
            item.marker = None
            if item.name in self.any_version:
                item.specifier = SpecifierSet()
        return [str(item) for item in needed]

    async def version(self) -> str:
        """See :class:`Gateway`."""
        asked = "import importlib.metadata as m; print(m.version('litellm'))"
        return (await output_of(self._bin / "python", "-c", asked)).strip()

    @asynccontextmanager
    async def serve(self, engine: Engine, folder: Path) -> AsyncGenerator[Target]:
        """See :class:`Gateway`."""
        config = folder / "litellm.yaml"
        config.write_text(_LITELLM_CONFIG.format(url=engine.url, key=_KEY))
        port = free_port()
        # What its documentation recommends for production, and nothing fetched from elsewhere.
        environment = {
            "LITELLM_MODE": "PRODUCTION",
            "LITELLM_LOG": "ERROR",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        }
        command = (self._bin / "litellm", "--config", config, "--host", "127.0.0.1", "--port", str(port))
        log = WORKSHOP / "logs" / "litellm.log"
        async with worker(*command, "--num_workers", "1", log=log, environment=environment) as process:
            yield Target(self.name, process, port, {"authorization": f"Bearer {_KEY}"})


@dataclass(frozen=True, slots=True)
class Portkey:
    """Portkey's gateway on Node. It has neither a database nor keys of its own, and keeps no account."""

    name: str = "portkey"
    #: The last of its HTTP server's releases with which its streams work; npm would take a newer one.
    package: Mapping[str, object] = field(
        default_factory=lambda: {
            "private": True,
            "dependencies": {"@portkey-ai/gateway": "~1.15"},
            "overrides": {"@hono/node-server": "1.13.5"},
        }
    )

    @property
    def _package(self) -> Path:
        return WORKSHOP / self.name / "node_modules" / "@portkey-ai" / "gateway"

    async def install(self) -> bool:
        """See :class:`Gateway`. Takes part where there is Node."""
        if shutil.which("node") is None:
            return False
        if not self._package.exists() and shutil.which("npm"):
            folder = WORKSHOP / self.name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "package.json").write_bytes(msgspec.json.encode(self.package))
            await output_of("npm", "install", "--no-fund", "--no-audit", "--prefix", folder)
        return self._package.exists()

    async def version(self) -> str:
        """See :class:`Gateway`."""
        return msgspec.json.decode((self._package / "package.json").read_bytes())["version"]

    @asynccontextmanager
    async def serve(self, engine: Engine, folder: Path) -> AsyncGenerator[Target]:
        """See :class:`Gateway`."""
        port = free_port()
        command = ("node", self._package / "build" / "start-server.js", f"--port={port}", "--headless")
        log = WORKSHOP / "logs" / "portkey.log"
        environment = {"NODE_ENV": "production"}
        async with worker(*command, log=log, environment=environment) as process:
            headers = {
                "authorization": f"Bearer {_KEY}",
                "x-portkey-provider": "openai",
                "x-portkey-custom-host": engine.url,
            }
            yield Target(self.name, process, port, headers, {FAST: "fast"})


def _port(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port
