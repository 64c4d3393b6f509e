from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, insert, select
from sqlalchemy.exc import StatementError

from causette.clock import utc_now
from causette.db import Database, UtcDateTime

instants = Table("instants", MetaData(), Column("id", Integer, primary_key=True), Column("at", UtcDateTime))

offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
first, last = datetime(1, 1, 2), datetime(9999, 12, 30)  # noqa: DTZ001 - hypothesis adds the zones
aware = st.datetimes(first, last, timezones=offsets)
on_a_shared_database = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


async def kept(database: Database, values: list[datetime]) -> list[datetime]:
    """``values`` in the order in which the database sorts them."""
    async with database.write() as connection:
        await connection.run_sync(instants.drop, checkfirst=True)
        await connection.run_sync(instants.create)
        await connection.execute(insert(instants), [{"at": value} for value in values])
    async with database.read() as connection:
        return list((await connection.execute(select(instants.c.at).order_by(instants.c.at))).scalars())


@on_a_shared_database
@given(values=st.lists(aware, min_size=1, max_size=8))
async def test_instants_come_back_exact_in_utc_and_sort_as_time(
    database: Database, values: list[datetime]
) -> None:
    found = await kept(database, values)
    assert found == sorted(values)
    assert {value.tzinfo for value in found} == {UTC}


async def test_an_instant_can_be_compared_in_a_query(database: Database) -> None:
    now = utc_now()
    await kept(database, [now, now + timedelta(microseconds=1)])
    later = select(instants.c.at).where(instants.c.at > now.astimezone(timezone(timedelta(hours=-5))))
    async with database.read() as connection:
        assert (await connection.execute(later)).scalars().all() == [now + timedelta(microseconds=1)]


async def test_nothing_stays_nothing(database: Database) -> None:
    async with database.write() as connection:
        await connection.run_sync(instants.create)
        await connection.execute(insert(instants).values(at=None))
        assert (await connection.execute(select(instants.c.at))).scalar_one() is None


async def test_a_naive_datetime_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="has no time zone"):
        await kept(database, [datetime(2026, 1, 1)])  # noqa: DTZ001 - the point
