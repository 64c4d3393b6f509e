import asyncio
import importlib
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Table, inspect, text
from sqlalchemy.schema import Index, SchemaItem

import causette
from causette.db import Database, metadata
from causette.db.connecting import engines_for
from causette.db.migrating import VERSIONS
from causette.errors import CausetteError, ConfigurationError
from tests.stores import NewDatabaseUrl

PACKAGE = Path(causette.__file__).parent
STORES = sorted(PACKAGE.glob("**/store.py"))

UPGRADE = """
import asyncio, sys
from causette.db import Database

async def main():
    async with Database.from_url(sys.argv[1]) as database:
        print("ready", flush=True)
        sys.stdin.readline()
        print(await database.upgrade())

asyncio.run(main())
"""


@pytest.fixture
def known_tables() -> None:
    """Imports every store, so that `metadata` holds every table."""
    for store in STORES:
        parts = store.relative_to(PACKAGE).with_suffix("").parts
        importlib.import_module(".".join(("causette", *parts)))


def with_migration(url: str, folder: Path, body: str) -> Database:
    """The database at ``url`` for a release whose one further migration is ``body``."""
    head = Database.from_url(url).head()
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    (folder / "9999_next.py").write_text(
        "import sqlalchemy as sa\n"
        "from alembic import op\n"
        f'revision = "9999_next"\ndown_revision = "{head}"\n'
        f"def upgrade():\n{lines}\n"
    )
    return Database(engines_for(url), versions=(VERSIONS, folder))


def the_same_index_here(dialect: str, index: SchemaItem) -> bool:
    condition = getattr(index, "_ddl_if", None)
    return condition is None or condition.dialect == dialect


def differences(connection: Connection) -> list[object]:
    """What a migrated database has too much or too little of, compared with `metadata`."""
    # A full-text index of SQLite is a virtual table with shadow tables, which metadata cannot describe.
    beside: set[str] = set()
    if connection.dialect.name == "sqlite":
        listed = connection.execute(text("PRAGMA table_list")).mappings()
        beside = {row["name"] for row in listed if row["type"] in {"virtual", "shadow"}}

    def include(item: SchemaItem, name: str | None, kind: str, reflected: bool, _: SchemaItem | None) -> bool:
        if kind == "table":
            return name not in beside
        if kind == "foreign_key_constraint" and connection.dialect.name == "sqlite":
            # SQLAlchemy does not read what a column that was added says ON DELETE; `shape` asks SQLite itself.
            return False
        return not isinstance(item, Index) or the_same_index_here(connection.dialect.name, item)

    context = MigrationContext.configure(
        connection,
        opts={"compare_type": True, "compare_server_default": True, "include_object": include},
    )
    return list(compare_metadata(context, metadata))


def readable(index: Mapping[str, object]) -> dict[str, object]:
    """An index with its conditions as text: what SQLAlchemy makes of them is equal to nothing else."""
    options = index.get("dialect_options") or {}
    assert isinstance(options, dict)
    return {**index, "dialect_options": {key: str(value) for key, value in options.items()}}


def references(connection: Connection, table: str) -> list[object]:
    """A table's foreign keys, with what happens when a row they lead to is deleted."""
    if connection.dialect.name == "sqlite":
        return sorted(tuple(row)[2:] for row in connection.execute(text(f"PRAGMA foreign_key_list({table})")))
    return sorted(inspect(connection).get_foreign_keys(table), key=str)


def shape(connection: Connection) -> dict[str, object]:
    """All that the database itself says of each table of `metadata`, conditions and references included."""
    found = inspect(connection)
    return {
        table: {
            # A column that was added is the last one, wherever its table describes it.
            "columns": sorted(
                ({**column, "type": str(column["type"])} for column in found.get_columns(table)),
                key=lambda column: column["name"],
            ),
            "key": found.get_pk_constraint(table),
            "references": references(connection, table),
            "unique": sorted(found.get_unique_constraints(table), key=str),
            "checks": sorted(found.get_check_constraints(table), key=str),
            "indexes": sorted((readable(index) for index in found.get_indexes(table)), key=str),
        }
        for table in sorted(metadata.tables)
    }


@pytest.mark.usefixtures("known_tables")
async def test_the_migrations_make_exactly_the_tables_that_the_stores_describe(
    database: Database, new_database_url: NewDatabaseUrl
) -> None:
    async with database.read() as connection:
        assert await connection.run_sync(differences) == []
        migrated = await connection.run_sync(shape)
    async with Database.from_url(await new_database_url()) as described:
        async with described.write() as connection:
            await connection.run_sync(metadata.create_all)
        async with described.read() as connection:
            assert migrated == await connection.run_sync(shape)


@pytest.mark.parametrize("store", STORES, ids=lambda path: path.parent.name)
def test_every_room_with_tables_is_covered_by_the_comparison(store: Path) -> None:
    parts = store.relative_to(PACKAGE).with_suffix("").parts
    module = importlib.import_module(".".join(("causette", *parts)))
    assert any(isinstance(value, Table) for value in vars(module).values())


async def test_an_empty_database_is_at_no_revision_and_an_upgraded_one_at_the_head(database_url: str) -> None:
    async with Database.from_url(database_url) as database:
        assert await database.current() is None
        assert await database.upgrade() == database.head()
        assert await database.current() == database.head()
        assert await database.upgrade() == database.head()


