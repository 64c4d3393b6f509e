"""Secrets for codes are read by who has the house's key, and by nobody else."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select, update

from causette.accounts import Accounts, Caller
from causette.accounts.credentials import store, totp
from causette.accounts.credentials.sealing import KEY_FILE, CannotUnseal, Sealing
from causette.accounts.credentials.second_factors import SecondFactors
from causette.accounts.credentials.store import totp_secrets
from causette.db import Database
from causette.errors import ConfigurationError
from tests.accounts.conftest import PASSWORD, Clock
from tests.accounts.credentials.conftest import SEALING, Browser, NewBrowser, SmallHouse
from tests.accounts.credentials.test_second_factors import A_STEP, challenge, enrolled, show

SECRET = "a secret key that is long enough"


async def kept_secret(database: Database) -> tuple[bytes, str | None]:
    async with database.read() as connection:
        row = (await connection.execute(select(totp_secrets.c.secret, totp_secrets.c.key_id))).one()
    return row[0], row[1]


def test_what_is_sealed_is_read_with_the_same_key_by_whose_it_is() -> None:
    sealing, other = Sealing(SECRET, Path()), Sealing(SECRET + "!", Path())
    sealed = sealing.seal(b"twenty secret bytes!", owner_id="user_1")
    assert b"secret" not in sealed
    assert sealing.seal(b"twenty secret bytes!", owner_id="user_1") != sealed
    assert sealing.unseal(sealed, key_id=sealing.key_id, owner_id="user_1") == b"twenty secret bytes!"
    for reader, key_id, owner_id, kept in (
        (other, other.key_id, "user_1", sealed),
        (other, sealing.key_id, "user_1", sealed),
        (sealing, sealing.key_id, "user_2", sealed),
        (sealing, sealing.key_id, "user_1", sealed[:-1] + bytes([sealed[-1] ^ 1])),
    ):
        with pytest.raises(CannotUnseal):
            reader.unseal(kept, key_id=key_id, owner_id=owner_id)


def test_the_key_is_made_once_for_this_account_of_the_machine_only(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with ThreadPoolExecutor(8) as threads:
        ids = set(threads.map(lambda _: Sealing(None, folder).key_id, range(16)))
    assert len(ids) == 1
    assert stat.S_IMODE((folder / KEY_FILE).stat().st_mode) == 0o600
    assert [file.name for file in folder.iterdir()] == [KEY_FILE]
    # What the settings say goes before the file.
    assert Sealing(SECRET, folder).key_id not in ids


def test_a_key_file_that_is_cut_short_is_not_used(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_text("short")
    with pytest.raises(ConfigurationError, match="back-up"):
        _ = Sealing(None, tmp_path).key_id


async def test_the_database_does_not_hold_a_secret_that_makes_codes(
    adas: Browser, database: Database
) -> None:
    begun = await adas.post("/api/user/totp", json={})
    secret, key_id = await kept_secret(database)
    assert begun.json()["secret"] not in {totp.written(secret), totp.written(secret[-20:])}
    assert key_id == SEALING.key_id


async def test_secrets_from_before_are_sealed_when_the_house_opens(
    adas: Browser,
    new_browser: NewBrowser,
    house: SmallHouse,
    ada: Caller,
    database: Database,
    clock: Clock,
) -> None:
    app, _ = await enrolled(adas, clock)
    async with database.write() as connection:
        kept = await store.totp_of(connection, ada.user.id)
        assert kept is not None and kept.key_id is not None
        plain = SEALING.unseal(kept.secret, key_id=kept.key_id, owner_id=ada.user.id)
        await connection.execute(update(totp_secrets).values(secret=plain, key_id=None))
    browser = new_browser()
    # By a process of the release before, until the new one opens.
    assert (await show(browser, await challenge(browser), app.code())).status_code == 201
    await house.credentials.open()
    await house.credentials.open()
    secret, key_id = await kept_secret(database)
    assert (plain in secret, key_id) == (False, SEALING.key_id)
    clock.turn(A_STEP)
    assert (await show(browser, await challenge(browser), app.code())).status_code == 201


async def test_without_the_key_a_recovery_code_still_opens(
    adas: Browser, new_browser: NewBrowser, database: Database, accounts: Accounts, clock: Clock
) -> None:
    app, recovery = await enrolled(adas, clock)
    async with database.write() as connection:
        await connection.execute(update(totp_secrets).values(key_id="lost"))
    lost = SecondFactors(database, accounts, SEALING, now=clock)
    await lost.open()
    assert (await kept_secret(database))[1] == "lost"
    browser = new_browser()
    refused = await show(browser, step := await challenge(browser), app.code())
    assert (refused.status_code, refused.json()["code"]) == (503, "secret_key_mismatch")
    assert (await show(browser, step, recovery[0])).status_code == 201
    assert (await browser.post("/api/user/totp/disable", json={"password": PASSWORD})).status_code == 204
    await enrolled(browser, clock)
