"""The systems a benchmark compares, each started as it would be in earnest, all given the same work.

A system takes a round of chats and answers with a sample for each. The peers live in environments of their own under
``.bench/``; nothing of theirs is ever installed into ours.
"""

import json
import os
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

import msgspec

from harness.load import Sample, Spec
from harness.prompts import Conversation
from harness.workers import BenchError, Worker, output_of, worker

HERE: Final = Path(__file__).resolve().parent
#: The address of the owner of a `House`.
OWNER: Final = "bench@example.org"
#: Environments, models and logs of the benchmarks; not in the repository.
WORKSHOP: Final = HERE.parents[1] / ".bench"
#: Prompt and reply fit with room to spare; llama.cpp gives each slot this much context.
_SLOT_CONTEXT: Final = 768
_SECONDS_TO_START: Final = 120.0
_CORES: Final = os.cpu_count() or 1

_decode_samples = msgspec.json.Decoder(list[Sample]).decode


class System(Protocol):
    """Something that answers chats."""

    async def run(self, chats: Sequence[Conversation], in_flight: int, new_tokens: int) -> list[Sample]:
        """Answer every chat with exactly ``new_tokens`` tokens, ``in_flight`` at once.

        Raises:
            BenchError: a request failed, or got another number of tokens.
        """
        ...


