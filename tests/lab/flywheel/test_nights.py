"""Turns that begin by themselves: at most one a night, whoever is there and whenever they come."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import cast

import pytest
import pytest_asyncio

from causette.accounts import Accounts, Caller
from causette.assistant.feedback.store import FeedbackStore
from causette.clock import utc_now
from causette.db import Database
from causette.errors import ConfigurationError
from causette.lab.flywheel.curation import Curation, Feedback
from causette.lab.flywheel.nights import NIGHTLY, Nights
from causette.lab.flywheel.store import FlywheelStore
from causette.lab.flywheel.types import Night, Turn
from causette.settings import NightlyTurns, load_settings
from tests.house import open_house
from tests.lab.flywheel.thumbs import thumbs
from tests.lab.gate.house import people

PLAN = NightlyTurns(at=time(2, 30), least=12, share_percent=5, promotes=True)
#: The evening before the first night.
EVENING = datetime(2026, 11, 30, 22, tzinfo=UTC)
FIRST = datetime(2026, 12, 1, 2, 30, tzinfo=UTC)


class Clock:
    """The time, which passes when somebody says so."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def nights_of(
    database: Database, accounts: Accounts, clock: Clock, plan: NightlyTurns | None = PLAN
) -> Nights:
    """The nights, as one process sees them."""

    async def owner() -> Caller | None:
        found = await accounts.find_user("ada@example.org")
        return None if found is None else Caller(user=found)

    # It is always asked with both.
    feedback = cast("Feedback", FeedbackStore(database))
    return Nights(database, Curation(database, feedback, now=clock), plan, owner=owner, now=clock)


@pytest.fixture
def clock() -> Clock:
    return Clock(EVENING)


@pytest_asyncio.fixture
async def accounts(database: Database) -> AsyncGenerator[Accounts]:
    accounts = Accounts(database)
    yield accounts
    await accounts.close()


@pytest_asyncio.fixture
async def nights(database: Database, database_url: str, accounts: Accounts, clock: Clock) -> Nights:
    """Those of a house with twelve thumbs."""
    await people(database_url)
    await thumbs(database_url, 12)
    return nights_of(database, accounts, clock)


async def turns(database: Database) -> Sequence[Turn]:
    return await FlywheelStore(database).turns()


async def last(nights: Nights) -> Night | None:
    outlook = await nights.outlook()
    assert outlook is not None
    return outlook.last


async def learned(database: Database, turn: Turn, clock: Clock) -> None:
    """Have a turn be over that has learned from all there is."""
    store = FlywheelStore(database)
    assert await store.advance(turn, "promoted", clock(), artifact_id="art_1", learned_until=clock())


async def test_a_turn_begins_when_it_is_time_and_not_before(
    nights: Nights, database: Database, clock: Clock
) -> None:
    clock.now = FIRST - timedelta(days=1) + timedelta(hours=7)
    await nights.look()
    clock.now = FIRST - timedelta(seconds=1)
    await nights.look()
    assert await turns(database) == []
    outlook = await nights.outlook()
    assert outlook is not None
    assert (outlook.next_at, outlook.last) == (FIRST, None)
    clock.now = FIRST
    await nights.look()
    await nights.look()
    (turn,) = await turns(database)
    assert (turn.begun_by, turn.state) == (NIGHTLY, "curating")
    settings = turn.settings
    assert (settings.least, settings.unseen, settings.share_percent) == (12, True, 5)
    assert settings.bounds.promotes
    outlook = await nights.outlook()
    assert outlook is not None
    assert outlook.next_at == FIRST + timedelta(days=1)
    assert outlook.last == Night(due_at=FIRST, looked_at=FIRST, outcome="begun", fresh=12, turn_id=turn.id)


async def test_a_night_on_which_a_turn_is_under_way_begins_none(
    nights: Nights, database: Database, clock: Clock
) -> None:
    for night in range(2):
        clock.now = FIRST + timedelta(days=night)
        await nights.look()
    assert len(await turns(database)) == 1
    second = await last(nights)
    assert second is not None
    assert (second.due_at, second.outcome, second.turn_id) == (FIRST + timedelta(days=1), "under_way", None)


