"""Look-ups that every request makes: rows by the value of one indexed column, at the least cost and never cached.

On SQLite such a read takes some twenty microseconds, while a change of threads takes many times as long: it is done
where it is asked for. On PostgreSQL all that is asked while one query is under way is answered by the next one. Either
way the answer is what is committed when it is asked for, or later.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

from sqlalchemy import ARRAY, Column, Engine, PoolProxiedConnection, Select, any_, bindparam
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

Row = Mapping[Any, Any]
#: What rows are looked up by.
Value = bytes | str
#: A connection to run one statement on.
Connect = Callable[[], AbstractAsyncContextManager[AsyncConnection]]

# What the looked-up column is called in the rows, whatever the query calls it.
_ASKED: Final = "looked_up_by_"
# SQLite takes 32,766 in one statement.
_MOST_PARAMETERS: Final = 10_000


class Lookup(Protocol):
    """Finds rows by the value of one column."""

    async def find(self, value: Value) -> Sequence[Row]:
        """The rows in which the column is ``value``, in no order.

        Raises:
            Unavailable: the database does not answer.
        """
        ...

    async def find_all(self, values: Iterable[Value]) -> Sequence[Row]:
        """As `find`, for all ``values`` at once."""
        ...


class Glance:
    """A connection for reads on the spot, opened by the first and then kept: taking it out of a pool costs more."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: PoolProxiedConnection | None = None

    def read(self, sql: str, value: Value) -> list[tuple[Any, ...]]:
        """The rows of a statement with one parameter.

        Raises:
            sqlite3.OperationalError: it would have to wait.
        """
        if self._kept is None:
            self._kept = self._engine.raw_connection()
        connection = self._kept.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        # All at once: a statement that is left half read would keep its snapshot open.
        return connection.execute(sql, (value,)).fetchall()

    def close(self) -> None:
        """Close the connection."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None
        self._engine.dispose()


class SqliteLookup:
    """Reads on the spot, at a glance; on another connection in the rare moments when that would have to wait."""

    def __init__(self, glance: Glance, connect: Connect, query: Select[Any], column: Column[Any]) -> None:
        self._glance = glance
        self._connect = connect
        self._query = query
        self._column = column
        dialect = sqlite.dialect(paramstyle="qmark")
        self._sql = str(query.where(column == bindparam("value")).compile(dialect=dialect))
        self._decoders = [
            (item.name, item.type.dialect_impl(dialect).result_processor(dialect, None))
            for item in query.selected_columns
        ]

    async def find(self, value: Value) -> Sequence[Row]:
        try:
            rows = self._glance.read(self._sql, value)
        except sqlite3.OperationalError:
            async with self._connect() as connection:
                found = await connection.execute(self._query.where(self._column == value))
                return found.mappings().all()
        return [
            {
                name: item if decode is None else decode(item)
                for (name, decode), item in zip(self._decoders, row, strict=True)
            }
            for row in rows
        ]

    async def find_all(self, values: Iterable[Value]) -> Sequence[Row]:
        asked, found = list(values), list[Row]()
        async with self._connect() as connection:
            for start in range(0, len(asked), _MOST_PARAMETERS):
                some = self._query.where(self._column.in_(asked[start : start + _MOST_PARAMETERS]))
                found.extend((await connection.execute(some)).mappings())
        return found


class PostgresLookup:
    """Asks for all values that have been waiting in one query, and has one query under way at a time."""

    def __init__(self, connect: Connect, query: Select[Any], column: Column[Any]) -> None:
        self._connect = connect
        self._query = query.add_columns(column.label(_ASKED)).where(
            column == any_(bindparam("values", type_=ARRAY(column.type)))
        )
        self._waiting: dict[Value, asyncio.Future[list[Row]]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def find(self, value: Value) -> Sequence[Row]:
        answer = self._waiting.get(value)
        if answer is None:
            answer = self._waiting[value] = asyncio.get_running_loop().create_future()
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        # Others may wait for the same answer: whoever leaves must not take it along.
        return await asyncio.shield(answer)

    async def find_all(self, values: Iterable[Value]) -> Sequence[Row]:
        async with self._connect() as connection:
            return (await connection.execute(self._query, {"values": list(values)})).mappings().all()

    async def _ask(self) -> None:
        try:
            while self._waiting:
                asked, self._waiting = self._waiting, {}
                try:
                    rows = await self.find_all(asked)
                except BaseException as error:
                    for answer in asked.values():
                        answer.set_exception(error)
                        # Those who asked may have left, and an error that nobody hears of is no news.
                        answer.exception()
                    if not isinstance(error, Exception):
                        raise
                    continue
                found: dict[Value, list[Row]] = {value: [] for value in asked}
                for row in rows:
                    found[row[_ASKED]].append(row)
                for value, answer in asked.items():
                    answer.set_result(found[value])
        finally:
            self._asking = None
