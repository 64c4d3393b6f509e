"""A real ``causette serve`` in a process of its own, as its owner would run it, for tests over HTTP."""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from tests.waiting import wait_for

_ADDRESS = re.compile(r"^Causette \S+ at (http\S+)$", re.MULTILINE)
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server that has an owner, and an API key of theirs."""

    #: Without a slash at the end.
    url: str
    key: str
    owner_email: str
    owner_password: str
    #: Its data folder.
    data: Path
    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        """All it has written to standard error; one JSON object a line."""
        return self.err.read_text("utf-8")

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.process.kill()
        self.process.wait()

    def terminate(self, seconds: float = 30.0) -> int:
        """End it with SIGTERM; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


class StartServer(Protocol):
    """Starts a server of the test's own and waits until it is ready; it is killed after the test."""

    def __call__(self, *, data: Path | None = None, wait_until_ready: bool = True, **env: str) -> Server:
        """Start one in ``data``, by default a new folder, with the environment variables ``env``.

        A folder that a server of the same test ran in keeps its owner and gets a second key.
        """
        ...


@pytest.fixture(scope="session")
def server(models_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """A server that all tests share: they may not stop it, nor count on being its only user."""
    data = tmp_path_factory.mktemp("server") / "data"
    running = _start(data, _environment(models_folder, {}))
    _wait_until_ready(running)
    yield running
    _end(running)


@pytest.fixture
def start_server(models_folder: Path, tmp_path: Path) -> Generator[StartServer]:
    """See :class:`StartServer`."""
    with servers(models_folder, tmp_path) as start:
        yield start


@contextmanager
def servers(models_folder: Path, root: Path) -> Generator[StartServer]:
    """What starts servers, whose folders are in ``root``; they end with it."""
    started: list[Server] = []

    def start(*, data: Path | None = None, wait_until_ready: bool = True, **env: str) -> Server:
        folder = data or root / f"server{len(started)}" / "data"
        running = _start(folder, _environment(models_folder, env))
        started.append(running)
        if wait_until_ready:
            _wait_until_ready(running)
        return running

    yield start
    for running in started:
        _end(running)


def run_cli(
    *arguments: str, env: dict[str, str], stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``causette ARGUMENTS`` to its end. Check ``returncode``."""
    return subprocess.run(
        [sys.executable, "-m", "causette", *arguments],
        env=env,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _environment(models_folder: Path, env: dict[str, str]) -> dict[str, str]:
    # What is set for the developer's own Causette is not the tests' business.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CAUSETTE_")}
    return {
        **inherited,
        "CAUSETTE_MODELS": str(models_folder),
        "CAUSETTE_KV_CACHE_GB": "1",
        "CAUSETTE_LOG_FORMAT": "json",
        **env,
    }


def _start(data: Path, env: dict[str, str]) -> Server:
    email, password_file = "owner@example.org", data.parent / "password"
    data.parent.mkdir(parents=True, exist_ok=True)
    if not password_file.exists():
        password_file.write_text(secrets.token_urlsafe(16))
        _must(
            run_cli(
                *("users", "create", "--email", email, "--owner", "--password-stdin", "--data", str(data)),
                env=env,
                stdin=password_file.read_text(),
            )
        )
    made = _must(
        run_cli(
            *("keys", "create", "--owner-email", email, "--name", "tests", "--json", "--data", str(data)),
            env=env,
        )
    )
    name = secrets.token_hex(4)
    out, err = data.parent / f"{name}.out", data.parent / f"{name}.err"
    with out.open("wb") as output, err.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "causette", "serve", "--port", "0", "--data", str(data)],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
        )

    def address() -> str | None:
        if process.poll() is not None:
            pytest.fail(f"the server ended with code {process.returncode}: {err.read_text()}")
        found = _ADDRESS.search(out.read_text())
        return found[1] if found else None

    try:
        url = wait_for(address, "the server to say its address", seconds=_START_SECONDS)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return Server(
        url=url,
        key=json.loads(made.stdout)["secret"],
        owner_email=email,
        owner_password=password_file.read_text(),
        data=data,
        process=process,
        out=out,
        err=err,
    )


def _must(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    if done.returncode != 0:
        pytest.fail(f"{done.args[3:5]} ended with code {done.returncode}: {done.stderr}")
    return done


def _wait_until_ready(server: Server) -> None:
    def ready() -> bool:
        if server.process.poll() is not None:
            pytest.fail(f"the server ended with code {server.process.returncode}: {server.log}")
        try:
            with urllib.request.urlopen(f"{server.url}/readyz", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            # Not listening, or 503 while its engine loads.
            return False

    wait_for(ready, "the server to become ready", seconds=_START_SECONDS)


def _end(server: Server) -> None:
    if server.process.poll() is None:
        server.process.terminate()
        try:
            server.process.wait(40)
        except subprocess.TimeoutExpired:
            server.kill()
            pytest.fail(f"the server did not end after SIGTERM: {server.log}")
