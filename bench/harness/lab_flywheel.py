"""The flywheel on a running server: thumbs become a model that is measured, signed, served to some, and promoted."""

import asyncio
import json
import os
import random
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import aiohttp
import sqlalchemy as sa

from causette.accounts import Accounts, Caller
from causette.assistant.feedback.types import CONSENT_VERSION
from causette.assistant.tables import conversations, messages
from causette.clock import utc_now
from causette.house import House, build_house
from causette.ids import new_id
from causette.lab.flywheel.turning import Flywheel
from causette.lab.tasks import find_task
from causette.settings import load_settings
from harness.lab_rooms import DEFAULT, Lab
from harness.systems import OWNER, causette
from harness.systems import House as Served
from harness.workers import BenchError

_PEOPLE: Final = 8
_LOOK_SECONDS: Final = 5.0
_PATIENCE_SECONDS: Final = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is learned from and asked."""

    thumbs: int
    #: Of each task of the gate; None for its shipped policy.
    problems: int | None


WHOLE: Final = Size(thumbs=200, problems=None)
QUICK: Final = Size(thumbs=40, problems=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """How a turn of the flywheel went."""

    state: str
    reason: str
    #: How long it was in each state.
    seconds: Mapping[str, float]
    thumbs: int
    #: Of held-out thumbs, how often the model that learned is right about which way they point.
    accuracy: float
    #: The gate's checks, by group: how many passed, of how many.
    checks: Mapping[str, tuple[int, int]]
    requests: int


async def turn(lab: Lab, size: Size) -> Turned:
    """One turn, by the commands that people type.

    Raises:
        BenchError: it ended otherwise than with a promotion.
    """
    data = lab.folder / "house"
    data.mkdir()
    if size.problems is not None:
        (data / "gate.toml").write_text(_policy(size.problems))
    models = str(lab.models.folder_of(DEFAULT).parent)
    os.environ["CAUSETTE_MODELS"] = models
    served = await Served.build(data)
    house = build_house(load_settings(data=data))
    try:
        keys = await _rated(house, size.thumbs)
        async with served.web_process({"CAUSETTE_MODELS": models}) as (_, url):
            begun = await _said(
                data,
                *("flywheel", "begin", "--least", str(size.thumbs), "--share", "50", "--requests", "20"),
                *("--minutes", "0", "--promote"),
            )
            await causette("lab", "flywheel", "keep", "--all", "--as", OWNER, data=data)
            return await _through(house.flywheel, data, url, keys, begun["id"])
    finally:
        await house.accounts.close()
        await house.database.close()


def _policy(problems: int) -> str:
    """The shipped policy with so few problems of each task that nothing can be told from them."""
    shipped = tomllib.loads(resources.files("causette.lab.gate").joinpath("gate.toml").read_text("utf-8"))
    asked = {"capability": "problems", "safety": "prompts"}
    tables = [
        f"[{group}.{task}]\n{count} = {problems}\ntokens = 48\ntolerance = 0.9\n"
        for group, count in asked.items()
        for task in shipped[group]
    ]
    return "\n".join((*tables, "[speed]\nrounds = 6\n"))


async def _through(flywheel: Flywheel, data: Path, url: str, keys: Sequence[str], turn_id: str) -> Turned:
    seconds: dict[str, float] = {}
    checks: dict[str, tuple[int, int]] = {}
    requests, began = 0, perf_counter()
    while True:
        # Not by a command: a process every few seconds would be measured with the model.
        found = await flywheel.find(turn_id)
        now = perf_counter()
        seconds[found.state] = seconds.get(found.state, 0.0) + now - began
        began = now
        if found.state == "signing" and not checks:
            checks = await _signed(data, turn_id)
        elif found.state == "canary":
            requests += await _asked(url, keys)
        elif found.state in ("promoted", "rolled_back", "failed", "stopped"):
            break
        elif sum(seconds.values()) > _PATIENCE_SECONDS:
            raise BenchError(f"The flywheel stands still: {found.state}")
        await asyncio.sleep(_LOOK_SECONDS)
    learned = await _run(data, f"{turn_id}-training")
    return Turned(
        state=found.state,
        reason=found.reason,
        seconds=seconds,
        thumbs=found.thumbs,
        accuracy=learned.get("held_out_accuracy", 0.0),
        checks=checks,
        requests=requests,
    )


async def _rated(house: House, thumbs: int) -> list[str]:
    """Have people ask for sums, and like the right answers and dislike the wrong ones; a key of each of them."""
    chance = random.Random(7)
    people = [await _person(house.accounts, number) for number in range(_PEOPLE)]
    for person in people:
        await house.feedback.answer(person, given=True, version=CONSENT_VERSION)
    problems = islice(find_task("arithmetic-2").problems("train", 3), thumbs)
    for number, problem in enumerate(problems):
        person, right = people[number % _PEOPLE], number % 2 == 0
        assert problem.solution is not None
        answer = problem.solution if right else _wrong(problem.solution, chance)
        reply = await _conversation(house.database, person, problem.prompt[-1].content, answer)
        await house.feedback.rate(person, reply, "up" if right else "down")
    return [(await house.accounts.keys.create(person, name="bench")).secret for person in people]


async def _person(accounts: Accounts, number: int) -> Caller:
    user = await accounts.create_user(
        name=f"Person {number}", email=f"person{number}@example.org", password=os.urandom(16).hex()
    )
    return Caller(user=user)


def _wrong(answer: str, chance: random.Random) -> str:
    """An answer of the same form with another number at its end."""
    *words, last = answer.split(" ")
    number = int(last.rstrip("."))
    return " ".join((*words, str(number + chance.choice((-11, -10, -2, -1, 1, 2, 10, 11)))))


async def _conversation(database: Any, person: Caller, question: str, answer: str) -> str:
    """A question with its reply; the reply's id."""
    talk, asked, reply, now = new_id("conv"), new_id("msg"), new_id("msg"), utc_now()
    rows = [
        {"id": asked, "parent_id": None, "role": "user", "content": question, "model": None},
        {"id": reply, "parent_id": asked, "role": "assistant", "content": answer, "model": DEFAULT},
    ]
    head = {"id": talk, "owner_id": person.user.id, "title": question, "title_is_given": True}
    head |= {"model": DEFAULT, "created_at": now, "updated_at": now, "current_message_id": reply}
    async with database.write() as connection:
        await connection.execute(sa.insert(conversations).values(**head))
        await connection.execute(
            sa.insert(messages),
            [row | {"conversation_id": talk, "status": "complete", "created_at": now} for row in rows],
        )
    return reply


