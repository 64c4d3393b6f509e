"""The tables of blobs and of who uses them, and every query on them."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.clock import utc_now
from causette.db import Database, UtcDateTime, metadata

blobs = sa.Table(
    "blobs",
    metadata,
    sa.Column("sha256", sa.Text, primary_key=True),
    # Where the bytes lie. Bytes that come again after they were forgotten lie elsewhere.
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("touched_at", UtcDateTime, nullable=False),
    sa.Index(None, "touched_at"),
)

blob_uses = sa.Table(
    "blob_uses",
    metadata,
    sa.Column("holder", sa.Text, primary_key=True),
    sa.Column("sha256", sa.Text, sa.ForeignKey("blobs.sha256"), primary_key=True),
    sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Index(None, "sha256"),
    sa.Index(None, "owner_id", "sha256"),
)


class BlobStore:
    """What is known of blobs in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def touch(self, connection: AsyncConnection, sha256: str) -> bool:
        """Have a blob be wanted as of now; False where it is not there."""
        query = (
            sa.update(blobs)
            .where(blobs.c.sha256 == sha256)
            .values(touched_at=utc_now())
            .returning(blobs.c.sha256)
        )
        return (await connection.execute(query)).first() is not None

    async def add(self, connection: AsyncConnection, sha256: str, key: str, size: int) -> str:
        """Know a blob whose bytes lie under ``key``; the key of its bytes, another one where somebody was first."""
        dialect = sqlite if self._database.dialect == "sqlite" else postgresql
        now = utc_now()
        statement = dialect.insert(blobs).values(sha256=sha256, key=key, size=size, touched_at=now)
        query = statement.on_conflict_do_update(
            index_elements=[blobs.c.sha256], set_={"touched_at": now}
        ).returning(blobs.c.key)
        return (await connection.execute(query)).scalar_one()

    async def use(self, connection: AsyncConnection, sha256: str, owner_id: str, holder: str) -> None:
        """Note that ``holder`` uses a blob that is there."""
        dialect = sqlite if self._database.dialect == "sqlite" else postgresql
        await connection.execute(
            dialect.insert(blob_uses)
            .values(sha256=sha256, owner_id=owner_id, holder=holder)
            .on_conflict_do_nothing()
        )

    async def release(self, connection: AsyncConnection, holder: str) -> None:
        """End all that ``holder`` uses."""
        await connection.execute(sa.delete(blob_uses).where(blob_uses.c.holder == holder))

    async def find(self, owner_id: str, sha256: str) -> tuple[str, int] | None:
        """The key and the size of a blob that this owner uses."""
        query = (
            sa.select(blobs.c.key, blobs.c.size)
            .join(blob_uses, blob_uses.c.sha256 == blobs.c.sha256)
            .where(blob_uses.c.owner_id == owner_id, blobs.c.sha256 == sha256)
            .limit(1)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
            return None if row is None else (row.key, row.size)

    async def forget_unused(self, before: datetime, *, limit: int) -> list[str]:
        """Forget blobs that nobody uses and nobody touched since ``before``; the keys of their bytes.

        The rows are locked first. Whoever wants to use one meanwhile waits, and then finds no row and brings bytes of
        their own.
        """
        old = (
            sa.select(blobs.c.sha256)
            .where(
                blobs.c.touched_at < before,
                ~sa.exists().where(blob_uses.c.sha256 == blobs.c.sha256),
            )
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        async with self._database.write() as connection:
            found = list((await connection.execute(old)).scalars())
            if not found:
                return []
            query = (
                sa.delete(blobs)
                .where(
                    blobs.c.sha256.in_(found),
                    ~sa.exists().where(blob_uses.c.sha256 == blobs.c.sha256),
                )
                .returning(blobs.c.key)
            )
            return list((await connection.execute(query)).scalars())

    async def known(self, keys: Collection[str]) -> set[str]:
        """Which of these keys are some blob's."""
        async with self._database.read() as connection:
            return set(
                (await connection.execute(sa.select(blobs.c.key).where(blobs.c.key.in_(keys)))).scalars()
            )
