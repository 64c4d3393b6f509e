"""Child processes of a benchmark: started with a log, spoken to in lines, always ended."""

import asyncio
import os
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter

import msgspec

#: A round's samples are one line.
_LONGEST_LINE = 1 << 26
_SECONDS_TO_END = 30.0


class BenchError(Exception):
    """The benchmark could not be run; the message says what to look at."""


class Worker:
    """A running child process."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path, began: float) -> None:
        #: When the child was started, on ``perf_counter``'s clock.
        self.began = began
        self._process = process
        self._log = log

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether the child is gone."""
        return self._process.returncode is not None

    async def line(self, timeout_s: float) -> str:
        """The child's next line of standard output."""
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(timeout_s):
                line = await self._process.stdout.readline()
        except TimeoutError:
            raise self.failure(f"said nothing for {timeout_s:.0f} s") from None
        if not line:
            raise self.failure("ended")
        return line.decode().strip()

    async def ask(self, request: object, timeout_s: float = 600.0) -> bytes:
        """Send one JSON line; the JSON line that comes back."""
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(request) + b"\n")
        await self._process.stdin.drain()
        return (await self.line(timeout_s)).encode()

    def failure(self, what: str) -> BenchError:
        """An error that shows the end of the child's log."""
        tail = self._log.read_text(errors="replace").splitlines()[-12:]
        return BenchError("\n  ".join([f"{self._log.stem} {what}; the end of {self._log}:", *tail]))

    async def stop(self) -> None:
        """Close its standard input, then SIGTERM, then SIGKILL where that was not enough."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        for signal in (self._process.terminate, self._process.kill):
            if not self.ended:
                signal()
            try:
                async with asyncio.timeout(_SECONDS_TO_END):
                    await self._process.wait()
                    return
            except TimeoutError:
                continue


@asynccontextmanager
async def worker(
    *command: str | Path, log: Path, environment: Mapping[str, str] | None = None
) -> AsyncGenerator[Worker]:
    """Run ``command`` for the length of the block, its standard error going to ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    began = perf_counter()
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env={**os.environ, **(environment or {})},
            limit=_LONGEST_LINE,
        )
    child = Worker(process, log, began)
    try:
        yield child
    finally:
        await child.stop()


async def output_of(*command: str | Path, stdin: str = "", codes: Collection[int] = (0,)) -> str:
    """What a command that ends by itself prints.

    Raises:
        BenchError: it exited with another code than these.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(stdin.encode())
    if process.returncode not in codes:
        raise BenchError(
            f"{' '.join(map(str, command))} exited with {process.returncode}: {err.decode().strip()}"
        )
    return out.decode()
