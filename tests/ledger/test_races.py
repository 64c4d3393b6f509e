"""Many who ask at once, in one process and in four: together they get what one limit gives, and not a token more."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE

import pytest

from causette.db import Database
from causette.errors import TooManyRequests
from causette.ids import new_id
from causette.ledger.prices import Price
from causette.ledger.service import Ledger
from causette.ledger.types import (
    MINUTE,
    MONTH,
    Hold,
    Limit,
    Meter,
    Offer,
    Quantities,
    Repetition,
    Settlement,
    Window,
)
from causette.ledger.verify import verify
from causette.ledger.windows import Windows
from tests.stores import (
    NewWindows,
    postgres_schemas,
    postgres_url,
    valkey_prefix,
    valkey_time_passes,
    valkey_url,
)

CLIENTS = 64
PROCESSES = 4
#: What one request takes: 100 tokens to read, 50 to write.
INPUT, OUTPUT = 100, 50
PRICE = Price(input=150_000_000, output=600_000_000)
EACH = PRICE.charge(Quantities(input_tokens=INPUT, output_tokens=OUTPUT))
#: A window that is not over before the test is.
HOUR = Window("rolling", 3600)

LIMITS = [
    # What pays for ten and a half.
    pytest.param(Limit("payer:ada", Meter.MONEY, MONTH, 10 * EACH + EACH // 2), id="money"),
    pytest.param(Limit("key:one", Meter.REQUESTS, HOUR, 10), id="requests"),
    pytest.param(Limit("key:one", Meter.TOKENS, HOUR, 10 * (INPUT + OUTPUT) + 7), id="tokens"),
]

#: One of several servers: says when it is ready, and begins when all are.
SERVER = """
import asyncio, json, sys
from causette.db import Database
from causette.ledger.windows import Windows
from tests.ledger.test_races import crowd, limit_of

async def main():
    url, limit, clients, valkey, prefix = sys.argv[1:]
    windows = Windows(valkey, prefix=prefix) if valkey else None
    async with Database.from_url(url) as database:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        print(json.dumps(await crowd(database, limit_of(json.loads(limit)), int(clients), windows)), flush=True)

