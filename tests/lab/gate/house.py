"""A house with models so small that the engine loads them at once, and runs that make more of them."""

import asyncio
import hashlib
import json
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from typer.testing import CliRunner

from causette.accounts import Accounts
from causette.accounts.passwords import Passwords
from causette.cli.lab import app
from causette.db import Database
from causette.errors import (
    CausetteError,
)
from causette.lab.carrying_out import begin, carry_out
from causette.lab.runs import Runs
from causette.lab.tasks import find_task
from causette.models import Models, open_models
from causette.settings import load_settings
from tests.house import PASSWORD
from tests.lab.listening import Listener
from tests.stores import empty_sqlite

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
rounds = 6
most_rounds = 6
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


@contextmanager
def small_house(folder: Path) -> Iterator[House]:
    """With the exports ``good``, served as ``tiny``, and ``bad``. Ada runs the house, Bob does not."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    data = folder / "data"
    data.mkdir()
    (data / "causette.sqlite3").write_bytes(empty_sqlite())
    asyncio.run(people(f"sqlite:///{data / 'causette.sqlite3'}"))
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


async def people(url: str) -> None:
    """Ada and Bob, in a database."""
    async with Database.from_url(url) as database:
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
