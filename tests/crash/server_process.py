"""A web server that kills itself: ``python -m tests.crash.server_process DATA DATABASE_URL ENGINE_SOCKET``.

For each line of standard input, ``{"stage": …, "nth": …, "people": …}``, it lives one life in a process of its own,
which makes so many people and SIGKILLs itself as a request passes that stage for the nth time; without a stage, others
kill it. ``patience`` is how many seconds it waits for a database that is written to. It says when it is ready, and how
that life ended. Its listening socket outlives it, as behind a load balancer.
"""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import uvloop

from causette.accounts import Accounts, Caller
from causette.accounts.passwords import Passwords
from causette.cli.web_server import WebServer
from causette.db import Database
from causette.db.connecting import engines_for
from causette.engines.openai_client import OpenAIClient
from causette.errors import Unavailable
from causette.fleet import Fleet
from causette.gateway import Deployment, Deployments
from causette.gateway.routing import Replica, Router
from causette.gateway.stages import Stage, unnoticed
from causette.house import furnish
from causette.ledger.types import NANO
from causette.models import Catalogue, Models
from causette.observability import Metrics, configure_logging
from causette.settings import Settings

#: After which a server that shows no life is taken for dead: what there is to wait for after each death.
SILENCE = timedelta(seconds=0.5)
#: For which the server waits for a database that somebody else is writing to.
PATIENCE = 0.2
#: The exit code of a server that found no database as it started.
NO_DATABASE = 75


def killing(stage: str, nth: int) -> Callable[[Stage], None]:
    """Ends this process as a request passes ``stage`` for the ``nth`` time."""
    left = nth

    def passed(now: Stage) -> None:
        nonlocal left
        if now == stage:
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    return passed


def fleet_of(engine: Path) -> Fleet:
    """A text model behind a router and an embedding model beside it, both answered by one process."""
    text, vectors = (
        OpenAIClient("http://engine/v1", model=name, context=4096, socket=engine)
        for name in ("words", "vectors")
    )
    router = Router("words", [Replica(engine=text, id="one", machine="this machine")])
    return Fleet(
        Deployments(
            [
                Deployment(name="words", kind="text", engine=router, title="Words", aliases=("default",)),
                Deployment(
                    name="vectors", kind="embedding", engine=vectors, title="V", aliases=("embedding",)
                ),
            ]
        ),
        remote=(text, vectors),
    )


async def live(data: Path, url: str, engine: Path, listener: socket.socket, plan: dict[str, object]) -> None:
    """One life, from open to killed."""
    database = Database(engines_for(url, patience=float(str(plan.get("patience", PATIENCE)))))
    accounts = Accounts(database, passwords=Passwords(memory_kib=64, passes=1))
    house = furnish(
        Settings(data=data, shutdown_grace=0),
        database=database,
        metrics=Metrics(),
        models=Models(data / "models", Catalogue.load()),
        accounts=accounts,
        fleet=fleet_of(engine),
        passed=killing(str(plan["stage"]), int(str(plan["nth"]))) if "stage" in plan else unnoticed,
        silence=SILENCE,
    )
    try:
        await house.open()
    except Unavailable:
        # As whoever watches over servers sees it: it could not start, and is started again.
        os._exit(NO_DATABASE)
    keys: list[str] = []
    for number in range(int(str(plan.get("people", 0)))):
        email = f"person{number}@example.org"
        user = await accounts.create_user(name="Ada", email=email, password="seven quiet otters")
        made = await accounts.keys.create(Caller(user=user), name="crash")
        await house.door.ledger.top_up(user.id, 100 * NANO, "card", user.id)
        keys.append(made.secret)

    def ready() -> None:
        say({"ready": os.getpid(), "keys": keys, "port": listener.getsockname()[1]})

    await WebServer(house, ready).serve([listener])
    await house.close()


def say(what: dict[str, object]) -> None:
    """Tell the test."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main() -> None:
    """One life after the other, each forked from this process, which has imported everything already."""
    data, url, engine = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    configure_logging(Settings(data=data, log_format="json"))
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(live(data, url, engine, listener, json.loads(line)))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        say({"ended": os.waitstatus_to_exitcode(status)})


if __name__ == "__main__":
    main()
