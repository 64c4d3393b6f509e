"""``causette chat``: a conversation in a terminal, and one question in a pipe."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.waiting import wait_for

_CONTROL = re.compile(r"\x1b\[[?\d;]*[A-Za-z]")


@pytest.fixture
def env(models_folder: Path, tmp_path: Path) -> dict[str, str]:
    """The environment of a person whose models are on disk, and whose replies are short."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "catalogue.toml").write_text('[[model]]\nname = "smollm2-135m-instruct"\ncontext = 200\n')
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CAUSETTE_")}
    return inherited | {
        "CAUSETTE_DATA": str(folder),
        "CAUSETTE_MODELS": str(models_folder),
        "CAUSETTE_KV_CACHE_GB": "1",
        "TERM": "xterm",
        "COLUMNS": "80",
    }


def piped(*arguments: str, env: dict[str, str], stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "causette", "chat", *arguments],
        env=env,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


@dataclass
class Terminal:
    """A terminal with the command in it."""

    process: "subprocess.Popen[bytes]"
    master: int
    slave: int
    shown: bytes = b""
    _seen: int = field(default=0)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def wait_for(self, pattern: str) -> str:
        """Wait until something new on the screen matches; the match."""

        def found() -> re.Match[str] | None:
            if select.select([self.master], [], [], 0)[0]:
                self.shown += os.read(self.master, 65536)
            text = _CONTROL.sub("", self.shown.decode(errors="ignore"))
            return re.compile(pattern).search(text, self._seen)

        match = wait_for(found, f"{pattern!r} on the screen", seconds=60)
        assert match is not None
        self._seen = match.end()
        return match[0]

    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self.slave)[3] & termios.ECHO)


@contextmanager
def terminal(*arguments: str, env: dict[str, str]) -> Generator[Terminal]:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "causette", "chat", *arguments],
        env=env,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    try:
        yield Terminal(process, master, slave)
    finally:
        process.kill()
        process.wait()
        os.close(master)
        os.close(slave)


def test_one_question_is_answered_in_plain_text(env: dict[str, str]) -> None:
    done = piped("Say", "hello.", env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert done.stdout.endswith("\n")
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_what_is_piped_in_is_read_with_the_question(env: dict[str, str]) -> None:
    # More than the context takes: so it was read.
    done = piped("Summarise this:", env=env, stdin="word " * 2000)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("causette: ")
    assert "context" in line
    nothing = piped(env=env)
    assert (nothing.returncode, nothing.stdout) == (0, "")


def test_an_unknown_model_is_one_line(env: dict[str, str]) -> None:
    done = piped("Hello", "--model", "no-such-model", env=env)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"causette: [^\n]*no-such-model[^\n]*\n", done.stderr)


def test_a_conversation_goes_on_until_it_is_left(env: dict[str, str]) -> None:
    with terminal(env=env) as screen:
        screen.wait_for("›")
        screen.type("Say hello.\n")
        screen.wait_for(r"\w+[\s\S]*› ")
        screen.type("word " * 500 + "\n")
        # What goes wrong is said, and the conversation goes on.
        screen.wait_for(r"context[\s\S]*› ")
        screen.type("/new\n")
        screen.wait_for(r"A new conversation[\s\S]*› ")
        screen.type("/quit\n")
        assert screen.process.wait(30) == 0


def test_ctrl_c_stops_a_reply_and_then_leaves(env: dict[str, str]) -> None:
    with terminal("--system", "You are a storyteller.", env=env) as screen:
        screen.wait_for("›")
        screen.type("Tell me a very long story.\n")
        screen.wait_for(r"story\.\s[\s\S]*\w{4}")
        screen.interrupt()
        screen.wait_for("› ")
        began = time.monotonic()
        screen.interrupt()
        assert screen.process.wait(30) == 0
        assert time.monotonic() - began < 20
        assert screen.echoes()


def test_ctrl_d_leaves(env: dict[str, str]) -> None:
    with terminal(env=env) as screen:
        screen.wait_for("›")
        screen.type("\x04")
        assert screen.process.wait(30) == 0
