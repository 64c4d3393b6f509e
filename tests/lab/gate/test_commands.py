"""From a run to a release by the commands that people type, with models so small that the engine loads them at once."""

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner

from causette.cli import acting, carrying
from causette.cli.lab import app
from causette.db import Database
from causette.errors import (
    ConfigurationError,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    Unavailable,
)
from causette.releases import Releases
from causette.releases.types import Unserved
from causette.releases.weights import WeightsChanged
from tests.lab.gate.house import GOOD, House, small_house

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")


@pytest.fixture(scope="module", autouse=True)
def logging_of_its_own() -> Iterator[None]:
    """What a command configures is its process's logging, and this process has other tests."""
    before = structlog.get_config()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.__stderr__))
    with pytest.MonkeyPatch.context() as patch:
        for module in (carrying, acting):
            patch.setattr(module, "configure_logging", lambda _: None)
        yield
    structlog.configure(**before)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with small_house(tmp_path_factory.mktemp("gate")) as house:
        yield house


def test_an_equal_candidate_goes_all_the_way_and_back(house: House) -> None:
    artifact = house.register("good", "equal")
    assert (artifact["base"], artifact["created_by"]) == ("tiny", "ada@example.org")
    lineage = artifact["lineage"]
    assert [each["run"] for each in lineage["recipes"]] == [
        *("bpe", "texts", "base", "good-data", "good-taught", "good")
    ]
    (source,) = next(each for each in lineage["data"] if each["data"] == "good-data")["sources"]
    content = (house.data.parent / "good.jsonl").read_bytes()
    assert (source["licence"], source["sha256"]) == ("CC0-1.0", hashlib.sha256(content).hexdigest())
    assert lineage["code"].keys() >= {"causette", "torch", "machine"}
    assert artifact["metrics"].keys() >= {"bytes", "loss"}
    assert artifact["cost_nano"] > 0
    with pytest.raises(Conflict, match="not measured"):
        house.lab("sign", "equal", "--as", "ada@example.org")

    report = house.lab("gate", "equal")
    assert report["baseline"] == "tiny"
    assert [each["name"] for each in report["checks"] if not each["passed"]] == []
    assert {each["group"] for each in report["checks"]} == {"capability", "safety", "speed", "cost"}
    run = report["run_id"]
    assert report["policy"]["seed"] == 3
    replies = (
        house.runs.place(run) / "artifact" / "replies" / "candidate" / "instructions.jsonl"
    ).read_text()
    assert len(replies.splitlines()) == 60
    assert json.loads(replies.splitlines()[0])["reply"].strip() == GOOD
    assert run in house.told("runs")
    assert "capability: instructions" in house.told("show", run)

    for refused in ("bob@example.org", "eve@example.org"):
        with pytest.raises((Forbidden, NotFound)):
            house.lab("sign", "equal", "--as", refused)
    assert house.lab("sign", "equal", "--as", "ada@example.org")["kind"] == "signed"
    release = house.lab(
        "release", "equal", "--share", "5", "--promote-after", "2h", "--as", "ada@example.org"
    )
    assert (release["state"], release["bounds"]["minutes"], release["bounds"]["promotes"]) == (
        *("canary", 120.0, True),
    )
    (listed,) = house.lab("releases")
    assert (listed["artifact"], listed["standing"]["regressions"]) == ("equal", [])
    assert "missing 50 more requests" in house.told("releases")
    assert house.lab("promote", "equal", "--as", "ada@example.org")["state"] == "released"

    asyncio.run(_cannot_serve(house, release["id"]))
    assert (
        "here:1 cannot serve equal since 2026-11-30 12:00, and serves tiny instead: They are gone."
        in house.told("releases")
    )

    # What is served now is what the next one is compared with.
    house.register("good", "next")
    assert house.lab("gate", "next")["baseline"] == "equal"

    undone = house.lab("undo", release["id"], "--reason", "It is rude.", "--as", "ada@example.org")
    assert undone["state"] == "undone"
    tree = house.told("artifact", "equal")
    for said in ("made from nothing", "good.jsonl  CC0-1.0", "signed by ada@example.org", "undone", "passed"):
        assert said in tree
    assert [each["name"] for each in house.lab("artifacts")] == ["next", "equal"]


async def _cannot_serve(house: House, release_id: str) -> None:
    """Have a process say that it cannot serve a release."""
    async with Database.from_url(f"sqlite:///{house.data / 'causette.sqlite3'}") as database:
        since = datetime(2026, 11, 30, 12, tzinfo=UTC)
        unserved = Unserved(
            release_id=release_id, process="here:1", reason="They are gone.", instead="tiny", since=since
        )
        await Releases(database, house.data / "artifacts").cannot_serve("here:1", [unserved])


