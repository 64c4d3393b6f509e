"""What is told of who wrote a reply: to clients, on messages, in metrics, in the books."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from causette.assistant.tables import messages
from causette.engines.types import Completed, Compute, Usage
from causette.errors import Unavailable
from causette.fleet import Fleet
from causette.gateway import Deployment, Deployments
from causette.gateway.versions import Canary, Version, Versions
from causette.ledger.tables import requests
from tests.house import OpenHouse, Person, open_house
from tests.scripted import ScriptedEngine
from tests.waiting import eventually

CHAT = {"model": "default", "messages": [{"role": "user", "content": "Hello"}]}


class Engine(ScriptedEngine):
    """One that keeps a record of what was broken off."""

    record: Completed | None = None

    async def account(self, request_id: str) -> Completed | None:
        return self.record


@dataclass
class Served:
    """A house with a canary that everybody is served, and another model of which nobody knows the weights."""

    opened: OpenHouse
    ada: Person
    canary: Engine
    base: Engine
    versions: Versions

    async def chat(self, **more: object) -> Any:
        answer = await self.opened.client.post(
            "/v1/chat/completions", json=CHAT | more, headers=self.ada.bearer
        )
        assert answer.status_code == 200, answer.text
        return answer

    def metric(self, version: str, outcome: str = "completed") -> float:
        labels = {"model": "small", "version": version, "outcome": outcome}
        name = "causette_version_generations_total"
        return self.opened.house.metrics.registry.get_sample_value(name, labels) or 0.0


@pytest_asyncio.fixture
async def served(tmp_path: Path) -> AsyncGenerator[Served]:
    canary, base = Engine(), Engine()
    canary.answer = base.answer = "Hello yourself."
    versions = Versions(Version(base, fingerprint="fp_base"))
    versions.serve(
        base=versions.base,
        stable=versions.base,
        canary=Canary(
            version=Version(canary, release_id="rel_1", fingerprint="fp_canary"),
            release_id="rel_1",
            share_percent=100,
            tell=lambda arm, user_id, seen: None,
        ),
    )
    fleet = Fleet(
        Deployments(
            [
                Deployment(name="small", kind="text", engine=versions, title="S", aliases=("default",)),
                Deployment(name="elsewhere", kind="text", engine=base, title="E"),
                Deployment(name="vectors", kind="embedding", engine=base, title="V", aliases=("embedding",)),
            ]
        )
    )
    async with open_house(tmp_path, fleet=fleet) as opened:
        yield Served(opened, await opened.person("ada"), canary, base, versions)


async def test_clients_are_told_the_version_in_whole_and_streamed_answers(served: Served):
    assert (await served.chat()).json()["system_fingerprint"] == "fp_canary"
    assert (await served.chat(model="elsewhere")).json()["system_fingerprint"] is None
    chunks = [
        json.loads(line.removeprefix("data: "))
        for line in (await served.chat(stream=True)).text.splitlines()
        if line.startswith("data: {")
    ]
    assert len(chunks) > 1
    assert {chunk["system_fingerprint"] for chunk in chunks} == {"fp_canary"}
    assert served.metric("rel_1") == 2


async def test_a_canary_that_is_lost_is_answered_for_by_the_version_that_answers(served: Served):
    async def lost(request: object) -> AsyncGenerator[Any]:
        raise Unavailable("Lost.", code="engine_lost")
        yield

    served.canary.generate = lost
    assert (await served.chat()).json()["system_fingerprint"] == "fp_base"
    assert (served.metric("base"), served.metric("rel_1")) == (1, 0)


@pytest.mark.parametrize("share", [100, 0])
async def test_a_reply_knows_the_release_that_wrote_it(served: Served, share: int):
    if share == 0:
        served.versions.serve(base=served.versions.base, stable=served.versions.base, canary=None)
    assistant = served.opened.house.assistant
    turn = await assistant.start(served.ada.caller, content="Hello", model=None)
    async for _ in assistant.events(turn.generation, 0):
        pass
    reply = await assistant.message(served.ada.caller, turn.messages[1].id)
    assert reply.release_id == ("rel_1" if share else None)
    async with served.opened.house.database.read() as connection:
        query = sa.select(messages.c.release_id).where(messages.c.role == "user")
        assert set((await connection.execute(query)).scalars()) == {None}


async def test_what_is_broken_off_is_settled_by_the_engine_that_worked_on_it(served: Served):
    served.canary.answer = None
    served.canary.record = Completed(Usage(11, 0, 5), Compute(compute_ns=700))
    assistant = served.opened.house.assistant
    turn = await assistant.start(served.ada.caller, content="Hello", model=None)
    call = await served.canary.called()
    call.say("Hel", "lo")
    await assistant.stop(served.ada.caller, turn.generation.id)

    async def settled() -> Any:
        async with served.opened.house.database.read() as connection:
            query = sa.select(requests.c.output_tokens, requests.c.usage_source).where(
                requests.c.state == "settled"
            )
            return (await connection.execute(query)).first()

    assert tuple(await eventually(settled, "the settlement")) == (5, "record")
    canary = served.versions.canary
    assert canary is not None
    # Nothing is left that would need its engine.
    await canary.version.idle()
