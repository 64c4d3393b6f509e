"""Real processes and real signals: nothing that is killed takes a reply with it."""

import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import httpx2
import pytest

from tests.assistant.signed_in import Browser, Heard, assert_whole, signed_in, text_of
from tests.conftest import TEXT_MODEL
from tests.server import Server, StartServer
from tests.waiting import wait_for

#: A quarter of it is the longest reply: long enough to be in the middle of, short enough to wait for.
CONTEXT = 400
LONG = "Tell me a long story about a lighthouse, a storm and a lost letter. Take your time."


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder whose catalogue gives the default model a short context."""
    data = tmp_path / "house" / "data"
    data.mkdir(parents=True)
    (data / "catalogue.toml").write_text(f'[[model]]\nname = "{TEXT_MODEL}"\ncontext = {CONTEXT}\n')
    return data


def text_engine_of(server: Server) -> int:
    """The process id of the server's text engine."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(server.pid)], capture_output=True, text=True, check=True
    )
    (engine,) = (line for line in listed.stdout.splitlines() if "causette.engines.embedded text" in line)
    return int(engine.split()[0])


def try_to_follow(browser: Browser, turn: dict[str, object], heard: list[Heard]) -> None:
    """Add what comes to ``heard``, until the connection ends, however it does."""
    try:
        for event in browser.follow(turn, heard[-1].seq if heard else 0):
            heard.append(event)
    except httpx2.TransportError:
        pass


def test_replies_survive_the_death_of_the_engine(start_server: StartServer, data: Path) -> None:
    server = start_server(data=data)
    with signed_in(server) as browser, ThreadPoolExecutor() as threads:
        turns = [browser.start(f"{number}. {LONG}") for number in range(3)]
        heard: list[list[Heard]] = [[] for _ in turns]
        following = [
            threads.submit(try_to_follow, browser, turn, log) for turn, log in zip(turns, heard, strict=True)
        ]
        wait_for(lambda: all(len(log) >= 2 for log in heard), "all three to be written", seconds=60)
        before = [text_of(log) for log in heard]
        os.kill(text_engine_of(server), signal.SIGKILL)
        for follower in following:
            follower.result(120)
        for turn, log, said in zip(turns, heard, before, strict=True):
            assert_whole(log)
            reply = browser.reply(turn)
            assert reply["status"] == "complete"
            assert reply["content"] == text_of(log)
            assert reply["content"].startswith(said)
    assert "engine ended and is restarted" in server.log


def test_a_reply_survives_the_death_of_the_server(start_server: StartServer, data: Path) -> None:
    first = start_server(data=data)
    heard: list[Heard] = []
    with signed_in(first) as browser:
        turn = browser.start(LONG)
        heard += islice(browser.follow(turn), 3)
        first.kill()
    second = start_server(data=data)
    with signed_in(second) as browser:
        # The stored text is there from the first moment on, before anybody has taken the reply over.
        assert browser.reply(turn)["content"].startswith(text_of(heard))
        heard += browser.follow(turn, heard[-1].seq)
        assert_whole(heard)
        reply = browser.reply(turn)
        assert (reply["status"], reply["content"]) == ("complete", text_of(heard))
        assert "abandoned reply is continued" in second.log


def test_a_signal_lets_replies_end_and_sends_nobody_away_before(
    start_server: StartServer, data: Path
) -> None:
    server = start_server(data=data, CAUSETTE_SHUTDOWN_GRACE="30")
    heard: list[Heard] = []
    with signed_in(server) as browser, ThreadPoolExecutor() as threads:
        turn = browser.start(LONG)
        following = threads.submit(try_to_follow, browser, turn, heard)
        wait_for(lambda: heard, "the first words", seconds=60)
        server.process.send_signal(signal.SIGTERM)
        following.result(60)
        assert_whole(heard)
    assert server.process.wait(20) == 0


def test_a_reply_that_outlasts_the_grace_is_continued_by_the_next_server(
    start_server: StartServer, data: Path
) -> None:
    first = start_server(data=data, CAUSETTE_SHUTDOWN_GRACE="0")
    heard: list[Heard] = []
    with signed_in(first) as browser, ThreadPoolExecutor() as threads:
        turn = browser.start(LONG)
        following = threads.submit(try_to_follow, browser, turn, heard)
        wait_for(lambda: len(heard) >= 2, "some words", seconds=60)
        assert first.terminate() == 0
        following.result(10)
        assert heard[-1].name == "delta"
    second = start_server(data=data)
    with signed_in(second) as browser:
        heard += browser.follow(turn, heard[-1].seq)
        assert_whole(heard)
        assert browser.reply(turn)["content"] == text_of(heard)


def test_a_second_signal_ends_it_at_once_and_leaves_no_process(start_server: StartServer, data: Path) -> None:
    server = start_server(data=data, CAUSETTE_SHUTDOWN_GRACE="60")
    with signed_in(server) as browser:
        turn = browser.start(LONG)
        next(browser.follow(turn))
        engine = text_engine_of(server)
        server.process.send_signal(signal.SIGINT)

        def leaving() -> bool:
            try:
                httpx2.get(f"{server.url}/healthz", timeout=1)
            except httpx2.TransportError:
                return True
            return False

        wait_for(leaving, "the server to take no more requests")
        assert server.process.poll() is None
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(20) == 130

    def gone() -> bool:
        try:
            os.kill(engine, 0)
        except ProcessLookupError:
            return True
        return False

    wait_for(gone, "the engine to be gone")


def test_a_stop_is_quick_and_keeps_the_text(server: Server) -> None:
    with signed_in(server) as browser:
        turn = browser.start(LONG)
        heard = list(islice(browser.follow(turn), 2))
        stopped = browser.stop(turn)
        assert stopped["status"] == "stopped"
        heard += browser.follow(turn, heard[-1].seq)
        assert_whole(heard)
        reply = browser.reply(turn)
        assert (reply["status"], reply["content"]) == ("stopped", text_of(heard))