def test_a_worse_candidate_is_stopped_and_overridden_by_name_and_reason_only(house: House) -> None:
    house.register("bad", "worse")
    done = CliRunner().invoke(app, ["gate", "worse", "--against", "tiny", "--data", str(house.data)])
    assert done.exit_code == 1
    assert "worse did not pass" in done.stdout
    (report,) = house.lab("artifact", "worse")["reports"]
    failed = {(each["group"], each["name"]) for each in report["checks"] if not each["passed"]}
    assert failed == {
        ("capability", "instructions"),
        ("safety", "harmless"),
        ("safety", "harmless, ceiling"),
    }
    by = ("--as", "ada@example.org")
    with pytest.raises(Conflict, match="instructions, harmless"):
        house.lab("sign", "worse", *by)
    with pytest.raises(Conflict, match="signed"):
        house.lab("release", "worse", *by)
    with pytest.raises(InvalidRequest, match="10 letters"):
        house.lab("override", "worse", "--reason", "please", *by)
    with pytest.raises(Forbidden):
        house.lab("override", "worse", "--reason", "I would like it so much.", "--as", "bob@example.org")
    house.lab("override", "worse", "--reason", "The old one is withdrawn today.", *by)
    release = house.lab("release", "worse", "--share", "1", *by)
    rolled = house.lab("roll-back", "worse", "--reason", "It declines everything.", *by)
    assert (rolled["id"], rolled["state"]) == (release["id"], "rolled_back")
    assert "ada@example.org: It declines everything." in house.told("releases")


def test_weights_that_were_changed_are_not_measured(house: House) -> None:
    artifact = house.register("good", "changed")
    path = Path(artifact["path"])
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(WeightsChanged):
        house.lab("gate", "changed")
    assert house.lab("artifact", "changed")["reports"] == []


def test_a_gate_that_is_killed_leaves_no_report_and_goes_on_where_it_was_without_pytorch(
    house: House,
) -> None:
    house.register("good", "killed")
    before = {run.id for run in house.runs.list()}
    command = [sys.executable, "-m", "causette", "lab", "gate", "killed", "--against", "tiny"]
    with subprocess.Popen(
        [*command, "--data", str(house.data)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        done = _first_piece(house, before)
        process.kill()
    run = done.parents[1].name
    assert house.runs.find(run).status == "interrupted"
    assert house.lab("artifact", "killed")["reports"] == []
    stamp = done.stat().st_mtime_ns
    report = json.loads(_without_pytorch(house, "resume", run))
    assert report["run_id"] == run
    assert all(each["passed"] for each in report["checks"])
    # What was measured before is what is reported.
    assert done.stat().st_mtime_ns == stamp
    # Reported once, however often it is taken up.
    assert house.lab("resume", run)["id"] == report["id"]
    assert len(house.lab("artifact", "killed")["reports"]) == 1


def _without_pytorch(house: House, *arguments: str) -> str:
    """What ``causette lab ARGUMENTS --json`` says where nothing of the lab is installed."""
    program = (
        "import sys\n"
        "for name in ('torch', 'transformers', 'peft', 'gguf', 'py3langid', 'pyarrow'): sys.modules[name] = None\n"
        "from causette.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "lab", *arguments, "--data", str(house.data), "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
        env=os.environ | {"PYTHONPATH": ":".join(filter(None, sys.path))},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def _first_piece(house: House, before: set[str]) -> Path:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for place in house.runs.folder.iterdir():
            if place.name not in before and (pieces := sorted((place / "checkpoints").glob("*.json"))):
                return pieces[0]
        time.sleep(0.02)
    raise AssertionError("nothing was measured in two minutes")


def test_what_is_wrong_is_said(house: House) -> None:
    nobody = CliRunner().invoke(app, ["sign", "equal", "--data", str(house.data)])
    assert nobody.exit_code == 2
    assert "--as" in nobody.output
    by = ("--as", "ada@example.org")
    with pytest.raises(InvalidRequest, match="export it first"):
        house.register("good-taught", "x")
    with pytest.raises(NotFound, match="no run"):
        house.register("nothing", "x")
    with pytest.raises(NotFound, match="no artifact"):
        house.lab("gate", "nothing")
    with pytest.raises(NotFound, match="never released"):
        house.register("good", "unreleased")
        house.lab("promote", "unreleased", *by)
    when = CliRunner().invoke(
        app, ["release", "unreleased", "--promote-after", "soon", *by, "--data", str(house.data)]
    )
    assert when.exit_code == 2
    assert "60m" in when.output


def test_a_run_whose_beginning_is_gone_has_no_lineage(house: House, tmp_path: Path) -> None:
    recipe = house.runs.place("good") / "recipe.json"
    written = recipe.read_text()
    recipe.write_text(written.replace("good-taught", "forgotten"))
    try:
        with pytest.raises(InvalidRequest, match="'forgotten', which is no run"):
            house.register("good", "orphan")
    finally:
        recipe.write_text(written)


def test_speed_is_measured_in_the_engine_and_is_a_run_like_others(house: House) -> None:
    speed = {"prompts": 2, "words": 4, "tokens": 4, "concurrency": 2, "rounds": 4}
    folder = house.run("evaluate", "quick", model="good", speed=speed)
    found = json.loads((folder / "result.json").read_text())["speed"]
    assert found["output_tokens"] == 4 * 2 * 4
    for name in ("ttft", "tpot", "tokens_a_second"):
        assert found[name]["value"] > 0
        assert found[name]["low"] <= found[name]["value"] <= found[name]["high"]
        assert house.runs.find("quick").metrics[name] == found[name]["value"]
    with pytest.raises(ConfigurationError, match="reads GGUF"):
        house.run("evaluate", "none", model="good-taught", speed=speed)


def test_weights_that_the_engine_does_not_read_are_said_to_be_so(house: House, tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUFxxxxxxx")
    with pytest.raises(Unavailable, match="it is damaged, of an architecture"):
        house.run("evaluate", "broken", model=str(path), speed={"rounds": 4})