asyncio.run(main())
"""


def limit_of(said: list[object]) -> Limit:
    """A limit as another process was told it."""
    scope, meter, kind, seconds, amount = said
    return Limit(str(scope), Meter(str(meter)), Window(kind, int(str(seconds))), int(str(amount)))  # type: ignore[arg-type]


async def crowd(database: Database, limit: Limit, clients: int, windows: Windows | None) -> list[int]:
    """How many requests of so many clients were served, and for how many nano-dollars; each asks until refused."""
    ledger = Ledger(database, windows=windows)
    await ledger.open()
    served, charged = 0, 0

    async def client() -> None:
        nonlocal served, charged
        while True:
            try:
                reservation = await ledger.reserve(
                    Hold(
                        id=new_id("req"),
                        payer_id="ada",
                        user_id="ada",
                        plan_id="api",
                        surface="platform",
                        model="default",
                        engine_request_id=new_id("eng"),
                        offers=(Offer(name="metered", price=PRICE, limits=(limit,)),),
                        input_bound=INPUT,
                        output_wanted=OUTPUT,
                    )
                )
            except TooManyRequests as refused:
                if (standing := await ledger.standing([limit]))[0].held == 0:
                    return
                assert standing[0].used <= limit.amount
                # What others hold they may give back.
                await asyncio.sleep(min(0.01, refused.retry_after or 0.01))
                continue
            used = Quantities(input_tokens=INPUT, output_tokens=reservation.output_granted)
            receipt = await ledger.settle(reservation.id, Settlement(outcome="completed", quantities=used))
            served += 1
            charged += receipt.charge_nano

    await asyncio.gather(*(client() for _ in range(clients)))
    await ledger.close()
    return [served, charged]


async def used_up(database: Database, limit: Limit, charged: int, windows: Windows | None) -> None:
    """Nothing was given beyond ``limit``, and next to nothing was kept back."""
    ledger = Ledger(database, windows=windows)
    await ledger.open()
    (standing,) = await ledger.standing([limit])
    await ledger.close()
    assert standing.held == 0
    assert standing.used <= limit.amount
    # Not even a prompt and one token more would have fitted.
    one_more = {
        Meter.MONEY: PRICE.worst(INPUT, 1),
        Meter.TOKENS: INPUT + 1,
        Meter.REQUESTS: 1,
    }[limit.meter]
    assert standing.used + one_more > limit.amount
    if limit.meter is Meter.MONEY:
        assert standing.used == charged
    assert (await verify(database)).problems == ()


@pytest.mark.parametrize("limit", LIMITS)
async def test_a_crowd_gets_what_is_left_and_not_more(
    database: Database, new_windows: NewWindows, limit: Limit
) -> None:
    served, charged = await crowd(database, limit, CLIENTS, new_windows())
    assert served >= 10
    await used_up(database, limit, charged, new_windows())


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("place", ["database", "valkey"])
async def test_four_servers_have_one_limit_together(limit: Limit, place: str) -> None:
    valkey = valkey_url() if place == "valkey" else ""
    async with postgres_schemas(postgres_url()) as new, valkey_prefix() as prefix:
        url = await new()
        async with Database.from_url(url) as database:
            await database.upgrade()
            told = [limit.scope, limit.meter, limit.window.kind, limit.window.seconds, limit.amount]
            servers = [
                await asyncio.create_subprocess_exec(
                    *(sys.executable, "-c", SERVER, url, json.dumps(told), str(CLIENTS // PROCESSES)),
                    *(valkey, prefix),
                    stdin=PIPE,
                    stdout=PIPE,
                )
                for _ in range(PROCESSES)
            ]
            for server in servers:
                assert server.stdout is not None
                assert await server.stdout.readline() == b"ready\n"
            answers = await asyncio.gather(*(server.communicate(b"go\n") for server in servers))
            found = [json.loads(said) for said, _ in answers]
            assert sum(served for served, _ in found) >= 10
            windows = Windows(valkey, prefix=prefix) if valkey else None
            await used_up(database, limit, sum(charged for _, charged in found), windows)


async def test_a_new_window_gives_as_much_again(database: Database, new_windows: NewWindows) -> None:
    """A crowd that comes back after its minute is not held to what it took before."""
    limit = Limit("key:one", Meter.REQUESTS, MINUTE, 5)
    assert (await crowd(database, limit, 16, new_windows()))[0] == 5
    if windows := new_windows():
        await valkey_time_passes(windows.prefix, 61)
    async with database.write() as connection:
        await connection.exec_driver_sql("UPDATE ledger_counters SET started_at = started_at - 61000000")
    assert (await crowd(database, limit, 16, new_windows()))[0] == 5


async def test_two_servers_that_settle_a_request_and_its_repetition_charge_it_once() -> None:
    """Each of them sees what the other has charged, or is seen."""
    async with postgres_schemas(postgres_url()) as new:
        url = await new()
        async with Database.from_url(url) as one, Database.from_url(url) as two:
            await one.upgrade()
            ledgers = Ledger(one), Ledger(two)
            for ledger in ledgers:
                await ledger.open()
            for _ in range(20):
                pair = await _pair(ledgers[0])
                receipts = await asyncio.gather(
                    *(
                        ledger.settle(
                            request_id,
                            Settlement(outcome="failed", quantities=Quantities(output_tokens=OUTPUT)),
                        )
                        for ledger, request_id in zip(ledgers, pair, strict=True)
                    )
                )
                assert sum(receipt.charge_nano for receipt in receipts) == receipts[0].list_nano
            assert (await verify(one)).problems == ()
            for ledger in ledgers:
                await ledger.close()


async def _pair(ledger: Ledger) -> list[str]:
    """A request, and what says that it repeats it while it is in progress."""
    fingerprint = new_id("print").encode()
    made: list[str] = []
    for claimed in (False, True):
        reservation = await ledger.reserve(
            Hold(
                id=new_id("req"),
                payer_id=fingerprint.decode(),
                user_id="ada",
                plan_id="api",
                surface="platform",
                model="default",
                engine_request_id=new_id("eng"),
                offers=(Offer(name="metered", price=PRICE),),
                input_bound=INPUT,
                output_wanted=OUTPUT,
                repetition=Repetition(fingerprint=fingerprint, claimed=claimed),
            )
        )
        made.append(reservation.id)
    assert reservation.root_id == made[0]
    return made