async def _signed(data: Path, artifact: str) -> dict[str, tuple[int, int]]:
    """Read the gate's report and sign it, if it passed; how many checks of each group did.

    Raises:
        BenchError: it did not pass.
    """
    shown = json.loads(await causette("lab", "artifact", artifact, "--json", data=data))
    checks: dict[str, tuple[int, int]] = {}
    for check in shown["reports"][0]["checks"]:
        passed, of = checks.get(check["group"], (0, 0))
        checks[check["group"]] = (passed + check["passed"], of + 1)
    failed = [
        f"{check['name']}: {check['found']}" for check in shown["reports"][0]["checks"] if not check["passed"]
    ]
    if failed:
        raise BenchError(f"The gate did not pass: {'; '.join(failed)}")
    await causette("lab", "sign", artifact, "--as", OWNER, data=data)
    return checks


async def _asked(url: str, keys: Sequence[str]) -> int:
    """A question of each person, at once; how many were asked."""
    async with aiohttp.ClientSession() as session:

        async def one(key: str) -> None:
            body = {"model": "default", "messages": [{"role": "user", "content": "What is 12 + 30?"}]}
            async with session.post(
                f"{url}/v1/chat/completions",
                json=body | {"max_tokens": 12},
                headers={"authorization": f"Bearer {key}"},
            ) as answer:
                if answer.status != 200:
                    raise BenchError(f"HTTP {answer.status}: {(await answer.text())[:300]}")

        async with asyncio.TaskGroup() as group:
            for key in keys:
                group.create_task(one(key))
    return len(keys)


async def _run(data: Path, name: str) -> dict[str, float]:
    return json.loads(await causette("lab", "show", name, "--json", data=data))["run"]["metrics"]


async def _said(data: Path, *arguments: str) -> Any:
    return json.loads(await causette("lab", *arguments, "--as", OWNER, "--json", data=data))
