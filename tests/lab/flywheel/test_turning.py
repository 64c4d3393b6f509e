"""A turn of the flywheel from thumbs to a release, by commands and workers, killed on the way or two at once."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from causette.db import Database
from causette.errors import Conflict
from causette.lab.flywheel.store import FlywheelStore
from tests.lab.flywheel.thumbs import thumbs
from tests.lab.gate.house import GATE, House, people, small_house
from tests.lab.gate.test_commands import logging_of_its_own  # noqa: F401 - a fixture
from tests.waiting import eventually

_PATIENCE = 600.0
_VECTORS = """
[[engines]]
name = "embedding"
kind = "embedding"
url = "http://127.0.0.1:9/v1"
"""
# Processes that look so often meet at every step.
_RESTLESS = """
from causette.cli import main
from causette.lab.flywheel import turning
turning._LOOK_SECONDS = 0.05
main()
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
        asyncio.run(thumbs(url_of(house), 12))
        yield house


def url_of(house: House) -> str:
    """The database of the house's data folder."""
    return f"sqlite:///{house.data / 'causette.sqlite3'}"


@contextmanager
def worker(house: House) -> Iterator[None]:
    """``causette worker`` that looks at the wheel all the time, killed at the end with all that it has begun."""
    command = [sys.executable, "-c", _RESTLESS, "worker", "--data", str(house.data)]
    log = (house.data.parent / "worker.log").open("ab")
    with log, subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True) as process:
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def flywheel(house: House, *arguments: str) -> Any:
    return house.lab("flywheel", *arguments)


def turn_of(house: House) -> Any:
    return flywheel(house, "status")["turns"][0]


def reaches(url: str, *states: str) -> None:
    """Wait until the newest turn is in one of these states. A command would take a core meanwhile."""

    async def wait() -> None:
        async with Database.from_url(url) as database:
            store = FlywheelStore(database)

            async def reached() -> bool:
                # Each look takes of what the workers work with.
                await asyncio.sleep(0.2)
                turn = (await store.turns(limit=1))[0]
                assert turn.state != "failed" or "failed" in states, turn.reason
                return turn.state in states

            await eventually(reached, f"the turn to be {' or '.join(states)}", seconds=_PATIENCE)

    asyncio.run(wait())


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
        reaches(url_of(house), "training")
    # Killed while it trains, or a little later: the next one goes on.
    with worker(house):
        reaches(url_of(house), "signing")
        artifact = house.lab("artifact", begun["id"])
        assert [each["passed"] for each in artifact["reports"][0]["checks"] if not each["passed"]] == []
        lineage = artifact["artifact"]["lineage"]
        assert [each["stage"] for each in lineage["recipes"]] == ["data", "prefer", "export"]
        assert lineage["data"][0]["sources"][0]["licence"].startswith("what its author said")
        house.lab("sign", begun["id"], *_AS)
        reaches(url_of(house), "canary")
        house.lab("promote", begun["id"], *_AS)
        reaches(url_of(house), "promoted")
    done = turn_of(house)
    assert (done["thumbs"], done["pairs"], done["reason"]) == (12, 0, "ada@example.org")
    check_runs(house, begun["id"])
    lines = (house.data / "flywheel" / begun["id"] / "examples.jsonl").read_text().splitlines()
    assert {json.loads(line)["label"] for line in lines} == {True, False}


def check_runs(house: House, turn: str) -> None:
    """Each run of a turn was carried out once, and ended well."""
    found = {run.id: run.status for run in house.runs.list() if run.id.startswith(turn)}
    assert found == dict.fromkeys(
        (f"{turn}-{state}" for state in ("exporting", "gating", "preparing", "training")), "done"
    )


def test_two_workers_at_once_make_one_of_everything(
    house: House, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAUSETTE_DATABASE_URL", database_url)
    asyncio.run(people(database_url))
    asyncio.run(thumbs(database_url, 12))
    begun = flywheel(house, "begin", "--least", "12", "--unseen", "--epochs", "1", *_AS)
    with worker(house), worker(house):
        reaches(database_url, "signing")
        house.lab("sign", begun["id"], *_AS)
        reaches(database_url, "canary")
        house.lab("promote", begun["id"], *_AS)
        reaches(database_url, "promoted")
    (turn,) = flywheel(house, "status")["turns"]
    assert (turn["state"], turn["thumbs"], turn["failed_in"]) == ("promoted", 12, None)
    (artifact,) = house.lab("artifacts")
    shown = house.lab("artifact", artifact["name"])
    assert (artifact["id"], artifact["name"]) == (turn["artifact_id"], turn["id"])
    assert [each["run_id"] for each in shown["reports"]] == [f"{turn['id']}-gating"]
    assert [each["id"] for each in shown["releases"]] == [turn["release_id"]]
    check_runs(house, turn["id"])
    assert b"the flywheel waits" not in (house.data.parent / "worker.log").read_bytes()


def test_a_turn_is_stopped_and_another_begun(house: House) -> None:
    begun = flywheel(house, "begin", "--least", "50", *_AS)
    assert flywheel(house, "stop", *_AS)["state"] == "stopped"
    with pytest.raises(Conflict):
        flywheel(house, "retry", *_AS)
    assert turn_of(house)["id"] == begun["id"]


def test_without_enough_examples_nobody_waits_where_nobody_looks(house: House) -> None:
    flywheel(house, "begin", "--least", "50", "--unseen", *_AS)
    with worker(house):
        reaches(url_of(house), "failed")
    assert turn_of(house)["reason"] == "There are 12 examples, and 50 are needed."


def test_what_begins_by_itself_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    assert flywheel(house, "status")["nightly"] is None
    monkeypatch.setenv("CAUSETTE_FLYWHEEL", '{"at": "02:30", "least": 7}')
    nightly = flywheel(house, "status")["nightly"]
    assert (nightly["at"], nightly["least"], nightly["last"]) == ("02:30:00", 7, None)
    # Of the twelve thumbs none is new where a turn has learned from them.
    assert nightly["fresh"] in (0, 12)
    said = house.told("flywheel", "status")
    assert f"02:30 UTC if there are 7 new examples then; there are {nightly['fresh']} so far." in said
