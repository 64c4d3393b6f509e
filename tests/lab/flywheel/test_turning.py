"""A turn of the flywheel from thumbs to a release, by commands and a worker that is killed on the way."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from causette.accounts import Accounts
from causette.accounts.passwords import Passwords
from causette.assistant.feedback.store import feedback, training_consents
from causette.assistant.tables import conversations, messages
from causette.clock import utc_now
from causette.db import Database
from causette.errors import Conflict
from causette.ids import new_id
from tests.lab.gate.house import GATE, House, small_house
from tests.lab.gate.test_commands import logging_of_its_own  # noqa: F401 - a fixture
from tests.waiting import wait_for

_PATIENCE = 240.0
_VECTORS = """
[[engines]]
name = "embedding"
kind = "embedding"
url = "http://127.0.0.1:9/v1"
"""
_AS = ("--as", "ada@example.org")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with small_house(tmp_path_factory.mktemp("flywheel")) as house:
        # What it does is learn; whether it learns well is the gate's business and its tests'.
        (house.data / "gate.toml").write_text(GATE.replace("tolerance = 0.2", "tolerance = 0.9"))
        # A worker of a house has something that makes vectors; nobody asks it for any.
        with (house.data / "causette.toml").open("a") as file:
            file.write(_VECTORS)
        asyncio.run(_thumbs(house.data))
        yield house


async def _thumbs(data: Path) -> None:
    """Twelve thumbs of Bob, who agrees."""
    async with Database.from_url(f"sqlite:///{data / 'causette.sqlite3'}") as database:
        accounts = Accounts(database, passwords=Passwords(memory_kib=64, passes=1))
        bob = await accounts.find_user("bob@example.org")
        assert bob is not None
        consent, now = new_id("cons"), utc_now()
        agreed = {"id": consent, "owner_id": bob.id, "version": "2026-11", "given": True, "answered_at": now}
        async with database.write() as connection:
            await connection.execute(sa.insert(training_consents).values(**agreed, withdrawn_at=None))
            for number in range(12):
                talk, asked, reply = new_id("conv"), new_id("msg"), new_id("msg")
                head = {"id": talk, "owner_id": bob.id, "title": "Tea", "title_is_given": True}
                head |= {"model": "tiny", "created_at": now, "updated_at": now, "current_message_id": reply}
                await connection.execute(sa.insert(conversations).values(**head))
                rows = [
                    {"id": asked, "role": "user", "content": f"What of tea {number}?", "parent_id": None},
                    {"id": reply, "role": "assistant", "content": "tea is old", "parent_id": asked},
                ]
                common = {"conversation_id": talk, "status": "complete", "created_at": now, "model": "tiny"}
                await connection.execute(sa.insert(messages), [row | common for row in rows])
                said = {"id": new_id("fb"), "owner_id": bob.id, "conversation_id": talk, "kind": "rating"}
                said |= {
                    "message_id": reply,
                    "other_id": None,
                    "subject": reply,
                    "reasons": [],
                    "comment": "",
                }
                said |= {"rating": "up" if number % 2 else "down", "consent_id": consent}
                await connection.execute(sa.insert(feedback).values(**said, created_at=now, updated_at=now))
        await accounts.close()


@contextmanager
def worker(house: House) -> Iterator[subprocess.Popen[bytes]]:
    """``causette worker``, killed at the end with all that it has begun."""
    command = [sys.executable, "-m", "causette", "worker", "--data", str(house.data)]
    log = (house.data.parent / "worker.log").open("ab")
    with log, subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def flywheel(house: House, *arguments: str) -> Any:
    return house.lab("flywheel", *arguments)


def turn_of(house: House) -> Any:
    return flywheel(house, "status")["turns"][0]


def state_of(house: House) -> tuple[str, str]:
    """The newest turn's state, and why it is what it is. A command would take a core while it is waited for."""
    with closing(sqlite3.connect(house.data / "causette.sqlite3")) as database:
        return database.execute("SELECT state, reason FROM flywheel_turns ORDER BY id DESC").fetchone()


def state_is(house: House, *states: str) -> bool:
    state, reason = state_of(house)
    assert state != "failed", reason
    return state in states


def test_thumbs_become_a_release_though_workers_are_killed(house: House) -> None:
    begun = flywheel(house, "begin", "--least", "12", "--share", "50", "--epochs", "1", *_AS)
    assert begun["state"] == "curating"
    with pytest.raises(Conflict, match="under way"):
        flywheel(house, "begin", *_AS)
    assert len(flywheel(house, "examples")) == 12
    with pytest.raises(Conflict, match="are needed"):
        flywheel(house, "proceed", *_AS)
    house.told("flywheel", "keep", "--all", *_AS)
    with worker(house):
        wait_for(lambda: not state_is(house, "curating", "preparing"), "it to learn", seconds=_PATIENCE)
    # Killed while it trains, or a little later: the next one goes on.
    with worker(house):
        wait_for(lambda: state_is(house, "signing"), "the gate's report", seconds=_PATIENCE)
        artifact = house.lab("artifact", begun["id"])
        assert [each["passed"] for each in artifact["reports"][0]["checks"] if not each["passed"]] == []
        lineage = artifact["artifact"]["lineage"]
        assert [each["stage"] for each in lineage["recipes"]] == ["data", "prefer", "export"]
        assert lineage["data"][0]["sources"][0]["licence"].startswith("what its author said")
        house.lab("sign", begun["id"], *_AS)
        wait_for(lambda: state_is(house, "canary"), "the canary", seconds=_PATIENCE)
        house.lab("promote", begun["id"], *_AS)
        wait_for(lambda: state_is(house, "promoted"), "the end of the turn", seconds=_PATIENCE)
    done = turn_of(house)
    assert (done["thumbs"], done["pairs"], done["reason"]) == (12, 0, "ada@example.org")
    # Each run was carried out once.
    assert sorted(run.id for run in house.runs.list() if run.id.startswith(begun["id"])) == [
        f"{begun['id']}-{state}" for state in ("exporting", "gating", "preparing", "training")
    ]
    lines = (house.data / "flywheel" / begun["id"] / "examples.jsonl").read_text().splitlines()
    assert {json.loads(line)["label"] for line in lines} == {True, False}


def test_a_turn_is_stopped_and_another_begun(house: House) -> None:
    begun = flywheel(house, "begin", "--least", "50", *_AS)
    assert flywheel(house, "stop", *_AS)["state"] == "stopped"
    with pytest.raises(Conflict):
        flywheel(house, "retry", *_AS)
    assert turn_of(house)["id"] == begun["id"]


def test_without_enough_examples_nobody_waits_where_nobody_looks(house: House) -> None:
    flywheel(house, "begin", "--least", "50", "--unseen", *_AS)
    with worker(house):
        wait_for(lambda: state_of(house)[0] == "failed", "it to give up", seconds=_PATIENCE)
    assert turn_of(house)["reason"] == "There are 12 examples, and 50 are needed."
