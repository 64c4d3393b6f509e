"""A function in a process that can do nothing but compute, as one that can be called here."""

import base64
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Final, Self

from causette.errors import ConfigurationError
from causette.lab.sandbox import inside
from causette.lab.sandbox.system_calls import system_call_filter

# Seconds of computing; and of waiting, many more, for a busy machine must not change what is found.
_SECONDS: Final = 3
_PATIENCE: Final = 20.0
_MEMORY: Final = 512 << 20
# Bytes of a value that is given back.
_LONGEST: Final = 1 << 20
_PIECE: Final = 1 << 16


class Failed(Exception):
    """The code has no value to give: it raised, ended, or took too much of something."""


class Program:
    """The function called ``function`` that ``code`` defines, in a process of its own.

    Arguments go there and values come back as data (numbers, text, lists, tuples, sets, dictionaries), so that what
    they are compared with is never where the code could see or change it. The process has no environment, the kernel
    refuses it files, sockets, processes and signals, and ``seconds`` of computing and ``memory`` bytes are all it has.

    Raises:
        ConfigurationError: a process cannot be confined here.
    """

    def __init__(self, code: str, function: str, *, seconds: int = _SECONDS, memory: int = _MEMORY) -> None:
        self._task = {
            "filter": base64.b64encode(system_call_filter()).decode(),
            "code": code,
            "function": function,
            "seconds": seconds,
            "memory": memory,
        }

    def __enter__(self) -> Self:
        self._deadline = monotonic() + _PATIENCE
        self._unread = b""
        self._folder = tempfile.TemporaryDirectory(prefix="causette-")
        try:
            self._process = subprocess.Popen(
                # -S: nothing but the standard library; -I: nothing that the environment adds.
                [sys.executable, "-I", "-S", "-B", str(Path(inside.__file__))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=self._folder.name,
                env={},
                start_new_session=True,
                bufsize=0,
            )
        except BaseException:
            self._folder.cleanup()
            raise
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._answers = self._process.stdin, self._process.stdout
        os.set_blocking(self._requests.fileno(), False)
        try:
            self._begin()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def __call__(self, *arguments: Any) -> Any:
        """What it returns.

        Raises:
            Failed: it returns nothing that is data.
        """
        self._send(inside.written(list(arguments)))
        answer = self._receive()
        try:
            return inside.read(answer["value"])
        except (KeyError, TypeError, ValueError, RecursionError):
            raise Failed(f"It gives no value: {str(answer)[:100]}") from None

    def _begin(self) -> None:
        try:
            self._send(self._task)
            refused = self._receive()["refused"]
        except Failed as error:
            raise ConfigurationError(
                f"A process to run code in does not start: {error}", param="task"
            ) from error
        if refused is not None:
            raise ConfigurationError(
                f"The kernel does not let a process be confined (seccomp): {refused}. Code that a model wrote is not "
                "run without that.",
                param="task",
            )

    def _send(self, what: Any) -> None:
        rest = memoryview(json.dumps(what).encode() + b"\n")
        while rest:
            self._wait(self._requests.fileno(), select.POLLOUT)
            try:
                rest = rest[os.write(self._requests.fileno(), rest[:_PIECE]) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise Failed("It has ended.") from None

    def _receive(self) -> Any:
        parts = [self._unread]
        size = len(self._unread)
        while b"\n" not in parts[-1]:
            self._wait(self._answers.fileno(), select.POLLIN)
            parts.append(os.read(self._answers.fileno(), _PIECE))
            size += len(parts[-1])
            if not parts[-1]:
                raise Failed("It has ended.")
            if size > _LONGEST:
                raise Failed(f"It gives more than {_LONGEST} bytes.")
        line, _, self._unread = b"".join(parts).partition(b"\n")
        try:
            return json.loads(line)
        except (ValueError, RecursionError):
            raise Failed("It gives something that is not data.") from None

    def _wait(self, descriptor: int, event: int) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        if not poll.poll(max(0.0, self._deadline - monotonic()) * 1000):
            raise Failed("It takes too long.")

    def _end(self) -> None:
        # Not waited for yet, so that nobody else has its number.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._requests.close()
        self._answers.close()
        self._folder.cleanup()