async def test_what_was_learned_from_is_not_enough_for_another_night(
    nights: Nights, database: Database, database_url: str, clock: Clock
) -> None:
    clock.now = FIRST
    await nights.look()
    await learned(database, (await turns(database))[0], clock)
    await thumbs(database_url, 11)
    clock.now += timedelta(days=1)
    await nights.look()
    night = await last(nights)
    assert night is not None
    assert (night.outcome, night.fresh) == ("too_few", 11)
    await thumbs(database_url, 1)
    clock.now += timedelta(days=1)
    await nights.look()
    night = await last(nights)
    assert night is not None
    assert (night.outcome, night.fresh) == ("begun", 12)
    assert len(await turns(database)) == 2


@pytest.mark.parametrize(("later", "begun"), [(timedelta(hours=5), 1), (timedelta(hours=7), 0)])
async def test_of_missed_nights_the_last_is_made_up_for_within_six_hours(
    nights: Nights, database: Database, clock: Clock, later: timedelta, begun: int
) -> None:
    clock.now = FIRST + timedelta(days=3) + later
    await nights.look()
    assert len(await turns(database)) == begun
    outlook = await nights.outlook()
    assert outlook is not None
    assert outlook.next_at == FIRST + timedelta(days=4)
    assert (outlook.last is not None) == bool(begun)


async def test_a_process_that_comes_back_begins_no_second_turn(
    nights: Nights, database: Database, accounts: Accounts, clock: Clock
) -> None:
    clock.now = FIRST
    await nights.look()
    (turn,) = await turns(database)
    assert await FlywheelStore(database).advance(turn, "stopped", clock())
    clock.now += timedelta(hours=1)
    await nights_of(database, accounts, clock).look()
    assert await turns(database) == [await FlywheelStore(database).turn(turn.id)]


async def test_nothing_begins_where_nobody_has_asked_for_it_or_nobody_runs_the_house(
    database: Database, database_url: str, accounts: Accounts, clock: Clock
) -> None:
    clock.now = FIRST
    off = nights_of(database, accounts, clock, plan=None)
    await off.look()
    assert await off.outlook() is None
    on = nights_of(database, accounts, clock)
    await on.look()
    night = await last(on)
    assert night is not None
    assert night.outcome == "nobody"
    assert await turns(database) == []


async def test_of_two_processes_one_begins_each_night(
    nights: Nights, database: Database, database_url: str, clock: Clock
) -> None:
    command = ("-m", "tests.lab.flywheel.nightly", database_url, FIRST.isoformat(), "20")
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    for each in processes:
        assert each.stdout is not None
        assert await each.stdout.readline() == b"ready\n"
    await asyncio.gather(*(each.communicate(b"\n") for each in processes))
    assert [each.returncode for each in processes] == [0, 0]
    (turn,) = await turns(database)
    first = await FlywheelStore(database).night(FIRST)
    assert first is not None
    assert (first.outcome, first.turn_id) == ("begun", turn.id)
    found = [await FlywheelStore(database).night(FIRST + timedelta(days=day)) for day in range(1, 20)]
    assert {None if each is None else each.outcome for each in found} == {"under_way"}


def test_the_time_is_set_in_utc(tmp_path_factory: pytest.TempPathFactory) -> None:
    data = tmp_path_factory.mktemp("settings")
    (data / "causette.toml").write_text('[flywheel]\nat = "02:30"\nleast = 200\n')
    plan = load_settings(data=data).flywheel
    assert plan == NightlyTurns(at=time(2, 30), least=200)
    (data / "causette.toml").write_text('[flywheel]\nat = "02:30+01:00"\n')
    with pytest.raises(ConfigurationError, match=r"flywheel\.at: write the time in UTC"):
        load_settings(data=data)


async def test_what_begins_by_itself_is_told_over_http(tmp_path: Path) -> None:
    in_an_hour = (utc_now() + timedelta(hours=1)).replace(microsecond=0)
    async with open_house(tmp_path, flywheel={"at": in_an_hour.time(), "least": 7}) as opened:
        ada = await opened.person("ada")
        await opened.house.accounts.set_role(ada.caller.user.id, "owner")
        answer = await opened.client.get("/api/admin/lab/flywheel", headers=ada.cookie)
    nightly = answer.json()["nightly"]
    assert datetime.fromisoformat(nightly.pop("next_at")) == in_an_hour
    assert nightly == {"least": 7, "fresh": 0, "share_percent": 10.0, "promotes": False, "last": None}