@dataclass(frozen=True, slots=True)
class Bare:
    """OpenVINO GenAI's loop with nothing around it (``bare_loop.py``)."""

    process: Worker

    async def lengths(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text, by the model's own tokenizer."""
        return msgspec.json.decode(await self.process.ask({"texts": texts}), type=list[int])

    async def run(self, chats: Sequence[Conversation], in_flight: int, new_tokens: int) -> list[Sample]:
        """See :class:`System`."""
        command = {"chats": chats, "in_flight": in_flight, "new_tokens": new_tokens}
        return _checked(_decode_samples(await self.process.ask(command)), new_tokens, self.process)


@dataclass(frozen=True, slots=True)
class Served:
    """An OpenAI-compatible server, and the load generator that asks it."""

    process: Worker
    load: Worker
    url: str
    #: When its command was given, on ``perf_counter``'s clock.
    began: float
    bearer: str = ""
    #: What makes it write on when the model would end.
    go_on: Mapping[str, object] = field(default_factory=lambda: {"ignore_eos": True})

    def spec(self, chats: Sequence[Conversation], in_flight: int, new_tokens: int) -> Spec:
        """The load generator's order for one round."""
        address = urlsplit(self.url)
        assert address.hostname is not None
        assert address.port is not None
        return Spec(
            address.hostname,
            address.port,
            "/v1/chat/completions",
            in_flight,
            new_tokens,
            [msgspec.Raw(msgspec.json.encode(_body(chat, new_tokens, self.go_on))) for chat in chats],
            self.bearer,
        )

    async def run(self, chats: Sequence[Conversation], in_flight: int, new_tokens: int) -> list[Sample]:
        """See :class:`System`."""
        answer = await self.load.ask(self.spec(chats, in_flight, new_tokens))
        return _checked(_decode_samples(answer), new_tokens, self.process)


@asynccontextmanager
async def load_generator() -> AsyncGenerator[Worker]:
    """The process that asks servers (``load.py``)."""
    async with worker(sys.executable, HERE / "load.py", log=WORKSHOP / "logs" / "load.log") as process:
        yield process


@asynccontextmanager
async def bare_loop(model: Path) -> AsyncGenerator[Bare]:
    """The bare loop with ``model`` loaded."""
    log = WORKSHOP / "logs" / "bare.log"
    async with worker(sys.executable, HERE / "bare_loop.py", model, log=log) as process:
        await process.line(_SECONDS_TO_START)
        yield Bare(process)


@dataclass(frozen=True, slots=True)
class Peer:
    """Somebody else's server, in the environment ``.bench/NAME``."""

    name: str
    #: The arguments of its interpreter, given the weights, the number of requests at once, and a free port.
    command: Callable[[Path, int, int], Sequence[object]]
    #: How to install it; None for what people install themselves if they want the comparison.
    requirement: str | None = None
    go_on: Mapping[str, object] = field(default_factory=lambda: {"ignore_eos": True})

    @property
    def _python(self) -> Path:
        return WORKSHOP / self.name / "bin" / "python"

    async def install(self) -> bool:
        """Make its environment where that is for us to do; whether there is one."""
        if self.requirement is not None and not self._python.exists():
            await output_of(sys.executable, "-m", "venv", self._python.parents[1])
            await output_of(
                self._python, "-m", "pip", "install", "--disable-pip-version-check", self.requirement
            )
        return self._python.exists()

    async def version(self) -> str:
        """The installed version."""
        return (
            await output_of(
                self._python, "-c", f"import importlib.metadata as m; print(m.version({self.name!r}))"
            )
        ).strip()

    @asynccontextmanager
    async def serve(self, model: Path, in_flight: int, load: Worker) -> AsyncGenerator[Served]:
        """Its server, set up for ``in_flight`` requests at once; it may still be loading."""
        port = free_port()
        command = map(str, self.command(model, in_flight, port))
        async with worker(self._python, *command, log=WORKSHOP / "logs" / f"{self.name}.log") as process:
            yield Served(process, load, f"http://127.0.0.1:{port}", process.began, go_on=self.go_on)


def _xllamacpp(model: Path, slots: int, port: int) -> Sequence[object]:
    return HERE / "xllamacpp_server.py", model, slots, _SLOT_CONTEXT, _CORES, port


def _llama_cpp_python(model: Path, _slots: int, port: int) -> Sequence[object]:
    # Its server answers one request after the other; a new one must not break off the one that runs.
    options = {
        "n_ctx": _SLOT_CONTEXT,
        "n_threads": _CORES,
        "n_threads_batch": _CORES,
        "interrupt_requests": False,
    }
    flags = (f"--{name}={value}" for name, value in options.items())
    return "-m", "llama_cpp.server", "--model", model, "--host=127.0.0.1", f"--port={port}", *flags


XLLAMACPP: Final = Peer("xllamacpp", _xllamacpp, "xllamacpp>=2026.10,<2027")
LLAMA_CPP_PYTHON: Final = Peer(
    "llama-cpp-python",
    _llama_cpp_python,
    # It has no such switch: the two tokens that end SmolLM2's texts are made impossible.
    go_on={"logit_bias": {"0": -100, "2": -100}},
)


OPTIONAL_PEERS: Final = (LLAMA_CPP_PYTHON,)


async def installed_peers(*peers: Peer) -> list[Peer]:
    """Those of ``peers`` that there are: we install the ones that come as wheels, people the others."""
    return [peer for peer in peers if await peer.install()]


# The catalogue's penalties are for conversations; the bare loop and the peers choose words without any.
_PLAINLY: Final = {"ignore_eos": True, "repetition_penalty": 1.0, "frequency_penalty": 0.0}


@dataclass(frozen=True, slots=True)
class House:
    """A data folder with an owner and a key, from which ``causette serve`` can be started again and again."""

    data: Path
    key: str

    @classmethod
    async def build(cls, data: Path) -> "House":
        """Make the owner and the key, as an unattended installation would."""
        await causette(
            "users",
            "create",
            "--email",
            OWNER,
            "--owner",
            "--password-stdin",
            data=data,
            stdin=os.urandom(16).hex(),
        )
        made = await causette(
            "keys", "create", "--owner-email", OWNER, "--name", "bench", "--json", data=data
        )
        return cls(data, json.loads(made)["secret"])

    @asynccontextmanager
    async def serve(self, models: Path, load: Worker) -> AsyncGenerator[Served]:
        """``causette serve`` with the weights in ``models``; it may still be loading them."""
        async with self.web_process({"CAUSETTE_MODELS": str(models)}) as (process, url):
            yield Served(process, load, url, process.began, self.key, _PLAINLY)

    @asynccontextmanager
    async def web_process(self, environment: Mapping[str, str]) -> AsyncGenerator[tuple[Worker, str]]:
        """``causette serve`` on a free port, listening, and its URL."""
        command = (sys.executable, "-m", "causette", "serve", "--port", "0", "--data", str(self.data))
        async with worker(
            *command, log=WORKSHOP / "logs" / "causette.log", environment=environment
        ) as process:
            while " at http" not in (line := await process.line(_SECONDS_TO_START)):
                continue
            yield process, line.rpartition(" at ")[2]


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


async def causette(*arguments: str, data: Path, stdin: str = "") -> str:
    """What a command of ours prints.

    Raises:
        BenchError: it failed.
    """
    return await output_of(sys.executable, "-m", "causette", *arguments, "--data", data, stdin=stdin)


def _body(chat: Conversation, new_tokens: int, go_on: Mapping[str, object]) -> dict[str, object]:
    return {
        "model": "default",
        "messages": chat,
        "max_tokens": new_tokens,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
        **go_on,
    }


def _checked(samples: list[Sample], new_tokens: int, process: Worker) -> list[Sample]:
    for sample in samples:
        if sample.error:
            raise process.failure(f"did not answer ({sample.error})")
        if sample.completion_tokens != new_tokens:
            raise BenchError(
                f"A reply has {sample.completion_tokens} tokens where {new_tokens} were asked for: "
                "the comparison would not be fair."
            )
    return samples
