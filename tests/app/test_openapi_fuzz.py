"""Whatever is sent, to any route, by anybody: never a failure of ours, and always an answer that is described.

`schemathesis` makes the requests from the OpenAPI description, the same ones each time: as described, and in every part
not. Every other one names real things, so that it gets past the first look-up.
"""

import asyncio
import threading
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.case import Case
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from causette.app import openapi_document
from tests.app.world import World, open_world
from tests.house import PASSWORD, Person
from tests.platform.shop import served

T = TypeVar("T")

CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
#: What the ids in paths may name, by the parameter's name.
THINGS: Final = {
    "conversation_id": "conversation",
    "message_id": "reply",
    "generation_id": "generation",
    "invoice_id": "invoice",
    "workspace_id": "workspace",
    "user_id": "member",
    "invitation_id": "invitation",
    "key_id": "key",
    "passkey_id": "passkey",
    "identity_id": "identity",
    "session_id": "other_session",
}


@dataclass
class Served:
    """A world behind a real server, in a thread with an event loop of its own."""

    world: World
    owner: Person
    url: str
    loop: asyncio.AbstractEventLoop
    asked: int = field(default=0)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Have the house's own loop do something."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def cookie(self, person: Person) -> dict[str, str]:
        """A session that nothing has ended yet."""
        fresh = self.do(self.world.open.house.accounts.sign_in(person.email, PASSWORD, address="test"))
        return {"cookie": f"causette_session={fresh.token}"}

    def ask(self, case: Case, headers: dict[str, str]) -> None:
        """Send ``case``, about real things every other time, and look at the answer."""
        self.asked += 1
        if self.asked % 2:
            for name in case.path_parameters:
                if (thing := THINGS.get(name)) is not None:
                    case.path_parameters[name] = getattr(self.world, thing)
        answer = case.call(base_url=self.url, headers=headers, timeout=20)
        case.validate_response(answer, checks=CHECKS)


@contextmanager
def house_in_a_thread(folder: Path) -> Generator[Served]:
    """A world in ``folder``."""
    found: list[Served] = []
    ready, over = threading.Event(), threading.Event()

    async def keep() -> None:
        async with open_world(folder) as world, served(world.open.app) as url:
            accounts = world.open.house.accounts
            user = await accounts.create_user(
                name="Root", email="root@example.org", password=PASSWORD, role="owner"
            )
            fresh = await accounts.sign_in(user.email, PASSWORD, address="test")
            owner = Person(caller=world.ada.caller, email=user.email, session=fresh.token, key="")
            found.append(Served(world, owner, url, asyncio.get_running_loop()))
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=asyncio.run, args=(keep(),))
    thread.start()
    try:
        assert ready.wait(30)
        yield found[0]
    finally:
        over.set()
        thread.join()


@pytest.fixture(scope="module")
def served_world(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    with house_in_a_thread(tmp_path_factory.mktemp("fuzz")) as served_world:
        yield served_world


# Threads of the house draw from it while requests are made up.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")

# The same requests each time, and not the several hundred a route that its coverage phase adds.
config = SchemathesisConfig.from_dict(
    {"generation": {"deterministic": True}, "phases": {"coverage": {"enabled": False}}}
)
schema = schemathesis.openapi.from_dict(openapi_document(), config=config)
bounded = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@schema.include(path_regex="^/v1/").parametrize()
@bounded
def test_a_program_with_a_key(served_world: Served, case: Case) -> None:
    served_world.ask(case, served_world.world.ada.bearer)


@schema.include(path_regex="^/api/(?!admin/)").parametrize()
@bounded
def test_somebody_who_is_signed_in(served_world: Served, case: Case) -> None:
    served_world.ask(case, served_world.cookie(served_world.world.ada))


@schema.include(path_regex="^/api/admin/").parametrize()
@bounded
def test_who_runs_the_house(served_world: Served, case: Case) -> None:
    served_world.ask(case, served_world.cookie(served_world.owner))
