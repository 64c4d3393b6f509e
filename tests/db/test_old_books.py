"""What older releases have booked is read as what newer ones book."""

import shutil
from pathlib import Path

import sqlalchemy as sa

from causette.db import Database
from causette.db.connecting import engines_for
from causette.db.migrating import VERSIONS
from causette.ledger.machines.store import bookings, machines, periods

BOOKED = """
INSERT INTO ledger_machines VALUES ('gpu', 9000000, 9000000, 0);
INSERT INTO ledger_machine_periods VALUES ('gpu', 0, 6000000, 1, 9, 7, 2, 0, 'x');
INSERT INTO ledger_machine_periods VALUES ('gpu', 6000000, 12000000, 1, 9, 7, 2, 0, 'y');
INSERT INTO ledger_training VALUES ('free', 'run', 'gpu', 2000000001, 100, 'tdp', 0, 9000000);
INSERT INTO ledger_training VALUES ('paid', 'run', 'gpu', 2000000001, 100, 'tdp', 7, 9000000);
INSERT INTO ledger_postings (entry_id, book, account, amount_nano, kind, memo, posted_at)
    VALUES ('paid', 'cost', 'training:gpu', 3, 'training', '', 5000000);
INSERT INTO ledger_postings (entry_id, book, account, amount_nano, kind, memo, posted_at)
    VALUES ('paid', 'cost', 'training:gpu', 4, 'training', '', 9000000);
"""


async def test_training_of_before_is_shared_out_among_its_postings(database_url: str, tmp_path: Path) -> None:
    for file in VERSIONS.glob("0*.py"):
        if file.name < "0037":
            shutil.copy(file, tmp_path)
    async with Database(engines_for(database_url), versions=(tmp_path,)) as older:
        await older.upgrade()
        async with older.write() as connection:
            for statement in filter(str.strip, BOOKED.split(";")):
                await connection.execute(sa.text(statement))
    async with Database.from_url(database_url) as database:
        await database.upgrade()
        async with database.read() as connection:
            found = (await connection.execute(sa.select(bookings).order_by(bookings.c.id))).mappings().all()
            of_periods = sa.select(periods.c.training_nano).order_by(periods.c.started_at)
            parts = (await connection.execute(of_periods)).scalars().all()
            whole = (await connection.execute(sa.select(machines.c.trained_nano))).scalar_one()
    free, first, second = found
    assert (free["compute_ns"], free["energy_uj"], free["cost_nano"]) == (2_000_000_001, 100, 0)
    assert (first["cost_nano"], second["cost_nano"]) == (3, 4)
    assert first["energy_uj"] + second["energy_uj"] == 100
    assert first["compute_ns"] + second["compute_ns"] == 2_000_000_001
    assert second["started_at"] == first["posted_at"] > first["started_at"]
    assert (parts, whole) == ([3, 4], 7)
