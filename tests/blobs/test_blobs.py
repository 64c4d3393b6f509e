"""Bytes are kept once, whole or not at all, read by nobody who does not use them, and forgotten when nobody does.

Every test runs on a folder and on an S3-compatible store, a process of its own that speaks the protocol over HTTP.
"""

import asyncio
import errno
import hashlib
import os
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
import sqlalchemy as sa
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.server import ThreadedMotoServer
from yarl import URL

from causette.accounts import Accounts
from causette.accounts.passwords import Passwords
from causette.blobs import Blobs, Bucket, FolderBucket, S3Bucket, StorageFull
from causette.blobs import service as blobs_service
from causette.blobs.s3 import signature_headers
from causette.clock import utc_now
from causette.db import Database
from causette.errors import NotFound, TooLarge, Unavailable

PICTURE = os.urandom(300_000)
LATER = timedelta(hours=2)


async def portions(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 64_000):
        yield content[start : start + 64_000]


@pytest_asyncio.fixture(params=["folder", "s3"])
async def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Bucket]:
    if request.param == "folder":
        yield FolderBucket(tmp_path / "blobs")
        return
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    await asyncio.to_thread(server.start)
    host, port = server.get_host_and_port()
    name = f"test-{uuid.uuid4().hex}"
    async with aiohttp.ClientSession() as client, client.put(f"http://{host}:{port}/{name}") as made:
        assert made.status == 200
    bucket = S3Bucket(
        f"http://{host}:{port}", name, prefix="causette", access_key_id="a", secret_access_key="b"
    )
    yield bucket
    await bucket.close()
    await asyncio.to_thread(server.stop)


@pytest_asyncio.fixture
async def blobs(database: Database, bucket: Bucket, tmp_path: Path) -> Blobs:
    return Blobs(database, bucket, tmp_path / "incoming")


async def person(database: Database, name: str) -> str:
    accounts = Accounts(database, passwords=Passwords(memory_kib=64, passes=1))
    user = await accounts.create_user(name=name, email=f"{name}@example.org", password="seven quiet otters")
    return user.id


async def keep(blobs: Blobs, owner_id: str, holder: str, content: bytes = PICTURE) -> str:
    async with blobs.receive(portions(content), most=len(content)) as received:
        await blobs.keep(received, owner_id=owner_id, holder=holder)
        return received.sha256


async def keys(bucket: Bucket) -> list[str]:
    return [key async for key, _ in bucket.keys()]  # noqa: SIM118


async def test_the_same_bytes_are_kept_once_and_read_by_those_who_use_them(
    blobs: Blobs, bucket: Bucket, database: Database
) -> None:
    ada, bob, eve = [await person(database, name) for name in ("ada", "bob", "eve")]
    sha256 = await keep(blobs, ada, "file_1")
    assert {await keep(blobs, ada, "file_2"), await keep(blobs, bob, "file_3")} == {sha256}

    assert sha256 == hashlib.sha256(PICTURE).hexdigest()
    assert len(await keys(bucket)) == 1
    for owner in (ada, bob):
        assert await blobs.content(owner, sha256) == PICTURE
    assert b"".join([piece async for piece in blobs.read(ada, sha256, 299_990)]) == PICTURE[-10:]
    async with blobs.as_file(ada, sha256) as path:
        assert path.read_bytes() == PICTURE
    with pytest.raises(NotFound):
        await blobs.content(eve, sha256)


async def test_ten_who_bring_the_same_bytes_at_once_leave_them_once(
    blobs: Blobs, bucket: Bucket, database: Database
) -> None:
    ada = await person(database, "ada")
    await asyncio.gather(*(keep(blobs, ada, f"file_{number}") for number in range(10)))
    assert len(await keys(bucket)) == 1


async def test_what_nobody_uses_is_forgotten_and_nothing_else(
    blobs: Blobs, bucket: Bucket, database: Database
) -> None:
    ada, bob = await person(database, "ada"), await person(database, "bob")
    shared = await keep(blobs, ada, "file_1")
    await keep(blobs, bob, "file_2")
    gone = await keep(blobs, ada, "file_3", b"only hers")
    await blobs.release("file_1")
    await blobs.release("file_3")

    assert await blobs.sweep() == 0
    assert await blobs.sweep(now=utc_now() + LATER) == 1
    assert await blobs.content(bob, shared) == PICTURE
    assert len(await keys(bucket)) == 1
    with pytest.raises(NotFound):
        await blobs.content(ada, gone)
    # It comes back as if it had never been there.
    assert await keep(blobs, ada, "file_4", b"only hers") == gone
    assert await blobs.content(ada, gone) == b"only hers"


