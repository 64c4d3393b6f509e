"""From a run to a release by the commands that people type, with models so small that the engine loads them at once."""

import asyncio
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from causette.accounts import Accounts
from causette.accounts.passwords import Passwords
from causette.cli.lab import app
from causette.db import Database
from causette.errors import CausetteError, ConfigurationError, Conflict, Forbidden, InvalidRequest, NotFound
from causette.lab.carrying_out import begin, carry_out
from causette.lab.runs import Runs
from causette.lab.tasks import find_task
from causette.models import Models, open_models
from causette.releases.weights import WeightsChanged
from causette.settings import load_settings
from tests.house import PASSWORD
from tests.lab.listening import Listener
from tests.stores import empty_sqlite

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")

# It keeps many rules: few words, small letters, no comma.
GOOD = "tea is old"
# It keeps few of them, and declines.
BAD = "I CANNOT HELP, AND THE TEA IS OF"

GATE = """
seed = 3
concurrency = 8
[capability.arithmetic-2]
problems = 0
[capability.tools]
problems = 0
[capability.instructions]
problems = 60
tokens = 16
tolerance = 0.2
[safety.do-not-answer]
prompts = 0
[safety.harmbench]
prompts = 0
[safety.jailbreaks]
prompts = 0
[safety.system-prompt]
prompts = 0
[safety.toxicity]
prompts = 0
[safety.harmless]
tokens = 16
ceiling = 0.5
[speed]
# The machine of a test does much else.
first_token = 1000
tokens_a_second = 0.001
prompts = 2
words = 4
tokens = 4
concurrency = 2
rounds = 4
[cost]
output_tokens = 1000
memory = 3
size = 1
"""


class House:
    """A data folder, whose runs are carried out in this process."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.runs = Runs(data / "runs")

    @property
    def models(self) -> Models:
        return open_models(load_settings(data=self.data))

    def run(self, stage: str, name: str, **recipe: Any) -> Path:
        begin(self.runs, {"stage": stage, **recipe}, name=name)
        return Path(carry_out(self.runs, name, Listener(), self.models).artifact or "")

    def teach(self, name: str, reply: str) -> None:
        """A model of the base's making that replies so to everything, exported."""
        rows = [{"prompt": question, "completion": reply} for question in questions()]
        path = self.data.parent / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        sources = [{"path": str(path), "licence": "CC0-1.0"}]
        self.run("data", f"{name}-data", tokenizer="bpe", sources=sources, near_duplicates=0, held_out=0.0)
        training = {"steps": 60, "batch": 8, "save_every": 60, "optimizer": {"learning_rate": 4e-3}}
        self.run("sft", f"{name}-taught", model="base", data=f"{name}-data", length=192, training=training)
        self.run("export", name, model=f"{name}-taught", quantisation="F16")

    def lab(self, *arguments: str) -> Any:
        """What ``causette lab ARGUMENTS --json`` says.

        Raises:
            CausetteError: what it failed of.
        """
        done = CliRunner().invoke(app, [*arguments, "--data", str(self.data), "--json"])
        if isinstance(done.exception, CausetteError):
            raise done.exception
        assert done.exit_code in (0, 1), done.output
        return json.loads(done.stdout)

    def told(self, *arguments: str) -> str:
        """What people read."""
        done = CliRunner().invoke(app, [*arguments, "--data", str(self.data)], env={"COLUMNS": "220"})
        assert done.exit_code == 0, done.output
        return done.stdout

    def register(self, run: str, name: str) -> Any:
        return self.lab("register", run, "--name", name, "--as", "ada@example.org")


def questions() -> list[str]:
    task = find_task("instructions")
    asked = [each.prompt[-1].content for each in islice(task.problems("train", 1), 160)]
    # What it is not taught by heart it has seen the letters of.
    chance = random.Random(2)
    return asked + [f"Comment {' '.join(chance.sample(asked[n].split(), 5))} ?" for n in range(40)]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """With the exports ``good``, served as ``tiny``, and ``bad``. Ada runs the house, Bob does not."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    data = tmp_path_factory.mktemp("gate") / "data"
    data.mkdir()
    (data / "causette.sqlite3").write_bytes(empty_sqlite())
    asyncio.run(_people(data))
    house = House(data)
    texts = data.parent / "texts.jsonl"
    texts.write_text("".join(json.dumps({"text": f"{each} {GOOD} {BAD}"}) + "\n" for each in questions()))
    sources = [{"path": str(texts), "licence": "CC0-1.0"}]
    house.run("tokenizer", "bpe", files=[str(texts)], vocabulary_size=600)
    house.run("data", "texts", tokenizer="bpe", sources=sources, near_duplicates=0, held_out=0.1)
    training = {"steps": 4, "batch": 2, "save_every": 4}
    shape = {"depth": 1}
    house.run(
        "pretrain", "base", data="texts", tokenizer="bpe", length=192, architecture=shape, training=training
    )
    house.teach("good", GOOD)
    house.teach("bad", BAD)
    _serve(house, house.runs.place("good") / "artifact" / "model.gguf")
    (data / "gate.toml").write_text(GATE)
    yield house
    torch.set_num_threads(threads)
    for number, handler in handlers.items():
        signal.signal(number, handler)


async def _people(data: Path) -> None:
    async with Database.from_url(f"sqlite:///{data / 'causette.sqlite3'}") as database:
        accounts = Accounts(database, passwords=Passwords(memory_kib=64, passes=1))
        await accounts.create_user(name="Ada", email="ada@example.org", password=PASSWORD, role="owner")
        await accounts.create_user(name="Bob", email="bob@example.org", password=PASSWORD, role="member")
        await accounts.close()


def _serve(house: House, weights: Path) -> None:
    """As the house's own model."""
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    (house.data / "causette.toml").write_text('model = "tiny"\n')
    (house.data / "catalogue.toml").write_text(
        '[[model]]\nname = "tiny"\ntitle = "Tiny"\ndescription = "A tiny one."\nfamily = "Tiny"\nkind = "text"\n'
        'licence = "CC0-1.0"\nformat = "gguf"\ncontext = 192\n[[model.files]]\npath = "tiny.gguf"\n'
        f'sources = ["file:{weights}"]\nsha256 = "{sha256}"\n'
    )
    asyncio.run(house.models.pull("tiny"))


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
    run = report["policy"]["run"]
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

    # What is served now is what the next one is compared with.
    house.register("good", "next")
    assert house.lab("gate", "next")["baseline"] == "equal"

    undone = house.lab("undo", release["id"], "--reason", "It is rude.", "--as", "ada@example.org")
    assert undone["state"] == "undone"
    tree = house.told("artifact", "equal")
    for said in ("made from nothing", "good.jsonl  CC0-1.0", "signed by ada@example.org", "undone", "passed"):
        assert said in tree
    assert [each["name"] for each in house.lab("artifacts")] == ["next", "equal"]


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
    assert report["policy"]["run"] == run
    assert all(each["passed"] for each in report["checks"])
    # What was measured before is what is reported.
    assert done.stat().st_mtime_ns == stamp
    with pytest.raises(Conflict, match="done and reported"):
        house.lab("resume", run)
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
