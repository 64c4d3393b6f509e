"""What is released is what is served: by real servers with real engines, through canaries, kills and undoings."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import httpx2
import pytest
import pytest_asyncio
import sqlalchemy as sa

from causette.accounts import Accounts
from causette.accounts.types import Caller
from causette.assistant.tables import messages
from causette.db import Database
from causette.gateway.versions import fingerprint
from causette.releases import Artifact, Releases
from causette.releases.types import Lineage
from tests.conftest import TEXT_MODEL
from tests.releases.test_releasing import measured
from tests.server import Server, StartServer, servers
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: An engine loads in about three seconds, on a busy machine in many more.
_SWITCHED = 60.0


@dataclass
class Owner:
    """Whoever runs the house, at one of its servers."""

    server: Server
    client: httpx2.AsyncClient

    async def sign_in(self) -> None:
        await self.ask(
            "/api/session", {"email": self.server.owner_email, "password": self.server.owner_password}
        )

    async def ask(self, path: str, body: object = None, method: str = "POST") -> dict[str, Any]:
        answer = await self.client.request(method, f"{self.server.url}{path}", json=body)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    async def act(self, path: str, **body: object) -> dict[str, Any]:
        """Something with artifacts and releases."""
        return await self.ask(f"/api/admin/lab{path}", body or None, "GET" if "?" in path else "POST")

    @asynccontextmanager
    async def events(self, turn: dict[str, Any]) -> AsyncGenerator[AsyncIterator[str]]:
        """The lines of a reply's events."""
        url = f"{self.server.url}/api/generations/{turn['generation']['id']}/events"
        async with self.client.stream("GET", url) as answer:
            yield answer.aiter_lines()

    async def heard(self, turn: dict[str, Any]) -> None:
        """Wait until a reply is whole."""
        async with self.events(turn) as lines:
            assert "event: end" in [line async for line in lines]

    async def answering(self) -> str:
        """The fingerprint of what answers now. Something does, whatever happens."""
        answer = await self.client.post(
            f"{self.server.url}/v1/chat/completions",
            json={"model": "default", "max_tokens": 3, "messages": [{"role": "user", "content": "Hello"}]},
            headers={"authorization": f"Bearer {self.server.key}"},
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["choices"][0]["message"]["content"]
        return answer.json()["system_fingerprint"]

    async def serves_all(self, lab: "Lab", name: str) -> tuple[Artifact, str]:
        """Have an artifact answer everybody: it, and its release."""
        artifact = await lab.signed(name)
        # Its canary takes next to nobody.
        begun = await self.act(f"/artifacts/{artifact.id}/release", share_percent=0.01)
        await self.ask(f"/api/admin/lab/releases/{begun['id']}/promote")
        await self.hears(fingerprint(begun["id"], artifact.sha256))
        return artifact, begun["id"]

    async def hears(self, fingerprint: str) -> None:
        """Wait until this is what answers. Every request on the way is answered, by what is there."""
        deadline = monotonic() + _SWITCHED
        while await self.answering() != fingerprint:
            assert monotonic() < deadline, f"{fingerprint} does not answer"
            # Engines that are loading need the processors more.
            await asyncio.sleep(0.2)


@dataclass
class Lab:
    """The database that servers share, as their owner's lab sees it, and their owner at each of them."""

    database: Database
    releases: Releases
    owner: Caller
    weights: Path
    at: list[Owner]

    async def signed(self, name: str) -> Artifact:
        """An artifact that may be released: the default model, under another name."""
        artifact = await self.releases.register(
            self.owner,
            self.weights,
            name=name,
            base=TEXT_MODEL,
            lineage=Lineage(parent=TEXT_MODEL, run_id="run"),
        )
        await measured(self.releases, artifact)
        await self.releases.sign(self.owner, artifact)
        return artifact

    async def all_hear(self, fingerprint: str) -> None:
        await asyncio.gather(*(owner.hears(fingerprint) for owner in self.at))

    async def message(self, turn: dict[str, Any]) -> Any:
        """The reply of a turn."""
        query = sa.select(messages).where(messages.c.id == turn["messages"][1]["id"])
        async with self.database.read() as connection:
            return (await connection.execute(query)).one()

    async def no_engine_has(self, weights: Path) -> None:
        """Wait until no process holds these weights."""

        def ended() -> bool:
            return not any(engines_of(owner.server, weights) for owner in self.at)

        await eventually(ended, f"the engines of {weights} to end", seconds=_SWITCHED)


@pytest.fixture(scope="module")
def start_server(models_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[StartServer]:
    with servers(models_folder, tmp_path_factory.mktemp("serving")) as start:
        yield start


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab(start_server: StartServer, text_model_path: Path) -> AsyncGenerator[Lab]:
    """Two servers on one database. Each test ends as it began: with what the house began with."""
    first = start_server(wait_until_ready=False)
    second = start_server(data=first.data)
    async with httpx2.AsyncClient(timeout=60) as client, Database.from_url(_url(first)) as database:
        at = [Owner(server, client) for server in (first, second)]
        await at[0].sign_in()
        accounts = Accounts(database)
        (owner,) = await accounts.list_users(first.owner_email)
        await accounts.close()
        releases = Releases(database, first.data / "artifacts")
        yield Lab(database, releases, Caller(user=owner), text_model_path, at)


def _url(server: Server) -> str:
    return f"sqlite:///{server.data / 'causette.sqlite3'}"


def engines_of(server: Server, weights: Path) -> list[int]:
    """A server's engine processes with these weights."""
    found: list[int] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == server.pid and str(weights).encode() in command:
            found.append(int(process.name))
    return found


async def test_a_canary_is_served_by_every_process_and_no_reply_is_lost_with_its_engine(lab: Lab):
    here, _ = lab.at
    base = await here.answering()
    artifact = await lab.signed("canary")
    begun = await here.act(f"/artifacts/{artifact.id}/release", share_percent=100)
    canary = fingerprint(begun["id"], artifact.sha256)
    assert canary != base
    await lab.all_hear(canary)

    turn = await here.ask("/api/conversations", {"content": "Count from one to forty, in words."})
    (engine,) = engines_of(here.server, artifact.path)
    async with here.events(turn) as lines:
        async for line in lines:
            if line == "event: delta":
                break
        os.kill(engine, signal.SIGKILL)
        assert await here.answering() in {base, canary}
        assert "event: end" in [line async for line in lines]
    assert (await lab.message(turn)).status == "complete"
    await here.hears(canary)

    # Whatever failed was the canary's failure.
    async def seen() -> bool:
        release = await here.ask(f"/api/admin/lab/releases/{begun['id']}", method="GET")
        tally = release["standing"]["arms"]["canary"]["tally"]
        return tally["requests"] > 1 and tally["errors"] >= 1

    await eventually(seen, "the canary's tally", seconds=30)

    rolled_back = await here.act(f"/releases/{begun['id']}/roll-back", reason="It counts too slowly.")
    assert rolled_back["state"] == "rolled_back"
    await lab.all_hear(base)
    await lab.no_engine_has(artifact.path)


async def test_a_promotion_that_is_killed_is_what_the_database_says_until_it_is_undone(
    lab: Lab, start_server: StartServer
):
    there = lab.at.pop()
    assert there.server.terminate() == 0
    (here,) = lab.at
    base = await here.answering()
    artifact = await lab.signed("promoted")
    # Its canary takes next to nobody.
    begun = await here.act(f"/artifacts/{artifact.id}/release", share_percent=0.01)
    promoting = asyncio.create_task(here.act(f"/releases/{begun['id']}/promote"))

    async def promoted() -> bool:
        return (await lab.releases.release(begun["id"])).state == "released"

    await eventually(promoted, "the promotion to be in the database")
    here.server.kill()
    await asyncio.gather(promoting, return_exceptions=True)

    here.server = start_server(data=here.server.data)
    await here.hears(fingerprint(begun["id"], artifact.sha256))
    turn = await here.ask("/api/conversations", {"content": "Say hello."})
    await here.heard(turn)
    assert (await lab.message(turn)).release_id == begun["id"]
    # What the house began with takes no memory meanwhile.
    await lab.no_engine_has(lab.weights)

    await here.act(f"/releases/{begun['id']}/undo", reason="It is rude.")
    await here.hears(base)
    turn = await here.ask("/api/conversations", {"content": "Say hello."})
    await here.heard(turn)
    assert (await lab.message(turn)).release_id is None


async def test_an_undo_brings_back_the_release_before_it_and_another_what_the_house_began_with(lab: Lab):
    here = lab.at[0]
    base = await here.answering()
    first, before = await here.serves_all(lab, "first")
    second, after = await here.serves_all(lab, "second")
    await lab.no_engine_has(first.path)

    await here.act(f"/releases/{after}/undo", reason="It is rude.")
    await here.hears(fingerprint(before, first.sha256))
    turn = await here.ask("/api/conversations", {"content": "Say hello."})
    await here.heard(turn)
    assert (await lab.message(turn)).release_id == before
    await lab.no_engine_has(second.path)
    states = {each["id"]: each["state"] for each in (await here.act("/releases?limit=2"))["items"]}
    assert states == {before: "released", after: "undone"}

    undo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "causette", "lab", "undo", "first", "--reason", "It is rude as well."),
        *("--as", here.server.owner_email, "--data", str(here.server.data)),
        env=os.environ | {"CAUSETTE_MODELS": str(lab.weights.parents[1])},
    )
    assert await undo.wait() == 0
    await here.hears(base)
    await lab.no_engine_has(first.path)