async def test_bytes_that_are_wanted_while_they_are_swept_are_there_afterwards(
    blobs: Blobs, bucket: Bucket, database: Database
) -> None:
    ada = await person(database, "ada")
    sha256 = await keep(blobs, ada, "file_0")
    for number in range(1, 6):
        await blobs.release(f"file_{number - 1}")
        await asyncio.gather(
            blobs.sweep(now=utc_now() + LATER), keep(blobs, ada, f"file_{number}"), return_exceptions=False
        )
        assert await blobs.content(ada, sha256) == PICTURE
    assert len(await keys(bucket)) == 1


async def test_an_account_that_is_deleted_takes_its_bytes_along(
    blobs: Blobs, bucket: Bucket, database: Database
) -> None:
    ada = await person(database, "ada")
    await keep(blobs, ada, "file_1")
    async with database.write() as connection:
        await connection.execute(sa.text("DELETE FROM users WHERE id = :id"), {"id": ada})
    await blobs.sweep(now=utc_now() + LATER)
    assert await keys(bucket) == []


async def test_bytes_of_a_process_that_died_before_it_wrote_their_row_are_swept(
    blobs: Blobs, bucket: Bucket, tmp_path: Path
) -> None:
    orphan = tmp_path / "orphan"
    orphan.write_bytes(b"nobody's")
    await bucket.put("ab/abc.1", orphan)
    assert await blobs.sweep() == 0
    assert await blobs.sweep(now=utc_now() + timedelta(days=2)) == 1
    assert await keys(bucket) == []


async def test_too_many_bytes_are_refused_and_nothing_stays(
    blobs: Blobs, bucket: Bucket, tmp_path: Path
) -> None:
    with pytest.raises(TooLarge):
        async with blobs.receive(portions(PICTURE), most=100_000):
            pass
    assert list((tmp_path / "incoming").iterdir()) == []
    assert await keys(bucket) == []


async def test_a_full_disk_is_said_and_nothing_stays(
    blobs: Blobs, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await person(database, "ada")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(blobs_service.os, "write", full)
        with pytest.raises(StorageFull):
            await keep(blobs, ada, "file_1")
    assert list((tmp_path / "incoming").iterdir()) == []
    assert await keep(blobs, ada, "file_1")


async def test_a_store_that_is_away_is_said(tmp_path: Path) -> None:
    bucket = S3Bucket("http://127.0.0.1:9", "files", access_key_id="a", secret_access_key="b")
    (tmp_path / "x").write_bytes(b"x")
    with pytest.raises(Unavailable, match="store for files"):
        await bucket.put("ab/x", tmp_path / "x")
    await bucket.close()


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("GET", "https://files.example.org/bucket/a%20b/c"),
        ("PUT", "http://127.0.0.1:9000/bucket/ab/abc.1"),
        ("GET", "http://127.0.0.1:9000/bucket?list-type=2&prefix=p%2Fq"),
    ],
)
def test_requests_are_signed_as_the_store_owners_sdk_signs_them(
    method: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, digest = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), hashlib.sha256(b"body").hexdigest()
    peer = AWSRequest(method, url, headers={"x-amz-content-sha256": digest})
    peer.context["timestamp"] = "20260102T030405Z"
    peer.headers["x-amz-date"] = "20260102T030405Z"
    signer = S3SigV4Auth(Credentials("key", "secret"), "s3", "eu-west-3")
    to_sign = signer.string_to_sign(peer, signer.canonical_request(peer))
    ours = signature_headers(
        method,
        URL(url, encoded=True),
        digest=digest,
        key_id="key",
        secret="secret",
        region="eu-west-3",
        at=at,
    )
    assert ours["authorization"].endswith(f"Signature={signer.signature(to_sign, peer)}")
