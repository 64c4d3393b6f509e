import multiprocessing
import stat
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from causette.db import Database
from causette.db.connecting import prepare_file
from causette.errors import ConfigurationError

SECRET = "correct-horse"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def pragma(database: Database, name: str) -> object:
    async with database.read() as connection:
        return (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "causette.sqlite3",
        "mysql://root@localhost/x",
        "postgresql+psycopg://localhost/x",
        "sqlite+aiosqlite:///x.sqlite3",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://host/x.sqlite3",
        "postgresql://localhost:port/x",
        "postgresql://[::1/x",
    ],
)
def test_a_url_of_another_kind_is_refused_with_the_kinds_that_work(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"Write (sqlite|postgresql)://"):
        Database.from_url(url)


@given(
    scheme=st.sampled_from(["mysql", "postgresql+asyncpg", "postgres", "sqlite", "http", "", "x"]),
    host=st.sampled_from(["h", "h:port", "[::1", "h:999999", ""]),
)
def test_a_refused_url_does_not_tell_its_password(scheme: str, host: str) -> None:
    try:
        Database.from_url(f"{scheme}://user:{SECRET}@{host}/name")
    except ConfigurationError as error:
        assert SECRET not in str(error)


async def test_the_sqlite_file_and_the_folder_made_for_it_are_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "causette.sqlite3"
    async with Database.from_url(f"sqlite:///{path}") as database:
        async with database.write() as connection:
            await connection.execute(text("CREATE TABLE t (x INTEGER)"))
        modes = {file.name: mode(file) for file in path.parent.iterdir()}
    assert mode(path.parent) == 0o700
    assert modes == {"causette.sqlite3": 0o600, "causette.sqlite3-wal": 0o600, "causette.sqlite3-shm": 0o600}


async def test_nothing_is_made_before_the_database_is_used(tmp_path: Path) -> None:
    database = Database.from_url(f"sqlite:///{tmp_path / 'data' / 'causette.sqlite3'}")
    await database.close()
    assert list(tmp_path.iterdir()) == []


def prepare(paths: list[Path], together: Barrier, refused: "Queue[int]") -> None:
    count = 0
    for path in paths:
        together.wait()
        try:
            prepare_file(path)
        except ConfigurationError:
            count += 1
    refused.put(count)


def test_processes_that_make_the_same_file_at_once_do_not_lock_each_other_out(tmp_path: Path) -> None:
    # Without taking turns about one in two hundred is told that the file is locked.
    processes = 4
    paths = [tmp_path / f"{number}.sqlite3" for number in range(300)]
    spawning = multiprocessing.get_context("spawn")
    together, refused = spawning.Barrier(processes), spawning.Queue()
    started = [spawning.Process(target=prepare, args=(paths, together, refused)) for _ in range(processes)]
    for process in started:
        process.start()
    assert [refused.get(timeout=120) for _ in started] == [0] * processes
    for process in started:
        process.join()


async def test_sqlite_runs_with_wal_and_enforced_references(tmp_path: Path) -> None:
    async with Database.from_url(f"sqlite:///{tmp_path / 'causette.sqlite3'}") as database:
        assert await pragma(database, "journal_mode") == "wal"
        assert await pragma(database, "foreign_keys") == 1
        assert await pragma(database, "synchronous") == 1


@pytest.mark.parametrize("name", ["a b.sqlite3", "what?.sqlite3", "50%20.sqlite3", "#1.sqlite3", "é.sqlite3"])
async def test_a_sqlite_path_is_taken_as_it_is_written(tmp_path: Path, name: str) -> None:
    async with Database.from_url(f"sqlite:///{tmp_path / name}") as database:
        await database.upgrade()
        assert (tmp_path / name).exists()


async def test_a_relative_sqlite_path_is_relative_to_where_the_process_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    database = Database.from_url("sqlite:///here.sqlite3")
    monkeypatch.chdir("/")
    async with database:
        await database.upgrade()
    assert (tmp_path / "here.sqlite3").exists()


async def test_a_path_that_cannot_be_opened_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with Database.from_url(f"sqlite:///{tmp_path / 'file' / 'causette.sqlite3'}") as database:
        with pytest.raises(ConfigurationError, match="cannot be opened"):
            await database.current()


async def test_a_file_that_is_no_database_is_a_configuration_error(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Not a database, but longer than the header of one. " * 100)
    async with Database.from_url(f"sqlite:///{path}") as database:
        with pytest.raises(ConfigurationError, match="cannot be opened"):
            await database.upgrade()