async def test_many_processes_that_start_at_once_migrate_once(database_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            UPGRADE,
            database_url,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        for _ in range(6)
    ]
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    ends = await asyncio.gather(*(process.communicate(b"\n") for process in processes))
    async with Database.from_url(database_url) as database:
        head = database.head()
        assert await database.current() == head
    assert ends == [(f"{head}\n".encode(), b"")] * 6


async def test_many_tasks_of_one_process_migrate_once(database_url: str) -> None:
    async with Database.from_url(database_url) as one, Database.from_url(database_url) as other:
        revisions = await asyncio.gather(*(database.upgrade() for database in (one, other) * 3))
        assert set(revisions) == {one.head()}


async def test_several_databases_migrate_at_once_in_one_process(new_database_url: NewDatabaseUrl) -> None:
    databases = [Database.from_url(await new_database_url()) for _ in range(6)]
    revisions = await asyncio.gather(*(database.upgrade() for database in databases))
    assert [await database.current() for database in databases] == revisions
    assert set(revisions) == {databases[0].head()}
    for database in databases:
        await database.close()


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        ('op.execute("SELECT no_such_column FROM half_done")', CausetteError),
        ('raise ZeroDivisionError("a bug in a migration")', ZeroDivisionError),
    ],
)
@pytest.mark.parametrize("started_from", ["nothing", "the last release"])
async def test_a_migration_that_fails_leaves_nothing_half_done(
    database_url: str, tmp_path: Path, failure: str, expected: type[Exception], started_from: str
) -> None:
    async with Database.from_url(database_url) as database:
        if started_from == "the last release":
            await database.upgrade()
        async with database.read() as connection:
            before = await connection.run_sync(lambda sync: sorted(inspect(sync).get_table_names()))
        revision = await database.current()
    body = f'op.create_table("half_done", sa.Column("id", sa.Integer))\n{failure}'
    async with with_migration(database_url, tmp_path, body) as next_release:
        with pytest.raises(expected):
            await next_release.upgrade()
        assert await next_release.current() == revision
        async with next_release.read() as connection:
            assert await connection.run_sync(lambda sync: sorted(inspect(sync).get_table_names())) == before


async def test_a_failed_migration_says_why_and_that_nothing_has_changed(
    database_url: str, tmp_path: Path
) -> None:
    async with with_migration(database_url, tmp_path, 'op.execute("SELECT no_such_column")') as database:
        with pytest.raises(CausetteError, match=r"is as it was before.*no_such_column"):
            await database.upgrade()


async def test_a_migration_may_rebuild_a_table_that_others_refer_to(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE parents (id INTEGER PRIMARY KEY, note TEXT)"))
        await connection.execute(
            text("CREATE TABLE children (parent_id INTEGER REFERENCES parents ON DELETE CASCADE)")
        )
        await connection.execute(text("INSERT INTO parents VALUES (1, 'kept')"))
        await connection.execute(text("INSERT INTO children VALUES (1)"))
    rebuild = (
        'with op.batch_alter_table("parents") as batch:\n'
        '    batch.alter_column("note", existing_type=sa.Text(), nullable=False)'
    )
    async with with_migration(database_url, tmp_path, rebuild) as next_release:
        await next_release.upgrade()
        async with next_release.read() as connection:
            assert (await connection.execute(text("SELECT parent_id FROM children"))).scalars().all() == [1]


async def test_a_migration_may_not_leave_rows_that_refer_to_nothing(
    database_url: str, tmp_path: Path
) -> None:
    orphan = (
        'op.execute("CREATE TABLE parents (id INTEGER PRIMARY KEY)")\n'
        'op.execute("CREATE TABLE children (parent_id INTEGER REFERENCES parents)")\n'
        'op.execute("INSERT INTO children VALUES (1)")'
    )
    async with with_migration(database_url, tmp_path, orphan) as database:
        with pytest.raises(CausetteError, match="is as it was before"):
            await database.upgrade()
        assert await database.current() is None


async def test_a_database_of_a_newer_release_is_refused_and_left_alone(
    database_url: str, tmp_path: Path
) -> None:
    newer = 'op.create_table("of_the_future", sa.Column("id", sa.Integer))'
    async with with_migration(database_url, tmp_path, newer) as next_release:
        assert await next_release.upgrade() == "9999_next"
    async with Database.from_url(database_url) as this_release:
        with pytest.raises(
            ConfigurationError, match="'9999_next', which this version of Causette does not know"
        ):
            await this_release.upgrade()
        assert await this_release.current() == "9999_next"


async def test_a_database_at_two_revisions_at_once_is_refused(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("INSERT INTO alembic_version VALUES ('0000_other')"))
    with pytest.raises(ConfigurationError, match="several revisions"):
        await database.upgrade()
    with pytest.raises(ConfigurationError, match="several revisions"):
        await database.current()


async def test_tables_of_another_program_are_left_alone(database_url: str) -> None:
    async with Database.from_url(database_url) as database:
        async with database.write() as connection:
            await connection.execute(text("CREATE TABLE users (login TEXT)"))
        with pytest.raises(CausetteError, match="users"):
            await database.upgrade()
        assert await database.current() is None
